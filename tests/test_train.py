"""Whole trainings: the same to the last digit after kills and signals, and whoever shares the work."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from resnet_lib import checkpoints, data, recipes, records, train, training, weights
from resnet_lib.__main__ import main
from tests.trainings import SMALL, ended, kill_in_write, run, start, together, until

NAME = "digits-residual-8-width=8-quick-epochs=6-precision=float32-1"


def record(folder: Path) -> records.Record:
    """The one record in a folder of a test."""
    (found,) = records.found(folder / "record")
    return found


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[records.Record, float]:
    """The record of the small training that nothing disturbs, and the seconds it took, start included."""
    for name in ("first", "second"):  # the first one waits until PyTorch is imported
        folder, begin = tmp_path_factory.mktemp(name), time.monotonic()
        assert run(SMALL, folder) == 0, (folder / "output").read_text()
    return record(folder), time.monotonic() - begin


def same(folder: Path, expected: records.Record) -> None:
    """Fail unless the folder's record holds what `expected` holds, in every digit."""
    found = record(folder)
    assert found.measured == expected.measured
    assert found.gradient_flow == expected.gradient_flow
    assert found.responses == expected.responses
    assert not list((folder / "checkpoints").iterdir())


@pytest.mark.reliability("kills")
@pytest.mark.parametrize("number", range(20))
def test_a_training_killed_at_a_random_moment_ends_as_if_nothing_had_happened(number, tmp_path, uninterrupted):
    expected, seconds = uninterrupted
    delay = random.Random(number).uniform(0.1, 0.95) * seconds
    for attempt in range(6):  # it may have been faster than before, and over when the kill comes
        folder = tmp_path / str(attempt)
        folder.mkdir()
        process = start(SMALL, folder)
        process.join(delay)
        process.kill()
        if ended(process) == -signal.SIGKILL:
            break
        delay *= 0.7
    assert ended(process) == -signal.SIGKILL
    assert run(SMALL, folder) == 0, (folder / "output").read_text()
    same(folder, expected)


@pytest.mark.reliability("writes")
@pytest.mark.parametrize("module, name, call", [
    ("torch", "save", 0), ("torch", "save", 1), ("torch", "save", 5),  # half a checkpoint under its temporary name
    ("os", "fsync", 0), ("os", "fsync", 3),
    ("os", "replace", 0), ("os", "replace", 1), ("os", "replace", 2), ("os", "replace", 10),  # between two renames
    ("os", "fsync", 6), ("os", "replace", 11),  # the record
    ("resnet_lib.checkpoints", "remove", 0),
])
def test_a_kill_while_a_file_is_written_loses_nothing_but_the_epoch(module, name, call, tmp_path, uninterrupted):
    assert run(SMALL, tmp_path, before=kill_in_write, given=(module, name, call)) == -signal.SIGKILL
    assert run(SMALL, tmp_path) == 0, (tmp_path / "output").read_text()
    if name != "remove":
        same(tmp_path, uninterrupted[0])
    assert record(tmp_path).measured == uninterrupted[0].measured


@pytest.mark.reliability("signals")
@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_a_training_that_is_asked_to_stop_finishes_its_step_and_goes_on_later(which, epochs, tmp_path, uninterrupted):
    process, output = start(SMALL, tmp_path), tmp_path / "output"
    assert until(lambda: output.exists() and output.read_text().count("\n") > epochs)
    os.kill(process.pid, which)
    assert ended(process) == 128 + which
    said = output.read_text()
    assert "Stopped at step" in said and "the same command goes on" in said and "Traceback" not in said
    assert f"Stopped at step {kept(tmp_path)['step']}" in said
    assert run(SMALL, tmp_path) == 0, output.read_text()
    same(tmp_path, uninterrupted[0])


def test_a_finished_training_is_not_repeated(tmp_path, uninterrupted):
    folder = tmp_path
    assert run(SMALL, folder) == 0
    before = (folder / "record" / f"{NAME}.json").read_bytes()
    assert run(SMALL, folder) == 0
    assert "is recorded" in (folder / "output").read_text().splitlines()[-1]
    assert (folder / "record" / f"{NAME}.json").read_bytes() == before


