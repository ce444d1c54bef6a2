"""Original and pre-activation residual networks at three depths, each at four learning rates."""

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


def measure(block: str, depth: int, learning_rate: float, seed: int) -> dict:
    network = networks.residual(depth, in_channels=1, classes=10, pre_activation=block == "pre-activation", seed=seed)
    try:
        return training.fit(network, digits, learning_rate=learning_rate, seed=seed).measured()
    except training.TrainingDiverged:
        return {"diverged": True}


if __name__ == "__main__":
    rates = {20: (0.1, 0.03, 0.3), 56: (0.1, 0.03, 0.01, 0.3), 110: (0.1, 0.03, 0.01, 0.3)}
    every = [{"block": block, "depth": depth, "learning_rate": rate, "seed": seed} for seed in range(1, 6)
             for depth in rates for rate in rates[depth] for block in ("original", "pre-activation")]
    deepest = [{"block": block, "depth": 110, "learning_rate": rate, "seed": seed} for seed in range(6, 11)
               for block, rate in (("original", 0.1), ("pre-activation", 0.1), ("original", 0.03))]
    runs.record("pre_activation", "Is the pre-activation block better, and where?", every + deepest, measure)
