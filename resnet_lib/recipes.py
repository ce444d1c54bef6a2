"""Recipes for whole trainings: `choose("he2015", …)` gives every number that `python -m resnet_lib train` needs.

A recipe is a function of the network's depth, short enough to read beside the paper it comes from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from resnet_lib.schedules import Schedule, constant, one_cycle, step

SCHEDULES: dict[str, Schedule] = {"one_cycle": one_cycle, "step": step, "constant": constant}
HAND_WRITTEN = {"digits": 1, "mnist": 2}  # pixels by which an image may be moved; mirror images mean nothing


class Says(NamedTuple):
    """What `--help` says of a field: its meaning, its unit, and what it may be."""

    meaning: str
    unit: str = ""
    least: float | None = None
    choices: tuple[str, ...] = ()


def described(default: Any, *says: Any, **more: Any) -> Any:
    """A dataclass field with a default and its description."""
    return field(default=default, metadata={"says": Says(*says, **more)})


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. Raises ValueError, in one sentence, for a value that makes no sense."""

    epochs: int | None = described(10, "how often every training image is used", "epochs", 1)
    steps: int | None = described(None, "how many steps the optimiser takes, instead of epochs", "steps", 1)
    batch_size: int = described(128, "images a step, over all processes together", "images", 1)
    accumulation: int = described(1, "parts in which a process computes its share of a batch", "parts", 1)
    learning_rate: float = described(0.1, "the largest learning rate", "", 0)
    schedule: str = described("one_cycle", "its course; step divides it by 10 after 1/2 and after 3/4",
                              choices=tuple(SCHEDULES))
    warm_up_rate: float = described(0.0, "learning rate until an epoch's training error is below 80 %; 0: none", "", 0)
    momentum: float = described(0.9, "share of the last step's velocity that is kept", "", 0)
    nesterov: bool = described(True, "whether the gradient is that of the point to which the velocity leads")
    weight_decay: float = described(1e-4, "this times a weight is added to its gradient", "", 0)
    label_smoothing: float = described(0.0, "share of the target that is spread over all classes", "", 0)
    pixels: str = described("standardised", "what is subtracted: each channel's mean (divided by its deviation), or "
                            "each pixel's mean", choices=("standardised", "per_pixel_mean"))
    crop_padding: int = described(4, "by how much an image may be moved", "pixels", 0)
    flip: str = described("random", "mirror images: drawn for each image and epoch, in every second epoch, or none",
                          choices=("random", "alternating", "none"))
    mirrored_test: bool = described(False, "whether a test image's logits are averaged with its mirror image's")
    precision: str = described("float32", "numbers in which convolutions are computed (weights stay float32)",
                               choices=("float32", "bfloat16"))
    channels_last: bool = described(True, "whether the channels of a pixel lie side by side in memory")
    compile: bool = described(False, "whether torch.compile makes kernels for the network")
    synchronise: bool = described(False, "whether batch statistics are those of all processes together")

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("A training has either a number of epochs or a number of steps: give one of them.")
        for entry in fields(self):
            says, value = entry.metadata["says"], getattr(self, entry.name)
            if says.choices and value not in says.choices:
                raise ValueError(f"{entry.name} is one of {', '.join(says.choices)}; not {value!r}.")
            if says.least is not None and value is not None and not value >= says.least:
                raise ValueError(f"{entry.name} is at least {says.least:g}; not {value}.")
        for name, below in (("momentum", 1.0), ("label_smoothing", 1.0)):
            if not getattr(self, name) < below:
                raise ValueError(f"{name} is below 1; not {getattr(self, name)}.")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate is a number above 0; not {self.learning_rate}.")
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0.")
        if self.accumulation > self.batch_size:
            raise ValueError(f"A batch of {self.batch_size} cannot be computed in {self.accumulation} parts.")


def he2015(depth: int) -> Recipe:
    """He et al. 2015, section 4.2: 64,000 steps of 128 images, the rate divided by 10 at 32,000 and at 48,000.

    The paper's two GPUs took batch statistics over 64 images each; one process takes them over 128 (two processes
    without `synchronise` do as the paper did). The paper leaves its warm-up for 110 layers after about 400 steps, here
    it ends with an epoch, of 391.
    """
    return Recipe(epochs=None, steps=64_000, batch_size=128, learning_rate=0.1, schedule="step",
                  warm_up_rate=0.01 if depth >= 110 else 0.0, momentum=0.9, nesterov=False, weight_decay=1e-4,
                  pixels="per_pixel_mean", crop_padding=4, flip="random")


def quick(depth: int) -> Recipe:
    """Ten epochs of one cycle in bfloat16: residual-56 on CIFAR-10 within an hour on two cores that compute with it."""
    return Recipe(epochs=10, batch_size=128, learning_rate=0.1, schedule="one_cycle", precision="bfloat16")


def fast(depth: int) -> Recipe:
    """For one GPU and the clock: large batches, bfloat16, compiled, labels smoothed, as in Jordan 2024 (airbench).

    From there: an image is mirrored in every second epoch, and test images are read together with their mirror images.
    """
    return Recipe(epochs=20, batch_size=512, learning_rate=0.8, schedule="one_cycle", weight_decay=5e-4,
                  label_smoothing=0.1, flip="alternating", mirrored_test=True, precision="bfloat16", compile=True)


RECIPES: dict[str, Callable[[int], Recipe]] = {"he2015": he2015, "quick": quick, "fast": fast}


def choose(name: str, *, depth: int, data: str, **changes: Any) -> Recipe:
    """The recipe `name` for a network of `depth` layers and a data set, with some of its fields changed.

    Written digits are not mirrored, and moved by a pixel or two only. Raises ValueError for an unknown name or field.
    """
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name!r}: choose one of {', '.join(RECIPES)}.")
    if unknown := set(changes) - {entry.name for entry in fields(Recipe)}:
        raise ValueError(f"A recipe has no field {sorted(unknown)[0]!r}.")
    recipe = RECIPES[name](depth)
    if data in HAND_WRITTEN:
        changes = {"flip": "none", "mirrored_test": False, "crop_padding": HAND_WRITTEN[data]} | changes
    for given, other in (("epochs", "steps"), ("steps", "epochs")):
        if changes.get(given) is not None and other not in changes:
            changes = changes | {other: None}
    return replace(recipe, **changes)
