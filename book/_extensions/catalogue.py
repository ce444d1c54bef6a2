"""What there is to look at and to do: the book's figures, explorers and exercises, by chapter.

The directives `{list-of-figures}`, `{list-of-explorers}` and `{list-of-exercises}` are filled, from the pages as they
were read, when the page that holds them is written; such a page is written in every build. So is `{list-of-tasks}`:
each page's predictions, questions and exercises, to which `scripts/progress.js` adds what the reader has done.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from docutils import nodes
from docutils.utils import new_document
from measured import curled, reading_order
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from resnet_lib import explorers

FIGURE = re.compile(r'<figure (?:id="([\w-]+)" )?class="measured">(.*?)</figure>', re.DOTALL)
EXPLORER = re.compile(r'<div (?:id="([\w-]+)" )?data-explorer="([\w-]+)">')
ALT = re.compile(r'<svg[^>]*\baria-label="([^"]*)"')
END = re.compile(r"""[.?!]["”’)]*(?=\s+[^a-z\s]|\s*$)""")  # of a sentence; none begins with a small letter
TASK = re.compile(r"(Add|Choose|Describe|Diagnose|Enter|Fetch|Give|Mend|Predict|Put|Repair|Repeat|Train|Write)\b")
MARKED = re.compile(r"`([^`]+)`|\*([^\s*](?:[^*]*[^\s*])?)\*")  # in a question, as in explorers.marked
BRIEF = 50  # characters; what says less, as "Six rows." or "Add a row.", is given with its next sentence


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
    """Number a page's figures and predictions, name its explorers and questions, so that links can lead to them."""
    for number, box in enumerate(prediction_boxes(page), 1):
        box["ids"].append(f"predict-{number}")
    figures, there = 0, set[str]()
    for node in outputs(page):
        text = node.astext()
        if found := EXPLORER.search(text):
            name = found[2]
            if name == "quiz":
                state = quiz_state(text)
                text = printed_quiz(state).replace("<div", f'<div id="question-{state["name"]}"', 1)
            elif name not in there:
                text = text.replace(found[0], f'<div id="explorer-{name}" data-explorer="{name}">', 1)
            there.add(name)
        else:
            def numbered(_: re.Match[str]) -> str:
                nonlocal figures
                figures += 1
                return f'<figure id="figure-{figures}" class="measured">'

            text = re.sub(r'<figure class="measured">', numbered, text)
        node.children[:] = [nodes.Text(text)]


def printed_quiz(state: dict[str, Any]) -> str:
    """HTML of a question, with typographic quotation marks."""
    choices = [(curled(choice["text"]), choice["right"], curled(choice["feedback"])) for choice in state["choices"]]
    return str(explorers.quiz(state["name"], curled(state["question"]), choices).static())


# Entries --------------------------------------------------------------------------------------------------------

def figures(page: nodes.document) -> Iterator[Entry]:
    """A page's figures: the section in which each stands, with a number from its second on; what is seen on them."""
    there = Counter[str]()
    for node in outputs(page):
        text = node.astext()
        if not EXPLORER.search(text):
            for anchor, content in FIGURE.findall(text):
                if anchor:
                    name = section_of(node)
                    there[name] += 1
                    again = f" ({there[name]})" if there[name] > 1 else ""
                    yield Entry(anchor, name + again, [nodes.Text(seen(content))])


def section_of(node: nodes.Node) -> str:
    """The title of the section in which something stands."""
    while not isinstance(node, nodes.section):
        node = node.parent
    return node.next_node(nodes.title).astext()


def seen(figure: str) -> str:
    """A figure's description up to the end of its first sentence, or of the next where that is brief."""
    found = ALT.search(figure)
    description = curled(html.unescape(found[1])) if found else ""
    end = END.search(description, BRIEF)
    return description[:end.end()] if end else description


def listed_explorers(page: nodes.document) -> Iterator[Entry]:
    """A page's explorers, by the title that the reader sees; the questions do not count."""
    for node in outputs(page):
        text = node.astext()
        if (found := EXPLORER.search(text)) and found[1] and found[2] != "quiz":
            script = (explorers.FOLDER / f"{found[2]}.js").read_text(encoding="utf-8")
            shown = re.search(r'\bbegin\(el, "([^"]+)"', script)
            yield Entry(found[1], shown[1] if shown else found[2], [nodes.Text(seen(text))])


def exercises(page: nodes.document) -> Iterator[Entry]:
    """A page's exercises: kind and minutes, and what is to be done."""
    for node in page.findall(nodes.Element):
        if type(node).__name__ in ("exercise_node", "exercise_enumerable_node"):
            kind = next((child.astext() for child in node.findall(nodes.Element)
                         if type(child).__name__ == "exercise_subtitle"), "")
            yield Entry(node["ids"][0], kind, asked(node.findall(nodes.paragraph)))


def prediction_boxes(page: nodes.document) -> Iterator[nodes.Element]:
    return (node for node in page.findall(nodes.Element) if "predict" in node.get("classes", []))


def predictions(page: nodes.document) -> Iterator[Entry]:
    """A page's predictions: what is asked."""
    for number, box in enumerate(prediction_boxes(page), 1):
        paragraphs = [child for child in box.children if isinstance(child, nodes.paragraph)]
        yield Entry(f"predict-{number}", f"Prediction {number}", asked(paragraphs))


