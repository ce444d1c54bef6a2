"""The checks of understanding/shattered-gradients: right answers pass, mistakes are named, nonsense does not raise."""

import pytest
import torch

from resnet_lib import exercises


def relative(clean, noisy):
    return ((noisy - clean).square().sum() / (clean - clean.mean(0)).square().sum()).sqrt()


def mirrored(half):
    row = torch.cat([half, -half], 1)
    return torch.cat([row, -row])


def test_right_answers_pass():
    assert exercises.open_share((50, 84.1))
    assert exercises.relative_change(relative)
    assert exercises.mirrored_filters(mirrored)


@pytest.mark.parametrize("answer, says", [
    ((0.5, 0.84), "in per cent"), ((84, 50), "mean 0"), ((50, 68), "both sides"), ((50, 16), "closed"),
    ((50, 34), "add those"), ((50, 77), "u + 1 > 0"), ((float("nan"), 84), "mean 0")])
def test_wrong_shares_are_named(answer, says, capsys):
    assert not exercises.open_share(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda a, b: relative(a, b) ** 2, "root is missing"), (lambda a, b: (b - a).norm() / a.norm(), "spread"),
    (lambda a, b: (b - a).norm() / (a - a.mean()).norm(), "over the images alone"),
    (lambda a, b: 3.0, "take the root")])
def test_wrong_changes_are_named(answer, says, capsys):
    assert not exercises.relative_change(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda half: half, "6×4×3×3"), (lambda half: torch.cat([torch.cat([half, half], 1)] * 2), "first half"),
    (lambda half: torch.cat([torch.cat([half, -half], 1)] * 2), "second half")])
def test_wrong_filters_are_named(answer, says, capsys):
    assert not exercises.mirrored_filters(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("check", [exercises.open_share, exercises.relative_change, exercises.mirrored_filters])
@pytest.mark.parametrize("answer", [None, ..., 3, "x", (1,), lambda *arguments: 1 / 0, lambda *arguments: "x"])
def test_nonsense_does_not_raise(check, answer):
    assert not check(answer)
