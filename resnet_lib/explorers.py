"""Explorers: pictures that the reader can change, alive in a notebook and on a static page alike.

Each has one JavaScript source in `book/_static/explorers/`, which draws what the page's own cells have measured. In
JupyterLab, VS Code and Colab it is a widget; a page without a kernel holds the same state as JSON, and a figure for
readers without JavaScript.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
import statistics
import string
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import anywidget
import numpy
import torch
import traitlets
from IPython.display import HTML
from torch import Tensor, nn

from resnet_lib import data, plots
from resnet_lib import saliency as attribution
from resnet_lib.records import Record
from resnet_lib.runs import Study
from resnet_lib.weights import Trained

INSTALLED = Path(__file__).resolve().parent / "scripts"  # where an installed package holds them
FOLDER = INSTALLED if INSTALLED.is_dir() else INSTALLED.parent.parent / "book" / "_static" / "explorers"
LARGEST = 100_000  # characters of state, as JSON


def source(name: str) -> str:
    """The JavaScript of an explorer with what all share; it defines `render({model, el})`."""
    return "\n".join((FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in ("common", name))


def script(name: str) -> str:
    """An explorer for static pages: a classic script, which browsers load from a folder, too."""
    return (f'"use strict";\n(() => {{\n{source(name)}\n(window.explorers ??= {{}})["{name}"] = render;\n}})();\n'
            + (FOLDER / "host.js").read_text(encoding="utf-8"))


class Explorer(anywidget.AnyWidget):
    """An explorer with its state; `instead` stands in its place where there is no JavaScript.

    Raises FileNotFoundError for an unknown name and ValueError when the state is no JSON or too large for a page.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, name: str, state: Mapping[str, Any], instead: HTML) -> None:
        if not (FOLDER / f"{name}.js").exists():
            raise FileNotFoundError(f"There is no explorer called {name!r} in {FOLDER}.")
        self.name, self.instead = name, instead
        self.json = json.dumps(state, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if len(self.json) > LARGEST:
            raise ValueError(f"The state of the explorer {name!r} has {len(self.json):,} characters; a page can hold "
                             f"{LARGEST:,}: leave out what the picture does not need.")
        super().__init__(_esm=f"{source(name)}\nexport default {{ render }};", state=dict(state))

    def static(self) -> str:
        """The explorer as HTML, for a page without a kernel."""
        state = self.json.replace("</", "<\\/")
        return (f'<div data-explorer="{html.escape(self.name)}"><script type="application/json">{state}</script>'
                f"{self.instead.data}</div>")

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict, dict] | None:
        bundle = super()._repr_mimebundle_(**options)
        if bundle is not None:
            bundle[0]["text/html"] = self.static()
        return bundle


def gradient_flow(study: Study, instead: HTML) -> Explorer:
    """Signal, gradients and relative update by layer: the medians over the seeds of the study "gradient_layers"."""
    values: dict[str, Any] = {}
    kinds = [(True, False), (True, True), (False, False), (False, True)]  # normalisation, skip: the order of the source
    settings = product(enumerate(kinds), *(study.values(key) for key in ("depth", "padding", "gain")))
    for (index, (normalisation, skip)), depth, padding, gain in settings:
        runs = study.select(normalisation=normalisation, skip=skip, depth=depth, padding=padding, gain=gain)
        for number, step in enumerate(MOMENTS):
            seeds = [run["steps"][number] for run in runs if len(run["steps"]) > number]
            if 2 * len(seeds) > len(runs):  # the median run was measured there, and has not diverged
                values[f"{index},{depth},{padding},{gain:g},{step}"] = middle(seeds)
    return Explorer("gradient-flow", {
        "depths": study.values("depth"), "paddings": ["zeros", "circular"], "gains": study.values("gain"),
        "steps": MOMENTS, "values": values}, instead)


MOMENTS = [0, 1, 5, 10, 50]


def middle(seeds: list[dict]) -> dict[str, Any]:
    """Medians of several measurements: each list as hundredths of a power of ten, the loss with three digits."""
    def hundredths(key: str) -> list[int | None]:
        medians = [statistics.median(values) for values in zip(*(seed[key] for seed in seeds))]
        return [round(100 * math.log10(value)) if 0 < value < math.inf else None for value in medians]

    return {"loss": three_digits(statistics.median(seed["loss"] for seed in seeds)),
            **{key: hundredths(key) for key in ("activation", "gradient", "weight_gradient", "relative_update")}}


def degradation(study: Study, instead: HTML) -> Explorer:
    """Curves of every seed in eight epochs: the study "degradation" by kind, depth and learning rate."""
    found: dict[str, Any] = {}
    for run in study.runs:
        chosen, results = run["configuration"], run["results"]
        if chosen["epochs"] != 8:
            continue
        here = found.setdefault(f"{chosen['kind']},{chosen['depth']},{chosen['learning_rate']:g}",
                                {"train_loss": [], "test_error": [], "final_loss": [], "final_error": []})
        for key in ("train_loss", "test_error"):
            here[key].append([three_digits(value) for value in results[key]] if key in results else None)
        for key, result in (("final_loss", "final_train_loss"), ("final_error", "final_train_error")):
            here[key].append(three_digits(results[result]) if result in results else None)
    return Explorer("degradation", {"depths": study.values("depth"), "rates": study.values("learning_rate"),
                                    "runs": found}, instead)


