"""The machinery that installs, executes and builds, on toy books of one or two notebooks."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import build, execution
from tools.canonical import canonical
from tools.canonical import main as canonical_main
from tools.chapters import Chapter, Executed, chapters, environment, failed_claims, toc_files

PROJECT = Path(__file__).resolve().parent.parent
CLAIM = """
from IPython.display import display
claim = {"id": "grows", "statement": "It grows.", "value": 1.5, "unit": "%", "expected": "at least 2", "holds": False}
display({"text/plain": "✗", "text/html": "<p>✗ It grows.</p>", "application/vnd.resnet.claim+json": claim}, raw=True)
"""


def write(root: Path, name: str, *sources: str) -> Chapter:
    path = root / "book" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [new_markdown_cell(f"# {name}"), *(new_code_cell(source) for source in sources)]
    path.write_text(canonical(nbformat.writes(new_notebook(cells=cells))))
    return Chapter(root, path)


@pytest.fixture
def toy(tmp_path):
    """An empty book with a package, a lock, and two recorded runs."""
    for file, text in {"resnet_lib/__init__.py": "", "requirements.txt": "torch==2.15.0\n",
                       "book/index.md": "# Toy\n", "book/runs/depth.json": "{}", "book/runs/other.json": "{}",
                       "_toc.yml": "format: jb-book\nroot: book/index\n"
                                   "chapters:\n- file: book/first\n- file: book/second\n",
                       "_config.yml": "title: Toy\nonly_build_toc_files: true\nexecute: {execute_notebooks: cache, "
                                      "cache: _build/.jupyter_cache, raise_on_error: true, stderr_output: error}\n"
                                      "sphinx: {config: {suppress_warnings: [mystnb.unknown_mime_type]}}\n"}.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def executed(toy):
    return Executed(toy / "_build" / ".jupyter_cache")


# Execution ------------------------------------------------------------------------------------------------------

def test_what_passed_is_kept_and_what_broke_is_named(toy, executed, capsys):
    good = write(toy, "part/good", "x = 3\nx", "print(x + 1)")
    bad = write(toy, "part/bad", "print('before')", "1 / 0", "print('never')")
    results = {result.chapter.name: result for result in build.execute([good, bad], executed)}

    assert results["part/good"].broken == "" and results["part/good"].passed == 2
    assert executed.fresh(good)
    first, second = executed.notebook(good).cells[1:]
    assert first.outputs[0].data["text/plain"] == "3" and first.execution_count == 1
    assert second.outputs[0].text == "4\n" and second.execution_count == 2

    assert results["part/bad"].broken == "code cell 2: ZeroDivisionError: division by zero"
    assert not executed.fresh(bad)
    before, breaks, never = executed.notebook(bad).cells[1:]
    assert before.outputs[0].text == "before\n"
    assert breaks.outputs[0].ename == "ZeroDivisionError" and breaks.outputs[0].traceback
    assert never.outputs == []

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1/2  part/") and lines[1].startswith("2/2  part/")
    assert [line.endswith("BROKEN") for line in lines if "part/bad" in line] == [True]


def test_a_strict_run_keeps_nothing_of_a_broken_notebook(toy, executed):
    chapter = write(toy, "strict", "import os\nassert os.environ.get('RESNET_CLAIMS') != 'strict', 'it is strict'")
    build.execute([chapter], executed)
    assert executed.fresh(chapter)
    [result] = build.execute([chapter], executed, strict=True)
    assert result.broken == "code cell 1: AssertionError: it is strict"
    assert executed.record(chapter) is None


@pytest.mark.reliability("book")
def test_a_dead_kernel_is_a_broken_notebook(toy, executed):
    [result] = build.execute([write(toy, "dead", "import os\nos._exit(1)")], executed)
    assert result.broken == "code cell 1: the kernel died; was there enough memory?"


@pytest.mark.reliability("book")
@pytest.mark.parametrize("deaths", [1, execution.STARTS])
def test_a_kernel_that_does_not_come_up_is_started_again(toy, executed, tmp_path, monkeypatch, deaths):
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "die.py").write_text(f"""
import os, pathlib
log = pathlib.Path({str(tmp_path / "starts")!r})
with log.open("a") as file:
    file.write("x")
