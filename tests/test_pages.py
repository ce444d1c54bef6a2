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


UNREADABLE = {
    "a folder of the machine that built the page": str(ROOT),
    "a value as Python prints it": r"PosixPath\(|&lt;(factory|function|built-in|class|object)\b|\b_empty\b",
    "a name with the tilde that hides its modules": r"~(torch|collections|typing|pathlib|resnet_lib)\.",
    "a docstring of another package": "Define the computation performed at every call|Alias for field number",
}


@pytest.mark.parametrize("name", [name for name in toc_files(ROOT) if name.startswith("book/reference/")])
def test_a_page_of_reference_is_written_for_readers(name):
    assert {what for what, found in UNREADABLE.items() if re.search(found, page(name))} == set()
    text = re.sub(r"<(script|style|code|pre|svg)\b.*?</\1>|<[^>]+>", "", page(name), flags=re.DOTALL)
    assert "`" not in text


@pytest.mark.parametrize("name", ["book/reference/figures", "book/reference/progress"])
def test_a_list_has_the_citations_and_numbers_of_its_pages(name):
    text = re.sub(r"<[^>]+>", "", page(name))
    keys = re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    assert [key for key in keys if re.search(rf"\b{key}\b", text)] == []
    assert re.findall(r"\w+ [,.;](?= )", text) == []
    assert "et al., 20" in text
