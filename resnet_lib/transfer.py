"""A trained network for another task: which of its numbers are trained again, and how.

The parts of a network, from input to output, are its stem, its stages and its classifier.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, weights
from resnet_lib.schedules import one_cycle

FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSerif",
         "DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic",
         "STIXGeneralBolIta", "cmr10", "cmb10", "cmss10", "cmtt10")
METHODS = ("last stage", "norms", "gradual", "discriminative", "full", "frozen statistics", "LoRA")
DECAY = 2.6  # by how much slower a part is trained than the one behind it (Howard & Ruder 2018, section 3.2)
RANK = 4


def glyphs(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Digits drawn in matplotlib's fonts: pixels N×1×8×8 in sixteenths, and labels.

    Each is drawn on 32×32 pixels, turned, sheared and scaled at random to fill the height; then ink is counted in
    squares of 4×4, as in the digits of scikit-learn.
    """
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    masters = []
    for font in FONTS:
        face = ImageFont.truetype(str(folder / f"{font}.ttf"), 96)
        for digit in "0123456789":
            left, top, right, bottom = face.getbbox(digit)
            picture = Image.new("L", (128, 128))
            ImageDraw.Draw(picture).text((64 - (left + right) / 2, 64 - (top + bottom) / 2), digit, 255, face)
            masters.append(torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).reshape(128, 128) / 255)
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (count,), generator=generator)
    fonts = torch.randint(len(FONTS), (count,), generator=generator)
    turn, shear, width, height, right, down = (2 * torch.rand(6, count, generator=generator) - 1)
    turn, shear = 0.2 * turn, 0.3 * shear
    height, width = 0.58 * (1 + 0.1 * height), 0.58 * (1 + 0.25 * width)  # of the master, that fill the picture
    cos, sin = turn.cos(), turn.sin()
    rows = [torch.stack([width * cos, width * (shear * cos - sin), 0.04 * right], 1),
            torch.stack([height * sin, height * (shear * sin + cos), 0.04 * down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), [count, 1, 32, 32], align_corners=False)
    drawn = functional.grid_sample(torch.stack(masters)[10 * fonts + labels][:, None], grid, align_corners=False)
    ink = (drawn > 0.5).float()
    ink[::2] = functional.max_pool2d(ink[::2], 3, 1, 1)  # every second one with a broad pen
    return (16 * functional.avg_pool2d(ink, 4)).round() / 16, labels


def only(dataset: data.Dataset, classes: Sequence[int]) -> data.Dataset:
    """The part of a data set with these classes, which get the labels 0, 1, … in the given order."""
    number = torch.full((len(dataset.classes),), -1)
    number[list(classes)] = torch.arange(len(classes))
    kept: dict[str, Any] = {}
    for part in ("train", "test"):
        labels = number[getattr(dataset, f"{part}_labels")]
        kept |= {f"{part}_images": getattr(dataset, f"{part}_images")[labels >= 0],
                 f"{part}_labels": labels[labels >= 0]}
    return replace(dataset, classes=tuple(dataset.classes[index] for index in classes), **kept)


def few(labels: Tensor, each: int, seed: int) -> Tensor:
    """Indices of `each` examples of every class, drawn at random, class by class.

    Raises ValueError where a class has fewer.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    drawn = [order[labels[order] == label][:each] for label in labels.unique()]
    fewest = min(map(len, drawn))
    if fewest < each:
        raise ValueError(f"{each} examples of each class cannot be drawn: one class has {fewest}.")
    return torch.cat(drawn)


def prepared(network: Any, classes: int, seed: int) -> Any:
    """A copy of a trained network with a fresh classifier for so many classes."""
    new = copy.deepcopy(network)
    with networks.seeded(seed):
        new.classifier = nn.Linear(network.classifier.in_features, classes)
    return new


class LowRank(nn.Module):
    """A convolution that stays as it is, plus a trained one of low rank (Hu et al. 2022, for convolutions).

    A convolution of the same size to `rank` channels, and one of 1×1 pixels from there, which starts at zero.
    """

    def __init__(self, convolution: nn.Conv2d, rank: int):
        super().__init__()
        self.base = convolution
        self.down = nn.Conv2d(convolution.in_channels, rank, convolution.kernel_size,  # type: ignore[arg-type]
                              convolution.stride, convolution.padding, bias=False)  # type: ignore[arg-type]
        self.up = nn.Conv2d(rank, convolution.out_channels, 1, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.up(self.down(x))

    @torch.no_grad()
    def merged(self) -> nn.Conv2d:
        """One convolution that does what the sum does."""
        whole = copy.deepcopy(self.base)
        whole.weight += torch.einsum("or,rihw->oihw", self.up.weight[:, :, 0, 0], self.down.weight)
        return whole


def add_low_rank(network: nn.Module, rank: int = RANK, seed: int = 0) -> None:
    """Put a `LowRank` in the place of every convolution larger than 1×1, in place."""
    with networks.seeded(seed):
        for module in list(network.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Conv2d) and child.kernel_size != (1, 1):
                    setattr(module, name, LowRank(child, rank))


def parts(network: Any) -> list[nn.Module]:
    """Stem, stages and classifier of a network of `networks.plain`, `networks.residual` or `networks.imagenet`."""
    return [network.stem, *network.stages, network.classifier]


def through(network: Any, x: Tensor, first: int = 0, end: int | None = None) -> Tensor:
    """What the parts from number `first` up to, and without, number `end` make of `x`."""
    whole = parts(network)
    for part in whole[first:end]:
        if part is whole[-1] and x.ndim == 4:
            x = getattr(network, "last", nn.Identity())(x).mean((2, 3))
        x = part(x)
    return x


def groups(network: Any, method: str) -> list[dict[str, Any]]:
    """What one of the `METHODS` trains, the classifier always: a dictionary for each part that has something to train.

    "params": its parameters. "factor": theirs on the learning rate. "start": the progress in [0, 1] at which they begin
    to be trained. Raises ValueError for another method.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}; choose one of {', '.join(METHODS)}.")
    whole, found = parts(network), []
    for behind, part in enumerate(reversed(whole)):  # 0: the classifier
        chosen, factor, start = list(part.parameters()), 1.0, 0.0
        if method == "last stage" and behind > 1:
            chosen = []
        elif method == "norms" and behind:
            chosen = [parameter for layer in part.modules() if isinstance(layer, nn.BatchNorm2d)
                      for parameter in layer.parameters()]
        elif method == "LoRA" and behind:
            chosen = [parameter for layer in part.modules() if isinstance(layer, LowRank)
                      for convolution in (layer.down, layer.up) for parameter in convolution.parameters()]
        elif method == "gradual":
            start = min(behind, 3) / 4
        elif method == "discriminative":
            factor = DECAY**-behind
        if chosen:
            found.append({"params": chosen, "factor": factor, "start": start})
    return found


