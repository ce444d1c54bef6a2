"""Residual networks of 56 and 110 layers without batch norm: four starts, with and without clipping of the gradient."""

import statistics

import torch
from torch import nn

from resnet_lib import data, networks, runs, training

digits = data.load("digits")
STARTS = ("none", "1/√N", "zero", "Fixup", "batch norm")


def measure(cure: str, clipping: bool, depth: int, learning_rate: float, seed: int) -> dict:
    """`cure` "none": He initialisation and no more; "batch norm": the usual network, for comparison."""
    network = networks.residual(depth, in_channels=1, width=8, normalisation=cure == "batch norm", seed=seed)
    if cure not in ("none", "batch norm"):
        networks.scale_branches(network, cure)
    norms: list[float] = []
    clip = training.clip_gradients(1.0)

    def before_step(network: nn.Module, step: int, learning_rate: float) -> None:
        norms.append(nn.utils.get_total_norm([parameter.grad for parameter in network.parameters()]).item())
        if clipping:
            clip(network, step, learning_rate)

    try:
        history = training.fit(network, digits, epochs=6, learning_rate=learning_rate, seed=seed,
                               before_step=before_step, progress=False)
        results = {"train_loss": history.train_loss, "final_train_loss": history.final_train_loss,
                   "final_train_error": history.final_train_error, "test_error": history.test_error[-1]}
    except training.TrainingDiverged:
        results = {"diverged_after_steps": len(norms)}
    longer = sum(norm > 1 for norm in norms) / max(1, len(norms))
    return {**results, "gradient_norm": {"first": norms[0], "median": statistics.median(norms), "largest": max(norms),
                                         "share_above_1": longer}}


BEST = {("none", True): 0.1, ("1/√N", True): 0.3, ("zero", True): 0.3, ("Fixup", True): 0.3, ("batch norm", True): 0.1,
        ("1/√N", False): 0.3, ("zero", False): 0.1, ("Fixup", False): 0.1, ("batch norm", False): 0.03}  # of the grid


def configurations() -> list[dict]:
    """The grid at 56 layers with three seeds; its best rates with more; these and their neighbours at 110 layers."""
    grid = [(cure, clipping, 56, rate) for cure in STARTS for clipping in (False, True)
            for rate in ((0.03, 0.1, 0.3) if cure == "batch norm" else (0.01, 0.03, 0.1, 0.3))]
    grid += [(cure, True, 56, 1.0) for cure in ("1/√N", "zero", "Fixup")] + [("batch norm", False, 56, 0.01)]
    grid += [("none", False, 56, rate) for rate in (0.0001, 0.001)]
    best = [(cure, clipping, 56, rate) for (cure, clipping), rate in BEST.items()]
    central = [setting for setting in best if setting[:2] in (("none", True), ("zero", True), ("batch norm", True))]
    deepest = [(cure, clipping, 110, round(factor * rate, 2)) for (cure, clipping), rate in BEST.items()
               for factor in (1, 1 / 3)]
    two = [setting for setting in deepest if setting[:2] in (("none", True), ("zero", True)) and BEST[setting[:2]]
           == setting[3]]
    return [{"cure": cure, "clipping": clipping, "depth": depth, "learning_rate": rate, "seed": seed}
            for settings, seeds in ((grid, (1, 2)), (best, (3, 4, 5)), (central, range(6, 11)), (deepest, (1,)),
                                    (two, (2, 3, 4, 5)), (grid, (3,)))
            for seed in seeds for cure, clipping, depth, rate in settings
            if not (settings is grid and seed == 3 and (cure, clipping, depth, rate) in best)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("without_normalisation", "What lets deep residual networks train without normalisation?",
                configurations(), measure)
