"""The checks of concepts/neural-networks: right answers pass, mistakes are named, nonsense does not raise."""

import math

import pytest
import torch
from torch.nn import functional

from resnet_lib import exercises


def bias(steps, share):
    kept = share ** (1 / steps)
    return math.log(kept / (1 - kept))


def matrix(window, mode="constant"):
    """Column j: the convolution of the picture whose only dark pixel is j."""
    pictures = functional.pad(torch.eye(64).reshape(64, 1, 8, 8), (1, 1, 1, 1), mode=mode)
    return functional.conv2d(pictures, window[None, None]).reshape(64, 64).T


def cut_border(window):
    """The border's own pixels see nothing but themselves."""
    found = matrix(window)
    border = torch.ones(8, 8, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    found[border.flatten()] = torch.eye(64)[border.flatten()]
    return found


def test_right_answers_pass():
    assert exercises.neuron_step(([1, -0.5], -3))
    assert exercises.neuron_step((torch.tensor([1.0, -0.5]), torch.tensor(-3.0)))
    assert exercises.forget_bias(bias)
    assert exercises.forget_bias(lambda steps, share: torch.logit(torch.tensor(share).double() ** (1 / steps)))
    assert exercises.convolution_matrix(matrix)
    assert exercises.convolution_matrix(lambda window: matrix(window).numpy())


@pytest.mark.parametrize("answer, says", [
    (([-1, 0.5], -3), "opposite sign"),
    (([0.25, -0.125], -3), "cancels"),
    (([0.25, 0.5], -3), "times the input"),
    (([2, -1], -3), "multiply it by δ"),
    (([0, 0], 0), "the sigmoid is ½"),
    (([3, 4], -3), "is not δx"),
    (([1, -0.5, 0.5], -3), "two numbers"),
    (([1, -0.5], -2.5), "the bias was left out"),
    (([1, -0.5], 3), "against it"),
    (([1, -0.5], 7), "The new a needs"),
])
def test_mistakes_in_the_step_are_named(capsys, answer, says):
    assert not exercises.neuron_step(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda steps, share: share ** (1 / steps), "the gate itself"),
    (lambda steps, share: -bias(steps, share), "the sign is turned round"),
    (lambda steps, share: bias(1, share), "the steps were left out"),
    (lambda steps, share: math.log(share) / steps, "leaves"),
    (lambda steps, share: float("nan"), "the result is nan"),
    (lambda steps, share: -1e6, "leaves"),
])
def test_mistakes_in_the_bias_are_named(capsys, answer, says):
    assert not exercises.forget_bias(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda window: matrix(window).T, "turned by 180°"),
    (lambda window: matrix(window.T), "mirrored"),
    (lambda window: matrix(window, "circular"), "comes back in"),
    (cut_border, "wrong at the border"),
    (lambda window: window, "64×64"),
    (lambda window: torch.eye(64), "8·row + column"),
])
def test_mistakes_in_the_matrix_are_named(capsys, answer, says):
    assert not exercises.convolution_matrix(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("check", [exercises.neuron_step, exercises.forget_bias, exercises.convolution_matrix])
@pytest.mark.parametrize("nonsense", [None, ..., "abc", 3.5, [], {}, torch.zeros(3, 3), lambda: None,
                                      lambda *any: "abc", float("nan")])
def test_nonsense_does_not_raise(check, nonsense):
    assert not check(nonsense)
