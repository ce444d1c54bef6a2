"""Ways through the book: the minutes come from the chapters.

`{reading-path}`
    stops, one a line: a page, perhaps with `#` and a place on it and the minutes for it, and after a colon what is
    there. Without minutes the whole chapter is meant, with those that it states.
{place}`concepts/depth#the-same-network-longer`
    a link to that place, named as it is there.
`{term-plan} 13`
    all chapters in their order, dealt out to so many weeks as evenly as that allows, with their exercises.
`{lesson} concepts/depth`
    what a chapter says of itself: a link to it, its minutes to read and for the exercises, and its aims.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from catalogue import KINDS, exercises, link, without_links
from docutils import nodes
from measured import reading_order
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

logger = logging.getLogger(__name__)
MINUTES = re.compile(r"(\d+) minutes to read")
STOP = re.compile(r"(?P<page>[^\s#:]+)(?:#(?P<place>[^\s:]+))?(?:\s+(?P<minutes>\d+))?(?::\s+(?P<text>.+))?")


# Minutes --------------------------------------------------------------------------------------------------------

def to_read(page: nodes.document) -> int:
    """The minutes to read that a chapter states; 0 where it states none."""
    found = next((match for paragraph in page.findall(nodes.paragraph)
                  if (match := MINUTES.match(paragraph.astext()))), None)
    return int(found[1]) if found else 0


def to_solve(page: nodes.document) -> int:
    """The minutes that a chapter's exercises state; "an evening" does not count."""
    stated = (re.search(r"(\d+) minutes", entry.name) for entry in exercises(page))
    return sum(int(match[1]) for match in stated if match)


def aims(page: nodes.document) -> list[list[nodes.Node]]:
    """What a reader can do after a chapter, as the list at its head says it, without links."""
    for paragraph in page.findall(nodes.paragraph):
        following = paragraph.next_node(descend=False, siblings=True)
        if paragraph.astext() == "After this chapter you can" and isinstance(following, nodes.bullet_list):
            return [without_links(item.next_node(nodes.paragraph).children) for item in following]
    return []


