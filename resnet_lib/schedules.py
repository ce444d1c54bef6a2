"""The course of the learning rate: factors on the largest one, at a progress in [0, 1] through a training."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def one_cycle(progress: float) -> float:
    """Factor on the peak learning rate at `progress` in [0, 1]: up from 1/25 in the first quarter, then down to 0.

    Both arcs are half cosines (Smith & Topin 2018, in the form of PyTorch's OneCycleLR).
    """
    if progress < 0.25:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * progress / 0.25)) / 2
    return (1 + math.cos(math.pi * (progress - 0.25) / 0.75)) / 2


def step(progress: float) -> float:
    """Factor 1, then 0.1 from a half and 0.01 from three quarters of the training (He et al. 2015, section 4.2)."""
    return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01


def constant(progress: float) -> float:
    """Factor 1 from the first step to the last."""
    return 1.0
