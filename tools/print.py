"""The book as one PDF, made from the built site: `python -m tools.print`.

The pages of the site are put one behind the other in the order of `_toc.yml`, without what only a browser can use.
Solutions and the answers to questions go to the end, links become footnotes or page numbers, and WeasyPrint sets the
pages by the rules of `print.css`.
"""

from __future__ import annotations

import gc
import html
import logging
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import matplotlib
import yaml
from bs4 import BeautifulSoup, NavigableString, Tag
from PIL import ImageFile

PROJECT = Path(__file__).resolve().parent.parent
STYLE = Path(__file__).parent / "print.css"
TARGET = "_build/print/residual-networks-measured.pdf"  # below the root of the book
LANGUAGES = ("zh-cn", "ja", "ko")  # in which terms may be given, beside the book's own
ACCENTS = {"\u0302": "ˆ", "\u0303": "˜", "\u0304": "¯", "\u0307": "˙"}
LARGEST = 25e6  # bytes
ROUNDS = 6  # of setting the pages
FACE = "Signs,Noto Sans CJK KR,Noto Sans,DejaVu Sans,sans-serif"  # of drawings; narrower than DejaVu's
SIGNS = ("U+B2-B3, U+B7, U+B9, U+D7, U+370-3FF, U+1D40, U+2016, U+2070-209F, U+2190-2211, U+2213-22FF, U+2308-230B, "
         "U+2610, U+2713-2717, U+27E8-27EB")  # of mathematics, and ticks: those that are full-width in a Korean font
WIDE = 6  # columns of a table; with more it is set smaller
CODE, SMALLEST = 7.7, 6.0  # points: the size of code, and the least to which it shrinks to keep its lines whole
RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀ"
LOWERED = str.maketrans(RAISED, "0123456789+−T")
MARGIN = 6  # units left and right of a drawing
COLUMNS = 90  # characters of code at that size that fit in a line
SHORT = 12  # lines of code that are not cut by the end of a page
COMMON = 5  # a heading of so many chapters is not in the table of contents
LEFT_OUT = ("book/reference/progress",)  # says nothing without a browser
SCREEN_ONLY = ("script, style, button, input, audio, [hidden], .narrow, svg.dark, .only-dark, .katex-mathml, "
               "a.headerlink, details.hide, .definitions, .print-questions, .toctree-wrapper, .backrefs, .go")
UNANSWERED = "… Not answered yet"  # what the cell of an exercise says until it is answered
ON_PAPER = {  # sentences for readers of the site, and what stands for them in print
    "With JavaScript (this picture can be changed|you could [^.]*)[.]": "On the site this picture can be changed.",
    "Answer on paper or here;": "Answer on paper;",
    "(The s|S)olutions are folded( below)?[.]": "The solutions stand at the end of the book.",
    "Each page has two buttons[.] .*": "On the site each page has a button that prints its questions alone.",
}
UNITS = re.compile(r"(?<=\d)\s(?=(?:%|×|°|[kMGT]?B|[kM]?Hz|[mµ]?s|[mM]|min|points?|times|nats?|bits?|minutes?|hours?|"
                   r"seconds?|percentage)(?!\w))|(?<=×)\s(?=\d)")


@dataclass
class Part:
    """A part of the book: its title, "" for what stands before the first, and its pages as `_toc.yml` names them."""

    title: str
    pages: list[str]


@dataclass
class Answers:
    """What a chapter leaves for the end of the book: solutions, then answers to its questions."""

    title: str
    page: str
    entries: list[Tag] = field(default_factory=list)


