"""One folder from which a class works without any network: `python -m tools.classroom [FOLDER]`.

It holds the site, the repository with what was executed, the data sets that are on this machine, and the files of every
package, so that `install.sh` or `install.bat` in it installs the book and asks no server for anything. Copy it to a
stick. The packages are those for this machine's system and Python; `--python 3.12 --platform win_amd64` (as pip names
them) fetches those for another, into the same folder.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "_build" / "classroom"
BUILDING = ("pip", "setuptools>=77", "wheel", "uv")  # what installing needs besides
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", "*.egg-info", ".*_cache", "checkpoints")

START = """\
Residual Networks, Measured: everything for a class without a network.

site/index.html        the book to read: open it in a browser, nothing has to be installed
install.sh             installs the book on Linux or macOS: sh install.sh, or sh install.sh FOLDER
install.bat            the same on Windows
book/                  notebooks and programs, copied by the two above
wheels/                the packages that they install
data/                  data sets, where the machine that made this folder had them

Python 3.11, 3.12 or 3.13 has to be there: the one for which the packages in wheels/ were fetched.
"""
INSTALL_SH = """\
#!/bin/sh
# Installs the book from this folder alone: sh install.sh [WHERE]. It asks no server for anything.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
where=${1:-$HOME/residual-networks}
mkdir -p "$where"
cp -R "$here/book/." "$where"
wheels=file://$(printf %s "$here/wheels" | sed 's/ /%20/g')  # both programs take a space for the end of a name
export PIP_NO_INDEX=1 PIP_FIND_LINKS="$wheels" UV_OFFLINE=1 UV_FIND_LINKS="$wheels" TORCH=default
(cd "$where" && sh tools/install)
if [ -d "$here/data" ] && [ ! -d "$where/data-sets" ]; then cp -R "$here/data" "$where/data-sets"; fi
echo "Installed. To work in the notebooks:"
echo "  cd '$where' && RESNET_DATA='$where/data-sets' .venv/bin/python -m jupyter lab --notebook-dir=book"
"""
INSTALL_BAT = """\
@echo off
rem Installs the book from this folder alone: install.bat [WHERE]. It asks no server for anything.
setlocal
set "here=%~dp0"
set "where=%~1"
if "%where%"=="" set "where=%USERPROFILE%\\residual-networks"
xcopy /E /I /Q /Y "%here%book" "%where%" || exit /b 1
cd /d "%where%" || exit /b 1
py -3 -m venv .venv || exit /b 1
.venv\\Scripts\\python -m pip install --no-index --find-links "%here%wheels" -r requirements.txt || exit /b 1
if exist "%here%data" xcopy /E /I /Q /Y "%here%data" "%where%\\data-sets"
echo Installed. To work in the notebooks:
echo   cd /d %where%
echo   set RESNET_DATA=%where%\\data-sets
echo   .venv\\Scripts\\python -m jupyter lab --notebook-dir=book
"""


def fetch(wheels: Path, requirements: Path, options: Iterable[str] = ()) -> None:
    """The files of all packages that a list of requirements names, with pip's options for another system."""
    wheels.mkdir(parents=True, exist_ok=True)
    wanted = [line for line in requirements.read_text(encoding="utf-8").splitlines()
              if line and not line.startswith(("#", "-e"))]
    done = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest",
                           str(wheels), *options, *BUILDING, *wanted])
    if done.returncode:
        raise SystemExit("The packages could not be fetched: see the message above, then call make classroom again.")


def write(folder: Path = FOLDER, root: Path = ROOT, data: Path | None = None) -> None:
    """All but the packages: the site, the repository with its executed notebooks, the data, the two installers."""
    site = root / "_build" / "html"
    if not (site / "index.html").exists():
        raise SystemExit("There is no site yet: run make book first.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in (("site", site), ("book", root), ("data", data)):
        shutil.rmtree(folder / name, ignore_errors=True)
        if source and source.is_dir():
            shutil.copytree(source, folder / name, ignore=LEFT_OUT if name == "book" else None)
    cache = root / "_build" / ".jupyter_cache"
    if cache.is_dir():  # so that make book has nothing to execute
        shutil.copytree(cache, folder / "book" / "_build" / ".jupyter_cache")
    (folder / "START.txt").write_text(START, encoding="utf-8")
    (folder / "install.sh").write_text(INSTALL_SH, encoding="utf-8")
    (folder / "install.bat").write_text(INSTALL_BAT, encoding="utf-8", newline="\r\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.classroom", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--python", help="the Python of the class's machines, 3.12 for example")
    parser.add_argument("--platform", help="their system as pip names it: win_amd64, macosx_14_0_arm64, "
                                           "manylinux_2_28_x86_64")
    chosen = parser.parse_args()
    from resnet_lib import data

    write(chosen.folder, data=data.folder())
    options = []
    if chosen.python or chosen.platform:
        options = ["--only-binary", ":all:"]
        options += ["--python-version", chosen.python] if chosen.python else []
        options += ["--platform", chosen.platform] if chosen.platform else []
    fetch(chosen.folder / "wheels", ROOT / "requirements.txt", options)
    size = sum(path.stat().st_size for path in chosen.folder.rglob("*") if path.is_file())
    print(f"{chosen.folder}: {size / 1e9:.1f} GB. Copy it to a stick; START.txt in it says how to go on.")


if __name__ == "__main__":
    main()
