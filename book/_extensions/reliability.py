"""The directive `{reliability}`: what the last run of the tests tried to break, how often, and how it ended.

Tests are marked with what they try (`@pytest.mark.reliability`); `make test` counts them into a file.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

COUNTED = Path("_build", "reliability.json")
TRIES = {  # what is tried, and what has to come of it
    "kills": ("A training is killed at a random moment (SIGKILL)",
              "started again with the same command, it ends with the same history in every digit"),
    "writes": ("A training is killed while it writes a checkpoint or its record, or between two steps of it",
               "started again, it ends with the same history in every digit"),
    "signals": ("A training is asked to stop (SIGTERM, Ctrl-C)",
                "it finishes its step, says where it stopped, and goes on from there to the same history"),
    "lost process": ("One of several processes that train together is killed",
                     "the others end with a sentence; started again, they reach the same weights"),
    "processes": ("A training goes on with another number of processes", "it reaches the same weights"),
    "disk": ("The disk is full, or a folder cannot be written",
             "one sentence; the older checkpoint is whole, and the training goes on from it"),
    "checkpoints": ("A checkpoint is cut off, changed by a byte, of something else, or holds code",
                    "one sentence says how to go on; nothing in it is executed, nothing is overwritten"),
    "records": ("A recorded study is damaged or missing", "one sentence"),
    "divergence": ("The loss is no longer a number", "one sentence names the layer and the learning rate"),
    "options": ("An option or a value makes no sense", "one sentence, before anything is computed"),
    "data": ("A file of a data set is missing, cut off or not what it should be", "one sentence names it"),
    "downloads": ("A download breaks off, stalls, brings something else, or finds no room",
                  "nothing half-written is left under its final name; the next call goes on"),
    "weights": ("A file of weights is damaged, foreign, or holds code", "one sentence; nothing in it is executed"),
    "pictures": ("A picture is damaged, is none, or shows no digit", "one sentence"),
    "book": ("Recording a study or building the book is interrupted", "what is half-written does not count"),
}


def table(counted: dict[str, Any] | None) -> str:
    """HTML: a line that sums up the run, and a row a kind of case; without a run, what the tests would try."""
    tried = counted["tried"] if counted else {what: {} for what in TRIES}
    total = sum(sum(outcomes.values()) for outcomes in tried.values())
    passed = sum(outcomes.get("passed", 0) for outcomes in tried.values())
    rows = ""
    for what, outcomes in sorted(tried.items(), key=lambda entry: [*TRIES].index(entry[0])):
        case, expected = TRIES[what]
        count = sum(outcomes.values())
        held = outcomes.get("passed", 0)
        status = f'<span class="claim-status">{"✓" if held == count else "✗"}</span> ' if counted else ""
        cells = (("Ended so", f"{held} of {count}" if counted else "–"),
                 ("What has to come of it", escape(expected)))
        rows += (f'<tr class="{"holds" if held == count else "fails"}"><td>{status}{escape(case)}</td>'
                 + "".join(f'<td data-label="{name}">{text}</td>' for name, text in cells) + "</tr>")
    names = ("Case", "Ended so", "What has to come of it")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    said = (f"{total} cases tried: {passed} ended as they have to, {total - passed} did not. "
            f"{escape(counted['date'])}, commit {escape(counted['commit'])}, Python {escape(counted['python'])}, "
            f"PyTorch {escape(counted['torch'])}, {escape(counted['processor'])}." if counted else
            "Where this page was built the tests have not been run; <code>make test</code> runs them and counts.")
    return (f'<p class="ledger-count">{said}</p>'
            f'<table class="ledger"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>')


class Reliability(SphinxDirective):
    """The page is read again in every build, for the tests may have run since."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        path = Path(self.env.srcdir, COUNTED)
        counted = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        return [nodes.raw("", table(counted), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("reliability", Reliability)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