def parts(root: Path) -> list[Part]:
    """The parts that `_toc.yml` names, in its order, without what is left out; what is below a chapter follows it."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))

    def files(entries: list[dict[str, Any]]) -> Iterator[str]:
        for entry in entries:
            yield entry["file"]
            yield from files(entry.get("sections", []))

    named = contents.get("parts") or [{"chapters": contents.get("chapters", [])}]
    return [Part("", [contents["root"]]),
            *(Part(part.get("caption", ""), [name for name in files(part["chapters"]) if name not in LEFT_OUT])
              for part in named)]


def name_of(page: str) -> str:
    """The place of a page in the PDF: `concepts-depth` for `book/concepts/depth`."""
    return page.removeprefix("book/").replace("/", "-")


# One page -------------------------------------------------------------------------------------------------------

class Page:
    """A page of the site on its way into the book. `document` makes the tags that are added."""

    def __init__(self, site: Path, page: str, pages: set[str]) -> None:
        file = site / f"{page}.html"
        if not file.exists():
            raise SystemExit(f"The site lacks the page {page}: run make book first.")
        self.site, self.page, self.pages, self.name = site, page, pages, name_of(page)
        self.document = BeautifulSoup(without_variables(file.read_text(encoding="utf-8")), "html.parser")
        article = self.document.find("article")
        assert isinstance(article, Tag) and article.section is not None, f"{file} has no article"
        self.body = article.section.extract()
        for gone in self.body.select(SCREEN_ONLY):
            gone.decompose()
        self.title = self.body.h1.get_text(" ", strip=True) if self.body.h1 else page
        self.answers = Answers(self.title, page)

    def new(self, tag: str, text: str = "", **attributes: str) -> Tag:
        made = self.document.new_tag(tag, attrs={key.rstrip("_"): value for key, value in attributes.items()})
        made.string = text
        return made

    def prepare(self) -> Tag:
        """The page as a chapter; what goes to the end of the book is in `answers`."""
        self.keep_places()
        self.reword()
        self.keep_units()
        self.link()
        self.pictures()
        self.tables()
        self.code()
        self.take_solutions()
        self.take_quizzes()
        self.body.name = "section"
        self.body["class"], self.body["id"] = "chapter", self.name
        return self.body

    def keep_places(self) -> None:
        """Give each place a name that is unique in the book; the sections inside exercises share theirs and lose it."""
        for tag in self.body.find_all(id=True):
            if tag.find_parent("svg") is None:
                if tag["id"] in ("exercise-content", "solution-content"):
                    del tag["id"]
                else:
                    tag["id"] = f"{self.name}--{tag['id']}"

    def reword(self) -> None:
        """Take out or put into other words what speaks of a browser or a kernel."""
        for tag in self.body.select(".cell_output"):
            if tag.get_text().strip().startswith(UNANSWERED):
                tag.decompose()
        for tag in self.body.select(".laboratory > .recorded-strip"):
            tag.string = "Finished runs of the live laboratory. In the notebook of this page others can be trained."
        for tag in self.body.select(".sounds"):
            names = "; ".join(sound.get_text(" ", strip=True) for sound in tag.select(".sound"))
            tag.replace_with(self.new("p", f"To be heard on the site: {names}.", class_="recorded-strip"))
        for said, printed in ON_PAPER.items():
            pattern = re.compile(said.replace(" ", r"\s+"), re.DOTALL)
            for text in self.body.find_all(string=pattern):
                text.replace_with(pattern.sub(printed, text))
        for text in self.body.find_all(string=re.compile(f"[{RAISED}]")):  # no face has them all, and one a wrong "ᵀ"
            if text.find_parent(["pre", "code", "svg"]) is None:
                parts = re.split(f"([{RAISED}]+)", text)
                text.replace_with(*(self.new("sup", part.translate(LOWERED)) if number % 2 else NavigableString(part)
                                    for number, part in enumerate(parts) if part))
        for tag in self.body.select(".mrel > .mrel:has(.rlap)"):  # a slash that WeasyPrint sets beside its "="
            if tag.parent and "\ue020" in tag.get_text():
                tag.parent.string = "≠"

    def keep_units(self) -> None:
        """A number and its unit stay on one line, also where the number is an element of its own."""
        before = ""
        for text in self.body.find_all(string=True):
            if text.find_parent(["pre", "code", "svg"]) is None:
                kept = UNITS.sub("\u00A0", before + text)[len(before):]
                before = text[-1:]
                if kept != text:
                    text.replace_with(kept)

    def link(self) -> None:
        """Links inside the book lead to the page in the PDF, others get their address as a footnote.

        A work without authors is cited by its name: after that name its address says more.
        """
        for tag in self.body.select("strong + .bibtex-citation"):
            named = re.search(r"URL: (\S+)\.$", str(tag.a and tag.a.get("title")))
            if named and tag.get_text() == f"({tag.find_previous_sibling('strong').get_text()})":  # type: ignore
                tag.replace_with(self.new("a", href=named[1]))
        for tag in self.body.find_all("a"):
            address = urlsplit(str(tag.get("href", "")))
            target = self.target(address.path, unquote(address.fragment))
            if address.scheme in ("http", "https"):
                self.note(tag, str(tag["href"]))
            elif target is None or tag.has_attr("download") or not tag.get_text(strip=True):
                tag.unwrap()
            else:
                tag["href"], tag["class"] = f"#{target}", "place"
                if target.partition("--")[0] in ("reference-glossary", "reference-bibliography"):
                    tag["class"] = "entry"  # in the order of the alphabet: found without the number of its page

    def target(self, path: str, fragment: str) -> str | None:
        """The name in the PDF of a place on the site; None where it is not part of the book."""
        page = self.page
        if path:
            page = urljoin(f"/{self.page}.html", path).lstrip("/").removesuffix(".html")
        if page not in self.pages or not (path or fragment):
            return None
        return f"{name_of(page)}--{fragment}" if fragment else name_of(page)

    def note(self, tag: Tag, address: str) -> None:
        """A footnote with the address behind a link, unless the link's text is the address."""
        tag["class"] = "outside"
        text = tag.get_text().replace("arXiv:", "arxiv.org/abs/").replace("doi:", "doi.org/")
        if address.split("://")[1].rstrip("/") in text:
            tag["class"] = "outside address"
            return
        note = self.new("span", class_="footnote")
        note.append(self.new("a", address, href=address))
        tag.insert_after(note)

    def pictures(self) -> None:
        """Name the files of pictures in full, and let accents that a drawing puts on letters stand by themselves.

        WeasyPrint draws a circle under an accent without a letter, as which it comes in a drawing.
        """
        for tag in self.body.select("svg tspan"):
            if accent := ACCENTS.get(tag.get_text()):
                size = re.search(r"font-size:([\d.]+)px", str(tag["style"]))
                tag.string, tag["x"] = accent, f"{float(str(tag['x'])) - float(size[1] if size else 10) / 2:.2f}"
        for tag in self.body.select("figure.measured svg[viewbox][width]"):  # its letters can be wider than on the site
            x, y, width, height = map(float, str(tag["viewbox"]).split())
            tag["viewbox"] = f"{x - MARGIN:g} {y:g} {width + 2 * MARGIN:g} {height:g}"
            tag["width"] = f"{float(str(tag['width'])) * (1 + 2 * MARGIN / width):.0f}"
        for tag in self.body.find_all("img"):
            file = (self.site / f"{self.page}.html").parent / unquote(str(tag["src"]))
            if not file.exists():
                raise SystemExit(f"A picture is missing, {tag['src']} on {self.page}: run make book again.")
            tag["src"] = file.resolve().as_uri()
            del tag["style"]  # its size on the screen, of which the page takes the width alone
        for tag in self.body.select("img.digits"):
            tag.insert_after(self.new("p", str(tag["alt"]), class_="caption"))

    def tables(self) -> None:
        """Mark tables of many columns: they are set smaller. What a paper reports goes below the claim."""
        for tag in self.body.select("table.ledger [data-label=Paper]"):
            claim = tag.find_previous_siblings("td")[-1]
            if (paper := tag.get_text(strip=True)) != "–":
                claim.append(self.new("span", f"Paper: {paper}", class_="paper"))
            tag.decompose()
        for tag in self.body.select("table.ledger thead th:nth-child(4)"):
            tag.decompose()
        for tag in self.body.select("table.ledger [colspan]"):
            tag["colspan"] = "3"
        for tag in self.body.find_all("table"):
            row = tag.find("tr")
            if isinstance(row, Tag) and len(row.find_all(["td", "th"])) > WIDE:
                tag["class"] = " ".join([*classes(tag), "wide"])

    def code(self) -> None:
        """Lines of code that are too long for the page make their block smaller, within limits."""
        for tag in self.body.find_all("pre"):
            lines = tag.get_text().strip("\n").split("\n")
            inside = [outer for outer in tag.parents if outer.name in ("li", "dd") or "admonition" in classes(outer)]
            fit = COLUMNS - 4 * len(inside)
            if (longest := max(map(len, lines))) > fit:
                tag["style"] = f"font-size: {max(CODE * fit / longest, SMALLEST):.2f}pt"
            if len(lines) <= SHORT:
                tag["class"] = "short"

    def take_solutions(self) -> None:
        """Move each solution to the end of the book, with references from the exercise and back."""
        exercise: Tag | None = None
        for tag in self.body.select("div.exercise, div.solution"):
            if "exercise" in classes(tag):
                exercise = tag
                continue
            assert exercise is not None, f"a solution without an exercise on {self.page}"
            number = exercise.select_one(".caption-number")
            label = number.get_text(" ", strip=True) if number else "Exercise"
            tag["id"] = f"{exercise['id']}--solution"
            exercise.append(self.reference("see", "Solution:", str(tag["id"])))
            title = tag.select_one(".admonition-title")
            assert title is not None
            title.replace_with(self.reference("answer-title", label, str(exercise["id"])))
            tag["class"] = "answer"
            self.answers.entries.append(tag.extract())

    def take_quizzes(self) -> None:
        """Number the questions, and move what is said to each choice to the end of the book."""
        for index, quiz in enumerate(self.body.select(".quiz-unfolded"), 1):
            place, label = f"{self.name}--question-{index}", f"Question {index}"
            answer = self.new("div", class_="answer", id=f"{place}--answer")
            answer.append(self.reference("answer-title", label, place))
            said = self.new("ul", class_="choices")
            for choice in quiz.find_all("li"):
                entry = self.new("li", re.match(r"\s*(\w\)|)", choice.get_text())[1] + " ")  # type: ignore[index]
                for details in choice.find_all("details"):
                    for paragraph in details.find_all("p"):
                        paragraph.name = "span"
                        entry.extend([paragraph.extract(), " "])
                    details.decompose()
                said.append(entry)
            answer.append(said)
            for also in self.where_answered(quiz):
                answer.append(also.extract())
            self.answers.entries.append(answer)
            quiz["id"], quiz["class"] = place, "quiz"
            quiz.insert(0, self.new("p", label, class_="quiz-title"))
            quiz.append(self.reference("see", "Answer:", f"{place}--answer"))

    @staticmethod
    def where_answered(quiz: Tag) -> list[Tag]:
        """The line under a question of a page of questions that names the place which answers it."""
        block = quiz.find_parent(attrs={"data-explorer": True}) or quiz
        following = block.find_next_sibling()
        return [following] if isinstance(following, Tag) and "answered" in classes(following) else []

    def reference(self, kind: str, text: str, target: str) -> Tag:
        """A paragraph with a text and the page of a place."""
        made = self.new("p", class_=kind)
        made.append(self.new("a", text, href=f"#{target}", class_="place"))
        return made


