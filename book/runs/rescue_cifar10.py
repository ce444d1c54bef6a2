"""CIFAR-10: the instruments of "trainability", and the rescue of "rescue", on 2,000 photographs of 32×32 pixels.

Networks of 56 layers, width 8, whose first convolution halves the map. The rate is the better of two for another seed.
"""

import math

from resnet_lib import chaos, data, networks, runs, training

RATES, TUNED_ON, SEEDS, EPOCHS = (0.01, 0.03), 101, (1, 2), 6
TRAINED = ("standard", "bias 1", "residual")


def start(treatment: str, seed: int) -> networks.Network:
    build = networks.residual if treatment == "residual" else networks.plain
    network = build(56, width=8, stem_stride=2, seed=seed)
    if treatment == "bias 1":
        chaos.set_bias(network, 1.0)
    elif treatment == "leaky":
        chaos.make_leaky(network, 0.5)
    return network


def measure(part: str, treatment: str, seed: int, learning_rate: float = 0.0) -> dict:
    few = data.load("cifar10").subset(2000, 1000, seed=seed)
    if part == "initial":
        return chaos.initial(start(treatment, seed), few.train_images[:256], few.train_labels[:256], seed)
    try:
        history = training.fit(start(treatment, seed), few, epochs=EPOCHS, learning_rate=learning_rate, seed=seed,
                               progress=False)
    except training.TrainingDiverged:
        return {"diverged": True}
    return {"loss": history.final_train_loss, "epoch_loss": history.train_loss, "test_error": history.test_error[-1]}


def record(wanted: list[dict]) -> runs.Study:
    question = "Do the instruments and the rescue of plain-56 hold on photographs?"
    return runs.record("rescue_cifar10", question, wanted, measure)


if __name__ == "__main__":
    plan = [{"part": "initial", "treatment": treatment, "seed": seed} for seed in SEEDS
            for treatment in (*TRAINED, "leaky")]
    trials = [{"part": "training", "treatment": treatment, "seed": TUNED_ON, "learning_rate": rate}
              for treatment in TRAINED for rate in RATES]
    there = (runs.FOLDER / "rescue_cifar10.json").exists()
    already = [run["configuration"] for run in runs.load("rescue_cifar10").runs] if there else []
    tuned = record(plan + trials + [one for one in already if one not in plan + trials])
    for treatment in TRAINED:
        losses = {rate: tuned.select(part="training", treatment=treatment, seed=TUNED_ON, learning_rate=rate)[0]
                  .get("loss", math.inf) for rate in RATES}
        plan += [{"part": "training", "treatment": treatment, "seed": SEEDS[0],
                  "learning_rate": min(losses, key=losses.__getitem__)}]
    record(trials + plan)
