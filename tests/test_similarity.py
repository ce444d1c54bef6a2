"""The study of CKA: its estimates by hand, and what they must not depend on."""

from __future__ import annotations

import itertools
from types import ModuleType

import pytest
import torch

from tests.listings import study_module


@pytest.fixture(scope="module")
def study() -> ModuleType:
    return study_module("similarity")


GENERATOR = torch.Generator().manual_seed(0)
FIRST, SECOND = (torch.randn(9, 4, generator=GENERATOR, dtype=torch.float64) for _ in range(2))


def test_cka_by_hand(study: ModuleType) -> None:
    """With features centred over the images it is |AᵀB|² / (|AᵀA| |BᵀB|) (Kornblith et al. 2019, eq. 4)."""
    a, b = FIRST - FIRST.mean(0), SECOND - SECOND.mean(0)
    by_hand = (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())
    found = study.cka(study.inner_products(FIRST), study.inner_products(SECOND), study.hsic)
    assert found == pytest.approx(by_hand.item())


def test_the_unbiased_estimate_is_a_mean_over_four_different_images(study: ModuleType) -> None:
    """The estimate of Song et al. 2012: products of pairs that share two, one or no images, all different."""
    k, m = study.inner_products(FIRST[:6]), study.inner_products(SECOND[:6])
    total = 0.0
    fours = list(itertools.permutations(range(6), 4))
    for i, j, q, r in fours:
        total += (k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q])).item()
    found = study.hsic_unbiased(k, m) / (6 * 3)  # n (n − 3)
    assert found.item() == pytest.approx(total / len(fours))


@pytest.mark.parametrize("estimate", ["hsic", "hsic_unbiased"])
def test_cka_is_one_for_the_same_relations(study: ModuleType, estimate: str) -> None:
    rotation, _ = torch.linalg.qr(torch.randn(4, 4, generator=GENERATOR, dtype=torch.float64))
    for same in (FIRST, -3 * FIRST + 5, FIRST @ rotation, FIRST.unflatten(1, (2, 2))):
        found = study.cka(study.inner_products(FIRST), study.inner_products(same), getattr(study, estimate))
        assert found == pytest.approx(1)


def test_without_a_relation_the_unbiased_estimate_is_zero_on_average(study: ModuleType) -> None:
    values: dict[str, list[float]] = {"hsic": [], "hsic_unbiased": []}
    for _ in range(200):
        a, b = (study.inner_products(torch.randn(12, 30, generator=GENERATOR)) for _ in range(2))
        for estimate, found in values.items():
            found.append(study.cka(a, b, getattr(study, estimate)))
    means = {estimate: sum(found) / len(found) for estimate, found in values.items()}
    assert abs(means["hsic_unbiased"]) < 0.03 and means["hsic"] > 0.5
