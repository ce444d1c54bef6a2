"""Code that stands in a chapter and in a script as well, for the tests that compare the two."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parent.parent


class Bare(ast.NodeTransformer):
    """Code without docstrings, types and imports."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
        return self.without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self.without_docstring(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        assert node.value is not None
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def without_docstring(self, node: Any) -> ast.AST:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        self.generic_visit(node)
        return node


def chapter_code(name: str) -> str:
    """All code of a chapter ("practice/text"), but for the cell that installs the package."""
    cells = nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code" and "%pip" not in cell.source)


def study_code(name: str) -> str:
    return (ROOT / "book" / "runs" / f"{name}.py").read_text(encoding="utf-8")


def study_module(name: str) -> ModuleType:
    """The script of a recorded study, as a module of its own; it finds other scripts as when it is run."""
    folder = ROOT / "book" / "runs"
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    spec = importlib.util.spec_from_file_location(f"{name}_study", folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def definition(code: str, name: str) -> str:
    """The one class or function of this name at the top of some code, without docstrings, types and layout."""
    found = [node for node in ast.parse(code).body if getattr(node, "name", "") == name]
    assert len(found) == 1, name
    return ast.unparse(Bare().visit(found[0]))
