"""The pages that help to read: definitions, lists of figures and exercises, reading paths, counts, questions."""

import json
import re
import sys
from pathlib import Path

import pytest
from docutils import nodes

pytest.importorskip("sphinx")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_extensions"))

import accessible  # noqa: E402
import catalogue  # noqa: E402
import checked  # noqa: E402
import definitions  # noqa: E402
import paths  # noqa: E402
from explorers import question  # noqa: E402
from measured import Chapter  # noqa: E402
from sphinx import addnodes  # noqa: E402
from sphinx.util.docutils import new_document  # noqa: E402

from resnet_lib import explorers as library  # noqa: E402
from resnet_lib.claims import Claim  # noqa: E402


def page(*children: nodes.Node) -> nodes.document:
    document = new_document("page")
    document.extend(children)
    return document


def raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


# Definitions ----------------------------------------------------------------------------------------------------

def test_a_page_gets_the_definitions_to_which_it_links_once():
    link = '<a class="reference internal" href="{}#{}"><span class="xref std std-term">x</span></a>'
    body = "".join(link.format("../reference/glossary.html", name) for name in ("term-b", "term-a", "term-b"))
    body += '<a href="#term-c">no term</a>' + link.format("", "term-d")
    assert definitions.linked(body) == ["term-b", "term-a", "term-d"]
    held = definitions.boxes(["term-b"], {"term-a": "<p>A</p>", "term-b": "<p>B</p>"})
    assert held == ('<div class="definitions"><div class="definition" id="definition-term-b" role="tooltip" hidden>'
                    "<p>B</p></div></div>")
    assert definitions.boxes([], {}) == ""


def test_a_definition_begins_with_its_term_and_holds_no_link():
    said = nodes.definition("", nodes.paragraph("", "Not ", addnodes.pending_xref("", nodes.inline("", "overfitting")),
                                                nodes.Text(".")))
    terms = [nodes.term("", "degradation", ids=["term-degradation"]), nodes.term("", "decay", ids=["term-decay"])]
    found = definitions.defined(page(nodes.definition_list("", nodes.definition_list_item("", *terms, said))))
    assert [box.astext() for box in found.values()] == ["degradation Not overfitting.", "decay Not overfitting."]
    assert list(found) == ["term-degradation", "term-decay"]
    assert not list(found["term-decay"].findall(addnodes.pending_xref))
    assert said.astext() == "Not overfitting."  # the glossary itself stays as it is


def test_chinese_is_marked_for_voices():
    assert accessible.corrected('<span class="zh">退化</span>') == '<span class="zh" lang="zh-Hans">退化</span>'


# Lists ----------------------------------------------------------------------------------------------------------

FIGURE = ('<figure class="measured"><div class="wide"><svg class="light" aria-label="{}"></svg></div>'
          '<div class="narrow"><svg aria-label="Narrow."></svg></div></figure>')
SEEN = "Two falling lines &amp; a dot, which is that of the larger network. More."


def section(name: str, *children: nodes.Node) -> nodes.section:
    return nodes.section("", nodes.title(text=name), *children)


def said(entry: catalogue.Entry) -> str:
    return "".join(node.astext() for node in entry.text)


def test_figures_are_numbered_and_listed_by_section_and_description():
    document = page(section("Chapter", raw(FIGURE.format(SEEN)), raw("<p>no figure</p>"),
                            section("Rates", raw(FIGURE.format("Six rows. The last is worst. More.")),
                                    raw(FIGURE.format("One.")))))
    catalogue.add_anchors(None, document)
    found = list(catalogue.figures(document))
    assert [(entry.anchor, entry.name) for entry in found] == [
        ("figure-1", "Chapter"), ("figure-2", "Rates"), ("figure-3", "Rates (2)")]
    assert said(found[0]) == "Two falling lines & a dot, which is that of the larger network."
    assert '<figure id="figure-1" class="measured">' in document.astext()


def test_a_brief_description_is_given_with_its_next_sentence():
    assert catalogue.seen(FIGURE.format("Six rows. Those of the plain network are far longer than the others. More.")) \
        == "Six rows. Those of the plain network are far longer than the others."


def test_explorers_are_listed_and_questions_and_the_figures_in_their_place_are_not():
    explorer = '<div data-explorer="degradation"><script type="application/json">{}</script>' + FIGURE + "</div>"
    quiz = library.quiz("q", "Why?", [("one", True, "Yes."), ("two", False, "No.")]).static()
    document = page(section("Chapter", raw(explorer), raw(quiz), raw(FIGURE)))
    catalogue.add_anchors(None, document)
    (entry,) = catalogue.listed_explorers(document)
    assert (entry.anchor, entry.name) == ("explorer-degradation", "Degradation laboratory")
    assert [each.anchor for each in catalogue.figures(document)] == ["figure-1"]
    assert 'data-explorer="degradation"><script type="application/json">' in document.astext()


