"""Before training and in the first step: what normalisation does to convolutions, in ten seeds."""

import math
import statistics

import torch
from torch import nn

from resnet_lib import data, gradients, networks, runs

digits = data.load("digits")
BATCH = digits.train_images[:128], digits.train_labels[:128]
STAGES = ((1, 9), (10, 18), (19, 27))  # first and last block of each stage of 56 layers


class PerPosition(nn.Module):
    """Batch normalisation with a mean and a variance of its own for every position of every channel."""

    def forward(self, x):
        return (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()


def measure(what: str, **configuration) -> dict:
    return {"growth": growth, "first step": first_step, "pre-activation": pre_activation}[what](**configuration)


def growth(padding: str, per_position: bool, seed: int) -> dict:
    """Growth a layer of ‖∂L/∂x‖ within each stage of plain-56."""
    network = networks.plain(56, in_channels=1, padding_mode=padding, seed=seed)
    if per_position:
        for block in network.blocks():
            block.norm1 = block.norm2 = PerPosition()
    gradient = gradients.flow(network, *BATCH).gradient
    return {"growth": [(gradient[first] / gradient[last]) ** (1 / (2 * (last - first))) for first, last in STAGES]}


def first_step(learning_rate: float, seed: int) -> dict:
    """Plain-56, one step of gradient descent at this rate: medians over the first 18 convolutions.

    `before` and `after`: their relative update in the first step and, on another batch, in the second. `ratio`:
    ‖∂L/∂x‖ at the first block over that at the last, after the step over before.
    """
    network = networks.plain(56, in_channels=1, seed=seed)
    images, labels = digits.train_images, digits.train_labels
    before = gradients.flow(network, images[:64], labels[:64])
    weights = [convolution.weight for convolution in gradients.convolutions(network)]
    loss = nn.functional.cross_entropy(network(images[:64]), labels[:64])
    with torch.no_grad():
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights)):
            weight -= learning_rate * gradient
    after = gradients.flow(network, images[64:128], labels[64:128])
    updates = before.relative_update(learning_rate)[:18]
    return {"before": statistics.median(updates),
            "brake": statistics.median(update / (1 + update**2) for update in updates),
            "after": statistics.median(after.relative_update(learning_rate)[:18]),
            "ratio": after.gradient[0] / after.gradient[-1] / (before.gradient[0] / before.gradient[-1])}


def pre_activation(depth: int, seed: int) -> dict:
    """Per block: standard deviation over the batch of the branch's output over that of the skip; ‖∂L/∂x‖."""
    network = networks.residual(depth, in_channels=1, pre_activation=True, padding_mode="circular", seed=seed)
    deviation = [], []
    with torch.no_grad():
        x = network.stem(BATCH[0])
        for block in network.blocks():
            output, skip = block(x), block.shortcut(x)
            for found, part in zip(deviation, (output - skip, skip)):
                found.append(math.sqrt(part.var((0, 2, 3), correction=0).mean()))
            x = output
    return {"branch": deviation[0], "skip": deviation[1], "gradient": gradients.flow(network, *BATCH).gradient}


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = [{"what": "growth", "padding": padding, "per_position": per_position}
              for padding, per_position in (("zeros", False), ("circular", False), ("zeros", True))]
    wanted += [{"what": "first step", "learning_rate": rate} for rate in
               (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)]
    wanted += [{"what": "pre-activation", "depth": depth} for depth in (56, 110)]
    runs.record("normalisation", "What does normalisation do to a convolutional network before and in its first step?",
                [{**configuration, "seed": seed} for configuration in wanted for seed in range(1, 11)], measure)
