"""Data sets: what `load` returns, what `check` refuses, and a download against every kind of bad server."""

from __future__ import annotations

import errno
import functools
import gzip
import hashlib
import io
import os
import pickle
import shutil
import socket
import struct
import tarfile
import threading
import urllib.request
import wave
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from resnet_lib import archives, data

TRAIN, TEST = 20, 10  # images in the made data sets; a multiple of five batches
REAL_DATA = os.environ.get("RESNET_DATA")  # before any test sets another


def one_sentence(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text and ". " not in text and "Errno" not in text, text
    return text


# Digits -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> data.Dataset:
    return data.load("digits")


def test_digits_are_standardised_tensors(digits: data.Dataset) -> None:
    assert digits.train_images.shape == (1437, 1, 8, 8) and digits.test_images.shape == (360, 1, 8, 8)
    assert digits.train_images.dtype == torch.float32 and digits.train_labels.dtype == torch.int64
    assert digits.train_images.mean().abs() < 1e-6
    assert (digits.train_images.std(correction=0) - 1).abs() < 1e-6


def test_digits_are_split_in_proportion_and_completely(digits: data.Dataset) -> None:
    from sklearn.datasets import load_digits

    whole = load_digits()
    assert digits.test_labels.bincount().tolist() == [36, 36, 36, 36, 37, 36, 36, 36, 35, 36]
    pixels = torch.cat([digits.pixels(digits.train_images), digits.pixels(digits.test_images)]) * 16
    assert sorted(map(tuple, pixels.round().flatten(1).tolist())) == sorted(map(tuple, whole.data.tolist()))


def test_the_split_is_always_the_same(digits: data.Dataset) -> None:
    again = data.load("digits")
    assert torch.equal(digits.train_images, again.train_images)
    assert torch.equal(digits.test_labels, again.test_labels)
    assert digits.test_labels[:12].tolist() == again.test_labels[:12].tolist()


def test_pixels_are_the_images_as_they_were(digits: data.Dataset) -> None:
    pixels = digits.pixels(digits.test_images)
    assert pixels.min() == 0 and pixels.max() <= 1
    assert ((pixels * 16) - (pixels * 16).round()).abs().max() < 1e-4
    assert digits.pixels(digits.test_images[0]).shape == (1, 8, 8)


def test_summary_says_what_was_loaded_and_from_where(digits: data.Dataset) -> None:
    assert str(digits) == repr(digits) == digits.summary()
    for part in ("digits", "1,437", "360", "1×8×8", "10 classes", "https://", "CC BY 4.0"):
        assert part in digits.summary()


def test_subset_draws_by_seed(digits: data.Dataset) -> None:
    few = digits.subset(train=100, test=20, seed=1)
    assert len(few.train_images) == len(few.train_labels) == 100 and len(few.test_images) == 20
    assert torch.equal(few.train_images, digits.subset(train=100, seed=1).train_images)
    assert not torch.equal(few.train_images, digits.subset(train=100, seed=2).train_images)
    assert len(digits.subset(train=100).test_images) == 360
    image, label = few.train_images[0], few.train_labels[0]
    assert label in digits.train_labels[(digits.train_images == image).flatten(1).all(dim=1)]


@pytest.mark.reliability("options")
@pytest.mark.parametrize("count", [0, -1, 361])
def test_subset_refuses_what_is_not_there(digits: data.Dataset, count: int) -> None:
    with pytest.raises(ValueError) as error:
        digits.subset(test=count)
    assert "1 to 360" in one_sentence(error)


@pytest.mark.reliability("options")
def test_unknown_name_lists_the_names() -> None:
    for function in (data.load, data.download, data.available):
        with pytest.raises(ValueError) as error:
            function("minst")
        assert "choose one of digits, mnist, fashion_mnist, cifar10, x_rays, signs" in one_sentence(error)


# Checks -----------------------------------------------------------------------------------------------------


IMAGES, LABELS = torch.zeros(4, 1, 8, 8), torch.tensor([0, 1, 2, 9])
NAN = torch.zeros(4, 1, 8, 8).index_fill(0, torch.tensor([2]), torch.nan)


def test_good_data_pass(digits: data.Dataset) -> None:
    data.check(digits.train_images, digits.train_labels, len(digits.classes))
    data.check(IMAGES, LABELS, 10)


@pytest.mark.reliability("options")
@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (IMAGES[:0], LABELS[:0], "no training images"),
        (torch.tensor([]), LABELS[:0], "no training images"),
        (IMAGES[:, 0], LABELS, "make it N×C×H×W"),
        (IMAGES.byte(), LABELS, "images.float()"),
        (IMAGES, LABELS[:3], "one number for each of the 4 images"),
        (IMAGES, LABELS[:, None], "one number for each of the 4 images"),
        (IMAGES, LABELS.float(), "labels.long()"),
        (NAN, LABELS, "1 of the training images, first image 2, have NaN"),
        (NAN.nan_to_num(torch.inf), LABELS, "infinite"),
        (IMAGES, LABELS + 1, "Label 10 of training image 3 is none of the 10 classes: number them from 0 to 9"),
        (IMAGES, LABELS - 1, "Label -1 of training image 0"),
    ],
)
def test_bad_data_are_refused_in_one_sentence(images: torch.Tensor, labels: torch.Tensor, says: str) -> None:
    with pytest.raises(ValueError) as error:
        data.check(images, labels, 10)
    assert says in one_sentence(error).removesuffix(".") + "."


