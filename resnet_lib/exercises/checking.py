"""What makes a check of an answer: the verdict, the decorator, and the hint for a typical mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import torch
from torch import Tensor


class Verdict:
    """Whether an answer is right: true or false, and silent as the last line of a cell, for the check has spoken."""

    def __init__(self, right: bool) -> None:
        self.right = right

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"Verdict({self.right})"

    def _ipython_display_(self) -> None:
        pass


def check(judge: Callable[[Any], str]) -> Callable[[Any], Verdict]:
    """Make a check from a function that returns a sentence on what is wrong with an answer, or "" when it is right."""
    @wraps(judge)
    def checked(answer: Any) -> Verdict:
        parts = answer if isinstance(answer, (tuple, list)) else [answer]
        if any(part is None or part is ... for part in parts):
            print("… Not answered yet: put your answer in place of the dots.")
            return Verdict(False)
        try:
            problem = judge(answer)
        except Exception as error:  # an answer of another kind, or the reader's own function breaks
            problem = f"This could not be checked ({type(error).__name__}: {error})."
        print(f"✗ {problem}" if problem else "✓ Right.")
        return Verdict(not problem)
    return checked


def hint(given: float | Tensor, typical: Iterable[tuple[float | Tensor, str]] | dict[float, str], otherwise: str = "",
         *, rtol: float = 0.0, atol: float = 0.0) -> str:
    """What to say of a wrong answer: the sentence beside the first typical mistake that it equals, or `otherwise`.

    Numbers or tensors of one shape; equal is what differs by at most atol + rtol times the size of the typical one.
    """
    def same(wrong: float | Tensor) -> bool:
        answer, mistake = (torch.as_tensor(value, dtype=torch.float64) for value in (given, wrong))
        return torch.allclose(answer, mistake, rtol=rtol, atol=atol)

    pairs = typical.items() if isinstance(typical, dict) else typical
    return next((said for wrong, said in pairs if same(wrong)), otherwise)
