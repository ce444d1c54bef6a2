"""Plain-56 without any skip, its batch-norm biases set to 1 instead of 0 before training."""

from torch import nn

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


def measure(kind: str, bias: float, learning_rate: float, seed: int) -> dict:
    build = {"plain": networks.plain, "residual": networks.residual}[kind]
    network = build(56, in_channels=1, classes=10, seed=seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, bias)
    try:
        return training.fit(network, digits, learning_rate=learning_rate, seed=seed).measured()
    except training.TrainingDiverged:
        return {"diverged": True}


if __name__ == "__main__":
    runs.record("batch_norm_bias", "Does one changed number let a plain network of 56 layers train?",
                [{"kind": "plain", "bias": 1.0, "learning_rate": rate, "seed": seed} for rates, seeds in
                 (((0.003, 0.01, 0.03, 0.1), range(1, 6)), ((0.003, 0.01), range(6, 11)))
                 for seed in seeds for rate in rates], measure)
