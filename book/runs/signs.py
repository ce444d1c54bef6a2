"""Networks that read traffic signs: rare ones, signs in bad weather, and pictures that are no signs.

Groups of runs: "baselines", "rates" (two seeds, three learning rates, judged on films that were held out), "beyond"
(one larger rate, one seed), "dealt" (the same with single images held out instead of films), "networks" (five seeds,
each kind at its best rate), "raw" (images standardised all together and not one by one), "hardened" (half of the
training images spoiled in one way), "rare" (eleven classes, drawn by the seed, keep 9 of their 90 images), "unknown"
(these classes are left out) and "mistakes".
Needs the signs and CIFAR-10 (`make data DATA="signs cifar10"`).
"""

import base64
import statistics
import zlib
from collections.abc import Callable
from typing import Any

import numpy
import torch
from driving import descend
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, runs

signs = data.load("signs")
TRAIN, TEST = signs.pixels(signs.train_images), signs.pixels(signs.test_images)
LABELS, TRUTH = signs.train_labels, signs.test_labels
CLASSES = len(signs.classes)
STEPS, RATES = 300, [0.1, 0.3, 1.0]


def seen(pixels: Tensor) -> Tensor:
    """Each image with mean 0 and standard deviation 1."""
    deviation, mean = torch.std_mean(pixels, dim=(1, 2, 3), keepdim=True, correction=0)
    return (pixels - mean) / (deviation + 1e-7)


def fresh(kind: str, seed: int) -> nn.Module:
    return getattr(networks, kind)(8, in_channels=3, classes=CLASSES, width=16, stem_stride=2, seed=seed)


def trained(kind: str, pixels: Tensor, labels: Tensor, rate: float, seed: int,
            loss: Callable[..., Tensor] = functional.cross_entropy) -> nn.Module:
    return descend(fresh(kind, seed), seen(pixels), labels, loss, STEPS, rate, seed)


