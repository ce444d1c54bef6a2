"""The explorers on their pages, moved by mouse and by keyboard: the picture and what is said of it change."""

from __future__ import annotations

from typing import Any

import pytest

from tools.build import PROJECT

SITE = PROJECT / "_build" / "html"
pytestmark = pytest.mark.browser
EXPLORERS = {"gradient-flow": "mathematics/gradient-flow", "degradation": "concepts/depth",
             "block-builder": "networks/residual", "backpropagation": "mathematics/backpropagation",
             "records": "networks/cifar10", "processes": "practice/scaling",
             "transfer": "practice/fine-tuning",
             "threshold": "practice/medicine",
             "lesions": "understanding/paths",
             "steps": "understanding/iteration",
             "memory": "practice/large-models",
             "saliency": "understanding/interpretability",
             "trainability": "understanding/shattered-gradients",
             "landscape": "understanding/loss-landscape",
             "driving": "practice/driving",
             "attack": "practice/responsibility",
             "comparison": "networks/debugging"}


def explorer(page: Any, name: str) -> Any:
    found = page.locator(f"[data-explorer='{name}']")
    found.evaluate("element => element.scrollIntoView({block: 'center'})")  # this draws the section
    page.locator(f"[data-explorer='{name}'].explorer").wait_for()  # it starts when the reader comes near
    return found


def picture(found: Any) -> str:
    return "".join(svg.evaluate("element => element.outerHTML") for svg in found.locator("svg").all())


def changes(found: Any, control: Any, key: str, back: str) -> None:
    """A key moves the control and with it the picture; at the control's end the other key does."""
    before = picture(found)
    control.press(key)
    if picture(found) == before:
        control.press(back)
    assert picture(found) != before


def said(page: Any, found: Any) -> str:
    page.wait_for_timeout(200)  # what is read aloud waits until the reader pauses
    return found.locator(".conclusion").inner_text()


@pytest.mark.parametrize("name", EXPLORERS)
@pytest.mark.parametrize("base", ["server", "folder"])
def test_it_is_alive(open_page: Any, name: str, base: str) -> None:
    page = open_page(EXPLORERS[name], base=SITE.as_uri() if base == "folder" else "")
    found = explorer(page, name)
    assert found.locator("figure.measured").count() == 0  # the figure for pages without JavaScript is gone
    assert said(page, found) and found.locator("svg[role=img][aria-label]").count() >= 1
    assert page.watch.said == []


@pytest.mark.parametrize("name", EXPLORERS)
def test_without_javascript_there_is_a_figure(open_page: Any, name: str) -> None:
    page = open_page(EXPLORERS[name], java_script_enabled=False)
    assert page.locator(f"[data-explorer='{name}'] figure.measured svg:visible").count() == 1


@pytest.mark.parametrize("name", EXPLORERS)
@pytest.mark.parametrize("width", [1300, 360])
def test_every_control_has_a_name_and_works_by_keyboard(open_page: Any, name: str, width: int) -> None:
    page = open_page(EXPLORERS[name], width)
    found = explorer(page, name)
    show = found.get_by_role("button", name="Show the measurement")
    if show.count():
        show.press("Enter")
    for slider in found.locator("input[type=range]:visible").all():
        assert slider.evaluate("element => element.labels[0].textContent")
        changes(found, slider, "ArrowLeft", "ArrowRight")
        assert slider.get_attribute("aria-valuetext")
    boxes = [box for box in found.locator("input[type=checkbox]").all() if box.is_enabled()]
    for box in boxes:
        before = picture(found)
        box.press("Space")
        assert picture(found) != before
        box.press("Space")  # what was shown is needed by the next one
    for listed in found.locator("select").all():
        assert listed.evaluate("element => element.labels[0].textContent")
        changes(found, listed, "ArrowDown", "ArrowUp")
    for group in found.locator("fieldset:has(input[type=radio])").all():
        before = picture(found)
        group.locator("input:checked").press("ArrowRight")
        assert group.locator("input:checked").count() == 1 and picture(found) != before
    assert found.evaluate("element => element.scrollWidth <= element.clientWidth")


def test_gradient_flow_says_what_the_chapter_says(open_page: Any) -> None:
    page = open_page(EXPLORERS["gradient-flow"])
    found = explorer(page, "gradient-flow")
    assert "The plain network with batch norm" in said(page, found) and "explodes" in said(page, found)
    found.get_by_label("residual + batch norm").uncheck()
    found.get_by_label("plain + batch norm").uncheck()
    found.get_by_label("plain, no batch norm").check()
    assert "It vanishes" in said(page, found)
    found.get_by_label("circular: none").check()
    assert "It holds" in said(page, found)


