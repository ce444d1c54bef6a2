"""practice/driving: its code is the studies', and the simulator keeps to what the chapter says of it."""

from __future__ import annotations

import numpy
import pytest
import torch
from IPython.display import HTML
from torch.nn import functional

from resnet_lib import explorers, runs, training
from tests.listings import chapter_code, definition, study_code

CODE = chapter_code("practice/driving")


@pytest.mark.parametrize("name", ["roads", "picture", "expert", "drive", "descend", "steering", "driven_by", "made",
                                  "frames", "error"])
def test_the_chapter_shows_what_the_study_of_drivers_ran(name: str) -> None:
    assert definition(CODE, name) == definition(study_code("driving"), name)


@pytest.mark.parametrize("name", ["seen", "fog", "darkness", "mist", "noise", "logits"])
def test_the_chapter_shows_what_the_study_of_signs_ran(name: str) -> None:
    assert definition(CODE, name) == definition(study_code("signs"), name)


def test_both_studies_descend_alike() -> None:
    """The chapter's `descend` is compared with the drivers' above; the signs' study takes it from there."""
    assert "\nfrom driving import descend\n" in study_code("signs")
    assert "def descend" not in study_code("signs")


def simulator() -> dict:
    """The chapter's own functions for roads, pictures and drives."""
    there = {"torch": torch, "numpy": numpy, "functional": functional, "training": training}
    constants = [line for line in CODE.splitlines()
                 if line.startswith(("HALF =", "ROWS, COLUMNS", "DISTANCE =", "SLOPE =", "UNIT ="))]
    exec("\n".join([*constants, *(definition(CODE, name) for name in
                                  ("roads", "picture", "expert", "drive", "made", "seen", "fog"))]), there)
    return there


def test_the_same_seed_gives_the_same_drive() -> None:
    simulated = simulator()
    drive, roads = simulated["drive"], simulated["made"](3, 60, 1)
    one, again, other = (drive(None, roads, seed) for seed in (5, 5, 6))
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not torch.equal(one["pictures"], other["pictures"])
    assert one["pictures"].shape == (3, 60, 1, 24, 32) and one["left"].tolist() == [60] * 3


def test_the_command_of_now_is_the_one_of_some_steps_ago() -> None:
    simulated = simulator()
    seen: list[float] = []

    def driver(pictures: torch.Tensor) -> torch.Tensor:
        seen.append(0.001 * len(seen))
        return torch.full((len(pictures),), seen[-1])

    straight = torch.zeros(1, 30 + simulated["AHEAD"])
    late = simulated["drive"](driver, straight, 1, delay=4)["offsets"]
    seen.clear()
    at_once = simulated["drive"](driver, straight, 1)["offsets"]
    assert torch.allclose(late[0, :2], at_once[0, :2]) and (at_once - late)[0, 3:12].min() > 0  # turns left later


def test_a_car_off_the_road_is_put_back_and_its_first_exit_is_noted() -> None:
    simulated = simulator()
    away = simulated["drive"](lambda pictures: torch.full((len(pictures),), 0.05),
                              torch.zeros(2, 60 + simulated["AHEAD"]), 1)
    first = int(away["left"][0])
    assert 5 < first < 15 and away["out"][0, first - 1] and away["offsets"][0, first] == 0
    assert away["out"].sum() >= 4 and away["offsets"].abs().max() <= simulated["HALF"]


def test_the_last_row_is_lit_by_the_command_before() -> None:
    simulated = simulator()
    roads = simulated["made"](2, 20, 3)
    lit = simulated["drive"](None, roads, 1, bar=True)
    assert torch.allclose(lit["pictures"][:, 1:, 0, -1, 0], 50 * lit["commands"][:, :-1], atol=1e-5)


def test_the_state_of_the_explorer_fits_a_page() -> None:
    roads = simulator()["made"](4, 300, 77)
    explorer = explorers.driving(runs.load("driving"), roads, HTML(""))
    assert len(explorer.json) <= explorers.LARGEST and len(explorer.state["roads"]) == 4
    assert (1e-5 * torch.tensor(explorer.state["roads"]) - roads).abs().max() <= 0.51e-5
