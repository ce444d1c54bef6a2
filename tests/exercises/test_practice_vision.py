"""The checks of practice/vision: right answers pass, mistakes are named, nonsense does not raise."""

import pytest
import torch
from torchvision.ops import box_iou, nms

from resnet_lib import exercises
from resnet_lib.exercises.practice import overlaps


def equal(scores, same, *, scale=1.0, whole=False, wrong=False):
    accepted = scores[None] >= scores[:, None]
    alarms, misses = accepted[:, ~same].double().mean(1), (~accepted)[:, same].double().mean(1)
    best = (alarms - misses).abs().argmin()
    rate = (alarms[best] + misses[best]) / (1 if whole else 2)
    return (accepted != same).double().mean(1).min() if wrong else scale * rate


def without_mercy(boxes, scores, overlap):
    """Boxes that were taken away take away others, too."""
    order, near = scores.argsort(descending=True), box_iou(boxes, boxes) > overlap
    return [one for place, one in enumerate(order.tolist()) if not near[one, order[:place]].any()]


def test_right_answers_pass():
    assert exercises.found_by_hand((100 / 3, 500 / 9)) and exercises.found_by_hand((33.3, 55.6))
    assert exercises.equal_error(equal)
    assert exercises.best_of_many(nms)


def test_the_overlaps_are_torchvision_s():
    boxes = 20 * torch.rand(50, 4, generator=torch.Generator().manual_seed(1))
    boxes[:, 2:] += boxes[:, :2]
    torch.testing.assert_close(overlaps(boxes), box_iou(boxes, boxes))


@pytest.mark.parametrize("answer, says", [
    ((1 / 3, 5 / 9), "in per cent"), ((50, 55.6), "either covers"), ((25, 55.6), "counted twice"),
    ((1000, 1), "Shared"), ((33.3, 83.3), "never found"), ((33.3, 66.7), "at each object"),
    ((33.3, 77.8), "third answer"), ((33.3, 2), "1 of 1"),
])
def test_mistakes_by_hand_are_named(answer, says, capsys):
    assert not exercises.found_by_hand(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda scores, same: equal(scores, same, scale=100), "per cent"),
    (lambda scores, same: 1 - equal(scores, same), "that is right"),
    (lambda scores, same: equal(scores, same, wrong=True), "lowest share"),
    (lambda scores, same: equal(scores, same, whole=True), "not their sum"),
    (lambda scores, same: 0.123, "For each threshold"),
])
def test_mistakes_in_the_equal_error_are_named(answer, says, capsys):
    assert not exercises.equal_error(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda boxes, scores, overlap: sorted(nms(boxes, scores, overlap).tolist()), "order of their scores"),
    (lambda boxes, scores, overlap: scores.argsort(descending=True), "Nothing was taken away"),
    (without_mercy, "was itself taken away"),
    (lambda boxes, scores, overlap: [0], "Take the best one"),
])
def test_mistakes_in_the_suppression_are_named(answer, says, capsys):
    assert not exercises.best_of_many(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("name", ["found_by_hand", "equal_error", "best_of_many"])
@pytest.mark.parametrize("answer", [None, ..., "nonsense", 3.5, (1,), lambda: 0, lambda *x: "what", lambda *x: None])
def test_nonsense_does_not_raise(name, answer):
    assert not getattr(exercises, name)(answer)
