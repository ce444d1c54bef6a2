"""Blocks as steps in the recorded networks for CIFAR-10."""

import iteration

from resnet_lib import data, runs, weights

PLANS = ("as trained", "2 × ½", "1 × ½", "2 × 1", "half the blocks, 2", "half the blocks, 1", "neighbour",
         "weights between")


def measure(kind: str, depth: int) -> dict:
    """The network of the recording cifar10-KIND-DEPTH-quick-1, on 300 test images; 128 training images calibrate."""
    network = weights.load(runs.FOLDER / f"cifar10-{kind}-{depth}-quick-1.pt").network
    dataset = data.load("cifar10").subset(train=128, test=300, seed=1)
    few = dataset.subset(test=64, seed=1)
    return {"plans": iteration.plans(network, dataset, PLANS), "blocks": iteration.consistency(network, few),
            "convergence": iteration.convergence(network, few), "alike": iteration.alike(network, few)}


if __name__ == "__main__":
    runs.record("iteration_cifar10", "Do blocks as steps look on CIFAR-10 as on digits?",
                [{"kind": kind, "depth": 20} for kind in ("residual", "plain")], measure)
