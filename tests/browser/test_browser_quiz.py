"""The chapters' quizzes: answered by mouse and by keyboard, remembered, on paper, and without JavaScript."""

from __future__ import annotations

import html
import json
import re
import subprocess
from typing import Any

import pytest

from resnet_lib import explorers
from tools.build import PROJECT
from tools.chapters import chapters

CHAPTERS = [*(chapter.name for chapter in chapters(PROJECT)), "reference/paths"]
WRAP_UPS = [f"reference/{path.stem}" for path in sorted((PROJECT / "book" / "reference").glob("wrap-up-*.md"))]
CHAPTER = "concepts/depth"
PRINTED = "element => getComputedStyle(element).display !== 'none' && element.getBoundingClientRect().height > 0"
pytestmark = pytest.mark.browser


def states(chapter: str) -> list[dict[str, Any]]:
    """The quizzes that a page holds, in their order."""
    page = (PROJECT / "_build" / "html" / "book" / f"{chapter}.html").read_text(encoding="utf-8")
    found = re.findall(r'data-explorer="quiz"><script type="application/json">(.*?)</script>', page, re.DOTALL)
    return [json.loads(state) for state in found]


def plain(text: str) -> str:
    """A quiz's text as it is read."""
    return html.unescape(re.sub(r"<[^>]+>", "", explorers.marked(text)))


def verdict(choice: dict[str, Any]) -> str:
    return f"{'Right' if choice['right'] else 'Not quite'}. {plain(choice['feedback'])}"


def said(quiz: Any) -> list[str]:
    """What stands under each choice."""
    return [element.inner_text() for element in quiz.locator(".feedback").all()]


def come_to(quiz: Any) -> None:
    """Scroll to a quiz and wait until it is drawn."""
    quiz.evaluate("element => element.scrollIntoView({block: 'center'})")  # this draws the section
    while not quiz.inner_text():
        quiz.page.wait_for_timeout(20)


def answer(quiz: Any, index: int) -> None:
    quiz.locator("label").nth(index).click()
    quiz.get_by_role("button", name="Check").click()


@pytest.mark.parametrize("width", [1300, 360])
@pytest.mark.parametrize("chapter", [*CHAPTERS, *WRAP_UPS])
def test_feedback_stands_under_the_chosen_answer(open_page: Any, chapter: str, width: int) -> None:
    page = open_page(chapter, width)
    expected, quizzes = states(chapter), page.locator("[data-explorer='quiz']").all()
    assert len(quizzes) == len(expected) >= 1
    for state, quiz in zip(expected, quizzes, strict=True):
        choices = state["choices"]
        come_to(quiz)
        assert quiz.locator("legend").inner_text() == plain(state["question"])
        assert [label.inner_text() for label in quiz.locator("label").all()] == [
            f"{letter}) {plain(choice['text'])}" for letter, choice in zip("abcdefgh", choices)]
        for index, choice in enumerate(choices):
            quiz.locator("label").nth(index).click()
            if index == 0:
                assert not any(said(quiz))  # nothing is said before Check
            quiz.get_by_role("button", name="Check").click()
            assert said(quiz) == [verdict(choice) if at == index else "" for at in range(len(choices))]
            feedback = quiz.locator(".feedback").nth(index)
            assert feedback.get_attribute("role") == "status"
            assert feedback.bounding_box()["y"] >= quiz.locator("label").nth(index).bounding_box()["y"] + 32
            assert quiz.evaluate("element => element.scrollWidth <= element.clientWidth")
        quiz.get_by_role("button", name="Answer again").click()
        assert not any(said(quiz)) and quiz.locator("input:checked").count() == 0
    assert page.watch.said == [] and page.watch.outside == []


