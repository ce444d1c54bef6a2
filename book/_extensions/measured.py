"""What the book measured, collected from its executed notebooks and recorded runs.

Three directives:

`{claims-ledger}`
    every claim of every chapter, with its measurement and whether it held in this build;
`{claims-measured}`
    the claims of the chapter it stands in, for the section "What we measured";
`{recorded-runs}`
    a section for each study in `book/runs/`, and one for the records of whole trainings there, a row each.

A number that a text takes from a notebook is printed as in prose, "−2.7" and "7·10⁻¹⁶" for -2.7 and 7e-16, and claims
and captions have the quotation marks of prose.

Claims are read from the notebooks' outputs of type `application/vnd.resnet.claim+json`. The cache holds them
all only when every notebook has been executed, so the first two directives leave a place-holder that is
filled when a page is written, and pages that hold one are always written again.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from docutils.utils.smartquotes import educate_tokens
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from resnet_lib import records
from resnet_lib.claims import MIME_TYPE, Claim, number
from resnet_lib.runs import duration

logger = logging.getLogger(__name__)


# Claims --------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Chapter:
    """A page's title, its address seen from the page that lists it, and its claims in order."""

    title: str
    address: str
    claims: list[Claim]


def claims_of(notebook: nbformat.NotebookNode) -> list[Claim]:
    """The claims that an executed notebook's outputs hold, in order."""
    claims = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if MIME_TYPE in data:
                claims.append(Claim(**data[MIME_TYPE]))
    return claims


