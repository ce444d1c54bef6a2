"""Images per second while a residual network of 20 layers trains: ours, the usual loop, and the machine's own limit.

`python benchmarks/throughput.py` runs them in turn, in one process, with the same network and batch on the same random
images in the shape of CIFAR-10, and prints medians and ranges:

- ours: the steps of `python -m resnet_lib train`, whose images are one tensor and are augmented a batch at a time, with
  channels last; in float32, and in bfloat16 as the recipe `quick` has it;
- usual: pictures (PIL) one by one through torchvision's transforms in the workers of a DataLoader, channels first,
  float32, the loss fetched after every step;
- the limit: the network's convolutions alone, forward and both parts of backward, one after another, channels last.

Each measurement has a process of its own, for how a loop treats memory changes what the next one finds. Time is the
clock's: nothing else should run. At the end a profile says where our steps' time goes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KINETO_LOG_LEVEL", "5")  # PyTorch's profiler keeps its remarks to itself

import numpy  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402
from torch.profiler import record_function  # noqa: E402
from torchvision import transforms  # noqa: E402

from resnet_lib import costs, data, networks, parallel, recipes, runs, train  # noqa: E402

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # as tutorials have them; any would take as long
WARM_UP = 4  # steps of the usual loop that do not count: its workers start


def random_pictures(count: int) -> tuple[NDArray[numpy.uint8], list[int]]:
    """Random pictures N×32×32×3 and their labels: they take as long as CIFAR-10's."""
    generator = numpy.random.default_rng(0)
    return (generator.integers(256, size=(count, 32, 32, 3), dtype=numpy.uint8),
            generator.integers(10, size=count).tolist())


class Pictures(torch.utils.data.Dataset):
    """Pictures one at a time, as torchvision's CIFAR10 gives them."""

    def __init__(self, pictures: NDArray[numpy.uint8], labels: list[int], transform: Callable):
        self.pictures, self.labels, self.transform = pictures, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pictures[index])), self.labels[index]


