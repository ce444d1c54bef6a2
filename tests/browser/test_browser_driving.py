"""The explorer "driving" against the study's PyTorch: the same pictures and commands, and who keeps to a road."""

from __future__ import annotations

import base64
from functools import partial
from types import ModuleType

import numpy
import pytest
import torch
from IPython.display import HTML
from torch import Tensor, nn

from resnet_lib import explorers, networks, runs
from tests.javascript import in_node_with
from tests.listings import study_module

in_node = partial(in_node_with, "driving")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def study() -> ModuleType:
    """The script that recorded the drivers, as a module."""
    return study_module("driving")


def made_up() -> nn.Module:
    """A network whose numbers are all different from those of a fresh one."""
    network = networks.residual(8, in_channels=1, classes=1, width=8, stem_stride=2, seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if ("norm" in name or "stem.1" in name) and tensor.is_floating_point():
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        network.classifier.bias.fill_(0.3)
    return network


def unpacked(layers: list[dict]) -> nn.Module:
    """A network of PyTorch whose convolutions have a state's weights, and whose normalisation only adds the shift."""
    network = networks.residual(8, in_channels=1, classes=1, width=8, stem_stride=2, seed=1).eval()
    modules = dict(network.named_modules())
    names = [name for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        for name, layer in zip([*names, "classifier"], layers, strict=True):
            whole = torch.from_numpy(numpy.frombuffer(base64.b64decode(layer["bytes"]), numpy.int8).copy())
            scale = torch.tensor(layer["scale"]).view(-1, *[1] * (len(layer["shape"]) - 1))
            modules[name].weight.copy_(whole.view(layer["shape"]) * scale)
            norm = modules[name.replace("conv", "norm") if "conv" in name else name.replace(".0", ".1")]
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
            norm.bias.copy_(torch.tensor(layer["shift"]))
    return network


def places(study: ModuleType) -> tuple[Tensor, Tensor, Tensor]:
    """Curvatures ahead, offsets and angles of 40 cars."""
    generator = torch.Generator().manual_seed(3)
    e, psi = (top * (2 * torch.rand(40, generator=generator) - 1) for top in (2.5, 0.2))
    return study.made(40, 1, 4)[:, :study.AHEAD], e, psi


PICTURES = "return given.places.map(([ahead, e, psi]) => [...pictureOf(ahead, e, psi, null)]);"
COMMANDS = """const network = networkFrom(given.layers);
return given.pictures.map((pixels) => commandOf(network, Float64Array.from(pixels)));"""


def test_the_camera_sees_what_the_studys_camera_sees(study: ModuleType) -> None:
    ahead, e, psi = places(study)
    theirs = study.picture(ahead, e, psi, None).flatten(1)
    given = {"places": [[one.tolist(), float(a), float(b)] for one, a, b in zip(ahead, e, psi)]}
    ours = torch.tensor(in_node(PICTURES, given))
    assert ours.shape == theirs.shape == (40, 24 * 32) and theirs.std() > 0.3
    assert (ours - theirs).abs().max() < 1e-3


def commands(layers: list[dict], pictures: Tensor) -> Tensor:
    return torch.tensor(in_node(COMMANDS, {"layers": layers, "pictures": pictures.flatten(1).tolist()}))


def test_the_commands_are_those_of_pytorch(study: ModuleType) -> None:
    pictures = study.picture(*places(study), torch.Generator().manual_seed(5))
    layers = explorers.in_bytes(made_up())
    with torch.no_grad():
        theirs = study.UNIT * unpacked(layers)(pictures)[:, 0]
        exact = study.UNIT * made_up()(pictures)[:, 0]
    assert theirs.std() > 1e-3  # there is something to be compared
    assert (commands(layers, pictures) - theirs).abs().max() < 1e-3 * theirs.abs().max()
    assert (theirs - exact).abs().max() < 0.05 * exact.abs().max()  # a byte a weight changes little


def test_the_recorded_drivers_keep_in_the_page_what_they_can(study: ModuleType) -> None:
    """As in the chapter: the shaken driver stays on the road, and bears a push better than the one that copied."""
    recorded, roads = runs.load("driving"), study.made(10, 300, 77)
    drivers = explorers.driving(recorded, roads, HTML("")).state["drivers"]
    drive = """const network = networkFrom(given.layers);
    return given.roads.map((road, seed) => drivenAlong(network, road, { push: given.push, seed }).exits.length);"""
    exits = {(name, push): in_node(drive, {"layers": layers, "roads": roads.tolist(), "push": push})
             for name, layers in drivers.items() for push in (0, 1.5)}
    assert sum(exits["shaken", 0]) <= 1 and sum(exits["shaken", 1.5]) + 3 < sum(exits["cloned", 1.5])
    for name, layers in drivers.items():
        pictures = study.picture(*places(study), torch.Generator().manual_seed(5))
        with torch.no_grad():
            theirs = study.UNIT * unpacked(layers)(pictures)[:, 0]
        assert (commands(layers, pictures) - theirs).abs().max() < 1e-4, name


def test_the_experts_drive_is_the_one_of_the_studys_rule() -> None:
    """Without wind it would be exact; with it the expert stays within centimetres and never leaves."""
    drive = in_node("return drivenAlong(null, given, {});", [0.01] * 341)
    assert drive["exits"] == [] and max(map(abs, drive["e"])) < 0.3
    assert in_node("return drivenAlong(null, given, { delay: 7 }).exits.length;", [0.01] * 341) > 0


@pytest.mark.parametrize("roads", [torch.zeros(341), torch.zeros(0, 341), torch.zeros(1, 100), torch.zeros(1, 342),
                                   torch.ones(1, 341)])
def test_roads_that_cannot_be_drawn_are_named(roads: Tensor) -> None:
    with pytest.raises(ValueError, match="Roads are"):
        explorers.driving(runs.load("driving"), roads, HTML(""))
