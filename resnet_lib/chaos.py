"""Chaos in a deep network before training: changes of its start that tame it, and instruments that measure it.

A network is chaotic when two images that hardly differ are driven apart layer by layer until nothing in the last block
tells that they were alike (Poole et al. 2016); its gradients then change from one image to the next (Balduzzi et al.
2017). It has collapsed when the opposite happens and all images become alike. Taught in understanding/
shattered-gradients.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Sequence

import numpy
import torch
from sklearn.linear_model import RidgeClassifier
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import gradients
from resnet_lib.networks import Network, PlainBlock, seeded
from resnet_lib.surgery import recalibrate

NOISE = 0.01  # standard deviation of the noise on every pixel; images have standard deviation 1
STEPS = tuple(10 ** (exponent / 2) for exponent in range(-12, 1))  # relative steps, 10⁻⁶ to 1, two a power of ten


# Changes of the start ---------------------------------------------------------------------------------------------

@torch.no_grad()
def set_bias(network: nn.Module, bias: float) -> None:
    """Start every batch normalisation with this bias instead of 0, in place.

    With bias 1 a ReLU behind it is open for 84% of normally distributed inputs, so that the layer is nearly linear.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, bias)


class LeakyBlock(PlainBlock):
    """A plain block whose ReLUs let negative numbers through, times `slope`."""

    slope = 0.5

    def branch(self, x: Tensor) -> Tensor:
        x = functional.leaky_relu(self.norm1(self.conv1(x)), self.slope)
        return self.norm2(self.conv2(x))

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.branch(x), self.slope)


def make_leaky(network: Network, slope: float) -> None:
    """Give every ReLU of a plain network this slope for negative numbers, in place; again for another slope.

    Slope 0 is the ReLU, slope 1 a straight line. Raises ValueError for a network that is not plain.
    """
    if not all(type(block) in (PlainBlock, LeakyBlock) for block in network.blocks()):
        raise ValueError("Only the ReLUs of a plain network can be made leaky.")
    for block in network.blocks():
        block.__class__ = LeakyBlock
        block.slope = slope  # type: ignore[assignment]
    network.stem[-1] = nn.LeakyReLU(slope)


