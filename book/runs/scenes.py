"""Digits found, named and outlined in drawn scenes by a residual backbone, a pyramid of its stages and two heads.

Groups of runs: "baselines" (a sliding window, and a classifier of pixels, both by logistic regression), "classes"
(pre-training: rates, validation accuracy), "rates" (one seed of its own, three learning rates, on validation scenes),
"networks" (five or three seeds, each setting at its best rate), "few" (50 training scenes, three seeds) and "long"
(three times the steps, two seeds). Networks, their order of images and their training scenes follow the seed; test
scenes are the same for all. Needs no data but the digits.
"""

import math
import statistics
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import FeaturePyramidNetwork, batched_nms, box_iou, generalized_box_iou_loss, sigmoid_focal_loss

from resnet_lib import data, networks, runs
from resnet_lib.schedules import one_cycle

digits = data.load("digits")
ink, names = digits.pixels(digits.train_images)[:, 0], digits.train_labels
later = torch.arange(len(ink)) % 5 == 4  # every fifth training digit is kept for validation
INK = {"train": ink[~later], "validation": ink[later],
       "test": digits.pixels(digits.test_images)[:, 0]}
NAMES = {"train": names[~later], "validation": names[later],
         "test": digits.test_labels}
SIDE, STRIDES, LIMITS = 32, (2, 4, 8), (12, 16)
LEVELS = {"pyramid": (0, 1, 2), "no way down": (0, 1, 2), "coarse": (2,)}
RATES = [0.003, 0.01, 0.03]
FIRST_RATES = [0.03, 0.1, 0.3]


def measure(group: str, **setting) -> dict:
    return GROUPS[group](**setting)


# The scenes -------------------------------------------------------------------------------------------------------

def enlarged(image, side):
    """A small image in side×side pixels."""
    return functional.interpolate(image[None, None], size=(side, side),
                                  mode="bilinear", align_corners=True)[0, 0]


def scene(part, random, side=SIDE, most=3, scraps=4):
    """Image, boxes (left, top, right, bottom), classes, and mask: 0, or 1 + class."""
    def uniform(low, high):
        return low + (high - low) * torch.rand((), generator=random).item()

    def whole(low, high):
        return int(torch.randint(low, high + 1, (), generator=random))

    image = enlarged(torch.rand(6, 6, generator=random), side)
    image = image * uniform(0.1, 0.5)

    def draw(drawing, strength, size, left, top):
        place = image[top:top + size, left:left + size]
        place += strength * drawing * (1 - place)

    for _ in range(whole(0, scraps)):     # quarters of digits: clutter
        other = INK[part][whole(0, len(INK[part]) - 1)]
        row, column, size = 4 * whole(0, 1), 4 * whole(0, 1), whole(5, 13)
        draw(enlarged(other[row:row + 4, column:column + 4], size),
             uniform(0.3, 0.9), size, whole(0, side - size),
             whole(0, side - size))
    mask, boxes, classes = torch.zeros(side, side).long(), [], []
    for _ in range(whole(1, most)):
        which, size = whole(0, len(INK[part]) - 1), round(9 * 2.4**uniform(0, 1))
        left, top = whole(0, side - size), whole(0, side - size)
        drawn = enlarged(INK[part][which], size)
        rows, columns = ((drawn > 0.3).any(axis).nonzero()[:, 0].tolist()
                         for axis in (1, 0))
        box = [left + columns[0], top + rows[0],
               left + columns[-1] + 1, top + rows[-1] + 1]
        if any(box[0] < old[2] and old[0] < box[2] and box[1] < old[3]
               and old[1] < box[3] for old in boxes):
            continue                            # it would cover another one
        draw(drawn, uniform(0.7, 1), size, left, top)
        boxes.append(box)
        classes.append(int(NAMES[part][which]))
        place = mask[top:top + size, left:left + size]
        place[drawn > 0.3] = classes[-1] + 1
    image += 0.05 * torch.randn(side, side, generator=random)
    return image, torch.tensor(boxes).float(), torch.tensor(classes), mask


def scenes(part, count, seed, **options):
    """Images N×1×side×side, masks, and all objects: scene, box, class."""
    random = torch.Generator().manual_seed(seed)
    images, boxes, classes, masks = zip(
        *(scene(part, random, **options) for _ in range(count)))
    where = torch.arange(count).repeat_interleave(
        torch.tensor([len(some) for some in classes]))
    return ((torch.stack(images)[:, None] - 0.35) / 0.3, torch.stack(masks),
            (where, torch.cat(boxes), torch.cat(classes)))


