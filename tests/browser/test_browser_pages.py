"""Every page in a browser: nothing from elsewhere, nothing in the console, accessible, as wide as the screen."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from tools.build import PROJECT
from tools.chapters import toc_files

SITE = PROJECT / "_build" / "html"
PAGES = [name.removeprefix("book/") for name in toc_files(PROJECT)]
pytestmark = pytest.mark.browser


READ = """async () => {  // to the end, for what is far away is not there yet, and back: the header covers things
  for (let y = 0; y < document.documentElement.scrollHeight; y += 600) {
    scrollTo(0, y);
    for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
  }
  scrollTo(0, 0);
}"""


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (390, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_page(open_page: Any, axe: str, name: str, width: int, scheme: str) -> None:
    page = open_page(name, width, scheme)
    assert page.watch.outside == [] and page.watch.said == []
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(READ)
    page.wait_for_function("!document.querySelector('[data-explorer]:not(.explorer)')")
    page.evaluate(axe)
    violations = page.evaluate("""axe.run(document,
        {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})""")["violations"]
    assert [(found["id"], found["nodes"][0]["html"]) for found in violations] == []


@pytest.mark.parametrize("name", PAGES)
def test_page_from_a_folder(open_page: Any, name: str) -> None:
    page = open_page(name, base=SITE.as_uri())
    assert page.watch.outside == [] and page.watch.said == []
    assert page.locator("article h1").first.inner_text().strip()


@pytest.mark.parametrize("name", PAGES)
def test_page_without_javascript(open_page: Any, name: str) -> None:
    page = open_page(name, java_script_enabled=False)
    assert page.watch.outside == []
    for figure in page.locator("figure.measured").all():
        assert figure.locator("svg:visible").count() >= 1


@pytest.mark.parametrize("base", ["server", "folder"])
def test_search_finds_a_chapter(open_page: Any, base: str) -> None:
    page = open_page("index", base=SITE.as_uri() if base == "folder" else "")
    page.goto(page.url.replace("/book/index.html", "/search.html?q=degradation"))
    page.get_by_text(re.compile(r"Search finished, found \d+ page")).wait_for()  # results come one by one until then
    assert "Why are deeper networks worse?" in page.locator("#search-results").inner_text()
    assert page.watch.outside == [] and page.watch.said == []


def test_a_prediction_is_remembered_and_repeated(open_page: Any) -> None:
    page = open_page("concepts/depth")
    choice = page.locator(".predict input").nth(2)
    choice.check()
    page.reload()
    assert page.locator(".predict input").nth(2).is_checked()
    assert "You predicted: c)" in page.locator(".predicted.beside").first.inner_text()
    page.get_by_role("button", name="Predict again").first.click()
    assert page.locator(".predict input:checked").count() == 0


def test_the_theme_switch_changes_figures_too(open_page: Any) -> None:
    page = open_page("concepts/depth")
    colour = "getComputedStyle(document.querySelector('figure.measured svg text')).fill"
    before = page.evaluate(colour)
    while page.evaluate("document.documentElement.dataset.theme") == "light":
        page.locator("button.theme-switch-button:visible").first.click()
    assert page.evaluate(colour) != before


@pytest.mark.parametrize(("width", "shown"), [(1300, "wide"), (390, "narrow")])
def test_figures_fit_the_screen(open_page: Any, width: int, shown: str) -> None:
    page = open_page("concepts/depth", width)
    for figure in page.locator("figure.measured:has(.narrow)").all():
        places = [place.get_attribute("class") for place in figure.locator("> div:visible").all()]
        assert places == [shown]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_light_and_waits_for_one_style_sheet(open_page: Any, name: str) -> None:
    page = open_page(name)
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("""["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
        .map((entry) => [new URL(entry.name).pathname, entry.renderBlockingStatus])""")
    assert len(loaded) > 5
    assert sum(len(gzip.compress((SITE / path.lstrip("/")).read_bytes(), 6)) for path, _ in loaded) <= 500_000
    blocking = [path for path, status in loaded if status == "blocking" and not path.endswith(".html")]
    assert blocking == ["/_static/site.css"]


LOST = """async (names) => {
  const rules = (list, around = "") => [...list].flatMap((rule) =>
    rule instanceof CSSStyleRule ? rule.selectorText.split(/,(?![^(]*\\))/).map((one) => [around, one.trim()])
      : rule.cssRules && !(rule instanceof CSSKeyframesRule) ? rules(rule.cssRules, rule.conditionText ?? "") : []);
  const read = async (name) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync((await (await fetch(name)).text()).replace(/@import[^;]*;/g, ""));
    return rules(sheet.cssRules);
  };
  const folder = document.querySelector("link[rel=stylesheet]").href.replace(/[^/]*$/, "");
  const kept = new Set((await read(folder + "site.css")).map(String));
  const lost = [];
  for (const name of names) {
    for (const rule of await read(folder + name)) {
      const still = rule[1].replace(/::?(before|after|hover|focus[-a-z]*|active|visited|marker|placeholder)/g, "");
      if (kept.has(String(rule)) || /fa[brs]?\\b|fa-/.test(rule[1])) continue;
      try { if (document.querySelector(still || "*")) lost.push(rule); } catch { /* part of a browser's own control */ }
    }
  }
  return lost;
}"""


@pytest.mark.parametrize("name", PAGES)
def test_the_style_sheet_has_every_rule_that_matches_something(open_page: Any, name: str) -> None:
    page = open_page(name)
    sheets = [path.relative_to(SITE / "_static").as_posix() for path in (SITE / "_static").rglob("*.css")
              if path.name not in ("site.css", "basic.css", "reveal.css", "slides.css")]  # the last two: a lecture's
    assert len(sheets) > 8
    assert page.evaluate(LOST, sheets) == []
