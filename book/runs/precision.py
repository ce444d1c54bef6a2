"""What bfloat16 costs in accuracy: residual-8 on digits, computed in three ways, ten seeds each."""

import torch
from torch import Tensor, nn

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


class Computed(nn.Module):
    """A network computed in bfloat16: only its operations (autocast), or its weights, too."""

    def __init__(self, network: nn.Module, way: str):
        super().__init__()
        self.network, self.way = network, way
        if way == "weights, too":
            network.bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "weights, too":
            return self.network(x.bfloat16()).float()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.way == "operations"):
            return self.network(x).float()


def measure(way: str, learning_rate: float, seed: int) -> dict:
    network = Computed(networks.residual(8, in_channels=1, classes=10, seed=seed), way)
    history = training.fit(network, digits, learning_rate=learning_rate, seed=seed, progress=False)
    return {"train_loss": history.final_train_loss, "test_error": history.test_error[-1]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("precision", "What does training in bfloat16 cost in accuracy?",
                [{"way": way, "learning_rate": 0.1, "seed": seed} for seed in range(1, 11)
                 for way in ("float32", "operations", "weights, too")], measure)
