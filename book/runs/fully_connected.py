"""Fully connected networks of 50 hidden layers, with and without skip, normalisation, and scaled branches."""

import torch

from resnet_lib import data, networks, runs, training

digits = data.load("digits")
DEPTH, WIDTH = 50, 64


def measure(skip: bool, normalisation: bool, scale: float, learning_rate: float, seed: int) -> dict:
    """`scale`: a factor on the initial weights of the hidden layers, and so, with ReLU, on what they give."""
    network = networks.fully_connected(DEPTH, WIDTH, inputs=64, outputs=10, skip=skip, normalisation=normalisation,
                                       seed=seed)
    with torch.no_grad():
        for linear in network.linears:
            linear.weight *= scale
    try:
        return training.fit(network, digits, learning_rate=learning_rate, seed=seed, progress=False).measured()
    except training.TrainingDiverged:
        return {"diverged": True}


if __name__ == "__main__":
    kinds = [(False, False, 1.0), (True, False, 1.0), (True, False, 1 / DEPTH), (False, True, 1.0), (True, True, 1.0)]
    rates = (0.001, 0.003, 0.01, 0.03, 0.1)
    runs.record("fully_connected", "Is a skip enough to train 50 fully connected layers?",
                [{"skip": skip, "normalisation": normalisation, "scale": scale, "learning_rate": rate, "seed": seed}
                 for skip, normalisation, scale in kinds for rate in rates for seed in range(1, 11)]
                + [{"skip": True, "normalisation": False, "scale": 1.0, "learning_rate": rate, "seed": seed}
                   for rate in (1e-5, 1e-4) for seed in range(1, 11)]
                + [{"skip": False, "normalisation": False, "scale": 1 / DEPTH, "learning_rate": rate, "seed": seed}
                   for rate in (0.01, 0.1) for seed in range(1, 11)], measure)
