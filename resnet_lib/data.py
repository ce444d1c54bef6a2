"""Data sets in memory: images (`load`), spoken digits, sentences; `download`; augmentation on batches.

`digits` is part of scikit-learn and always there. The others are read from the folder that `folder()` names, images in
torchvision's and MedMNIST's layouts; only `download` fetches them into it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
import re
import struct
import wave
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import torch
from torch import Tensor
from torch.nn import functional

from resnet_lib import archives
from resnet_lib.archives import Archive
from resnet_lib.archives import DownloadFailed as DownloadFailed
from resnet_lib.archives import megabytes as megabytes


class DataMissing(FileNotFoundError):
    """A data set, or a part of it, is not on this machine; the message gives the command that fetches it."""


class DataCorrupt(ValueError):
    """A local file is not what it should be; the message names it and gives the command that replaces it."""


class Known(NamedTuple):
    """What is known about a data set before it is read."""

    shape: tuple[int, ...]  # of an image: channels, height, width; none for sound and text
    train: int  # images, recordings or sentences
    test: int
    levels: int  # the largest pixel value
    classes: tuple[str, ...]
    source: str
    licence: str
    torchvision: str = ""  # the class that reads it, and knows its mirrors and checksums
    files: tuple[str, ...] = ()  # below the folder, once unpacked
    download_bytes: int = 0
    archives: tuple[Archive, ...] = ()  # where torchvision does not know them
    sha256: str = ""  # of everything that is read, as `_digest` combines it
    items: str = "images"


_DIGITS = tuple("0123456789")
_SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
_SIGNS = (
    *(f"speed limit {limit} km/h" for limit in (20, 30, 50, 60, 70, 80)), "end of speed limit 80 km/h",
    "speed limit 100 km/h", "speed limit 120 km/h", "no passing", "no passing for lorries",
    "right of way at the next crossing", "priority road", "give way", "stop", "no vehicles", "no lorries", "no entry",
    "danger", "bend to the left", "bend to the right", "double bend", "bumpy road", "slippery road",
    "road narrows on the right", "road works", "traffic lights", "pedestrians", "children", "cyclists", "ice or snow",
    "wild animals", "end of all limits", "turn right", "turn left", "straight ahead", "straight ahead or right",
    "straight ahead or left", "keep right", "keep left", "roundabout", "end of no passing",
    "end of no passing for lorries",
)
_IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
              "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_CIFAR_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")

KNOWN = {
    "digits": Known(
        shape=(1, 8, 8), train=1_437, test=360, levels=16, classes=_DIGITS,
        source="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
        licence="CC BY 4.0",
    ),
    "mnist": Known(
        shape=(1, 28, 28), train=60_000, test=10_000, levels=255, classes=_DIGITS,
        source="http://yann.lecun.com/exdb/mnist/", licence="CC BY-SA 3.0",
        torchvision="MNIST", files=tuple(f"MNIST/raw/{file}" for file in _IDX_FILES),
        download_bytes=11_594_722,
    ),
    "fashion_mnist": Known(
        shape=(1, 28, 28), train=60_000, test=10_000, levels=255,
        classes=("T-shirt/top", "trouser", "pullover", "dress", "coat",
                 "sandal", "shirt", "sneaker", "bag", "ankle boot"),
        source="https://github.com/zalandoresearch/fashion-mnist", licence="MIT",
        torchvision="FashionMNIST", files=tuple(f"FashionMNIST/raw/{file}" for file in _IDX_FILES),
        download_bytes=30_878_645,
    ),
    "cifar10": Known(
        shape=(3, 32, 32), train=50_000, test=10_000, levels=255,
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        source="https://www.cs.toronto.edu/~kriz/cifar.html", licence="none stated; cite Krizhevsky 2009",
        torchvision="CIFAR10", files=tuple(f"cifar-10-batches-py/{file}" for file in _CIFAR_FILES),
        download_bytes=170_498_071,
    ),
    "x_rays": Known(  # PneumoniaMNIST of MedMNIST, Yang et al. 2023
        shape=(1, 28, 28), train=4_708, test=624, levels=255, classes=("healthy", "pneumonia"),
        source="https://zenodo.org/records/10519652", licence="CC BY 4.0",
        files=("medmnist/pneumoniamnist.npz",), download_bytes=4_200_000,
        archives=(Archive("pneumoniamnist.npz", "28209eda62fecd6e6a2d98b1501bb15f",
                          ("https://zenodo.org/records/10519652/files/pneumoniamnist.npz?download=1",)),),
        sha256="cb5ad096317d2de694aa44b86c205259637397978b6c96f1a86c22d995e55713",
    ),
    "signs": Known(  # a part of GTSRB, Stallkamp et al. 2012: see `_read_signs`
        shape=(3, 32, 32), train=3_870, test=1_075, levels=255, classes=_SIGNS,
        source="https://benchmark.ini.rub.de", licence="none stated; cite Stallkamp et al. 2012",
        files=("gtsrb/GT-final_test.csv",), download_bytes=276_568_468,
        archives=tuple(Archive(file, md5, (f"https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/{file}",))
                       for file, md5 in (("GTSRB-Training_fixed.zip", "513f3c79a4c5141765e10e952eaa2478"),
                                         ("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
                                         ("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"))),
        sha256="d5f1174660859b8194b01b5251c0f408e7ab3104d48b7a2b373716c482d210b9",
    ),
    "spoken_digits": Known(
        shape=(), train=2_700, test=300, levels=32_768, classes=_DIGITS,
        source="https://github.com/Jakobovski/free-spoken-digit-dataset", licence="CC BY-SA 4.0",
        files=tuple(f"fsdd/recordings/{digit}_{speaker}_{take}.wav"
                    for digit in _DIGITS for speaker in _SPEAKERS for take in range(50)),
        download_bytes=16_100_000,
        archives=(Archive("v1.0.10.tar.gz", None, (
            "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz",)),),
        sha256="dfaea3659d8fb9bd818fb46652281730c568381c0fd1aa8a43ccf8b05a9f92bb", items="recordings",
    ),
    "sentences": Known(
        shape=(), train=10_662, test=0, levels=0, classes=("negative", "positive"),
        source="https://www.cs.cornell.edu/people/pabo/movie-review-data", licence="none stated; cite Pang & Lee 2005",
        files=("text/rt-polarity.neg", "text/rt-polarity.pos"), download_bytes=487_770,
        archives=(Archive("rt-polaritydata.tar.gz", None, (
            "https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",)),),
        sha256="11ee38fc799eb022439374320c79f3673423d401a7b3111d986fb49a36fc3aeb", items="sentences",
    ),
}


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and labels, split into a training and a test part.

    Images are float32, N×C×H×W, standardised per channel with the mean and the standard deviation of the
    training images (`mean` and `std`, length C, or one for each pixel, C×H×W; for pixels in [0, 1]). Labels are int64,
    length N.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    mean: Tensor
    std: Tensor
    source: str
    licence: str

    def pixels(self, images: Tensor) -> Tensor:
        """Standardised images (…×C×H×W) as pixels in [0, 1], to be looked at."""
        return (images * per_pixel(self.std) + per_pixel(self.mean)).clamp(0, 1)

    def subset(self, train: int | None = None, test: int | None = None, seed: int = 0) -> Dataset:
        """The data set with `train` training and `test` test images, drawn at random; None keeps all.

        The mean and the standard deviation stay those of the whole training part. Raises ValueError where a
        part has fewer images than asked for.
        """
        generator = torch.Generator().manual_seed(seed)
        kept: dict[str, Any] = {}
        for part, count in (("train", train), ("test", test)):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            count = len(images) if count is None else count
            if not 1 <= count <= len(images):
                raise ValueError(f"{count} {part} images cannot be drawn: ask for 1 to {len(images):,}.")
            chosen = torch.randperm(len(images), generator=generator)[:count]
            kept |= {f"{part}_images": images[chosen], f"{part}_labels": labels[chosen]}
        return replace(self, **kept)

    def summary(self) -> str:
        """One line: what was loaded, how much of it, and where it comes from."""
        shape = "×".join(map(str, self.train_images.shape[1:]))
        return (f"{self.name}: {len(self.train_images):,} training and {len(self.test_images):,} test images "
                f"of {shape}, {len(self.classes)} classes; {self.source} ({self.licence})")

    def __repr__(self) -> str:
        return self.summary()


@dataclass(frozen=True, eq=False, repr=False)
class Recordings:
    """Spoken digits: each `waves[i]` is a float32 tensor in [−1, 1), `rate` samples a second, of its own length.

    `labels`, `speakers` (index into `names`) and `takes` (0 to 49; takes 0 to 4 are the published test part) are
    int64, one number for each recording.
    """

    waves: tuple[Tensor, ...]
    labels: Tensor
    speakers: Tensor
    takes: Tensor
    names: tuple[str, ...]
    rate: int
    source: str
    licence: str

    def __repr__(self) -> str:
        return (f"spoken_digits: {len(self.waves):,} recordings, {self.rate:,} samples a second, of {len(self.names)} "
                f"speakers; {self.source} ({self.licence})")


@dataclass(frozen=True, eq=False, repr=False)
class Sentences:
    """Sentences of film reviews; `labels` (int64) are 0 where the review was negative, 1 where it was positive."""

    texts: tuple[str, ...]
    labels: Tensor
    classes: tuple[str, ...]
    source: str
    licence: str

    def __repr__(self) -> str:
        return f"sentences: {len(self.texts):,} sentences of film reviews; {self.source} ({self.licence})"


def per_pixel(statistic: Tensor) -> Tensor:
    """A statistic of the channels (length C), or of the pixels (C×H×W), in a shape that fits images (…×C×H×W)."""
    return statistic if statistic.ndim == 3 else statistic[:, None, None]


# Reading ----------------------------------------------------------------------------------------------------


def load(name: str, test_part: str = "test") -> Dataset:
    """The images of the data set `name`: "digits", "mnist", "cifar10" … Downloads nothing.

    Digits are scikit-learn's 1,797 images. Sorted by class, and within a class in the collection's order,
    every fifth is a test image: 360, with each class in proportion, and the same people's writing in both
    parts. The other sets come with a test part of their own; the X-rays have a second one, which
    `test_part="validation"` puts in its place.

    Raises ValueError for an unknown name, DataMissing for an absent file, DataCorrupt for a damaged one.
    """
    known = look_up(name)
    if not known.shape:
        raise ValueError(f"{name} are no images: read them with data.{name}().")
    if test_part not in (parts := ("test", "validation")[: 1 + (name == "x_rays")]):
        raise ValueError(f"{name} has no part {test_part!r}: choose one of {', '.join(parts)}.")
    train_images, train_labels, *tests = _read_files(name, folder()) if known.files else _read_digits()
    test_images, test_labels = tests[2 * parts.index(test_part) :][:2]
    train_images = train_images.float().div_(known.levels)
    test_images = test_images.float().div_(known.levels)
    std, mean = torch.std_mean(train_images, dim=(0, 2, 3), correction=0)
    for images in (train_images, test_images):
        images.sub_(mean[:, None, None]).div_(std[:, None, None])
    return Dataset(name, train_images, train_labels, test_images, test_labels,
                   known.classes, mean, std, known.source, known.licence)


def spoken_digits() -> Recordings:
    """The 3,000 recordings of the Free Spoken Digit Dataset, in the order digit, speaker, take. Downloads nothing.

    Raises DataMissing for an absent file, DataCorrupt for a damaged one.
    """
    known = KNOWN["spoken_digits"]
    (samples,) = _read_files("spoken_digits", folder())
    named = [Path(file).stem.split("_") for file in known.files]
    digits, speakers, takes = zip(*((int(digit), _SPEAKERS.index(who), int(take)) for digit, who, take in named))
    return Recordings(tuple(each.float().div_(known.levels) for each in samples), torch.tensor(digits),
                      torch.tensor(speakers), torch.tensor(takes), _SPEAKERS, _RATE, known.source, known.licence)


def sentences() -> Sentences:
    """The 10,662 sentences of Pang and Lee 2005, the negative ones first. Downloads nothing.

    Raises DataMissing for an absent file, DataCorrupt for a damaged one.
    """
    known = KNOWN["sentences"]
    texts, labels = _read_files("sentences", folder())
    return Sentences(tuple(texts), torch.tensor(labels), known.classes, known.source, known.licence)


def look_up(name: str) -> Known:
    """What is known about the data set `name`; raises ValueError, with the names there are, for any other."""
    if name not in KNOWN:
        raise ValueError(f"There is no data set {name!r}: choose one of {', '.join(KNOWN)}.")
    return KNOWN[name]


def folder() -> Path:
    """Where data sets lie: RESNET_DATA, else residual-networks in the user's cache folder."""
    if chosen := os.environ.get("RESNET_DATA"):
        return Path(chosen).expanduser()
    cache = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "residual-networks"


