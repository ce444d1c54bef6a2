"""The book's notebooks: which there are, what each depends on, and what the cache holds of them.

An executed notebook lies in `_build/.jupyter_cache`, where Jupyter Book looks for it by its code cells. Beside it
stands a fingerprint of everything else that its outputs depend on; where that has changed, the notebook is stale.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.cache.db import NbCacheRecord

CLAIM = "application/vnd.resnet.claim+json"


def toc_files(root: Path) -> list[str]:
    """Every file that `_toc.yml` names, in its order, without suffix: `["book/index", …]`."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            found.extend(node[key] for key in ("root", "file") if key in node)
            for key in ("parts", "chapters", "sections"):
                walk(node.get(key))
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8")))
    return found


def chapters(root: Path) -> list[Chapter]:
    """The notebooks of the table of contents that exist, in its order."""
    files = [root / f"{name}.ipynb" for name in toc_files(root)]
    return [Chapter(root, path) for path in files if path.exists()]


def digest(*parts: bytes) -> str:
    """A hash of several byte strings."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def data_found() -> str:
    """Names and sizes of what lies in the data folder, the same folder that `resnet_lib.data` reads."""
    from resnet_lib import data

    folder = data.folder()
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return "\n".join(f"{path.relative_to(folder)} {path.stat().st_size}" for path in files)


@dataclass(frozen=True)
class Chapter:
    """One notebook of the book in the project folder `root`."""

    root: Path
    path: Path

    @property
    def name(self) -> str:
        """Its name for people, as in `make book ONLY=concepts/depth`."""
        return self.path.relative_to(self.root / "book").with_suffix("").as_posix()

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(self.path, as_version=4)

    @property
    def code(self) -> str:
        return "\n".join(cell.source for cell in self.notebook.cells if cell.cell_type == "code")

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what the outputs depend on beside the notebook's own code.

        These are the package, the pinned versions, the recorded studies that the code names, all records of whole
        trainings or recorded weights where it uses any, and, where it loads more than digits, the data that were found.
        """
        files = sorted((self.root / "resnet_lib").rglob("*.py")) + [self.root / "requirements.txt"]
        files += [path for path in sorted((self.root / "book" / "runs").glob("*.json"))
                  if re.search(rf"""["']{re.escape(path.stem)}["']""", self.code)]
        if re.search(r"\brecords\.", self.code):
            from resnet_lib import records

            files += records.paths(self.root / "book" / "runs")
        if re.search(r"\bweights\b", self.code):
            files += sorted((self.root / "book" / "runs").glob("*.pt"))
        parts = [f"Python {sys.version_info.major}.{sys.version_info.minor}".encode()]
        parts += [path.name.encode() + b"\n" + path.read_bytes() for path in files if path.exists()]
        if self.loads_data:
            parts.append(data_found().encode())
        return digest(*parts)

    @property
    def loads_data(self) -> bool:
        """Whether it loads a data set that may be absent: any but digits."""
        absent = r"""data\.(load\((?!\s*["']digits["'])|spoken_digits\(|sentences\()"""
        return re.search(absent, self.code) is not None


class Executed:
    """The cache of executed notebooks."""

    def __init__(self, folder: Path) -> None:
        self.cache: JupyterCacheAbstract = get_cache(str(folder))

    def record(self, chapter: Chapter) -> NbCacheRecord | None:
        """The cache's entry for the chapter's present code. A half-written one is removed."""
        try:
            record = self.cache.match_cache_notebook(chapter.notebook)
        except KeyError:
            return None
        try:
            self.cache.get_cache_bundle(record.pk)
        except Exception:  # interrupted while it was written: no file, or half a file
            NbCacheRecord.remove_record(record.pk, self.cache.db)
            return None
        return record

    def notebook(self, chapter: Chapter) -> nbformat.NotebookNode | None:
        """The chapter with its outputs, or None when it has not been executed."""
        record = self.record(chapter)
        return self.cache.merge_match_into_notebook(chapter.notebook)[1] if record else None

    def known(self, chapter: Chapter) -> bool:
        """Whether the chapter's present code was ever executed without breaking."""
        record = self.record(chapter)
        return record is not None and "fingerprint" in record.data

    def fresh(self, chapter: Chapter) -> bool:
        """Whether the chapter was executed without breaking, and nothing that it depends on has changed since."""
        record = self.record(chapter)
        return record is not None and record.data.get("fingerprint") == chapter.fingerprint

    def seconds(self, chapter: Chapter) -> float:
        """How long its last execution took, to start the longest first; infinite when unknown."""
        times = [record.data.get("execution_seconds") for record in self.cache.list_cache_records()
                 if record.uri == str(chapter.path)]
        return next((time for time in times if time), float("inf"))

    def store(self, chapter: Chapter, notebook: nbformat.NotebookNode, **data: Any) -> None:
        """Put an executed notebook into the cache, in place of what it holds for the chapter."""
        self.remove(chapter)
        bundle = CacheBundleIn(notebook, str(chapter.path), data=data)
        self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)

    def remove(self, chapter: Chapter) -> None:
        """Forget every version of the chapter."""
        for record in self.cache.list_cache_records():
            if record.uri == str(chapter.path):
                try:
                    self.cache.remove_cache(record.pk)
                except KeyError:
                    NbCacheRecord.remove_record(record.pk, self.cache.db)


def failed_claims(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """The claims in an executed notebook that did not hold."""
    found = [output.get("data", {}).get(CLAIM) for cell in notebook.cells for output in cell.get("outputs", [])]
    return [claim for claim in found if claim and not claim["holds"]]


def environment(strict: bool) -> dict[str, str]:
    """The environment in which notebooks are executed: one thread, and claims strict or not."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    variables.pop("RESNET_CLAIMS", None)
    return {**variables, "RESNET_CLAIMS": "strict"} if strict else variables
