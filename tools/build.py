"""Execute the notebooks and build the site: `python -m tools.build book`, or `test`, or `links`.

Each notebook is executed once, by nbval, two at a time, and what passed is kept in the cache from which Jupyter Book
makes the pages. `book` executes the stale ones and then builds the site; `test` runs every check and executes all.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

import nbformat

from tools.chapters import Chapter, Executed, chapters, digest, environment, failed_claims

PROJECT = Path(__file__).resolve().parent.parent
AT_ONCE = min(2, os.cpu_count() or 1)
CELL_TIMEOUT = 600  # seconds


# Execution ------------------------------------------------------------------------------------------------------

@dataclass
class Result:
    """What one execution of a chapter gave. `broken` names the cell and its error, and is empty when all passed."""

    chapter: Chapter
    seconds: float
    passed: int
    broken: str
    notebook: nbformat.NotebookNode


class Run:
    """One notebook being executed, in a process of its own that ends when the block ends."""

    def __init__(self, chapter: Chapter, logs: Path, variables: dict[str, str]) -> None:
        self.chapter = chapter
        self.started = time.monotonic()
        name = chapter.name.replace("/", "-")
        self.result_file, self.log_file = logs / f"{name}.json", logs / f"{name}.log"
        self.result_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-p", "tools.execution", "-p", "no:cacheprovider", "-qx",
                   "--color=no", "--nbval", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}",
                   "--executed", str(self.result_file), str(chapter.path)]
        self.log: IO[bytes] = self.log_file.open("wb")
        self.process = subprocess.Popen(command, cwd=chapter.root, env=variables, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)

    def finished(self) -> bool:
        return self.process.poll() is not None

    def result(self) -> Result:
        """The result of a finished run."""
        self.log.close()
        seconds = time.monotonic() - self.started
        if not self.result_file.exists():
            lines = self.log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            reason = f"it could not be started: {lines[-1] if lines else 'no message'}; see {self.log_file}"
            return Result(self.chapter, seconds, 0, reason, self.chapter.notebook)
        content = json.loads(self.result_file.read_text(encoding="utf-8"))
        broken = content["broken"]
        return Result(self.chapter, seconds, content["passed"],
                      f"code cell {broken['cell']}: {broken['error']}" if broken else "",
                      nbformat.from_dict(content["notebook"]))

    def stop(self) -> None:
        """End the process and its kernel."""
        if not self.finished():
            self.process.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def run_all(waiting: list[Chapter], logs: Path, variables: dict[str, str]) -> Iterator[Result]:
    """Execute the chapters, `AT_ONCE` at a time, and yield each result as it comes."""
    logs.mkdir(parents=True, exist_ok=True)
    waiting, running = list(waiting), list[Run]()
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                running.append(Run(waiting.pop(0), logs, variables))
            for run in [run for run in running if run.finished()]:
                running.remove(run)
                yield run.result()
            time.sleep(0.05)
    finally:
        for run in running:
            run.stop()


def execute(chosen: list[Chapter], executed: Executed, strict: bool = False, **more: str) -> list[Result]:
    """Execute notebooks and keep what passed; prints a line as each finishes.

    A broken notebook is kept with its outputs and its traceback so that its page can show them, but stays stale. When
    claims are strict it is not kept at all. `more`: environment variables beside the usual ones.
    """
    if not chosen:
        return []
    variables = environment(strict) | more
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), variables.get("PYTHONPATH", "")]))
    started, results = time.monotonic(), list[Result]()
    longest_first = sorted(chosen, key=executed.seconds, reverse=True)
    for result in run_all(longest_first, chosen[0].root / "_build" / "logs", variables):
        results.append(result)
        if not result.broken:
            executed.store(result.chapter, result.notebook, fingerprint=result.chapter.fingerprint,
                           execution_seconds=result.seconds)
        elif strict:
            executed.remove(result.chapter)
        else:
            executed.store(result.chapter, result.notebook)
        say(f"{len(results)}/{len(chosen)}  {result.chapter.name:32}  {clock(result.seconds):>8}  "
            f"{clock(time.monotonic() - started):>8} so far{'  BROKEN' if result.broken else ''}")
    return results


# Site -----------------------------------------------------------------------------------------------------------

def site_inputs(root: Path, executed: Executed) -> str:
    """A hash of everything that the site is made from."""
    files = [root / name for name in ("_config.yml", "_toc.yml", "requirements.txt")]
    files += sorted((root / "resnet_lib").rglob("*.py"))
    files += sorted(path for path in (root / "book").rglob("*")
                    if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts))
    parts = [f"{path.relative_to(root)}\n".encode() + path.read_bytes() for path in files if path.exists()]
    parts += [json.dumps(executed.notebook(chapter), sort_keys=True).encode() for chapter in chapters(root)]
    return digest(*parts)


def jupyter_book(root: Path, out: Path, log: Path, *options: str) -> int:
    """Let Jupyter Book build into a folder, what it says into a file; its exit status."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(root),
               "--path-output", str(out), *options]
    with log.open("wb") as output:
        return subprocess.run(command, cwd=root, env=environment(strict=False), stdin=subprocess.DEVNULL,
                              stdout=output, stderr=subprocess.STDOUT).returncode


