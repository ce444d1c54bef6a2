"""Digits: what instruments read off a network before training, and what its training then reaches.

Plain networks of two depths whose batch norms start with a bias, whose ReLUs are leaky, or whose filters are
mirrored, and residual networks. Each is trained for four epochs, at the rate that is best for another
seed.
"""

import math
from dataclasses import replace

import torch

from resnet_lib import chaos, data, networks, runs, training

digits = data.load("digits")
RATES = (0.01, 0.03, 0.1)
TUNED_ON, SEEDS, WIDTH, EPOCHS = 101, (31, 32), 8, 4
CHANGES = {"plain": [("bias", 0.0), ("bias", 0.5), ("bias", 1.0), ("bias", 1.5), ("bias", 2.0), ("slope", 0.25),
                     ("slope", 0.5), ("slope", 1.0), ("mirrored", 1.0)],
           "residual": [("bias", 0.0), ("bias", 1.0), ("bias", 2.0)]}
NETWORKS = (("plain", 56), ("residual", 56), ("plain", 20), ("residual", 20))


def dealt(seed: int) -> data.Dataset:
    """All digits, dealt anew into training and test images, as many as before of each."""
    images, labels = (torch.cat(parts) for parts in ((digits.train_images, digits.test_images),
                                                     (digits.train_labels, digits.test_labels)))
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    train, test = order.split((len(digits.train_images), len(digits.test_images)))
    return replace(digits, train_images=images[train], train_labels=labels[train], test_images=images[test],
                   test_labels=labels[test])


def start(kind: str, depth: int, change: str, dose: float, seed: int) -> networks.Network:
    network = getattr(networks, kind)(depth, in_channels=1, width=WIDTH, seed=seed)
    if change == "bias":
        chaos.set_bias(network, dose)
    elif change == "slope":
        chaos.make_leaky(network, dose)
    else:
        chaos.make_looks_linear(network, seed)
    return network


def train(kind: str, depth: int, change: str, dose: float, seed: int, learning_rate: float) -> dict:
    network = start(kind, depth, change, dose, seed)
    try:
        history = training.fit(network, dealt(seed), epochs=EPOCHS, learning_rate=learning_rate, seed=seed,
                               progress=False)
    except training.TrainingDiverged:
        return {"diverged": True}
    return {"loss": history.final_train_loss, "epoch_loss": history.train_loss, "test_error": history.test_error[-1]}


def measure(kind: str, depth: int, change: str, dose: float) -> dict:
    setting = {"kind": kind, "depth": depth, "change": change, "dose": dose}
    tried: dict[float, float] = {}

    def attempt(rate: float) -> float:
        tried[rate] = train(**setting, seed=TUNED_ON, learning_rate=rate).get("loss", math.inf)
        return tried[rate]

    rate = min(RATES, key=attempt)
    while rate == min(tried) and rate > 0.001:  # the lowest one so far: try a lower one
        lower = {0.01: 0.003, 0.003: 0.001}[rate]
        if not attempt(lower) < tried[rate]:
            break
        rate = lower
    seeds = []
    for seed in SEEDS:
        images = dealt(seed)
        first = images.train_images[:512], images.train_labels[:512]
        seeds.append({"seed": seed, **chaos.initial(start(**setting, seed=seed), *first, seed),
                      **train(**setting, seed=seed, learning_rate=rate)})
    return {"rates": list(tried), "losses": list(tried.values()), "rate": rate, "seeds": seeds}


if __name__ == "__main__":
    runs.record("trainability", "Which number, read off a network before training, predicts how far training gets?",
                [{"kind": kind, "depth": depth, "change": change, "dose": dose} for kind, depth in NETWORKS
                 for change, dose in CHANGES[kind]], measure)