def available(name: str, below: Path | None = None) -> bool:
    """Whether the files of a data set are in a folder, by default `folder()` (one may still be damaged)."""
    return all(((below or folder()) / file).is_file() for file in look_up(name).files)


def _read_digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The file that scikit-learn brings, read without importing scikit-learn, which takes seconds."""
    package = find_spec("sklearn")
    assert package is not None and package.origin is not None, "scikit-learn is one of this package's dependencies"
    table = torch.from_numpy(numpy.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", delimiter=","))
    images, labels = table[:, :-1].reshape(-1, 1, 8, 8), table[:, -1].long()
    by_class = labels.argsort(stable=True)
    is_test = torch.zeros(len(labels), dtype=torch.bool)
    is_test[by_class[::5]] = True
    return images[~is_test], labels[~is_test], images[is_test], labels[is_test]


def _read_files(name: str, below: Path) -> Any:
    """Images (uint8, N×C×H×W) and labels (int64) of each part of a data set; sound and text as their readers say."""
    known = KNOWN[name]
    command = f"`make data DATA={name}` (or `python -m resnet_lib data {name}`)"
    for file in known.files:
        if not (below / file).is_file():
            raise DataMissing(f"{name} is not on this machine ({below / file} is missing): "
                              f"fetch its {megabytes(known.download_bytes)} with {command}.")
    try:
        return _READERS[name](below) if name in _READERS else _read_torchvision(known, below)
    except OSError as error:
        raise DataCorrupt(f"{error.filename} cannot be read ({error.strerror}): "
                          f"see to its permissions, or replace it with {command}.") from None
    except Exception as error:  # a damaged header, pickle or array can raise anything
        damaged = error.path if isinstance(error, _Damaged) else _damaged(known, below)
        raise DataCorrupt(f"{damaged} is damaged: replace it with {command}.") from None


def _read_torchvision(known: Known, below: Path) -> tuple[Tensor, ...]:
    from torchvision import datasets

    reader = getattr(datasets, known.torchvision)
    train, test = reader(below, train=True), reader(below, train=False)
    return *_checked(train, known.train, known), *_checked(test, known.test, known)


def _checked(split: Any, count: int, known: Known) -> tuple[Tensor, Tensor]:
    """The images and labels that torchvision read; raises ValueError where they are not those we know."""
    images, labels = torch.as_tensor(split.data), torch.as_tensor(split.targets)
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    if images.dtype != torch.uint8 or images.shape != (count, *known.shape):
        raise ValueError("images of another kind, number or shape")
    if labels.dtype != torch.int64 or labels.shape != (count,):
        raise ValueError("labels of another kind or number")
    if labels.min() < 0 or labels.max() >= len(known.classes):
        raise ValueError("labels of other classes")
    return images, labels


def _damaged(known: Known, below: Path) -> Path:
    """The first file that is not as it should be; the folder where each alone looks right."""
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    paths = [below / file for file in known.files]
    if not known.torchvision:
        return paths[0].parent
    reader = getattr(datasets, known.torchvision)
    if hasattr(reader, "train_list"):  # CIFAR-10: torchvision opens pickles with the right checksum only
        md5 = dict([*reader.train_list, *reader.test_list, (reader.meta["filename"], reader.meta["md5"])])
        intact = [check_integrity(path, md5[path.name]) for path in paths]
    else:  # MNIST and its like: a header with type and lengths, then one byte a value
        train, test = (known.train, *known.shape[1:]), (known.test, *known.shape[1:])
        shapes = (train, train[:1], test, test[:1])
        intact = [_is_idx(path, shape) for path, shape in zip(paths, shapes, strict=True)]
    return paths[intact.index(False)] if False in intact else paths[0].parent


def _is_idx(path: Path, shape: tuple[int, ...]) -> bool:
    header = struct.pack(f">4B{len(shape)}i", 0, 0, 8, len(shape), *shape)
    with open(path, "rb") as file:
        return file.read(len(header)) == header and path.stat().st_size == len(header) + math.prod(shape)


class _Damaged(ValueError):
    """The file or folder `path` is not what it should be."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever a reader makes of damaged content becomes `_Damaged`; an error of the disk stays what it is."""
    try:
        yield
    except OSError as error:
        if error.filename:
            raise
        raise _Damaged(path) from None
    except Exception:
        raise _Damaged(path) from None


