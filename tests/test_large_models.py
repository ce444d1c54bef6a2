"""practice/large-models: its code is the study's, its arithmetic the explorer's, and the engines know its files."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from tests.listings import ROOT, chapter_code, definition, study_code

CELLS = nbformat.read(ROOT / "book" / "practice" / "large-models.ipynb", as_version=4).cells
TEXT = "\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")
CODE = chapter_code("practice/large-models")


@pytest.mark.parametrize("name", ["Block", "Transformer", "Lora", "quantised"])
def test_the_chapter_shows_what_the_study_ran(name: str) -> None:
    assert definition(CODE, name) == definition(study_code("large_models"), name)


def test_the_lines_on_sharing_are_the_script_s() -> None:
    [shown] = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    script = study_code("two_halves")
    assert all(line.strip() in script for line in shown.splitlines())


def test_the_explorer_works_out_what_the_chapter_does() -> None:
    """The same cases as in tests/browser/memory.test.mjs."""
    names = ("Shape", "linear", "parameters", "block_keeps", "lora_numbers", "memory")
    there: dict[str, Any] = {}
    exec("from typing import NamedTuple\n" + "\n".join(
        ast.unparse(node) for node in ast.parse(CODE).body if getattr(node, "name", "") in names), there)
    for case in json.loads((ROOT / "tests" / "browser" / "memory.json").read_text(encoding="utf-8")):
        assert there["memory"](there["Shape"](**case["shape"]), **case["now"]) == pytest.approx(case["bytes"])


def test_accelerate_knows_the_file(tmp_path: Path) -> None:
    accelerate = pytest.importorskip("accelerate.commands.config.config_args")
    from accelerate.utils import FullyShardedDataParallelPlugin

    [text] = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    (tmp_path / "fsdp.yaml").write_text(text, encoding="utf-8")
    read = accelerate.load_config_from_file(str(tmp_path / "fsdp.yaml"))
    assert read.num_processes == 8 and read.mixed_precision == "bf16"
    fields = FullyShardedDataParallelPlugin.__dataclass_fields__
    other = {"fsdp_auto_wrap_policy": "auto_wrap_policy",
             "fsdp_transformer_layer_cls_to_wrap": "transformer_cls_names_to_wrap"}
    for key in yaml.safe_load(text)["fsdp_config"]:
        assert other.get(key, key) in fields or key.removeprefix("fsdp_") in fields, key
    from transformers.models.llama import modeling_llama

    assert hasattr(modeling_llama, read.fsdp_config["fsdp_transformer_layer_cls_to_wrap"])


def test_the_other_file_can_be_read() -> None:
    [text] = re.findall(r"^```json\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    assert json.loads(text)["zero_optimization"]["stage"] == 3


def test_two_processes_hold_half_each() -> None:
    """The command that the chapter shows."""
    scripts = re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    [command] = [text for text in scripts if "two_halves" in text]
    words = command.replace("\\\n", " ").split()
    assert words[:2] == ["PYTHONPATH=book/runs", "torchrun"]
    paths = os.pathsep.join([str(ROOT / "book" / "runs"), str(ROOT)])
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", *words[2:]], cwd=ROOT, capture_output=True,
                          text=True, timeout=300, env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.split("found", 1)[1])
    assert found["mine"] == {part: size // 2 for part, size in found["alone"].items()}
    assert found["apart"] < 0.05
