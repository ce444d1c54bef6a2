"""Where the difference between two runs comes from: initial weights, order of the images, or the last bit of a weight.

What is not varied has seed 0. "one weight": everything has seed 0, and before the first step of `epoch` (from 0) one
weight of the first convolution, another for each seed, is moved to the next number that float32 has.
"""

import torch

from resnet_lib import data, networks, runs, training

digits = data.load("digits")


def measure(kind: str, depth: int, learning_rate: float, varied: str, seed: int, epoch: int = 0) -> dict:
    build = {"plain": networks.plain, "residual": networks.residual}[kind]
    network = build(depth, in_channels=1, classes=10, seed=seed if varied in ("all", "initial weights") else 0)
    weight = next(network.parameters())
    steps = -(-len(digits.train_images) // 64)

    @torch.no_grad()
    def nudge() -> None:
        place = tuple(int(axis) for axis in torch.unravel_index(torch.tensor(seed), weight.shape))
        weight[place] = torch.nextafter(weight[place], torch.tensor(torch.inf))

    if varied == "one weight" and epoch == 0:
        nudge()
    for step, history in enumerate(training.batches(network, digits, learning_rate=learning_rate,
                                                    seed=seed if varied in ("all", "order") else 0), 1):
        if varied == "one weight" and step % steps == 0 and len(history.train_loss) == epoch:
            nudge()
    with torch.no_grad():
        answers = network.eval()(digits.test_images).argmax(1)
    return {"answers": "".join(map(str, answers.tolist())), "test_loss": history.test_loss[-1],
            "test_error": history.test_error[-1], "final_train_loss": history.final_train_loss}


def configurations() -> list[dict]:
    small = [("residual", 8, 0.1, varied, 0, 20) for varied in ("all", "initial weights", "order", "one weight")]
    later = [("residual", 8, 0.1, "one weight", epoch, 10) for epoch in range(1, 8)]
    others = [(kind, depth, rate, varied, 0, 10) for kind, depth, rate in
              (("residual", 8, 0.01), ("residual", 20, 0.1)) for varied in ("all", "one weight")]
    return [{"kind": kind, "depth": depth, "learning_rate": rate, "varied": varied, "epoch": epoch, "seed": seed}
            for kind, depth, rate, varied, epoch, seeds in small + later + others for seed in range(1, seeds + 1)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("chance", "Where does the difference between two runs come from?", configurations(), measure)
