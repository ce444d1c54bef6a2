"""Costs: counts against those by hand, memory against what is known to be allocated, kinds of layer in a profile."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.profiler import record_function

from resnet_lib import costs, networks


@pytest.mark.parametrize("kind", ["plain", "residual"])
def test_multiply_adds_of_a_small_network(kind: str) -> None:
    network = getattr(networks, kind)(8, in_channels=1).train()
    by_hand = 9 * 16 * 64 + 2 * 9 * 16 * 16 * 64 + (9 * 16 * 32 + 9 * 32 * 32) * 16 + (9 * 32 * 64 + 9 * 64 * 64) * 4
    assert costs.multiply_adds(network, torch.zeros(1, 1, 8, 8)) == by_hand + 640
    assert network.training


def test_kept_bytes_are_those_counted_by_the_networks() -> None:
    network, images = networks.residual(8, in_channels=1).train(), torch.randn(4, 1, 8, 8)
    own = 4 * images.numel()  # the stem keeps them; count_kept leaves them out
    statistics = sum(2 * 4 * layer.num_features for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))
    assert costs.kept_bytes(network, lambda: network(images)) == 4 * 4 * networks.count_kept(
        network, images) + own + statistics


def test_kept_bytes_count_what_is_shared_once() -> None:
    x = torch.randn(100, requires_grad=True)
    assert costs.kept_bytes(nn.Identity(), lambda: x.square() + x.pow(3)) == 400


def test_peak_is_the_largest_moment_not_the_sum() -> None:
    def work() -> None:
        for _ in range(3):
            torch.zeros(1000)
        both = torch.zeros(1000), torch.zeros(500)
        del both

    assert costs.peak_bytes(work) == 6016 or costs.peak_bytes(work) == 6000


def test_peak_does_not_count_what_was_there_before() -> None:
    before = torch.zeros(1000)
    assert costs.peak_bytes(lambda: before.add_(1)) < 1000


def test_convolutions_are_counted_by_shape() -> None:
    found = costs.convolutions(networks.residual(20).train(), torch.zeros(4, 3, 32, 32))
    assert sum(found.values()) == 19
    assert found[costs.Convolution(4, 16, 16, 32, 3, 1, 1, False)] == 6
    assert [shape for shape in found if shape.first] == [costs.Convolution(4, 3, 16, 32, 3, 1, 1, True)]
    assert found[costs.Convolution(4, 32, 64, 16, 3, 2, 1, False)] == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_convolutions_alone_take_their_clock(dtype: torch.dtype) -> None:
    ticks = iter(range(10_000))
    network, images = networks.residual(8), torch.zeros(1, 3, 8, 8)
    seconds = costs.all_convolutions_seconds(network, images, dtype, repeats=2, clock=lambda: next(ticks))
    assert seconds == 3 * 7 - 1  # the stem's input needs no gradient


def test_a_profile_knows_the_kinds_of_layer() -> None:
    network, images = networks.residual(8).train(), torch.randn(8, 3, 16, 16)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(images).sum().backward()

    def work() -> None:
        with record_function("augmentation"):
            x = images.flip(3) + 1
        network(x).sum().backward()
        optimizer.step()

    found = costs.parts(work)
    assert list(found)[-2:] == ["other operations", "Python and the profiler"]
    for name in ("convolution", "batch normalisation", "ReLU", "optimiser", "augmentation", "additions"):
        assert found[name] > 0, name
