"""Recorded runs: resuming, interruption, files that are damaged or missing, and the studies of the book."""

from __future__ import annotations

import json
import re
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_lib import records, runs

QUESTION = 'Is "deeper" worse? "runs": []'
STUDIES = [path.stem for path in sorted(runs.FOLDER.glob("*.json")) if not records.is_record(path)]


class Measure:
    """Measures, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def __call__(self, depth: int, kind: str) -> dict:
        self.asked.append((depth, kind))
        return {"loss": [depth / 3, math.pi * 1e-7], "steps": 123456789, "diverged": False, "name": kind}


def plan(*settings: tuple[int, str]) -> list[dict]:
    return [{"depth": depth, "kind": kind} for depth, kind in settings]


def record(folder: Path, settings: list[dict], measure: Callable[..., dict] | None = None) -> runs.Study:
    return runs.record("study", QUESTION, settings, measure or Measure(), folder)


FOUR = plan((8, "plain"), (8, "residual"), (20, "plain"), (20, "residual"))


# Recording --------------------------------------------------------------------------------------------------

def test_a_recording_is_read_back_as_it_was_measured(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    study = record(tmp_path, FOUR)
    assert study == runs.load("study", tmp_path)
    assert (study.study, study.question, study.command) == ("study", QUESTION, "python book/runs/study.py")
    assert [run["configuration"] for run in study.runs] == FOUR
    assert study.runs[2]["results"] == {"loss": [6.6667, 3.1416e-7], "steps": 123456789, "diverged": False,
                                        "name": "plain"}
    assert set(study.environment) == {"python", "torch", "processor", "system", "threads", "commit"}
    assert study.seconds == sum(run["seconds"] for run in study.runs)
    assert len((tmp_path / "study.json").read_text(encoding="utf-8").splitlines()) < 30  # one run a line
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]  # nothing half-written beside it
    assert capsys.readouterr().out.splitlines()[3].startswith("4/4  {'depth': 20")


def test_recording_resumes_with_what_is_missing(tmp_path: Path) -> None:
    record(tmp_path, FOUR[:2])
    measure = Measure()
    study = record(tmp_path, FOUR, measure)
    assert measure.asked == [(20, "plain"), (20, "residual")] and len(study.runs) == 4
    text = (tmp_path / "study.json").read_bytes()
    record(tmp_path, FOUR, measure)
    assert len(measure.asked) == 2 and (tmp_path / "study.json").read_bytes() == text


@pytest.mark.parametrize("wanted", [FOUR[1:3], [*FOUR[1:3], *plan((32, "plain"))]])
def test_runs_no_longer_wanted_are_dropped(tmp_path: Path, wanted: list[dict]) -> None:
    record(tmp_path, FOUR)
    assert [run["configuration"] for run in record(tmp_path, wanted).runs] == wanted
    assert [run["configuration"] for run in runs.load("study", tmp_path).runs] == wanted


def test_a_configuration_that_is_asked_for_twice_is_measured_once(tmp_path: Path) -> None:
    measure = Measure()
    assert len(record(tmp_path, FOUR[:1] * 2, measure).runs) == len(measure.asked) == 1


@pytest.mark.reliability("book")
def test_an_interrupted_recording_keeps_the_runs_before(tmp_path: Path) -> None:
    def interrupted(depth: int, kind: str) -> dict:
        if depth == 20:
            raise KeyboardInterrupt
        return {"loss": 1.0}

    with pytest.raises(KeyboardInterrupt):
        record(tmp_path, FOUR, interrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]
    assert [run["configuration"] for run in runs.load("study", tmp_path).runs] == FOUR[:2]


@pytest.mark.reliability("book")
def test_an_interrupted_writing_keeps_the_file_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(tmp_path, FOUR[:2])
    text = (tmp_path / "study.json").read_bytes()

    def half(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text[:100].encode(encoding))
        raise OSError("No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(Path, "write_text", half)
        record(tmp_path, FOUR)
    assert (tmp_path / "study.json").read_bytes() == text
    record(tmp_path, FOUR)
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]


@pytest.mark.parametrize(("value", "expected"), [
    (1.23456789, 1.2346), (123456.789, 123460.0), (-1.23456789e-9, -1.2346e-9), (0.0, 0.0), (123456789, 123456789),
    (True, True), ("text", "text"), (None, None), ({"a": [1.00000001, (2.718281828,)]}, {"a": [1.0, [2.7183]]}),
])
def test_five_significant_digits(value: object, expected: object) -> None:
    assert runs.rounded(value) == expected and type(runs.rounded(value)) is type(expected)


def test_nan_is_kept(tmp_path: Path) -> None:
    (run,) = record(tmp_path, FOUR[:1], lambda depth, kind: {"loss": math.nan, "norm": math.inf}).runs
    assert math.isnan(run["results"]["loss"]) and run["results"]["norm"] == math.inf


# Reading ----------------------------------------------------------------------------------------------------

def test_select_and_values(tmp_path: Path) -> None:
    study = record(tmp_path, FOUR)
    assert [results["name"] for results in study.select(depth=20)] == ["plain", "residual"]
    assert [results["loss"][0] for results in study.select(kind="plain", depth=8)] == [2.6667]
    assert len(study.select()) == 4
    assert study.values("depth") == [8, 20] and study.values("kind") == ["plain", "residual"]
    for wrong in ({"depth": 56}, {"depth": 8, "kind": "recurrent"}, {"seed": 1}):
        with pytest.raises(KeyError, match="The study 'study' has no run with"):
            study.select(**wrong)


def test_the_strip_says_what_was_recorded() -> None:
    environment = {"processor": "A <fast> one", "threads": 1, "torch": "2.11"}
    study = runs.Study("study", "?", "python a<b>.py", "2026-01-02", environment, [{"seconds": 90.0}] * 4)
    strip = study._repr_html_()
    for part in ("4 runs", "2026-01-02", "A &lt;fast&gt; one", "1 thread", "6 minutes", "PyTorch 2.11",
                 "python a&lt;b&gt;.py"):
        assert part in strip
    assert "2.0 hours" in runs.Study("study", "?", "", "", environment, [{"seconds": 3600.0}] * 2)._repr_html_()
    assert "4 runs of 2026-01-02" in repr(study)


@pytest.mark.reliability("records")
def test_a_missing_study_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        runs.load("depth", tmp_path)
    text = str(error.value)
    assert "'depth'" in text and "`python book/runs/depth.py` records it." in text and "\n" not in text


@pytest.mark.reliability("records")
@pytest.mark.parametrize("content", [b"", b'{"study": "study", "runs": [', b"[]", b"{}", b"null", b"\xff\xfe",
                                     b"<html>"])
def test_a_damaged_study_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "study.json").write_bytes(content)
    for read in (lambda: runs.load("study", tmp_path), lambda: record(tmp_path, FOUR)):
        with pytest.raises(ValueError, match="restore it from the repository, or delete it and") as error:
            read()
        text = str(error.value)
        assert str(tmp_path / "study.json") in text and text.endswith(".") and "\n" not in text
    assert (tmp_path / "study.json").read_bytes() == content


# The book's studies -----------------------------------------------------------------------------------------

def test_the_book_has_recorded_studies() -> None:
    assert STUDIES


def test_the_trainings_of_the_book_are_complete() -> None:
    found = records.found()
    assert {(record.configuration["network"], record.configuration["depth"]) for record in found
            if record.configuration["recipe"] == "quick"} >= {(kind, depth) for kind in ("plain", "residual")
                                                              for depth in (20, 56)}
    for record in found:
        assert len(record.responses) == record.configuration["depth"] - 1
        assert "+" not in "".join(start["commit"] for start in record.environment)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_of_the_book_is_complete_and_has_its_script(name: str) -> None:
    study = runs.load(name)
    script = (runs.FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert study.study == name and study.command == f"python book/runs/{name}.py"
    assert re.search(rf'runs\.record\(\s*"{name}",', script) and json.dumps(study.question, ensure_ascii=False) in script
    assert {"python", "torch", "processor", "system", "threads", "commit"} <= set(study.environment)
    assert study.runs and study.seconds > 0
    for run in study.runs:
        assert set(run) == {"configuration", "results", "seconds"} and run["seconds"] >= 0  # rounded
        assert run["configuration"] and run["results"]
    configurations = [json.dumps(run["configuration"], sort_keys=True) for run in study.runs]
    assert len(set(configurations)) == len(configurations)


@pytest.mark.parametrize(("seconds", "words"), [(48.4, "48 seconds"), (720, "12 minutes"), (5399, "90 minutes"),
                                                (12240, "3.4 hours")])
def test_durations_in_words(seconds: float, words: str) -> None:
    assert runs.duration(seconds) == words


def test_the_commit_of_a_recording_is_marked_when_the_code_differs_from_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@b", *arguments],
                              check=True, capture_output=True, text=True).stdout.strip()

    recorded = tmp_path / "book" / "runs"
    recorded.mkdir(parents=True)
    for name in ("study.json", "study.py"):
        (recorded / name).write_text("1\n", encoding="utf-8")
    monkeypatch.setattr(runs, "FOLDER", recorded)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert runs.commit() == "unknown"  # no repository yet
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    at = git("rev-parse", "--short=10", "HEAD")
    assert runs.commit() == at
    (recorded / "study.json").write_text("2\n", encoding="utf-8")  # what the recording itself writes
    assert runs.commit() == at
    (recorded / "study.py").write_text("2\n", encoding="utf-8")
    assert runs.commit() == at + "+"
