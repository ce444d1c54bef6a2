"""Who was in the training? Two attacks on networks of digits, what lowers them, and what differential privacy costs.

Many networks are trained, each on a random half of one pool of images, so that every image is a member of half of them.
"""

import statistics
import warnings
from functools import cache
from typing import Any

import torch
from opacus import PrivacyEngine
from opacus.accountants.utils import get_noise_multiplier
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, runs, training

RATES = (0.03, 0.1, 0.3)


def everything() -> tuple[Tensor, Tensor]:
    """All 1,797 digits in one random order, which is the same for everybody, and their labels."""
    digits = data.load("digits")
    images = torch.cat([digits.train_images, digits.test_images])
    labels = torch.cat([digits.train_labels, digits.test_labels])
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order], labels[order]


def halves(size: int, count: int, seed: int) -> Tensor:
    """Which images of a pool each network learns from: count×size booleans, half of each row."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(count, size, generator=generator).argsort(1)
    return order < size // 2


def learn(network: nn.Module, images: Tensor, labels: Tensor, steps: int, rate: float, seed: int, moved: int = 0,
          smoothing: float = 0.0, decay: float = 1e-4) -> nn.Module:
    """Batches of 32 for so many steps; `moved`: shift each image at random by up to so many pixels."""
    generator = torch.Generator().manual_seed(seed)
    descent = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=decay)
    order = torch.cat([torch.randperm(len(images), generator=generator) for _ in range(1 + 32 * steps // len(images))])
    network.train()
    for step, batch in enumerate(order[:32 * steps].split(32)):
        descent.param_groups[0]["lr"] = rate * training.one_cycle(step / steps)
        x = data.shift(images[batch], generator, moved) if moved else images[batch]
        descent.zero_grad()
        functional.cross_entropy(network(x), labels[batch], label_smoothing=smoothing).backward()
        descent.step()
    return network.eval()


@torch.no_grad()
def confidence(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Logarithm of the odds of the right class, one number an image: large where the network is sure and right."""
    logits = network(images).double()
    right = logits.gather(1, labels[:, None])[:, 0]
    return right - logits.scatter(1, labels[:, None], -torch.inf).logsumexp(1)


def calibrated(scores: Tensor, member: Tensor) -> Tensor:
    """For each network and image: how much likelier is the score if the image was a member, by the other networks?

    Both arguments are networks×images. For each image the scores of the other networks that had it, and of those that
    had not, are taken as two normal distributions of one deviation; the result is the logarithm of the ratio.
    """
    found = torch.zeros_like(scores)
    for this in range(len(scores)):
        others = torch.arange(len(scores)) != this
        there, seen = scores[others], member[others].double()
        means = [(there * weight).sum(0) / weight.sum(0) for weight in (seen, 1 - seen)]
        apart = there - torch.where(seen > 0, means[0], means[1])
        deviation = apart.square().mean(0).sqrt() + 1e-6
        far = [((scores[this] - mean) / deviation).square() / 2 for mean in means]
        found[this] = far[1] - far[0]
    return found


