"""Memory of a training step on batches of 32×32: what autograd keeps, PyTorch's peak, and the growth of a process.

Each measurement is made in a process of its own, whose largest resident memory the system reports.
"""

import json
import os
import resource
import subprocess
import sys

os.environ["KINETO_LOG_LEVEL"] = "5"  # PyTorch's profiler keeps its remarks to itself

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from resnet_lib import costs, networks, runs


def resident() -> int:
    """Bytes of this process that are in memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def child(kind: str, depth: int, batch: int, way: str) -> dict:
    """Three steps, each watched in another way; the first is the largest thing that this process has done."""
    torch.set_num_threads(1)
    network = getattr(networks, kind)(depth, seed=1).to(memory_format=torch.channels_last).train()
    images = torch.randn(batch, 3, 32, 32).to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,))

    def forward(x: Tensor) -> Tensor:
        if way == "checkpointed":
            x = network.stem(x)
            for block in network.blocks():
                x = checkpoint(block, x, use_reentrant=False)
            return network.classifier(x.mean((2, 3)))
        with torch.autocast("cpu", torch.bfloat16, enabled=way == "bfloat16"):
            return network(x)

    def step(x: Tensor, y: Tensor) -> None:
        if way == "evaluation":
            with torch.no_grad():
                network.eval()(x)
        else:
            functional.cross_entropy(forward(x).float(), y).backward()

    step(images[:2], labels[:2])  # the libraries are loaded, the gradients there
    before = resident()
    step(images, labels)
    found = {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before,
             "peak": costs.peak_bytes(lambda: step(images, labels))}
    if way != "evaluation":
        found["kept"] = costs.kept_bytes(network, lambda: forward(images))
    return found


def measure(**options: object) -> dict:
    done = subprocess.run([sys.executable, __file__, json.dumps(options)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(child(**json.loads(sys.argv[1]))))
    else:
        torch.set_num_threads(1)
        runs.record("memory", "How much memory does a training step need?",
                    [{"kind": kind, "depth": depth, "batch": 128, "way": "training"}
                     for kind in ("plain", "residual") for depth in (20, 32, 44, 56, 110)]
                    + [{"kind": kind, "depth": depth, "batch": 128, "way": way} for kind, depth, way in (
                        ("residual", 56, "checkpointed"), ("residual", 56, "bfloat16"), ("plain", 56, "evaluation"),
                        ("residual", 56, "evaluation"))], measure)
