"""CIFAR-10: the instruments of "trainability", and the rescue of "rescue", on 2,000 photographs of 32×32 pixels.

Networks of 56 layers, width 8, whose first convolution halves the map. The rate is the better of two for another seed.
"""

import math

from resnet_lib import chaos, data, networks, runs, training

RATES, TUNED_ON, SEEDS, EPOCHS = (0.01, 0.03), 101, (1, 2), 6


def start(treatment: str, seed: int) -> networks.Network:
    build = networks.residual if treatment == "residual" else networks.plain
    network = build(20 if treatment == "standard, 20 layers" else 56, width=8, stem_stride=2, seed=seed)
    if treatment == "bias 1":
        chaos.set_bias(network, 1.0)
    elif treatment == "leaky":
        chaos.make_leaky(network, 0.5)
    return network


def train(treatment: str, dataset: data.Dataset, learning_rate: float, seed: int) -> dict:
    try:
        history = training.fit(start(treatment, seed), dataset, epochs=EPOCHS, learning_rate=learning_rate, seed=seed,
                               progress=False)
    except training.TrainingDiverged:
        return {"diverged": True}
    return {"loss": history.final_train_loss, "epoch_loss": history.train_loss, "test_error": history.test_error[-1]}


def measure(treatment: str) -> dict:
    dataset = data.load("cifar10")
    few = dataset.subset(2000, 1000, seed=TUNED_ON)
    tried = [train(treatment, few, rate, TUNED_ON).get("loss", math.inf) for rate in RATES]
    rate = RATES[tried.index(min(tried))]
    seeds = []
    for seed in SEEDS:
        few = dataset.subset(2000, 1000, seed=seed)
        images = few.train_images[:256], few.train_labels[:256]
        seeds.append({"seed": seed, **chaos.initial(start(treatment, seed), *images, seed),
                      **train(treatment, few, rate, seed)})
    return {"rates": RATES, "losses": tried, "rate": rate, "seeds": seeds}


if __name__ == "__main__":
    runs.record("rescue_cifar10", "Do the instruments and the rescue of plain-56 hold on photographs?",
                [{"treatment": treatment} for treatment in ("standard", "bias 1", "residual", "leaky")], measure)
