"""Assignments made from the chapters, and a class of thirty that hands one in: nbgrader itself marks it."""

import csv
import json
from pathlib import Path

import nbformat
import pytest

from tools import assignments
from tools.chapters import chapters
from tools.marking import Answers, call

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = {chapter.name: chapter for chapter in chapters(ROOT)}

RIGHT = {"depth-identity": "filters = torch.zeros(4, 4, 3, 3)\nfor i in range(4):\n    filters[i, i, 1, 1] = 1",
         "depth-diagnose": "def diagnose(shallow, deep):\n    if deep[0] > shallow[0]:\n        return 'degradation'\n"
                           "    return 'overfitting' if deep[1] > shallow[1] else 'neither'"}
WRONG = {"depth-identity": "filters = torch.ones(4, 4, 3, 3)",
         "depth-diagnose": "def diagnose(shallow, deep):\n    return 'overfitting'"}
CRASHING = {"depth-identity": "filters = torch.zeros(4, 4) @ torch.zeros(3)", "depth-diagnose": "def diagnose(:"}
ENDLESS = {"depth-identity": "while True:\n    try:\n        while True:\n            pass\n"
                             "    except BaseException:\n        pass"}
ENDING = {"depth-identity": "import os\nos._exit(0)", "depth-diagnose": "raise SystemExit"}
OVERWRITING = {"depth-identity": "exercises.identity_filter = lambda given: True\nfilters = 1",
               "depth-diagnose": "torch.equal = lambda *given: True\n" + RIGHT["depth-diagnose"]}
IN_THE_CHECK = {"depth-identity": "for cell in exercises.identity_filter.__closure__:\n"
                                  "    cell.cell_contents = lambda *given, **more: True\nfilters = 1"}
READING = {"depth-identity": "import inspect\nprint(inspect.getsource(exercises.identity_filter))\nfilters = 1",
           "depth-diagnose": "import pathlib\nexec(pathlib.Path('../../../source/depth/depth.ipynb').read_text())"}
EVERYTHING = 4  # points of the two exercises that are checked

# What is handed in: how often, the answers that replace the released cells, and the points that they are worth.
CLASS = {"right": (9, RIGHT, 4), "half": (3, {**RIGHT, "depth-diagnose": WRONG["depth-diagnose"]}, 2),
         "wrong": (4, WRONG, 0), "empty": (2, {}, 0), "crashing": (2, CRASHING, 0),
         "crashing-once": (1, {**RIGHT, "depth-identity": CRASHING["depth-identity"]}, 2),
         "endless": (1, {**RIGHT, **ENDLESS}, 2), "ending": (1, ENDING, 0), "overwriting": (2, OVERWRITING, 0),
         "in-the-check": (1, {**RIGHT, **IN_THE_CHECK}, 2), "reading": (1, READING, 0)}


def judged(chapter: str, label: str, answer: str, seconds: int = 60) -> dict:
    """What the marking says of an answer to an exercise."""
    parts = assignments.exercises(CHAPTERS[chapter])
    part = next(part for part in parts if part.label == label)
    name, argument = part.check
    return Answers.judge(setup=assignments.setup(CHAPTERS[chapter], parts), answer=answer, check=name,
                         argument=argument, seconds=seconds)


# Making them ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", CHAPTERS)
def test_solutions_earn_their_points_after_the_first_cell_alone(name):
    parts = assignments.exercises(CHAPTERS[name])
    assert sum(part.check is not None for part in parts) >= 1
    for part in parts:
        assert part.question and part.solution
        if part.check:
            outcome = judged(name, part.label, f"{part.start}\n{part.code}")
            assert outcome["right"], f"{part.label}: {outcome['says']}"


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_students_are_given_earns_nothing(name):
    for part in assignments.exercises(CHAPTERS[name]):
        if part.check:
            assert not judged(name, part.label, part.start)["right"], part.label


def test_check_of_a_graded_cell():
    assert call("# 2 points\nassert exercises.one((a, b))") == ("one", "(a, b)")
    with pytest.raises(ValueError, match="no check"):
        call("assert one(a)")