if len(log.read_text()) <= {deaths}:
    os._exit(1)
""")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    [result] = build.execute([write(toy, "unlucky", "print(1)")], executed)
    assert len((tmp_path / "starts").read_text()) == min(deaths + 1, execution.STARTS)
    assert bool(result.broken) == (deaths == execution.STARTS)


def test_a_file_that_is_no_notebook_is_a_broken_notebook(toy, executed):
    chapter = write(toy, "garbled", "1")
    assert chapter.notebook.cells
    chapter.path.write_text("{")
    [result] = build.execute([chapter], executed)
    assert "could not be started" in result.broken


def test_notebooks_run_in_their_folder_on_one_thread(toy, executed):
    chapter = write(toy, "part/where", "import os\nprint(os.path.basename(os.getcwd()), os.environ['OMP_NUM_THREADS'])")
    build.execute([chapter], executed)
    assert executed.notebook(chapter).cells[1].outputs[0].text == "part 1\n"


@pytest.mark.reliability("book")
def test_interrupted_execution_keeps_what_is_finished_and_leaves_no_process(toy, executed):
    quick = write(toy, "quick", "print('done')")
    slow = write(toy, "slow", "import os, pathlib, time\npathlib.Path('started').write_text(str(os.getpid()))\n"
                              "time.sleep(600)")
    script = f"""
import signal
from pathlib import Path
from tools.build import execute
from tools.chapters import Chapter, Executed
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
root = Path({str(toy)!r})
execute([Chapter(root, root / "book" / name) for name in ("quick.ipynb", "slow.ipynb")],
        Executed(root / "_build" / ".jupyter_cache"))
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL)
    assert "quick" in process.stdout.readline()
    kernel = toy / "book" / "started"
    wait_for(lambda: kernel.exists() and kernel.read_text())
    process.send_signal(signal.SIGINT)
    assert process.wait(120) != 0
    assert executed.fresh(quick) and not executed.fresh(slow)
    wait_for(lambda: not alive(int(kernel.read_text())))


def wait_for(condition) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_environment_of_the_notebooks(monkeypatch):
    monkeypatch.setenv("RESNET_CLAIMS", "strict")
    assert "RESNET_CLAIMS" not in environment(strict=False)
    assert environment(strict=True)["RESNET_CLAIMS"] == "strict"


# What is stale --------------------------------------------------------------------------------------------------

def test_table_of_contents_in_its_order(toy):
    (toy / "_toc.yml").write_text("format: jb-book\nroot: book/index\nparts:\n- caption: One\n  chapters:\n"
                                  "  - file: book/b\n    sections:\n    - file: book/c\n"
                                  "- chapters:\n  - file: book/a\n")
    assert toc_files(toy) == ["book/index", "book/b", "book/c", "book/a"]
    write(toy, "a", "1")
    write(toy, "b", "1")
    assert [chapter.name for chapter in chapters(toy)] == ["b", "a"]


@pytest.mark.parametrize("file, changes", [
    ("resnet_lib/__init__.py", True), ("requirements.txt", True), ("book/runs/depth.json", True),
    ("book/runs/other.json", False), ("book/index.md", False)])
def test_outputs_depend_on_package_lock_and_the_runs_that_are_read(toy, file, changes):
    chapter = write(toy, "first", "from resnet_lib import runs\nruns.load('depth')")
    before = chapter.fingerprint
    (toy / file).write_text("changed")
    assert (Chapter(toy, chapter.path).fingerprint != before) == changes


@pytest.mark.parametrize("source, changes", [("weights.load()", True), ("runs.load('depth')", False)])
def test_outputs_depend_on_recorded_weights(toy, source, changes):
    chapter = write(toy, "first", source)
    before = chapter.fingerprint
    (toy / "book" / "runs" / "mnist.pt").write_text("changed")
    assert (Chapter(toy, chapter.path).fingerprint != before) == changes


@pytest.mark.parametrize("source, changes", [
    ("from resnet_lib import records\nrecords.found()", True), ("runs.load('depth')", False)])