# The network ------------------------------------------------------------------------------------------------------

def cells(strides):
    """Of each place on each map: x and y of its centre, and its stride."""
    found = []
    for stride in strides:
        line = torch.arange(stride / 2, SIDE, stride)
        y, x = torch.meshgrid(line, line, indexing="ij")
        found.append(torch.stack([x.flatten(), y.flatten(),
                                  torch.full((x.numel(),), float(stride))], 1))
    return torch.cat(found)


class Finder(nn.Module):
    """A backbone, a pyramid of its stages, and what reads class, box and mask from it."""

    def __init__(self, backbone, levels="pyramid", width=24):
        super().__init__()
        self.backbone, self.levels = backbone, levels
        self.pyramid = FeaturePyramidNetwork([16, 32, 64], width)
        self.classes = nn.Conv2d(width, 10, 1)
        self.sides = nn.Conv2d(width, 4, 1)
        self.mask = nn.Conv2d(width, 11 * 4, 1)
        nn.init.constant_(self.classes.bias, -math.log(99))
        self.cells = cells([STRIDES[level] for level in LEVELS[levels]])

    def maps(self, x):
        """One map a level, all with the same number of channels."""
        x, stages = self.backbone.stem(x), []
        for stage in self.backbone.stages:
            x = stage(x)
            stages.append(x)
        if self.levels == "pyramid":
            merged = self.pyramid({str(i): one for i, one in enumerate(stages)})
            maps = list(merged.values())
        else:                             # each stage for itself
            maps = [out(into(one)) for out, into, one in zip(
                self.pyramid.layer_blocks, self.pyramid.inner_blocks, stages)]
        return [torch.relu(maps[level]) for level in LEVELS[self.levels]]

    def forward(self, x):
        """Logits N×L×10 and boxes N×L×4 of all places, mask logits N×11×H×W."""
        maps = self.maps(x)
        logits, sides = (torch.cat([head(one).flatten(2) for one in maps], 2)
                         .transpose(1, 2) for head in (self.classes, self.sides))
        centre, stride = self.cells[:, :2], self.cells[:, 2:]
        sides = 2 * stride * sides.clamp(max=4).exp()
        boxes = torch.cat([centre - sides[..., :2], centre + sides[..., 2:]], 2)
        total = sum(functional.interpolate(one, size=(SIDE // 2, SIDE // 2),
                                           mode="bilinear") for one in maps)
        return logits, boxes, functional.pixel_shuffle(self.mask(total), 2)


def wanted(finder, count, objects):
    """For each scene and place the class it should say, or -1, and the box."""
    classes = torch.full((count, len(finder.cells)), -1)
    boxes = torch.zeros(count, len(finder.cells), 4)
    centre, stride = finder.cells[:, :2], finder.cells[:, 2]
    for number, box, name in zip(*objects):
        near = ((centre - (box[:2] + box[2:]) / 2).abs() <= stride[:, None]).all(1)
        if len(LEVELS[finder.levels]) > 1:
            size = (box[2:] - box[:2]).max()
            level = sum(bool(size >= limit) for limit in LIMITS)
            near &= stride == STRIDES[level]
        classes[number, near], boxes[number, near] = name, box
    return classes, boxes


def cost(outputs, classes, boxes, masks):
    logits, found, pixels = outputs
    there = classes >= 0
    count = there.sum().clamp(min=1)
    says = functional.one_hot(classes.clamp(min=0), 10) * there[..., None]
    return (sigmoid_focal_loss(logits, says.float(), alpha=-1, gamma=1,
                               reduction="sum") / count
            + generalized_box_iou_loss(found[there], boxes[there],
                                       reduction="sum") / count
            + functional.cross_entropy(pixels, masks))


def learn(finder, content, steps, learning_rate, seed):
    """Train in place, sixteen scenes a step."""
    images, masks, objects = content
    classes, boxes = wanted(finder, len(images), objects)
    trained = [one for one in finder.parameters() if one.requires_grad]
    descent = torch.optim.AdamW(trained, weight_decay=1e-4)
    random, order = torch.Generator().manual_seed(seed), torch.tensor([]).long()
    finder.train().to(memory_format=torch.channels_last)
    for step in range(steps):
        if len(order) < 16:
            order = torch.cat([order, torch.randperm(len(images), generator=random)])
        batch, order = order[:16], order[16:]
        descent.param_groups[0]["lr"] = learning_rate * one_cycle(step / steps)
        x = images[batch].contiguous(memory_format=torch.channels_last)
        loss = cost(finder(x), classes[batch], boxes[batch], masks[batch])
        descent.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 5.0)
        descent.step()
    return finder.eval()


