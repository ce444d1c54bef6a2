"""The command line: what it prints, and one sentence with status 1 where something is wrong."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from resnet_lib import data, networks, pictures, runs, weights
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
    assert "3,000 recordings" in lines["spoken_digits"] and "10,662 sentences" in lines["sentences"]


def test_names_are_fetched_in_turn_into_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    fetched = []
    monkeypatch.setattr(data, "download", lambda name, below: fetched.append((name, below)))
    assert main(["data", "mnist", "fashion_mnist", "--folder", str(tmp_path)]) == 0
    assert fetched == [("mnist", tmp_path), ("fashion_mnist", tmp_path)]
    assert f"RESNET_DATA={tmp_path}" in capsys.readouterr().out


@pytest.mark.reliability("options")
def test_a_wrong_name_is_found_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    fetched = []
    monkeypatch.setattr(data, "download", lambda name, below: fetched.append(name))
    assert main(["data", "mnist", "minst"]) == 1
    printed = capsys.readouterr()
    assert fetched == [] and printed.out == ""
    assert printed.err == f"There is no data set 'minst': choose one of {', '.join(data.KNOWN)}.\n"


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with two recorded studies in it, which the command line reads."""
    def measure(depth: int, kind: str) -> dict:
        return {"diverged": True} if depth == 56 else {"loss": [depth / 3, 0.5], "final_loss": 0.25}

    settings = [{"depth": depth, "kind": kind} for depth in (8, 56, 20) for kind in ("residual", "plain")]
    runs.record("depths", "Which depths train?", settings, measure, tmp_path)
    runs.record("again", "And once more?", settings[:1], measure, tmp_path)
    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    capsys.readouterr()
    return tmp_path


def test_without_a_name_it_lists_the_recorded_studies(studies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    first, *blocks = capsys.readouterr().out.split("\n\n")
    assert str(studies) in first
    assert [block.splitlines()[0] for block in blocks] == ["again: And once more?", "depths: Which depths train?"]
    recorded = runs.load("depths", studies)
    name, facts, command = blocks[1].strip().splitlines()
    assert "6 runs, 0 seconds on " in facts and recorded.environment["processor"] in facts
    assert facts.endswith(recorded.recorded) and command.strip() == "python book/runs/depths.py"


def test_a_name_shows_what_is_in_the_study(studies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "depths"]) == 0
    facts, configurations, results, environment = capsys.readouterr().out.split("\n\n")
    assert facts.startswith("depths: Which depths train?")
    assert [line.split(maxsplit=1) for line in configurations.splitlines()[1:]] == [
        ["depth", "8, 20, 56"], ["kind", "plain, residual"]]
    assert [line.split(maxsplit=1) for line in results.splitlines()[1:]] == [
        ["loss", "a list in 4 of 6 runs"], ["final_loss", "one value in 4 of 6 runs"],
        ["diverged", "one value in 2 of 6 runs"]]
    shown = dict(line.split(maxsplit=1) for line in environment.splitlines()[1:])
    assert shown == {key: str(value) for key, value in runs.load("depths", studies).environment.items()}


