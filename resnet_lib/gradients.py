"""Signals and gradients layer by layer: at one moment (`flow`), and recorded while `training.fit` runs (`Recorder`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib.networks import Network, PreActivationBlock


@dataclass(frozen=True)
class Flow:
    """What one batch does in a network, in the order of computation.

    For x_0 = the stem's output and x_1 … x_n = the blocks' outputs: `activation` the mean of x² over batch, channels
    and pixels; `gradient` the norm ‖∂L/∂x‖ of the gradient of the mean loss over the whole tensor. For each 3×3
    convolution W: `weight` = ‖W‖ and `weight_gradient` = ‖∂L/∂W‖. `layers` holds the depth at which each x stands
    (x_0: 1, x_k: 2k+1); convolution i stands at depth i+1. `loss` in nats.
    """

    loss: float
    layers: list[int]
    activation: list[float]
    gradient: list[float]
    weight: list[float]
    weight_gradient: list[float]

    def relative_update(self, learning_rate: float) -> list[float]:
        """‖ηg‖ / ‖W‖ of each convolution for one step of plain gradient descent with learning rate η.

        Infinite where all weights are zero.
        """
        return [learning_rate * g / w if w else math.inf for g, w in zip(self.weight_gradient, self.weight)]


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    """The 3×3 convolutions of a network from input to output (projections of shortcuts are left out)."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)]


def flow(network: Network, images: Tensor, labels: Tensor) -> Flow:
    """Forward and backward of one batch, N×C×H×W images and N labels, in the network's present mode.

    Weights, their .grad and the running statistics are left as they were. Norms are computed in double precision.
    """
    statistics = {key: value.clone() for key, value in network.named_buffers()}
    states: list[Tensor] = []
    hooks = [module.register_forward_hook(lambda module, inputs, output: states.append(output))
             for module in (network.stem, *network.blocks())]
    try:
        loss = functional.cross_entropy(network(images), labels)
    finally:
        for hook in hooks:
            hook.remove()
    weights = [convolution.weight for convolution in convolutions(network)]
    found = torch.autograd.grad(loss, [*states, *weights])
    for key, value in network.named_buffers():
        value.copy_(statistics[key])
    return Flow(
        loss=loss.item(), layers=[2 * index + 1 for index in range(len(states))],
        activation=[x.detach().double().square().mean().item() for x in states],
        gradient=[g.double().norm().item() for g in found[:len(states)]],
        weight=[w.detach().double().norm().item() for w in weights],
        weight_gradient=[g.double().norm().item() for g in found[len(states):]])


class Recorder:
    """A `before_step` for `training.fit` that keeps ‖W‖, ‖∂L/∂W‖ and ‖ηg‖/‖W‖ of each 3×3 convolution.

    `weight`, `weight_gradient` and `relative_update` are lists over steps of lists over convolutions. The update is
    that of plain gradient descent, ηg with the step's learning rate η: momentum and weight decay are left out.
    """

    def __init__(self) -> None:
        self.weight: list[list[float]] = []
        self.weight_gradient: list[list[float]] = []
        self.relative_update: list[list[float]] = []

    def __call__(self, network: nn.Module, step: int, learning_rate: float) -> None:
        weight, gradient = [], []
        for convolution in convolutions(network):
            assert convolution.weight.grad is not None
            weight.append(convolution.weight.detach().double().norm().item())
            gradient.append(convolution.weight.grad.double().norm().item())
        self.weight.append(weight)
        self.weight_gradient.append(gradient)
        self.relative_update.append([learning_rate * g / w if w else math.inf for g, w in zip(gradient, weight)])


@torch.no_grad()
def responses(network: Network, images: Tensor) -> list[float]:
    """The standard deviation of each 3×3 layer's response to images (N×C×H×W), in evaluation mode.

    The response is what follows the normalisation, before the ReLU or the addition (He et al. 2015, figure 7); in a
    pre-activation network it is the convolution's output.
    """
    layers: list[nn.Module] = [network.stem[min(1, len(network.stem) - 1)]]
    for block in network.blocks():
        names = ("conv1", "conv2") if isinstance(block, PreActivationBlock) else ("norm1", "norm2")
        layers += [block.get_submodule(name) for name in names]
    found: list[float] = []
    hooks = [layer.register_forward_hook(lambda module, inputs, output: found.append(output.double().std().item()))
             for layer in layers]
    mode = network.training
    network.eval()
    try:
        network(images)
    finally:
        network.train(mode)
        for hook in hooks:
            hook.remove()
    return found