def three_digits(value: float) -> float:
    """A number as pages show it, with three significant digits."""
    return float(f"{value:.3g}")


def block_builder(instead: HTML, kind: str = "residual") -> Explorer:
    """Networks to choose from: the kinds, depths, shortcuts and inputs that there are; the page makes the counts.

    `kind`: the one that is shown first.
    """
    inputs = {name: data.KNOWN[name] for name in ("digits", "mnist", "cifar10")}
    (classes,) = {len(known.classes) for known in inputs.values()}  # the page knows one number of classes
    return Explorer("block-builder", {
        "kinds": ["plain", "residual", "pre_activation"], "depths": [8, 14, 20, 32, 44, 56, 110],
        "widths": [8, 16, 32], "shortcuts": ["A", "B", "C"], "classes": classes,
        "inputs": {name: list(known.shape) for name, known in inputs.items()},
        "default": {"kind": kind, "depth": 20, "width": 16, "shortcut": "A", "input": "cifar10"}}, instead)


def processes(networks: Mapping[str, tuple[int, int, float, str]], instead: HTML, *, speed: float, hides: float,
              per_machine: int = 8) -> Explorer:
    """Data parallel training on up to 1,024 processes, worked out from what the reader sets.

    `networks`: by name, its parameters, its multiply-adds forward for an image, the images of its whole training, and
    the kind whose colour it has; the last one is shown first. `speed`: multiply-adds a second of a process in training.
    `hides`: share of a step's computing behind which the sum of the gradients can hide. `per_machine`: processes that
    share a connection.
    """
    short = {"pre-activation": "preact", "bottleneck": "ink"}  # explorers have no colour of their own for bottlenecks
    return Explorer("processes", {
        "networks": {name: {"parameters": parameters, "multiplyAdds": adds, "images": images}
                     for name, (parameters, adds, images, _) in networks.items()},
        "kinds": {name: f"var(--{short.get(kind, kind)})" for name, (*_, kind) in networks.items()},
        "assumed": {"speed": speed, "perMachine": per_machine, "hides": hides},
        "default": {"network": list(networks)[-1], "processes": 256, "batch": 32, "gigabits": 50, "delay": 30,
                    "watts": 300}}, instead)


def memory(models: Mapping[str, tuple], instead: HTML) -> Explorer:
    """What a training step of a large model holds on each card, worked out from what the reader sets.

    `models`: by name, the width of the stream, that of the small network, the blocks, the heads, the heads of keys and
    values, whether head and embedding are one matrix, and the size of the vocabulary.
    """
    names = ("d", "m", "layers", "heads", "kv", "tied", "vocabulary")
    return Explorer("memory", {
        "models": {name: dict(zip(names, shape, strict=True)) for name, shape in models.items()},
        "default": {"model": "Llama 2 7B" if "Llama 2 7B" in models else list(models)[-1], "method": "lora",
                    "precision": "mixed", "optimiser": "adam", "length": 4096, "sequences": 1, "rank": 16,
                    "fused": True, "checkpoints": False, "cards": 1}}, instead)


def transfer(study: Study, numbers: Mapping[str, Mapping[str, int]], titles: Mapping[str, str],
             instead: HTML) -> Explorer:
    """Accuracy against labelled images a class: the curves of the study "fine_tuning", by case and method.

    `numbers`: by case and method, how many numbers are trained. `titles`: the cases in order, and what they are called.
    """
    def bands(runs: list[dict], labels: list[str], method: str, measure: str) -> list[list[float]]:
        columns = [[run[count][method][measure] for run in runs] for count in labels]
        return [[three_digits(of(column)) for of in (statistics.median, min, max)] for column in columns]

    cases = {}
    for case, title in titles.items():
        runs = study.select(part="curves", case=case)
        labels = sorted((key for key in runs[0] if key.isdigit()), key=int)
        methods: dict[str, Any] = {}
        for method, results in runs[0][labels[0]].items():
            methods[method] = {"accuracy": bands(runs, labels, method, "accuracy"),
                               "numbers": numbers[case].get(method)}
            if "old" in results:
                methods[method]["old"] = bands(runs, labels, method, "old")
            if "seconds" in results:
                methods[method]["seconds"] = [band[0] for band in bands(runs, labels, method, "seconds")]
        cases[title] = {"labels": [int(count) for count in labels], "seeds": len(runs), "methods": methods,
                        "before": three_digits(statistics.median(run["source"] for run in runs))}
    return Explorer("transfer", {"cases": cases}, instead)


