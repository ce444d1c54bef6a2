"""Files that are whole or not there at all, and that execute nothing when they are read."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import torch


@contextmanager
def written_whole(path: Path, what: str, advice: str, older: Path | None = None) -> Iterator[BinaryIO]:
    """A file to be written, which gets the name `path` once it is complete on the disk.

    `older`: where the file that had the name before is kept. Where writing fails nothing of it is left, and OSError is
    raised with `what` it was, the reason and the `advice`.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:  # PyTorch's writer turns a full disk into a RuntimeError
        with suppress(OSError):
            part.unlink(missing_ok=True)
        cause = error if isinstance(error, OSError) else error.__context__
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(error).partition("\n")[0]
        raise OSError(f"{what} {path} cannot be written ({reason}): {advice}.") from None
    if older is not None and path.exists():
        os.replace(path, older)
    os.replace(part, path)


def read_tensors(path: Path) -> Any:
    """What `torch.save` wrote, on the CPU; executes nothing that is in the file.

    Raises UnpicklingError where it holds objects other than numbers, BadZipFile where it is damaged or something else,
    and OSError where it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load does not look at the checksums
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, OSError):
        raise
    except Exception:  # PyTorch's reader raises whatever it stumbles over, an IndexError for a text file
        raise zipfile.BadZipFile from None
