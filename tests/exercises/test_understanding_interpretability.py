"""The checks of understanding/interpretability, and whether its code is the studies'."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from resnet_lib import exercises
from tests.listings import chapter_code, definition, study_code


@pytest.mark.parametrize(("answer", "says"), [
    ((12, 3, 0, 1), "✓ Right."), ((12, 3, 0, 1, 5), "Four numbers"), ((6, 3, 0, 1), "Add both"),
    ((5, 3, 0, 1), "before you add"), ((7, 3, 0, 1), "the other way round"), ((12, 6, 0, 1), "take its mean"),
    ((12, 1.5, 0, 1), "Multiply it by x₁"), ((12, 9, 0, 1), "Its mean over α"), ((12, 3, 1, 1), "closed"),
    ((12, 3, 0, 2), "from x = 1 on"), ((12, 3, 0, 0.5), "the mean slope"), ((12, 3, 0, 0), "not on the way"),
    ((12, 3, 0, 7), "By completeness"), ((12, 3, ..., 1), "Not answered yet"), (("a", 3, 0, 1), "could not be checked"),
    (3, "could not be checked")])
def test_integrated_by_hand(answer: object, says: str, capsys: pytest.CaptureFixture) -> None:
    assert bool(exercises.integrated_by_hand(answer)) == says.startswith("✓")
    assert says in capsys.readouterr().out


def path(times: Callable[[Tensor, Tensor], Tensor | float], shift: float = 0.5, zero: bool = False,
         mean: bool = True) -> Callable:
    """Integrated gradients with what can go wrong."""
    def answer(f: Callable, x: Tensor, start: Tensor, steps: int) -> Tensor:
        total, begin = torch.zeros_like(x), torch.zeros_like(x) if zero else start
        for step in range(steps):
            at = (begin + (step + shift) / steps * (x - begin)).requires_grad_()
            total += torch.autograd.grad(f(at).sum(), at)[0]
        return times(x, start) * total / (steps if mean else 1)
    return answer


@pytest.mark.parametrize(("answer", "says"), [
    (path(lambda x, start: x - start), "✓ Right."), (path(lambda x, start: x), "Multiply by x − start"),
    (path(lambda x, start: 1.0), "the mean derivative"), (path(lambda x, start: x - start, 0.0), "not the beginnings"),
    (path(lambda x, start: x - start, 1.0), "not the ends"),
    (path(lambda x, start: x, zero=True), "begins at `start`"),
    (path(lambda x, start: x - start, mean=False), "it is a mean"), (path(lambda x, start: start - x), "The sign"),
    (path(lambda x, start: 2 * (x - start)), "The places are"), (lambda f, x, start, steps: f(x), "has the shape (3,)"),
    (None, "Not answered yet"), (lambda x: x, "could not be checked")])
def test_path_gradients(answer: object, says: str, capsys: pytest.CaptureFixture) -> None:
    assert bool(exercises.path_gradients(answer)) == says.startswith("✓")
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(("study", "name"), [
    ("saliency", "liked"), ("similarity", "inner_products"), ("similarity", "hsic"), ("similarity", "hsic_unbiased"),
    ("similarity", "cka")])
def test_the_chapter_and_the_study_have_the_same_code(study: str, name: str) -> None:
    chapter = definition(chapter_code("understanding/interpretability"), name)
    assert chapter == definition(study_code(study), name)
