"""The study of paths: its shortcuts through the work give what the plain way gives, and its counts are right."""

from __future__ import annotations

import copy
import itertools
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.nn import functional

from resnet_lib import data, networks, surgery
from tests.listings import study_module

DIGITS = data.load("digits").subset(train=60, test=40)
IMAGES, LABELS = DIGITS.test_images[:6], DIGITS.test_labels[:6]


@pytest.fixture(scope="module")
def study() -> ModuleType:
    return study_module("paths")


def network(kind: str = "residual", depth: int = 14) -> networks.Network:
    """Untrained, with the statistics of the training images."""
    options = {"pre_activation": True} if kind == "pre-activation" else {}
    build = networks.plain if kind == "plain" else networks.residual
    made = build(depth, in_channels=1, width=4, seed=1, **options)
    surgery.recalibrate(made, DIGITS.train_images)
    return made.eval()


def without(study: ModuleType, whole: networks.Network, removed: tuple[int, ...]) -> networks.Network:
    damaged, stage = copy.deepcopy(whole), len(whole.blocks()) // 3
    for index in removed:
        damaged.stages[index // stage][index % stage] = study.shortcut_alone(whole.blocks()[index])
    return damaged


@pytest.mark.parametrize("kind", ["plain", "residual", "pre-activation"])
@torch.no_grad()
def test_a_deletion_that_starts_in_the_middle_is_the_deletion(study: ModuleType, kind: str) -> None:
    whole = network(kind)
    kept = study.Patient(whole, DIGITS.test_images, DIGITS.test_labels)
    new = study.Patient(whole, DIGITS.test_images, DIGITS.test_labels, DIGITS.train_images)
    for removed in ((), (0,), (2,), (5,), (1, 4), (0, 1, 2, 3, 4, 5), (2,)):
        damaged = without(study, whole, removed)
        assert torch.equal(kept.logits(removed), damaged(DIGITS.test_images))
        surgery.recalibrate(damaged, DIGITS.train_images)
        assert torch.allclose(new.logits(removed), damaged.eval()(DIGITS.test_images), rtol=1e-3, atol=1e-3)


def test_without_its_branch_a_residual_block_has_a_change_and_an_identity_has_none(study: ModuleType) -> None:
    whole = without(study, network(), (1,))
    blocks = whole.blocks()
    found = study.Patient.__new__(study.Patient)
    found.gaps = [nn.Identity() if isinstance(block, nn.Identity) else study.shortcut_alone(block)
                  if hasattr(block, "conv1") else block for block in blocks]
    found.blocks = blocks
    with torch.no_grad():
        found.before = found.states(whole, DIGITS.test_images)
    changes = found.changes()
    assert changes[1] == 0 and all(change > 0.1 for index, change in enumerate(changes) if index != 1)


def test_orders_and_kendalls_tau_by_hand(study: ModuleType) -> None:
    assert study.kendall([0, 1, 2]) == 1 and study.kendall([2, 1, 0]) == -1
    assert study.kendall([1, 0, 2]) == pytest.approx(1 / 3)
    for seed in range(20):
        order = study.shuffled([3, 3, 3], 50, torch.Generator().manual_seed(seed))
        assert sorted(order[:3]) == [0, 1, 2] and order[3] == 3 and sorted(order[4:6]) == [4, 5] and order[6] == 6


@pytest.mark.parametrize("kind", ["residual", "pre-activation"])
def test_the_parts_by_length_are_the_sums_over_all_paths(study: ModuleType, kind: str) -> None:
    whole = network(kind, depth=8)
    parts = study.gradient_by_length(whole, IMAGES, LABELS)
    double = copy.deepcopy(whole).double()
    states = [double.stem(IMAGES.double()).detach()]
    for block in double.blocks():
        states.append(block(states[-1]).detach())
    x = states[-1].requires_grad_()
    logits = double.classifier(double.last(x).mean((2, 3)))
    (end,) = torch.autograd.grad(functional.cross_entropy(logits, LABELS, reduction="sum"), x)
    sums = torch.zeros_like(parts)
    for ways in itertools.product((0, 1), repeat=3):  # each path by itself
        g = end
        for index in (2, 1, 0):
            at = states[index].detach().requires_grad_()
            branch, shortcut, gates = study.block_parts(double.blocks()[index], at)
            (g,) = torch.autograd.grad(branch if ways[index] else shortcut, at, gates * g)
        sums[sum(ways)] += g.flatten(1)
    assert torch.allclose(parts, sums, rtol=1e-9, atol=1e-12)
    single = study.single_paths(whole, IMAGES, LABELS)
    assert single[0] == pytest.approx(parts[0].norm().item()) and single[3] == pytest.approx(parts[3].norm().item())
    found = study.lengths(whole, DIGITS, images=6)
    assert sum(found["shares"]) == pytest.approx(1) and 0 < found["length"] < 3


def test_a_path_with_every_branch_is_a_plain_network(study: ModuleType) -> None:
    whole = network(depth=8)
    logits, lengths = study.all_ways(whole, DIGITS, "paths", None)
    assert len(logits) == 8 and sorted(lengths) == [0, 1, 1, 1, 2, 2, 2, 3]
    with torch.no_grad():
        assert torch.allclose(logits[lengths.index(3)], surgery.without_skips(whole)(DIGITS.test_images), atol=1e-6)
        parts, counts = study.all_ways(whole, DIGITS, "parts", None)
        assert torch.equal(parts[counts.index(3)], whole(DIGITS.test_images))


def test_a_committee_of_equals_makes_the_same_mistakes(study: ModuleType) -> None:
    labels = torch.tensor([0, 1, 2, 0])
    one = functional.one_hot(torch.tensor([0, 1, 2, 1]), 3).double()
    found = study.committee(torch.stack([one, one]), [0, 1], labels, one)
    assert found["members"] == found["best"] == found["mean"] == found["whole"] == 75
    assert found["good"] == 2 and found["alike"] == pytest.approx(1)
    other = functional.one_hot(torch.tensor([0, 1, 0, 0]), 3).double()
    assert study.committee(torch.stack([one, other]), [0, 1], labels, one)["alike"] == pytest.approx(-1 / 3)


def test_a_block_left_out_at_random_is_ordinary_afterwards(study: ModuleType) -> None:
    made = study.fresh("stochastic depth", 8, seed=1)
    ordinary = networks.residual(8, in_channels=1, seed=1)
    with torch.no_grad():
        assert torch.equal(made.eval()(IMAGES), ordinary.eval()(IMAGES))
        block = made.blocks()[2].train()
        x = made.blocks()[1](made.blocks()[0](made.stem(IMAGES)))
        left_out = torch.relu(block.shortcut(x))
        assert block.survival == 0.5
        assert {torch.equal(block(x), left_out) for _ in range(20)} == {True, False}
