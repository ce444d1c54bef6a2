"""Networks from a number to a number: how alike their derivatives are at neighbouring points, and how fast they learn.

Fully connected networks on 256 points between −2 and 2, as in Balduzzi et al. 2017, figure 1.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import networks, runs

NETWORKS = {"plain": {}, "plain + batch norm": {"normalisation": True},
            "residual + batch norm": {"normalisation": True, "skip": True}}
DEPTHS, LAGS, RATES, TUNED_ON = (2, 10, 24, 50), (1, 5, 15), (0.003, 0.01, 0.03, 0.1, 0.3), 101


def line(count: int = 256) -> Tensor:
    return torch.linspace(-2, 2, count)[:, None]


def from_number_to_number(depth: int, seed: int, width: int = 100, **options) -> networks.FullyConnected:
    """A fully connected network with kinks of its first layer all along the line."""
    network = networks.fully_connected(depth, width, inputs=1, outputs=1, seed=seed, **options)
    nn.init.normal_(network.first.bias, generator=torch.Generator().manual_seed(seed))
    return network


def derivative(network: nn.Module, x: Tensor) -> Tensor:
    """dy/dx at every point, the statistics of batch norm being held fixed."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 1.0
    network.train()(x)
    x = x.clone().requires_grad_()
    return torch.autograd.grad(network.eval()(x).sum(), x)[0].flatten()


def jacobian(network: nn.Module, x: Tensor) -> Tensor:
    """∂y_i/∂x_j of all pairs of points, through the statistics of batch norm."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.track_running_stats = False
            module.running_mean = module.running_var = None
    return torch.func.jacfwd(lambda values: network(values[:, None]).flatten())(x.flatten())


def autocorrelation(values: Tensor, lag: int) -> float:
    """Correlation of the values with those `lag` points further on."""
    centred = values.double() - values.double().mean()
    return ((centred[:-lag] * centred[lag:]).sum() / centred.square().sum()).item()


def target(name: str, seed: int) -> Tensor:
    x = line(128)
    values = torch.sin(3 * x) if name == "smooth" else torch.randn(
        x.shape, generator=torch.Generator().manual_seed(seed))
    return (values - values.mean()) / values.std(correction=0)


def learn(name: str, depth: int, wanted: str, learning_rate: float, seed: int) -> float:
    """Mean squared error after 150 steps; 1 is that of the best constant."""
    network = from_number_to_number(depth, seed, width=64, **NETWORKS[name])
    x, y = line(128), target(wanted, seed)
    descent = torch.optim.SGD(network.parameters(), lr=learning_rate, momentum=0.9)
    for _ in range(150):
        loss = functional.mse_loss(network(x), y)
        if not loss.isfinite():
            return math.inf
        descent.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        descent.step()
    return functional.mse_loss(network(x), y).item()


def measure(part: str, network: str, depth: int, seed: int = 0, wanted: str = "") -> dict:
    if part == "learning":
        tried = [learn(network, depth, wanted, rate, TUNED_ON) for rate in RATES]
        rate = RATES[tried.index(min(tried))]
        return {"rates": RATES, "tried": tried, "rate": rate,
                "errors": [learn(network, depth, wanted, rate, one) for one in range(1, 4)]}
    made = from_number_to_number(depth, seed, **NETWORKS[network])
    if part == "jacobian":
        whole = jacobian(made, line())
        own, total = whole.diagonal(), whole.sum(0)
        fixed = derivative(from_number_to_number(depth, seed, **NETWORKS[network]), line())
        return {name: [autocorrelation(values, lag) for lag in LAGS]
                for name, values in (("fixed", fixed), ("own", own), ("sum", total))}
    slopes = derivative(made, line())
    return {"autocorrelation": [autocorrelation(slopes, lag) for lag in LAGS]}


if __name__ == "__main__":
    runs.record("shattering", "Do shattered gradients make a network slow to train?",
                [{"part": "autocorrelation", "network": name, "depth": depth, "seed": seed}
                 for name in NETWORKS for depth in DEPTHS for seed in range(1, 11)]
                + [{"part": "jacobian", "network": name, "depth": 24, "seed": seed}
                   for name in ("plain + batch norm", "residual + batch norm") for seed in range(1, 3)]
                + [{"part": "learning", "network": name, "depth": 24, "wanted": wanted}
                   for name in ("plain + batch norm", "residual + batch norm")
                   for wanted in ("smooth", "noise")], measure)