def _digest(pieces: Iterable[bytes]) -> str:
    """One checksum for many pieces in their order: SHA-256 of their SHA-256."""
    return hashlib.sha256(b"".join(hashlib.sha256(piece).digest() for piece in pieces)).hexdigest()


def _verify(name: str, pieces: Iterable[bytes], path: Path) -> None:
    if _digest(pieces) != KNOWN[name].sha256:
        raise _Damaged(path)


def _read_x_rays(below: Path) -> tuple[Tensor, ...]:
    """Training, test and validation part. Copies differ in the order of the images: here it is that of their pixels."""
    (file,) = KNOWN["x_rays"].files
    parts: list[Tensor] = []
    pieces = []
    with _reading(below / file):
        with numpy.load(below / file, allow_pickle=False) as arrays:
            for part in ("train", "test", "val"):
                images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
                rows = sorted(image.tobytes() + label.tobytes() for image, label in zip(images, labels, strict=True))
                pieces += rows
                table = torch.frombuffer(bytearray(b"".join(rows)), dtype=torch.uint8).reshape(len(rows), 28 * 28 + 1)
                parts += [table[:, :-1].reshape(-1, 1, 28, 28), table[:, -1].long()]
    _verify("x_rays", pieces, below / file)
    return tuple(parts)


_FRAMES = (29, 14, 22, 7, 26, 18, 10, 3, 28, 24, 20, 16, 12)  # the last of a film, its middle, and ever finer


