"""The explorers' scripts: each page loads those of the explorers that stand on it, and no other.

A trained network is a script of its own, loaded only when the reader asks for it. A page that is no notebook asks a
question with `{quiz} NAME`: the question, then each choice as `- [ ] text`, the right one as `- [x] text`, and under
it, indented, what is said to those who choose it. `:answered: PAGE#PLACE` names the place that answers it, and a text
may hold ``{glue:text}`FILE.ipynb::KEY:FORMAT` ``. `{print-questions}` makes such a page a paper: printed, it has boxes
to tick and no answers, until its second button asks for them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalogue import printed_quiz
from docutils import nodes
from docutils.parsers.rst import directives
from measured import printed
from myst_nb.core.variables import format_plain_text
from myst_nb.ext.glue.crossref import read_glue_cache
from paths import PlaceLink
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from resnet_lib import explorers, weights

logger = logging.getLogger(__name__)


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """A page's scripts, after its text has been read."""
    for name in sorted(set(re.findall(r'data-explorer="([\w-]+)"', context.get("body", "")))):
        app.add_js_file(f"explorers/page/{name}.js", loading_method="defer")
    if 'class="print-questions"' in context.get("body", ""):
        app.add_js_file("scripts/print.js", loading_method="defer")


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


GLUE = re.compile(r"\{glue:text\}`([^`:]+\.ipynb)::([^`:]+):([^`]+)`")


def glued(text: str, value: Callable[[str, str], str]) -> str:
    """A text with the numbers of its glue roles in their place; `value` gives the output called KEY of a FILE."""
    return GLUE.sub(lambda role: printed(format_plain_text(value(role[1], role[2]), role[3])), text)


class QuizPlaceholder(nodes.General, nodes.Element):
    """Stands in the document tree where a question will be, until all notebooks have been read."""


class Quiz(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec = {"answered": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        name, text = self.arguments[0], "\n".join(self.content)
        try:
            explorers.quiz(name, *question(text))
        except ValueError as error:
            raise self.error(str(error)) from None
        self.env.metadata[self.env.docname]["asks"] = "yes"
        found: list[nodes.Node] = [QuizPlaceholder(quiz=name, text=text)]
        if place := self.options.get("answered"):
            page, _, section = place.partition("#")
            self.env.metadata[self.env.docname]["lists_paths"] = "yes"
            found.append(nodes.paragraph("", "Read on: ", PlaceLink(page=f"book/{page}", place=section),
                                         classes=["answered"]))
        return found


class PrintQuestions(SphinxDirective):
    """Two buttons, which a script brings to life; without it the page prints as questions."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", '<p class="print-questions"><button type="button" hidden>Print the questions</button> '
                              '<button type="button" hidden>Print with answers</button></p>', format="html")]


def fill_quizzes(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    def value(file: str, key: str) -> str:
        page = posixpath.normpath(posixpath.join(posixpath.dirname(docname), file)).removesuffix(".ipynb")
        data = read_glue_cache(str(app.env.mystnb_config.output_folder), page).get(key, {}).get("data", {})
        if "text/plain" not in data:
            logger.warning("a question names %s::%s, which no cell has glued", file, key, location=docname)
        return data.get("text/plain", "nan")

    for node in list(doctree.findall(QuizPlaceholder)):
        quiz = explorers.quiz(node["quiz"], *question(glued(node["text"], value)))
        node.replace_self(nodes.raw("", printed_quiz(quiz.state), format="html"))


def pages_with_questions(app: Sphinx, env: BuildEnvironment) -> list[str]:
    return [page for page, metadata in env.metadata.items() if metadata.get("asks")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(QuizPlaceholder)
    app.add_directive("quiz", Quiz)
    app.add_directive("print-questions", PrintQuestions)
    app.connect("env-updated", pages_with_questions)
    app.connect("doctree-resolved", fill_quizzes)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
