"""Training: the loop against one written by hand, what it refuses, what it restores, and the hooks on gradients."""

from __future__ import annotations

import copy
import io
import re
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, training

DIGITS = data.load("digits").subset(train=70, test=30)  # three batches of 32, the last of 6


def small(seed: int = 1, **options: bool) -> networks.Network:
    return networks.plain(8, in_channels=1, width=4, seed=seed, **options)


def fit(network: nn.Module | None = None, dataset: data.Dataset = DIGITS, **options: object) -> training.History:
    return training.fit(network or small(), dataset, **{"epochs": 2, "batch_size": 32, **options})


# The loop ---------------------------------------------------------------------------------------------------

def test_fit_is_the_loop_written_by_hand() -> None:
    exact = replace(DIGITS, train_images=DIGITS.train_images.double(), test_images=DIGITS.test_images.double())
    network = networks.residual(8, in_channels=1, seed=3).double()
    hand = copy.deepcopy(network)
    history = fit(network, exact, learning_rate=0.01, seed=5, schedule=training.step, epochs=4)
    descent = torch.optim.SGD(hand.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)
    generator, losses, errors = torch.Generator().manual_seed(5), [], []
    for rate in (0.01, 0.01, 0.001, 0.0001):
        descent.param_groups[0]["lr"] = rate
        order, loss_of_images, wrong = torch.randperm(70, generator=generator), [], 0
        for batch in (order[:32], order[32:64], order[64:]):
            logits = hand.train()(exact.train_images[batch])
            loss = functional.cross_entropy(logits, exact.train_labels[batch], reduction="none")
            descent.zero_grad()
            loss.mean().backward()
            descent.step()
            loss_of_images += loss.tolist()
            wrong += int((logits.argmax(1) != exact.train_labels[batch]).sum())
        losses.append(sum(loss_of_images) / 70)
        errors.append(100 * wrong / 70)
    hand.eval()
    for fitted, by_hand in zip(network.parameters(), hand.parameters()):
        assert torch.allclose(fitted, by_hand, rtol=1e-7, atol=1e-9)
    for images, labels, loss, error in (
            (exact.test_images, exact.test_labels, history.test_loss[-1], history.test_error[-1]),
            (exact.train_images, exact.train_labels, history.final_train_loss, history.final_train_error)):
        logits = hand(images)
        assert loss == pytest.approx(functional.cross_entropy(logits, labels).item(), rel=1e-7)
        assert error == pytest.approx(100 * (logits.argmax(1) != labels).double().mean().item())
    assert history.train_loss == pytest.approx(losses, rel=1e-7) and history.train_error == pytest.approx(errors)
    assert len(history.test_loss) == len(history.test_error) == len(history.seconds) == 4
    assert (history.seed, history.learning_rate, history.batch_size, history.threads) == (5, 0.01, 32, 1)


def test_the_same_seed_gives_the_same_history_bit_for_bit() -> None:
    first, again = fit(augment=data.shift), fit(augment=data.shift)
    assert first.measured() == again.measured()
    assert fit(augment=data.shift, seed=2).measured() != first.measured()
    assert fit(small(seed=2), augment=data.shift).measured() != first.measured()
    assert set(first.measured()) == {"train_loss", "train_error", "test_loss", "test_error", "final_train_loss",
                                     "final_train_error"}


def test_batches_are_the_steps_of_fit() -> None:
    seen = []
    with training.use_threads(3):
        for history in training.batches(small(), DIGITS, epochs=2, batch_size=32):
            seen.append((len(history.train_loss), len(history.test_error), torch.get_num_threads()))
    assert seen == [(0, 0, 3), (0, 0, 3), (1, 1, 3), (1, 1, 3), (1, 1, 3), (2, 2, 3)]
    assert history.measured() == fit().measured()


def test_augmentation_changes_training_batches_only() -> None:
    seen: dict[bool, list[Tensor]] = {True: [], False: []}
    network = small()
    network.register_forward_pre_hook(lambda network, inputs: seen[network.training].append(inputs[0].clone()))
    fit(network, epochs=1, augment=lambda images, generator: images + 7)
    assert torch.equal(torch.cat(seen[True]).sort(0)[0], (DIGITS.train_images + 7).sort(0)[0])
    assert torch.equal(torch.cat(seen[False]), torch.cat([DIGITS.test_images, DIGITS.train_images]))


