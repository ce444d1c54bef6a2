"""What extensions write into pages and screen readers or speech input stumble over, corrected."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def corrected(body: str) -> str:
    """A page's text without a name that hides the visible one, its Chinese marked as such for screen readers' voices,
    and without wrong roles in the bibliography."""
    body = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")
    body = body.replace('<span class="zh">', '<span class="zh" lang="zh-Hans">')
    if "citation-list" in body:  # one role is deprecated, and as a list its links would not be allowed
        body = body.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
        body = body.replace(' role="doc-biblioentry"', "")
    return body


def correct(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    if "body" in context:
        context["body"] = corrected(context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", correct, priority=900)  # when the other extensions have written
    return {"parallel_read_safe": True, "parallel_write_safe": True}
