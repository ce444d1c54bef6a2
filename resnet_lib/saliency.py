"""Saliency maps: which pixels an answer depends on, by six methods, and how much two maps agree.

Each method returns one signed map N×H×W for `labels`, the class of each image whose logit is explained. A `network`
takes images N×C×H×W and returns logits; several channels are added up. Taught in understanding/interpretability.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from resnet_lib.networks import Network, residual
from resnet_lib.surgery import recalibrate
from resnet_lib.weights import Trained


class Reader(nn.Module):
    """A trained network that takes pixels in [0, 1], 0 = black: N×C×H×W to logits N×classes."""

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.network, self.standardise = trained.network, trained.standardise

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network(self.standardise(pixels))


# Methods ----------------------------------------------------------------------------------------------------------

def gradient(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    """The derivative of the label's logit with respect to each pixel (Simonyan et al. 2014)."""
    images = images.detach().requires_grad_()
    chosen = network(images).gather(1, labels[:, None]).sum()
    (found,) = torch.autograd.grad(chosen, images)
    return found.sum(1)


def integrated_gradients(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor,
                         steps: int = 32) -> Tensor:
    """Pixel times the mean gradient on the way from black to the image (Sundararajan et al. 2017, eq. 1).

    The mean is taken at the middles of `steps` equal parts. Black is 0; with one channel.
    """
    total = torch.zeros_like(images[:, 0])
    for step in range(steps):
        total += gradient(network, images * (step + 0.5) / steps, labels)
    return images[:, 0] * total / steps


def smooth_gradient(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, noise: float = 0.15,
                    samples: int = 20, seed: int = 0) -> Tensor:
    """The mean gradient of `samples` copies of each image with normal noise on its pixels (Smilkov et al. 2017)."""
    generator = torch.Generator().manual_seed(seed)
    copies = images.repeat_interleave(samples, 0)
    copies = copies + noise * torch.randn(copies.shape, generator=generator, dtype=copies.dtype)
    return gradient(network, copies, labels.repeat_interleave(samples)).unflatten(0, (-1, samples)).mean(1)


class GuidedReLU(torch.autograd.Function):
    """A ReLU that passes back only what is positive and came through it (Springenberg et al. 2015)."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(context: Any, error: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        return error * (x > 0) * (error > 0)


class Guided(TorchFunctionMode):
    """Inside, each ReLU is a guided one, whether it is a module or a function."""

    def __torch_function__(self, function: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in (torch.relu, functional.relu):
            return GuidedReLU.apply(args[0])
        return function(*args, **(kwargs or {}))


def guided_backpropagation(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    """The gradient with guided ReLUs (Springenberg et al. 2015)."""
    with Guided():
        return gradient(network, images, labels)


def grad_cam(network: nn.Module, layer: nn.Module, images: Tensor, labels: Tensor, size: int | None = None) -> Tensor:
    """The maps of `layer`, each times its mean gradient, added and cut off below zero (Selvaraju et al. 2017, eq. 2).

    N×H'×W' as the layer has them; with `size` enlarged to `size`×`size`, bilinear.
    """
    kept: list[Tensor] = []
    hook = layer.register_forward_hook(lambda layer, inputs, output: kept.append(output))
    try:
        chosen = network(images).gather(1, labels[:, None]).sum()
    finally:
        hook.remove()
    (found,) = torch.autograd.grad(chosen, kept[0])
    heat = torch.relu((found.mean((2, 3), keepdim=True) * kept[0]).sum(1, keepdim=True)).detach()
    return (functional.interpolate(heat, size=(size, size), mode="bilinear") if size else heat)[:, 0]


@torch.no_grad()
def occlusion(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, side: int = 4,
              step: int = 2) -> Tensor:
    """By how much the logit falls when a black patch covers the pixel, mean over its patches (Zeiler & Fergus 2014).

    Patches of `side`×`side` pixels, `step` apart; `step` divides H − `side` and W − `side`.
    """
    height, width = images.shape[2:]
    before, drops = network(images).gather(1, labels[:, None]), []
    for row in range(0, height - side + 1, step):
        for column in range(0, width - side + 1, step):
            covered = images.clone()
            covered[:, :, row:row + side, column:column + side] = 0
            drops.append(before - network(covered).gather(1, labels[:, None]))
    patches = torch.stack(drops, 2).expand(-1, side * side, -1)
    total, count = (functional.fold(part, (height, width), side, stride=step)
                    for part in (patches, torch.ones_like(patches)))
    return (total / count)[:, 0]


def edges(images: Tensor) -> Tensor:
    """The size of the brightness's slope (Sobel's filters), N×H×W: a map that knows no network."""
    across = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]], dtype=images.dtype)
    slopes = functional.conv2d(images.sum(1, keepdim=True), torch.stack([across, across.T])[:, None], padding=1)
    return slopes.norm(dim=1)


# Controls ---------------------------------------------------------------------------------------------------------

def agreement(first: Tensor, second: Tensor, where: Tensor | None = None) -> list[float]:
    """Spearman's rank correlation of two maps, one number an image; N×H×W each.

    `where`: N×H×W, true for the pixels that count. Equal values share their mean rank. Where one of the maps is the
    same everywhere there is no order to compare, and the number is 0.
    """
    from scipy.stats import rankdata  # takes a second to load, and every chapter's explorers load this module

    found = []
    for index in range(len(first)):
        inside = slice(None) if where is None else where[index].flatten().numpy()
        ranks = [rankdata(maps[index].flatten().numpy()[inside]) for maps in (first, second)]
        a, b = (rank - rank.mean() for rank in ranks)
        length = numpy.linalg.norm(a) * numpy.linalg.norm(b)
        found.append(float(a @ b / length) if length > 0 else 0.0)
    return found


def randomised(network: Network, parts: Sequence[str], images: Tensor, seed: int) -> Network:
    """A copy whose `parts` have the weights that they had before any training (Adebayo et al. 2018).

    `parts`: of "classifier", "stage 3", "stage 2", "stage 1" and "stem". `seed`: of the new weights. All running
    statistics are recomputed from the `images`, so that every layer's input keeps its size. For residual networks
    of `resnet_lib.networks` with option A and batch normalisation.
    """
    first: Any = network.stem[0]
    fresh = residual(network.depth, network.in_channels, network.classes, first.out_channels,
                     stem_stride=first.stride[0], seed=seed)
    changed = copy.deepcopy(network)
    for part in parts:
        name, _, number = part.partition(" ")
        old, new = ((getattr(one, name) if not number else one.stages[int(number) - 1]) for one in (changed, fresh))
        old.load_state_dict(new.state_dict())
    recalibrate(changed, images)
    return changed.eval()
