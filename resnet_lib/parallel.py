"""Several processes that train one network together, on one machine or many, as `torchrun` starts them.

Each computes its share of every batch; gradients are averaged (DistributedDataParallel; gloo on CPUs, NCCL on GPUs).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce

PATIENCE = timedelta(minutes=10)  # how long a process waits for another one that does not answer


class ProcessLost(RuntimeError):
    """Another process of the job has ended or does not answer."""


@dataclass(frozen=True)
class Group:
    """The processes of a training: this one is number `rank` (from 0) of `size`."""

    rank: int = 0
    size: int = 1
    signals: Any = None  # a gloo group: what it carries does not wait for a GPU

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def share(self, whole: Tensor) -> Tensor:
        """This process's part of a batch: every `size`-th entry."""
        return whole[self.rank::self.size] if self.size > 1 else whole

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def any(self, flag: int) -> int:
        """The largest of all processes' flags."""
        if self.size == 1:
            return flag
        flags = torch.tensor([flag])
        distributed.all_reduce(flags, op=distributed.ReduceOp.MAX, group=self.signals)
        return int(flags)

    def from_first(self, make: Callable[[], Any]) -> Any:
        """What `make()` gives in the first process, in every process; its errors are raised in every process, too."""
        if self.size == 1:
            return make()
        box: list[Any] = [None, None]
        if self.first:
            try:
                box[0] = make()
            except (OSError, ValueError) as error:
                box[1] = error
        distributed.broadcast_object_list(box, src=0, group=self.signals)
        if box[1] is not None:
            raise box[1]
        return box[0]

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network as it is called in training: gradients are averaged over the processes after each backward."""
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def hold_back(self, network: nn.Module, last: bool) -> Any:
        """A context in which gradients are only added up, unless this is the last part of a batch."""
        return nullcontext() if last or self.size == 1 else network.no_sync()  # type: ignore[operator]


@contextmanager
def group(device: torch.device) -> Iterator[Group]:
    """The group of processes that `torchrun` has started, or this process alone.

    Errors of the connection leave it as ProcessLost.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield Group()
        return
    try:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
        yield Group(distributed.get_rank(), size, distributed.new_group(backend="gloo", timeout=PATIENCE))
        distributed.destroy_process_group()
    except (distributed.DistError, RuntimeError) as error:
        if isinstance(error, distributed.DistError) or any(
                word in str(error) for word in ("Connection closed", "Connection reset", "Timed out", "gloo", "NCCL",
                                                "Broken pipe", "recv", "peer")):
            raise ProcessLost("Another process of this job has ended or does not answer: start the job again with the "
                              "same command, and it goes on from the last epoch.") from error
        raise


class SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose mean and variance are those of all processes' images together.

    Like torch.nn.SyncBatchNorm, which works on GPUs only. Each process has N×C×H×W of its own, N may differ.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        wide = x.float()
        count = all_reduce(torch.tensor(float(x.numel() // x.shape[1]), device=x.device))
        mean = all_reduce(wide.sum((0, 2, 3))) / count
        centred = wide - mean[:, None, None]
        variance = all_reduce(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            assert self.num_batches_tracked is not None and self.running_mean is not None
            assert self.running_var is not None and self.momentum is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def synchronise(network: nn.Module) -> None:
    """Let every batch normalisation of the network take its statistics over all processes."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SynchronisedBatchNorm2d
