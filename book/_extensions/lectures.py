"""What lecture mode needs to know of a page: where each cell of its notebook begins, and whether it is for a slide.

Text and code of a notebook become one page, in which the cells of text have no bounds any more. Before the first block
of each cell stands a comment, `<!--cell slide-->`, with the cell's `slideshow.slide_type`, or `none`.
`lecture/slides.js` makes slides from the page itself, when the reader asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

LINES = 10_000  # myst-nb counts the lines of cell n from (n + 1) times this


def slide_types(notebook: nbformat.NotebookNode) -> list[str]:
    """The `slide_type` of each cell, "none" where it has none."""
    return [cell.metadata.get("slideshow", {}).get("slide_type") or "none" for cell in notebook.cells]


def blocks(parent: nodes.Element) -> Iterator[nodes.Node]:
    """The blocks of a page in its order: sections, and what stands in them, but nothing inside of that."""
    for child in parent.children:
        yield child
        if isinstance(child, nodes.section):
            yield from blocks(child)


def cell_of(block: nodes.Node) -> int | None:
    """The number of the cell in which a block begins, from 0; None where nothing tells it."""
    for node in block.findall():
        if isinstance(node, nodes.Element) and "cell_index" in node:
            return int(node["cell_index"])
        if (line := getattr(node, "line", None)) and line >= LINES:
            return line // LINES - 1
    return None


def mark(page: nodes.document, types: list[str]) -> None:
    """Put the comments into a page. What stands with the page's title is the first cell's, and has none."""
    here = 0
    for block in list(blocks(page)):
        cell = cell_of(block)
        if cell is not None and here < cell < len(types):
            here = cell
            comment = nodes.raw("", f"<!--cell {types[cell]}-->", format="html")
            block.parent.insert(block.parent.index(block), comment)


def mark_notebook(app: Sphinx, page: nodes.document) -> None:
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix == ".ipynb":
        mark(page, slide_types(nbformat.read(path, as_version=4)))


def add_button(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """The button beside the download, which `scripts/lecture.js` brings to life."""
    if doctree is not None and "header_buttons" in context:
        context["header_buttons"].append({
            "type": "javascript", "javascript": "", "tooltip": "Slides (key L)", "icon": "fas fa-display",
            "label": "lecture-button", "classes": "pst-js-only"})


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", mark_notebook)
    app.connect("html-page-context", add_button, priority=502)  # when the theme has its buttons
    return {"parallel_read_safe": True, "parallel_write_safe": True}