def test_check_names_the_part() -> None:
    with pytest.raises(ValueError, match="test images"):
        data.check(NAN, LABELS, 10, part="test")


# Augmentation -----------------------------------------------------------------------------------------------


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_shift_is_a_crop_of_the_padded_image() -> None:
    images = torch.rand(200, 3, 6, 7) + 1
    shifted = data.shift(images, seeded(1), padding=2)
    padded = torch.nn.functional.pad(images, [2] * 4)
    moves = set()
    for image, result in zip(padded, shifted, strict=True):
        found = [(top, left) for top in range(5) for left in range(5)
                 if torch.equal(image[:, top : top + 6, left : left + 7], result)]
        assert len(found) == 1
        moves.add(found[0])
    assert len(moves) == 25  # every move there is


def test_crop_and_flip_mirrors_about_half() -> None:
    images = torch.rand(1000, 1, 4, 4)
    results = data.crop_and_flip(images, seeded(1), padding=0)
    mirrored = (results == images.flip(3)).flatten(1).all(dim=1)
    untouched = (results == images).flatten(1).all(dim=1)
    assert (mirrored | untouched).all()
    assert 430 < mirrored.sum() < 570


def test_augmentation_repeats_with_its_generator_and_leaves_the_batch_alone() -> None:
    images = torch.rand(16, 3, 8, 8)
    kept = images.clone()
    first, second = (data.crop_and_flip(images, seeded(3)) for _ in range(2))
    assert torch.equal(first, second) and first.shape == images.shape and torch.equal(images, kept)
    assert not torch.equal(first, data.crop_and_flip(images, seeded(4)))
    channels_last = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(first, data.crop_and_flip(channels_last, seeded(3)))


# Made data sets in torchvision's format ---------------------------------------------------------------------


