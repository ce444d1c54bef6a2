"""What the glossary says of a term appears beside its link: for the pointer, for the keyboard, not for a tap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.build import PROJECT

SITE = PROJECT / "_build" / "html"
CHAPTER = "concepts/depth"
pytestmark = pytest.mark.browser


def link_to(page: Any, term: str) -> Any:
    found = page.locator(f"article a:has(> .std-term)[href$='#term-{term}']").first
    found.evaluate("element => element.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(100)  # the section is drawn
    return found


def shown(page: Any) -> list[str]:
    return page.locator("[role=tooltip]:visible").all_inner_texts()


def opened(page: Any) -> str:
    page.locator("[role=tooltip]:visible").wait_for()
    (text,) = shown(page)
    return text


def closed(page: Any) -> bool:
    page.locator("[role=tooltip]:visible").wait_for(state="detached", timeout=2000)
    return shown(page) == []


@pytest.mark.parametrize("base", ["server", "folder"])
def test_the_pointer_opens_it_and_reaches_it(open_page: Any, base: str) -> None:
    page = open_page(CHAPTER, base=SITE.as_uri() if base == "folder" else "")
    assert shown(page) == []
    link = link_to(page, "degradation")
    link.hover()
    text = opened(page)
    assert text.startswith("degradation 退化 – A deeper network") and "overfitting" in text
    box = page.locator("[role=tooltip]:visible")
    box.hover()  # on the way there, and on it, it stays
    page.wait_for_timeout(500)
    assert shown(page) == [text]
    page.mouse.move(5, 5)
    assert closed(page)
    assert page.watch.said == [] and page.watch.outside == []


def test_escape_closes_it_and_leaves_the_focus(open_page: Any) -> None:
    page = open_page(CHAPTER)
    link = link_to(page, "degradation")
    link.hover()
    opened(page)
    page.keyboard.press("Escape")
    assert shown(page) == []
    page.wait_for_timeout(500)
    assert shown(page) == []  # until the pointer comes anew
    page.mouse.move(5, 5)
    page.keyboard.press("Tab")  # the page knows now that the keyboard is used
    link.focus()
    assert opened(page).startswith("degradation")
    page.keyboard.press("Escape")
    assert shown(page) == [] and link.evaluate("element => element === document.activeElement")


def test_the_keyboard_opens_it_and_going_on_closes_it(open_page: Any) -> None:
    page = open_page(CHAPTER)
    link = link_to(page, "degradation")
    page.keyboard.press("Tab")
    link.focus()
    opened(page)
    assert link.get_attribute("aria-describedby") == page.locator("[role=tooltip]:visible").get_attribute("id")
    page.wait_for_timeout(500)
    assert len(shown(page)) == 1  # it stays as long as the focus does
    page.keyboard.press("Tab")
    page.wait_for_function("id => document.getElementById(id).hidden", arg=link.get_attribute("aria-describedby"))


def test_a_tap_follows_the_link(open_page: Any) -> None:
    page = open_page(CHAPTER, 390, has_touch=True, is_mobile=True)
    link_to(page, "degradation").tap()
    page.wait_for_url("**/reference/glossary.html#term-degradation")


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (390, "dark")])
def test_it_lies_on_the_screen_and_has_no_barriers(open_page: Any, axe: str, width: int, scheme: str) -> None:
    page = open_page(CHAPTER, width, scheme)
    for link in page.locator("article p a:has(> .std-term)").all()[:8]:
        link.evaluate("element => element.scrollIntoView({block: 'end'})")
        page.wait_for_timeout(100)
        link.hover()
        opened(page)
        box = page.locator("[role=tooltip]:visible").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] >= 0 and box["y"] + box["height"] <= 900
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        row = link.bounding_box()
        assert box["y"] >= row["y"] + 10 or box["y"] + box["height"] <= row["y"] + row["height"] - 10
        page.keyboard.press("Escape")
    page.mouse.move(5, 5)
    link.hover()
    opened(page)
    page.evaluate(axe)
    violations = page.evaluate("axe.run('.definitions', {resultTypes: ['violations']})")["violations"]
    assert [(found["id"], found["nodes"][0]["html"]) for found in violations] == []


def test_without_javascript_a_link_is_a_link(open_page: Any) -> None:
    page = open_page(CHAPTER, java_script_enabled=False)
    assert shown(page) == []
    page.locator("article a:has(> .std-term)").first.click()
    assert "/reference/glossary.html#term-" in page.url


def test_each_page_holds_the_definitions_to_which_it_links_and_no_other() -> None:
    import re

    pages = [path for path in Path(SITE, "book").rglob("*.html") if "std-term" in path.read_text(encoding="utf-8")]
    assert len(pages) > 20
    for path in pages:
        text = path.read_text(encoding="utf-8")
        linked = set(re.findall(r'href="[^"#]*#(term-[^"]+)"><span class="xref std std-term">', text))
        held = re.findall(r'<div class="definition" id="definition-([^"]+)" role="tooltip" hidden>', text)
        assert set(held) == linked and len(held) == len(linked)
