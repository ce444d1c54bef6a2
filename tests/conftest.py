"""What several files of tests use."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PROJECT = Path(__file__).resolve().parent.parent


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
    command = "from jupyter_book.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", command, "build", str(root), "-W", "-n", "--keep-going"], cwd=root,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "_build" / "html"
