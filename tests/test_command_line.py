"""The command line: what it prints, and one sentence with status 1 where something is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from resnet_lib import data
from resnet_lib.__main__ import main


def test_without_a_name_it_lists_the_data_sets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNET_DATA", str(tmp_path))
    assert main(["data"]) == 0
    printed = capsys.readouterr().out
    assert str(tmp_path) in printed
    lines = {line.split()[0]: line for line in printed.splitlines()[1:]}
    assert set(lines) == set(data.KNOWN)
    assert "always here" in lines["digits"] and "11.6 MB to fetch" in lines["mnist"]
    assert "CC BY-SA 3.0" in lines["mnist"] and "170.5 MB" in lines["cifar10"]


def test_names_are_fetched_in_turn_into_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    fetched = []
    monkeypatch.setattr(data, "download", lambda name, below: fetched.append((name, below)))
    assert main(["data", "mnist", "fashion_mnist", "--folder", str(tmp_path)]) == 0
    assert fetched == [("mnist", tmp_path), ("fashion_mnist", tmp_path)]
    assert f"RESNET_DATA={tmp_path}" in capsys.readouterr().out


def test_a_wrong_name_is_found_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    fetched = []
    monkeypatch.setattr(data, "download", lambda name, below: fetched.append(name))
    assert main(["data", "mnist", "minst"]) == 1
    printed = capsys.readouterr()
    assert fetched == [] and printed.out == ""
    assert printed.err == "There is no data set 'minst': choose one of digits, mnist, fashion_mnist, cifar10.\n"


def test_an_interruption_is_no_traceback(monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "download", interrupt)
    assert main(["data", "mnist"]) == 130
    assert "run the same command again" in capsys.readouterr().err


def test_as_a_program_it_says_one_sentence_and_ends_with_status_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    command = [sys.executable, "-m", "resnet_lib", "data", "mnist", "--folder", str(tmp_path / "file" / "deeper")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr.count("\n") == 1 and "cannot be written" in ended.stderr
