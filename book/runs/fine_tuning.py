"""Networks of practice/fine-tuning: trained for one task, used for another with few labelled images a class.

Four cases, from the source to the target: "fonts", digits drawn in matplotlib's fonts to scikit-learn's; "digits", 0–4
to 5–9; "mnist", the same with MNIST; "signs", CIFAR-10 (the recorded residual-20) to traffic signs. Needs MNIST
(`make data DATA=mnist`) and GTSRB in torchvision's layout, of which it takes the images that are there; downloads
nothing. Learning rates are chosen with seeds of their own, on labelled images that no other run and no test uses.
"""

import copy
import csv
import statistics
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from resnet_lib import data, networks, runs, surgery, training, transfer, weights

RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
RANDOM = {"scratch": "full", "random, last stage": "last stage"}  # with an untrained network; all others have a trained
ALL = (*RANDOM, *transfer.METHODS)
MAIN = (*RANDOM, "last stage", "full")
CASES = {"fonts": ((1, 3, 10, 30, 100), ALL), "digits": ((1, 3, 10, 30, 100), MAIN),  # labelled images a class, methods
         "mnist": ((1, 3, 10, 100), ALL), "signs": ((1, 3, 10), MAIN)}
HELD_BACK = {"signs": 8}  # labelled images a class on which learning rates are chosen; 30 elsewhere
TUNING = (101, 102)  # seeds with which they are chosen; for larger images one of them
SEEDS = {"fonts": 10, "digits": 10, "mnist": 3, "signs": 3}


def standardised(pixels: Tensor, source: data.Dataset) -> Tensor:
    """Pixels in [0, 1] as the network of the source expects them."""
    return (pixels - data.per_pixel(source.mean)) / data.per_pixel(source.std)


def drawn(digits: data.Dataset, seed: int) -> data.Dataset:
    """4,000 drawn digits to train with and 500 to test."""
    pixels, labels = transfer.glyphs(4500, seed)
    std, mean = torch.std_mean(pixels[:4000], (0, 2, 3), correction=0)
    source = replace(digits, name="drawn", mean=mean, std=std)
    images = standardised(pixels, source)
    return replace(source, train_images=images[:4000], train_labels=labels[:4000],
                   test_images=images[4000:], test_labels=labels[4000:])


@cache
def signs(least: int = 18) -> data.Dataset:
    """GTSRB's classes with at least so many tracks, cut to the sign and scaled to 32×32, pixels in [0, 1].

    A track is one sign, filmed from a passing car. Its last image, the nearest, is taken for training, so that no two
    images show the same sign.
    """
    below = data.folder() / "gtsrb"

    def read(path: Path) -> Tensor:
        with Image.open(path) as picture:
            margin = max(5, min(picture.size) // 10)  # what the collection leaves around a sign
            box = (margin, margin, picture.size[0] - margin, picture.size[1] - margin)
            small = picture.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR, box)
        return torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).reshape(32, 32, 3).permute(2, 0, 1) / 255

    train: list[tuple[Tensor, int]] = []
    for place in sorted((below / "GTSRB/Training").iterdir()):
        last = {path.name[:5]: path for path in sorted(place.glob("*.ppm"))}
        train += [(read(path), int(place.name)) for path in last.values()]
    with open(below / "GT-final_test.csv", encoding="utf-8") as file:
        rows = {row["Filename"]: int(row["ClassId"]) for row in csv.DictReader(file, delimiter=";")}
    test = [(read(path), rows[path.name]) for path in sorted((below / "GTSRB/Final_Test/Images").glob("*.ppm"))]
    images, test_images = (torch.stack([image for image, _ in part]) for part in (train, test))
    labels, test_labels = (torch.tensor([label for _, label in part]) for part in (train, test))
    every = data.Dataset("signs", images, labels, test_images, test_labels, tuple(map(str, range(43))), torch.zeros(3),
                         torch.ones(3), "https://benchmark.ini.rub.de/", "none found")
    return transfer.only(every, [label for label in range(43) if (labels == label).sum() >= least])


@cache
def photographs() -> data.Dataset:
    """500 test images of CIFAR-10 (training images are not needed)."""
    return data.load("cifar10").subset(1, 500, seed=0)


