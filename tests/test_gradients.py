"""Signals and gradients: every number against a loop written by hand in double precision; nothing is left changed."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from resnet_lib import data, gradients, networks, training

DIGITS = data.load("digits").subset(train=70, test=30)
IMAGES, LABELS = DIGITS.train_images.double(), DIGITS.train_labels
NETWORKS = {
    "plain": lambda: networks.plain(14, 1, seed=1),
    "plain without normalisation": lambda: networks.plain(14, 1, normalisation=False, seed=1),
    "residual, projections": lambda: networks.residual(14, 1, shortcut="C", seed=1),
    "residual without normalisation": lambda: networks.residual(14, 1, normalisation=False, seed=1),
    "pre-activation": lambda: networks.residual(14, 1, pre_activation=True, shortcut="B", seed=1),
}


@pytest.mark.parametrize("training_mode", [True, False])
@pytest.mark.parametrize("kind", NETWORKS)
def test_flow_equals_a_loop_written_by_hand(kind: str, training_mode: bool) -> None:
    network = NETWORKS[kind]().double().train(training_mode)
    hand = copy.deepcopy(network)
    found = gradients.flow(network, IMAGES, LABELS)

    x = hand.stem(IMAGES)
    states, weights = [x], [hand.stem[0].weight]
    for stage in hand.stages:
        for block in stage:
            x = block(x)
            states.append(x)
            weights += [block.conv1.weight, block.conv2.weight]
    for x in states:
        x.retain_grad()
    loss = -hand.classifier(hand.last(x).mean((2, 3))).log_softmax(1)[range(70), LABELS].mean()
    loss.backward()

    assert found.loss == pytest.approx(loss.item(), rel=1e-10)
    assert found.layers == [1, 3, 5, 7, 9, 11, 13]
    assert found.activation == pytest.approx([(x * x).sum().item() / x.numel() for x in states], rel=1e-10)
    assert found.gradient == pytest.approx([(x.grad**2).sum().sqrt().item() for x in states], rel=1e-10)
    assert found.weight == pytest.approx([(w**2).sum().sqrt().item() for w in weights], rel=1e-10)
    assert found.weight_gradient == pytest.approx([(w.grad**2).sum().sqrt().item() for w in weights], rel=1e-10)
    assert found.relative_update(0.3) == pytest.approx([(0.3 * w.grad).norm().item() / w.norm().item()
                                                        for w in weights], rel=1e-10)


def test_flow_leaves_everything_as_it_was() -> None:
    network = networks.residual(8, 1, seed=1)
    functional.cross_entropy(network(DIGITS.train_images), LABELS).backward()
    before = copy.deepcopy(network.state_dict())  # the weights and the running statistics
    present = [parameter.grad.clone() for parameter in network.parameters()]
    first = gradients.flow(network, DIGITS.train_images, LABELS)
    assert first == gradients.flow(network, DIGITS.train_images, LABELS)
    with pytest.raises(ValueError, match="N×1×H×W"):
        gradients.flow(network, DIGITS.train_images[:, 0], LABELS)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(torch.equal(parameter.grad, then) for parameter, then in zip(network.parameters(), present))
    assert network.training and not any(module._forward_hooks for module in network.modules())


def test_recorder_keeps_what_each_step_has() -> None:
    network, expected = networks.residual(8, 1, shortcut="B", seed=1), []
    recorder = gradients.Recorder()

    def before_step(network: nn.Module, step: int, learning_rate: float) -> None:
        recorder(network, step, learning_rate)
        weights = [network.stem[0].weight]
        for block in network.blocks():
            weights += [block.conv1.weight, block.conv2.weight]
        expected.append([(w.norm().item(), w.grad.norm().item(), ((learning_rate * w.grad).norm() / w.norm()).item())
                         for w in weights])

    training.fit(network, DIGITS, epochs=2, batch_size=40, before_step=before_step)
    assert len(recorder.weight) == len(expected) == 4
    for step, (weight, gradient, update) in enumerate(zip(recorder.weight, recorder.weight_gradient,
                                                          recorder.relative_update)):
        assert list(zip(weight, gradient, update)) == [pytest.approx(numbers, rel=1e-5) for numbers in expected[step]]


def test_a_weight_of_zero_has_an_infinite_relative_update() -> None:
    network, recorder = networks.residual(8, 1, seed=1), gradients.Recorder()
    nn.init.zeros_(network.blocks()[1].conv2.weight)
    assert gradients.flow(network, DIGITS.train_images, LABELS).relative_update(0.1)[4] == float("inf")
    functional.cross_entropy(network(DIGITS.train_images), LABELS).backward()
    recorder(network, 0, 0.1)
    assert recorder.relative_update[0][4] == float("inf") > recorder.relative_update[0][3]


@pytest.mark.parametrize("build, options", [
    (networks.plain, {}), (networks.residual, {}), (networks.residual, {"pre_activation": True}),
    (networks.plain, {"normalisation": False})])
def test_responses_are_what_each_3x3_layer_gives_before_the_relu_or_the_addition(build, options):
    network = build(14, in_channels=1, seed=1, **options)
    images = torch.randn(9, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = gradients.responses(network, images)
    assert len(found) == 13 and network.training
    network.eval()
    with torch.no_grad():
        x = network.stem[0](images)
        if len(network.stem) > 1:
            x = network.stem[1](x)
        assert found[0] == pytest.approx(x.std().item(), rel=1e-5)
        x = network.stem(images)
        block = network.blocks()[0]
        if options.get("pre_activation"):
            inner = block.conv1(torch.relu(block.norm1(x)))
            last = block.conv2(torch.relu(block.norm2(inner)))
        else:
            inner, last = block.norm1(block.conv1(x)), block.branch(x)
        assert found[1:3] == pytest.approx([inner.std().item(), last.std().item()], rel=1e-5)