def build_site(root: Path, warnings_are_errors: bool) -> bool:
    """Build the pages in a fresh folder, then put them in the place of the old ones; whether all went well."""
    build = root / "_build"
    fresh, log = build / "fresh", build / "logs" / "site.log"
    shutil.rmtree(fresh, ignore_errors=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    status = jupyter_book(root, fresh, log, "-n", "--keep-going", *(["-W"] if warnings_are_errors else []))
    pages = fresh / "_build" / "html"
    built = (pages / "index.html").exists()
    if built:
        shutil.rmtree(build / "html", ignore_errors=True)
        pages.rename(build / "html")
        shutil.rmtree(fresh)
    said = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text(encoding="utf-8", errors="replace"))
    lines = said.replace(f"{root}{os.sep}", "").splitlines()
    complaints = [line.split("... ")[-1] for line in lines if "WARNING" in line or "ERROR" in line]
    for line in dict.fromkeys(complaints) or (lines[-10:] if status else []):
        say(line)
    if status:
        say(f"The site was built with errors; everything it said is in {log.relative_to(root)}." if built else
            f"The site could not be built; everything that was said is in {log.relative_to(root)}.")
    return built and status == 0


# Links ----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Link:
    """What became of one link. `code` is the status with which its server answered, 0 when none did."""

    page: str
    address: str
    status: str  # Sphinx's word: working, redirected, broken, …
    code: int
    message: str

    @property
    def refused(self) -> bool:
        """Whether the server is there but tells programs nothing."""
        return self.code in (401, 403, 405, 406, 418, 429, 503)


def read_links(report: str) -> list[Link]:
    """The links of Sphinx's `output.json`, one a line."""
    found = (json.loads(line) for line in report.splitlines())
    return [Link(link["filename"], link["uri"], link["status"], code_in(link), link["info"]) for link in found]


def code_in(link: dict[str, Any]) -> int:
    """The status of the answer; for a broken link Sphinx has it in its message alone."""
    said = re.match(r"(\d{3}) ", link["info"])
    return link["code"] or (int(said[1]) if said else 0)


def report_links(found: list[Link]) -> bool:
    """Say which links are broken and which could not be checked; whether none is broken."""
    asked = [link for link in found if link.status not in ("local", "unchecked", "ignored")]
    bad = {link.address: link for link in asked if link.status in ("broken", "timeout")}
    silent = [link for link in bad.values() if link.refused]
    broken = [link for link in bad.values() if not link.refused]
    for link in silent:
        say(f"Would not tell ({link.code}): {link.address}, on {link.page}")
    for link in broken:
        reason = link.message.rpartition("(Caused by ")[2]
        say(f"Broken: {link.address}, on {link.page}: {reason}")
    say(f"{len({link.address for link in asked})} links to other sites: {len(broken)} broken, "
        f"{len(silent)} would not tell.")
    return not broken


# Commands -------------------------------------------------------------------------------------------------------

