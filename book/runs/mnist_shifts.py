"""Networks of networks/mnist, with a border of zeros and without any border, trained on centred and on shifted images.

Each is then given test images that are moved by up to four pixels. Needs MNIST (`make data DATA=mnist`).
"""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, runs, training

mnist = data.load("mnist")
images, labels = mnist.test_images[::5], mnist.test_labels[::5]
paper = float(images.min())
DIRECTIONS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def moved(images: Tensor, down: int, right: int) -> Tensor:
    """The images, N×C×H×W, moved by whole pixels; paper comes in at the other side."""
    height, width = images.shape[2:]
    larger = functional.pad(images, (4, 4, 4, 4), value=paper)
    return larger[:, :, 4 - down:4 - down + height, 4 - right:4 - right + width]


def measure(padding_mode: str, augmentation: str, seed: int, side: int = 28) -> dict:
    network = networks.residual(14, in_channels=1, stem_stride=2, padding_mode=padding_mode, seed=seed)
    if side == 32:
        return around(network, seed)
    history = training.fit(network, mnist, epochs=1, seed=seed, augment=shifted if augmentation == "shift" else None)
    found = {name: [ask(network, moved(images, step * down, step * right)) for step in range(1, 5)]
             for name, (down, right) in DIRECTIONS.items()}
    return {"test_error": history.test_error[-1], "unmoved": ask(network, images), **found}


def around(network: nn.Module, seed: int) -> dict:
    """The same on pictures of 32×32, which the steps of the network divide: rolled up by one to eight pixels."""
    def wider(images: Tensor) -> Tensor:
        return functional.pad(images, (2, 2, 2, 2), value=paper)

    larger = replace(mnist, train_images=wider(mnist.train_images), test_images=wider(mnist.test_images))
    history = training.fit(network, larger, epochs=1, seed=seed)
    return {"test_error": history.test_error[-1], "unmoved": ask(network, wider(images)),
            "up": [ask(network, wider(images).roll(-step, 2)) for step in range(1, 9)]}


@torch.no_grad()
def ask(network: nn.Module, images: Tensor) -> list[float]:
    """Error and mean confidence of the answers, in per cent."""
    confidence, answer = torch.cat([network.eval()(part) for part in images.split(256)]).softmax(1).max(1)
    return [100 * (answer != labels).float().mean().item(), 100 * confidence.mean().item()]


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image of the batch moved by up to four pixels in both directions, at random; what comes in is paper."""
    return data.shift(images - paper, generator) + paper


if __name__ == "__main__":
    runs.record("mnist_shifts", "Does a network read a digit that stands a few pixels beside the middle?",
                [{"padding_mode": "circular", "augmentation": "none", "seed": seed, "side": 32} for seed in (1, 2, 3)]
                + [{"padding_mode": padding_mode, "augmentation": augmentation, "seed": seed}
                 for seed in range(1, 11) for padding_mode, augmentation, seeds in
                 (("zeros", "none", 10), ("zeros", "shift", 5), ("circular", "none", 3), ("circular", "shift", 3))
                 if seed <= seeds], measure)
