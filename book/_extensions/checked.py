"""The directive `{what-was-checked}`: how much stands behind the book, counted when the site is built.

Claims come from the executed notebooks, runs from the recorded files, tests from their last run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from measured import Chapter, cache_folder, chapter, count_line, reading_order, run_files
from reliability import COUNTED
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from resnet_lib import records
from resnet_lib.runs import duration


def claims_fact(chapters: Sequence[Chapter]) -> str:
    """How many claims there are, how many hold, and how many have a paper's figure beside them."""
    beside = sum(bool(claim.paper) for each in chapters for claim in each.claims)
    return f"{count_line(chapters)} {beside} of them stand beside what a paper reports."


def notebooks_fact(notebooks: Sequence[Path], cache: Path) -> str:
    """How many notebooks and code cells there are, and how long they ran for this site where that is known."""
    cells, seconds, known = 0, 0.0, 0
    store = get_cache(str(cache)) if cache.is_dir() else None
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        cells += sum(cell.cell_type == "code" for cell in notebook.cells)
        try:
            spent = store.match_cache_notebook(notebook).data.get("execution_seconds") if store else None
        except KeyError:
            spent = None
        known += spent is not None
        seconds += spent or 0.0
    took = f", which ran for {duration(seconds)} in all" if known == len(notebooks) else ""
    return f"{len(notebooks)} notebooks with {cells:,} cells of code{took}."


def runs_fact(files: Sequence[Path]) -> str:
    """How many studies, runs and whole trainings were recorded, how long they took and on what."""
    studies, runs, seconds, trainings, trained, processors = 0, 0, 0.0, 0, 0.0, set[str]()
    for path in files:
        if records.is_record(path):
            try:
                record = records.load(path)
            except ValueError:
                continue
            trainings, trained = trainings + 1, trained + record.seconds
            processors.update(part[key] for part in record.environment for key in ("processor", "device")
                              if key in part)
            continue
        study = json.loads(path.read_text(encoding="utf-8"))
        studies, runs = studies + 1, runs + len(study["runs"])
        seconds += study.get("seconds") or sum(run.get("seconds", 0) for run in study["runs"])
        if "processor" in study["environment"]:
            processors.add(study["environment"]["processor"])
        processors.update(run["results"]["card"] for run in study["runs"] if "card" in run.get("results", {}))
    whole = f", and {trainings} whole trainings, in {duration(trained)}" if trainings else ""
    where = f" Processors and cards: {', '.join(sorted(processors))}." if processors else ""
    return f"{studies} studies with {runs:,} runs, in {duration(seconds)}{whole}.{where}"


def tests_fact(counted: dict[str, Any] | None) -> str:
    """How many tests of the programs passed, and how many times it was tried to break them."""
    if counted is None:
        return "Where this page was built they have not been run."
    outcomes = [result for results in counted["tried"].values() for result in results.items()]
    cases = sum(count for _, count in outcomes)
    passed = sum(count for outcome, count in outcomes if outcome == "passed")
    tests = counted.get("tests", {})
    every = f"{tests.get('passed', 0):,} tests passed, {tests.get('failed', 0)} failed. " if tests else ""
    return f"{every}{cases} times it was tried to break something; {passed} of these ended as they have to."


class Placeholder(nodes.General, nodes.Element):
    """Stands in the document tree where the counts will be."""


class WhatWasChecked(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["counts_checks"] = "yes"
        return [Placeholder()]


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(Placeholder)):
        pages = list(reading_order(app.env))
        notebooks = [path for page in pages if (path := Path(app.env.doc2path(page))).suffix == ".ipynb"]
        counted = Path(app.srcdir, COUNTED)
        known = json.loads(counted.read_text(encoding="utf-8")) if counted.exists() else None
        facts = {"claims": ("Claims", claims_fact([chapter(app, page, docname) for page in pages])),
                 "": ("Chapters", notebooks_fact(notebooks, cache_folder(app))),
                 "runs": ("Recorded runs", runs_fact(run_files(app.env))),
                 "reliability": ("Tests of the programs", tests_fact(known))}
        rows = "".join(f"<dt>{link(app, docname, page, name)}</dt><dd>{escape(said)}</dd>"
                       for page, (name, said) in facts.items())
        place.replace_self(nodes.raw("", f'<dl class="facts">{rows}</dl>', format="html"))


def link(app: Sphinx, docname: str, page: str, name: str) -> str:
    """A link to a page of the reference part, where it is there; else the name alone."""
    target = f"book/reference/{page}"
    if not page or target not in app.env.all_docs:
        return escape(name)
    return f'<a href="{escape(app.builder.get_relative_uri(docname, target))}">{escape(name)}</a>'


def pages_with_counts(app: Sphinx, env: BuildEnvironment) -> list[str]:
    return [page for page, metadata in env.metadata.items() if metadata.get("counts_checks")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(Placeholder)
    app.add_directive("what-was-checked", WhatWasChecked)
    app.connect("env-updated", pages_with_counts)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
