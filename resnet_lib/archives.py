"""Archives that are fetched and unpacked: mirrors, resuming, checksums, nothing under its final name too early."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import BadStatusLine, HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

_STARTS = {".gz": b"\x1f\x8b", ".zip": b"PK", ".npz": b"PK"}  # what a file with this ending begins with


class DownloadFailed(OSError):
    """A data set could not be fetched; the message says why and what to do."""


class Archive(NamedTuple):
    """A file that is fetched.

    An archive that its server packs anew has no `md5`: it is fetched from its beginning each time, and what it holds
    is checked in its place.
    """

    file: str
    md5: str | None
    addresses: tuple[str, ...]  # tried in this order


def install(name: str, archives: list[Archive], below: Path, download_bytes: int, unpacked_bytes: int,
            chosen: Callable[[str], str | None], check: Callable[[Path], None], last: tuple[str, ...],
            timeout: float) -> None:
    """Fetch the archives of the data set `name` and put their files under `below`.

    `chosen` gives the path below the folder for each path in an archive, None for what stays out; `check` raises where
    the unpacked files are not what they should be, in a folder that nobody sees yet; only then they get their
    places, those in `last` last. Raises DownloadFailed for everything that can go wrong on the way.
    """
    try:
        below.mkdir(parents=True, exist_ok=True)
        needed, free = download_bytes + unpacked_bytes, shutil.disk_usage(below).free
        if free < needed:
            raise DownloadFailed(f"{name} needs {megabytes(needed)} and {below} has {megabytes(free)}: "
                                 "free some space, or name another folder in RESNET_DATA.")
        print(f"{name}: fetching {megabytes(download_bytes)} into {below}", flush=True)
        parts = [below / f"{name}-{archive.file}.part" for archive in archives]
        for archive, part in zip(archives, parts, strict=True):
            # The size of what a server packs anew is not known to the byte.
            _fetch(archive, part, download_bytes if archive.md5 else 2 * download_bytes, timeout)
        with tempfile.TemporaryDirectory(dir=below, prefix=f"{name}-unpacking-") as unpacked:
            with _removed_where_wrong(archives, parts):
                for archive, part in zip(archives, parts, strict=True):
                    _unpack(part, archive.file, Path(unpacked), chosen)
                check(Path(unpacked))
            files = [path.relative_to(unpacked) for path in Path(unpacked).rglob("*") if path.is_file()]
            for file in sorted(files, key=lambda file: (file.as_posix() in last, file)):
                (below / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(unpacked) / file, below / file)
        for part in parts:
            part.unlink()
    except DownloadFailed:
        raise
    except OSError as error:  # the network's errors have become DownloadFailed: this is the disk's
        raise DownloadFailed(f"{below} cannot be written ({error.strerror}): see that there is space and you "
                             "may write there, or name another folder in RESNET_DATA.") from None


@contextmanager
def _removed_where_wrong(archives: list[Archive], parts: list[Path]) -> Iterator[None]:
    """What a server sent instead of the archive goes; a full disk or an interruption costs nothing that has arrived."""
    try:
        yield
    except (ValueError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile,
            FileNotFoundError):
        for part in parts:
            part.unlink()
        raise DownloadFailed(f"What came from {', '.join(archive.addresses[0] for archive in archives)} is not what it "
                             "was (it has been removed): run the same command again, or name another mirror in "
                             "RESNET_DATA_MIRROR.") from None


def megabytes(count: int) -> str:
    """A number of bytes as people read it: "11.6 MB"."""
    return f"{count / 1e6:,.1f} MB"


def _fetch(archive: Archive, part: Path, limit: int, timeout: float) -> None:
    """Bring `part` to the archive's checksum from the first address that delivers."""
    failures = []
    for address in archive.addresses:
        try:
            if not (archive.md5 and part.exists() and _md5(part) == archive.md5):
                _receive(address, part, archive.md5, limit, timeout)
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


def _receive(address: str, part: Path, md5: str | None, limit: int, timeout: float) -> None:
    """Download into `part` from where it ends; it stays if more can follow, and is removed if it is wrong."""
    if not address.startswith(("http://", "https://")):
        raise DownloadFailed("does not begin with http:// or https://")
    start = part.stat().st_size if md5 and part.exists() else 0
    request = Request(address, headers={"User-Agent": "resnet_lib"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    with urlopen(request, timeout=timeout) as response:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0  # the server sends the whole file
        total = None if response.length is None else start + response.length
        block = _next_block(response)
        if start == 0 and not block.startswith(_STARTS[Path(part.stem).suffix]):
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
    if (received <= limit and total in (None, received)) if md5 is None else _md5(part) == md5:
        return
    if total is not None and received < min(total, limit):
        raise DownloadFailed(f"broke off after {megabytes(received)} of {megabytes(total)}")
    part.unlink()
    raise DownloadFailed("sent a file with a wrong checksum (it has been removed)" if md5 else
                         f"sent more than {megabytes(limit)} (they have been removed)")


def _next_block(response: HTTPResponse) -> bytes:
    try:
        return response.read1(1 << 16)
    except OSError as error:
        raise URLError(error) from None  # as urlopen does: an error of the network, not of the disk


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _unpack(part: Path, file: str, into: Path, chosen: Callable[[str], str | None]) -> None:
    """Copy the chosen files, and nothing else, out of an archive: no path or link in it can lead elsewhere."""
    if file.endswith(".tar.gz"):
        with tarfile.open(part) as packed:
            for member in packed:
                if member.isfile() and (place := chosen(member.name)):
                    unpacked = packed.extractfile(member)
                    assert unpacked is not None, "a regular file has content"
                    _copy(unpacked, into / place)
    elif file.endswith(".zip"):
        with zipfile.ZipFile(part) as packed_files:
            for name in packed_files.namelist():
                if place := chosen(name):
                    with packed_files.open(name) as content:
                        _copy(content, into / place)
    elif place := chosen(file):  # a single file: compressed, or as it is used
        single: IO[Any] = gzip.open(part) if file.endswith(".gz") else open(part, "rb")  # type: ignore[assignment]
        with single:
            _copy(single, into / place)


def _copy(content: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(content, file)
