"""The checks of networks/mnist: right answers pass, mistakes are named, nonsense does not raise."""

import pytest
import torch

from resnet_lib import exercises


def error(confidence, right, bins, weighted=True, absolute=True, power=1, last=True, factor=1.0):
    """The expected calibration error, rightly or wrongly."""
    place = (confidence * bins).long()
    if last:
        place = place.clamp(max=bins - 1)
    total, used = 0.0, 0
    for index in range(bins):
        here = place == index
        if not here.any():
            continue
        gap = right[here].float().mean() - confidence[here].mean()
        gap = (gap.abs() if absolute else gap) ** power
        total += gap * (here.float().mean() if weighted else 1)
        used += 1
    return factor * float(abs(total)) / (1 if weighted else used)


def fold(weight, gamma, beta, mean, variance, eps, *, bias="right", root=True):
    scale = gamma / ((variance + eps).sqrt() if root else variance + eps)
    shift = {"right": beta - scale * mean, "none": beta, "unscaled": beta - mean}[bias]
    return weight * scale[:, None, None, None], shift


def test_right_answers_pass():
    assert exercises.calibration_error(error)
    assert exercises.folded(fold)


@pytest.mark.parametrize("answer, says", [
    (lambda c, r, b: error(c, r, b, factor=100), "give a share"),
    (lambda c, r, b: error(c, r, b, weighted=False), "as often as it has answers"),
    (lambda c, r, b: error(c, r, b, absolute=False), "opposite sign cancel"),
    (lambda c, r, b: error(c, r, b, power=2), "squared"),
    (lambda c, r, b: error(c, r, b, last=False), "belongs to the last bin"),
    (lambda c, r, b: sum((r[(c * b).long() == i].float().mean() - c[(c * b).long() == i].mean()).abs()
                         * 0.1 for i in range(b + 3)), "NaN"),
    (lambda c, r, b: 0.5, "weighted by the bin's answers"),
    (lambda c, r, b: "much", "could not be checked"),
    (lambda c: 0, "could not be checked"),
])
def test_mistakes_in_the_calibration_error_are_named(capsys, answer, says):
    assert not exercises.calibration_error(answer)
    assert says in capsys.readouterr().out


def test_opposite_gaps_cancel_only_where_there_are_such(capsys):
    """What the check calls cancelling differs from the right value on its own data."""
    assert not exercises.calibration_error(lambda c, r, b: float(abs(r.float().mean() - c.mean())))
    assert "opposite sign cancel" in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda *parts: fold(*parts, bias="none"), "mean is missing"),
    (lambda *parts: fold(*parts, bias="unscaled"), "goes through it, too"),
    (lambda *parts: fold(*parts[:-1], 0.0), "ε is missing"),
    (lambda *parts: fold(*parts, root=False), "square root"),
    (lambda weight, *parts: (weight, parts[1]), "other numbers"),
    (lambda weight, *parts: (weight.flatten(1), parts[1]), "shape"),
    (lambda weight, *parts: fold(weight.mul_(2), *parts), "changes the weights"),
    (lambda *parts: 1, "could not be checked"),
])
def test_mistakes_in_folding_are_named(capsys, answer, says):
    assert not exercises.folded(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [3, "text", torch.ones(2), [], {}])
def test_nonsense_does_not_raise(nonsense):
    assert not exercises.calibration_error(nonsense)
    assert not exercises.folded(nonsense)
