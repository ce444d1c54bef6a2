"""practice/vision: its code is the studies', its counting is right in cases by hand, its scenes are what they say."""

from __future__ import annotations

import ast

import nbformat
import pytest
import torch

from tests.listings import ROOT, chapter_code, definition, study_code

CODE = chapter_code("practice/vision")


def assignments(code: str) -> dict[str, str]:
    """What stands on the right of the assignments of one name or several at the top of some code."""
    return {ast.unparse(node.targets[0]): ast.unparse(node.value) for node in ast.parse(code).body
            if isinstance(node, ast.Assign)}


def part(*names: str) -> dict:
    """These functions of the study "scenes", executed alone."""
    from torchvision.ops import box_iou

    place: dict = {"torch": torch, "box_iou": box_iou, "statistics": __import__("statistics")}
    for name in names:
        exec(definition(study_code("scenes"), name), place)
    return place


@pytest.mark.parametrize("name", ["enlarged", "scene", "scenes", "cells", "Finder", "wanted", "cost", "learn", "find",
                                  "credit", "mean_precision", "shared", "backbone", "classify", "single"])
def test_the_chapter_shows_what_the_study_of_scenes_ran(name: str) -> None:
    assert definition(CODE, name) == definition(study_code("scenes"), name)


@pytest.mark.parametrize("name", ["even", "alike", "learned"])
def test_the_chapter_shows_what_the_study_of_verification_ran(name: str) -> None:
    assert definition(CODE, name) == definition(study_code("verification"), name)


def test_the_scenes_of_the_chapter_have_the_study_s_sizes() -> None:
    chapter, study = assignments(CODE), assignments(study_code("scenes"))
    for name in ("(SIDE, STRIDES, LIMITS)", "LEVELS", "later", "INK", "NAMES"):
        assert chapter[name] == study[name]


def test_credits_by_hand() -> None:
    place = part("credit", "mean_precision")
    boxes = torch.tensor([[0.0, 0, 4, 4], [10, 0, 14, 4], [20, 0, 24, 4]])
    zeros = torch.zeros(3, dtype=torch.long)
    said = torch.stack([boxes[0], boxes[0] + 1.5, boxes[1]])
    earned = place["credit"]((zeros, said, torch.tensor([0.9, 0.8, 0.7]), zeros), (zeros, boxes, zeros))
    assert earned.tolist() == pytest.approx([1, 2 / 3, 0])
    assert place["mean_precision"](earned, zeros) == pytest.approx(500 / 9)
    # the same report twice, in the right place of another scene, and with another name
    again = (torch.tensor([0, 0, 1, 0]), boxes[[0, 0, 1, 1]], torch.tensor([0.9, 0.8, 0.7, 0.6]),
             torch.tensor([0, 0, 0, 1]))
    assert place["credit"](again, (zeros, boxes, zeros)).tolist() == [1, 0, 0]


def test_a_scene_s_boxes_hold_its_mask() -> None:
    """Box, mask and class of the study's scenes tell the same story."""
    place: dict = {}
    exec("\n".join(line for line in study_code("scenes").split("# The network ---")[0].splitlines()), place)
    image, boxes, classes, mask = place["scene"]("train", torch.Generator().manual_seed(3))
    assert image.shape == mask.shape == (32, 32) and len(boxes) == len(classes) > 0
    outside = torch.ones_like(mask, dtype=torch.bool)
    for (left, top, right, bottom), name in zip(boxes.int().tolist(), classes.tolist()):
        inside = mask[top:bottom, left:right]
        assert set(inside.unique().tolist()) == {0, name + 1}
        assert (inside[0] > 0).any() and (inside[-1] > 0).any() and (inside[:, 0] > 0).any()
        outside[top:bottom, left:right] = False
    assert (mask[outside] == 0).all()


def test_the_signs_are_not_shown() -> None:
    """Their licence is not stated: the chapter has numbers of them and no pictures."""
    cells = nbformat.read(ROOT / "book" / "practice" / "vision.ipynb", as_version=4).cells
    assert not any('load("signs")' in cell.source for cell in cells if cell.cell_type == "code")
    assert "pixels" not in (ROOT / "book" / "runs" / "verification.json").read_text(encoding="utf-8").replace(
        '"kind": "pixels"', "")