def usual(pictures: NDArray[numpy.uint8], labels: list[int], batch_size: int, workers: int) -> float:
    """Images per second of the loop that most tutorials have, once its workers are at work."""
    transform = transforms.Compose([transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(),
                                    transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    loader = torch.utils.data.DataLoader(Pictures(pictures, labels, transform), batch_size=batch_size, shuffle=True,
                                         num_workers=workers, drop_last=True)
    network = networks.residual(20, seed=1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    loss_of = nn.CrossEntropyLoss()
    network.train()
    running_loss, correct, start = 0.0, 0, 0.0
    for step, (images, targets) in enumerate(loader):
        if step == WARM_UP:
            start = time.perf_counter()
        optimizer.zero_grad()
        logits = network(images)
        loss = loss_of(logits, targets)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        correct += (logits.argmax(1) == targets).sum().item()
    return (len(loader) - WARM_UP) * batch_size / (time.perf_counter() - start)


def training(pictures: NDArray[numpy.uint8], labels: list[int], batch_size: int, precision: str) -> train.Training:
    """One epoch of our training, about to begin."""
    images = (torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(
        STD)[:, None, None]
    images, targets = images.contiguous(), torch.tensor(labels)
    dataset = data.Dataset("random pictures", images, targets, images[:batch_size], targets[:batch_size],
                           tuple("0123456789"), torch.tensor(MEAN), torch.tensor(STD), "random numbers", "none")
    recipe = recipes.choose("quick", depth=20, data="cifar10", epochs=1, batch_size=batch_size, precision=precision)
    configuration = train.Configuration("cifar10", "residual", 20, "quick", recipe)
    return train.Training(configuration, dataset, parallel.Group(), torch.device("cpu"))


def ours(pictures: NDArray[numpy.uint8], labels: list[int], batch_size: int, precision: str) -> float:
    """Images per second of our steps, as a record has them: evaluation and gradient flow are not in it."""
    train.keep_memory()
    it = training(pictures, labels, batch_size, precision)
    it.run(lambda: 0, lambda: None)
    return it.at.history["images_per_second"][-1]


def limit(batch_size: int, dtype: torch.dtype) -> float:
    """Images per second if a step were its convolutions and nothing else."""
    train.keep_memory()
    images = torch.zeros(batch_size, 3, 32, 32)
    return batch_size / costs.all_convolutions_seconds(networks.residual(20), images, dtype, repeats=3)


class Marked(train.Training):
    """A training whose augmentation the profiler sees as such, and which measures nothing besides its steps."""

    def batch(self) -> tuple[torch.Tensor, torch.Tensor, int]:
        with record_function("augmentation"):
            return super().batch()

    def end_epoch(self) -> None:
        pass

    def measure_flow(self) -> None:
        pass


def shares(pictures: NDArray[numpy.uint8], labels: list[int], batch_size: int, precision: str) -> dict[str, float]:
    """Seconds of each kind of layer in the steps of an epoch."""
    it = training(pictures, labels, batch_size, precision)
    it.__class__ = Marked
    return costs.parts(lambda: it.run(lambda: 0, lambda: None))


def measured(name: str, steps: int, size: int, threads: int, workers: int) -> float:
    """Images per second of one of the loops, in this process."""
    torch.set_num_threads(threads)
    pictures, labels = random_pictures((steps + WARM_UP) * size)
    loop, _, precision = name.partition(", ")
    if loop == "usual":
        return usual(pictures, labels, size, workers)
    if loop == "limit":
        return limit(size, getattr(torch, precision))
    return ours(pictures[:steps * size], labels[:steps * size], size, precision)


def alone(processes: Any, *arguments: Any) -> float:
    """`measured` in a process of its own."""
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=send_measured, args=(sender, *arguments))
    process.start()
    speed = receiver.recv()
    process.join()
    return speed


def send_measured(sender: Any, *arguments: Any) -> None:
    sender.send(measured(*arguments))


LOOPS = ("ours, bfloat16", "ours, float32", "usual", "limit, bfloat16", "limit, float32")


def main() -> None:
    """Measure all in turn and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="alternations that count (5)")
    parser.add_argument("--steps", type=int, default=12, help="steps that count in each (12)")
    parser.add_argument("--batch-size", type=int, default=128, help="images a step (128)")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch (2)")
    parser.add_argument("--workers", type=int, default=2, help="workers of the usual loop's DataLoader (2)")
    options = parser.parse_args()
    size = options.batch_size
    print(f"residual network of 20 layers, 32×32, batches of {size}, {options.threads} threads, {options.workers} "
          f"workers, {options.rounds} alternations of {options.steps} steps; PyTorch {torch.__version__}, "
          f"{runs.processor()}", flush=True)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["resnet_lib.train", "resnet_lib.costs", "torchvision.transforms"])
    speeds: dict[str, list[float]] = {name: [] for name in LOOPS}
    for number in range(options.rounds + 1):  # the first round warms up
        for name in LOOPS if number % 2 else reversed(LOOPS):
            speed = alone(processes, name, options.steps, size, options.threads, options.workers)
            if number > 0:
                speeds[name].append(speed)
    for name, values in speeds.items():
        print(f"  {name:16}{statistics.median(values):8,.0f} images/s   ({min(values):,.0f} to {max(values):,.0f})")
    for one, other in (("ours, bfloat16", "usual"), ("ours, float32", "usual"), ("ours, bfloat16", "limit, bfloat16"),
                       ("ours, float32", "limit, float32")):
        ratios = [a / b for a, b in zip(speeds[one], speeds[other])]
        print(f"  {one} / {other:16}{statistics.median(ratios):6.2f}   ({min(ratios):.2f} to {max(ratios):.2f})")
    torch.set_num_threads(options.threads)
    train.keep_memory()
    pictures, labels = random_pictures(options.steps * size)
    for precision in ("bfloat16", "float32"):
        found = shares(pictures, labels, size, precision)
        whole = sum(found.values())
        print(f"our step in {precision}, {1000 * whole / options.steps:.0f} ms with the profiler: "
              + ", ".join(f"{name} {100 * seconds / whole:.1f} %" for name, seconds in found.items()))


if __name__ == "__main__":
    main()