def quiz_state(output: str) -> dict[str, Any]:
    """What the script of a question knows of it."""
    found = re.search(r'<script type="application/json">(.*?)</script>', output, re.DOTALL)
    return {"name": "", "question": ""} | (json.loads(found[1]) if found else {})


def questions(page: nodes.document) -> Iterator[Entry]:
    """A page's questions, by the number that the reader sees."""
    found = [text for node in outputs(page) if 'data-explorer="quiz"' in (text := node.astext())]
    for number, text in enumerate(found, 1):
        state = quiz_state(text)
        paragraph = nodes.paragraph("", "", *inline(state["question"]))
        yield Entry(f"question-{state['name']}", f"Question {number}", asked([paragraph]))


def tasks(page: nodes.document) -> Iterator[Entry]:
    """What a page asks its reader to do."""
    yield from predictions(page)
    yield from questions(page)
    yield from exercises(page)


def inline(question: str) -> Iterator[nodes.Node]:
    """The text of a question, with its `code` and *emphasis*."""
    start = 0
    for found in MARKED.finditer(question):
        yield nodes.Text(question[start:found.start()])
        yield nodes.literal("", found[1]) if found[1] else nodes.emphasis("", found[2])
        start = found.end()
    yield nodes.Text(question[start:])


# Sentences ------------------------------------------------------------------------------------------------------

def asked(paragraphs: Iterable[nodes.Element]) -> list[nodes.Node]:
    """The first sentence of a task, and after it the one that says what is to be done, where that is another."""
    said = [sentence for paragraph in paragraphs for sentence in sentences(paragraph)]
    if not said:
        return []
    whole = [END.search(words(sentence)) is not None for sentence in said]
    told = [number for number, sentence in enumerate(said) if is_task(words(sentence))]
    number = told[0] if told else 0 if whole[-1] else len(said) - 1  # an open end is for the choices to fill
    if number == 0 and len(words(said[0])) < BRIEF:
        number = min(1, len(said) - 1)
    if number == 0:
        return said[0]
    gap = " " if number == 1 and whole[0] else " … "
    return [*said[0], nodes.Text(gap), *said[number]]


def is_task(sentence: str) -> bool:
    """Whether a sentence asks something or tells what to do."""
    return sentence.endswith("?") or TASK.match(sentence) is not None


def sentences(paragraph: nodes.Element) -> Iterator[list[nodes.Node]]:
    """The sentences of a paragraph, with their formulas, code, links and citations; what is quoted stays together."""
    begun: list[nodes.Node] = []
    for child in paragraph.children:
        if not isinstance(child, nodes.Text):
            begun.append(child)
            continue
        start = 0
        for end in END.finditer(text := child.astext()):
            piece = nodes.Text(text[start:end.end()])
            if not is_quoting(words([*begun, piece])):
                yield [*begun, piece]
                begun, start = [], end.end() + len(text[end.end():]) - len(text[end.end():].lstrip())
        if text[start:]:
            begun.append(nodes.Text(text[start:]))
    if begun:
        yield begun


def is_quoting(text: str) -> bool:
    """Whether a quotation is open at the end of a text."""
    return text.count("“") > text.count("”") or text.count('"') % 2 == 1


def words(inline: Iterable[nodes.Node]) -> str:
    return "".join(node.astext() for node in inline).strip()


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
    "figures": figures, "explorers": listed_explorers, "exercises": exercises, "tasks": tasks}


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
                                                 nodes.Text(" " if entry.name.endswith("?") else ": "), *entry.text))
             for entry in entries]
    return [heading, nodes.bullet_list("", *items)]


def numbered(entries: list[Entry], numbers: dict[str, tuple[int, ...]]) -> list[Entry]:
    """Exercises with the numbers that their pages show."""
    return [replace(entry, name=f"Exercise {'.'.join(map(str, numbers[entry.anchor]))}, {entry.name}")
            if entry.anchor in numbers else entry for entry in entries]


def link(text: str, address: str) -> nodes.reference:
    return nodes.reference("", text, refuri=address, internal=True)


def resolved(app: Sphinx, page: str, entries: list[Entry]) -> list[Entry]:
    """Entries with citations and measured numbers as their page shows them, and without links."""
    document = new_document(page)
    document += [nodes.paragraph("", "", *(node.deepcopy() for node in entry.text)) for entry in entries]
    texts = list(document.children)
    app.env.apply_post_transforms(document, page)
    return [replace(entry, text=without_links(text.children)) for entry, text in zip(entries, texts, strict=True)]


def fill_lists(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(ListPlaceholder)):
        filled: list[nodes.Node] = []
        for page in reading_order(app.env):
            entries = list(KINDS[place["kind"]](app.env.get_doctree(page)))
            if place["kind"] in ("exercises", "tasks"):
                entries = numbered(entries, app.env.toc_fignumbers.get(page, {}).get("exercise", {}))
            if entries:
                entries = resolved(app, page, entries)
                address = app.builder.get_relative_uri(docname, page)
                filled += listing(app.env.titles[page].astext(), address, entries)
                filled[-1]["classes"].append(place["kind"])  # scripts/progress.js looks for "tasks"
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
