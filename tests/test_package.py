"""The package installed without the repository, as Colab and a downloaded notebook get it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from resnet_lib import explorers, runs

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that holds the package as a wheel puts it there."""
    copy, target = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    for name in ("resnet_lib", "book"):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-c", "from setuptools.build_meta import build_wheel; build_wheel('wheels')"],
                   cwd=copy, check=True, capture_output=True)
    [wheel] = (copy / "wheels").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(target)
    return target


def test_an_installed_package_has_every_recorded_run_and_explorer(installed):
    report = "from resnet_lib import explorers, records, runs; print(runs.__file__); " \
             "read = lambda path: records.load(path) if records.is_record(path) else runs.load(path.stem); " \
             "print(*sorted(path.stem for path in runs.FOLDER.glob('*.json') if read(path))); " \
             "print(*sorted(path.stem for path in explorers.FOLDER.glob('*.js') if explorers.source(path.stem)))"
    said = subprocess.run([sys.executable, "-P", "-c", report], cwd=installed.parent, check=True, text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": str(installed)}).stdout.splitlines()
    assert said == [str(installed / "resnet_lib" / "runs.py"),
                    " ".join(sorted(path.stem for path in runs.FOLDER.glob("*.json"))),
                    " ".join(sorted(path.stem for path in explorers.FOLDER.glob("*.js")))]
