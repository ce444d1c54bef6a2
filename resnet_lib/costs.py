"""What a training step costs: operations, bytes and seconds, and which layers they go to."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from resnet_lib import networks


def multiply_adds(network: nn.Module, image: Tensor) -> int:
    """Multiplications with an addition that the convolutions and linear layers do forward for `image`, 1×C×H×W."""
    mode = network.training
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(image)
    network.train(mode)
    return counter.get_total_flops() // 2


def kept_bytes(network: nn.Module, forward: Callable[[], Any]) -> int:
    """Bytes that autograd keeps for the backward pass when `forward()` calls the network.

    Parameters and buffers of the network are not counted; what several layers keep is counted once.
    """
    own = (*network.parameters(), *network.buffers())
    kept = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
            for tensor in networks.kept_tensors(own, forward)}
    return sum(kept.values())


def peak_bytes(work: Callable[[], Any]) -> int:
    """The most bytes that PyTorch has allocated on the CPU during `work()`, beyond those it had before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        work()
    held = highest = 0
    for event in recorded.profiler.kineto_results.events():
        if event.name() == "[memory]" and event.device_type() == torch.autograd.DeviceType.CPU:
            held += event.nbytes()
            highest = max(highest, held)
    return highest


class Convolution(NamedTuple):
    """A convolution as the processor sees it; two of the same cost the same."""

    images: int
    in_channels: int
    out_channels: int
    side: int
    kernel: int
    stride: int
    padding: int
    first: bool  # its input needs no gradient


def convolutions(network: nn.Module, images: Tensor) -> Counter[Convolution]:
    """How often a network has each convolution, for a batch N×C×H×W of square images."""
    found: Counter[Convolution] = Counter()

    def see(layer: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        x = inputs[0]
        found[Convolution(len(x), x.shape[1], output.shape[1], x.shape[2], layer.kernel_size[0], layer.stride[0],
                          int(layer.padding[0]), x is images)] += 1

    hooks = [layer.register_forward_hook(see) for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    mode = network.training
    try:
        with torch.no_grad():
            network.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
        network.train(mode)
    return found


def convolution_seconds(shape: Convolution, dtype: torch.dtype = torch.float32, repeats: int = 7,
                        clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one convolution alone, channels last: forward, gradient of the input, gradient of the weights.

    Each of the three is timed `repeats` times after a warm-up; the medians are added.
    """
    n, c, d, side, k, stride, padding, first = shape
    x = torch.randn(n, c, side, side).to(dtype, memory_format=torch.channels_last)
    weight = torch.randn(d, c, k, k).to(dtype, memory_format=torch.channels_last)
    y = torch.conv2d(x, weight, None, stride, padding)
    gradient = torch.randn(y.shape).to(dtype, memory_format=torch.channels_last)

    def backward(*mask: bool) -> Callable[[], Any]:
        return lambda: torch.ops.aten.convolution_backward(
            gradient, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, list(mask))

    works = [lambda: torch.conv2d(x, weight, None, stride, padding), backward(False, True, False)]
    if not first:
        works.append(backward(True, False, False))
    total = 0.0
    with torch.no_grad():
        for work in works:
            work()
            seconds = []
            for _ in range(repeats):
                start = clock()
                work()
                seconds.append(clock() - start)
            total += statistics.median(seconds)
    return total


def all_convolutions_seconds(network: nn.Module, images: Tensor, dtype: torch.dtype = torch.float32,
                             repeats: int = 7, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of all convolutions of a training step alone: below this no step of this network can take."""
    return sum(count * convolution_seconds(shape, dtype, repeats, clock)
               for shape, count in convolutions(network, images).items())


KINDS = (("convolution", ("conv",)), ("batch normalisation", ("batch_norm", "batchnorm")),
         ("ReLU", ("relu", "threshold")), ("optimiser", ("optimizer.step", "optimizer.zero_grad")),
         ("augmentation", ("augmentation",)), ("casts", ("_to_copy", "tocopy", "aten::to")),
         ("additions", ("aten::add", "addbackward")), ("loss and classifier", (
             "log_softmax", "logsoftmax", "nll_loss", "nllloss", "addmm", "linear", "argmax", "aten::ne", "aten::mean",
             "meanbackward", "aten::sum", "aten::stack", "aten::mm")))


def parts(work: Callable[[], Any]) -> dict[str, float]:
    """Seconds that `work()` spends on each kind of layer, and on everything else, by PyTorch's profiler.

    Code inside `torch.profiler.record_function("augmentation")` is a kind of its own.
    """
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        start = time.perf_counter()
        work()
        whole = time.perf_counter() - start
    found = dict.fromkeys([name for name, _ in KINDS] + ["other operations"], 0.0)

    def kind(event: Any) -> str:
        chain = []
        while event is not None:
            chain.append(event.name.lower())
            event = event.cpu_parent
        for name, words in KINDS:
            if name in ("optimiser", "augmentation") and any(word in own for own in chain for word in words):
                return name
        for own in chain:  # from the innermost operation outwards
            for name, words in KINDS:
                if any(word in own for word in words):
                    return name
        return "other operations"

    for event in recorded.events():
        found[kind(event)] += event.self_cpu_time_total / 1e6
    found["Python and the profiler"] = max(0.0, whole - sum(found.values()))
    return found
