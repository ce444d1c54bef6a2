"""The notebook that each chapter's page offers: executed, legible without a kernel, and ready to run again."""

import base64
import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from resnet_lib import explorers, plots
from tools.chapters import chapters

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
CHAPTERS = chapters(ROOT)
sys.path.insert(0, str(ROOT / "book" / "_extensions"))

import downloads  # noqa: E402

# What becomes of the outputs ------------------------------------------------------------------------------------

@pytest.fixture
def figure():
    return plots.figure(lambda axes, theme: axes.plot([1, 2], color=theme.ink), alt="A line that <rises>.",
                        caption="Two points & no more.")


def pictures(html: str) -> list[bytes]:
    """The drawings that stand as pictures in HTML."""
    return [base64.b64decode(content) for content in re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)]


def test_a_figure_becomes_one_picture_with_its_description_and_caption(figure):
    html, description = downloads.still(figure.data)
    [picture] = pictures(html)
    drawing = ElementTree.fromstring(picture)
    assert drawing.tag == f"{{{downloads.SVG}}}svg" and drawing.find(".//{*}path") is not None
    assert drawing[0].get("fill") == "#fff"
    assert 'alt="A line that &lt;rises&gt;."' in html and "Two points &amp; no more." in html
    assert description == "A line that <rises>." and "<svg" not in html and "<style" not in html


def test_a_figure_of_pixels_keeps_the_version_for_white_paper():
    shades = []

    def draw(axes, theme):
        shades.append(theme.name)
        plots.digits(axes, theme, [[0.0, 1.0], [1.0, 0.0]])

    html, _ = downloads.still(plots.figure(draw, alt="Four squares.").data)
    assert "dark" in shades
    [picture] = pictures(html)
    assert ElementTree.fromstring(picture).get("class") == "light"


def test_an_explorer_becomes_the_figure_in_its_place(figure):
    html, description = downloads.still(explorers.Explorer("degradation", {"depths": [8]}, figure).static())
    assert len(pictures(html)) == 1 and description == "A line that <rises>." and "depths" not in html


def test_outputs_need_no_kernel(figure):
    result = new_output("execute_result", {downloads.WIDGET: {}, "text/html": figure.data, "text/plain": "<Explorer>"},
                        execution_count=7)
    glued = new_output("display_data", {"application/papermill.record/text/plain": "1.0"})
    plain = [new_output("stream", text="epoch 1\n"), new_output("display_data", {"text/html": "<p>✓ Holds</p>"})]
    cell = new_code_cell("1", outputs=[glued, result, *plain], execution_count=2)
    shown = downloads.portable(new_notebook(cells=[cell])).cells[0].outputs
    assert [output.output_type for output in shown] == ["execute_result", "stream", "display_data"]
    assert set(shown[0].data) == {"text/html", "text/plain"} and shown[0].execution_count == 2
    assert shown[0].data["text/plain"] == "A line that <rises>."
    assert shown[2].data["text/html"] == "<p>✓ Holds</p>"


# The built site -------------------------------------------------------------------------------------------------

def offered(chapter) -> Path:
    """The file to which the chapter's download button leads."""
    page = SITE / "book" / f"{chapter.name}.html"
    [address] = re.findall(r'href="([^"]+\.ipynb)"[^>]*btn-download-source-button', page.read_text(encoding="utf-8"),
                           re.DOTALL)
    return (page.parent / address).resolve()


every_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)


@pytest.mark.site
@every_chapter
def test_a_page_offers_its_executed_notebook(chapter):
    path = offered(chapter)
    assert path.name == chapter.path.name and path.is_relative_to(SITE)
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == [cell.id for cell in chapter.notebook.cells]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    html = "".join(output.get("data", {}).get("text/html", "") for cell in code for output in cell.outputs)
    assert pictures(html) and "✓ Holds" in html
    assert not re.search(r"<(script|style|svg)\b", html)
    for picture in pictures(html):
        ElementTree.fromstring(picture)


@pytest.mark.site
@pytest.mark.parametrize("chapter", [
    pytest.param(chapter, id=chapter.name, marks=[pytest.mark.weekly] if number else [])
    for number, chapter in enumerate(CHAPTERS)])
def test_a_downloaded_notebook_runs_again(chapter, tmp_path, monkeypatch):
    from nbclient import NotebookClient

    monkeypatch.setenv("RESNET_CLAIMS", "strict")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    notebook = nbformat.read(offered(chapter), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
                   ).execute()
    assert any("✓ Holds" in output.get("data", {}).get("text/html", "")
               for cell in notebook.cells for output in cell.get("outputs", []))