def clock(minutes: int) -> str:
    """Minutes as "45 minutes" or "2 hours 5 minutes"."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{count} {name}{'s' * (count != 1)}" for count, name in ((hours, "hour"), (rest, "minute")) if count]
    return " ".join(parts) or "0 minutes"


def weeks(minutes: Sequence[int], count: int) -> list[list[int]]:
    """The numbers of the chapters of each week: in order, at most `count` weeks, the fullest as light as can be."""
    for most in range(max(minutes, default=0), sum(minutes) + 1):
        dealt: list[list[int]] = []
        for number, needed in enumerate(minutes):
            if dealt and sum(minutes[each] for each in dealt[-1]) + needed <= most:
                dealt[-1].append(number)
            else:
                dealt.append([number])
        if len(dealt) <= count:
            return dealt
    return []


def title_of(page: nodes.document, place: str) -> str | None:
    """What stands at an anchor of a page: the title of a section, or the name of a figure, explorer or exercise."""
    for section in page.findall(nodes.section):
        if place in section["ids"]:
            return section.next_node(nodes.title).astext()
    return next((entry.name for kind in KINDS.values() for entry in kind(page) if entry.anchor == place), None)


# Sphinx ---------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Stop:
    page: str
    place: str
    minutes: int
    text: str


class PathPlaceholder(nodes.General, nodes.Element):
    """Stands in the document tree where a way through the book will be listed."""


class PlaceLink(nodes.Inline, nodes.Element):
    """Stands in the document tree where a link to a place of another page will be."""


class PlaceRole(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        page, _, place = self.text.partition("#")
        self.env.metadata[self.env.docname]["lists_paths"] = "yes"
        return [PlaceLink(page=f"book/{page}", place=place)], []


class ReadingPath(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        stops = []
        for line in self.content:
            match = STOP.fullmatch(line.strip())
            if not match:
                raise self.error(f"not a stop of a reading path: {line!r}")
            stops.append(Stop(f"book/{match['page']}", match["place"] or "", int(match["minutes"] or 0),
                              match["text"] or ""))
        self.env.metadata[self.env.docname]["lists_paths"] = "yes"
        return [PathPlaceholder(stops=stops)]


class TermPlan(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["lists_paths"] = "yes"
        return [PathPlaceholder(weeks=int(self.arguments[0]))]


class Lesson(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["lists_paths"] = "yes"
        return [PathPlaceholder(lesson=f"book/{self.arguments[0]}")]


def lesson(app: Sphinx, name: str, docname: str) -> list[nodes.Node]:
    """A chapter with its minutes and its aims."""
    page = app.env.get_doctree(name) if name in app.env.all_docs else None
    can = aims(page) if page else []
    if page is None or not can:
        logger.warning("there is no chapter %s, or it names no aims", name, location=docname)
        return []
    return [nodes.paragraph("", "", link("The chapter", app.builder.get_relative_uri(docname, name)),
                            nodes.Text(f": {to_read(page)} minutes to read, {to_solve(page)} for the exercises. "
                                       "Afterwards a student can")),
            nodes.bullet_list("", *(nodes.list_item("", nodes.paragraph("", "", *aim)) for aim in can))]


def path(app: Sphinx, stops: Sequence[Stop], docname: str) -> list[nodes.Node]:
    """The stops as a numbered list, and the minutes of all."""
    items, total = [], 0
    for stop in stops:
        if stop.page not in app.env.all_docs:
            logger.warning("a reading path names %s, which is not there", stop.page, location=docname)
            continue
        page = app.env.get_doctree(stop.page)
        name = title_of(page, stop.place) if stop.place else app.env.titles[stop.page].astext()
        minutes = stop.minutes or to_read(page)
        if name is None or not minutes:
            logger.warning("a reading path names %s#%s, where there is nothing or no time stated", stop.page,
                           stop.place, location=docname)
            continue
        address = app.builder.get_relative_uri(docname, stop.page) + (f"#{stop.place}" if stop.place else "")
        said = f", {clock(minutes)}" + (f": {stop.text}" if stop.text else "")
        items.append(nodes.list_item("", nodes.paragraph("", "", link(name, address), nodes.Text(said))))
        total += minutes
    return [nodes.enumerated_list("", *items, enumtype="arabic", prefix="", suffix="."),
            nodes.paragraph("", "", nodes.strong(text=f"Together {clock(total)}."))]


def plan(app: Sphinx, count: int, docname: str) -> list[nodes.Node]:
    """The chapters of each week, with the minutes to read and for the exercises, and the minutes of all."""
    found = [(page, to_read(doctree), to_solve(doctree)) for page in reading_order(app.env)
             if to_read(doctree := app.env.get_doctree(page))]
    items = []
    for week in weeks([read + solve for _, read, solve in found], count):
        parts: list[nodes.Node] = []
        for number in week:
            page, read, solve = found[number]
            parts += [nodes.Text(" " if parts else ""),
                      link(app.env.titles[page].astext(), app.builder.get_relative_uri(docname, page)),
                      nodes.Text(f" ({read} minutes to read, {solve} for the exercises)"
                                 + ("" if number == week[-1] else ","))]
        items.append(nodes.list_item("", nodes.paragraph("", "", *parts)))
    reading, solving = (sum(entry[kind] for entry in found) for kind in (1, 2))
    return [nodes.enumerated_list("", *items, enumtype="arabic", prefix="", suffix="."),
            nodes.paragraph("", "", nodes.strong(text=f"Together {clock(reading)} to read and {clock(solving)} for "
                                                      f"the exercises, in {len(items)} weeks."))]


def fill_paths(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(PlaceLink)):
        page, place = node["page"], node["place"]
        name = title_of(app.env.get_doctree(page), place) if page in app.env.all_docs else None
        if name is None:
            logger.warning("there is no %s#%s", page, place, location=docname)
        node.replace_self(link(name, f"{app.builder.get_relative_uri(docname, page)}#{place}")
                          if name else nodes.Text(place))
    for place in list(doctree.findall(PathPlaceholder)):
        if "lesson" in place:
            place.replace_self(lesson(app, place["lesson"], docname))
        else:
            place.replace_self(path(app, place["stops"], docname) if "stops" in place
                               else plan(app, place["weeks"], docname))


def pages_with_paths(app: Sphinx, env: BuildEnvironment) -> list[str]:
    return [page for page, metadata in env.metadata.items() if metadata.get("lists_paths")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(PathPlaceholder)
    app.add_node(PlaceLink)
    app.add_role("place", PlaceRole())
    app.add_directive("reading-path", ReadingPath)
    app.add_directive("term-plan", TermPlan)
    app.add_directive("lesson", Lesson)
    app.connect("env-updated", pages_with_paths)
    app.connect("doctree-resolved", fill_paths)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