@pytest.mark.parametrize("what", ["a record changes", "a record is added", "a record goes"])
def test_outputs_depend_on_every_record_of_a_training(toy, source, changes, what):
    first, second = (toy / "book" / "runs" / f"digits-plain-{depth}-quick-1.json" for depth in (8, 14))
    first.write_text('{"record": "digits-plain-8-quick-1"}')
    chapter = write(toy, "first", source)
    before = chapter.fingerprint
    if what == "a record goes":
        first.unlink()
    else:
        (first if "changes" in what else second).write_text('{"record": "another"}')
    assert (Chapter(toy, chapter.path).fingerprint != before) == changes


def test_a_study_is_no_record_of_a_training(toy):
    chapter = write(toy, "first", "records.found()")
    before = chapter.fingerprint
    (toy / "book" / "runs" / "other.json").write_text('{"study": "other"}')
    assert Chapter(toy, chapter.path).fingerprint == before


@pytest.mark.parametrize("source, changes", [
    ("data.load('digits')", False), ("data.load('mnist')", True), ("data.load(name)", True)])
def test_outputs_depend_on_the_data_that_were_found(toy, monkeypatch, source, changes):
    monkeypatch.setenv("RESNET_DATA", str(toy / "data"))
    chapter = write(toy, "first", source)
    before = chapter.fingerprint
    (toy / "data").mkdir()
    (toy / "data" / "images.gz").write_text("0123")
    assert (Chapter(toy, chapter.path).fingerprint != before) == changes


def test_a_change_of_code_makes_stale_and_a_change_of_text_does_not(toy, executed):
    chapter = write(toy, "first", "1")
    executed.store(chapter, chapter.notebook, fingerprint=chapter.fingerprint)
    chapter.notebook.cells.insert(0, nbformat.v4.new_markdown_cell("text"))
    assert executed.fresh(chapter)
    assert not executed.fresh(write(toy, "first", "2"))


@pytest.mark.reliability("book")
def test_a_half_written_cache_entry_is_stale(toy, executed):
    chapter = write(toy, "first", "1")
    for damage in (lambda path: path.write_text('{"cells": ['), lambda path: path.unlink()):
        executed.store(chapter, chapter.notebook, fingerprint=chapter.fingerprint)
        assert executed.fresh(chapter)
        [file] = (toy / "_build" / ".jupyter_cache" / "executed").rglob("base.ipynb")
        damage(file)
        assert not executed.fresh(chapter)


def test_one_version_of_a_chapter_is_kept(toy, executed):
    for source in ("1", "2"):
        chapter = write(toy, "first", source)
        executed.store(chapter, chapter.notebook, fingerprint=chapter.fingerprint)
    assert len(executed.cache.list_cache_records()) == 1


def test_failed_claims_are_found():
    notebook = new_notebook(cells=[new_code_cell("1", outputs=[
        nbformat.v4.new_output("display_data", {"application/vnd.resnet.claim+json": {"id": name, "holds": holds}})
        for name, holds in (("good", True), ("bad", False))])])
    assert [claim["id"] for claim in failed_claims(notebook)] == ["bad"]


# The site -------------------------------------------------------------------------------------------------------

def test_a_book_with_a_broken_notebook_then_repaired(toy, capsys):
    write(toy, "first", CLAIM)
    second = write(toy, "second", "print('so far')", "1 / 0")
    assert build.book(toy) == 1
    out = capsys.readouterr().out
    assert "2 notebooks, 2 to execute" in out
    assert "Broken: second, code cell 2: ZeroDivisionError: division by zero" in out
    assert "Does not hold here: first: grows: measured 1.5 %, expected at least 2. It grows." in out
    pages = toy / "_build" / "html" / "book"
    assert "✗ It grows." in (pages / "first.html").read_text()
    page = (pages / "second.html").read_text()
    assert "so far" in page and "ZeroDivisionError" in page
    assert not Executed(toy / "_build" / ".jupyter_cache").record(second)

    write(toy, "second", "print('repaired')")
    assert build.book(toy) == 0
    out = capsys.readouterr().out
    assert "2 notebooks, 1 to execute" in out and "building the site" in out
    assert "repaired" in (pages / "second.html").read_text()
    assert out.endswith(f"Open _build/html/index.html\n{(toy / '_build/html/index.html').as_uri()}\n")

    assert build.book(toy) == 0
    out = capsys.readouterr().out
    assert "2 notebooks, 0 to execute" in out and "building the site" not in out


