"""Chaos before training: the changes of the start do what they say, the instruments measure what they say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from resnet_lib import chaos, data, networks
from tests.listings import ROOT, chapter_code, definition, study_code

DIGITS = data.load("digits")
IMAGES, LABELS = DIGITS.train_images[:256], DIGITS.train_labels[:256]


def plain(depth: int = 8, **options: int) -> networks.Network:
    return networks.plain(depth, in_channels=1, seed=1, **options)


# Changes of the start -----------------------------------------------------------------------------------------------

def test_the_bias_is_that_of_every_normalisation() -> None:
    network = plain()
    before = [weight.clone() for weight in network.parameters() if weight.ndim == 4]
    chaos.set_bias(network, 1.5)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 7 and all((module.bias == 1.5).all() and (module.weight == 1).all() for module in norms)
    assert all(torch.equal(a, b) for a, b in zip(before, (w for w in network.parameters() if w.ndim == 4)))


def test_slope_0_is_the_relu_and_slope_1_a_straight_line() -> None:
    network = plain()
    expected = network(IMAGES[:64])
    chaos.make_leaky(network, 0.0)
    assert torch.allclose(network(IMAGES[:64]), expected, atol=1e-6)
    chaos.make_leaky(network, 0.5)
    assert not torch.allclose(network(IMAGES[:64]), expected, atol=1e-2)
    chaos.make_leaky(network, 1.0)
    assert bend(network) < 1e-4


def bend(network: networks.Network, mirrored: bool = False) -> float:
    """How far the output for the mean of two images is from the mean of their outputs; 0 for a straight line."""
    still = chaos.settled(network, IMAGES)
    one, other = IMAGES[:20], IMAGES[20:40]

    def last(images: torch.Tensor) -> torch.Tensor:
        """The last block before its ReLU where that is mirrored, the logits otherwise."""
        if mirrored:
            first, second = chaos.states(still, images)[-1].chunk(2, 1)
            return first - second
        return still(images)

    with torch.no_grad():
        middle, ends = last((one + other) / 2), (last(one) + last(other)) / 2
    return ((middle - ends).norm() / (ends - ends.mean(0)).norm()).item()


def test_mirrored_filters_look_linear_and_follow_their_seed() -> None:
    assert bend(plain(20)) > 0.1
    found = []
    for seed in (1, 1, 2):
        network = plain(20)
        chaos.make_looks_linear(network, seed)
        assert bend(network, mirrored=True) < 1e-3
        found.append(network.stem[0].weight)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_other_networks_are_refused() -> None:
    for change in (chaos.make_leaky, chaos.make_looks_linear):
        with pytest.raises(ValueError, match="Only .* plain network"):
            change(networks.residual(8, in_channels=1), 1)
    with pytest.raises(ValueError, match="even width"):
        chaos.make_looks_linear(plain(width=3), 1)


# Instruments --------------------------------------------------------------------------------------------------------

def test_a_settled_copy_sees_one_image_at_a_time() -> None:
    network = plain()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    still = chaos.settled(network, IMAGES)
    assert torch.allclose(still(IMAGES[:1]), still(IMAGES)[:1], atol=1e-5)
    assert not still.training and network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class Stem(nn.Module):
    """In place of a network: one layer that multiplies, and no blocks."""

    def __init__(self, factor: float, shift: float = 0.0) -> None:
        super().__init__()
        self.stem = lambda images: factor * images + shift

    def blocks(self) -> list:
        return []


def test_a_layer_that_only_scales_keeps_the_noise_at_its_size() -> None:
    for factor in (1.0, 100.0):
        (found,) = chaos.sensitivity(Stem(factor), IMAGES)  # type: ignore[arg-type]
        spread = (IMAGES - IMAGES.mean(0)).square().mean().sqrt().item()
        assert found == pytest.approx(chaos.NOISE / spread, rel=0.05)


def test_likeness_is_kept_by_a_scale_and_lost_in_a_collapse() -> None:
    alike, kept = chaos.kept(Stem(3.0), IMAGES)  # type: ignore[arg-type]
    assert kept == pytest.approx(1) and alike < 0.5
    alike, kept = chaos.kept(Stem(0.001, 1.0), IMAGES)  # type: ignore[arg-type]
    assert kept < 1e-4 and alike > 0.999


def test_similarities_are_cosines_of_all_pairs() -> None:
    found = chaos.similarities(torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, -2.0]]))
    assert found.tolist() == pytest.approx([math.sqrt(0.5), 0, -math.sqrt(0.5)])


def test_equal_batches_agree_and_one_batch_has_nobody_to_agree_with() -> None:
    network = plain()
    twice = torch.cat([IMAGES[:64]] * 2), torch.cat([LABELS[:64]] * 2)
    assert chaos.agreement(network, *twice) == pytest.approx(1, abs=1e-4)
    assert -0.2 < chaos.agreement(network, IMAGES, LABELS) < 0.99
    with pytest.raises(ValueError, match="two batches of 64"):
        chaos.agreement(network, IMAGES[:100], LABELS[:100])


def test_small_steps_keep_their_promise_and_the_weights_come_back() -> None:
    network = plain()
    before = [weight.clone() for weight in network.parameters()]
    ratios = chaos.kept_promises(network, IMAGES[:128], LABELS[:128], (1e-4, 1e-3, 1.0))
    assert ratios[0] == pytest.approx(1, abs=0.05) and ratios[2] < 0.3
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters()))


def test_the_reach_lies_where_the_promise_is_half_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for ratios, expected in (([1.0] * 13, 1.0), ([0.4] + [0.9] * 12, 1e-6), ([1.0] * 4 + [0.0] + [0.9] * 8, 10**-4.25),
                             ([1.0] * 4 + [math.nan] * 9, math.nan)):
        monkeypatch.setattr(chaos, "kept_promises", lambda *_, ratios=ratios: ratios)
        assert chaos.reach(plain(), IMAGES, LABELS) == pytest.approx(expected, nan_ok=True)


def test_all_instruments_at_once() -> None:
    found = chaos.initial(plain(), IMAGES, LABELS)
    assert set(found) == {"explosion", "alike", "kept", "agreement", "reach", "pixel_agreement", "sensitivity", "probe"}
    assert all(math.isfinite(value) for value in found.values()) and 20 < found["probe"] <= 100


# The chapter --------------------------------------------------------------------------------------------------------

CHAPTER = chapter_code("understanding/shattered-gradients")


@pytest.mark.parametrize("name", ["from_number_to_number", "derivative", "autocorrelation"])
def test_the_chapter_draws_what_the_study_measures(name: str) -> None:
    assert definition(CHAPTER, name) == definition(study_code("shattering"), name)


@pytest.mark.parametrize("name", ["LeakyBlock", "set_bias"])
def test_the_chapter_shows_the_changes_of_the_library(name: str) -> None:
    there = definition((ROOT / "resnet_lib" / "chaos.py").read_text(encoding="utf-8"), name)
    shown = definition(CHAPTER, name).replace("networks.PlainBlock", "PlainBlock")
    assert shown == there.removeprefix("@torch.no_grad()\n")
