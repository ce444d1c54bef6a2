"""The checks of practice/driving: right answers pass, mistakes are named, nonsense does not raise."""

import pytest

from resnet_lib import exercises


def adjusted(logits, counts, *, sign=-1):
    return logits + sign * (counts / counts.sum()).log()


def bearable(a, b, *, more=0, late=0):
    k = 0
    while True:
        e, psi, states = 1.0, 0.0, []
        for step in range(2000):
            states.append((e, psi))
            old_e, old_psi = states[max(0, step - k - late)]
            psi -= a * old_e + b * old_psi
            e += psi
        if not abs(e) < 1:
            return k - 1 + more
        k += 1


def in_place(logits, counts):
    logits -= counts.log()
    return logits


def test_right_answers_pass():
    assert exercises.two_metres(0.966544) and exercises.two_metres(0.9665)
    assert exercises.adjusted_logits(adjusted)
    assert exercises.adjusted_logits(lambda logits, counts: logits - counts.log())
    assert exercises.bearable_delay(bearable)


@pytest.mark.parametrize("answer, says", [
    (0.988, "after the first step"), (0.964144, "no longer 0"), (0.961744, "The sign"), (0.976144, "add up"),
    (0.978544, "add up"), (0.9664, "rounded"), (1.033744, "to the right"), (5, "Then the same again"),
])
def test_mistakes_by_hand_are_named(answer, says, capsys):
    assert not exercises.two_metres(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda logits, counts: adjusted(logits, counts, sign=1), "The other way"),
    (lambda logits, counts: logits, "Nothing has changed"),
    (lambda logits, counts: logits - counts / counts.sum(), "logarithm of the share"),
    (lambda logits, counts: logits / (counts / counts.sum()), "subtract from logits"),
    (lambda logits, counts: logits.softmax(1) / (counts / counts.sum()), "probabilities"),
    (lambda logits, counts: logits.softmax(1), "something is subtracted"),
    (lambda logits, counts: logits.argmax(1), "6×4"),
    (in_place, "changes what it was given"),
])
def test_mistakes_in_the_logits_are_named(answer, says, capsys):
    assert not exercises.adjusted_logits(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda a, b: bearable(a, b, more=1), "One too many"), (lambda a, b: bearable(a, b, late=1), "One too few"),
    (lambda a, b: 0, "Keep all states"), (lambda a, b: None, "Keep all states"),
])
def test_mistakes_in_the_delay_are_named(answer, says, capsys):
    assert not exercises.bearable_delay(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("check", [exercises.two_metres, exercises.adjusted_logits, exercises.bearable_delay])
@pytest.mark.parametrize("nonsense", [..., None, "five", [], {}, lambda: 1, (1, 2, 3), float("nan")])
def test_nonsense_does_not_raise(check, nonsense):
    assert not check(nonsense)
