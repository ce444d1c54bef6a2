"""The explorer "digit" against PyTorch: the same logits from the same weights, the same preparation of drawings."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import pytest
import torch
from IPython.display import HTML
from sklearn.datasets import load_digits
from torch import Tensor

from resnet_lib import data, explorers, networks, pictures, weights
from tests.javascript import in_node_with
from tools.build import PROJECT

in_node = partial(in_node_with, "digit")
INSTEAD = HTML("")
COUNT = 100
pytestmark = pytest.mark.browser


def made_up(depth: int = 14, **options: Any) -> weights.Trained:
    """A network whose numbers are all different from those of a fresh one, and fit half precision."""
    network = networks.residual(depth, in_channels=1, seed=1, **options).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if "norm" in name or "stem.1" in name:
                if tensor.is_floating_point():
                    tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())
    return weights.Trained(network, "residual", {"depth": depth, "in_channels": 1, **options}, (28, 28),
                           torch.tensor([0.13]), torch.tensor([0.31]), tuple("0123456789"))


@cache
def trained() -> weights.Trained:
    if not weights.MNIST.exists():
        pytest.skip(f"There is no {weights.MNIST}: record book/runs/mnist.py.")
    return weights.load()


@cache
def test_images() -> Tensor:
    """100×28×28: test images of MNIST, or, where it is not on this machine, prepared digits of scikit-learn."""
    if data.available("mnist"):
        mnist = data.load("mnist")
        return mnist.pixels(mnist.test_images[:COUNT])[:, 0]
    small = torch.tensor(load_digits().images[:COUNT]) / 16
    return torch.cat([pictures.prepare(ink) for ink in small])


test_images.__test__ = False  # type: ignore[attr-defined]


@torch.no_grad()
def expected(found: weights.Trained, images: Tensor, off: list[int]) -> Tensor:
    """PyTorch's logits with the branches of the blocks in `off` (from 0) left out."""
    x = found.network.stem(found.standardise(images[:, None]))
    for number, block in enumerate(found.network.blocks()):
        x = torch.relu(block.shortcut(x)) if number in off else block(x)  # type: ignore[operator]
    return found.network.classifier(x.mean((2, 3)))


FORWARD = """const network = networkOf(tensorsOf(given.content), given.network);
return given.off.map((off) => given.images.map((pixels) => forward(network, pixels, off).logits));"""


def compare(found: weights.Trained, images: Tensor, off: list[list[int]]) -> float:
    """The largest difference between the explorer's logits and PyTorch's."""
    state = explorers.digit(found, [(0, images[0])], INSTEAD).state
    given = {"content": explorers.packed(found), "network": state["network"], "off": off,
             "images": images.flatten(1).tolist()}
    ours = torch.tensor(in_node(FORWARD, given))
    theirs = torch.stack([expected(found, images, blocks) for blocks in off])
    assert ours.shape == theirs.shape == (len(off), len(images), 10)
    assert theirs.std() > 0.5  # there is something to be compared
    return float((ours - theirs).abs().max())


def test_the_logits_are_those_of_pytorch_with_all_branches_and_without_any_one() -> None:
    off = [[], *([block] for block in range(6))]
    assert compare(trained(), test_images(), off) < 1e-4
    without = [expected(trained(), test_images(), blocks) for blocks in off]
    assert all(not torch.allclose(without[0], other, atol=0.1) for other in without[1:])  # each branch counts


IN_THE_BROWSER = """({ source, images, off, shape }) => {
  const run = new Function(`"use strict";${source}; return { networkOf, tensorsOf, forward };`)();
  const network = run.networkOf(run.tensorsOf(window.explorerWeights["mnist-weights"]), shape);
  return off.map((out) => images.map((pixels) => [...run.forward(network, pixels, out).logits]));
}"""


def test_the_built_page_gives_pytorchs_logits_in_the_browser(browser: Any) -> None:
    """The script and the weights of the built page, run in Chromium, on 100 pictures."""
    found, images, off = trained(), test_images(), [[], [0], [3]]
    folder = PROJECT / "_build" / "html" / "_static" / "explorers" / "page"
    source = explorers.source("digit")
    assert source in (folder / "digit.js").read_text(encoding="utf-8")
    shape = explorers.digit(found, [(0, images[0])], INSTEAD).state["network"]
    page = browser.new_page()
    try:
        page.add_script_tag(path=folder / f"{explorers.WEIGHTS}.js")
        ours = torch.tensor(page.evaluate(IN_THE_BROWSER, {
            "source": source, "images": images.flatten(1).tolist(), "off": off, "shape": shape}))
    finally:
        page.close()
    theirs = torch.stack([expected(found, images, blocks) for blocks in off])
    assert ours.shape == (3, COUNT, 10) and (ours - theirs).abs().max() < 1e-4
    assert (ours.argmax(2) == theirs.argmax(2)).all()