@torch.no_grad()
def find(finder, images, least=0.05, overlap=0.5):
    """All that is found (scene, box, score, class), best first, and masks."""
    found, masks = [], []
    for start in range(0, len(images), 100):
        logits, boxes, pixels = finder(images[start:start + 100])
        masks.append(pixels.argmax(1))
        scores = logits.sigmoid()
        number, place, name = (scores > least).nonzero(as_tuple=True)
        box, score = boxes[number, place], scores[number, place, name]
        kept = batched_nms(box, score, 10 * number + name, overlap)
        found.append((number[kept] + start, box[kept], score[kept], name[kept]))
    number, box, score, name = map(torch.cat, zip(*found))
    order = score.argsort(descending=True)
    return ((number[order], box[order], score[order], name[order]),
            torch.cat(masks))


# How good it is ---------------------------------------------------------------------------------------------------

def credit(found, objects, least=0.5):
    """For each object the precision of its class at the moment it is found."""
    number, boxes, _, names = found              # best first
    where, there, classes = objects
    earned = torch.zeros(len(classes))
    for name in classes.unique():
        missing, right = classes == name, 0
        for rank, one in enumerate((names == name).nonzero()[:, 0], 1):
            mine = missing & (where == number[one])
            fits = box_iou(boxes[one][None], there)[0] * mine
            if fits.max() >= least:
                right += 1
                missing[fits.argmax()] = False
                earned[fits.argmax()] = right / rank
    return earned


def mean_precision(earned, classes):
    """Mean over classes of the mean credit, in per cent."""
    return 100 * statistics.mean(earned[classes == name].mean().item()
                                 for name in classes.unique())


def shared(masks, truth, classes=11):
    """Intersection over union of each class, in per cent; 0: background."""
    return [100 * ((masks == one) & (truth == one)).sum().item()
            / max(1, ((masks == one) | (truth == one)).sum().item())
            for one in range(classes)]


def judged(found: tuple, masks: Tensor, content: tuple) -> dict:
    """Mean average precision at two overlaps, by size, without names, and the intersections over unions."""
    _, truth, objects = content
    where, boxes, classes = objects
    earned = credit(found, objects)
    longer = (boxes[:, 2:] - boxes[:, :2]).max(1).values
    groups = sum((longer >= limit).long() for limit in LIMITS)  # small, middle, large
    nameless = (found[0], found[1], found[2], torch.zeros_like(found[3]))
    return {"precision": mean_precision(earned, classes),
            "strict": mean_precision(credit(found, objects, 0.75), classes),
            "by_size": [100 * earned[groups == one].mean().item() for one in range(3)],
            "nameless": mean_precision(credit(nameless, (where, boxes, torch.zeros_like(classes))),
                                       torch.zeros_like(classes)),
            "shared": shared(masks, truth), "ink": shared(masks.clamp(max=1), truth.clamp(max=1), 2)[1]}


@lru_cache(maxsize=4)
def content_of(part: str, count: int, seed: int) -> tuple:
    return scenes(part, count, seed)


def tested(part: str) -> tuple:
    return content_of(part, 300, {"test": 7001, "validation": 7002}[part])


# Pre-training on single digits ------------------------------------------------------------------------------------

def backbone(kind, seed):
    return networks.__dict__[kind](8, in_channels=1, classes=10,
                                   stem_stride=2, seed=seed)


def classify(network, images, labels, steps, learning_rate, seed):
    """Train a classifier in place on crops with one digit each."""
    descent = torch.optim.SGD(network.parameters(), lr=1.0, momentum=0.9,
                              nesterov=True, weight_decay=1e-4)
    random, order = torch.Generator().manual_seed(seed), torch.tensor([]).long()
    network.train().to(memory_format=torch.channels_last)
    for step in range(steps):
        if len(order) < 32:
            order = torch.cat([order, torch.randperm(len(images), generator=random)])
        batch, order = order[:32], order[32:]
        descent.param_groups[0]["lr"] = learning_rate * one_cycle(step / steps)
        x = images[batch].contiguous(memory_format=torch.channels_last)
        loss = functional.cross_entropy(network(x), labels[batch])
        descent.zero_grad()
        loss.backward()
        descent.step()
    return network.eval()


