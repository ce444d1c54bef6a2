"""The checks of mathematics/residual-gradients: right answers pass, mistakes are named, nonsense does not raise."""

import math

import pytest
import torch
from torch import Tensor

from resnet_lib import exercises


def by_length(jacobians: list[Tensor]) -> list[Tensor]:
    sums = [torch.eye(len(jacobians[0]), dtype=torch.float64)]
    for J in jacobians:
        sums.append(torch.zeros_like(J))
        for length in range(len(sums) - 1, 0, -1):
            sums[length] = sums[length] + J @ sums[length - 1]
    return sums


def passed_again(jacobians: list[Tensor]) -> list[Tensor]:
    sums = [torch.eye(len(jacobians[0]), dtype=torch.float64)]
    for J in jacobians:
        sums.append(torch.zeros_like(J))
        for length in range(1, len(sums)):
            sums[length] = sums[length] + J @ sums[length - 1]
    return sums


def reversed_order(jacobians: list[Tensor]) -> list[Tensor]:
    return by_length(jacobians[::-1])


def jacobian(W: Tensor, V: Tensor, x: Tensor) -> Tensor:
    inner, last = (W @ x > 0).double(), (x + V @ torch.relu(W @ x) > 0).double()
    return last[:, None] * (torch.eye(len(x), dtype=torch.float64) + V @ (inner[:, None] * W))


def test_right_answers_pass():
    assert exercises.paths_by_length(by_length)
    assert exercises.original_jacobian(jacobian)
    assert exercises.original_jacobian(lambda W, V, x: torch.autograd.functional.jacobian(
        lambda x: torch.relu(x + V @ torch.relu(W @ x)), x))


@pytest.mark.parametrize("answer, says", [
    (lambda jacobians: by_length(jacobians)[1:], "paths of 2 lengths, from 0 to 1"),
    (lambda jacobians: [total / math.comb(len(jacobians), length)
                        for length, total in enumerate(by_length(jacobians))], "the mean of the paths"),
    (reversed_order, "A₂A₁"),
    (passed_again, "at most once"),
    (lambda jacobians: [0 * jacobians[0], *by_length(jacobians)[1:]], "the identity matrix"),
    (lambda jacobians: [torch.eye(3)] * 2, "its Jacobian"),
    (lambda jacobians: [total.norm() for total in by_length(jacobians)], "another shape"),
])
def test_mistakes_in_the_sums_are_named(capsys, answer, says):
    assert not exercises.paths_by_length(answer)
    assert says in capsys.readouterr().out


def with_gates(arms: str):
    def answer(W: Tensor, V: Tensor, x: Tensor) -> Tensor:
        inner, last = (W @ x > 0).double()[:, None], (x + V @ torch.relu(W @ x) > 0).double()[:, None]
        identity, through = torch.eye(len(x), dtype=torch.float64), V @ (inner * W)
        return {"none": identity + through, "branch": identity + last * through,
                "skip": last * identity + through, "no inner": last * (identity + V @ W),
                "no skip": last * through, "right": (identity + through) * last.T,
                "transposed": (last * (identity + through)).T, "other": identity}[arms]
    return answer


@pytest.mark.parametrize("arms, says", [
    ("none", "after the addition is missing"), ("branch", "close the skip as well"),
    ("skip", "close the branch as well"), ("no inner", "inside the branch"), ("no skip", "The skip is missing"),
    ("right", "from the left"), ("transposed", "transpose"), ("other", "Compare with"),
])
def test_mistakes_in_the_jacobian_are_named(capsys, arms, says):
    assert not exercises.original_jacobian(with_gates(arms))
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("check", [exercises.paths_by_length, exercises.original_jacobian])
@pytest.mark.parametrize("nonsense", [None, ..., "abc", 1.2, [1, 2], lambda: 1, lambda *x: None, lambda *x: math.nan,
                                      lambda *x: torch.eye(2)])
def test_nonsense_is_answered(check, nonsense):
    assert not check(nonsense)
