"""The explorer "digit" on its page: drawing by mouse, finger and keyboard, blocks off, weights only when wanted."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tools.build import PROJECT

SITE = PROJECT / "_build" / "html"
PAGE = "networks/mnist"
PATIENCE = 30_000  # milliseconds
AXE = "axe.run('[data-explorer=digit]', {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
PIXELS = "element => [...element.getContext('2d').getImageData(0, 0, element.width, element.height).data]"
pytestmark = pytest.mark.browser


def come_to(page: Any) -> Any:
    found = page.locator("[data-explorer='digit']")
    found.evaluate("element => element.scrollIntoView({block: 'start'})")  # this draws the section
    page.locator("[data-explorer='digit'].explorer").wait_for()
    return found


def said(found: Any) -> str:
    found.page.wait_for_timeout(250)  # what is read aloud waits until the reader pauses
    return found.locator(".conclusion").inner_text().replace("\xa0", " ")


def load(found: Any) -> None:
    found.get_by_role("button", name=re.compile(r"Load the network, \d+ kB")).click()
    found.get_by_text("The network is here.").wait_for(timeout=PATIENCE)


def seven(found: Any) -> None:
    """Draw a 7 with the mouse."""
    sheet = found.locator("canvas.sheet")
    sheet.evaluate("element => element.scrollIntoView({block: 'center'})")
    box = sheet.bounding_box()
    mouse = found.page.mouse
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in [(.3, .2), (.7, .2), (.45, .8)]]
    mouse.move(*points[0])
    mouse.down()
    for point in points[1:]:
        mouse.move(*point, steps=8)
    mouse.up()


def bars(found: Any) -> str:
    return found.locator("svg[role=img]").get_attribute("aria-label").replace("\xa0", " ")


@pytest.mark.parametrize("base", ["server", "folder"])
def test_the_network_is_loaded_when_it_is_wanted_and_no_sooner(open_page: Any, base: str) -> None:
    page = open_page(PAGE, base=SITE.as_uri() if base == "folder" else "")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "favicon" not in request.url else None)
    found = come_to(page)
    assert "The network reads" in said(found) and "The label of this test image" in said(found)
    assert not asked and found.locator(".maps:visible").count() == 0
    load(found)
    assert found.locator(".maps .channels canvas").count() == 32 and found.locator(".maps:visible").count() == 1
    assert [re.sub(r".*/_static/", "", url) for url in asked] == [
        f"explorers/page/mnist-weights.js?{state(page)['weights']['version']}"]
    assert found.get_by_role("button", name="Load the network").count() == 0
    assert page.watch.said == [] and page.watch.outside == []


def state(page: Any) -> dict[str, Any]:
    text = (SITE / "book" / f"{PAGE}.html").read_text(encoding="utf-8")
    found = re.findall(r'data-explorer="digit"><script type="application/json">(.*?)</script>', text, re.DOTALL)
    assert len(found) == 1 and page
    return json.loads(found[0])


def test_the_examples_are_read_as_python_reads_them(open_page: Any) -> None:
    page = open_page(PAGE)
    found = come_to(page)
    examples = state(page)["examples"]
    assert len(examples) >= 8
    for with_network in (False, True):
        if with_network:
            load(found)
        for index, example in enumerate(examples):
            button = found.locator(".examples button").nth(index)
            button.click()
            assert button.get_attribute("aria-pressed") == "true"
            best = max(range(10), key=example["probabilities"].__getitem__)
            probability = example["probabilities"][best]
            shown = "> 99.9 %" if probability > 0.9995 else f"{100 * probability:.1f} %"
            words = said(found)
            assert f"The network reads {best} at {shown}" in words
            assert f"is {example['label']}: {'right' if example['label'] == str(best) else 'wrong'}." in words
            assert f"{best}: {shown}" in bars(found)
    assert any("read as" in text for text in found.locator(".examples button").all_inner_texts())


def test_a_drawing_is_read_at_once(open_page: Any) -> None:
    page = open_page(PAGE)
    found = come_to(page)
    seven(found)
    found.get_by_text("The network is here.").wait_for(timeout=PATIENCE)
    assert "The network reads 7 at" in said(found) and "label" not in said(found)
    assert found.locator(".examples button[aria-pressed=true]").count() == 0
    assert "your drawing" in found.locator(".seen").inner_text()
    seen = found.locator(".seen canvas").evaluate(PIXELS)[3::4]
    assert len(seen) == 784 and max(seen) > 200
    assert sum(any(seen[28 * row:28 * row + 28]) for row in range(28)) == 20
    found.get_by_role("button", name="Clear").click()
    assert "Draw a digit" in said(found) and "nothing drawn yet" in bars(found)
    assert not any(found.locator("canvas.sheet").evaluate(PIXELS))
    assert page.watch.said == []


def test_a_digit_is_drawn_by_keyboard(open_page: Any) -> None:
    page = open_page(PAGE)
    found = come_to(page)
    found.get_by_role("button", name="Clear").click()
    sheet = found.locator("canvas.sheet")
    sheet.focus()
    top = page.evaluate("scrollY")
    for _ in range(8):
        sheet.press("ArrowUp")
    assert not any(found.locator(".seen canvas").evaluate(PIXELS)[3::4])  # the pen is up
    sheet.press("Space")
    assert "Pen down" in found.locator(".pen").inner_text()
    for _ in range(16):
        sheet.press("ArrowDown")
    found.get_by_text("then").wait_for(timeout=PATIENCE)
    assert "The network reads 1 at" in said(found)
    assert page.evaluate("scrollY") == top  # arrows and the space bar moved the pen, not the page
    sheet.press("Space")
    assert "Pen up" in found.locator(".pen").inner_text()
    sheet.press("Tab")
    assert found.get_by_role("button", name="Clear").evaluate("element => element === document.activeElement")


def test_a_finger_draws_and_does_not_scroll(open_page: Any) -> None:
    page = open_page(PAGE, 390, has_touch=True, is_mobile=True)
    found = come_to(page)
    found.get_by_role("button", name="Clear").tap()
    sheet = found.locator("canvas.sheet")
    sheet.evaluate("element => element.scrollIntoView({block: 'center'})")
    box, top = sheet.bounding_box(), page.evaluate("scrollY")
    session = page.context.new_cdp_session(page)
    for step in range(11):
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * (0.15 + 0.07 * step)}
        kind = "touchMove" if step else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    found.get_by_text("then").wait_for(timeout=PATIENCE)
    assert "The network reads 1 at" in said(found)
    assert page.evaluate("scrollY") == top


def test_a_block_is_switched_off_and_all_are_on_again(open_page: Any) -> None:
    page = open_page(PAGE)
    found = come_to(page)
    before = bars(found)
    box = found.get_by_label("Block 3, stage 2")
    box.press("Space")  # this asks for the network, too
    found.get_by_text("The network is here.").wait_for(timeout=PATIENCE)
    assert re.search(r"With block 3 off: \d at .* % → \d at .* %\.", said(found))
    assert "with all blocks on" in bars(found)
    maps = [canvas.evaluate(PIXELS) for canvas in found.locator(".maps canvas").all()]
    found.get_by_label("Block 1, stage 1").uncheck()
    assert "With blocks 1 and 3 off" in said(found)
    changed = [canvas.evaluate(PIXELS) != before for canvas, before in
               zip(found.locator(".maps canvas").all(), maps, strict=True)]
    assert not any(changed[:8]) and any(changed[8:])  # the stem stands before all blocks
    address = page.url
    found.get_by_role("button", name="All on").press("Enter")
    assert said(found).startswith("The network reads") and bars(found) == before
    assert found.locator("input:not(:checked)").count() == 0
    assert found.get_by_role("button", name="All on").is_disabled()
    page.goto("about:blank")
    page.goto(address)  # a link with the settings in it
    found = come_to(page)
    found.get_by_text("The network is here.").wait_for(timeout=PATIENCE)
    assert "With blocks 1 and 3 off" in said(found)


def test_it_says_so_when_the_network_cannot_be_loaded(open_page: Any) -> None:
    page = open_page(PAGE)
    page.route("**/mnist-weights.js*", lambda route: route.abort())
    found = come_to(page)
    button = found.get_by_role("button", name="Load the network")
    button.click()
    found.get_by_text("could not be loaded").wait_for(timeout=PATIENCE)
    page.unroute("**/mnist-weights.js*")
    other = '(window.explorerWeights ??= {})["mnist-weights"] = {version: "another"};'
    page.route("**/mnist-weights.js*", lambda route: route.fulfill(body=other, content_type="text/javascript"))
    button.click()
    found.get_by_text("is not the one that belongs to this page").wait_for(timeout=PATIENCE)
    page.unroute("**/mnist-weights.js*")
    load(found)


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (390, "dark"), (360, "light")])
def test_it_is_accessible_and_fits_once_it_is_loaded(open_page: Any, axe: str, width: int, scheme: str) -> None:
    page = open_page(PAGE, width, scheme)
    found = come_to(page)
    load(found)
    found.get_by_label("Block 3, stage 2").uncheck()
    said(found)
    page.evaluate(axe)
    assert [(each["id"], each["nodes"][0]["html"]) for each in page.evaluate(AXE)["violations"]] == []
    assert found.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for button in found.locator("button:visible").all():
        box = button.bounding_box()
        assert box["height"] >= 40 and box["width"] >= 40
    for label in found.locator("fieldset label").all():
        assert label.bounding_box()["height"] >= 32
    assert page.watch.said == []


def test_the_ink_follows_the_theme(open_page: Any) -> None:
    page = open_page(PAGE)
    found = come_to(page)

    def tone() -> int:
        data = found.locator("canvas.sheet").evaluate(PIXELS)
        return next(data[at] for at in range(0, len(data), 4) if data[at + 3] == 255)

    assert page.evaluate("document.documentElement.dataset.theme") == "light" and tone() < 100
    while page.evaluate("document.documentElement.dataset.theme") != "dark":
        page.locator("button.theme-switch-button:visible").first.evaluate("element => element.click()")
    page.wait_for_timeout(100)
    assert tone() > 150


EARLY = """(state) => {
  const there = document.querySelector("[data-explorer=digit]"), el = document.createElement("div");
  el.className = "early";
  const model = { get: (name) => ({ state })[name], set() {}, save_changes() {}, on() {}, off() {} };
  window.explorers.digit({ model, el });
  const painted = () => [...el.querySelectorAll("canvas.sheet, .seen canvas, .examples canvas")].filter((canvas) =>
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value)).length;
  const before = painted();
  there.after(el);
  return new Promise((done) => setTimeout(() => done([before, painted()]), 500));
}"""


def test_it_may_be_rendered_before_it_is_on_the_page(open_page: Any) -> None:
    """As a notebook does when it makes its output before it shows it: then an element has no colour yet."""
    text = (SITE / "book" / f"{PAGE}.html").read_text(encoding="utf-8")
    state = re.search(r'data-explorer="digit"><script type="application/json">(.*?)</script>', text, re.DOTALL)
    assert state is not None
    page = open_page(PAGE)
    come_to(page)
    before, after = page.evaluate(EARLY, json.loads(state[1]))
    assert before == 0 and after == 14  # the sheet, what is seen, twelve examples
    assert page.locator(".early .conclusion").inner_text()
    assert [line for line in page.watch.said if "willReadFrequently" not in line] == []  # this test reads often


def test_without_javascript_there_is_a_figure(open_page: Any) -> None:
    page = open_page(PAGE, java_script_enabled=False)
    assert page.locator("[data-explorer='digit'] figure.measured").count() == 1
