"""Instruments that look for mistakes in a network and in all that stands around it, in a second and before training.

`SetUp` holds what a training consists of; each instrument reads one number off it, or off a network, and `panel`
prints them beside those of a healthy set-up. `twin` compares a network with one that is known to be right. The limits
come from 30 healthy set-ups, the recorded study book/runs/silent_bugs.py.
"""

from __future__ import annotations

import copy
import html
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, training

IMAGES = 32  # of the one batch that is learned by heart
STEPS = 100
LEARNED = 0.02  # nats: a loss at which the batch counts as learned


def whole(network: nn.Module) -> Iterable[nn.Parameter]:
    """All parameters of a network."""
    return network.parameters()


@contextmanager
def untouched(network: nn.Module) -> Iterator[None]:
    """Afterwards the network has the mode and the running statistics that it had before."""
    mode, statistics = network.training, {name: buffer.clone() for name, buffer in network.named_buffers()}
    try:
        yield
    finally:
        network.train(mode)
        for name, buffer in network.named_buffers():
            buffer.copy_(statistics[name])


@dataclass
class SetUp:
    """A network with all that its training and its evaluation consist of.

    `loss(logits, labels)`: what is minimised. `learned(network)`: the parameters that the optimiser gets.
    `augment(images, generator)`: changes a training batch. `clears`: gradients are cleared before each step.
    `evaluates`: predictions are made in evaluation mode.
    """

    network: nn.Module
    dataset: data.Dataset
    loss: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy
    learned: Callable[[nn.Module], Iterable[nn.Parameter]] = whole
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None
    clears: bool = True
    evaluates: bool = True
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0), repr=False)

    def optimiser(self) -> torch.optim.Optimizer:
        """Stochastic gradient descent as in `training.sgd`, for the parameters that are learned."""
        return training.sgd(iter(list(self.learned(self.network))))

    def step(self, descent: torch.optim.Optimizer, images: Tensor, labels: Tensor, learning_rate: float) -> float:
        """One step of training on one batch, N×C×H×W images and N labels; the loss before it, in nats."""
        for group in descent.param_groups:
            group["lr"] = learning_rate
        self.network.train()
        loss = self.loss(self.network(self.augment(images, self.generator) if self.augment else images), labels)
        if self.clears:
            self.network.zero_grad()
        loss.backward()
        descent.step()
        return loss.item()

    def train(self, epochs: int = 3, learning_rate: float = 0.1, batch_size: int = 64, seed: int = 1) -> list[float]:
        """Train with the one-cycle schedule; the mean loss of each epoch, in nats."""
        images, labels, losses = self.dataset.train_images, self.dataset.train_labels, []
        self.generator.manual_seed(seed)
        descent, steps = self.optimiser(), -(-len(images) // batch_size)
        for epoch in range(epochs):
            batches = torch.randperm(len(images), generator=self.generator).split(batch_size)
            losses.append(sum(
                self.step(descent, images[batch], labels[batch],
                          learning_rate * training.one_cycle((epoch * steps + index) / (epochs * steps))) * len(batch)
                for index, batch in enumerate(batches)) / len(images))
        return losses

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Logits N×classes as the evaluation computes them, all images in one batch; running statistics stay."""
        with untouched(self.network):
            return self.network.train(not self.evaluates)(images)

    def test_error(self) -> float:
        """Share of the test images, in %, that are classified wrongly."""
        wrong = self.predict(self.dataset.test_images).argmax(1) != self.dataset.test_labels
        return 100 * wrong.float().mean().item()

    def copy(self) -> SetUp:
        """The same set-up with a network of its own, to be trained without changing this one."""
        other = copy.copy(self)
        other.network, other.generator = copy.deepcopy(self.network), torch.Generator().manual_seed(0)
        return other


# Instruments for a network ------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer: output C×H×W or C, and multiply-adds for one image (biases are left out)."""

    name: str
    parameters: int
    output: tuple[int, ...]
    multiply_adds: int


@torch.no_grad()
def layers(network: nn.Module, images: Tensor) -> list[Layer]:
    """The convolutions and linear layers in the order in which they compute; the network is left as it was."""
    found: list[Layer] = []

    def look(name: str, module: nn.Module, output: Tensor) -> None:
        assert isinstance(module.weight, Tensor)
        work = module.weight[0].numel() * output[0].numel()  # inputs to one output × outputs
        found.append(Layer(name, networks.count_parameters(module), tuple(output.shape[1:]), work))

    hooks = [module.register_forward_hook(lambda module, inputs, output, name=name: look(name, module, output))
             for name, module in network.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    try:
        with untouched(network):
            network.eval()(images[:1])
    finally:
        for hook in hooks:
            hook.remove()
    return found


@dataclass(frozen=True)
class Rest:
    """A block at rest: the largest differences of its output from ReLU(x) and from x, of its gradient from theirs."""

    from_relu: float
    from_input: float
    gradient: float


def at_rest(block: nn.Module) -> Rest:
    """What a block that keeps the shape gives when its branch gives zero, for inputs of both signs.

    All convolutions and norms outside `block.shortcut` are set to zero in a copy. The original block gives ReLU(x)
    (He et al. 2015, eq. 1), one with nothing after the addition x; the gradient of the sum is that of ReLU, or 1.
    """
    block = copy.deepcopy(block)
    in_channels = next(module.in_channels for module in block.modules() if isinstance(module, nn.Conv2d))
    for name, module in block.named_modules():
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)) and not name.startswith("shortcut"):
            for parameter in module.parameters():
                nn.init.zeros_(parameter)
    x = torch.randn(4, in_channels, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    y = block(x)
    if y.requires_grad:
        y.sum().backward()
    gradient = torch.zeros_like(x) if x.grad is None else x.grad
    to_relu, to_input = ((y - wanted).abs().max().item() for wanted in (torch.relu(x), x))
    expected = (x > 0).float() if to_relu <= to_input else torch.ones_like(x)
    return Rest(to_relu, to_input, (gradient - expected).abs().max().item())


@dataclass(frozen=True)
class Difference:
    """Where a network first differs from its twin: "" where it does not, the difference relative to the twin's."""

    place: str
    size: float


def twin(network: nn.Module, reference: nn.Module, images: Tensor, labels: Tensor) -> tuple[Difference, Difference]:
    """The first place where a network differs from `reference`, forwards and backwards, with equal weights.

    Gives a copy of `network` the weights of `reference`, in their order, and both one batch in training mode.
    Forwards: the inputs and outputs of all layers in the order of computation; backwards: the gradients of the layers'
    outputs, from the last to the first. Raises ValueError where the parameters differ in number or shape.
    """
    pair = copy.deepcopy(network), copy.deepcopy(reference)
    if [p.shape for p in pair[0].parameters()] != [p.shape for p in pair[1].parameters()]:
        raise ValueError("The parameters differ in number or shape: compare them layer by layer first.")
    with torch.no_grad():
        for own, right in zip(pair[0].parameters(), pair[1].parameters()):
            own.copy_(right)
    (forward, backward), (right_forward, right_backward) = (traced(model, images, labels) for model in pair)
    return first_difference(forward, right_forward), first_difference(backward, right_backward)


Trace = list[tuple[str, Tensor]]


def traced(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[Trace, Trace]:
    """What enters and leaves each convolution, norm and linear layer, in order; and the gradients there, backwards."""
    states: Trace = []

    def look(name: str, inputs: Tensor, output: Tensor) -> None:
        states.extend(((f"the input of {name}", inputs), (f"the output of {name}", output)))

    hooks = [module.register_forward_hook(lambda module, inputs, output, name=name: look(name, inputs[0], output))
             for name, module in network.named_modules() if isinstance(module, (nn.Conv2d, nn.BatchNorm2d, nn.Linear))]
    logits = network.train()(images)
    for hook in hooks:
        hook.remove()
    outputs = [(name, state) for name, state in states if name.startswith("the output")]
    gradients = torch.autograd.grad(functional.cross_entropy(logits, labels), [state for _, state in outputs],
                                    allow_unused=True)
    backward = [(name, torch.zeros_like(state) if gradient is None else gradient)
                for (name, state), gradient in zip(outputs, gradients)]
    return [*states, ("the logits", logits)], backward[::-1]


def first_difference(own: Trace, right: Trace, tolerance: float = 1e-4) -> Difference:
    """The first entry that differs by more than `tolerance` of the right one's largest value."""
    for (name, here), (_, there) in zip(own, right):
        if here.shape != there.shape:
            return Difference(name, float("inf"))
        size = ((here - there).abs().max() / there.abs().max().clamp_min(1e-12)).item()
        if size > tolerance:
            return Difference(name, size)
    return Difference("" if len(own) == len(right) else "the number of layers", 0.0)


# Instruments for a set-up -------------------------------------------------------------------------------------------

def idle(setup: SetUp, steps: int = 3) -> list[str]:
    """The parameters that are not learned: outside the optimiser, or without a gradient after `steps` steps.

    Three steps: a layer behind a weight of zero has no gradient in the first.
    """
    setup = setup.copy()
    descent = setup.optimiser()
    images, labels = setup.dataset.train_images[:IMAGES], setup.dataset.train_labels[:IMAGES]
    for _ in range(steps):
        setup.step(descent, images, labels, 0.01)
    learned = {id(parameter) for group in descent.param_groups for parameter in group["params"]}
    return [name for name, parameter in setup.network.named_parameters()
            if id(parameter) not in learned or parameter.grad is None or not parameter.grad.any()]


def one_batch(setup: SetUp, steps: int = STEPS, learning_rate: float = 0.03, seed: int = 0,
              learned: float = LEARNED) -> list[float]:
    """The loss, in nats, before each step on the same 32 training images: can they be learned by heart?

    Stops when it is below `learned`, after `steps` steps at the latest; with learned=0 it goes on.
    """
    setup = setup.copy()
    chosen = torch.randperm(len(setup.dataset.train_images), generator=torch.Generator().manual_seed(seed))[:IMAGES]
    images, labels, descent = setup.dataset.train_images[chosen], setup.dataset.train_labels[chosen], setup.optimiser()
    losses: list[float] = []
    while len(losses) < steps and not (losses and losses[-1] < learned):
        losses.append(setup.step(descent, images, labels, learning_rate))
    return losses


def alone(setup: SetUp, count: int = 16) -> float:
    """Does an image's prediction depend on the others? Largest difference of logits, alone against in a batch.

    Relative to the logits' standard deviation. In evaluation mode it is rounding error. Infinite where an image alone
    cannot be predicted: batch normalisation over one number raises ValueError.
    """
    images = setup.dataset.test_images[:count]
    together = setup.predict(images)
    try:
        single = torch.cat([setup.predict(image[None]) for image in images])
    except ValueError:
        return float("inf")
    return ((single - together).abs().max() / together.std()).item()


def input_scale(dataset: data.Dataset) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of the images as the network gets them, "train" and "test"."""
    return {part: (images.mean().item(), images.std().item())
            for part, images in (("train", dataset.train_images), ("test", dataset.test_images))}


def overlap(dataset: data.Dataset) -> int:
    """How many test images are training images, too, pixel by pixel."""
    known = {image.numpy().tobytes() for image in dataset.train_images.contiguous()}
    return sum(image.numpy().tobytes() in known for image in dataset.test_images.contiguous())


def odd_labels(dataset: data.Dataset) -> float:
    """Share, in %, of the training images whose nearest other training image, by pixels, has another label."""
    images = dataset.train_images.flatten(1)
    distances = torch.cdist(images, images)
    distances.fill_diagonal_(torch.inf)
    return 100 * (dataset.train_labels[distances.argmin(1)] != dataset.train_labels).float().mean().item()


# The panel ----------------------------------------------------------------------------------------------------------

LIMITS = {"one batch": 0.1, "alone": 1e-3, "mean": 0.25, "std": 0.25, "odd labels": 5.0}
INSTRUMENTS = ("parameters", "sizes", "rest, output", "rest, gradient", "idle", "one batch", "alone", "scale",
               "overlap", "odd labels")


@dataclass(frozen=True)
class Reading:
    """What one instrument reads: a number, the same in words, what a healthy set-up reads, and whether it alarms."""

    instrument: str
    value: float
    text: str
    expected: str
    alarm: bool


@dataclass(frozen=True)
class Panel:
    """The readings of all instruments, in the order of INSTRUMENTS."""

    readings: list[Reading]

    def __iter__(self) -> Iterator[Reading]:
        return iter(self.readings)

    def __getitem__(self, instrument: str) -> Reading:
        return next(reading for reading in self.readings if reading.instrument == instrument)

    @property
    def alarms(self) -> list[str]:
        """The instruments that read something else than for a healthy set-up."""
        return [reading.instrument for reading in self.readings if reading.alarm]

    def __repr__(self) -> str:
        return "\n".join(f"{'✗' if reading.alarm else ' '} {reading.instrument:15} {reading.text:24} "
                         f"expected {reading.expected}" for reading in self.readings)

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{reading.instrument}</td><td>{'✗ ' * reading.alarm}{html.escape(reading.text)}</td>"
                       f"<td>{html.escape(reading.expected)}</td></tr>" for reading in self.readings)
        return ("<table><thead><tr><th>instrument</th><th>reading</th><th>expected</th></tr></thead>"
                f"<tbody>{rows}</tbody></table>")


def panel(setup: SetUp, reference: nn.Module) -> Panel:
    """All instruments on an untrained set-up; `reference`: the network that it is meant to be, for count and sizes.

    `setup` is left as it was. Needs a network with `blocks()`, of which the second keeps the shape.
    """
    images = setup.dataset.train_images
    counts = [networks.count_parameters(network) for network in (setup.network, reference)]
    sizes = [[layer.output[-1] for layer in layers(network, images) if len(layer.output) == 3 and
              "shortcut" not in layer.name] for network in (setup.network, reference)]
    rest = at_rest(setup.network.blocks()[1])  # type: ignore[operator]
    shape = "ReLU(x)" if rest.from_relu == 0 else "x" if rest.from_input == 0 else "neither ReLU(x) nor x"
    unlearned = idle(setup)
    loss = one_batch(setup)[-1]
    difference = alone(setup)
    scale = input_scale(setup.dataset)
    off = max(max(abs(mean) / LIMITS["mean"], abs(std - 1) / LIMITS["std"]) for mean, std in scale.values())
    shared, odd = overlap(setup.dataset), odd_labels(setup.dataset)

    def sizes_in_words(numbers: list[int]) -> str:
        return " + ".join(f"{numbers.count(size)}·{size}" for size in sorted(set(numbers), reverse=True))

    return Panel([
        Reading("parameters", counts[0], f"{counts[0]:,}", f"{counts[1]:,}", counts[0] != counts[1]),
        Reading("sizes", sum(sizes[0]), sizes_in_words(sizes[0]), sizes_in_words(sizes[1]), sizes[0] != sizes[1]),
        Reading("rest, output", rest.from_relu, f"{shape}, off by {rest.from_relu:.2f}", "ReLU(x), off by 0.00",
                rest.from_relu > 0),
        Reading("rest, gradient", rest.gradient, f"off by {rest.gradient:.2f}", "off by 0.00", rest.gradient > 0),
        Reading("idle", len(unlearned), f"{len(unlearned)} not learned", "0 not learned", bool(unlearned)),
        Reading("one batch", loss, f"loss {loss:.4f}", f"below {LIMITS['one batch']}",
                not loss < LIMITS["one batch"]),
        Reading("alone", difference, f"differs by {difference:.1e}", f"below {LIMITS['alone']}",
                not difference < LIMITS["alone"]),
        Reading("scale", off, "; ".join(f"{part} {mean:.2f} ± {std:.2f}" for part, (mean, std) in scale.items()),
                "both about 0 ± 1", off > 1),
        Reading("overlap", shared, f"{shared} test images", "0 test images", shared > 0),
        Reading("odd labels", odd, f"{odd:.1f} %", f"below {LIMITS['odd labels']:.0f} %", odd > LIMITS["odd labels"]),
    ])
