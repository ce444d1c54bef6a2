"""The wrap-up quizzes and the instructors' pages: complete, fair to whoever guesses, and with marks that add up."""

import re
import sys
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from resnet_lib import explorers as library
from tools import rules
from tools.chapters import chapters, toc_files

pytest.importorskip("sphinx")
ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "book" / "reference"
sys.path.insert(0, str(ROOT / "book" / "_extensions"))

import explorers  # noqa: E402
import paths  # noqa: E402
from docutils import nodes  # noqa: E402
from sphinx.util.docutils import new_document  # noqa: E402

PARTS = ["concepts", "mathematics", "networks", "understanding", "practice"]
QUIZZES = {name: (REFERENCE / f"wrap-up-{name}.md").read_text(encoding="utf-8") for name in [*PARTS, "final"]}
LESSONS = {name: (REFERENCE / f"instructors-{name}.md").read_text(encoding="utf-8") for name in PARTS}
CHAPTERS = {chapter.name: chapter.notebook for chapter in chapters(ROOT)}
BLOCK = re.compile(r"```\{quiz\} (\S+)\n:answered: (\S+)\n(.*?)\n```\n", re.DOTALL)


def title(notebook: nbformat.NotebookNode) -> str:
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


def places(notebook: nbformat.NotebookNode) -> set[str]:
    """The anchors of a chapter's sections, as docutils makes them."""
    return {nodes.make_id(line.lstrip("# ")) for _, cell in rules.cells(notebook, "markdown")
            for line in cell.source.splitlines() if re.match("#{2,3} ", line)}


def questions() -> list[tuple[str, str, str, list[tuple[str, bool, str]]]]:
    """Every question: its page, the place that answers it, the question, its choices."""
    return [(page, place, *explorers.question(text))
            for page, source in QUIZZES.items() for _, place, text in BLOCK.findall(source)]


# Quizzes ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("page", QUIZZES)
def test_each_part_has_a_quiz_that_prints(page):
    assert QUIZZES[page].count("{quiz}") == len(BLOCK.findall(QUIZZES[page])) >= 12
    assert QUIZZES[page].count("```{print-questions}\n```") == 1
    assert f"](wrap-up-{page}.md)" in (REFERENCE / "wrap-up.md").read_text(encoding="utf-8")


def test_there_are_sixty_questions_and_no_two_alike():
    found = [name for source in QUIZZES.values() for name, _, _ in BLOCK.findall(source)]
    assert len(found) >= 60 and len(set(found)) == len(found)
    asked = [question for _, _, question, _ in questions()]
    asked += [" ".join(re.findall(r'"([^"\n]*)"', text[:text.find("[(")])) for notebook in CHAPTERS.values()
              for _, cell in rules.cells(notebook, "code") for text in cell.source.split("explorers.quiz(")[1:]]
    assert len(set(asked)) == len(asked)


def test_each_question_is_complete_and_leads_to_a_section_of_a_chapter():
    for page, place, question, choices in questions():
        library.quiz("a-question", question, choices)  # raises where something is missing
        assert 3 <= len(choices) <= 4, question
        chapter, _, anchor = place.partition("#")
        assert page == "final" or chapter.startswith(f"{page}/"), question
        assert anchor in places(CHAPTERS[chapter]), f"{place}: no such section"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_chapter_has_a_question(chapter):
    assert any(place.startswith(f"{chapter}#") for _, place, _, _ in questions())


def shown(text: str) -> str:
    """A text as it is read, with a number of usual length in place of each role."""
    return explorers.glued(text, lambda file, key: "1").replace("`", "").replace("*", "")


def test_the_right_answer_is_not_known_by_its_length_or_place():
    every = [choices for _, _, _, choices in questions()]
    longest = sum(max(choices, key=lambda choice: len(shown(choice[0])))[1] for choices in every)
    shortest = sum(min(choices, key=lambda choice: len(shown(choice[0])))[1] for choices in every)
    assert longest <= 0.4 * len(every) and shortest <= 0.4 * len(every)
    for count in (3, 4):
        at = Counter([right for _, right, _ in choices].index(True) for choices in every if len(choices) == count)
        total = sum(at.values())
        assert all(0.6 * total / count <= at[place] <= 1.4 * total / count for place in range(count)) or total < 12


