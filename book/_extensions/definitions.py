"""What the glossary says of a term, in each page that links to it.

A page ends with the definitions to which it links, hidden; `definitions.js` shows one when its link is under the
pointer or has the focus. They stand in the page itself because a page that is opened from a folder can fetch no other.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

LINK = re.compile(r'href="[^"#]*#(term-[^"]+)"><span class="xref std std-term">')


def linked(body: str) -> list[str]:
    """The anchors of the terms to which a page links, each once, in the order of the page."""
    return list(dict.fromkeys(LINK.findall(body)))


def glossaries(env: BuildEnvironment) -> list[str]:
    """The pages on which terms are defined."""
    return sorted({page for (kind, _), (page, _) in env.get_domain("std").objects.items()
                   if kind == "term"})


def defined(glossary: nodes.document) -> dict[str, nodes.Element]:
    """Each term's anchor, and a copy of its definition: the term, then what is said of it, without links."""
    found: dict[str, nodes.Element] = {}
    for item in glossary.findall(nodes.definition_list_item):
        terms = [child for child in item.children if isinstance(child, nodes.term)]
        for term in terms:
            for anchor in term["ids"]:
                found[anchor] = definition(term.astext(), item.children[-1])
    return found


def definition(name: str, said: nodes.Node) -> nodes.Element:
    """A container with what is said of a term, its name in front of the first paragraph."""
    box = nodes.container()
    box.extend(child.deepcopy() for child in said.children)
    for reference in list(box.findall(lambda node: isinstance(node, (addnodes.pending_xref, nodes.reference)))):
        reference.parent.replace(reference, reference.children)
    first = next(iter(box.findall(nodes.paragraph)), None)
    if first is not None:
        first.insert(0, [nodes.strong(text=name), nodes.Text(" ")])
    return box


def boxes(wanted: list[str], definitions: dict[str, str]) -> str:
    """HTML of the definitions `wanted`; a page without any gets nothing."""
    if not wanted:
        return ""
    inner = "".join(f'<div class="definition" id="definition-{anchor}" role="tooltip" hidden>{definitions[anchor]}'
                    "</div>" for anchor in wanted)
    return f'<div class="definitions">{inner}</div>'


def add_definitions(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Put the definitions after the text of a page."""
    if app.builder.format != "html" or not context.get("body"):
        return
    if wanted := linked(context["body"]):
        context["body"] += boxes(wanted, of_the_book(app))


def of_the_book(app: Sphinx) -> dict[str, str]:
    """HTML of every definition by anchor, made once a build."""
    made: dict[str, str] | None = getattr(app, "definitions_as_html", None)
    if made is None:
        made = {}
        for page in glossaries(app.env):
            for anchor, content in defined(app.env.get_doctree(page)).items():
                fragment = "".join(app.builder.render_partial(child)["fragment"]
                                   for child in content.children)
                made[anchor] = fragment.strip()
        app.definitions_as_html = made
    return made


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_definitions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
