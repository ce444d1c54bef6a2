"""Blocks as steps of Euler's method: halved, refined and mixed, their functions compared, and a small neural ODE."""

import copy
import itertools
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy
import torch
from paths import Sometimes, split
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import RidgeClassifier
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, runs, surgery, training

SEEDS = range(211, 221)
RATES = {("plain", 20): 0.1, ("residual", 20): 0.1, ("residual", 56): 0.03, ("grown", 56): 0.003,
         ("pre-activation", 20): 0.3}  # by the studies degradation, handed_answer and pre_activation: other seeds
SHARED = {20: 0.1, 56: 0.03}  # by the runs of the part "rate", on seeds of their own
COPIES = (1, 2, 4, 8, 16, 32)


# Networks -------------------------------------------------------------------------------------------------------

def fresh(kind: str, depth: int, seed: int, scale: float = 1.0) -> networks.Network:
    """A network before training; `scale`: weight of the last batch normalisation of each branch."""
    build = networks.plain if kind == "plain" else networks.residual
    options = {"pre_activation": True} if kind == "pre-activation" else {}
    network = build(depth, in_channels=1, classes=10, seed=seed, **options)
    for index, block in enumerate(network.blocks()):
        if scale != 1:
            nn.init.constant_(block.norm2.weight, scale)
        if kind == "stochastic depth":
            block.__class__, block.survival = Sometimes, 1 - 0.5 * (index + 1) / len(network.blocks())
    if kind.startswith("equal start"):
        start_alike(network, float(kind.removeprefix("equal start but ")) if "but" in kind else 0.0)
    if kind.startswith("shared"):
        share(network, normalisation=kind == "shared all")
    return network


@torch.no_grad()
def start_alike(network: networks.Network, own: float) -> None:
    """Let all ordinary blocks of a stage begin with the same filters but for a share `own` of their length."""
    for stage in network.stages:
        first, *others = [block for block in stage if ordinary(block)]
        for block in others:
            for mine, common in ((block.conv1.weight, first.conv1.weight), (block.conv2.weight, first.conv2.weight)):
                mine.copy_(own * mine + (1 - own**2) ** 0.5 * common)


def share(network: networks.Network, normalisation: bool) -> None:
    """Let all ordinary blocks of a stage use the same convolutions, and the same normalisations if wanted."""
    for stage in network.stages:
        first, *others = [block for block in stage if ordinary(block)]
        for block in others:
            block.conv1, block.conv2 = first.conv1, first.conv2
            if normalisation:
                block.norm1, block.norm2 = first.norm1, first.norm2


@cache
def trained(kind: str, depth: int, rate: float, seed: int, scale: float = 1.0) -> tuple[networks.Network, dict]:
    """The network after training, and what the training reached."""
    dataset = split(seed)
    if kind == "grown":  # from the trained plain-20, and trained on at a constant rate
        network = surgery.grow(trained("plain", 20, RATES["plain", 20], seed)[0], depth, dataset.train_images)
        options = {"epochs": 4, "schedule": training.constant}
    else:
        network, options = fresh(kind, depth, seed, scale), {}
    with networks.seeded(seed):
        history = training.fit(network, dataset, learning_rate=rate, seed=seed, progress=False, **options)
    for block in network.blocks():
        if isinstance(block, Sometimes):  # an ordinary block from now on, when statistics are recomputed, too
            block.__class__ = networks.ResidualBlock
    return network.eval(), reached(history) | {"parameters": networks.count_parameters(network)}


def reached(history: training.History) -> dict:
    """Losses and errors at the end; `train_error` while training, `final_error` of the same images in evaluation."""
    return {"train_loss": history.final_train_loss, "test_error": history.test_error[-1],
            "train_error": history.train_error[-1], "final_error": history.final_train_error}


# Steps ----------------------------------------------------------------------------------------------------------

class Step(nn.Module):
    """A part of what a block does: x + size · (block(x) − x)."""

    def __init__(self, block, size):
        super().__init__()
        self.block, self.size = copy.deepcopy(block), size

    def forward(self, x):
        if self.size == 1:
            return self.block(x)
        return x + self.size * (self.block(x) - x)


def ordinary(block):
    """Whether input and output have one shape, so that they can be subtracted."""
    return block.conv1.in_channels == block.conv2.out_channels


