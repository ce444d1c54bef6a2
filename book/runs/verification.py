"""Do two pictures show the same thing, of a class that was never trained on? Signs, and digits, by embedding distance.

Each seed deals the classes into training classes and classes that are verified. A pair is one picture of the gallery
(training part of the data) and one of the probes (test part), so that no pair comes from one film. Groups of runs:
"rates" (two seeds of their own, twenty training classes; also the size of PCA), "signs" (five seeds, networks at the
rate with the lowest mean equal error rate), "few" (450 training images, fifteen of each of thirty classes), "digits"
(ten seeds, three unseen digits). Needs the signs (`make data DATA=signs`).
"""

import statistics

import numpy
import torch
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_curve
from sklearn.pipeline import make_pipeline
from torch import Tensor
from torch.nn import functional

from resnet_lib import data, networks, runs
from resnet_lib.schedules import one_cycle

UNSEEN = {"signs": 13, "digits": 3}
STEPS = {"signs": 200, "digits": 100}
RATES = [0.03, 0.1, 0.3]
SIZES = [16, 64, 200]
LEARNED = [("residual", "classes"), ("plain", "classes"), ("residual", "pairs")]
ALARMS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]


def measure(group: str, **setting) -> dict:
    return verified(**setting)


# The pictures -----------------------------------------------------------------------------------------------------

def even(images: Tensor) -> Tensor:
    """Each image with mean 0 and standard deviation 1, so that light and contrast play no part."""
    std, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
    return (images - mean) / std


