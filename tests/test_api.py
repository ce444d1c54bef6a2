"""The pages of the package show what the book says and values that a reader can read."""

from __future__ import annotations

import dataclasses
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("sphinx")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "book" / "_extensions"))

import api  # type: ignore[import-not-found]  # noqa: E402
from sphinx.ext.autodoc.preserve_defaults import update_defvalue  # noqa: E402
from sphinx.util.inspect import signature, stringify_signature  # noqa: E402

from resnet_lib import explorers  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
COUNT = 7


@dataclasses.dataclass
class Settings:
    epochs: int
    rate: float = 0.1
    losses: list[float] = dataclasses.field(default_factory=list)
    loss: object = functional.cross_entropy
    noise: torch.Generator = dataclasses.field(default_factory=lambda: torch.Generator().manual_seed(0))

    def train(self) -> None:
        """Train."""


def load(count: int = COUNT, folder: Path = ROOT, *, least: float = 1e-3, activation: object = torch.relu) -> None:
    """Load."""


def test_fields_of_a_data_class_have_values_that_can_be_read():
    assert api.constructor(Settings) == ("(epochs: int, rate: float = 0.1, losses: list[float] = [], "
                                         "loss: object = cross_entropy, noise: ~torch._C.Generator = ...)")


def test_a_foreign_constructor_is_not_shown_and_an_own_one_is():
    class Batch(nn.BatchNorm2d):
        pass

    class Error(ValueError):
        pass

    assert api.constructor(Batch) == ""
    assert api.constructor(Error) is api.constructor(type("Plain", (), {})) is None
    assert api.constructor(explorers.Explorer).startswith("(name: str, state: ")


def test_a_default_is_a_number_or_what_the_code_calls_it():
    class App:
        class config:
            autodoc_preserve_defaults = True

    update_defvalue(App, load, False)
    api.keep_numbers(App, load, False)
    shown = stringify_signature(signature(load), unqualified_typehints=True)
    assert shown == ("(count: int = 7, folder: ~pathlib.Path = ROOT, *, least: float = 0.001, "
                     "activation: object = torch.relu) -> None")


def test_members_from_elsewhere_are_left_out():
    point = namedtuple("point", "x")
    assert api.is_foreign(Settings.loss) and api.is_foreign(point.x)
    assert not api.is_foreign(Settings.train) and not api.is_foreign(property(Settings.train))


def test_names_are_code_wherever_they_stand_and_chapters_are_links():
    assert api.readable("1×`size`×`size`, see `x`.", ()) == "1×\\ `size`\\ ×\\ `size`\\ , see \\ `x`\\ ."
    pages = {"book/understanding/paths"}
    assert api.readable("Taught in understanding/\npaths.", pages) == "Taught in :doc:`/book/understanding/paths`"
    assert api.readable("`networks/no-chapter.`", pages) == "\\ `networks/no-chapter.`\\ "
