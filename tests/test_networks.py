"""Networks: counts to the digit, the forward pass against one written by hand, initialisation, what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import networks

# Parameters with option A, 3 channels and 10 classes, worked out from the architecture; a plain network has as many.
OPTION_A = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}
PROJECTIONS = 16 * 32 + 32 * 64  # the 1×1 convolutions of option B
KINDS: dict[str, dict] = {"A": {"shortcut": "A"}, "B": {"shortcut": "B"}, "C": {"shortcut": "C"},
                          "pre-activation A": {"shortcut": "A", "pre_activation": True},
                          "pre-activation B": {"shortcut": "B", "pre_activation": True}}


def randomised(network: networks.Network, seed: int = 0) -> networks.Network:
    """The network in double precision, with biases and statistics at which no mistake can hide."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                values.data = 0.5 + torch.rand(len(values), generator=generator)
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.bias, generator=generator)
    return network.double()


# Parameters -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("depth", "count"), OPTION_A.items())
def test_parameter_counts_to_the_digit(depth: int, count: int) -> None:
    assert networks.count_parameters(networks.plain(depth)) == count
    assert networks.count_parameters(networks.residual(depth, shortcut="A")) == count
    assert networks.count_parameters(networks.residual(depth, shortcut="B")) == count + 2_752


def test_parameter_counts_of_the_other_kinds() -> None:
    identities = 3 * 16**2 + 2 * 32**2 + 2 * 64**2  # the blocks of depth 20 that keep their shape
    normalisations = 2 * (3 * 16 + 3 * 32 + 3 * 64)
    assert networks.count_parameters(networks.residual(20, shortcut="C")) == (
        OPTION_A[20] + PROJECTIONS + identities + normalisations)
    assert networks.count_parameters(networks.residual(20, pre_activation=True)) == OPTION_A[20]
    assert networks.count_parameters(networks.residual(20, pre_activation=True, shortcut="B")) == (
        OPTION_A[20] + PROJECTIONS)  # no normalisation behind these projections


def test_parameters_that_are_held_fixed_are_not_counted() -> None:
    network = networks.plain(8)
    whole = networks.count_parameters(network)
    network.classifier.requires_grad_(False)
    assert networks.count_parameters(network) == whole - 650


@pytest.mark.parametrize("pre_activation", [False, True])
def test_bias_only_without_normalisation(pre_activation: bool) -> None:
    def of(normalisation: bool) -> list[nn.Module]:
        return list(networks.residual(8, pre_activation=pre_activation, normalisation=normalisation).modules())

    assert all(module.bias is None for module in of(True) if isinstance(module, nn.Conv2d))
    assert all(module.bias is not None for module in of(False) if isinstance(module, nn.Conv2d))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in of(False))


# Initialisation ---------------------------------------------------------------------------------------------

def test_he_initialisation() -> None:
    network = networks.residual(20, shortcut="B", normalisation=False, seed=1)
    for name, fan_in in (("stages.2.0.conv1", 9 * 32), ("stages.2.2.conv2", 9 * 64)):  # the first has another fan-out
        weight = network.get_submodule(name).weight
        assert weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.03)
        assert weight.mean().abs() < 5 * weight.std() / math.sqrt(weight.numel())
        assert (weight / weight.std()).pow(4).mean().item() == pytest.approx(3, abs=0.3)  # normal; uniform has 1.8
    projection = network.get_submodule("stages.2.0.shortcut.0").weight
    assert projection.std().item() == pytest.approx(math.sqrt(2 / 32), rel=0.1)
    assert all((module.bias == 0).all() for module in network.modules()
               if isinstance(module, nn.Conv2d) and module.bias is not None)


