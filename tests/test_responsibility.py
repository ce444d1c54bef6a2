"""practice/responsibility: its code is the studies', and thieves, attacks and certificates do what the chapter says."""

from __future__ import annotations

import json
from types import ModuleType

import pytest
import torch
from torch import nn

from resnet_lib import data, runs
from tests.listings import ROOT, chapter_code, definition, study_code, study_module

CODE = chapter_code("practice/responsibility")


@pytest.mark.parametrize("name", ["everything", "halves", "learn", "confidence", "calibrated", "roc", "hits_at",
                                  "grouped"])
def test_the_chapter_shows_what_the_study_of_membership_ran(name: str) -> None:
    assert definition(CODE, name) == definition(study_code("membership"), name)


@pytest.mark.parametrize("name", ["FromPixels", "slope", "fgsm", "signs", "taught", "right", "noisy", "counts",
                                  "certified"])
def test_the_chapter_shows_what_the_study_of_attacks_ran(name: str) -> None:
    assert definition(CODE, name) == definition(study_code("attacks"), name)


@pytest.mark.parametrize(("shown", "name"), [("one_way", "pgd"), ("other_way", "broken")])
def test_the_two_attacks_of_the_riddle_are_the_studys(shown: str, name: str) -> None:
    assert definition(CODE, shown).replace(f"def {shown}(", f"def {name}(") == definition(study_code("attacks"), name)


@pytest.mark.parametrize("name", ["times_pixel", "alike"])
def test_the_chapter_shows_what_the_study_of_explanations_ran(name: str) -> None:
    assert definition(CODE, name) == definition(study_code("explanations"), name)


@pytest.mark.parametrize("name", ["membership", "attacks", "voices"])
def test_rates_are_chosen_with_other_seeds(name: str) -> None:
    """Each shown run has the rate that is best in the runs with seeds above 100, of which none is shown."""
    asked = [run["configuration"] for run in runs.load(name).runs]
    assert {one["seed"] > 100 for one in asked} == {True, False}
    if name != "attacks":
        tried = {one["rate"] for one in asked if one["seed"] > 100}
        assert {one["rate"] for one in asked if one["seed"] <= 100} <= tried


@pytest.fixture(scope="module")
def membership() -> ModuleType:
    return study_module("membership")


@pytest.fixture(scope="module")
def attacks() -> ModuleType:
    return study_module("attacks")


def test_half_of_a_pool_is_in_each_training(membership: ModuleType) -> None:
    member = membership.halves(300, 40, 1)
    assert (member.sum(1) == 150).all() and 10 <= int(member.sum(0).min()) and int(member.sum(0).max()) <= 30


def test_a_thief_who_knows_and_one_who_guesses(membership: ModuleType) -> None:
    member = membership.halves(300, 40, 1)
    guess = torch.rand(40, 300, generator=torch.Generator().manual_seed(1)).double()
    for scores, area, hits in ((member.double() + 0.5 * guess, (1, 1), (1, 1)), (guess, (0.48, 0.52), (0, 0.02))):
        found = membership.roc(scores, member)
        assert area[0] <= float(torch.trapezoid(found[1], found[0])) <= area[1]
        assert hits[0] <= membership.hits_at(*found, 0.01) <= hits[1]
    assert membership.hits_at(torch.tensor([0.5, 1.0]), torch.tensor([0.9, 1.0]), 0.01) == 0.0


def test_the_second_thief_sees_what_the_first_cannot(membership: ModuleType) -> None:
    """Each image has its own level; being a member adds a little to it. By level alone the first thief is lost."""
    generator = torch.Generator().manual_seed(2)
    member = membership.halves(300, 40, 3)
    levels = 10 * torch.randn(300, generator=generator).double()
    scores = levels + member.double() + 0.3 * torch.randn(40, 300, generator=generator).double()
    first, second = (membership.roc(one, member) for one in (scores, membership.calibrated(scores, member)))
    assert membership.hits_at(*first, 0.01) < 0.05 and membership.hits_at(*second, 0.01) > 0.6


def test_evidence_is_the_logarithm_of_the_ratio(membership: ModuleType) -> None:
    member = torch.tensor([[True], [True], [False], [False], [True]])
    scores = torch.tensor([[3.0], [5.0], [0.0], [2.0], [4.0]]).double()
    others = (4.0, 1.0, 1.0)  # of the last: means of those that had it and had not, deviation
    expected = ((4 - others[1]) ** 2 - (4 - others[0]) ** 2) / (2 * others[2] ** 2)
    assert float(membership.calibrated(scores, member)[4, 0]) == pytest.approx(expected, rel=1e-4)


class Line(nn.Module):
    """Two classes whose border is where the ink is half a pixel."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        ink = pixels.flatten(1).sum(1)
        return 0.02 * torch.stack([0.5 - ink, ink - 0.5], 1)  # not so sure that the gradient goes


def test_attacks_stay_in_the_box_and_raise_the_loss(attacks: ModuleType) -> None:
    pixels = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.ones(5, dtype=torch.int64)
    for attack in (attacks.fgsm, attacks.pgd, attacks.broken):
        extra = () if attack is attacks.fgsm else (torch.Generator().manual_seed(1),)
        moved = attack(Line(), pixels, labels, 0.1, *extra)
        assert moved.min() >= 0 and moved.max() <= 1 and (moved - pixels).abs().max() <= 0.1 + 1e-6
        assert moved.sum() < pixels.sum() - 10  # less ink is what fools this network
    moved = attacks.round_pgd(Line(), pixels, labels, 0.5)
    assert (moved - pixels).flatten(1).norm(dim=1).max() <= 0.5 + 1e-5 and moved.sum() < pixels.sum() - 5


def test_the_broken_attack_is_stuck_below_zero(attacks: ModuleType) -> None:
    blank, labels = torch.zeros(8, 1, 8, 8), torch.zeros(8, dtype=torch.int64)
    shares = [float((attack(Line(), blank, labels, 0.1, torch.Generator().manual_seed(1)) < 0.05).double().mean())
              for attack in (attacks.pgd, attacks.broken)]
    assert shares[0] == 0 and 0.4 < shares[1] < 0.6


def test_a_certificate_holds_for_a_network_whose_border_is_known(attacks: ModuleType) -> None:
    """The border of `Line` is at distance (ink − 0.5)/8 from a picture: no certificate may reach beyond it."""
    generator = torch.Generator().manual_seed(1)
    for ink in (2.5, 4.5, 8.5):
        image = torch.full((1, 8, 8), ink / 64)
        winner, radius = attacks.certified(Line(), image, 500, generator)
        assert winner == 1 and radius <= (ink - 0.5) / 8
    assert radius > 0.5
    undecided = torch.full((1, 8, 8), 0.5 / 64)
    assert max(attacks.certified(Line(), undecided, 200, generator)[1] for _ in range(5)) == 0


def test_licences_in_the_chapter_are_those_of_the_library() -> None:
    assert {known.licence.split(";")[0] for known in data.KNOWN.values()} == {
        "CC BY 4.0", "CC BY-SA 3.0", "CC BY-SA 4.0", "MIT", "none stated"}


def test_every_line_of_the_list_leads_somewhere() -> None:
    cells = json.loads((ROOT / "book/practice/responsibility.ipynb").read_text(encoding="utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "markdown" for line in "".join(cell["source"]).splitlines()
             if line.startswith("- ☐")]
    assert len(lines) >= 14 and sum("](" in line for line in lines) >= 12