def classes(tag: Tag) -> list[str]:
    return [str(name) for name in tag.get_attribute_list("class") if name]


def without_variables(text: str) -> str:
    """HTML with the light theme's colours and a face of the print edition in place of CSS variables in drawings."""
    text = re.sub(r"var\(--sans,[^()]*\)", FACE, text)
    return re.sub(r"var\(--[\w-]+,([^()]*)\)", r"\1", text)


# The whole book -------------------------------------------------------------------------------------------------

ABOUT = """<section class="about"><h1 class="contents" id="about">About this edition</h1>
<p>These pages are the book’s site in print. The command <code>make book</code> builds the site, <code>make print</code>
this file.</p>
<p><strong>What paper cannot do.</strong> Of an explorer there is the picture with which it opens, of a quiz there are
the questions. Code that only draws or prepares is left out, so a name in the code can come from a cell that is not
here; left out, too, is the page that keeps a reader’s progress. Sounds can be heard on the site only. Where the text
speaks of pressing, choosing, moving or listening, it means the site, and where it speaks of running a cell, the
notebook of the chapter.</p>
<p><strong>Solutions and answers</strong> stand at the end of the book. A line below each exercise and each question
names the page.</p>
<p><strong>Links.</strong> A link to another place in the book is underlined, and the page to which it leads stands
behind it. A term that the glossary explains and a work in the bibliography are links as well, without a page: both
lists are in the order of the alphabet. A link out of the book has its address in a note at the foot of the page.</p>
<p><strong>Licences.</strong> Text and figures: Creative Commons Attribution 4.0 International,
<a class="address" href="https://creativecommons.org/licenses/by/4.0/">https://creativecommons.org/licenses/by/4.0/</a>.
You may share and adapt them, also commercially, when you name the book, link to the licence, and say what you changed.
Code, in the notebooks too: MIT License.</p></section>"""


