"""The skips of a trained residual network taken out: what is left, and does further training repair it?"""

from resnet_lib import data, networks, runs, surgery, training

digits = data.load("digits")
RATES = {20: 0.1, 56: 0.03}  # each depth's own best rate, by the study degradation


def measure(depth: int, seed: int) -> dict:
    network = networks.residual(depth, in_channels=1, classes=10, seed=seed)
    before = training.fit(network, digits, learning_rate=RATES[depth], seed=seed)
    bare = surgery.without_skips(network)
    test = digits.test_images, digits.test_labels
    removed = training.evaluate(bare, *test)[1]
    surgery.recalibrate(bare, digits.train_images)
    recalibrated = training.evaluate(bare, *test)[1]
    after = training.fit(bare, digits, epochs=2, learning_rate=0.02, seed=seed + 1000)
    fresh = networks.plain(depth, in_channels=1, classes=10, seed=seed + 1000)
    control = training.fit(fresh, digits, epochs=2, learning_rate=0.02, seed=seed + 1000)
    return {"trained": before.test_error[-1], "removed": removed, "recalibrated": recalibrated,
            "two_more_epochs": after.test_error[-1], "train_loss": after.train_loss,
            "fresh_train_loss": control.train_loss}


if __name__ == "__main__":
    runs.record("skips_removed", "Does a trained residual network need its skips?",
                [{"depth": depth, "seed": seed} for seed in range(1, 11) for depth in (20, 56)], measure)
