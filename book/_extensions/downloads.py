"""What the site offers for download: each chapter's executed notebook, and the whole site as one file.

A notebook is legible wherever it is opened. Jupyter takes scripts, styles and drawings out of the outputs of a notebook
that it does not trust, and without a kernel no widget lives. So each figure becomes a picture, and each explorer the
figure that stands in its place.
"""

from __future__ import annotations

import base64
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
from measured import cache_folder, executed
from sphinx.application import Sphinx

WIDGET = "application/vnd.jupyter.widget-view+json"
GLUED = "application/papermill.record/"
SVG = "http://www.w3.org/2000/svg"
WHOLE = "residual-networks-measured"  # the file with the whole site, and the folder in it
SIZE = "size of the whole site"  # on a page: stands where the size of that file will


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


def pack(site: Path, target: Path) -> int:
    """Write a folder into a zip, the same for the same files; the size of the zip in bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(site.rglob("*")):
            if path.is_file() and path != target:
                entry = zipfile.ZipInfo(f"{WHOLE}/{path.relative_to(site).as_posix()}")
                entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
                packed.writestr(entry, path.read_bytes())
    return target.stat().st_size


def write_whole(app: Sphinx, exception: Exception | None) -> None:
    """Put the finished site into one file beside its first page, and that file's size where pages give it."""
    if exception is None and app.builder.format == "html":
        site = Path(app.outdir)
        target = site / f"{WHOLE}.zip"
        pages = {path: text for path in site.rglob("*.html") if SIZE in (text := path.read_text(encoding="utf-8"))}
        size = f"{pack(site, target) / 1e6:.0f} MB"
        for path, text in pages.items():
            path.write_text(text.replace(SIZE, size), encoding="utf-8")
        pack(site, target)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write_downloads)
    app.connect("build-finished", write_whole, priority=950)  # when every page is as it stays
    return {"parallel_read_safe": True, "parallel_write_safe": True}
