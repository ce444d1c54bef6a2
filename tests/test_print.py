"""The print edition: what becomes of the site's pages, and what the PDF holds."""

from __future__ import annotations

import base64
import ctypes
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from bs4 import BeautifulSoup, Tag

from tools import print as edition
from tools.chapters import toc_files

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PAGE = """<!DOCTYPE html><html><head><title>{title}</title></head><body><nav><a href="x.html">Menu</a></nav>
<article><section id="top"><h1>{title}<a class="headerlink" href="#top">#</a></h1>{body}</section></article></body>"""
CHAPTER = """
<p>See <a href="https://example.org/a/paper">a paper</a>, <a href="https://example.org/plain">example.org/plain</a>, the
<a href="glossary.html#term-skip">skip</a>, <a href="glossary.html">the words</a>, <a href="#later">a later place</a>,
<a href="../../genindex.html">an index</a>, <strong>py-spy</strong> <span class="bibtex-citation">(<a
title="py-spy: a program. URL: https://example.org/py-spy." href="glossary.html">py-spy</a>)</span>,
<a download href="../runs/x.json">a file</a>, <a href="#nowhere">a gap</a>.
</p>
<div class="cell"><div class="cell_input"><pre>shown = 1</pre></div></div>
<div class="cell"><details class="hide"><summary>Show</summary><pre>hidden = 2</pre></details>
<figure class="measured" id="figure-1"><div class="wide"><svg class="light" viewBox="0 0 9 9" width="90" height="90">
<text fill="var(--muted,#545D68)"><tspan style="font-size:10px" x="8" y="1">&#x302;</tspan></text></svg>
<svg class="dark" viewBox="0 0 9 9"></svg></div><div class="narrow"><svg viewBox="0 0 9 9"></svg></div>
<figcaption>A line.</figcaption></figure></div>
<div data-explorer="quiz"><script type="application/json">{}</script><div class="quiz-unfolded"><p>Which?</p><ul>
<li>a) This.<details><summary>If you chose this</summary><p><strong>Not quite.</strong> A trap: 7 %.</p></details></li>
<li>b) That.<details><summary>If you chose this</summary><p><strong>Right.</strong> Indeed.</p></details></li></ul>
</div></div>
<p class="answered">Read on: there.</p>
<section id="later"><h2>Later</h2><p>Below.</p><img src="../../_images/dot.png" alt="A dot"></section>
<div class="exercise admonition" id="count"><p class="admonition-title"><span class="caption-number">Exercise 1 </span>
</p><section id="exercise-content"><p>Count.</p></section></div>
<div class="solution admonition" id="s"><p class="admonition-title">Solution</p>
<section id="solution-content"><p>It is seven.</p></section></div>
<div class="definitions"><div class="definition" hidden>Popped up</div></div>
"""
SCREEN = """
<div class="cell"><div class="cell_output"><pre>… Not answered yet: put your answer in place.
</pre></div></div>
<div class="laboratory"><div class="recorded-strip"><strong>Live laboratory</strong> · needs a kernel</div></div>
<div class="sounds"><div class="sound"><span>seven, theo</span><audio src="x"></audio></div></div>
<figure><figcaption>Ten seeds. With JavaScript you could
choose here. Recorded.</figcaption></figure>
<p>It costs <span>10</span> % of 5
points, 3 × 4 times, in 12 places. <code>7 %</code></p>
<p class="progress">Kept in <a href="../reference/progress.html">your progress</a>.</p>
<table class="ledger"><thead><tr><th>Claim</th><th>Measured</th><th>Expected</th><th>Paper</th></tr></thead>
<tbody><tr><th colspan="4">A chapter</th></tr>
<tr><td>One.</td><td>1</td><td>at most 2</td><td data-label="Paper">–</td></tr>
<tr><td>Two.</td><td>2</td><td>at most 3</td><td data-label="Paper">Zhao, Table 2</td></tr></tbody></table>
"""
GLOSSARY = """<dl class="glossary"><dt id="term-skip">skip</dt><dd><span class="zh" lang="zh-Hans">捷径连接</span> –
<span lang="ja">残差接続</span>, <span lang="ko">잔차 연결</span>: it isn’t “new”.</dd></dl>"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A book of three pages with its site."""
    (tmp_path / "_config.yml").write_text("title: A small book\n")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n- caption: Concepts\n  chapters:\n  - file: book/concepts/first\n"
        "    sections:\n    - file: book/concepts/glossary\n    - file: book/reference/progress\n")
    site = tmp_path / "_build" / "html"
    for name in ("_images", "book/concepts", "_static/vendor/katex"):
        (site / name).mkdir(parents=True)
    (site / "index.html").write_text("")
    (site / "_images" / "dot.png").write_bytes(base64.b64decode(PIXEL))
    (site / "_static/vendor/katex/katex.min.css").write_text("")
    for name, title, body in (("index", "Welcome", "<p>Read.</p>"), ("concepts/first", "The first chapter", CHAPTER),
                              ("concepts/glossary", "Glossary", GLOSSARY)):
        (site / f"book/{name}.html").write_text(PAGE.format(title=title, body=body), encoding="utf-8")
    return tmp_path


