"""Trainings in processes of their own, for the tests that kill them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["resnet_lib.train", "resnet_lib.__main__"])
SMALL = ["train", "--data", "digits", "--depth", "8", "--width", "8", "--epochs", "6", "--threads", "1",
         "--precision", "float32"]


def command(arguments: list[str], output: Path, variables: dict[str, str], before: Callable[..., None] | None,
            given: tuple[Any, ...]) -> None:
    """In the new process: the command line with its output in a file, after `before(*given)`."""
    import sys

    from resnet_lib.__main__ import main

    os.environ.update(variables)
    file = open(output, "a", buffering=1)
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
    sys.stdout = sys.stderr = file
    if before is not None:
        before(*given)
    sys.exit(main(arguments))


def start(arguments: list[str], folder: Path, *, before: Callable[..., None] | None = None, given: tuple[Any, ...] = (),
          recorded: bool = True, **variables: str) -> BaseProcess:
    """Start a training that keeps its checkpoints and its record in `folder`, and its output in `folder`/output.

    One that is not `recorded` keeps its last checkpoint.
    """
    arguments = [*arguments, "--checkpoints", str(folder / "checkpoints")]
    arguments += ["--record", str(folder / "record")] if recorded else []
    process = PROCESSES.Process(target=command, args=(arguments, folder / "output", variables, before, given))
    process.start()
    return process


def ended(process: BaseProcess, seconds: float = 120) -> int | None:
    """Its exit status once it has ended; minus the signal's number where one killed it. None if it goes on for long."""
    process.join(seconds)
    status = process.exitcode
    if status is None:
        process.kill()
    return status


def run(arguments: list[str], folder: Path, **more: Any) -> int | None:
    """Start a training and wait until it has ended."""
    return ended(start(arguments, folder, **more))


def until(happened: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until something has happened; False if it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.002)
    return False


def together(arguments: list[str], folder: Path, count: int, **more: Any) -> list[BaseProcess]:
    """Start `count` processes that train together, as `torchrun` would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    return [start(arguments, folder, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count), MASTER_PORT=port,
                  MASTER_ADDR="127.0.0.1", **more) for rank in range(count)]


def kill_in_write(module: str, name: str, call: int) -> None:
    """Let the `call`-th call of a function (from 0) kill the process: of torch.save when half is written."""
    import importlib
    import io

    place = importlib.import_module(module)
    original, calls = getattr(place, name), iter(range(10_000))

    def replacement(*arguments: Any, **more: Any) -> Any:
        if next(calls) < call:
            return original(*arguments, **more)
        if name == "save":
            content, file = arguments
            whole = io.BytesIO()
            original(content, whole)
            file.write(whole.getvalue()[:len(whole.getvalue()) // 2])
            file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, replacement)
