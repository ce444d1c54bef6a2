"""Data parallel training on one and two processes of one machine: seconds by the clock, in all and of the all-reduce.

`torchrun` starts this script again, with the name of what to measure; the processes talk through gloo.
"""

import json
import os
import subprocess
import sys
import time

import torch
from torch import distributed, nn
from torch.nn import functional

from resnet_lib import networks, runs

SIZES = tuple(4**power for power in range(4, 13))  # numbers that are summed, of 4 bytes


def reduce_seconds(count: int, repeats: int = 20) -> float:
    """Median seconds in which all processes sum `count` numbers."""
    values, taken = torch.zeros(count), []
    distributed.all_reduce(values)
    for _ in range(repeats):
        distributed.barrier()
        start = time.perf_counter()
        distributed.all_reduce(values)
        taken.append(time.perf_counter() - start)
    return sorted(taken)[repeats // 2]


def step_seconds(depth: int, batch: int, steps: int = 8) -> list[float]:
    """Seconds of each step with `batch` images a process."""
    network: nn.Module = networks.residual(depth, seed=1).to(memory_format=torch.channels_last).train()
    if distributed.get_world_size() > 1:
        network = nn.parallel.DistributedDataParallel(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)
    images = torch.randn(batch, 3, 32, 32).to(memory_format=torch.channels_last)
    labels, taken = torch.randint(10, (batch,)), []
    for step in range(steps + 2):
        distributed.barrier()
        start = time.perf_counter()
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
        if step >= 2:
            taken.append(time.perf_counter() - start)
    return taken


def worker(what: str, threads: int) -> None:
    torch.set_num_threads(threads)
    distributed.init_process_group("gloo")
    size = distributed.get_world_size()
    found: dict = {}
    if what == "all-reduce":
        found["seconds"] = [reduce_seconds(count) for count in SIZES]
    else:
        found["steps"] = {str(batch): step_seconds(20, batch // size) for batch in (32, 128)}
    if distributed.get_rank() == 0:
        print("found", json.dumps(found), flush=True)
    distributed.destroy_process_group()


def measure(what: str, processes: int, threads: int, round: int) -> dict:
    """`threads`: of each process."""
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                           str(processes), __file__, what, str(threads)], capture_output=True, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": str(threads)}, check=True)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("found"))[5:])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        worker(sys.argv[1], int(sys.argv[2]))
    else:
        torch.set_num_threads(1)
        runs.record("processes", "What do two processes gain over one, and what does the all-reduce cost?",
                    [{"what": what, "processes": processes, "threads": threads, "round": number}
                     for number in range(1, 8) for what, processes, threads in (
                         ("training", 1, 1), ("training", 2, 1), ("training", 1, 2), ("all-reduce", 2, 1))], measure)
