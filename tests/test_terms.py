"""Chapters link the terms of the glossary where they first use them, and abbreviations stand in the glossary."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import rules, terms
from tools.chapters import chapters

GLOSSARY = terms.GLOSSARY.read_text(encoding="utf-8")
KNOWN = terms.terms(GLOSSARY)
CHAPTERS = chapters(terms.ROOT)
NAMES = {"CC", "BY", "CIFAR", "MNIST", "ALVINN", "COVID", "GB", "MB", "KB"}  # no abbreviations to explain
SMALL = """```{glossary}
loss
  [损失]{.zh} – What training lowers.

learning rate
  [学习率]{.zh} – The factor.

stochastic gradient descent
  [随机梯度下降]{.zh} – Steps against the {term}`loss`.

path
  [路径]{.zh} – A way.

Transformer
  [变换器]{.zh} – A network.

batch normalisation
  [批量规范化]{.zh} – A layer.

test images
  [测试图像]{.zh} – Images.
```

| SGD | {term}`stochastic gradient descent` | 随机梯度下降 |
"""


def notebook(*texts: str) -> nbformat.NotebookNode:
    return new_notebook(cells=[new_markdown_cell("# Title\n\nThe loss."), *map(new_markdown_cell, texts)])


def complaints(*texts: str) -> list[str]:
    return terms.unlinked(notebook(*texts), terms.terms(SMALL))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_terms_are_linked_where_they_are_first_used(chapter):
    problems = terms.unlinked(chapter.notebook, KNOWN)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_abbreviations_stand_in_the_glossary(chapter):
    listed = set(re.findall(r"^\| (\S+) \|", GLOSSARY, re.MULTILINE))
    text = "\n".join(rules.prose(cell.source) for _, cell in rules.cells(chapter.notebook, "markdown"))
    used = {name.removesuffix("s") for name in re.findall(r"(?<![\w-])[A-Za-z]*[A-Z]{2,}[a-z]?(?![\w])",
                                                          re.sub(r"`[^`]*`", "", text))}
    assert used - NAMES <= listed


def test_the_glossary_is_sorted_and_each_entry_has_its_chinese_term():
    block = GLOSSARY.partition("```{glossary}\n")[2].partition("\n```")[0]
    entries = block.split("\n\n")
    names = [entry.splitlines()[0].lower() for entry in entries]
    assert names == sorted(names) and len(set(names)) == len(names) > 100
    assert [entry for entry in entries if not re.search(r"\n  \[[^\]]+\]\{\.zh\} – \S", entry)] == []
    short = re.findall(r"^\| (\S+) \| .+ \| (.+) \|$", GLOSSARY.partition("## Abbreviations")[2], re.MULTILINE)[1:]
    assert [name for name, _ in short] == sorted((name for name, _ in short), key=str.lower)
    assert all(re.search(r"[\u4e00-\u9fff]", chinese) for _, chinese in short)


@pytest.mark.parametrize("text", [
    "The loss falls.", "Losses fall.", "With **loss** in bold.", "SGD finds it.", "The learning rates differ.",
    "A Transformer.", "Batch norm and no more.", "The test image is new.", "First the loss, then the {term}`loss`.",
    "## The path\n\nThe loss.",
    "```{solution-start} label\n:class: dropdown\n```\nThe loss.",
])
def test_a_first_use_without_a_link_is_caught(text):
    [problem] = complaints(text)
    assert problem.startswith('cell 2 uses "')


@pytest.mark.parametrize("text", [
    "The {term}`loss` falls, the loss.", "The {term}`losses <loss>`.", "## The loss", "A lossless transformer.",
    "| loss |\n|---|\n| learning rate |", "`loss` and $loss$", "$$\nloss\n$$", "\\begin{align}\nloss\n\\end{align}",
    "[the loss](other.ipynb)", "A path to a file.", "```python\nloss = 1\n```", "That is no loss.", "<!-- the loss -->",
    "{term}`SGD <stochastic gradient descent>`", "A loss-free format.", "## Further reading\n\n- The loss.",
    "```{admonition} Predict\n:class: predict\nWhich loss?\n- a) this\n```",
])
def test_other_places_are_left_alone(text):
    assert complaints(text) == []


def test_a_link_further_on_does_not_help_and_one_before_does():
    assert len(complaints("The loss.", "The {term}`loss`.")) == 1
    assert complaints("The {term}`loss`.", "The loss.") == []


def test_a_term_in_a_longer_one_is_no_use():
    known = terms.terms(SMALL.replace("path\n", "effective learning rate\n"))
    assert terms.unlinked(notebook("The {term}`effective learning rate` and the effective learning rate."), known) == []


def test_linking_adds_what_is_missing_and_nothing_twice():
    book = notebook("SGD lowers losses.", "The path of the loss.")
    book.cells.insert(1, new_code_cell("loss = 1"))
    known = terms.terms(SMALL)
    said = terms.link(book, known)
    assert [cell.source for cell in book.cells[1:]] == [
        "loss = 1", "{term}`SGD <stochastic gradient descent>` lowers {term}`losses <loss>`.", "The path of the loss."]
    assert len(said) == 2 and terms.link(book, known) == [] == terms.unlinked(book, known)
    assert len(terms.link(book, known, {"path"})) == 1 and "The {term}`path` of the loss." in book.cells[-1].source


def test_the_command_rewrites_the_file(tmp_path, capsys):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook("No gradient is left."), path)
    assert terms.main([str(path)]) == 0
    assert "{term}`gradient` is left" in capsys.readouterr().out
    assert "{term}`gradient` is left" in Path(path).read_text(encoding="utf-8")
