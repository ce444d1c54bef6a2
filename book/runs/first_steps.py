"""The first fifty steps of plain-56 and residual-56 with batch normalisation: what becomes of the explosion?"""

import copy
import statistics

import torch
from torch.nn import functional

from resnet_lib import data, gradients, networks, runs, training

digits = data.load("digits")
OTHER = digits.train_images[64:128], digits.train_labels[64:128]
STEPS = (0, 1, 2, 5, 10, 20, 50)


def measure(kind: str, seed: int, **configuration: str) -> dict:
    build = {"plain": networks.plain, "residual": networks.residual}[kind]
    network = build(56, in_channels=1, classes=10, seed=seed)
    return steps(network, seed, **configuration) if "optimiser" in configuration else one_step(network, seed)


def gradient_descent(parameters):
    """Without momentum and weight decay: the step is ηg and nothing else."""
    return torch.optim.SGD(parameters, lr=1.0)


def steps(network: networks.Network, seed: int, optimiser: str) -> dict:
    """Measured before steps 0, 1, 2, 5, 10, 20 and 50; batches of 64, learning rate (or peak) 0.1."""
    found: dict[str, list[float]] = {key: [] for key in (
        "loss", "gradient", "first_third", "last_third", "largest", "first_weight", "largest_weight")}
    start = [convolution.weight.norm().item() for convolution in gradients.convolutions(network)]

    def before_step(network, step, learning_rate):
        if step not in STEPS:
            return
        flow = gradients.flow(network, *OTHER)
        updates = flow.relative_update(0.1)
        growth = [now / before for now, before in zip(flow.weight, start)]
        found["loss"].append(flow.loss)
        found["gradient"].append(flow.gradient[0] / flow.gradient[-1])
        found["first_third"].append(statistics.median(updates[:18]))
        found["last_third"].append(statistics.median(updates[-18:]))
        found["largest"].append(max(updates))
        found["first_weight"].append(growth[0])
        found["largest_weight"].append(max(growth))

    choices = {"gradient descent": {"optimizer": gradient_descent, "schedule": training.constant},
               "one-cycle": {"schedule": lambda progress: training.one_cycle(progress * 3 / 8)}}
    training.fit(network, digits, epochs=3, learning_rate=0.1, seed=seed, before_step=before_step, progress=False,
                 **choices[optimiser])
    return found


def one_step(network: networks.Network, seed: int) -> dict:
    """One step of length 0.1‖g‖ a layer: along -g, along +g, along g with its entries shuffled, or at random."""
    convolutions = gradients.convolutions(network)
    loss = functional.cross_entropy(network(digits.train_images[:64]), digits.train_labels[:64])
    found = torch.autograd.grad(loss, [convolution.weight for convolution in convolutions])
    generator = torch.Generator().manual_seed(seed)
    results = {"before": summary(network)}
    for direction in ("downhill", "uphill", "shuffled", "random"):
        changed = copy.deepcopy(network)
        with torch.no_grad():
            for convolution, gradient in zip(gradients.convolutions(changed), found):
                convolution.weight -= 0.1 * turned(gradient, direction, generator)
        results[direction] = summary(changed)
    return results


def turned(gradient: torch.Tensor, direction: str, generator: torch.Generator) -> torch.Tensor:
    """A step as long as the gradient, in another direction."""
    if direction == "shuffled":
        return gradient.flatten()[torch.randperm(gradient.numel(), generator=generator)].view_as(gradient)
    if direction == "random":
        step = torch.randn(gradient.shape, generator=generator)
        return step * gradient.norm() / step.norm()
    return -gradient if direction == "uphill" else gradient


def summary(network: networks.Network) -> dict:
    """On a batch that the step has not seen."""
    flow = gradients.flow(network, *OTHER)
    return {"loss": flow.loss, "gradient": flow.gradient[0] / flow.gradient[-1],
            "first_third": statistics.median(flow.relative_update(0.1)[:18]), "first_weight": flow.weight[0]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("first_steps", "What has become of the exploding gradients after a few steps?",
                [{"kind": "plain", "seed": seed} for seed in range(1, 11)]
                + [{"kind": kind, "optimiser": optimiser, "seed": seed}
                   for optimiser in ("gradient descent", "one-cycle") for seed in range(1, 11)
                   for kind in ("plain", "residual")], measure)
