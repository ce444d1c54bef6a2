"""Signals and gradients at initialisation: normalisation × skip over depth, border, map size, biases and activation."""

import math

import torch
from torch import nn
from torch.nn import functional

from resnet_lib import data, gradients, networks, runs

digits = data.load("digits")
ACTIVATIONS = {"ReLU": torch.relu, "leaky ReLU": lambda a: functional.leaky_relu(a, 0.5),
               "ReLU, bias 1": lambda a: torch.relu(a + 1), "tanh": torch.tanh, "sigmoid": torch.sigmoid,
               "identity": lambda a: a}


def measure(**configuration) -> dict:
    return convolutional(**configuration) if "skip" in configuration else fully_connected(**configuration)


def convolutional(normalisation: bool, skip: bool, depth: int, size: int, padding: str, biases: str, seed: int) -> dict:
    """One batch of 64 digits; at `size` 32 each of the 8×8 pixels has become a square of 4×4 equal ones."""
    build = networks.residual if skip else networks.plain
    network = build(depth, in_channels=1, normalisation=normalisation, padding_mode=padding, seed=seed)
    if biases == "default":
        draw_biases(network, seed)
    images = digits.train_images[:64].repeat_interleave(size // 8, 2).repeat_interleave(size // 8, 3)
    flow = gradients.flow(network, images, digits.train_labels[:64])
    updates = sorted(flow.relative_update(0.1))
    blocks = (depth - 2) // 6
    results = {"loss": flow.loss, "activation": flow.activation[-1], "gradient": flow.gradient[0] / flow.gradient[-1],
               "weight_gradient": flow.weight_gradient[0] / flow.weight_gradient[-1],
               "relative_update": {"smallest": updates[0], "median": updates[len(updates) // 2],
                                   "largest": updates[-1], "first": flow.relative_update(0.1)[0]},
               "growth_in_first_stage": (flow.gradient[0] / flow.gradient[blocks]) ** (1 / (2 * blocks))}
    if depth == 56 and (size, padding, biases) == (8, "zeros", "zero"):
        results["activation_by_block"] = flow.activation
        results["gradient_by_block"] = flow.gradient
    return results


def draw_biases(network: nn.Module, seed: int) -> None:
    """Biases as PyTorch draws them by default: uniform within ±1/√fan-in."""
    generator = torch.Generator().manual_seed(seed)
    for convolution in gradients.convolutions(network):
        bound = 1 / math.sqrt(convolution.weight[0].numel())
        nn.init.uniform_(convolution.bias, -bound, bound, generator=generator)


def fully_connected(activation: str, batch_norm: bool, width: int, batch: int, seed: int) -> dict:
    """Growth a layer of ‖∂L/∂x‖ on its way back from hidden layer 40 to hidden layer 10 of 50."""
    network = networks.fully_connected(50, width, inputs=64, outputs=10, normalisation=batch_norm,
                                       activation=ACTIVATIONS[activation], seed=seed)
    states = network.states(digits.train_images[:batch])
    loss = functional.cross_entropy(network.classifier(states[-1]), digits.train_labels[:batch])
    norms = [gradient.double().norm().item() for gradient in torch.autograd.grad(loss, states)]
    return {"growth": (norms[10] / norms[40]) ** (1 / 30)}


def configurations() -> list[dict]:
    usual = {"size": 8, "padding": "zeros", "biases": "zero"}
    four = [(normalisation, skip) for normalisation in (True, False) for skip in (False, True)]
    settings = [(four, {"depth": depth, **usual}) for depth in (8, 14, 20, 32, 56, 110)]
    settings += [(four, {"depth": 56, **usual, "size": size, "padding": padding})
                 for size, padding in ((8, "circular"), (32, "zeros"), (32, "circular"))]
    settings += [(four[2:], {"depth": 56, **usual, "padding": padding, "biases": "default"})
                 for padding in ("zeros", "circular")]
    networks_wanted = [{"normalisation": normalisation, "skip": skip, **setting}
                       for which, setting in settings for normalisation, skip in which]
    connected = [{"activation": activation, "batch_norm": batch_norm, "width": 256, "batch": 256}
                 for activation in ACTIVATIONS for batch_norm in (True, False)]
    connected += [{"activation": "ReLU", "batch_norm": True, "width": width, "batch": batch}
                  for width in (50, 100, 400) for batch in (16, 64, 256, 1024)]
    return [{**configuration, "seed": seed} for configuration in networks_wanted + connected for seed in range(1, 11)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("gradient_flow", "Which gradients vanish or explode at initialisation, and what makes them?",
                configurations(), measure)
