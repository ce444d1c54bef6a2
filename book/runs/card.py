"""A training step on a graphics card (CUDA): seconds, kernels, how long they keep it busy, and peak memory.

Each run is one round: all settings of a group once, one after another. Needs a card; `results` names it.
"""

import gc
import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from resnet_lib import networks, runs

DEPTHS = (20, 32, 44, 56, 110)
BATCHES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


@dataclass(frozen=True)
class Way:
    """How a step is computed: `numbers` "float32", "TF32" (float32 whose products have ten binary digits) or
    "bfloat16"; `last`: channels last; `compile`: kernels by torch.compile; `graph`: the whole step as one CUDA graph.
    """

    numbers: str = "float32"
    last: bool = False
    compile: bool = False
    graph: bool = False


WAYS = {"float32": Way(), "TF32": Way("TF32"), "bfloat16": Way("bfloat16"), "channels last": Way(last=True),
        "compiled": Way(compile=True), "one graph": Way(graph=True),
        "bfloat16, channels last": Way("bfloat16", last=True),
        "bfloat16, channels last, one graph": Way("bfloat16", last=True, graph=True),
        "all four": Way("bfloat16", True, True, True)}


class Steps:
    """A network on the card with its optimiser, images and labels; called, it takes one step."""

    def __init__(self, kind: str, depth: int, batch: int, way: Way):
        tf32 = "tf32" if way.numbers == "TF32" else "ieee"
        torch.backends.cudnn.conv.fp32_precision = torch.backends.cuda.matmul.fp32_precision = tf32
        generator = torch.Generator().manual_seed(0)
        layout = torch.channels_last if way.last else torch.contiguous_format
        self.network = getattr(networks, kind)(depth, seed=1).cuda().to(memory_format=layout).train()
        self.images = torch.randn(batch, 3, 32, 32, generator=generator).cuda().to(memory_format=layout)
        self.labels = torch.randint(10, (batch,), generator=generator).cuda()
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
        self.way = way
        self.called = torch.compile(self.network) if way.compile else self.network
        self.graph: torch.cuda.CUDAGraph | None = None

    def loss(self) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled=self.way.numbers == "bfloat16"):
            logits = self.called(self.images)
        return functional.cross_entropy(logits.float(), self.labels)

    def step(self) -> None:
        self.optimizer.zero_grad()
        self.loss().backward()
        self.optimizer.step()

    def ready(self) -> float:
        """Take the first steps, and capture one where a graph is wanted; the seconds that this takes."""
        start = time.perf_counter()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # a capture needs its warm-up on another stream
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        if self.way.graph:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.step()
        torch.cuda.synchronize()
        return time.perf_counter() - start

    def __call__(self) -> None:
        if self.graph is None:
            self.step()
        else:
            self.graph.replay()

    def seconds(self, blocks: int = 5, least: float = 0.05) -> float:
        """Seconds of a step by the clock: the median of `blocks` of as many steps as take at least `least` seconds."""
        count, found = 2, []
        while len(found) < blocks:
            torch.cuda.synchronize()
            start = time.perf_counter()
            for _ in range(count):
                self()
            torch.cuda.synchronize()
            passed = time.perf_counter() - start
            if passed < least:
                count *= 2
            else:
                found.append(passed / count)
        return statistics.median(found)

    def kernels(self) -> tuple[float, float]:
        """How many kernels (with copies and fills) a step starts, and the seconds that they keep the card busy."""
        steps = 3
        with profile(activities=[ProfilerActivity.CUDA]) as watched:
            for _ in range(steps):
                self()
            torch.cuda.synchronize()
        events = [event for event in watched.events() if event.device_type == torch.autograd.DeviceType.CUDA]
        return len(events) / steps, sum(event.device_time_total for event in events) / 1e6 / steps


def measured(kind: str, depth: int, batch: int, way: Way) -> dict:
    """One setting, from an empty card."""
    torch.compiler.reset()  # each setting compiles for itself
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    steps = Steps(kind, depth, batch, way)
    found = {"first": steps.ready(), "seconds": steps.seconds(), "peak": torch.cuda.max_memory_allocated()}
    found["kernels"], found["busy"] = steps.kernels()
    return found


def means(depth: int, batch: int) -> dict:
    """Residual networks: strict float32, channels first, and what is changed, one thing at a time and together."""
    return {name: measured("residual", depth, batch, way) for name, way in WAYS.items()
            if (depth, batch) == (20, 128) or not way.compile}  # compiling takes the longest by far


def curves(way: str) -> dict:
    """Against the batch, residual-20; and against depth, both kinds, 128 images."""
    return {"batch": [measured("residual", 20, batch, WAYS[way]) for batch in BATCHES],
            **{kind: [measured(kind, depth, 128, WAYS[way]) for depth in DEPTHS] for kind in ("plain", "residual")}}


def numbers() -> dict:
    """How far the gradient of residual-20 (128 images) is from that in float64, relative to its length."""
    def gradient(steps: Steps) -> Tensor:
        steps.loss().backward()
        return torch.cat([parameter.grad.flatten().double() for parameter in steps.network.parameters()])

    exact = Steps("residual", 20, 128, Way())
    exact.network.double()
    exact.images = exact.images.double()
    logits = exact.network(exact.images)
    functional.cross_entropy(logits, exact.labels).backward()
    wanted = torch.cat([parameter.grad.flatten() for parameter in exact.network.parameters()])
    return {name: ((gradient(Steps("residual", 20, 128, WAYS[name])) - wanted).norm() / wanted.norm()).item()
            for name in ("float32", "TF32", "bfloat16")}


def measure(group: str, round: int, **options: object) -> dict:
    found = {"means": means, "curves": curves, "numbers": numbers}[group](**options)  # type: ignore[operator]
    return {"card": torch.cuda.get_device_name(), **found}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("card", "What does a training step cost on a graphics card, and what makes it cheaper?",
                [{"group": "numbers", "round": 1}]
                + [{"group": group, **options, "round": number} for number in range(1, 3) for group, options in (
                    ("curves", {"way": "TF32"}), ("curves", {"way": "bfloat16, channels last, one graph"}),
                    ("means", {"depth": 20, "batch": 128}), ("means", {"depth": 20, "batch": 2048}),
                    ("means", {"depth": 56, "batch": 128}))], measure)
