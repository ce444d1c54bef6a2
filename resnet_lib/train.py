"""A whole training as `python -m resnet_lib train` runs it: from a recipe to a record, through kills and restarts.

A step depends on nothing but the network, the optimiser and the step's number: the order of the images follows from
the seed and the epoch, their augmentation from the seed and the step. So a training that goes on from a checkpoint
takes the same steps as one that was never stopped.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from resnet_lib import checkpoints, data, gradients, networks, parallel, records, runs, training, weights
from resnet_lib.data import Dataset
from resnet_lib.recipes import SCHEDULES, Recipe

ORDER, AUGMENTATION, MIRRORED = 0, 1, 2  # what random numbers are for
FLOW_IMAGES, RESPONSE_IMAGES = 128, 1000
SHORT_OF_MEMORY = ("not enough memory", "out of memory", "allocate memory",
                   "could not create a primitive")  # oneDNN says no more than that
LOOK = 100  # steps between two looks at whether the loss is still a number


class OutOfMemory(RuntimeError):
    """A step needs more memory than there is; the message says which option to change."""


EXPECTED = (OutOfMemory, parallel.ProcessLost, training.TrainingDiverged)  # what one sentence explains


class Stopped(Exception):
    """The training was asked to stop, has finished its step and is saved; `signal` is the signal's number."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.signal = number


