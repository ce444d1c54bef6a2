"""The site's own Sphinx extensions: the claims ledger, recorded runs, citations, mathematics."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("sphinx")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "book" / "_extensions"))

import citing  # noqa: E402
import katex  # noqa: E402
import measured  # noqa: E402
from jupyter_cache import get_cache  # noqa: E402
from jupyter_cache.base import CacheBundleIn  # noqa: E402

from resnet_lib import records  # noqa: E402
from resnet_lib.claims import MIME_TYPE, Claim  # noqa: E402

HOLDS = Claim("first", "Deeper is <worse>.", 61.5, "%", "at least 20", True, "Table 6")
FAILS = Claim("second", "It grows.", 12.0, "", "at most 3", False, None)


def notebook(*claims: Claim) -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("display_data", {"text/plain": "…", MIME_TYPE: vars(claim)})
               for claim in claims]
    other = nbformat.v4.new_output("stream", text="epoch 1\n")
    return nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        cells=[nbformat.v4.new_markdown_cell("# Title"),
               nbformat.v4.new_code_cell("claims", outputs=[other, *outputs], execution_count=1)])


def test_claims_are_read_from_outputs_in_order():
    assert measured.claims_of(notebook(HOLDS, FAILS)) == [HOLDS, FAILS]
    assert measured.claims_of(notebook()) == []


def test_outputs_come_from_the_cache_when_the_code_is_the_same(tmp_path):
    executed, path, cache = notebook(HOLDS), tmp_path / "chapter.ipynb", tmp_path / "cache"
    bare = notebook()
    bare.cells[1].outputs = []
    nbformat.write(bare, path)
    assert measured.claims_of(measured.executed(path, cache)) == []
    get_cache(str(cache)).cache_notebook_bundle(CacheBundleIn(executed, str(path)), check_validity=False)
    assert measured.claims_of(measured.executed(path, cache)) == [HOLDS]
    bare.cells[1].source = "changed"
    nbformat.write(bare, path)
    assert measured.claims_of(measured.executed(path, cache)) == []


def test_repeated_identifiers_are_found():
    assert measured.repeated([HOLDS, FAILS, HOLDS]) == ["first"]


@pytest.mark.parametrize("claims, line", [
    ([], "0 claims: 0 hold, 0 do not hold here."),
    ([HOLDS], "1 claim: 1 holds, 0 do not hold here."),
    ([HOLDS, FAILS], "2 claims: 1 holds, 1 does not hold here."),
    ([HOLDS, HOLDS, FAILS, FAILS], "4 claims: 2 hold, 2 do not hold here."),
])
def test_counts(claims, line):
    assert measured.count_line([measured.Chapter("A", "a.html", claims)]) == line


def test_ledger_links_each_claim_and_leaves_out_pages_without_claims():
    page = measured.ledger([measured.Chapter("Depth", "../concepts/depth.html", [HOLDS, FAILS]),
                            measured.Chapter("Glossary", "glossary.html", [])])
    assert 'href="../concepts/depth.html#claim-first">Deeper is &lt;worse&gt;.' in page
    assert '<tr class="holds">' in page and '<tr class="fails">' in page
    assert "61.5 %" in page and "Table 6" in page and "Does not hold here" in page
    assert "Glossary" not in page


def test_measured_links_within_the_page():
    assert 'href="#claim-second"' in measured.measured([FAILS])


@pytest.mark.parametrize("text, shown", [
    ("-2.7", "−2.7"), ("7e-16", "7·10⁻¹⁶"), ("1e-06", "10⁻⁶"), ("-1.5e+03", "−1.5·10³"), ("1,437", "1,437"), ("0", "0"),
    ("plain-20", "plain-20"), ("-", "-"), ("2-3", "2-3")])
def test_numbers_are_printed_as_prose_has_them(text, shown):
    assert measured.printed(text) == shown


def test_quotation_marks_are_typographic_but_in_code():
    assert measured.curled("He says: \"it's `d[\"a\"]`\" Is it?") == "He says: “it’s `d[\"a\"]`” Is it?"


def test_claims_and_captions_have_typographic_quotation_marks():
    from docutils import nodes
    from docutils.utils import new_document
    page = new_document("page")
    page += nodes.raw("", '<p class="claim-statement">Fisher&#x27;s &lt; ours.</p><dl id="x"></dl>', format="html")
    page += nodes.raw("", """<figure id="f"><figcaption>The network's.</figcaption></figure>""", format="html")
    measured.curl_outputs(None, page)
    assert page.astext().replace("\n", "") == (
        '<p class="claim-statement">Fisher’s &lt; ours.</p><dl id="x"></dl>'
        '<figure id="f"><figcaption>The network’s.</figcaption></figure>')
    assert "Fisher’s" in measured.row(Claim("c", "Fisher's.", 1.0, "", "at least 0", True, None), "")


def test_study_facts():
    study = {"study": "rates", "question": "Which?", "command": "python book/runs/rates.py",
             "recorded": "2026-01-02",
             "environment": {"python": "3.11", "torch": "2.15", "processor": "A <B>", "threads": 1},
             "runs": [{"configuration": {"seed": seed, "rate": 0.1}, "seconds": 60.0} for seed in (1, 2, 2)]}
    facts = dict(measured.study_facts(study))
    assert facts["Runs"] == "3 runs, 2 seeds"
    assert facts["Time"] == "3 minutes"
    assert facts["Hardware"] == "A &lt;B&gt;, 1 thread"
    study["runs"] = [{"configuration": {}, "results": {"card": "A card"}}]
    assert dict(measured.study_facts(study))["Hardware"] == "A card, A &lt;B&gt;, 1 thread"
    assert 'href="../runs/rates.json"' in facts["File"]


