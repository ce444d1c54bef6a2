"""The command line: `python -m resnet_lib data mnist`, `… train --depth 56`, `… runs degradation`, `… classify 3.png`.

A subcommand is one function: it adds its arguments and says what runs. Errors are one sentence and status 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a command imports what it needs when it runs
    from resnet_lib.runs import Study


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
        items, shape = f"{known.train + known.test:,} {known.items}", "×".join(map(str, known.shape))
        state = "here" if data.available(name, below) else f"{data.megabytes(known.download_bytes)} to fetch"
        print(f"  {name:14}{items:18}{shape:9}{state if known.files else 'always here':20}{known.licence}")


def runs_command(commands: argparse._SubParsersAction) -> None:
    """`runs`: what is in a recorded study or training; several trainings side by side; without a name, list them."""
    parser = commands.add_parser("runs", help="show, compare and draw recorded runs; without a name, list them",
                                 description="Show a recorded study or training, or several trainings side by side; "
                                             "without a name, list them.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a study or trainings, as the list names them")
    parser.add_argument("--folder", type=Path, help="where they lie (default: the book's)")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="draw the trainings' errors (.svg, .png, .pdf)")

    def run(options: argparse.Namespace) -> None:
        from resnet_lib import records, runs

        folder = options.folder or runs.FOLDER
        trainings = {path.stem: path for path in records.paths(folder)}
        studies = [path.stem for path in sorted(folder.glob("*.json")) if path.stem not in trainings]
        if not (studies or trainings):
            raise FileNotFoundError(f"There are no recorded runs in {folder}: restore it from the repository.")
        for name in options.names:
            if name not in (*studies, *trainings):
                raise ValueError(f"There is no recorded run {name!r}: choose one of "
                                 f"{', '.join((*studies, *trainings))}.")
        if len(options.names) == 1 and options.names[0] in studies and options.draw is None:
            print_contents(runs.load(options.names[0], folder))
            return
        if wrong := [name for name in options.names if name in studies]:
            raise ValueError(f"{wrong[0]} is a study: only trainings are compared and drawn.")
        chosen = [records.load(trainings[name]) for name in options.names or trainings]
        if options.draw is not None and not chosen:
            raise ValueError(f"There is no recorded training in {folder}.")
        if options.draw is not None:
            records.draw(chosen, options.draw)
            print(f"{options.draw}: {', '.join(record.record for record in chosen)}")
        elif len(options.names) == 1:
            print(records.described(chosen[0]))
        else:
            if not options.names:
                print(f"Recorded studies in {folder}:")
                for name in studies:
                    print()
                    print_facts(runs.load(name, folder))
                if chosen:
                    print(f"\nRecorded trainings in {folder}:\n")
            if chosen:
                print(records.table(chosen))

    parser.set_defaults(run=run)


def print_facts(study: Study) -> None:
    """Print a study's name and question, and what it took to record it."""
    from resnet_lib.runs import duration

    threads = study.environment["threads"]
    print(f"{study.study}: {study.question}")
    print(f"  {len(study.runs)} runs, {duration(study.seconds)} on {study.environment['processor']} "
          f"with {threads} thread{'s' * (threads != 1)}, {study.recorded}")
    print(f"  {study.command}")


def print_contents(study: Study) -> None:
    """Print a study's facts, each entry of its configurations with its values, its results and its environment."""
    print_facts(study)
    print("\nConfigurations")
    for key in dict.fromkeys(key for run in study.runs for key in run["configuration"]):
        print(f"  {key:24}{', '.join(map(str, study.values(key)))}")
    print("\nResults")
    for key in dict.fromkeys(key for run in study.runs for key in run["results"]):
        values = [run["results"][key] for run in study.runs if key in run["results"]]
        kind = "a list" if isinstance(values[0], list) else "one value"
        print(f"  {key:24}{kind} in {len(values)} of {len(study.runs)} runs")
    print("\nEnvironment")
    for key, value in study.environment.items():
        print(f"  {key:24}{value}")


def classify_command(commands: argparse._SubParsersAction) -> None:
    """`classify`: which digit is written in a picture."""
    parser = commands.add_parser("classify", help="say which digit is written in a picture",
                                 description="Say which digit is written in a picture: one digit on plain paper, in "
                                             "shades of grey. Nothing in a picture or in weights is executed.")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a file: PNG, JPEG, …")
    parser.add_argument("--weights", type=Path, metavar="FILE",
                        help="a network that resnet_lib.weights.save wrote (default: the book's, trained on MNIST)")
    parser.add_argument("--top", type=int, choices=range(1, 11), default=3, metavar="N",
                        help="how many answers are shown, 1 to 10 (default: 3)")

    def run(options: argparse.Namespace) -> int:
        from resnet_lib import pictures, weights

        trained = weights.load(options.weights or weights.MNIST)
        failed = 0
        for path in options.images:
            try:
                answers = pictures.classify(pictures.read(path), trained)
            except (OSError, ValueError) as error:
                print(error, file=sys.stderr)
                failed = 1
            else:
                print(f"{path}: " + ", ".join(f"{name} ({100 * share:.1f} %)" for name, share in answers[:options.top]))
        return failed

    parser.set_defaults(run=run)