def single(part, count, seed):
    """Crops of 24×24 pixels with one digit each, and their labels."""
    images, _, (_, _, classes) = scenes(part, count, seed, side=24, most=1, scraps=2)
    return images, classes


def classes(kind: str, learning_rate: float, seed: int) -> dict:
    network = classify(backbone(kind, seed), *single("train", 4000, seed), 400, learning_rate, seed)
    images, labels = single("validation", 500, 7003)
    with torch.no_grad():
        return {"accuracy": 100 * (network(images).argmax(1) == labels).float().mean().item()}


@lru_cache(maxsize=4)
def pretrained(kind: str, learning_rate: float, seed: int) -> dict[str, Tensor]:
    network = classify(backbone(kind, seed), *single("train", 4000, seed), 400, learning_rate, seed)
    return {name: value.clone() for name, value in network.state_dict().items()}


# The runs ---------------------------------------------------------------------------------------------------------

def trained(kind: str, levels: str, first_rate: float, frozen: bool, learning_rate: float, seed: int,
            count: int = 1000, steps: int = 200, part: str = "test") -> dict:
    """`first_rate`: learning rate of the pre-training, 0 for none. `frozen`: only what is new is trained."""
    network = backbone(kind, seed)
    if first_rate:
        network.load_state_dict(pretrained(kind, first_rate, seed))
    network.requires_grad_(not frozen)
    with networks.seeded(seed):
        finder = Finder(network, levels)
    learn(finder, content_of("train", count, seed), steps, learning_rate, seed)
    return judged(*find(finder, tested(part)[0]), tested(part))


def rates(**setting: Any) -> dict:
    return trained(**setting, part="validation")


WINDOWS = (9, 11, 14, 17, 21)


def windows(images: Tensor, size: int) -> Tensor:
    """All windows of size×size as N×P×64: scaled to 8×8, each with mean 0 and standard deviation 1."""
    side = round(SIDE * 8 / size)
    scaled = functional.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    patches = functional.unfold(scaled, 8).transpose(1, 2)
    std, mean = torch.std_mean(patches, dim=2, keepdim=True)
    return (patches - mean) / (std + 0.1)


def window_boxes(size: int) -> Tensor:
    """The squares of `windows`, P×4."""
    side = round(SIDE * 8 / size)
    line = torch.arange(side - 7) * SIDE / side
    top, left = torch.meshgrid(line, line, indexing="ij")
    corner = torch.stack([left.flatten(), top.flatten()], 1)
    return torch.cat([corner, corner + 8 * SIDE / side], 1)


def sliding(seed: int) -> dict:
    """Logistic regression on windows, eleven classes; negatives at random, then those that it takes for digits."""
    images, _, (where, boxes, names) = content_of("train", 1000, seed)
    high = boxes[:, 3] - boxes[:, 1]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    squares = torch.cat([middle - high[:, None] / 2, middle + high[:, None] / 2], 1)
    aspect = torch.stack([((boxes[:, 2] - boxes[:, 0]) / high)[names == name].mean() for name in range(10)])
    random = numpy.random.default_rng(seed)
    features, labels, pool = [], [], []
    for size in WINDOWS:
        every, places = windows(images, size), window_boxes(size)
        for number in range(len(images)):
            mine = where == number
            overlaps = box_iou(places, squares[mine])
            best, which = overlaps.max(1)
            good = best > 0.65
            features.append(every[number, good])
            labels.append(names[mine][which[good]])
            pool.append(every[number, (best < 0.4).nonzero()[random.integers(int((best < 0.4).sum()), size=20), 0]])
    positive, negative = torch.cat(features), torch.cat(pool)
    chosen = torch.from_numpy(random.permutation(len(negative)))
    kept, rest = negative[chosen[:8000]], negative[chosen[8000:]]
    for again in (False, True):
        model = LogisticRegression(C=0.1, max_iter=200).fit(
            torch.cat([positive, kept]).numpy(), torch.cat([*labels, torch.full((len(kept),), 10)]).numpy())
        if not again:
            score = 1 - model.predict_proba(rest.numpy())[:, 10]
            kept = torch.cat([kept, rest[torch.from_numpy(score).argsort(descending=True)[:8000]]])
    images = tested("test")[0]
    found = []
    for size in WINDOWS:
        every, squares = windows(images, size), window_boxes(size)
        score = torch.from_numpy(model.predict_proba(every.flatten(0, 1).numpy())).float().unflatten(
            0, every.shape[:2])[..., :10]
        number, place, name = (score > 0.05).nonzero(as_tuple=True)
        box = squares[place].clone()
        centre, half = (box[:, 0] + box[:, 2]) / 2, (box[:, 2] - box[:, 0]) / 2 * aspect[name]
        box[:, 0], box[:, 2] = centre - half, centre + half
        found.append((number, box, score[number, place, name], name))
    number, box, score, name = map(torch.cat, zip(*found))
    kept = batched_nms(box, score, 10 * number + name, 0.3)
    kept = kept[score[kept].argsort(descending=True)]
    empty = torch.zeros_like(tested("test")[1])
    return judged((number[kept], box[kept], score[kept], name[kept]), empty, tested("test"))


