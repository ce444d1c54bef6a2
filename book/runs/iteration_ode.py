"""A small neural ODE: trained with one solver, evaluated with others."""

import copy
import itertools
from typing import Any

import torch
from iteration import COPIES, reached, rk4, split, wrong
from torch import nn

from resnet_lib import networks, runs, training

END = 4.0  # the time that each stage's flow takes
RATES = {("euler", 1): 0.03, ("euler", 2): 0.03, ("euler", 4): 0.03}  # by the runs of the part "rate"


def euler(f, x, h):
    return x + h * f(x)


class Flow(nn.Module):
    """A branch as the right-hand side of dx/dt = f(x), followed from time 0 to `end`."""

    def __init__(self, channels, steps, solver=euler, end=1.0):
        super().__init__()
        self.conv1 = networks.convolution(channels, channels)
        self.norm1 = nn.GroupNorm(4, channels)
        self.conv2 = networks.convolution(channels, channels)
        self.norm2 = nn.GroupNorm(4, channels)
        self.steps, self.solver, self.end = steps, solver, end

    def f(self, x):
        x = torch.relu(self.norm1(self.conv1(x)))
        return self.norm2(self.conv2(x))

    def forward(self, x):
        for _ in range(self.steps):
            x = self.solver(self.f, x, self.end / self.steps)
        return x


def neural_ode(steps, solver=euler, seed=1, end=1.0):
    """Residual-14 whose second block of each stage is a flow."""
    network = networks.residual(14, in_channels=1, classes=10, seed=seed)
    with networks.seeded(seed):
        for stage, channels in zip(network.stages, (16, 32, 64)):
            stage[1] = Flow(channels, steps, solver, end)
    networks.initialise(network)
    return network


def solve(network, steps, solver=euler):
    """The same network with another solver, in place."""
    for module in network.modules():
        if isinstance(module, Flow):
            module.steps, module.solver = steps, solver
    return network


SOLVERS = {"euler": euler, "rk4": rk4}


def trained(solver: str, steps: int, rate: float, seed: int) -> tuple[networks.Network, dict]:
    network = neural_ode(steps, SOLVERS[solver], seed, END)
    history = training.fit(network, split(seed), learning_rate=rate, seed=seed, progress=False)
    return network.eval(), reached(history)


def other_solvers(solver: str, steps: int, rate: float, seed: int) -> dict:
    """Wrong test images by other solvers and step counts, and by how much the last features differ between m and 2m
    steps, relative to their size."""
    network, found = trained(solver, steps, rate, seed)
    found["wrong"] = {name: {str(count): wrong(solve(network, count, method), split(seed))
                             for count in (1, 2, 3, 4, 8, 16, 32) if name == "euler" or count <= 8}
                      for name, method in SOLVERS.items()}
    fine, images = copy.deepcopy(network).double(), split(seed).test_images[:32].double()
    found["differences"] = {}
    with torch.no_grad():
        for name, method in SOLVERS.items():
            ends = [solve(fine, count, method).features(images) for count in COPIES[:6 if name == "euler" else 5]]
            found["differences"][name] = [((a - b).norm() / ends[-1].norm()).item()
                                          for a, b in itertools.pairwise(ends)]
    return found


def measure(part: str, **which: Any) -> dict:
    try:
        return trained(**which)[1] if part == "rate" else other_solvers(**which)
    except training.TrainingDiverged:
        return {"diverged": True}


def configurations() -> list[dict]:
    rates = [{"part": "rate", "solver": solver, "steps": steps, "rate": rate, "seed": 201}
             for solver, steps in RATES for rate in (0.03, 0.1)]
    return rates + [{"part": "solvers", "solver": solver, "steps": steps, "rate": rate, "seed": seed}
                    for seed in range(211, 214) for (solver, steps), rate in RATES.items()]


if __name__ == "__main__":
    runs.record("iteration_ode", "Does a neural ODE survive another solver?", configurations(), measure)
