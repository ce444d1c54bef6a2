"""Explorers: their state, how it travels into a page, and what their scripts must not need."""

from __future__ import annotations

import base64
import html
import json
import math
import re
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from IPython.display import HTML

from resnet_lib import explorers, records, runs, saliency, weights

NAMES = sorted(path.stem for path in explorers.FOLDER.glob("*.js") if path.stem not in ("common", "host"))
INSTEAD = HTML("<figure>a picture</figure>")


def of_page(text: str) -> Any:
    """The state that a static page holds."""
    found = re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_page_without_a_kernel_holds_the_state_and_a_figure() -> None:
    state = {"text": "a </script> in it, ‖x‖", "values": [1, None]}
    explorer = explorers.Explorer("degradation", state, INSTEAD)
    assert of_page(explorer.static()) == state
    assert explorer.static().startswith('<div data-explorer="degradation">') and INSTEAD.data in explorer.static()
    bundle = explorer._repr_mimebundle_()
    assert bundle is not None and bundle[0]["text/html"] == explorer.static()
    assert "application/vnd.jupyter.widget-view+json" in bundle[0] and explorer.state == state


@pytest.mark.parametrize(("name", "state", "error", "says"), [
    ("degradatoin", {}, FileNotFoundError, "no explorer called 'degradatoin'"),
    ("degradation", {"text": "x" * 100_001}, ValueError, "100,012 characters; a page can hold 100,000"),
    ("degradation", {"value": math.nan}, ValueError, "JSON"), ("degradation", {"value": {1}}, TypeError, "JSON")])