def executed(path: Path, cache: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs that the cache holds for it, or as it is where the cache has none."""
    notebook = nbformat.read(path, as_version=4)
    if cache.is_dir():
        try:
            return get_cache(str(cache)).merge_match_into_notebook(notebook)[1]
        except KeyError:
            pass
    return notebook


def repeated(claims: Iterable[Claim]) -> list[str]:
    """Identifiers that more than one claim has."""
    return [identifier for identifier, times in Counter(claim.id for claim in claims).items() if times > 1]


def count_line(chapters: Iterable[Chapter]) -> str:
    """"48 claims: 46 hold, 2 do not hold here." """
    claims = [claim for chapter in chapters for claim in chapter.claims]
    hold = sum(claim.holds for claim in claims)
    fail = len(claims) - hold
    noun = "claim" if len(claims) == 1 else "claims"
    return (f"{len(claims)} {noun}: {hold} {'holds' if hold == 1 else 'hold'}, "
            f"{fail} {'does' if fail == 1 else 'do'} not hold here.")


def row(claim: Claim, address: str) -> str:
    """One claim as a table row. Each cell names its column, for narrow screens."""
    status = "✓ Holds" if claim.holds else "✗ Does not hold here"
    cells = [("Measured", claim.with_unit(number(claim.value))),
             ("Expected", claim.with_unit(claim.expected)), ("Paper", claim.paper or "–")]
    rest = "".join(f'<td data-label="{name}">{escape(text)}</td>' for name, text in cells)
    return (f'<tr class="{"holds" if claim.holds else "fails"}"><td>'
            f'<span class="claim-status">{status}</span> '
            f'<a href="{escape(address)}#claim-{claim.id}">{escape(curled(claim.statement))}</a></td>{rest}</tr>')


HEAD = '<thead><tr><th scope="col">Claim</th><th scope="col">Measured</th><th scope="col">Expected</th>' \
       '<th scope="col">Paper</th></tr></thead>'


def ledger(chapters: list[Chapter]) -> str:
    """HTML of the whole ledger: the counts, then a table grouped by chapter."""
    groups = ""
    for chapter in chapters:
        if chapter.claims:
            link = f'<a href="{escape(chapter.address)}">{escape(chapter.title)}</a>'
            rows = "".join(row(claim, chapter.address) for claim in chapter.claims)
            groups += (f'<tbody><tr class="ledger-chapter"><th colspan="4" scope="rowgroup">{link}</th></tr>'
                       f"{rows}</tbody>")
    return f'<p class="ledger-count">{count_line(chapters)}</p><table class="ledger">{HEAD}{groups}</table>'


def measured(claims: list[Claim]) -> str:
    """HTML of one chapter's claims."""
    rows = "".join(row(claim, "") for claim in claims)
    return f'<table class="ledger">{HEAD}<tbody>{rows}</tbody></table>'


# Prose ---------------------------------------------------------------------------------------------

NUMBER = re.compile(r"(-?)(\d[\d.,]*)(?:e([-+]\d+))?")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def printed(text: str) -> str:
    """A number as prose has it, "−2.7" or "7·10⁻¹⁶"; every other text as it is."""
    found = NUMBER.fullmatch(text)
    if not found:
        return text
    sign, digits, exponent = found.groups()
    if exponent:
        power = f"10{str(int(exponent)).translate(RAISED)}"
        digits = power if digits == "1" else f"{digits}·{power}"
    return f"{'−' if sign else ''}{digits}"


def curled(text: str) -> str:
    """A text with typographic quotation marks and apostrophes, but for what is `code` in it."""
    pieces = re.split(r"(`[^`]+`)", text)
    return "".join(educate_tokens((("literal" if piece.startswith("`") else "plain", piece) for piece in pieces), "q"))


SAID = re.compile(r'(<p class="claim-statement">|<figcaption>)([^<]+)')


def curl_outputs(app: Sphinx, page: nodes.document) -> None:
    """Give the claims and the captions of a page the quotation marks of its text."""
    for node in page.findall(nodes.raw):
        if node.get("format") == "html" and SAID.search(node.astext()):
            text = SAID.sub(lambda said: said[1] + escape(curled(unescape(said[2])), quote=False), node.astext())
            node.children = [nodes.Text(text)]


def print_numbers(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in doctree.findall(nodes.inline):
        if "pasted-text" in node["classes"]:  # so myst-nb marks what a glue role has put in
            node.children = [nodes.Text(printed(node.astext()))]


# Recorded runs -------------------------------------------------------------------------------------

def seeds(runs: list[dict[str, Any]]) -> str:
    """The number of runs and of different seeds: "60 runs, 10 seeds"."""
    different = {run.get("configuration", run).get("seed") for run in runs} - {None}
    text = f"{len(runs)} run{'s' * (len(runs) != 1)}"
    return f"{text}, {len(different)} seed{'s' * (len(different) != 1)}" if different else text


def study_facts(study: dict[str, Any]) -> list[tuple[str, str]]:
    """What the page of recorded runs says about a study, as (name, HTML) pairs."""
    name, environment = study["study"], study["environment"]
    total = study.get("seconds") or sum(run.get("seconds", 0) for run in study["runs"])
    threads = environment.get("threads")
    hardware = environment.get("processor", "unknown") + (
        f", {threads} thread{'s' * (threads != 1)}" if threads else "")
    cards = {run["results"]["card"] for run in study["runs"] if "card" in run.get("results", {})}
    hardware = ", ".join([*sorted(cards), hardware])
    software = ", ".join(f"{label} {environment[key]}"
                         for key, label in (("python", "Python"), ("torch", "PyTorch")) if key in environment)
    return [("Runs", seeds(study["runs"])), ("Time", duration(total)),
            ("Recorded", escape(study["recorded"])), ("Hardware", escape(hardware)),
            ("Software", escape(software)),
            ("Repeat it", f"<code>{escape(study['command'])}</code>"),
            ("File", f'<a href="../runs/{name}.json" download>{name}.json</a>')]


def by_recipe(trainings: Iterable[records.Record]) -> dict[tuple[str, str], list[records.Record]]:
    """Records by data set and recipe, each group from the shallowest network to the deepest."""
    groups: dict[tuple[str, str], list[records.Record]] = {}
    for record in sorted(trainings, key=lambda record: (record.configuration["depth"], record.record)):
        groups.setdefault((record.configuration["data"], record.configuration["recipe"]), []).append(record)
    return dict(sorted(groups.items()))


def training_table(trainings: Iterable[records.Record]) -> str:
    """HTML of a table with a row for each record, and the command that repeats it below its name."""
    rows = ""
    for record in trainings:
        last = record.environment[-1]
        cells = [f"{record.test_error:.2f} %", f"{record.train_error:.2f} %", str(len(record.history["step"])),
                 duration(record.seconds), record.hardware(), f"PyTorch {last['torch']}, {record.recorded}"]
        name, command = escape(record.record), escape(record.command)
        rows += (f'<tr><th scope="row"><a href="../runs/{name}.json" download>{name}</a><br><code>{command}</code>'
                 "</th>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f'<th scope="col">{name}</th>' for name in (
        "Training", "Test error", "Training error", "Epochs", "Time", "Hardware", "Software, date"))
    return (f'<div class="pst-scrollable-table-container"><table class="table trainings"><thead><tr>{head}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>")


# Sphinx --------------------------------------------------------------------------------------------

class ClaimsPlaceholder(nodes.General, nodes.Element):
    """Stands in the document tree where claims will be listed."""


class ClaimsLedger(SphinxDirective):
    whole_book = True

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["lists_claims"] = "yes"
        return [ClaimsPlaceholder(whole_book=self.whole_book)]


class ClaimsMeasured(ClaimsLedger):
    whole_book = False


class RecordedRuns(SphinxDirective):
    """A section for each study and one for trainings; the page is read again in every build, for they come and go."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        studies, trainings = [], []
        for path in run_files(self.env):
            if not records.is_record(path):
                studies.append(json.loads(path.read_text(encoding="utf-8")))
                continue
            try:
                trainings.append(records.load(path))
            except ValueError as error:
                logger.warning("%s", error, location=self.env.docname)
        sections = [self.section(study) for study in studies]
        if trainings:
            sections.append(self.trainings(trainings))
        return sections or [nodes.paragraph(text="No run has been recorded yet.")]

    def trainings(self, trainings: list[records.Record]) -> nodes.section:
        section = nodes.section(ids=["whole-trainings"], names=["whole-trainings"])
        section += nodes.title(text="Whole trainings")
        section += nodes.paragraph(text=(
            "Each of these is one network, trained from its first step to its last by python -m resnet_lib train. "
            "Errors are those after the last step, never the best on the way; training errors are over the last "
            "epoch's augmented batches. The command below a name repeats the training."))
        for (data, recipe), group in by_recipe(trainings).items():
            part = nodes.section(ids=[f"trainings-{data}-{recipe}"], names=[f"trainings-{data}-{recipe}"])
            part += nodes.title(text=f"{data}, recipe {recipe}")
            part += nodes.raw("", training_table(group), format="html")
            section += part
        return section

    def section(self, study: dict[str, Any]) -> nodes.section:
        section = nodes.section(ids=[f"run-{study['study']}"], names=[f"run-{study['study']}"])
        section += nodes.title(text=study["study"])
        section += nodes.paragraph(text=study["question"])
        facts = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in study_facts(study))
        section += nodes.raw("", f'<dl class="facts">{facts}</dl>', format="html")
        return section


def run_files(env: BuildEnvironment) -> list[Path]:
    """The recorded studies and trainings, in alphabetical order."""
    return sorted(Path(env.srcdir, "book", "runs").glob("*.json"))


def reading_order(env: BuildEnvironment) -> Iterator[str]:
    """Every page of the table of contents, in its order."""
    seen: set[str] = set()
    pages = [env.config.root_doc]
    while pages:
        page = pages.pop(0)
        if page not in seen:
            seen.add(page)
            yield page
            pages[:0] = env.toctree_includes.get(page, [])


def cache_folder(app: Sphinx) -> Path:
    """Where the build under way finds executed notebooks."""
    configured = app.config.nb_execution_cache_path
    return Path(app.srcdir, configured) if configured else Path(app.outdir).parent / ".jupyter_cache"


def chapter(app: Sphinx, page: str, seen_from: str) -> Chapter:
    """The claims of one page in the build under way."""
    path = Path(app.env.doc2path(page))
    claims = claims_of(executed(path, cache_folder(app))) if path.suffix == ".ipynb" else []
    return Chapter(app.env.titles[page].astext(), app.builder.get_relative_uri(seen_from, page), claims)


def fill_placeholders(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(ClaimsPlaceholder)):
        if node["whole_book"]:
            chapters = [chapter(app, page, docname) for page in reading_order(app.env)]
            claims = [claim for each in chapters for claim in each.claims]
            for identifier in repeated(claims):
                logger.warning("two claims are called %r", identifier, location=docname)
            content = ledger(chapters)
        else:
            claims = chapter(app, docname, docname).claims
            content = measured(claims)
        if not claims:
            logger.warning("no executed notebook holds a claim for this page", location=docname)
        node.replace_self(nodes.raw("", content, format="html"))


def pages_with_claims(app: Sphinx, env: BuildEnvironment) -> list[str]:
    return [page for page, metadata in env.metadata.items() if metadata.get("lists_claims")]


def copy_runs(app: Sphinx, exception: Exception | None) -> None:
    """Serve the studies under the same relative address that they have beside the notebooks."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir, "book", "runs")
        folder.mkdir(parents=True, exist_ok=True)
        for path in run_files(app.env):
            shutil.copyfile(path, folder / path.name)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(ClaimsPlaceholder)
    app.add_directive("claims-ledger", ClaimsLedger)
    app.add_directive("claims-measured", ClaimsMeasured)
    app.add_directive("recorded-runs", RecordedRuns)
    app.connect("doctree-read", curl_outputs)
    app.connect("env-updated", pages_with_claims)
    app.connect("doctree-resolved", fill_placeholders)
    app.connect("doctree-resolved", print_numbers)
    app.connect("build-finished", copy_runs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