def rebuilt(network, plan):
    """A copy whose ordinary blocks are replaced, stage by stage, by the steps (block, size) of a plan."""
    new = copy.deepcopy(network)
    for index, stage in enumerate(network.stages):
        blocks = [block for block in stage if ordinary(block)]
        first = [Step(block, 1) for block in stage if not ordinary(block)]
        new.stages[index] = nn.Sequential(
            *first, *(Step(block, size) for block, size in plan(blocks)))
    return new.eval()


def refine(copies, size):
    """The plan that takes each block so many times with so much strength."""
    return lambda blocks: [(block, size) for block in blocks for _ in range(copies)]


class Inside(nn.Module):
    """A residual block with its branch weakened inside of the ReLU: relu(x + size · branch(x))."""

    def __init__(self, block: networks.ResidualBlock, size: float) -> None:
        super().__init__()
        self.block, self.size = block, size

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.size * self.block.branch(x))


class Mean(nn.Module):
    """The mean of what two blocks do to the same input."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        return (self.first(x) + self.second(x)) / 2


def rk4(f, x, h):
    k1 = f(x)
    k2 = f(x + h / 2 * k1)
    k3 = f(x + h / 2 * k2)
    k4 = f(x + h * k3)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


class RungeKutta(nn.Module):
    """One step of the classical Runge-Kutta method for dx/dt = block(x) − x."""

    def __init__(self, block: nn.Module, size: float) -> None:
        super().__init__()
        self.block, self.size = block, size

    def forward(self, x: Tensor) -> Tensor:
        return rk4(lambda x: self.block(x) - x, x, self.size)


def runge_kutta(copies: int) -> Callable:
    """The plan that takes so many Runge-Kutta steps for each block."""
    return lambda blocks: [(RungeKutta(block, 1 / copies), 1) for block in blocks for _ in range(copies)]


def blend(first: nn.Module, second: nn.Module) -> nn.Module:
    """A block whose weights and statistics are the means of those of two blocks."""
    mean = copy.deepcopy(first)
    mine, other = mean.state_dict(), second.state_dict()
    mean.load_state_dict({key: (value + other[key]) / 2 if value.is_floating_point() else value
                          for key, value in mine.items()})
    return mean


def paired(blocks: list, kept: int, size: float) -> list:
    """Of each two neighbours one is kept, with another strength; one without a partner stays as it is."""
    pairs = [blocks[start:start + 2] for start in range(0, len(blocks), 2)]
    return [(pair[kept], size) if len(pair) == 2 else (pair[0], 1) for pair in pairs]


def between(blocks: list, middle: Callable) -> list:
    """Each block with half its strength, and between two neighbours a half step of their middle."""
    found = []
    for one, other in itertools.zip_longest(blocks, blocks[1:]):
        found += [(one, 0.5), (one if other is None else middle(one, other), 0.5)]
    return found


PLANS: dict[str, Callable] = {
    "as trained": refine(1, 1), "2 × ½": refine(2, 1 / 2), "4 × ¼": refine(4, 1 / 4), "8 × ⅛": refine(8, 1 / 8),
    "1 × ½": refine(1, 1 / 2), "2 × 1": refine(2, 1),
    "half the blocks, 2": lambda blocks: paired(blocks, 0, 2), "other half, 2": lambda blocks: paired(blocks, 1, 2),
    "half the blocks, 1": lambda blocks: paired(blocks, 0, 1), "other half, 1": lambda blocks: paired(blocks, 1, 1),
    "in turns": lambda blocks: [(block, 0.5) for _ in range(2) for block in blocks],
    "neighbour": lambda blocks: [(blocks[index - index % 2], 1) for index in range(len(blocks))],
    "weights between": lambda blocks: between(blocks, blend),
    "functions between": lambda blocks: between(blocks, Mean),
    "Runge-Kutta": runge_kutta(1)}
INSIDE: dict[str, Callable] = {
    f"inside {name}": (lambda blocks, copies=copies, size=size:
                       [(Inside(block, size), 1) for block in blocks for _ in range(copies)])
    for name, copies, size in (("2 × ½", 2, 1 / 2), ("1 × ½", 1, 1 / 2), ("2 × 1", 2, 1))}


def wrong(network: nn.Module, dataset: data.Dataset) -> int:
    with torch.no_grad():
        return int((network(dataset.test_images).argmax(1) != dataset.test_labels).sum())


def plans(network: networks.Network, dataset: data.Dataset, names: Sequence[str]) -> dict:
    """Wrong test images under each plan: with stored statistics, and with recomputed ones."""
    found = {}
    for name in names:
        new = rebuilt(network, (PLANS | INSIDE)[name])
        found[name] = [wrong(new, dataset)]
        surgery.recalibrate(new, dataset.train_images[:512])
        found[name].append(wrong(new, dataset))
    return found


# Consistency and convergence ------------------------------------------------------------------------------------

def states(network, images):
    """What enters each block, and what leaves the last: N×C×H×W each."""
    found = [network.stem(images)]
    for stage in network.stages:
        for block in stage:
            found.append(block(found[-1]))
    return found


def moved(block: nn.Module, x: Tensor, along: Tensor) -> float:
    """By how much a block's update changes when its input moves by half of `along`, relative to the update."""
    u, here = block(x) - x, x + along / 2
    return ((block(here) - here - u).norm() / u.norm()).item()


