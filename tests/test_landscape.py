"""The loss along lines, its curvature and the path of a training: against what is known without them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from resnet_lib import data, landscape, networks

DIGITS = data.load("digits")
IMAGES, LABELS = DIGITS.train_images[:128], DIGITS.train_labels[:128]


def small(kind: str = "plain") -> networks.Network:
    return getattr(networks, kind)(8, in_channels=1, width=4, seed=1)


# Directions ---------------------------------------------------------------------------------------------------------

def test_each_filter_of_a_direction_is_as_long_as_the_networks() -> None:
    network = small()
    along = landscape.direction(network, seed=1)
    assert len(along) == 8  # seven convolutions and the classifier
    for part, weight in zip(along, landscape.weights(network)):
        assert torch.allclose(part.flatten(1).norm(dim=1), weight.flatten(1).norm(dim=1), rtol=1e-4)
    other = landscape.direction(network, seed=2)
    flat = [torch.cat([part.flatten() for part in one]) for one in (along, other)]
    assert abs(functional.cosine_similarity(*flat, dim=0)) < 0.1
    free = landscape.direction(network, seed=1, length=3.0)
    assert math.sqrt(sum(part.square().sum().item() for part in free)) == pytest.approx(3, rel=1e-4)


def test_the_network_is_what_it_was_after_a_walk() -> None:
    network = small().train()
    network(IMAGES)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    along = landscape.direction(network, seed=1)
    for recomputed in (False, True):
        landscape.ray(network, IMAGES, LABELS, along, (-1, 0.5), recomputed)
    with pytest.raises(KeyError), landscape.moved(network, (along, 1.0)):
        raise KeyError
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training and network.stem[1].track_running_stats


def test_a_plane_holds_its_rays() -> None:
    network, steps = small(), (-1.0, 0.0, 1.0)
    axes = landscape.direction(network, 1), landscape.direction(network, 2)
    found = landscape.plane(network, IMAGES, LABELS, axes, steps, recomputed=True)
    right = landscape.ray(network, IMAGES, LABELS, axes[0], steps, recomputed=True)
    up = landscape.ray(network, IMAGES, LABELS, axes[1], steps, recomputed=True)
    assert found[1] == pytest.approx(right, rel=1e-4) and [row[1] for row in found] == pytest.approx(up, rel=1e-4)


def test_recomputed_statistics_do_not_see_the_length_of_filters() -> None:
    network = small()
    longer = [weight.detach() * (weight.ndim == 4) for weight in landscape.weights(network)]
    fresh = landscape.ray(network, IMAGES, LABELS, longer, (0, 1, 3), recomputed=True)
    assert fresh == pytest.approx([fresh[0]] * 3, rel=1e-3)
    stale = landscape.ray(network, IMAGES, LABELS, longer, (0, 3), recomputed=False)
    assert abs(stale[1] - stale[0]) > 0.1


def test_a_loss_that_is_no_number_is_infinite() -> None:
    network = small()
    with torch.no_grad():
        network.classifier.weight.fill_(math.inf)
    assert landscape.loss(network, IMAGES, LABELS, recomputed=True) == math.inf


def test_what_is_bent_down() -> None:
    assert landscape.bent_down([x * x for x in range(-5, 6)]) == 0
    assert landscape.bent_down([-x * x for x in range(-5, 6)]) == 1
    assert landscape.bent_down([0, 1, 0, 1, 0]) == pytest.approx(2 / 3)
    assert landscape.bent_down([0, 1e-4, 0]) == 0


# Curvature ----------------------------------------------------------------------------------------------------------

def test_lanczos_finds_both_ends_of_a_spectrum() -> None:
    values = torch.cat([torch.tensor([-3.0, 40.0, 55.0]), torch.linspace(-1, 1, 197)])
    turn, _ = torch.linalg.qr(torch.randn(200, 200, generator=torch.Generator().manual_seed(0)))
    matrix = turn @ torch.diag(values) @ turn.T
    found = landscape.lanczos(lambda vector: matrix @ vector, 200, steps=20)
    assert found[-2:].tolist() == pytest.approx([40, 55], rel=1e-4) and found[0].item() == pytest.approx(-3, rel=1e-2)
    few = landscape.lanczos(lambda vector: 2 * vector, 10, steps=8)
    assert few.tolist() == pytest.approx([2.0])  # one step spans all there is


@pytest.mark.parametrize("recomputed", [False, True])
def test_the_product_is_that_of_the_hessian(recomputed: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.Tanh(), nn.Flatten(),
                            nn.Linear(72, 3, bias=False)).double()
    images, labels = torch.randn(6, 1, 8, 8).double(), torch.tensor([0, 1, 2, 0, 1, 2])
    weights = landscape.weights(network)
    vector = torch.randn(sum(weight.numel() for weight in weights), generator=torch.Generator().manual_seed(1)).double()
    for scaled in (False, True):
        scales = torch.cat([(landscape.lengths(weight) if scaled else torch.ones(())).expand(weight.shape).flatten()
                            for weight in weights])
        found = landscape.hessian_product(network, images, labels, recomputed, scaled)(vector)

        def gradient(step: float, scales: torch.Tensor = scales) -> torch.Tensor:
            parts = (vector * scales).split([weight.numel() for weight in weights])
            along = [part.view(weight.shape) for part, weight in zip(parts, weights)]
            with landscape.moved(network, (along, step)), landscape.statistics(network, recomputed):
                value = functional.cross_entropy(network(images), labels)
                return torch.cat([part.flatten() for part in torch.autograd.grad(value, weights)]) * scales

        assert torch.allclose(found, (gradient(1e-4) - gradient(-1e-4)) / 2e-4, rtol=1e-3, atol=1e-6)


def test_three_times_the_filters_are_a_ninth_of_the_curvature() -> None:
    network = small("residual")
    before = [landscape.curvature(network, IMAGES, LABELS, scaled=scaled, steps=8)[1] for scaled in (False, True)]
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim == 4:
                weight *= 3
    after = [landscape.curvature(network, IMAGES, LABELS, scaled=scaled, steps=8)[1] for scaled in (False, True)]
    assert after[1] == pytest.approx(before[1], rel=1e-2) and after[0] < before[0]


# The path of a training ---------------------------------------------------------------------------------------------

def test_shares_are_those_of_the_principal_components() -> None:
    points = torch.randn(9, 40, generator=torch.Generator().manual_seed(0)) * torch.linspace(3, 0.1, 40)
    values = torch.linalg.svdvals(points - points.mean(0)).square()
    assert torch.allclose(landscape.shares(points)[:8].float(), (values / values.sum())[:8], rtol=1e-3)


def test_a_walk_of_equal_steps_has_the_shares_of_the_theory() -> None:
    found = landscape.walk_shares([1.0] * 400)
    assert found[0].item() == pytest.approx(6 / math.pi**2, rel=0.01)  # Antognini & Sohl-Dickstein 2018
    assert found[1].item() == pytest.approx(6 / math.pi**2 / 4, rel=0.01)


def test_a_drawn_walk_has_the_shares_of_the_formula() -> None:
    steps = [0.9**index for index in range(30)]
    noise = torch.randn(30, 20_000, generator=torch.Generator().manual_seed(0)) / math.sqrt(20_000)
    drawn = torch.cat([torch.zeros(1, 20_000), (noise * torch.tensor(steps)[:, None]).cumsum(0)])
    assert landscape.shares(drawn)[:3].tolist() == pytest.approx(landscape.walk_shares(steps)[:3].tolist(), rel=0.03)
    straight = landscape.walk_shares(steps, [1.0] * 29)
    assert straight[0].item() == pytest.approx(1)
    turning = landscape.walk_shares(steps, [0.7] * 29)
    assert landscape.walk_shares(steps)[0] < turning[0] < 1
