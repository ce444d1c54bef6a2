"""The checks of networks/residual: right answers pass, mistakes are named, nonsense does not raise."""

import itertools

import pytest
import torch
from torch import nn

from resnet_lib import exercises, networks

B_WITH_BIAS = {"shortcut": "B", "projection_bias": True, "projection_norm": False, "convolution_bias": False,
               "pre_activation": False, "last_norm": True}


def at_rest(block: nn.Module, x: torch.Tensor) -> torch.Tensor:
    nn.init.zeros_(block.norm2.weight)
    return block(x)


def by_output(block, *, negative=True, compare=torch.equal):
    """A test of blocks that looks at the output at rest alone."""
    x = torch.randn(2, 16, 4, 4) if negative else torch.rand(2, 16, 4, 4)
    return compare(at_rest(block, x), torch.relu(x))


def by_gradient(block):
    x = torch.randn(2, 16, 4, 4, requires_grad=True)
    at_rest(block, x).sum().backward()
    return torch.equal(x.grad, (x > 0).float())


def by_both(block):
    return by_output(block) and by_gradient(block)


def count(n, *, norm=2, bias=False, stages=((16, 16), (16, 32), (32, 64)), projections=0, colours=3, classifier=650):
    """The count of parameters with one thing counted otherwise."""
    total = colours * 9 * 16 + norm * 16 + bias * 16 + classifier + projections
    for before, after in stages:
        for index in range(n):
            total += 9 * (after if index else before) * after + 9 * after**2 + 2 * norm * after + 2 * bias * after
    return total


def test_right_answers_pass():
    assert exercises.parameter_formula(lambda n: 97_216 * n - 21_926)
    assert exercises.parameter_formula(count)
    assert exercises.parameter_formula(lambda n: networks.count_parameters(networks.residual(6 * n + 2)))
    assert exercises.published_count(B_WITH_BIAS)
    assert exercises.block_test(by_both)


def test_every_consistent_description_passes():
    flags = ("projection_bias", "projection_norm", "convolution_bias", "pre_activation", "last_norm")
    accepted = [dict(zip(flags, values)) for values in itertools.product((False, True), repeat=5)
                if exercises.published_count({"shortcut": "B", **dict(zip(flags, values))})]
    assert {description["pre_activation"] for description in accepted} == {False, True}
    assert all(description["projection_bias"] and not description["projection_norm"] for description in accepted)


@pytest.mark.parametrize("shortcut, pre_activation", itertools.product("ABC", (False, True)))
def test_described_networks_have_the_parameters_of_real_ones(shortcut, pre_activation):
    described = exercises.count_described(
        shortcut=shortcut, projection_bias=False, projection_norm=not pre_activation, convolution_bias=False,
        pre_activation=pre_activation, last_norm=True)
    network = networks.residual(20, shortcut=shortcut, pre_activation=pre_activation)
    assert described == networks.count_parameters(network)


@pytest.mark.parametrize("answer, says", [
    (lambda n: 269_722, "grow with n"),
    (lambda n: count(n, norm=0), "normalisations are missing"),
    (lambda n: count(n, norm=4), "mean and variance"),
    (lambda n: count(n, bias=True), "No convolution here has a bias"),
    (lambda n: count(n, stages=((16, 16), (32, 32), (64, 64))), "half as many inputs"),
    (lambda n: count(n, projections=2_560), "no weights"),
    (lambda n: count(n, projections=2_752), "you counted B"),
    (lambda n: count(n, colours=1), "three channels"),
    (lambda n: count(n, classifier=640), "bias for each"),
    (lambda n: count(n, classifier=0), "classifier is missing"),
    (lambda n: 97_216 * n, "off by +21,926"),
    (lambda n: 100_000 * n, "Count one block"),
])
def test_mistakes_in_the_formula_are_named(capsys, answer, says):
    assert not exercises.parameter_formula(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("change, says", [
    ({"projection_norm": True, "projection_bias": False}, "one number for each channel"),
    ({"shortcut": "A"}, "no weights on its shortcuts"),
    ({"shortcut": "C"}, "every block"),
    ({"convolution_bias": True}, "688"),
    ({"pre_activation": True, "last_norm": False}, "272,250"),
    ({"shortcut": "D"}, "'A', 'B' or 'C'"),
    ({"projection_bias": "yes"}, "True or False"),
    ({"colour": 3}, "six entries"),
])
def test_other_networks_are_refused(capsys, change, says):
    assert not exercises.published_count({**B_WITH_BIAS, **change})
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda block: False, "refuses a right block"),
    (lambda block: True, "skip is forgotten"),
    (lambda block: by_output(block, compare=lambda y, x: bool(((y > 0) == (x > 0)).all())), "input twice"),
    (lambda block: by_output(block, negative=False), "ReLU before the addition"),
    (by_output, "x.grad"),
    (lambda block: isinstance(block, networks.ResidualBlock), "skip is forgotten"),
])
def test_weak_tests_are_named(capsys, answer, says):
    assert not exercises.block_test(answer)
    assert says in capsys.readouterr().out


def test_leaves_the_random_numbers_alone():
    before = torch.get_rng_state()
    assert not exercises.block_test(lambda block: True)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("answer", [None, ..., "abc", 3, torch.zeros(2), {}, lambda *arguments: None,
                                    lambda *arguments: "abc", lambda *arguments: torch.zeros(3)])
@pytest.mark.parametrize("check", [exercises.parameter_formula, exercises.published_count, exercises.block_test])
def test_nonsense_does_not_raise(check, answer):
    assert not check(answer)