def test_adam_is_pytorchs() -> None:
    network = small()
    hand = copy.deepcopy(network)
    fit(network, epochs=1, batch_size=70, learning_rate=0.01, optimizer=training.adam, schedule=training.constant)
    functional.cross_entropy(hand.train()(DIGITS.train_images), DIGITS.train_labels).backward()
    clear = hand.classifier.weight.grad.abs() > 1e-5  # the first step of Adam has the size of the rate
    moved = (network.classifier.weight - hand.classifier.weight)[clear]
    assert torch.allclose(moved, -0.01 * hand.classifier.weight.grad.sign()[clear], rtol=0.01) and clear.any()


# Schedules --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("schedule", "factors"), [
    (training.one_cycle, {0: 0.04, 0.125: 0.52, 0.25: 1, 0.625: 0.5, 1: 0}),
    (training.step, {0: 1, 0.499: 1, 0.5: 0.1, 0.749: 0.1, 0.75: 0.01, 1: 0.01}),
    (training.constant, {0: 1, 0.5: 1, 1: 1}),
])
def test_schedules(schedule: training.Schedule, factors: dict[float, float]) -> None:
    assert {progress: schedule(progress) for progress in factors} == pytest.approx(factors)


def test_one_cycle_is_close_to_pytorchs() -> None:
    steps = 2000
    descent = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(descent, 1.0, total_steps=steps + 1, pct_start=0.25)
    for index in range(steps):
        assert training.one_cycle(index / steps) == pytest.approx(descent.param_groups[0]["lr"], abs=6 / steps)
        descent.step()
        theirs.step()


# Hooks ------------------------------------------------------------------------------------------------------

def test_before_step_sees_each_step_with_gradients_and_unchanged_weights() -> None:
    calls, network = [], small()
    start = copy.deepcopy(network)

    def before_step(network: nn.Module, step: int, learning_rate: float) -> None:
        calls.append((step, learning_rate))
        assert all(parameter.grad is not None for parameter in network.parameters())
        if step == 0:
            assert all(map(torch.equal, network.parameters(), start.parameters()))

    fit(network, learning_rate=0.2, before_step=before_step)
    assert calls == [(step, 0.2 * training.one_cycle(step / 6)) for step in range(6)]


def with_gradients(seed: int = 1) -> networks.Network:
    network = small(seed)
    functional.cross_entropy(network(DIGITS.train_images), DIGITS.train_labels).backward()
    return network


@pytest.mark.parametrize("share", [0.1, 10])
def test_clip_gradients_shortens_what_is_too_long(share: float) -> None:
    network = with_gradients()
    before = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    largest = share * before.norm().item()
    training.clip_gradients(largest)(network, 0, 0.1)
    after = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    assert torch.allclose(after, before * min(share, 1), rtol=1e-4)


def test_equalise_gradients_makes_each_as_long_as_its_weights() -> None:
    network = with_gradients()
    network.stem[0].weight.grad = None
    before = copy.deepcopy({name: parameter.grad for name, parameter in network.named_parameters()})
    training.equalise_gradients(network, 0, 0.1)
    for name, parameter in network.named_parameters():
        if name == "stem.0.weight":
            assert parameter.grad is None
        elif parameter.ndim > 1:
            expected = before[name] * parameter.norm() / before[name].norm()
            assert torch.allclose(parameter.grad, expected, rtol=1e-4)
        else:
            assert torch.equal(parameter.grad, before[name])


# Evaluation -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", [True, False])
def test_evaluate_measures_every_image_and_changes_nothing(mode: bool) -> None:
    network = small().train(mode)
    state = copy.deepcopy(network.state_dict())
    loss, error = training.evaluate(network, DIGITS.test_images, DIGITS.test_labels, batch_size=7)  # the last has two
    assert all(module.training == mode for module in network.modules())
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    logits = network.eval()(DIGITS.test_images)
    chosen = logits.log_softmax(1)[range(30), DIGITS.test_labels]
    assert loss == pytest.approx(-chosen.mean().item(), rel=1e-5)
    assert error == pytest.approx(100 * sum(logits.argmax(1) != DIGITS.test_labels).item() / 30)


# What is refused --------------------------------------------------------------------------------------------

