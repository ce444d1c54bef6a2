"""What a copy of the book gets by naming its own repository, and the site as one file."""

import html
import re
import sys
import zipfile
from pathlib import Path

import pytest

from tools.canonical import repository

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
sys.path.insert(0, str(ROOT / "book" / "_extensions"))

import downloads  # noqa: E402
import published  # noqa: E402


@pytest.mark.parametrize(("address", "site"), [
    ("https://github.com/Somebody/a-book", "https://somebody.github.io/a-book/"),
    ("https://github.com/somebody/a.book.git", "https://somebody.github.io/a.book/"),
    ("https://github.com/Somebody/somebody.github.io/", "https://somebody.github.io/"),
    ("https://gitlab.com/somebody/a-book", ""),
    ("https://github.com/somebody", ""),
])
def test_the_address_of_the_site_follows_from_the_repository(address: str, site: str) -> None:
    assert published.pages_address(address) == site


def links(page: Path) -> list[str]:
    """Where a page's links lead."""
    return [html.unescape(address) for address in re.findall(r'href="([^"]*)"', page.read_text(encoding="utf-8"))]


def test_a_copy_launches_its_own_chapters(copy_of_the_site: Path) -> None:
    chapter = links(copy_of_the_site / "book" / "part" / "chapter.html")
    assert "https://colab.research.google.com/github/Somebody/a-book/blob/main/book/part/chapter.ipynb" in chapter
    assert "https://mybinder.org/v2/gh/Somebody/a-book/main?urlpath=lab/tree/book/part/chapter.ipynb" in chapter
    front = links(copy_of_the_site / "book" / "index.html")
    assert not any("colab" in address or "mybinder" in address for address in front)
    assert "https://github.com/Somebody/a-book" in front


def test_a_copy_names_its_own_address(copy_of_the_site: Path) -> None:
    address = "https://somebody.github.io/a-book/book/part/chapter.html"
    assert f"<loc>{address}</loc>" in (copy_of_the_site / "sitemap.xml").read_text(encoding="utf-8")
    page = (copy_of_the_site / "book" / "part" / "chapter.html").read_text(encoding="utf-8")
    assert f'property="og:url" content="{address}"' in page
    assert 'href="/a-book/book/part/chapter.html"' in (copy_of_the_site / "404.html").read_text(encoding="utf-8")


@pytest.mark.site
def test_the_site_has_launch_buttons_if_its_repository_has_an_address() -> None:
    chapter = links(SITE / "book" / "concepts" / "introduction.html")
    assert any("colab.research" in address for address in chapter) is bool(repository())


def the_whole(site: Path) -> dict[str, bytes]:
    """What the site's one file holds, by the place in the site."""
    with zipfile.ZipFile(site / f"{downloads.WHOLE}.zip") as packed:
        assert packed.testzip() is None
        return {name.removeprefix(f"{downloads.WHOLE}/"): packed.read(name) for name in packed.namelist()}


def held_by(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*")
            if path.is_file() and path.suffix != ".zip"}


def test_the_one_file_holds_the_site_as_it_is_served(copy_of_the_site: Path) -> None:
    assert the_whole(copy_of_the_site) == held_by(copy_of_the_site)
    said = (copy_of_the_site / "book" / "index.html").read_text(encoding="utf-8")
    size = (copy_of_the_site / f"{downloads.WHOLE}.zip").stat().st_size
    assert f"in one file ({size / 1e6:.0f} MB)" in said


@pytest.mark.site
def test_the_front_page_offers_the_whole_site() -> None:
    assert the_whole(SITE) == held_by(SITE)
    front = SITE / "book" / "index.html"
    assert f"../{downloads.WHOLE}.zip" in links(front)
    assert re.search(r"\(\d+ MB\)", front.read_text(encoding="utf-8"))
