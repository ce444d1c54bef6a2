"""Residual networks that read digits: which ones they miss, and what they say of pictures that are no digits."""

import torch
from torch import Tensor

from resnet_lib import data, networks, runs, training

digits = data.load("digits")
pixels = digits.pixels(digits.test_images)
PICTURES = {
    "upright": pixels,
    "moved": pixels.roll(-1, dims=3),
    "sideways": pixels.rot90(1, dims=(2, 3)),
    "negative": 1 - pixels,
    "coins": torch.rand(pixels.shape, generator=torch.Generator().manual_seed(0)).round(),
}


@torch.no_grad()
def read(network: networks.Network, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The network's answer to each picture (N×1×8×8, pixels in [0, 1]) and its confidence in that answer."""
    images = (pictures - digits.mean[:, None, None]) / digits.std[:, None, None]
    confidence, answer = network.eval()(images).softmax(dim=1).max(dim=1)
    return answer, confidence


def measure(seed: int) -> dict:
    network = networks.residual(depth=20, in_channels=1, classes=10, seed=seed)
    history = training.fit(network, digits, epochs=8, seed=seed)
    results: dict = {"test_error": history.test_error}
    for name, pictures in PICTURES.items():
        answer, confidence = read(network, pictures)
        wrong = answer != digits.test_labels
        results[name] = {"wrong": int(wrong.sum()), "answers": answer.bincount(minlength=10).tolist(),
                         "median_confidence": confidence.median().item(),
                         "sure": (confidence >= 0.9).float().mean().item()}
        if name == "upright":
            missed = wrong.nonzero().flatten()
            results["missed"], results["missed_confidence"] = missed.tolist(), confidence[missed].tolist()
    return results


if __name__ == "__main__":
    runs.record("introduction", "What do ten residual networks get wrong, and how sure are they of what is no digit?",
                [{"seed": seed} for seed in range(1, 11)], measure)
