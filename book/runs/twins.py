"""Two trainings that differ in the last bit of one weight, step by step: how far apart they get, and when.

Both have the same images in the same order. The activation is ReLU or the smooth SiLU, the precision single or double.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from resnet_lib import data, networks, runs, training

digits = data.load("digits")
DOUBLE = replace(digits, train_images=digits.train_images.double(), test_images=digits.test_images.double())


class SmoothBlock(networks.ResidualBlock):
    """The original residual block with SiLU, x times the sigmoid of x, in place of ReLU."""

    def branch(self, x: Tensor) -> Tensor:
        return self.norm2(self.conv2(silu(self.norm1(self.conv1(x)))))

    def forward(self, x: Tensor) -> Tensor:
        return silu(self.branch(x) + self.shortcut(x))


def build(activation: str, depth: int, seed: int) -> nn.Module:
    if activation == "ReLU":
        return networks.residual(depth, in_channels=1, classes=10, seed=seed)
    torch.manual_seed(seed)
    network = networks.Network(SmoothBlock, depth, in_channels=1, classes=10)
    network.stem[2] = nn.SiLU()
    return network


def weights(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).double()


@contextmanager
def gates(network: nn.Module) -> Iterator[list[Tensor]]:
    """A list that holds, after each batch, which inputs of the network's ReLUs were above zero."""
    seen: list[Tensor] = []
    watched = [network.stem] + [part for block in network.blocks() for part in (block.norm1, block)]
    hooks = [part.register_forward_hook(lambda part, inputs, output: seen.append(output.detach() > 0))
             for part in watched]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def measure(activation: str, precision: int, depth: int, learning_rate: float, seed: int) -> dict:
    dtype, dataset = (torch.float64, DOUBLE) if precision == 64 else (torch.float32, digits)
    one, other = (build(activation, depth, seed).to(dtype) for _ in range(2))
    start, bit = weights(one), next(other.parameters())
    with torch.no_grad():
        bit[0, 0, 0, 0] = torch.nextafter(bit[0, 0, 0, 0], torch.tensor(torch.inf, dtype=dtype))
    apart, flipped = [], []
    with gates(one) as ones, gates(other) as others:
        for _ in zip(*(training.batches(network, dataset, learning_rate=learning_rate, seed=seed)
                       for network in (one, other))):
            moved = weights(one)
            apart.append(((moved - weights(other)).norm() / (moved - start).norm()).item())
            flipped.append(sum(int((a != b).sum()) for a, b in zip(ones, others)))  # one ReLU, one place, one image
            ones.clear()
            others.clear()
    first = next((step for step, count in enumerate(flipped) if count), None)
    growth = [after / before for before, after in zip(apart, apart[1:])]  # of the distance, from a step to the next
    return {"apart": [float(f"{value:.2e}") for value in apart[::4]], "final": apart[-1], "first_flip": first,
            "growth_before": max(growth[:first - 1 if first else None], default=None),
            "growth_at_flip": growth[first - 1] if first else None}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("twins", "How far apart do two trainings get that differ in the last bit of one weight?",
                [{"activation": activation, "precision": precision, "depth": 8, "learning_rate": 0.1, "seed": seed}
                 for activation, precision in (("ReLU", 32), ("ReLU", 64), ("SiLU", 32))
                 for seed in range(1, 11)], measure)
