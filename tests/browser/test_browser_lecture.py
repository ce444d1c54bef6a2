"""Lecture mode in a browser: slides are whole and legible, explorers alive, and the page as before after it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tools.build import PROJECT
from tools.chapters import chapters

SITE = PROJECT / "_build" / "html"
CHAPTERS = [chapter.name for chapter in chapters(PROJECT)]
CHAPTER = "concepts/depth"
SIZE = {"width": 1280, "height": 720}
READY = "window.lecture && lecture.deck && lecture.deck.isReady() && document.querySelector('.lecture-tools')"
pytestmark = pytest.mark.browser

# What is wrong with the slide that is shown: text outside of it, or smaller than 24 pixels. Formulas' indices and the
# numbers inside of an explorer's drawing may be smaller, not below 16. What scrolls by itself lies within the slide.
WRONG = """() => {
  const slide = lecture.deck.getCurrentSlide(), frame = slide.getBoundingClientRect(), wrong = [];
  const name = (node) => `"${node.data.trim().slice(0, 30)}"`;
  const walker = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, range = document.createRange();
    if (!node.data.trim() || element.closest("aside.notes, style, script, .katex-mathml, noscript, desc")) continue;
    range.selectNodeContents(node);
    const box = element.closest(".lecture-controls, .lecture-said, .lecture-picture, pre") ?? range;
    const place = box.getBoundingClientRect();
    if (!range.getBoundingClientRect().width || getComputedStyle(element).visibility === "hidden") continue;
    if (place.right > frame.right + 1 || place.bottom > frame.bottom + 1 || place.left < frame.left - 1
        || place.top < frame.top - 1) wrong.push(`outside: ${name(node)}`);
    if (element.closest(".katex, sub, sup")) continue;
    const sized = element.closest("text") ?? element;
    let pixels = Math.max(...[sized, ...sized.querySelectorAll("tspan")].map((one) =>
      parseFloat(getComputedStyle(one).fontSize)));
    if (element.closest("svg")) pixels *= Math.hypot(sized.getScreenCTM().a, sized.getScreenCTM().b);
    else for (let one = element; one !== slide; one = one.parentElement) pixels *= getComputedStyle(one).zoom;
    const least = element.closest("[data-explorer] svg") ? 16 : 23.9;
    if (pixels < least) wrong.push(`${pixels.toFixed(1)} pixels: ${name(node)}`);
  }
  return wrong;
}"""
NEXT = """() => {
  const { deck } = lecture, slides = deck.getSlides(), next = slides[slides.indexOf(deck.getCurrentSlide()) + 1];
  const { h, v } = deck.getIndices(next ?? slides[0]);
  deck.slide(h, v, 1000);
  return Boolean(next);
}"""
PAGE = """() => {
  const copy = document.querySelector("article").cloneNode(true);
  for (const explorer of copy.querySelectorAll("[data-explorer]")) { // drawn, or not yet
    explorer.replaceChildren();
    for (const { name } of [...explorer.attributes]) if (!name.startsWith("data-")) explorer.removeAttribute(name);
  }
  return copy.innerHTML.replace(/ (tabindex="0"|style="")/g, "");
}"""


def enter(page: Any) -> None:
    page.keyboard.press("l")
    page.wait_for_function(READY, timeout=60_000)


def leave(page: Any) -> None:
    page.keyboard.press("l")
    page.wait_for_function("!lecture.open")


def lecture(open_page: Any, name: str, scheme: str = "light", **options: Any) -> Any:
    page = open_page(name, scheme=scheme, **options)
    page.set_viewport_size(SIZE)
    enter(page)
    return page


def go_to(page: Any, selector: str) -> Any:
    """Show the first slide that holds an element, and return the element."""
    found = page.locator(f".lecture-room {selector}").first
    found.evaluate("""element => { const { h, v } = lecture.deck.getIndices(element.closest(".slide-page"));
        lecture.deck.slide(h, v, 1000); }""")
    return found


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_slide_of_a_chapter_is_whole_and_legible(open_page: Any, name: str) -> None:
    page = open_page(name)
    page.set_viewport_size(SIZE)
    before, slides = page.evaluate(PAGE), []
    enter(page)
    assert page.evaluate("lecture.deck.getHorizontalSlides().length") >= 8
    more = True
    while more:
        slides.append(page.evaluate(WRONG))
        for quiz in page.locator(".slide-page.present .quiz").all():
            for label in quiz.locator("label").all():
                label.click()
                quiz.get_by_role("button", name="Check").click()
                slides[-1] += page.evaluate(WRONG)  # with what is said about that answer
            quiz.get_by_role("button", name="Answer again").click()
        more = page.evaluate(NEXT)
    assert {number: found for number, found in enumerate(slides, 1) if found} == {}
    assert page.locator(".lecture-room .predict input").count() >= 2
    assert page.locator(".lecture-room .quiz").count() >= 1
    assert page.locator(".lecture-room .slide-cut").count() == 0
    assert page.locator(".lecture-room .math:not(:has(.katex))").count() == 0
    assert page.evaluate("document.querySelector('.lecture-room .notes').textContent").startswith("Planned: ")
    leave(page)
    assert page.evaluate(PAGE) == before
    assert page.watch.outside == [] and page.watch.said == []


@pytest.mark.parametrize("name", [name for name in CHAPTERS if re.search(
    r'data-explorer="(?!quiz)', (SITE / f"book/{name}.html").read_text(encoding="utf-8")
    if (SITE / f"book/{name}.html").exists() else "")])
def test_a_slides_explorer_answers_to_the_keyboard(open_page: Any, name: str) -> None:
    page = lecture(open_page, name)
    explorer = go_to(page, "[data-explorer]:not([data-explorer=quiz])")
    number = page.evaluate("lecture.deck.getSlidePastCount()")
    before = explorer.evaluate("element => element.innerHTML")
    control = explorer.locator("input[type=range]:not(:disabled), input:checked, button:not(:disabled)").first
    control.focus()
    page.keyboard.press("Space" if control.evaluate("one => one.matches('button, [type=checkbox]')") else "ArrowRight")
    page.wait_for_timeout(300)
    assert explorer.evaluate("element => element.innerHTML") != before
    assert page.evaluate("lecture.deck.getSlidePastCount()") == number  # the key was the explorer's
    page.keyboard.press("PageDown")
    assert page.evaluate("lecture.deck.getSlidePastCount()") != number
    changed = explorer.evaluate("element => element.querySelector('.conclusion')?.textContent ?? ''")
    leave(page)
    kept = page.locator("article [data-explorer]:not([data-explorer=quiz])").first
    assert kept.evaluate("element => element.querySelector('.conclusion')?.textContent ?? ''") == changed


def test_an_answer_given_on_a_slide_is_kept(open_page: Any) -> None:
    page = lecture(open_page, CHAPTER)
    quiz = go_to(page, ".quiz")
    quiz.locator("label").nth(1).click()
    quiz.get_by_role("button", name="Check").click()
    said = quiz.locator(".feedback").all_text_contents()
    assert any(said)
    quiz.locator("label").nth(1).evaluate("element => document.activeElement.blur()")
    leave(page)
    assert page.locator("article .quiz").first.locator(".feedback").all_text_contents() == said


def test_the_address_leads_to_a_slide_and_to_an_explorers_state(open_page: Any) -> None:
    page = lecture(open_page, CHAPTER)
    page.keyboard.press("ArrowRight")
    assert re.search(r"[#&]lecture=2$", page.url)  # beside what explorers keep there
    page.reload()
    page.wait_for_function(READY)
    assert page.evaluate("lecture.deck.getIndices().h") == 1
    leave(page)
    assert "lecture" not in page.url


@pytest.mark.parametrize("base", ["server", "folder"])
def test_the_speakers_window_follows(open_page: Any, base: str) -> None:
    page = lecture(open_page, CHAPTER, base=SITE.as_uri() if base == "folder" else "")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value
    value = notes.locator(".speaker-controls-notes .value")
    value.get_by_text("Planned: 25 minutes").wait_for()
    page.keyboard.press("ArrowRight")
    notes.wait_for_function("""document.querySelector('.speaker-controls-notes .value').textContent
        .includes('What happens when a network that works gets more layers?')""")
    assert re.fullmatch(r"\s*00\s*:00\s*:\d\d\s*", notes.locator(".timer").inner_text().replace("\n", ""))
    notes.frames[1].wait_for_function(READY, timeout=60_000)
    notes.frames[1].wait_for_function("lecture.deck.getIndices().h === 1")
    assert page.watch.said == [] and page.watch.outside == []


def test_keys(open_page: Any) -> None:
    page = lecture(open_page, CHAPTER)
    timer, dot = page.locator(".lecture-timer"), page.locator(".lecture-dot")
    page.keyboard.press("t")
    assert re.fullmatch(r"0:0\d of 25 min", timer.inner_text())
    page.keyboard.press("t")
    assert not timer.is_visible()
    page.mouse.move(400, 300)
    page.keyboard.down("d")
    page.mouse.move(500, 350)
    box = dot.bounding_box()
    assert (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == (500, 350)
    page.keyboard.up("d")
    assert not dot.is_visible()
    for key, state in (("b", "isPaused"), ("o", "isOverview")):
        page.keyboard.press(key)
        assert page.evaluate(f"lecture.deck.{state}()")
        page.keyboard.press(key)
        assert not page.evaluate(f"lecture.deck.{state}()")


def test_the_button_starts_it_and_a_field_of_text_does_not(open_page: Any) -> None:
    page = open_page(CHAPTER)
    page.evaluate("""document.querySelector('article').prepend(
        Object.assign(document.createElement('input'), { id: 'field' }))""")
    page.locator("#field").press("l")
    assert page.locator("#field").input_value() == "l" and page.locator(".lecture-room").count() == 0
    page.locator(".btn-lecture-button").click()
    page.wait_for_function(READY)
    page.get_by_role("button", name="Leave the slides (L)").click()
    assert page.locator(".lecture-room").count() == 0


def test_on_paper_each_slide_is_a_page(open_page: Any) -> None:
    page = lecture(open_page, CHAPTER)
    slides = page.evaluate("lecture.deck.getTotalSlides()")
    page.add_init_script("window.print = () => { window.printed = true; };")
    page.keyboard.press("e")
    page.wait_for_function("window.printed")
    assert page.locator(".pdf-page").count() == slides
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == slides


@pytest.mark.parametrize("name", ["index", "reference/glossary", "reference/claims"])
def test_a_page_without_marked_cells_has_a_slide_a_section(open_page: Any, name: str) -> None:
    page = lecture(open_page, name)
    assert page.evaluate("lecture.deck.getTotalSlides()") >= 1
    assert page.locator(".lecture-room h1").inner_text().strip()
    leave(page)
    assert page.watch.outside == [] and page.watch.said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_slides_have_no_barriers(open_page: Any, axe: str, scheme: str) -> None:
    page = lecture(open_page, CHAPTER, scheme)
    page.evaluate(axe)
    ink = "element => getComputedStyle(element).color"
    assert page.locator(".lecture-room .slide-body li").first.evaluate(ink) == page.locator("body").evaluate(ink)
    for selector in ("h1", ".predict", "figure.measured", ".lecture-explorer", ".quiz"):
        go_to(page, selector)
        violations = page.evaluate("axe.run(document.querySelector('.lecture-room'), {resultTypes: ['violations']})")
        assert [(found["id"], found["nodes"][0]["html"]) for found in violations["violations"]] == []


def test_nothing_of_it_is_loaded_before_it_is_wanted(open_page: Any) -> None:
    page = open_page(CHAPTER)
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert not any("reveal" in name or "/lecture/" in name for name in loaded)
