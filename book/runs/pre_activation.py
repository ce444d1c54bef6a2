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
    runs.record("pre_activation", "Is the pre-activation block better, and where?",
                [{"block": block, "depth": depth, "learning_rate": rate, "seed": seed}
                 for seed in range(1, 6) for depth in (20, 56, 110) for rate in (0.1, 0.03, 0.01, 0.3)
                 if (depth, rate) not in ((20, 0.01), (110, 0.3)) for block in ("original", "pre-activation")], measure)