def test_several_branches_may_be_off() -> None:
    assert compare(trained(), test_images()[:20], [[0, 1], [2, 3, 4, 5], [0, 1, 2, 3, 4, 5]]) < 1e-4


@pytest.mark.parametrize("options", [{"depth": 8, "width": 8}, {"stem_stride": 2}, {"depth": 20, "width": 8}])
def test_other_sizes_are_calculated_as_well(options: dict[str, Any]) -> None:
    found = made_up(**options)
    assert compare(found, test_images()[:5], [[], [0], [len(found.network.blocks()) - 1]]) < 1e-3


def test_the_feature_maps_are_those_of_pytorch() -> None:
    found, images = trained(), test_images()[:3]
    state = explorers.digit(found, [(0, images[0])], INSTEAD).state
    given = {"content": explorers.packed(found), "network": state["network"], "images": images.flatten(1).tolist()}
    ours = in_node("""const network = networkOf(tensorsOf(given.content), given.network);
        return given.images.map((pixels) => forward(network, pixels).maps.map(({ side, channels, values }) =>
          ({ side, channels, values: [...values] })));""", given)
    x = found.network.stem(found.standardise(images[:, None]))
    maps = [x]
    for stage in found.network.stages:
        maps.append(stage(maps[-1]))
    for image, there in enumerate(ours):
        for stage, each in enumerate(there):
            values = torch.tensor(each["values"]).view(each["side"], each["side"], each["channels"]).permute(2, 0, 1)
            assert (values - maps[stage][image].detach()).abs().max() < 1e-4


def test_the_stored_answers_to_the_examples_are_those_of_the_page() -> None:
    found, images = trained(), test_images()[:12]
    state = explorers.digit(found, [(0, pixels) for pixels in images], INSTEAD).state
    shown = in_node("""const network = networkOf(tensorsOf(given.content), given.state.network);
        return given.state.examples.map(({ pixels }) => softmax(forward(network,
          Float32Array.from(bytes(pixels), (byte) => byte / 255)).logits));""",
                    {"content": explorers.packed(found), "state": state})
    for probabilities, example in zip(shown, state["examples"], strict=True):
        assert probabilities == pytest.approx(example["probabilities"], abs=1e-4)


def test_half_precision_is_read_exactly() -> None:
    words = torch.arange(-2**15, 2**15, dtype=torch.int32).to(torch.int16)
    ours = in_node("""return Array.from(halves(bytes(given)),
        (value) => Number.isFinite(value) ? value : String(value));""", explorers.in_base64(words))
    theirs = [float(value) for value in words.view(torch.float16)]
    assert [float(value.replace("Infinity", "inf")) if isinstance(value, str) else value for value in ours] \
        == pytest.approx(theirs, abs=0, nan_ok=True)


def drawings(count: int = 60) -> list[Tensor]:
    """Drawings made of lines, dots and soft noise, of many sizes; at the border, too."""
    generator = torch.Generator().manual_seed(3)

    def number(least: int, most: int) -> int:
        return int(torch.randint(least, most + 1, (1,), generator=generator))

    found = []
    for index in range(count):
        height, width = (140, 140) if index % 3 == 0 else (number(3, 200), number(3, 200))
        ink = torch.zeros(height, width, dtype=torch.float64)
        for _ in range(number(1, 4)):
            top, left = number(0, height - 1), number(0, width - 1)
            part = ink[top:top + number(1, height), left:left + number(1, width)]
            part += torch.rand(part.shape, generator=generator) if index % 2 else 1
        found.append(ink.clamp(0, 1).float())
    return found


def test_drawings_are_prepared_as_in_python() -> None:
    made = drawings()
    given = [{"ink": ink.flatten().tolist(), "width": ink.shape[1]} for ink in made]
    ours = in_node("return given.map(({ ink, width }) => [...prepare(Float32Array.from(ink), width)]);", given)
    for ink, prepared in zip(made, ours, strict=True):
        assert (torch.tensor(prepared).view(1, 28, 28) - pictures.prepare(ink)).abs().max() < 1e-5
    assert in_node("return prepare(new Float32Array(19600), 140);", None) is None


def test_a_drawn_line_is_prepared_as_in_python() -> None:
    ink = torch.tensor(in_node("""const ink = new Float32Array(SHEET * SHEET);
        stroke(ink, [30, 30], [100, 35]); stroke(ink, [100, 35], [60, 150]); return [...ink];""", None)).view(140, 140)
    given = {"ink": ink.flatten().tolist(), "width": 140}
    ours = torch.tensor(in_node("return [...prepare(Float32Array.from(given.ink), given.width)];", given))
    assert (ours.view(1, 28, 28) - pictures.prepare(ink)).abs().max() < 1e-5
    assert ink.max() == 1 and ink[30, 60] == 1 and ink[100, 20] == 0