def head(network: networks.Network, x: Tensor) -> Tensor:
    return network.classifier(network.last(x).mean((2, 3)))


@torch.no_grad()
def consistency(network: networks.Network, dataset: data.Dataset) -> list[dict]:
    """For each ordinary block: its change r; by how much its update differs half a step further, c; the same half a
    step of another image further; and what halving or weakening this block alone does to the logits and answers."""
    network = copy.deepcopy(network).double().eval()
    images, labels = dataset.test_images.double(), dataset.test_labels
    before, found = states(network, images), []
    whole, blocks = head(network, before[-1]), network.blocks()

    def effect(index: int, x: Tensor) -> list[float]:
        for block in blocks[index + 1:]:
            x = block(x)
        logits = head(network, x)
        return [int((logits.argmax(1) != labels).sum()), ((logits - whole).norm() / whole.norm()).item()]

    for index, block in enumerate(blocks):
        if not ordinary(block) or len(blocks) > 9 and index % 2:  # of a deep network every second one
            continue
        x = before[index]
        u = block(x) - x
        foreign = functional.normalize(u.flatten(1).roll(1, 0)) * u.flatten(1).norm(dim=1, keepdim=True)

        half = x + u / 2
        found.append({"block": index, "change": (u.norm() / x.norm()).item(), "own": moved(block, x, u),
                      "foreign": moved(block, x, foreign.view_as(u)), "weak": effect(index, half),
                      "halved": effect(index, half + (block(half) - half) / 2), "deleted": effect(index, x)})
    return found


@torch.no_grad()
def convergence(network: networks.Network, dataset: data.Dataset) -> dict:
    """Relative differences of the last block's output between m and 2m copies of 1/m, for two methods."""
    network, images = copy.deepcopy(network).double().eval(), dataset.test_images[:32].double()

    def end(plan: Callable) -> Tensor:
        return network.last(states(rebuilt(network, plan), images)[-1])

    found = {}
    for name, most in (("euler", 6), ("runge-kutta", 4)):
        ends = []
        for copies in COPIES[:most]:
            ends.append(end(refine(copies, 1 / copies) if name == "euler" else runge_kutta(copies)))
        found[name] = [((a - b).norm() / ends[-1].norm()).item() for a, b in itertools.pairwise(ends)]
        found[f"{name}, whole"] = ((ends[0] - ends[-1]).norm() / ends[-1].norm()).item()
    return found


# Neighbours, gradients, lens ------------------------------------------------------------------------------------

def cosine(one: Tensor, other: Tensor) -> float:
    """Mean over the images of the cosine of two N×… tensors."""
    return functional.cosine_similarity(one.flatten(1), other.flatten(1), dim=1).mean().item()