def one_sentence(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text and ". " not in text, text
    return text


@pytest.mark.reliability("options")
@pytest.mark.parametrize(("changed", "options", "says"), [
    ({"train_images": DIGITS.train_images * torch.nan}, {}, "70 of the training images.* NaN"),
    ({"test_images": DIGITS.test_images / 0}, {}, "30 of the test images.* NaN"),
    ({"train_labels": DIGITS.train_labels + 5}, {}, "Label 1. of training image .* 10 classes"),
    ({"classes": tuple("0123456")}, {}, "Label .* of training image .* 7 classes"),
    ({"classes": tuple("0123456789ab")}, {}, "10 classes apart and digits has 12: .* classes=12"),
    ({"train_images": DIGITS.train_images[:0], "train_labels": DIGITS.train_labels[:0]}, {}, "no training images"),
    ({"test_images": DIGITS.test_images[:0], "test_labels": DIGITS.test_labels[:0]}, {}, "no test images"),
    ({"train_images": DIGITS.train_images[:, 0]}, {}, "N×C×H×W"),
    ({"train_images": DIGITS.train_images.expand(-1, 3, -1, -1)}, {}, "N×1×H×W.* 32×3×8×8"),
    ({}, {"epochs": 0}, "at least 1 and learning_rate is above 0; not 0, 32 and 0.1"),
    ({}, {"batch_size": 0}, "not 2, 0 and 0.1"),
    ({}, {"learning_rate": 0.0}, "not 2, 32 and 0.0"),
    ({}, {"learning_rate": float("nan")}, "not 2, 32 and nan"),
])
def test_bad_input_is_refused_in_one_sentence(changed: dict, options: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        fit(dataset=replace(DIGITS, **changed), **options)
    one_sentence(error)


@pytest.mark.reliability("divergence")
def test_divergence_names_the_epoch_and_the_layer() -> None:
    def spoil(network: nn.Module, step: int, learning_rate: float) -> None:
        if step == 4:  # the second batch of the second epoch
            network.stages[1][0].conv2.weight.data[0] = torch.nan

    with pytest.raises(training.TrainingDiverged) as error:
        fit(before_step=spoil)
    assert "epoch 2, batch 3: the weights of layer stages.1.0.conv2 are not finite" in one_sentence(error)


@pytest.mark.reliability("divergence")
@pytest.mark.parametrize("seed", range(3))
def test_a_huge_learning_rate_diverges_in_words(seed: int) -> None:
    network = small(seed, normalisation=False)
    with pytest.raises(training.TrainingDiverged, match="try a lower learning rate than 1e\\+18") as error:
        fit(network, learning_rate=1e18)
    found = re.search(r"in epoch 1, batch \d: the (weights|output) of layer (\S+) (are|is) not", one_sentence(error))
    assert found and found[2] in dict(network.named_modules())


def test_first_broken_layer() -> None:
    network, images = small().eval(), DIGITS.test_images
    assert training.first_broken_layer(network, images) == "all layers are finite, so it is the loss itself"
    assert training.first_broken_layer(network, images / 0) == "the output of layer stem.0 is not finite"
    network.classifier.weight.data[0, 0] = torch.inf
    network.stages[2][0].norm1.bias.data[0] = torch.nan
    assert training.first_broken_layer(network, images) == "the output of layer stages.2.0.norm1 is not finite"
    assert not any(module._forward_hooks for module in network.modules())


# What is left as it was -------------------------------------------------------------------------------------

class Stop(Exception):
    pass


def test_threads_are_set_while_training_and_restored() -> None:
    seen: list[int] = []

    def stop(network: nn.Module, step: int, learning_rate: float) -> None:
        seen.append(torch.get_num_threads())
        raise Stop

    before = torch.get_num_threads()
    with training.use_threads(3):
        fit(epochs=1)
        assert torch.get_num_threads() == 3
        with pytest.raises(Stop):
            fit(before_step=stop, threads=2)
        assert torch.get_num_threads() == 3 and seen == [2]
    assert torch.get_num_threads() == before


def test_nothing_is_printed_without_a_terminal(capfd: pytest.CaptureFixture) -> None:
    fit()
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize("progress", [True, False])
def test_a_terminal_gets_a_bar_unless_it_is_not_wanted(progress: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty: Callable[[], bool] = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    fit(progress=progress)
    assert ("batch" in terminal.getvalue()) == progress
