"""What all tests share: one thread, as the notebooks have; and what several files of tests use."""

import json
import os
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from resnet_lib import runs
from tools.build import PROJECT, jupyter_book

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def copy_of_the_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a small book with this book's configuration, but for the address of its repository."""
    root = tmp_path_factory.mktemp("copy")
    settings = yaml.safe_load((PROJECT / "_config.yml").read_text(encoding="utf-8"))
    settings["repository"]["url"] = "https://github.com/Somebody/a-book"
    settings["execute"] = {"execute_notebooks": "off"}
    (root / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/index\nchapters:\n- file: book/part/chapter\n")
    for name in ("_extensions", "_static", "_templates"):
        shutil.copytree(PROJECT / "book" / name, root / "book" / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "book" / "references.bib").write_text("")
    (root / "book" / "part").mkdir()
    (root / "book" / "index.md").write_text("# A book\n\nWith one chapter, in one file (size of the whole site).\n")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A chapter"), new_code_cell("1 + 1")],
                                metadata={"kernelspec": kernel}), root / "book" / "part" / "chapter.ipynb")
    log = root / "log"
    assert jupyter_book(root, root, log, "-W", "-n", "--keep-going") == 0, log.read_text(encoding="utf-8")
    return root / "_build" / "html"


# What the page of reliability reports: tests that are marked with what they try, counted when they have passed.

def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reliability", type=Path, metavar="FILE", help="write there how often each thing was tried")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    for mark in item.iter_markers("reliability"):
        report.user_properties.append(("reliability", mark.args[0]))
    return report


TRIED: dict[str, Counter[str]] = {}
OUTCOMES: Counter[str] = Counter()  # of all tests


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        OUTCOMES[report.outcome] += 1
        for name, what in report.user_properties:
            if name == "reliability":
                TRIED.setdefault(what, Counter())[report.outcome] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--reliability")
    if path is not None and not hasattr(session.config, "workerinput"):  # of several processes the one that collects
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({
            "date": date.today().isoformat(), **runs.environment(), "tests": dict(OUTCOMES),
            "tried": {what: dict(TRIED[what]) for what in sorted(TRIED)}}, indent=1) + "\n", encoding="utf-8")