def prepared(root: Path) -> BeautifulSoup:
    return BeautifulSoup(edition.prepare(root), "html.parser")


def welcome(root: Path, body: str) -> None:
    """Give the first page another content."""
    page = root / "_build/html/book/index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("<p>Read.</p>", body), encoding="utf-8")


def text_of(tag: Any) -> str:
    return " ".join(tag.get_text(" ").split())


def without_answers(book: BeautifulSoup) -> Tag:
    chapter = book.find(id="concepts-first")
    assert isinstance(chapter, Tag)
    return chapter


# The prepared HTML ----------------------------------------------------------------------------------------------

def test_without_a_site_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="There is no site yet: run make book first"):
        edition.prepare(tmp_path)


@pytest.mark.parametrize(("lost", "said"), [("book/concepts/glossary.html", "lacks the page book/concepts/glossary"),
                                            ("_images/dot.png", "picture is missing")])
def test_what_the_site_lacks_is_named(small: Path, lost: str, said: str) -> None:
    (small / "_build/html" / lost).unlink()
    with pytest.raises(SystemExit, match=said):
        edition.prepare(small)


def test_without_a_font_for_chinese_it_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout="\n"))
    with pytest.raises(SystemExit, match="apt-get install fonts-noto-cjk"):
        edition.check_fonts()


def test_the_pages_follow_the_table_of_contents(small: Path) -> None:
    book = prepared(small)
    assert [tag.get_text() for tag in book.select("h1")] == [
        "About this edition", "Contents", "Welcome", "Concepts", "The first chapter", "Glossary",
        "Solutions and answers", "The first chapter"]
    assert [(tag["class"][0], tag.get_text()) for tag in book.select("nav p")] == [
        ("chapter", "Welcome"), ("part", "Concepts"), ("chapter", "The first chapter"), ("section", "Later"),
        ("chapter", "Glossary"), ("part", "Solutions and answers")]
    assert "A small book" in text_of(book.select_one(".opening")) and "Print edition of" in text_of(book)


def test_what_only_a_browser_can_use_is_gone(small: Path) -> None:
    book = prepared(small)
    for gone in ("script", "button", "details", ".dark", ".narrow", ".headerlink", ".definitions"):
        assert book.select(gone) == []
    assert "shown = 1" in text_of(book)
    for gone in ("hidden = 2", "Popped up", "Menu", "If you chose this"):
        assert gone not in text_of(book)


def test_a_figure_keeps_its_drawing_in_light_colours(small: Path) -> None:
    [figure] = prepared(small).select("figure")
    assert [tag["fill"] for tag in figure.select("svg text")] == ["#545D68"]
    [accent] = figure.select("tspan")
    assert accent.get_text() == "ˆ" and accent["x"] == "3.00"


