"""Is the size of the gradients the cause? Both networks of 56 layers, gradients clipped, equalised, or with Adam."""

from resnet_lib import data, networks, runs, training

digits = data.load("digits")
TREATMENTS = {
    "clip at 1": {"before_step": training.clip_gradients(1.0)},
    "equal in every layer": {"before_step": training.equalise_gradients},
    "Adam": {"optimizer": training.adam},
}
RATES = {"clip at 1": (0.01, 0.03, 0.1, 0.3, 1.0), "equal in every layer": (0.0003, 0.001, 0.003, 0.01, 0.03),
         "Adam": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)}


def measure(kind: str, treatment: str, learning_rate: float, seed: int) -> dict:
    build = {"plain": networks.plain, "residual": networks.residual}[kind]
    network = build(56, in_channels=1, classes=10, seed=seed)
    try:
        return training.fit(network, digits, learning_rate=learning_rate, seed=seed, **TREATMENTS[treatment]).measured()
    except training.TrainingDiverged:
        return {"diverged": True}


if __name__ == "__main__":
    runs.record("gradient_size", "Does plain-56 train when the size of its gradients is corrected?",
                [{"kind": kind, "treatment": treatment, "learning_rate": rate, "seed": seed}
                 for seed in range(1, 6) for kind in ("plain", "residual")
                 for treatment in RATES for rate in RATES[treatment]], measure)
