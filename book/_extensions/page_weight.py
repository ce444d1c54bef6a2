"""Light pages: one style sheet, with the rules that the site uses, and scripts that wait until the page is there.

The theme and its extensions put ten style sheets on a page, most of whose rules nothing uses, and scripts for what a
page may not have. When all pages are written, each is changed to load what it needs. A page that has been changed
before stays as it is.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tinycss2
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

SHEET = "site.css"
STYLE_LINK = re.compile(
    r'[ \t]*<link(?=[^>]*\brel="stylesheet")[^>]*\bhref="([^"?]*?_static/)([^"?]+)(\?[^"]*)?"[^>]*>\n?')
SCRIPT = re.compile(r'[ \t]*<script(?=[^>]*\bsrc=)([^>]*)\bsrc="([^"?]+)(\?[^"]*)?"([^>]*)></script>\n?')
WHERE = {  # scripts that only some pages need, and what those pages hold
    "clipboard.min": 'class="highlight', "copybutton": 'class="highlight', "design-tabs": 'class="sd-tab-set',
    "togglebutton": r'class="(?:[^"]* )?(?:toggle|admonition [^"]*dropdown|dropdown [^"]*admonition)[ "]',
    "searchtools": 'id="search-results"', "language_data": 'id="search-results"', "searchindex": 'id="search-results"',
    "fontawesome": "(?!)",  # none: book.css draws the icons
}
THEME_UNKNOWN = 'localStorage.getItem("theme") || "auto"'  # its colours would be found, and all drawn again, later
THEME_KNOWN = """localStorage.getItem("theme")
      || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")"""
IN_A_FOLDER = 'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;'  # it is fetched
PLAIN_CODE = re.compile(r'<span class="(?:bp|mf|mh|mi|n|nb|o|p|w)">([^<]*)</span>')  # coloured like any other text
MEASURES_ALL = '["pre",".nboutput > .output_area",".cell_output > .output",".jp-RenderedHTMLCommon",' \
               '".pst-scrollable-table-container"].join(", ")'  # in the theme's script
BOOTSTRAP = {  # the names that its script gives to the parts which the theme uses: menus, hints, what folds, a dialogue
    "show", "fade", "collapse", "collapsing", "collapsed", "dropdown-menu-end", "tooltip", "tooltip-inner",
    "tooltip-arrow", "bs-tooltip-auto", "bs-tooltip-top", "bs-tooltip-bottom", "bs-tooltip-start", "bs-tooltip-end",
    "modal-open", "modal-backdrop",
}


# Style sheets ---------------------------------------------------------------------------------------------------

def names_in_page(page: str) -> set[str]:
    """The classes and identifiers of a page's elements."""
    return {name for match in re.finditer(r'\s(?:class|id)\s*=\s*(?:"([^"]*)"|\'([^\']*)\')', page)
            for name in (match[1] or match[2] or "").split()}


def names_in_script(script: str) -> set[str]:
    """Whatever a script could use as the name of a class or an identifier."""
    return set(re.findall(r"-?[A-Za-z_][\w-]*", script))


CALL = re.compile(r":(is|where|not|has)(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))")


def used(selector: str, known: set[str]) -> bool:
    """Whether a selector can match: each class and identifier is known, and one alternative of each :is(…)."""
    for kind, alternatives in CALL.findall(selector):
        if kind != "not" and not any(used(each, known) for each in selectors(alternatives[1:-1])):
            return False
    plain = re.sub(r"\[[^\]]*\]", "", CALL.sub("", selector))
    return all(name.replace("\\", "") in known for name in re.findall(r"[.#](-?[A-Za-z_](?:[\w-]|\\.)*)", plain))


def selectors(prelude: str) -> list[str]:
    """The selectors of a list, split at the commas that stand in no parenthesis."""
    found, depth = [""], 0
    for character in prelude:
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [selector.strip() for selector in found]


def in_use(rules: Iterable[Any], known: set[str]) -> str:
    """The rules for classes and identifiers that are `known`, without comments and white space."""
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            matching = [s for s in selectors(tinycss2.serialize(rule.prelude)) if used(s, known)]
            if matching:
                kept.append(f"{','.join(matching)}{{{short(rule.content)}}}")
        elif rule.type == "at-rule":
            name, prelude = rule.lower_at_keyword, short(rule.prelude)
            if rule.content is None:
                if name not in ("charset", "import"):  # what is imported stands before it
                    kept.append(f"@{name} {prelude};")
            elif name in ("media", "supports", "container", "layer"):
                inside = in_use(tinycss2.parse_blocks_contents(rule.content, True, True), known)
                if inside:
                    kept.append(f"@{name} {prelude}{{{inside}}}")
            else:
                kept.append(f"@{name} {prelude}".rstrip() + f"{{{short(rule.content)}}}")
    return "".join(kept)


