"""Training: `fit` with its history, `evaluate`, learning-rate schedules and two hooks that act on gradients."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import torch
import torch._dynamo  # the first optimiser of a process imports it, which takes seconds: not in the midst of a training
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from resnet_lib import data
from resnet_lib.schedules import Schedule, one_cycle
from resnet_lib.schedules import constant as constant  # part of this module, too
from resnet_lib.schedules import step as step

BeforeStep = Callable[[nn.Module, int, float], None]


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number; the message names the epoch and the first layer concerned."""


def sgd(parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    """Stochastic gradient descent with Nesterov momentum 0.9 and weight decay 1e-4; `fit` sets the learning rate."""
    return torch.optim.SGD(parameters, lr=1.0, momentum=0.9, nesterov=True, weight_decay=1e-4)


def adam(parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam with PyTorch's defaults (Kingma & Ba 2015); `fit` sets the learning rate."""
    return torch.optim.Adam(parameters, lr=1.0)


@dataclass
class History:
    """What `fit` measured: one number an epoch in each list; losses in nats, errors in per cent.

    The training figures are means over the epoch's batches while the weights change (batch statistics); the test
    figures come from evaluation mode at the epoch's end; `final_train_*` are the training set's in evaluation mode.
    """

    seed: int
    learning_rate: float
    batch_size: int
    threads: int
    train_loss: list[float] = field(default_factory=list)
    train_error: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_error: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    final_train_loss: float = math.nan
    final_train_error: float = math.nan

    def measured(self) -> dict:
        """Losses and errors as a dictionary: equal for equal seeds, settings, software and thread counts."""
        settings = ("seed", "learning_rate", "batch_size", "threads", "seconds")
        return {key: value for key, value in asdict(self).items() if key not in settings}


def fit(network: nn.Module, dataset: data.Dataset, *, epochs: int = 8, learning_rate: float = 0.1,
        batch_size: int = 64, seed: int = 1, schedule: Schedule = one_cycle,
        optimizer: Callable[..., torch.optim.Optimizer] = sgd, augment: Callable[..., Tensor] | None = None,
        before_step: BeforeStep | None = None, progress: bool = True, threads: int = 1) -> History:
    """Train `network` on `dataset.train_images` with cross-entropy and measure it after each epoch.

    `learning_rate`: the peak, multiplied by `schedule(progress)` at each step. `seed`: the order of the images and the
    augmentation; the initial weights are the network's own. `augment(images, generator)`: changes a training batch.
    `before_step(network, step, learning_rate)`: called when the gradients are there and the weights still unchanged.
    `threads`: CPU threads of PyTorch while training; with the same number, the same seed gives the same history.
    Raises ValueError for unusable data and TrainingDiverged when the loss is no longer a finite number.
    """
    total = epochs * -(-len(dataset.train_images) // max(1, batch_size))
    with tqdm(total=total, unit="batch", disable=not progress or not sys.stderr.isatty(), leave=False) as bar:
        for history in batches(network, dataset, epochs=epochs, learning_rate=learning_rate, batch_size=batch_size,
                               seed=seed, schedule=schedule, optimizer=optimizer, augment=augment,
                               before_step=before_step, threads=threads):
            bar.update()
            if history.train_loss:
                bar.set_postfix(loss=f"{history.train_loss[-1]:.3f}", test_error=f"{history.test_error[-1]:.1f} %",
                                refresh=False)
    return history


def batches(network: nn.Module, dataset: data.Dataset, *, epochs: int = 8, learning_rate: float = 0.1,
            batch_size: int = 64, seed: int = 1, schedule: Schedule = one_cycle,
            optimizer: Callable[..., torch.optim.Optimizer] = sgd, augment: Callable[..., Tensor] | None = None,
            before_step: BeforeStep | None = None, threads: int = 1) -> Iterator[History]:
    """What `fit` does, one batch at a time, for those who have other things to do in between; the arguments are its.

    Yields after each batch the same history, which grows by one number a list when an epoch is over; `final_train_*`
    come with the last batch. Between the batches PyTorch has as many threads as it had before.
    """
    data.check(dataset.train_images, dataset.train_labels, len(dataset.classes))
    data.check(dataset.test_images, dataset.test_labels, len(dataset.classes), part="test")
    if epochs < 1 or batch_size < 1 or not learning_rate > 0:
        raise ValueError("epochs and batch_size are at least 1 and learning_rate is above 0; "
                         f"not {epochs}, {batch_size} and {learning_rate}.")
    device = next(network.parameters()).device
    images = dataset.train_images.to(device, memory_format=torch.channels_last)
    labels = dataset.train_labels.to(device)
    network.to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(seed)
    descent = optimizer(network.parameters())
    steps = -(-len(images) // batch_size)
    history = History(seed, learning_rate, batch_size, threads)
    for epoch in range(epochs):
        start, total_loss, wrong = time.perf_counter(), 0.0, 0
        network.train()
        order = torch.randperm(len(images), generator=generator).to(device)
        for index, batch in enumerate(order.split(batch_size)):
            with use_threads(threads):
                rate = learning_rate * schedule((epoch * steps + index) / (epochs * steps))
                for group in descent.param_groups:
                    group["lr"] = rate
                x = images[batch] if augment is None else augment(images[batch], generator)
                logits = network(x)
                if logits.shape[1] < len(dataset.classes):
                    raise ValueError(f"The network tells {logits.shape[1]} classes apart and {dataset.name} has "
                                     f"{len(dataset.classes)}: make the network with classes={len(dataset.classes)}.")
                loss = functional.cross_entropy(logits, labels[batch])
                if not loss.isfinite():
                    raise TrainingDiverged(f"The loss is not a finite number in epoch {epoch + 1}, batch {index + 1}: "
                                           f"{first_broken_layer(network, x)}; try a lower learning rate than "
                                           f"{learning_rate}.")
                descent.zero_grad()
                loss.backward()
                if before_step is not None:
                    before_step(network, epoch * steps + index, rate)
                descent.step()
                total_loss += loss.item() * len(batch)
                wrong += int((logits.argmax(1) != labels[batch]).sum())
                if index == steps - 1:
                    test_loss, test_error = evaluate(network, dataset.test_images, dataset.test_labels)
                    history.train_loss.append(total_loss / len(images))
                    history.train_error.append(100 * wrong / len(images))
                    history.test_loss.append(test_loss)
                    history.test_error.append(test_error)
                    history.seconds.append(time.perf_counter() - start)
                    if epoch == epochs - 1:
                        history.final_train_loss, history.final_train_error = evaluate(network, images, labels)
            yield history


@torch.no_grad()
def evaluate(network: nn.Module, images: Tensor, labels: Tensor, batch_size: int | None = None) -> tuple[float, float]:
    """Mean cross-entropy in nats and error in per cent of `network` in evaluation mode; the mode is restored.

    `batch_size`: by default 512 images of 8×8 pixels, and fewer of larger ones, whose feature maps fill the cache.
    """
    if batch_size is None:
        batch_size = min(512, max(1, 2**16 // images.shape[2:].numel()))
    device, training = next(network.parameters()).device, network.training
    network.eval()
    loss, wrong = 0.0, 0
    try:
        for x, y in zip(images.split(batch_size), labels.split(batch_size)):
            x, y = x.to(device, memory_format=torch.channels_last), y.to(device)
            logits = network(x)
            loss += functional.cross_entropy(logits, y, reduction="sum").item()
            wrong += int((logits.argmax(1) != y).sum())
    finally:
        network.train(training)
    return loss / len(images), 100 * wrong / len(images)


@torch.no_grad()
def first_broken_layer(network: nn.Module, images: Tensor) -> str:
    """A clause that names the first layer whose weights or output hold NaN or infinity, in the order of computation."""
    broken: list[str] = []

    def look(name: str, module: nn.Module, output: Tensor) -> None:
        weight = getattr(module, "weight", None)
        if weight is not None and not weight.isfinite().all():
            broken.append(f"the weights of layer {name} are not finite")
        elif not output.isfinite().all():
            broken.append(f"the output of layer {name} is not finite")

    hooks = [module.register_forward_hook(lambda module, inputs, output, name=name: look(name, module, output))
             for name, module in network.named_modules() if not list(module.children())]
    try:
        network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return broken[0] if broken else "all layers are finite, so it is the loss itself"


@contextmanager
def use_threads(threads: int) -> Iterator[None]:
    """Let PyTorch compute on this many CPU threads, and on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def clip_gradients(largest: float) -> BeforeStep:
    """A `before_step` that shortens the gradient of all weights together to the norm `largest` where it is longer."""
    def before_step(network: nn.Module, step: int, learning_rate: float) -> None:
        nn.utils.clip_grad_norm_(network.parameters(), largest)
    return before_step


@torch.no_grad()
def equalise_gradients(network: nn.Module, step: int, learning_rate: float) -> None:
    """A `before_step` that gives each weight tensor a gradient as long as itself: every layer moves by the same share.

    The idea of LARS (You et al. 2017), without its trust coefficient: the learning rate is the relative step.
    """
    for parameter in network.parameters():
        if parameter.ndim > 1 and parameter.grad is not None:
            parameter.grad *= parameter.norm() / (parameter.grad.norm() + 1e-30)
