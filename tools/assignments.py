"""Assignments from the chapters' exercises: `python -m tools.assignments` writes them to `_build/assignments`.

A folder there is a course of nbgrader: `source` has the instructor's notebooks, with solutions and the cells that are
marked; `release` has the students', which nbgrader makes from them; `nbgrader_config.py` makes `nbgrader autograde`
mark each answer in isolation. An assignment is a chapter. What a chapter checks by itself is marked by the same check;
the other exercises are marked by a person, with our solution beside them.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import symtable
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pybtex.database import Entry, parse_file

from tools.chapters import Chapter, Executed, chapters
from tools.marking import SETUP

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "book" / "_extensions"))

from citing import author_year  # noqa: E402

USUAL = {"torch", "nn", "functional", "math", "statistics", "numpy", "data", "networks", "training", "digits"}
COURSE = ROOT / "_build" / "assignments"
DIRECTIVE = r"^```\{((?:exercise|solution)-(?:start|end))\} *(.*)\n((?::.*\n)*)```\n?"

RULES = ("Run the first cell. Put each answer into its cell and nowhere else: it is marked after the first cell alone, "
         "in a process of its own. The cell below an answer checks it as often as you like. Hand in this file under "
         "its name.")
CONFIG = '''\
# Made by make assignments. make mark calls nbgrader in this folder.
import sys

sys.path.insert(0, {root!r})

c = get_config()
c.CourseDirectory.course_id = "residual-networks-measured"
c.CourseDirectory.root = {course!r}
c.ClearSolutions.code_stub = {{"python": "# Your lines stand here; this cell has to work after the first one alone."}}
c.ClearSolutions.text_stub = "Your answer stands here."
c.Autograde.autograde_preprocessors = [
    "tools.marking.Mark",  # in place of nbgrader's Execute
    "nbgrader.preprocessors.LimitOutput", "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties", "nbgrader.preprocessors.CheckCellMetadata"]
'''


@dataclass
class Exercise:
    """One exercise of a chapter: its text, where it is checked its first cell and the check, and its solution."""

    label: str
    kind: str  # as the chapter has it: "code, 10 minutes"
    question: str = ""
    stub: str = ""
    solution: list[tuple[str, str]] = field(default_factory=list)  # ("markdown" or "code", text), in order
    before: int = 0  # number of the cell before which it stands

    @property
    def points(self) -> int:
        """A point for five minutes; five where the chapter names no minutes."""
        minutes = re.search(r"(\d+) minutes", self.kind)
        return max(1, round(int(minutes[1]) / 5)) if minutes else 5

    @property
    def check(self) -> tuple[str, str] | None:
        """Name and argument of the check at the end of its first cell; None where a person has to judge."""
        last = ast.parse(self.stub).body[-1:] if self.stub else []
        match last:
            case [ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="exercises"), attr=name),
                                          args=[argument]))]:
                return name, ast.unparse(argument)
        return None

    @property
    def start(self) -> str:
        """The lines of its first cell before the check: names with dots in place of answers."""
        return "\n".join(self.stub.splitlines()[:-1])

    @property
    def code(self) -> str:
        """The lines of the solution up to its check, and what the check is given under the name that the first has."""
        assert self.check
        name, argument = self.check
        before: list[str] = []
        for text in (text for kind, text in self.solution if kind == "code"):
            for statement in ast.parse(text).body:
                match statement:
                    case ast.Assert(test=ast.Call(func=ast.Attribute(attr=called), args=[given])) if called == name:
                        there = ast.unparse(given)
                        return "\n".join([*needed(before, used(there)),
                                          *[f"{argument} = {there}"] * (there != argument)])
                before.append("\n".join(text.splitlines()[first_line(statement) - 1:statement.end_lineno]))
        raise ValueError(f"the solution of {self.label} checks nothing")


def needed(before: list[str], names: set[str]) -> list[str]:
    """Of these statements those that make or change what has these names, and what they take in turn."""
    kept: list[str] = []
    for text in reversed(before):
        changes = isinstance(ast.parse(text).body[0], ast.For | ast.While | ast.AugAssign | ast.Assign | ast.With)
        if defined(text) & names or (changes and "print(" not in text and used(text) & names):
            kept.insert(0, text)
            names = names | used(text)
    return kept


def first_line(statement: ast.stmt) -> int:
    """Of a function with decorators, the first of these."""
    return min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))])


def exercises(chapter: Chapter) -> list[Exercise]:
    """The exercises of a chapter, in order."""
    found: list[Exercise] = []
    current, part = None, ""
    for number, cell in enumerate(chapter.notebook.cells):
        if cell.cell_type == "code":
            if current and part == "stub" and not current.stub:
                current.stub = cell.source
            elif current and part == "solution":
                current.solution.append(("code", cell.source))
            continue
        pieces = re.split(DIRECTIVE, cell.source + "\n", flags=re.MULTILINE)
        for text, piece in zip(pieces[::4], [None, *zip(pieces[1::4], pieces[2::4], pieces[3::4])], strict=True):
            if piece:
                directive, argument, options = piece
                if directive == "exercise-start":
                    label = re.search(r":label: *(\S+)", options)
                    assert label
                    current, part = Exercise(label[1], argument, before=number), "question"
                    found.append(current)
                elif directive == "exercise-end":
                    part = "stub"
                elif directive == "solution-start":
                    current, part = next(one for one in found if one.label == argument.strip()), "solution"
                else:
                    part = ""
            if current and text.strip():
                if part == "question":
                    current.question += text.strip()
                elif part == "solution":
                    current.solution.append(("markdown", text.strip()))
    return found


# What the answers may use ---------------------------------------------------------------------------------------

def defined(code: str) -> set[str]:
    """The names that some code gives a meaning outside of functions."""
    return {symbol.get_name() for symbol in symtable.symtable(code, "cell", "exec").get_symbols()
            if symbol.is_assigned() or symbol.is_imported()}


def used(code: str) -> set[str]:
    """The names that some code takes from around it, in its functions as well."""
    def walk(table: symtable.SymbolTable) -> Iterator[str]:
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
                yield symbol.get_name()
        for inner in table.get_children():
            yield from walk(inner)
    return set(walk(symtable.symtable(code, "cell", "exec")))


def statements(chapter: Chapter) -> Iterator[tuple[int, ast.stmt, str]]:
    """Every statement at the top of a code cell, with the cell's number and its text."""
    for number, cell in enumerate(chapter.notebook.cells):
        if cell.cell_type == "code" and "install" != cell.get("id"):
            for statement in ast.parse(cell.source).body:
                lines = cell.source.splitlines()
                yield number, statement, "\n".join(lines[first_line(statement) - 1:statement.end_lineno])


