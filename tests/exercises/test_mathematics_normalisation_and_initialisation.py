"""The checks of mathematics/normalisation-and-initialisation: right answers, typical mistakes, nonsense."""

import math

import pytest
import torch
from torch.nn import functional

from resnet_lib import exercises


def backward(d, a, gamma, *, mean=1, scale=1, power=1, with_gamma=True, correction=0, axis=0, total=False):
    sigma = (a.var(axis, correction=correction, keepdim=True) + 1e-5).sqrt()
    hat = (a - a.mean(axis, keepdim=True)) / sigma
    d = gamma * d if with_gamma else d
    average = torch.sum if total else torch.mean
    return (d - mean * average(d, axis, keepdim=True)
            - scale * hat * average(d * hat, axis, keepdim=True)) / sigma**power


def from_autograd(d, a, gamma):
    a = a.requires_grad_()
    return torch.autograd.grad(functional.batch_norm(a, None, None, gamma, None, training=True), a, d)[0]


def scale(f, value=lambda square, mean: 1 / square):
    u = torch.linspace(-7, 7, 5001)
    density = torch.exp(-u**2 / 2) / torch.exp(-u**2 / 2).sum()
    return value((density * f(u) ** 2).sum().item(), (density * f(u)).sum().item())


def keeps_the_gradient(f):
    u = torch.linspace(-7, 7, 5001).requires_grad_()
    density = torch.exp(-u.detach()**2 / 2) / torch.exp(-u.detach()**2 / 2).sum()
    slope, = torch.autograd.grad(f(u).sum(), u)
    return 1 / (density * slope**2).sum().item()


def test_right_answers_pass():
    assert exercises.batch_norm_backward(backward)
    assert exercises.batch_norm_backward(from_autograd)
    assert exercises.right_scale(scale)
    assert exercises.right_scale(lambda f: torch.tensor(scale(f)))


@pytest.mark.parametrize("options, says", [
    ({"mean": 0, "scale": 0}, "Both terms are missing"),
    ({"mean": 0}, "mean term is missing"),
    ({"scale": 0}, "scale term is missing"),
    ({"power": 0}, "division by σ is missing"),
    ({"power": 2}, "its root"),
    ({"with_gamma": False}, "γ is missing"),
    ({"scale": -1}, "sign of the scale term"),
    ({"total": True}, "not sums"),
    ({"correction": 1}, "correction=0"),
    ({"axis": 1}, "over the batch, the first axis"),
    ({"mean": 2}, "one term at a time"),
])
def test_mistakes_in_the_backward_pass_are_named(capsys, options, says):
    assert not exercises.batch_norm_backward(lambda *given: backward(*given, **options))
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda f: scale(f, lambda square, mean: square), "itself"),
    (lambda f: math.sqrt(scale(f)), "root"),
    (lambda f: scale(f, lambda square, mean: 1 / (square - mean**2)), "subtract the mean"),
    (lambda f: 2.0, "belongs to ReLU"),
    (lambda f: 1.0, "identity only"),
    (keeps_the_gradient, "keeps the gradient"),
    (lambda f: 7.0, "standard normal"),
])
def test_mistakes_in_the_scale_are_named(capsys, answer, says):
    assert not exercises.right_scale(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("check", [exercises.batch_norm_backward, exercises.right_scale])
@pytest.mark.parametrize("nonsense", [None, ..., "abc", 1.2, [1, 2], lambda: 1, lambda *x: None, lambda *x: math.nan,
                                      lambda *x: torch.zeros(2)])
def test_nonsense_is_answered(check, nonsense):
    assert not check(nonsense)
