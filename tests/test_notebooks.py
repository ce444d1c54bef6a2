"""The rules on the book's notebooks and pages, and that each rule catches a notebook that breaks it."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import rules
from tools.canonical import canonical, install_cell, repository, with_install_cell
from tools.chapters import Chapter, Executed, chapters, toc_files

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = chapters(ROOT)
PAGES = [path for name in toc_files(ROOT) if (path := ROOT / f"{name}.md").exists()]


def kept(problems: list[str], file: Path) -> None:
    """Fails with the places where a rule is broken."""
    if problems:
        pytest.fail("\n".join(f"{file.relative_to(ROOT)}: {problem}" for problem in problems), pytrace=False)


def name(thing: Chapter | Path) -> str:
    path = thing.path if isinstance(thing, Chapter) else thing
    return str(path.relative_to(ROOT / "book"))


every_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=name)
every_page = pytest.mark.parametrize("page", PAGES, ids=name)


@pytest.fixture
def executed(chapter):
    notebook = Executed(ROOT / "_build" / ".jupyter_cache").notebook(chapter)
    if notebook is None:
        pytest.skip("not executed: see make test")
    return notebook


# The book keeps the rules ---------------------------------------------------------------------------------------

def test_table_of_contents_names_every_file():
    kept(rules.not_listed(ROOT, toc_files(ROOT)), ROOT / "_toc.yml")


@every_chapter
def test_stored_in_canonical_form(chapter):
    kept(rules.not_canonical(chapter.path.read_bytes().decode("utf-8")), chapter.path)


@every_chapter
def test_installs_the_package_where_it_is_missing(chapter):
    kept(rules.wrong_install_cell(chapter.notebook, repository()), chapter.path)


@every_chapter
def test_has_the_parts_of_a_chapter(chapter):
    kept(rules.missing_parts(chapter.notebook), chapter.path)


@every_chapter
def test_links_name_chapters_by_their_titles_and_needs_come_first(chapter):
    titles = {one.name: one.notebook.cells[0].source.splitlines()[0].removeprefix("# ") for one in CHAPTERS}
    kept(rules.wrong_links(chapter.notebook, chapter.name, titles), chapter.path)


@every_chapter
def test_quizzes_do_not_give_themselves_away(chapter):
    kept(rules.wrong_quizzes(chapter.notebook), chapter.path)


@every_chapter
def test_figures_are_described_in_the_code(chapter):
    kept(rules.figures_without_alt(chapter.notebook), chapter.path)


@every_chapter
def test_pictures_have_alt_text(chapter, executed):
    kept(rules.images_without_alt(executed), chapter.path)


@every_chapter
def test_widgets_have_a_static_form(chapter, executed):
    kept(rules.dead_widgets(executed), chapter.path)


@every_chapter
def test_nothing_broke(chapter, executed):
    kept(rules.tracebacks(executed), chapter.path)


@every_chapter
def test_results_are_glued_not_typed(chapter):
    kept([f"cell {number}: {problem}" for number, cell in rules.cells(chapter.notebook, "markdown")
          for problem in rules.typed_results(cell.source)], chapter.path)


@every_chapter
def test_glue_of_a_chapter_names_what_is_there(chapter):
    kept([f"cell {number}: {problem}" for number, cell in rules.cells(chapter.notebook, "markdown")
          for problem in rules.wrong_glue(cell.source, chapter.path)], chapter.path)


@every_chapter
def test_chapter_is_finished(chapter):
    kept([f"cell {number}, {problem}" for number, cell in enumerate(chapter.notebook.cells, 1)
          for problem in rules.unfinished(cell.source)], chapter.path)


@every_page
def test_page_is_finished(page):
    kept(rules.unfinished(page.read_text(encoding="utf-8")), page)


@every_page
def test_glue_of_a_page_names_what_is_there(page):
    kept(rules.wrong_glue(page.read_text(encoding="utf-8"), page), page)


ANSWERS = ["faq", "tools", *sorted(path.stem for pattern in ("wrap-up*", "instructors*")
                                   for path in (ROOT / "book" / "reference").glob(f"{pattern}.md"))]


@pytest.mark.parametrize("name", ANSWERS)
def test_results_on_a_page_of_answers_are_glued(name):
    page = ROOT / "book" / "reference" / f"{name}.md"
    kept(rules.typed_results(page.read_text(encoding="utf-8")), page)


def test_every_question_of_the_faq_leads_to_a_measurement():
    page = ROOT / "book" / "reference" / "faq.md"
    _, *questions = page.read_text(encoding="utf-8").split("\n### ")
    kept([f'"{question.splitlines()[0]}" has no measured number, or no link to the section of a chapter'
          for question in questions
          if "{glue:text}`" not in question or not re.search(r"\]\(\.\./[\w/-]+\.ipynb#", question)], page)
    assert len(questions) >= 24


# Each rule catches what breaks it -------------------------------------------------------------------------------

def code(source: str = "1", *outputs: nbformat.NotebookNode, **metadata) -> nbformat.NotebookNode:
    return new_notebook(cells=[new_code_cell(source, outputs=list(outputs), metadata=metadata)])


def shown(**data: str) -> nbformat.NotebookNode:
    return new_output("display_data", {key.replace("_", "/", 1): value for key, value in data.items()})


def test_canonical_form_drops_what_an_editor_leaves():
    notebook = code("x = 1\n", new_output("stream", text="hello"), tags=["keep"], scrolled=True)
    notebook.metadata["widgets"] = {"state": {}}
    notebook.cells[0].execution_count = 3
    text = canonical(nbformat.writes(notebook))
    cell = nbformat.reads(text, as_version=4).cells[0]
    assert cell.outputs == [] and cell.execution_count is None and cell.metadata == {"tags": ["keep"]}
    assert "widgets" not in text and text.endswith("}\n") and not text.endswith("\n\n")
    assert canonical(text) == text


def test_code_is_stored_folded_where_the_site_folds_it():
    """A cell that a reader has folded in JupyterLab, and one with folded outputs, are stored as others are."""
    folded = {"jupyter": {"source_hidden": True, "outputs_hidden": True}}
    for tags, kept_of_it in (["hide-input"], {"source_hidden": True}), (["other"], None), ([], None):
        text = canonical(nbformat.writes(code(**folded, tags=tags)))
        assert nbformat.reads(text, as_version=4).cells[0].metadata.get("jupyter") == kept_of_it
        assert canonical(text) == text


def test_cell_ids_stay_and_missing_ones_do_not_change():
    notebook = code()
    assert canonical(nbformat.writes(notebook)).count(f'"{notebook.cells[0].id}"') == 1
    old = '{"cells": [{"cell_type": "markdown", "metadata": {}, "source": "a"}], "metadata": {}, ' \
          '"nbformat": 4, "nbformat_minor": 4}'
    assert canonical(canonical(old)) == canonical(old)


@pytest.mark.parametrize("change, says", [
    (lambda cell: cell.outputs.append(new_output("stream", text="hello")), "cell 1 has outputs"),
    (lambda cell: cell.update(execution_count=4), "cell 1 has an execution count"),
    (lambda cell: cell.metadata.update(collapsed=True), "not in canonical form"),
])
def test_other_forms_are_caught(change, says):
    notebook = nbformat.reads(canonical(nbformat.writes(code())), as_version=4)
    assert rules.not_canonical(canonical(nbformat.writes(notebook))) == []
    change(notebook.cells[0])
    [problem] = rules.not_canonical(nbformat.writes(notebook))
    assert says in problem


def test_indentation_is_part_of_the_form():
    text = canonical(nbformat.writes(code()))
    assert rules.not_canonical(text.replace("\n ", "\n  "))


ADDRESS = "https://github.com/somebody/book"


def test_a_missing_or_other_install_cell_is_caught_and_put_right():
    bare = canonical(nbformat.writes(new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell("1")])))
    for text in (bare, with_install_cell(bare, ""), with_install_cell(with_install_cell(bare, "x"), "y")):
        assert len(rules.wrong_install_cell(nbformat.reads(text, as_version=4), ADDRESS)) == 1
        right = with_install_cell(text, ADDRESS)
        notebook = nbformat.reads(right, as_version=4)
        assert rules.wrong_install_cell(notebook, ADDRESS) == [] and rules.not_canonical(right) == []
        assert [cell.source for cell in notebook.cells[::2]] == ["# Title", "1"] and len(notebook.cells) == 3
        notebook.cells[1].metadata.tags = []
        assert len(rules.wrong_install_cell(notebook, ADDRESS)) == 1


def run_install_cell(address, monkeypatch, there=False):
    """Run the cell in IPython, where pip is replaced: what was asked of pip, and what an error shows."""
    from importlib import util

    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell, asked = InteractiveShell(config=Config(HistoryManager={"enabled": False})), []
    shell.register_magic_function(asked.append, magic_name="pip")
    monkeypatch.setattr(util, "find_spec", lambda name: object() if there else None)
    result = shell.run_cell(install_cell(address).source)
    return asked, result.error_in_exec


def test_the_install_cell_installs_from_the_repository(monkeypatch):
    assert run_install_cell(ADDRESS, monkeypatch) == (["install --quiet git+https://github.com/somebody/book"], None)
    assert run_install_cell(ADDRESS, monkeypatch, there=True) == ([], None)
    assert run_install_cell("", monkeypatch, there=True) == ([], None)


def test_the_install_cell_says_what_to_do_when_no_repository_is_known(monkeypatch):
    asked, error = run_install_cell("", monkeypatch)
    [shown] = error._render_traceback_()
    assert asked == [] and shown.startswith("This notebook needs the package resnet_lib: get a copy") \
        and "\n" not in shown


def test_missing_parts_are_caught():
    problems = rules.missing_parts(new_notebook(cells=[new_markdown_cell("# A chapter")]))
    assert len(problems) == 10 and "no quiz (explorers.quiz)" in problems
    exercise = "```{exercise-start} Paper (5 minutes)\n:label: first\n```"
    problems = rules.missing_parts(new_notebook(cells=[new_markdown_cell(exercise)]))
    assert "exercise first has no solution" in problems
    assert "1 exercises, at least 3 are needed" in problems


def test_wrong_titles_and_needs_that_come_later_are_caught():
    titles = {"concepts/depth": "Why are deeper networks worse?", "networks/plain": "What is it made of, and why?"}

    def found(text, name="concepts/depth"):
        return rules.wrong_links(new_notebook(cells=[new_markdown_cell(text)]), name, titles)

    assert found("See [Of what is it made?](../networks/plain.ipynb)") \
        == ['"Of what is it made?" leads to the chapter "What is it made of, and why?"']
    assert found("**You need** [the plain network](../networks/plain.ipynb).") \
        == ["needs networks/plain, which stands behind it"]
    assert found("**You need** [depth](../concepts/depth.ipynb#one).", "networks/plain") == []
    assert found("[What is it made of?](../networks/plain.ipynb), [later](plain.ipynb)") == []


def test_a_quiz_whose_answers_can_be_read_is_caught():
    hidden, folded = {"tags": ["hide-input"]}, {"jupyter": {"source_hidden": True}}
    quiz = 'explorers.quiz(\n    "first", "Why?", [])'
    assert rules.wrong_quizzes(code(quiz, **hidden, **folded)) == []
    for metadata in ({}, hidden, folded):
        [problem] = rules.wrong_quizzes(code(quiz, **metadata))
        assert problem.startswith("cell 1 shows the answers of the quiz first")
    twice = new_notebook(cells=[code(quiz, **hidden, **folded).cells[0] for _ in range(2)])
    assert rules.wrong_quizzes(twice) == ["cell 2 has a second quiz called first"]
    assert not any("quiz" in problem for problem in rules.missing_parts(twice))


def test_figures_without_description_are_caught():
    for call in ("show", "figure"):
        assert rules.figures_without_alt(code(f"plots.{call}(draw)")) == ["cell 1 draws a figure without alt="]
    assert rules.figures_without_alt(code('plots.show(draw, alt="a line that falls")')) == []


@pytest.mark.parametrize("page", ["<img src=x>", '<img alt="" src=x>', "<IMG alt=' ' src=x>", "<svg>",
                                  '<svg role="img" aria-label=" ">'])
def test_images_without_alt_text_are_caught(page):
    assert rules.images_without_alt(code("1", shown(text_html=page)))


def test_images_with_alt_text_pass():
    assert rules.images_without_alt(code("1", shown(text_html='<img src=x alt="a line">'))) == []
    assert rules.images_without_alt(code("1", shown(text_html='<svg role="img" aria-label="a line">'))) == []
    assert rules.images_without_alt(code("1", shown(image_png="AAAA")))
    assert rules.images_without_alt(
        code("1", shown(image_png="AAAA"), mystnb={"image": {"alt": "a line"}})) == []


def test_widgets_without_html_are_caught():
    widget = new_output("display_data", {rules.WIDGET: {}})
    assert rules.dead_widgets(code("1", widget))
    assert not rules.dead_widgets(code("1", new_output("display_data", {rules.WIDGET: {}, "text/html": "<div>"})))


def test_tracebacks_are_caught():
    error = new_output("error", ename="ValueError", evalue="no", traceback=[])
    assert rules.tracebacks(code("1", error)) == ["cell 1 ends in ValueError"]
    assert rules.tracebacks(code("1", error, tags=["raises-exception"])) == []


@pytest.mark.parametrize("text", [
    "The network reaches 91.3 % on the test images.",
    "It is worse by 12 percentage points.",
    "The gradient is 40 times larger.",
    "The final loss is 0.03.",
    "An error of about 12 remains.",
    "| network | error |\n|---|---|\n| plain | 27.9 % |",
    "```{note}\nIt gains 3 points.\n```",
    "First sentence {cite}`he2016`. The second has 12 % without one.",
])
def test_typed_results_are_caught(text):
    assert len(rules.typed_results(text)) == 1


@pytest.mark.parametrize("text", [
    "The network reaches {glue:text}`depth.ipynb::error:.1f` % on the test images.",
    "In the paper the error is 27.9 % {cite}`he2016`.",
    "| network | error {cite}`he2016` |\n|---|---|\n| plain | 27.9 % |",
    "`x % 3` and $27.9\\%$ are no results.",
    "```python\nerror = 12 % 5\n```",
    "```{admonition} Predict\n:class: predict\nWhich?\n- a) about 10 %\n- b) 50 %\n```",
    "We use a learning rate of 0.1 and 20 layers, as in Table 6.",
])
def test_other_numbers_pass(text):
    assert rules.typed_results(text) == []


@pytest.mark.parametrize("text, says", [
    ("{glue:}`key`", "not of the form"),
    ("{glue:text}`key:.1f`", "not of the form"),
    ("{glue:text}`absent.ipynb::key:.1f`", "not there"),
    ("{glue:text}`there.ipynb::key`", "no format"),
    ("{glue:text}`there.ipynb::other:.1f`", "no cell of there.ipynb"),
])
def test_wrong_glue_is_caught(tmp_path, text, says):
    nbformat.write(code('claim("key", 1)'), tmp_path / "there.ipynb")
    assert rules.wrong_glue("{glue:text}`there.ipynb::key:.1f`", tmp_path / "page.md") == []
    [problem] = rules.wrong_glue(text, tmp_path / "page.md")
    assert says in problem


def test_unfinished_text_is_caught():
    assert rules.unfinished("Good.\n# TODO: more") == ['line 2 says "TODO"']
    assert rules.unfinished("A todo-free page about methods.") == ['line 1 says "todo"']
    assert rules.unfinished("A finished page.") == []


def test_files_outside_the_table_of_contents_are_caught(tmp_path):
    (tmp_path / "book" / "_static").mkdir(parents=True)
    for file in ("index.md", "extra.ipynb", "_static/notes.md"):
        (tmp_path / "book" / file).write_text("")
    assert rules.not_listed(tmp_path, ["book/index", "book/absent"]) == [
        "book/extra is not in _toc.yml", "_toc.yml names book/absent, which is not there"]
