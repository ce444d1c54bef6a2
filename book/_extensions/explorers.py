"""The explorers' scripts: each page loads those of the explorers that stand on it, and no other.

A trained network is a script of its own, loaded only when the reader asks for it. A page that is no notebook asks a
question with `{quiz} NAME`: the question, then each choice as `- [ ] text`, the right one as `- [x] text`, and under
it, indented, what is said to those who choose it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from resnet_lib import explorers, weights

logger = logging.getLogger(__name__)


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
        write_weights(folder, weights.MNIST)


def write_weights(folder: Path, path: Path) -> None:
    """The network of the explorer "digit", which a page loads when its reader wants it; nothing where there is none."""
    if not path.exists():
        return
    try:
        script = explorers.weights_script(explorers.packed(weights.load(path)))
    except weights.WeightsDamaged as error:
        logger.warning(str(error))
        return
    (folder / f"{explorers.WEIGHTS}.js").write_text(script, encoding="utf-8")


CHOICE = re.compile(r"^- \[([ x])\] +", re.MULTILINE)


def question(text: str) -> tuple[str, list[tuple[str, bool, str]]]:
    """The question of a `{quiz}` and its choices: text, whether it is right, feedback. ValueError for other forms."""
    asked, *parts = CHOICE.split(text)
    choices = []
    for mark, choice in zip(parts[::2], parts[1::2], strict=True):
        chosen, _, feedback = choice.partition("\n")
        choices.append((chosen.strip(), mark == "x", " ".join(feedback.split())))
    if not asked.strip() or not choices:
        raise ValueError("A quiz is a question and, under it, choices that begin with `- [ ]` or `- [x]`.")
    return " ".join(asked.split()), choices


class Quiz(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        try:
            quiz = explorers.quiz(self.arguments[0], *question("\n".join(self.content)))
        except ValueError as error:
            raise self.error(str(error)) from None
        return [nodes.raw("", quiz.static(), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("quiz", Quiz)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
