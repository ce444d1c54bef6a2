"""Every page of the table of contents is in the built site, a notebook's with what its cells put out."""

import re
from pathlib import Path

import pytest

from tools import rules
from tools.chapters import Executed, chapters, toc_files

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
pytestmark = pytest.mark.site


def page(name: str) -> str:
    return (SITE / f"{name}.html").read_text(encoding="utf-8")


def test_the_first_page_leads_to_the_book():
    target = re.search(r'url=([^"]+)"', (SITE / "index.html").read_text(encoding="utf-8"))
    assert target and (SITE / target[1]).exists()


@pytest.mark.parametrize("name", toc_files(ROOT))
def test_page_is_there_with_its_title(name):
    assert re.search(r"<h1>.*?\w", page(name), re.DOTALL)


def is_shown(output):
    """Whether an output is more than numbers that are glued for the text."""
    return not all(kind.startswith("application/papermill.record/") for kind in output.get("data", ["text"]))


@pytest.mark.parametrize("chapter", chapters(ROOT), ids=lambda chapter: chapter.name)
def test_notebook_page_has_its_outputs(chapter):
    executed = Executed(ROOT / "_build" / ".jupyter_cache").notebook(chapter)
    assert executed is not None, "not executed: run make book"
    assert rules.tracebacks(executed) == []
    shown = len(re.findall(r'<div class="[^"]*\bcell_output\b', page(f"book/{chapter.name}")))
    removed = {"remove-output", "remove-cell", "hide-output", "hide-cell"}  # tags that change how an output is put
    expected = sum(any(map(is_shown, cell.outputs)) and not removed & set(cell.metadata.get("tags", []))
                   for _, cell in rules.cells(executed, "code"))
    assert shown >= expected > 0


@pytest.mark.parametrize("name", toc_files(ROOT))
def test_a_page_holds_little_state(name):
    states = re.findall(r'data-explorer="[\w-]+"><script type="application/json">(.*?)</script>', page(name), re.DOTALL)
    assert sum(map(len, states)) <= 100_000
    assert states or not name.startswith(("book/concepts/", "book/mathematics/", "book/networks/"))
