"""What is left of style sheets and scripts when a page loads only what it needs."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "book" / "_extensions"))

import page_weight  # noqa: E402


@pytest.mark.parametrize("selector, known, matches", [
    (".a", {"a"}, True), (".a .b", {"a"}, False), ("#a.b", {"a", "b"}, True), ("div > p", set(), True),
    (":is(.a, .b)::before", {"b"}, True), (":is(.a, .b) .c", {"c"}, False), (":where(.a)", set(), False),
    ("div:not(.a)", set(), True), ("div:not(:is(.a, .b))", set(), True), ("a:has(> .b)", set(), False),
    ('[class*=".a"] p', set(), True), (r".md\:a", {"md:a"}, True), (".a-b", {"a"}, False),
])
def test_a_rule_stays_when_something_can_match_it(selector, known, matches):
    assert page_weight.used(selector, known) is matches


def test_the_sheet_has_what_is_used_in_the_order_of_the_sources(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "styles" / "first.css").write_text(
        '@charset "utf-8"; @import "../base.css";\n/* c */ .a , .gone { color : red }')
    (tmp_path / "base.css").write_text("body { margin: 0; background: url(b.png) } .gone { margin: 0 }")
    (tmp_path / "second.css").write_text(
        "@media (width > 9px) { .a { color: blue } .gone { color: blue } } @media print { .gone { color: red } }"
        '@font-face { font-family: F; src: url("fonts/f.woff2") } .a::after { content: "; , {" }')
    sheet = page_weight.one_sheet(tmp_path, ["styles/first.css", "second.css"], {"a"})
    assert sheet == ('body{margin: 0; background: url("b.png")}.a{color : red}'
                     "@media (width > 9px){.a{color: blue}}"
                     '@font-face{font-family: F; src: url("fonts/f.woff2")}.a::after{content: "; , {"}')


def test_the_icon_font_is_left_out_of_the_themes_sheets_only(tmp_path):
    (tmp_path / "styles").mkdir()
    icons = '@font-face{font-family:"Font Awesome 6 Free";src:url(f.woff2)}.fa-bars::before{content:"x"}.fas{margin:0}'
    for name in ("styles/theme.css", "book.css"):
        (tmp_path / name).write_text(icons)
    known = {"fas", "fa-bars"}
    assert page_weight.one_sheet(tmp_path, ["styles/theme.css"], known) == ""
    assert ".fa-bars::before" in page_weight.one_sheet(tmp_path, ["book.css"], known)


PAGE = """<head>
    <script>theme = localStorage.getItem("theme") || "auto";</script>
    <link href="../_static/styles/theme.css?digest=1" rel="stylesheet" />
    <link rel="preload" as="script" href="../_static/scripts/bootstrap.js" />
    <link rel="stylesheet" type="text/css" href="../_static/pygments.css" />
    <script src="../_static/documentation_options.js?v=1"></script>
    <script defer="defer" src="../_static/doctools.js"></script>
    <script src="../_static/togglebutton.js"></script>
    <script src="../_static/searchtools.js"></script>
    <script>DOCUMENTATION_OPTIONS.pagename = "a";</script>
</head>"""


def test_a_page_loads_one_sheet_and_the_scripts_that_it_needs():
    page = page_weight.light(PAGE, "d1", "const DOCUMENTATION_OPTIONS = {};")
    assert page.count('rel="stylesheet"') == 1 and 'href="../_static/site.css?v=d1"' in page
    assert "preload" not in page and "togglebutton" not in page and "searchtools" not in page
    assert '<script defer src="../_static/doctools.js"></script>' in page
    assert page.index("const DOCUMENTATION_OPTIONS") < page.index("DOCUMENTATION_OPTIONS.pagename")
    assert "prefers-color-scheme" in page
    code = '<span class="k">def</span><span class="w"> </span><span class="nf">f</span><span class="p">(</span>'
    assert '<span class="k">def</span> <span class="nf">f</span>(' in page_weight.light(PAGE + code, "d1", "")
    with_toggle = page_weight.light(PAGE + '<div class="solution dropdown admonition">', "d1", "")
    assert '<script defer src="../_static/togglebutton.js"></script>' in with_toggle