def roc(scores: Tensor, member: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of the non-members and of the members that a threshold accuses, for each threshold from high to low."""
    accused = member.flatten()[scores.flatten().argsort(descending=True)]
    hits, alarms = accused.cumsum(0), (~accused).cumsum(0)
    return alarms / alarms[-1], hits / hits[-1]


def hits_at(alarms: Tensor, hits: Tensor, share: float) -> float:
    """The largest share of members accused while at most `share` of the non-members are."""
    return float(hits[alarms <= share].max()) if (alarms <= share).any() else 0.0


GRID = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]


def judged(scores: Tensor, member: Tensor) -> dict:
    """Area under the curve and points of it, in per cent, of all networks, and by groups of four of them."""
    def numbers(scores: Tensor, member: Tensor) -> tuple[float, float]:
        alarms, hits = roc(scores, member)
        return 100 * float(torch.trapezoid(hits, alarms)), 100 * hits_at(alarms, hits, 0.01)
    alarms, hits = roc(scores, member)
    parts = [numbers(scores[start:start + 4], member[start:start + 4]) for start in range(0, len(scores), 4)]
    return {"area": numbers(scores, member)[0], "areas": [part[0] for part in parts],
            "hits": [100 * hits_at(alarms, hits, share) for share in GRID], "hits at 1 %": [part[1] for part in parts]}


CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {}, "shifted images": {"moved": 1}, "weight decay × 100": {"decay": 1e-2},
    "label smoothing": {"smoothing": 0.1}, "a third of the steps": {"steps": 50},
    "four times the images": {"size": 1200},
}


class Pixels(nn.Sequential):
    """Multinomial logistic regression: one weight for each pixel and class, all of them zero at first."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 10))
        nn.init.zeros_(self[1].weight)
        nn.init.zeros_(self[1].bias)


def fresh(kind: str, seed: int, groups: int = 0) -> nn.Module:
    """"residual-8", "plain-8" … or "logistic"; `groups`: group normalisation in place of batch normalisation."""
    if kind == "logistic":
        return Pixels()
    name, depth = kind.split("-")
    network = getattr(networks, name)(int(depth), in_channels=1, width=8, seed=seed)
    return grouped(network, groups) if groups else network


def grouped(module: nn.Module, groups: int) -> nn.Module:
    """The module with group normalisation of so many groups wherever it had batch normalisation."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.GroupNorm(groups, child.num_features))
        else:
            grouped(child, groups)
    return module


SHOWN = 1397  # of the images; the 400 others serve to choose rates


def pools(size: int, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Images and labels of a pool, who is a member where, and images and labels outside of it."""
    images, labels = everything()
    images, labels = (images[:SHOWN], labels[:SHOWN]) if seed < 100 else (images[SHOWN:], labels[SHOWN:])
    size = min(size, len(images))
    return images[:size], labels[:size], halves(size, count, seed), images[size:], labels[size:]


def outcome(networks: list[nn.Module], images: Tensor, labels: Tensor, member: Tensor, rest: Tensor,
            answers: Tensor, seed: int) -> dict:
    """Accuracy on images of which no network learned, and how well both attacks tell the members."""
    table = torch.stack([confidence(network, images, labels) for network in networks])
    accuracies = [100 * float((confidence(network, rest, answers) > 0).double().mean()) for network in networks]
    if seed >= 100:
        other = [100 * float((row[~mask] > 0).double().mean()) for row, mask in zip(table, member)]
        return {"accuracy": statistics.mean(other)}
    return {"accuracy": accuracies, "training": 100 * float((table[member] > 0).double().mean()),
            "loss": judged(table, member), "ratio": judged(calibrated(table, member), member)}


def attacked(kind: str, change: str, rate: float, count: int, seed: int) -> dict:
    """Both attacks on `count` networks."""
    chosen = {"steps": 150, "size": 300, **CHANGES[change]}
    steps, size = chosen.pop("steps"), chosen.pop("size")
    images, labels, member, rest, answers = pools(size, count, seed)
    trained = [learn(fresh(kind, 1000 * seed + number), images[mask], labels[mask], steps, rate, 1000 * seed + number,
                     **chosen) for number, mask in enumerate(member)]
    return outcome(trained, images, labels, member, rest, answers, seed)


# Differential privacy -------------------------------------------------------------------------------------------

DELTA = 1e-4
EPOCHS = 15


@cache
def noise(epsilon: float, rate: float, epochs: int) -> float:
    """Deviation of the noise in units of the clipped length; each batch takes an image with probability `rate`."""
    return get_noise_multiplier(target_epsilon=epsilon, target_delta=DELTA, sample_rate=rate, epochs=epochs,
                                accountant="rdp")


def privately(kind: str, images: Tensor, labels: Tensor, epsilon: float, rate: float, seed: int,
              batch: int = 256, epochs: int = EPOCHS) -> nn.Module:
    """Train with opacus: sampled batches, each image's gradient clipped to length 1, noise; epsilon 0: neither."""
    network = fresh(kind, seed, groups=4)
    descent = torch.optim.SGD(network.parameters(), lr=rate)
    generator = torch.Generator().manual_seed(seed)
    parts = torch.utils.data.TensorDataset(images, labels)
    batch = min(batch, len(images))
    if not epsilon:
        batches = torch.utils.data.DataLoader(parts, batch, shuffle=True, generator=generator)
    else:
        loader = torch.utils.data.DataLoader(parts, batch)
        sigma = noise(epsilon, 1 / len(loader), epochs)
        network, descent, batches = PrivacyEngine(accountant="rdp").make_private(
            module=network, optimizer=descent, data_loader=loader, noise_multiplier=sigma, max_grad_norm=1.0,
            noise_generator=generator)
        batches.batch_sampler.generator = generator
    network.train()
    for _ in range(epochs):
        for x, y in batches:
            if len(x):
                descent.zero_grad()
                functional.cross_entropy(network(x), y).backward()
                descent.step()
    return network.eval()


def private(kind: str, epsilon: float, rate: float, seed: int) -> dict:
    """Trained on 1,437 digits; accuracy on the 360 others."""
    digits = data.load("digits")
    images, labels, tests, answers = (digits.train_images, digits.train_labels, digits.test_images, digits.test_labels)
    if seed >= 100:                                  # a rate is chosen on a fifth of the training images
        held = torch.arange(len(images)) % 5 == 0
        images, labels, tests, answers = images[~held], labels[~held], images[held], labels[held]
    network = privately(kind, images, labels, epsilon, rate, seed)
    return {"accuracy": 100 * float((confidence(network, tests, answers) > 0).double().mean())}


def guarded(kind: str, epsilon: float, rate: float, count: int, seed: int) -> dict:
    """Both attacks on networks that were trained privately, on 150 images each."""
    images, labels, member, rest, answers = pools(300, count, seed)
    trained = [privately(kind, images[mask], labels[mask], epsilon, rate, 1000 * seed + number, 75, 40)
               for number, mask in enumerate(member)]
    return outcome(trained, images, labels, member, rest, answers, seed)


GROUPS = {"attacked": attacked, "private": private, "guarded": guarded}


def measure(group: str, **setting: Any) -> dict:
    return GROUPS[group](**setting)


def record(plan: list[dict]) -> runs.Study:
    return runs.record("membership", "Can an attacker tell who was in the training?", plan, measure)


CASES = [("residual-8", change) for change in CHANGES] + [("plain-8", "as it is"), ("residual-20", "as it is"),
                                                          ("logistic", "as it is")]
PRIVATE_RATES = (0.3, 1.0, 3.0, 10.0)
OPEN_RATES = (0.1, 0.3, 1.0)
EPSILONS = (8.0, 1.0)

if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="opacus|torch")
    plan: list[dict] = [{"group": "attacked", "kind": kind, "change": change, "rate": rate, "count": 3, "seed": 101}
                        for kind, change in CASES for rate in RATES]
    plan += [{"group": "private", "kind": kind, "epsilon": epsilon, "rate": rate, "seed": seed}
             for kind in ("residual-8", "logistic") for epsilon in (*EPSILONS, 0.0)
             for rate in (PRIVATE_RATES if epsilon else OPEN_RATES) for seed in (101, 102)]
    plan += [{"group": "guarded", "kind": "logistic", "epsilon": epsilon, "rate": rate, "count": 3, "seed": 101}
             for epsilon in EPSILONS for rate in (0.1, 0.3, 1.0, 3.0)]
    there = (runs.FOLDER / "membership.json").exists()
    before = [run["configuration"] for run in runs.load("membership").runs] if there else []
    found = record(plan + [one for one in before if one not in plan])

    def best(**which: Any) -> float:
        """The rate with the best mean accuracy on the images that serve to choose."""
        means: dict[float, list[float]] = {}
        for run in found.runs:
            asked = run["configuration"]
            if asked["seed"] > 100 and which.items() <= asked.items():
                means.setdefault(asked["rate"], []).append(run["results"]["accuracy"])
        return max(means, key=lambda rate: statistics.mean(means[rate]))

    for kind, change in CASES:
        plan += [{"group": "attacked", "kind": kind, "change": change,
                  "rate": best(group="attacked", kind=kind, change=change),
                  "count": 20 if kind == "residual-20" else 40, "seed": 1}]
    plan += [{"group": "attacked", "kind": kind, "change": "as it is", "rate": rate, "count": 12, "seed": 2}
             for kind in ("residual-8", "plain-8") for rate in (0.1, 0.3)]
    plan += [{"group": "attacked", "kind": "residual-8", "change": "as it is", "rate": 0.3, "count": 40, "seed": 3}]
    for epsilon in EPSILONS:
        plan += [{"group": "guarded", "kind": "logistic", "epsilon": epsilon,
                  "rate": best(group="guarded", epsilon=epsilon), "count": 40, "seed": 1}]
    for seed in range(1, 11):
        plan += [{"group": "private", "kind": kind, "epsilon": epsilon,
                  "rate": best(group="private", kind=kind, epsilon=epsilon), "seed": seed}
                 for kind in ("residual-8", "logistic") for epsilon in (*EPSILONS, 0.0)]
    record(plan)
