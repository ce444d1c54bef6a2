"""The reader's progress: kept in this browser, shown on a page of its own, taken elsewhere as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tools.build import PROJECT
from tools.chapters import chapters

SITE = PROJECT / "_build" / "html"
CHAPTER = "concepts/depth"
PROGRESS = "reference/progress"
pytestmark = pytest.mark.browser


def line(page: Any, name: str) -> Any:
    """A line of a chapter on the page of progress, by what it begins with."""
    chapter = page.locator("p:has(> strong)", has_text="Why are deeper networks worse?").first
    return chapter.locator("xpath=following-sibling::ul[1]").locator("li", has_text=name).first


def summary(page: Any) -> str:
    return page.locator(".progress-summary").inner_text()


def work(page: Any) -> None:
    """Predict, answer, tick an exercise, and mark the chapter as read."""
    page.locator(".predict input").first.check()
    quiz = page.locator("[data-explorer=quiz]").first
    quiz.locator("label").first.click()
    quiz.get_by_role("button", name="Check").click()
    page.locator(".exercise label.done input").nth(1).check()
    page.locator("p.read input").check()


def test_what_is_done_in_a_chapter_is_shown_and_can_be_undone(open_page: Any) -> None:
    page = open_page(CHAPTER)
    work(page)
    page.goto(page.url.split("#")[0].replace(CHAPTER, PROGRESS))
    assert summary(page).startswith("1 of 25 chapters read, 1 of ".replace("25", str(len(chapters(PROJECT)))))
    assert ", 1 of " in summary(page).partition("predictions made")[2]
    assert "✓ answered" in line(page, "Prediction 1").inner_text()
    assert "○ open" in line(page, "Prediction 2").inner_text()
    assert "✓ answered" in line(page, "Question 1").inner_text() and "○ open" in line(page, "Question 2").inner_text()
    boxes = page.locator("ul.tasks li:has(a[href*='concepts/depth']) input")
    assert [box.is_checked() for box in boxes.all()][:3] == [False, True, False]
    boxes.nth(1).uncheck()
    boxes.nth(0).check()
    page.locator("p.progress-read input:checked").uncheck()
    assert summary(page).startswith("0 of ")
    page.goto(page.url.replace(PROGRESS, CHAPTER))
    assert [box.is_checked() for box in page.locator(".exercise label.done input").all()][:2] == [True, False]
    assert not page.locator("p.read input").is_checked()
    assert page.watch.said == [] and page.watch.outside == []


@pytest.mark.parametrize("base", ["server", "folder"])
def test_a_file_takes_it_to_another_browser(open_page: Any, tmp_path: Path, base: str) -> None:
    start = SITE.as_uri() if base == "folder" else ""
    page = open_page(CHAPTER, base=start)
    work(page)
    page.goto(page.url.split("#")[0].replace(CHAPTER, PROGRESS))
    told, file = summary(page), tmp_path / "progress.json"
    with page.expect_download() as download:
        page.get_by_role("button", name="Export to a file").click()
    assert download.value.suggested_filename == "progress.json"
    download.value.save_as(file)
    kept = json.loads(file.read_text(encoding="utf-8"))["kept"]
    assert sorted(one["kind"] for one in kept) == ["exercise", "prediction", "question", "read"]
    assert {one["page"] for one in kept} == {f"{CHAPTER}.html"}
    other = open_page(PROGRESS)  # on the server
    assert summary(other).startswith("0 of ")
    other.locator("input[type=file]").set_input_files(file)
    other.get_by_text("Imported: 4 entries.").wait_for()
    assert summary(other) == told
    other.goto(other.url.replace(PROGRESS, CHAPTER))
    assert other.locator(".predict input").first.is_checked()
    assert other.locator("[data-explorer=quiz] .feedback").first.text_content()


ENTRY = {"page": f"{CHAPTER}.html", "kind": "read", "name": "", "value": "done"}
FORMAT = {"format": "residual-networks-measured/progress", "version": 1}


@pytest.mark.parametrize("text", [
    "", "nonsense", "null", "[]", "{}",
    json.dumps({"kept": [ENTRY]}),
    json.dumps({**FORMAT, "version": 2, "kept": [ENTRY]}),
    json.dumps({**FORMAT, "kept": "all"}),
    json.dumps({**FORMAT, "kept": [ENTRY, None]}),
    json.dumps({**FORMAT, "kept": [ENTRY, {**ENTRY, "value": 1}]}),
    json.dumps({**FORMAT, "kept": [ENTRY, {**ENTRY, "value": "x" * 20_000}]}),
    "\x89PNG" + "x" * 2_000_000])
def test_another_file_is_refused_and_changes_nothing(open_page: Any, tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")
    page = open_page(PROGRESS)
    before = summary(page), page.evaluate("JSON.stringify(localStorage)")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("This file was not exported here; nothing was changed.").wait_for()
    assert (summary(page), page.evaluate("JSON.stringify(localStorage)")) == before


def test_entries_of_another_edition_are_left_out(open_page: Any, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(json.dumps({**FORMAT, "kept": [ENTRY, {**ENTRY, "page": "concepts/gone.html"}]}), encoding="utf-8")
    page = open_page(PROGRESS)
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("Imported: 1 entry. 1 entry belongs to nothing in this book and was left out.").wait_for()
    assert summary(page).startswith("1 of ")


def test_all_is_deleted_only_after_a_question(open_page: Any) -> None:
    page = open_page(CHAPTER)
    work(page)
    page.evaluate("localStorage.setItem('theme', 'light')")
    page.goto(page.url.split("#")[0].replace(CHAPTER, PROGRESS))
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Delete all").click()
    assert summary(page).startswith("1 of ")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete all").click()
    assert summary(page).startswith("0 of ") and page.locator(".progress-said").inner_text() == "Deleted."
    assert set(page.evaluate("Object.keys(localStorage)")) == {"theme", "mode"}  # the theme's own


def test_it_says_so_where_storage_is_refused(open_page: Any) -> None:
    page = open_page(PROGRESS)
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no'); }});")
    page.reload()
    page.locator("p.progress-read input").first.click()
    assert not page.locator("p.progress-read input").first.is_checked()
    assert page.locator(".progress-said").inner_text() == "This browser keeps nothing for this page."


def test_without_javascript_it_is_a_list(open_page: Any) -> None:
    page = open_page(PROGRESS, java_script_enabled=False)
    assert page.locator(".without-javascript").is_visible()
    assert not page.locator(".progress-tools").is_visible()
    assert page.locator("ul.tasks li a").count() > 100
    chapter = open_page(CHAPTER, java_script_enabled=False)
    assert chapter.locator("label.done").count() == 0


def test_every_line_leads_to_its_place(open_page: Any) -> None:
    page = open_page(PROGRESS)
    links = page.evaluate("[...document.querySelectorAll('ul.tasks > li a')].map((one) => one.href)")
    assert len(links) > 250
    pages: dict[str, str] = {}
    for link in links:
        path, _, anchor = link.partition("#")
        name = path.partition("/book/")[2]
        text = pages.setdefault(name, (SITE / "book" / name).read_text(encoding="utf-8"))
        assert f'id="{anchor}"' in text, link