@dataclass(frozen=True)
class Configuration:
    """What is trained: a data set, a network, a seed and a recipe. The same on one machine gives the same numbers.

    `options`: further arguments of `networks.plain` or `networks.residual`. `changed`: the fields of the recipe that
    are not as it has them.
    """

    data: str
    network: str
    depth: int
    recipe_name: str
    recipe: Recipe
    seed: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    changed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its files: data set, network, depth, what differs, recipe and seed, with hyphens between."""
        options = [f"{key}={value}" for key, value in sorted(self.options.items())]
        changes = [f"{key}={getattr(self.recipe, key)}" for key in sorted(self.changed)]
        parts = [self.data, self.network, self.depth, *options, self.recipe_name, *changes, self.seed]
        return "-".join(map(str, parts))

    def flat(self) -> dict[str, Any]:
        """One entry a setting, as records and checkpoints hold them."""
        return {"data": self.data, "network": self.network, "depth": self.depth, **self.options, "seed": self.seed,
                "recipe": self.recipe_name, **asdict(self.recipe)}

    def build(self, dataset: Dataset) -> networks.Network:
        """The network for the data set's images and classes, with the seed's initial weights."""
        if self.network not in weights.BUILDERS:
            raise ValueError(f"There is no kind of network {self.network!r}; choose 'plain' or 'residual'.")
        return weights.BUILDERS[self.network](**self.arguments(dataset), seed=self.seed)

    def arguments(self, dataset: Dataset) -> dict[str, Any]:
        """The arguments of the function that builds the network, without the seed."""
        return {"depth": self.depth, "in_channels": dataset.train_images.shape[1], "classes": len(dataset.classes),
                **self.options}


def random_numbers(seed: int, use: int, number: int) -> torch.Generator:
    """A generator that depends on the seed, on what its numbers are for, and on the epoch or the step."""
    (state,) = numpy.random.SeedSequence([seed, use, number]).generate_state(1)
    return torch.Generator().manual_seed(int(state))


def minus_pixel_mean(dataset: Dataset) -> Dataset:
    """The data set with its images in [0, 1] minus the mean training image (He et al. 2015), instead of standardised.

    Its `mean` is that image, C×H×W, and its `std` is 1.
    """
    scale, mean = dataset.std[:, None, None], dataset.train_images.mean(0)
    return replace(dataset, train_images=(dataset.train_images - mean) * scale,
                   test_images=(dataset.test_images - mean) * scale,
                   mean=mean * scale + dataset.mean[:, None, None], std=torch.ones_like(mean))


class Progress:
    """Where a training stands: the network, the optimiser, the number of steps taken and what was measured so far."""

    def __init__(self, configuration: Configuration, dataset: Dataset, device: torch.device):
        recipe = configuration.recipe
        self.configuration, self.step = configuration, 0
        layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
        self.network = configuration.build(dataset).to(device).to(memory_format=layout)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=1.0, momentum=recipe.momentum,
                                         nesterov=recipe.nesterov, weight_decay=recipe.weight_decay)
        self.history: dict[str, list[float]] = {key: [] for key in records.HISTORY}
        self.flow: dict[str, dict[str, Any]] = {}
        self.sums = torch.zeros(2, dtype=torch.float64)  # of this process's losses and errors in the epoch so far
        self.seconds = 0.0  # of the epoch so far
        self.sessions: list[dict[str, Any]] = []

    def content(self) -> dict[str, Any]:
        """All of it as tensors, numbers and text, for a checkpoint."""
        return {"configuration": self.configuration.flat(), "step": self.step, "history": self.history,
                "flow": self.flow, "sums": self.sums.cpu(), "seconds": self.seconds, "sessions": self.sessions,
                "network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, content: dict[str, Any]) -> None:
        """Go back to where `content` was taken."""
        self.network.load_state_dict(content["network"])
        self.optimizer.load_state_dict(content["optimizer"])
        for key in ("step", "history", "flow", "sums", "seconds", "sessions"):
            setattr(self, key, content[key])


class Training:
    """One process's part in a training: takes the steps that are left and measures at the end of each epoch."""

    def __init__(self, configuration: Configuration, dataset: Dataset, group: parallel.Group, device: torch.device):
        recipe, count = configuration.recipe, len(dataset.train_images)
        self.recipe, self.seed, self.group, self.device = recipe, configuration.seed, group, device
        if recipe.batch_size > count:
            raise ValueError(f"{dataset.name} has {count:,} training images: batch_size is at most that.")
        last = count % recipe.batch_size or recipe.batch_size
        if min(last, recipe.batch_size // recipe.accumulation) < group.size:
            raise ValueError(f"A batch of {last} images (the last of an epoch) cannot be shared by {group.size} "
                             "processes: choose another batch_size.")
        self.per_epoch = -(-count // recipe.batch_size)
        self.total = recipe.steps or (recipe.epochs or 0) * self.per_epoch
        self.epochs = -(-self.total // self.per_epoch)
        if recipe.pixels == "per_pixel_mean":
            dataset = minus_pixel_mean(dataset)
        self.images = self.laid_out(dataset.train_images)
        self.labels = dataset.train_labels.to(device)
        self.dataset = replace(dataset, train_images=self.images)  # the images are in memory once
        self.first_mirrored = torch.rand(count, generator=random_numbers(self.seed, MIRRORED, 0)) < 0.5
        self.at = Progress(configuration, dataset, device)
        if recipe.synchronise and group.size > 1:
            parallel.synchronise(self.at.network)
        self.order: Tensor | None = None

    def laid_out(self, images: Tensor) -> Tensor:
        """Images on the device, in the layout that the recipe asks for."""
        layout = torch.channels_last if self.recipe.channels_last else torch.contiguous_format
        return images.to(self.device, memory_format=layout)

    def rate(self) -> float:
        """The learning rate of the next step."""
        if self.recipe.warm_up_rate and all(error >= 80 for error in self.at.history["train_error"]):
            return self.recipe.warm_up_rate
        return self.recipe.learning_rate * SCHEDULES[self.recipe.schedule](self.at.step / self.total)

    def batch(self) -> tuple[Tensor, Tensor, int]:
        """This process's images and labels of the next step, augmented, and how many all processes have together."""
        epoch, index = divmod(self.at.step, self.per_epoch)
        if self.order is None or index == 0:
            self.order = torch.randperm(len(self.images), generator=random_numbers(self.seed, ORDER, epoch))
        recipe, whole = self.recipe, self.order[index * self.recipe.batch_size:(index + 1) * self.recipe.batch_size]
        generator = random_numbers(self.seed, AUGMENTATION, self.at.step)
        corners = torch.randint(2 * recipe.crop_padding + 1, (len(whole), 2), generator=generator)
        mirrored = torch.rand(len(whole), generator=generator) < 0.5
        if recipe.flip == "alternating":
            mirrored = self.first_mirrored[whole] ^ bool(epoch % 2)
        share = self.group.share(whole).to(self.device)
        images = self.images[share]
        if recipe.crop_padding:
            images = data.crop(images, self.group.share(corners).to(self.device), recipe.crop_padding)
        if recipe.flip != "none":
            mirrored = self.group.share(mirrored).to(self.device)
            images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        return self.laid_out(images), self.labels[share], len(whole)

    def autocast(self) -> torch.autocast:
        """The context in which convolutions are computed in the recipe's numbers."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16")

    def run(self, stop: Callable[[], int], epoch_over: Callable[[], None]) -> int:
        """Take the steps that are left; `epoch_over()` is called after each epoch.

        `stop()` gives 0, or the number of the signal after which to stop: it is asked after each step, and where any
        process has one, all stop and it is returned; otherwise 0. Raises TrainingDiverged.
        """
        at, recipe = self.at, self.recipe
        module = self.group.wrap(at.network)
        called = torch.compile(module) if recipe.compile else module
        at.sums = at.sums.to(self.device)
        if at.step == 0:
            self.measure_flow()
        start = time.perf_counter() - at.seconds
        bar = tqdm(total=self.per_epoch, unit="batch", leave=False,
                   disable=not (self.group.first and sys.stderr.isatty()))
        while at.step < self.total:
            images, labels, whole = self.batch()
            at.network.train()
            for group in at.optimizer.param_groups:
                group["lr"] = self.rate()
            at.optimizer.zero_grad()
            parts = list(zip(images.chunk(recipe.accumulation), labels.chunk(recipe.accumulation)))
            for number, (x, y) in enumerate(parts, 1):
                with self.group.hold_back(module, last=number == len(parts)):
                    with self.autocast():
                        logits = called(x)
                    logits = logits.float()
                    losses = functional.cross_entropy(logits, y, reduction="sum",
                                                      label_smoothing=recipe.label_smoothing)
                    (losses * (self.group.size / whole)).backward()  # the processes' gradients are averaged
                at.sums += torch.stack([losses.detach(), (logits.argmax(1) != y).sum()]).double()
            at.optimizer.step()
            at.step += 1
            bar.update()
            over = at.step % self.per_epoch == 0 or at.step == self.total
            if over or at.step % LOOK == 0:
                self.check_finite(images)
            at.seconds = time.perf_counter() - start
            if over:
                self.end_epoch()
                at.seconds, start = 0.0, time.perf_counter()
                epoch_over()
                bar.reset()
            if asked := self.group.any(stop()):
                bar.close()
                return asked
        bar.close()
        return 0

    def check_finite(self, images: Tensor) -> None:
        """Raise TrainingDiverged, with the first layer concerned, unless the epoch's loss so far is a number."""
        if not self.at.sums[0].isfinite():
            raise training.TrainingDiverged(
                f"The loss is not a finite number at step {self.at.step:,}: "
                f"{training.first_broken_layer(self.at.network, images)}; try a lower learning rate than "
                f"{self.recipe.learning_rate}.")

    def end_epoch(self) -> None:
        """Append the epoch's figures to the history; all processes take part."""
        at, count = self.at, len(self.images)
        if at.step % self.per_epoch:  # the training ends within an epoch
            count = (at.step % self.per_epoch) * self.recipe.batch_size
        trained = at.seconds
        start = time.perf_counter()
        loss, wrong = self.group.sum(at.sums.clone()).tolist()
        test_loss, test_error = self.evaluate(self.dataset.test_images, self.dataset.test_labels)
        for key, value in (("step", at.step), ("train_loss", loss / count), ("train_error", 100 * wrong / count),
                           ("test_loss", test_loss), ("test_error", test_error),
                           ("images_per_second", count / trained),
                           ("seconds", trained + time.perf_counter() - start)):
            at.history[key].append(value)
        at.sums.zero_()
        if len(at.history["step"]) in (1, -(-self.epochs // 2), self.epochs):
            self.measure_flow()

    def measure_flow(self) -> None:
        """Keep the gradient flow of the first training images, as they are, in training mode and float32."""
        images = self.laid_out(self.dataset.train_images[:FLOW_IMAGES])
        found = gradients.flow(self.at.network.train(), images, self.labels[:FLOW_IMAGES])
        self.at.flow[str(self.at.step)] = runs.rounded(asdict(found))

    @torch.no_grad()
    def evaluate(self, images: Tensor, labels: Tensor, batch_size: int = 1000) -> tuple[float, float]:
        """Mean cross-entropy in nats and error in per cent, in evaluation mode; each process looks at its share."""
        network, total = self.at.network, len(images)
        network.eval()
        sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        for x, y in zip(self.group.share(images).split(batch_size), self.group.share(labels).split(batch_size)):
            x, y = self.laid_out(x), y.to(self.device)
            with self.autocast():
                logits = network(x)
                if self.recipe.mirrored_test:
                    logits = (logits + network(x.flip(3))) / 2
            logits = logits.float()
            loss = functional.cross_entropy(logits, y, reduction="sum")
            sums += torch.stack([loss, (logits.argmax(1) != y).sum()]).double()
        loss, wrong = self.group.sum(sums).tolist()
        return loss / total, 100 * wrong / total


@contextmanager
def signals() -> Iterator[Callable[[], int]]:
    """Inside, SIGTERM and Ctrl-C only leave their number, which the yielded function gives (0: none came).

    A second one acts as it always does.
    """
    came: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def note(number: int, frame: Any) -> None:
        came.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, note)
    try:
        yield lambda: came[0] if came else 0
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


@contextmanager
def memory_errors(recipe: Recipe) -> Iterator[None]:
    """Turn what PyTorch raises where memory is short into OutOfMemory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        known = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        if not known and not any(words in str(error) for words in SHORT_OF_MEMORY):
            raise
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise OutOfMemory(f"There is too little memory for a step of {recipe.batch_size} images: give --accumulation "
                          f"{2 * recipe.accumulation} (a batch in smaller parts) or a smaller --batch-size ({reason})."
                          ) from None


def keep_memory() -> None:
    """Let glibc keep the memory of feature maps from step to step, instead of giving it back and asking for it anew.

    Its page faults take some hundredths of a step. Does nothing with another C library.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is not None and hasattr(libc, "mallopt"):
        libc.mallopt(-3, 2**30)  # M_MMAP_THRESHOLD: what is taken from the system by itself
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: what may lie free


def check_writable(folder: Path) -> None:
    """Make the folder, and raise OSError, in one sentence, unless files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"Nothing can be written in {folder} ({error.strerror}): give another folder.") from None


def train(configuration: Configuration, *, checkpoint_folder: Path = Path("checkpoints"),
          record_folder: Path | None = None, keep_weights: bool = False, tensorboard: Path | None = None,
          device: str = "cpu", threads: int | None = None, command: str = "",
          say: Callable[[str], None] = print) -> records.Record:
    """Train to the end, from the checkpoint where there is one, and return the record.

    `record_folder`: where the record is written, and with `keep_weights` the weights in half precision beside it; a
    training that is recorded there is not repeated. `tensorboard`: folder for its event files. `threads`: of PyTorch
    on the CPU, None: as many as it takes. `command`: what the record says started it. Under `torchrun` all processes
    call this and share the work. Raises Stopped after SIGTERM or Ctrl-C, CheckpointDamaged, OSError, OutOfMemory,
    ProcessLost, TrainingDiverged, and ValueError and the errors of `data.load` for what cannot be trained.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    place = torch.device(device)
    if place.type == "cpu":
        keep_memory()
    with parallel.group(place) as group, signals() as stop:
        if place.type == "cuda":
            place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
            torch.cuda.set_device(place)
        say = say if group.first else lambda text: None
        record_path = record_folder / f"{configuration.name}.json" if record_folder is not None else None
        checkpoint = checkpoint_folder / f"{configuration.name}.pt"

        def found() -> tuple[records.Record | None, dict[str, Any] | None]:
            for folder in filter(None, (checkpoint_folder, record_folder, tensorboard)):
                check_writable(folder)
            if record_path is not None and record_path.exists():
                return records.load(record_path, configuration.flat()), None
            return None, checkpoints.load(checkpoint, configuration.flat())

        recorded, content = group.from_first(found)
        if recorded is not None:
            say(f"{configuration.name} is recorded in {record_path} already; delete it to train again.")
            return recorded
        with memory_errors(configuration.recipe):
            it = Training(configuration, data.load(configuration.data), group, place)
            if content is not None:
                try:
                    it.at.restore(content)
                except (KeyError, ValueError, TypeError, RuntimeError):
                    raise checkpoints.damaged(checkpoint, "does not hold all that belongs to this training") from None
                if not group.first:  # the sums so far are those of all processes
                    it.at.sums.zero_()
            it.at.sessions.append({"step": it.at.step, "processes": group.size, "device": device_name(place),
                                   "memory_gib": memory_gib(), **runs.environment()})
            say(f"{configuration.name}: {it.epochs} epochs of {it.per_epoch:,} steps, {it.total:,} in all; "
                f"{group.size} process{'es' * (group.size > 1)}, {torch.get_num_threads()} threads each, on "
                f"{it.at.sessions[-1]['device']}" + f"; going on at step {it.at.step:,}" * (content is not None))
            board = board_writer(tensorboard, configuration.name, it.at.step) if group.first else None

            def save() -> None:
                group.from_first(lambda: checkpoints.save(checkpoint, it.at.content()))

            def epoch_over() -> None:
                save()
                say(epoch_line(it))
                if board is not None:
                    for key, values in it.at.history.items():
                        board.add_scalar(key, values[-1], it.at.step)
                    board.flush()

            if asked := it.run(stop, epoch_over):
                group.sum(it.at.sums)
                save()
                raise Stopped(f"Stopped at step {it.at.step:,} of {it.total:,} and saved: the same command goes on "
                              "from there.", asked)
            record = records.Record(
                configuration.name, command, date.today().isoformat(), configuration.flat(), it.at.sessions,
                it.at.history, it.at.flow, gradients.responses(it.at.network, it.laid_out(
                    it.dataset.test_images[:RESPONSE_IMAGES])))

            def finish() -> None:
                if record_path is not None:
                    if keep_weights:
                        weights.save(record_path.with_suffix(".pt"), it.at.network, it.dataset, configuration.network,
                                     **configuration.arguments(it.dataset))
                    records.write(record_path, record)
                    checkpoints.remove(checkpoint)

            group.from_first(finish)
        say(f"Test error {record.test_error:.2f} %, after {runs.duration(record.seconds)}"
            + (f": {record_path}" if record_path else ""))
        return record


def epoch_line(it: Training) -> str:
    """An epoch's figures in a line, and how long the rest will take at the pace of this start's epochs."""
    history, done = it.at.history, len(it.at.history["step"])
    left = (it.total - it.at.step) / it.per_epoch * history["seconds"][-1]
    return (f"epoch {done:3}/{it.epochs}   loss {history['train_loss'][-1]:.3f}   train error "
            f"{history['train_error'][-1]:5.2f} %   test error {history['test_error'][-1]:5.2f} %   "
            f"{history['images_per_second'][-1]:,.0f} images/s   {runs.duration(left)} left")


def board_writer(folder: Path | None, name: str, step: int) -> Any:
    """TensorBoard's writer of event files, from this step on, or None where none were asked for."""
    if folder is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / name), purge_step=step)


def device_name(device: torch.device) -> str:
    """The name of the processor or the graphics card that computes."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else runs.processor()


def memory_gib() -> float | None:
    """The machine's memory in GiB, where the system says it."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
