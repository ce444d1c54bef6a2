"""Surgery: a grown network computes what it was grown from; without its skips a network is a plain one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from resnet_lib import data, networks, surgery, training

DIGITS = data.load("digits").subset(train=200, test=100)
BATCH = DIGITS.train_images


@pytest.fixture(scope="module")
def trained() -> networks.Network:
    network = networks.plain(14, 1, seed=1)
    training.fit(network, DIGITS, epochs=2, batch_size=50)
    return network


def same(first: nn.Module, second: nn.Module) -> bool:
    return all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))


# Growing ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", [True, False])
def test_identity_layers_change_nothing_in_evaluation_mode(trained: networks.Network, mode: bool) -> None:
    before = copy.deepcopy(trained)
    grown = surgery.grow(trained.train(mode), 32)
    assert grown.depth == 32 and len(grown.blocks()) == 15
    assert grown.training == trained.training == mode and same(trained, before)
    images = DIGITS.test_images
    with torch.no_grad():
        difference = (grown.eval()(images) - trained.eval()(images)).abs().max()
    assert difference < 1e-5  # 0 where a convolution multiplies and adds; there are faster ways that round


def test_the_given_blocks_stand_around_the_new_ones(trained: networks.Network) -> None:
    grown = surgery.grow(trained, 20)
    for old, new in zip(trained.stages, grown.stages):
        assert same(old[0], new[0]) and same(old[1], new[2])
        for convolution in (new[1].conv1, new[1].conv2):
            assert torch.equal(convolution.weight, nn.init.dirac_(torch.empty_like(convolution.weight)))
    assert all(new.data_ptr() != old.data_ptr() for new, old in zip(grown.parameters(), trained.parameters()))


def test_with_images_the_copy_survives_training_mode_and_without_it_does_not(trained: networks.Network) -> None:
    network = copy.deepcopy(trained)
    surgery.recalibrate(network, BATCH)  # so that both modes see the same statistics
    identity, undone = surgery.grow(network, 32), surgery.grow(network, 32, BATCH)
    with torch.no_grad():
        expected = network.eval()(DIGITS.test_images)
        assert (undone.eval()(DIGITS.test_images) - expected).abs().max() < 1e-4 * expected.abs().max()
        given, copied, lost = (functional.cross_entropy(each.train()(BATCH), DIGITS.train_labels).item()
                               for each in (network, undone, identity))
    assert copied == pytest.approx(given, rel=1e-3)
    assert lost > 1.05 * given


def test_growing_keeps_precision_and_the_global_generator(trained: networks.Network) -> None:
    exact, before = copy.deepcopy(trained).double().eval(), torch.get_rng_state()
    grown, undone = surgery.grow(exact, 20), surgery.grow(exact, 20, BATCH.double())
    assert torch.equal(torch.get_rng_state(), before)
    images = DIGITS.test_images.double()
    assert torch.equal(grown(images), exact(images))
    assert (undone(images) - exact(images)).abs().max() < 1e-12


def test_growing_keeps_the_kind_of_padding() -> None:
    grown = surgery.grow(networks.plain(8, 1, padding_mode="circular"), 14)
    assert {module.padding_mode for module in grown.modules() if isinstance(module, nn.Conv2d)} == {"circular"}


@pytest.mark.parametrize(("network", "depth", "says"), [
    (networks.plain(14, 1), 14, "deeper than 14 layers, not 14"),
    (networks.plain(14, 1), 8, "deeper than 14 layers, not 8"),
    (networks.plain(14, 1), 15, "not 15"),
    (networks.residual(14, 1), 20, "Only a plain network with batch normalisation"),
    (networks.plain(14, 1, normalisation=False), 20, "Only a plain network with batch normalisation"),
])
def test_growing_refuses_in_one_sentence(network: networks.Network, depth: int, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        surgery.grow(network, depth)
    assert str(error.value).endswith(".") and ". " not in str(error.value)


# Without skips ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shortcut", "ABC")
def test_without_skips_it_is_the_plain_network_of_the_same_weights(shortcut: str) -> None:
    network = networks.residual(14, 1, shortcut=shortcut, seed=1)
    network(BATCH)  # running statistics that are not those of the start
    before = copy.deepcopy(network)
    bare, plain = surgery.without_skips(network), networks.plain(14, 1, seed=2)
    plain.load_state_dict(bare.state_dict())
    weights = network.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in bare.state_dict().items())
    assert torch.equal(bare.eval()(BATCH), plain.eval()(BATCH))
    assert same(network, before) and not torch.equal(network.eval()(BATCH), bare(BATCH))
    bare.stem[0].weight.data.zero_()
    assert same(network, before)


@pytest.mark.parametrize("network", [networks.plain(8), networks.residual(8, pre_activation=True)])
def test_only_original_residual_blocks_lose_their_skips(network: networks.Network) -> None:
    with pytest.raises(ValueError, match="Only the skips of original residual blocks can be taken out."):
        surgery.without_skips(network)


# Statistics -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", [True, False])
def test_recalibrated_statistics_are_the_batchs(mode: bool) -> None:
    network = networks.residual(8, 1, seed=1).double().train(mode)
    surgery.recalibrate(network, 5 * BATCH.double())  # forgotten by the next
    surgery.recalibrate(network, BATCH.double())
    assert network.training == mode
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    inputs: dict[nn.Module, torch.Tensor] = {}
    for norm in norms:
        norm.register_forward_pre_hook(lambda norm, given: inputs.update({norm: given[0]}))
    expected = [(norm.running_mean.clone(), norm.running_var.clone(), norm.momentum) for norm in norms]
    network.train()(BATCH.double())
    for norm, (mean, variance, momentum) in zip(norms, expected):
        assert torch.allclose(mean, inputs[norm].mean((0, 2, 3)), atol=1e-12)
        assert torch.allclose(variance, inputs[norm].var((0, 2, 3)), atol=1e-12)
        assert momentum == 0.1
