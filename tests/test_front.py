"""The README's picture: it is what the recorded study says, and its sentence holds there."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy
import pytest
from PIL import Image

from resnet_lib import runs
from tools import front

SVG = "{http://www.w3.org/2000/svg}"


def study(*measured: tuple[float, dict]) -> runs.Study:
    """A study of plain networks of 56 layers: a learning rate and a result for each run."""
    return runs.Study("study", "", "", "", {}, [
        {"configuration": {"kind": "plain", "depth": 56, "epochs": 8, "learning_rate": rate}, "results": results}
        for rate, results in measured])


def result(loss: float, error: float) -> dict:
    return {"final_train_loss": loss, "final_train_error": error}


def test_the_stored_picture_is_the_recorded_study() -> None:
    assert front.PICTURE.read_text(encoding="utf-8") == front.picture(runs.load("degradation")), \
        "book/_static/front.svg is not what the study says: run `python -m tools.front`."


def test_the_headline_holds_in_the_recorded_study() -> None:
    recorded = runs.load("degradation")
    plain, residual = ({depth: front.best(recorded, kind, depth) for depth in front.DEPTHS} for kind in front.KINDS)
    assert min(plain[56].errors) > 10 > max(plain[20].errors)
    assert max(point.median for point in residual.values()) < 1


def test_the_best_rate_has_the_lowest_median_loss() -> None:
    recorded = study((0.01, result(0.9, 30)), (0.01, result(0.9, 31)), (0.01, result(0.9, 32)),
                     (0.1, result(0.8, 20)), (0.1, result(0.8, 60)), (0.1, result(5.0, 70)))
    point = front.best(recorded, "plain", 56)
    assert point.errors == [20, 60, 70] and point.median == 60


def test_a_run_that_diverged_is_infinitely_bad() -> None:
    worse = [(0.1, {"diverged": True}), (0.1, {"diverged": True}), (0.1, result(0.1, 1))]
    assert front.best(study(*worse, (0.01, result(2.0, 80))), "plain", 56).errors == [80]
    assert front.best(study(*worse), "plain", 56).errors == [100, 100, 1]


def test_a_study_without_a_depth_is_no_picture() -> None:
    with pytest.raises(KeyError, match="has no run with"):
        front.picture(study((0.1, result(0.1, 1))))


def test_the_picture_stands_alone_and_says_what_it_shows() -> None:
    drawn = front.picture(runs.load("degradation"))
    root = ElementTree.fromstring(drawn)
    described = root.find(f"{SVG}desc")
    assert root.find(f"{SVG}title") is not None and described is not None
    assert f"{front.best(runs.load('degradation'), 'plain', 56).median:.1f} % with 56 layers" in (described.text or "")
    assert "url(" not in drawn and "href" not in drawn and "@import" not in drawn
    assert "prefers-color-scheme:dark" in drawn


def test_the_stored_digits_are_the_first_training_images() -> None:
    stored, drawn = Image.open(front.DIGITS), front.digits_strip()
    assert stored.size == (160, 10) and stored.tobytes() == drawn.tobytes()
    assert numpy.asarray(drawn)[:, :, 1].max() == 255
