"""A plain network of 56 layers grown from a trained one of 20: at which learning rates does it keep the answer?"""

from resnet_lib import data, networks, runs, surgery, training

digits = data.load("digits")


def measure(depth: int, learning_rate: float, seed: int) -> dict:
    """Train plain-20, grow it to `depth` (20: leave it), train on at a constant rate for four epochs."""
    network = networks.plain(20, in_channels=1, classes=10, seed=seed)
    given = training.fit(network, digits, learning_rate=0.1, seed=seed)
    if depth > 20:
        network = surgery.grow(network, depth, digits.train_images)
    start_loss, start_error = training.evaluate(network, digits.train_images, digits.train_labels)
    history = training.fit(network, digits, epochs=4, learning_rate=learning_rate, seed=seed + 1000,
                           schedule=training.constant)
    return {"given_train_loss": given.final_train_loss, "start_train_loss": start_loss,
            "start_train_error": start_error, **history.measured()}


if __name__ == "__main__":
    runs.record("handed_answer", "Does gradient descent keep a solution that it is handed at depth 56?",
                [{"depth": depth, "learning_rate": rate, "seed": seed} for seed in range(1, 11)
                 for rate in (0.001, 0.003, 0.01, 0.03, 0.1) for depth in (20, 56)], measure)
