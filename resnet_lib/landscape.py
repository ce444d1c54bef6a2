"""The loss around a network: along straight lines through its weights, its curvature, and the path of a training.

A network's batch normalisations either keep the statistics that they have stored (evaluation mode), or recompute them
from the images at every point (training mode). Taught in understanding/loss-landscape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

Direction = list[Tensor]


def weights(network: nn.Module) -> list[nn.Parameter]:
    """The filters of all convolutions and the rows of the classifier; biases and batch normalisations are left out."""
    return [parameter for parameter in network.parameters() if parameter.ndim > 1]


def lengths(weight: Tensor) -> Tensor:
    """The length of every filter, in a shape that multiplies the weights outputs×inputs×…"""
    return weight.detach().flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))


def direction(network: nn.Module, seed: int, length: float | None = None) -> Direction:
    """A random direction in the space of the weights.

    Each filter of it is as long as the network's filter (Li et al. 2018, section 4). With `length` all is normal noise
    of this length instead, without regard to the filters.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = [torch.randn(weight.shape, generator=generator) for weight in weights(network)]
    if length is None:
        return [part * lengths(weight) / lengths(part) for part, weight in zip(noise, weights(network))]
    whole = math.sqrt(sum(part.square().sum().item() for part in noise))
    return [part * (length / whole) for part in noise]


@contextmanager
def moved(network: nn.Module, *steps: tuple[Direction, float]) -> Iterator[None]:
    """Inside, the network's weights w are w + Σ step · direction; afterwards they are what they were."""
    before = [weight.detach().clone() for weight in weights(network)]
    try:
        with torch.no_grad():
            for along, step in steps:
                for weight, part in zip(weights(network), along):
                    weight.add_(part, alpha=step)
        yield
    finally:
        with torch.no_grad():
            for weight, old in zip(weights(network), before):
                weight.copy_(old)


@contextmanager
def statistics(network: nn.Module, recomputed: bool) -> Iterator[None]:
    """Inside, batch normalisation uses its stored statistics, or those of the images at hand; none are changed."""
    norms, training = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)], network.training
    for module in norms:
        module.track_running_stats = False  # what is stored stays
    network.train(recomputed)
    try:
        yield
    finally:
        network.train(training)
        for module in norms:
            module.track_running_stats = True


@torch.no_grad()
def loss(network: nn.Module, images: Tensor, labels: Tensor, recomputed: bool) -> float:
    """Mean cross-entropy in nats on images N×C×H×W in one batch; infinite where it is no number."""
    with statistics(network, recomputed):
        found = functional.cross_entropy(network(images), labels).item()
    return found if math.isfinite(found) else math.inf


def ray(network: nn.Module, images: Tensor, labels: Tensor, along: Direction, steps: Sequence[float],
        recomputed: bool) -> list[float]:
    """The loss at each of these steps along a direction."""
    found = []
    for step in steps:
        with moved(network, (along, step)):
            found.append(loss(network, images, labels, recomputed))
    return found


def plane(network: nn.Module, images: Tensor, labels: Tensor, axes: tuple[Direction, Direction],
          steps: Sequence[float], recomputed: bool) -> list[list[float]]:
    """The loss on a grid: one row a step along the second axis, one column a step along the first."""
    found = []
    for up in steps:
        row = []
        for right in steps:
            with moved(network, (axes[0], right), (axes[1], up)):
                row.append(loss(network, images, labels, recomputed))
        found.append(row)
    return found


def bent_down(losses: Sequence[float], least: float = 1e-3) -> float:
    """Share of the inner points of a line at which the loss lies above the chord of its neighbours.

    That is, L(−) − 2 L + L(+) is below −`least`. A convex function has none.
    """
    second = [before - 2 * here + after for before, here, after in zip(losses, losses[1:], losses[2:])]
    return sum(difference < -least for difference in second) / len(second)


# Curvature ----------------------------------------------------------------------------------------------------------

