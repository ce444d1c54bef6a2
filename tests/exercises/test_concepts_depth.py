"""The checks of the exercises in concepts/depth: right answers pass, typical wrong ones and nonsense do not."""

import pytest
import torch

from resnet_lib import exercises


def copies(scale=1.0, row=1, column=1):
    filters = torch.zeros(4, 4, 3, 3)
    for channel in range(4):
        filters[channel, channel, row, column] = scale
    return filters


def sums():
    filters = torch.zeros(4, 4, 3, 3)
    filters[:, :, 1, 1] = 1
    return filters


def test_identity_filter_accepts_a_copy():
    assert exercises.identity_filter(copies())
    assert exercises.identity_filter(copies().tolist())


@pytest.mark.parametrize(("answer", "hint"), [
    (sums(), "sum of all four channels"), (copies(row=0, column=0), "centre"), (copies(scale=2.0), "weight 1"),
    (torch.ones(4, 4, 3, 3), "weight 1"), (torch.zeros(4, 3, 3), "shape"),
    (None, "Not answered"), (..., "Not answered"),
    ("abc", "could not be checked"),
])
def test_identity_filter_says_what_is_wrong(answer, hint, capsys):
    assert not exercises.identity_filter(answer)
    assert hint in capsys.readouterr().out


def diagnose(shallow, deep):
    if deep[0] > shallow[0]:
        return "degradation"
    return "overfitting" if deep[1] > shallow[1] else "neither"


def test_diagnosis_accepts_the_solution():
    assert exercises.diagnosis(diagnose)


@pytest.mark.parametrize("answer", [
    lambda shallow, deep: "degradation" if deep[1] > shallow[1] else "neither",  # looks at the test error only
    lambda shallow, deep: "overfitting" if deep[0] > shallow[0] else "neither",
    lambda shallow, deep: "degradation" if deep[0] >= shallow[0] else "overfitting",
    lambda shallow, deep: diagnose(deep, shallow),
    lambda shallow: "degradation", "degradation", 3, None, ...,
])
def test_diagnosis_rejects(answer, capsys):
    assert not exercises.diagnosis(answer)
    assert capsys.readouterr().out.startswith(("✗", "…"))
