"""The checks of the exercises in concepts/introduction: right answers pass, typical wrong ones and nonsense do not."""

import numpy
import pytest
import torch

from resnet_lib import data, exercises

DIGITS = data.load("digits")


def shares(scores):
    powers = (scores - scores.max(dim=1, keepdim=True).values).exp()
    return powers / powers.sum(dim=1, keepdim=True)


def means(images=DIGITS.train_images, labels=DIGITS.train_labels):
    return torch.stack([images[labels == digit].mean(dim=0) for digit in range(10)])


@pytest.mark.parametrize("answer", [shares, lambda scores: scores.softmax(dim=1),
                                    lambda scores: shares(scores).numpy()])
def test_right_confidence(answer):
    assert exercises.confidence(answer)


@pytest.mark.parametrize("answer, says", [
    (lambda scores: scores.softmax(dim=0), "row is one image"),
    (lambda scores: scores.log_softmax(dim=1), "logarithms"),
    (lambda scores: scores / scores.sum(dim=1, keepdim=True), "negative"),
    (lambda scores: scores.exp(), "add up to"),
    (lambda scores: scores.sigmoid(), "add up to"),
    (lambda scores: scores.abs() / scores.abs().sum(dim=1, keepdim=True), "shares are others"),
    (lambda scores: scores.exp() / scores.exp().sum(dim=1, keepdim=True), "exp(1000) is infinite"),
    (lambda scores: scores.argmax(dim=1), "shape (4,)"),
    (lambda scores: None, "could not be checked"),
])
def test_wrong_confidence_is_told_why(answer, says, capsys):
    assert not exercises.confidence(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer", [means(), means().numpy(), means().double()])
def test_right_means(answer):
    assert exercises.class_means(answer)


@pytest.mark.parametrize("answer, says", [
    (means(DIGITS.test_images, DIGITS.test_labels), "test images"),
    (DIGITS.train_images.mean(dim=0).expand(10, 1, 8, 8), "mean of all training images"),
    (DIGITS.pixels(means()), "standardised"),
    (torch.stack([DIGITS.train_images[DIGITS.train_labels == digit].sum(dim=0) for digit in range(10)]), "sums"),
    (means().flip(0), "in this order"),
    (means().squeeze(1), "shape (10, 8, 8)"),
    (torch.stack([DIGITS.train_images[DIGITS.train_labels == digit].mean() for digit in range(10)]), "shape (10,)"),
    (numpy.full((10, 1, 8, 8), numpy.nan), "in this order"),
])
def test_wrong_means_are_told_why(answer, says, capsys):
    assert not exercises.class_means(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("check", [exercises.confidence, exercises.class_means])
@pytest.mark.parametrize("nonsense", [None, ..., "abc", 3, [1, "a"], {}, torch.zeros(2, 3)])
def test_nonsense_is_refused(check, nonsense):
    assert not check(nonsense)