def hessian_product(network: nn.Module, images: Tensor, labels: Tensor, recomputed: bool,
                    scaled: bool) -> Callable[[Tensor], Tensor]:
    """A function v ↦ H v, H the Hessian of the loss in the weights, v one number a weight (Pearlmutter 1994).

    `scaled`: D H D instead, D the lengths of the filters: curvature for steps measured in lengths of the filters.
    Statistics that are recomputed follow the weights, and the derivative goes through them.
    """
    parameters = weights(network)
    with statistics(network, recomputed):
        value = functional.cross_entropy(network(images), labels)
    gradients = torch.autograd.grad(value, parameters, create_graph=True)
    scales = [lengths(weight) if scaled else torch.ones(()) for weight in parameters]
    sizes = [weight.numel() for weight in parameters]

    def product(vector: Tensor) -> Tensor:
        parts = [part.view(weight.shape) * scale
                 for part, weight, scale in zip(vector.split(sizes), parameters, scales)]
        products = torch.autograd.grad(gradients, parameters, parts, retain_graph=True)
        return torch.cat([(part * scale).flatten() for part, scale in zip(products, scales)])

    return product


def lanczos(product: Callable[[Tensor], Tensor], size: int, steps: int = 10, seed: int = 1) -> Tensor:
    """Estimates of eigenvalues of a symmetric matrix, ascending; those at the two ends are right first (Lanczos 1950).

    `product` multiplies a vector of `size` numbers by the matrix. Each new vector is made orthogonal to all before it,
    and the matrix is seen in their space alone, where it has three diagonals.
    """
    vector = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    basis, diagonal, beside = [vector / vector.norm()], list[float](), list[float]()
    for _ in range(steps):
        vector = product(basis[-1])
        diagonal.append(torch.dot(vector, basis[-1]).item())
        for _ in range(2):  # twice is enough
            for one in basis:
                vector = vector - torch.dot(vector, one) * one
        length = vector.norm().item()
        if len(diagonal) == steps or length < 1e-6 * max(map(abs, diagonal)):
            break
        beside.append(length)
        basis.append(vector / length)
    three = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    off = torch.diag(torch.tensor(beside[:len(diagonal) - 1], dtype=torch.float64), 1)
    return torch.linalg.eigvalsh(three + off + off.T)


def curvature(network: nn.Module, images: Tensor, labels: Tensor, *, recomputed: bool = True, scaled: bool = True,
              steps: int = 10) -> tuple[float, float]:
    """The smallest and the largest eigenvalue of the Hessian, by `steps` of Lanczos."""
    size = sum(weight.numel() for weight in weights(network))
    found = lanczos(hessian_product(network, images, labels, recomputed, scaled), size, steps)
    return found[0].item(), found[-1].item()


# The path of a training ---------------------------------------------------------------------------------------------

def shares(points: Tensor) -> Tensor:
    """Share of the variance of points N×d along each principal component, the largest first.

    From the N×N table of products of the centred points, which has the same eigenvalues as the d×d covariance.
    """
    centred = points.double() - points.double().mean(0)
    return of_products(centred @ centred.T)


def of_products(products: Tensor) -> Tensor:
    """Eigenvalues of a table of products, as shares of their sum, the largest first."""
    values = torch.linalg.eigvalsh(products).flip(0).clamp_min(0)
    return values / values.sum()


def walk_shares(steps: Sequence[float], cosines: Sequence[float] | None = None) -> Tensor:
    """What `shares` gives for a random walk in very many dimensions with these step lengths.

    There two random steps are orthogonal, so that nothing is left to chance. `cosines`: those between each step and
    the next; steps further apart then have the product of those between (a walk that forgets its direction slowly).
    """
    length, count = torch.tensor(steps, dtype=torch.float64), len(steps)
    turned = torch.eye(count, dtype=torch.float64)
    for first in range(count):
        for second in range(first + 1, count):
            kept = 0.0 if cosines is None else turned[first, second - 1] * cosines[second - 1]
            turned[first, second] = turned[second, first] = kept
    sums = torch.tril(torch.ones(count + 1, count, dtype=torch.float64), -1) * length
    products = sums @ turned @ sums.T
    centring = torch.eye(count + 1, dtype=torch.float64) - 1 / (count + 1)
    return of_products(centring @ products @ centring)
