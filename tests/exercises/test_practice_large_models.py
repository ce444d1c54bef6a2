"""The checks of practice/large-models: right answers pass, mistakes are named, nonsense does not raise."""

import pytest

from resnet_lib import exercises

PARAMETERS = 13_015_864_320


def by_blocks(weight, bits, block, *, most=None, back=True, guard=1e-12):
    pieces = weight.reshape(len(weight), -1, block)
    most = most or 2 ** (bits - 1) - 1
    scale = pieces.abs().amax(2, keepdim=True) / most
    scale = scale.clamp(min=guard) if guard else scale
    whole = (pieces / scale).round()
    return (whole * scale if back else whole).reshape(weight.shape)


def in_place(weight, bits, block):
    return weight.copy_(by_blocks(weight, bits, block))


def test_right_answers_pass():
    assert exercises.states_shared((16 * PARAMETERS / 1e9, 9))
    assert exercises.states_shared((208.3, 9))
    assert exercises.states_shared((16 * PARAMETERS / 2**30, 9))
    assert exercises.quantised_by_blocks(by_blocks)


@pytest.mark.parametrize("answer, says", [
    ((12 * PARAMETERS / 1e9, 7), "left out"),
    ((8 * PARAMETERS / 1e9, 5), "optimiser is left out"),
    ((4 * PARAMETERS / 1e9, 3), "one number of four bytes"),
    ((2 * PARAMETERS / 1e9, 2), "weights alone"),
    ((20 * PARAMETERS / 1e9, 11), "too many"),
    ((208.3, 8), "rounded up"),
    ((208.3, 8.68), "rounded up"),
    ((208.3, 3), "how many times 24 GB"),
    ((1.0, 9), "a weight and a gradient"),
])
def test_mistakes_in_the_states_are_named(capsys, answer, says):
    assert not exercises.states_shared(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda weight, bits, block: by_blocks(weight, bits, weight.shape[1]), "whole row"),
    (lambda weight, bits, block: by_blocks(weight.T.contiguous(), bits, len(weight)).T, "one scale a column"),
    (lambda weight, bits, block: by_blocks(weight, bits, block, back=False), "multiply them by their scales"),
    (lambda weight, bits, block: by_blocks(weight, bits, block, most=2**bits), "there are 7"),
    (lambda weight, bits, block: by_blocks(weight, bits, block, most=2 ** (bits - 1) - 2), "nearest whole numbers"),
    (lambda weight, bits, block: by_blocks(weight, bits, block, guard=None), "0/0"),
    (lambda weight, bits, block: by_blocks(weight, bits, block).reshape(-1, block), "has the shape"),
    (in_place, "changes the weights"),
])
def test_mistakes_in_the_quantisation_are_named(capsys, answer, says):
    assert not exercises.quantised_by_blocks(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [None, ..., 3, "nine", (1, 2, 3), ("a", "b"), (None, 3), lambda: 1,
                                      lambda *values: None, lambda *values: "x"])
def test_nonsense_does_not_raise(nonsense):
    for check in (exercises.states_shared, exercises.quantised_by_blocks):
        assert not check(nonsense)