def _read_signs(below: Path) -> tuple[Tensor, ...]:
    """The book's part of GTSRB, with every class equally often: 90 training images, 25 test images.

    A training image is a frame of a film of one sign, `{film}_{frame}.ppm`: frame 29 of each film, then 14, and so
    on through `_FRAMES`, until there are 90. Test images are the first 25 of each class.
    """
    from PIL import Image

    top = below / "gtsrb"
    known = KNOWN["signs"]
    chosen: list[tuple[Path, int]] = []
    for label in range(len(known.classes)):
        found = [(int(path.stem[-5:]), path) for path in (top / f"GTSRB/Training/{label:05d}").glob("*_*.ppm")]
        order = sorted((_FRAMES.index(frame), path) for frame, path in found if frame in _FRAMES)
        chosen += sorted((path, label) for _, path in order[:90])
    train = len(chosen)
    with _reading(top / "GT-final_test.csv"), open(top / "GT-final_test.csv", newline="") as table:
        seen: Counter[int] = Counter()
        for row in csv.DictReader(table, delimiter=";"):
            seen[label := int(row["ClassId"])] += 1
            if seen[label] <= 25:
                chosen.append((top / f"GTSRB/Final_Test/Images/{Path(row['Filename']).name}", label))
    pieces, images = [], []
    for path, label in chosen:
        with _reading(path):
            content = path.read_bytes()
            pieces.append(f"{label} {path.name} ".encode() + content)
            with Image.open(path) as image:
                pixels = numpy.array(image.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR))
            images.append(torch.from_numpy(pixels).permute(2, 0, 1))
    _verify("signs", pieces, top)
    pictures, labels = torch.stack(images), torch.tensor([label for _, label in chosen])
    return pictures[:train], labels[:train], pictures[train:], labels[train:]


