"""The one form in which notebooks are stored: `python tools/canonical.py FILES` rewrites them in it.

No outputs, no execution counts, no metadata that an editor leaves behind; format 4.5 with stable cell ids, keys
sorted, one space of indentation, characters as they are, a newline at the end. A chapter has a cell after its title
that installs the package where it is missing, from the repository that `_config.yml` names.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import nbformat
import yaml

BOOK = Path(__file__).resolve().parent.parent / "book"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_METADATA = ("mystnb", "slideshow", "tags")  # what the site, the slides and the tests read

INSTALL = """\
# Installs the book's package where it is missing: in Colab, or for a notebook that was downloaded alone.
import importlib.util

repository = "{repository}"
if importlib.util.find_spec("resnet_lib") is None:
    if not repository:
        class PackageMissing(ImportError):
            def _render_traceback_(self):
                return [str(self)]

        raise PackageMissing("This notebook needs the package resnet_lib: get a copy of the book's repository, "
                             "run %pip install FOLDER here with the folder that holds it, then run this cell again.")
    %pip install --quiet git+{{repository}}
"""


def repository(root: Path = BOOK.parent) -> str:
    """The address of the book's repository that `_config.yml` gives; empty where it gives none."""
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    return (settings.get("repository") or {}).get("url") or ""


def install_cell(address: str) -> nbformat.NotebookNode:
    """The cell that installs the package from the repository at `address`; the site does not show it."""
    return nbformat.from_dict({
        "cell_type": "code", "id": "install", "execution_count": None, "outputs": [],
        "metadata": {"slideshow": {"slide_type": "skip"}, "tags": ["remove-cell"]},
        "source": INSTALL.format(repository=address).rstrip("\n"),
    })


def with_install_cell(text: str, address: str) -> str:
    """The text of a chapter with its installing cell after the title, where that was missing or another."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != "install"]
    notebook.cells.insert(1, install_cell(address))
    return canonical(nbformat.writes(notebook, version=nbformat.NO_CONVERT))


def canonical(text: str) -> str:
    """The canonical text of a notebook, given its text. Raises ValueError when it is not a notebook."""
    try:
        notebook = nbformat.reads(text, as_version=4)
    except Exception as error:
        raise ValueError("not a notebook that can be read") from error
    cells = []
    for number, cell in enumerate(notebook.cells):
        source = cell.source.replace("\r\n", "\n").rstrip("\n")
        metadata = {key: cell.metadata[key] for key in CELL_METADATA if cell.metadata.get(key)}
        if folded(cell):
            metadata["jupyter"] = {"source_hidden": True}
        kept = {
            "cell_type": cell.cell_type,
            "id": cell.get("id") or hashlib.sha256(f"{number} {source}".encode()).hexdigest()[:8],
            "metadata": metadata,
            "source": source,
        }
        if cell.cell_type == "code":
            kept |= {"execution_count": None, "outputs": []}
        elif cell.get("attachments"):
            kept["attachments"] = cell.attachments
        cells.append(kept)
    bare = nbformat.from_dict({
        "cells": cells,
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    })
    return nbformat.writes(bare, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def folded(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell's code is folded on the site and in JupyterLab; what a reader alone has folded does not count."""
    hidden = (cell.metadata.get("jupyter") or {}).get("source_hidden") is True
    return hidden and "hide-input" in cell.metadata.get("tags", [])


def main(names: list[str]) -> int:
    """Rewrite each file that is not in canonical form; returns the exit status."""
    for name in names:
        path = Path(name)
        try:
            before = path.read_bytes().decode("utf-8")
            after = canonical(before)
            if path.resolve().is_relative_to(BOOK):
                after = with_install_cell(after, repository())
        except (OSError, ValueError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        if after != before:
            path.write_text(after, encoding="utf-8", newline="\n")
            print(f"{name}: rewritten")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
