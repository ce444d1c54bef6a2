"""CIFAR-10: what the instruments say of networks of 56 layers before any training, on 256 photographs of 32×32 pixels.

Width 8; the first convolution halves the map.
"""

from resnet_lib import chaos, data, networks, runs

TREATMENTS, SEEDS = ("standard", "bias 1", "residual", "leaky"), (1, 2)


def start(treatment: str, seed: int) -> networks.Network:
    build = networks.residual if treatment == "residual" else networks.plain
    network = build(56, width=8, stem_stride=2, seed=seed)
    if treatment == "bias 1":
        chaos.set_bias(network, 1.0)
    elif treatment == "leaky":
        chaos.make_leaky(network, 0.5)
    return network


def measure(treatment: str, seed: int) -> dict:
    few = data.load("cifar10").subset(2000, 1000, seed=seed)
    return chaos.initial(start(treatment, seed), few.train_images[:256], few.train_labels[:256], seed)


if __name__ == "__main__":
    runs.record("chaos_cifar10", "Do the instruments see chaos on photographs, too?",
                [{"treatment": treatment, "seed": seed} for seed in SEEDS for treatment in TREATMENTS], measure)
