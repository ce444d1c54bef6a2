"""The checks of practice/fine-tuning: right answers pass, mistakes are named, nonsense does not raise."""

import pytest
import torch

from resnet_lib import exercises


def kernel(weight, down, up, *, scale=1.0, alone=False, change=lambda low: low):
    """The merged kernel, rightly or wrongly."""
    low = change(torch.einsum("or,rihw->oihw", up[:, :, 0, 0], down))
    return scale * low if alone else weight + scale * low


def mistaken(**options):
    return lambda *tensors: kernel(*tensors, **options)


def frozen(network, *, modes=True, gradients=True, stages=(2,), classifier=True, last=True):
    """What the last stage's training needs, rightly or wrongly."""
    if modes:
        network.eval()
        if last:
            network.stages[2].train()
    if gradients:
        network.requires_grad_(False)
    chosen = [parameter for stage in stages for parameter in network.stages[stage].parameters()]
    chosen += list(network.classifier.parameters()) * classifier
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen


def in_place(weight, down, up):
    weight += kernel(torch.zeros_like(weight), down, up)
    return weight


def test_right_answers_pass():
    assert exercises.largest_rank(57)
    assert exercises.merged_kernel(kernel)
    assert exercises.only_the_last_stage(frozen)


@pytest.mark.parametrize("answer, says", [(58, "Nearly"), (64, "pays for two"), (32, "nine times"), (6, "1×1"),
                                          (576, "both sides"), (10, "fewer than")])
def test_mistakes_in_the_rank_are_named(capsys, answer, says):
    assert not exercises.largest_rank(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (mistaken(alone=True), "convolution itself is missing"),
    (mistaken(scale=0.0), "convolution alone"),
    (mistaken(scale=-1.0), "wrong sign"),
    (mistaken(scale=0.5), "nothing scales"),
    (mistaken(change=lambda low: low.flip(2, 3)), "mirrored"),
    (mistaken(change=lambda low: low.transpose(2, 3)), "exchanged"),
    (mistaken(scale=3.0), "sum over the r kernels"),
    (lambda weight, down, up: down, "has to be 6×4×3×3"),
    (in_place, "changes what it was given"),
])
def test_mistakes_in_the_kernel_are_named(capsys, answer, says):
    assert not exercises.merged_kernel(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda network: frozen(network, modes=False), "does not stop running statistics"),
    (lambda network: frozen(network, gradients=False), "needs no gradient"),
    (lambda network: frozen(network, stages=(1, 2)), "more than"),
    (lambda network: frozen(network, classifier=False), "classifier are missing"),
    (lambda network: frozen(network, stages=()), "last stage are missing"),
    (lambda network: frozen(network, last=False), "do not follow its weights"),
    (lambda network: [], "no parameters"),
    (lambda network: 2 * frozen(network), "each once"),
])
def test_mistakes_in_freezing_are_named(capsys, answer, says):
    assert not exercises.only_the_last_stage(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [None, ..., "many", (1, 2), (None, 3), lambda: 1, lambda *values: None,
                                      lambda *values: "x", lambda network: [3]])
def test_nonsense_does_not_raise(nonsense):
    for check in (exercises.largest_rank, exercises.merged_kernel, exercises.only_the_last_stage):
        assert not check(nonsense)
