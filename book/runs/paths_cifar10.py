"""Blocks deleted and reordered, and the gradient by path length, in the recorded networks for CIFAR-10."""

import paths

from resnet_lib import data, networks, runs, surgery, weights


def measure(kind: str, depth: int) -> dict:
    """The network of the recording cifar10-KIND-DEPTH-quick-1, on 300 test images; 128 training images calibrate."""
    trained = weights.load(runs.FOLDER / f"cifar10-{kind}-{depth}-quick-1.pt")
    dataset = data.load("cifar10").subset(train=128, test=300, seed=1)
    found = paths.lesions(trained.network, dataset, draws=3, calibration_images=128)
    if kind == "residual":
        before = networks.residual(depth, seed=1)
        surgery.recalibrate(before, dataset.train_images)
        found |= {"before": paths.lengths(before, dataset, 32), "after": paths.lengths(trained.network, dataset, 32)}
    return found


if __name__ == "__main__":
    runs.record("paths_cifar10", "Do lesions and path lengths on CIFAR-10 look as on digits?",
                [{"kind": kind, "depth": depth} for depth in (20, 56) for kind in ("residual", "plain")], measure)
