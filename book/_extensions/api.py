"""What autodoc takes from the package, put for readers: the pages show no words and no values that are not the book's.

A default value that is no number and no text stands as the code has it: the name of a function, or of a folder. A class
of the book with a foreign constructor has no signature. A docstring that names a chapter, as `understanding/paths`,
gets a link with the chapter's title, and a name between backquotes is code even where it touches a letter or a sign.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Container
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.autodoc.preserve_defaults import DefaultValue
from sphinx.util.inspect import signature, stringify_signature

CODE = re.compile(r"(?<![:`\\])(`[^`]+`)(?!`)")
CHAPTER = re.compile(r"\b((?:concepts|mathematics|networks|practice|understanding)/)\s*([a-z-]+)\b(\.?)")


# Signatures -----------------------------------------------------------------------------------------------------

def keep_numbers(app: Sphinx, function: Any, bound_method: bool) -> None:
    """Put numbers and texts back where `autodoc_preserve_defaults` has put the names that the code has for them."""
    written = getattr(function, "__signature__", None)
    if written is None or not inspect.isfunction(function):
        return
    names = list(written.parameters)[:function.__code__.co_argcount]
    values = dict(zip(reversed(names), reversed(function.__defaults__ or ()))) | (function.__kwdefaults__ or {})
    function.__signature__ = written.replace(parameters=[  # type: ignore[attr-defined]
        parameter.replace(default=values[name]) if isinstance(values.get(name), (int, float, str)) else parameter
        for name, parameter in written.parameters.items()])


def constructor(cls: type) -> str | None:
    """The signature of a class whose constructor the standard library or another package wrote; None for others."""
    own, fields = cls.__module__.partition(".")[0], {}
    if dataclasses.is_dataclass(cls):
        fields = {field.name: field for field in dataclasses.fields(cls)}
    else:
        initialises, makes = (next(one for one in cls.__mro__ if name in vars(one)).__module__.partition(".")[0]
                              for name in ("__init__", "__new__"))
        if initialises != own:
            return None if {initialises, makes} <= {own, "builtins"} else ""
        if makes in (own, "builtins"):
            return None
    written = signature(cls.__init__, bound_method=True)  # type: ignore[misc]
    return stringify_signature(written.replace(parameters=[
        parameter.replace(default=default(parameter.default, fields.get(name)))
        for name, parameter in written.parameters.items()]), show_return_annotation=False, unqualified_typehints=True)


def default(value: Any, field: dataclasses.Field | None) -> Any:
    """A default value as it is shown: an empty list, the name of a function, or "..." for what is made anew."""
    if field is not None and field.default_factory is not dataclasses.MISSING:
        return DefaultValue(repr(field.default_factory()) if field.default_factory in (list, dict) else "...")
    return DefaultValue(value.__name__) if inspect.isroutine(value) else value


def write_signature(app: Sphinx, what: str, name: str, documented: Any, options: Any, arguments: str | None,
                    returns: str | None) -> tuple[str, str | None] | None:
    written = constructor(documented) if what == "class" else None
    return None if written is None else (written, returns)


# Members --------------------------------------------------------------------------------------------------------

def is_foreign(member: Any) -> bool:
    """Whether a member of a class is a function from elsewhere that a field holds, or a field of a named tuple."""
    name = getattr(member, "__qualname__", "")
    return type(member).__name__ == "_tuplegetter" or (callable(member) and bool(name) and "." not in name)


def skip(app: Sphinx, what: str, name: str, member: Any, skipped: bool, options: Any) -> bool | None:
    return True if what == "class" and is_foreign(member) else None


# Docstrings -----------------------------------------------------------------------------------------------------

def readable(docstring: str, pages: Container[str]) -> str:
    """A docstring in which names between backquotes are code wherever they stand, and chapters are links.

    The titles of chapters are questions, so a full stop behind one goes.
    """
    def chapter(found: re.Match[str]) -> str:
        page = f"book/{found[1]}{found[2]}"
        return f":doc:`/{page}`" if page in pages else found[0]

    return CHAPTER.sub(chapter, CODE.sub(r"\\ \1\\ ", docstring))


def write_docstring(app: Sphinx, what: str, name: str, documented: Any, options: Any, lines: list[str]) -> None:
    lines[:] = readable("\n".join(lines), app.env.found_docs).split("\n")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-before-process-signature", keep_numbers, priority=600)  # after preserve_defaults
    app.connect("autodoc-process-signature", write_signature)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", write_docstring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
