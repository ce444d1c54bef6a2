"""How wide an area of the image a unit of the last stage depends on, on paper and in fact, by depth and kind."""

import torch
from torch import Tensor

from resnet_lib import data, networks, runs, surgery, training

digits = data.load("digits")
DEPTHS = (8, 20, 32, 44, 56)


def on_paper(depth: int) -> int:
    """Side of the square of pixels that a unit of the last stage can depend on."""
    return 28 * ((depth - 2) // 6) - 3


def mosaic(side: int, count: int, seed: int) -> Tensor:
    """`count` pictures of training digits side by side, count×1×S×S with S = 8·`side`."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(digits.train_images), (count, side, side), generator=generator)
    tiles = digits.train_images[chosen, 0]  # count×side×side×8×8
    return tiles.permute(0, 1, 3, 2, 4).reshape(count, 1, 8 * side, 8 * side)


def energy(network: networks.Network, images: Tensor, seed: int) -> Tensor:
    """Mean squared gradient of the unit in the middle of the last stage with respect to each pixel, S×S.

    Batch normalisation divides by constants: the statistics of these images.
    """
    surgery.recalibrate(network, images)
    images = images.clone().requires_grad_()
    maps = network.eval().stages(network.stem(images))
    upstream, middle = torch.zeros_like(maps), maps.shape[2] // 2
    generator = torch.Generator().manual_seed(seed)
    upstream[:, :, middle, middle] = torch.randn(maps.shape[:2], generator=generator)
    (gradient,) = torch.autograd.grad(maps, images, upstream)
    return gradient.square().mean((0, 1))


def width(energy: Tensor, share: float = 0.95) -> int:
    """Side of the smallest square around the unit's place that holds this share of the energy, in pixels."""
    middle = 4 * (len(energy) // 4 // 2)
    around = (square for square in range(1, len(energy), 2))
    return next(side for side in around if energy[middle - side // 2:middle + side // 2 + 1,
                                                  middle - side // 2:middle + side // 2 + 1].sum()
                >= share * energy.sum())


def measure(kind: str, depth: int, trained: bool, seed: int) -> dict:
    build = {"plain": networks.plain, "residual": networks.residual}[kind]
    network = build(depth, in_channels=1, classes=10, seed=seed)
    results = {}
    if trained:
        results["test_error"] = training.fit(network, digits, learning_rate=0.03, seed=seed).test_error[-1]
    side = on_paper(depth) // 8 + 2  # tiles: the whole square and a little more
    return {**results, "width": width(energy(network, mosaic(side, 4, seed), seed))}


if __name__ == "__main__":
    runs.record("receptive_field", "How much of the image does a unit of the last stage depend on?",
                [{"kind": kind, "depth": depth, "trained": trained, "seed": seed}
                 for seed in range(1, 11) for kind in ("plain", "residual")
                 for depth, trained in (*((depth, False) for depth in DEPTHS), (20, True), (56, True))
                 if (kind, depth, trained) != ("plain", 56, True)], measure)