def case(name: str, seed: int) -> tuple[networks.Network, data.Dataset, data.Dataset]:
    """A network trained for the source, the source, and the target standardised as the source."""
    if name == "signs":
        trained = weights.load(runs.FOLDER / "cifar10-residual-20-quick-1.pt")
        source, target = photographs(), signs()
        return trained.network, source, replace(
            target, train_images=trained.standardise(target.train_images),
            test_images=trained.standardise(target.test_images))
    whole = data.load("mnist" if name == "mnist" else "digits")
    if name == "fonts":
        source = drawn(whole, seed)
        target = replace(whole, **{part: standardised(whole.pixels(getattr(whole, part)), source)
                                   for part in ("train_images", "test_images")})
    else:
        source, target = (transfer.only(whole, chosen) for chosen in (range(5), range(5, 10)))
    epochs, stride = {"fonts": 3, "digits": 8, "mnist": 2}[name], 1
    if name == "mnist":
        stride, source, target = 2, source.subset(4000, 500, seed), target.subset(3000, 1000, seed=0)
    network = networks.residual(8, 1, len(source.classes), stem_stride=stride, seed=seed)
    training.fit(network, source, epochs=epochs, seed=seed)
    return network.eval(), source, target


def untrained(name: str, seed: int, images: Tensor) -> networks.Network:
    """A network as of the case, with random weights and the batch statistics of these images."""
    depth, channels, stride = (20, 3, 1) if name == "signs" else (8, 1, 2 if name == "mnist" else 1)
    network = networks.residual(depth, channels, stem_stride=stride, seed=1000 + seed)
    surgery.recalibrate(network, images[:1000])
    return network.eval()


def accuracy(network: networks.Network, images: Tensor, labels: Tensor) -> float:
    """Per cent that are right."""
    return 100 - training.evaluate(network, images, labels)[1]


class Bench:
    """A case with one seed: the networks to start from, and the target's images in three parts."""

    def __init__(self, name: str, seed: int):
        self.seed = seed
        self.network, self.source, target = case(name, seed)
        held = transfer.few(target.train_labels, HELD_BACK.get(name, 30), 0)
        rest = torch.ones(len(target.train_labels), dtype=torch.bool)
        rest[held] = False
        self.pool = target.train_images[rest], target.train_labels[rest]
        self.held = target.train_images[held], target.train_labels[held]
        self.test = target.test_images, target.test_labels
        self.classes = len(target.classes)
        self.random = untrained(name, seed, self.pool[0])

    def drawn(self, each: int) -> tuple[Tensor, Tensor]:
        """So many labelled images a class."""
        chosen = transfer.few(self.pool[1], each, self.seed)
        return self.pool[0][chosen], self.pool[1][chosen]

    def tuned(self, method: str, images: Tensor, labels: Tensor, rate: float,
              steps: int = 60) -> tuple[networks.Network, float]:
        """A network made for the target, and the processor time of its training in seconds."""
        network = transfer.prepared(self.random if method in RANDOM else self.network, self.classes, self.seed)
        if method == "LoRA":
            transfer.add_low_rank(network, seed=self.seed)
        start = time.process_time()
        transfer.tune(network, images, labels, RANDOM.get(method, method), rate, steps=steps,
                      seed=self.seed)
        return network, time.process_time() - start

    def old(self, network: networks.Network) -> float:
        """Accuracy on the source, with the source's classifier on the tuned network."""
        back = copy.copy(network)
        back._modules = {**network._modules, "classifier": self.network.classifier}
        return accuracy(back, self.source.test_images, self.source.test_labels)


def rates(name: str, seed: int) -> dict:
    """Accuracy on the images held back for this purpose: for each number of labels and method, one a rate."""
    bench = Bench(name, seed)
    return {str(each): {method: [accuracy(bench.tuned(method, *bench.drawn(each), rate)[0], *bench.held)
                                 for rate in RATES] for method in CASES[name][1]}
            for each in (3, 30)[:1 if name == "signs" else 2]}


def best(name: str, method: str, each: int) -> float:
    """The rate that was best with 3 labels a class for up to 10 of them, and with 30 for more."""
    found = [results[str(3 if each <= 10 else 30)][method]
             for results in runs.load("fine_tuning").select(part="rates", case=name)]
    means = [statistics.mean(values) for values in zip(*found)]
    return RATES[means.index(max(means))]


