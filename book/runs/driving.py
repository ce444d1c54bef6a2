"""Drivers on drawn roads: how well they answer the expert's frames, and how far they get when they drive themselves.

Groups of runs: "rates" (two seeds of their own, judged by the error on an expert's frames of other roads), "beyond"
(one larger rate, one seed), "drivers" (ten seeds; each kind of model, taught on each kind of frames, at its best
setting), "expert" (who it learns from) and "page" (seed 1: the drivers' weights in eight bits, for the chapter's
explorer). Needs no data.
"""

import statistics
from collections.abc import Callable
from typing import Any

import numpy
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import explorers, networks, runs, training

Driver = Callable[[Tensor], Tensor]  # from pictures N×1×24×32 to commands in 1/m
HALF = 3.0       # half the road's width in metres
ROWS, COLUMNS, AHEAD = 24, 32, 41
DISTANCE = torch.logspace(numpy.log10(40), numpy.log10(4), ROWS)  # of a row's ground from the car, in metres
SLOPE = torch.linspace(0.9, -0.9, COLUMNS)                        # of a column: metres to the left a metre ahead


def roads(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Curvatures of random roads, one number a metre, in 1/m; left is positive."""
    window = torch.hann_window(40, periodic=False)
    noise = torch.randn(count, 1, length + AHEAD + 39, generator=generator)
    smooth = functional.conv1d(noise, (window / window.norm())[None, None])[:, 0]
    return (0.022 * smooth).clamp(-0.035, 0.035)


def picture(ahead: Tensor, e: Tensor, psi: Tensor, generator: torch.Generator | None) -> Tensor:
    """What the camera sees, N×1×24×32, from curvatures ahead, offset e and angle psi; without noise for None."""
    reach = (DISTANCE[:, None] - torch.arange(AHEAD)).clamp(min=0)
    middle = ahead @ reach.T - e[:, None] - psi[:, None] * DISTANCE
    across = (SLOPE * DISTANCE[:, None] - middle[:, :, None]).abs()
    pixel = 1.8 / COLUMNS * DISTANCE[:, None]                   # its width on the ground
    road = ((HALF - across) / pixel + 0.5).clamp(0, 1)
    line = ((0.2 - (across - 2.8).abs()) / pixel + 0.5).clamp(0, 1) * (0.4 / pixel).clamp(max=1)
    image = 0.3 + 0.2 * road + 0.4 * line
    if generator is not None:
        light = 0.7 + 0.6 * torch.rand(len(e), 1, 1, generator=generator)
        image = light * image + 0.08 * torch.randn(image.shape, generator=generator)
    return (image[:, None] - 0.4) / 0.2


def expert(curvature: Tensor, e: Tensor, psi: Tensor) -> Tensor:
    """The curvature to steer, in 1/m: follow the road, and turn back to its middle."""
    return curvature - 0.012 * e - 0.2 * psi


def drive(driver: Driver | None, roads: Tensor, seed: int, shake: float = 0.0, delay: int = 0,
          bar: bool = False) -> dict[str, Tensor]:
    """Drive along all roads at once, a metre a step; `driver` answers pictures, None lets the expert drive.

    A car that leaves the road is put back to its middle. Returns what was seen and what the expert would have done at
    each step, offsets, and at which step the car first left the road (their number: it never did).
    """
    generator = torch.Generator().manual_seed(seed)
    count, length = len(roads), roads.shape[1] - AHEAD
    e, psi, before = torch.zeros(count), torch.zeros(count), torch.zeros(count)
    left, old = torch.full((count,), length), []
    kept: dict[str, list[Tensor]] = {name: [] for name in ("pictures", "commands", "offsets", "out")}
    for step in range(length):
        label = expert(roads[:, step], e, psi)
        seen = picture(roads[:, step:step + AHEAD], e, psi, generator)
        if bar:                                     # the command before, as a row of light below the picture
            seen[:, 0, -1] = 50 * before[:, None]
        if driver is None:
            old.append(label)
        else:
            old.append(driver(seen))
        command = old[max(0, step - delay)]
        for name, value in (("pictures", seen), ("commands", label), ("offsets", e)):
            kept[name].append(value)
        before = command
        wind = 0.002 * torch.randn(count, generator=generator)
        shaken = shake * torch.randn(count, generator=generator)
        psi = psi + command + shaken - roads[:, step] + wind
        e = e + psi
        out = e.abs() > HALF
        left = torch.where(out & (left == length), step + 1, left)
        e, psi = (torch.where(out, 0.0, value) for value in (e, psi))
        kept["out"].append(out)
    return {name: torch.stack(values, 1) for name, values in kept.items()} | {"left": left}


UNIT = 0.02  # the network answers in this many 1/m


def descend(network: nn.Module, images: Tensor, targets: Tensor, loss: Callable[..., Tensor], steps: int, rate: float,
            seed: int) -> nn.Module:
    """Train with batches of 64, as `training.fit` does but with any loss."""
    generator = torch.Generator().manual_seed(seed)
    descent = training.sgd(network.parameters())
    images = images.to(memory_format=torch.channels_last)
    network.to(memory_format=torch.channels_last).train()
    order = torch.cat([torch.randperm(len(images), generator=generator) for _ in range(1 + 64 * steps // len(images))])
    for step, batch in enumerate(order[:64 * steps].split(64)):
        descent.param_groups[0]["lr"] = rate * training.one_cycle(step / steps)
        descent.zero_grad()
        loss(network(images[batch]), targets[batch]).backward()
        descent.step()
    return network.eval()


def steering(answers: Tensor, commands: Tensor) -> Tensor:
    return functional.smooth_l1_loss(answers[:, 0], commands / UNIT)


def driven_by(network: nn.Module) -> Driver:
    """A driver that asks a network."""
    @torch.no_grad()
    def driver(pictures: Tensor) -> Tensor:
        return UNIT * network(pictures.to(memory_format=torch.channels_last))[:, 0]
    return driver


STEPS = 300
RATES = [0.1, 0.3, 1.0]
PENALTIES = [100.0, 1000.0, 10000.0]


def taught(kind: str, frames: tuple[Tensor, Tensor], setting: float, seed: int) -> Driver:
    """A driver that has learned from pictures and commands; `setting`: the peak learning rate, or ridge's penalty."""
    pictures, commands = frames
    if kind == "ridge":
        model = Ridge(setting).fit(pictures.flatten(1).numpy(), commands.numpy() / UNIT)
        weights, bias = torch.from_numpy(model.coef_).float(), float(model.intercept_)
        return lambda seen: UNIT * (seen.flatten(1) @ weights + bias)
    network = getattr(networks, kind)(8, in_channels=1, classes=1, width=8, stem_stride=2, seed=seed)
    return driven_by(descend(network, pictures, commands, steering, STEPS, setting, seed))


def frames(drives: list[dict[str, Tensor]]) -> tuple[Tensor, Tensor]:
    return (torch.cat([one["pictures"].flatten(0, 1) for one in drives]),
            torch.cat([one["commands"].flatten() for one in drives]))


def made(count: int, length: int, seed: int) -> Tensor:
    return roads(count, length, torch.Generator().manual_seed(seed))


def lesson(how: str, kind: str, setting: float, seed: int, bar: bool = False) -> tuple[Tensor, Tensor]:
    """The frames of 20 roads of 120 m ("cloned", "shaken") or of 40 ("twice", "corrected")."""
    base = 1000 * seed
    half, count = 10 * (how == "shaken"), 40 if how == "twice" else 20
    drives = [drive(None, made(count - half, 120, base + 1), base + 2, bar=bar)]
    if half:
        drives.append(drive(None, made(half, 120, base + 3), base + 4, shake=0.02, bar=bar))
    if how == "corrected":
        first = taught(kind, frames(drives), setting, seed)
        drives.append(drive(first, made(20, 120, base + 5), base + 6, bar=bar))
    return frames(drives)


def error(driver: Driver, pictures: Tensor, commands: Tensor) -> float:
    """Root mean square difference from the expert's command, in 1/km."""
    answers = torch.cat([driver(part) for part in pictures.split(256)])
    return 1000 * float((answers - commands).square().mean().sqrt())


def strewn(seed: int, width: float = 1.5) -> tuple[Tensor, Tensor]:
    """3,000 frames of cars that stand anywhere: up to `width` metres off the middle, turned by up to a tenth of it."""
    generator = torch.Generator().manual_seed(seed)
    ahead = made(3000, 1, seed)[:, :AHEAD]
    e = width * (2 * torch.rand(3000, generator=generator) - 1)
    psi = width / 10 * (2 * torch.rand(3000, generator=generator) - 1)
    return picture(ahead, e, psi, generator), expert(ahead[:, 0], e, psi)


OFFSETS = [-2.5, -2.0, -1.5, -1.0, -0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5]
ANGLES = [-0.1, -0.05, -0.02, 0.0, 0.02, 0.05, 0.1]


def response(driver: Driver, seed: int) -> dict[str, list[float]]:
    """Mean command in 1/km, less the road's curvature, of 300 cars that stand off the middle, or are turned."""
    found: dict[str, list[float]] = {"offsets": [], "angles": []}
    for name, values in (("offsets", OFFSETS), ("angles", ANGLES)):
        for value in values:
            generator = torch.Generator().manual_seed(seed)
            ahead = roads(300, 1, generator)[:, :AHEAD]
            state = {"e": torch.zeros(300), "psi": torch.zeros(300)}
            state["e" if name == "offsets" else "psi"] += value
            answers = driver(picture(ahead, **state, generator=generator))
            found[name].append(1000 * float((answers - ahead[:, 0]).mean()))
    return found


def closed(driver: Driver | None, seed: int, delay: int = 0, bar: bool = False) -> dict:
    """30 roads of 300 m: share finished, mean metres before the car first left, exits a km, size of the offset."""
    test = drive(driver, made(30, 300, seed), seed + 1, delay=delay, bar=bar)
    return {"finished": 100 * float((test["left"] == 300).float().mean()), "metres": float(test["left"].float().mean()),
            "exits": 1000 * float(test["out"].float().mean()), "offset": 100 * float(test["offsets"].abs().mean())}


def judged(driver: Driver, seed: int, bar: bool = False) -> dict:
    """Everything that is measured of a driver; the roads are the same for all drivers of a seed."""
    base = 1000 * seed + 500
    expert_frames = frames([drive(None, made(30, 100, base), base + 1, bar=bar)])
    found = {"open": error(driver, *expert_frames), **closed(driver, base + 2, bar=bar)}
    if not bar:
        found |= {"strewn": error(driver, *strewn(base + 6)), "near": error(driver, *strewn(base + 6, 0.5)),
                  "response": response(driver, base + 7)}
    return found


def rates(kind: str, how: str, setting: float, seed: int) -> dict:
    driver = taught(kind, lesson(how, kind, setting, seed), setting, seed)
    base = 1000 * seed + 500
    return {"open": error(driver, *frames([drive(None, made(30, 100, base), base + 1)]))}


DELAYS = list(range(0, 8))


def drivers(kind: str, how: str, setting: float, seed: int, bar: bool = False) -> dict:
    driver = taught(kind, lesson(how, kind, setting, seed, bar), setting, seed)
    found = judged(driver, seed, bar)
    if kind == "residual" and not bar and how in ("shaken", "corrected") and seed <= 5:
        found["delay"] = [closed(driver, 1000 * seed + 502, delay=delay)["finished"] for delay in DELAYS]
    return found


def the_expert(seed: int) -> dict:
    return {**closed(None, 1000 * seed + 502),
            "delay": [closed(None, 1000 * seed + 502, delay=delay)["finished"] for delay in DELAYS],
            "commands": 1000 * float(drive(None, made(30, 100, 1000 * seed + 500), 1)["commands"].std())}


def page(how: str, setting: float, seed: int) -> dict:
    """A driver in eight bits, for a page that calculates by itself."""
    pictures, commands = lesson(how, "residual", setting, seed)
    network = networks.residual(8, in_channels=1, classes=1, width=8, stem_stride=2, seed=seed)
    return {"layers": explorers.in_bytes(descend(network, pictures, commands, steering, STEPS, setting, seed))}


GROUPS: dict[str, Callable[..., dict]] = {"rates": rates, "beyond": rates, "drivers": drivers, "expert": the_expert,
                                          "page": page}


def measure(group: str, **setting: Any) -> dict:
    return GROUPS[group](**setting)


def record(plan: list[dict]) -> runs.Study:
    return runs.record("driving", "Who answers like the expert, and who gets to the end of the road?", plan, measure)


KINDS = [("residual", "cloned"), ("residual", "twice"), ("residual", "shaken"), ("residual", "corrected"),
         ("plain", "cloned"), ("plain", "shaken"),
         ("ridge", "cloned"), ("ridge", "twice"), ("ridge", "shaken"), ("ridge", "corrected")]

if __name__ == "__main__":
    torch.set_num_threads(1)
    plan = [{"group": "rates", "kind": kind, "how": how, "setting": setting, "seed": seed}
            for kind in ("residual", "plain", "ridge") for how in ("cloned", "shaken")
            for setting in (PENALTIES if kind == "ridge" else RATES) for seed in (101, 102)]
    plan += [{"group": "beyond", "kind": "residual", "how": "cloned", "setting": 3.0, "seed": 101}]
    there = (runs.FOLDER / "driving.json").exists()
    before = [run["configuration"] for run in runs.load("driving").runs] if there else []
    found = record(plan + [configuration for configuration in before if configuration not in plan])
    best = {(kind, how): min(PENALTIES if kind == "ridge" else RATES, key=lambda setting: statistics.mean(
        run["open"] for run in found.select(group="rates", kind=kind, how=how, setting=setting)))
        for kind in ("residual", "plain", "ridge") for how in ("cloned", "shaken")}
    for kind in ("residual", "plain", "ridge"):
        best |= {(kind, "twice"): best[kind, "cloned"], (kind, "corrected"): best[kind, "cloned"]}
    plan += [{"group": "page", "how": how, "setting": best["residual", how], "seed": 1}
             for how in ("cloned", "shaken", "corrected")]
    for seed in range(1, 11):
        plan += [{"group": "expert", "seed": seed}]
        plan += [{"group": "drivers", "kind": kind, "how": how, "setting": best[kind, how], "seed": seed}
                 for kind, how in KINDS]
        plan += [{"group": "drivers", "kind": "residual", "how": "cloned", "setting": best["residual", "cloned"],
                  "seed": seed, "bar": True}]
    record(plan)
