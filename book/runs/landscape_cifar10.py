"""The loss around the recorded networks for CIFAR-10, with stored and with recomputed batch-norm statistics."""

import torch

from resnet_lib import data, landscape, runs, weights

GRID = [step / 3 for step in range(-3, 4)]


def measure(kind: str, depth: int) -> dict:
    """The network of the recording cifar10-KIND-DEPTH-quick-1, on 48 training images."""
    network = weights.load(runs.FOLDER / f"cifar10-{kind}-{depth}-quick-1.pt").network
    dataset = data.load("cifar10").subset(train=48, test=48, seed=1)
    images = dataset.train_images.to(memory_format=torch.channels_last)
    axes = landscape.direction(network, 1), landscape.direction(network, 2)
    return {name: landscape.plane(network, images, dataset.train_labels, axes, GRID, recomputed)
            for name, recomputed in (("stored", False), ("recomputed", True))}


if __name__ == "__main__":
    runs.record("landscape_cifar10", "Do stored statistics raise mountains on CIFAR-10, too?",
                [{"kind": kind, "depth": depth} for depth in (56, 20) for kind in ("plain", "residual")], measure)
