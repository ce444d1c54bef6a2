"""The explorer "attack" against PyTorch: the same probabilities, derivatives and attacked pictures."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import numpy
import pytest
import torch
from IPython.display import HTML
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, explorers, networks
from tests.javascript import in_node_with

in_node = partial(in_node_with, "attack")
pytestmark = pytest.mark.browser
CURVES = {"usual": dict.fromkeys(("fgsm", "pgd", "coin"), {0.0: 98.0, 0.1: 50.0, 0.3: 1.0})}


def made_up() -> nn.Module:
    """A network whose numbers are all different from those of a fresh one."""
    network = networks.residual(8, in_channels=1, width=8, seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if ("norm" in name or "stem.1" in name) and tensor.is_floating_point():
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
    return network


def unpacked(layers: list[dict]) -> nn.Module:
    """A network of PyTorch, in double precision, with a state's weights; its normalisation only adds the shift."""
    network = networks.residual(8, in_channels=1, width=8, seed=1).eval().double()
    modules = dict(network.named_modules())
    names = [name for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        for name, layer in zip([*names, "classifier"], layers, strict=True):
            whole = torch.from_numpy(numpy.frombuffer(base64.b64decode(layer["bytes"]), numpy.int8).copy())
            scale = torch.tensor(layer["scale"], dtype=torch.float64).view(-1, *[1] * (len(layer["shape"]) - 1))
            modules[name].weight.copy_(whole.view(layer["shape"]) * scale)
            norm = modules[name.replace("conv", "norm") if "conv" in name else name.replace(".0", ".1")]
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
            norm.bias.copy_(torch.tensor(layer["shift"], dtype=torch.float64))
    return network


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    digits = data.load("digits")
    pixels, labels = digits.pixels(digits.test_images)[:12], digits.test_labels[:12]
    return explorers.attack({"usual": made_up()}, float(digits.mean), float(digits.std), pixels, labels, CURVES,
                            HTML("")).state


GIVEN = ("const network = { layers: networkFrom(given.networks.usual), mean: given.mean, std: given.std };"
         "const pictures = picturesFrom(given);")


def pictures(state: dict[str, Any]) -> tuple[Tensor, Tensor]:
    levels = [[(ord(letter) - 97) / 16 for letter in text] for text in state["pictures"]]
    return torch.tensor(levels, dtype=torch.float64).view(-1, 1, 8, 8), torch.tensor(state["labels"])


def slopes(network: nn.Module, state: dict[str, Any], pixels: Tensor, labels: Tensor) -> Tensor:
    pixels = pixels.detach().requires_grad_()
    loss = functional.cross_entropy(network((pixels - state["mean"]) / state["std"]), labels, reduction="sum")
    return torch.autograd.grad(loss, pixels)[0]


def test_the_pictures_are_the_data_sets(state: dict[str, Any]) -> None:
    digits = data.load("digits")
    pixels, labels = pictures(state)
    assert torch.allclose(pixels.float(), digits.pixels(digits.test_images)[:12], atol=1e-6)
    assert torch.equal(labels, digits.test_labels[:12])


def test_a_byte_a_weight_is_near_the_network(state: dict[str, Any]) -> None:
    pixels, _ = pictures(state)
    x = (pixels - state["mean"]) / state["std"]
    with torch.no_grad():
        ours, theirs = unpacked(state["networks"]["usual"])(x), made_up().double()(x)
    assert (ours - theirs).abs().max() < 0.05 * theirs.abs().max()


def test_probabilities_and_derivatives_are_those_of_pytorch(state: dict[str, Any]) -> None:
    network = unpacked(state["networks"]["usual"])
    pixels, labels = pictures(state)
    found = in_node(GIVEN + "return pictures.map(({ pixels, label }) => { const answer = answerOf(network, pixels);"
                    "return [Array.from(answer.probabilities), Array.from(slopeOf(network, answer, label))]; });",
                    state)
    with torch.no_grad():
        expected = network((pixels - state["mean"]) / state["std"]).softmax(1)
    right = slopes(network, state, pixels, labels).flatten(1)
    assert torch.allclose(torch.tensor([one for one, _ in found], dtype=torch.float64), expected, atol=1e-6)
    assert torch.allclose(torch.tensor([two for _, two in found], dtype=torch.float64), right, rtol=1e-5, atol=1e-7)
    assert right.abs().min(1).values.max() > 0  # nothing is compared with zeros alone


@pytest.mark.parametrize(("attack", "steps", "size"), [("fgsm", 1, 0.1), ("pgd", 10, 0.025)])
def test_attacks_are_those_of_the_chapter(state: dict[str, Any], attack: str, steps: int, size: float) -> None:
    network = unpacked(state["networks"]["usual"])
    pixels, labels = pictures(state)
    found = in_node(GIVEN + f"return pictures.map((one) => Array.from(changed(network, one, '{attack}', 0.1)));", state)
    moved = pixels
    for _ in range(steps):
        moved = moved + size * slopes(network, state, moved, labels).sign()
        moved = (pixels + (moved - pixels).clamp(-0.1, 0.1)).clamp(0, 1)
    apart = (torch.tensor(found, dtype=torch.float64).view_as(moved) - moved).abs()
    assert (apart > 1e-9).double().mean() < 0.01  # a derivative that is 0 up to rounding may have either sign
    assert (moved - pixels).abs().max() > 0.09


def test_a_coin_is_the_same_each_time_and_falls_both_ways(state: dict[str, Any]) -> None:
    one, again = (in_node(GIVEN + "return pictures.map((one) => [one.coins,"
                          "Array.from(changed(network, one, 'coin', 0.1)),"
                          "Array.from(changed(network, one, 'pgd', 0))]);", state) for _ in range(2))
    assert one == again
    pixels, _ = pictures(state)
    coins = torch.tensor([coins for coins, _, _ in one])
    assert set(coins.flatten().tolist()) == {-1, 1} and 0.4 < float((coins > 0).double().mean()) < 0.6
    assert coins.unique(dim=0).shape[0] == len(coins)
    moved = torch.tensor([moved for _, moved, _ in one]).view(-1, 1, 8, 8)
    assert torch.allclose(moved, (pixels.float() + 0.1 * coins.view(-1, 1, 8, 8)).clamp(0, 1), atol=1e-6)
    assert torch.allclose(torch.tensor([still for _, _, still in one]).view(-1, 1, 8, 8), pixels.float(), atol=1e-6)


def test_what_is_said_follows_the_numbers() -> None:
    body = ("const [before, after] = [3, 8].map((digit) => Array.from({ length: 10 }, (_, other) => "
            "(other === digit ? 0.91 : 0.01)));"
            "return [attackSentences({ attack: 'coin', epsilon: 0.1, network: 'attacked' }, 3, before, after, 1, 12),"
            "attackSentences({ attack: 'pgd', epsilon: 0, network: 'usual' }, 3, before, before, 12, 12)];")
    changed, still = in_node(body, {})
    assert "The 3 is now read as 8" in changed[0] and "1.6 of 16" in changed[0] and "rightly" not in changed[0]
    assert "1 is read rightly" in changed[1] and "as large as" in changed[2] and "0.15" in changed[3]
    assert "Nothing is changed" in still[0] and still[2:] == [None, None]


@pytest.mark.parametrize("change", ["pixels", "labels", "network", "names", "curves"])
def test_what_the_page_cannot_show_is_refused(change: str) -> None:
    digits = data.load("digits")
    pixels, labels = digits.pixels(digits.test_images)[:4], digits.test_labels[:4]
    given: dict[str, Any] = {"networks": {"usual": made_up()}, "pixels": pixels, "labels": labels, "curves": CURVES}
    given |= {"pixels": {"pixels": pixels + 0.01}, "labels": {"labels": labels[:3]}, "curves": {"curves": {}},
              "network": {"networks": {"usual": networks.residual(14, in_channels=1, width=8)}},
              "names": {"networks": {"other": made_up()}}}[change]
    with pytest.raises(ValueError, match="The page|curves"):
        explorers.attack(given["networks"], 0.3, 0.4, given["pixels"], given["labels"], given["curves"], HTML(""))