def pixelwise(seed: int) -> dict:
    """Logistic regression on the 9×9 pixels around each pixel, eleven classes."""
    def patches(images: Tensor) -> Tensor:
        return functional.unfold(functional.pad(images, (4,) * 4, mode="reflect"), 9).transpose(1, 2).flatten(0, 1)

    images, masks, _ = content_of("train", 1000, seed)
    chosen = torch.randperm(masks.numel(), generator=torch.Generator().manual_seed(seed))[:40_000]
    model = LogisticRegression(C=0.1, max_iter=60).fit(patches(images)[chosen].numpy(), masks.flatten()[chosen].numpy())
    images, truth, _ = tested("test")
    said = torch.from_numpy(model.predict(patches(images).numpy())).reshape(truth.shape)
    return {"shared": shared(said, truth), "ink": shared(said.clamp(max=1), truth.clamp(max=1), 2)[1]}


def baselines(kind: str, seed: int) -> dict:
    return {"sliding window": sliding, "pixels": pixelwise}[kind](seed)


GROUPS = {"baselines": baselines, "classes": classes, "rates": rates, "networks": trained, "few": trained,
          "long": trained}
SETTINGS = [("residual", "pyramid", True, False), ("residual", "pyramid", False, False),
            ("plain", "pyramid", True, False), ("residual", "coarse", True, False),
            ("residual", "no way down", True, False),
            ("residual", "pyramid", True, True), ("residual", "pyramid", False, True)]


def record(plan: Sequence[dict]) -> runs.Study:
    return runs.record("scenes", "What else can the backbone of a classifier be used for?", plan, measure)


if __name__ == "__main__":
    torch.set_num_threads(1)
    there = (runs.FOLDER / "scenes.json").exists()  # what was recorded stays until the whole plan is known
    before = [run["configuration"] for run in runs.load("scenes").runs] if there else []
    plan: list[dict] = [{"group": "classes", "kind": kind, "learning_rate": rate, "seed": 101}
                        for kind in ("residual", "plain") for rate in FIRST_RATES]
    found = record(plan + [one for one in before if one not in plan])
    first = {kind: max(FIRST_RATES, key=lambda rate: found.select(group="classes", kind=kind, learning_rate=rate)[0][
        "accuracy"]) for kind in ("residual", "plain")}

    def setting(kind: str, levels: str, before: bool, frozen: bool) -> dict:
        return {"kind": kind, "levels": levels, "first_rate": first[kind] if before else 0, "frozen": frozen}

    plan += [{"group": "rates", **setting(*one), "learning_rate": rate, "seed": 101}
             for one in SETTINGS for rate in RATES]
    found = record(plan + [one for one in before if one not in plan])
    best = {one: max(RATES, key=lambda rate: found.select(group="rates", **setting(*one), learning_rate=rate)[0][
        "precision"]) for one in SETTINGS}
    plan += [{"group": "networks", **setting(*one), "learning_rate": best[one], "seed": seed}
             for seed in range(1, 6) for one in (SETTINGS if seed < 4 else SETTINGS[:3])]
    plan += [{"group": "baselines", "kind": kind, "seed": 1} for kind in ("sliding window", "pixels")]
    plan += [{"group": "few", **setting(*one), "learning_rate": best[one], "count": 50, "seed": seed}
             for seed in range(1, 4) for one in SETTINGS[:2]]
    plan += [{"group": "long", **setting(*one), "learning_rate": best[one], "steps": 600, "seed": seed}
             for seed in range(1, 3) for one in SETTINGS[:2]]
    record(plan)
