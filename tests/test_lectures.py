"""Lecture mode: what the pages say of their cells, and the slides' library."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("sphinx")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "book" / "_extensions"))

import lectures  # noqa: E402
from docutils import nodes  # noqa: E402
from docutils.utils import new_document  # noqa: E402

from tools import reveal  # noqa: E402


def text(words, cell, line=2):
    paragraph = nodes.paragraph(text=words)
    paragraph.line = (cell + 1) * lectures.LINES + line
    return paragraph


def section(name, cell, *content):
    made = nodes.section("", nodes.title(text=name), *content, ids=[name])
    made.line = (cell + 1) * lectures.LINES + 1
    return made


def code(cell):
    return nodes.container("", nodes.paragraph(text="output"), nb_element="cell_code", cell_index=cell)


def order(page):
    """The page's paragraphs, titles and comments in their order."""
    kinds = (nodes.paragraph, nodes.title, nodes.raw)
    return [node.astext() for node in page.findall(lambda node: isinstance(node, kinds))]


def page_of(*content):
    page = new_document("page")
    page += section("title", 0, *content)
    return page


def test_a_comment_stands_before_each_cell_but_the_first():
    page = page_of(text("aims", 0), code(1), text("a", 2), text("b", 2, 4), section("part", 3, text("c", 3)))
    lectures.mark(page, ["slide", "skip", "none", "slide"])
    assert order(page) == ["title", "aims", "<!--cell skip-->", "output", "<!--cell none-->", "a", "b",
                           "<!--cell slide-->", "part", "c"]


def test_what_has_no_line_belongs_to_the_cell_before_it():
    note = nodes.note("", nodes.paragraph(text="n"))
    page = page_of(text("a", 1), note, text("b", 2))
    lectures.mark(page, ["slide", "slide", "fragment"])
    assert order(page) == ["title", "<!--cell slide-->", "a", "n", "<!--cell fragment-->", "b"]


def test_a_block_is_known_by_what_stands_in_it():
    page = page_of(nodes.note("", text("inside", 1)))
    lectures.mark(page, ["slide", "subslide"])
    assert order(page) == ["title", "<!--cell subslide-->", "inside"]


def test_slide_types_of_a_notebook():
    cells = [nbformat.v4.new_markdown_cell("# A", metadata={"slideshow": {"slide_type": "slide"}}),
             nbformat.v4.new_code_cell("1"), nbformat.v4.new_code_cell("2", metadata={"slideshow": {"slide_type": ""}})]
    assert lectures.slide_types(nbformat.v4.new_notebook(cells=cells)) == ["slide", "none", "none"]


def test_the_slides_library_is_the_pinned_version_and_has_its_licence():
    assert sorted(path.name for path in reveal.FOLDER.iterdir()) == sorted(reveal.FILES.values())
    script = (reveal.FOLDER / "reveal.js").read_text(encoding="utf-8")
    assert re.search(rf"""["'`]{re.escape(reveal.VERSION)}["'`]""", script)
    assert "MIT" in (reveal.FOLDER / "LICENSE").read_text() or "Permission is hereby granted" in (
        reveal.FOLDER / "LICENSE").read_text()


def test_another_package_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not reveal.js"):
        reveal.unpack(b"another package", tmp_path / "reveal")
    assert not (tmp_path / "reveal").exists()
