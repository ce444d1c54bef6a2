"""What search engines and previews of links see: a description and a picture of each page, a sitemap, a page 404.

`html_baseurl`, the address at which the site is published, makes them complete. Without it a picture's address is
relative, there is no sitemap, and the page 404 leads to the root of its server.
"""

from __future__ import annotations

import posixpath
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlparse

import matplotlib.pyplot as plt
import measured
from docutils import nodes
from sphinx.application import Sphinx

from resnet_lib.claims import Claim, number
from resnet_lib.plots import LIGHT

LONGEST = 200  # characters of a description: about what is shown
WIDTH, HEIGHT = 1200, 630  # pixels of a preview, the size that the Open Graph protocol's readers expect


# Description ----------------------------------------------------------------------------------------------------

def description(doctree: nodes.document) -> str:
    """What the reader can do after a chapter, or the first paragraph of another page; "" when there is neither."""
    paragraphs = [node for node in doctree.findall(nodes.paragraph) if words(node)]
    for paragraph in paragraphs:
        aims = paragraph.next_node(siblings=True, descend=False)
        if words(paragraph) == "After this chapter you can" and isinstance(aims, nodes.bullet_list):
            return shortened(f"{words(paragraph)} {' '.join(words(item) for item in aims.children)}")
    return shortened(words(paragraphs[0])) if paragraphs else ""


def words(node: nodes.Node) -> str:
    return " ".join(node.astext().split())


def shortened(text: str) -> str:
    return textwrap.shorten(text, LONGEST, placeholder=" …")


# Picture --------------------------------------------------------------------------------------------------------

def draw_preview(path: Path, title: str, text: str, claim: Claim | None) -> None:
    """A picture with the page's title and a claim with its measurement, or `text` where the page has no claim."""
    figure = plt.figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=LIGHT.page)
    place = {"ha": "left", "va": "top", "transform": None, "parse_math": False}  # in pixels from the lower left
    lines = textwrap.wrap(title, 34)[:2]
    figure.text(70, HEIGHT - 120, "\n".join(lines), color=LIGHT.ink, fontsize=42, weight="bold", family="serif",
                linespacing=1.15, **place)
    figure.text(70, HEIGHT - 55, "Residual Networks, Measured", color=LIGHT.muted, fontsize=19, family="sans-serif",
                **place)
    top = HEIGHT - 130 - 75 * len(lines)
    figure.add_artist(plt.Line2D([70, WIDTH - 70], [top, top], color=LIGHT.ink, linewidth=3, transform=None))
    if claim:
        figure.text(70, top - 28, "✓ Holds" if claim.holds else "✗ Does not hold here", color=LIGHT.ink, fontsize=18,
                    weight="bold", family="DejaVu Sans", **place)
        text = claim.statement
    text_lines = textwrap.wrap(text, 64)[:4]
    figure.text(70, top - 70, "\n".join(text_lines), color=LIGHT.ink, fontsize=22, family="sans-serif",
                linespacing=1.4, **place)
    if claim:
        figure.text(70, top - 100 - 43 * len(text_lines), f"Measured: {claim.with_unit(number(claim.value))}",
                    color=LIGHT.ink, fontsize=28, weight="bold", family="sans-serif", **place)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


# Pages ----------------------------------------------------------------------------------------------------------

def tags(app: Sphinx, pagename: str, context: dict, doctree: nodes.document) -> Iterator[tuple[str, str, str]]:
    """The page's meta elements: the attribute that names each, its name and its content."""
    title = " ".join(app.env.titles[pagename].astext().split())
    text = description(doctree)
    claims = measured.chapter(app, pagename, pagename).claims
    picture = f"_static/previews/{pagename.removeprefix('book/').replace('/', '-')}.png"
    draw_preview(Path(app.outdir, picture), title, text, claims[0] if claims else None)
    if text:
        yield "name", "description", text
        yield "property", "og:description", text
    yield "property", "og:title", title
    yield "property", "og:site_name", app.config.html_title
    yield "property", "og:type", "article"
    if app.config.html_baseurl:
        yield "property", "og:url", urljoin(app.config.html_baseurl, app.builder.get_target_uri(pagename))
    yield "property", "og:image", (urljoin(app.config.html_baseurl, picture) if app.config.html_baseurl
                                   else context["pathto"](picture, 1))
    yield "property", "og:image:width", str(WIDTH)
    yield "property", "og:image:height", str(HEIGHT)
    yield "property", "og:image:alt", title
    yield "name", "twitter:card", "summary_large_image"


def add_tags(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    if doctree is not None and app.builder.format == "html":
        context["metatags"] = context.get("metatags", "") + "".join(
            f'\n    <meta {kind}="{name}" content="{escape(content)}" />'
            for kind, name, content in tags(app, pagename, context, doctree))


def not_found(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """The page that a server shows for an address that does not exist, at whatever depth."""
    if app.builder.format == "html":
        root = posixpath.join(urlparse(app.config.html_baseurl).path or "/", "")
        pages = [(root + app.builder.get_target_uri(page), app.env.titles[page].astext())
                 for page in measured.reading_order(app.env)]
        yield "404", {"root": root, "pages": pages}, "404.html"


def write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html" and app.config.html_baseurl:
        addresses = [urljoin(app.config.html_baseurl, app.builder.get_target_uri(page))
                     for page in measured.reading_order(app.env)]
        entries = "".join(f"<url><loc>{escape(address)}</loc></url>\n" for address in addresses)
        Path(app.outdir, "sitemap.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
            f"{entries}</urlset>\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_tags)
    app.connect("html-collect-pages", not_found)
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