def test_two_settings_of_gradient_flow_stand_beside_each_other(open_page: Any) -> None:
    page = open_page(EXPLORERS["gradient-flow"])
    found = explorer(page, "gradient-flow")
    found.get_by_role("button", name="Keep this picture").click()
    found.get_by_label("Training").press("ArrowRight")
    labels = [svg.get_attribute("aria-label") for svg in found.locator(".panels svg").all()]
    assert len(labels) == 2 and labels[0] != labels[1]
    address = page.url
    found.get_by_role("button", name="Remove").click()
    assert found.locator(".panels svg").count() == 1
    page.goto("about:blank")
    page.goto(address)  # a link with the settings in it
    assert explorer(page, "gradient-flow").get_by_label("Training").get_attribute("aria-valuetext") == "after 1 step"


def test_the_value_under_the_pointer(open_page: Any) -> None:
    page = open_page(EXPLORERS["gradient-flow"])
    found = explorer(page, "gradient-flow")
    before = found.locator("table").inner_text()
    box = found.locator(".panels svg").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    assert found.locator("table").inner_text() != before
    assert found.get_by_label("Layer under the line").input_value() != "0"


def test_the_prediction_stays_beside_the_result(open_page: Any) -> None:
    page = open_page(EXPLORERS["degradation"])
    found = explorer(page, "degradation")
    assert "?" in found.locator("table").inner_text()  # nothing is shown before the reader has predicted
    found.get_by_label("Your prediction").press("ArrowRight")
    found.get_by_role("button", name="Show the measurement").click()
    assert "You predicted" in said(page, found) and "not overfitting" in said(page, found)
    assert found.locator("path.prediction").count() == 1
    found.get_by_label("residual", exact=True).check()
    assert found.locator("path.prediction").count() == 1
    found.get_by_role("button", name="Predict again").click()
    assert found.locator("table").inner_text().count("?") == 3


def test_records_are_chosen_and_the_choice_is_in_the_address(open_page: Any) -> None:
    page = open_page(EXPLORERS["records"])
    found = explorer(page, "records")
    rows = found.locator("tbody tr")
    rows.nth(1).wait_for()  # the table is drawn once the width is known
    everything = rows.count()
    assert everything >= 2 and "seed" in said(page, found)
    found.get_by_label("plain", exact=True).uncheck()
    assert 0 < rows.count() < everything and "plain" not in rows.all_inner_texts()[0]
    assert found.get_by_label("When").is_hidden()
    found.get_by_label("Gradient of the signal").check()
    assert "before training" in found.locator("caption").inner_text()
    found.get_by_label("When").press("ArrowRight")
    assert "after the first epoch" in found.locator("caption").inner_text()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    again = explorer(page, "records")
    assert again.get_by_label("Gradient of the signal").is_checked()
    assert not again.get_by_label("plain", exact=True).is_checked()
    assert "after the first epoch" in again.locator("caption").inner_text()
    again.get_by_label("residual", exact=True).uncheck()
    assert "No training is recorded" in said(page, again)
    assert page.watch.said == []


def test_the_value_of_every_training_under_the_pointer(open_page: Any) -> None:
    page = open_page(EXPLORERS["records"])
    found = explorer(page, "records")
    before = found.locator("table").inner_text()
    box = found.locator(".panels svg").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2)
    assert found.locator("table").inner_text() != before
    assert found.get_by_label("Place under the line").get_attribute("aria-valuetext").startswith("epoch")


def test_the_threshold_of_least_cost_and_rare_illness(open_page: Any) -> None:
    page = open_page(EXPLORERS["threshold"])
    found = explorer(page, "threshold")
    assert "Threshold 50 %" in said(page, found) and "it would be" in said(page, found)
    found.get_by_role("button", name="Go to the lowest cost").press("Enter")
    assert "No threshold costs less" in said(page, found)
    for _ in range(12):
        found.get_by_label("Children who are ill").press("ArrowLeft")
    assert "Of 5 ill children" in said(page, found)
    address = page.url
    page.goto("about:blank")
    page.goto(address)  # a link with the settings in it
    assert explorer(page, "threshold").get_by_label("Children who are ill").get_attribute("aria-valuetext") == "0.5 %"
    assert page.watch.said == []