def idx(values: numpy.ndarray) -> bytes:
    return struct.pack(f">4B{values.ndim}i", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


def made_mnist() -> dict[str, bytes]:
    random = numpy.random.default_rng(0)
    files = {}
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        files[f"{part}-images-idx3-ubyte"] = idx(random.integers(0, 256, (count, 28, 28), dtype=numpy.uint8))
        files[f"{part}-labels-idx1-ubyte"] = idx((numpy.arange(count) % 10).astype(numpy.uint8))
    return files


def made_cifar10() -> dict[str, bytes]:
    random = numpy.random.default_rng(0)
    files = {"batches.meta": pickle.dumps({"label_names": list(data.KNOWN["cifar10"].classes)}, protocol=2)}
    for file, count in [*((f"data_batch_{i}", TRAIN // 5) for i in range(1, 6)), ("test_batch", TEST)]:
        pixels = random.integers(0, 256, (count, 3 * 32 * 32), dtype=numpy.uint8)
        files[file] = pickle.dumps({"data": pixels, "labels": [i % 10 for i in range(count)]}, protocol=2)
    return files


def made_x_rays() -> dict[str, bytes]:
    random = numpy.random.default_rng(0)
    arrays = {}
    for part, count in (("train", TRAIN), ("test", TEST), ("val", 5)):
        arrays[f"{part}_images"] = random.integers(0, 256, (count, 28, 28), dtype=numpy.uint8)
        arrays[f"{part}_labels"] = (numpy.arange(count) % 2).astype(numpy.uint8)[:, None]
    file = io.BytesIO()
    numpy.savez(file, **arrays)
    return {"medmnist/pneumoniamnist.npz": file.getvalue()}


def made_signs() -> dict[str, bytes]:
    """Two classes, three films of the one and eight of the other, with 15 frames each; 26 test images of each."""
    random = numpy.random.default_rng(0)

    def picture() -> bytes:
        width, height = random.integers(4, 8, 2)
        return b"P6 %d %d 255\n" % (width, height) + random.bytes(3 * width * height)

    files = {f"gtsrb/GTSRB/Training/{label:05d}/{film:05d}_{frame:05d}.ppm": picture()
             for label, films in ((0, 3), (1, 8)) for film in range(films) for frame in (0, 1, *data._FRAMES)}
    files |= {f"gtsrb/GTSRB/Final_Test/Images/{index:05d}.ppm": picture() for index in range(52)}
    rows = [f"{index:05d}.ppm;5;5;1;1;4;4;{index % 2}" for index in range(52)]
    header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
    files["gtsrb/GT-final_test.csv"] = "\r\n".join([header, *rows]).encode()
    return files


def made_spoken_digits() -> dict[str, bytes]:
    random = numpy.random.default_rng(0)
    files = {}
    for name in ("0_george_0", "0_theo_1", "7_theo_0"):
        content = io.BytesIO()
        with wave.open(content, "wb") as recording:
            recording.setparams((1, 2, 8_000, 0, "NONE", "not compressed"))
            recording.writeframes(random.integers(-32_768, 32_768, 50).astype("<i2").tobytes())
        files[f"fsdd/recordings/{name}.wav"] = content.getvalue()
    return files


def made_sentences() -> dict[str, bytes]:
    return {"text/rt-polarity.neg": "dull . \ntrès dull . \n".encode("latin-1"),
            "text/rt-polarity.pos": b"a joy \x85 . \n"}


FIELDS = {"x_rays": made_x_rays(), "signs": made_signs(), "spoken_digits": made_spoken_digits(),
          "sentences": made_sentences()}


def write(below: Path, files: dict[str, bytes]) -> None:
    for file, content in files.items():
        (below / file).parent.mkdir(parents=True, exist_ok=True)
        (below / file).write_bytes(content)


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The checksums of the made sound, text, signs and X-rays."""
    below = tmp_path_factory.mktemp("made")
    found: dict[str, str] = {}
    spoken = data.KNOWN["spoken_digits"]._replace(files=tuple(FIELDS["spoken_digits"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(data.KNOWN, "spoken_digits", spoken)
        patch.setattr(data, "_verify", lambda name, pieces, path: found.update({name: data._digest(pieces)}))
        for name, files in FIELDS.items():
            write(below, files)
            data._READERS[name](below)
    return found


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def set_cifar10_checksums(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import CIFAR10

    monkeypatch.setattr(CIFAR10, "train_list", [[f, md5(files[f])] for f in files if f.startswith("data_")])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5(files["test_batch"])]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5(files["batches.meta"])}
    monkeypatch.setattr(CIFAR10, "meta", meta)


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digests: dict[str, str]) -> Path:
    """An empty data folder, and data sets that are expected to be small."""
    monkeypatch.setenv("RESNET_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("RESNET_DATA_MIRROR", raising=False)
    for name in ("mnist", "fashion_mnist", "cifar10"):
        monkeypatch.setitem(data.KNOWN, name, data.KNOWN[name]._replace(train=TRAIN, test=TEST))
    for name, files in FIELDS.items():
        known = data.KNOWN[name]._replace(sha256=digests[name])
        monkeypatch.setitem(data.KNOWN, name, known._replace(files=tuple(files)) if name == "spoken_digits" else known)
    return tmp_path / "data"


@pytest.fixture
def local(below: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder with made files of all data sets in it."""
    for place, files in (("MNIST/raw", made_mnist()), ("FashionMNIST/raw", made_mnist()),
                         ("cifar-10-batches-py", made_cifar10())):
        write(below / place, files)
    set_cifar10_checksums(made_cifar10(), monkeypatch)
    return below


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_local_files_become_a_dataset(local: Path, name: str) -> None:
    dataset = data.load(name)
    assert dataset.train_images.shape == (TRAIN, *data.KNOWN[name].shape)
    assert dataset.test_images.shape == (TEST, *data.KNOWN[name].shape)
    assert dataset.train_labels.tolist()[:3] == [0, 1, 2] and dataset.train_labels.dtype == torch.int64
    assert dataset.train_images.mean(dim=(0, 2, 3)).abs().max() < 1e-6
    assert dataset.mean.shape == dataset.std.shape == (data.KNOWN[name].shape[0],)
    data.check(dataset.train_images, dataset.train_labels, len(dataset.classes))
    assert data.available(name)


def test_colours_and_rows_are_where_they_belong(local: Path) -> None:
    with open(local / "cifar-10-batches-py/data_batch_1", "rb") as file:
        first = torch.from_numpy(pickle.load(file)["data"][0]).reshape(3, 32, 32) / 255
    dataset = data.load("cifar10")
    assert torch.allclose(dataset.pixels(dataset.train_images[0]), first, atol=1e-5)


@pytest.fixture
def fields(below: Path) -> Path:
    """The data folder with made sound, text, signs and X-rays in it."""
    for files in FIELDS.values():
        write(below, files)
    return below


READ: dict[str, Callable[[], Any]] = {  # how each data set is read
    **{name: functools.partial(data.load, name) for name in ("mnist", "fashion_mnist", "cifar10", "x_rays", "signs")},
    "spoken_digits": data.spoken_digits, "sentences": data.sentences,
}


def test_x_rays_have_a_validation_part_and_one_order(fields: Path) -> None:
    path = fields / "medmnist/pneumoniamnist.npz"
    dataset = data.load("x_rays")
    assert dataset.train_images.shape == (TRAIN, 1, 28, 28) and len(dataset.test_images) == TEST
    assert data.load("x_rays", "validation").test_images.shape == (5, 1, 28, 28)
    with numpy.load(path) as arrays:
        other = {key: values[::-1] for key, values in arrays.items()}  # another copy, in another order
    kept = dict(zip((image.tobytes() for image in other["train_images"]), other["train_labels"].flatten().tolist()))
    for image, label in zip(dataset.pixels(dataset.train_images), dataset.train_labels.tolist()):
        assert kept[(image * 255).round().byte().numpy().tobytes()] == label
    numpy.savez(path, **other)
    again = data.load("x_rays")
    assert torch.equal(again.train_images, dataset.train_images) and torch.equal(again.test_labels, dataset.test_labels)


def test_signs_are_spread_over_their_films(fields: Path) -> None:
    dataset = data.load("signs")
    assert dataset.train_images.shape[1:] == dataset.test_images.shape[1:] == (3, 32, 32) and len(dataset.classes) == 43
    assert dataset.train_labels.bincount().tolist() == [39, 90]  # 13 frames of each of three films; 90 of 104
    assert dataset.test_labels.bincount().tolist() == [25, 25]
    for path in (fields / "gtsrb/GTSRB/Training").rglob("*.ppm"):
        if int(path.stem[-5:]) not in data._FRAMES:
            path.unlink()  # what the book does not read
    assert torch.equal(data.load("signs").train_images, dataset.train_images)


def test_spoken_digits_know_who_speaks(fields: Path) -> None:
    found = data.spoken_digits()
    assert found.labels.tolist() == [0, 0, 7]
    assert [found.names[who] for who in found.speakers] == ["george", "theo", "theo"]
    assert found.takes.tolist() == [0, 1, 0] and found.rate == 8_000
    with wave.open(str(fields / "fsdd/recordings/0_theo_1.wav")) as recording:
        samples = numpy.frombuffer(recording.readframes(50), "<i2")
    assert found.waves[1].dtype == torch.float32 and (found.waves[1] * 32_768).tolist() == samples.tolist()
    assert "3 recordings" in repr(found) and "CC BY-SA 4.0" in repr(found)


def test_sentences_are_read_as_they_were_written(fields: Path) -> None:
    found = data.sentences()
    assert found.texts == ("dull .", "très dull .", "a joy \x85 .") and found.labels.tolist() == [0, 0, 1]
    assert found.classes[1] == "positive" and "3 sentences" in repr(found)


@pytest.mark.reliability("options")
@pytest.mark.parametrize(("name", "part", "says"), [("sentences", "test", "data.sentences()"),
                                                    ("spoken_digits", "test", "data.spoken_digits()"),
                                                    ("digits", "validation", "choose one of test"),
                                                    ("x_rays", "val", "choose one of test, validation")])
def test_what_load_cannot_give(name: str, part: str, says: str) -> None:
    with pytest.raises(ValueError) as error:
        data.load(name, part)
    assert says in one_sentence(error)


@pytest.mark.reliability("data")
@pytest.mark.parametrize("name", READ)
def test_missing_data_are_never_fetched(below: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("load went to the network")

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises(data.DataMissing) as error:
        READ[name]()
    text = one_sentence(error)
    assert f"make data DATA={name}" in text and f"python -m resnet_lib data {name}" in text
    assert not data.available(name) and not below.exists()


@pytest.mark.reliability("data")
def test_one_missing_file_is_named(local: Path) -> None:
    (local / "cifar-10-batches-py/batches.meta").unlink()
    with pytest.raises(data.DataMissing, match="batches.meta is missing"):
        data.load("cifar10")


CUT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "too long": lambda content: content + b"more",
    "zeros": lambda content: bytes(len(content)),
    "web page": lambda content: b"<!doctype html><title>Log in</title>",
}


@pytest.mark.reliability("data")
@pytest.mark.parametrize("damage", CUT)
@pytest.mark.parametrize("file", [f for name in ("mnist", "cifar10") for f in data.KNOWN[name].files])
def test_a_damaged_file_is_named(local: Path, file: str, damage: str) -> None:
    (local / file).write_bytes(CUT[damage]((local / file).read_bytes()))
    name = "mnist" if "MNIST" in file else "cifar10"
    with pytest.raises(data.DataCorrupt) as error:
        data.load(name)
    text = one_sentence(error)
    assert f"{local / file} is damaged" in text and f"make data DATA={name}" in text


# What of a damaged file is named: the file where it cannot be read, the folder where it is another than the published.
DAMAGE = {
    "x_rays": ("medmnist/pneumoniamnist.npz", "medmnist/pneumoniamnist.npz"),
    "signs": ("gtsrb/GTSRB/Final_Test/Images/00003.ppm", "gtsrb"),
    "spoken_digits": ("fsdd/recordings/7_theo_0.wav", "fsdd/recordings"),
    "sentences": ("text/rt-polarity.pos", "text"),
}


@pytest.mark.reliability("data")
@pytest.mark.parametrize(("name", "damage"), [
    (name, damage) for name in DAMAGE for damage in CUT
    if (name, damage) != ("x_rays", "too long")  # a zip is read as it was
])
def test_damaged_sound_text_signs_and_x_rays_are_named(fields: Path, name: str, damage: str) -> None:
    file, place = (fields / each for each in DAMAGE[name])
    file.write_bytes(CUT[damage](file.read_bytes()))
    with pytest.raises(data.DataCorrupt) as error:
        READ[name]()
    text = one_sentence(error)
    assert (f"{file} is damaged" in text or f"{place} is damaged" in text) and f"make data DATA={name}" in text


@pytest.mark.reliability("data")
def test_a_file_that_is_another_than_the_published(fields: Path) -> None:
    path = fields / "fsdd/recordings/7_theo_0.wav"
    path.write_bytes((fields / "fsdd/recordings/0_theo_1.wav").read_bytes())
    with pytest.raises(data.DataCorrupt, match="recordings is damaged"):
        data.spoken_digits()
    table = fields / "gtsrb/GT-final_test.csv"
    table.write_bytes(table.read_bytes().replace(b"4;1", b"4;2"))
    with pytest.raises(data.DataCorrupt, match="gtsrb is damaged"):
        data.load("signs")
    table.write_bytes(table.read_bytes().replace(b"ClassId", b"Class"))
    with pytest.raises(data.DataCorrupt, match="GT-final_test.csv is damaged"):
        data.load("signs")


@pytest.mark.reliability("data")
def test_a_missing_picture_is_damage(fields: Path) -> None:
    (fields / "gtsrb/GTSRB/Final_Test/Images/00003.ppm").unlink()
    with pytest.raises(data.DataCorrupt, match="00003.ppm cannot be read .No such file"):
        data.load("signs")


def change(local: Path, monkeypatch: pytest.MonkeyPatch, batch: dict[str, Any]) -> None:
    """Replace one batch of CIFAR-10 by another that has the right checksum."""
    path = local / "cifar-10-batches-py/data_batch_1"
    path.write_bytes(pickle.dumps(batch, protocol=2))
    set_cifar10_checksums(made_cifar10() | {"data_batch_1": path.read_bytes()}, monkeypatch)


@pytest.mark.reliability("data")
@pytest.mark.parametrize(
    "batch",
    [
        {"labels": [0, 1, 2, 3]},
        {"data": numpy.zeros((4, 3072), numpy.uint8)},
        {"data": numpy.zeros((4, 3072), numpy.float32), "labels": [0, 1, 2, 3]},
        {"data": numpy.zeros((4, 3000), numpy.uint8), "labels": [0, 1, 2, 3]},
        {"data": numpy.zeros((3, 3072), numpy.uint8), "labels": [0, 1, 2]},
        {"data": numpy.zeros((4, 3072), numpy.uint8), "labels": [0, 1, 2, 10]},
        {"data": numpy.zeros((4, 3072), numpy.uint8), "labels": [0, 1, 2, -1]},
        {"data": numpy.zeros((4, 3072), numpy.uint8), "labels": [0, 1, 2]},
    ],
    ids=["no data", "no labels", "type", "shape", "count", "class 10", "class -1", "labels short"],
)
def test_keys_types_shapes_counts_and_classes_are_checked(
    local: Path, monkeypatch: pytest.MonkeyPatch, batch: dict[str, Any]
) -> None:
    change(local, monkeypatch, batch)
    with pytest.raises(data.DataCorrupt) as error:
        data.load("cifar10")
    assert str(local / "cifar-10-batches-py") in one_sentence(error)


@pytest.mark.reliability("data")
def test_labels_beyond_the_classes_are_damage_too(local: Path) -> None:
    (local / "MNIST/raw/t10k-labels-idx1-ubyte").write_bytes(idx(numpy.full(TEST, 11, numpy.uint8)))
    with pytest.raises(data.DataCorrupt) as error:
        data.load("mnist")
    assert str(local / "MNIST/raw") in one_sentence(error)


@pytest.mark.reliability("data")
def test_an_unreadable_file_is_no_traceback(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import mnist

    def denied(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(mnist, "read_image_file", denied)
    with pytest.raises(data.DataCorrupt) as error:
        data.load("mnist")
    assert "cannot be read (Permission denied)" in one_sentence(error)


def test_the_folder_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RESNET_DATA", "~/somewhere")
    assert data.folder() == Path.home() / "somewhere"
    monkeypatch.delenv("RESNET_DATA")
    monkeypatch.setenv("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", str(tmp_path))
    assert data.folder() == tmp_path / "residual-networks"
    monkeypatch.delenv("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    assert data.folder() == Path.home() / ".cache" / "residual-networks"


# A server that can misbehave --------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        behaviour = self.server.behaviours.pop(0) if self.server.behaviours else good
        if self.path in self.server.files:
            behaviour(self, self.server.files[self.path])
        else:
            self.send_error(404)

    def answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.behaviours: list[Callable[[Handler, bytes], None]] = []  # for the next requests; then all is well
        self.requests: list[tuple[str, str | None]] = []  # path and Range of each
        self.over = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        pass


def start_of(handler: Handler) -> int:
    return int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))


def good(handler: Handler, content: bytes) -> None:
    start = start_of(handler)
    if start >= len(content):
        handler.send_error(416)
    elif start:
        content_range = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.answer(206, content[start:], len(content) - start, Content_Range=content_range)
    else:
        handler.answer(200, content, len(content))


def ignores_range(handler: Handler, content: bytes) -> None:
    handler.answer(200, content, len(content))


def says_no_length(handler: Handler, content: bytes) -> None:
    handler.answer(200, content)


def breaks_off(handler: Handler, content: bytes) -> None:
    handler.answer(200, content[: len(content) // 2], len(content))


def resets(handler: Handler, content: bytes) -> None:
    handler.answer(200, content[: len(content) // 2], len(content))
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def stalls(handler: Handler, content: bytes) -> None:
    handler.answer(200, content[: len(content) // 2], len(content))
    handler.server.over.wait(20)


def never_answers(handler: Handler, content: bytes) -> None:
    handler.server.over.wait(20)


def says_too_long(handler: Handler, content: bytes) -> None:
    handler.answer(200, content, len(content) + 1000)


def says_too_short(handler: Handler, content: bytes) -> None:
    handler.answer(200, content, len(content) - 10)


def half_and_says_so(handler: Handler, content: bytes) -> None:
    handler.answer(200, content[: len(content) // 2], len(content) // 2)


def sends_a_page(handler: Handler, content: bytes) -> None:
    page = b"<!doctype html><title>Log in to the hotel's network</title>"
    handler.answer(200, page, len(page), Content_Type="text/html")


def sends_nothing(handler: Handler, content: bytes) -> None:
    handler.answer(200, b"", 0)


def sends_another_file(handler: Handler, content: bytes) -> None:
    other = gzip.compress(b"not the data set")
    handler.answer(200, other, len(other))


def never_ends(handler: Handler, content: bytes) -> None:
    handler.answer(200, content[:2])
    while not handler.server.over.is_set():
        handler.wfile.write(bytes(1 << 16))


def is_away(handler: Handler, content: bytes) -> None:
    handler.send_error(503)


def tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for file, content in files.items():
            member = tarfile.TarInfo(file)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def pack(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """The archives in which a made data set would be published."""
    if name == "x_rays":
        return {"pneumoniamnist.npz": files["medmnist/pneumoniamnist.npz"]}
    if name == "spoken_digits":
        return {"v1.0.10.tar.gz": tar({f"dataset-1.0.10/recordings/{Path(file).name}": content
                                       for file, content in files.items()} | {"../../outside": b"a path elsewhere"})}
    if name == "sentences":
        return {"rt-polaritydata.tar.gz": tar({f"rt-polaritydata/{Path(file).name}": content
                                               for file, content in files.items()})}
    archives = {}
    for archive, start in (("GTSRB-Training_fixed.zip", "GTSRB/Training"),
                           ("GTSRB_Final_Test_Images.zip", "GTSRB/Final"), ("GTSRB_Final_Test_GT.zip", "GT-final")):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as packed:
            packed.writestr("../outside.ppm", b"a path elsewhere")
            for file in files:
                if (inside := file.removeprefix("gtsrb/")).startswith(start):
                    packed.writestr(inside, files[file])
        archives[archive] = content.getvalue()
    return archives


@pytest.fixture
def server(below: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A mirror with the made data sets; torchvision's checksums are those of its files."""
    from torchvision import datasets

    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    archives = {f"{file}.gz": gzip.compress(content, mtime=0) for file, content in made_mnist().items()}
    for name, reader in (("mnist", datasets.MNIST), ("fashion_mnist", datasets.FashionMNIST)):
        monkeypatch.setattr(reader, "resources", [(file, md5(content)) for file, content in archives.items()])
        server.files |= {f"/{name}/{file}": content for file, content in archives.items()}
        size = sum(map(len, archives.values()))
        monkeypatch.setitem(data.KNOWN, name, data.KNOWN[name]._replace(download_bytes=size))

    packed = tar({f"cifar-10-batches-py/{file}": content for file, content in
                  (made_cifar10() | {"../outside": b"a path that leads elsewhere"}).items()})
    set_cifar10_checksums(made_cifar10(), monkeypatch)
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5(packed))
    server.files["/cifar10/cifar-10-python.tar.gz"] = packed
    known = data.KNOWN["cifar10"]._replace(download_bytes=len(packed))
    monkeypatch.setitem(data.KNOWN, "cifar10", known)

    for name, files in FIELDS.items():
        packed_files = pack(name, files)
        server.files |= {f"/{name}/{file}": content for file, content in packed_files.items()}
        known = data.KNOWN[name]
        monkeypatch.setitem(data.KNOWN, name, known._replace(
            download_bytes=sum(map(len, packed_files.values())),
            archives=tuple(archive._replace(md5=archive.md5 and md5(packed_files[archive.file]))
                           for archive in known.archives)))

    monkeypatch.setenv("RESNET_DATA_MIRROR", server.address)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def files_in(below: Path) -> set[str]:
    return {str(path.relative_to(below)) for path in below.rglob("*") if path.is_file()}


def fails(name: str = "cifar10", timeout: float = 5.0) -> str:
    """Download in vain; what it says. Nothing but a .part file may stand there afterwards."""
    with pytest.raises(data.DownloadFailed) as error:
        data.download(name, timeout=timeout)
    assert all(file.endswith(".part") for file in files_in(data.folder()))
    assert not any(path.is_dir() for path in data.folder().rglob("*"))
    assert not data.available(name)
    return one_sentence(error)


PART = "cifar10-cifar-10-python.tar.gz.part"


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_download(server: Server, below: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert data.download(name) == below
    assert files_in(below) == set(data.KNOWN[name].files)  # no .part, no archive, nothing from outside the list
    assert len(data.load(name).train_images) == TRAIN
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{name}: fetching 0.") and f"MB into {below}" in printed.out
    assert printed.err == ""  # no progress bar where there is no terminal


@pytest.mark.parametrize("name", FIELDS)
def test_download_of_sound_text_signs_and_x_rays(server: Server, below: Path, name: str) -> None:
    assert data.download(name) == below
    assert files_in(below) == set(FIELDS[name])
    READ[name]()
    server.requests.clear()
    data.download(name)
    assert server.requests == []


@pytest.mark.reliability("downloads")
@pytest.mark.parametrize("name", ["spoken_digits", "sentences"])  # whose archives have no checksum
@pytest.mark.parametrize("behaviour", [breaks_off, resets, stalls, says_too_long, half_and_says_so, sends_a_page,
                                       sends_nothing, sends_another_file, never_ends, is_away])
def test_an_archive_without_a_checksum(server: Server, below: Path, name: str,
                                       behaviour: Callable[[Handler, bytes], None]) -> None:
    server.behaviours = [behaviour]
    fails(name, timeout=0.3)
    server.behaviours = [says_no_length]
    data.download(name)
    assert files_in(below) == set(FIELDS[name])


@pytest.mark.reliability("downloads")
def test_another_version_of_the_recordings_is_refused(server: Server, below: Path) -> None:
    other = dict(FIELDS["spoken_digits"])
    other["fsdd/recordings/0_theo_1.wav"] = other["fsdd/recordings/7_theo_0.wav"]
    kept = server.files["/spoken_digits/v1.0.10.tar.gz"]
    server.files |= {f"/spoken_digits/{file}": content for file, content in pack("spoken_digits", other).items()}
    assert "is not what it was (it has been removed)" in fails("spoken_digits")
    assert files_in(below) == set()
    server.files["/spoken_digits/v1.0.10.tar.gz"] = kept
    data.download("spoken_digits")


@pytest.mark.reliability("downloads")
def test_a_large_archive_is_resumed_and_its_neighbours_kept(server: Server, below: Path) -> None:
    server.behaviours = [good, breaks_off]
    assert "GTSRB_Final_Test_Images.zip could not be fetched" in fails("signs")
    server.requests.clear()
    data.download("signs")
    (first, start), (second, _) = server.requests
    assert first == "/signs/GTSRB_Final_Test_Images.zip" and second == "/signs/GTSRB_Final_Test_GT.zip"
    assert start is not None
    assert data.available("signs")


def test_what_is_there_is_not_fetched_again(server: Server, below: Path) -> None:
    data.download("mnist")
    server.requests.clear()
    data.download("mnist")
    data.download("digits")
    assert server.requests == []


def test_a_damaged_file_is_replaced_and_others_are_left_alone(server: Server, below: Path) -> None:
    data.download("mnist")
    (below / "MNIST/raw/t10k-labels-idx1-ubyte").write_bytes(b"half")
    (below / "MNIST/raw/mine.txt").write_text("a file of the reader's own")
    data.download("mnist")
    assert len(data.load("mnist").test_images) == TEST
    assert (below / "MNIST/raw/mine.txt").exists()


def test_another_folder(server: Server, below: Path, tmp_path: Path) -> None:
    assert data.download("cifar10", tmp_path / "elsewhere") == tmp_path / "elsewhere"
    assert data.available("cifar10", tmp_path / "elsewhere") and not data.available("cifar10")


@pytest.mark.reliability("downloads")
def test_broken_off_and_resumed(server: Server, below: Path) -> None:
    server.behaviours = [breaks_off]
    text = fails()
    assert "broke off after 0." in text and "run the same command again" in text
    size = (below / PART).stat().st_size
    assert 0 < size < len(server.files["/cifar10/cifar-10-python.tar.gz"])
    data.download("cifar10")
    assert server.requests[-1] == ("/cifar10/cifar-10-python.tar.gz", f"bytes={size}-")
    assert files_in(below) == set(data.KNOWN["cifar10"].files)


@pytest.mark.reliability("downloads")
def test_a_reset_connection_is_resumed_too(server: Server, below: Path) -> None:
    server.behaviours = [resets]
    assert "broke off" in fails()
    data.download("cifar10")
    assert data.available("cifar10")


@pytest.mark.reliability("downloads")
def test_a_server_that_cannot_resume_sends_all_again(server: Server, below: Path) -> None:
    server.behaviours = [breaks_off, ignores_range]
    fails()
    data.download("cifar10")
    assert data.available("cifar10")


def test_archives_already_fetched_are_kept_for_the_next_call(server: Server, below: Path) -> None:
    server.behaviours = [good, good, is_away]
    assert "answered 503" in fails("mnist")
    assert len(files_in(below)) == 2
    server.requests.clear()
    data.download("mnist")
    assert len(server.requests) == 2
    assert files_in(below) == set(data.KNOWN["mnist"].files)


@pytest.mark.reliability("downloads")
@pytest.mark.parametrize("behaviour", [stalls, never_answers])
def test_stalled(server: Server, behaviour: Callable[[Handler, bytes], None]) -> None:
    server.behaviours = [behaviour]
    assert "sent nothing for 0.3 seconds" in fails(timeout=0.3)
    data.download("cifar10")
    assert data.available("cifar10")


def test_a_length_too_long_is_no_matter_when_the_checksum_is_right(server: Server) -> None:
    server.behaviours = [says_too_long]
    data.download("cifar10")
    assert data.available("cifar10")


def test_no_length_at_all(server: Server) -> None:
    server.behaviours = [says_no_length]
    data.download("cifar10")
    assert data.available("cifar10")


@pytest.mark.reliability("downloads")
@pytest.mark.parametrize("behaviour", [says_too_short, half_and_says_so, sends_another_file, never_ends])
def test_what_has_a_wrong_checksum_is_removed(
    server: Server, below: Path, behaviour: Callable[[Handler, bytes], None]
) -> None:
    server.behaviours = [behaviour]
    assert "wrong checksum" in fails()
    assert files_in(below) == set()
    data.download("cifar10")
    assert data.available("cifar10")


@pytest.mark.reliability("downloads")
@pytest.mark.parametrize("behaviour", [sends_a_page, sends_nothing])
def test_a_web_page_is_no_archive(
    server: Server, below: Path, behaviour: Callable[[Handler, bytes], None]
) -> None:
    server.behaviours = [behaviour]
    assert "no archive (a network's login page, perhaps)" in fails()
    assert files_in(below) == set()


@pytest.mark.reliability("downloads")
def test_a_web_page_does_not_cost_what_has_arrived(server: Server, below: Path) -> None:
    server.behaviours = [breaks_off, sends_a_page]
    fails()
    arrived = (below / PART).read_bytes()
    fails()
    assert (below / PART).read_bytes() == arrived


@pytest.mark.reliability("downloads")
def test_a_part_of_another_file_is_removed(server: Server, below: Path) -> None:
    below.mkdir()
    (below / PART).write_bytes(bytes(100))
    assert "wrong checksum" in fails()
    (below / PART).write_bytes(bytes(10**6))
    assert "answered 416" in fails()
    data.download("cifar10")
    assert data.available("cifar10")


@pytest.mark.reliability("downloads")
def test_not_found(server: Server) -> None:
    server.files.clear()
    assert f"{server.address}/cifar10/cifar-10-python.tar.gz answered 404 Not Found" in fails()


def test_the_next_mirror_takes_over(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNET_DATA_MIRROR", f"{server.address}/old {server.address}/")
    data.download("cifar10")
    paths = [path for path, _ in server.requests]
    assert paths == ["/old/cifar10/cifar-10-python.tar.gz", "/cifar10/cifar-10-python.tar.gz"]


def test_torchvision_names_the_mirrors_unless_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import datasets

    monkeypatch.delenv("RESNET_DATA_MIRROR")
    monkeypatch.setattr(datasets.CIFAR10, "url", f"{server.address}/cifar10/cifar-10-python.tar.gz")
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{server.address}/gone/", f"{server.address}/mnist/"])
    data.download("cifar10")
    data.download("mnist")
    assert data.available("cifar10") and data.available("mnist")


@pytest.mark.reliability("downloads")
@pytest.mark.parametrize(
    ("mirror", "says"),
    [
        ("http://127.0.0.1:9", "cannot be reached (Connection refused)"),
        ("https://", "does not begin with http://"),
        ("ftp://127.0.0.1", "does not begin with http://"),
        ("mirror", "does not begin with http://"),
        ("http://[", "cannot be reached"),
        ("http://127.0.0.1:port", "cannot be reached (nonnumeric port: 'port')"),
    ],
)
def test_no_server(server: Server, monkeypatch: pytest.MonkeyPatch, mirror: str, says: str) -> None:
    monkeypatch.setenv("RESNET_DATA_MIRROR", mirror)
    text = fails()
    if os.name != "nt" or "refused" not in says:
        assert says in text


def test_a_proxy_from_the_environment_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "_opener", None)  # it keeps the proxies of its first use
    monkeypatch.setenv("http_proxy", server.address)
    monkeypatch.setenv("RESNET_DATA_MIRROR", "http://mirror.invalid")
    content = server.files.pop("/cifar10/cifar-10-python.tar.gz")
    server.files["http://mirror.invalid/cifar10/cifar-10-python.tar.gz"] = content
    data.download("cifar10")
    assert data.available("cifar10")


@pytest.mark.reliability("downloads")
def test_a_folder_that_cannot_be_made(server: Server, below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below.write_text("a file where the folder should be")  # also unwritable for an administrator
    with pytest.raises(data.DownloadFailed) as error:
        data.download("mnist")
    assert "cannot be written" in one_sentence(error) and "RESNET_DATA" in str(error.value)
    with pytest.raises(data.DownloadFailed) as error:
        data.download("mnist", below / "deeper")
    assert "cannot be written (Not a directory)" in one_sentence(error)
    assert server.requests == []


@pytest.mark.reliability("downloads")
def test_too_little_space_is_found_before_the_download(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6 - 5000, 5000))
    text = fails()
    assert "cifar10 needs 0.2 MB" in text and "has 0.0 MB" in text and "free some space" in text
    assert server.requests == []


@pytest.mark.reliability("downloads")
@pytest.mark.parametrize("when", [".part", "unpacking"])
def test_no_space_left_on_the_way(server: Server, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    class Full(io.FileIO):
        def write(self, content: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def open_full(path: Any, mode: str = "r") -> Any:
        return Full(path, mode) if when in str(path) and mode != "rb" else open(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(archives, "open", open_full, raising=False)
        assert "cannot be written (No space left on device)" in fails()
    data.download("cifar10")
    assert data.available("cifar10")


@pytest.mark.reliability("downloads")
def test_interrupted_by_the_reader(server: Server, below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_copy", interrupt)
        with pytest.raises(KeyboardInterrupt):
            data.download("cifar10")
    assert files_in(below) == {PART}
    server.requests.clear()
    data.download("cifar10")
    assert data.available("cifar10") and server.requests == []


# The real data, where they are ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("mnist", [0.1307], [0.3081]),
        ("fashion_mnist", [0.2860], [0.3530]),
        ("cifar10", [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
    ],
)
def test_the_real_data(name: str, mean: list[float], std: list[float]) -> None:
    if not REAL_DATA or not data.available(name):
        pytest.skip(f"needs {name} in the folder that RESNET_DATA names")
    dataset = data.load(name)
    known = data.KNOWN[name]
    assert dataset.train_images.shape == (known.train, *known.shape)
    assert len(dataset.test_images) == known.test
    assert dataset.mean.tolist() == pytest.approx(mean, abs=1e-4)
    assert dataset.std.tolist() == pytest.approx(std, abs=1e-4)
    assert dataset.train_labels.unique().tolist() == list(range(10))


@pytest.mark.parametrize("name", FIELDS)
def test_the_real_sound_text_signs_and_x_rays(name: str) -> None:
    if not REAL_DATA or not data.available(name):
        pytest.skip(f"needs {name} in the folder that RESNET_DATA names")
    found, known = READ[name](), data.KNOWN[name]  # the checksum of everything is right
    if isinstance(found, data.Dataset):
        assert (len(found.train_images), len(found.test_images)) == (known.train, known.test)
        assert found.train_labels.unique().tolist() == list(range(len(known.classes)))
    else:
        assert len(found.labels) == known.train + known.test
