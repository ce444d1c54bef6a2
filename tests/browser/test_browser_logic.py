"""What the explorers calculate, tested in node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from IPython.display import HTML

from resnet_lib import explorers

pytestmark = pytest.mark.browser
FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_in_node(file: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.fail("There is no node: install it (Debian: apt-get install nodejs).")
    state = tmp_path / "state.json"
    state.write_text(explorers.backpropagation(small_network(), HTML("")).json, encoding="utf-8")
    tested = subprocess.run([node, "--test", str(file)], capture_output=True, text=True,
                            env={**os.environ, "STATE": str(state)})
    assert tested.returncode == 0, tested.stdout


def small_network() -> dict[str, torch.Tensor]:
    """Numbers with two decimals for the network 10-10-5."""
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=generator, dtype=torch.float64).round(decimals=2)
            for name, shape in explorers.SHAPES.items()}
