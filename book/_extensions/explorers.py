"""The explorers' scripts: each page loads those of the explorers that stand on it, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from resnet_lib import explorers


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """A page's scripts, after its text has been read."""
    for name in sorted(set(re.findall(r'data-explorer="([\w-]+)"', context.get("body", "")))):
        app.add_js_file(f"explorers/page/{name}.js", loading_method="defer")


def write_scripts(app: Sphinx, exception: Exception | None) -> None:
    """What `add_scripts` names, made from the modules that notebooks use."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir) / "_static" / "explorers" / "page"
        folder.mkdir(parents=True, exist_ok=True)
        for source in explorers.FOLDER.glob("*.js"):
            if source.stem not in ("common", "host"):
                (folder / source.name).write_text(explorers.script(source.stem), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
