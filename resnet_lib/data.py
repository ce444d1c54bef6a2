"""Data sets as tensors in memory: `load`, `download` and augmentation on batches.

`digits` is part of scikit-learn and always there. `mnist`, `fashion_mnist` and `cifar10` are read, in
torchvision's layout, from the folder that `folder()` names; only `download` fetches them into it.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import shutil
import struct
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import BadStatusLine, HTTPException, HTTPResponse, IncompleteRead
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import numpy
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm


class DataMissing(FileNotFoundError):
    """A data set, or a part of it, is not on this machine; the message gives the command that fetches it."""


class DataCorrupt(ValueError):
    """A local file is not what it should be; the message names it and gives the command that replaces it."""


class DownloadFailed(OSError):
    """A data set could not be fetched; the message says why and what to do."""


class Known(NamedTuple):
    """What is known about a data set before it is read."""

    shape: tuple[int, int, int]  # channels, height, width
    train: int  # images
    test: int
    levels: int  # the largest pixel value
    classes: tuple[str, ...]
    source: str
    licence: str
    torchvision: str = ""  # the class that reads it, and knows its mirrors and checksums
    files: tuple[str, ...] = ()  # below the folder, once unpacked
    download_bytes: int = 0


_DIGITS = tuple("0123456789")
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


def per_pixel(statistic: Tensor) -> Tensor:
    """A statistic of the channels (length C), or of the pixels (C×H×W), in a shape that fits images (…×C×H×W)."""
    return statistic if statistic.ndim == 3 else statistic[:, None, None]


# Reading ----------------------------------------------------------------------------------------------------


def load(name: str) -> Dataset:
    """The data set `name`: "digits", "mnist", "fashion_mnist" or "cifar10". Downloads nothing.

    Digits are scikit-learn's 1,797 images. Sorted by class, and within a class in the collection's order,
    every fifth is a test image: 360, with each class in proportion, and the same people's writing in both
    parts. The other sets come with a test part of their own.

    Raises ValueError for an unknown name, DataMissing for an absent file, DataCorrupt for a damaged one.
    """
    known = look_up(name)
    parts = _read_files(name, folder()) if known.files else _read_digits()
    train_images, train_labels, test_images, test_labels = parts
    train_images = train_images.float().div_(known.levels)
    test_images = test_images.float().div_(known.levels)
    std, mean = torch.std_mean(train_images, dim=(0, 2, 3), correction=0)
    for images in (train_images, test_images):
        images.sub_(mean[:, None, None]).div_(std[:, None, None])
    return Dataset(name, train_images, train_labels, test_images, test_labels,
                   known.classes, mean, std, known.source, known.licence)


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


def _read_files(name: str, below: Path) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and test images (uint8, N×C×H×W) and labels (int64) from the files in torchvision's layout."""
    known = KNOWN[name]
    command = f"`make data DATA={name}` (or `python -m resnet_lib data {name}`)"
    for file in known.files:
        if not (below / file).is_file():
            raise DataMissing(f"{name} is not on this machine ({below / file} is missing): "
                              f"fetch its {megabytes(known.download_bytes)} with {command}.")

    from torchvision import datasets

    reader = getattr(datasets, known.torchvision)
    try:
        train, test = reader(below, train=True), reader(below, train=False)
        return *_checked(train, known.train, known), *_checked(test, known.test, known)
    except OSError as error:
        raise DataCorrupt(f"{error.filename} cannot be read ({error.strerror}): "
                          f"see to its permissions, or replace it with {command}.") from None
    except Exception:  # a damaged header, pickle or array can raise anything
        damaged = _damaged(known, reader, below)
        raise DataCorrupt(f"{damaged} is damaged: replace it with {command}.") from None


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


def _damaged(known: Known, reader: Any, below: Path) -> Path:
    """The first file that is not as it should be; the folder where each alone looks right."""
    from torchvision.datasets.utils import check_integrity

    paths = [below / file for file in known.files]
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

    Mirrors and checksums are torchvision's; RESNET_DATA_MIRROR names other mirrors (addresses separated by
    spaces, each holding mnist/train-images-idx3-ubyte.gz and so on). A server that sends nothing for
    `timeout` seconds is given up. What has arrived stays in a .part file, from which the next call goes on;
    a file gets its final name only after its checksum was right and it could be read.

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
    try:
        _fetch_and_unpack(name, known, below, timeout)
    except DownloadFailed:
        raise
    except OSError as error:  # the network's errors have become DownloadFailed: this is the disk's
        raise DownloadFailed(f"{below} cannot be written ({error.strerror}): see that there is space and you "
                             "may write there, or name another folder in RESNET_DATA.") from None
    print(f"{name} is in {below}.")
    return below


