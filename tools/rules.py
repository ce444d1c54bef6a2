"""The rules that every notebook and page of the book keeps.

Each function takes a notebook (and what else it needs) and returns the places where the rule is broken, as sentences
that name the cell; an empty list when it is kept. Cells are counted from 1, text and code together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import nbformat

from tools.canonical import canonical, folded, install_cell

WIDGET = "application/vnd.jupyter.widget-view+json"
UNFINISHED = re.compile(r"\b(TODO|FIXME|TBD|XXX|lorem ipsum|coming soon|to be written|to be done)\b", re.IGNORECASE)
CODE = ("math", "code", "code-block")  # directives whose content is no prose
PARTS = ("After this chapter you can", "You need", "## Check yourself", "What we measured", "Further reading")

# A measured result in prose: a percentage, points, "7 times as large", "×7", "a loss of 0.3", "the error is 12".
RESULT = re.compile(
    r"\d[\d.,]*\s?(?:%|‰|per ?cent\b|(?:percentage )?points?\b)"
    r"|\d[\d.,]*\s(?:times|fold)\s(?:as|more|less|larger|smaller|faster|slower|higher|lower|better|worse)\b"
    r"|[×x]\s?\d+[.,]\d+"
    r"|\b(?:loss|error|accuracy)\s(?:of|is|was|at|reaches|reached|(?:rises|falls|drops|grows|fell|rose) to)\s"
    r"(?:about |only |almost |nearly |around )?\d", re.IGNORECASE)


def cells(notebook: nbformat.NotebookNode, kind: str) -> Iterator[tuple[int, nbformat.NotebookNode]]:
    """The cells of one type with their numbers."""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == kind:
            yield number, cell


# Rules on what is stored ----------------------------------------------------------------------------------------

def not_canonical(text: str) -> list[str]:
    """The stored text differs from the one form in which notebooks are stored."""
    if text == canonical(text):
        return []
    notebook = nbformat.reads(text, as_version=4)
    stored = [f"cell {number} has outputs" for number, cell in cells(notebook, "code") if cell.outputs]
    counted = [f"cell {number} has an execution count" for number, cell in cells(notebook, "code")
               if cell.execution_count is not None and not cell.outputs]
    return stored + counted or ["not in canonical form (metadata, cell ids or layout); run make format"]


def wrong_install_cell(notebook: nbformat.NotebookNode, repository: str) -> list[str]:
    """The cell after the title is not the one that installs the package from `repository`."""
    if notebook.cells[1:2] == [install_cell(repository)]:
        return []
    return ["cell 2 is not the cell that installs the package from the repository in _config.yml; run make format"]


def missing_parts(notebook: nbformat.NotebookNode) -> list[str]:
    """The parts that every chapter has and this one lacks."""
    text = "\n".join(cell.source for _, cell in cells(notebook, "markdown"))
    problems = [f'no "{part}"' for part in PARTS if part.lower() not in text.lower()]
    exercises = re.findall(r"\{exercise(?:-start)?\}.*?:label:\s*(\S+)", text, re.DOTALL)
    solved = re.findall(r"\{solution(?:-start)?\}\s*(\S+)", text)
    if len(exercises) < 3:
        problems.append(f"{len(exercises)} exercises, at least 3 are needed")
    problems += [f"exercise {label} has no solution" for label in exercises if label not in solved]
    if not any("assert exercises." in cell.source for _, cell in cells(notebook, "code")):
        problems.append("no solution is checked (assert exercises.NAME(solution))")
    if not re.search(r"^:class:.*\bpredict\b", text, re.MULTILINE):
        problems.append("no prediction (an admonition of class predict)")
    if not any("explorers.quiz(" in cell.source for _, cell in cells(notebook, "code")):
        problems.append("no quiz (explorers.quiz)")
    slides = sum("slideshow" in cell.metadata for cell in notebook.cells)
    if slides < 5:
        problems.append(f"{slides} cells are marked for lectures (slideshow metadata), at least 5 are needed")
    return problems


def wrong_links(notebook: nbformat.NotebookNode, name: str, titles: dict[str, str]) -> list[str]:
    """Links to chapters under another title than theirs, and needed chapters that stand behind the one at hand.

    `name` is the chapter's, as in "concepts/depth"; `titles` has the title of every chapter, in the order of the book.
    """
    text = "\n".join(prose(cell.source) for _, cell in cells(notebook, "markdown"))
    problems, order = [], list(titles)

    def chapter(address: str) -> str:
        return (PurePosixPath(name).parent / address).name

    by_name = {PurePosixPath(one).name: one for one in order}
    for words, address in re.findall(r"\[([^\]]*)\]\(([^)#]*)\.ipynb", text):
        title = titles.get(by_name.get(chapter(address), ""), words)
        if words.endswith("?") and not title.startswith(words[:-1]):
            problems.append(f'"{words}" leads to the chapter "{title}"')
    needs = re.search(r"\*\*You need\*\*.*", text)
    for _, address in re.findall(r"\[([^\]]*)\]\(([^)#]*)\.ipynb", needs[0] if needs else ""):
        needed = by_name.get(chapter(address), name)
        if order.index(needed) > order.index(name):
            problems.append(f"needs {needed}, which stands behind it")
    return problems


def wrong_quizzes(notebook: nbformat.NotebookNode) -> list[str]:
    """Quizzes whose answers can be read in the code above them, and those that share a name with another."""
    problems, names = [], set[str]()
    for number, cell in cells(notebook, "code"):
        for name in re.findall(r"""explorers\.quiz\(\s*["']([^"']*)""", cell.source):
            if not folded(cell):
                problems.append(f"cell {number} shows the answers of the quiz {name}; it has to be tagged hide-input "
                                "and have source_hidden in its metadata")
            if name in names:
                problems.append(f"cell {number} has a second quiz called {name}")
            names.add(name)
    return problems


def figures_without_alt(notebook: nbformat.NotebookNode) -> list[str]:
    """Code that shows a figure without describing it."""
    return [f"cell {number} draws a figure without alt=" for number, cell in cells(notebook, "code")
            if re.search(r"\bplots\.(show|figure)\(", cell.source) and not re.search(r"\balt\s*=", cell.source)]


def unfinished(text: str) -> list[str]:
    """Words that mark a place as not finished."""
    return [f'line {number} says "{match[0]}"' for number, line in enumerate(text.splitlines(), 1)
            if (match := UNFINISHED.search(line))]


def prose(source: str) -> str:
    """The text of Markdown without code, mathematics, roles, comments, and the choices of a prediction."""
    lines: list[str] = []
    fences: list[tuple[str, bool]] = []  # the open ones: their marks, and whether their content is prose
    for line in source.splitlines():
        fence = re.match(r"\s*(`{3,}|:{3,})\s*(.*)", line)
        if fence and fences and not fence[2] and fence[1] == fences[-1][0]:
            fences.pop()
        elif fence:
            directive = re.match(r"\{([\w-]+)\}", fence[2])
            fences.append((fence[1], directive is not None and directive[1] not in CODE))
        elif re.match(r":class:.*\bpredict\b", line) and fences:
            fences[-1] = (fences[-1][0], False)
        elif all(is_prose for _, is_prose in fences):
            lines.append(line)
    text = re.sub(r"<!--.*?-->|\$\$.*?\$\$", "", "\n".join(lines), flags=re.DOTALL)
    text = re.sub(r"\{(?!cite)[\w:-]+\}`[^`]*`", " ", text)
    return re.sub(r"(?<!\})(`+)(?!`).*?\1|\$[^$\n]+\$", " ", text)


def typed_results(source: str) -> list[str]:
    """Sentences of Markdown with a typed result where `glue` belongs.

    A sentence, or a table, with a citation may have numbers: they are the paper's.
    """
    problems = []
    for paragraph in re.split(r"\n\s*\n", prose(source)):
        whole = paragraph.lstrip().startswith("|")
        for sentence in [paragraph] if whole else re.split(r"(?<=[.!?])\s+(?=[^a-z\d])|\n(?=\s*[-*] )", paragraph):
            if "{cite" not in sentence and (match := RESULT.search(sentence)):
                problems.append(f'"{match[0].strip()}" is typed; use glue, or cite its source in the same sentence')
    return problems


def wrong_glue(text: str, page: Path) -> list[str]:
    """Glue roles that are not `file.ipynb::key:format`, or whose file or key is not there; `page` holds them."""
    problems = []
    for role, target in re.findall(r"\{(glue:\w*|glue)\}`([^`]+)`", text):
        match = re.fullmatch(r"(?P<file>[^:]+\.ipynb)::(?P<key>[^:]+)(?P<format>:.+)?", target)
        if not match:
            problems.append(f"{{{role}}}`{target}` is not of the form file.ipynb::key")
            continue
        if role == "glue:text" and not match["format"]:
            problems.append(f"{{{role}}}`{target}` has no format and would show nothing: add one, such as :.1f")
        file = page.parent / match["file"]
        if not file.is_file():
            problems.append(f"{{{role}}}`{target}` names a notebook that is not there")
            continue
        code = "\n".join(cell.source for _, cell in cells(nbformat.read(file, as_version=4), "code"))
        if not re.search(rf"""["']{re.escape(match["key"])}["']""", code):
            problems.append(f"{{{role}}}`{target}`: no cell of {file.name} has a claim or glue called {match['key']}")
    return problems


# Rules on what was put out --------------------------------------------------------------------------------------

def images_without_alt(executed: nbformat.NotebookNode) -> list[str]:
    """Pictures among the outputs that a screen reader cannot tell."""
    problems = []
    for number, cell in cells(executed, "code"):
        described = (cell.metadata.get("mystnb", {}).get("image") or {}).get("alt", "").strip()
        for output in cell.outputs:
            data = output.get("data", {})
            page = "".join(data.get("text/html", ""))
            for image in re.findall(r"<img\b[^>]*>", page, re.IGNORECASE):
                if not re.search(r"""\balt=(?:"[^"]*\S[^"]*"|'[^']*\S[^']*')""", image):
                    problems.append(f"cell {number} puts out an <img> without alt text")
            for drawing in re.findall(r"<svg\b[^>]*>", page, re.IGNORECASE):
                if not re.search(r'''\baria-(?:label="[^"]*\S[^"]*"|hidden="true")''', drawing):
                    problems.append(f"cell {number} puts out an <svg> without aria-label")
            if not page and not described and any(key.startswith("image/") for key in data):
                problems.append(f"cell {number} puts out a picture without alt text (mystnb.image.alt in its metadata)")
    return problems


def dead_widgets(executed: nbformat.NotebookNode) -> list[str]:
    """Widgets among the outputs that show nothing on a page without a kernel."""
    return [f"cell {number} puts out a widget that has no HTML form" for number, cell in cells(executed, "code")
            for output in cell.outputs if WIDGET in output.get("data", {}) and "text/html" not in output["data"]]


def tracebacks(executed: nbformat.NotebookNode) -> list[str]:
    """Errors among the outputs of cells that do not announce one with the tag raises-exception."""
    return [f"cell {number} ends in {output.ename}" for number, cell in cells(executed, "code")
            for output in cell.outputs
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", [])]


# Rules on the table of contents ---------------------------------------------------------------------------------

def not_listed(root: Path, files: list[str]) -> list[str]:
    """Notebooks and pages under book/ that the table of contents (its `files`) does not name, and the reverse."""
    there = [path for pattern in ("*.ipynb", "*.md") for path in (root / "book").rglob(pattern)
             if not any(part.startswith(("_", ".")) for part in path.relative_to(root / "book").parts)]
    names = {path.relative_to(root).with_suffix("").as_posix() for path in there}
    return ([f"{name} is not in _toc.yml" for name in sorted(names - set(files))]
            + [f"_toc.yml names {name}, which is not there" for name in files if name not in names])
