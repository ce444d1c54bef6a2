"""Digits: plain networks of 56 layers that start nearly linear, beside the ordinary one and the residual one.

Seeds and a division of the images that the other studies do not use. Rates: of the networks that other studies have
measured, the best there; of the others, the best of three for another seed.
"""

import statistics

from torch import nn
from trainability import dealt

from resnet_lib import chaos, data, networks, runs, training

digits = data.load("digits")
RATES, TUNED_ON, EPOCHS = (0.01, 0.03, 0.1), 101, 8
TREATMENTS = {"standard": range(11, 16), "bias 1": range(11, 16), "leaky": range(11, 16), "residual": range(11, 16),
              "mirrored": range(11, 15), "leaky, then ReLU": range(11, 15)}


def start(treatment: str, seed: int) -> networks.Network:
    network = (networks.residual if treatment == "residual" else networks.plain)(56, in_channels=1, seed=seed)
    if treatment == "bias 1":
        chaos.set_bias(network, 1.0)
    elif treatment.startswith("leaky"):
        chaos.make_leaky(network, 0.5)
    elif treatment == "mirrored":
        chaos.make_looks_linear(network, seed)
    return network


def fading_slope(network: nn.Module, step: int, learning_rate: float) -> None:
    """A `before_step`: slope 0.5 falls evenly to 0 in the first half of the training; from then on all are ReLUs."""
    total = EPOCHS * -(-len(digits.train_images) // 64)
    chaos.make_leaky(network, max(0.0, 0.5 - step / total))  # type: ignore[arg-type]


def best_elsewhere(study: str, **configuration: object) -> float:
    """The learning rate with the lowest median loss in another study, whose seeds are 1 to 10."""
    losses: dict[float, list[float]] = {}
    for run in runs.load(study).runs:
        if configuration.items() <= run["configuration"].items():
            losses.setdefault(run["configuration"]["learning_rate"], []).append(run["results"]["final_train_loss"])
    return min(losses, key=lambda rate: statistics.median(losses[rate]))


def measure(treatment: str, learning_rate: float, seed: int) -> dict:
    dataset = dealt(seed)
    found = {}
    if seed != TUNED_ON:
        found = {"initial": chaos.initial(start(treatment, seed), dataset.train_images[:512],
                                          dataset.train_labels[:512], seed)}
    try:
        history = training.fit(start(treatment, seed), dataset, epochs=EPOCHS, learning_rate=learning_rate, seed=seed,
                               before_step=fading_slope if "then" in treatment else None, progress=False)
    except training.TrainingDiverged:
        return {**found, "diverged": True}
    return {**found, **history.measured()}


def record(wanted: list[dict]) -> runs.Study:
    question = "Do plain networks of 56 layers that start nearly linear train as well as residual ones?"
    return runs.record("rescue", question, wanted, measure)


if __name__ == "__main__":
    trials = [{"treatment": treatment, "learning_rate": rate, "seed": TUNED_ON}
              for treatment in ("leaky", "mirrored", "leaky, then ReLU") for rate in RATES]
    there = (runs.FOLDER / "rescue.json").exists()
    already = [run["configuration"] for run in runs.load("rescue").runs] if there else []
    tuned = record(trials + [one for one in already if one not in trials])
    chosen = {"standard": best_elsewhere("degradation", kind="plain", depth=56, epochs=8),
              "residual": best_elsewhere("degradation", kind="residual", depth=56, epochs=8),
              "bias 1": best_elsewhere("batch_norm_bias", kind="plain", bias=1.0)}
    for trial in trials:
        losses = {rate: tuned.select(treatment=trial["treatment"], learning_rate=rate, seed=TUNED_ON)[0]
                  .get("final_train_loss", float("inf")) for rate in RATES}
        chosen[trial["treatment"]] = min(losses, key=losses.__getitem__)
    record(trials + [{"treatment": treatment, "learning_rate": chosen[treatment], "seed": seed}
                     for place in range(5) for treatment, seeds in TREATMENTS.items()
                     for seed in seeds[place:place + 1]])
