"""Where a training stands, as a file that a kill at any moment leaves whole, and that holds nothing executable."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from resnet_lib import files

FORMAT = "resnet_lib training 1"


class CheckpointDamaged(ValueError):
    """A file is not a checkpoint of the training that was asked for; the message says what to do."""


def before(path: Path) -> Path:
    """Where the checkpoint before the last one is kept."""
    return path.with_name(path.stem + ".before" + path.suffix)


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint under its final name once it is complete on the disk; the one before it is kept beside it.

    Raises OSError in one sentence where that fails; the older checkpoints are then as they were.
    """
    kept = f"; the checkpoint before it is whole: {path}" if path.exists() else ""
    advice = f"make room there or give another folder with --checkpoints{kept}"
    with files.written_whole(path, "The checkpoint", advice, older=before(path)) as file:
        torch.save({"format": FORMAT, **content}, file)


def load(path: Path, configuration: dict[str, Any]) -> dict[str, Any] | None:
    """The checkpoint at `path`, the one before it if a kill came between the two, or None where there is neither.

    `configuration`: what the training must have been started with. Executes nothing that is in the file. Raises
    CheckpointDamaged for a file that is damaged, something else, or of another training.
    """
    if not path.exists():
        if not before(path).exists():
            return None
        path = before(path)
    try:
        content = files.read_tensors(path)
    except PermissionError:
        raise
    except pickle.UnpicklingError:
        raise damaged(path, "holds objects other than numbers, or is damaged; nothing in it was executed") from None
    except (zipfile.BadZipFile, OSError):
        raise damaged(path, "is damaged") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise damaged(path, "is no checkpoint of this program")
    was = content.get("configuration", {})
    for key, value in configuration.items():
        if was.get(key) != value:
            raise CheckpointDamaged(f"{path} is of another training, with {key} {was.get(key)} and not {value}: give "
                                    "another folder with --checkpoints, or delete it.")
    return content


def damaged(path: Path, what: str) -> CheckpointDamaged:
    """The error that says what is wrong with a checkpoint, and how to go on without it."""
    older = before(path)
    advice = (f"rename {older} to {path.name} to go on from the epoch before" if path != older and older.exists() else
              f"delete {path} to begin anew")
    return CheckpointDamaged(f"{path} {what}: {advice}.")


def remove(path: Path) -> None:
    """Delete a training's checkpoints."""
    for file in (path, before(path)):
        file.unlink(missing_ok=True)