def tune(network: Any, images: Tensor, labels: Tensor, method: str, learning_rate: float, *, steps: int = 60,
         batch_size: int = 32, seed: int = 1) -> bool:
    """Train a part of a network, in place, on few images; for "LoRA" it needs `add_low_rank` first.

    Each step takes `batch_size` of the images at random, or all where there are fewer. Stochastic gradient descent with
    momentum 0.9 (Nesterov), weight decay 1e-4 and one cycle of the learning rate. Parts that are not trained, and with
    "frozen statistics" and "LoRA" all parts, normalise with the statistics they have. Returns False where the loss was
    no longer finite and training stopped; leaves the network in evaluation mode.
    """
    chosen = groups(network, method)
    network.requires_grad_(False).eval().to(memory_format=torch.channels_last)
    for group in chosen:
        for parameter in group["params"]:
            parameter.requires_grad_(True)
    whole = parts(network)
    first = [any(parameter.requires_grad for parameter in part.parameters()) for part in whole].index(True)
    with torch.no_grad():  # what stays as it is is computed once
        x = through(network, images.contiguous(memory_format=torch.channels_last), 0, first)
    descent = torch.optim.SGD(chosen, lr=1.0, momentum=0.9, nesterov=True, weight_decay=1e-4)
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in descent.param_groups:
            group["lr"] = learning_rate * group["factor"] * one_cycle(step / steps)
            for parameter in group["params"]:
                parameter.requires_grad_(step / steps >= group["start"])
        if method not in ("frozen statistics", "LoRA"):
            for part in whole:
                part.train(any(parameter.requires_grad for parameter in part.parameters()))
        batch = torch.randperm(len(x), generator=generator)[:batch_size]
        loss = functional.cross_entropy(through(network, x[batch], first), labels[batch])
        if not loss.isfinite():
            network.eval()
            return False
        descent.zero_grad()
        loss.backward()
        descent.step()
    network.eval()
    return True


def from_file(path: str | Path, depth: int) -> networks.ImageNetNetwork:
    """The network of a file with the weights of torchvision's resnet18 … resnet152; executes nothing that is in it.

    Raises FileNotFoundError, or WeightsDamaged for a file that is damaged, is something else or holds another network.
    """
    content = weights.read(path)
    try:
        state = networks.from_torchvision(content)
        network = networks.imagenet(depth, classes=len(state["classifier.bias"]), seed=0)
        expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
        if {name: tensor.shape for name, tensor in state.items()} != expected:
            raise ValueError("its weights have other names or shapes")
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, ValueError) else "its names are others"
        raise weights.WeightsDamaged(f"{path} does not hold torchvision's resnet{depth}: {reason}.") from None
    network.load_state_dict(state)
    return network.eval()
