"""The workflows: valid, safe, and made of steps that run on any machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def lint(program: str, *options: str) -> None:
    done = subprocess.run([Path(sys.executable).parent / program, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_are_what_github_expects() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS))


def test_they_are_safe() -> None:
    lint("zizmor", "--offline", "--no-progress", ".github")


def commands(path: Path) -> list[str]:
    """What a workflow's steps run."""
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"]
            if "run" in step and not step["run"].startswith("sudo apt-get install")]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_step_runs_here_too(path: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    runs = commands(path)
    assert runs and set(runs) <= {".ci/run", *(f"make {target}" for target in targets)}


def test_the_tested_pythons_are_those_that_the_book_is_for() -> None:
    tested = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    versions = tested["jobs"]["test"]["strategy"]["matrix"]["python"]
    chosen = re.search(r"for candidate in \$\{PYTHON:-([\w. ]+)\}", (ROOT / "tools" / "install").read_text())
    assert chosen
    assert {f"python{version}" for version in versions} == set(re.findall(r"python3\.\d+", chosen[1]))


# Binder -------------------------------------------------------------------------------------------------------------

def test_binder_installs_the_pinned_versions_with_the_cpu_build(tmp_path: Path) -> None:
    said = tmp_path / "said"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}\n')
    python.chmod(0o755)
    script = ROOT / ".binder" / "postBuild"
    subprocess.run([script], cwd=ROOT, check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert said.read_text().split() == ["-m", "uv", "pip", "install", "--python", str(python), "--no-cache",
                                        "--torch-backend", "cpu", "-r", "requirements.txt"]
    assert (ROOT / ".binder" / "runtime.txt").read_text() == "python-3.12\n"