def test_blocks_are_deleted_and_put_back(open_page: Any) -> None:
    page = open_page(EXPLORERS["lesions"])
    found = explorer(page, "lesions")
    assert "nothing deleted" in said(page, found)
    assert found.get_by_role("button", name="Put all blocks back").is_disabled()
    for block in (1, 3, 9):
        found.get_by_role("button", name=f"block {block}", exact=True).press("Enter")
    assert "without blocks 1, 3 and 9" in said(page, found) and "sum of their costs" in said(page, found)
    assert found.locator("button[aria-pressed=true]").count() == 3
    address = page.url
    page.goto("about:blank")
    page.goto(address)  # a link with the settings in it
    again = explorer(page, "lesions")
    assert again.locator("button[aria-pressed=true]").count() == 3
    again.get_by_role("button", name="Put all blocks back").press("Enter")
    assert "nothing deleted" in said(page, again)
    again.get_by_label("residual-56").check()
    for block in (27, 1, 2):
        again.get_by_role("button", name=f"block {block}", exact=True).press("Space")
    assert "without blocks 1 and 2" in said(page, again)  # pairs are recorded: 27 is back
    assert page.watch.said == []


def test_the_landscape_turns_and_changes_its_statistics(open_page: Any) -> None:
    page = open_page(EXPLORERS["landscape"])
    found = explorer(page, "landscape")
    assert "plain-56, statistics stored" in said(page, found) and "1/" in said(page, found)
    found.get_by_label("recomputed at each point").check()
    assert "Guessing costs 2.3" in said(page, found)
    surface = found.locator(".surface").first
    before = surface.evaluate("element => element.outerHTML")
    box = surface.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 90, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert found.locator(".surface").first.evaluate("element => element.outerHTML") != before
    turned = found.get_by_label("Turn the surface").get_attribute("aria-valuetext")
    found.get_by_label("Turn the surface").press("ArrowLeft")
    assert found.get_by_label("Turn the surface").get_attribute("aria-valuetext") != turned
    found.get_by_label("Mark, up").press("ArrowLeft")
    assert "0.833 up" in said(page, found)
    found.get_by_label("residual-20 (photographs)").check()  # a coarser grid: the mark goes to the nearest point
    assert "residual-20 (photographs)" in said(page, found) and "1 to the right" in said(page, found)
    found.get_by_label("linear, cut off at 10").check()
    assert "cut off at 10" in found.locator(".surface .title").text_content()
    address = page.url
    page.goto("about:blank")
    page.goto(address)  # a link with the settings in it
    assert "residual-20 (photographs), statistics recomputed" in said(page, explorer(page, "landscape"))


def test_a_map_is_held_against_another_seed(open_page: Any) -> None:
    page = open_page(EXPLORERS["saliency"])
    found = explorer(page, "saliency")
    assert found.locator("svg[role=img]").count() == 4
    found.get_by_role("radio", name="guided backpropagation").check()
    assert "more than with a network that reads digits just as well" in said(page, found)
    found.get_by_role("radio", name="integrated gradients").check()
    found.get_by_role("radio", name="with sign, inside the ink").check()
    found.get_by_role("slider", name="Weights drawn anew").press("End")
    assert "here training shows" in said(page, found)
    address = page.url
    page.goto("about:blank")
    page.goto(address)  # a link with the settings in it
    again = explorer(page, "saliency")
    assert again.get_by_role("radio", name="with sign, inside the ink").is_checked()
    assert again.get_by_role("slider", name="Weights drawn anew").get_attribute("aria-valuetext") == "all layers"
    again.get_by_role("radio", name="edges").check()
    assert "knows no network" in said(page, again)


def test_steps_are_set_by_stage_and_all_at_once(open_page: Any) -> None:
    page = open_page(EXPLORERS["steps"])
    found = explorer(page, "steps")
    assert "2 steps of ½ for each ordinary block" in said(page, found) and "whole way" in said(page, found)
    found.get_by_label("Stage 1: copies").press("ArrowLeft")
    assert "In stage 1 this is not the way of one block: 0.5 of it." in said(page, found)
    found.get_by_role("button", name="Two whole").press("Enter")
    assert "2 of it and 2 of it and 2 of it" in said(page, found)
    found.get_by_role("radio", name="recomputed").check()
    found.get_by_role("radio", name="plain-20").check()
    assert "plain-20, 2 steps of 1" in said(page, found) and "With stored statistics" in said(page, found)
    address = page.url
    page.goto("about:blank")
    page.goto(address)  # a link with the settings in it
    again = explorer(page, "steps")
    assert "plain-20, 2 steps of 1" in said(page, again)
    again.get_by_role("button", name="As trained").press("Enter")
    assert "plain-20 as trained" in said(page, again)
    assert page.watch.said == []
