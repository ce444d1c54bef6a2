"""A live laboratory: choose a network, train it, watch loss and gradients, stop at any time, compare runs.

It needs a kernel. On a page without one its cell shows the runs that it has executed, and how to open it live.
"""

from __future__ import annotations

import asyncio
import html
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, ClassVar

import ipywidgets
import numpy
from IPython.display import HTML
from matplotlib.axes import Axes

from resnet_lib import data, gradients, networks, plots, training
from resnet_lib.claims import number

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
LARGEST = 6  # runs that one picture can show
BATCH = 64  # images in a batch; the first so many show the gradients
PAUSE = 0.5  # seconds between two drawings, which take about a third of that
STYLE = """<style>
.laboratory { color: var(--ink, inherit); font-size: 1rem; line-height: 1.5; font-variant-numeric: tabular-nums; }
.laboratory .scroll { overflow-x: auto; }
.laboratory table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-size: .875rem; line-height: 1.4;
  border: 0; border-top: 2px solid; border-bottom: 2px solid; }
.laboratory table :is(th, td) { text-align: right; font-weight: 400; padding: .25rem 0 .25rem .75rem; border: 0;
  border-top: 1px solid var(--line, #8886); background: none; vertical-align: top; white-space: nowrap; }
.laboratory table :is(th, td):first-child { text-align: left; padding-left: 0; white-space: normal; min-width: 9rem; }
.laboratory table thead th { border-top: 0; vertical-align: bottom; white-space: normal; }
.laboratory table .now * { font-weight: 600; }
.laboratory .conclusion { border-left: 5px solid; padding: 0 0 0 .9rem; margin: .5rem 0; max-width: 40rem; }
</style>"""
NO_KERNEL = ("<strong>Live laboratory</strong> · needs a kernel: <code>make lab</code> in a copy of the book, or this "
             "page's notebook, by the buttons at the top of the page · below: finished runs")


@dataclass(eq=False)
class Run:
    """One training: its settings, its history, and ‖∂L/∂x‖ by layer before the first step and after each epoch."""

    number: int
    depth: int
    skip: bool
    normalisation: bool
    learning_rate: float
    epochs: int
    history: training.History
    layers: list[int] = field(default_factory=list)
    gradients: list[list[float]] = field(default_factory=list)
    batches: int = 0
    state: str = "training"  # then "finished", "stopped", "diverged" or "failed"
    message: str = ""
    wanted: bool = True

    @property
    def kind(self) -> str:
        return "residual" if self.skip else "plain"

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.depth}{'' if self.normalisation else ' without batch norm'}, " \
               f"rate {self.learning_rate:g}"

    @property
    def loss(self) -> float:
        """Training loss of the last whole epoch; NaN before it is over."""
        return self.history.train_loss[-1] if self.history.train_loss else math.nan

    def relative(self, moment: int) -> list[float]:
        """The gradient of each layer over that of the last block, NaN where there is no such number.

        `moment`: 0 is before training, -1 the latest.
        """
        norms = self.gradients[moment]
        return [norm / norms[-1] if 0 < norm < math.inf and 0 < norms[-1] < math.inf else math.nan for norm in norms]


