"""py-spy looks 200 times a second at what a training is doing: how often each stack of functions was seen.

py-spy is not among the book's packages (`pip install py-spy`); on some systems it needs administrator's rights.
Frames of the import system and PyTorch's wrappers of a module's call are left out, for every stack is full of them.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from resnet_lib import runs

PROGRAM = """
from resnet_lib import data, networks, training
digits = data.load("digits")
network = networks.residual({depth}, in_channels=1, classes=10, seed=1)
training.fit(network, digits, epochs={epochs}, progress=False)
"""
LEFT_OUT = re.compile(r"_call_impl|wrapper|_use_grad|no_grad|_find_and_load|_load_unlocked|exec_module"
                      r"|_call_with_frames_removed|_handle_fromlist|<genexpr>")


def measure(depth: int, epochs: int, rate: int) -> dict:
    if shutil.which("py-spy") is None:
        raise SystemExit("This recording needs py-spy: pip install py-spy.")
    with tempfile.TemporaryDirectory() as folder:
        script, output = Path(folder) / "program.py", Path(folder) / "stacks.txt"
        script.write_text(PROGRAM.format(depth=depth, epochs=epochs))
        subprocess.run(["py-spy", "record", "--function", "--rate", str(rate), "--format", "raw", "--output", output,
                        "--", sys.executable, script], check=True)
        lines = output.read_text().splitlines()
    stacks: Counter = Counter()
    for line in lines:
        stack, count = line.rsplit(" ", 1)
        names = [frame.split(" (")[0] for frame in stack.split(";")]
        names = [name for name in names if not LEFT_OUT.search(name)]
        if "fit" in names:
            stacks[";".join(names[names.index("fit"):])] += int(count)
        else:
            stacks["imports and data"] += int(count)
    return {"stacks": dict(stacks.most_common())}


if __name__ == "__main__":
    runs.record("flame_graph", "What is a training doing, and how often?",
                [{"depth": 8, "epochs": 24, "rate": 200}], measure)
