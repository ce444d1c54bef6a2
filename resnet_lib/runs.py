"""Recorded runs: studies too long for a page, written by a script anybody can repeat and read by the chapters.

`book/runs/NAME.py` writes `book/runs/NAME.json`: the question, the command, the environment and one entry a run with
its configuration and its results. Recording is resumable: a run that is already in the file is not repeated.
"""

from __future__ import annotations

import html
import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch

INSTALLED = Path(__file__).resolve().parent / "recorded"  # where an installed package holds them
FOLDER = INSTALLED if INSTALLED.is_dir() else INSTALLED.parent.parent / "book" / "runs"


@dataclass(frozen=True)
class Study:
    """A recorded study: `runs` is a list of {"configuration": {…}, "results": {…}, "seconds": …}."""

    study: str
    question: str
    command: str
    recorded: str
    environment: dict
    runs: list[dict]

    @property
    def seconds(self) -> float:
        """Seconds that all runs took together, one after another."""
        return sum(run["seconds"] for run in self.runs)

    def select(self, **configuration: Any) -> list[dict]:
        """The results of every run whose configuration has these values, in recorded order.

        Raises KeyError when there is none: a page must not draw an empty figure.
        """
        chosen = [run["results"] for run in self.runs
                  if all(run["configuration"].get(key) == value for key, value in configuration.items())]
        if not chosen:
            raise KeyError(f"The study {self.study!r} has no run with {configuration}.")
        return chosen

    def values(self, key: str) -> list:
        """The different values of a configuration entry, sorted."""
        return sorted({run["configuration"][key] for run in self.runs if key in run["configuration"]})

    def _repr_html_(self) -> str:
        parts = [f"{len(self.runs)} runs", self.recorded, self.environment["processor"],
                 f"{self.environment['threads']} thread", duration(self.seconds),
                 f"PyTorch {self.environment['torch']}"]
        text = " · ".join(html.escape(part) for part in parts)
        return (f'<div class="recorded-strip"><strong>recorded</strong> {text} · '
                f"<code>{html.escape(self.command)}</code></div>")

    def __repr__(self) -> str:
        return f"recorded study {self.study!r}: {len(self.runs)} runs of {self.recorded}, {self.command}"


def load(name: str, folder: Path = FOLDER) -> Study:
    """Read a recorded study. Raises FileNotFoundError or ValueError in one sentence that says what to do."""
    path = Path(folder) / f"{name}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Study(content["study"], content["question"], content["command"], content["recorded"],
                     content["environment"], content["runs"])
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no recorded study {name!r} in {folder}; "
                                f"`python book/runs/{name}.py` records it.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a readable recorded study ({type(error).__name__}); restore it from the "
                         f"repository, or delete it and record it again with `python book/runs/{name}.py`.") from None


def record(name: str, question: str, configurations: Iterable[dict], measure: Callable[..., dict],
           folder: Path = FOLDER) -> Study:
    """Run `measure(**configuration)` for each configuration not yet in the study and write its results.

    Runs whose configuration is no longer wanted are dropped. The file is replaced as a whole after each run, so that a
    stopped recording loses at most the run under way. Numbers are stored with five significant digits.
    """
    path, runs, wanted = Path(folder) / f"{name}.json", [], list(configurations)
    if path.exists():
        before = load(name, folder)
        runs = [run for run in before.runs if run["configuration"] in wanted]
        if len(runs) < len(before.runs):
            write(path, {**vars(before), "runs": runs})
    for number, configuration in enumerate(wanted, 1):
        if configuration not in [run["configuration"] for run in runs]:
            start = processor_seconds()
            results = rounded(measure(**configuration))
            seconds = rounded(processor_seconds() - start)
            runs.append({"configuration": configuration, "results": results, "seconds": seconds})
            write(path, {"study": name, "question": question, "command": f"python book/runs/{name}.py",
                         "recorded": date.today().isoformat(), "environment": environment(), "runs": runs})
            print(f"{number}/{len(wanted)}  {configuration}  {seconds:.0f} s", flush=True)
    return load(name, folder)


def processor_seconds() -> float:
    """Processor time of this process and of those that it has started and that have ended."""
    return sum(os.times()[:4])


def write(path: Path, content: dict) -> None:
    """Write a study, one run a line, so that the file never exists half-written."""
    runs = ",\n".join(json.dumps(run) for run in content["runs"])
    head = json.dumps({**content, "runs": []}, indent=1, ensure_ascii=False)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(head.replace('"runs": []', f'"runs": [\n{runs}\n]') + "\n", encoding="utf-8")
    os.replace(temporary, path)


def duration(seconds: float) -> str:
    """Seconds in words: "48 seconds", "12 minutes", "3.4 hours"."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def rounded(value: Any) -> Any:
    """`value` (a number, or lists and dicts of numbers) with five significant digits."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return value


def environment() -> dict:
    """What a result may depend on: versions, processor, threads and the state of the repository."""
    return {"python": platform.python_version(), "torch": str(torch.__version__), "processor": processor(),
            "system": platform.system(), "threads": torch.get_num_threads(), "commit": commit()}


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit() -> str:
    """The repository's commit, with a plus sign when tracked files other than the recorded studies differ from it.

    "unknown" outside a repository.
    """
    try:
        at, changes = (subprocess.run(["git", "-C", str(FOLDER), *question], capture_output=True, text=True,
                                      timeout=10, check=True).stdout.strip()
                       for question in (["rev-parse", "--short=10", "HEAD"],
                                        ["status", "--porcelain", "--untracked-files=no", ":/",
                                         ":(exclude,top)book/runs/*.json"]))
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return at + "+" * bool(changes)
