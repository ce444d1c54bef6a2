"""Batch normalisation whose backward pass lacks a term: plain-20 and residual-20 trained with it."""

import torch
from torch import nn

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


class Norm(nn.BatchNorm2d):
    """The same forward pass; `without` names the statistic that the backward pass takes for a constant."""

    def __init__(self, channels: int, without: str):
        super().__init__(channels)
        self.without = without

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        super().forward(x.detach())  # for the running statistics
        mean = x.mean((0, 2, 3), keepdim=True)
        mean = mean.detach() if self.without == "mean" else mean
        variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
        variance = variance.detach() if self.without == "scale" else variance
        return (x - mean) / (variance + self.eps).sqrt() * self.weight[:, None, None] + self.bias[:, None, None]


def measure(kind: str, without: str, learning_rate: float, seed: int) -> dict:
    build = {"plain": networks.plain, "residual": networks.residual}[kind]
    network = build(20, in_channels=1, classes=10, seed=seed)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, Norm(child.num_features, without))
    try:
        history = training.fit(network, digits, epochs=4, learning_rate=learning_rate, seed=seed, progress=False)
    except training.TrainingDiverged:
        return {"diverged": True}
    return {key: history.measured()[key] for key in ("train_loss", "test_error", "final_train_loss")}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("norm_backward", "Which term of batch normalisation's backward pass does a network need?",
                [{"kind": kind, "without": without, "learning_rate": rate, "seed": seed} for seed in range(1, 11)
                 for kind in ("plain", "residual") for without in ("nothing", "mean", "scale")
                 for rate in (0.01, 0.03, 0.1, 0.3)], measure)