_RATE = 8_000  # samples a second


def _read_spoken_digits(below: Path) -> tuple[list[Tensor]]:
    """The samples of each recording, int16."""
    waves, pieces = [], []
    for file in KNOWN["spoken_digits"].files:
        with _reading(below / file):
            content = (below / file).read_bytes()
            with wave.open(io.BytesIO(content)) as recording:
                if recording.getparams()[:3] != (1, 2, _RATE):
                    raise ValueError("not one channel of 16 bits at this rate")
                samples = numpy.frombuffer(recording.readframes(recording.getnframes()), "<i2")
        pieces.append(content)
        waves.append(torch.from_numpy(samples.astype(numpy.int16)))
    _verify("spoken_digits", pieces, below / "fsdd/recordings")
    return (waves,)


def _read_sentences(below: Path) -> tuple[list[str], list[int]]:
    files = [below / file for file in KNOWN["sentences"].files]
    contents = [path.read_bytes() for path in files]
    _verify("sentences", contents, files[0].parent)
    lines = [content.decode("latin-1").strip("\n").split("\n") for content in contents]
    return [line.strip() for part in lines for line in part], [label for label, part in enumerate(lines) for _ in part]


_READERS: dict[str, Callable[[Path], Any]] = {
    "x_rays": _read_x_rays, "signs": _read_signs, "spoken_digits": _read_spoken_digits, "sentences": _read_sentences,
}


