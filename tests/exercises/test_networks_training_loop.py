"""The checks of networks/training-loop: right answers pass, mistakes are named, nonsense does not raise."""

from statistics import mean

import pytest
from torch.nn import functional

from resnet_lib import exercises


def step(network, images, labels, optimizer, *, train=True, zero=True, softmax=False, late=False, number=True,
         back=True):
    """A training step, rightly or wrongly."""
    if train:
        network.train()
    logits = network(images)
    loss = functional.cross_entropy(logits.softmax(1) if softmax else logits, labels)
    if zero and not late:
        optimizer.zero_grad()
    if back:
        loss.backward()
    if late:
        optimizer.zero_grad()
    optimizer.step()
    return loss.item() if number else loss


def wrong(**options):
    return lambda *things: step(*things, **options)


def report(validation, test, *, by=mean, best=min, of=mean, leak=False, seen=False):
    """The error of the chosen setting, rightly or wrongly."""
    errors = test if leak else validation
    chosen = best(errors, key=lambda name: by(errors[name]))
    return of((validation if seen else test)[chosen])


def misreport(**options):
    return lambda validation, test: report(validation, test, **options)


def test_right_answers_pass():
    assert exercises.train_step(step)
    assert exercises.honest_error(report)


@pytest.mark.parametrize("answer, says", [
    (wrong(zero=False), "zero_grad is missing"),
    (wrong(train=False), "network.train()"),
    (wrong(softmax=True), "takes logits"),
    (wrong(late=True), "not between"),
    (wrong(back=False, zero=True), "not changed"),
    (wrong(number=False), "loss.item()"),
    (lambda *things: step(*things) and 0.0, "The weights are right"),
    (lambda *things: step(*things) and None, "The weights are right"),
    (lambda *things: [step(*things) for _ in range(2)][0], "not those of"),
])
def test_mistakes_in_a_step_are_named(capsys, answer, says):
    assert not exercises.train_step(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (misreport(leak=True), "that is the leak"),
    (misreport(seen=True), "validation error of the chosen"),
    (misreport(by=min), "single best seed"),
    (misreport(best=max), "highest validation"),
    (misreport(of=min), "best seed of the chosen"),
    (lambda validation, test: min(map(min, test.values())), "lowest number"),
    (lambda validation, test: 4.5, "compute it from the arguments"),
    (lambda validation, test: 3.0, "steady"),
])
def test_mistakes_in_a_report_are_named(capsys, answer, says):
    assert not exercises.honest_error(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [None, ..., 3, "nine", lambda: 1, lambda *values: None, lambda *values: "x"])
def test_nonsense_does_not_raise(nonsense):
    assert not exercises.train_step(nonsense)
    assert not exercises.honest_error(nonsense)
