"""Records of trainings: written whole, read back, refused when damaged, listed, compared and drawn."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_lib import records, runs
from resnet_lib.__main__ import main


def made(name: str = "digits-plain-8-quick-1", error: float = 20.0, **settings) -> records.Record:
    """A record of two epochs."""
    configuration = {"data": "digits", "network": "plain", "depth": 8, "seed": 1, "recipe": "quick", **settings}
    start = {"step": 0, "processes": 2, "device": "A processor", "threads": 1, "torch": "2.15.0", "commit": "abc"}
    history = {"step": [12, 24], "train_loss": [2.0, 1.0], "train_error": [60.0, 30.0], "test_loss": [1.5, 0.9],
               "test_error": [50.0, error], "images_per_second": [900.0, 1000.0], "seconds": [40.0, 80.0]}
    return records.Record(name, "python -m resnet_lib train --data digits", "2026-11-25", configuration, [start],
                          history, {"0": {"loss": 2.3}}, [1.0, 0.5])


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with two records and a study in it."""
    records.write(tmp_path / "digits-plain-8-quick-1.json", made())
    records.write(tmp_path / "digits-plain-8-quick-2.json", made("digits-plain-8-quick-2", 10.0, seed=2))
    runs.record("depths", "Which depths train?", [{"depth": 8}], lambda depth: {"loss": 1.0}, tmp_path)
    capsys.readouterr()
    return tmp_path


def test_a_record_is_read_back_as_it_was(folder):
    read = records.load(folder / "digits-plain-8-quick-1.json")
    assert read == made()
    assert read.test_error == 20 and read.train_error == 30 and read.seconds == 120
    assert read.hardware() == "A processor, 2 processes with 1 thread"
    assert "seconds" not in read.measured and read.measured["test_error"] == [50, 20]


def test_records_are_found_by_their_settings_and_studies_are_none(folder):
    assert [record.record for record in records.found(folder)] == ["digits-plain-8-quick-1", "digits-plain-8-quick-2"]
    assert [record.test_error for record in records.found(folder, seed=2, recipe="quick")] == [10]
    assert records.found(folder, depth=20) == []
    assert not records.is_record(folder / "depths.json")


@pytest.mark.reliability("records")
@pytest.mark.parametrize("content", ["", "{", '{"record": 1}', "[]", '{"record": "a", "history": {}}', "cut"])
def test_a_damaged_record_is_one_sentence(content, folder):
    path = folder / "digits-plain-8-quick-1.json"
    path.write_text(path.read_text()[:200] if content == "cut" else content)
    with pytest.raises(ValueError, match="is not a readable record") as raised:
        records.load(path)
    assert str(path) in str(raised.value)


@pytest.mark.reliability("records")
def test_lists_of_different_lengths_are_no_history(folder):
    path = folder / "digits-plain-8-quick-1.json"
    content = json.loads(path.read_text())
    content["history"]["test_error"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="is not a readable record"):
        records.load(path)


def test_a_record_with_other_settings_is_not_taken_for_this_one(folder):
    with pytest.raises(ValueError, match="other settings"):
        records.load(folder / "digits-plain-8-quick-1.json", {**made().configuration, "learning_rate": 0.2})


@pytest.mark.reliability("disk")
def test_a_full_disk_keeps_the_record_before(folder):
    path = folder / "digits-plain-8-quick-1.json"
    (folder / f"{path.name}.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device.*nothing has to be trained again"):
        records.write(path, made(error=0.0))
    assert records.load(path) == made()
    assert not os.path.lexists(folder / f"{path.name}.part")


def test_the_strip_says_what_was_recorded():
    strip = replace(made(), command="train <b>")._repr_html_()
    assert "recorded" in strip and "2 minutes" in strip and "A processor, 2 processes" in strip and "&lt;b&gt;" in strip


# The command line -----------------------------------------------------------------------------------

def test_all_are_listed_in_one_table_after_the_studies(folder, capsys):
    assert main(["runs", "--folder", str(folder)]) == 0
    said = capsys.readouterr().out
    assert said.index("depths: Which") < said.index("Recorded trainings")
    first, second = said.splitlines()[-2:]
    assert first.split()[:5] == ["digits-plain-8-quick-1", "2", "30.00", "%", "20.00"]
    assert second.split()[:5] == ["digits-plain-8-quick-2", "2", "30.00", "%", "10.00"]


def test_one_is_shown_whole_and_several_side_by_side(folder, capsys):
    assert main(["runs", "digits-plain-8-quick-2", "--folder", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "test error 10.00 % after 2 minutes" in said and "  recipe            quick" in said
    assert said.splitlines()[-1].split() == ["2", "1.0000", "30.00", "%", "0.9000", "10.00", "%", "1,000"]
    assert main(["runs", "digits-plain-8-quick-2", "digits-plain-8-quick-1", "--folder", str(folder)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "digits-plain-8-quick-2", "digits-plain-8-quick-1"]


@pytest.mark.parametrize("name, start", [("a.svg", b"<?xml"), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_they_are_drawn(name, start, folder, capsys):
    assert main(["runs", "--folder", str(folder), "--draw", str(folder / name)]) == 0
    assert (folder / name).read_bytes().startswith(start)
    assert "digits-plain-8-quick-1, digits-plain-8-quick-2" in capsys.readouterr().out


@pytest.mark.reliability("options")
@pytest.mark.parametrize("arguments, says", [
    (["digits-plain-8-quick-3"], "no recorded run 'digits-plain-8-quick-3'"),
    (["depths", "digits-plain-8-quick-1"], "depths is a study"), (["depths", "--draw", "a.svg"], "depths is a study"),
    (["--draw", "a.docx"], ".svg, .png or .pdf")])
def test_what_cannot_be_shown_is_one_sentence(arguments, says, folder, capsys):
    assert main(["runs", *arguments, "--folder", str(folder)]) == 1
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