def training(name="cifar10-plain-20-quick-1", depth=20, recipe="quick", seconds=1800.0):
    """A record of two epochs."""
    history = {key: [20.0, 10.0] for key in records.HISTORY} | {"test_error": [9.0, 9.5], "seconds": [seconds] * 2}
    return records.Record(
        name, "python -m resnet_lib train --recipe <quick>", "2026-01-02",
        {"data": "cifar10", "network": "plain", "depth": depth, "seed": 1, "recipe": recipe},
        [{"step": 0, "processes": 1, "device": "A <B>", "threads": 2, "torch": "2.15", "python": "3.11"}],
        history, {}, [1.0])


def test_a_training_is_a_row_with_its_last_error_and_its_command():
    page = measured.training_table([training()])
    for part in ('href="../runs/cifar10-plain-20-quick-1.json" download', "9.50 %", "10.00 %", "60 minutes",
                 "A &lt;B&gt;, 1 process with 2 threads",
                 "<code>python -m resnet_lib train --recipe &lt;quick&gt;</code>"):
        assert part in page
    assert "9.00 %" not in page and page.count("<tr>") == 2


def test_trainings_stand_by_recipe_and_depth():
    deep, wide, other = training("b", 56), training("a", 20), training("c", 20, "he2015")
    assert measured.by_recipe([deep, wide, other]) == {("cifar10", "he2015"): [other],
                                                       ("cifar10", "quick"): [wide, deep]}


def test_the_page_of_recorded_runs_lists_studies_and_trainings(tmp_path, monkeypatch):
    """Both kinds of file stand in one folder; a damaged record is named and left out."""
    folder = tmp_path / "book" / "runs"
    folder.mkdir(parents=True)
    study = {"study": "rates", "question": "Which?", "command": "python", "recorded": "2026-01-02",
             "environment": {}, "runs": []}
    (folder / "rates.json").write_text(json.dumps(study))
    records.write(folder / "cifar10-plain-20-quick-1.json", training())
    (folder / "damaged.json").write_text('{"record": "dam')
    complaints = []
    monkeypatch.setattr(measured.logger, "warning", lambda *parts, **more: complaints.append(parts[1]))

    class Environment:
        srcdir, docname = tmp_path, "runs"

        def note_reread(self):
            pass

    monkeypatch.setattr(measured.RecordedRuns, "env", Environment())
    directive = measured.RecordedRuns.__new__(measured.RecordedRuns)
    studies, trainings = directive.run()
    assert studies["ids"] == ["run-rates"] and trainings["ids"] == ["whole-trainings"]
    assert "cifar10-plain-20-quick-1" in trainings.astext() and "cifar10, recipe quick" in trainings.astext()
    assert len(complaints) == 1 and "damaged.json" in str(complaints[0])
    for path in folder.glob("*.json"):
        path.unlink()
    (nothing,) = directive.run()
    assert nothing.astext() == "No run has been recorded yet."


def test_formulas_are_drawn_and_broken_ones_explained():
    html = katex.render(r"\mathcal F_\ell \odot x")
    assert "<math" in html and "katex-html" in html
    assert "katex-display" in katex.render(r"\begin{align*} a &= b \end{align*}", display=True)
    with pytest.raises(ValueError, match="Undefined control sequence"):
        katex.render(r"\nosuchcommand")


def test_a_process_that_has_drawn_formulas_ends():
    code = "import katex; print(katex.render('x'))"
    drawn = subprocess.run([sys.executable, "-c", code], cwd=Path(katex.__file__).parent, timeout=120, check=True,
                           capture_output=True, text=True)
    assert "katex" in drawn.stdout


def test_labels_get_letters_only_where_they_are_needed():
    assert citing.with_letters(["He, 2016", "Li, 2018", "He, 2016"]) == ["He, 2016a", "Li, 2018", "He, 2016b"]


def test_every_bibliography_entry_has_a_label():
    from pybtex.database import parse_file
    entries = parse_file(str(Path(__file__).resolve().parent.parent / "book" / "references.bib")).entries
    labels = {key: citing.author_year(entry) for key, entry in entries.items()}
    assert labels["he2016deep"] == "He et al., 2016"
    assert labels["simonyan2015very"] == "Simonyan and Zisserman, 2015"
    assert all(labels.values())


def test_the_bibliography_is_in_the_order_of_its_labels():
    from pybtex.database import parse_file
    entries = parse_file(str(Path(__file__).resolve().parent.parent / "book" / "references.bib")).entries
    labels = [citing.author_year(entry) for entry in citing.AuthorLabelStyle().sort(entries.values())]
    def place(label):
        return labels.index(label)
    assert place("He et al., 2015") < place("He et al., 2016") < place("He et al., 2019")
    assert place("De and Smith, 2020") < place("de Haan et al., 2019") < place("Devlin et al., 2019")
    assert place("TensorBoard") < place("Tian et al., 2019") and place("Elkan, 2001") < place("European Union, 2016")
    assert [label[0].casefold() for label in labels] == sorted(label[0].casefold() for label in labels)
