"""What pages say of themselves to search engines and in previews, on a toy book with and without its address."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from tools.chapters import toc_files

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
CONFIGURATION = """
import sys
sys.path.insert(0, {extensions!r})
extensions = ["myst_nb", "measured", "page_head"]
master_doc = "index"
project = html_title = "Toy"
html_baseurl = {address!r}
templates_path = [{templates!r}]
suppress_warnings = ["myst.header"]
"""


def built(folder: Path, address: str) -> Path:
    """The site of a book with two pages."""
    folder.mkdir()
    (folder / "conf.py").write_text(CONFIGURATION.format(
        extensions=str(ROOT / "book" / "_extensions"), address=address, templates=str(ROOT / "book" / "_templates")))
    (folder / "index.md").write_text(
        "# Front & first\n\nA sentence on *this* book.\n\n```{toctree}\npart/second\n```\n")
    (folder / "part").mkdir()
    (folder / "part" / "second.md").write_text(
        "# Why?\n\n**5 minutes.**\n\n**After this chapter you can**\n\n- tell a & b,\n- ask " + "on and " * 60)
    subprocess.run([sys.executable, "-m", "sphinx", "-qW", str(folder), str(folder / "out")], check=True, timeout=120)
    return folder / "out"


def test_a_site_with_an_address(tmp_path):
    out = built(tmp_path / "book", "https://someone.example/toy/")
    front = (out / "index.html").read_text(encoding="utf-8")
    assert '<meta name="description" content="A sentence on this book." />' in front
    assert '<meta property="og:title" content="Front &amp; first" />' in front
    assert 'property="og:image" content="https://someone.example/toy/_static/previews/index.png"' in front
    assert Image.open(out / "_static" / "previews" / "part-second.png").size == (1200, 630)
    second = (out / "part" / "second.html").read_text(encoding="utf-8")
    assert 'name="description" content="After this chapter you can tell a &amp; b, ask on and' in second
    assert 'property="og:url" content="https://someone.example/toy/part/second.html"' in second
    names = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    places = [place.text for place in ElementTree.parse(out / "sitemap.xml").findall("s:url/s:loc", names)]
    assert places == ["https://someone.example/toy/index.html", "https://someone.example/toy/part/second.html"]
    absent = (out / "404.html").read_text(encoding="utf-8")
    assert 'href="/toy/part/second.html">Why?' in absent and 'action="/toy/search.html"' in absent


def test_a_site_without_an_address(tmp_path):
    out = built(tmp_path / "book", "")
    second = (out / "part" / "second.html").read_text(encoding="utf-8")
    assert 'property="og:image" content="../_static/previews/part-second.png"' in second and "og:url" not in second
    assert not (out / "sitemap.xml").exists()
    assert 'href="/index.html">' in (out / "404.html").read_text(encoding="utf-8")


@pytest.mark.site
@pytest.mark.parametrize("name", toc_files(ROOT))
def test_every_page_has_its_own_description_and_picture(name):
    def described(page: str) -> str:
        text = (SITE / f"{page}.html").read_text(encoding="utf-8")
        return text.split('name="description" content="')[1].split('"')[0]

    assert len(described(name)) > 50
    assert [page for page in toc_files(ROOT) if described(page) == described(name)] == [name]
    picture = SITE / "_static" / "previews" / f"{name.removeprefix('book/').replace('/', '-')}.png"
    assert Image.open(picture).size == (1200, 630)
