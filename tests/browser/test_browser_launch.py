"""The launch buttons that a copy of the book has once it names its repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (390, "dark")])
def test_the_menus_open_by_keyboard_and_hide_nothing(open_page: Any, copy_of_the_site: Path, axe: str, width: int,
                                                     scheme: str) -> None:
    page = open_page("part/chapter", width, scheme, base=copy_of_the_site.as_uri())
    for menu, expected in ((".dropdown-launch-buttons", ["Binder", "Colab"]),
                           (".dropdown-source-buttons", ["Repository", "Open issue"])):
        page.locator(f"{menu} > button").press("Enter")
        choices = page.locator(f"{menu} .dropdown-item:visible")
        assert [choice.inner_text().strip() for choice in choices.all()] == expected
        assert all(choice.get_attribute("href").startswith("https://") for choice in choices.all())
        page.evaluate(axe)
        violations = page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")["violations"]
        assert [(found["id"], found["nodes"][0]["html"]) for found in violations] == []
        page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.watch.said == [] and page.watch.outside == []
