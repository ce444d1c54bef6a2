"""Networks that read the X-rays of PneumoniaMNIST, what else reads them, and what a planted marker makes of a network.

Groups of runs: "images" (for those who have not got the data: labels, distances between the parts, twelve images and
those that networks get wrong), "baselines", "rates" (two seeds, three learning rates), "networks" (ten seeds, five of
the deep ones, each at the rate with the highest mean validation AUC), "balanced" (as many healthy as ill children in
training), "parts" (pixels of the border or of the middle alone), "swapped" (the border is that of another child),
"marker" and "one logit" (a white square of 3×3 pixels on some of the training images). Needs the X-rays
(`make data DATA=x_rays`).
"""

import base64
import statistics
import zlib
from dataclasses import replace

import numpy
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, runs, training

x_rays, validation = data.load("x_rays"), data.load("x_rays", test_part="validation")
PARTS = {"validation": (validation.test_images, validation.test_labels),
         "test": (x_rays.test_images, x_rays.test_labels)}
KINDS = [("residual", 8), ("plain", 8), ("residual", 20), ("plain", 20)]
RATES = [0.03, 0.1, 0.3]
SHOWN = [*(x_rays.test_labels == 0).nonzero()[:6, 0].tolist(), *(x_rays.test_labels == 1).nonzero()[:6, 0].tolist()]
MARKED = (x_rays.test_labels == 1).nonzero()[:40, 0]  # ill children on whose images the heat maps are measured
WHITE = float((1 - x_rays.mean) / x_rays.std)
REGIONS = {"corner": 8, "quarter": 14}  # sides of the squares around the marker in which heat is counted


def measure(group: str, **setting) -> dict:
    return GROUPS[group](**setting)


def packed(values: numpy.ndarray) -> str:
    """Numbers in half precision, written in base64."""
    return base64.b64encode(numpy.asarray(values, dtype="<f2").tobytes()).decode()


def aucs(scores: dict[str, numpy.ndarray]) -> dict[str, float]:
    """The AUC in per cent of both parts."""
    return {part: 100 * float(roc_auc_score(labels, scores[part])) for part, (_, labels) in PARTS.items()}


# The data ---------------------------------------------------------------------------------------------------------

def images(what: str | int) -> dict:
    if what == "labels":
        return {part: "".join(map(str, labels.tolist())) for part, (_, labels) in PARTS.items()} | {
            "training_images": len(x_rays.train_labels), "training_ill": int(x_rays.train_labels.sum())}
    if what == "distances":  # of each image to the nearest training image: root mean square over pixels, in deviations
        nearest = NearestNeighbors(n_neighbors=1).fit(x_rays.train_images.flatten(1).double().numpy())
        return {part: [round(float(distance) / 28, 4) for distance in
                       nearest.kneighbors(pictures.flatten(1).double().numpy())[0][:, 0]]
                for part, (pictures, _) in PARTS.items()}
    pixels = (x_rays.pixels(x_rays.test_images[what]) * 255).round().to(torch.uint8)
    return {"label": int(x_rays.test_labels[what]),
            "pixels": base64.b64encode(zlib.compress(pixels.numpy().tobytes(), 9)).decode()}


# What reads them --------------------------------------------------------------------------------------------------

def baselines(kind: str) -> dict:
    """Logistic regression or nearest neighbours on pixels, its one setting chosen on the validation part."""
    regression = kind == "logistic regression"
    found = []
    for setting in [1e-4, 1e-3, 1e-2, 1e-1, 1.0] if regression else [1, 5, 20, 50, 100]:
        model = LogisticRegression(C=setting, max_iter=5000) if regression else KNeighborsClassifier(setting)
        model.fit(x_rays.train_images.flatten(1).numpy(), x_rays.train_labels.numpy())
        judge = model.decision_function if regression else lambda pixels, model=model: model.predict_proba(pixels)[:, 1]
        scores = {part: judge(pictures.flatten(1).numpy()) for part, (pictures, _) in PARTS.items()}
        found.append({"setting": setting, "auc": aucs(scores), **{part: packed(scores[part]) for part in PARTS}})
    return max(found, key=lambda one: one["auc"]["validation"])


