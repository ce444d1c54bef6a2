"""Checks of the answers to the exercises of the part "Understanding"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from resnet_lib.exercises.checking import check, hint

# paths ---------------------------------------------------------------------------------------------------------------

@check
def paths_left(answer: Sequence[float]) -> str:
    """(paths of 27 blocks after 8 deletions, per cent of them that this is, per cent of draws of two among the 27
    blocks that hit none of nine), numbers with three digits."""
    if len(answer) != 3:
        return "Three numbers are asked for: paths, per cent, per cent."
    left, share, spared = map(float, answer)
    if left != 2**19:
        return hint(left, {2.0**27 - 2.0**8: "Deleting a block halves the paths; it does not take away a fixed number.",
                           27.0 - 8: "That is the number of blocks left. Each is passed through or around.",
                           2.0**8: "That is by how much they become fewer: divide."},
                    "Each of the blocks left offers two ways.")
    if abs(share - 100 / 2**8) > 0.005:
        return hint(share, {1 / 2**8: "In per cent, please: 100 times as much.",
                            100 * 19 / 27: "That is the share of the blocks; the share of the paths is asked for."},
                    "Divide by the paths before, and give it in per cent with two decimals.", atol=0.005)
    return "" if abs(spared - 100 * (18 * 17) / (27 * 26)) <= 0.06 else hint(
        spared, {100 * (18 / 27)**2: "Nearly: the second block is drawn from the 26 left, of which 17 are harmless.",
                 100 * 18 / 27: "That is for one block. Two are drawn.",
                 100 - 100 * (18 * 17) / (27 * 26): "That is the share of draws that do hit one of the nine.",
                 (18 * 17) / (27 * 26): "In per cent, please: 100 times as much."},
        "18 of 27 for the first block; how many of how many for the second?", atol=0.06)


@check
def mean_length(answer: Callable[[Tensor], float]) -> str:
    """`answer(parts)`: lengths×images×numbers, the gradient of each image by path length; the mean path length, where
    a length weighs what it contributes along the whole gradient of its image, and each image counts alike."""
    generator = torch.Generator().manual_seed(0)
    for lengths, images, numbers in ((2, 1, 3), (4, 5, 6), (10, 3, 4)):
        parts = torch.randn(lengths, images, numbers, generator=generator, dtype=torch.float64)
        parts += torch.randn(images, numbers, generator=generator, dtype=torch.float64)  # so that no sum is near zero
        parts[:, 0] *= 100
        whole, steps = parts.sum(0), torch.arange(lengths, dtype=torch.float64)
        shares = (parts * whole).sum(2) / whole.square().sum(1)
        right, found = (shares.mean(1) * steps).sum().item(), float(answer(parts.clone()))
        if abs(found - right) <= 1e-6 * max(1, abs(right)):
            continue
        norms = parts.norm(dim=2) / parts.norm(dim=2).sum(0)
        squares = parts.square().sum(2) / parts.square().sum((0, 2))
        together = (parts * whole).sum((1, 2)) / whole.square().sum()
        return hint(found, [
            ((norms.mean(1) * steps).sum(), "You weigh by norms: what points away from the whole counts against it."),
            ((squares.mean(1) * steps).sum(), "You weigh by squares. Multiply each part with the whole gradient."),
            ((together * steps).sum(), "Images with long gradients count more. Divide image by image, then average."),
            ((shares.sum(1) * steps).sum(), "Take the mean over the images, not the sum."),
            (right + 1, "The first part has the length 0: it goes around every block."),
        ], "The weights of one image are ⟨part, whole⟩/⟨whole, whole⟩ and add up to 1.", rtol=1e-6, atol=1e-9)
    return ""