def test_it_is_answered_by_keyboard_alone(open_page: Any) -> None:
    page = open_page(CHAPTER)
    quiz = page.locator("[data-explorer='quiz']").first
    choices = states(CHAPTER)[0]["choices"]
    quiz.locator("xpath=ancestor::*[contains(@class, 'cell_output')]/preceding::summary[1]").focus()

    def press(*keys: str) -> str | None:
        """The text of what has the focus then; null outside of the quiz."""
        for key in keys:
            page.keyboard.press(key)
        return quiz.evaluate("element => element.querySelector(':focus')?.textContent ?? null")

    assert press("Tab", "Space", "ArrowDown") == "" and quiz.locator("input").nth(1).is_checked()
    assert not any(said(quiz))
    assert press("Tab") == "Check"
    assert press("Enter") == "Check" and said(quiz)[1] == verdict(choices[1])
    assert press("Shift+Tab", "ArrowDown", "Tab", "Space") == "Check"  # choose again, check again
    assert said(quiz)[1:3] == ["", verdict(choices[2])]
    assert press("Tab") == "Answer again"
    press("Enter")
    assert not any(said(quiz)) and quiz.locator("input:checked").count() == 0
    assert quiz.locator("input").first.evaluate("element => element === document.activeElement")
    assert press("Tab") == "Check"  # "Answer again" is gone
    assert press("Tab") is None


def test_check_without_an_answer_asks_for_one(open_page: Any) -> None:
    quiz = open_page(CHAPTER).locator("[data-explorer='quiz']").first
    quiz.get_by_role("button", name="Check").click()
    assert quiz.locator(".note[role=status]").inner_text() == "Choose an answer first." and not any(said(quiz))
    quiz.locator("label").first.click()
    assert quiz.locator(".note").inner_text() == ""


def test_an_answer_is_remembered_with_its_feedback_until_it_is_forgotten(open_page: Any) -> None:
    page = open_page(CHAPTER)
    first, second = page.locator("[data-explorer='quiz']").all()
    answer(first, 1)
    second.locator("label").first.click()  # not checked, so not remembered
    page.reload()
    assert first.locator("input").nth(1).is_checked()
    assert said(first)[1] == verdict(states(CHAPTER)[0]["choices"][1])
    assert not any(said(second)) and second.locator("input:checked").count() == 0
    answer(first, 0)
    page.reload()
    assert said(first)[0] == verdict(states(CHAPTER)[0]["choices"][0]) and said(first)[1] == ""
    first.get_by_role("button", name="Answer again").click()
    page.reload()
    assert not any(said(first)) and first.locator("input:checked").count() == 0


def test_it_works_where_storage_is_refused(open_page: Any) -> None:
    page = open_page(CHAPTER)
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no'); }});")
    page.reload()
    quiz = page.locator("[data-explorer='quiz']").first
    answer(quiz, 0)
    assert said(quiz)[0] == verdict(states(CHAPTER)[0]["choices"][0])
    quiz.get_by_role("button", name="Answer again").click()
    assert not any(said(quiz))
    page.reload()
    assert not any(said(quiz))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_on_paper_all_feedback_stands_at_the_end(open_page: Any, chapter: str) -> None:
    page = open_page(chapter)
    notes, quizzes = page.locator("article > .quiz-notes"), page.locator("[data-explorer='quiz']")
    answer(quizzes.first, 0)
    assert notes.count() == 1 and not notes.is_visible()
    page.emulate_media(media="print")
    assert notes.evaluate(PRINTED) and notes.evaluate("element => element === element.parentElement.lastElementChild")
    expected = states(chapter)
    assert notes.locator("h3").all_inner_texts() == [f"Question {number + 1}" for number in range(len(expected))]
    assert notes.locator("li").all_inner_texts() == [
        f"{letter}) {verdict(choice)}" for state in expected for letter, choice in zip("abcdefgh", state["choices"])]
    for number, quiz in enumerate(quizzes.all(), 1):
        assert quiz.locator("h3").inner_text() == f"Question {number}"
        assert f"under “Question {number}”" in quiz.locator(".on-paper").inner_text()
        hidden = quiz.locator("button, .feedback").all()
        assert hidden and not any(element.is_visible() for element in hidden)
        assert all(choice.is_visible() for choice in quiz.locator("label").all())
    page.emulate_media(media="screen")
    assert not quizzes.first.locator(".on-paper").is_visible()


