"""The download button of a chapter, in a browser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.build import PROJECT
from tools.chapters import chapters

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", [chapter.name for chapter in chapters(PROJECT)])
def test_the_button_saves_the_executed_notebook_under_its_name(open_page: Any, name: str) -> None:
    page = open_page(name)
    page.locator(".dropdown-download-buttons > button").click()
    with page.expect_download() as download:
        page.locator(".btn-download-source-button").click()
    assert download.value.suggested_filename == f"{name.rpartition('/')[2]}.ipynb"
    with open(download.value.path(), encoding="utf-8") as file:
        assert any(cell.get("outputs") for cell in json.load(file)["cells"])
    assert page.watch.outside == [] and page.watch.said == []
