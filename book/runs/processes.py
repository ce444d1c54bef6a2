"""Data parallel training on one and two processes of one machine: processor seconds of a step and the all-reduce.

`torchrun` starts this script again, with the name of what to measure; the processes talk through gloo. Processor time
of each process is what its core has to work; where it waits for the other one, no time is counted.
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

SIZES = tuple(4**power for power in range(4, 12))  # numbers that are summed, of 4 bytes


def reduce_seconds(count: int, repeats: int = 100) -> float:
    """Seconds by the clock in which all processes sum `count` numbers: the shortest of many, undisturbed."""
    values, taken = torch.zeros(count), []
    for _ in range(repeats):
        distributed.barrier()
        start = time.perf_counter()
        distributed.all_reduce(values)
        taken.append(time.perf_counter() - start)
    return min(taken)


def step_seconds(batch: int, steps: int = 5) -> list[float]:
    """Processor seconds of each step of residual-20 with `batch` images a process."""
    network: nn.Module = networks.residual(20, seed=1).to(memory_format=torch.channels_last).train()
    if distributed.get_world_size() > 1:
        network = nn.parallel.DistributedDataParallel(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)
    images = torch.randn(batch, 3, 32, 32).to(memory_format=torch.channels_last)
    labels, taken = torch.randint(10, (batch,)), []
    for step in range(steps + 1):
        start = time.process_time()
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
        if step > 0:
            taken.append(time.process_time() - start)
    return taken


def worker() -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    size = distributed.get_world_size()
    found: dict = {"steps": {str(batch): step_seconds(batch // size) for batch in (32, 128)}}
    if size > 1:
        found["all_reduce"] = [reduce_seconds(count) for count in SIZES]
    if distributed.get_rank() == 0:
        print("found", json.dumps(found), flush=True)
    distributed.destroy_process_group()


def measure(processes: int, round: int) -> dict:
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                           str(processes), __file__, "worker"], capture_output=True, text=True, check=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("found"))[5:])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        worker()
    else:
        torch.set_num_threads(1)
        runs.record("processes", "What do two processes gain over one, and what does the all-reduce cost?",
                    [{"processes": processes, "round": number} for number in range(1, 3) for processes in (1, 2)],
                    measure)