@torch.no_grad()
def alike(network: networks.Network, dataset: data.Dataset) -> dict:
    """Means over pairs of ordinary blocks of a stage, by their distance: cosines of their updates along the way, of
    their updates at the same place, of their filters, and of their filters after the best matching."""
    network, images = copy.deepcopy(network).eval(), dataset.test_images[:128]
    before, found = states(network, images), {}
    blocks = network.blocks()
    updates = [after - x if x.shape == after.shape else None for x, after in itertools.pairwise(before)]
    for one, other in itertools.combinations(range(len(blocks)), 2):
        if updates[one] is None or updates[other] is None or updates[one].shape != updates[other].shape:
            continue
        a, b = units(blocks[one]), units(blocks[other])
        table = functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).T
        rows, columns = linear_sum_assignment(-table.numpy())
        filters = functional.cosine_similarity(blocks[one].conv1.weight.flatten(), blocks[other].conv1.weight.flatten(),
                                               dim=0)
        here = cosine(updates[one], blocks[other](before[one]) - before[one])
        there = cosine(updates[other], blocks[one](before[other]) - before[other])
        found.setdefault(str(other - one), []).append(
            [cosine(updates[one], updates[other]), (here + there) / 2, filters.item(),
             table.numpy()[rows, columns].mean().item()])
    return {distance: numpy.mean(values, 0).tolist() for distance, values in found.items()}


def units(block: nn.Module) -> Tensor:
    """Of each hidden channel of a block its incoming and outgoing filters: channels×numbers."""
    return torch.cat([block.conv1.weight.flatten(1), block.conv2.weight.transpose(0, 1).flatten(1)], 1).detach()


def downhill(network: networks.Network, dataset: data.Dataset) -> list[list[float]]:
    """For each ordinary block the cosine of its update and of the negative gradient of the loss at its input, mean
    over the test images, and the same with the update of another image."""
    network = copy.deepcopy(network).double().eval()
    x, labels = dataset.test_images.double(), dataset.test_labels
    way = [state.requires_grad_() if index == 0 else state for index, state in enumerate(states(network, x))]
    gradients = torch.autograd.grad(functional.cross_entropy(head(network, way[-1]), labels, reduction="sum"), way[:-1])
    there = gradients[-1].flatten(1).norm(dim=1) > 0
    found = []
    for (before, after), gradient in zip(itertools.pairwise(way), gradients):
        if before.shape == after.shape:
            update = (after - before).detach()
            found.append([cosine(update[there], -gradient[there]), cosine(update.roll(1, 0)[there], -gradient[there])])
    return found


@torch.no_grad()
def lens(network: networks.Network, dataset: data.Dataset) -> dict:
    """Accuracy in the last stage, block by block: of the final classifier, and of a linear one fitted there."""
    network = copy.deepcopy(network).eval()
    count = len(network.blocks()) // 3
    seen, test = (states(network, images)[-count:] for images in (dataset.train_images, dataset.test_images))
    found = {"lens": [], "probe": []}
    for x, y in zip(seen, test):
        right = (head(network, y).argmax(1) == dataset.test_labels).double().mean()
        fitted = RidgeClassifier().fit(x.mean((2, 3)).numpy(), dataset.train_labels.numpy())
        found["lens"].append(100 * right.item())
        found["probe"].append(100 * fitted.score(y.mean((2, 3)).numpy(), dataset.test_labels.numpy()))
    return found


# The explorer's grid --------------------------------------------------------------------------------------------

GRID = tuple(itertools.product((1, 2, 4), (0.25, 0.5, 1.0)))  # copies and strength of each


