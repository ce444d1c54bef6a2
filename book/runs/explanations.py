"""Do maps of important pixels change when the network no longer knows anything? Three methods on digits."""

import copy
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import torch
from attacks import digits, fresh, right, taught
from scipy.stats import spearmanr
from torch import Tensor, nn

from resnet_lib import runs

RATE = 0.3  # the best of the study "attacks" for residual-8


def gradient(network: nn.Module, pixels: Tensor, classes: Tensor) -> Tensor:
    """Derivative of one class's logit by each pixel."""
    pixels = pixels.detach().requires_grad_()
    logits = network(pixels).gather(1, classes[:, None])
    return torch.autograd.grad(logits.sum(), pixels)[0]


class OnlyUp(torch.autograd.Function):
    """ReLU that hands back positive derivatives only (Springenberg et al. 2015)."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(context: Any, slope: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        return slope.clamp(min=0) * (x > 0)


@contextmanager
def replaced(function: Callable[[Tensor], Tensor]) -> Any:
    """Inside, every ReLU of the book's networks is this function."""
    relu, forward = torch.relu, nn.ReLU.forward
    torch.relu, nn.ReLU.forward = function, lambda self, x: function(x)
    try:
        yield
    finally:
        torch.relu, nn.ReLU.forward = relu, forward


def guided(network: nn.Module, pixels: Tensor, classes: Tensor) -> Tensor:
    """Guided backpropagation: as `gradient`, through ReLUs that let only positive derivatives pass."""
    with replaced(OnlyUp.apply):
        return gradient(network, pixels, classes)


def times_input(network: nn.Module, pixels: Tensor, classes: Tensor) -> Tensor:
    """The gradient times the pixel itself."""
    return gradient(network, pixels, classes) * pixels


METHODS = {"gradient": gradient, "guided": guided, "gradient × pixel": times_input}


def alike(ours: Tensor, theirs: Tensor) -> float:
    """Mean rank correlation of the sizes in two maps of each image; maps of one value have none and are left out."""
    found = [spearmanr(one.abs().flatten(), other.abs().flatten()).statistic for one, other in zip(ours, theirs)
             if one.abs().max() > one.abs().min() and other.abs().max() > other.abs().min()]
    return sum(found) / len(found)


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
        found[name]["the picture itself"] = alike(ours, x)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("explanations", "Does a map of important pixels change when the network forgets?",
                [{"seed": seed} for seed in range(1, 11)], measure)
