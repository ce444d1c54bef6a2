"""Citations by author and year, with a letter where two works share both: (He et al., 2016a)."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle as AuthorYearTitle
from pybtex.style.template import Node, sentence
from pybtex.style.template import field as bibliography_field
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.plugin import register_plugin as register_reference_style
from sphinxcontrib.bibtex.style.referencing import BracketStyle, GroupReferenceStyle, PersonStyle
from sphinxcontrib.bibtex.style.referencing.basic_label import (
    BasicLabelParentheticalReferenceStyle,
    BasicLabelTextualReferenceStyle,
)
from sphinxcontrib.bibtex.style.template import join, reference
from sphinxcontrib.bibtex.style.template import node as template_node


def who(entry: Entry) -> str:
    """The names before the year in a label, "He et al."; the title where nobody is named."""
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [" ".join(person.prelast_names + person.last_names) for person in people]
    if not names:
        named = Text.from_latex(entry.fields["title"].split(":")[0]).render_as("text")
    elif len(names) > 2 or names[-1] == "others":
        named = f"{names[0]} et al."
    else:
        named = " and ".join(names)
    return str(Text.from_latex(named).render_as("text"))


def author_year(entry: Entry) -> str:
    """The label of an entry before letters, "He et al., 2016"."""
    return ", ".join(part for part in (who(entry), entry.fields.get("year")) if part)


def with_letters(labels: Iterable[str]) -> list[str]:
    """Labels made different: "a", "b", … appended, in order, to those that occur more than once."""
    labels = list(labels)
    count, seen = Counter(labels), Counter[str]()
    different = []
    for label in labels:
        different.append(label + chr(ord("a") + seen[label]) if count[label] > 1 else label)
        seen[label] += 1
    return different


class AuthorLabel(BaseLabelStyle):
    """pybtex label style: author and year."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        yield from with_letters(author_year(entry) for entry in sorted_entries)


class LabelOrder(AuthorYearTitle):
    """pybtex sorting style: as the labels are read, without regard to capitals and accents; then by all authors."""

    def sorting_key(self, entry: Entry) -> tuple[str, ...]:
        letters = unicodedata.normalize("NFKD", who(entry).casefold())
        plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
        return (plain, entry.fields.get("year", ""), *super().sorting_key(entry))


class AuthorLabelStyle(PlainStyle):
    """pybtex bibliography style: plain, labelled by author and year and in the order of the labels."""

    default_label_style = AuthorLabel
    default_sorting_style = LabelOrder

    def format_title(self, e: Entry, which_field: str, as_sentence: bool = True) -> Node:
        title = bibliography_field(which_field)
        return sentence[title] if as_sentence else title


@template_node
def year_and_letter(children: list, data: dict[str, Any]) -> Text:
    """Template: the part of a label that follows the names, "2016a"."""
    return Text(data["formatted_entry"].label.rsplit(", ", 1)[-1])


@dataclass
class TextualStyle(BasicLabelTextualReferenceStyle):
    """In the sentence: He et al. (2016a)."""

    def inner(self, role_name: str) -> Node:
        names = self.person.author_or_editor_or_title(full="s" in role_name)
        return join(sep=" ")[names, join["(", reference[year_and_letter], ")"]]


@dataclass
class AuthorLabelReferenceStyle(GroupReferenceStyle):
    """(He et al., 2016a) for cite:p and He et al. (2016a) for cite:t."""

    bracket: BracketStyle = field(default_factory=lambda: BracketStyle(left="(", right=")", sep="; "))
    person: PersonStyle = field(default_factory=lambda: PersonStyle(other=" et al."))

    def __post_init__(self) -> None:
        self.styles = [BasicLabelParentheticalReferenceStyle(bracket=self.bracket),
                       TextualStyle(bracket=self.bracket, person=self.person)]
        super().__post_init__()


def setup(app: Sphinx) -> dict[str, Any]:
    register_plugin("pybtex.style.labels", "author_label", AuthorLabel)
    register_plugin("pybtex.style.sorting", "author_label", LabelOrder)
    register_plugin("pybtex.style.formatting", "author_label", AuthorLabelStyle)
    register_reference_style(
        "sphinxcontrib.bibtex.style.referencing", "author_label", AuthorLabelReferenceStyle)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