def comparison(choices: Mapping[str, Sequence[object]], measures: Mapping[str, bool],
               values: Mapping[tuple, Sequence[Sequence[float]]], first: tuple, second: tuple) -> Explorer:
    """Two settings of a study side by side, every run of both.

    `choices`: what is chosen, and its options in order; a setting is a tuple with one option of each. `measures`:
    titles with units, and whether the axis is logarithmic; the first is put into words. `values`: for each recorded
    setting a list of runs a measure. `first`, `second`: the settings that are shown at the beginning. Raises ValueError
    for a setting that is no choice, for one with another number of measures, and for numbers that its axis cannot show.
    """
    options = [list(listed) for listed in choices.values()]

    def place(setting: tuple) -> list[int]:
        if len(setting) != len(options) or any(one not in listed for one, listed in zip(setting, options)):
            raise ValueError(f"{setting} is no setting: one of each is {dict(choices)}.")
        return [listed.index(one) for one, listed in zip(setting, options)]

    recorded = {}
    for setting, lists in values.items():
        if len(lists) != len(measures) or not all(lists):
            raise ValueError(f"The setting {setting} has {[len(one) for one in lists]} runs, of {len(measures)} "
                             "measures.")
        for log, numbers in zip(measures.values(), lists):
            if not all(math.isfinite(value) and (value > 0 or not log) for value in numbers):
                raise ValueError(f"The setting {setting} has numbers that its axis cannot show: {list(numbers)}.")
        recorded[",".join(map(str, place(setting)))] = [[three_digits(value) for value in one] for one in lists]
    return Explorer("comparison", {
        "choices": [{"name": name, "options": [str(option) for option in listed]} for name, listed in choices.items()],
        "measures": [{"name": name, "log": log} for name, log in measures.items()],
        "values": recorded, "first": place(first), "second": place(second)},
        runs_of_two(measures, {", ".join(map(str, setting)): values[setting] for setting in (first, second)}))


def runs_of_two(measures: Mapping[str, bool], shown: Mapping[str, Sequence[Sequence[float]]]) -> HTML:
    """What stands for a comparison where there is no JavaScript: a row a setting, a mark a run, the median as a bar."""
    def draw(axes: Any, theme: plots.Theme) -> None:
        for panel, (number, (title, log)) in zip(numpy.atleast_1d(axes).flat, enumerate(measures.items())):
            for row, lists in enumerate(shown.values()):
                panel.plot(lists[number], [row] * len(lists[number]), "os"[row], color=theme.ink, markersize=6,
                           markerfacecolor="none" if row else theme.ink, alpha=0.75)
                panel.vlines(statistics.median(lists[number]), row - 0.35, row + 0.35, color=theme.ink, linewidth=3)
            panel.set(title=title, ylim=(1.6, -0.6), yticks=range(2), yticklabels=list(shown))
            panel.grid(visible=False, axis="y")
            if log:
                plots.log_axis(panel, "x")

    medians = "; ".join(f"{name}: {', '.join(f'{statistics.median(one):.3g}' for one in lists)}"
                        for name, lists in shown.items())
    return plots.figure(draw, rows=len(measures), size=(6.8, 1.6 * len(measures)),
                        alt=f"Two settings, every run of both. Medians of {'; '.join(measures)}: {medians}.",
                        caption="With JavaScript this picture can be changed. A mark is one recorded run, the bar is "
                                "their median.")


def lesions(study: Study, names: Mapping[str, tuple[str, int]], images: int, instead: HTML) -> Explorer:
    """Networks whose blocks can be deleted: the wrong ones of so many test images for each set of deleted blocks.

    `names`: what the page calls each network, and its kind and depth in the study "paths". The first is shown first.
    Raises ValueError unless single blocks and pairs, or all sets, are recorded.
    """
    networks = []
    for name, (kind, depth) in names.items():
        (run,) = study.select(part="every", kind=kind, depth=depth)
        blocks = len(run["change"])
        most = {2**blocks: blocks, 1 + blocks + math.comb(blocks, 2): 2}.get(len(run["stored"]))
        if most is None or len(run["stored"]) != len(run["recomputed"]):
            raise ValueError(f"{len(run['stored'])} and {len(run['recomputed'])} sets of {blocks} blocks are recorded.")
        colour = f"var(--{'residual' if kind == 'residual' else 'plain'})"
        networks.append({"name": name, "colour": colour, "most": most, "images": images,
                         "change": [three_digits(change) for change in run["change"]],
                         "stored": run["stored"], "recomputed": run["recomputed"]})
    return Explorer("lesions", {"networks": networks}, instead)


def steps(study: Study, names: Mapping[str, str], images: int, instead: HTML) -> Explorer:
    """Networks whose blocks are taken in several steps: the wrong ones of so many test images for each combination.

    `names`: what the page calls each network, and its kind in the part "grid" of the study "iteration". The first is
    shown first. Raises ValueError unless every combination of copies and strength in three stages is recorded.
    """
    copies, sizes, networks = (1, 2, 4), (0.25, 0.5, 1.0), []
    for name, kind in names.items():
        (run,) = study.select(part="grid", kind=kind)
        recorded = {how: [wrong for ends in run[how] for wrong in ends] for how in ("stored", "recomputed")}
        for how in recorded:
            if len(run[how]) != (len(copies) * len(sizes)) ** 3 or len({*map(len, run[how])}) != 1:
                raise ValueError(f"{len(run[how])} combinations of {name} are recorded, {how}.")
        networks.append({"name": name, "colour": f"var(--{kind})", "images": images, **recorded})
    return Explorer("steps", {"copies": list(copies), "sizes": list(sizes), "networks": networks}, instead)


