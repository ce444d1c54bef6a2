"""The checks of concepts/residual-connection: right answers pass, mistakes are named, nonsense does not raise."""

import statistics

import pytest
import torch
from torch.nn import functional

from resnet_lib import exercises


def block_in_place(x, branch):
    y = branch(x)
    x += y
    return torch.relu(x)


def padded(x):
    return functional.pad(x, (0, 0, 0, 0, 0, 16))


def ratio(summary, choose=min):
    """A fair_ratio that takes `summary` of each rate's losses and `choose`s among the rates."""
    return lambda *networks: (lambda plain, residual: plain / residual)(
        *(choose(summary(losses) for losses in network.values()) for network in networks))


def at(rate):
    return lambda plain, residual: statistics.median(plain[rate]) / statistics.median(residual[rate])


def test_right_answers_pass():
    assert exercises.residual_block(lambda x, branch: torch.relu(x + branch(x)))
    assert exercises.residual_block(lambda x, branch: (branch(x) + x).clamp(min=0))
    assert exercises.zero_padding_shortcut(lambda x: padded(x[:, :, ::2, ::2]))
    assert exercises.zero_padding_shortcut(
        lambda x: torch.cat([functional.max_pool2d(x, 1, 2), torch.zeros(len(x), 16, 4, 4)], 1))
    assert exercises.fair_ratio(ratio(statistics.median))


@pytest.mark.parametrize("answer, says", [
    (lambda x, branch: torch.relu(branch(x)), "plain block"),
    (lambda x, branch: x + branch(x), "last ReLU"),
    (lambda x, branch: x + torch.relu(branch(x)), "after the addition"),
    (lambda x, branch: torch.relu(x - branch(x)), "not subtracted"),
    (lambda x, branch: torch.relu(x + branch(branch(x))), "not ReLU(x + F(x))"),
    (lambda x, branch: torch.relu(torch.cat([x, branch(x)], 1)), "keeps the shape"),
    (block_in_place, "changes its input"),
])
def test_mistakes_in_the_block_are_named(capsys, answer, says):
    assert not exercises.residual_block(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda x: x[:, :, ::2, ::2], "expects (2, 32, 4, 4)"),
    (padded, "expects (2, 32, 4, 4)"),
    (lambda x: functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 16, 0)), "behind the old channels"),
    (lambda x: x[:, :, ::2, ::2].repeat(1, 2, 1, 1), "not zero"),
    (lambda x: padded(x[:, :, :4, :4]), "a corner"),
    (lambda x: padded(x[:, :, 1::2, 1::2]), "first pixel"),
    (lambda x: padded(functional.avg_pool2d(x, 2)), "averaged"),
    (lambda x: padded(functional.max_pool2d(x, 2)), "largest of four"),
    (lambda x: torch.zeros(2, 32, 4, 4), "every second pixel"),
])
def test_mistakes_in_the_shortcut_are_named(capsys, answer, says):
    assert not exercises.zero_padding_shortcut(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (at(0.03), "at the rate 0.03"),
    (ratio(statistics.mean), "or of means"),
    (at(0.1), "plain does best at 0.03"),
    (ratio(min), "luckiest seeds"),
    (lambda plain, residual: ratio(statistics.median)(residual, plain), "plain over residual"),
    (ratio(statistics.median, choose=max), "worst rate"),
    (lambda plain, residual: 15.0, "from the arguments"),
    (lambda plain, residual: 7.0, "lowest medians"),
])
def test_mistakes_in_the_ratio_are_named(capsys, answer, says):
    assert not exercises.fair_ratio(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer", [None, ..., "abc", 3, torch.zeros(2), lambda *arguments: None,
                                    lambda *arguments: "abc", lambda *arguments: torch.zeros(3)])
@pytest.mark.parametrize("check", [exercises.residual_block, exercises.zero_padding_shortcut, exercises.fair_ratio])
def test_nonsense_does_not_raise(check, answer):
    assert not check(answer)
