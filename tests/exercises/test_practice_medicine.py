"""The checks of practice/medicine: right answers pass, mistakes are named, nonsense does not raise."""

import pytest

from resnet_lib import exercises


def auc(scores, ill, *, tie=0.5, scale=1.0, wrong=False):
    apart = scores[ill][:, None] - scores[~ill][None, :]
    area = (apart > 0).float().mean().item() + tie * (apart == 0).float().mean().item()
    return scale * (1 - area if wrong else area)


def worth(sensitivity, specificity, prevalence):
    found = sensitivity * prevalence
    return found / (found + (1 - specificity) * (1 - prevalence))


def moved(shares, before, after, *, odds=False):
    new = shares / (1 - shares) * after / (1 - after) * (1 - before) / before
    return new if odds else new / (1 + new)


def test_right_answers_pass():
    assert exercises.pairs_by_hand((75, 20))
    assert exercises.area_of_pairs(auc)
    assert exercises.worth_of_an_alarm(worth)
    assert exercises.moved_prevalence(moved)


@pytest.mark.parametrize("answer, says", [
    ((0.75, 0.2), "in per cent"), ((66.7, 20), "counts one half"), ((83.3, 20), "not one"), ((25, 20), "right order"),
    ((50, 20), "six pairs"), ((75, 25), "not p with 1/4"), ((75, 80), "lowers the threshold"), ((75, 50), "Where is"),
])
def test_mistakes_by_hand_are_named(answer, says, capsys):
    assert not exercises.pairs_by_hand(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda scores, ill: auc(scores, ill, tie=0), "Ties are missing"),
    (lambda scores, ill: auc(scores, ill, tie=1), "not one"),
    (lambda scores, ill: auc(scores, ill, scale=100), "per cent"),
    (lambda scores, ill: auc(scores, ill, wrong=True), "wrong order"),
    (lambda scores, ill: ((scores >= 0.5) == ill).float().mean(), "accuracy"),
    (lambda scores, ill: 0.123, "Count the pairs"),
])
def test_mistakes_in_the_area_are_named(answer, says, capsys):
    assert not exercises.area_of_pairs(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda *case: 100 * worth(*case), "not per cent"),
    (lambda *case: 1 - worth(*case), "false alarms"),
    (lambda sensitivity, specificity, prevalence: sensitivity * prevalence, "Divide"),
    (lambda sensitivity, specificity, prevalence: sensitivity / (sensitivity + 1 - specificity), "Weigh"),
    (lambda sensitivity, specificity, prevalence: sensitivity, "of the found"),
    (lambda sensitivity, specificity, prevalence: sensitivity * prevalence
     / (sensitivity * prevalence + specificity * (1 - prevalence)), "1 − specificity"),
    (lambda *case: 0.123, "thousand"),
])
def test_mistakes_in_the_worth_are_named(answer, says, capsys):
    assert not exercises.worth_of_an_alarm(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda shares, before, after: moved(shares, after, before), "wrong way round"),
    (lambda shares, before, after: shares * after / before, "not the probabilities"),
    (lambda shares, before, after: after / before * shares / (after / before * shares + 1 - shares),
     "ratio of the odds"),
    (lambda shares, before, after: moved(shares, before, after, odds=True), "These are odds"),
    (lambda shares, before, after: shares[:2], "one for each"),
    (lambda shares, before, after: shares * 0, "Odds times odds"),
])
def test_mistakes_in_the_correction_are_named(answer, says, capsys):
    assert not exercises.moved_prevalence(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("check", [exercises.pairs_by_hand, exercises.area_of_pairs, exercises.worth_of_an_alarm,
                                   exercises.moved_prevalence])
@pytest.mark.parametrize("answer", [None, ..., 3, "x", (1, 2, 3), ("a", "b"), lambda *case: None, lambda: 1, [None, 1],
                                    lambda *case: float("nan"), lambda *case: "x"])
def test_nonsense_does_not_raise(check, answer):
    assert not check(answer)