def trainability(study: Study, instead: HTML) -> Explorer:
    """Instruments before training and the loss reached, by depth and change of the start: the study "trainability"."""
    found: dict[str, Any] = {}
    for run in study.runs:
        chosen, seeds = run["configuration"], run["results"]["seeds"]
        instruments = [key for key in seeds[0] if key not in ("seed", "loss", "epoch_loss", "test_error", "diverged")]
        found[f"{chosen['kind']},{chosen['depth']},{chosen['change']},{chosen['dose']:g}"] = {
            **{key: three_digits(statistics.mean(seed[key] for seed in seeds)) for key in instruments},
            "losses": [three_digits(seed["loss"]) if "loss" in seed else None for seed in seeds],
            "rate": run["results"]["rate"]}
    doses = {change: sorted({int(dose) if dose == int(dose) else dose for dose in (0.0, *(
        run["configuration"]["dose"] for run in study.runs
        if run["configuration"]["change"] == change and run["configuration"]["kind"] == "plain"))})
        for change in ("bias", "slope")}
    return Explorer("trainability", {"depths": study.values("depth"), "doses": doses, "trained": 0.3, "found": found},
                    instead)


def landscape(planes: Mapping[str, tuple[str, Mapping[str, Sequence[Sequence[float]]]]], instead: HTML) -> Explorer:
    """The loss on planes through networks' weights, as contours and as a surface, with both kinds of statistics.

    `planes`: what the page calls each network, its kind, and square grids of losses "stored" and "recomputed" of one
    size, the network itself in the middle. The page gets hundredths of powers of ten, 10⁻⁶ at least and 10⁹ at most.
    Raises ValueError for grids of another form.
    """
    networks = []
    for name, (kind, grids) in planes.items():
        size = len(grids["stored"])
        if size % 2 == 0 or any(len(row) != size for grid in grids.values() for row in (grid, *grid)):
            raise ValueError(f"The planes of {name} are not two squares of one odd size.")
        networks.append({"name": name, "colour": f"var(--{'residual' if kind == 'residual' else 'plain'})", **{
            how: [[round(100 * math.log10(min(max(loss, 1e-6), 1e9))) for loss in row] for row in grids[how]]
            for how in ("stored", "recomputed")}})
    return Explorer("landscape", {"networks": networks}, instead)


CHANGES = {"trained": "nothing", "classifier": "the classifier", "stage 3": "classifier and stage 3",
           "stage 2": "classifier and stages 3, 2", "all": "all layers", "other seed": "another trained network"}


def saliency(images: Sequence[tuple[str, Tensor]], maps: Mapping[str, Mapping[str, Tensor]],
             medians: Mapping[str, Mapping[str, Mapping[str, float]]], instead: HTML) -> Explorer:
    """Saliency maps of a trained network beside those of a changed one and of another seed, with their agreement.

    `images`: a name and H×W pixels in [0, 1] each. `maps[state][method]`: N×H×W, signed, for the states of CHANGES. A
    method whose maps are the same in all states knows no network. `medians[method][state]`: the recorded agreement
    for "size", "ink" and "sign". Raises ValueError for other states and for maps of another number or size.
    """
    names, pixels = [name for name, _ in images], torch.stack([picture for _, picture in images])
    if list(maps) != list(CHANGES):
        raise ValueError(f"The states of the network are {', '.join(CHANGES)}; not {', '.join(maps)}.")
    if any(heat.shape != pixels.shape for drawn in maps.values() for heat in drawn.values()):
        raise ValueError(f"A map has the shape of the images, {'×'.join(map(str, pixels.shape))}.")
    agreement: dict[str, Any] = {}
    own, fixed = maps["trained"], []
    for method, heat in own.items():
        if all(torch.equal(heat, drawn[method]) for drawn in maps.values()):
            fixed.append(method)
            continue
        agreement[method] = {}
        for state, drawn in maps.items():
            ways = {"size": (heat.abs(), drawn[method].abs(), None),
                    "ink": (heat.abs(), drawn[method].abs(), pixels > 0), "sign": (heat, drawn[method], pixels > 0)}
            agreement[method][state] = {way: [round(value, 3) for value in attribution.agreement(*pair)]
                                        for way, pair in ways.items()}
    return Explorer("saliency", {
        "states": list(CHANGES), "names": CHANGES, "fixed": fixed,
        "images": [{"name": name, "pixels": in_levels(picture)} for name, picture in zip(names, pixels)],
        "maps": {method: {state: [in_levels(heat) for heat in drawn[method]] for state, drawn in maps.items()
                          if method not in fixed or state == "trained"} for method in own},
        "agreement": agreement,
        "recorded": {method: {state: {way: round(value, 2) for way, value in found.items()}
                              for state, found in states.items()} for method, states in medians.items()}}, instead)


def in_levels(heat: Tensor) -> str:
    """A map H×W as 15 levels, the root of a pixel's share of the largest size, two a byte and in base64."""
    share = heat / heat.abs().max().clamp(min=1e-12)
    levels = (7 * share.sign() * share.abs().sqrt()).round().to(torch.int16) + 7
    pairs = levels.flatten().view(-1, 2)
    return in_base64((16 * pairs[:, 0] + pairs[:, 1]).to(torch.uint8))


