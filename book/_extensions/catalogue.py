"""What there is to look at and to do: the book's figures, explorers and exercises, by chapter.

The directives `{list-of-figures}`, `{list-of-explorers}` and `{list-of-exercises}` are filled, from the pages as they
were read, when the page that holds them is written; such a page is written in every build.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from docutils import nodes
from measured import reading_order
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from resnet_lib import explorers

FIGURE = re.compile(r'<figure (?:id="([\w-]+)" )?class="measured">(.*?)</figure>', re.DOTALL)
EXPLORER = re.compile(r'<div (?:id="([\w-]+)" )?data-explorer="([\w-]+)">')
TITLE = re.compile(r'<text style="font-weight:700;font-size:12px;[^"]*"[^>]*>([^<]+)</text>')
ALT = re.compile(r'<svg[^>]*\baria-label="([^"]*)"')


@dataclass(frozen=True)
class Entry:
    """One thing on a page: its anchor there, what it is called, and what is said of it."""

    anchor: str
    name: str
    text: list[nodes.Node]


# Anchors --------------------------------------------------------------------------------------------------------

def outputs(page: nodes.document) -> Iterator[nodes.raw]:
    """The pieces of HTML on a page that hold a figure or an explorer, in its order."""
    for node in page.findall(nodes.raw):
        if node.get("format") == "html" and ('<figure ' in (text := node.astext()) or "data-explorer=" in text):
            yield node


def add_anchors(app: Sphinx, page: nodes.document) -> None:
    """Number the figures of a page, and name its explorers, so that links can lead to them."""
    figures, there = 0, set[str]()
    for node in outputs(page):
        text = node.astext()
        if found := EXPLORER.search(text):
            name = found[2]
            if name != "quiz" and name not in there:
                text = text.replace(found[0], f'<div id="explorer-{name}" data-explorer="{name}">', 1)
            there.add(name)
        else:
            def numbered(_: re.Match[str]) -> str:
                nonlocal figures
                figures += 1
                return f'<figure id="figure-{figures}" class="measured">'

            text = re.sub(r'<figure class="measured">', numbered, text)
        node.children[:] = [nodes.Text(text)]


# Entries --------------------------------------------------------------------------------------------------------

def figures(page: nodes.document) -> Iterator[Entry]:
    """A page's figures: the titles of their panels, or their place where they have none; what is seen on them."""
    for node in outputs(page):
        text = node.astext()
        if not EXPLORER.search(text):
            for number, content in FIGURE.findall(text):
                if number:
                    name = title(content) or f"Figure {number.removeprefix('figure-')}"
                    yield Entry(number, name, [nodes.Text(seen(content))])


def title(figure: str) -> str:
    """The titles of a figure's panels; those of the narrow and the dark form are the same."""
    drawing = figure.partition("</svg>")[0]
    return "; ".join(dict.fromkeys(html.unescape(found.strip()) for found in TITLE.findall(drawing)))


def seen(figure: str) -> str:
    """The first sentence of a figure's description."""
    description = ALT.search(figure)
    return sentence(html.unescape(description[1]))[0] if description else ""


def listed_explorers(page: nodes.document) -> Iterator[Entry]:
    """A page's explorers, by the title that the reader sees; the questions do not count."""
    for node in outputs(page):
        text = node.astext()
        if (found := EXPLORER.search(text)) and found[1]:
            script = (explorers.FOLDER / f"{found[2]}.js").read_text(encoding="utf-8")
            shown = re.search(r'\bbegin\(el, "([^"]+)"', script)
            yield Entry(found[1], shown[1] if shown else found[2], [nodes.Text(seen(text))])


def exercises(page: nodes.document) -> Iterator[Entry]:
    """A page's exercises: kind and minutes, and the first sentence."""
    for node in page.findall(nodes.Element):
        if type(node).__name__ in ("exercise_node", "exercise_enumerable_node"):
            kind = next((child.astext() for child in node.findall(nodes.Element)
                         if type(child).__name__ == "exercise_subtitle"), "")
            first = next(iter(node.findall(nodes.paragraph)), nodes.paragraph())
            yield Entry(node["ids"][0], kind, first_sentence(first))