@pytest.mark.reliability("options")
@pytest.mark.parametrize("name", ["depht", "../runs/depths", ""])
def test_a_study_that_is_not_there_is_one_sentence(name: str, studies: Path,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", name]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"There is no recorded run {name!r}: choose one of again, depths.\n"


@pytest.mark.reliability("records")
def test_a_damaged_study_is_one_sentence(studies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (studies / "depths.json").write_text("{")
    assert main(["runs", "depths"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and "not a readable recorded study" in printed.err


@pytest.mark.reliability("records")
def test_without_any_study_it_is_one_sentence(studies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(studies)
    assert main(["runs"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and f"no recorded runs in {studies}" in printed.err


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


# classify ---------------------------------------------------------------------------------------------------

def example(index: int) -> torch.Tensor:
    """A recorded test image, 28×28 in [0, 1]."""
    (run,) = runs.load("mnist_examples").select(image=index)
    return pictures.unpack(run["pixels"])


def photograph(path: Path, index: int = 0, ink_is_dark: bool = True, scale: int = 6) -> Path:
    """A test image as a larger picture in a file."""
    tones = torch.nn.functional.interpolate(example(index)[None, None], scale_factor=scale, mode="bilinear")[0, 0]
    tones = 0.9 - 0.7 * tones if ink_is_dark else tones
    Image.fromarray((255 * tones).byte().numpy()).save(path)
    return path


@pytest.mark.parametrize("ink_is_dark", [True, False])
def test_pictures_are_classified_in_turn(tmp_path: Path, capsys: pytest.CaptureFixture[str], ink_is_dark: bool) -> None:
    files = [photograph(tmp_path / f"{index}.png", index, ink_is_dark) for index in range(5)]
    assert main(["classify", *map(str, files)]) == 0
    lines = capsys.readouterr().out.splitlines()
    labels = [run["label"] for index in range(5) for run in runs.load("mnist_examples").select(image=index)]
    assert [line.split(": ")[1][0] for line in lines] == list(map(str, labels)) == list("72104")
    assert all(line.startswith(str(file)) and line.count("%") == 3 for line, file in zip(lines, files))


def test_as_many_answers_as_asked_for_and_their_shares_make_a_hundred(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "--top", "10", str(photograph(tmp_path / "7.png"))]) == 0
    shares = [float(share) for share in re.findall(r"\(([\d.]+) %\)", capsys.readouterr().out)]
    assert len(shares) == 10 and shares == sorted(shares, reverse=True) and abs(sum(shares) - 100) < 1
    with pytest.raises(SystemExit):
        main(["classify", "--top", "11", str(tmp_path / "7.png")])


def test_other_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"depth": 8, "in_channels": 1, "width": 2}
    weights.save(tmp_path / "own.pt", networks.plain(**options), data.load("digits"), "plain", **options)
    picture = photograph(tmp_path / "7.png")
    assert main(["classify", "--weights", str(tmp_path / "own.pt"), str(picture)]) == 0
    assert capsys.readouterr().out.startswith(str(picture))
    options["in_channels"] = 3
    colours = dataclasses.replace(data.load("digits"), mean=torch.zeros(3), std=torch.ones(3))
    weights.save(tmp_path / "own.pt", networks.plain(**options), colours, "plain", **options)
    assert main(["classify", "--weights", str(tmp_path / "own.pt"), str(picture)]) == 1
    assert "one channel" in capsys.readouterr().err


def colour(path: Path) -> None:
    Image.new("RGB", (40, 40), (255, 40, 0)).save(path)


BAD_PICTURES = {
    "absent": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("seven"),
    "cut short": lambda path: path.write_bytes(photograph(path).read_bytes()[:300]),
    "colour": colour,
    "too small": lambda path: Image.new("L", (4, 40)).save(path),
    "too large": lambda path: Image.new("1", (5000, 10)).save(path),
    "blank": lambda path: Image.new("L", (40, 40), 250).save(path),
}


@pytest.mark.reliability("pictures")
@pytest.mark.parametrize("make", BAD_PICTURES.values(), ids=BAD_PICTURES.keys())
def test_a_bad_picture_is_one_sentence_and_the_others_are_classified(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any) -> None:
    bad, good = tmp_path / "bad.png", photograph(tmp_path / "good.png")
    make(bad)
    assert main(["classify", str(bad), str(good)]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and str(bad) in said.err and "Traceback" not in said.err
    assert said.out.startswith(f"{good}: 7 (")


class Code:
    """An object whose unpickling makes a folder."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.witness),)


@pytest.mark.reliability("weights")
@pytest.mark.parametrize("make, says", [
    (lambda path: None, "There is no file"), (lambda path: path.write_bytes(b""), "damaged"),
    (lambda path: path.write_bytes(weights.MNIST.read_bytes()[:200_000]), "damaged"),
    (lambda path: torch.save(Code(path.with_name("executed")), path), "nothing in it was executed")])
def test_bad_weights_are_one_sentence_and_nothing_in_them_is_executed(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, says: str) -> None:
    make(tmp_path / "own.pt")
    assert main(["classify", "--weights", str(tmp_path / "own.pt"), str(photograph(tmp_path / "7.png"))]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and says in said.err and said.out == ""
    assert not (tmp_path / "executed").exists()