def setup(chapter: Chapter, parts: list[Exercise]) -> str:
    """What answers may use: common imports, and what the solutions take from the chapter, in its order."""
    there = list(statements(chapter))
    wanted: dict[int, str] = {}

    def want(names: set[str], before: int) -> None:
        """The last meaning that the chapter gives each name before a cell, and what that takes in turn."""
        for name in sorted(names):
            places = [place for place, (number, statement, text) in enumerate(there)
                      if number < before and name in defined(text)]
            if not places or places[-1] in wanted:
                continue
            number, statement, text = there[places[-1]]
            if isinstance(statement, ast.Import | ast.ImportFrom):
                wanted[places[-1]] = text
            elif isinstance(statement, ast.FunctionDef | ast.ClassDef) or cheap(statement):
                wanted[places[-1]] = text
                want(used(text) - {name}, number + 1)

    for part in parts:
        if part.check:
            want(used(part.code) - defined(part.code) | USUAL, part.before)
    return "\n".join(["from resnet_lib import exercises", *dict.fromkeys(wanted[place] for place in sorted(wanted))])


def cheap(statement: ast.stmt) -> bool:
    """A constant, or the digits: nothing that trains."""
    calls = {ast.unparse(node.func) for node in ast.walk(statement) if isinstance(node, ast.Call)}
    return isinstance(statement, ast.Assign | ast.AnnAssign) and calls <= {"data.load", "torch.tensor", "range", "dict"}


# Notebooks ------------------------------------------------------------------------------------------------------

def plain(text: str, glued: dict[str, str]) -> str:
    """Markdown without the book's own roles, for an editor that does not know them."""
    def value(match: re.Match[str]) -> str:
        key = match[1].rpartition("::")[2].partition(":")[0]
        return glued.get(key, "…")
    text = re.sub(r"\{glue:text\}`([^`]*)`", value, text)
    text = re.sub(r" ?\{cite:p\}`[^`]*`", "", text)
    text = re.sub(r"\{cite:t\}`([^`]*)`", lambda match: author(match[1]), text)
    text = re.sub(r"\{[\w:-]+\}`([^`<]*?)(?: *<[^>`]*>)?`", r"\1", text)
    return re.sub(r"\]\((?!http|#)[^)]*\)", "]", text).replace("[", "").replace("]", "") if "](" in text else text


def author(key: str) -> str:
    """Names and year of a work, as the book cites it: He et al. (2016)."""
    return re.sub(r", (\d{4})$", r" (\1)", author_year(works()[key]))


@cache
def works() -> Mapping[str, Entry]:
    """The bibliography."""
    return parse_file(str(ROOT / "book" / "references.bib")).entries


def graded(name: str, kind: str, *, grade: bool, solution: bool, points: int = 0) -> dict[str, dict[str, object]]:
    """A cell's metadata for nbgrader."""
    known: dict[str, object] = {"schema_version": 3, "grade_id": name, "grade": grade, "solution": solution,
                                "locked": not solution, "task": False, "cell_type": kind}
    return {"nbgrader": known | {"points": points} if grade else known}


def between(text: str) -> str:
    return f"### BEGIN SOLUTION\n{text}\n### END SOLUTION"