def threshold(logits: Sequence[float], ill: Sequence[bool], instead: HTML) -> Explorer:
    """A threshold on a network's probabilities: what it does to a thousand children, at a prevalence and a cost.

    `logits`: for each test image the logarithm of the odds that it shows an ill child; `ill`: whether it does. Raises
    ValueError unless there are as many of both, of ill and of healthy children at least one, and all are finite.
    """
    if len(logits) != len(ill) or not 0 < sum(map(bool, ill)) < len(ill) or not all(map(math.isfinite, logits)):
        raise ValueError("A finite logit is needed for each image, and images of ill and of healthy children.")
    return Explorer("threshold", {
        "logits": [round(100 * float(logit)) for logit in logits], "ill": "".join("01"[bool(one)] for one in ill),
        "default": {"threshold": 50, "prevalence": 62.5, "price": 1}}, instead)


def driving(study: Study, roads: Tensor, instead: HTML) -> Explorer:
    """Drivers on roads: the page draws the camera's pictures and lets the study's networks steer by them.

    `study` is "driving", whose group "page" holds networks with a byte a weight; `roads`: curvatures N×(length + 41)
    in 1/m, one number a metre. Raises ValueError for roads that the page cannot draw.
    """
    length = roads.shape[-1] - 41
    if roads.ndim != 2 or not len(roads) or length < 100 or length % 5 or roads.abs().max() > 0.1:
        raise ValueError("Roads are N×(length + 41), 100 m or longer, a multiple of 5, with curvatures of at most 0.1.")
    drivers = {}
    for how in ("cloned", "shaken", "corrected"):
        (run,) = study.select(group="page", how=how)
        drivers[how] = run["layers"]
    whole = (1e5 * roads).round().int().tolist()
    return Explorer("driving", {"roads": whole, "drivers": drivers}, instead)


def attack(networks: Mapping[str, nn.Module], mean: float, std: float, pixels: Tensor, labels: Tensor,
           curves: Mapping[str, Mapping[str, Mapping[float, float]]], instead: HTML) -> Explorer:
    """Digits that an attack changes: the page calculates networks, derivatives and attacks.

    `networks`: "usual" and, if there is one, "attacked": residual networks of eight layers for 1×8×8, which get pixels
    less `mean`, divided by `std`. They are kept with a byte a weight. `pixels`: N×1×8×8 in sixteenths from 0 to 1, N at
    most 20. `curves`: for each network and each of "fgsm", "pgd" and "coin" the accuracy in per cent by size. Raises
    ValueError for other networks, pictures or curves.
    """
    shapes = [(network.in_channels, len(network.blocks()), network.classes) for network in networks.values()]  # type: ignore[operator]
    if "usual" not in networks or set(shapes) != {(1, 3, 10)}:
        raise ValueError("The page calculates residual networks of eight layers, one channel and ten classes.")
    levels = 16 * pixels
    if pixels.shape[1:] != (1, 8, 8) or not 1 <= len(pixels) <= 20 or len(labels) != len(pixels) or not (
            ((levels - levels.round()).abs() < 1e-3) & (levels.round() >= 0) & (levels.round() <= 16)).all():
        raise ValueError("The page shows up to 20 pictures of 8×8 pixels in sixteenths, each with its label.")
    if curves.keys() != networks.keys() or any(lines.keys() != {"fgsm", "pgd", "coin"} for lines in curves.values()):
        raise ValueError("Each network has curves for fgsm, pgd and coin.")
    text = ["".join(chr(97 + int(level)) for level in picture) for picture in levels.flatten(1).round().tolist()]
    return Explorer("attack", {"networks": {name: in_bytes(network) for name, network in networks.items()},
                               "mean": float(mean), "std": float(std), "pictures": text,
                               "labels": [int(label) for label in labels],
                               "curves": {name: {kind: [[*line], [three_digits(value) for value in line.values()]]
                                                 for kind, line in lines.items()} for name, lines in curves.items()}},
                    instead)


@torch.no_grad()
def in_bytes(network: nn.Module) -> list[dict[str, Any]]:
    """Each convolution with its normalisation as one layer, a byte a weight; at last the classifier.

    A weight of output channel c is its byte (two's complement, in base64, in PyTorch's order) times `scale[c]`, and
    `shift[c]` is added to the sum. For networks without projections, in evaluation mode.
    """
    tensors = network.state_dict()
    names = [name.removesuffix(".weight") for name, tensor in tensors.items() if tensor.ndim == 4]
    found = []
    for name in [*names, "classifier"]:
        weight, shift = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
        if shift is None:
            norm = name.replace("conv", "norm") if "conv" in name else name.replace(".0", ".1")
            gain = tensors[f"{norm}.weight"] / (tensors[f"{norm}.running_var"] + 1e-5).sqrt()
            weight = weight.contiguous() * gain[:, None, None, None]
            shift = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * gain
        scale = weight.flatten(1).abs().amax(1).clamp(min=1e-8) / 127
        whole = (weight / scale.view(-1, *[1] * (weight.ndim - 1))).round().to(torch.int8)
        found.append({"shape": list(weight.shape), "bytes": in_base64(whole),
                      "scale": [float(f"{value:.5g}") for value in scale.tolist()],
                      "shift": [float(f"{value:.5g}") for value in shift.tolist()]})
    return found