def test_one_chapter_alone(toy, capsys):
    write(toy, "first", "print('the first')")
    write(toy, "second", "print('the second')")
    assert build.book(toy, only="first") == 0
    out = capsys.readouterr().out
    assert "1 to execute" in out and "not executed yet: second" in out
    assert "the first\n" in (toy / "_build" / "html" / "book" / "first.html").read_text()
    assert not Executed(toy / "_build" / ".jupyter_cache").record(chapters(toy)[1])


@pytest.mark.reliability("book")
def test_what_a_killed_build_left_does_not_count_as_executed(toy, capsys):
    write(toy, "first", "print('the first')")
    write(toy, "second", "print('the second')")
    second = chapters(toy)[1]
    executed = Executed(toy / "_build" / ".jupyter_cache")
    executed.store(second, second.notebook)  # as a build does for the chapters that it does not execute
    assert build.book(toy, only="first") == 0
    assert "not executed yet: second" in capsys.readouterr().out


@pytest.mark.parametrize(("code", "loads"), [
    ("data.load('digits')", False), ('data.load(\n    "digits")', False), ("data.folder()", False),
    ("data.load('x_rays', 'validation')", True), ("data.load(name)", True), ("data.spoken_digits()", True),
    ("data.sentences()", True),
])
def test_a_chapter_that_reads_what_may_be_absent_is_known(toy, code, loads):
    assert write(toy, "first", code).loads_data is loads


def test_what_loads_data_is_executed_once_more_without_them(toy, capsys, monkeypatch):
    (toy / "data" / "MNIST").mkdir(parents=True)
    monkeypatch.setenv("RESNET_DATA", str(toy / "data"))
    monkeypatch.setattr(build.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0))  # other checks
    write(toy, "digits", "data = type('', (), {'load': staticmethod(lambda name: name)})\ndata.load('digits')")
    write(toy, "mnist", "import os, pathlib\nhere = (pathlib.Path(os.environ['RESNET_DATA']) / 'MNIST').exists()",
          "data = type('', (), {'load': staticmethod(lambda name: name)})\ndata.load('mnist')",
          "if not here: raise LookupError('there are no data')")
    (toy / "_toc.yml").write_text("format: jb-book\nroot: book/digits\nchapters:\n- file: book/mnist\n")
    assert build.test(toy) == 1
    said = capsys.readouterr().out
    with_data, without = said.split("== 1 of them once more, without data sets")
    assert "== 2 notebooks" in with_data and "BROKEN" not in with_data
    assert "Broken: mnist, code cell 3: LookupError: there are no data" in without
    assert "Failed: notebooks without data sets." in without
    executed = Executed(toy / "_build" / ".jupyter_cache")
    assert all(executed.fresh(chapter) for chapter in chapters(toy))


def test_an_unknown_chapter_is_one_sentence(toy, capsys):
    write(toy, "first", "1")
    with pytest.raises(SystemExit):
        build.book(toy, only="frist")
    assert capsys.readouterr().err == "There is no chapter called frist: choose one of first.\n"


def test_canonical_as_a_command(tmp_path, capsys):
    path = tmp_path / "n.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1", execution_count=2)]), path)
    assert canonical_main([str(path)]) == 0 and "rewritten" in capsys.readouterr().out
    assert canonical_main([str(path)]) == 0 and capsys.readouterr().out == ""
    path.write_text("{")
    assert canonical_main([str(path)]) == 1 and "not a notebook" in capsys.readouterr().err


# Installing -----------------------------------------------------------------------------------------------------

@pytest.fixture
def machine(tmp_path):
    """A project folder on a machine whose only Pythons are those that the test makes."""
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "cat", "grep", "cmp", "uname", "rm", "mv"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    shutil.copy(PROJECT / "tools" / "install", tmp_path)
    (tmp_path / "requirements.txt").write_text("uv==0.9\n")

    def python(name: str, version: str, complete: bool = True) -> None:
        path = tmp_path / "bin" / name
        path.write_text(f"""#!{shutil.which("sh")}
case "$2" in
    *version_info*) echo {version} ;;
    *ensurepip*) exit {0 if complete else 1} ;;
    venv) echo made with {name}; exit 1 ;;
esac
""")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def install(**variables: str) -> str:
        result = subprocess.run(["sh", "install"], cwd=tmp_path, capture_output=True, text=True,
                                env={"PATH": str(tmp_path / "bin"), **variables})
        assert result.returncode == 1
        return result.stdout + result.stderr

    install.python = python
    install.folder = tmp_path
    return install