def test_what_no_page_can_hold_is_refused(name: str, state: dict, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        explorers.Explorer(name, state, INSTEAD)


@pytest.mark.parametrize("name", NAMES)
def test_a_script_needs_nothing_else(name: str) -> None:
    for text in (explorers.script(name), explorers.source(name)):
        outside = r"^\s*(import|export)\b|\bimport\(|https?://(?!www\.w3\.org/)|\beval\("
        assert re.findall(outside, text, re.MULTILINE) == re.findall(r"^export", text, re.MULTILINE) == []
        assert text.count("function render({ model, el })") == 1
    assert f'["{name}"] = render' in explorers.script(name)


def test_gradient_flow_holds_the_medians_of_the_study() -> None:
    study = runs.load("gradient_layers")
    state = explorers.gradient_flow(study, INSTEAD).state
    seeds = study.select(normalisation=True, skip=False, depth=56, padding="zeros", gain=1.0)
    for number, step in enumerate(state["steps"]):
        there = state["values"][f"0,56,zeros,1,{step}"]
        for key in ("activation", "gradient", "weight_gradient", "relative_update"):
            expected = [statistics.median(values) for values in zip(*(run["steps"][number][key] for run in seeds))]
            assert len(there[key]) == 28
            assert [10 ** (value / 100) for value in there[key]] == pytest.approx(expected, rel=0.012)
    assert "3,56,zeros,1,0" in state["values"] and "3,56,zeros,1,50" not in state["values"]  # it diverges


def test_degradation_holds_every_seed_of_eight_epochs() -> None:
    study = runs.load("degradation")
    state = explorers.degradation(study, INSTEAD).state
    short = [run for run in study.runs if run["configuration"]["epochs"] == 8]
    assert sum(len(found["final_loss"]) for found in state["runs"].values()) == len(short)
    seeds = study.select(kind="plain", depth=56, learning_rate=0.1, epochs=8)
    there = state["runs"]["plain,56,0.1"]
    assert there["final_error"] == pytest.approx([run["final_train_error"] for run in seeds], rel=0.005)
    assert there["train_loss"][3] == pytest.approx(seeds[3]["train_loss"], rel=0.005)


def test_a_name_cannot_leave_its_attribute() -> None:
    explorer = explorers.Explorer("degradation", {}, INSTEAD)
    explorer.name = '"><b>'
    assert html.escape('"><b>') in explorer.static()


def test_backpropagation_refuses_numbers_that_it_cannot_show() -> None:
    values = {name: torch.ones(shape) for name, shape in explorers.SHAPES.items()}
    assert explorers.backpropagation(values, INSTEAD).state["autograd"]["plain"]["L"] == pytest.approx(5 * 110**2 / 2)
    for change, says in (({"W1": torch.ones(10, 9)}, "has the shape"), ({"x": values["x"] + 0.001}, "two decimals"),
                         ({"b1": -10 * values["b1"]}, "no derivative")):
        with pytest.raises(ValueError, match=says):
            explorers.backpropagation({**values, **change}, INSTEAD)
    with pytest.raises(ValueError, match="y is missing"):
        explorers.backpropagation({name: value for name, value in values.items() if name != "y"}, INSTEAD)


CHOICES = [("Because of `x`.", False, "Not *that*."), ("No: 2 < 3.", True, "See </script>.")]


def test_a_quiz_keeps_the_order_of_its_choices() -> None:
    quiz = explorers.quiz("first-quiz", "Why?", CHOICES)
    assert of_page(quiz.static()) == quiz.state == {"name": "first-quiz", "question": "Why?", "choices": [
        {"text": text, "right": right, "feedback": feedback} for text, right, feedback in CHOICES]}


def test_a_quiz_without_javascript_holds_all_that_it_says() -> None:
    page = explorers.quiz("first-quiz", "Why?", CHOICES).instead.data
    assert page.index("Why?") < page.index("a) Because of <code>x</code>.") < page.index("b) No: 2 &lt; 3.")
    folded = re.findall(r"<details><summary>If you chose this</summary><p>(.*?)</p></details>", page)
    assert folded == ["<strong>Not quite.</strong> Not <em>that</em>.", "<strong>Right.</strong> See &lt;/script&gt;."]


@pytest.mark.parametrize(("name", "question", "choices", "says"), [
    ("a quiz", "Why?", CHOICES, "letters, digits and hyphens"), ("", "Why?", CHOICES, "letters, digits and hyphens"),
    ("first", "Why?", [], "at least two"), ("first", "Why?", CHOICES[1:], "at least two"),
    ("first", "Why?", [*CHOICES, CHOICES[0]], "no two of them equal"),
    ("first", "Why?", [("x", False, "y"), ("z", False, "y")], "Exactly one .* not 0"),
    ("first", "Why?", [*CHOICES, ("x", True, "y")], "Exactly one .* not 2"),
    ("first", " ", CHOICES, "empty"), ("first", "Why?", [*CHOICES, ("x", False, "")], "empty"),
    ("first", "Why?", [*CHOICES, (" ", False, "y")], "empty")])
def test_a_quiz_without_sense_is_refused(name: str, question: str, choices: list, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        explorers.quiz(name, question, choices)


# Recorded trainings ---------------------------------------------------------------------------------------------

def training(name: str = "cifar10-plain-8-quick-1", epochs: int = 4, error: float = 20.0,
             **more: Any) -> records.Record:
    """A record; `more`: entries of its configuration."""
    curve = [error + epochs - epoch for epoch in range(epochs)]
    configuration = {"data": "cifar10", "network": "plain", "depth": 8, "seed": 1, "recipe": "quick",
                     "learning_rate": 0.1, **more}
    layers = configuration["depth"] // 2
    flow = {"loss": 1.0, "layers": [2 * index + 1 for index in range(layers)], "activation": [1.0] * layers,
            "gradient": [0.1] * (layers - 1) + [0.0], "weight": [1.0] * (2 * layers - 1),
            "weight_gradient": [10.0] * (2 * layers - 1)}
    return records.Record(name, "python", "2026-01-02", configuration, [{}], {key: curve for key in records.HISTORY},
                          {"0": flow, "391": flow}, [1.0] * (2 * layers - 1))


def test_trainings_that_differ_in_their_seed_alone_are_one_line() -> None:
    trainings = [training(error=20), training("cifar10-plain-8-quick-2", error=30, seed=2),
                 training("cifar10-plain-8-quick-3", error=25, seed=3),
                 training("cifar10-plain-8-quick-learning_rate=0.02-1", learning_rate=0.02),
                 training("cifar10-plain-8-quick-epochs=2-1", 2), training("cifar10-residual-8-shortcut=B-quick-1",
                                                                           network="residual", shortcut="B")]
    lines = explorers.records(trainings, INSTEAD).state["lines"]
    assert [(line["recipe"], line["kind"], line["rate"], line["seeds"]) for line in lines] == [
        ("quick", "plain", 0.02, 1), ("quick", "plain", 0.1, 3), ("quick", "residual shortcut=B", 0.1, 1),
        ("quick epochs=2", "plain", 0.1, 1)]
    assert lines[1]["test_error"] == [[29, 28, 27, 26], [24, 23, 22, 21], [34, 33, 32, 31]]
    assert lines[0]["train_error"] == [[24, 23, 22, 21]] and lines[0]["epochs"] == [1, 2, 3, 4]
    assert lines[0]["gradient"] == [[-100, -100, -100, None]] * 2 and lines[0]["weight_gradient"][0] == [100] * 7
    assert lines[0]["moments"] == [0, 391] and lines[0]["states"] == [1, 3, 5, 7]


def test_a_page_holds_any_number_of_trainings() -> None:
    many = [training(f"cifar10-plain-{depth}-he2015-learning_rate={rate}-{seed}", 164, seed=seed, depth=depth,
                     recipe="he2015", learning_rate=rate)
            for depth in (20, 32, 44, 56, 110) for rate in (0.01, 0.02, 0.05, 0.1, 0.2) for seed in (1, 2, 3)]
    explorer = explorers.records(many, INSTEAD)
    assert len(explorer.json) <= explorers.LARGEST
    for line in explorer.state["lines"]:
        assert line["epochs"][0] == 1 and line["epochs"][-1] == 164 and line["layers"][-1] == line["depth"] - 1
        assert len(line["epochs"]) == len(line["test_error"][2]) and line["seeds"] == 3
    with pytest.raises(ValueError, match="no record to choose from"):
        explorers.records([], INSTEAD)


@pytest.mark.parametrize(("count", "points", "kept"), [
    (3, 5, [0, 1, 2]), (5, 5, [0, 1, 2, 3, 4]), (9, 5, [0, 2, 4, 6, 8]), (10, 4, [0, 3, 6, 9])])
def test_a_long_list_keeps_its_ends(count: int, points: int, kept: list[int]) -> None:
    assert explorers.thinned(count, points) == kept


def test_a_transfer_holds_median_least_and_most_of_the_seeds() -> None:
    def recorded(seed: int) -> dict:
        at = {"pixels": {"accuracy": 10.0 * seed},
              "full": {"accuracy": 50.0 + seed, "rate": 0.1, "seconds": 2.0, "old": 30.0}}
        return {"configuration": {"part": "curves", "case": "signs", "seed": seed}, "seconds": 1.0,
                "results": {"source": 80.0 + seed, "10": at, "3": at}}

    study = runs.Study("fine_tuning", "", "", "", {}, [recorded(seed) for seed in (1, 2, 3)])
    case = explorers.transfer(study, {"signs": {"full": 1234}}, {"signs": "A → B"}, INSTEAD).state["cases"]["A → B"]
    assert case["labels"] == [3, 10] and case["seeds"] == 3 and case["before"] == 82
    assert case["methods"]["pixels"] == {"accuracy": [[20, 10, 30]] * 2, "numbers": None}
    assert case["methods"]["full"] == {"accuracy": [[52, 51, 53]] * 2, "numbers": 1234, "old": [[30, 30, 30]] * 2,
                                       "seconds": [2, 2]}


def test_a_comparison_holds_every_run_of_every_setting() -> None:
    values = {("plain", 8): [[1.23456, 2.0], [10.0]], ("residual", 20): [[0.5], [20.0, 30.0]]}
    made = explorers.comparison({"network": ["plain", "residual"], "layers": [8, 20]},
                                {"Loss": True, "Error, %": False}, values, ("plain", 8), ("residual", 20))
    assert made.state == {
        "choices": [{"name": "network", "options": ["plain", "residual"]}, {"name": "layers", "options": ["8", "20"]}],
        "measures": [{"name": "Loss", "log": True}, {"name": "Error, %", "log": False}],
        "values": {"0,0": [[1.23, 2], [10]], "1,1": [[0.5], [20, 30]]}, "first": [0, 0], "second": [1, 1]}
    assert "plain, 8: 1.62, 10; residual, 20: 0.5, 25" in made.static()


@pytest.mark.parametrize(("values", "second", "says"), [
    ({("a",): [[1.0]], ("c",): [[1.0]]}, ("b",), "no setting"), ({("a",): [[1.0]]}, ("a", "b"), "no setting"),
    ({("a",): [[1.0], [2.0]]}, ("b",), "of 1 measures"), ({("a",): [[]]}, ("b",), "0"),
    ({("a",): [[0.0]]}, ("b",), "cannot show"), ({("a",): [[math.nan]]}, ("b",), "cannot show")])
def test_a_comparison_refuses_what_it_cannot_show(values: dict, second: tuple, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        explorers.comparison({"letter": ["a", "b"]}, {"Loss": True}, values, ("a",), second)


# Draw a digit ---------------------------------------------------------------------------------------------------

def reader(depth: int = 8, size: tuple[int, int] = (28, 28), kind: str = "residual", **options: Any) -> weights.Trained:
    """A network that could have been trained on pictures of digits."""
    options = {"in_channels": 1, **options}
    network = weights.BUILDERS[kind](depth, **options, seed=1).eval()
    channels, classes = network.in_channels, network.classes
    return weights.Trained(network, kind, {"depth": depth, **options}, size, torch.full((channels,), 0.13),
                           torch.full((channels,), 0.31), tuple(map(str, range(classes))))


PICTURE = torch.arange(784).view(28, 28) / 783


def test_a_digit_page_holds_examples_with_their_answers() -> None:
    trained = reader()
    explorer = explorers.digit(trained, [(3, PICTURE), (9, 1 - PICTURE)] * 6, INSTEAD)
    state = of_page(explorer.static())
    assert state == explorer.state and len(explorer.json) < 30_000
    assert state["network"]["blocks"] == [1, 1, 1] and len(set(state["network"]["channels"])) == explorers.MAPS
    assert [example["label"] for example in state["examples"][:2]] == ["3", "9"]
    assert list(base64.b64decode(state["examples"][0]["pixels"])) == (255 * PICTURE).round().int().flatten().tolist()
    with torch.no_grad():
        shown = (255 * PICTURE[None, None]).round() / 255  # as the page has it
        expected = trained.network(trained.standardise(shown)).softmax(1)[0]
    assert state["examples"][0]["probabilities"] == pytest.approx(expected.tolist(), abs=1e-5)


def test_weights_travel_only_when_they_are_wanted() -> None:
    trained = reader()
    explorer = explorers.digit(trained, [(3, PICTURE)], INSTEAD)
    assert explorer.weights == {} and explorers.packed(trained)["halves"] not in explorer.static()  # type: ignore
    explorer.set_state({"wanted": True})  # as the page does
    content = explorer.weights  # type: ignore[attr-defined]
    assert content["version"] == explorer.state["weights"]["version"]
    script = explorers.weights_script(content)
    assert round(len(script) / 1000) == explorer.state["weights"]["kilobytes"]
    start = f'(window.explorerWeights ??= {{}})["{explorer.state["weights"]["file"]}"] = '
    assert script.startswith(start) and json.loads(script[len(start):-2]) == content
    values = torch.frombuffer(bytearray(base64.b64decode(content["halves"])), dtype=torch.float16)
    state = trained.network.state_dict()
    for name, shape in content["tensors"]:
        count = math.prod(shape)
        assert torch.equal(values[:count].view(shape), state.pop(name).half())
        values = values[count:]
    assert not len(values) and not any(tensor.is_floating_point() for tensor in state.values())


@pytest.mark.parametrize(("trained", "examples", "says"), [
    (reader(kind="plain"), None, "residual network with shortcut A"), (reader(shortcut="B"), None, "shortcut A"),
    (reader(depth=44), None, "at most 12 blocks"), (reader(size=(32, 32)), None, "pictures of 1×28×28"),
    (reader(in_channels=3), None, "pictures of 1×28×28"), (reader(classes=5), None, "ten classes"),
    (reader(pre_activation=True), None, "original block"), (reader(padding_mode="circular"), None, "zero padding"),
    (reader(normalisation=False), None, "batch normalisation"), (reader(width=4), None, "at least 8 channels"),
    (reader(), [], "1 to 16 examples, not 0"), (reader(), [(3, PICTURE)] * 17, "not 17"),
    (reader(), [(3, PICTURE[None])], "28×28 pixels"), (reader(), [(3, 2 * PICTURE)], r"in \[0, 1\]"),
    (reader(), [(10, PICTURE)], "no class 10")])
def test_a_digit_page_refuses_what_it_cannot_calculate(trained: weights.Trained, examples: list | None,
                                                       says: str) -> None:
    with pytest.raises(ValueError, match=says):
        explorers.digit(trained, [(3, PICTURE)] if examples is None else examples, INSTEAD)


def test_the_site_has_the_weights_as_a_script_where_there_are_any(tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent.parent / "book" / "_extensions"))
    monkeypatch.delitem(sys.modules, "explorers", raising=False)
    import explorers as extension  # type: ignore[import-not-found]

    monkeypatch.delitem(sys.modules, "explorers", raising=False)
    complaints: list[str] = []
    monkeypatch.setattr(extension.logger, "warning", complaints.append)
    script = tmp_path / f"{explorers.WEIGHTS}.js"
    extension.write_weights(tmp_path, tmp_path / "mnist.pt")
    assert not script.exists() and complaints == []
    (tmp_path / "mnist.pt").write_text("seven")
    extension.write_weights(tmp_path, tmp_path / "mnist.pt")
    assert not script.exists() and "damaged" in complaints[0]
    trained = reader()
    content = {"kind": "residual", "options": trained.options, "size": [28, 28], "mean": trained.mean,
               "std": trained.std, "classes": list(trained.classes), "state": trained.network.state_dict()}
    torch.save(content, tmp_path / "mnist.pt")
    extension.write_weights(tmp_path, tmp_path / "mnist.pt")
    assert script.read_text(encoding="utf-8") == explorers.weights_script(explorers.packed(trained))


# Lesions ----------------------------------------------------------------------------------------------------------

def lesions_of(change: list[float], stored: list[int], recomputed: list[int]) -> runs.Study:
    return runs.Study("paths", "", "", "", {}, [
        {"configuration": {"part": "every", "kind": "plain", "depth": 8}, "seconds": 1.0,
         "results": {"change": change, "stored": stored, "recomputed": recomputed}}])


def test_lesions_are_recorded_for_every_set_or_for_pairs() -> None:
    names, change = {"plain-8": ("plain", 8)}, [1.2345, 0.3, 0.05]
    every = explorers.lesions(lesions_of(change, [0] * 8, [1] * 8), names, 360, INSTEAD).state["networks"]
    assert every == [{"name": "plain-8", "colour": "var(--plain)", "most": 3, "images": 360,
                      "change": [1.23, 0.3, 0.05], "stored": [0] * 8, "recomputed": [1] * 8}]
    pairs = explorers.lesions(lesions_of(change, [0] * 7, [1] * 7), names, 360, INSTEAD)
    assert pairs.state["networks"][0]["most"] == 2
    for stored, recomputed in ((6, 6), (8, 7)):
        with pytest.raises(ValueError, match="are recorded"):
            explorers.lesions(lesions_of(change, [0] * stored, [1] * recomputed), names, 360, INSTEAD)


# Saliency maps ------------------------------------------------------------------------------------------------------

def saliency_maps(**changed: torch.Tensor) -> dict[str, dict[str, torch.Tensor]]:
    """Maps of two images of 4×4 pixels for each state; an edge map that is the same in all."""
    generator = torch.Generator().manual_seed(1)
    edges = torch.rand(2, 4, 4, generator=generator)
    return {state: {"gradient": torch.randn(2, 4, 4, generator=generator), "edges": edges, **changed}
            for state in explorers.CHANGES}


PAIR = [("a 7", torch.eye(4)), ("a 2", torch.ones(4, 4))]


def test_the_explorer_of_saliency_holds_every_map_and_its_agreement() -> None:
    maps = saliency_maps()
    explorer = explorers.saliency(PAIR, maps, {"gradient": {"all": {"size": 0.123}}}, INSTEAD)
    state = of_page(explorer.static())
    assert state == explorer.state and state["fixed"] == ["edges"] and list(state["maps"]["edges"]) == ["trained"]
    assert state["agreement"]["gradient"]["trained"] == {"size": [1, 1], "ink": [1, 1], "sign": [1, 1]}
    found = state["agreement"]["gradient"]["all"]
    ink = torch.stack([pixels > 0 for _, pixels in PAIR])
    assert found["sign"] == pytest.approx(
        saliency.agreement(maps["trained"]["gradient"], maps["all"]["gradient"], ink), abs=6e-4)
    assert found["size"] != found["ink"] and state["recorded"]["gradient"]["all"]["size"] == 0.12
    levels = base64.b64decode(state["maps"]["gradient"]["all"][1])
    values = torch.tensor([level - 7 for byte in levels for level in (byte >> 4, byte & 15)]).view(4, 4) / 7
    shown = maps["all"]["gradient"][1] / maps["all"]["gradient"][1].abs().max()
    assert (values.sign() * values.square() - shown).abs().max() < 0.15 and values.abs().max() == 1


def test_an_empty_map_has_the_middle_level() -> None:
    assert set(base64.b64decode(explorers.in_levels(torch.zeros(4, 4)))) == {0x77}


def test_the_explorer_of_saliency_refuses_other_states_and_shapes() -> None:
    maps = saliency_maps()
    with pytest.raises(ValueError, match="The states of the network are trained, classifier"):
        explorers.saliency(PAIR, {"trained": maps["trained"]}, {}, INSTEAD)
    with pytest.raises(ValueError, match="the shape of the images, 2×4×4"):
        explorers.saliency(PAIR, saliency_maps(gradient=torch.zeros(2, 4, 5)), {}, INSTEAD)


# Steps ------------------------------------------------------------------------------------------------------------

def steps_of(stored: list[list[int]], recomputed: list[list[int]]) -> runs.Study:
    return runs.Study("iteration", "", "", "", {}, [
        {"configuration": {"part": "grid", "kind": "plain"}, "seconds": 1.0,
         "results": {"stored": stored, "recomputed": recomputed}}])


def test_the_explorer_of_steps_holds_every_combination() -> None:
    numbers = [[number, number + 1] for number in range(729)]
    state = explorers.steps(steps_of(numbers, numbers[::-1]), {"plain-14": "plain"}, 360, INSTEAD).state
    assert state["copies"] == [1, 2, 4] and state["sizes"] == [0.25, 0.5, 1.0]
    (network,) = state["networks"]
    assert network["stored"][:4] == [0, 1, 1, 2] and network["recomputed"][:2] == [728, 729]
    assert len(network["stored"]) == 2 * 729 and network["colour"] == "var(--plain)" and network["images"] == 360
    for bad in (numbers[1:], [*numbers[1:], [1]]):
        with pytest.raises(ValueError, match="combinations of plain-14"):
            explorers.steps(steps_of(numbers, bad), {"plain-14": "plain"}, 360, INSTEAD)


def test_the_recorded_steps_fit_on_a_page_and_agree_with_the_study() -> None:
    study = runs.load("iteration")
    explorer = explorers.steps(study, {"residual-20": "residual", "plain-20": "plain"}, 360, INSTEAD)
    for network, kind in zip(explorer.state["networks"], ("residual", "plain")):
        plans = study.select(part="measured", kind=kind, depth=20, seed=211, scale=None)[0]["plans"]
        for plan, copies, size in (("as trained", 0, 2), ("2 × ½", 1, 1), ("1 × ½", 0, 1), ("2 × 1", 1, 2)):
            place = sum((3 * copies + size) * 9**stage for stage in range(3))
            assert network["stored"][3 * place + 2] == plans[plan][0]  # the last of three readings


# A threshold ------------------------------------------------------------------------------------------------------

def test_the_explorer_of_thresholds_holds_each_image_once():
    explorer = explorers.threshold([1.234, -0.5, 0.0], [True, False, True], INSTEAD)
    assert explorer.state["logits"] == [123, -50, 0] and explorer.state["ill"] == "101"
    assert of_page(explorer.static()) == explorer.state


@pytest.mark.parametrize("logits, ill", [([1.0], [True, False]), ([1.0, 2.0], [True, True]), ([], []),
                                         ([1.0, math.nan], [True, False])])
def test_a_threshold_needs_ill_and_healthy_and_finite_numbers(logits, ill):
    with pytest.raises(ValueError, match="finite logit"):
        explorers.threshold(logits, ill, INSTEAD)


# Trainability -----------------------------------------------------------------------------------------------------

def test_the_explorer_of_trainability_holds_every_network_of_the_study() -> None:
    study = runs.load("trainability")
    state = explorers.trainability(study, INSTEAD).state
    assert len(state["found"]) == len(study.runs)
    seeds = study.select(kind="plain", depth=56, change="bias", dose=1.0)[0]["seeds"]
    here = state["found"]["plain,56,bias,1"]
    assert here["losses"] == pytest.approx([seed["loss"] for seed in seeds], rel=0.005)
    assert here["reach"] == pytest.approx(statistics.mean(seed["reach"] for seed in seeds), rel=0.005)
    assert "test_error" not in here and "epoch_loss" not in here
    for change, doses in state["doses"].items():
        assert 0 in doses and doses == sorted(doses)
        assert all(f"plain,{depth},{change if dose else 'bias'},{dose:g}" in state["found"]
                   for depth in state["depths"] for dose in doses)


# Loss landscapes --------------------------------------------------------------------------------------------------

def test_planes_are_kept_in_hundredths_of_powers_of_ten() -> None:
    grids = {"stored": [[1.0, 10.0, 1e12], [0.0, 0.02, 2.0], [1.0, 1.0, math.inf]], "recomputed": [[1.0] * 3] * 3}
    [network] = explorers.landscape({"residual-56": ("residual", grids)}, INSTEAD).state["networks"]
    assert network["stored"] == [[0, 100, 900], [-600, -170, 30], [0, 0, 900]]
    assert network["colour"] == "var(--residual)" and network["name"] == "residual-56"


@pytest.mark.parametrize("stored", [[[1.0] * 4] * 4, [[1.0] * 3] * 2, [[1.0] * 2] * 3])
def test_planes_are_squares_with_a_middle(stored: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="odd size"):
        explorers.landscape({"plain-20": ("plain", {"stored": stored, "recomputed": [[1.0] * 3] * 3})}, INSTEAD)