SHAPES = {"W1": (10, 10), "b1": (10, 1), "W2": (5, 10), "b2": (5, 1), "x": (10, 1), "y": (5, 1)}


def backpropagation(values: Mapping[str, Tensor], instead: HTML, eta: float = 0.02) -> Explorer:
    """The numbers of the network 10-10-5, and what autograd makes of them in double precision.

    `values` holds W1 (10, 10), b1 (10, 1), W2 (5, 10), b2 (5, 1), x (10, 1) and y (5, 1), each with two decimals.
    The state holds them as lists (columns as flat lists), the learning rate `eta`, and for the network without and with
    a skip ("plain", "skip") every intermediate, every gradient, the loss L and the loss L_after one update.

    Raises ValueError when a tensor is missing, has another shape, has more than two decimals or makes a pre-activation
    zero, where ReLU has no derivative.
    """
    rounded = {}
    for name, shape in SHAPES.items():
        if name not in values:
            raise ValueError(f"{name} is missing; the explorer needs {', '.join(SHAPES)}.")
        if tuple(values[name].shape) != shape:
            raise ValueError(f"{name} has the shape {tuple(values[name].shape)}; the explorer draws {shape}.")
        tensor = values[name].detach().double()
        rounded[name] = tensor.round(decimals=2)
        if not torch.allclose(tensor, rounded[name], rtol=0.0, atol=1e-6):
            raise ValueError(f"{name} has more than two decimals: its numbers could not be shown in full.")
    references = {"plain": by_autograd(rounded, eta, skip=False), "skip": by_autograd(rounded, eta, skip=True)}
    drawn = {name: numbers(tensor) for name, tensor in rounded.items()}
    return Explorer("backpropagation", {"eta": eta, "values": drawn, "autograd": references}, instead)


def by_autograd(values: dict[str, Tensor], eta: float, skip: bool) -> dict[str, Any]:
    """Intermediates, gradients and both losses of one network, all from PyTorch."""
    tracked = {name: tensor.clone().requires_grad_(name != "y") for name, tensor in values.items()}

    def forward() -> dict[str, Tensor]:
        a1 = tracked["W1"] @ tracked["x"] + tracked["b1"]
        x2 = torch.relu(a1) + tracked["x"] if skip else torch.relu(a1)
        y_hat = tracked["W2"] @ x2 + tracked["b2"]
        return {"a1": a1, "x2": x2, "y_hat": y_hat, "L": ((tracked["y"] - y_hat) ** 2).sum() / 2}

    way = forward()
    if (way["a1"] == 0).any():
        raise ValueError("A pre-activation is zero, where ReLU has no derivative.")
    for name in ("a1", "x2", "y_hat"):
        way[name].retain_grad()
    way["L"].backward()
    found = {name: numbers(tensor) for name, tensor in way.items()}
    for name, tensor in (("delta2", way["y_hat"]), ("g2", way["x2"]), ("delta1", way["a1"]), ("g1", tracked["x"])):
        found[name] = numbers(tensor.grad)
    parameters = [tracked[name] for name in ("W1", "b1", "W2", "b2")]
    found |= {name: numbers(tracked[name].grad) for name in ("W1", "b1", "W2", "b2")}
    torch.optim.SGD(parameters, lr=eta).step()
    with torch.no_grad():
        found["L_after"] = forward()["L"].item()
    return found


def numbers(tensor: Tensor | None) -> Any:
    """A matrix as a list of rows, a column as a flat list, a scalar as a number."""
    assert tensor is not None, "autograd has reached every tensor"
    return (tensor.flatten() if tensor.dim() == 2 and tensor.shape[1] == 1 else tensor).tolist()


class Digit(Explorer):
    """The explorer "digit"; the kernel sends the network's `weights` when the reader has `wanted` them."""

    wanted = traitlets.Bool(False).tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)

    def __init__(self, trained: Trained, state: Mapping[str, Any], instead: HTML) -> None:
        super().__init__("digit", state, instead)
        self.trained = trained
        self.observe(self.send, "wanted")

    def send(self, _: Any = None) -> None:
        """Give the page its weights."""
        self.weights = packed(self.trained)


MOST_BLOCKS = 12
MAPS = 8  # feature maps shown of each stage


