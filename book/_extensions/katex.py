"""Mathematics drawn by KaTeX while the site is built: a page needs neither a script nor another site for it.

The formula's MathML comes with it, for screen readers. A formula that KaTeX cannot read is a warning, and so
stops a build that takes warnings as errors.
"""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.domains.math import MathDomain
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
SCRIPT = Path(__file__).parent / "vendor" / "katex.min.js"
STYLE = "vendor/katex/katex.min.css"
OPTIONS = {"throwOnError": True, "strict": "error", "output": "htmlAndMathml"}

_engine: MiniRacer | None = None


def render(formula: str, display: bool = False) -> str:
    """HTML of one LaTeX formula. Raises ValueError with KaTeX's explanation when it cannot be read."""
    global _engine
    if _engine is None:
        _engine = MiniRacer()
        atexit.register(_engine.close)  # when Python itself ends it, Python 3.13 may wait for its thread for ever
        _engine.eval(SCRIPT.read_text(encoding="utf-8"))
    try:
        return _engine.call("katex.renderToString", formula, {**OPTIONS, "displayMode": display})
    except JSEvalException as error:
        explanation = str(error).split("ParseError: ")[-1].splitlines()[0]
        raise ValueError(explanation) from None


def _html(formula: str, display: bool, node: nodes.Element) -> str:
    try:
        return render(formula, display)
    except ValueError as error:
        logger.warning("%s in the formula %r", error, formula, location=node)
        return f"<code>{nodes.Text(formula).astext()}</code>"


def visit_inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{_html(node.astext(), False, node)}</span>')
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(_html(node.astext(), True, node) + "</div>\n")
    raise nodes.SkipNode


def add_style(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Only pages with formulas load KaTeX's style sheet."""
    if cast(MathDomain, app.env.get_domain("math")).has_equations(pagename):
        app.add_css_file(STYLE)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.connect("html-page-context", add_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
