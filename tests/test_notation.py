"""The page of notation knows every letter of the chapters' formulas, with its accent or script."""

import re
from pathlib import Path

import pytest

from tools.chapters import chapters

ROOT = Path(__file__).resolve().parent.parent
GREEK = ("alpha beta gamma Gamma delta Delta epsilon varepsilon zeta eta theta Theta kappa lambda Lambda mu nu xi pi "
         "rho sigma Sigma tau phi varphi Phi chi psi Psi omega Omega ell").split()
NAMES = r"\\(?:text|mathrm|operatorname|label|color)\s*\{[^{}]*\}"  # words in upright letters
PLAIN = {"\\theta", "e", "d", "i", "\\pi"}  # an angle, Euler's number, a differential, an index


def formulas(markdown: str) -> str:
    """All mathematics between dollar signs and in align environments, code left out."""
    text = re.sub(r"(`{3,})\{?(?:code|python|sh|yaml|json).*?\1", "", markdown, flags=re.DOTALL)
    text = re.sub(r"(`+)(?!`).*?\1", "", text)
    found = re.findall(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$|\\begin\{align\*?\}(.+?)\\end\{align\*?\}", text,
                       re.DOTALL)
    return " ".join("".join(one) for one in found)


def letters(mathematics: str) -> set[str]:
    """Its letters: Latin, Greek, and those with an accent or in another script, as `hat a` or `mathcal F`."""
    mathematics = re.sub(NAMES + r"|\\(?:begin|end)\{[^{}]*\}(?:\[[^\]]*\])?", " ", mathematics)
    accent = r"\\(hat|tilde|bar|overline|mathcal|mathbb)\s*(?:\{\s*(\\?[A-Za-z])[^{}]*\}|(\\?[A-Za-z]))"
    special = {f"{kind} {braced or bare}" for kind, braced, bare in re.findall(accent, mathematics)}
    mathematics = re.sub(accent, " ", mathematics)
    greek = {f"\\{name}" for name in re.findall(r"\\([A-Za-z]+)", mathematics) if name in GREEK}
    return special | greek | set(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", mathematics)))


KNOWN = letters(formulas((ROOT / "book/reference/notation.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("chapter", chapters(ROOT), ids=lambda chapter: chapter.name)
def test_the_letters_of_a_chapter_are_on_the_page_of_notation(chapter):
    text = "\n\n".join(cell.source for cell in chapter.notebook.cells if cell.cell_type == "markdown")
    assert letters(formulas(text)) - KNOWN - PLAIN == set()


def test_letters_are_found_in_formulas_alone():
    assert letters(formulas("A $x_\\ell=\\hat a\\,\\mathrm{ReLU}(b)$ and `$c$`.\n\n$$\n\\mathcal F(\\eta)\n$$")) \
        == {"x", "\\ell", "hat a", "b", "mathcal F", "\\eta"}