def check(images: Tensor, labels: Tensor, classes: int, part: str = "training") -> None:
    """Raise a one-sentence ValueError unless a network can learn from `images` and `labels`.

    Images must be N×C×H×W (each at least 1), floating point and finite; labels int64, length N, each from
    0 to `classes` − 1. `part` names them in the message.
    """
    if images.numel() == 0:
        raise ValueError(f"There are no {part} images (shape {tuple(images.shape)}): give at least one.")
    if images.ndim != 4:
        raise ValueError(f"The {part} images have shape {tuple(images.shape)}: make it N×C×H×W, "
                         "for grey images with images[:, None].")
    if not images.is_floating_point():
        raise ValueError(f"The {part} images are {images.dtype}: make them float32, with images.float().")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"The {part} labels have shape {tuple(labels.shape)}: "
                         f"give one number for each of the {len(images):,} images.")
    if labels.dtype != torch.int64:
        raise ValueError(f"The {part} labels are {labels.dtype}: make them int64, with labels.long().")
    finite = images.isfinite().flatten(1).all(dim=1)
    if not finite.all():
        first = int((~finite).nonzero()[0])
        raise ValueError(f"{int((~finite).sum()):,} of the {part} images, first image {first:,}, have NaN or "
                         "infinite values: leave them out or repair them.")
    outside = (labels < 0) | (labels >= classes)
    if outside.any():
        first = int(outside.nonzero()[0])
        raise ValueError(f"Label {int(labels[first])} of {part} image {first:,} is none of the {classes} "
                         f"classes: number them from 0 to {classes - 1}.")


# Augmentation -----------------------------------------------------------------------------------------------