@pytest.mark.parametrize("name", WRAP_UPS)
def test_a_wrap_up_prints_as_a_paper_or_with_answers(open_page: Any, name: str) -> None:
    page = open_page(name)
    quizzes, notes = page.locator("[data-explorer='quiz']"), page.locator("article > .quiz-notes")
    answer(quizzes.first, 0)
    page.emulate_media(media="print")
    assert not notes.is_visible() and not page.locator(".answered").first.is_visible()
    assert not page.locator(".print-questions").is_visible()
    hidden = page.locator("[data-explorer='quiz'] :is(button, .feedback, .on-paper)").all()
    assert hidden and not any(element.is_visible() for element in hidden)
    chosen, other = (quizzes.first.locator("input").nth(at) for at in (0, 1))
    look = "element => ['appearance', 'backgroundColor', 'borderTopWidth'].map((key) => getComputedStyle(element)[key])"
    assert chosen.evaluate(look) == other.evaluate(look) == ["none", "rgba(0, 0, 0, 0)", "1px"]
    page.emulate_media(media="screen")
    page.evaluate("window.print = () => { asked = document.documentElement.className.includes('with-answers'); }")
    for button, answers in (("Print with answers", True), ("Print the questions", False), ("Print with answers", True)):
        page.get_by_role("button", name=button).click()
        assert page.evaluate("asked") is answers
    page.emulate_media(media="print")
    assert notes.is_visible() and all(place.is_visible() for place in page.locator(".answered").all())
    assert notes.locator("li").count() == sum(len(state["choices"]) for state in states(name))
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert not notes.is_visible()


@pytest.mark.parametrize("chapter", [*CHAPTERS, *WRAP_UPS])
def test_without_javascript_each_choice_unfolds_its_feedback(open_page: Any, chapter: str) -> None:
    page = open_page(chapter, java_script_enabled=False)
    quizzes = page.locator("[data-explorer='quiz']").all()
    for state, quiz in zip(states(chapter), quizzes, strict=True):
        come_to(quiz)
        assert quiz.locator("> div > p").inner_text() == plain(state["question"])
        for letter, choice, item in zip("abcdefgh", state["choices"], quiz.locator("li").all()):
            assert item.inner_text().startswith(f"{letter}) {plain(choice['text'])}")
            feedback, summary = item.locator("details > p"), item.locator("summary")
            assert not feedback.is_visible()
            summary.click()
            assert feedback.is_visible() and feedback.inner_text() == verdict(choice)
            summary.click()
            assert not feedback.is_visible()
    page.emulate_media(media="print")
    for quiz in quizzes:
        assert all(feedback.is_visible() == (chapter not in WRAP_UPS) for feedback in quiz.locator("details > p").all())


def test_python_and_javascript_read_the_same_markup() -> None:
    texts = ["the `x*y` of *all* <b>seeds</b>", "2 * 3 * 4", "*a*b*", "``", "`a` and `b`", "*one `two` three*", "a*",
             "", "`<` & *&*"]
    program = ("const { readFileSync } = require('node:fs');"
               f"const source = readFileSync({json.dumps(str(explorers.FOLDER / 'quiz.js'))}, 'utf8');"
               "const pieces = new Function(source + '; return pieces;')();"
               "console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(pieces)));")
    done = subprocess.run(["node", "-e", program], input=json.dumps(texts), capture_output=True, text=True, check=True)
    for text, found in zip(texts, json.loads(done.stdout), strict=True):
        escaped = [(tag, html.escape(part, quote=False)) for tag, part in found]
        assert explorers.marked(text) == "".join(f"<{tag}>{part}</{tag}>" if tag else part for tag, part in escaped)
