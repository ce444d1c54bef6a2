"""Do maps of important pixels change when the network no longer knows anything? Three methods on digits."""

import copy
import statistics
from typing import Any

import torch
from attacks import digits, fresh, right, taught
from torch import Tensor, nn

from resnet_lib import runs, saliency

RATE = 0.3  # the best of the study "attacks" for residual-8


def times_pixel(network: nn.Module, pixels: Tensor, classes: Tensor) -> Tensor:
    """The gradient times the pixel itself."""
    return pixels[:, 0] * saliency.gradient(network, pixels, classes)


METHODS = {"gradient": saliency.gradient, "guided": saliency.guided_backpropagation, "gradient × pixel": times_pixel}


def alike(ours: Tensor, theirs: Tensor) -> float:
    """Rank correlation of the sizes in two maps of each image, the mean."""
    return statistics.mean(saliency.agreement(ours.abs(), theirs.abs()))


def measure(seed: int) -> dict:
    """Agreement of each method's maps on 100 test pictures with those of networks that differ in some way."""
    known, pixels, tests = digits()
    chosen = torch.randperm(len(tests), generator=torch.Generator().manual_seed(seed))[:100]
    x, y = tests[chosen], known.test_labels[chosen]
    network, other = (taught(fresh("residual-8", known, one), pixels, known.train_labels, RATE, one)
                      for one in (seed, seed + 1000))
    torch.manual_seed(seed)
    forgetful = copy.deepcopy(network)
    forgetful.network.classifier.reset_parameters()  # type: ignore[operator, union-attr]
    untrained = fresh("residual-8", known, seed + 2000).train()
    with torch.no_grad():                            # batch statistics, so that it can be asked in evaluation mode
        for part in pixels.split(128):
            untrained(part)
    untrained.eval()
    networks = {"new classifier": forgetful, "untrained": untrained, "another good one": other}
    found: dict[str, Any] = {"accuracy": {name: right(one, x, y) for name, one in
                                          [("network", network), *networks.items()]}}
    for name, method in METHODS.items():
        ours = method(network, x, y)
        found[name] = {what: alike(ours, method(one, x, y)) for what, one in networks.items()}
        found[name]["the picture itself"] = alike(ours, x[:, 0])
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("explanations", "Does a map of important pixels change when the network forgets?",
                [{"seed": seed} for seed in range(1, 11)], measure)
