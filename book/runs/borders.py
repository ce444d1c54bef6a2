"""Networks whose maps have a border of zeros, and networks whose maps wrap around and have none."""

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


def measure(kind: str, depth: int, padding: str, learning_rate: float, seed: int) -> dict:
    build = {"plain": networks.plain, "residual": networks.residual}[kind]
    network = build(depth, in_channels=1, classes=10, padding_mode=padding, seed=seed)
    try:
        return training.fit(network, digits, learning_rate=learning_rate, seed=seed).measured()
    except training.TrainingDiverged:
        return {"diverged": True}


if __name__ == "__main__":
    runs.record("borders", "Does a border of zeros help or harm?",
                [{"kind": kind, "depth": 20, "padding": padding, "learning_rate": rate, "seed": seed}
                 for seed in range(1, 11) for kind in ("plain", "residual") for padding in ("zeros", "circular")
                 for rate in (0.03, 0.1)], measure)
