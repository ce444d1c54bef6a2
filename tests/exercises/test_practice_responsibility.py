"""The checks of practice/responsibility: right answers, typical mistakes, nonsense."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import exercises

HEALTHY = 100 * 0.1 / 0.9 * 0.4 / 0.6 * 0.8


def margin(weight: Tensor, bias: Tensor, x: Tensor, label: int, epsilon: float) -> float:
    apart = weight[label] - weight
    margins = apart @ x + bias[label] - bias - epsilon * apart.abs().sum(1)
    return float(margins[torch.arange(len(bias)) != label].min())


def attack(network: nn.Module, pixels: Tensor, labels: Tensor, epsilon: float, generator: torch.Generator,
           steps: int = 10, inside: bool = False, half: bool = False) -> Tensor:
    change = epsilon * (2 * torch.rand(pixels.shape, generator=generator) - 1)
    for _ in range(steps):
        change = change if inside else (pixels + change).clamp(0, 1) - pixels
        change = change.detach().requires_grad_()
        seen = (pixels + change).clamp(0, 1) if inside else pixels + change
        loss = functional.cross_entropy(network(seen), labels, reduction="sum")
        step = torch.autograd.grad(loss, change)[0].sign()
        if half:
            step = step * (pixels == 0)
        change = (change.detach() + 2.5 * epsilon / steps * step).clamp(-epsilon, epsilon)
    return (pixels + change).clamp(0, 1)


def test_right_answers_are_accepted() -> None:
    assert exercises.promise_and_alarms((6.1, HEALTHY)) and exercises.promise_and_alarms((6.1, 5.93))
    assert exercises.worst_margin(margin)
    assert exercises.mended_attack(attack)


@pytest.mark.parametrize(("answer", "says"), [
    ((0.061, 0.0593), "Give both in per cent"), ((6.0, HEALTHY), "And δ"), ((6.3, HEALTHY), "δ is not multiplied"),
    ((math.exp(3) * 2 + 0.1, HEALTHY), "e to the power"), ((6.1, 40), "share of the alarms that are false"),
    ((6.1, HEALTHY / 4), "share that is found"), ((6.1, 12), "Of 1,000 people"),
])
def test_typical_mistakes_by_hand(answer: tuple, says: str, capsys: pytest.CaptureFixture) -> None:
    assert not exercises.promise_and_alarms(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "says"), [
    (lambda weight, bias, x, label, epsilon: margin(weight, bias, x, label, 0.0), "before the change"),
    (lambda weight, bias, x, label, epsilon: margin(weight, bias, x, label, -epsilon), "subtract"),
    (lambda *given: 7.0, "difference of the two rows"),
])
def test_typical_mistakes_of_the_margin(answer: Callable, says: str, capsys: pytest.CaptureFixture) -> None:
    assert not exercises.worst_margin(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "says"), [
    (lambda *given: attack(*given, inside=True), "have no gradient|has no gradient"),
    (lambda *given: attack(*given, half=True), "those with ink"),
    (lambda network, pixels, *rest: pixels, "are not where the loss is largest"),
    (lambda network, pixels, *rest: pixels + 0.2, "moved by more|outside"),
    (lambda network, pixels, *rest: pixels[:2], "shape"),
    (lambda network, pixels, *rest: pixels.add_(0.05), "writes into"),
])
def test_attacks_that_are_still_broken(answer: Callable, says: str, capsys: pytest.CaptureFixture) -> None:
    assert not exercises.mended_attack(answer)
    text = capsys.readouterr().out
    assert any(part in text for part in says.split("|")), text


@pytest.mark.parametrize("check", [exercises.promise_and_alarms, exercises.worst_margin, exercises.mended_attack])
@pytest.mark.parametrize("answer", ["nonsense", 3, (None, 2), [], float("nan"), lambda: None])
def test_nonsense_is_wrong_and_breaks_nothing(check: Callable, answer: object) -> None:
    assert not check(answer)
