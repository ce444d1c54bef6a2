"""The project of networks/mnist: a residual network and its plain twin on MNIST; writes the weights of one as well.

Needs MNIST (`make data DATA=mnist`); downloads nothing.
"""

import torch

from resnet_lib import data, networks, runs, training, weights

BINS = 20
mnist = data.load("mnist")


@torch.no_grad()
def answers(network: networks.Network) -> dict:
    """Mistakes as [image, answer, confidence], and per bin of confidence: images, right ones, mean confidence."""
    logits = torch.cat([network.eval()(images) for images in mnist.test_images.split(256)])
    confidence, answer = logits.softmax(1).max(1)
    right = answer == mnist.test_labels
    mistakes = [[int(index), int(answer[index]), float(confidence[index])] for index in (~right).nonzero().flatten()]
    place = (confidence * BINS).long().clamp(max=BINS - 1)
    bins = [[int(here.sum()), int(right[here].sum()), float(confidence[here].mean())]
            for here in (place == index for index in range(BINS)) if here.any()]
    return {"mistakes": mistakes, "bins": bins}


def measure(kind: str, depth: int, learning_rate: float, epochs: int, seed: int) -> dict:
    options = {"depth": depth, "in_channels": 1, "stem_stride": 2}
    network = weights.BUILDERS[kind](**options, seed=seed)
    try:
        history = training.fit(network, mnist, epochs=epochs, learning_rate=learning_rate, seed=seed)
    except training.TrainingDiverged:
        return {"diverged": True}
    if (kind, depth, learning_rate, epochs, seed) == ("residual", 14, 0.1, 1, 1):
        weights.save(weights.MNIST, network, mnist, kind, **options)
        network = weights.load().network  # its answers are those of the file, in half precision
    return {**history.measured(), **answers(network)}


if __name__ == "__main__":
    settings = [(14, 0.1, 1, range(1, 11)), (14, 0.3, 1, range(1, 3)), (14, 0.03, 1, range(1, 3)),
                (56, 0.03, 1, [1]), (56, 0.1, 1, [1])]
    runs.record("mnist", "How well does a small residual network read digits, and how much of it is due to its skips?",
                [{"kind": kind, "depth": depth, "learning_rate": rate, "epochs": epochs, "seed": seed}
                 for depth, rate, epochs, seeds in settings for seed in seeds for kind in ("residual", "plain")],
                measure)
