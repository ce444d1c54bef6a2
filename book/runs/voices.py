"""Spoken digits when one of six voices is rare in the training: who pays, and what helps?

Needs the recordings (`make data DATA=spoken_digits`).
"""

import statistics
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, runs, sound, training

RATES = (0.03, 0.1, 0.3)
STEPS = 160


@cache
def pictures() -> Tensor:
    """All recordings as pictures, 3,000×1×32×32, made equally loud."""
    return torch.stack([sound.picture(sound.loud(wave)) for wave in data.spoken_digits().waves])


def chosen(rare: int, count: int, seed: int) -> Tensor:
    """Numbers of training recordings: takes 10 to 49 of five voices, and `count` of the rare one, ten digits alike."""
    known, generator = data.spoken_digits(), torch.Generator().manual_seed(seed)
    there = (known.takes >= 10) & (known.speakers != rare)
    parts = [there.nonzero()[:, 0]]
    for digit in range(10):
        mine = ((known.takes >= 10) & (known.speakers == rare) & (known.labels == digit)).nonzero()[:, 0]
        parts.append(mine[torch.randperm(len(mine), generator=generator)[:count // 10]])
    return torch.cat(parts)


def learned(images: Tensor, labels: Tensor, weights: Tensor, rate: float, seed: int) -> nn.Module:
    """Residual-8 after 160 batches of 64; each recording's loss has its weight."""
    network = networks.residual(8, in_channels=1, width=8, stem_stride=2, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    descent = training.sgd(network.parameters())
    order = torch.cat([torch.randperm(len(images), generator=generator) for _ in range(1 + 64 * STEPS // len(images))])
    for step, batch in enumerate(order[:64 * STEPS].split(64)):
        descent.param_groups[0]["lr"] = rate * training.one_cycle(step / STEPS)
        losses = functional.cross_entropy(network(images[batch]), labels[batch], reduction="none")
        descent.zero_grad()
        ((weights[batch] * losses).sum() / weights[batch].sum()).backward()
        descent.step()
    return network.eval()


def measure(group: str, rare: str, count: int, weighted: bool, rate: float, seed: int) -> dict:
    """Accuracy of each voice on takes 0 to 4 (or, to choose a rate, 5 to 9).

    `weighted`: the rare voice's recordings count as much together as those of another voice.
    """
    known = data.spoken_digits()
    voice = known.names.index(rare)
    train = chosen(voice, count, seed)
    deviation, mean = torch.std_mean(pictures()[train])
    images = (pictures() - mean) / deviation
    weights = torch.ones(len(train))
    if weighted:
        weights[known.speakers[train] == voice] = 400 / count
    network = learned(images[train], known.labels[train], weights, rate, seed)
    tested = (known.takes < 5) if group == "voices" else (known.takes >= 5) & (known.takes < 10)
    with torch.no_grad():
        right = network(images[tested]).argmax(1) == known.labels[tested]
    shares = [100 * float(right[known.speakers[tested] == each].double().mean()) for each in range(6)]
    others = [share for each, share in enumerate(shares) if each != voice]
    return {"rare": shares[voice], "others": statistics.mean(others), "shares": shares}


def record(plan: list[dict]) -> runs.Study:
    return runs.record("voices", "One voice is rare in the training: who pays?", plan, measure)


VOICES = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
CASES = [(0, False), (40, False), (40, True), (400, False)]

if __name__ == "__main__":
    torch.set_num_threads(1)
    plan: list[dict[str, Any]] = [
        {"group": "rates", "rare": rare, "count": count, "weighted": weighted, "rate": rate, "seed": 101}
        for count, weighted in ((40, False), (40, True)) for rate in RATES for rare in ("theo",)]
    there = (runs.FOLDER / "voices.json").exists()
    before = [run["configuration"] for run in runs.load("voices").runs] if there else []
    found = record(plan + [one for one in before if one not in plan])
    best = {weighted: max(RATES, key=lambda rate: statistics.mean(
        run["rare"] + 5 * run["others"] for run in found.select(group="rates", weighted=weighted, rate=rate)))
        for weighted in (False, True)}
    plan += [{"group": "voices", "rare": rare, "count": count, "weighted": weighted, "rate": best[weighted],
              "seed": seed} for seed in (1, 2) for rare in VOICES for count, weighted in CASES]
    record(plan)
