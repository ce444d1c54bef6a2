"""Plain and residual networks of several depths on digits, over learning rates, seeds and two budgets."""

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


def measure(kind: str, depth: int, learning_rate: float, epochs: int, seed: int) -> dict:
    build = {"plain": networks.plain, "residual": networks.residual}[kind]
    network = build(depth, in_channels=1, classes=10, seed=seed)
    try:
        return training.fit(network, digits, epochs=epochs, learning_rate=learning_rate, seed=seed).measured()
    except training.TrainingDiverged:
        return {"diverged": True}


def configurations() -> list[dict]:
    short = [(kind, depth, rate, 8) for kind in ("plain", "residual") for depth in (8, 14, 20, 32, 44, 56)
             for rate in (0.01, 0.03, 0.1, 0.3)]
    long = [("plain", depth, rate, 24) for depth, rates in ((20, (0.03, 0.1)), (56, (0.01, 0.03, 0.1)))
            for rate in rates]
    deepest = [(kind, 110, rate, 8) for kind, rates in (("plain", (0.03, 0.1)), ("residual", (0.01, 0.03, 0.1)))
               for rate in rates]
    more = [setting for setting in short if (setting[1] in (20, 56) and setting[2] in (0.03, 0.1))
            or (setting[2] == 0.3 and (setting[1] == 8 or setting[:2] == ("plain", 56)))]
    return [{"kind": kind, "depth": depth, "learning_rate": rate, "epochs": epochs, "seed": seed}
            for settings, seeds in ((short + long + deepest, range(1, 6)), (more, range(6, 11)))
            for seed in seeds for kind, depth, rate, epochs in settings]


if __name__ == "__main__":
    runs.record("degradation", "Which depths train, at which learning rates, in which budget?", configurations(),
                measure)
