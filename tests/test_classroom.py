"""The folder for a class without a network: what is in it, and that the book installs from it with the network off."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import classroom

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "PIP_CONFIG_FILE": os.devnull}


def without_network() -> list[str]:
    """The command that takes the network away from another, where the system has it."""
    command = ["unshare", "--map-root-user", "--net"]
    works = shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    return command if works else []


@pytest.fixture
def small(tmp_path):
    """A repository of one small package, with the book's own installer, and a site."""
    root = tmp_path / "repository"
    (root / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "install", root / "tools" / "install")
    uv = re.search(r"^uv==.*$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[0]
    (root / "requirements.txt").write_text(f"# As the book's.\n{uv}\n-e .\n")
    (root / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools>=77"]\n'
                                         'build-backend = "setuptools.build_meta"\n'
                                         '[project]\nname = "small"\nversion = "1"\n[tool.setuptools]\n'
                                         'py-modules = ["small"]\n')
    (root / "small.py").write_text("word = 'here'\n")
    for folder in ("_build/html", "_build/.jupyter_cache", ".git", ".venv", "book"):
        (root / folder).mkdir(parents=True)
        (root / folder / "index.html").write_text("A page.")
    return root


def test_without_a_site_it_says_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match="run make book first"):
        classroom.write(tmp_path / "stick", root=tmp_path)


def test_the_folder_holds_site_repository_and_data_and_nothing_of_this_machine(small, tmp_path):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "digits").write_text("0")
    stick = tmp_path / "stick"
    for _ in range(2):  # made anew each time
        classroom.write(stick, root=small, data=tmp_path / "sets")
    assert {path.name for path in stick.iterdir()} == {"START.txt", "book", "data", "install.bat", "install.sh", "site"}
    assert (stick / "book/small.py").exists() and (stick / "book/_build/.jupyter_cache/index.html").exists()
    assert not (stick / "book/.venv").exists() and not (stick / "book/.git").exists()
    assert b"\r\n" in (stick / "install.bat").read_bytes()


def test_it_installs_with_the_network_off(small, tmp_path):
    stick, there = tmp_path / "a stick", tmp_path / "the class"
    classroom.write(stick, root=small)
    classroom.fetch(stick / "wheels", small / "requirements.txt")
    environment = {**os.environ, **OFFLINE, "PYTHON": sys.executable, "UV_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([*without_network(), "sh", str(stick / "install.sh"), str(there)], env=environment,
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Installed." in done.stdout
    said = subprocess.run([there / ".venv/bin/python", "-c", "import small; print(small.word, small.__file__)"],
                          capture_output=True, text=True)
    assert said.stdout == f"here {there / 'small.py'}\n"


@pytest.mark.weekly
def test_the_book_itself_installs_with_the_network_off(tmp_path):
    if not (ROOT / "_build/html/index.html").exists():
        pytest.skip("there is no site: make book")
    stick, there = tmp_path / "stick", tmp_path / "class"
    classroom.write(stick)
    classroom.fetch(stick / "wheels", ROOT / "requirements.txt")
    environment = {**os.environ, **OFFLINE, "PYTHON": sys.executable, "UV_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([*without_network(), "sh", str(stick / "install.sh"), str(there)], env=environment,
                          capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stdout + done.stderr
    said = subprocess.run([there / ".venv/bin/python", "-m", "resnet_lib", "--help"], capture_output=True, text=True)
    assert said.returncode == 0
