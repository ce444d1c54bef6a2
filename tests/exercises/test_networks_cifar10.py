"""The checks of networks/cifar10: right answers pass, mistakes are named, nonsense does not raise."""

import math
import statistics

import pytest

from resnet_lib import exercises


def spread(errors):
    return statistics.mean(errors), statistics.stdev(errors)


def below(x):
    return (1 + math.erf(x / math.sqrt(2))) / 2


def chance(errors, deviation):
    return below((errors[0] - errors[1]) / (math.sqrt(2) * deviation))


def test_right_answers_pass():
    assert exercises.spread(spread)
    assert exercises.spread(lambda errors: list(spread(errors)))
    assert exercises.chance_of_order(chance)


@pytest.mark.parametrize("answer, says", [
    (lambda errors: (min(errors), statistics.stdev(errors)), "the best one"),
    (lambda errors: (statistics.median(errors), statistics.stdev(errors)), "the median"),
    (lambda errors: (errors[-1], statistics.stdev(errors)), "the last one"),
    (lambda errors: (1.0, statistics.stdev(errors)), "The mean of"),
    (lambda errors: (statistics.mean(errors), statistics.pstdev(errors)), "n − 1"),
    (lambda errors: (statistics.mean(errors), statistics.stdev(errors) / math.sqrt(len(errors))), "of the mean"),
    (lambda errors: (statistics.mean(errors), statistics.variance(errors)), "variance"),
    (lambda errors: (statistics.mean(errors), max(errors) - min(errors)), "least to the most"),
    (lambda errors: (statistics.mean(errors), 1.0), "root of the mean squared distance"),
    (lambda errors: (errors.sort() or statistics.mean(errors), statistics.stdev(errors)), "changes the list"),
    (lambda errors: statistics.mean(errors), "could not be checked"),
])
def test_mistakes_in_the_spread_are_named(capsys, answer, says):
    assert not exercises.spread(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda errors, deviation: 100 * chance(errors, deviation), "in per cent"),
    (lambda errors, deviation: 1 - chance(errors, deviation), "opposite order"),
    (lambda errors, deviation: below((errors[0] - errors[1]) / deviation), "Both trainings vary"),
    (lambda errors, deviation: below((errors[0] - errors[1]) / (2 * deviation)), "not twice"),
    (lambda errors, deviation: math.erf((errors[0] - errors[1]) / (2 * deviation)), "(1 + erf) / 2"),
    (lambda errors, deviation: 0.5, "how often is it above zero"),
    (lambda errors, deviation: float("nan"), "yours is nan"),
    (lambda errors: 1, "could not be checked"),
])
def test_mistakes_in_the_chance_are_named(capsys, answer, says):
    assert not exercises.chance_of_order(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [3, "text", [], {}, lambda *answers: "much"])
def test_nonsense_does_not_raise(nonsense):
    assert not exercises.spread(nonsense)
    assert not exercises.chance_of_order(nonsense)
