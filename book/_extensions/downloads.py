"""The notebook that a chapter's page offers for download: executed, and legible wherever it is opened.

Jupyter takes scripts, styles and drawings out of the outputs of a notebook that it does not trust, and without a
kernel no widget lives. So each figure becomes a picture, and each explorer the figure that stands in its place.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
from measured import cache_folder, executed
from sphinx.application import Sphinx

WIDGET = "application/vnd.jupyter.widget-view+json"
GLUED = "application/papermill.record/"
SVG = "http://www.w3.org/2000/svg"


def as_picture(figure: str) -> tuple[str, str]:
    """A figure of `plots` as HTML with one picture, light on white, and its description."""
    parts = ElementTree.fromstring(figure)
    drawing = next(svg for svg in parts.iter("svg") if svg.get("class") != "dark")
    description, width, height = (drawing.get(name, "") for name in ("aria-label", "width", "height"))
    drawing.attrib = {"xmlns": SVG, **drawing.attrib}
    drawing.insert(0, ElementTree.Element("rect", width="100%", height="100%", fill="#fff"))
    content = base64.b64encode(ElementTree.tostring(drawing)).decode()
    image = ElementTree.Element("img", src=f"data:image/svg+xml;base64,{content}", alt=description,
                                width=width, height=height)
    caption = parts.find("figcaption")
    shown = [image] if caption is None else [image, caption]
    inner = "".join(ElementTree.tostring(element, encoding="unicode") for element in shown)
    return f"<figure>{inner}</figure>", description


def still(html: str) -> tuple[str, str]:
    """An output's HTML without scripts, styles and drawings, and the descriptions of its figures."""
    descriptions = []

    def replaced(figure: re.Match) -> str:
        picture, description = as_picture(figure[0])
        descriptions.append(description)
        return picture

    html = re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.DOTALL)
    html = re.sub(r'<figure class="measured">.*?</figure>', replaced, html, flags=re.DOTALL)
    return html, "\n".join(descriptions)


def portable(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The executed notebook, changed in place so that its outputs need neither a kernel nor trust."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs
                            if not all(kind.startswith(GLUED) for kind in output.get("data", ["stream"]))]
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = cell.execution_count
                data = output.get("data", {})
                data.pop(WIDGET, None)
                if "text/html" in data:
                    data["text/html"], description = still(data["text/html"])
                    data["text/plain"] = description or data.get("text/plain", "")
    return notebook


def write_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Put the executed notebooks where the pages' download buttons lead."""
    if exception is None and app.builder.format == "html":
        for page in sorted(app.env.found_docs):
            source = Path(app.env.doc2path(page))
            offered = Path(app.outdir, "_sources", f"{page}.ipynb")
            if source.suffix == ".ipynb" and offered.exists():
                nbformat.write(portable(executed(source, cache_folder(app))), offered)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write_downloads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
