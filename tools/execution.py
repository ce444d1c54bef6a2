"""A pytest plugin beside nbval: keep what a notebook's cells put out while nbval runs them.

`python -m pytest -p tools.execution --nbval --executed RESULT.json NOTEBOOK.ipynb` writes the executed notebook, the
number of cells that passed, and the first cell that broke (None when all passed) to RESULT.json.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import nbval.kernel
import pytest

STARTS = 3  # how often a kernel is started before its notebook counts as broken


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--executed", metavar="FILE", type=Path, help="write the executed notebook to this file")


def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--executed"):
        config.pluginmanager.register(Recorder(path))
        nbval.kernel.start_new_kernel = patient(nbval.kernel.start_new_kernel)


class Recorder:
    """Puts each cell's outputs into its notebook, and writes the notebook when the session ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notebook: nbformat.NotebookNode | None = None
        self.passed = 0
        self.broken: dict[str, Any] | None = None

    def pytest_runtest_call(self, item: Any) -> None:
        if hasattr(item, "cell"):
            notice_death(item.parent.kernel)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
            self, item: Any, call: pytest.CallInfo) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if not hasattr(item, "cell"):
            return report
        self.notebook = item.parent.nb
        if call.when == "call":
            item.cell.outputs = item.test_outputs or []
            item.cell.execution_count = item.cell_num + 1
            self.passed += report.passed
        if report.failed and self.broken is None:
            self.broken = {"cell": item.cell_num + 1, "error": error_line(item.cell, call)}
        return report

    def pytest_sessionfinish(self) -> None:
        if self.notebook is not None:
            result = {"notebook": self.notebook, "passed": self.passed, "broken": self.broken}
            self.path.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")


def patient(start: Callable[..., Any]) -> Callable[..., Any]:
    """Start a kernel again that did not come up: its ports are chosen first and bound later, which another can use."""
    def start_again(*arguments: Any, **options: Any) -> Any:
        for _ in range(STARTS - 1):
            with suppress(RuntimeError):  # what the client raises when the kernel has died, or does not answer
                return start(*arguments, **options)
        return start(*arguments, **options)

    return start_again


def notice_death(kernel: Any) -> None:
    """Make nbval's wait for a cell end when the kernel dies; by itself it waits until the cell's time is over."""
    if "await_reply" in vars(kernel):
        return
    wait = kernel.await_reply

    def await_reply(message: str, timeout: float) -> None:
        end = time.monotonic() + timeout
        while True:
            try:
                return wait(message, timeout=min(2, timeout))
            except Empty:
                if not kernel.is_alive():
                    raise RuntimeError("the kernel died; was there enough memory?") from None
                if time.monotonic() > end:
                    raise

    kernel.await_reply = await_reply


def error_line(cell: nbformat.NotebookNode, call: pytest.CallInfo) -> str:
    """What went wrong in a cell, in one line."""
    for output in cell.outputs:
        if output.output_type == "error":
            message = f"{output.ename}: {output.evalue}"
            break
    else:
        message = str(call.excinfo.value) if call.excinfo else "unknown error"
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message)
    return next((line.strip() for line in plain.splitlines() if line.strip()), "unknown error")
