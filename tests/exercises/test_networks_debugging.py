"""The checks of networks/debugging: right answers pass, mistakes are named, nonsense does not raise."""

import math

import pytest
import torch

from resnet_lib import data, diagnosis, exercises, patients

DIGITS = data.load("digits")
NAMES = list(patients.CONDITIONS)


def patient(name: str, number: int = 1) -> patients.Patient:
    return patients.Patient(number, patients.make(name, DIGITS), name)


def steady(predict, tolerance=1e-3, twice=True):
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    together = predict(images)
    single = torch.cat([predict(image[None]) for image in images])
    same = (together - single).abs().max() <= tolerance * together.std()
    return bool(same and (not twice or torch.equal(together, predict(images))))


def test_right_answers_pass():
    assert exercises.softmax_floor(lambda classes: math.log(math.e + classes - 1) - 1)
    assert exercises.softmax_floor(lambda classes: math.log(1 + (classes - 1) / math.e))
    assert exercises.steady_test(steady)


@pytest.mark.parametrize("name", NAMES)
def test_every_condition_is_recognised_by_its_name(name):
    assert exercises.diagnosed((patient(name), name))


@pytest.mark.parametrize("answer, says", [
    (lambda classes: 0, "the least without the softmax"),
    (lambda classes: math.log(classes), "the loss of a guess"),
    (lambda classes: math.log(math.e + classes) - 1, "how many others"),
    (lambda classes: math.log(math.e + classes - 1), "take the logit of the right class"),
    (lambda classes: 1 - math.log(math.e + classes - 1), "minus the logarithm"),
    (lambda classes: 1.4612, "For 2 classes you have 1.4612"),
    (lambda classes: math.nan, "as logits"),
])
def test_a_wrong_floor_is_named(capsys, answer, says):
    assert not exercises.softmax_floor(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda predict: True, "accepts a network in training mode"),
    (lambda predict: False, "refuses a right network, in evaluation mode"),
    (lambda predict: steady(predict, 0), "allow for rounding"),
    (lambda predict: torch.equal(predict(torch.ones(4, 1, 8, 8)), predict(torch.ones(4, 1, 8, 8))),
     "accepts a network in training mode"),
])
def test_a_weak_test_is_named(capsys, answer, says):
    assert not exercises.steady_test(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("has, named, says", [
    ("one block shared", "healthy", "parameters reads '269,434', and for this patient '172,218'"),
    ("healthy", "one block shared", "parameters reads '172,218', and for this patient '269,434'"),
    ("skip forgotten", "branch added to itself", "with equal weights its network and this patient's differ at"),
    ("labels shuffled", "a tenth of the labels dealt out anew", "odd labels reads"),
    ("softmax before the loss", "labels shuffled", "one batch reads"),
    ("evaluation in training mode", "digits mirrored in training", "alone reads"),
    ("digits mirrored in training", "healthy", "though panel and twin read the same"),
    ("one pixel in place of the mean", "healthy", "differ at the input of classifier"),
    ("pre-activation", "ReLU before the addition", "differ at"),
    ("projections where the shape changes", "biases under the norms", "parameters reads"),
    ("test images scaled otherwise", "all images scaled wrongly", "scale reads"),
    ("healthy", "no such thing", "There is no condition 'no such thing'. Choose one of: healthy"),
])
def test_a_wrong_diagnosis_is_contradicted_by_a_reading(capsys, has, named, says):
    assert not exercises.diagnosed((patient(has), named))
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [3, "text", torch.ones(3), lambda: None, (1, 2), (None, "healthy"), [], {}, ...])
def test_nonsense_does_not_raise(nonsense):
    for judge in (exercises.softmax_floor, exercises.steady_test, exercises.diagnosed):
        assert not judge(nonsense)


@pytest.mark.parametrize("name", NAMES)
def test_hints_lead_to_the_condition(capsys, name):
    one = patient(name)
    said = []
    for level in (1, 2, 3):
        one.hint(level)
        said.append(capsys.readouterr().out)
    condition = patients.CONDITIONS[name]
    assert name not in said[0] and name not in said[1] and name in said[2]
    alarms = one.panel().alarms
    if condition.instrument in diagnosis.INSTRUMENTS:
        assert condition.instrument in alarms and condition.instrument in said[0]
    else:
        assert alarms == [] and "No instrument of the panel alarms" in said[0]