def train_command(commands: argparse._SubParsersAction, given: list[str]) -> None:
    """`train`: a whole training from a recipe, through kills and restarts, by one process or many."""
    from resnet_lib import recipes

    parser = commands.add_parser(
        "train", help="train a network from a recipe and record it", usage="%(prog)s [options]",
        description="Train a network from a recipe. Killed and started again with the same command, it goes on from "
                    "the last epoch. Under torchrun the processes share the work.", allow_abbrev=False)
    parser.add_argument("--data", default="cifar10", metavar="NAME", help="data set (default: cifar10)")
    parser.add_argument("--network", choices=("plain", "residual"), default="residual",
                        help="kind of network (default: residual)")
    parser.add_argument("--depth", type=int, default=20, metavar="LAYERS", help="6n+2 layers (default: 20)")
    parser.add_argument("--width", type=int, metavar="CHANNELS", help="channels of the first stage (default: 16)")
    parser.add_argument("--shortcut", choices=("A", "B", "C"), help="shortcuts of He et al. 2015 (default: A)")
    parser.add_argument("--pre-activation", action="store_true", default=None, help="blocks of He et al. 2016")
    parser.add_argument("--no-normalisation", dest="normalisation", action="store_false", default=None,
                        help="leave batch normalisation out")
    parser.add_argument("--seed", type=int, default=1, help="of weights, order and augmentation (default: 1)")
    parser.add_argument("--recipe", choices=tuple(recipes.RECIPES), default="quick", help="(default: quick)")
    where = parser.add_argument_group("where")
    where.add_argument("--record", type=Path, metavar="FOLDER", help="write the record there when all is done")
    where.add_argument("--weights", action="store_true", help="and the weights in half precision beside it")
    where.add_argument("--checkpoints", type=Path, default=Path("checkpoints"), metavar="FOLDER",
                       help="where it stands after each epoch (default: checkpoints)")
    where.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write event files for TensorBoard")
    where.add_argument("--device", choices=("cpu", "cuda"), help="(default: cuda where there is one)")
    where.add_argument("--threads", type=int, metavar="N", help="threads a process on the CPU (default: PyTorch's)")
    changes = parser.add_argument_group("fields of the recipe", "Any of them can be given another value.")
    for entry in dataclasses.fields(recipes.Recipe):
        says: recipes.Says = entry.metadata["says"]
        values = {name: getattr(make(56), entry.name) for name, make in recipes.RECIPES.items()}
        defaults = ", ".join(f"{name} {'-' if value is None else value}" for name, value in values.items())
        text = f"{says.meaning}{f', in {says.unit}' * bool(says.unit)} ({defaults})".replace("%", "%%")
        options: dict[str, Any] = {"default": None, "help": text, "dest": f"recipe_{entry.name}"}
        if isinstance(entry.default, bool):
            options["action"] = argparse.BooleanOptionalAction
        elif says.choices:
            options |= {"choices": says.choices}
        else:
            whole = entry.default is None or isinstance(entry.default, int)
            options |= {"type": int if whole else float, "metavar": "N" if whole else "X"}
        changes.add_argument("--" + entry.name.replace("_", "-"), **options)

    def run(options: argparse.Namespace) -> int:
        import torch

        from resnet_lib import data, train

        data.look_up(options.data)
        changed = {key.removeprefix("recipe_"): value for key, value in vars(options).items()
                   if key.startswith("recipe_") and value is not None}
        plain_recipe = recipes.choose(options.recipe, depth=options.depth, data=options.data)
        recipe = recipes.choose(options.recipe, depth=options.depth, data=options.data, **changed)
        network = {key: getattr(options, key) for key in ("width", "shortcut", "pre_activation", "normalisation")
                   if getattr(options, key) is not None}
        if options.network == "plain" and {"shortcut", "pre_activation"} & network.keys():
            raise ValueError("A plain network has no shortcuts and no blocks of He et al. 2016: leave --shortcut and "
                             "--pre-activation out, or give --network residual.")
        for name, least in (("threads", 1), ("seed", 0)):
            if getattr(options, name) is not None and getattr(options, name) < least:
                raise ValueError(f"{name} is at least {least}; not {getattr(options, name)}.")
        device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError("PyTorch finds no CUDA device here: leave --device out.")
        configuration = train.Configuration(
            options.data, options.network, options.depth, options.recipe, recipe, options.seed, network,
            tuple(key for key in changed if getattr(recipe, key) != getattr(plain_recipe, key)))
        try:
            train.train(configuration, checkpoint_folder=options.checkpoints, record_folder=options.record,
                        keep_weights=options.weights, tensorboard=options.tensorboard, device=device,
                        threads=options.threads, command=command_line(given))
        except train.Stopped as stopped:
            print(stopped, file=sys.stderr)
            return 128 + stopped.signal
        except RuntimeError as error:
            if not isinstance(error, train.EXPECTED):
                raise
            print(error, file=sys.stderr)
            return 1
        return 0

    parser.set_defaults(run=run)


def command_line(given: list[str]) -> str:
    """The command with the arguments as they were given, with torchrun's part where that started it."""
    processes = int(os.environ.get("WORLD_SIZE", 1))
    start = f"torchrun --nproc-per-node {processes}" if processes > 1 else "python"
    return shlex.join([*start.split(), "-m", "resnet_lib", *given])


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m resnet_lib", description="Residual Networks, Measured.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    data_command(commands)
    runs_command(commands)
    classify_command(commands)
    train_command(commands, sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        print("Interrupted: run the same command again to go on.", file=sys.stderr)
        return 130
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
