"""Runs answers to exercises and says which are right: `python tools/answers.py`, one JSON object a line in and out.

A line in: `{"setup": code, "answer": code, "check": "NAME", "argument": expression, "seconds": 60}`. The answer runs
after the setup, then `exercises.NAME(expression)` judges it. A line out: `{"right": true, "says": text}`.

Each answer has a process of its own, forked from this one, which has loaded PyTorch once and never runs an answer
itself. So an answer that crashes, ends the program or never ends harms no other. An answer may not open files outside
Python and the package, nor the checks' own source, nor start programs, nor use the network; and it is not right if,
when it is done, the package's or PyTorch's functions are other ones than before. This stops what a class may be
expected to try. It is no prison: mark on a machine that holds nothing else of value.

Needs an operating system that forks (Linux, macOS).
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import linecache
import math
import os
import secrets
import select
import signal
import sys
import sysconfig
import tempfile
import time
import types
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

from resnet_lib import claims, data, exercises, networks, plots, runs, surgery, training, transfer  # noqa: E402, F401

torch.set_num_threads(1)

MEMORY = 8 * 2**30  # bytes of addresses that an answer may take
LONGEST = 2000  # characters of what is said
PACKAGE = Path(exercises.__file__).resolve().parents[1]
READABLE = [Path(path).resolve() for path in {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}] + [PACKAGE]
CHECKS = Path(exercises.__file__).resolve().parent
FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
             "os.startfile", "os.kill", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.chmod", "os.chown",
             "os.link", "os.symlink", "shutil.", "socket.", "ctypes.", "gc.get_objects", "gc.get_referrers",
             "sys.addaudithook", "pty.spawn", "webbrowser.open", "urllib.Request")


class Refused(BaseException):
    """The answer tries something that no exercise needs; no `except Exception` catches it."""


def watched() -> list[types.ModuleType | type]:
    """What decides whether an answer is right, and must be the same afterwards."""
    package = [module for name, module in sorted(sys.modules.items())
               if name.partition(".")[0] == "resnet_lib" and isinstance(module, types.ModuleType)]
    return [*package, builtins, math, torch, torch.Tensor, torch.nn.Module, functional, torch.testing, torch.linalg]


def parts(thing: Any) -> list[Any]:
    """The object, and of a function what it is made of: code, defaults, and what its closure holds."""
    found = [thing]
    if isinstance(thing, types.FunctionType):
        found += [thing.__code__, thing.__defaults__, thing.__kwdefaults__]
        for cell in thing.__closure__ or ():
            held = cell.cell_contents
            found += [held, held.__code__] if isinstance(held, types.FunctionType) else [held]
    return found


def fingerprint() -> dict[tuple[str, str], list[Any]]:
    """Every function, class, module and number by name, with its parts."""
    return {(owner.__name__, name): parts(thing) for owner in watched() for name, thing in vars(owner).items()
            if callable(thing) or isinstance(thing, types.ModuleType | int | float | str)}


def changed(before: dict[tuple[str, str], list[Any]]) -> str | None:
    """The first watched name that no longer means what it meant."""
    after = fingerprint()
    for key, old in before.items():
        new = after.get(key, [])
        if len(old) != len(new) or any(one is not other and (callable(one) or one != other)
                                       for one, other in zip(old, new, strict=True)):
            return ".".join(key)
    return None


def guard() -> None:
    """From here on, until the process ends, forbidden things raise `Refused`, and the checks' source is not there."""
    for file in CHECKS.glob("*.py"):  # for warnings and tracebacks, which would look for lines in it
        linecache.cache[str(file)] = (0, None, [], str(file))

    def readable(path: Path) -> bool:
        return any(path.is_relative_to(place) for place in READABLE) and not path.is_relative_to(CHECKS)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, int):
                return
            writes = any(letter in (mode or "") for letter in "wax+") or bool(
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            place = os.fsdecode(path)
            if place in (os.devnull, "/dev/urandom"):
                return
            if writes or not readable(Path(os.path.realpath(place))):
                raise Refused(f"the answer opens the file {place}")
        elif event.startswith(FORBIDDEN):
            raise Refused(f"the answer does what no exercise needs: {event}")
    sys.addaudithook(hook)


def limit(seconds: int) -> None:
    """Bounds on processor time and memory where the system has them."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource
        resource.setrlimit(resource.RLIMIT_CPU, (seconds + 1, seconds + 2))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def judge(request: dict[str, Any]) -> tuple[bool, str]:
    """Runs one answer in this process and judges it."""
    check = getattr(exercises, request["check"])
    namespace: dict[str, Any] = {"__name__": "__main__"}
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        try:
            exec(compile(request["setup"], "<setup>", "exec"), namespace)
        except Exception as error:
            return False, f"Not marked: the first cell stops with {type(error).__name__}: {error}"
        before = fingerprint()
        guard()
        try:
            exec(compile(request["answer"], "<answer>", "exec"), namespace)
            given = eval(compile(request["argument"], "<answer>", "eval"), namespace)
            said.truncate(0)
            said.seek(0)
            right = bool(check(given))
        except Refused as refusal:
            return False, f"Not marked: {refusal}."
        except BaseException as error:
            first = str(error).splitlines()[:1]
            return False, f"The answer stops with {type(error).__name__}" + (f": {first[0]}" if first else ".")
        if name := changed(before):
            return False, f"Not marked: the answer changes {name}, with which answers are judged."
    return right, said.getvalue().strip()


def answered(request: dict[str, Any]) -> dict[str, Any]:
    """Judges one answer in a process of its own, for at most `request["seconds"]`."""
    seconds, token = int(request["seconds"]), secrets.token_hex(16)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reader)
        limit(seconds)
        os.chdir(tempfile.gettempdir())
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        torch.manual_seed(0)
        right, says = judge(request)
        os.write(writer, json.dumps([token, right, says[:LONGEST]]).encode())
        os._exit(0)
    os.close(writer)
    said, end = b"", time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and select.select([reader], [], [], left)[0]:
        part = os.read(reader, 65536)
        if not part:
            break
        said += part
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    try:
        sent, right, says = json.loads(said)
    except (ValueError, TypeError):
        late = time.monotonic() >= end
        return {"right": False, "says": f"The answer does not end within {seconds} seconds." if late
                else "The answer ends the program."}
    if sent != token:
        return {"right": False, "says": "Not marked: the answer speaks in the checker's name."}
    return {"right": right, "says": says}


def main() -> None:
    """Answers one line after the other until the input ends."""
    for line in sys.stdin:
        print(json.dumps(answered(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
