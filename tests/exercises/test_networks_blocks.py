"""The checks of networks/blocks: right answers pass, mistakes are named, nonsense does not raise."""

import pytest
import torch

from resnet_lib import exercises

PUBLISHED = exercises.published()


def seen(block):
    x = torch.randn(2, 256, 8, 8, requires_grad=True)
    block(x).square().sum().backward()
    return "3x3" if x.grad.ne(0).any(1).any(0).all() else "1x1"


def test_right_answers_pass():
    assert exercises.which_blocks(PUBLISHED)
    assert exercises.where_is_the_step(seen)


def test_every_consistent_description_is_right():
    third = {**PUBLISHED["third"], "projection_norm": False, "projection_bias": True}  # A has no projection
    first = {**PUBLISHED["first"], "last_norm": False}  # only a pre-activation network has one
    assert exercises.which_blocks({**PUBLISHED, "first": first, "third": third})


@pytest.mark.parametrize("change, says", [
    ({"first": PUBLISHED["second"]}, "though the totals agree"),
    ({"third": exercises.ORIGINAL}, "third: your network has 16 more parameters in its stem"),
    ({"second": {**PUBLISHED["second"], "last_norm": False}}, "128 fewer parameters in its last norm"),
    ({"second": {**PUBLISHED["second"], "shortcut": "D"}}, "second: The shortcut is"),
    ({"second": {"shortcut": "A"}}, "second: A description has the six entries"),
    ({"second": 3}, "second: A description has the six entries"),
    ({"fourth": PUBLISHED["first"]}, "Give a description of each"),
])
def test_wrong_descriptions_are_named(capsys, change, says):
    assert not exercises.which_blocks({**PUBLISHED, **change})
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda block: "3x3", "Block 2 has the step on the 1x1"),
    (lambda block: "conv2", "return '1x1' or '3x3'"),
    (lambda block: "3x3" if seen(block) == "1x1" else "1x1", "Block 1 has the step on the 3x3"),
])
def test_a_wrong_place_is_named(capsys, answer, says):
    assert not exercises.where_is_the_step(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [None, ..., 3, "A", lambda: 1, lambda block: None, []])
def test_nonsense_does_not_raise(nonsense):
    assert not exercises.which_blocks(nonsense)
    assert not exercises.where_is_the_step(nonsense)
