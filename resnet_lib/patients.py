"""Set-ups with a mistake in them that no error message reports, for the reader to find; and some without one.

The chapter on debugging draws from them. Whoever wants to find the mistakes alone does not read on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks
from resnet_lib.diagnosis import Panel, SetUp, panel

DEPTH = 20


class SkipForgotten(networks.ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x))


class SkipCut(networks.ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x).detach())


class BranchCut(networks.ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x).detach() + self.shortcut(x))


class BranchTwice(networks.ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        x = self.branch(x)
        return torch.relu(x + x)


class ReluBeforeAddition(networks.ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x)) + self.shortcut(x)


class NoStride(networks.ResidualBlock):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, **options: Any):
        super().__init__(in_channels, out_channels, 1, **options)


class StrideOnSecond(networks.ResidualBlock):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, **options: Any):
        super().__init__(in_channels, out_channels, stride, **options)
        self.conv1.stride, self.conv2.stride = (1, 1), (stride, stride)


class BiasUnderNorm(networks.ResidualBlock):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, **options: Any):
        super().__init__(in_channels, out_channels, stride, **options)
        for convolution in (self.conv1, self.conv2):
            convolution.bias = nn.Parameter(torch.zeros(out_channels))


class BlocksInList(networks.Network):
    """Two stages in a Python list: they compute, and PyTorch does not know of them."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        first, *self.others = self.stages.children()
        self.stages = nn.Sequential(first)

    def features(self, x: Tensor) -> Tensor:
        x = self.stages(self.stem(x))
        for stage in self.others:
            x = stage(x)
        return x.mean((2, 3))


class OnePixel(networks.Network):
    def features(self, x: Tensor) -> Tensor:
        return self.stages(self.stem(x))[:, :, 0, 0]


class ReluOnLogits(networks.Network):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(super().forward(x))


def build(seed: int, block: type[nn.Module] = networks.ResidualBlock,
          family: type[networks.Network] = networks.Network, **options: Any) -> networks.Network:
    """A network of 20 layers for one-channel images and ten classes."""
    with networks.seeded(seed):
        return family(block, DEPTH, 1, 10, **options)


def share_blocks(network: networks.Network) -> networks.Network:
    """[block] * n in place of n blocks."""
    for index, stage in enumerate(network.stages):
        first, second, *others = stage.children()
        network.stages[index] = nn.Sequential(first, second, *[second] * len(others))
    return network