def _fetch_and_unpack(name: str, known: Known, below: Path, timeout: float) -> None:
    below.mkdir(parents=True, exist_ok=True)
    unpacked_bytes = (known.train + known.test) * (math.prod(known.shape) + 1)
    needed, free = known.download_bytes + unpacked_bytes, shutil.disk_usage(below).free
    if free < needed:
        raise DownloadFailed(f"{name} needs {megabytes(needed)} and {below} has {megabytes(free)}: "
                             "free some space, or name another folder in RESNET_DATA.")
    print(f"{name}: fetching {megabytes(known.download_bytes)} into {below}", flush=True)
    parts = []
    for file, md5, addresses in _archives(name, known):
        parts.append(below / f"{name}-{file}.part")
        _fetch(addresses, parts[-1], md5, known.download_bytes, timeout)
    with tempfile.TemporaryDirectory(dir=below, prefix=f"{name}-unpacking-") as unpacked:
        for part in parts:
            _unpack(part, Path(unpacked), known)
        _read_files(name, Path(unpacked))
        for file in known.files:
            (below / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(Path(unpacked) / file, below / file)
    for part in parts:
        part.unlink()


def megabytes(count: int) -> str:
    """A number of bytes as people read it: "11.6 MB"."""
    return f"{count / 1e6:,.1f} MB"


def _archives(name: str, known: Known) -> Iterator[tuple[str, str, list[str]]]:
    """File name, md5 sum and addresses of each archive of a data set."""
    from torchvision import datasets

    reader = getattr(datasets, known.torchvision)
    if hasattr(reader, "resources"):
        files, mirrors = reader.resources, reader.mirrors
    else:
        files, mirrors = [(reader.filename, reader.tgz_md5)], [reader.url.removesuffix(reader.filename)]
    if chosen := os.environ.get("RESNET_DATA_MIRROR"):
        mirrors = [f"{mirror.rstrip('/')}/{name}/" for mirror in chosen.split()]
    for file, md5 in files:
        yield file, md5, [mirror + file for mirror in mirrors]


def _fetch(addresses: list[str], part: Path, md5: str, limit: int, timeout: float) -> None:
    """Bring `part` to the given checksum from the first address that delivers."""
    failures = []
    for address in addresses:
        try:
            if not (part.exists() and _md5(part) == md5):
                _receive(address, part, md5, limit, timeout)
            return
        except (DownloadFailed, URLError, HTTPException, TimeoutError, ConnectionError, ValueError) as error:
            if isinstance(error, HTTPError) and error.code == 416:  # nothing can follow what we have
                part.unlink()
            failures.append(f"{address} {_reason(error, timeout)}")
    raise DownloadFailed(f"{part.stem} could not be fetched, as {', and '.join(failures)}: run the same "
                         "command again to go on, or name another mirror in RESNET_DATA_MIRROR.")


def _reason(error: Exception, timeout: float) -> str:
    """What a server did wrong, to follow its address in a sentence."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(error, HTTPError):
        return f"answered {error.code} {error.reason}"
    if isinstance(error, DownloadFailed):
        return str(error)
    if isinstance(cause, TimeoutError):
        return f"sent nothing for {timeout:g} seconds"
    if isinstance(cause, IncompleteRead | BadStatusLine | ConnectionResetError | ConnectionAbortedError):
        return "broke off the connection"
    return f"cannot be reached ({getattr(cause, 'strerror', None) or cause})"


def _receive(address: str, part: Path, md5: str, limit: int, timeout: float) -> None:
    """Download into `part` from where it ends; it stays if more can follow, and is removed if it is wrong."""
    if not address.startswith(("http://", "https://")):
        raise DownloadFailed("does not begin with http:// or https://")
    start = part.stat().st_size if part.exists() else 0
    request = Request(address, headers={"User-Agent": "resnet_lib"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    with urlopen(request, timeout=timeout) as response:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0  # the server sends the whole file
        total = None if response.length is None else start + response.length
        block = _next_block(response)
        if start == 0 and not block.startswith(b"\x1f\x8b"):
            raise DownloadFailed("sent something that is no archive (a network's login page, perhaps)")
        with (
            open(part, "ab" if start else "wb") as file,
            tqdm(desc=part.stem, total=total, initial=start, unit="B", unit_scale=True, disable=None) as bar,
        ):
            while block and file.tell() <= limit:
                file.write(block)
                bar.update(len(block))
                block = _next_block(response)
    received = part.stat().st_size
    if _md5(part) == md5:
        return
    if total is not None and received < min(total, limit):
        raise DownloadFailed(f"broke off after {megabytes(received)} of {megabytes(total)}")
    part.unlink()
    raise DownloadFailed("sent a file with a wrong checksum (it has been removed)")


def _next_block(response: HTTPResponse) -> bytes:
    try:
        return response.read1(1 << 16)
    except OSError as error:
        raise URLError(error) from None  # as urlopen does: an error of the network, not of the disk


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _unpack(part: Path, into: Path, known: Known) -> None:
    """Copy the known files, and nothing else, out of an archive: no path or link in it can lead elsewhere."""
    if part.stem.endswith(".tar.gz"):
        with tarfile.open(part) as archive:
            for file in known.files:
                _copy(archive.extractfile(file), into / file)
    else:
        (file,) = (file for file in known.files if part.stem.endswith(f"{Path(file).name}.gz"))
        with gzip.open(part) as unpacked:
            _copy(unpacked, into / file)


def _copy(unpacked: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(unpacked, file)