def prepare(root: Path) -> str:
    """The HTML of the whole book, for WeasyPrint."""
    site = root / "_build" / "html"
    if not (site / "index.html").exists():
        raise SystemExit("There is no site yet: run make book first.")
    title = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["title"]
    book = parts(root)
    pages = {page for part in book for page in part.pages}
    contents, chapters, answers = [], [], []
    shared = Counter[str]()
    for index, part in enumerate(book):
        if part.title:
            place = f"part-{index}"
            chapters.append(f'<h1 class="part" id="{place}">{html.escape(part.title)}</h1>')
            contents.append(("part", part.title, place))
        for name in part.pages:
            page = Page(site, name, pages)
            chapter = page.prepare()
            if not part.title:
                chapter["class"] = "chapter before"
            if chapter.h1:
                chapter.h1["data-book"] = title
            chapters.append(str(chapter))
            contents.append(("chapter", page.title, page.name))
            sections = [(section.h2.get_text(" ", strip=True), str(section["id"]))
                        for section in page.body.find_all("section", id=True, recursive=False) if section.h2]
            contents += [("section", *section) for section in sections]
            shared.update({heading for heading, _ in sections})
            if page.answers.entries:
                answers.append(page.answers)
    if answers:
        contents.append(("part", "Solutions and answers", "answers"))
        chapters.append(ending(answers))
    text = "\n".join(chapters)
    places = set(re.findall(r'\bid="([^"]+)"', text))
    text = re.sub(r'href="#([^"]+)"', lambda link: link[0] if link[1] in places else "", text)  # some are not in print
    return "\n".join([
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title></head><body>',
        f'<section class="opening"><p class="title">{html.escape(title)}</p>',
        f"<p>{html.escape(edition(root))}</p></section>", ABOUT,
        f'<nav><h1 class="contents" id="contents" data-book="{html.escape(title)}">Contents</h1>',
        *(entry(*line) for line in contents if line[0] != "section" or shared[line[1]] < COMMON),
        "</nav>", text, "</body></html>"])


