"""The checks of networks/plain: right answers pass, mistakes are named, nonsense does not raise."""

import pytest

from resnet_lib import exercises


def field(layers, before=True, least=1, start=1, strides=True):
    """A receptive field, rightly or wrongly."""
    side, jump = start, 1
    for size, stride in layers:
        stride = stride if strides else 1
        if not before:
            jump *= stride
        side += (size - least) * jump
        if before:
            jump *= stride
    return side


def share(size, kernel, widest=99):
    """The share of the multiplications with a zero; filters count as no wider than `widest`."""
    reach = min(kernel, widest) // 2
    inside = sum(0 <= pixel + offset < size for pixel in range(size) for offset in range(-reach, reach + 1))
    return 1 - (inside / (size * min(kernel, widest))) ** 2


def test_right_answers_pass():
    assert exercises.receptive_field(field)
    assert exercises.border_share(share)


@pytest.mark.parametrize("answer, says", [
    (lambda layers: field(layers, strides=False), "count the jump"),
    (lambda layers: field(layers, before=False), "not for itself"),
    (lambda layers: field(layers, least=0), "adds k − 1 jumps"),
    (lambda layers: field(layers, start=1 if layers else 0), "sees one pixel"),
    (lambda layers: 42, "strides multiply the jump"),
])
def test_mistakes_in_the_receptive_field_are_named(capsys, answer, says):
    assert not exercises.receptive_field(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda size, kernel: 1 - share(size, kernel), "take it from 1"),
    (lambda size, kernel: 1 - (1 - share(size, kernel)) ** 0.5, "inside in both"),
    (lambda size, kernel: (1 - (1 - share(size, kernel)) ** 0.5) ** 2, "outside in one is enough"),
    (lambda size, kernel: 100 * share(size, kernel), "not a percentage"),
    (lambda size, kernel: share(size, kernel, widest=3), "a wider filter"),
    (lambda size, kernel: 0.5, "how many of a filter's weights"),
])
def test_mistakes_at_the_border_are_named(capsys, answer, says):
    assert not exercises.border_share(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [None, ..., 3, "nine", lambda: 1, lambda *values: None, lambda *values: "x"])
def test_nonsense_does_not_raise(nonsense):
    assert not exercises.receptive_field(nonsense)
    assert not exercises.border_share(nonsense)
