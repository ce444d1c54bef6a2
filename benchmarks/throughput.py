"""Images per second while a residual network of 20 layers trains: `training.fit` against the loop of most tutorials.

`python benchmarks/throughput.py` runs the two in turn in one process, on one thread, and prints the median and the
range of each. Both do the same work: network, optimizer, schedule, batch size, loss and error of each batch, the test
part after each epoch and the training part at the end. They differ in how images reach the network and lie in memory.
Time is the processor time of this process, which other work on the machine disturbs less than the clock on the wall.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from resnet_lib import data, networks, runs, training

EPOCHS, BATCH_SIZE, LEARNING_RATE = 2, 64, 0.1


def ours(network: nn.Module, dataset: data.Dataset) -> None:
    """The book's loop: all images in one tensor, channels last."""
    training.fit(network, dataset, epochs=EPOCHS, learning_rate=LEARNING_RATE, batch_size=BATCH_SIZE, progress=False)


def tutorial(network: nn.Module, dataset: data.Dataset) -> None:
    """The loop of most tutorials: a DataLoader that picks the images one by one and stacks them, channels first."""
    train = TensorDataset(dataset.train_images, dataset.train_labels)
    test = TensorDataset(dataset.test_images, dataset.test_labels)
    train_loader = DataLoader(train, batch_size=BATCH_SIZE, shuffle=True)
    loss_of, optimizer, steps = nn.CrossEntropyLoss(), training.sgd(network.parameters()), EPOCHS * len(train_loader)
    for epoch in range(EPOCHS):
        network.train()
        running_loss, wrong = 0.0, 0
        for index, (images, labels) in enumerate(train_loader, epoch * len(train_loader)):
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * training.one_cycle(index / steps)
            optimizer.zero_grad()
            logits = network(images)
            loss = loss_of(logits, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * len(images)
            wrong += int((logits.argmax(1) != labels).sum())
        evaluate(network, DataLoader(test, batch_size=BATCH_SIZE))
    evaluate(network, DataLoader(train, batch_size=BATCH_SIZE))


@torch.no_grad()
def evaluate(network: nn.Module, loader: DataLoader) -> tuple[float, int]:
    """Sum of the losses and number of errors in evaluation mode."""
    network.eval()
    loss, wrong = 0.0, 0
    for images, labels in loader:
        logits = network(images)
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        wrong += int((logits.argmax(1) != labels).sum())
    return loss, wrong


def colour_images(count: int) -> data.Dataset:
    """Random numbers in the shape of CIFAR-10, N×3×32×32, with a fifth as many for the test: they take as long."""
    generator, total = torch.Generator().manual_seed(0), count + count // 5
    images = torch.randn(total, 3, 32, 32, generator=generator)
    labels = torch.randint(10, (total,), generator=generator)
    return data.Dataset("random colour", images[:count], labels[:count], images[count:], labels[count:],
                        tuple("0123456789"), torch.zeros(3), torch.ones(3), "random numbers", "none")


def images_per_second(loop: Callable[[nn.Module, data.Dataset], None], dataset: data.Dataset) -> float:
    """Images trained on in a second of processor time, evaluation included, with a new network."""
    network = networks.residual(20, in_channels=dataset.train_images.shape[1], seed=1)
    start = time.process_time()
    loop(network, dataset)
    return EPOCHS * len(dataset.train_images) / (time.process_time() - start)


def compare(dataset: data.Dataset, rounds: int) -> None:
    """Print the speed of both loops over `rounds` alternations, each first in turn; one more round warms up."""
    speeds: dict[str, list[float]] = {"ours": [], "tutorial": []}
    loops = {"ours": ours, "tutorial": tutorial}
    for number in range(rounds + 1):
        for name in sorted(loops, reverse=number % 2 == 1):
            speed = images_per_second(loops[name], dataset)
            if number > 0:
                speeds[name].append(speed)
    shape = "×".join(map(str, dataset.train_images.shape[1:]))
    print(f"\n{dataset.name}: {len(dataset.train_images):,} images of {shape}, {EPOCHS} epochs, {rounds} alternations")
    for name, values in speeds.items():
        print(f"  {name:10}{statistics.median(values):8,.0f} images/s   ({min(values):,.0f} to {max(values):,.0f})")
    ratios = [mine / theirs for mine, theirs in zip(*speeds.values())]
    print(f"  ratio     {statistics.median(ratios):8.2f}            ({min(ratios):.2f} to {max(ratios):.2f})")


def main() -> None:
    """Measure both kinds of image and print what it was measured with."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="alternations that count (7)")
    parser.add_argument("--colour-images", type=int, default=512, help="random images of 3×32×32 (512)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"residual network of 20 layers, batches of {BATCH_SIZE}, one thread; PyTorch {torch.__version__}, "
          f"{runs.processor()}")
    compare(data.load("digits"), options.rounds)
    compare(colour_images(options.colour_images), options.rounds)


if __name__ == "__main__":
    main()