def test_glue_in_a_question_becomes_a_number():
    def value(file: str, key: str) -> str:
        return {("../a/b.ipynb", "some-key"): "0.12345", ("c.ipynb", "other"): "7"}[file, key]

    text = "About {glue:text}`../a/b.ipynb::some-key:.2f`, or {glue:text}`c.ipynb::other:d` of `ten`."
    assert explorers.glued(text, value) == "About 0.12, or 7 of `ten`."


# Instructors ------------------------------------------------------------------------------------------------------

def sections() -> dict[str, str]:
    """What the pages say of each chapter, by the chapter's name."""
    found = {}
    for source in LESSONS.values():
        for text in source.split("\n## ")[1:]:
            heading, _, rest = text.partition("\n")
            name = re.search(r"```\{lesson\} (\S+)\n```", rest)[1]
            assert heading == title(CHAPTERS[name])
            found[name] = rest
    return found


def test_the_instructors_pages_have_every_chapter_in_the_order_of_the_book():
    assert list(sections()) == list(CHAPTERS)
    listed = toc_files(ROOT)
    assert [f"book/reference/instructors-{part}" for part in PARTS] == [
        file for file in listed if "/instructors-" in file]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_lesson_has_its_parts_and_marks_that_add_up(chapter):
    text = sections()[chapter]
    board, wrong, discussion, exams = re.split(
        r"\*\*(?:On the board|Usual wrong answers|To discuss)\*\*\n|(?=\*\*Exam question 1)", text)[1:]
    assert 4 <= len(re.findall(r"^\d\. ", board, re.MULTILINE)) <= 7
    assert 2 <= wrong.count('\n- *"') <= 3 and discussion.count("\n- ") == 2
    asked = re.split(r"\*\*Exam question \d, marks: (\d+)\.\*\*", exams)[1:]
    assert 2 <= len(asked) <= 4
    for marks, exam in zip(asked[::2], asked[1::2], strict=True):
        question, solution = exam.split("*Solution.*")
        assert question.strip() and sum(map(int, re.findall(r"\[(\d)\]", solution))) == int(marks), question


@pytest.mark.parametrize("heading, minutes", [("One lecture of 45 minutes", 45), ("One day", 360)])
def test_a_plan_takes_the_time_that_it_says(heading, minutes):
    text = (REFERENCE / "instructors.md").read_text(encoding="utf-8")
    plan = re.search(rf"## {heading}\n.*?```{{reading-path}}\n(.*?)\n```", text, re.DOTALL)
    stops = [paths.STOP.fullmatch(line) for line in plan[1].splitlines()]
    assert sum(int(stop["minutes"]) for stop in stops) == minutes
    for stop in stops:
        if stop["place"]:
            assert stop["place"] in places(CHAPTERS[stop["page"]])


def test_the_term_has_twelve_weeks():
    assert "```{term-plan} 12\n```" in (REFERENCE / "instructors.md").read_text(encoding="utf-8")


def test_aims_are_those_of_the_chapter_without_links():
    link = nodes.reference("", "blocks", refuri="x")
    aims = nodes.bullet_list("", *(nodes.list_item("", paragraph) for paragraph in (
        nodes.paragraph("", "build ", link, nodes.Text(",")), nodes.paragraph("", "", nodes.math("", "6n+2")))))
    document = new_document("page")
    document.extend([nodes.paragraph("", "", nodes.strong(text="After this chapter you can")), aims])
    built, counted = paths.aims(document)
    assert "".join(node.astext() for node in built) == "build blocks," and isinstance(counted[0], nodes.math)
    assert not any(isinstance(node, nodes.reference) for node in built) and link.parent is not None
    assert paths.aims(new_document("empty")) == []