def test_headings_of_every_chapter_are_not_in_the_contents(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Later" in text_of(prepared(small).nav)
    monkeypatch.setattr(edition, "COMMON", 1)
    assert "Later" not in text_of(prepared(small).nav)


def test_what_speaks_of_a_browser_is_put_into_words_for_paper(small: Path) -> None:
    welcome(small, SCREEN)
    chapter = prepared(small).select_one("#index")
    said = text_of(chapter)
    for gone in ("Not answered yet", "needs a kernel", "With JavaScript"):
        assert gone not in said
    for there in ("Finished runs of the live laboratory.", "To be heard on the site: seven, theo.",
                  "Ten seeds. On the site this picture can be changed. Recorded."):
        assert there in said
    assert chapter is not None and chapter.select(".progress") != [] == chapter.select(".progress a")


def test_numbers_keep_their_units(small: Path) -> None:
    welcome(small, SCREEN)
    said = str(prepared(small))
    assert "<span>10</span>\xa0% of 5\xa0points, 3\xa0×\xa04\xa0times, in 12 places. <code>7 %</code>" in said


def test_what_a_paper_reports_stands_below_the_claim(small: Path) -> None:
    welcome(small, SCREEN)
    rows = [[text_of(cell) for cell in row.select("th, td")] for row in prepared(small).select(".ledger tr")]
    assert rows == [["Claim", "Measured", "Expected"], ["A chapter"], ["One.", "1", "at most 2"],
                    ["Two. Paper: Zhao, Table 2", "2", "at most 3"]]


@pytest.mark.parametrize(("length", "size"), [(90, None), (100, 6.93), (300, 6.0)])
def test_long_lines_make_code_smaller_within_limits(small: Path, length: int, size: float | None) -> None:
    welcome(small, f"<pre>{'x' * length}\n</pre>")
    [code] = prepared(small).select("#index pre")
    assert code.get("style") == (size and f"font-size: {size:.2f}pt")


def test_solutions_and_answers_stand_at_the_end(small: Path) -> None:
    book = prepared(small)
    chapter = text_of(without_answers(book))
    assert "Count." in chapter and "Which?" in chapter and "a) This." in chapter
    end = text_of(book.select_one("section.answers"))
    for moved in ("It is seven.", "a) Not quite. A trap: 7 %.", "b) Right. Indeed.", "Read on: there."):
        assert moved not in chapter and moved in end
    assert "A trap: 7\xa0%." in str(book)
    pairs = {(str(tag["href"]), text_of(tag)) for tag in book.select(".see a, .answer-title a")}
    assert pairs == {("#concepts-first--count--solution", "Solution:"), ("#concepts-first--count", "Exercise 1"),
                     ("#concepts-first--question-1--answer", "Answer:"), ("#concepts-first--question-1", "Question 1")}
    assert {address.removeprefix("#") for address, _ in pairs} <= {str(tag["id"]) for tag in book.find_all(id=True)}


def test_links_lead_into_the_book_or_become_footnotes(small: Path) -> None:
    chapter = without_answers(prepared(small))
    found = {text_of(tag): (tag.get("class"), tag.get("href")) for tag in chapter.select("p a")}
    assert found["a paper"] == (["outside"], "https://example.org/a/paper")
    assert found["skip"] == (["place"], "#concepts-glossary--term-skip")
    assert found["the words"] == (["place"], "#concepts-glossary")
    assert found["a later place"] == (["place"], "#concepts-first--later")
    assert "an index" not in found and "a file" not in found and found["a gap"][1] is None
    assert [text_of(tag) for tag in chapter.select(".footnote")] == [
        "https://example.org/a/paper", "https://example.org/py-spy"]
    assert "py-spy)" not in text_of(chapter)


# The PDF --------------------------------------------------------------------------------------------------------

def can_print() -> str:
    """Why this machine cannot print, or "" if it can."""
    try:
        edition.engine()
        edition.check_fonts()
    except SystemExit as reason:
        return str(reason)
    return ""


printing = pytest.mark.skipif(bool(can_print()), reason=f"this machine cannot print: {can_print()}")


def fonts(document: pypdfium2.PdfDocument) -> dict[str, bool]:
    """The fonts with which text is set, and whether each is embedded."""
    found: dict[str, bool] = {}
    for page in document:
        for thing in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT], max_depth=8):
            font = pdfium.FPDFTextObj_GetFont(thing)
            name = ctypes.create_string_buffer(200)
            pdfium.FPDFFont_GetBaseFontName(font, name, 200)
            found[name.value.decode()] = pdfium.FPDFFont_GetIsEmbedded(font) == 1
        page.close()
    return found


