"""The three kinds of shortcut (He et al. 2015, table 3) at two depths, each at its best rate for A."""

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


def measure(shortcut: str, depth: int, learning_rate: float, seed: int) -> dict:
    network = networks.residual(depth, in_channels=1, classes=10, shortcut=shortcut, seed=seed)
    try:
        return training.fit(network, digits, learning_rate=learning_rate, seed=seed).measured()
    except training.TrainingDiverged:
        return {"diverged": True}


if __name__ == "__main__":
    runs.record("shortcuts", "Does the kind of shortcut matter?",
                [{"shortcut": shortcut, "depth": depth, "learning_rate": rate, "seed": seed}
                 for depth, rate, seeds in ((20, 0.1, range(1, 11)), (56, 0.03, range(1, 6)))
                 for seed in seeds for shortcut in "ABC"], measure)
