"""Terms of the glossary are linked where a chapter first uses them: `python -m tools.terms FILES` adds missing links.

A term counts as used where it stands in running text: titles, tables, formulas, code, links, a prediction, the lines
under a chapter's title and its further reading do not count. A word that has an everyday sense, too, is never asked
for; `+WORD` among the files links it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tools.canonical import canonical

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "book" / "reference" / "glossary.md"
EVERYDAY = {"activation", "error", "gate", "head", "lens", "path", "reach", "stage", "twin", "width"}
OTHER_SENSE = r"filter out|is no loss|fragment, skip|texts skip|looks like chaos"  # no terms here
CODE = ("math", "code", "code-block", "figure", "image", "list-table")  # directives without running text
NOT_TEXT = re.compile(
    OTHER_SENSE
    + r"|<!--.*?-->|\\begin\{.*?\\end\{|\$\$.*?\$\$|(?<![\\$])\$[^$\n]+\$"  # comments, formulas
    r"|(?:\{[\w:-]+\})?(`+)(?!`).*?(?<!`)\1(?!`)"  # code and roles, links to terms among them
    r"|!?\[[^\]]*\]\([^)]*\)|\[[^\]]*\]\{[^}]*\}|^:[\w-]+:[^\n]*|^#[^\n]*|^ *\|[^\n]*|<[^>\n]+>",
    re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\{term\}`(?:[^`<]*<([^`>]+)>|([^`]+))`")


@dataclass(frozen=True)
class Term:
    """A term of the glossary, and what finds it in a text: its name or an abbreviation, in singular or plural."""

    name: str
    pattern: re.Pattern[str]


def terms(glossary: str) -> list[Term]:
    """The terms of a glossary, the longest first, so that no name is taken for a part of a longer one."""
    block = glossary.partition("```{glossary}\n")[2].partition("\n```")[0]
    names = [line for line in block.splitlines() if line and not line.startswith(" ")]
    short: dict[str, list[str]] = {}
    row = r"^\| ([^|]+?) \| \{term\}`(?:[^`<]*<)?([^`>]+)>?` \|"
    for abbreviation, name in re.findall(row, glossary, re.MULTILINE):
        short.setdefault(name, []).append(abbreviation)
    return [Term(name, found_by([name, *short.get(name, [])])) for name in sorted(names, key=len, reverse=True)]


def found_by(forms: list[str]) -> re.Pattern[str]:
    """Finds any of the forms, in the plural too; those without a capital letter also at the start of a sentence."""
    forms = forms + [form.replace("normalisation", "norm") for form in forms if form.endswith("normalisation")]

    def either(form: str) -> str:
        stem = re.escape(form.removesuffix("s") if form.endswith("images") else form)
        return (f"(?i:{stem})" if form == form.lower() else stem) + "(?:s|es)?"

    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(either, forms))})(?![\w-])")


def running(source: str) -> str:
    """The running text of Markdown, each character in its place; everything else is blank."""
    kept: list[str] = []
    fences: list[tuple[str, bool]] = []  # the open ones: their marks, and whether they hold running text
    lines = source.splitlines()
    for number, line in enumerate(lines):
        fence = re.match(r"\s*(`{3,}|:{3,})\s*(.*)", line)
        if fence and fences and not fence[2] and fence[1] == fences[-1][0]:
            fences.pop()
        elif fence:
            directive = re.match(r"\{([\w-]+)\}", fence[2])
            predict = number + 1 < len(lines) and re.match(r":class:.*\bpredict\b", lines[number + 1])
            fences.append((fence[1], directive is not None and directive[1] not in CODE and not predict))
        kept.append(line if not fence and all(holds for _, holds in fences) else " " * len(line))
    return NOT_TEXT.sub(lambda match: re.sub(r"[^\n]", "\0", match[0]), "\n".join(kept))


def texts(notebook: nbformat.NotebookNode) -> list[tuple[int, str]]:
    """The cells with running text, as number and text: all but the first up to the further reading."""
    found = []
    for number, cell in enumerate(notebook.cells):
        if number and cell.cell_type == "markdown":
            before, end, _ = cell.source.partition("## Further reading")
            found.append((number, before))
            if end:
                break
    return found


def first_uses(notebook: nbformat.NotebookNode, known: list[Term]) -> dict[str, tuple[int, int, int]]:
    """The terms whose first use is no link: the number of the cell, and where in its text the use begins and ends."""
    linked: set[str] = {name.lower() for one, two in LINK.findall(notebook.cells[0].source) if (name := one or two)}
    missing: dict[str, tuple[int, int, int]] = {}
    for number, source in texts(notebook):
        links = {match.start(): (match[1] or match[2]).lower() for match in LINK.finditer(source)}
        text, uses = running(source), []
        for term in known:
            for match in term.pattern.finditer(text):
                uses.append((match.start(), match.end(), term.name))
            text = term.pattern.sub(lambda match: "\0" * len(match[0]), text)
        for start, end, name in sorted([*uses, *((start, start, name) for start, name in links.items())]):
            if start == end:
                linked.add(name)
            elif name.lower() not in linked and name not in missing:
                missing[name] = (number, start, end)
    return missing


def unlinked(notebook: nbformat.NotebookNode, known: list[Term]) -> list[str]:
    """The places where a term is first used and not linked."""
    return [f'cell {number + 1} uses "{notebook.cells[number].source[start:end]}" first, without a link to the '
            "glossary: python -m tools.terms FILE adds it"
            for name, (number, start, end) in first_uses(notebook, known).items() if name not in EVERYDAY]


def link(notebook: nbformat.NotebookNode, known: list[Term], also: Set[str] = frozenset()) -> list[str]:
    """Link the first uses, in place; of everyday words those in `also`. Returns the links with what is around them."""
    said = []
    missing = {name: place for name, place in first_uses(notebook, known).items() if name not in EVERYDAY - also}
    for name, (number, start, end) in sorted(missing.items(), key=lambda entry: entry[1], reverse=True):
        cell = notebook.cells[number]
        text = cell.source[start:end]
        role = f"{{term}}`{text}`" if text == name else f"{{term}}`{text} <{name}>`"
        said.append(cell.source[max(0, start - 40):start].rpartition("\n")[2] + role
                    + cell.source[end:end + 30].partition("\n")[0])
        cell.source = cell.source[:start] + role + cell.source[end:]
    return said[::-1]


def main(names: list[str]) -> int:
    """Link the first uses in notebooks; returns the exit status."""
    known = terms(GLOSSARY.read_text(encoding="utf-8"))
    also = {name[1:] for name in names if name.startswith("+")}
    for path in (Path(name) for name in names if not name.startswith("+")):
        notebook = nbformat.read(path, as_version=4)
        for line in link(notebook, known, also):
            print(f"{path.stem}: … {line} …")
        path.write_text(canonical(nbformat.writes(notebook)), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
