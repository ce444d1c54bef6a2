"""Processor seconds of a training step on one thread: by kind of layer, with each lever, and against what is scaled.

Each run is one round: all settings of a group once, one after another, so that what else the machine does meets all.
"""

import os

os.environ["KINETO_LOG_LEVEL"] = "5"  # PyTorch's profiler keeps its remarks to itself

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from resnet_lib import costs, networks, runs

DEPTHS, WIDTHS, SIDES = (20, 32, 44, 56, 110), (8, 16, 32, 64), (16, 32, 64, 96)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)


class Checkpointed(nn.Module):
    """The network with each of its blocks computed a second time on the way back, instead of kept."""

    def __init__(self, network: networks.Network):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        x = self.network.stem(x)
        for block in self.network.blocks():
            x = checkpoint(block, x, use_reentrant=False)
        return self.network.classifier(x.mean((2, 3)))


class Steps:
    """A network with its optimiser, images and labels; called, it takes one step."""

    def __init__(self, network: nn.Module, batch: int, side: int = 32, *, last: bool = True, precision: str = "float32",
                 accumulation: int = 1):
        generator = torch.Generator().manual_seed(0)
        layout = torch.channels_last if last else torch.contiguous_format
        self.network = network.to(memory_format=layout).train()
        self.images = torch.randn(batch, 3, side, side, generator=generator).to(memory_format=layout)
        self.labels = torch.randint(10, (batch,), generator=generator)
        self.optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)
        self.precision, self.accumulation = precision, accumulation

    def __call__(self) -> None:
        self.optimizer.zero_grad()
        for x, y in zip(self.images.chunk(self.accumulation), self.labels.chunk(self.accumulation)):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
                logits = self.network(x)
            (functional.cross_entropy(logits.float(), y, reduction="sum") / len(self.images)).backward()
        self.optimizer.step()

    def seconds(self, count: int) -> float:
        """Processor seconds of a step, the mean of `count` after one that warms up."""
        self()
        start = time.process_time()
        for _ in range(count):
            self()
        return (time.process_time() - start) / count


def residual(depth: int = 20, width: int = 16) -> networks.Network:
    return networks.residual(depth, width=width, seed=1)


def levers() -> dict:
    """Residual-20, 128 images of 32×32: the usual layout and numbers, and one thing changed at a time."""
    arms: dict[str, Callable[[], Steps]] = {
        "channels first": lambda: Steps(residual(), 128, last=False),
        "channels last": lambda: Steps(residual(), 128),
        "bfloat16": lambda: Steps(residual(), 128, precision="bfloat16"),
        "checkpointed": lambda: Steps(Checkpointed(residual()), 128),
        "4 parts": lambda: Steps(residual(), 128, accumulation=4),
        "16 parts": lambda: Steps(residual(), 128, accumulation=16),
        "plain": lambda: Steps(networks.plain(20, seed=1), 128)}
    found = {name: make().seconds(1) for name, make in arms.items()}
    with torch.no_grad():
        steps = arms["channels last"]()
        steps.network(steps.images)
        start = time.process_time()
        steps.network(steps.images)
        found["forward alone"] = time.process_time() - start
    return {"seconds": found}


def compiled() -> dict:
    """Steps of residual-8 with torch.compile and without, and the processor seconds that compiling takes."""
    found, compiling = {}, {}
    for precision in ("float32", "bfloat16"):
        steps = Steps(residual(8), 128, precision=precision)
        found[precision] = statistics.median(steps.seconds(1) for _ in range(5))
        start = runs.processor_seconds()
        compiled = Steps(torch.compile(residual(8)), 128, precision=precision)
        compiled()
        compiling[precision] = runs.processor_seconds() - start
        found[f"{precision}, compiled"] = statistics.median(compiled.seconds(1) for _ in range(5))
    return {"seconds": found, "compiling": compiling}


def curves() -> dict:
    """Seconds of a step against depth, width, side of the image and batch; residual-20 and 8 images elsewhere."""
    def over(values: tuple[int, ...], make: Callable[[int], Steps]) -> list[float]:
        return [make(value).seconds(2) for value in values]

    return {"depth": over(DEPTHS, lambda depth: Steps(residual(depth), 8)),
            "plain": over(DEPTHS, lambda depth: Steps(networks.plain(depth, seed=1), 8)),
            "width": over(WIDTHS, lambda width: Steps(residual(width=width), 8)),
            "side": over(SIDES, lambda side: Steps(residual(), 8, side)),
            "batch": over(BATCHES, lambda batch: Steps(residual(), batch))}


def parts(kind: str, depth: int, precision: str) -> dict:
    """Milliseconds of a step by kind of layer, with the profiler; and of the convolutions alone, without it."""
    network = getattr(networks, kind)(depth, seed=1)
    steps, dtype = Steps(network, 128, precision=precision), getattr(torch, precision)
    steps()
    found = costs.parts(lambda: [steps() for _ in range(2)])
    return {"parts": {name: 500 * seconds for name, seconds in found.items()},
            "step": 1000 * steps.seconds(2), "alone": 1000 * costs.all_convolutions_seconds(
                network, steps.images, dtype, repeats=3, clock=time.process_time)}


def measure(group: str, round: int, **options: object) -> dict:
    return {"levers": levers, "curves": curves, "parts": parts, "compiled": compiled}[group](**options)  # type: ignore[operator]


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("step_cost", "What does a training step cost, which layers does it go to, and what changes it?",
                [{"group": "parts", "kind": kind, "depth": depth, "precision": precision, "round": number}
                 for number in range(1, 6) for kind, depth, precision in (
                     ("residual", 20, "float32"), ("residual", 20, "bfloat16"), ("plain", 20, "float32"))]
                + [{"group": "compiled", "round": 1}]
                + [{"group": group, "round": number} for number in range(1, 6) for group in ("levers", "curves")],
                measure)
