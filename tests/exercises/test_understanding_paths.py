"""The checks of understanding/paths, and whether its code is the study's."""

import math

import pytest
import torch

from resnet_lib import exercises
from tests.listings import chapter_code, definition, study_code


def mean_length(parts):
    whole = parts.sum(0)
    shares = (parts * whole).sum(2) / whole.square().sum(1)
    steps = torch.arange(len(parts), dtype=parts.dtype)
    return (shares.mean(1) * steps).sum().item()


SPARED = 100 * math.comb(18, 2) / math.comb(27, 2)


def test_right_answers_pass():
    assert exercises.paths_left((2**19, 100 / 2**8, SPARED))
    assert exercises.paths_left((524_288, 0.39, 43.6))
    assert exercises.mean_length(mean_length)


@pytest.mark.parametrize("answer, says", [
    ((19, 0.39, 43.6), "blocks left"), ((256, 0.39, 43.6), "divide"), ((2**27 - 256, 0.39, 43.6), "halves"),
    ((1, 0.39, 43.6), "two ways"), ((2**19, 0.0039, 43.6), "100 times"), ((2**19, 70.4, 43.6), "Divide by the paths"),
    ((2**19, 100 * 19 / 27, 43.6), "share of the blocks"), ((2**19, 0.39, 44.44), "17 are harmless"),
    ((2**19, 0.39, 66.67), "Two are drawn"), ((2**19, 0.39, 56.41), "do hit"), ((2**19, 0.39, 0.4359), "100 times"),
    ((2**19, 0.39, 50), "how many of how many"), ((2**19, 0.39), "Three numbers"),
    (("a", 1, 2), "could not be checked"),
])
def test_mistakes_in_the_counts_are_named(capsys, answer, says):
    assert not exercises.paths_left(answer)
    assert says in capsys.readouterr().out


def weighted(weights):
    """A wrong answer: other weights, lengths×images, for the same mean."""
    return lambda parts: (weights(parts) * torch.arange(len(parts), dtype=parts.dtype)[:, None]).sum().item()


def shares(parts):
    whole = parts.sum(0)
    return (parts * whole).sum(2) / whole.square().sum(1)


@pytest.mark.parametrize("answer, says", [
    (weighted(lambda parts: parts.norm(dim=2) / parts.norm(dim=2).sum(0) / parts.shape[1]), "by norms"),
    (weighted(lambda parts: parts.square().sum(2) / parts.square().sum((0, 2)) / parts.shape[1]), "by squares"),
    (weighted(lambda parts: (parts * parts.sum(0)).sum(2) / parts.sum(0).square().sum()), "count more"),
    (weighted(shares), "not the sum"), (lambda parts: mean_length(parts) + 1, "length 0"),
    (lambda parts: 0.0, "add up to 1"), (lambda parts: "long", "could not be checked"),
])
def test_mistakes_in_the_mean_length_are_named(capsys, answer, says):
    assert not exercises.mean_length(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("name", ["shortcut_alone", "block_parts", "gradient_by_length"])
def test_the_chapter_and_the_study_have_the_same_code(name):
    assert definition(chapter_code("understanding/paths"), name) == definition(study_code("paths"), name)