def short(tokens: list[Any]) -> str:
    """CSS without comments and with at most one space between its parts."""
    return "".join(" " if token.type == "whitespace" else token.serialize() for token in tokens
                   if token.type != "comment").strip()


def is_icon_font(rule: Any) -> bool:
    """Whether a rule belongs to Font Awesome, which book.css replaces by a few drawings."""
    if rule.type == "qualified-rule":
        return all(re.match(r"[.:](?:fa[bsr]?\b|fa-|host)", s) for s in selectors(tinycss2.serialize(rule.prelude)))
    return (rule.type == "at-rule" and rule.lower_at_keyword in ("font-face", "keyframes")
            and bool(re.search(r"Font ?\\? ?Awesome|\bfa-", tinycss2.serialize(rule.prelude + (rule.content or [])))))


def one_sheet(static: Path, names: Iterable[str], known: set[str]) -> str:
    """The style sheets `names` of the folder `static`, and what they import, as one with addresses from that folder."""
    parts = []
    for name in names:
        path = static / name
        text = path.read_text(encoding="utf-8")

        def from_static(address: str, folder: Path = path.parent) -> str:
            return os.path.relpath(folder / address, static).replace(os.sep, "/")

        imported = re.findall(r"""@import\s+(?:url\()?\s*["']([^"']+)["']\s*\)?\s*;""", text)
        parts.append(one_sheet(static, map(from_static, imported), known))
        text = re.sub(r"""url\(\s*(["']?)(?!data:|#|/|https?:)([^"')]+)\1\s*\)""",
                      lambda match: f'url("{from_static(match[2])}")', text)
        rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
        if name.startswith("styles/"):  # the theme's
            rules = [rule for rule in rules if not is_icon_font(rule)]
        parts.append(in_use(rules, known))
    return "".join(parts)


# Pages ----------------------------------------------------------------------------------------------------------

def light(page: str, digest: str, options: str) -> str:
    """A page with the one style sheet, and with the scripts that it needs, which wait until it has been read.

    `options`: what `documentation_options.js` says, on which lines of the page itself go on.
    """
    sheets = list(STYLE_LINK.finditer(page))
    link = f'    <link rel="stylesheet" href="{sheets[0][1]}{SHEET}?v={digest}" />\n'
    page = page[:sheets[0].start()] + link + STYLE_LINK.sub("", page[sheets[0].end():])
    page = re.sub(r'[ \t]*<link rel="preload" as="script"[^>]*>\n?', "", page)

    def script(match: re.Match[str]) -> str:
        before, address, version, after = match.groups()
        name = posixpath.basename(address).removesuffix(".js")
        if name in WHERE and not re.search(WHERE[name], page):
            return ""
        if name == "documentation_options":
            return f"    <script>{options}</script>\n"
        rest = re.sub(r'\s*\bdefer(="defer")?', "", before + after).rstrip()
        return f'    <script defer{rest} src="{address}{version or ""}"></script>\n'

    page = SCRIPT.sub(script, page).replace(THEME_UNKNOWN, THEME_KNOWN)
    return PLAIN_CODE.sub(r"\1", page)


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Change what was written in this build; `SHEET` is made of the style sheets that those pages name."""
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html"))}
    new = {path: page for path, page in pages.items() if "documentation_options.js" in page}
    if not new:
        return
    known = set[str]().union(*(names_in_page(page) for page in pages.values()),
                             *(names_in_script(path.read_text(encoding="utf-8")) for path in static.rglob("*.js")
                               if path.stem not in ("bootstrap", "fontawesome")), BOOTSTRAP)
    names = dict.fromkeys(match[2] for page in new.values() for match in STYLE_LINK.finditer(page))
    sheet = one_sheet(static, names, known)
    (static / SHEET).write_text(sheet, encoding="utf-8")
    theme = static / "scripts" / "pydata-sphinx-theme.js"
    text = theme.read_text(encoding="utf-8")
    if MEASURES_ALL not in text:
        logger.warning("the theme's script no longer measures every block of code in the way that is known here")
    theme.write_text(text.replace(MEASURES_ALL, '".none"'), encoding="utf-8")  # page.js does it for what is in view
    options = " ".join((static / "documentation_options.js").read_text(encoding="utf-8").split())
    options += f" {IN_A_FOLDER}"
    digest = hashlib.sha256(sheet.encode()).hexdigest()[:8]
    for path, page in new.items():
        path.write_text(light(page, digest, options), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