def entry(kind: str, text: str, place: str) -> str:
    """A line of the table of contents."""
    return f'<p class="{kind}"><a href="#{html.escape(place)}">{html.escape(text)}</a></p>'


def ending(answers: list[Answers]) -> str:
    """The last part: what the chapters left for the end."""
    lines = ['<h1 class="part" id="answers">Solutions and answers</h1>']
    for one in answers:
        lines.append(f'<section class="chapter answers"><h1 id="{name_of(one.page)}--answers">'
                     f'<a class="place" href="#{name_of(one.page)}">{html.escape(one.title)}</a></h1>')
        lines += [str(found) for found in one.entries]
        lines.append("</section>")
    return "\n".join(lines)


def edition(root: Path) -> str:
    """Which state of the book this is: the date, and the commit where there is one."""
    try:
        found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True)
        commit = found.stdout.strip()
    except OSError:
        commit = ""
    today = f"Print edition of {date.today():%d %B %Y}".replace(" 0", " ")
    return f"{today}, commit {commit}" if commit else today


def check_fonts() -> None:
    """Stop where the system has no font for one of the languages in which terms are given."""
    for language in LANGUAGES:
        try:
            found = subprocess.run(["fc-list", f":lang={language}", "family"], capture_output=True, text=True).stdout
        except OSError:
            raise SystemExit("The program fc-list is missing: install fontconfig.") from None
        if not found.strip():
            raise SystemExit("There is no font with Chinese, Japanese and Korean characters: install one "
                             "(Debian: apt-get install fonts-noto-cjk).")


