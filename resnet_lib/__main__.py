"""The command line: `python -m resnet_lib data mnist`.

A subcommand is one function: it adds its arguments and says what runs. Errors are one sentence and status 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def data_command(commands: argparse._SubParsersAction) -> None:
    """`data`: fetch data sets by name; without a name, list them."""
    parser = commands.add_parser("data", help="fetch data sets; without a name, list them",
                                 description="Fetch data sets by name; without a name, list them.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="mnist, fashion_mnist or cifar10")
    parser.add_argument("--folder", type=Path, help="where they lie (RESNET_DATA, else the cache folder)")

    def run(options: argparse.Namespace) -> None:
        from resnet_lib import data

        below = (options.folder or data.folder()).expanduser()
        if not options.names:
            list_data_sets(below)
            return
        for name in options.names:
            data.look_up(name)  # a wrong name is found before anything is fetched
        for name in options.names:
            data.download(name, below)
        if below != data.folder():
            print(f"Set RESNET_DATA={below.resolve()} where you read the book.")

    parser.set_defaults(run=run)


def list_data_sets(below: Path) -> None:
    """Print each data set with its size and licence, and whether it is in the folder `below`."""
    from resnet_lib import data

    print(f"Data sets, and whether they are in {below}:")
    for name, known in data.KNOWN.items():
        images, shape = f"{known.train + known.test:,} images", "×".join(map(str, known.shape))
        state = "here" if data.available(name, below) else f"{data.megabytes(known.download_bytes)} to fetch"
        print(f"  {name:14}{images:15}{shape:9}{state if known.files else 'always here':20}{known.licence}")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m resnet_lib", description="Residual Networks, Measured.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    data_command(commands)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("Interrupted: run the same command again to go on.", file=sys.stderr)
        return 130
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
