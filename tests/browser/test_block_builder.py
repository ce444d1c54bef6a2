"""The block builder's counts against networks built in PyTorch and measured with hooks: exactly equal."""

from __future__ import annotations

import json
import random
import subprocess
from typing import Any

import pytest
import torch
from IPython.display import HTML
from torch import Tensor, nn

from resnet_lib import explorers, networks

SOURCES = [explorers.FOLDER / "common.js", explorers.FOLDER / "block-builder.js"]
STATE = explorers.block_builder(HTML("")).state
pytestmark = pytest.mark.browser
BATCH = 2  # measured numbers are divided by it: what grows with the batch and nothing else


def settings(count: int = 50, seed: int = 0) -> list[dict[str, Any]]:
    """Random settings of the explorer; every kind, shortcut, depth, width and input occurs."""
    state, generator = STATE, random.Random(seed)
    drawn = []
    for _ in range(count):
        name = generator.choice(list(state["inputs"]))
        drawn.append({"kind": generator.choice(state["kinds"]), "depth": generator.choice(state["depths"]),
                      "width": generator.choice(state["widths"]), "shortcut": generator.choice(state["shortcuts"]),
                      "input": name, "shape": state["inputs"][name], "classes": state["classes"]})
    for key, values in (("kind", "kinds"), ("depth", "depths"), ("width", "widths"), ("shortcut", "shortcuts"),
                        ("input", "inputs")):
        assert {one[key] for one in drawn} == set(state[values]), f"No {key} may be missing: draw more settings."
    return drawn


def build(setting: dict[str, Any]) -> networks.Network:
    options = {"in_channels": setting["shape"][0], "classes": setting["classes"], "width": setting["width"], "seed": 0}
    if setting["kind"] == "plain":
        return networks.plain(setting["depth"], **options)
    return networks.residual(setting["depth"], shortcut=setting["shortcut"],
                             pre_activation=setting["kind"] == "pre_activation", **options)


def measure(network: networks.Network, shape: list[int]) -> dict[str, Any]:
    """Rows of stem, stages and classifier, and their total.

    Parameters, multiply-adds and shapes come from forward hooks, the numbers kept for the backward pass from autograd's
    own hooks, the receptive field from the 3×3 convolutions that have run.
    """
    parts = {"stem": [network.stem], **{f"stage {i + 1}": [stage] for i, stage in enumerate(network.stages)},
             "classifier": [network.last, network.classifier]}
    rows = {name: {"name": name, "parameters": sum(p.numel() for module in modules for p in module.parameters()),
                   "multiplyAdds": 0, "kept": 0} for name, modules in parts.items()}
    here, field, jump = "stem", 1, 1
    made: dict[int, str] = {}  # address of a part's output, which the next part may keep: the part that made it
    alive: list[Tensor] = []  # so that no address is used twice
    kept: dict[int, Tensor] = {}
    where: dict[int, str] = {}
    image = torch.randn(BATCH, *shape)
    held = {tensor.untyped_storage().data_ptr() for tensor in (image, *network.parameters(), *network.buffers())}

    def enter(name: str) -> Any:
        def hook(*_: Any) -> None:
            nonlocal here
            here = name
        return hook

    def leave(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            rows[name]["shape"] = list(output.shape[1:])
            rows[name]["field"] = None if name == "classifier" else field
            made.setdefault(output.untyped_storage().data_ptr(), name)
            alive.append(output)
        return hook

    def weigh(module: nn.Module, inputs: Any, output: Tensor) -> None:
        nonlocal field, jump
        pixels = output[0, 0].numel() if output.ndim == 4 else 1
        rows[here]["multiplyAdds"] += module.weight.numel() * pixels
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            field, jump = field + (3 - 1) * jump, jump * module.stride[0]

    def keep(tensor: Tensor) -> Tensor:
        address = tensor.untyped_storage().data_ptr()
        if address not in held and tensor.ndim in (2, 4):  # the statistics of a normalisation have one dimension
            assert tensor.shape[0] == BATCH
            kept[address] = tensor
            where.setdefault(address, here)
        return tensor

    for name, modules in parts.items():
        modules[0].register_forward_pre_hook(enter(name))
        modules[-1].register_forward_hook(leave(name))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(weigh)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network.train()(image)
    for address, tensor in kept.items():
        assert tensor.numel() == tensor.untyped_storage().nbytes() // tensor.element_size()
        rows[made.get(address, where[address])]["kept"] += tensor.numel() // BATCH
    total = {key: sum(row[key] for row in rows.values()) for key in ("parameters", "multiplyAdds", "kept")}
    assert total["parameters"] == networks.count_parameters(network)
    return {"rows": list(rows.values()), "total": total}


def explorer_counts(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the explorer's own JavaScript counts, from node."""
    program = ("const { readFileSync } = require('node:fs');"
               f"const files = {json.dumps([str(path) for path in SOURCES])};"
               "const source = files.map((file) => readFileSync(file, 'utf8')).join('\\n');"
               "const count = new Function('\"use strict\";' + source + '; return countNetwork;')();"
               "const counted = JSON.parse(readFileSync(0, 'utf8')).map(count);"
               "console.log(JSON.stringify(counted.map(({ rows, total }) => ({ rows, total }))));")
    done = subprocess.run(["node", "-e", program], input=json.dumps(drawn), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_block_builder_counts_what_the_networks_have() -> None:
    drawn = settings()
    for setting, counted in zip(drawn, explorer_counts(drawn), strict=True):
        measured = measure(build(setting), setting["shape"])
        for ours, theirs in zip(counted["rows"], measured["rows"], strict=True):
            assert ours == theirs, f"{setting}: the explorer has {ours}, the network {theirs}"
        assert counted["total"] == measured["total"], setting


def seen_by_gradient(network: networks.Network, stage: int, side: int) -> int:
    """Side of the square of input pixels that one number at the end of a stage depends on, from its gradient.

    All weights are positive and no ReLU is shut, so no part of the gradient can vanish.
    """
    network = network.double().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    image = torch.ones(1, network.in_channels, side, side, dtype=torch.float64, requires_grad=True)
    maps = network.stages[:stage](network.stem(image))
    maps[0, :, maps.shape[2] // 2, maps.shape[3] // 2].sum().backward()
    assert image.grad is not None
    touched = image.grad[0, 0] != 0
    rows, columns = touched.any(1).nonzero(), touched.any(0).nonzero()
    assert rows.min() > 0 and rows.max() < side - 1, "the image is too small to show the whole field"
    assert len(rows) == len(columns) == rows.max() - rows.min() + 1
    return len(rows)


def test_the_receptive_field_is_where_the_gradient_is() -> None:
    state = STATE
    common = {"width": 8, "shape": [1, 8, 8], "classes": state["classes"]}
    drawn = [{"kind": kind, "depth": depth, "shortcut": shortcut, **common}
             for kind in state["kinds"] for shortcut in state["shortcuts"] for depth in (8, 20)]
    for setting, counted in zip(drawn, explorer_counts(drawn), strict=True):
        for stage in (0, 1, 2, 3):
            side = 2 * counted["rows"][3]["field"] + 8
            assert seen_by_gradient(build(setting), stage, side) == counted["rows"][stage]["field"], (setting, stage)
