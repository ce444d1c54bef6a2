"""The checks of practice/speech: right answers pass, mistakes are named, nonsense does not raise."""

import copy
import math

import pytest
import torch
from torch import nn

from resnet_lib import exercises, networks, surgery
from tests.listings import chapter_code, definition


def folds(people):
    return [([i for i, who in enumerate(people) if who != person], [i for i, who in enumerate(people) if who == person])
            for person in sorted(set(people))]


def strongest(wave, rate, *, cosine=True, sine=True, top=None, unit=None, size=None):
    """The loudest frequency, rightly or wrongly."""
    count = len(wave)
    n, k = torch.arange(count), torch.arange(count // 2 + 1 if top is None else top)
    angle = 2 * math.pi * k[:, None] * n / count
    power = cosine * (angle.cos() @ wave) ** 2 + sine * (angle.sin() @ wave) ** 2
    best = power.argmax().item()
    return best if unit == "k" else best / count if unit == "turns" else best * rate / (size or count)


def test_right_answers_pass():
    assert exercises.sound_numbers((40, 100, 6500))
    assert exercises.leave_out(folds)
    assert exercises.leave_out(lambda people: folds(people)[::-1])
    assert exercises.loudest(strongest)


@pytest.mark.parametrize("answer, says", [
    ((100, 100, 6500), "length of the window"),
    ((20, 100, 6500), "whole r/N"),
    ((80, 100, 6500), "r/N it is"),
    ((0.025, 100, 6500), "inverse"),
    ((7, 100, 6500), "k·r/N"),
    ((40, 40, 6500), "overlap"),
    ((40, 0.01, 6500), "inverse"),
    ((40, 50, 6500), "every 160"),
    ((40, 100, 9500), "does not stay"),
    ((40, 100, 1500), "as much below"),
    ((40, 100, -6500), "upside down"),
    ((40, 100, 8000), "mirrored there"),
    ((40, 100, 123), "mirrored at half"),
])
def test_mistakes_in_the_numbers_are_named(capsys, answer, says):
    assert not exercises.sound_numbers(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda people: folds(people)[:-1], "need"),
    (lambda people: [(list(range(len(people))), test) for _, test in folds(people)], "in both parts"),
    (lambda people: [(test, train) for train, test in folds(people)], "one is asked for"),
    (lambda people: [(train, test[:-1]) for train, test in folds(people)], "in neither part"),
    (lambda people: [(train, []) for train, test in folds(people)], "nobody"),
    (lambda people: [(train + test[1:], test[:1]) for train, test in folds(people)], "belong to the test"),
    (lambda people: [(train[1:], test) for train, test in folds(people)], "in neither part"),
    (lambda people: [folds(people)[0]] * len(folds(people)), "never the test"),
    (lambda people: folds(people) if people.sort() is None else [], "changes the list"),
])
def test_mistakes_in_the_folds_are_named(capsys, answer, says):
    assert not exercises.leave_out(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda wave, rate: strongest(wave, rate, unit="k"), "That is k"),
    (lambda wave, rate: strongest(wave, rate, unit="turns"), "turns a sample"),
    (lambda wave, rate: 2 * strongest(wave, rate), "twice as high"),
    (lambda wave, rate: rate - strongest(wave, rate), "mirror image"),
    (lambda wave, rate: strongest(wave, rate, size=256), "not always 256"),
    (lambda wave, rate: strongest(wave, rate, cosine=False), "begin anywhere"),
])
def test_mistakes_in_the_loudest_frequency_are_named(capsys, answer, says):
    assert not exercises.loudest(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [None, ..., 7, "seven", [], (1, 2), {}, lambda *anything: None,
                                      lambda *anything: "x", torch.zeros(3), float("nan")])
def test_nonsense_does_not_raise(nonsense):
    for check in (exercises.sound_numbers, exercises.leave_out, exercises.loudest):
        assert not check(nonsense)


def test_the_chapter_takes_new_statistics_as_the_library_does():
    names = {"copy": copy, "nn": nn, "torch": torch}
    exec(definition(chapter_code("practice/speech"), "adapted"), names)
    network = networks.residual(8, 1, width=8, stem_stride=2, seed=1).eval()
    pictures = torch.randn(40, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    heard = names["adapted"](network, pictures).state_dict()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    surgery.recalibrate(network, pictures)
    assert all(torch.equal(value, heard[name]) for name, value in network.state_dict().items())
    assert not torch.equal(before["stem.1.running_mean"], heard["stem.1.running_mean"])
