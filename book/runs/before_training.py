"""Two tests that take seconds and come before a training: learn 32 images by heart, and raise the learning rate.

"one batch": the loss on one batch of 32 images at every fifth of 60 steps at a constant rate. "range": the loss on
each batch of 64 while the rate rises by the same factor a step, from 0.0001 to 10 in 100 steps.
"""

import itertools

import torch
from torch.nn import functional

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


def one_batch(network: torch.nn.Module, learning_rate: float, seed: int) -> dict:
    try:
        history = training.fit(network, digits.subset(train=32, test=1, seed=seed), epochs=60, batch_size=32,
                               learning_rate=learning_rate, schedule=training.constant, seed=seed)
    except training.TrainingDiverged:
        return {"diverged": True}
    return {"losses": history.train_loss[4::5], "final": history.final_train_loss}


def raise_rate(network: torch.nn.Module, seed: int, steps: int = 100) -> dict:
    generator = torch.Generator().manual_seed(seed)
    descent, losses = training.sgd(network.parameters()), []
    batches = itertools.chain.from_iterable(
        torch.randperm(len(digits.train_images), generator=generator).split(64)[:-1] for _ in itertools.count())
    for step, batch in zip(range(steps), batches):
        descent.param_groups[0]["lr"] = 1e-4 * 1e5 ** (step / (steps - 1))
        loss = functional.cross_entropy(network(digits.train_images[batch]), digits.train_labels[batch])
        if not loss.isfinite():
            break
        descent.zero_grad()
        loss.backward()
        descent.step()
        losses.append(float(f"{loss.item():.3g}"))
    return {"losses": losses}


def measure(test: str, kind: str, depth: int, seed: int, learning_rate: float | None = None) -> dict:
    build = {"plain": networks.plain, "residual": networks.residual}[kind]
    network = build(depth, in_channels=1, classes=10, seed=seed)
    return raise_rate(network, seed) if learning_rate is None else one_batch(network, learning_rate, seed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("before_training", "What do one batch and a rising learning rate foretell of a training?",
                [{"test": "one batch", "kind": kind, "depth": depth, "learning_rate": rate, "seed": seed}
                 for seed in range(1, 11) for kind, depth in (("plain", 20), ("plain", 56), ("residual", 56))
                 for rate in (0.01, 0.1)]
                + [{"test": "range", "kind": kind, "depth": depth, "seed": seed} for seed in range(1, 11)
                   for kind, depth in (("residual", 8), ("plain", 20))], measure)
