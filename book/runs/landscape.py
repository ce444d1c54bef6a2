"""Digits: the loss around networks of 20 and 56 layers, with stored and with recomputed batch-norm statistics.

Each network is measured where its training first passes given losses, and at its end. Seeds and deals of the images
that no other study uses; rates that other studies found best with other seeds.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from trainability import dealt

from resnet_lib import chaos, landscape, networks, runs, training

SEEDS = range(201, 211)
RATES = {("plain", 20): 0.1, ("residual", 20): 0.1, ("plain", 56): 0.1, ("bias 1", 56): 0.01,
         ("residual", 56): 0.03}  # by the studies degradation and batch_norm_bias
LEVELS = {20: (0.3, 0.03), 56: (1.5, 0.3, 0.03)}
IMAGES, DIRECTIONS = 256, (1, 2, 3)
STEPS = [step / 6 for step in range(-6, 7)]
GRID = [step / 6 for step in range(-6, 7)]
FACTORS = (1.1, 2**0.5, 2.0)


def start(kind: str, depth: int, seed: int) -> networks.Network:
    network = (networks.residual if kind == "residual" else networks.plain)(depth, in_channels=1, seed=seed)
    if kind == "bias 1":
        chaos.set_bias(network, 1.0)
    return network


class Watched:
    """A training that keeps the weights at every fourth step, and the network where the loss first passes a level.

    The loss is measured at every second step, on the same training images, with recomputed statistics; it and its mean
    over three measurements have to be below the level.
    """

    def __init__(self, kind: str, depth: int, seed: int) -> None:
        self.dataset, self.network = dealt(seed), start(kind, depth, seed)
        self.images = self.dataset.train_images[:IMAGES].to(memory_format=torch.channels_last)
        self.labels = self.dataset.train_labels[:IMAGES]
        self.levels, self.losses, self.points = LEVELS[depth], list[float](), list[Tensor]()
        self.passed: dict[float, tuple[int, float, nn.Module]] = {}
        history = training.fit(self.network, self.dataset, learning_rate=RATES[kind, depth], seed=seed,
                               before_step=self.look, progress=False)
        self.keep(len(self.losses))
        self.end = {"train_loss": history.final_train_loss, "test_error": history.test_error[-1]}

    def keep(self, number: int) -> None:
        self.losses.append(landscape.loss(self.network, self.images, self.labels, recomputed=True))
        if number % 2 == 0:
            self.points.append(torch.cat([weight.detach().flatten() for weight in self.network.parameters()]))

    def look(self, network: nn.Module, step: int, learning_rate: float) -> None:
        if step % 2:
            return
        self.keep(step // 2)
        highest = max(self.losses[-1], sum(self.losses[-3:]) / len(self.losses[-3:]))
        for level in self.levels:
            if level not in self.passed and highest <= level:
                self.passed[level] = step, learning_rate, copy.deepcopy(network)

    def places(self) -> Iterator[tuple[str, dict, nn.Module]]:
        for level, (step, rate, network) in self.passed.items():
            yield str(level), {"step": step, "rate": rate}, network
        yield "end", {}, self.network


def rays(watched: Watched, network: nn.Module, recomputed: bool) -> list[list[float]]:
    return [landscape.ray(network, watched.images, watched.labels, landscape.direction(network, seed), STEPS,
                          recomputed) for seed in DIRECTIONS]


def scaled(network: nn.Module) -> landscape.Direction:
    """The direction in which every filter of a convolution grows, and nothing else happens."""
    return [weight.detach() * (weight.ndim == 4) for weight in landscape.weights(network)]


@torch.no_grad()
def growth(watched: Watched, network: networks.Network, radius: float = 1.0) -> list[float]:
    """Standard deviation after the stem and each block with stored statistics, over that before the weights moved."""
    network.eval()
    before = chaos.states(network, watched.images)
    with landscape.moved(network, (landscape.direction(network, DIRECTIONS[0]), radius)):
        after = chaos.states(network, watched.images)
    return [(moved.std() / old.std()).item() for moved, old in zip(after, before)]


@torch.no_grad()
def partly(watched: Watched, network: nn.Module, fresh: tuple[str, ...]) -> list[float]:
    """The loss at distance 1 when only batch normalisations whose names begin so recompute their statistics."""
    found = []
    for seed in DIRECTIONS:
        changed = copy.deepcopy(network).eval()
        for name, module in changed.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train(name.startswith(fresh))
        with landscape.moved(changed, (landscape.direction(changed, seed), 1.0)):
            found.append(functional.cross_entropy(changed(watched.images), watched.labels).item())
    return found


def shadow(watched: Watched) -> dict:
    """Principal components of the path, its steps, and the loss on it and on its shadow in their plane."""
    points = torch.stack(watched.points)
    centre, network = points.mean(0), copy.deepcopy(watched.network)
    moves = points[1:] - points[:-1]
    _, _, components = torch.linalg.svd(points - centre, full_matrices=False)
    coordinates = (points - centre) @ components[:2].T
    below = []
    for place in coordinates:
        nn.utils.vector_to_parameters(centre + place @ components[:2], network.parameters())
        below.append(landscape.loss(network, watched.images, watched.labels, recomputed=True))
    return {"shares": landscape.shares(points)[:3].tolist(), "steps": moves.norm(dim=1).tolist(),
            "cosines": functional.cosine_similarity(moves[:-1], moves[1:]).tolist(),
            "coordinates": coordinates.tolist(), "losses": watched.losses[::2], "shadow": below}


def measure(kind: str, depth: int, seed: int) -> dict:
    watched = Watched(kind, depth, seed)
    places = {}
    for name, found, network in watched.places():
        size = (watched.images, watched.labels)
        eigenvalues = landscape.curvature(network, *size, steps=6)
        places[name] = {**found, "loss": landscape.loss(network, *size, recomputed=True), "top": eigenvalues[1],
                        "rays": rays(watched, network, recomputed=True)}
    network = watched.network
    larger = {"stored": [], "recomputed": []}
    for how, found in larger.items():
        found += landscape.ray(network, watched.images, watched.labels, scaled(network),
                               [factor - 1 for factor in FACTORS], how == "recomputed")
    fresh = {"none": ("nothing",), "stem": ("stem",), "stage 1": ("stages.0",), "stage 2": ("stages.1",),
             "stage 3": ("stages.2",), "stem and stage 1": ("stem", "stages.0"),
             "all but stage 3": ("stem", "stages.0", "stages.1"), "stages 2 and 3": ("stages.1", "stages.2"),
             "all": ("stem", "stages")}
    return {**watched.end, "places": places, "stored": rays(watched, network, recomputed=False), "larger": larger,
            "growth": growth(watched, network), "partly": {name: partly(watched, network, parts)
                                                           for name, parts in fresh.items()},
            "path": shadow(watched), **({"plane": plane(watched)} if seed == SEEDS[0] else {})}


def plane(watched: Watched) -> dict:
    axes = landscape.direction(watched.network, 1), landscape.direction(watched.network, 2)
    return {name: landscape.plane(watched.network, watched.images, watched.labels, axes, GRID, recomputed)
            for name, recomputed in (("stored", False), ("recomputed", True))}


def configurations() -> list[dict]:
    return [{"kind": kind, "depth": depth, "seed": seed} for number, seed in enumerate(SEEDS)
            for kind, depth in RATES if depth == 20 or number < 2]


if __name__ == "__main__":
    runs.record("landscape", "Is the loss of a plain network rougher, or is its picture?", configurations(), measure)
