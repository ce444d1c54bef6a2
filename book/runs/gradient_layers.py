"""Signal, gradients and relative update block by block, before training and in its first fifty steps."""

import math

import torch

from resnet_lib import data, gradients, networks, runs, training

digits = data.load("digits")
BATCH = digits.train_images[64:128], digits.train_labels[64:128]
DEPTHS, GAINS, PADDINGS, STEPS = (8, 20, 56, 110), (0.7, 1.0, 1.4), ("zeros", "circular"), (0, 1, 5, 10, 50)


def measure(normalisation: bool, skip: bool, depth: int, padding: str, gain: float, training_steps: bool,
            seed: int) -> dict:
    """Measured before step 0, and with `training_steps` before steps 1, 5, 10 and 50 of gradient descent at rate 0.1.

    Each list runs over x_0 = the stem's output and the blocks' outputs; the gradient of the weights and the update are
    those of the convolution that reads x, and at the end, where none does, those of the last one.
    """
    build = networks.residual if skip else networks.plain
    network = build(depth, in_channels=1, normalisation=normalisation, padding_mode=padding, seed=seed)
    with torch.no_grad():
        for convolution in gradients.convolutions(network):
            convolution.weight *= gain
    found = []

    def look(network, step, learning_rate=0.1):
        if step not in STEPS:
            return
        flow = gradients.flow(network, *BATCH)
        readers = [*range(1, depth - 1, 2), depth - 2]
        updates = flow.relative_update(0.1)
        found.append({"loss": flow.loss, "activation": flow.activation, "gradient": flow.gradient,
                      "weight_gradient": [flow.weight_gradient[index] for index in readers],
                      "relative_update": [updates[index] for index in readers]})

    if not training_steps:
        look(network, 0)
        return {"steps": found}
    try:
        training.fit(network, digits, epochs=3, learning_rate=0.1, seed=seed, before_step=look, progress=False,
                     schedule=training.constant, optimizer=lambda parameters: torch.optim.SGD(parameters, lr=1.0))
    except training.TrainingDiverged:
        pass  # later steps are missing
    return {"steps": [step for step in found if math.isfinite(step["loss"])]}


def configurations() -> list[dict]:
    kinds = [{"normalisation": normalisation, "skip": skip, "depth": depth}
             for depth in DEPTHS for normalisation in (True, False) for skip in (False, True)]
    settings = [{"padding": padding, "gain": gain, "training_steps": (padding, gain) == ("zeros", 1.0)}
                for padding in PADDINGS for gain in GAINS]
    return [{**kind, **setting, "seed": seed} for seed in range(1, 4) for kind in kinds for setting in settings]


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("gradient_layers", "What does each measure show, layer by layer, and how does training change it?",
                configurations(), measure)