def book(root: Path, only: str = "") -> int:
    """Execute the stale notebooks, or the one that is called `only`, and build the site; the exit status."""
    started = time.monotonic()
    executed, every = Executed(root / "_build" / ".jupyter_cache"), chapters(root)
    if only and only not in [chapter.name for chapter in every]:
        stop(f"There is no chapter called {only}: choose one of {', '.join(chapter.name for chapter in every)}.")
    stale = [chapter for chapter in every if not executed.fresh(chapter)]
    chosen = [chapter for chapter in stale if only in ("", chapter.name)]
    say(f"{len(every)} notebooks, {len(chosen)} to execute")
    results = execute(chosen, executed)
    broken = [result for result in results if result.broken]

    bare = [chapter for chapter in every if not executed.known(chapter)
            and chapter.name not in [result.chapter.name for result in broken]]
    for chapter in bare:  # without a record Jupyter Book would execute it
        executed.store(chapter, chapter.notebook)
    stamp, inputs = root / "_build" / "site.inputs", site_inputs(root, executed)
    complete = not broken and not bare
    page = root / "_build" / "html" / "index.html"
    if complete and page.exists() and stamp.exists() and stamp.read_text() == inputs:
        site = True
    else:
        stamp.unlink(missing_ok=True)
        say("building the site")
        site = build_site(root, warnings_are_errors=complete)
        if site and complete:
            stamp.write_text(inputs)
    fallen = [(chapter.name, claim) for chapter in every
              for claim in failed_claims(executed.notebook(chapter) or chapter.notebook)]
    for chapter in [*bare, *(result.chapter for result in broken)]:
        executed.remove(chapter)

    for name, claim in fallen:
        say(f"Does not hold here: {name}: {claim['id']}: measured {claim['value']:.4g} {claim['unit']}".rstrip()
            + f", expected {claim['expected']}. {claim['statement']}")
    if bare:
        say(f"Shown without outputs, not executed yet: {', '.join(chapter.name for chapter in bare)}. "
            "Run make book to execute them.")
    for result in broken:
        say(f"Broken: {result.chapter.name}, {result.broken}")
    if page.exists():
        say(f"Done in {clock(time.monotonic() - started)}. Open {page.relative_to(root)}\n{page.as_uri()}")
    return 0 if site and not broken else 1


def links(root: Path) -> int:
    """Ask for each page of another site to which the book links; the exit status."""
    fresh, log = root / "_build" / "links", root / "_build" / "logs" / "links.log"
    shutil.rmtree(fresh, ignore_errors=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    jupyter_book(root, fresh, log, "--builder", "linkcheck")
    report = next(fresh.rglob("output.json"), None)
    if report is None:
        say(f"The links could not be checked; everything that was said is in {log.relative_to(root)}.")
        return 1
    return 0 if report_links(read_links(report.read_text(encoding="utf-8"))) else 1


def test(root: Path) -> int:
    """Run every check and execute every notebook with strict claims; the exit status."""
    variables = environment(strict=False)

    def check(name: str, *command: str) -> bool:
        say(f"== {name}")
        return subprocess.run([sys.executable, "-m", *command], cwd=root, env=variables).returncode == 0

    pytest = ["pytest", "-q", "-m", "not site and not browser"]
    outcomes = {
        "style": check("style", "ruff", "check", "."),
        "types": check("types", "mypy"),
        "unit tests": check("unit tests", *pytest, "-n", str(AT_ONCE), "--ignore=tests/test_notebooks.py",
                            "--reliability=_build/reliability.json", "tests"),
    }
    every = chapters(root)
    say(f"== {len(every)} notebooks, claims strict")
    outcomes["notebooks"] = report(execute(every, Executed(root / "_build" / ".jupyter_cache"), strict=True))
    if loading := [chapter for chapter in every if chapter.loads_data]:
        with tempfile.TemporaryDirectory() as folder:
            say(f"== {len(loading)} of them once more, without data sets")
            results = execute(loading, Executed(Path(folder) / "cache"), strict=True, RESNET_DATA=f"{folder}/data")
            outcomes["notebooks without data sets"] = report(results)
    outcomes["rules on notebooks"] = check("rules on notebooks", *pytest, "tests/test_notebooks.py")
    failed = [name for name, passed in outcomes.items() if not passed]
    say(f"Failed: {', '.join(failed)}." if failed else "All checks passed.")
    return 1 if failed else 0


def report(results: list[Result]) -> bool:
    """Say which notebooks broke, and how many cells passed; whether none broke."""
    broken = [result for result in results if result.broken]
    for result in broken:
        say(f"Broken: {result.chapter.name}, {result.broken}")
    say(f"notebooks: {sum(result.passed for result in results)} passed")
    return not broken


def clock(seconds: float) -> str:
    """Seconds as `8 s` or `2:05 min`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


def say(text: str) -> None:
    print(text, flush=True)


def stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(2)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.build", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    book_options = commands.add_parser("book", help="execute stale notebooks and build the site")
    book_options.add_argument("only", nargs="?", default="", metavar="CHAPTER", help="for example concepts/depth")
    commands.add_parser("test", help="run every check and execute every notebook")
    commands.add_parser("links", help="ask each page on the web to which the book links whether it is there")
    options = parser.parse_args()

    def interrupt(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        if options.command == "book":
            return book(PROJECT, options.only)
        return test(PROJECT) if options.command == "test" else links(PROJECT)
    except KeyboardInterrupt:
        say("Interrupted: what is finished is kept; run the same command again to go on.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