def test_another_seed_gives_other_numbers_and_a_file_of_its_own(tmp_path, uninterrupted):
    assert run([*SMALL, "--seed", "2"], tmp_path) == 0
    assert record(tmp_path).record == NAME.removesuffix("1") + "2"
    assert record(tmp_path).measured != uninterrupted[0].measured


def test_a_training_does_not_depend_on_the_random_numbers_of_its_surroundings(tmp_path):
    recipe = recipes.choose("quick", depth=8, data="digits", epochs=1)
    configuration = train.Configuration("digits", "plain", 8, "quick", recipe)
    histories = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        histories.append(train.train(configuration, threads=1, say=lambda text: None,
                                     checkpoint_folder=tmp_path / str(seed)).measured)
    assert histories[0] == histories[1]


# What can go wrong with files -----------------------------------------------------------------------

@pytest.mark.reliability("disk")
@pytest.mark.parametrize("epochs", [0, 2])
def test_a_full_disk_is_one_sentence_and_the_older_checkpoint_stays(epochs, tmp_path, uninterrupted):
    def fill(path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.with_name(path.name + ".part").symlink_to("/dev/full")  # every write there fails as on a full disk

    path = tmp_path / "checkpoints" / f"{NAME}.pt"
    if epochs == 0:
        fill(path)
        process = start(SMALL, tmp_path)
    else:
        process = start(SMALL, tmp_path, before=fill_later, given=(path, epochs))
    assert ended(process) == 1
    said = (tmp_path / "output").read_text().splitlines()[-1]
    assert said.startswith(f"The checkpoint {path} cannot be written (No space left on device)")
    assert ("is whole" in said) == path.exists() == (epochs > 0)
    assert run(SMALL, tmp_path) == 0
    same(tmp_path, uninterrupted[0])


def fill_later(path: Path, epochs: int) -> None:
    """Let the disk be full when the checkpoint after `epochs` is written."""
    original, calls = checkpoints.save, iter(range(100))

    def save(*arguments):
        if next(calls) == epochs:
            path.with_name(path.name + ".part").symlink_to("/dev/full")
        return original(*arguments)

    checkpoints.save = save


@pytest.mark.reliability("disk")
@pytest.mark.parametrize("option", ["--checkpoints", "--record", "--tensorboard"])
def test_a_folder_that_cannot_be_written_is_found_before_anything_is_trained(option, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([*SMALL, option, str(tmp_path / "file" / "folder")]) == 1
    out, error = capsys.readouterr()
    assert error.count("\n") == 1 and str(tmp_path / "file" / "folder") in error and "another folder" in error
    assert "epoch" not in out


def stopped_after(epochs: int, folder: Path) -> Path:
    """The checkpoint of a training that was stopped after some epochs."""
    process = start(SMALL, folder)
    assert until(lambda: (folder / "output").exists() and (folder / "output").read_text().count("\n") > epochs)
    os.kill(process.pid, signal.SIGTERM)
    assert ended(process) == 128 + signal.SIGTERM
    return folder / "checkpoints" / f"{NAME}.pt"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a training stopped after two epochs."""
    folder = tmp_path_factory.mktemp("stopped")
    stopped_after(2, folder)
    return folder


class Opens:
    """An object that opens a file when it is unpickled."""

    def __init__(self, path: str):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def damage(path: Path, how: str, trap: Path) -> None:
    """Do something to a checkpoint."""
    whole = path.read_bytes()
    if how == "truncated":
        path.write_bytes(whole[:len(whole) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "one byte changed":
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:])
    elif how == "text":
        path.write_text("a checkpoint\n")
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "other tensors":
        torch.save({"network": {}}, path)
    elif how == "code":
        torch.save({"format": checkpoints.FORMAT, "configuration": Opens(str(trap))}, path)
    elif how == "parts missing":
        content = torch.load(path, weights_only=True)
        del content["optimizer"]
        torch.save(content, path)
    elif how == "another network":
        content = torch.load(path, weights_only=True)
        content["network"] = {key: value[:1] for key, value in content["network"].items() if value.ndim}
        torch.save(content, path)
    elif how == "another training":
        content = torch.load(path, weights_only=True)
        content["configuration"]["learning_rate"] = 0.2
        torch.save(content, path)


@pytest.mark.reliability("checkpoints")
@pytest.mark.parametrize("how", ["truncated", "empty", "one byte changed", "text", "a folder", "other tensors", "code",
                                 "parts missing", "another network", "another training"])
def test_a_checkpoint_that_is_not_one_is_named_and_left_alone(how, tmp_path, stopped, uninterrupted):
    shutil.copytree(stopped / "checkpoints", tmp_path / "checkpoints")
    path = tmp_path / "checkpoints" / f"{NAME}.pt"
    damage(path, how, tmp_path / "trap")
    assert run(SMALL, tmp_path) == 1
    said = (tmp_path / "output").read_text().splitlines()
    assert len(said) == 1 and str(path) in said[0]
    assert not (tmp_path / "trap").exists()
    assert path.exists() and checkpoints.before(path).exists()
    assert checkpoints.before(path).name in said[0] or how == "another training"
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    os.replace(checkpoints.before(path), path)  # what the message advises
    assert run(SMALL, tmp_path) == 0, (tmp_path / "output").read_text()
    same(tmp_path, uninterrupted[0])


# Several processes ----------------------------------------------------------------------------------

SHARED = ["train", "--data", "digits", "--depth", "8", "--width", "8", "--recipe", "he2015", "--batch-size", "120",
          "--threads", "1"]


def trained(arguments: list[str], folder: Path, count: int) -> dict[str, torch.Tensor]:
    """The network's tensors after a training by `count` processes."""
    folder.mkdir(exist_ok=True)
    processes = (together(arguments, folder, count, recorded=False) if count > 1 else
                 [start(arguments, folder, recorded=False)])
    assert [ended(process) for process in processes] == [0] * count, (folder / "output").read_text()
    return kept(folder)["network"]


def kept(folder: Path) -> dict[str, Any]:
    """The last checkpoint of a training that is not recorded."""
    (path,) = (path for path in (folder / "checkpoints").iterdir() if ".before" not in path.name)
    content = checkpoints.load(path, {})
    assert content is not None
    return content


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest relative distance between two networks' tensors."""
    return max(((one[key] - other[key]).norm() / one[key].norm()).item() for key in one if one[key].ndim)


@pytest.mark.parametrize("count, more", [
    (2, ["--no-normalisation", "--learning-rate", "0.01"]), (3, ["--no-normalisation", "--learning-rate", "0.01"]),
    (2, ["--no-normalisation", "--learning-rate", "0.01", "--accumulation", "2"]), (2, ["--synchronise"])])
def test_processes_that_share_a_batch_train_the_same_network_as_one(count, more, tmp_path):
    arguments = [*SHARED, "--steps", "15", *more]  # the last batch of an epoch, of 117 images, among them
    alone, shared = (trained(arguments, tmp_path / str(number), number) for number in (1, count))
    assert difference(alone, shared) < 1e-4


def test_without_synchronised_statistics_they_train_another_network(tmp_path):
    alone, shared = (trained([*SHARED, "--steps", "15"], tmp_path / str(number), number) for number in (1, 2))
    assert difference(alone, shared) > 1e-2


@pytest.mark.parametrize("first, then", [(2, 1), (1, 2), (2, 3)])
@pytest.mark.reliability("processes")
def test_a_training_goes_on_with_another_number_of_processes(first, then, tmp_path):
    arguments = [*SHARED, "--steps", "36", "--no-normalisation", "--learning-rate", "0.01"]
    expected = trained(arguments, tmp_path / "expected", 1)
    folder = tmp_path / "changing"
    folder.mkdir()
    processes = (together(arguments, folder, first, recorded=False) if first > 1 else
                 [start(arguments, folder, recorded=False)])
    assert until(lambda: (folder / "output").exists() and "epoch   1/3" in (folder / "output").read_text())
    os.kill(processes[0].pid, signal.SIGTERM)  # to one of them: all stop at the same step
    assert [ended(process) for process in processes] == [128 + signal.SIGTERM] * first, (folder / "output").read_text()
    assert (folder / "output").read_text().count("Stopped at step") == first
    assert difference(expected, trained(arguments, folder, then)) < 1e-4
    assert "going on at step" in (folder / "output").read_text()
    for key in records.MEASURED:  # the epoch that was broken off counts each image once
        assert kept(folder)["history"][key] == pytest.approx(kept(tmp_path / "expected")["history"][key], rel=1e-3)


@pytest.mark.reliability("lost process")
@pytest.mark.parametrize("victim", [0, 1])
def test_a_dead_process_ends_the_job_with_a_sentence_and_it_goes_on_later(victim, tmp_path):
    arguments = [*SHARED, "--steps", "60", "--no-normalisation", "--learning-rate", "0.01"]
    expected = trained(arguments, tmp_path / "expected", 1)
    folder = tmp_path / "killed"
    folder.mkdir()
    processes = together(arguments, folder, 2, recorded=False)
    assert until(lambda: (folder / "output").exists() and "epoch   2/5" in (folder / "output").read_text())
    processes[victim].kill()
    assert ended(processes[1 - victim]) == 1
    said = (folder / "output").read_text()
    assert "Another process of this job has ended" in said and "Traceback" not in said
    assert difference(expected, trained(arguments, folder, 2)) < 1e-4


def test_torchrun_starts_it(tmp_path):
    arguments = [*SHARED, "--epochs", "1", "--record", str(tmp_path), "--checkpoints", str(tmp_path / "checkpoints")]
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "resnet_lib",
                           *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (found,) = records.found(tmp_path)
    assert found.environment[-1]["processes"] == 2
    assert found.command.startswith("torchrun --nproc-per-node 2 -m resnet_lib train --data digits")


def test_a_batch_that_cannot_be_shared_is_one_sentence(tmp_path):
    processes = together([*SHARED[:-4], "--batch-size", "1436", "--threads", "1"], tmp_path, 2)
    assert [ended(process) for process in processes] == [1, 1]
    assert "cannot be shared by 2 processes" in (tmp_path / "output").read_text()


# Batches, rates and recipes -------------------------------------------------------------------------

def begun(depth: int = 8, name: str = "he2015", **changes) -> train.Training:
    """A training of a plain network on digits that has not begun."""
    recipe = recipes.choose(name, depth=depth, data="digits", **changes)
    configuration = train.Configuration("digits", "plain", depth, name, recipe)
    return train.Training(configuration, data.load("digits"), train.parallel.Group(), torch.device("cpu"))


def test_every_image_is_used_once_an_epoch_and_in_another_order_in_each():
    it = begun(crop_padding=0, pixels="standardised", batch_size=100)
    orders = []
    for epoch in range(2):
        seen = []
        for step in range(15):
            it.at.step = 15 * epoch + step
            images, labels, whole = it.batch()
            assert len(images) == len(labels) == whole == (100 if step < 14 else 37)
            seen.append(images)
        orders.append(torch.cat(seen).flatten(1))
    assert not torch.equal(*orders)
    for order in orders:
        assert torch.equal(order.sort(0).values, it.images.flatten(1).sort(0).values)
    assert not torch.equal(orders[0], it.images.flatten(1))


def test_alternating_images_are_mirrored_in_every_second_epoch():
    it = begun(crop_padding=0, batch_size=1437, flip="alternating")
    views = []
    for epoch in range(3):
        it.at.step = epoch
        images, _, _ = it.batch()
        views.append(images[it.order.argsort()])
    assert torch.equal(views[0], views[2]) and torch.equal(views[0].flip(3), views[1])
    mirrored = (views[0] != it.images).flatten(1).any(1).float().mean()
    assert 0.4 < mirrored < 0.6


def test_the_mean_image_is_subtracted_and_images_can_be_brought_back():
    digits = data.load("digits")
    centred = train.minus_pixel_mean(digits)
    assert centred.train_images.mean(0).abs().max() < 1e-6
    assert torch.allclose(centred.pixels(centred.test_images), digits.pixels(digits.test_images), atol=1e-6)
    assert centred.mean.shape == digits.train_images.shape[1:]


def test_the_rate_of_he2015_falls_at_a_half_and_three_quarters_and_warms_up_at_110_layers():
    it = begun()
    assert it.total == 64_000 and it.rate() == 0.1
    for step, rate in ((31_999, 0.1), (32_000, 0.01), (47_999, 0.01), (48_000, 0.001), (63_999, 0.001)):
        it.at.step = step
        assert it.rate() == pytest.approx(rate)
    deep = begun(depth=110)
    assert deep.rate() == 0.01
    deep.at.history["train_error"] = [85.0]
    assert deep.rate() == 0.01
    deep.at.history["train_error"] = [85.0, 79.0]
    assert deep.rate() == 0.1
    deep.at.history["train_error"] = [85.0, 79.0, 81.0]  # it does not come back
    assert deep.rate() == 0.1


def test_parts_of_a_batch_give_the_gradient_of_the_whole_without_normalisation(tmp_path):
    arguments = [*SHARED, "--steps", "8", "--no-normalisation", "--learning-rate", "0.01"]
    whole = trained(arguments, tmp_path / "whole", 1)
    assert difference(whole, trained([*arguments, "--accumulation", "3"], tmp_path / "parts", 1)) < 1e-4


@pytest.mark.reliability("options")
@pytest.mark.parametrize("changes, expected", [
    ({"learning_rate": 0.0}, "learning_rate"), ({"learning_rate": float("nan")}, "learning_rate"),
    ({"learning_rate": float("inf")}, "learning_rate"), ({"batch_size": 0}, "batch_size"),
    ({"epochs": 0}, "epochs"), ({"steps": -1}, "steps"), ({"epochs": 2, "steps": 3}, "epochs or a number of steps"),
    ({"momentum": 1.0}, "momentum"), ({"momentum": 0.0, "nesterov": True}, "nesterov"),
    ({"weight_decay": -1.0}, "weight_decay"), ({"label_smoothing": 1.0}, "label_smoothing"),
    ({"crop_padding": -1}, "crop_padding"), ({"flip": "up"}, "flip"), ({"schedule": "cosine"}, "schedule"),
    ({"pixels": "raw"}, "pixels"), ({"precision": "int8"}, "precision"), ({"accumulation": 500}, "500 parts"),
    ({"speed": 1}, "'speed'")])
def test_a_wrong_field_of_a_recipe_is_one_sentence(changes, expected):
    with pytest.raises(ValueError, match=expected) as raised:
        recipes.choose("he2015", depth=20, data="cifar10", **changes)
    assert str(raised.value).count(". ") == 0


@pytest.mark.reliability("options")
@pytest.mark.parametrize("arguments, expected", [
    (["--data", "cifar11"], "There is no data set 'cifar11'"), (["--depth", "21"], "6n+2 layers"),
    (["--network", "plain", "--shortcut", "B"], "no shortcuts"), (["--threads", "0"], "threads"),
    (["--batch-size", "100000"], "batch_size"), (["--seed", "-1"], "seed"), (["--width", "0"], "at least 1"),
    (["--learning-rate", "-1"], "learning_rate"), (["--device", "cuda"], "CUDA")])
def test_a_wrong_option_of_the_command_is_one_sentence(arguments, expected, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["train", "--data", "digits", *arguments, "--checkpoints", str(tmp_path / "checkpoints")]) == 1
    out, error = capsys.readouterr()
    assert expected in error and error.count("\n") == 1


@pytest.mark.reliability("options")
@pytest.mark.parametrize("arguments", [["--recipe", "slow"], ["--network", "dense"], ["--depth", "deep"],
                                       ["--epochs", "2.5"], ["--no-such-option"], ["--flip", "up"]])
def test_an_option_that_cannot_be_read_is_one_sentence(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(["train", *arguments])
    assert left.value.code == 2
    usage, sentence = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage:") and arguments[0] in sentence


def test_help_explains_every_field_with_each_recipe_s_value(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for name in recipes.Recipe.__dataclass_fields__:
        assert "--" + name.replace("_", "-") in said.replace("- ", "-")
    assert "in images (he2015 128, quick 128, fast 512)" in said
    assert "in steps (he2015 64000, quick -, fast -)" in said


# Out of memory, out of numbers ----------------------------------------------------------------------

def little_memory(gib: float) -> None:
    """Let the process have no more address space than it uses now and this much."""
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(gib * 2**30), resource.RLIM_INFINITY))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is set as Linux has it")
def test_too_little_memory_says_which_option_to_change(tmp_path):
    arguments = ["train", "--data", "digits", "--depth", "20", "--width", "64", "--batch-size", "1437", "--steps", "1",
                 "--threads", "1", "--precision", "float32"]
    assert run(arguments, tmp_path, before=little_memory, given=(0.5,)) == 1
    last = (tmp_path / "output").read_text().splitlines()[-1]
    assert "too little memory" in last and "--accumulation 2" in last and "--batch-size" in last
    assert run([*arguments, "--accumulation", "40"], tmp_path, before=little_memory, given=(0.5,)) == 0


@pytest.mark.reliability("divergence")
def test_a_diverged_training_names_the_layer_and_the_rate(tmp_path):
    assert run([*SHARED, "--no-normalisation", "--learning-rate", "1e6", "--steps", "30"], tmp_path) == 1
    last = (tmp_path / "output").read_text().splitlines()[-1]
    assert "not a finite number" in last and "layer" in last and "1000000.0" in last


# What is written ------------------------------------------------------------------------------------

def test_a_record_holds_what_the_result_depends_on(tmp_path):
    assert run([*SMALL, "--weights", "--tensorboard", str(tmp_path / "board")], tmp_path) == 0
    found = record(tmp_path)
    assert found.configuration["batch_size"] == 128 and found.configuration["width"] == 8
    assert found.configuration["learning_rate"] == 0.1 and found.configuration["seed"] == 1
    (start_,) = found.environment
    assert {"step", "processes", "threads", "device", "torch", "python", "processor", "commit"} <= start_.keys()
    assert found.command.startswith("python -m resnet_lib train")
    assert list(map(len, found.history.values())) == [6] * len(records.HISTORY)
    assert list(found.gradient_flow) == ["0", "12", "36", "72"]
    assert len(found.responses) == 7
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(tmp_path / "board" / NAME)).Reload()
    assert [event.step for event in board.Scalars("test_error")] == found.history["step"]
    assert [event.value for event in board.Scalars("test_error")] == pytest.approx(found.history["test_error"])


@pytest.mark.parametrize("pixels", ["standardised", "per_pixel_mean"])
def test_the_weights_that_are_kept_have_the_record_s_error(pixels, tmp_path):
    arguments = [*SMALL, "--pixels", pixels, "--weights"]
    assert run(arguments, tmp_path) == 0
    (path,) = (tmp_path / "record").glob("*.pt")
    network, digits = weights.load(path), data.load("digits")
    images = network.standardise(digits.pixels(digits.test_images))
    _, error = training.evaluate(network.network, images, digits.test_labels)
    assert error == pytest.approx(record(tmp_path).test_error, abs=0.6)  # two images of 360: half precision


def test_trainings_in_bfloat16_resume_too(tmp_path, uninterrupted):
    arguments = [*SMALL[:-2], "--precision", "bfloat16"]
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    assert run(arguments, tmp_path / "whole") == 0
    process = start(arguments, tmp_path / "stopped")
    output = tmp_path / "stopped" / "output"
    assert until(lambda: output.exists() and "epoch   2/6" in output.read_text())
    process.kill()
    assert ended(process) == -signal.SIGKILL
    assert run(arguments, tmp_path / "stopped") == 0
    same(tmp_path / "stopped", record(tmp_path / "whole"))
    assert record(tmp_path / "whole").measured != uninterrupted[0].measured