def once(block: nn.Module, size: float, test: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """One step for the test images; with other images `seen`, its statistics are recomputed from them first."""
    def step(x: Tensor) -> Tensor:
        return block(x) if size == 1 else x + size * (block(x) - x)

    if seen is not None:
        block.train()
        seen = step(seen)
    block.eval()
    return step(test), seen


def stage_ends(stage: nn.Sequential, copies: int, size: float, test: Tensor,
               seen: Tensor | None) -> list[tuple[Tensor, Tensor | None]]:
    """What leaves each block of a stage whose ordinary blocks are taken so many times with so much strength."""
    ends = []
    for block in stage:
        for _ in range(copies if ordinary(block) else 1):
            test, seen = once(block, size if ordinary(block) else 1, test, seen)
        ends.append((test, seen))
    return ends


def grid(kind: str, depth: int, rate: float, seed: int) -> dict:
    """Wrong test images, read by the final classifier after each block of the last stage, for all copies and strengths
    in each stage, with stored and with recomputed statistics."""
    network, dataset = copy.deepcopy(trained(kind, depth, rate, seed)[0]), split(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # the last batch alone counts
    with torch.no_grad():
        return {"stored": every_setting(network, dataset, None),
                "recomputed": every_setting(network, dataset, dataset.train_images[:256])}


def every_setting(network: networks.Network, dataset: data.Dataset, seen: Tensor | None) -> list[list[int]]:
    start, found = once(network.stem, 1, dataset.test_images, seen), []
    for one in GRID:
        first = stage_ends(network.stages[0], *one, *start)[-1]
        for two in GRID:
            second = stage_ends(network.stages[1], *two, *first)[-1]
            for three in GRID:
                ends = stage_ends(network.stages[2], *three, *second)
                found.append([int((head(network, test).argmax(1) != dataset.test_labels).sum()) for test, _ in ends])
    return found


# What the study measures ----------------------------------------------------------------------------------------

ALL = (*PLANS, *INSIDE)
NOT_INSIDE = tuple(PLANS)
AT_56 = ("as trained", "2 × ½", "1 × ½", "2 × 1", "half the blocks, 2", "half the blocks, 1", "in turns", "neighbour",
         "weights between")


def measured(kind: str, depth: int, rate: float, seed: int, scale: float = 1.0) -> dict:
    """All instruments on one trained network, and on the same one before training."""
    network, found = trained(kind, depth, rate, seed, scale)
    dataset = split(seed)
    names = AT_56 if depth == 56 else ALL if kind == "residual" else NOT_INSIDE
    found = {**found, "plans": plans(network, dataset, names), "alike": alike(network, dataset),
             "lens": lens(network, dataset)}
    if kind == "stochastic depth" or kind.startswith("equal start"):
        return found
    found |= {"blocks": consistency(network, dataset), "downhill": downhill(network, dataset)}
    if depth == 20:
        found["convergence"] = convergence(network, dataset)
    if kind == "residual" and depth == 20 or kind == "pre-activation":
        start = fresh(kind, depth, seed, scale)
        surgery.recalibrate(start, dataset.train_images)
        found["before"] = {"blocks": consistency(start, dataset), "alike": alike(start, dataset),
                           "downhill": downhill(start, dataset), "lens": lens(start, dataset),
                           "convergence": convergence(start, dataset)}
    return found


def shared(kind: str, depth: int, rate: float, seed: int) -> dict:
    """A network whose ordinary blocks share their convolutions within a stage."""
    network, found = trained(kind, depth, rate, seed)
    return {**found, "plans": plans(network, split(seed), ("as trained", "2 × ½", "1 × ½", "2 × 1")),
            "lens": lens(network, split(seed)), "alike": alike(network, split(seed))}


def rate(kind: str, depth: int, rate: float, seed: int) -> dict:
    return trained(kind, depth, rate, seed)[1]


def measure(part: str, **which: Any) -> dict:
    parts: dict[str, Callable[..., dict]] = {"measured": measured, "shared": shared, "rate": rate, "grid": grid}
    return parts[part](**which)


def configurations() -> list[dict]:
    def of(part: str, kind: str, depth: int, rate: float, **more: float) -> dict:
        return {"part": part, "kind": kind, "depth": depth, "rate": rate, **more}

    found = [of("rate", "shared", depth, rate, seed=seed) for depth in (20, 56) for rate in (0.03, 0.1)
             for seed in (201, 202)[:1 if depth == 56 else 2]]
    for number, seed in enumerate(SEEDS):
        if number < 1:
            found += [of("grid", kind, 20, RATES[kind, 20], seed=seed) for kind in ("residual", "plain")]
            found += [of("measured", "grown", 56, RATES["grown", 56], seed=seed),
                      of("measured", "pre-activation", 20, RATES["pre-activation", 20], seed=seed),
                      of("measured", "stochastic depth", 56, RATES["residual", 56], seed=seed)]
        if number < 2:
            found += [of("shared", kind, depth, SHARED[depth], seed=seed)
                      for kind in ("shared", "shared all") for depth in (20, 56)]
            found += [of("measured", kind, 56, RATES["residual", 56], seed=seed)
                      for kind in ("residual", "equal start", "equal start but 0.25", "equal start but 0.5")]
            found += [of("measured", "residual", 20, rate, scale=scale, seed=seed)
                      for scale, rate in ((0.25, 0.1), (4.0, 0.03))]
        if number < 3:
            found.append(of("measured", "plain", 20, RATES["plain", 20], seed=seed))
        found.append(of("measured", "residual", 20, RATES["residual", 20], seed=seed))
    return found


if __name__ == "__main__":
    runs.record("iteration", "Is a residual network an equation solved step by step?", configurations(), measure)