def digit(trained: Trained, examples: Sequence[tuple[int, Tensor]], instead: HTML) -> Explorer:
    """A network that reads what the reader draws, block by block to be switched off.

    `examples`: labels and pictures 28×28 of pixels in [0, 1], to choose from; the first is shown at first. The page has
    the network's answers to them, and fetches its weights only when the reader wants more. A static page takes them
    from the script that `weights_script` makes of the same network.

    Raises ValueError for a network that the page cannot calculate and for examples that it cannot show.
    """
    options = {"shortcut": "A", "normalisation": True, "pre_activation": False, "padding_mode": "zeros",
               "in_channels": 3, "stem_stride": 1, "width": 16, **trained.options}
    counts = [len(stage) for stage in trained.network.stages.children()]  # type: ignore[arg-type]
    for right, says in [
            (trained.kind == "residual" and options["shortcut"] == "A", "a residual network with shortcut A"),
            (options["normalisation"] and not options["pre_activation"] and options["padding_mode"] == "zeros",
             "the original block, with batch normalisation and zero padding"),
            (options["in_channels"] == 1 and tuple(trained.size) == (28, 28), "pictures of 1×28×28"),
            (len(trained.classes) == 10, "ten classes"), (options["width"] >= MAPS, f"at least {MAPS} channels"),
            (sum(counts) <= MOST_BLOCKS, f"at most {MOST_BLOCKS} blocks")]:
        if not right:
            raise ValueError(f"The page calculates {says}; this network has something else.")
    if not 1 <= len(examples) <= 16:
        raise ValueError(f"The page shows 1 to 16 examples, not {len(examples)}.")
    for label, pixels in examples:
        if tuple(pixels.shape) != (28, 28) or not ((pixels >= 0) & (pixels <= 1)).all():
            raise ValueError("An example has 28×28 pixels in [0, 1].")
        if not 0 <= label < 10:
            raise ValueError(f"There is no class {label}.")
    stored = torch.stack([(255 * pixels).round().byte() for _, pixels in examples])
    images = trained.standardise(stored[:, None] / 255)
    with torch.no_grad():
        answers = trained.network(images).softmax(1)
        strength = trained.network.stem(images).std((0, 2, 3))
    content = packed(trained)
    return Digit(trained, {
        "network": {"blocks": counts, "stride": options["stem_stride"], "classes": list(trained.classes),
                    "mean": trained.mean.item(), "std": trained.std.item(),
                    "channels": sorted(strength.topk(MAPS).indices.tolist())},  # those in which most changes
        "weights": {"file": WEIGHTS, "version": content["version"],
                    "kilobytes": round(len(weights_script(content)) / 1000)},
        "examples": [{"label": trained.classes[label], "pixels": in_base64(pixels),
                      "probabilities": [round(value, 5) for value in answer.tolist()]}
                     for (label, _), pixels, answer in zip(examples, stored, answers)]}, instead)


WEIGHTS = "mnist-weights"  # the script's name on a page


def packed(trained: Trained) -> dict[str, Any]:
    """A network's floating-point numbers for digit.js: names and shapes in order, and all numbers as half precision."""
    tensors = {name: tensor for name, tensor in trained.network.state_dict().items() if tensor.is_floating_point()}
    halves = in_base64(torch.cat([tensor.half().flatten() for tensor in tensors.values()]))
    return {"version": hashlib.sha256(halves.encode()).hexdigest()[:8], "halves": halves,
            "tensors": [[name, list(tensor.shape)] for name, tensor in tensors.items()]}


def weights_script(content: Mapping[str, Any]) -> str:
    """What `packed` made, as a classic script for static pages, which browsers load from a folder, too."""
    return f'(window.explorerWeights ??= {{}})["{WEIGHTS}"] = {json.dumps(content, separators=(",", ":"))};\n'


def in_base64(tensor: Tensor) -> str:
    """The bytes of a tensor, each number's lower byte first."""
    array = tensor.contiguous().numpy()
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()


def quiz(name: str, question: str, choices: Sequence[tuple[str, bool, str]]) -> Explorer:
    """A question; each choice is its text, whether it is right, and the feedback to those who choose it.

    The feedback to a wrong choice names the misconception behind it, that to the right one says why it is right. Texts
    may hold `code` between backquotes and *emphasis* between asterisks. The choices keep their order. A browser
    remembers the answer under the page and `name`, which therefore stands once on a page.

    Raises ValueError for a name that is not made of letters, digits and hyphens, fewer than two choices, equal choices,
    an empty text, and unless exactly one choice is right.
    """
    texts, rights, feedback = zip(*choices) if choices else ((), (), ())
    if not name.replace("-", "").isalnum():
        raise ValueError(f"A quiz's name consists of letters, digits and hyphens, not {name!r}.")
    if len(set(texts)) < max(2, len(texts)):
        raise ValueError(f"The quiz {name!r} needs at least two choices, and no two of them equal.")
    if sum(rights) != 1:
        raise ValueError(f"Exactly one choice of the quiz {name!r} has to be right, not {sum(rights)}.")
    if not all(text.strip() for text in (question, *texts, *feedback)):
        raise ValueError(f"The quiz {name!r} has an empty text.")
    state = [{"text": text, "right": bool(right), "feedback": said} for text, right, said in choices]
    return Explorer("quiz", {"name": name, "question": question, "choices": state}, unfolded(question, choices))


