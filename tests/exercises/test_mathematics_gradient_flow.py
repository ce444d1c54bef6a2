"""The checks of mathematics/gradient-flow: right answers pass, typical mistakes are named, nonsense does not raise."""

import math

import pytest

from resnet_lib import exercises


def growth(slope: float) -> float:
    mean_square, mean = (1 + slope**2) / 2, (1 - slope) / math.sqrt(2 * math.pi)
    return math.sqrt(mean_square / (mean_square - mean**2))


def test_right_answers_pass():
    assert exercises.typical_gain(lambda norms: (norms[0] / norms[-1]) ** (1 / (len(norms) - 1)))
    assert exercises.typical_gain(lambda norms: math.exp(
        sum(math.log(a / b) for a, b in zip(norms, norms[1:])) / (len(norms) - 1)))
    assert exercises.leaky_growth(growth)


@pytest.mark.parametrize("answer, says", [
    (lambda norms: (norms[-1] / norms[0]) ** (1 / (len(norms) - 1)), "inverse"),
    (lambda norms: norms[0] / norms[-1], "product of all gains"),
    (lambda norms: (norms[0] / norms[-1]) ** (1 / len(norms)), "only 3 layers"),
    (lambda norms: sum(a / b for a, b in zip(norms, norms[1:])) / (len(norms) - 1), "arithmetic mean"),
    (lambda norms: norms[0] / norms[-1] / (len(norms) - 1), "take a root"),
    (lambda norms: 2.0, "every layer"),
])
def test_mistakes_in_the_gain_are_named(capsys, answer, says):
    assert not exercises.typical_gain(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda slope: 1.0, "divide by the variance"),
    (lambda slope: growth(slope) ** 2, "take the root"),
    (lambda slope: 1 / growth(slope), "inverse"),
    (lambda slope: math.sqrt((1 + slope**2) / 2 / abs((1 + slope**2) / 2 - (1 - slope) / math.sqrt(2 * math.pi))),
     "square of the mean"),
    (lambda slope: 1.3, "variance of f"),
])
def test_mistakes_in_the_growth_are_named(capsys, answer, says):
    assert not exercises.leaky_growth(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("check", [exercises.typical_gain, exercises.leaky_growth])
@pytest.mark.parametrize("nonsense", [None, ..., "abc", 1.2, [1, 2], lambda: 1, lambda x: None, lambda x: math.nan])
def test_nonsense_is_answered(check, nonsense):
    assert not check(nonsense)