class Laboratory:
    """Networks of 6n+2 layers, trained on `dataset` by the reader: controls, a sentence, a table and a picture.

    `depths`: what there is to choose from. `epochs` and `seed` are those of every run; its history is the one that
    `training.fit` gives for a network with this seed. `runs` holds the last six. A run takes turns with all else that
    the kernel does. One is trained at a time in a kernel: a new one, or a new laboratory, stops it.

    Raises ValueError for depths other than 6n+2 and for epochs below 1.
    """

    going: ClassVar[Run | None] = None  # the run that is being trained in this kernel

    def __init__(self, dataset: data.Dataset, depths: Sequence[int] = (8, 14, 20, 32, 56), epochs: int = 8,
                 seed: int = 1) -> None:
        if not depths or epochs < 1:
            raise ValueError(f"A laboratory needs a depth to choose and at least one epoch, not {depths} and {epochs}.")
        for depth in depths:
            networks.plain(depth, width=1, seed=seed)  # raises ValueError for a depth that there is not
        Laboratory.stop()
        self.dataset, self.epochs, self.seed = dataset, epochs, seed
        self.runs: list[Run] = []
        self.count, self.drawn, self.seen = 0, -math.inf, ""
        try:
            self.loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:  # no kernel
            self.loop = None
        # No Dropdown: JupyterLab takes the arrow keys and digits that it is pressed with.
        self.depth = ipywidgets.ToggleButtons(options=[(str(depth), depth) for depth in depths], description="Layers",
                                              style={"button_width": "3.2rem"}, layout={"width": "max-content"})
        self.skip = ipywidgets.ToggleButtons(options=[("plain", False), ("residual", True)], description="Kind",
                                             style={"button_width": "5.5rem"}, layout={"width": "max-content"})
        self.normalisation = ipywidgets.Checkbox(value=True, description="batch norm", indent=False,
                                                 layout={"width": "max-content"})
        self.learning_rate = ipywidgets.SelectionSlider(
            options=[(f"{rate:g}", rate) for rate in RATES], value=0.03, description="Rate",
            style={"description_width": "initial"})
        self.train_button, self.stop_button, self.forget_button = (
            self.button(*described) for described in (
                ("Train", "Train the chosen network", self.start), ("Stop", "Stop the training", Laboratory.stop),
                ("Forget", "Forget all runs but the last", self.forget)))
        self.report, self.picture = ipywidgets.HTML(), ipywidgets.HTML()
        rows = ([self.depth, self.skip, self.normalisation, self.learning_rate],
                [self.train_button, self.stop_button, self.forget_button])
        wrapped = {"flex_flow": "row wrap", "align_items": "flex-end", "grid_gap": ".25rem 1.5rem"}
        self.widget = ipywidgets.VBox([*(ipywidgets.Box(row, layout=wrapped) for row in rows), self.report,
                                       self.picture])
        self.show()

    def button(self, name: str, meaning: str, press: Callable[[], None]) -> ipywidgets.Button:
        """A button whose press is dealt with in the thread of the cells, whichever thread receives it."""
        button = ipywidgets.Button(description=name, tooltip=meaning)
        button.on_click(lambda _: self.loop.call_soon_threadsafe(press) if self.loop else press())
        return button

    # Training ---------------------------------------------------------------------------------------------------

    def train(self, depth: int, *, skip: bool, normalisation: bool = True, learning_rate: float = 0.03) -> Laboratory:
        """Train one network at once and to its end; afterwards the controls stand at its settings.

        Raises ValueError for settings that no network and no training can have.
        """
        if not learning_rate > 0:
            raise ValueError(f"The learning rate is above 0, not {learning_rate}.")
        for _ in self.steps(depth, skip, normalisation, learning_rate):
            pass
        for control, value in ((self.depth, depth), (self.learning_rate, learning_rate), (self.skip, skip)):
            if value in dict(control.options).values():
                control.value = value
        self.normalisation.value = normalisation
        return self

    def start(self) -> None:
        """Train what the controls say, in turns with the kernel's other work."""
        if Laboratory.going in self.runs:  # a double click
            return
        steps = self.steps(self.depth.value, self.skip.value, self.normalisation.value, self.learning_rate.value)
        next(steps, None)

        async def go_on() -> None:
            for _ in steps:
                if time.monotonic() > self.drawn + PAUSE:
                    self.show()
                await asyncio.sleep(0.001)  # a press of Stop, a choice or a cell has its turn

        if self.loop is None:
            asyncio.run(go_on())
        else:
            self.task = self.loop.create_task(go_on())

    @staticmethod
    def stop() -> None:
        """Let the run that is being trained in this kernel end with its present batch."""
        if Laboratory.going is not None:
            Laboratory.going.wanted = False

    def forget(self) -> None:
        """Forget all runs but the last."""
        self.runs = self.runs[-1:]
        self.show()

    def steps(self, depth: int, skip: bool, normalisation: bool, learning_rate: float) -> Iterator[None]:
        """One run, batch by batch."""
        network = (networks.residual if skip else networks.plain)(
            depth, in_channels=self.dataset.train_images.shape[1], classes=len(self.dataset.classes),
            normalisation=normalisation, seed=self.seed)
        Laboratory.stop()
        self.count += 1
        run = Run(self.count, depth, skip, normalisation, learning_rate, self.epochs,
                  training.History(self.seed, learning_rate, BATCH, threads=1))
        self.runs = [*self.runs, run][-LARGEST:]
        Laboratory.going = run
        try:
            self.measure(run, network)
            for run.history in training.batches(network, self.dataset, epochs=self.epochs, batch_size=BATCH,
                                                learning_rate=learning_rate, seed=self.seed):
                run.batches += 1
                if len(run.history.train_loss) == len(run.gradients):
                    self.measure(run, network)
                if len(run.history.train_loss) == self.epochs:
                    run.state = "finished"
                yield
                if not run.wanted:
                    break
        except training.TrainingDiverged as error:
            run.state, run.message = "diverged", str(error)
        except Exception as error:
            run.state, run.message = "failed", f"{type(error).__name__}: {error}"
            raise
        finally:
            if run.state == "training":
                run.state = "stopped"
            if Laboratory.going is run:
                Laboratory.going = None
            self.show()

    def measure(self, run: Run, network: networks.Network) -> None:
        """Add the present gradients to a run."""
        with training.use_threads(1):
            flow = gradients.flow(network, self.dataset.train_images[:BATCH], self.dataset.train_labels[:BATCH])
        run.layers = flow.layers
        run.gradients.append(flow.gradient)

    # What is seen -----------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Bring buttons, sentence, table and, where a run has come further, the picture up to date."""
        training_here = Laboratory.going in self.runs
        self.train_button.disabled, self.stop_button.disabled = training_here, not training_here
        self.forget_button.disabled = len(self.runs) < 2
        self.report.value = f'{STYLE}<div class="laboratory">{self.sentence()}{self.table()}</div>'
        seen = " ".join(f"{run.number}:{len(run.gradients)}" for run in self.runs)
        if seen != self.seen:
            self.picture.value = self.figure(scroll=True).data
        self.seen, self.drawn = seen, time.monotonic()

    def sentence(self) -> str:
        """What has happened to the last run, in words."""
        return f'<div class="conclusion" role="status">{html.escape(self.words())}</div>'

    def words(self) -> str:
        if not self.runs:
            return "Choose a network, predict what it will do, and press Train."
        run, done = self.runs[-1], len(self.runs[-1].history.train_loss)
        said = f"Run {run.number} ({run.name}) "
        if run.state == "training":
            each = -(-len(self.dataset.train_images) // BATCH)
            epoch, batch = divmod(max(run.batches, 1) - 1, each)
            return f"{said}is in epoch {epoch + 1} of {run.epochs}, batch {batch + 1} of {each}."
        if run.state in ("diverged", "failed"):
            return said + f"has {run.state}. {run.message}"
        said += ("has finished" if run.state == "finished" else
                 f"was stopped after {done} of {run.epochs} epochs" if done else "was stopped in its first epoch") + "."
        others = [other for other in self.runs[:-1] if len(other.history.train_loss) == done and other.loss > 0]
        if others and run.loss > 0:
            best = min(others, key=lambda other: other.loss)
            ratio = run.loss / best.loss
            said += (f" After as many epochs its training loss is {number(ratio)} times that of run {best.number}."
                     if ratio >= 1 else
                     f" After as many epochs run {best.number} has {number(1 / ratio)} times its training loss.")
        before, now = run.relative(0)[0], run.relative(-1)[0]
        if done and math.isfinite(before) and math.isfinite(now):
            said += (f" Before training the gradient at its first block was {number(before)} times that at its last; "
                     f"now it is {number(now)} times.")
        return said

    def table(self) -> str:
        """All runs as a table."""
        def row(run: Run) -> str:
            error = f"{run.history.test_error[-1]:.1f} %" if run.history.test_error else "–"
            ratios = [readable(run.relative(moment)[0]) for moment in (0, -1)[:len(run.gradients)]]
            cells = (f"{len(run.history.train_loss)} of {run.epochs}", readable(run.loss), error, " → ".join(ratios),
                     run.state)
            now = ' class="now"' if run is self.runs[-1] else ""
            return (f'<tr{now}><th scope="row">{run.number}: {html.escape(run.name)}</th>'
                    + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")

        if not self.runs:
            return ""
        columns = ("run", "epochs", "training loss", "test error", "gradient, first block over last: before → now",
                   "state")
        head = "".join(f'<th scope="col">{column}</th>' for column in columns)
        return (f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
                f'<tbody>{"".join(map(row, self.runs))}</tbody></table></div>')

    def figure(self, scroll: bool = False) -> HTML:
        """Training loss by epoch and gradient by layer of all runs."""
        if not self.runs:
            return HTML("")
        listed = "; ".join(f"run {run.number}, {run.name}: loss {readable(run.loss)}, gradient of the first block over "
                           f"that of the last {readable(run.relative(-1)[0])}" for run in self.runs if run.gradients)
        caption = (f"The number at a line is its run; thick: run {self.runs[-1].number}, dotted: before its training. "
                   f"{'' if all(run.normalisation for run in self.runs) else 'Dashed: without batch norm. '}"
                   f"{len(self.dataset.train_images):,} images of {self.dataset.name}, seed {self.seed}.")
        return plots.figure(self.draw, columns=2, size=(6.8, 3.6), scroll=scroll, caption=caption,
                            alt=f"Training loss by epoch, and gradient by layer. {listed}.")

    def draw(self, axes: Sequence[Axes], theme: plots.Theme) -> None:
        """The two panels of the picture."""
        loss, flow = axes
        ends: dict[Axes, list[tuple[Run, float, float]]] = {loss: [], flow: []}
        for run in self.runs:
            now = run is self.runs[-1]
            style: dict[str, Any] = {"dashed": not run.normalisation, "width": 2.5 if now else 1.2}
            losses = run.history.train_loss
            if losses:
                plots.line(loss, theme, range(1, len(losses) + 1), losses, run.kind, marker=True, **style)
                ends[loss].append((run, len(losses), losses[-1]))
            if run.gradients:
                norms = run.relative(-1)
                plots.line(flow, theme, run.layers, norms, run.kind, **style)
                ends[flow].append((run, 1, norms[0]))
                if now and losses:
                    flow.plot(run.layers, run.relative(0), ":", color=theme.colour(run.kind), linewidth=1.5)
        deepest = max(run.depth for run in self.runs)
        for panel in axes:
            plots.log_axis(panel)
            if not ends[panel]:
                panel.set_ylim(0.01, 3)
            panel.margins(y=0.1)
            label(panel, theme, ends[panel], right=panel is loss)
        loss.set(title="Training loss", xlabel="epoch", xlim=(0.7, self.epochs + 0.9),
                 xticks=numpy.unique(numpy.linspace(1, self.epochs, min(self.epochs, 8)).round()))
        flow.set(title="‖∂L/∂x‖ over the last block's", xlabel="layer", xlim=(-0.12 * deepest, deepest),
                 xticks=numpy.unique(numpy.linspace(1, deepest - 1, 4).round()))

    # Without a kernel -------------------------------------------------------------------------------------------

    def static(self) -> str:
        """The finished runs as HTML, for a page without a kernel."""
        return (f'{STYLE}<div class="laboratory"><div class="recorded-strip">{NO_KERNEL}</div>{self.figure().data}'
                f"{self.table()}{self.sentence()}</div>")

    def __repr__(self) -> str:
        return f"laboratory with {len(self.runs)} runs: {self.words()}"

    def _repr_mimebundle_(self, **options: Any) -> dict:
        return {**self.widget._repr_mimebundle_(**options), "text/html": self.static(), "text/plain": repr(self)}


def label(axes: Axes, theme: plots.Theme, ends: list[tuple[Run, float, float]], right: bool) -> None:
    """Each run's number beside the end of its line; numbers that would cover each other move apart."""
    low, high = map(math.log, axes.get_ylim())
    ends = sorted((end for end in ends if math.isfinite(end[2])), key=lambda end: end[2])
    places = [180 * (math.log(y) - low) / (high - low) - 12 * index for index, (_, _, y) in enumerate(ends)]  # points
    levels = list(accumulate(places, max))  # equal where numbers push each other up
    for (run, x, y), place, level in zip(ends, places, levels):
        block = [moved - wanted for moved, wanted in zip(levels, places) if moved == level]
        plots.name(axes, theme, str(run.number), x, y, run.kind, right=right,
                   above=level - place - statistics.mean(block))


def readable(value: float) -> str:
    """A number for a reader, or a dash."""
    return number(value) if math.isfinite(value) else "–"
