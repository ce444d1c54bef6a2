"""The checks of understanding/loss-landscape, and whether its code is the library's."""

import math

import pytest
import torch

from resnet_lib import exercises
from tests.listings import ROOT, chapter_code, definition


def power_iteration(product, size):
    vector = torch.randn(size, generator=torch.Generator().manual_seed(1))
    for _ in range(100):
        vector = product(vector / vector.norm())
    vector = vector / vector.norm()
    return torch.dot(vector, product(vector)).item()


DISTANCE = math.sqrt(10 ** (2 / 55) - 1)


def test_right_answers_pass():
    assert exercises.stale_growth((2**9.5, 2**27.5, DISTANCE))
    assert exercises.stale_growth((724, 1.9e8, 0.3))
    assert exercises.power_iteration(power_iteration)


@pytest.mark.parametrize("answer, says", [
    ((2**19, 2**27.5, 0.3), "variance"), ((19 * 2**0.5, 2**27.5, 0.3), "multiply"), ((2**0.5, 2**27.5, 0.3), "of one"),
    ((1024, 2**27.5, 0.3), "classifier"), ((3, 2**27.5, 0.3), "19 convolutions: each"), ((724, 2**55, 0.3), "variance"),
    ((724, 1.9e8, 0.2069), "Nearly"), ((724, 1.9e8, 0.0873), "r²"), ((724, 1.9e8, 1.043), "one convolution"),
    ((724, 1.9e8, 0.5), "Solve"), ((724, 1.9e8), "Three numbers"), (("a", 1, 2), "could not be checked"),
])
def test_mistakes_in_the_growth_are_named(capsys, answer, says):
    assert not exercises.stale_growth(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda product, size: abs(power_iteration(product, size)), "lost the sign"),
    (lambda product, size: power_iteration(product, size) ** 2, "length 1 before"),
    (lambda product, size: 0.0, "again and again"),
])
def test_mistakes_in_the_power_iteration_are_named(capsys, answer, says):
    assert not exercises.power_iteration(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("name", ["moved", "lanczos"])
def test_the_listings_of_the_chapter_are_the_librarys(name):
    library = (ROOT / "resnet_lib" / "landscape.py").read_text(encoding="utf-8")
    there, here = definition(library, name), definition(chapter_code("understanding/loss-landscape"), name)
    for typed, bare in ((": tuple[Direction, float]", ""), ("list[float]()", "[]")):
        there = there.replace(typed, bare)
    assert here.replace("landscape.", "") == there