def test_predictions_and_questions_are_named_and_listed_with_what_they_ask():
    box = nodes.admonition("", nodes.title(text="Predict"), nodes.paragraph(text="Three networks. Which is best?"),
                           nodes.bullet_list("", nodes.list_item("", nodes.paragraph(text="a) The first"))),
                           classes=["predict"])
    quiz = library.quiz("depth-of-what", "Of *which* `x`, in all of the many networks on this page? Choose.",
                        [("one", True, "Yes."), ("two", False, "No.")])
    document = page(box, raw(quiz.static()))
    catalogue.add_anchors(None, document)
    prediction, question_ = catalogue.tasks(document)
    assert (prediction.anchor, prediction.name) == ("predict-1", "Prediction 1") and "predict-1" in box["ids"]
    assert said(prediction) == "Three networks. Which is best?"
    assert (question_.anchor, question_.name) == ("question-depth-of-what", "Question 1")
    assert said(question_) == "Of which x, in all of the many networks on this page?"
    assert '<div id="question-depth-of-what" data-explorer="quiz">' in document.astext()


def test_questions_have_typographic_quotation_marks():
    quiz = library.quiz("q", "Whose?", [("Adam's", True, "Yes."), ("two", False, 'No: "no".')])
    document = page(raw(quiz.static()))
    catalogue.add_anchors(None, document)
    assert document.astext().count("Adam’s") == 2 == document.astext().count("No: “no”.")  # for the script, and without


def test_every_explorer_of_the_book_has_a_title():
    for script in library.FOLDER.glob("*.js"):
        if script.stem not in ("common", "host", "quiz"):
            assert re.search(r'\bbegin\(el, "[^"]+"', script.read_text(encoding="utf-8")), script


def asked(*paragraphs: str) -> str:
    return "".join(node.astext() for node in catalogue.asked(nodes.paragraph(text=text) for text in paragraphs))


@pytest.mark.parametrize("paragraphs, kept", [
    (("Write a function that returns what comes out of the network. It is short.",),
     "Write a function that returns what comes out of the network."),
    (("Black is one possible start. Write it for any. Go.",), "Black is one possible start. Write it for any."),
    (("Somebody leaves it out. That is harmless. When does it wake up?",),
     "Somebody leaves it out. … When does it wake up?"),
    (("A network has two inputs, with", "Give two lists."), "A network has two inputs, with … Give two lists."),
    (("Add a row. Fetch the data with it.",), "Add a row. Fetch the data with it."),
    (("Digits, e.g. 1.5 epochs.",), "Digits, e.g. 1.5 epochs."),
    (("Ten labels a class. All train. The accuracy is",), "Ten labels a class. … The accuracy is"),
    (("He says: “It fails. Proof: it trains.” What is missing?",),
     "He says: “It fails. Proof: it trains.” What is missing?"),
    ((), "")])
def test_a_task_is_listed_with_what_is_to_be_done(paragraphs, kept):
    assert asked(*paragraphs) == kept


def test_a_task_keeps_its_formulas_and_code():
    text = nodes.paragraph("", "Let ", nodes.math("", "x.y"), nodes.Text(" be 1.5 or "), nodes.literal("", "more"),
                           nodes.Text(". Which? Not this."))
    kept = catalogue.asked([text])
    assert "".join(node.astext() for node in kept) == "Let x.y be 1.5 or more. Which?"
    assert [type(node) for node in kept[1:4:2]] == [nodes.math, nodes.literal]


def test_exercises_have_the_numbers_of_their_pages():
    entries = [catalogue.Entry("a", "paper, 5 minutes", []), catalogue.Entry("b", "code", [])]
    named = [entry.name for entry in catalogue.numbered(entries, {"a": (7,)})]
    assert named == ["Exercise 7, paper, 5 minutes", "code"]


# Paths ----------------------------------------------------------------------------------------------------------

def test_weeks_hold_all_chapters_in_order_and_are_even():
    assert paths.weeks([30, 30, 60, 20, 40], 3) == [[0, 1], [2], [3, 4]]
    assert paths.weeks([10, 90, 10], 2) == [[0, 1], [2]]
    assert paths.weeks([10, 20], 5) == [[0], [1]]
    assert paths.weeks([], 3) == []


@pytest.mark.parametrize("minutes, text", [(5, "5 minutes"), (1, "1 minute"), (60, "1 hour"),
                                           (125, "2 hours 5 minutes"), (0, "0 minutes")])