def test_no_python_is_one_sentence(machine):
    assert machine() == "No Python was found: install Python 3.11, 3.12 or 3.13, " \
                        "or name it with make PYTHON=/path/to/python3.\n"
    assert machine(PYTHON="/absent") == "PYTHON=/absent does not run: name a Python 3.11, 3.12 or 3.13.\n"


def test_an_old_python_is_one_sentence(machine):
    machine.python("python3", "3.9")
    assert machine() == "Python 3.11, 3.12 or 3.13 is needed and Python 3.9 is too old: install one of them, " \
                        "or name it with make PYTHON=/path/to/python3.\n"


def test_a_python_without_ensurepip_is_one_sentence(machine):
    machine.python("python3.12", "3.12", complete=False)
    assert machine() == "Python 3.12 is here but cannot make environments: install its package python3.12-venv.\n"


def test_the_first_python_that_is_complete_is_taken(machine):
    machine.python("python3.13", "3.13", complete=False)
    machine.python("python3.12", "3.12")
    machine.python("python3.11", "3.11")
    assert "Making .venv with Python 3.12\nmade with python3.12\n" in machine()
    assert "made with python3.11" in machine(PYTHON="python3.11")


def test_a_newer_python_is_tried_with_a_warning(machine):
    machine.python("python3", "3.14")
    assert machine().startswith("Only Python 3.14 was found; this book is tested with 3.11 to 3.13")


def test_an_installed_environment_is_left_alone(machine):
    (machine.folder / ".venv" / "bin").mkdir(parents=True)
    (machine.folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (machine.folder / ".venv" / "installed").write_text(f"{machine.folder}\nuv==0.9\n")
    result = subprocess.run(["sh", "install"], cwd=machine.folder, capture_output=True, text=True,
                            env={"PATH": str(machine.folder / "bin")})
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")

# Links ----------------------------------------------------------------------------------------------------------

def report(*links: dict) -> str:
    return "".join(json.dumps({"filename": "book/index.md", "lineno": 1, "code": 0, "info": "", **link}) + "\n"
                   for link in links)


def test_broken_links_are_told_from_those_that_would_not_tell(capsys):
    found = build.read_links(report(
        {"uri": "https://one.example", "status": "working"},
        {"uri": "https://two.example", "status": "redirected", "code": 301, "info": "https://new.example"},
        {"uri": "https://three.example", "status": "broken", "info": "403 Client Error: Forbidden for url"},
        {"uri": "https://four.example", "status": "broken", "info": "404 Client Error: Not Found for url"},
        {"uri": "https://five.example", "status": "broken", "info": "Connection refused"},
        {"uri": "other.html", "status": "local"}))
    assert not build.report_links(found)
    assert capsys.readouterr().out.splitlines() == [
        "Would not tell (403): https://three.example, on book/index.md",
        "Broken: https://four.example, on book/index.md: 404 Client Error: Not Found for url",
        "Broken: https://five.example, on book/index.md: Connection refused",
        "5 links to other sites: 2 broken, 1 would not tell."]
    assert build.report_links(found[:3])


def test_links_are_asked_for(toy, capsys):
    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200 if self.path == "/there" else 404)
            self.end_headers()

        do_GET = do_HEAD

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there, gone = (f"http://127.0.0.1:{server.server_port}/{name}" for name in ("there", "gone"))
    (toy / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    (toy / "book" / "index.md").write_text(f"# Toy\n\n[One]({there})\n")
    assert build.links(toy) == 0 and capsys.readouterr().out == "1 links to other sites: 0 broken, 0 would not tell.\n"
    (toy / "book" / "index.md").write_text(f"# Toy\n\n[One]({there}), [two]({gone})\n")
    assert build.links(toy) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"Broken: {gone}, on book/index.md: 404") and said[1].startswith("2 links")
    server.shutdown()