@torch.no_grad()
def make_looks_linear(network: Network, seed: int) -> None:
    """Draw the 3×3 filters of a plain network in mirrored pairs: it starts linear up to its last ReLU; in place.

    Channel pairs carry ReLU(z) and ReLU(−z), and each layer computes A·(ReLU(z) − ReLU(−z)) = A·z and its negative
    (Balduzzi et al. 2017, section 5, without their concatenated activation). A is drawn as in He et al. 2015 for as
    many inputs as there are pairs. Raises ValueError for a network that is not plain or has an odd number of channels.
    """
    layers = gradients.convolutions(network)
    if not all(type(block) in (PlainBlock, LeakyBlock) for block in network.blocks()):
        raise ValueError("Only the filters of a plain network can be made to look linear.")
    if any(layer.out_channels % 2 for layer in layers):
        raise ValueError("Channels in pairs need an even width.")
    with seeded(seed):
        for index, layer in enumerate(layers):
            inputs = layer.in_channels // 2 if index else layer.in_channels
            half = torch.empty(layer.out_channels // 2, inputs, 3, 3)
            nn.init.kaiming_normal_(half, nonlinearity="linear" if index == 0 else "relu")
            row = half if index == 0 else torch.cat([half, -half], 1)
            layer.weight.copy_(torch.cat([row, -row]))


# Instruments ------------------------------------------------------------------------------------------------------

def states(network: Network, images: Tensor) -> list[Tensor]:
    """The output of the stem and of every block for images N×C×H×W."""
    found = [network.stem(images)]
    for block in network.blocks():
        found.append(block(found[-1]))
    return found


def settled(network: Network, images: Tensor) -> Network:
    """A copy in evaluation mode whose batch normalisations hold the statistics of these images.

    In it no image sees another one: what is measured belongs to the image alone.
    """
    network = copy.deepcopy(network)
    recalibrate(network, images)
    return network.eval()


def noisy(images: Tensor, seed: int) -> Tensor:
    """The images with noise of the standard deviation `NOISE` on every pixel."""
    return images + NOISE * torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def sensitivity(network: Network, images: Tensor, seed: int = 1) -> list[float]:
    """What 1% of noise on the pixels changes, relative to the spread between images, after the stem and every block.

    ‖h(x+ε) − h(x)‖ / ‖h(x) − mean h‖, root mean square over the images; the network is settled. 1: the noise changes as
    much as another image would.
    """
    found = []
    for clean, changed in zip(states(network, images), states(network, noisy(images, seed))):
        spread = (clean - clean.mean(0)).double().square().sum()
        found.append(((changed - clean).double().square().sum() / spread).sqrt().item())
    return found


def similarities(values: Tensor) -> Tensor:
    """The cosines between each two of N tensors, as N(N−1)/2 numbers."""
    flat = functional.normalize(values.flatten(1).double())
    rows, columns = torch.triu_indices(len(flat), len(flat), offset=1)
    return (flat @ flat.T)[rows, columns]


@torch.no_grad()
def kept(network: Network, images: Tensor) -> tuple[float, float]:
    """How alike the images are in the last block, and how much of their similarities is kept there.

    The first number is the mean cosine between two images' outputs (1: all alike). The second is the slope of the line
    through the cosines at the output as a function of those at the input: 1 keeps all differences, 0 none. The network
    is settled.
    """
    before, after = similarities(images), similarities(states(network, images)[-1])
    slope = ((before - before.mean()) * (after - after.mean())).sum() / (before - before.mean()).square().sum()
    return after.mean().item(), slope.item()


def pixel_agreement(network: Network, images: Tensor, labels: Tensor, seed: int = 1) -> float:
    """Mean cosine between an image's gradient ∂L/∂x and that of the same image with 1% of noise; network settled."""
    found = []
    for x in (images, noisy(images, seed)):
        x = x.clone().requires_grad_()
        loss = functional.cross_entropy(network(x), labels, reduction="sum")
        found.append(torch.autograd.grad(loss, x)[0].flatten(1))
    return functional.cosine_similarity(found[0], found[1]).mean().item()


def weight_gradients(network: Network, images: Tensor, labels: Tensor) -> tuple[float, list[Tensor]]:
    """The loss of a batch and its gradient for every 3×3 convolution."""
    weights = [layer.weight for layer in gradients.convolutions(network)]
    loss = functional.cross_entropy(network(images), labels)
    return loss.item(), list(torch.autograd.grad(loss, weights))


def agreement(network: Network, images: Tensor, labels: Tensor, batch_size: int = 64) -> float:
    """Mean cosine between the gradients of two batches, over all pairs of batches and all 3×3 convolutions.

    In training mode. An incomplete last batch is left out. Raises ValueError for fewer than two batches.
    """
    count = len(images) // batch_size
    if count < 2:
        raise ValueError(f"An agreement needs two batches of {batch_size} images, not {len(images)} images.")
    network.train()
    batches = [weight_gradients(network, images[start:start + batch_size], labels[start:start + batch_size])[1]
               for start in range(0, count * batch_size, batch_size)]
    cosines = []
    for layer in zip(*batches):
        unit = torch.stack([functional.normalize(gradient.flatten(), dim=0) for gradient in layer])
        cosines.append((unit.sum(0).square().sum().item() - count) / (count * (count - 1)))
    return sum(cosines) / len(cosines)


def kept_promises(network: Network, images: Tensor, labels: Tensor, steps: Sequence[float] = STEPS) -> list[float]:
    """For each relative step: by how much the loss falls, over what the gradient promises; 1 is a kept promise.

    A step of relative size η changes every 3×3 convolution W by −η‖W‖ g/‖g‖, so that all layers move by the same share;
    to first order the loss then falls by η Σ‖W‖‖g‖. Same batch before and after, training mode; the weights are put
    back.
    """
    network.train()
    weights = [layer.weight for layer in gradients.convolutions(network)]
    loss, found = weight_gradients(network, images, labels)
    moves = [weight.detach().norm() * gradient / gradient.norm().clamp_min(1e-30)
             for weight, gradient in zip(weights, found)]
    promised = sum((move * gradient).sum().item() for move, gradient in zip(moves, found))
    start, ratios = [weight.detach().clone() for weight in weights], []
    with torch.no_grad():
        for step in steps:
            for weight, before, move in zip(weights, start, moves):
                weight.copy_(before - step * move)
            after = functional.cross_entropy(network(images), labels).item()
            ratios.append((loss - after) / (step * promised))
        for weight, before in zip(weights, start):
            weight.copy_(before)
    return ratios


def reach(network: Network, images: Tensor, labels: Tensor) -> float:
    """The relative step up to which the loss falls by at least half of what the gradient promises.

    Interpolated between the steps of `STEPS` on a logarithmic scale; the smallest of them where no promise is kept.
    """
    ratios = kept_promises(network, images, labels)
    if ratios[0] < 0.5:
        return STEPS[0]
    for (small, large), (before, after) in zip(itertools.pairwise(STEPS), itertools.pairwise(ratios)):
        if not after >= 0.5:
            return small * (large / small) ** ((before - 0.5) / (before - after))
    return STEPS[-1]


@torch.no_grad()
def probe(network: Network, images: Tensor, labels: Tensor) -> float:
    """Accuracy in per cent of a linear classifier on the last block of a settled network.

    Fitted on two thirds of the images and tried on the rest.
    """
    features, cut = states(network, images)[-1].flatten(1).numpy(), 2 * len(images) // 3
    fitted = RidgeClassifier().fit(features[:cut], labels[:cut])
    return 100 * float(numpy.mean(fitted.predict(features[cut:]) == labels[cut:].numpy()))


def initial(network: Network, images: Tensor, labels: Tensor, seed: int = 1) -> dict[str, float]:
    """All instruments on one network: `images` N×C×H×W, N at least 128, and their labels.

    `explosion`: ‖∂L/∂x‖ at the first block over that at the last. `agreement`, `reach`, `pixel_agreement`,
    `sensitivity` (last block), `alike` and `kept` (see `kept`), `probe`.
    """
    flow = gradients.flow(network.train(), images[:64], labels[:64])
    still = settled(network, images)
    few = images[:128], labels[:128]
    alike, share = kept(still, few[0])
    instruments: dict[str, Callable[[], float]] = {
        "agreement": lambda: agreement(network, images, labels), "reach": lambda: reach(network, *few),
        "pixel_agreement": lambda: pixel_agreement(still, *few, seed),
        "sensitivity": lambda: sensitivity(still, few[0], seed)[-1], "probe": lambda: probe(still, images, labels)}
    ratio = flow.gradient[0] / flow.gradient[-1] if flow.gradient[-1] else math.inf
    return {"explosion": ratio, "alike": alike, "kept": share,
            **{name: instrument() for name, instrument in instruments.items()}}