def set_norms(network: networks.Network, momentum: float) -> networks.Network:
    """The share of the last batch in the running statistics."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum
    return network


def zero_last(network: networks.Network) -> networks.Network:
    """Branches that start at zero (torchvision's zero_init_residual)."""
    for block in network.blocks():
        nn.init.zeros_(block.norm2.weight)  # type: ignore[union-attr,arg-type]
    return network


def on_probabilities(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits.softmax(1), labels)


def without_classifier(network: nn.Module) -> Iterator[nn.Parameter]:
    return (parameter for name, parameter in network.named_parameters() if not name.startswith("classifier"))


def mirrored(images: Tensor, generator: torch.Generator) -> Tensor:
    turned = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return torch.where(turned, images.flip(3), images)


def relabelled(dataset: data.Dataset, share: float, seed: int) -> data.Dataset:
    """A random part of the training labels dealt out anew among their images."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(dataset.train_labels), generator=generator)
    chosen = chosen[:round(share * len(chosen))]
    labels = dataset.train_labels.clone()
    labels[chosen] = labels[chosen[torch.randperm(len(chosen), generator=generator)]]
    return replace(dataset, train_labels=labels)


def leaked(dataset: data.Dataset) -> data.Dataset:
    return replace(dataset, train_images=torch.cat([dataset.train_images, dataset.test_images]),
                   train_labels=torch.cat([dataset.train_labels, dataset.test_labels]))


def rescaled(dataset: data.Dataset, train: bool) -> data.Dataset:
    """Images scaled to 0 … 255, standardised as if they were 0 … 1: the test images alone, or all."""
    def scale(images: Tensor) -> Tensor:
        return 255 * images + (254 * dataset.mean / dataset.std)[:, None, None]
    return replace(dataset, test_images=scale(dataset.test_images),
                   train_images=scale(dataset.train_images) if train else dataset.train_images)


@dataclass(frozen=True)
class Condition:
    """What a set-up can have: "bug", "variant" (published, not a mistake) or "healthy"; and where to look."""

    kind: str
    make: Callable[[data.Dataset, int], SetUp]
    instrument: str  # of the panel that reveals it; else "twin", "a batch" or "settings"; "" for the healthy
    meaning: str


def of_network(make: Callable[[int], nn.Module]) -> Callable[[data.Dataset, int], SetUp]:
    """A set-up with another network and nothing else."""
    return lambda dataset, seed: SetUp(make(seed), dataset)


def with_block(block: type[nn.Module]) -> Callable[[data.Dataset, int], SetUp]:
    return of_network(lambda seed: build(seed, block))


CONDITIONS = {
    "healthy": Condition("healthy", of_network(build), "", "Every instrument reads what it should."),

    "skip forgotten": Condition(
        "bug", with_block(SkipForgotten), "rest, output",
        "With a branch of zero nothing comes out of the block, and no gradient goes back through it."),
    "branch added to itself": Condition(
        "bug", with_block(BranchTwice), "rest, output",
        "With a branch of zero nothing comes out of the block; and this branch counts twice, as a twin shows."),
    "skip cut": Condition(
        "bug", with_block(SkipCut), "rest, gradient",
        "The signal passes through the shortcut, the gradient does not."),
    "branch cut": Condition(
        "bug", with_block(BranchCut), "idle",
        "The layers that are not learned are those of the branches."),
    "one block shared": Condition(
        "bug", of_network(lambda seed: share_blocks(build(seed))), "parameters",
        "Layers are missing from the count, and the signal still passes through as many: one is used again."),
    "blocks in a list": Condition(
        "bug", of_network(lambda seed: build(seed, family=BlocksInList)), "parameters",
        "Two stages compute and are missing from the count, and from the list of convolutions."),
    "stride missing": Condition(
        "bug", with_block(NoStride), "sizes", "The pictures are never halved."),
    "biases under the norms": Condition(
        "bug", with_block(BiasUnderNorm), "parameters",
        "One number a channel too many in each convolution of the blocks; the normalisation takes it away again."),
    "one pixel in place of the mean": Condition(
        "bug", of_network(lambda seed: build(seed, family=OnePixel)), "twin",
        "Everything up to the last block is as in the twin; what enters the classifier is not."),
    "ReLU on the logits": Condition(
        "bug", of_network(lambda seed: build(seed, family=ReluOnLogits)), "one batch",
        "The loss of one batch stops, at another value each time: some classes get no gradient. Look at the logits."),
    "running statistics of the last batch": Condition(
        "bug", of_network(lambda seed: set_norms(build(seed), 0.99)), "settings",
        "In training mode everything is as in the twin; what the norms keep for evaluation is not. Print the network."),
    "softmax before the loss": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), dataset, loss=on_probabilities), "one batch",
        "The loss of one batch learned by heart stops at ln(e + 9) − 1, which no training gets below."),
    "gradients never cleared": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), dataset, clears=False), "one batch",
        "The loss of one batch does not go to zero: each step repeats all those before it."),
    "classifier outside the optimiser": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), dataset, learned=without_classifier), "idle",
        "The layer that is not learned is the last one."),
    "digits mirrored in training": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), dataset, augment=mirrored), "a batch",
        "The images that enter the network in training are not those of the data set: show some."),
    "labels shuffled": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), relabelled(dataset, 1.0, seed)), "odd labels",
        "Nine neighbours in ten have another label: labels and images have nothing to do with each other."),
    "a tenth of the labels dealt out anew": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), relabelled(dataset, 0.1, seed)), "odd labels",
        "Most neighbours agree, and several times as many as usual do not: a part of the labels is wrong."),
    "test images in the training set": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), leaked(dataset)), "overlap",
        "Test images were seen in training, all of them."),
    "test images scaled otherwise": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), rescaled(dataset, train=False)), "scale",
        "Training images have mean 0 and deviation 1, test images do not."),
    "all images scaled wrongly": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), rescaled(dataset, train=True)), "scale",
        "Training and test images have the same scale, and not the one they should have."),
    "evaluation in training mode": Condition(
        "bug", lambda dataset, seed: SetUp(build(seed), dataset, evaluates=False), "alone",
        "The prediction for an image depends on the other images of its batch."),

    "stride on the second convolution": Condition(
        "variant", with_block(StrideOnSecond), "sizes",
        "The pictures are halved where they should be, by the second convolution of a block and not by the first."),
    "ReLU before the addition": Condition(
        "variant", with_block(ReluBeforeAddition), "rest, output",
        "With a branch of zero the block gives x, negative numbers and all; its norms are where the original's are."),
    "pre-activation": Condition(
        "variant", of_network(lambda seed: networks.residual(DEPTH, 1, 10, pre_activation=True, seed=seed)),
        "rest, output",
        "With a branch of zero the block gives x, negative numbers and all; its norms come before its convolutions."),
    "projections where the shape changes": Condition(
        "variant", of_network(lambda seed: networks.residual(DEPTH, 1, 10, shortcut="B", seed=seed)), "parameters",
        "2,752 parameters more: 16·32 + 32·64 weights and two numbers a channel."),
    "last norm starts at zero": Condition(
        "variant", of_network(lambda seed: zero_last(build(seed))), "settings",
        "Every alarm is silent, and one batch takes several times as many steps: look at the norms' weights."),
}


@dataclass
class Patient:
    """A drawn set-up: its number, the set-up for the instruments, and what it has, which is not to be looked at."""

    number: int
    setup: SetUp
    secret: str

    def panel(self) -> Panel:
        """All instruments, beside what the healthy network reads."""
        return panel(self.setup, build(1))

    def hint(self, level: int = 1) -> None:
        """Print the first hint (where to look), the second (what is seen there) or the third (two are left)."""
        condition = CONDITIONS[self.secret]
        if level <= 1:
            elsewhere = {"twin": "Compare with a healthy twin.", "a batch": "Look at what enters the network.",
                         "settings": "Look at what the twin does not compare: settings, and weights at the start."}
            print(f"Look at the instrument: {condition.instrument}." if condition.instrument not in ("", *elsewhere)
                  else "No instrument of the panel alarms. " + elsewhere.get(condition.instrument,
                                                                             "Look with all others, too."))
        elif level == 2:
            print(condition.meaning)
        else:
            near = [name for name, other in CONDITIONS.items()
                    if other.instrument == condition.instrument and name != self.secret] or ["healthy"]
            print("One of two: " + " or ".join(sorted((self.secret, near[self.number % len(near)]))) + ".")

    def __repr__(self) -> str:
        return f"Patient {self.number}"


def make(name: str, dataset: data.Dataset, seed: int = 1) -> SetUp:
    """An untrained set-up with the condition `name`, a key of CONDITIONS."""
    return CONDITIONS[name].make(dataset, seed)


def draw(seed: int, dataset: data.Dataset, bugs: int = 7, others: int = 3) -> list[Patient]:
    """Patients with different conditions, `others` of them without a mistake; the same for the same `seed`."""
    generator = torch.Generator().manual_seed(seed)
    kinds = [[name for name, condition in CONDITIONS.items() if (condition.kind == "bug") == ill]
             for ill in (True, False)]
    names = [names[index] for names, count in zip(kinds, (bugs, others))
             for index in torch.randperm(len(names), generator=generator)[:count].tolist()]
    order = torch.randperm(len(names), generator=generator).tolist()
    return [Patient(number, make(names[index], dataset, seed), names[index]) for number, index in enumerate(order, 1)]
