"""Blocks deleted and reordered in trained networks, the gradient by path length, and paths run alone, on digits."""

import copy
import itertools
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from trainability import dealt

from resnet_lib import data, networks, runs, surgery, training

SEEDS = range(111, 121)
RATES = {("plain", 20): 0.1, ("residual", 20): 0.1, ("residual", 32): 0.03, ("residual", 56): 0.03,
         ("grown", 56): 0.003}  # by the studies degradation and handed_answer, which have other seeds
TOGETHER = (2, 4, 8, 12, 16)  # how many blocks are deleted together
split = cache(dealt)


# Networks -------------------------------------------------------------------------------------------------------

class Sometimes(networks.ResidualBlock):
    """A residual block whose branch is left out of a training step at random (Huang et al. 2016)."""

    survival: float

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        if torch.rand(()) >= self.survival:
            return torch.relu(self.shortcut(x))
        return torch.relu(self.branch(x) / self.survival + self.shortcut(x))


def fresh(kind: str, depth: int, seed: int, scale: float = 1.0) -> networks.Network:
    """A network before training; `scale`: weight of the last batch normalisation of each branch."""
    build = networks.plain if kind in ("plain", "bias 1") else networks.residual
    options = {"pre_activation": True} if kind == "pre-activation" else {}
    network = build(depth, in_channels=1, classes=10, seed=seed, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and "bias 1" in kind:
            nn.init.constant_(module.bias, 1.0)
    blocks = network.blocks()
    for index, block in enumerate(blocks):
        if scale != 1:
            nn.init.constant_(block.norm2.weight, scale)
        if kind == "stochastic depth":
            block.__class__, block.survival = Sometimes, 1 - 0.5 * (index + 1) / len(blocks)
    return network


@cache
def trained(kind: str, depth: int, rate: float, seed: int, scale: float = 1.0) -> tuple[networks.Network, dict]:
    """The network after training, and its loss on the training images and error on the test images."""
    dataset = split(seed)
    if kind == "grown":  # from the trained plain-20, and trained on at a constant rate
        network = surgery.grow(trained("plain", 20, RATES["plain", 20], seed)[0], depth, dataset.train_images)
        options = {"epochs": 4, "schedule": training.constant}
    else:
        network, options = fresh(kind, depth, seed, scale), {}
    with networks.seeded(seed):
        history = training.fit(network, dataset, learning_rate=rate, seed=seed, progress=False, **options)
    return network.eval(), {"train_loss": history.final_train_loss, "test_error": history.test_error[-1]}


# Lesions --------------------------------------------------------------------------------------------------------

def shortcut_alone(block: nn.Module) -> nn.Module:
    """What is left of a block without its branch: the identity, or option A where the shape changes."""
    return networks.make_shortcut("A", block.conv1.in_channels, block.conv2.out_channels, block.conv1.stride[0],
                                  normalisation=False)


class Patient:
    """A network whose blocks are deleted or reordered; what comes before the first change is computed once.

    With `calibration` images the statistics of all batch normalisations behind it are recomputed from them each time.
    """

    def __init__(self, network: networks.Network, images: Tensor, labels: Tensor,
                 calibration: Tensor | None = None) -> None:
        self.network, self.labels = copy.deepcopy(network), labels
        self.blocks = self.network.blocks()
        self.gaps = [shortcut_alone(block) for block in self.blocks]
        self.calibrated: list[Tensor] = []
        if calibration is not None:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.momentum = 1.0  # the last batch alone counts
            with torch.no_grad():
                self.calibrated = self.states(self.network.train(), calibration)
        with torch.no_grad():
            self.before = self.states(self.network.eval(), images)

    def states(self, network: networks.Network, images: Tensor) -> list[Tensor]:
        found = [network.stem(images)]
        for block in self.blocks:
            found.append(block(found[-1]))
        return found

    @torch.no_grad()
    def logits(self, removed: tuple[int, ...] = (), order: list[int] | None = None) -> Tensor:
        places = list(order or range(len(self.blocks)))
        chain = nn.Sequential(*(self.gaps[index] if index in removed else self.blocks[index] for index in places))
        first = next((place for place, index in enumerate(places) if index != place or index in removed), len(places))
        if self.calibrated:
            self.network.train()
            self.network.last(chain[first:](self.calibrated[first]))
            self.network.eval()
        x = chain[first:](self.before[first])
        return self.network.classifier(self.network.last(x).mean((2, 3)))

    def wrong(self, removed: tuple[int, ...] = (), order: list[int] | None = None) -> int:
        return int((self.logits(removed, order).argmax(1) != self.labels).sum())

    def changes(self) -> list[float]:
        """How far each block takes its input from what the shortcut alone would make of it, relative to that."""
        kept = [gap(x) for gap, x in zip(self.gaps, self.before)]
        return [((after - x).norm() / x.norm()).item() for x, after in zip(kept, self.before[1:])]


def shuffled(stages: list[int], swaps: int, generator: torch.Generator) -> list[int]:
    """The order of the blocks after some swaps of two neighbours that have the same shapes."""
    order = list(range(sum(stages)))
    first = [sum(stages[:stage]) + (stage > 0) for stage in range(len(stages))]  # the block that changes shape stays
    places = [place for stage, start in enumerate(first) for place in range(start, sum(stages[:stage + 1]) - 1)]
    for _ in range(swaps):
        place = places[int(torch.randint(len(places), (), generator=generator))]
        order[place], order[place + 1] = order[place + 1], order[place]
    return order


def kendall(order: list[int]) -> float:
    """Kendall's tau between an order and the sorted one: share of pairs in order less share of pairs out of it."""
    pairs = list(itertools.combinations(order, 2))
    return sum(1 if first < second else -1 for first, second in pairs) / len(pairs)


def lesions(network: networks.Network, dataset: data.Dataset, draws: int = 6, calibration_images: int = 512) -> dict:
    """Wrong test images after each deletion, several deletions and shuffles, without and with new statistics."""
    count, found = len(network.blocks()), {}
    for name, calibration in (("stored", None), ("recomputed", dataset.train_images[:calibration_images])):
        patient = Patient(network, dataset.test_images, dataset.test_labels, calibration)
        generator = torch.Generator().manual_seed(0)
        found[name] = {"none": patient.wrong(), "one": [patient.wrong((index,)) for index in range(count)]}
        some, repeats = (draws, 2) if calibration is None else (draws // 3, 1)
        several = {}
        for many in (many for many in TOGETHER if many < count):
            sets = [torch.randperm(count, generator=generator)[:many].tolist() for _ in range(draws)][:some]
            several[many] = [[sorted(removed), patient.wrong(tuple(removed))] for removed in sets]
        orders = [shuffled([count // 3] * 3, swaps, generator) for swaps in (1, 3, 9, 30, 90) for _ in range(repeats)]
        found[name] |= {"several": several, "order": [[kendall(order), patient.wrong(order=order)] for order in orders]}
        if calibration is None:
            found |= {"change": patient.changes(), "additive": additive(patient, generator)}
    return found


def additive(patient: Patient, generator: torch.Generator, pairs: int = 20) -> float:
    """Median over pairs of |change of both - sum of the changes of each| / |change of both|, of the logits."""
    whole = patient.logits()
    found = []
    for _ in range(pairs):
        first, second = torch.randperm(len(patient.blocks), generator=generator)[:2].tolist()
        one, other, both = (patient.logits(removed) - whole for removed in ((first,), (second,), (first, second)))
        found.append(((both - one - other).norm() / both.norm().clamp(min=1e-12)).item())
    return sorted(found)[pairs // 2]


# Path lengths ---------------------------------------------------------------------------------------------------

def block_parts(block: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor | float]:
    """A residual block's two arms at x, N×C×H×W each, and the gates of the ReLU after their sum."""
    if isinstance(block, networks.PreActivationBlock):
        return block.branch(torch.relu(block.norm1(x))), block.shortcut(x), 1.0
    branch, shortcut = block.branch(x), block.shortcut(x)
    return branch, shortcut, (branch + shortcut > 0).to(x.dtype)


def gradient_by_length(network: networks.Network, images: Tensor, labels: Tensor) -> Tensor:
    """The loss's gradient at the first block's input, split by path length: (blocks + 1)×N×numbers.

    Its sum over the lengths is the gradient. One backward pass through each arm of each block for each length.
    """
    network = copy.deepcopy(network).double().eval()
    states = [network.stem(images.double()).detach()]
    for block in network.blocks():
        states.append(block(states[-1]).detach())
    end = states.pop().requires_grad_()
    logits = network.classifier(network.last(end).mean((2, 3)))
    loss = functional.cross_entropy(logits, labels, reduction="sum")
    by_length = list(torch.autograd.grad(loss, end))
    for block, x in zip(reversed(network.blocks()), reversed(states)):
        x.requires_grad_()
        branch, shortcut, gates = block_parts(block, x)
        around = [torch.autograd.grad(shortcut, x, gates * g, retain_graph=True)[0] for g in by_length]
        through = [torch.autograd.grad(branch, x, gates * g, retain_graph=True)[0] for g in by_length]
        zero = torch.zeros_like(x)
        by_length = [a + t for a, t in zip([*around, zero], [zero, *through])]
    return torch.stack(by_length).flatten(2)


def single_paths(network: networks.Network, images: Tensor, labels: Tensor, paths: int = 4) -> list[float]:
    """Mean norm of the gradient along one path, for each length: `paths` random ones a length, as Veit et al. did."""
    network = copy.deepcopy(network).double().eval()
    blocks, generator = network.blocks(), torch.Generator().manual_seed(0)
    x, parts = network.stem(images.double()).detach(), []
    for block in blocks:
        x.requires_grad_()
        parts.append((x, *block_parts(block, x)))
        x = block(x).detach()
    x.requires_grad_()
    logits = network.classifier(network.last(x).mean((2, 3)))
    (end,) = torch.autograd.grad(functional.cross_entropy(logits, labels, reduction="sum"), x)
    found = []
    for length in range(len(blocks) + 1):
        norms = []
        for _ in range(paths):
            chosen, g = torch.randperm(len(blocks), generator=generator)[:length].tolist(), end
            for index in range(len(blocks) - 1, -1, -1):
                x, branch, shortcut, gates = parts[index]
                arm = branch if index in chosen else shortcut
                (g,) = torch.autograd.grad(arm, x, gates * g, retain_graph=True)
            norms.append(g.norm().item())
        found.append(sum(norms) / paths)
    return found


def lengths(network: networks.Network, dataset: data.Dataset, images: int = 64) -> dict:
    """What the gradients of test images owe to paths of each length, every image counted alike.

    Images whose gradient is exactly zero have no shares and are left out.
    """
    x, y = dataset.test_images[:images], dataset.test_labels[:images]
    parts = gradient_by_length(network, x, y)
    there = parts.sum(0).norm(dim=1) > 0
    parts, x, y = parts[:, there], x[there], y[there]
    whole, norms = parts.sum(0), parts.norm(dim=2)
    shares = (parts * whole).sum(2) / whole.square().sum(1)  # of each image; they add up to 1
    steps = torch.arange(len(parts), dtype=torch.float64)[:, None]
    few, total = parts[:, :16].flatten(1), whole[:16].norm()
    single = single_paths(network, x[:16], y[:16])
    paths = [math.comb(len(single) - 1, length) for length in range(len(single))]
    return {"images": len(x), "length": (shares * steps).sum(0).mean().item(),
            "middle_image": (shares * steps).sum(0).median().item(),
            "shares": shares.mean(1).tolist(),
            "length_by_norm": ((norms * steps).sum(0) / norms.sum(0)).mean().item(),
            "groups": (few.norm(dim=1) / total).tolist(), "single": [norm / total.item() for norm in single],
            "length_by_sampling": sum(length * count * norm for length, (count, norm) in enumerate(zip(paths, single)))
            / sum(count * norm for count, norm in zip(paths, single)),
            "cancellation": sum(count * norm for count, norm in zip(paths, single)) / total.item()}


# What the study measures ----------------------------------------------------------------------------------------

def operate(kind: str, depth: int, rate: float, seed: int, scale: float = 1.0) -> dict:
    network, found = trained(kind, depth, rate, seed, scale)
    found = {**found, **lesions(network, split(seed))}
    return found | ({} if kind in ("plain", "bias 1", "grown") else before_and_after(kind, depth, rate, seed, scale))


def before_and_after(kind: str, depth: int, rate: float, seed: int, scale: float = 1.0) -> dict:
    network, found = trained(kind, depth, rate, seed, scale)
    before = fresh(kind, depth, seed, scale)
    surgery.recalibrate(before, split(seed).train_images)
    return {**found, "before": lengths(before, split(seed)), "after": lengths(network, split(seed))}


def every_lesion(kind: str, depth: int, rate: float, seed: int) -> dict:
    """Wrong test images for every set of deleted blocks (depth 20) or every single one and pair (depth 56)."""
    network, found = trained(kind, depth, rate, seed)
    dataset, count = split(seed), len(network.blocks())
    most = count if depth == 20 else 2
    sets = [removed for many in range(most + 1) for removed in itertools.combinations(range(count), many)]
    for name, calibration in (("stored", None), ("recomputed", dataset.train_images[:256])):
        patient = Patient(network, dataset.test_images, dataset.test_labels, calibration)
        found = {**found, name: [patient.wrong(removed) for removed in sets]}
        found.setdefault("change", patient.changes())
    return found


def alone(seed: int) -> dict:
    """Residual-20 as a committee: its 512 paths run alone, its 512 part networks, and nine networks of 8 layers."""
    network, found = trained("residual", 20, RATES["residual", 20], seed)
    dataset = split(seed)
    for name in ("paths", "parts"):
        for statistics in ("stored", "recomputed"):
            calibration = dataset.train_images[:512] if statistics == "recomputed" else None
            found = {**found, f"{name}, {statistics}": committee(*all_ways(network, dataset, name, calibration),
                                                                 dataset.test_labels, network(dataset.test_images))}
    members = [member_network(seed, member) for member in range(9)]
    with torch.no_grad():
        logits = torch.stack([member(dataset.test_images) for member in members])
        whole = logits.mean(0)
        found["networks"] = committee(logits, [2] * 9, dataset.test_labels, whole)
        found["fewer networks"] = [int((logits[:many].mean(0).argmax(1) != dataset.test_labels).sum())
                                   for many in range(1, 10)]
    return found


def member_network(seed: int, member: int) -> networks.Network:
    """One of several residual networks of 8 layers that differ in their initial weights and the order of the images."""
    network = networks.residual(8, in_channels=1, classes=10, seed=1000 * seed + member)
    training.fit(network, split(seed), learning_rate=0.1, seed=1000 * seed + member, progress=False)
    return network.eval()


@torch.no_grad()
def all_ways(network: networks.Network, dataset: data.Dataset, name: str,
             calibration: Tensor | None) -> tuple[Tensor, list[int]]:
    """Logits 512×N×10 and lengths of all "paths" (a block is its branch alone, or its shortcut) or "parts" (a block
    is there, or deleted); with `calibration` the statistics are recomputed on each way."""
    network = copy.deepcopy(network).eval()
    blocks = network.blocks()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    stem = network.stem(dataset.test_images), None if calibration is None else network.stem(calibration)
    ways = [(*stem, 0)]
    for block in blocks:
        gap, further = shortcut_alone(block), []
        full: Callable = (lambda x, block=block: torch.relu(block.branch(x))) if name == "paths" else block
        for test, seen, length in ways:
            further.append((gap(test), None if seen is None else gap(seen), length))
            new = None if seen is None else full_in_training(block, full, seen)
            further.append((full(test), new, length + 1))
        ways = further
    return (torch.stack([network.classifier(network.last(test).mean((2, 3))) for test, _, _ in ways]),
            [length for _, _, length in ways])


def full_in_training(block: nn.Module, full: Callable, seen: Tensor) -> Tensor:
    block.train()
    out = full(seen)
    block.eval()
    return out


@torch.no_grad()
def committee(logits: Tensor, lengths: list[int], labels: Tensor, whole: Tensor) -> dict:
    """How good the members M×N×10 are, how alike their mistakes are, and what their mean says."""
    wrong = (logits.argmax(2) != labels).double()
    accuracy, number = 100 - 100 * wrong.mean(1), torch.tensor(lengths)
    mean = logits.mean(0)
    good = wrong[(accuracy > 50) & (wrong.sum(1) > 0)]
    centred = functional.normalize(good - good.mean(1, keepdim=True), dim=1)
    pairs = len(good) * (len(good) - 1)
    return {"by_length": {length: [accuracy[number == length].mean().item(), accuracy[number == length].max().item()]
                          for length in sorted(set(lengths))},
            "members": accuracy.mean().item(), "best": accuracy.max().item(),
            "mean": 100 * (mean.argmax(1) == labels).double().mean().item(),
            "whole": 100 * (whole.argmax(1) == labels).double().mean().item(),
            "good": len(good), "alike": ((centred @ centred.T).sum().item() - len(good)) / pairs if pairs else None}


def rate(kind: str, depth: int, rate: float, seed: int, scale: float) -> dict:
    return trained(kind, depth, rate, seed, scale)[1]


def measure(part: str, **which: Any) -> dict:
    parts: dict[str, Callable[..., dict]] = {"operate": operate, "lengths": before_and_after, "every": every_lesion,
                                             "alone": alone, "rate": rate}
    return parts[part](**which)


def configurations() -> list[dict]:
    def of(part: str, kind: str, depth: int, rate: float, **more: float) -> dict:
        return {"part": part, "kind": kind, "depth": depth, "rate": rate, **more}

    found = [of("rate", "residual", 20, rate, scale=scale, seed=seed) for seed in (101, 102) for scale in (0.25, 4.0)
             for rate in (0.03, 0.1)]
    main = ("residual", 20), ("plain", 20), ("residual", 56), ("grown", 56)
    for number, seed in enumerate(SEEDS):
        found += [of("operate", *network, RATES[network], seed=seed) for network in main]
        if number == 0:
            found += [of("every", *network, RATES[network], seed=seed) for network in main]
        if number < 2:
            found += [{"part": "alone", "seed": seed}, of("operate", "bias 1", 56, 0.01, seed=seed)]
        if number < 3:
            found += [of("operate", "residual", 20, rate, scale=scale, seed=seed)
                      for scale, rate in ((0.25, 0.1), (4.0, 0.03))]
            found += [of("operate", "grown", 56, 0.03, seed=seed), of("lengths", "residual", 56, 0.01, seed=seed),
                      of("lengths", "pre-activation", 56, 0.1, seed=seed),
                      of("operate", "stochastic depth", 56, 0.03, seed=seed)]
        if number < 5:
            found += [of("lengths", *setting, seed=seed) for setting in (
                ("residual", 56, 0.1), ("residual", 32, 0.03), ("residual, bias 1", 20, 0.03))]
    return found


if __name__ == "__main__":
    runs.record("paths", "Is a residual network an ensemble of short paths?", configurations(), measure)