def outline(document: pypdfium2.PdfDocument) -> list[tuple[int, str, int]]:
    """Level, title and page, from 0, of each bookmark."""
    return [(mark.level, mark.get_title(), mark.get_dest().get_index()) for mark in document.get_toc()]


def numbers(document: pypdfium2.PdfDocument) -> list[tuple[str, int]]:
    """Each link that ends with the number of a page: its text, and the page to which it leads."""
    found = []
    for page in document:
        text = page.get_textpage()
        place, link, box = ctypes.c_int(0), pdfium.FPDF_LINK(), pdfium.FS_RECTF()
        while pdfium.FPDFLink_Enumerate(page, place, link):
            target = pdfium.FPDFLink_GetDest(document, link)
            pdfium.FPDFLink_GetAnnotRect(link, box)
            said = text.get_text_bounded(box.left, box.bottom, box.right, box.top).strip().replace("\xa0", " ")
            if target and re.search(r"(\.\. ?|p\.\s)\d+$", said):
                found.append((said, pdfium.FPDFDest_GetDestPageIndex(document, target) + 1))
    return found


def outside(page: pypdfium2.PdfPage, margin: float) -> list[str]:
    """The characters, with their places in points, that stand nearer to the left or right edge than a margin."""
    text = page.get_textpage()
    boxes = [(text.get_charbox(index), text.get_text_range(index, 1)) for index in range(text.count_chars())]
    return [f"{character} at {box[0]:.0f}" for box, character in boxes
            if character.strip() and box[2] > box[0] and (box[0] < margin or box[2] > page.get_width() - margin)]


@pytest.fixture
def printed(small: Path) -> Iterator[pypdfium2.PdfDocument]:
    document = pypdfium2.PdfDocument(edition.make(small))
    yield document
    document.close()


@printing
def test_the_pdf_has_title_language_outline_and_its_own_fonts(printed: pypdfium2.PdfDocument) -> None:
    assert printed.get_metadata_dict()["Title"] == "A small book"
    marks = outline(printed)
    assert [(level, title) for level, title, _ in marks] == [
        (0, "About this edition"), (0, "Contents"), (0, "Welcome"), (0, "Concepts"), (1, "The first chapter"),
        (2, "Later"), (1, "Glossary"),
        (0, "Solutions and answers"), (1, "The first chapter")]
    used = fonts(printed)
    assert all(used.values()) and len(used) >= 3


@printing
def test_page_numbers_footnotes_and_chinese_are_on_the_pages(printed: pypdfium2.PdfDocument) -> None:
    texts = [" ".join(page.get_textpage().get_text_range().split()) for page in printed]
    pages = {title: index for _, title, index in reversed(outline(printed))}  # the first of that name
    chapter, glossary, end = (pages[name] for name in ("The first chapter", "Glossary", "Solutions and answers"))
    assert f"Solution: p. {end + 2}" in texts[chapter].replace("\xa0", " ") and "It is seven." in texts[end + 1]
    assert f"Exercise 1 p. {chapter + 1}" in texts[end + 1].replace("\xa0", " ")
    assert "1 https://example.org/a/paper" in texts[chapter]
    assert f"the words p. {glossary + 1}" in texts[chapter].replace("\xa0", " ")
    assert len(numbers(printed)) > 20 and all(said.endswith(f" {page}") for said, page in numbers(printed))
    for words in ("捷径连接", "残差接続", "잔차"):
        assert words in texts[glossary]
    for index, page in enumerate(printed):
        assert outside(page, 70) == [], index


