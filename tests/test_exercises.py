"""The frame of all exercise checks: unanswered, right, wrong, and answers that break the check."""

from __future__ import annotations

import numpy
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from resnet_lib import exercises


@exercises.check
def is_four(answer: int) -> str:
    """Twice two."""
    if answer == 5:
        return "Count again: that is one too many."
    return "" if answer + 0 == 4 else "Add two and two."


def test_a_right_answer(capsys: pytest.CaptureFixture) -> None:
    assert is_four(4)
    assert capsys.readouterr().out == "✓ Right.\n"


@pytest.mark.parametrize(("answer", "says"), [(5, "Count again: that is one too many."), (3, "Add two and two."),
                                              (float("nan"), "Add two and two.")])
def test_a_wrong_answer_gets_its_sentence(answer: float, says: str, capsys: pytest.CaptureFixture) -> None:
    assert not is_four(answer)
    assert capsys.readouterr().out == f"✗ {says}\n"


@pytest.mark.parametrize("answer", [None, ..., (..., 4), [4, None]])
def test_no_answer_yet(answer: object, capsys: pytest.CaptureFixture) -> None:
    assert not is_four(answer)
    assert capsys.readouterr().out == "… Not answered yet: put your answer in place of the dots.\n"


@pytest.mark.parametrize(("answer", "error"), [
    ("abc", "TypeError"), ([4], "TypeError"), (is_four, "TypeError"), (numpy.zeros(3), "ValueError"),
    (torch.zeros(2, 2), "RuntimeError"),
])
def test_an_answer_that_breaks_the_check_is_wrong(answer: object, error: str, capsys: pytest.CaptureFixture) -> None:
    assert not is_four(answer)
    text = capsys.readouterr().out
    assert text.startswith(f"✗ This could not be checked ({error}: ") and text.endswith(").\n")


def test_a_check_keeps_its_name_and_its_text() -> None:
    assert (is_four.__name__, is_four.__doc__) == ("is_four", "Twice two.")


def test_a_verdict_shows_nothing_of_its_own_in_a_notebook(capsys: pytest.CaptureFixture) -> None:
    shell = InteractiveShell()
    for answer in (4, 5, ...):
        verdict = is_four(answer)
        assert capsys.readouterr().out.count("\n") == 1
        assert shell.display_formatter.format(verdict) == ({}, {})
        assert repr(verdict) == f"Verdict({bool(verdict)})" and capsys.readouterr().out == ""
