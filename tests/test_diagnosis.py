"""The instruments read what they say, and leave what they look at as it was."""

import copy

import pytest
import torch
from torch import nn

from resnet_lib import data, diagnosis, networks, patients

DIGITS = data.load("digits")
BATCH = DIGITS.train_images[:16], DIGITS.train_labels[:16]


def setup(**options) -> diagnosis.SetUp:
    return diagnosis.SetUp(networks.residual(8, 1, 10, width=8, seed=1), DIGITS.subset(train=200, test=50), **options)


def state(network: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in network.state_dict().values()]


def test_the_panel_leaves_the_set_up_as_it_was():
    healthy = patients.make("healthy", DIGITS)
    before = state(healthy.network)
    assert diagnosis.panel(healthy, patients.build(2)).alarms == []
    assert all(map(torch.equal, before, state(healthy.network))) and healthy.network.training
    assert all(parameter.grad is None for parameter in healthy.network.parameters())


def test_layers_in_the_order_of_computation():
    found = diagnosis.layers(networks.residual(8, 1, 10, seed=1), BATCH[0])
    assert [layer.output[-1] for layer in found] == [8, 8, 8, 4, 4, 2, 2, 10]
    assert found[0].multiply_adds == 9 * 16 * 64 and found[-1].multiply_adds == 640
    assert found[0].parameters == 144 and found[-1].parameters == 650


def test_a_block_at_rest():
    right, plain, pre = (block(16, 16) for block in (networks.ResidualBlock, networks.PlainBlock,
                                                     networks.PreActivationBlock))
    weights = state(right)
    assert diagnosis.at_rest(right) == diagnosis.Rest(0.0, pytest.approx(3.5, abs=1.5), 0.0)
    assert all(map(torch.equal, weights, state(right)))
    assert diagnosis.at_rest(plain).from_relu > 1 and diagnosis.at_rest(plain).gradient == 1
    assert diagnosis.at_rest(pre).from_input == 0 and diagnosis.at_rest(pre).gradient == 0
    assert diagnosis.at_rest(patients.SkipCut(16, 16)).gradient == 1


def test_twins():
    network = networks.residual(8, 1, 10, seed=1)
    same = diagnosis.Difference("", 0.0)
    assert diagnosis.twin(network, networks.residual(8, 1, 10, seed=2), *BATCH) == (same, same)
    other = copy.deepcopy(network)
    other.stages[1][0].__class__ = patients.SkipForgotten
    forward, backward = diagnosis.twin(other, network, *BATCH)
    assert forward.place == "the input of stages.2.0.conv1" and backward.place == "the output of classifier"
    other.stages[1][0].__class__ = patients.SkipCut
    forward, backward = diagnosis.twin(other, network, *BATCH)
    assert forward == same and backward.place == "the output of stages.0.0.norm2"
    with pytest.raises(ValueError, match="differ in number or shape"):
        diagnosis.twin(networks.residual(14, 1, 10), network, *BATCH)


def test_a_set_up_trains_and_is_copied():
    one = setup()
    other = one.copy()
    assert one.train(epochs=3, seed=2) == other.train(epochs=3, seed=2)
    assert one.test_error() == other.test_error() < 60
    assert diagnosis.idle(one) == [] and diagnosis.alone(one) < 1e-4
    assert diagnosis.alone(setup(evaluates=False)) > 0.01
    assert diagnosis.idle(setup(learned=patients.without_classifier)) == ["classifier.weight", "classifier.bias"]


def test_data():
    shared = patients.leaked(DIGITS)
    assert diagnosis.overlap(DIGITS) == 0 and diagnosis.overlap(shared) == 360
    assert diagnosis.odd_labels(DIGITS) < 3 < 80 < diagnosis.odd_labels(patients.relabelled(DIGITS, 1.0, 1))
    (mean, std), _ = diagnosis.input_scale(DIGITS).values()
    assert abs(mean) < 1e-3 and abs(std - 1) < 1e-3
    train, test = diagnosis.input_scale(patients.rescaled(DIGITS, train=False)).values()
    assert train == (mean, std) and test[1] > 200


def test_a_draw_is_repeated_by_its_seed():
    first, again = patients.draw(3, DIGITS), patients.draw(3, DIGITS)
    assert [one.secret for one in first] == [one.secret for one in again]
    assert len({one.secret for one in first}) == 10 and [one.number for one in first] == list(range(1, 11))
    assert all(one.secret not in repr(one) for one in first)
    assert [patients.CONDITIONS[one.secret].kind for one in first].count("bug") == 7
