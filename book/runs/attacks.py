"""How far must the pixels of a digit move before a network errs? Attacks, a broken attack, defences, a certificate.

Pixels lie in [0, 1]; the sizes of all changes are in these units.
"""

import statistics
from collections.abc import Callable
from typing import Any

import torch
from scipy.stats import binomtest, norm
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, runs, training

RATES = (0.03, 0.1, 0.3)


class FromPixels(nn.Module):
    """A network behind the standardising of its pixels, so that it can be asked about pixels in [0, 1]."""

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.network, self.mean, self.std = network, float(mean), float(std)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network((pixels - self.mean) / self.std)


def slope(network: nn.Module, pixels: Tensor, labels: Tensor) -> Tensor:
    """Derivative of each image's loss by its pixels."""
    pixels = pixels.detach().requires_grad_()
    loss = functional.cross_entropy(network(pixels), labels, reduction="sum")
    return torch.autograd.grad(loss, pixels)[0]


def fgsm(network: nn.Module, pixels: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """One step of size epsilon in every pixel (Goodfellow et al. 2015)."""
    return (pixels + epsilon * slope(network, pixels, labels).sign()).clamp(0, 1)


def pgd(network: nn.Module, pixels: Tensor, labels: Tensor, epsilon: float, generator: torch.Generator,
        steps: int = 10) -> Tensor:
    """Many small steps from a random start, none further than epsilon (Madry et al. 2018)."""
    start = 2 * torch.rand(pixels.shape, generator=generator) - 1
    moved = (pixels + epsilon * start).clamp(0, 1)
    for _ in range(steps):
        moved = moved + 2.5 * epsilon / steps * slope(network, moved, labels).sign()
        moved = (pixels + (moved - pixels).clamp(-epsilon, epsilon)).clamp(0, 1)
    return moved


def broken(network: nn.Module, pixels: Tensor, labels: Tensor, epsilon: float, generator: torch.Generator,
           steps: int = 10) -> Tensor:
    """As `pgd`, with a mistake."""
    change = epsilon * (2 * torch.rand(pixels.shape, generator=generator) - 1)
    for _ in range(steps):
        change.requires_grad_()
        loss = functional.cross_entropy(network((pixels + change).clamp(0, 1)), labels, reduction="sum")
        step = torch.autograd.grad(loss, change)[0].sign()
        change = (change.detach() + 2.5 * epsilon / steps * step).clamp(-epsilon, epsilon)
    return (pixels + change).clamp(0, 1)


def round_pgd(network: nn.Module, pixels: Tensor, labels: Tensor, radius: float, steps: int = 20) -> Tensor:
    """As `pgd`, from the image itself, where the change as a vector has at most the length `radius`."""
    def long(vector: Tensor) -> Tensor:
        return vector.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
    moved = pixels
    for _ in range(steps):
        step = slope(network, moved, labels)
        change = moved + 2.5 * radius / steps * step / long(step) - pixels
        moved = (pixels + change * (radius / long(change)).clamp(max=1)).clamp(0, 1)
    return moved


def signs(pixels: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
    """The control: as large as an attack's change, but up or down by a coin."""
    coin = torch.randint(0, 2, pixels.shape, generator=generator)
    return (pixels + epsilon * (2 * coin - 1)).clamp(0, 1)


Change = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]


def taught(network: nn.Module, pixels: Tensor, labels: Tensor, rate: float, seed: int,
           change: Change | None = None, steps: int = 180) -> nn.Module:
    """Train on batches of 64 pictures, each batch changed first."""
    generator = torch.Generator().manual_seed(seed)
    descent = training.sgd(network.parameters())
    order = torch.cat([torch.randperm(len(pixels), generator=generator) for _ in range(1 + 64 * steps // len(pixels))])
    for step, batch in enumerate(order[:64 * steps].split(64)):
        x, y = pixels[batch], labels[batch]
        if change is not None:
            x = change(network.eval(), x, y, generator)
        descent.param_groups[0]["lr"] = rate * training.one_cycle(step / steps)
        descent.zero_grad()
        functional.cross_entropy(network.train()(x), y).backward()
        descent.step()
    return network.eval()


def attacked(network: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """For `taught`: pictures as an attack on the network as it is now makes them."""
    return pgd(network, x, y, 0.15, generator, steps=3)


def coined(network: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """For `taught`: changes of the same size in random directions."""
    return signs(x, 0.15, generator)


SIGMA = 0.25


def noisy(network: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """For `taught`: normal noise, as the certificate needs it."""
    return x + SIGMA * torch.randn(x.shape, generator=generator)


CHANGES: dict[str, Change | None] = {"": None, "attacked": attacked, "coined": coined, "noisy": noisy}


def digits() -> tuple[data.Dataset, Tensor, Tensor]:
    """The data set, and its training and test pictures as pixels in [0, 1]."""
    known = data.load("digits")
    return known, known.pixels(known.train_images), known.pixels(known.test_images)


def fresh(kind: str, known: data.Dataset, seed: int) -> nn.Module:
    if kind == "logistic":
        network: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        nn.init.zeros_(network[1].weight)  # type: ignore[index]
    else:
        name, depth = kind.split("-")
        network = getattr(networks, name)(int(depth), in_channels=1, width=8, seed=seed)
    return FromPixels(network, known.mean, known.std)


@torch.no_grad()
def right(network: nn.Module, pixels: Tensor, labels: Tensor) -> float:
    """Accuracy in per cent."""
    return 100 * float((network(pixels).argmax(1) == labels).double().mean())


def rates(kind: str, change: str, rate: float, seed: int) -> dict:
    """Accuracy on a fifth of the training pictures that did not train, as they are and attacked."""
    known, pixels, _ = digits()
    held = torch.arange(len(pixels)) % 5 == seed % 5
    network = taught(fresh(kind, known, seed), pixels[~held], known.train_labels[~held], rate, seed, CHANGES[change])
    x, y = pixels[held], known.train_labels[held]
    moved = pgd(network, x, y, 0.15, torch.Generator().manual_seed(seed))
    return {"clean": right(network, x, y), "attacked": right(network, moved, y)}


SIZES = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3)
TESTS = 200


def judged(network: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> dict:
    """Accuracy on test pictures: clean, and for each size of the change by each attack."""
    found: dict[str, Any] = {"clean": right(network, x, y)}
    found["fgsm"] = [right(network, fgsm(network, x, y, size), y) for size in SIZES]
    for name, attack in (("pgd", pgd), ("broken", broken)):
        found[name] = [right(network, attack(network, x, y, size, generator), y) for size in (0.05, 0.1, 0.2)]
    found["signs"] = [right(network, signs(x, size, generator), y) for size in SIZES]
    return found


def compared(rates: dict[str, float], seed: int) -> dict:
    """All networks of one seed, attacked directly, and with the pictures that were made for residual-8."""
    known, pixels, tests = digits()
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(tests), generator=generator)[:TESTS]
    x, y = tests[chosen], known.test_labels[chosen]
    trained = {}
    for name, rate in rates.items():
        kind, _, change = name.partition(" ")
        trained[name] = taught(fresh(kind, known, seed), pixels, known.train_labels, rate, seed, CHANGES[change])
    source = trained["residual-8"]
    made = {size: pgd(source, x, y, size, generator) for size in (0.1, 0.2)}
    found: dict[str, Any] = {}
    for name, network in trained.items():
        found[name] = judged(network, x, y, generator)
        found[name]["transfer"] = [right(network, moved, y) for moved in made.values()]
    source.network.classifier.weight.data *= 1000  # type: ignore[operator, union-attr]
    source.network.classifier.bias.data *= 1000    # type: ignore[operator, union-attr]
    found["scaled"] = judged(source, x, y, generator)
    found["scaled"]["transfer"] = [right(source, moved, y) for moved in made.values()]
    return found


@torch.no_grad()
def counts(network: nn.Module, image: Tensor, votes: int, generator: torch.Generator) -> Tensor:
    """How often the network answers each class when normal noise is added to an image, 1×8×8."""
    noise = torch.randn(votes, *image.shape, generator=generator)
    return network(image + SIGMA * noise).argmax(1).bincount(minlength=10)


def certified(network: nn.Module, image: Tensor, votes: int, generator: torch.Generator) -> tuple[int, float]:
    """The class that wins under noise, and the radius within which nothing can change that (Cohen et al. 2019).

    The radius is 0 when the vote is not clear enough. It is wrong for one image in a thousand at most.
    """
    winner = int(counts(network, image, 50, generator).argmax())
    wins = int(counts(network, image, votes, generator)[winner])
    low = binomtest(wins, votes).proportion_ci(0.998, "exact").low
    return winner, SIGMA * float(norm.ppf(low)) if low > 0.5 else 0.0


RADII = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


def certificate(rate: float, plain_rate: float, seed: int) -> dict:
    """Share of 60 test pictures that are right for certain within a radius; the accuracy under attack beside it."""
    known, pixels, tests = digits()
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(tests), generator=generator)[:60]
    x, y = tests[chosen], known.test_labels[chosen]
    found: dict[str, Any] = {}
    for name, change, own in (("noisy", noisy, rate), ("usual", None, plain_rate)):
        network = taught(fresh("residual-8", known, seed), pixels, known.train_labels, own, seed, change)
        found[name] = [right(network, round_pgd(network, x, y, radius), y) if radius else right(network, x, y)
                       for radius in RADII]
        radii = torch.tensor([reach if winner == label else -1.0 for (winner, reach), label in zip(
            (certified(network, image, 500, generator) for image in x), y)])
        found[f"{name} certified"] = [100 * float((radii > max(radius, 1e-9)).double().mean()) for radius in RADII]
    return found


GROUPS: dict[str, Callable[..., dict]] = {"rates": rates, "compared": compared, "certificate": certificate}


def measure(group: str, **setting: Any) -> dict:
    return GROUPS[group](**setting)


def record(plan: list[dict]) -> runs.Study:
    return runs.record("attacks", "How far must the pixels move before a network errs?", plan, measure)


KINDS = [("residual-8", ""), ("plain-8", ""), ("residual-20", ""), ("logistic", ""), ("residual-8", "attacked"),
         ("residual-8", "coined"), ("residual-8", "noisy")]

if __name__ == "__main__":
    torch.set_num_threads(1)
    plan: list[dict] = [{"group": "rates", "kind": kind, "change": change, "rate": rate, "seed": seed}
                        for kind, change in KINDS for rate in RATES for seed in (101,)]
    there = (runs.FOLDER / "attacks.json").exists()
    before = [run["configuration"] for run in runs.load("attacks").runs] if there else []
    found = record(plan + [one for one in before if one not in plan])
    best = {f"{kind} {change}".strip(): max(RATES, key=lambda rate: statistics.mean(
        run["attacked" if change == "attacked" else "clean"]
        for run in found.select(group="rates", kind=kind, change=change, rate=rate))) for kind, change in KINDS}
    shown = {name: rate for name, rate in best.items() if name != "residual-8 noisy"}
    plan += [{"group": "compared", "rates": shown, "seed": seed} for seed in range(1, 11)]
    plan += [{"group": "certificate", "rate": best["residual-8 noisy"], "plain_rate": best["residual-8"], "seed": seed}
             for seed in range(1, 11)]
    record(plan)