def test_batch_normalisation_starts_neutral() -> None:
    norms = [module for module in networks.residual(8, shortcut="C").modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 1 + 6 + 3
    assert all((module.weight == 1).all() and (module.bias == 0).all() for module in norms)


@pytest.mark.parametrize("build", [lambda seed: networks.plain(8, seed=seed),
                                   lambda seed: networks.residual(8, seed=seed),
                                   lambda seed: networks.fully_connected(3, 20, 10, 5, seed=seed)])
def test_seed_fixes_the_weights_and_leaves_the_global_generator_alone(build: Callable) -> None:
    before = torch.get_rng_state()
    first, again, other = ([*build(seed).parameters()] for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], other[0]) and not torch.equal(first[-2], other[-2])
    torch.manual_seed(1)
    assert all(map(torch.equal, first, build(None).parameters()))


# Forward ----------------------------------------------------------------------------------------------------

def by_hand(weights: dict[str, Tensor], images: Tensor, depth: int, *, skip: bool = True, pre_activation: bool = False,
            training: bool = False) -> Tensor:
    """The network's logits from its weights alone: He et al. 2015, eq. 2, or He et al. 2016, figure 1b."""
    def convolve(name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = weights[f"{name}.weight"]
        return functional.conv2d(x, weight, weights.get(f"{name}.bias"), stride, padding=weight.shape[2] // 2)

    def normalise(name: str, x: Tensor) -> Tensor:
        if f"{name}.weight" not in weights:
            return x
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        if training:
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        scale = weights[f"{name}.weight"] / (variance + 1e-5).sqrt()
        return (x - mean[:, None, None]) * scale[:, None, None] + weights[f"{name}.bias"][:, None, None]

    x = convolve("stem.0", images)
    if not pre_activation:
        x = normalise("stem.1", x).relu()
    for stage in range(3):
        for index in range((depth - 2) // 6):
            block = f"stages.{stage}.{index}"
            stride = 2 if stage > 0 and index == 0 else 1
            activated = normalise(f"{block}.norm1", x).relu() if pre_activation else x
            shortcut = torch.zeros(())
            if skip and f"{block}.shortcut.0.weight" in weights:
                shortcut = normalise(f"{block}.shortcut.1", convolve(f"{block}.shortcut.0", activated, stride))
            elif skip:
                missing = weights[f"{block}.conv1.weight"].shape[0] - x.shape[1]
                shortcut = x[:, :, ::stride, ::stride]
                shortcut = torch.cat([shortcut, shortcut.new_zeros(len(x), missing, *shortcut.shape[2:])], 1)
            if pre_activation:
                y = normalise(f"{block}.norm2", convolve(f"{block}.conv1", activated, stride)).relu()
                x = convolve(f"{block}.conv2", y) + shortcut
            else:
                y = normalise(f"{block}.norm1", convolve(f"{block}.conv1", x, stride)).relu()
                x = (normalise(f"{block}.norm2", convolve(f"{block}.conv2", y)) + shortcut).relu()
    if pre_activation:
        x = normalise("last.0", x).relu()
    return x.mean((2, 3)) @ weights["classifier.weight"].T + weights["classifier.bias"]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("normalisation", [True, False])
@pytest.mark.parametrize("kind", ["plain", *KINDS])
def test_forward_equals_one_written_by_hand(kind: str, normalisation: bool, training: bool) -> None:
    network = randomised(networks.plain(14, normalisation=normalisation, seed=1) if kind == "plain" else
                         networks.residual(14, normalisation=normalisation, seed=1, **KINDS[kind]))
    images = torch.randn(5, 3, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    expected = by_hand(network.state_dict(), images, 14, skip=kind != "plain", training=training,
                       pre_activation=kind.startswith("pre"))
    found = network.train(training)(images)
    assert found.shape == (5, 10)
    assert (found - expected).abs().max() < 1e-10 * expected.abs().max()


def test_maps_halve_and_channels_double() -> None:
    network = networks.residual(14)
    shapes: list[tuple] = []
    for module in (network.stem, *network.stages):
        module.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    assert network.features(torch.zeros(2, 3, 32, 32)).shape == (2, 64)
    assert shapes == [(16, 32, 32), (16, 32, 32), (32, 16, 16), (64, 8, 8)]
    assert len(network.blocks()) == 6 and network.blocks()[2] is network.stages[1][0]


def test_option_a_takes_every_second_pixel_and_pads_with_zeros() -> None:
    x = torch.arange(32.0).reshape(1, 2, 4, 4)
    y = networks.make_shortcut("A", 2, 4, 2, normalisation=True)(x)
    assert y.tolist() == [[[[0, 2], [8, 10]], [[16, 18], [24, 26]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]]]
    assert networks.make_shortcut("A", 2, 2, 1, normalisation=True)(x) is x


@pytest.mark.parametrize("kind", ["A", "pre-activation A"])
def test_a_block_whose_branch_is_zero(kind: str) -> None:
    block = networks.residual(20, seed=1, **KINDS[kind]).blocks()[1]
    x = torch.randn(4, 16, 8, 8)
    nn.init.zeros_(block.conv2.weight)
    assert torch.equal(block(x), x if kind.startswith("pre") else x.relu())


def test_circular_maps_have_no_border() -> None:
    images = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    rolled = images.roll((4, 4), (2, 3))  # by a multiple of both strides

    def moved(padding_mode: str) -> float:
        network = networks.residual(8, 1, padding_mode=padding_mode, seed=1).double()
        return (network(images) - network(rolled)).abs().max().item()

    assert moved("circular") < 1e-12 < 1e-6 < moved("zeros")


@pytest.mark.parametrize("pre_activation", [False, True])
@pytest.mark.parametrize("cure", ["1/√N", "zero", "Fixup"])
def test_scaled_branches(cure: str, pre_activation: bool) -> None:
    """Each branch gives what its start promises; only the factors that are learned are new parameters."""
    def make() -> networks.Network:
        return networks.residual(20, in_channels=1, width=4, normalisation=False, pre_activation=pre_activation, seed=1)

    before, network = make(), make()
    assert networks.scale_branches(network, cure) is network
    added = networks.count_parameters(network) - networks.count_parameters(before)
    assert added == (0 if cure == "1/√N" else 9)
    x = torch.rand(2, 4, 8, 8)
    usual, scaled = (model.blocks()[0].branch(x) for model in (before, network))
    expected = usual / 3 if cure == "1/√N" else torch.zeros_like(usual)
    torch.testing.assert_close(scaled, expected)
    assert (network.classifier.weight.abs().sum() == 0) == (cure == "Fixup")
    ratio = network.blocks()[0].conv1.weight / before.blocks()[0].conv1.weight
    torch.testing.assert_close(ratio, torch.full_like(ratio, 1 / 3 if cure == "Fixup" else 1.0))


def test_an_unknown_cure_is_refused() -> None:
    with pytest.raises(ValueError, match="no cure 'LSUV'"):
        networks.scale_branches(networks.residual(8, normalisation=False), "LSUV")


# Fully connected --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("normalisation", [False, True])
def test_fully_connected_states_by_hand(skip: bool, normalisation: bool) -> None:
    network = networks.fully_connected(3, 7, 12, 5, skip=skip, normalisation=normalisation, activation=torch.tanh,
                                       seed=1).double()
    images = torch.randn(6, 3, 2, 2, dtype=torch.float64)
    x = (images.reshape(6, 12) @ network.first.weight.T).tanh()
    states = [x]
    for linear in network.linears:
        y = x @ linear.weight.T
        if normalisation:
            y = (y - y.mean(0)) / (y.var(0, unbiased=False) + 1e-5).sqrt()
        x = y.tanh() + x if skip else y.tanh()
        states.append(x)
    found = network.states(images)
    assert len(found) == 4 and all(torch.allclose(a, b, rtol=1e-10) for a, b in zip(found, states))
    assert torch.allclose(network(images), x @ network.classifier.weight.T + network.classifier.bias, rtol=1e-10)


def test_fully_connected_starts_as_he() -> None:
    network = networks.fully_connected(2, 200, 300, 5, seed=1)
    for linear, fan_in in ((network.first, 300), (network.linears[1], 200)):
        assert linear.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.03)
        assert (linear.bias == 0).all()


# What is refused --------------------------------------------------------------------------------------------


# The family for ImageNet ------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("depth", "count"), [(18, 11_689_512), (34, 21_797_672), (50, 25_557_032), (101, 44_549_160),
                                              (152, 60_192_808)])
def test_imagenet_networks_are_torchvisions(depth: int, count: int) -> None:
    theirs = getattr(torchvision.models, f"resnet{depth}")(num_classes=7).eval()
    ours = networks.imagenet(depth, classes=7).eval()
    ours.load_state_dict(networks.from_torchvision(theirs.state_dict()))
    assert networks.count_parameters(ours) == count - 993 * (ours.classifier.in_features + 1)
    images = torch.randn(2, 3, 40, 56)
    with torch.no_grad():
        assert torch.allclose(ours(images), theirs(images), rtol=1e-5, atol=1e-6)


def test_the_stride_of_a_bottleneck_moves() -> None:
    images = torch.randn(2, 64, 8, 8)
    sides = {}
    for stride_on in ("1x1", "3x3"):
        block = networks.BottleneckBlock(64, 32, 2, stride_on=stride_on)
        sides[stride_on] = (block.conv1(images).shape[-1], block.conv2(block.conv1(images)).shape[-1])
        assert block(images).shape == (2, 128, 4, 4)
    assert sides == {"1x1": (4, 4), "3x3": (8, 4)}


def test_imagenet_seed_fixes_the_weights() -> None:
    first, same, other = (networks.imagenet(18, classes=2, seed=seed).stem[0].weight for seed in (1, 1, 2))
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_numbers_kept_are_those_that_each_layer_needs() -> None:
    images = torch.randn(3, 2, 6, 6)
    assert networks.count_kept(nn.Conv2d(2, 5, 3, padding=1), images) == 0  # the images themselves
    twice = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU())
    assert networks.count_kept(twice, images) == 2 * 5 * 6 * 6  # what the norm takes in, what the ReLU puts out
    assert networks.count_kept(networks.plain(20, 2), images) == networks.count_kept(networks.residual(20, 2), images)