@torch.no_grad()
def logits(network: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([network(part) for part in images.split(256)])


def right(answers: Tensor, labels: Tensor = TRUTH) -> float:
    return 100 * float((answers.argmax(1) == labels).float().mean())


# Weather ----------------------------------------------------------------------------------------------------------

def fog(pixels: Tensor, s: float, generator: torch.Generator) -> Tensor:
    return (1 - s) * pixels + 0.8 * s


def darkness(pixels: Tensor, s: float, generator: torch.Generator) -> Tensor:
    return (1 - s) * pixels


def eight_bits(pixels: Tensor, s: float, generator: torch.Generator) -> Tensor:
    return (255 * (1 - s) * pixels).round() / 255


def mist(pixels: Tensor, s: float, generator: torch.Generator) -> Tensor:
    thick = s * torch.linspace(1, 0, pixels.shape[2])[:, None]
    return (1 - thick) * pixels + 0.8 * thick


def noise(pixels: Tensor, s: float, generator: torch.Generator) -> Tensor:
    return (pixels + 0.4 * s * torch.randn(pixels.shape, generator=generator)).clamp(0, 1)


def blur(pixels: Tensor, s: float, generator: torch.Generator) -> Tensor:
    at = torch.arange(-6, 7.0)
    bell = torch.exp(-(at / (3 * s))**2 / 2)
    kernel = (bell / bell.sum()).expand(3, 1, 1, 13)
    for pad, turned in (((6, 6, 0, 0), kernel), ((0, 0, 6, 6), kernel.transpose(2, 3))):
        pixels = functional.conv2d(functional.pad(pixels, pad, mode="replicate"), turned, groups=3)
    return pixels


def rain(pixels: Tensor, s: float, generator: torch.Generator) -> Tensor:
    drops = (torch.rand(len(pixels), 1, *pixels.shape[2:], generator=generator) < 0.06 * s).float()
    slope = torch.zeros(1, 1, 9, 9)
    for step in range(9):
        slope[0, 0, step, 2 + step // 2] = 0.7
    streaks = functional.conv2d(drops, slope, padding=4).clamp(max=0.9)
    return pixels + (0.8 - pixels) * streaks


def snow(pixels: Tensor, s: float, generator: torch.Generator) -> Tensor:
    pixels = pixels.clone()
    pixels[:, :, pixels.shape[2] - round(0.6 * s * pixels.shape[2]):] = 0.9
    return pixels


WEATHER = {"fog": fog, "darkness": darkness, "darkness in 8 bits": eight_bits, "mist": mist, "noise": noise,
           "blur": blur, "rain": rain, "snow": snow}
SEVERITIES = [0.25, 0.5, 0.75, 0.95]


def weathered(judge: Callable[[Tensor], Tensor], names: list[str]) -> dict[str, list[float]]:
    """Accuracy by weather and severity."""
    return {name: [right(judge(WEATHER[name](TEST, s, torch.Generator().manual_seed(7)))) for s in SEVERITIES]
            for name in names}


# What is no sign --------------------------------------------------------------------------------------------------

def strangers() -> dict[str, Tensor]:
    """Pixels of 1,000 pictures of each kind: photographs, noise, and soft spots of colour."""
    generator = torch.Generator().manual_seed(8)
    photographs = data.load("cifar10")
    coarse = torch.rand(1000, 3, 4, 4, generator=generator)
    return {"photographs": photographs.pixels(photographs.test_images[:1000]).clone(),
            "noise": torch.rand(1000, 3, 32, 32, generator=generator),
            "spots": functional.interpolate(coarse, size=32, mode="bicubic").clamp(0, 1)}


def confidence(network: nn.Module, others: dict[str, Tensor], own: Tensor) -> dict[str, dict[str, float]]:
    """How sure the network is of pictures that are not to be known, and how well that tells them from `own` logits."""
    found = {}
    for name, pixels in others.items():
        answers = logits(network, seen(pixels))
        truth = [1] * len(own) + [0] * len(answers)
        found[name] = {"sure": 100 * float((answers.softmax(1).amax(1) > 0.9).float().mean())}
        for score, by in (("softmax", lambda z: z.softmax(1).amax(1)), ("energy", lambda z: z.logsumexp(1))):
            found[name][score] = 100 * float(roc_auc_score(truth, torch.cat([by(own), by(answers)]).numpy()))
    return found


# The groups -------------------------------------------------------------------------------------------------------

def small(pixels: Tensor) -> numpy.ndarray:
    """Grey pictures of 16×16 pixels, each standardised, as rows."""
    return seen(functional.avg_pool2d(pixels.mean(1, keepdim=True), 2)).flatten(1).numpy()


def held_out(films: bool, seed: int = 0) -> Tensor:
    """Which training images are kept from training: the last 18 of each class, that is whole films, or any 18."""
    place = torch.arange(len(LABELS)) % 90
    if not films:
        generator = torch.Generator().manual_seed(seed)
        place = torch.cat([torch.randperm(90, generator=generator) for _ in range(CLASSES)])
    return place >= 72


def baselines(kind: str) -> dict:
    out = held_out(films=True)
    if kind == "ridge":
        score = {penalty: RidgeClassifier(penalty).fit(small(TRAIN[~out]), LABELS[~out].numpy())
                 .score(small(TRAIN[out]), LABELS[out].numpy()) for penalty in (10.0, 100.0, 1000.0, 10000.0)}
        model = RidgeClassifier(best := max(score, key=lambda penalty: score[penalty]))
    else:
        model, best = KNeighborsClassifier(1), 1
    model.fit(small(TRAIN), LABELS.numpy())
    return {"accuracy": 100 * float(model.score(small(TEST), TRUTH.numpy())), "setting": best}


def rates(kind: str, rate: float, seed: int, films: bool = True) -> dict:
    out = held_out(films, seed)
    network = trained(kind, TRAIN[~out], LABELS[~out], rate, seed)
    return {"held_out": right(logits(network, seen(TRAIN[out])), LABELS[out]),
            "test": right(logits(network, seen(TEST)))}


OTHERS: dict[str, Tensor] = {}


def networks_of(kind: str, rate: float, seed: int) -> dict:
    network = trained(kind, TRAIN, LABELS, rate, seed)
    own = logits(network, seen(TEST))
    probability, answer = own.softmax(1).max(1)
    found: dict[str, Any] = {}
    if kind == "residual":
        OTHERS.update(OTHERS or strangers())
        found = {"weather": weathered(lambda pixels: logits(network, seen(pixels)), list(WEATHER)),
                 "strangers": confidence(network, OTHERS, own)}
    return {"accuracy": right(own), "training": right(logits(network, seen(TRAIN)), LABELS),
            "answers": base64.b64encode(answer.to(torch.uint8).numpy().tobytes()).decode(),
            "sure": base64.b64encode(probability.half().numpy().tobytes()).decode(), **found}


def raw(rate: float, seed: int) -> dict:
    network = descend(fresh("residual", seed), signs.train_images, LABELS, functional.cross_entropy, STEPS, rate, seed)

    def judge(pixels: Tensor) -> Tensor:
        return logits(network, (pixels - signs.mean[:, None, None]) / signs.std[:, None, None])

    return {"accuracy": right(judge(TEST)), "weather": weathered(judge, ["fog", "darkness", "darkness in 8 bits"])}


def hardened(against: str, rate: float, seed: int) -> dict:
    generator = torch.Generator().manual_seed(3000 + seed)
    pixels = TRAIN.clone()
    for part in torch.randperm(len(pixels), generator=generator)[:len(pixels) // 2].chunk(4):
        pixels[part] = WEATHER[against](TRAIN[part], 0.2 + 0.7 * float(torch.rand((), generator=generator)), generator)
    network = trained("residual", pixels, LABELS, rate, seed)
    return {"accuracy": right(logits(network, seen(TEST))),
            "weather": weathered(lambda pixels: logits(network, seen(pixels)),
                                 ["mist", "noise", "blur", "rain", "snow"])}


def drawn(seed: int) -> Tensor:
    """Eleven classes."""
    return torch.randperm(CLASSES, generator=torch.Generator().manual_seed(4000 + seed))[:11]


def rare(remedy: str, rate: float, seed: int) -> dict:
    few = torch.isin(LABELS, drawn(seed))
    kept = (~few | (torch.arange(len(LABELS)) % 10 == 0)).nonzero()[:, 0]
    counts = LABELS[kept].bincount(minlength=CLASSES).float()
    prior = (counts / counts.sum()).log()
    loss: Callable[..., Tensor] = functional.cross_entropy
    if remedy == "weights":
        weights = counts.sum() / CLASSES / counts
        loss = lambda z, y: functional.cross_entropy(z, y, weight=weights)  # noqa: E731
    if remedy == "adjusted loss":
        loss = lambda z, y: functional.cross_entropy(z + prior, y)  # noqa: E731
    if remedy == "repeated":
        kept = kept.repeat_interleave((90 / counts[LABELS[kept]]).round().long())
    answers = logits(trained("residual", TRAIN[kept], LABELS[kept], rate, seed, loss), seen(TEST))
    scarce = torch.isin(TRUTH, drawn(seed))

    def recalls(answers: Tensor) -> dict:
        chosen = torch.isin(answers.argmax(1), drawn(seed))
        return {"rare": right(answers[scarce], TRUTH[scarce]), "common": right(answers[~scarce], TRUTH[~scarce]),
                "called_rare": 100 * float(chosen.float().mean())}

    return recalls(answers) | ({"moved": recalls(answers - prior)} if remedy == "none" else {})


def unknown(rate: float, seed: int) -> dict:
    """Classes that are left out, as strangers; the network keeps their outputs and never has a reason to use them."""
    left_out = torch.isin(LABELS, drawn(seed))
    network = trained("residual", TRAIN[~left_out], LABELS[~left_out], rate, seed)
    new = torch.isin(TRUTH, drawn(seed))
    own = logits(network, seen(TEST[~new]))
    return {"accuracy": right(own, TRUTH[~new]), **confidence(network, {"signs": TEST[new]}, own)["signs"]}


def mistakes(index: int) -> dict:
    levels = (255 * TEST[index]).round().to(torch.uint8).permute(1, 2, 0).contiguous()
    return {"label": int(TRUTH[index]), "pixels": base64.b64encode(zlib.compress(levels.numpy().tobytes(), 9)).decode()}


def truth() -> dict:
    return {"labels": base64.b64encode(TRUTH.to(torch.uint8).numpy().tobytes()).decode(),
            "classes": list(signs.classes), "training": len(LABELS)}


GROUPS: dict[str, Callable[..., dict]] = {
    "truth": truth, "baselines": baselines, "rates": rates, "beyond": rates, "dealt": rates,
    "networks": networks_of, "raw": raw,
    "hardened": hardened, "rare": rare, "unknown": unknown, "mistakes": mistakes}


def measure(group: str, **setting: Any) -> dict:
    return GROUPS[group](**setting)


def record(plan: list[dict]) -> runs.Study:
    return runs.record("signs", "What does a network that reads traffic signs do with what it has rarely seen?",
                       plan, measure)


def most_decided(found: runs.Study) -> list[int]:
    """The five test images that the residual networks get wrong most decidedly."""
    total = numpy.zeros(len(TRUTH))
    for run in found.select(group="networks", kind="residual"):
        answer = numpy.frombuffer(base64.b64decode(run["answers"]), numpy.uint8)
        total += (answer != TRUTH.numpy()) * numpy.frombuffer(base64.b64decode(run["sure"]), "<f2").astype(float)
    return [int(index) for index in (-total).argsort()[:5]]


if __name__ == "__main__":
    torch.set_num_threads(1)
    plan: list[dict] = [{"group": "truth"}, *({"group": "baselines", "kind": kind} for kind in ("ridge", "nearest"))]
    plan += [{"group": "rates", "kind": kind, "rate": rate, "seed": seed}
             for kind in ("residual", "plain") for rate in RATES for seed in (101, 102)]
    plan += [{"group": "beyond", "kind": kind, "rate": 3.0, "seed": 101} for kind in ("residual", "plain")]
    there = (runs.FOLDER / "signs.json").exists()
    before = [run["configuration"] for run in runs.load("signs").runs] if there else []
    found = record(plan + [configuration for configuration in before if configuration not in plan])
    best = {kind: max(RATES, key=lambda rate: statistics.mean(
        run["held_out"] for run in found.select(group="rates", kind=kind, rate=rate)))
        for kind in ("residual", "plain")}
    rate = best["residual"]
    plan += [{"group": "dealt", "kind": "residual", "rate": rate, "seed": seed, "films": False} for seed in (101, 102)]
    for seed in range(1, 6):
        plan += [{"group": "networks", "kind": kind, "rate": best[kind], "seed": seed}
                 for kind in ("residual", "plain")]
        if seed < 4:
            plan += [{"group": "rare", "remedy": remedy, "rate": rate, "seed": seed}
                     for remedy in ("none", "weights", "repeated", "adjusted loss")]
            plan += [{"group": group, "rate": rate, "seed": seed} for group in ("unknown", "raw")]
        if seed < 3:
            plan += [{"group": "hardened", "against": against, "rate": rate, "seed": seed}
                     for against in ("noise", "blur", "rain", "snow")]
    found = record(plan + [configuration for configuration in before if configuration not in plan])
    record([*plan, *({"group": "mistakes", "index": index} for index in most_decided(found))])
