"""A Transformer trained by two processes that hold half of it each (FSDP), and by one: what each holds, and the result.

The part below WORKER is what `torchrun` starts, two times; it is all that a training of one's own needs, too:
PYTHONPATH=book/runs torchrun --standalone --nproc-per-node 2 book/runs/two_halves.py SEED
"""

import json
import os
import subprocess
import sys

import torch
from large_models import TASKS, Transformer
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import fully_shard
from torch.nn import functional

from resnet_lib import runs

STEPS = 5


# WORKER ------------------------------------------------------------------------------------------------------------

def train(network: nn.Module, rank: int, size: int) -> torch.optim.Optimizer:
    """A few steps, in which this process computes every size-th example."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for step in range(STEPS):
        tokens, answers = TASKS["sorting"][0](64, torch.Generator().manual_seed(step))
        logits = network(tokens[rank::size])
        optimizer.zero_grad()
        functional.cross_entropy(logits.flatten(0, 1), answers[rank::size].flatten()).backward()
        optimizer.step()
    return optimizer


def held(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict:
    """Bytes of weights, gradients and optimiser that lie in this process."""
    def size(tensors: list[Tensor]) -> int:
        local = [tensor.to_local() if hasattr(tensor, "to_local") else tensor for tensor in tensors]
        return sum(tensor.numel() * tensor.element_size() for tensor in local)

    weights = list(network.parameters())
    moments = [value for state in optimizer.state.values() for name, value in state.items() if name != "step"]
    return {"weights": size(weights), "gradients": size([weight.grad for weight in weights]),
            "optimiser": size(moments)}


def compare(seed: int) -> dict:
    """The same training whole and in halves; `apart`: distance of the weights over the way that they have come."""
    rank, size = distributed.get_rank(), distributed.get_world_size()
    options = {"depth": 4, "seed": seed, **TASKS["sorting"][1]}
    start, whole, network = Transformer(**options), Transformer(**options), Transformer(**options)
    alone = held(whole, train(whole, 0, 1))
    for block in network.blocks:
        fully_shard(block)  # a block's weights are gathered when it is computed, and let go again
    fully_shard(network)  # and so with all that is in no block
    mine = held(network, train(network, rank, size))
    apart = come = 0.0
    for a, b, c in zip(network.parameters(), whole.parameters(), start.parameters()):
        apart += (a.full_tensor() - b).square().sum().item()
        come += (b - c).square().sum().item()
    return {"alone": alone, "mine": mine, "apart": (apart / come) ** 0.5}


def worker(seed: int) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")  # on GPUs: "nccl"
    found = compare(seed)
    if distributed.get_rank() == 0:
        print("found", json.dumps(found), flush=True)
    distributed.destroy_process_group()


# Recording ---------------------------------------------------------------------------------------------------------

def measure(seed: int) -> dict:
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                           __file__, str(seed)], capture_output=True, text=True, check=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("found"))[5:])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        worker(int(sys.argv[1]))
    else:
        torch.set_num_threads(1)
        runs.record("two_halves",
                    "What does each of two processes hold that share a network, and is it still the same training?",
                    [{"seed": seed} for seed in range(1, 6)], measure)