def engine() -> Any:
    """WeasyPrint. Raises SystemExit where Pango is missing, which it needs."""
    try:
        import weasyprint
    except OSError:  # it is in C, and not a Python package
        raise SystemExit("Pango is missing: install it (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0 "
                         "libharfbuzz-subset0).") from None
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # WeasyPrint sets it, for everything in this process
    inline = weasyprint.layout.inline
    if inline.split_first_line.__name__ != "first_line":
        inline.split_first_line = whole(inline.split_first_line)
    return weasyprint


def whole(split: Callable[..., Any]) -> Callable[..., Any]:
    """WeasyPrint's break of a line, mended: where only the space at its end has no room, it breaks after one word."""
    def first_line(text: str, style: Any, context: Any, width: float | None, *rest: Any, **named: Any) -> Any:
        found = split(text, style, context, width, *rest, **named)
        if width is None or found[2] is None or not text.endswith(" ") or b" " in text.encode()[:found[1]]:
            return found
        without = split(text.rstrip(" "), style, context, width, *rest, **named)
        return without if without[2] is None and without[3] <= width else found

    return first_line


def faces() -> str:
    """The style of the DejaVu fonts, which come with Matplotlib; "Signs" is what captions take from them."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    rule = "@font-face {{ font-family: '{}'; font-weight: {}; src: url('{}'); {} }}"
    return "\n".join(
        rule.format(family, weight, (folder / f"{file}{bold}.ttf").as_uri(), signs)
        for family, file, signs in (("DejaVu Serif", "DejaVuSerif", ""), ("DejaVu Sans", "DejaVuSans", ""),
                                    ("DejaVu Sans Mono", "DejaVuSansMono", ""),
                                    ("Signs", "DejaVuSans", f"unicode-range: {SIGNS}"))
        for weight, bold in ((400, ""), (700, "-Bold")))


def numbered(text: str, pages: dict[str, int]) -> str:
    """The book's HTML with the page of its place at each link; 000 where that is not known yet."""
    return re.sub(r'href="#([^"]+)"', lambda link: f'{link[0]} data-page="{pages.get(link[1], "000")}"', text)


def typeset(text: str, target: Path, katex: Path) -> int:
    """Set the book's HTML as a PDF; the number of its pages. `katex` is the folder of KaTeX's style and fonts.

    The pages are set until each number at a link is that of the page to which it leads. WeasyPrint's own way,
    target-counter, ends before that in a book of this length.
    """
    weasyprint = engine()
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)  # it names each rule for screens in KaTeX's style
    fonts = weasyprint.text.fonts.FontConfiguration()
    styles = [weasyprint.CSS(string=faces(), font_config=fonts),
              *(weasyprint.CSS(filename=file, font_config=fonts) for file in (katex / "katex.min.css", STYLE))]
    linked = set(re.findall(r'href="#([^"]+)"', text))
    pages: dict[str, int] = {}
    for _ in range(ROUNDS):
        document = None
        gc.collect()  # a round needs 3 GB
        document = weasyprint.HTML(string=numbered(text, pages)).render(stylesheets=styles, font_config=fonts)
        before, pages = pages, {}
        for number, page in enumerate(document.pages, 1):
            for place in linked.intersection(page.anchors):
                pages.setdefault(place, number)
        if pages == before:
            break
    else:
        raise SystemExit(f"After {ROUNDS} rounds the numbers of pages still change.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    document.write_pdf(part)
    part.replace(target)
    return len(document.pages)


def make(root: Path) -> Path:
    """Make the PDF of a built book; where it lies."""
    started = time.monotonic()
    check_fonts()
    text, target = prepare(root), root / TARGET
    print(f"Setting the pages ({time.monotonic() - started:.0f} s so far; some minutes to go)", flush=True)
    pages = typeset(text, target, root / "_build" / "html" / "_static" / "vendor" / "katex")
    size = target.stat().st_size
    print(f"{target}: {pages} pages, {size / 1e6:.1f} MB, in {time.monotonic() - started:.0f} s")
    if size > LARGEST:
        raise SystemExit(f"The file is larger than {LARGEST / 1e6:.0f} MB: look for pictures that are too large.")
    return target


if __name__ == "__main__":
    make(PROJECT)
    sys.exit()