def unfolded(question: str, choices: Sequence[tuple[str, bool, str]]) -> HTML:
    """A quiz without JavaScript: each choice with its feedback, which the reader unfolds."""
    items = "".join(f"<li>{letter}) {marked(text)}<details><summary>If you chose this</summary>"
                    f"<p><strong>{'Right' if right else 'Not quite'}.</strong> {marked(feedback)}</p></details></li>"
                    for letter, (text, right, feedback) in zip(string.ascii_lowercase, choices))
    return HTML(f'<div class="quiz-unfolded"><p><strong>{marked(question)}</strong></p><ul>{items}</ul></div>')


def marked(text: str) -> str:
    """HTML of a text in which `code` and *emphasis* are the only markup; as in quiz.js."""
    def element(found: re.Match[str]) -> str:
        return f"<code>{found[1]}</code>" if found[1] else f"<em>{found[2]}</em>"

    return re.sub(r"`([^`]+)`|\*([^\s*](?:[^*]*[^\s*])?)\*", element, html.escape(text, quote=False))


def records(trainings: Sequence[Record], instead: HTML) -> Explorer:
    """Curves, layer responses and gradients of whole trainings: a line for those that differ in their seed alone.

    A line holds the median of its seeds, and the least and the most where there are several. Long lists are thinned,
    the more the more trainings there are, so that the page can hold any number of them. Raises ValueError for none.
    """
    if not trainings:
        raise ValueError("There is no record to choose from: `python -m resnet_lib train --record FOLDER` writes one.")
    groups: dict[tuple, list[Record]] = {}
    for record in trainings:
        groups.setdefault(tuple(setting(record).values()), []).append(record)
    for points in (56, 28, 14, 7):
        content = [{**setting(group[0]), "seeds": len(group), **line(group, points)} for group in groups.values()]
        if len(json.dumps(content, ensure_ascii=False, separators=(",", ":"))) < 0.98 * LARGEST:
            break
    content.sort(key=lambda entry: (entry["recipe"], entry["kind"], entry["depth"], entry["rate"]))
    return Explorer("records", {"lines": content}, instead)


def setting(record: Record) -> dict[str, Any]:
    """What tells a record from others, the seed apart: data, recipe with its changes, network with its options, …"""
    chosen = record.configuration
    options = {key: value for key, value in chosen.items() if key in OPTIONS}
    changes = record.record.removesuffix(f"-{chosen['seed']}").partition(f"-{chosen['recipe']}")[2]
    changes = re.sub(r"-learning_rate=.*?(?=-[a-z_]+=|$)", "", changes)
    colour = ("preact" if options.get("pre_activation") else chosen["network"])
    kind = " ".join([chosen["network"], *(f"{key}={value}" for key, value in sorted(options.items()))])
    return {"data": chosen["data"], "recipe": " ".join([chosen["recipe"], *re.split(r"-(?=[a-z_]+=)", changes)[1:]]),
            "kind": kind, "colour": colour, "depth": chosen["depth"], "rate": chosen["learning_rate"]}


OPTIONS = ("width", "shortcut", "pre_activation", "normalisation")


def line(seeds: Sequence[Record], points: int) -> dict[str, Any]:
    """What the explorer "records" draws of trainings that differ in their seed: lists of at most so many points.

    Curves and responses with three digits; gradients, by moment, as hundredths of a power of ten.
    """
    def bands(lists: Sequence[Sequence[float]], kept: Sequence[int]) -> list[list[float]]:
        columns = [[values[index] for values in lists] for index in kept]
        rows = [[statistics.median(column) for column in columns]]
        if len(lists) > 1:
            rows += [[least(column) for column in columns] for least in (min, max)]
        return [[three_digits(value) for value in row] for row in rows]

    def hundredths(lists: Sequence[Sequence[float]], kept: Sequence[int]) -> list[int | None]:
        medians = [statistics.median(values[index] for values in lists) for index in kept]
        return [round(100 * math.log10(value)) if 0 < value < math.inf else None for value in medians]

    first = seeds[0]
    epochs, layers = (thinned(len(values), points) for values in (first.history["step"], first.responses))
    moments = [step for step in first.gradient_flow if all(step in seed.gradient_flow for seed in seeds)]
    flow = {step: [seed.gradient_flow[step] for seed in seeds] for step in moments}
    states = thinned(len(first.gradient_flow[moments[0]]["layers"]), points)
    kernels = thinned(len(first.gradient_flow[moments[0]]["weight_gradient"]), points)
    return {"epochs": [index + 1 for index in epochs],
            **{key: bands([seed.history[key] for seed in seeds], epochs)
               for key in ("train_loss", "train_error", "test_error")},
            "layers": [index + 1 for index in layers],
            "responses": bands([seed.responses for seed in seeds], layers),
            "moments": [int(step) for step in moments],
            "states": [first.gradient_flow[moments[0]]["layers"][index] for index in states],
            "gradient": [hundredths([seed["gradient"] for seed in flow[step]], states) for step in moments],
            "kernels": [index + 1 for index in kernels],
            "weight_gradient": [hundredths([seed["weight_gradient"] for seed in flow[step]], kernels)
                                for step in moments]}


def thinned(count: int, points: int) -> list[int]:
    """At most so many of the indices 0 … count − 1, evenly spread, with the first and the last."""
    if count <= points:
        return list(range(count))
    return [round(index * (count - 1) / (points - 1)) for index in range(points)]