@printing
@pytest.mark.parametrize("wide", ["<pre>" + "x" * 300 + "</pre>", f"<p><code>{'y' * 300}</code></p>"])
def test_long_code_stays_on_the_page(small: Path, wide: str) -> None:
    welcome(small, wide)
    document = pypdfium2.PdfDocument(edition.make(small))
    assert [outside(page, 70) for page in document] == [[]] * len(document)


@printing
def test_no_line_ends_after_its_first_word(small: Path) -> None:
    """WeasyPrint breaks so where the space before an element is what the line has no room for."""
    said = '<p style="width: {}px">Our test stops at the first success; a sum works like a <em>momentum</em>.</p>'
    welcome(small, "".join(map(said.format, range(330, 400))))
    document = pypdfium2.PdfDocument(edition.make(small))
    lines = [line.strip() for page in document for line in page.get_textpage().get_text_range().splitlines()]
    assert sum(line.startswith("Our ") for line in lines) == 70 and "Our" not in lines


@printing
def test_numbers_of_pages_that_never_settle_are_no_book(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edition, "ROUNDS", 1)
    with pytest.raises(SystemExit, match="numbers of pages still change"):
        edition.make(small)


@printing
@pytest.mark.weekly
def test_the_whole_book(tmp_path: Path) -> None:
    if not (SITE / "index.html").exists():
        pytest.skip("there is no site: make book")
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "_build").mkdir()
    (tmp_path / "_build/html").symlink_to(SITE)
    book = prepared(tmp_path)
    ends = {tag.h1["id"].removesuffix("--answers"): tag for tag in book.select("section.answers")}
    titles, said = [], ""
    for name in (name for name in toc_files(ROOT) if name not in edition.LEFT_OUT):  # each figure, chapter by chapter
        page = BeautifulSoup((SITE / f"{name}.html").read_text(encoding="utf-8"), "html.parser").find("article")
        place = edition.name_of(name)
        chapter = book.find(id=place)
        both = [tag for tag in (chapter, ends.get(place)) if isinstance(tag, Tag)]
        for kind in ("figure", "figure svg:not(.dark, .narrow svg)", "img:not(.only-dark)", "table", ".claim",
                     ".katex"):
            hidden = len(page.select(".definitions .katex")) if kind == ".katex" else 0
            assert sum(len(tag.select(kind)) for tag in both) == len(page.select(kind)) - hidden, (name, kind)
        titles.append(text_of(chapter.h1))
        said += text_of(page)
    assert [words for words in edition.ON_PAPER if not re.search(words, said)] == []
    for words in ("With JavaScript", "needs a kernel:", edition.UNANSWERED):
        assert words in said and words not in text_of(book)
    links = [str(tag["href"]) for tag in book.select("a[href]")]
    assert [link for link in links if not re.match("#|https?://", link) or "//127.0.0.1" in link] == []
    assert all(str(tag["src"]).startswith("file:///") for tag in book.select("img"))  # there: prepare has looked
    target = edition.make(tmp_path)
    assert target.stat().st_size <= edition.LARGEST
    document = pypdfium2.PdfDocument(target)
    marks = [" ".join(title.split()) for _, title, _ in outline(document)]
    assert [title for title in titles if title not in marks] == []
    leading = numbers(document)
    assert len(leading) > 5000
    assert [(said, page) for said, page in leading if not re.search(rf"\b{page}$", said)] == []
    used = fonts(document)
    assert [name for name, embedded in used.items() if not embedded] == []
    assert any("CJK" in name for name in used)
    # Numbers of equations and sums in them may reach a little into the margin of 28 mm (79 points).
    assert {index + 1: found for index, page in enumerate(document) if (found := outside(page, 70))} == {}
