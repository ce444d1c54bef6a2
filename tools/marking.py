"""Marks handed-in notebooks with nbgrader, each answer in isolation: the preprocessor that takes its Execute's place.

nbgrader would run a whole notebook in one kernel, where an answer that never ends stops the others, and one that
overwrites the checks marks itself. `Mark` runs no cell. It hands each answer to `tools/answers.py`, which runs it in a
process of its own, and puts the outcome where nbgrader reads it: an error, which is no points, or none, which is all.
"""

from __future__ import annotations

import ast
import atexit
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Integer

SETUP = "setup"  # the grade_id of the cell with what the answers may use


def call(graded: str) -> tuple[str, str]:
    """Name and argument of the check in a graded cell, `assert exercises.NAME(argument)`."""
    for statement in ast.parse(graded).body:
        if isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Call):
            checked = statement.test
            if isinstance(checked.func, ast.Attribute) and ast.unparse(checked.func.value) == "exercises":
                return checked.func.attr, ast.unparse(checked.args[0])
    raise ValueError(f"a graded cell has no check: {graded!r}")


class Answers:
    """The process that runs answers: started at the first, ended with this one."""

    process: subprocess.Popen[str] | None = None

    @classmethod
    def judge(cls, **request: Any) -> dict[str, Any]:
        if cls.process is None or cls.process.poll() is not None:
            cls.process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("answers.py"))],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            atexit.register(cls.process.kill)
        assert cls.process.stdin and cls.process.stdout
        cls.process.stdin.write(json.dumps(request) + "\n")
        cls.process.stdin.flush()
        return json.loads(cls.process.stdout.readline())


class Mark(NbGraderPreprocessor):
    """Gives each graded cell the outcome of its answer, which stands in the solution cell of the same exercise."""

    seconds = Integer(60, help="How long an answer may run.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        cells = {cell.metadata.nbgrader.grade_id: cell for cell in nb.cells if "nbgrader" in cell.metadata}
        for name, cell in cells.items():
            if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
                check, argument = call(cell.source)
                answer = cells.get(name.removesuffix("-check"))
                outcome = Answers.judge(setup=cells[SETUP].source, answer=answer.source if answer else "",
                                        check=check, argument=argument, seconds=self.seconds)
                cell.outputs = [
                    new_output("stream", name="stdout", text=outcome["says"]) if outcome["right"]
                    else new_output("error", ename="NotRight", evalue=outcome["says"], traceback=[outcome["says"]])]
        return nb, resources
