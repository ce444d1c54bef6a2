"""Do two processes that share every batch train the same network as one? With and without batch normalisation.

The book's own training runs 15 steps on digits, by one process and by two (torchrun, gloo); the weights are compared.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from resnet_lib import checkpoints, networks, runs

WAYS = {"no normalisation": ["--no-normalisation", "--learning-rate", "0.01"], "synchronised": ["--synchronise"],
        "each its own": []}


def trained(way: str, seed: int, processes: int) -> torch.Tensor:
    """All weights after the training, as one vector in double precision."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes),
                   "-m", "resnet_lib", "train", "--data", "digits", "--depth", "8", "--recipe", "he2015",
                   "--steps", "15", "--batch-size", "120", "--seed", str(seed), "--threads", "1",
                   "--checkpoints", folder, *WAYS[way]]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        (path,) = (path for path in Path(folder).iterdir() if not path.stem.endswith(".before"))
        content = checkpoints.load(path, {})
    assert content is not None and content["step"] == 15
    network = networks.residual(8, in_channels=1, normalisation=way != "no normalisation")
    network.load_state_dict(content["network"])
    return vector(network)


def vector(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().double().flatten() for parameter in network.parameters()])


def measure(way: str, seed: int) -> dict:
    start = vector(networks.residual(8, in_channels=1, normalisation=way != "no normalisation", seed=seed))
    one, two = (trained(way, seed, processes) for processes in (1, 2))
    return {"apart": ((two - one).norm() / (one - start).norm()).item()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("shared_batch", "Do two processes that share every batch train the same network as one?",
                [{"way": way, "seed": seed} for seed in range(1, 11) for way in WAYS], measure)