@torch.no_grad()
def baselines(bench: Bench, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Accuracy of methods without a learning rate, on pixels and on what networks make of them."""
    recalibrated = copy.deepcopy(bench.network)
    surgery.recalibrate(recalibrated, bench.pool[0][:1000])
    views = {"pixels": lambda x: x.flatten(1), "probe": bench.network.features,
             "probe, statistics of the target": recalibrated.eval().features, "random, probe": bench.random.features}
    found = {}
    for view, look in views.items():
        seen, asked = (torch.cat([look(part) for part in x.split(256)]).numpy() for x in (images, bench.test[0]))
        linear = LogisticRegression(max_iter=1000, tol=1e-3).fit(seen, labels.numpy())
        found[view] = 100 * linear.score(asked, bench.test[1].numpy())
        if view == "pixels":
            near = KNeighborsClassifier(1).fit(seen, labels.numpy())
            found["nearest"] = 100 * near.score(asked, bench.test[1].numpy())
    return found


def curves(name: str, seed: int) -> dict:
    """Test accuracy by number of labels and method, with accuracy on the source and seconds where there are any."""
    bench = Bench(name, seed)
    found: dict[str, Any] = {"source": accuracy(bench.network, bench.source.test_images, bench.source.test_labels)}
    if name == "fonts":
        recalibrated = copy.deepcopy(bench.network)
        surgery.recalibrate(recalibrated, bench.pool[0])
        found |= {"no label": accuracy(bench.network, *bench.test),
                  "no label, statistics of the target": accuracy(recalibrated, *bench.test)}
    for each in CASES[name][0]:
        images, labels = bench.drawn(each)
        results = {method: {"accuracy": value} for method, value in baselines(bench, images, labels).items()}
        for method in CASES[name][1]:
            rate = best(name, method, each)
            network, seconds = bench.tuned(method, images, labels, rate)
            results[method] = {"accuracy": accuracy(network, *bench.test), "rate": rate, "seconds": seconds}
            if method not in RANDOM:
                results[method]["old"] = bench.old(network)
        found[str(each)] = results
    return found


def choice(name: str, seed: int) -> dict:
    """All rates: test accuracy, accuracy on the source, and what three-fold cross-validation on the labels says."""
    bench, found = Bench(name, seed), dict[str, Any]()
    for each, methods in ((3, ("full",)), (10, ("full", "frozen statistics"))):
        images, labels = bench.drawn(each)
        found[str(each)] = {}
        for method in methods:
            tuned = [bench.tuned(method, images, labels, rate)[0] for rate in RATES]
            found[str(each)][method] = {"accuracy": [accuracy(network, *bench.test) for network in tuned],
                                        "old": [bench.old(network) for network in tuned]}
        if each == 3:  # they come class by class, so that every third one is one of each class
            fold = torch.arange(len(images)) % 3
            found["3"]["full"]["folds"] = [statistics.mean(
                accuracy(bench.tuned("full", images[fold != one], labels[fold != one], rate)[0],
                         images[fold == one], labels[fold == one]) for one in range(3)) for rate in RATES]
    return found


def longer(name: str, seed: int) -> dict:
    """Test accuracy with four times as many steps, at the rates that were chosen for 60."""
    bench = Bench(name, seed)
    return {str(each): {method: accuracy(bench.tuned(method, *bench.drawn(each), best(name, method, each), 240)[0],
                                         *bench.test) for method in ("scratch", "full")} for each in (3, 100)}


def measure(part: str, case: str, seed: int) -> dict:
    return {"rates": rates, "curves": curves, "choice": choice, "longer": longer}[part](case, seed)


if __name__ == "__main__":
    order = [("rates", name, seed) for name in CASES for seed in TUNING[:1 if name in ("mnist", "signs") else 2]]
    for seed in range(1, 11):
        order += [("curves", name, seed) for name, seeds in SEEDS.items() if seed <= seeds]
        order += [("choice", "fonts", seed)] + [("longer", "fonts", seed)] * (seed <= 2)
    runs.record("fine_tuning",
                "When does a trained network pay for another task, and what of it should be trained again?",
                [{"part": part, "case": name, "seed": seed} for part, name, seed in order], measure)
