"""Checks of the exercises in the part "Understanding"."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from resnet_lib.exercises.checking import check

# understanding/shattered-gradients -----------------------------------------------------------------------------------


@check
def open_share(answer: tuple[float, float]) -> str:
    """`(bias_0, bias_1)` in per cent: how many ReLUs are open behind a batch norm with bias 0, and with bias 1."""
    first, second = map(float, answer)
    if max(first, second) <= 1:
        return "Give both in per cent."
    if not math.isclose(first, 50, abs_tol=0.5):
        return "With bias 0 the inputs of the ReLUs have mean 0: how many of them are positive?"
    typical = {68: "68 % lie within one standard deviation of the mean, on both sides. Open are all above −1, without "
                   "an upper end.", 16: "That is the share that is closed.", 34: "That is the share between −1 and 0: "
                   "add those above 0.", 100: "Inputs below −1 stay closed.", 95: "That would be a bias of about 1.64."}
    if not math.isclose(second, 84, abs_tol=0.6):
        return f"The first is right. The second is not {second:.0f} %. " + typical.get(
            round(second), "Open is the share of a standard normal u with u + 1 > 0.")
    return ""


@check
def relative_change(answer: Callable[[Tensor, Tensor], float]) -> str:
    """`answer(clean, noisy)`: the change from `clean` to `noisy`, N×C×H×W, over the spread between the N images."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.randn(20, 3, 4, 4, generator=generator) + 5
    cases = [(clean, clean + 0.1 * torch.randn(clean.shape, generator=generator)), (clean, clean.flip(0)),
             (clean, clean)]
    for before, after in cases:
        given = float(answer(before.clone(), after.clone()))
        change, spread = (after - before).square().sum(), (before - before.mean(0)).square().sum()
        right = (change / spread).sqrt().item()
        if math.isclose(given, right, rel_tol=1e-3, abs_tol=1e-6):
            continue
        changes, spreads = (part.flatten(1).norm(dim=1) for part in (after - before, before - before.mean(0)))
        each = (changes / spreads).mean().item()
        typical = [(right**2, "The root is missing: that is the ratio of the squares."),
                   ((change / before.square().sum()).sqrt().item(),
                    "Divide by the spread between the images, ‖h − mean h‖, not by ‖h‖: what all images share says "
                    "nothing."),
                   ((change / (before - before.mean()).square().sum()).sqrt().item(),
                    "The mean is taken over the images alone: each channel and pixel has its own."),
                   (each, "That is the mean of the images' own ratios. Sum the squares over all images first.")]
        hint = next((says for value, says in typical if math.isclose(given, value, rel_tol=1e-3)),
                    "Sum the squares of after − before, divide by those of before − before.mean(0), take the root.")
        return f"For {len(before)} outputs it is {right:.4f}; yours is {given:.4f}. {hint}"
    return ""


@check
def mirrored_filters(answer: Callable[[Tensor], Tensor]) -> str:
    """`answer(half)`: from A, outputs×inputs×3×3, the filters 2·outputs×2·inputs×3×3 of a layer that looks linear."""
    half = torch.randn(3, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    given = answer(half.clone())
    if tuple(given.shape) != (6, 4, 3, 3):
        return f"The filters have the shape 6×4×3×3 for A of 3×2×3×3, not {'×'.join(map(str, given.shape))}."
    z = torch.randn(5, 2, 6, 6, generator=torch.Generator().manual_seed(1))
    pairs = torch.cat([z.relu(), (-z).relu()], 1)
    out = torch.nn.functional.conv2d(pairs, given, padding=1)
    linear = torch.nn.functional.conv2d(z, half, padding=1)
    if not torch.allclose(out[:, :3], linear, atol=1e-4):
        return "The first half of the channels is not A z where the input holds ReLU(z) and ReLU(−z)."
    if not torch.allclose(out[:, 3:], -linear, atol=1e-4):
        return "The second half is not −A z: the next layer then lacks the pairs that it counts on."
    return ""