@pytest.mark.reliability("options")
@pytest.mark.parametrize(("use", "says"), [
    (lambda: networks.imagenet(20), "18, 34, 50, 101, 152 layers, not 20"),
    (lambda: networks.imagenet(50, stride_on="7x7"), "not on '7x7'"),
    *((lambda depth=depth: networks.plain(depth), f"6n+2 layers.*not {depth}") for depth in (2, 9, 18, 54, -4)),
    (lambda: networks.residual(21), "6n+2 layers"),
    (lambda: networks.residual(20, shortcut="D"), "'D'; choose 'A', 'B' or 'C'"),
    (lambda: networks.plain(8, in_channels=0), "at least 1, not 0, 10, 16"),
    (lambda: networks.plain(8, classes=0), "at least 1, not 3, 0, 16"),
    (lambda: networks.plain(8, width=0), "at least 1"),
    (lambda: networks.fully_connected(0, 10, 10, 5), "at least 1, not 0"),
    (lambda: networks.plain(8, in_channels=1)(torch.zeros(2, 3, 8, 8)), "N×1×H×W.*the shape 2×3×8×8"),
    (lambda: networks.plain(8)(torch.zeros(3, 8, 8)), "N×3×H×W.*the shape 3×8×8"),
    (lambda: networks.fully_connected(2, 10, 64, 5)(torch.zeros(2, 3, 8, 8)), "64 numbers.*2×3×8×8"),
    (lambda: networks.fully_connected(2, 10, 64, 5)(torch.zeros(64)), "64 numbers.*the shape 64"),
])
def test_bad_input_is_refused_in_one_sentence(use: Callable, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("+", r"\+")) as error:
        use()
    text = str(error.value)
    assert text.endswith(".") and ". " not in text and "\n" not in text
