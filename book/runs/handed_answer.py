"""A plain network of 56 layers grown from a trained one of 20: at which learning rates does it keep the answer?"""

import copy
from functools import cache

from resnet_lib import data, networks, runs, surgery, training

digits = data.load("digits")


@cache
def trained(seed: int) -> tuple[networks.Network, float]:
    """Plain-20 after its usual training, and its training loss."""
    network = networks.plain(20, in_channels=1, classes=10, seed=seed)
    return network, training.fit(network, digits, learning_rate=0.1, seed=seed).final_train_loss


def measure(depth: int, learning_rate: float, seed: int) -> dict:
    """Grow the trained plain-20 to `depth` (20: leave it) and train on at a constant rate for four epochs."""
    given, given_loss = trained(seed)
    network = surgery.grow(given, depth, digits.train_images) if depth > 20 else copy.deepcopy(given)
    start_loss = training.evaluate(network, digits.train_images, digits.train_labels)[0]
    history = training.fit(network, digits, epochs=4, learning_rate=learning_rate, seed=seed + 1000,
                           schedule=training.constant)
    return {"given_train_loss": given_loss, "start_train_loss": start_loss, **history.measured()}


if __name__ == "__main__":
    runs.record("handed_answer", "Does gradient descent keep a solution that it is handed at depth 56?",
                [{"depth": depth, "learning_rate": rate, "seed": seed} for seed in range(1, 11)
                 for rate in (0.003, 0.01, 0.03, 0.1) for depth in (20, 56)], measure)