def test_roles_of_the_book_become_plain_text():
    text = "A {term}`skip`, {term}`blocks <block>` {cite:p}`he2016deep`; {cite:t}`he2016deep`. [Here](depth.ipynb) " \
           "{glue:text}`depth.ipynb::some-key:.1f`."
    assert assignments.plain(text, {"some-key": "3.2"}) == "A skip, blocks; He et al. (2016). Here 3.2."


# A class of thirty ----------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with the assignment depth, and what thirty students handed in."""
    folder = tmp_path_factory.mktemp("course")
    names = assignments.write(folder, only="concepts/depth")
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("c.Mark.seconds = 8\n")
    assignments.release(folder, names)
    released = folder / "release/depth/depth.ipynb"
    for kind, (count, answers, _) in CLASS.items():
        for number in range(count):
            notebook = nbformat.read(released, as_version=4)
            for cell in notebook.cells:
                name = cell.metadata.get("nbgrader", {}).get("grade_id")
                if name in answers:
                    cell.source = answers[name]
            hand_in(folder, f"{kind}-{number + 1}", nbformat.writes(notebook))
    notebook = nbformat.read(released, as_version=4)
    notebook.cells = [cell for cell in notebook.cells
                      if cell.metadata.get("nbgrader", {}).get("grade_id") != "depth-identity-check"]
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") in WRONG:
            cell.source = WRONG[cell.metadata.nbgrader.grade_id]
    hand_in(folder, "cell-deleted-1", nbformat.writes(notebook))
    hand_in(folder, "damaged-1", released.read_text()[:500])
    (folder / "submitted/nothing-1/depth").mkdir(parents=True)
    assert len(list((folder / "submitted").iterdir())) == 30
    return folder


def hand_in(folder: Path, student: str, text: str) -> None:
    place = folder / "submitted" / student / "depth"
    place.mkdir(parents=True)
    (place / "depth.ipynb").write_text(text)


@pytest.fixture(scope="module")
def marked(course):
    """The course after nbgrader has marked it, and what it said."""
    return course, "\n".join(assignments.mark(course, ["depth"]))


def test_students_get_no_solution_and_no_check(course):
    text = (course / "release/depth/depth.ipynb").read_text()
    assert "dirac" in text and "assert exercises" not in text and "overfitting\\\" if" not in text
    source = (course / "source/depth/depth.ipynb").read_text()
    assert "assert exercises.identity_filter(filters)" in source and "BEGIN SOLUTION" in source


def test_every_kind_of_answer_is_marked_and_stops_no_other(marked):
    from nbgrader.api import Gradebook
    course, said = marked
    with Gradebook(f"sqlite:///{course}/gradebook.db", "residual-networks-measured") as book:
        scores = {one.student.id: sum(grade.auto_score or 0 for notebook in one.notebooks for grade in notebook.grades)
                  for one in book.assignment_submissions("depth")}
    expected = {f"{kind}-{number + 1}": points for kind, (count, _, points) in CLASS.items() for number in range(count)}
    expected |= {"cell-deleted-1": 0}
    assert {student: scores.get(student) for student in expected} == expected
    assert scores.get("nothing-1", 0) == 0 and scores.get("damaged-1", 0) == 0
    assert "damaged-1" in said  # the instructor is told


def test_the_reason_stands_beside_the_mark(marked):
    course, _ = marked

    def says(student: str) -> str:
        notebook = json.loads((course / f"autograded/{student}/depth/depth.ipynb").read_text())
        return " ".join(output.get("evalue", "") for cell in notebook["cells"] for output in cell.get("outputs", []))

    assert "does not end within 8 seconds" in says("endless-1")
    assert "changes resnet_lib.exercises.identity_filter" in says("overwriting-1")
    assert "changes torch.equal" in says("overwriting-1")
    assert "opens the file" in says("reading-1")
    assert "NameError" not in says("right-1") and says("right-1").strip() == ""


def test_feedback_and_a_table_of_marks_are_written(marked):
    course, _ = marked
    there = {path.parents[1].name for path in (course / "feedback").glob("*/depth/depth.html")}
    assert {"right-1", "endless-1", "empty-1"} <= there
    with (course / "marks.csv").open(newline="") as table:
        marks = {row["student_id"]: float(row["score"]) for row in csv.DictReader(table)}
    assert marks["right-1"] == EVERYTHING and marks["wrong-1"] == 0
