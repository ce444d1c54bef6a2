"""Digits: how alike two networks' features are block by block (CKA), with other seeds as the yardstick."""

import statistics
from functools import cache

import torch
from torch import Tensor
from trainability import dealt

from resnet_lib import chaos, networks, runs, surgery, training

SHALLOW, DEEP = range(221, 231), range(221, 226)  # each is compared with the next one, the last with the first
RATES = {("plain", 20): 0.1, ("residual", 20): 0.1, ("plain", 56): 0.1, ("residual", 56): 0.03, ("bias 1", 56): 0.01}
# best of the studies degradation and batch_norm_bias, which have other seeds
KINDS = {20: ("residual", "plain"), 56: ("residual", "plain", "bias 1")}
split = cache(dealt)


def fresh(kind: str, depth: int, seed: int) -> networks.Network:
    network = (networks.residual if kind == "residual" else networks.plain)(depth, in_channels=1, seed=seed)
    if kind == "bias 1":
        chaos.set_bias(network, 1.0)
    return network


@cache
def made(kind: str, depth: int, deal: int, seed: int, train: bool) -> tuple[networks.Network, float]:
    """A network of this seed, before or after training on this deal of the digits, and its test error."""
    network, dataset = fresh(kind, depth, seed), split(deal)
    error = float("nan")
    if train:
        history = training.fit(network, dataset, learning_rate=RATES[kind, depth], seed=seed, progress=False)
        error = history.test_error[-1]
    else:
        surgery.recalibrate(network, dataset.train_images)
    return network.eval(), error


# Centred kernel alignment -----------------------------------------------------------------------------------------

def inner_products(features: Tensor) -> Tensor:
    """All inner products of N images' features, N×N, in double precision."""
    features = features.flatten(1).double()
    return features @ features.T


def hsic(first: Tensor, second: Tensor) -> Tensor:
    """The Hilbert-Schmidt independence criterion of two N×N tables, up to a constant factor."""
    centre = torch.eye(len(first), dtype=first.dtype) - 1 / len(first)
    return (centre @ first @ centre * second).sum()


def hsic_unbiased(first: Tensor, second: Tensor) -> Tensor:
    """Its unbiased estimate (Song et al. 2012, eq. 5), up to the same kind of factor; no image with itself."""
    n = len(first)
    a, b = first - first.diag().diag(), second - second.diag().diag()
    return (a * b).sum() + a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2 * (a.sum(0) @ b.sum(0)) / (n - 2)


def cka(first: Tensor, second: Tensor, estimate=hsic_unbiased) -> float:
    """Linear CKA of two N×N tables of inner products (Kornblith et al. 2019, eq. 4)."""
    own = (estimate(first, first) * estimate(second, second)).sqrt()
    return (estimate(first, second) / own).item()


@torch.no_grad()
def tables(network: networks.Network, images: Tensor) -> list[Tensor]:
    """Tables of inner products after the stem and after every block."""
    x = network.stem(images)
    found = [inner_products(x)]
    for block in network.blocks():
        x = block(x)
        found.append(inner_products(x))
    return found


def across(first: list[Tensor], second: list[Tensor]) -> list[float]:
    """CKA at equal depth."""
    return [cka(one, other) for one, other in zip(first, second)]


# What the study measures ------------------------------------------------------------------------------------------

