"""Which images a network gets wrong, for many seeds, learning rates and splits of the digits: 1,080 of 1,797 held out.

The held-out images of a split are for the page to divide into those that choose and those that judge.
"""

from dataclasses import replace

import torch

from resnet_lib import data, networks, runs, training

digits = data.load("digits")
IMAGES = torch.cat([digits.train_images, digits.test_images])
LABELS = torch.cat([digits.train_labels, digits.test_labels])
TRAIN = 717


def measure(split: int, learning_rate: float, seed: int) -> dict:
    order = torch.randperm(len(IMAGES), generator=torch.Generator().manual_seed(split))
    kept, held_out = order[:TRAIN], order[TRAIN:]
    dataset = replace(digits, train_images=IMAGES[kept], train_labels=LABELS[kept],
                      test_images=IMAGES[held_out[:1]], test_labels=LABELS[held_out[:1]])
    network = networks.residual(8, in_channels=1, classes=10, seed=seed)
    try:
        training.fit(network, dataset, learning_rate=learning_rate, seed=seed)
    except training.TrainingDiverged:
        return {"wrong": list(range(len(held_out)))}
    with torch.no_grad():
        answers = network.eval()(IMAGES[held_out]).argmax(1)
    return {"wrong": (answers != LABELS[held_out]).nonzero()[:, 0].tolist()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("selection", "How good is the best of many, chosen by a few images, on fresh images?",
                [{"split": split, "learning_rate": rate, "seed": seed} for split in range(1, 11)
                 for rate, seeds in ((0.1, 20), (0.01, 2), (0.03, 2), (0.3, 2), (1.0, 2))
                 for seed in range(1, seeds + 1)], measure)