def dealt(name: str, classes: int, per_class: int, seed: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Training images with labels 0, 1, …; gallery (ten a class) and probes, of classes that are not among them."""
    whole = data.load(name)
    order = torch.randperm(len(whole.classes), generator=torch.Generator().manual_seed(seed))
    unseen, seen = order[:UNSEEN[name]], order[UNSEEN[name]:][:classes]
    images, labels = even(whole.train_images), whole.train_labels
    chosen = torch.cat([(labels == one).nonzero()[:, 0] for one in seen])
    chosen = torch.cat([part[::max(1, len(part) // per_class)][:per_class]
                        for part in chosen.split([int((labels == one).sum()) for one in seen])])
    number = {int(one): place for place, one in enumerate(seen)}
    gallery = torch.cat([found[::len(found) // 10][:10] for one in unseen
                         for found in [(labels == one).nonzero()[:, 0]]])
    probes = torch.isin(whole.test_labels, unseen)
    return ((images[chosen], torch.tensor([number[int(one)] for one in labels[chosen]])),
            (images[gallery], labels[gallery]), (even(whole.test_images[probes]), whole.test_labels[probes]))


# What turns a picture into numbers --------------------------------------------------------------------------------

def alike(z: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss: in each row, the partners of the same class should be the nearest."""
    z = functional.normalize(z)
    myself = torch.eye(len(z), dtype=torch.bool)
    nearness = (z @ z.T / temperature).masked_fill(myself, -1e9)
    partners = (labels[:, None] == labels) & ~myself
    each = (nearness.log_softmax(1) * partners).sum(1) / partners.sum(1).clamp(min=1)
    return -each[partners.any(1)].mean()


def learned(kind, loss, images, labels, steps, learning_rate, seed):
    """A network of eight layers, trained to tell the classes apart ("classes") or to bring partners together."""
    network = getattr(networks, kind)(
        8, in_channels=images.shape[1], classes=int(labels.max()) + 1,
        stem_stride=2 if images.shape[2] > 8 else 1, seed=seed)
    network.train().to(memory_format=torch.channels_last)
    descent = torch.optim.SGD(network.parameters(), lr=1.0, momentum=0.9,
                              nesterov=True, weight_decay=1e-4)
    random, order = torch.Generator().manual_seed(seed), torch.tensor([]).long()
    for step in range(steps):
        if len(order) < 64:
            order = torch.cat([order, torch.randperm(len(images), generator=random)])
        batch, order = order[:64], order[64:]
        descent.param_groups[0]["lr"] = learning_rate * one_cycle(step / steps)
        z = network.features(images[batch].contiguous(memory_format=torch.channels_last))
        cost = (functional.cross_entropy(network.classifier(z), labels[batch])
                if loss == "classes" else alike(z, labels[batch]))
        descent.zero_grad()
        cost.backward()
        descent.step()
    return network.eval()


def untrained(kind: str, images: Tensor, seed: int) -> networks.Network:
    """A network with the weights it starts with; its normalisations know the training images."""
    network = getattr(networks, kind)(8, in_channels=images.shape[1], stem_stride=2 if images.shape[2] > 8 else 1,
                                      seed=seed).train()
    with torch.no_grad():
        for _ in range(5):
            for part in images.split(150):
                network.features(part)
    return network.eval()


@torch.no_grad()
def embed(network: networks.Network, images: Tensor) -> Tensor:
    return torch.cat([network.features(part) for part in images.split(200)])


# How well same and different are told apart -----------------------------------------------------------------------

def verified(data: str, kind: str, loss: str, classes: int, seed: int, images: int = 90, learning_rate: float = 0.0,
             size: int = 0) -> dict:
    (x, y), (gallery, names), (probes, truth) = dealt(data, classes, images, seed)
    if kind == "pixels":
        a, b = gallery.flatten(1), probes.flatten(1)
    elif kind in ("pca", "fisher"):
        steps = [PCA(min(size, len(x) - 1), whiten=True, random_state=0)]
        if kind == "fisher":
            steps.append(LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"))
        model = make_pipeline(*steps).fit(x.flatten(1).numpy(), y.numpy())
        a, b = (torch.from_numpy(model.transform(part.flatten(1).numpy())).float() for part in (gallery, probes))
    else:
        network = (untrained(kind, x, seed) if loss == "none" else
                   learned(kind, loss, x, y, STEPS[data], learning_rate, seed))
        a, b = embed(network, gallery), embed(network, probes)
    nearness = functional.normalize(b) @ functional.normalize(a).T
    same = truth[:, None] == names
    alarms, accepted, _ = roc_curve(same.flatten().numpy(), nearness.flatten().numpy())
    middle = int(numpy.argmin(abs(alarms - (1 - accepted))))
    return {"equal_error": 50 * float(alarms[middle] + 1 - accepted[middle]),
            "accepted": [100 * float(accepted[alarms <= most].max()) for most in ALARMS],
            "first": 100 * float((names[nearness.argmax(1)] == truth).float().mean()),
            "pairs": [int(same.sum()), int((~same).sum())]}


def record(plan: list[dict]) -> runs.Study:
    return runs.record("verification", "Do two pictures show the same thing, of a class never trained on?", plan,
                       measure)


if __name__ == "__main__":
    torch.set_num_threads(1)
    there = (runs.FOLDER / "verification.json").exists()  # what was recorded stays until the whole plan is known
    before = [run["configuration"] for run in runs.load("verification").runs] if there else []
    plan = [{"group": "rates", "data": "signs", "kind": kind, "loss": loss, "classes": 20, "learning_rate": rate,
             "seed": seed} for kind, loss in LEARNED for rate in RATES for seed in (101, 102)]
    plan += [{"group": "rates", "data": "signs", "kind": kind, "loss": "none", "classes": 20, "size": size,
              "seed": seed} for kind in ("pca", "fisher") for size in SIZES for seed in (101, 102)]
    found = record(plan + [one for one in before if one not in plan])

    def error(**which) -> float:
        return statistics.mean(run["equal_error"] for run in found.select(group="rates", **which))

    rate = {(kind, loss): min(RATES, key=lambda one: error(kind=kind, loss=loss, learning_rate=one))
            for kind, loss in LEARNED}
    size = {kind: min(SIZES, key=lambda one: error(kind=kind, size=one)) for kind in ("pca", "fisher")}
    for seed in range(1, 6):
        plan.append({"group": "signs", "data": "signs", "kind": "pixels", "loss": "none", "classes": 5, "seed": seed})
        for classes in (30, 5, 10):
            usual = {"group": "signs", "data": "signs", "classes": classes, "seed": seed}
            plan += [{**usual, "kind": kind, "loss": "none", "size": size[kind]} for kind in ("pca", "fisher")]
            plan += [{**usual, "kind": kind, "loss": loss, "learning_rate": rate[kind, loss]} for kind, loss in LEARNED
                     if (kind, loss) == LEARNED[0] or classes == 30]
        plan += [{"group": "signs", "data": "signs", "classes": 30, "kind": "residual", "loss": "none", "seed": seed},
                 {"group": "few", "data": "signs", "kind": "residual", "loss": "classes", "classes": 30, "images": 15,
                  "learning_rate": rate["residual", "classes"], "seed": seed}]
    for seed in range(1, 11):
        usual = {"group": "digits", "data": "digits", "seed": seed}
        plan.append({**usual, "kind": "pixels", "loss": "none", "classes": 2})
        plan += [{**usual, "kind": kind, "loss": loss, "classes": classes, "images": 135,
                  "learning_rate": rate[kind, loss]} for classes in (2, 7) for kind, loss in LEARNED
                 if (kind, loss) == LEARNED[0] or classes == 7]
    record(plan)
