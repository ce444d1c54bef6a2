"""Changes to a residual network that no error message reports, at two depths, three epochs each.

Six change what stands on the path of the shortcut: option C of He et al. 2015 in its two parts, and its normalisation
with another bias or weight at the start. Six are mistakes; "ReLU before the addition" and "norm after the addition"
are designs that He et al. 2016 tried (table 2).
"""

from typing import Any

import torch
from torch import Tensor, nn

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


class SkipForgotten(networks.ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x))


class ReluBeforeAddition(networks.ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x)) + self.shortcut(x)


class NormAfterAddition(networks.ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        branch = self.conv2(torch.relu(self.norm1(self.conv1(x))))
        return torch.relu(self.norm2(branch + self.shortcut(x)))


class GradientCut(networks.ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x).detach())


class StrideOnSecond(networks.ResidualBlock):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, **options: Any):
        super().__init__(in_channels, out_channels, stride, **options)
        self.conv1.stride, self.conv2.stride = (1, 1), (stride, stride)


MISTAKES = {"skip forgotten": SkipForgotten, "ReLU before the addition": ReluBeforeAddition,
            "norm after the addition": NormAfterAddition, "gradient cut": GradientCut,
            "stride on the second": StrideOnSecond}
SHORTCUTS = ("projection", "norm", "norm, bias 1", "projection and norm", "projection and norm, bias 1",
             "projection and norm, weight 2")
VARIANTS = ("none", *SHORTCUTS, *MISTAKES, "one block shared")


def build(variant: str, depth: int, seed: int) -> networks.Network:
    """The residual network of option A with one change."""
    if variant.startswith("projection"):
        network = networks.residual(depth, in_channels=1, classes=10, shortcut="C", seed=seed)
    else:
        with networks.seeded(seed):
            network = networks.Network(MISTAKES.get(variant, networks.ResidualBlock), depth, in_channels=1, classes=10)
    for block in network.blocks():
        if variant == "projection":
            block.shortcut[1] = nn.Identity()
        elif variant in ("norm", "norm, bias 1") and isinstance(block.shortcut, nn.Identity):
            block.shortcut = nn.BatchNorm2d(block.conv2.out_channels)
        for module in block.shortcut.modules():
            if isinstance(module, nn.BatchNorm2d) and variant.endswith("bias 1"):
                nn.init.ones_(module.bias)
            elif isinstance(module, nn.BatchNorm2d) and variant.endswith("weight 2"):
                nn.init.constant_(module.weight, 2)
    if variant == "one block shared":  # [block] * n in place of n blocks
        for index, stage in enumerate(network.stages):
            first, second, *others = stage.children()
            network.stages[index] = nn.Sequential(first, second, *[second] * len(others))
    return network


def measure(variant: str, depth: int, learning_rate: float, epochs: int, seed: int) -> dict:
    network = build(variant, depth, seed)
    try:
        return training.fit(network, digits, epochs=epochs, learning_rate=learning_rate, seed=seed).measured()
    except training.TrainingDiverged:
        return {"diverged": True}


if __name__ == "__main__":
    plan = [(variant, depth, rate, seed) for depth, rate, seeds in ((56, 0.03, 5), (20, 0.1, 10))
            for seed in range(1, seeds + 1) for variant in VARIANTS]
    plan += [(variant, 56, rate, seed) for seed in (1, 2, 3) for rate in (0.01, 0.1)
             for variant in ("none", "norm", "projection and norm")]
    runs.record("residual_variants", "Which changes to a residual network show in its error?",
                [{"variant": variant, "depth": depth, "learning_rate": rate, "epochs": 3, "seed": seed}
                 for variant, depth, rate, seed in plan], measure)