def sentence(text: str) -> tuple[str, bool]:
    """A text up to the end of its first sentence, and whether it ends there."""
    end = re.search(r"[.?!](?=\s|$)", text)
    return (text[:end.end()], True) if end else (text, False)


def first_sentence(paragraph: nodes.paragraph) -> list[nodes.Node]:
    """The first sentence of a paragraph with its formulas and code, without links."""
    kept: list[nodes.Node] = []
    for child in paragraph.children:
        if isinstance(child, nodes.Text):
            text, ends = sentence(child.astext())
            kept.append(nodes.Text(text))
            if ends:
                break
        elif isinstance(child, (nodes.reference, addnodes.pending_xref)):
            kept.append(nodes.Text(child.astext()))
        elif isinstance(child, (nodes.math, nodes.literal, nodes.emphasis, nodes.strong)):
            kept += without_links([child])
    return kept


def without_links(inline: Iterable[nodes.Node]) -> list[nodes.Node]:
    """Copies of the parts of a text, with the words of each link in its place."""
    copies: list[nodes.Node] = []
    for node in inline:
        if isinstance(node, (nodes.reference, addnodes.pending_xref)):
            copies.append(nodes.Text(node.astext()))
            continue
        copies.append(node.deepcopy())
        for link in list(copies[-1].findall(lambda one: isinstance(one, (nodes.reference, addnodes.pending_xref)))):
            link.parent.replace(link, nodes.Text(link.astext()))
    return copies


# Sphinx ---------------------------------------------------------------------------------------------------------

KINDS: dict[str, Callable[[nodes.document], Iterator[Entry]]] = {
    "figures": figures, "explorers": listed_explorers, "exercises": exercises}


class ListPlaceholder(nodes.General, nodes.Element):
    """Stands in the document tree where entries of one kind will be listed."""


class ListOf(SphinxDirective):
    kind = ""

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["lists_entries"] = "yes"
        return [ListPlaceholder(kind=self.kind)]


def listing(title_of: str, address: str, entries: list[Entry]) -> list[nodes.Node]:
    """One chapter: its name, and a list of its entries, each a link and what is said of it."""
    heading = nodes.paragraph("", "", nodes.strong("", "", link(title_of, address)))
    items = [nodes.list_item("", nodes.paragraph("", "", link(entry.name, f"{address}#{entry.anchor}"),
                                                 nodes.Text(": "), *entry.text)) for entry in entries]
    return [heading, nodes.bullet_list("", *items)]


def numbered(entries: list[Entry], numbers: dict[str, tuple[int, ...]]) -> list[Entry]:
    """Exercises with the numbers that their pages show."""
    return [replace(entry, name=f"Exercise {'.'.join(map(str, numbers[entry.anchor]))}, {entry.name}")
            if entry.anchor in numbers else entry for entry in entries]


def link(text: str, address: str) -> nodes.reference:
    return nodes.reference("", text, refuri=address, internal=True)


def fill_lists(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(ListPlaceholder)):
        filled: list[nodes.Node] = []
        for page in reading_order(app.env):
            entries = list(KINDS[place["kind"]](app.env.get_doctree(page)))
            if place["kind"] == "exercises":
                entries = numbered(entries, app.env.toc_fignumbers.get(page, {}).get("exercise", {}))
            if entries:
                address = app.builder.get_relative_uri(docname, page)
                filled += listing(app.env.titles[page].astext(), address, entries)
        place.replace_self(filled)


def pages_with_lists(app: Sphinx, env: BuildEnvironment) -> list[str]:
    return [page for page, metadata in env.metadata.items() if metadata.get("lists_entries")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(ListPlaceholder)
    for kind in KINDS:
        app.add_directive(f"list-of-{kind}", type(f"ListOf{kind.capitalize()}", (ListOf,), {"kind": kind}))
    app.connect("doctree-read", add_anchors)
    app.connect("env-updated", pages_with_lists)
    app.connect("doctree-resolved", fill_lists)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