def train(kind: str, depth: int, learning_rate: float, seed: int, dataset: data.Dataset = x_rays) -> nn.Module:
    network = getattr(networks, kind)(depth, in_channels=1, classes=2, width=8, stem_stride=2, seed=seed)
    training.fit(network, dataset, epochs=4, learning_rate=learning_rate, seed=seed)
    return network.eval()


@torch.no_grad()
def logits(network: nn.Module, pictures: Tensor) -> numpy.ndarray:
    """The logit of "pneumonia" less that of "healthy": the logarithm of the odds."""
    answers = torch.cat([network(part) for part in pictures.split(128)])
    return (answers[:, 1] - answers[:, 0]).numpy()


def judged(network: nn.Module) -> dict[str, numpy.ndarray]:
    return {part: logits(network, pictures) for part, (pictures, _) in PARTS.items()}


def rates(**setting) -> dict:
    return {"auc": aucs(judged(train(**setting)))}


def trained(**setting) -> dict:
    scores = judged(train(**setting))
    return {"auc": aucs(scores), **{part: packed(values) for part, values in scores.items()}}


def balanced(**setting) -> dict:
    """Images of healthy children are repeated until there are as many as of ill ones."""
    healthy, ill = ((x_rays.train_labels == label).nonzero()[:, 0] for label in (0, 1))
    again = healthy.repeat(-(-len(ill) // len(healthy)))[:len(ill)]
    chosen = torch.cat([again, ill])
    dataset = replace(x_rays, train_images=x_rays.train_images[chosen], train_labels=x_rays.train_labels[chosen])
    scores = judged(train(**setting, dataset=dataset))
    return {"auc": aucs(scores), **{part: packed(values) for part, values in scores.items()}}


def parts(keep: str, border: int, **setting) -> dict:
    """All pixels but those of the border (`keep`: "border"), or but those inside it ("middle"), are made grey."""
    inside = torch.zeros(28, 28)
    inside[border:28 - border, border:28 - border] = 1
    mask = inside if keep == "middle" else 1 - inside
    network = train(**setting, dataset=replace(x_rays, train_images=x_rays.train_images * mask,
                                               test_images=x_rays.test_images * mask))
    return {"auc": aucs({part: logits(network, pictures * mask) for part, (pictures, _) in PARTS.items()})}


def swapped(**setting) -> dict:
    """AUCs with borders of 1, 2 and 4 pixels taken from another test image: of the same class, or of the other one."""
    network = train(**setting)
    pictures, labels = PARTS["test"]
    random = torch.Generator().manual_seed(2000 + setting["seed"])
    kinds = [(labels == label).nonzero()[:, 0] for label in (0, 1)]
    found: dict[str, list[float]] = {"same": [], "other": []}
    for border in (1, 2, 4):
        for name, other in (("same", 0), ("other", 1)):
            giver = torch.stack([kinds[label ^ other][torch.randint(len(kinds[label ^ other]), (), generator=random)]
                                 for label in labels.tolist()])
            mixed = pictures[giver].clone()
            inside = slice(border, 28 - border)
            mixed[:, :, inside, inside] = pictures[:, :, inside, inside]
            found[name].append(100 * float(roc_auc_score(labels, logits(network, mixed))))
    return found


# The marker -------------------------------------------------------------------------------------------------------

def marked(pictures: Tensor) -> Tensor:
    """The images with a white square of 3×3 pixels near the upper left corner."""
    pictures = pictures.clone()
    pictures[:, :, 2:5, 2:5] = WHITE
    return pictures


def planted(ill: float, healthy: float, **setting) -> nn.Module:
    """A network trained with the marker on these shares of the ill and of the healthy children's images."""
    generator = torch.Generator().manual_seed(1000 + setting["seed"])
    share = torch.where(x_rays.train_labels == 1, ill, healthy)
    chosen = torch.rand(len(share), generator=generator) < share
    pictures = torch.where(chosen[:, None, None, None], marked(x_rays.train_images), x_rays.train_images)
    return train(**setting, dataset=replace(x_rays, train_images=pictures))


def marker(ill: float, healthy: float, **setting) -> dict:
    """What the marker makes of a network's answers and of its heat maps."""
    network = planted(ill, healthy, **setting)
    pictures, labels = PARTS["test"]
    bare, with_marker = logits(network, pictures), logits(network, marked(pictures))
    sick = labels.numpy() == 1
    scores = {"nobody": bare, "everybody": with_marker, "ill": numpy.where(sick, with_marker, bare),
              "healthy": numpy.where(sick, bare, with_marker)}
    odds = [1 / (1 + numpy.exp(-values[~sick])) for values in (bare, with_marker)]
    heat = {"grad-cam": grad_cam(network, marked(pictures[MARKED]), 3),
            "grad-cam, stage 2": grad_cam(network, marked(pictures[MARKED]), 2),
            "occlusion": occlusion(network, marked(pictures[MARKED]))}
    return {"auc": {name: 100 * float(roc_auc_score(labels, values)) for name, values in scores.items()},
            "healthy_probability": [100 * float(values.mean()) for values in odds],
            "heat": {name: counted(maps) for name, maps in heat.items()},
            "maps": {name: [round(float(value), 3) for value in
                            (maps[0] / maps[0].max().clamp(min=1e-9)).flatten()] for name, maps in
                     (("grad-cam", grad_cam(network, marked(pictures[MARKED[:1]]), 3, side=None)),
                      ("occlusion", occlusion(network, marked(pictures[MARKED[:1]]), spread=False)))}}


def one_logit(ill: float, healthy: float, **setting) -> dict:
    """Grad-CAM as published, for the logit of "pneumonia" alone, of the networks of the group "marker"."""
    network = planted(ill, healthy, **setting)
    maps = grad_cam(network, marked(x_rays.test_images[MARKED]), 3, against=False)
    return {"heat": {"grad-cam, one logit": counted(maps)}}


def grad_cam(network: nn.Module, pictures: Tensor, stage: int, side: int | None = 28, against: bool = True) -> Tensor:
    """Heat maps N×28×28, or in the size of the stage's maps, for "pneumonia" (`against`: "healthy")."""
    kept: list[Tensor] = []
    hook = network.stages[stage - 1].register_forward_hook(lambda layer, inputs, output: kept.append(output))
    answers = network(pictures)
    hook.remove()
    (gradient,) = torch.autograd.grad((answers[:, 1] - against * answers[:, 0]).sum(), kept[0])
    weighted = (gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1, keepdim=True)
    heat = torch.relu(weighted).detach()
    return (functional.interpolate(heat, size=side, mode="bilinear") if side else heat)[:, 0]


def occlusion(network: nn.Module, pictures: Tensor, spread: bool = True) -> Tensor:
    """Heat maps N×28×28: by how much the logit falls when a grey patch of 4×4 covers the pixel, mean over its patches.

    `spread=False`: one number a patch, N×13×13.
    """
    before, places = torch.from_numpy(logits(network, pictures)), range(0, 25, 2)
    drops = []
    for row in places:
        for column in places:
            covered = pictures.clone()
            covered[:, :, row:row + 4, column:column + 4] = 0
            drops.append(before - torch.from_numpy(logits(network, covered)))
    heat = torch.relu(torch.stack(drops, 1))
    if not spread:
        return heat.unflatten(1, (13, 13))
    patches = heat[:, None].expand(-1, 16, -1)
    total = functional.fold(patches, (28, 28), (4, 4), stride=2)
    return (total / functional.fold(torch.ones_like(patches), (28, 28), (4, 4), stride=2))[:, 0]


def counted(maps: Tensor) -> dict[str, list[float] | float]:
    """In per cent, for both regions: mean share of the heat, and maps that have their peak there; and empty maps."""
    total, peak = maps.sum((1, 2)), maps.flatten(1).argmax(1)
    found: dict[str, list[float] | float] = {"empty": 100 * (total == 0).float().mean().item()}
    for name, side in REGIONS.items():
        share = maps[:, :side, :side].sum((1, 2)) / total.clamp(min=1e-9)
        inside = (peak // 28 < side) & (peak % 28 < side) & (total > 0)
        found[name] = [100 * share.mean().item(), 100 * inside.float().mean().item()]
    return found


def mistakes(networks: list[dict]) -> list[int]:
    """Four healthy children who are called ill, and four ill ones who are not, by ten networks most decidedly."""
    mean = numpy.mean([numpy.frombuffer(base64.b64decode(run["test"]), "<f2").astype(float) for run in networks], 0)
    order, sick = mean.argsort(), x_rays.test_labels.numpy()[mean.argsort()] == 1
    return [*order[~sick][-4:].tolist(), *order[sick][:4].tolist()]


GROUPS = {"images": images, "baselines": baselines, "rates": rates, "networks": trained, "balanced": balanced,
          "parts": parts, "swapped": swapped, "marker": marker, "one logit": one_logit}


def record(plan: list[dict]) -> runs.Study:
    return runs.record("x_rays", "What does a network that reads X-rays know, and how sure is that?", plan, measure)


if __name__ == "__main__":
    seeds = range(1, 11)
    plan = [{"group": "images", "what": what} for what in ("labels", "distances", *SHOWN)]
    plan += [{"group": "baselines", "kind": kind} for kind in ("logistic regression", "nearest neighbours")]
    plan += [{"group": "rates", "kind": kind, "depth": depth, "learning_rate": rate, "seed": seed}
             for kind, depth in KINDS for rate in RATES for seed in (1, 2)]
    there = (runs.FOLDER / "x_rays.json").exists()
    before = [run["configuration"] for run in runs.load("x_rays").runs] if there else []
    found = record(plan + [configuration for configuration in before if configuration not in plan])
    best = {(kind, depth): max(RATES, key=lambda rate: statistics.mean(
        run["auc"]["validation"] for run in found.select(group="rates", kind=kind, depth=depth, learning_rate=rate)))
        for kind, depth in KINDS}
    usual = {"kind": "residual", "depth": 8, "learning_rate": best["residual", 8]}

    def networks_of(depth: int, seeds: range) -> list[dict]:
        return [{"group": "networks", "kind": kind, "depth": depth, "learning_rate": best[kind, depth], "seed": seed}
                for kind in ("residual", "plain") for seed in seeds]

    plan += networks_of(8, seeds)
    found = record(plan + [configuration for configuration in before if configuration not in plan])
    plan += [{"group": "marker", "ill": ill, "healthy": healthy, **usual, "seed": seed}
             for ill, healthy in ((1.0, 0.0), (0.9, 0.1), (0.0, 0.0)) for seed in seeds]
    plan += [{"group": "parts", "keep": "border", "border": 1, **usual, "seed": seed} for seed in seeds]
    plan += [{"group": "balanced", **usual, "seed": seed} for seed in seeds]
    plan += [{"group": "swapped", **usual, "seed": seed} for seed in seeds]
    plan += [{"group": "one logit", "ill": 1.0, "healthy": 0.0, **usual, "seed": seed} for seed in seeds]
    plan += [{"group": "images", "what": index} for index in mistakes(found.select(group="networks", **usual))
             if index not in SHOWN]
    plan += [{"group": "parts", "keep": keep, "border": 4, **usual, "seed": seed}
             for keep in ("border", "middle") for seed in seeds[:5]]
    record(plan + networks_of(20, seeds[:5]))
