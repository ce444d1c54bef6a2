"""Records of whole trainings, as `python -m resnet_lib train --record FOLDER` writes them: one JSON file each."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resnet_lib import files, runs

HISTORY = ("step", "train_loss", "train_error", "test_loss", "test_error", "images_per_second", "seconds")
MEASURED = ("step", "train_loss", "train_error", "test_loss", "test_error")  # equal for equal trainings


@dataclass(frozen=True)
class Record:
    """A training from its first step to its last.

    `configuration`: every setting. `environment`: one entry a start, with the step at which it began, versions,
    processor and state of the repository. `history`: a list a figure with one number an epoch; losses in nats, errors
    in per cent, training figures over the epoch's augmented batches. `gradient_flow`: by step, the entries of
    `gradients.Flow`. `responses`: the standard deviation of each 3×3 layer's response on test images after the last
    step (He et al. 2015, figure 7).
    """

    record: str
    command: str
    recorded: str
    configuration: dict[str, Any]
    environment: list[dict[str, Any]]
    history: dict[str, list[float]]
    gradient_flow: dict[str, dict[str, Any]]
    responses: list[float]

    @property
    def test_error(self) -> float:
        """Test error in per cent after the last step: the last one, not the best."""
        return self.history["test_error"][-1]

    @property
    def train_error(self) -> float:
        """Training error in per cent over the last epoch's augmented batches."""
        return self.history["train_error"][-1]

    @property
    def seconds(self) -> float:
        """How long it took by the clock, in seconds."""
        return sum(self.history["seconds"])

    @property
    def measured(self) -> dict[str, list[float]]:
        """The part of the history that the same training has on every run: all but the times."""
        return {key: self.history[key] for key in MEASURED}

    def hardware(self) -> str:
        """On what it ran: device and number of processes and threads, of the last start."""
        last = self.environment[-1]
        processes, threads = last["processes"], last["threads"]
        return (f"{last['device']}, {processes} process{'es' * (processes != 1)} with "
                f"{threads} thread{'s' * (threads != 1)}")

    def _repr_html_(self) -> str:
        parts = [self.record, self.recorded, self.hardware(), runs.duration(self.seconds),
                 f"PyTorch {self.environment[-1]['torch']}"]
        text = " · ".join(html.escape(part) for part in parts)
        return (f'<div class="recorded-strip"><strong>recorded</strong> {text} · '
                f"<code>{html.escape(self.command)}</code></div>")


def load(path: Path, configuration: dict[str, Any] | None = None) -> Record:
    """Read a record; raises ValueError, in one sentence, where it is damaged or has not this `configuration`."""
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
        lengths = {len(record.history[key]) for key in HISTORY}
        if len(lengths) != 1 or not all(record.history.values()) or not record.environment:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a readable record of a training ({type(error).__name__}); restore it, or "
                         "delete it and train again.") from None
    if configuration is not None and record.configuration != configuration:
        raise ValueError(f"{path} is the record of a training with other settings: give another folder with --record.")
    return record


def is_record(path: Path) -> bool:
    """Whether a file begins as records do; a recorded study does not."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return '"record"' in file.read(12)


def paths(folder: Path = runs.FOLDER) -> list[Path]:
    """The files of all records in a folder, sorted by name."""
    return [path for path in sorted(folder.glob("*.json")) if is_record(path)]


def found(folder: Path = runs.FOLDER, **settings: Any) -> list[Record]:
    """All records in a folder whose configuration has these settings, sorted by name."""
    read = [load(path) for path in paths(folder)]
    return [record for record in read
            if all(record.configuration.get(key) == value for key, value in settings.items())]


def write(path: Path, record: Record) -> None:
    """Write a record, a list a line, so that the file never exists half-written."""
    entries = [f'"{key}": {_lines(value)}' for key, value in asdict(record).items()]
    advice = "make room there and give the same command again; nothing has to be trained again"
    with files.written_whole(path, "The record", advice) as file:
        file.write(("{" + ",\n".join(entries) + "}\n").encode())


def _lines(value: Any) -> str:
    """JSON with one entry of a dictionary a line."""
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    entries = [f"{json.dumps(key)}: {json.dumps(item, ensure_ascii=False)}" for key, item in value.items()]
    return "{\n " + ",\n ".join(entries) + "}"


def table(chosen: Iterable[Record]) -> str:
    """One line a record: name, epochs, last training and test error, time and hardware."""
    chosen = list(chosen)
    width = max(len(record.record) for record in chosen)
    lines = [f"  {'':{width}}  epochs  train error  test error  {'time':>12}  hardware"]
    for record in chosen:
        lines.append(f"  {record.record:{width}}  {len(record.history['step']):6}  {record.train_error:9.2f} %  "
                     f"{record.test_error:8.2f} %  {runs.duration(record.seconds):>12}  {record.hardware()}")
    return "\n".join(lines)


def described(record: Record) -> str:
    """A record's command, settings, starts and history as text."""
    settings = [f"  {key:18}{value}" for key, value in record.configuration.items() if value is not None]
    starts = [f"  step {start['step']:<8,} {start['device']}, processes {start['processes']}, threads "
              f"{start['threads']}, PyTorch {start['torch']}, commit {start['commit']}" for start in record.environment]
    history = [f"  {number:5}  {loss:10.4f}  {error:9.2f} %  {test_loss:9.4f}  {test_error:8.2f} %  {speed:8,.0f}"
               for number, (loss, error, test_loss, test_error, speed) in enumerate(zip(
                   *(record.history[key] for key in ("train_loss", "train_error", "test_loss", "test_error",
                                                     "images_per_second"))), 1)]
    return "\n".join([f"{record.record}: test error {record.test_error:.2f} % after {runs.duration(record.seconds)}, "
                      f"{record.recorded}", f"  {record.command}", "", "Settings", *settings, "", "Starts", *starts, "",
                      "  epoch  train loss  train error  test loss  test error  images/s", *history])


def draw(chosen: Iterable[Record], path: Path) -> None:
    """Write a picture of the records' training (thin) and test errors (thick) in per cent against the epoch.

    The format follows the file's name: .svg, .png or .pdf.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for index, record in enumerate(chosen):
        epochs = range(1, len(record.history["step"]) + 1)
        axes.plot(epochs, record.history["train_error"], color=f"C{index % 10}", linewidth=0.8)
        axes.plot(epochs, record.history["test_error"], color=f"C{index % 10}", linewidth=2, label=record.record)
    axes.set(xlabel="epoch", ylabel="error in %; thin: training, thick: test", ylim=(0, None))
    axes.legend(frameon=False, fontsize="small")
    try:
        figure.savefig(path)
    except ValueError:
        raise ValueError(f"A picture {path} cannot be written: its name has to end with .svg, .png or .pdf.") from None