def compared(depth: int, seed: int) -> dict:
    """Two networks of each kind on one deal of the digits, before and after training, block by block."""
    seeds = SHALLOW if depth == 20 else DEEP
    other = seeds[(seed - seeds[0] + 1) % len(seeds)] + 50
    dataset = split(seed)
    images = dataset.test_images
    pixels = inner_products(images)
    tabled, found = {}, {}
    for kind in KINDS[depth]:
        for which, number in (("", seed), (", other seed", other)):
            network, error = made(kind, depth, seed, number, True)
            tabled[kind + which] = tables(network, images)
            found[f"test error, {kind}{which}"] = error
            if not which:
                network = made(kind, depth, seed, number, False)[0]
                tabled[f"untrained {kind}"] = tables(network, images)
    pairs = [(kind, f"{kind}, other seed") for kind in KINDS[depth]]
    pairs += [(kind, f"untrained {kind}") for kind in KINDS[depth]]
    pairs += [(KINDS[depth][0], kind) for kind in KINDS[depth][1:]]
    found["equal depth"] = {f"{one} / {two}": across(tabled[one], tabled[two]) for one, two in pairs}
    found["pixels"] = {name: [cka(table, pixels) for table in every] for name, every in tabled.items()
                       if "other" not in name}
    for name, every in tabled.items():
        if "other" in name:
            continue
        half = {(i, j): cka(every[i], every[j]) for i in range(len(every)) for j in range(i + 1)}
        grid = [[half[max(i, j), min(i, j)] for j in range(len(every))] for i in range(len(every))]
        off = [grid[i][j] for i in range(len(grid)) for j in range(i)]
        found.setdefault("grid", {})[name] = {
            "mean": statistics.mean(off), "neighbours": statistics.median(grid[i][i + 1] for i in range(len(grid) - 1)),
            "first to last": grid[0][-1]}
        if seed == seeds[0]:
            found["grid"][name]["table"] = [[round(value, 3) for value in row] for row in grid]
    return found


def bias(seed: int) -> dict:
    """CKA of two networks' last features on images that do not belong together: it ought to be 0."""
    dataset = split(seed)
    first, second = (made("residual", 20, seed, number, True)[0] for number in (seed, bias_other(seed)))
    images = torch.cat([dataset.test_images, dataset.train_images])
    found: dict = {}
    with torch.no_grad():
        states = [[], []]
        for place, network in enumerate((first, second)):
            x = network.stages[0](network.stem(images))
            states[place] = [x.flatten(1), network.stages[2](network.stages[1](x)).flatten(1)]
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    for count in (8, 16, 32, 64, 128, 256, 512):
        here, elsewhere = order[:count], order[count:2 * count]
        for stage, name in enumerate(("stage 1", "stage 3")):
            one = inner_products(states[0][stage][here])
            for what, chosen in (("same images", here), ("other images", elsewhere)):
                two = inner_products(states[1][stage][chosen])
                found.setdefault(f"{name}, {what}", []).append([cka(one, two, hsic), cka(one, two)])
    return found


def bias_other(seed: int) -> int:
    return SHALLOW[(seed - SHALLOW[0] + 1) % len(SHALLOW)] + 50


def directions(seed: int) -> dict:
    """The last feature maps of residual-20 without their largest or smallest principal directions: CKA and accuracy."""
    dataset = split(seed)
    network = made("residual", 20, seed, seed, True)[0]
    with torch.no_grad():
        train, test = (network.stages(network.stem(images)).mean((2, 3))
                       for images in (dataset.train_images, dataset.test_images))
        mean = train.mean(0)
        values, vectors = torch.linalg.eigh((train - mean).T.cov())
        vectors, whole = vectors.flip(1), inner_products(test)
        found: dict = {"variance": (values.flip(0) / values.sum()).tolist()[:16]}
        for count in (1, 2, 4, 6, 8, 9, 10, 16, 32):
            for name, chosen in (("only the largest", vectors[:, :count]), ("without the largest", vectors[:, count:])):
                kept = (test - mean) @ chosen @ chosen.T + mean
                right = (network.classifier(kept).argmax(1) == dataset.test_labels).float().mean().item()
                found.setdefault(name, []).append([count, cka(whole, inner_products(kept)), 100 * right])
    return found


MEASURES = {"compared": compared, "bias": bias, "directions": directions}


def measure(part: str, **setting: int) -> dict:
    return MEASURES[part](**setting)


if __name__ == "__main__":
    torch.set_num_threads(1)
    shallow = [[{"part": "compared", "depth": 20, "seed": seed}, {"part": "bias", "seed": seed},
                {"part": "directions", "seed": seed}] for seed in SHALLOW]
    deep = [{"part": "compared", "depth": 56, "seed": seed} for seed in DEEP]
    plan = [*sum(shallow[:5], []), *deep, *sum(shallow[5:], [])]
    runs.record("similarity", "What does CKA see of a network: its skips, its training, its failure?", plan, measure)
