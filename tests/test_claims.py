"""Claims: when they hold, what their page and the ledger get, and when they stop a build."""

from __future__ import annotations

import json
import math

import pytest

from resnet_lib import claims
from resnet_lib.claims import Claim, at_least, at_most, between, claim, exactly, number


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What a notebook's page gets: the claims shown, and the values glued under their names."""
    page: dict = {"shown": [], "glued": {}}

    def glue(name: str, variable: object, display: bool = True) -> None:
        page["glued"][name] = variable
        assert not display

    monkeypatch.setattr(claims, "display", page["shown"].append)
    monkeypatch.setattr(claims, "glue", glue)
    monkeypatch.delenv("RESNET_CLAIMS", raising=False)
    return page


# Conditions -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("condition", "text", "holds", "fails"), [
    (at_least(20), "at least 20", (20, 20.5, math.inf), (19.99, -math.inf)),
    (at_most(0.5), "at most 0.5", (0.5, 0, -math.inf), (0.51, math.inf)),
    (between(-1, 1500), "−1 to 1,500", (-1, 0, 1500), (-1.1, 1500.1, math.inf)),
    (exactly(269_722), "exactly 269,722", (269_722,), (269_721, 269_723)),
])
def test_conditions(condition: claims.Condition, text: str, holds: tuple, fails: tuple) -> None:
    assert condition.text == text
    assert all(condition.test(value) for value in holds)
    assert not any(condition.test(value) for value in (*fails, math.nan))


@pytest.mark.parametrize("condition", [at_least(-math.inf), at_most(math.inf), between(-math.inf, math.inf),
                                       exactly(math.nan)])
def test_nan_fulfils_no_condition(condition: claims.Condition, page: dict) -> None:
    claim("nothing", "Nothing was measured.", math.nan, condition)
    (shown,) = page["shown"]
    assert not shown.holds


# What is shown ----------------------------------------------------------------------------------------------

def test_a_claim_is_shown_and_glued(page: dict) -> None:
    claim("depth-error", "Deeper is worse.", 61.54, at_least(20), unit="%",
          paper="He et al. 2015, figure 6: above 60 %")
    (shown,) = page["shown"]
    assert shown == Claim("depth-error", "Deeper is worse.", 61.54, "%", "at least 20", True,
                          "He et al. 2015, figure 6: above 60 %")
    assert page["glued"] == {"depth-error": 61.54}
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain", claims.MIME_TYPE}
    for part in ('class="claim holds"', 'id="claim-depth-error"', "✓ Holds", "Deeper is worse.", "<dd>61.5 %</dd>",
                 "<dd>at least 20 %</dd>", "<dt>paper</dt><dd>He et al. 2015, figure 6: above 60 %</dd>"):
        assert part in bundle["text/html"]
    assert bundle["text/plain"] == ("✓ Holds: Deeper is worse. measured 61.5 %; expected at least 20 %; "
                                    "paper He et al. 2015, figure 6: above 60 %")


def test_everything_on_the_page_is_escaped(page: dict) -> None:
    claim("a", "<b>a & b</b>", 1, at_least(0), paper="<i>p</i>", unit="<u>")
    text = page["shown"][0]._repr_mimebundle_()["text/html"]
    assert not any(tag in text for tag in ("<b>", "<i>", "<u>"))
    assert "&lt;b&gt;a &amp; b&lt;/b&gt;" in text and "&lt;i&gt;p&lt;/i&gt;" in text and "1 &lt;u&gt;" in text


@pytest.mark.parametrize("value", [61.54, 269_722, math.nan, math.inf, -math.inf])
def test_a_claim_comes_back_from_a_notebook(value: float, page: dict) -> None:
    claim("a", "It is so.", value, at_most(3))
    stored = json.dumps(page["shown"][0]._repr_mimebundle_()[claims.MIME_TYPE], allow_nan=False)
    again = Claim(**json.loads(stored))
    assert again._repr_mimebundle_() == page["shown"][0]._repr_mimebundle_()
    assert number(again.value) == number(value) and type(again.value) is type(value)


@pytest.mark.parametrize("value", [True, 3, 3.0, "3"])
def test_the_value_is_a_number(value: object, page: dict) -> None:
    claim("a", "It is so.", value, at_least(1))
    assert isinstance(page["shown"][0].value, (int, float)) and not isinstance(page["shown"][0].value, bool)


# What fails -------------------------------------------------------------------------------------------------

def test_a_claim_that_fails_is_shown_and_the_page_goes_on(page: dict) -> None:
    claim("a", "It is so.", 2.5, at_least(3))
    (shown,) = page["shown"]
    assert not shown.holds and page["glued"] == {"a": 2.5}
    assert "✗ Does not hold here" in shown._repr_mimebundle_()["text/html"]
    assert 'class="claim fails"' in shown._repr_mimebundle_()["text/html"]


def test_strict_raises_after_showing(page: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNET_CLAIMS", "strict")
    claim("a", "It is so.", 3, at_least(3))
    with pytest.raises(claims.ClaimError, match=r"b: It is so\. Measured 2\.5, expected at least 3\."):
        claim("b", "It is so.", 2.5, at_least(3))
    with pytest.raises(claims.ClaimError):
        claim("c", "It is so.", math.nan, at_least(3))
    assert [shown.id for shown in page["shown"]] == list(page["glued"]) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["", "-", "two words", "a_b", "a/b", 'a"b', "<a>", "a.b"])
def test_a_bad_id_is_refused(name: str, page: dict) -> None:
    with pytest.raises(ValueError, match="A claim's id consists of letters, digits and hyphens, not"):
        claim(name, "It is so.", 1, at_least(0))
    assert page == {"shown": [], "glued": {}}


# Numbers ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (0.0, "0"), (-0.0, "0"), (7, "7"), (7.0, "7"), (-12.0, "−12"), (0.5, "0.5"), (61.54, "61.5"),
    (0.00123456, "0.00123"), (999.4, "999"), (999.7, "1,000"), (-999.7, "−1,000"), (1234.5678, "1,235"),
    (269_722, "269,722"), (19_421_274, "19,421,274"), (999_999.9, "1,000,000"), (1e6, "1.0 × 10⁶"),
    (12_345_678.9, "1.2 × 10⁷"), (0.000999, "1.0 × 10⁻³"), (-2.345e-9, "−2.3 × 10⁻⁹"), (3e120, "3.0 × 10¹²⁰"),
    (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"),
])
def test_numbers_for_readers(value: float, text: str) -> None:
    assert number(value) == text