def crop_and_flip(images: Tensor, generator: torch.Generator, padding: int = 4) -> Tensor:
    """Each image of the batch (N×C×H×W) shifted at random, and mirrored left to right with probability 1/2.

    The augmentation of He et al. 2015, section 4.2. The same generator state gives the same result.
    """
    shifted = shift(images, generator, padding)
    mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored.to(images.device), shifted.flip(3), shifted)


def shift(images: Tensor, generator: torch.Generator, padding: int = 4) -> Tensor:
    """Each image of the batch (N×C×H×W) moved by −padding to +padding pixels in both directions.

    A random crop of the image padded with zeros, which in a standardised image is the mean colour.
    """
    top, left = torch.randint(2 * padding + 1, (2, len(images)), generator=generator).to(images.device)
    return crop(images, torch.stack([top, left], 1), padding)


def crop(images: Tensor, corners: Tensor, padding: int) -> Tensor:
    """Of each image (N×C×H×W), padded with zeros, the H×W pixels from its corner (top, left) in `corners`, N×2."""
    n, _, height, width = images.shape
    padded = functional.pad(images, [padding] * 4)
    crops = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view of every crop: N×C×top×left×H×W
    return crops[torch.arange(n, device=images.device), :, corners[:, 0], corners[:, 1]]


# Downloading ------------------------------------------------------------------------------------------------


def download(name: str, into: str | Path | None = None, timeout: float = 10.0) -> Path:
    """Fetch the data set `name` where it is not there already; returns the folder it lies in.

    RESNET_DATA_MIRROR names other mirrors (addresses separated by spaces, each holding
    mnist/train-images-idx3-ubyte.gz and so on). A server that sends nothing for `timeout` seconds is given up. What
    has arrived stays in a .part file, from which the next call goes on; a file gets its final name only after its
    checksum was right and it could be read.

    Raises ValueError for an unknown name, DownloadFailed for everything that can go wrong on the way.
    """
    known = look_up(name)
    below = Path(into).expanduser() if into else folder()
    if not known.files:
        print(f"{name} is part of scikit-learn: there is nothing to fetch.")
        return below
    try:
        _read_files(name, below)
        print(f"{name} is already in {below}.")
        return below
    except (DataMissing, DataCorrupt):
        pass
    archives.install(name, _archives(name, known), below, known.download_bytes, _unpacked_bytes(name, known),
                     _places(name, known), lambda unpacked: _read_files(name, unpacked), known.files, timeout)
    print(f"{name} is in {below}.")
    return below


def _unpacked_bytes(name: str, known: Known) -> int:
    if known.torchvision:
        return (known.train + known.test) * (math.prod(known.shape) + 1)
    return 2 * known.download_bytes


def _places(name: str, known: Known) -> Callable[[str], str | None]:
    """Where a file of an archive belongs below the folder, by its name; None for what stays out."""
    places = {Path(file).name: file for file in known.files}

    def place(file: str) -> str | None:
        picture = re.search(r"GTSRB/(Training/\d{5}/\d{5}_\d{5}|Final_Test/Images/\d{5})\.ppm$", file)
        if name == "signs" and picture:
            return f"gtsrb/{picture[0]}"
        return places.get(file.rpartition("/")[2].removesuffix(".gz"))

    return place


def _archives(name: str, known: Known) -> list[Archive]:
    """The archives of a data set, with the addresses that torchvision or RESNET_DATA_MIRROR names."""
    found = list(known.archives)
    if known.torchvision:
        from torchvision import datasets

        reader = getattr(datasets, known.torchvision)
        if hasattr(reader, "resources"):
            found = [Archive(file, md5, tuple(mirror + file for mirror in reader.mirrors))
                     for file, md5 in reader.resources]
        else:
            found = [Archive(reader.filename, reader.tgz_md5, (reader.url,))]
    if chosen := os.environ.get("RESNET_DATA_MIRROR"):
        found = [archive._replace(addresses=tuple(f"{mirror.rstrip('/')}/{name}/{archive.file}"
                                                  for mirror in chosen.split())) for archive in found]
    return found