def notebook(chapter: Chapter, glued: dict[str, str]) -> nbformat.NotebookNode:
    """The instructor's notebook: questions, solutions, and the cells that are marked."""
    title = chapter.notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    parts = exercises(chapter)
    cells = [
        new_markdown_cell(f"# Exercises: {title}\n\n{RULES}"),
        new_code_cell(setup(chapter, parts),
                      metadata=graded(SETUP, "code", grade=False, solution=False))]
    for number, part in enumerate(parts, 1):
        worth = "point" if part.points == 1 else "points"
        heading = f"## {number}. {part.kind[:1].upper()}{part.kind[1:]} ({part.points} {worth})"
        cells.append(new_markdown_cell(
            f"{heading}\n\n{plain(part.question, glued)}",
            metadata=graded(f"{part.label}-question", "markdown", grade=False, solution=False)))
        written = "\n\n".join(plain(text, glued) if kind == "markdown" else f"```python\n{text}\n```"
                              for kind, text in part.solution)
        if part.check:
            name, argument = part.check
            call = f"exercises.{name}({argument})"
            cells += [
                new_code_cell(f"{part.start}\n{between(part.code)}",
                              metadata=graded(part.label, "code", grade=False, solution=True)),
                new_code_cell(call),
                new_code_cell(f"# Marked: {part.points} {worth}.\n### BEGIN HIDDEN TESTS\nassert {call}\n"
                              "### END HIDDEN TESTS", metadata=graded(
                                  f"{part.label}-check", "code", grade=True, solution=False, points=part.points))]
        else:
            cells.append(new_markdown_cell(between(written), metadata=graded(
                part.label, "markdown", grade=True, solution=True, points=part.points)))
    for place, cell in enumerate(cells):
        cell.id = f"cell-{place}"
    return new_notebook(cells=cells, metadata={"kernelspec": {
        "display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}})


def values(chapter: Chapter, root: Path = ROOT) -> dict[str, str]:
    """What the executed chapter glues, as text; nothing where it was not executed."""
    executed = Executed(root / "_build" / ".jupyter_cache").notebook(chapter)
    found: dict[str, str] = {}
    for cell in executed.cells if executed else []:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            text = next((shown for kind, shown in output.get("data", {}).items() if kind.endswith("text/plain")), None)
            if name and text is not None:
                try:
                    found[name] = f"{float(text):.3g}"
                except ValueError:
                    found[name] = text.strip("'")
    return found


def write(course: Path = COURSE, root: Path = ROOT, only: str | None = None) -> list[str]:
    """Writes the course folder; returns the assignments' names."""
    shutil.rmtree(course / "source", ignore_errors=True)
    course.mkdir(parents=True, exist_ok=True)
    (course / "nbgrader_config.py").write_text(CONFIG.format(root=str(root), course=str(course)), encoding="utf-8")
    names = []
    for chapter in chapters(root):
        if only is None or only == chapter.name:
            name = chapter.path.stem
            folder = course / "source" / name
            folder.mkdir(parents=True)
            nbformat.write(notebook(chapter, values(chapter, root)), folder / f"{name}.ipynb")
            names.append(name)
    return names


def nbgrader(course: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Calls nbgrader in the course folder; PATH finds what nbgrader itself calls by name."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run([sys.executable, "-m", "nbgrader", *arguments], cwd=course, env={**os.environ, "PATH": path},
                          capture_output=True, text=True)


def release(course: Path, names: list[str]) -> None:
    """Makes the students' notebooks, and enters the assignments into nbgrader's gradebook."""
    for name in names:
        made = nbgrader(course, "generate_assignment", name, "--force")
        if made.returncode:
            raise SystemExit(f"nbgrader could not make the assignment {name}:\n{made.stderr.strip()}")


def mark(course: Path, names: list[str]) -> Iterator[str]:
    """Marks what was handed in, writes feedback and the table of marks; yields what the instructor has to know."""
    for name in names:
        yield from (line for line in nbgrader(course, "autograde", name).stderr.splitlines() if "ERROR" in line)
        nbgrader(course, "generate_feedback", name, "--force")
    nbgrader(course, "export", "--to", "marks.csv")


def main() -> None:
    """`python -m tools.assignments [CHAPTER]` makes assignments; `… mark [ASSIGNMENT …]` marks what was handed in."""
    if sys.argv[1:2] == ["mark"]:
        names = sys.argv[2:] or sorted({path.parent.name for path in (COURSE / "submitted").glob("*/*/*.ipynb")})
        if not names:
            raise SystemExit(f"Nothing was handed in: {COURSE / 'submitted'}/STUDENT/ASSIGNMENT is where it belongs.")
        for line in mark(COURSE, names):
            print(line, file=sys.stderr)
        print(f"Marks: {COURSE / 'marks.csv'}\nFeedback: {COURSE / 'feedback'}")
        return
    names = write(only=sys.argv[1] if sys.argv[1:] else None)
    release(COURSE, names)
    print(f"{len(names)} assignments. For students: {COURSE / 'release'}\nWith solutions: {COURSE / 'source'}\n"
          f"Put what is handed in into {COURSE / 'submitted'}/STUDENT/ASSIGNMENT, then call make mark.")


if __name__ == "__main__":
    main()