def test_minutes_are_said_in_words(minutes, text):
    assert paths.clock(minutes) == text


def test_minutes_come_from_the_chapter():
    assert paths.to_read(page(nodes.paragraph(text="Hello."), nodes.paragraph(text="25 minutes to read, and"))) == 25
    assert paths.to_read(page(nodes.paragraph(text="Hello."))) == 0


def test_every_chapter_states_its_minutes():
    from tools.chapters import chapters
    for chapter in chapters(ROOT):
        assert re.search(r"^\*\*\d+ minutes to read, .* to run\.\*\*$", chapter.notebook.cells[0].source, re.MULTILINE)


def stops(path: str) -> list[re.Match]:
    """The stops of a reading path of the page, by the title above it."""
    text = (ROOT / "book" / "reference" / "paths.md").read_text(encoding="utf-8")
    block = re.search(rf"## {path}\n.*?```{{reading-path}}\n(.*?)\n```", text, re.DOTALL)
    return [paths.STOP.fullmatch(line) for line in block[1].splitlines()]


@pytest.mark.parametrize("path, minutes", [("Ten minutes", 10), ("One hour", 60)])
def test_a_path_takes_the_time_that_its_title_says(path, minutes):
    import nbformat
    total = 0
    for stop in stops(path):
        cell = nbformat.read(ROOT / "book" / f"{stop['page']}.ipynb", as_version=4).cells[0].source
        total += int(stop["minutes"] or re.search(r"(\d+) minutes to read", cell)[1])
    assert total == minutes


@pytest.mark.parametrize("line, parts", [
    ("concepts/depth", ("concepts/depth", None, None, None)),
    ("concepts/depth#here 5: why", ("concepts/depth", "here", "5", "why")),
    ("concepts/depth: why: so", ("concepts/depth", None, None, "why: so")),
])
def test_stops_are_read(line, parts):
    assert paths.STOP.fullmatch(line).groups() == parts


def test_places_are_named_by_what_stands_there():
    section = nodes.section("", nodes.title(text="The same network, longer"), ids=["the-same-network-longer"])
    assert paths.title_of(page(section), "the-same-network-longer") == "The same network, longer"
    assert paths.title_of(page(section), "elsewhere") is None


# Counts ---------------------------------------------------------------------------------------------------------

def test_claims_are_counted_with_those_beside_a_paper():
    claims = [Claim("a", "A", 1.0, "", "x", True, "Table 6"), Claim("b", "B", 1.0, "", "x", False, None)]
    assert checked.claims_fact([Chapter("T", "t.html", claims)]) == (
        "2 claims: 1 holds, 1 does not hold here. 1 of them stand beside what a paper reports.")


def test_runs_are_counted_with_their_time_and_processors(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps({
            "study": name, "environment": {"processor": "A processor"},
            "runs": [{"seconds": 1800.0, "results": {"card": "A card"}}, {"seconds": 1800.0}]}))
    said = checked.runs_fact(sorted(tmp_path.glob("*.json")))
    assert said.startswith("2 studies with 4 runs, in ") and said.endswith("Processors and cards: A card, A processor.")


def test_tests_are_counted_where_they_were_run():
    counted = {"tried": {"kills": {"passed": 19, "failed": 1}, "data": {"passed": 5}}}
    assert checked.tests_fact(counted) == ("25 times it was tried to break something; 24 of these ended as they "
                                           "have to.")
    assert checked.tests_fact({**counted, "tests": {"passed": 1200}}).startswith("1,200 tests passed, 0 failed. 25")
    assert "not been run" in checked.tests_fact(None)


# Questions ------------------------------------------------------------------------------------------------------

def test_a_question_is_read_with_its_choices():
    text = "What is\nit?\n- [ ] this\n  No: because\n  of that.\n- [x] *that*\n  Yes.\n"
    assert question(text) == ("What is it?", [("this", False, "No: because of that."), ("*that*", True, "Yes.")])
    for wrong in ("What is it?", "- [x] this\n  Yes."):
        with pytest.raises(ValueError, match="A quiz is a question"):
            question(wrong)


def test_the_self_test_sends_each_reader_somewhere():
    text = (ROOT / "book" / "reference" / "paths.md").read_text(encoding="utf-8")
    blocks = re.split(r"```{quiz} ", text)[1:]
    assert len(blocks) >= 10
    for block in blocks:
        name, rest = block.split("\n", 1)
        body, after = rest.split("\n```\n", 1)
        library.quiz(name, *question(body))  # raises where something is missing
        assert re.match(r"\nNot sure\? .*(\[[^\]]+\]\([^)]+\)|\{place\}`[^`#]+#[^`]+`)", after), name
