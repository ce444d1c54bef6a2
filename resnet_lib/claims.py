"""A claim of the text, checked by a measurement: shown on its page, glued for the prose, collected in the ledger."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Callable
from dataclasses import dataclass

from IPython.display import display
from myst_nb import glue

MIME_TYPE = "application/vnd.resnet.claim+json"


class ClaimError(AssertionError):
    """A claim did not hold while RESNET_CLAIMS=strict."""


@dataclass(frozen=True)
class Condition:
    """A test of one number, and its name as the page shows it."""

    text: str
    test: Callable[[float], bool]


def at_least(threshold: float) -> Condition:
    """Holds for values >= threshold."""
    return Condition(f"at least {number(threshold)}", lambda value: value >= threshold)


def at_most(threshold: float) -> Condition:
    """Holds for values <= threshold."""
    return Condition(f"at most {number(threshold)}", lambda value: value <= threshold)


def between(low: float, high: float) -> Condition:
    """Holds for low <= value <= high."""
    return Condition(f"{number(low)} to {number(high)}", lambda value: low <= value <= high)


def exactly(expected: float) -> Condition:
    """Holds for this value alone."""
    return Condition(f"exactly {number(expected)}", lambda value: value == expected)


def number(value: float) -> str:
    """A number for a reader: three significant digits, thousands separated, powers of ten beyond a million."""
    if not math.isfinite(value):
        return str(value)
    if value < 0:
        return f"−{number(-value)}"
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e6):
        return f"{int(value):,}"
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} × 10{superscript}"


@dataclass(frozen=True)
class Claim:
    """A checked claim with everything that its page and the ledger show."""

    id: str
    statement: str
    value: float
    unit: str
    expected: str
    holds: bool
    paper: str | None

    def __post_init__(self) -> None:
        if isinstance(self.value, str):  # read back from a notebook: JSON has neither NaN nor infinity
            object.__setattr__(self, "value", float(self.value))

    def with_unit(self, text: str) -> str:
        return f"{text} {self.unit}".strip()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict:
        status = "✓ Holds" if self.holds else "✗ Does not hold here"
        rows = [("measured", self.with_unit(number(self.value))), ("expected", self.with_unit(self.expected))]
        if self.paper:
            rows.append(("paper", self.paper))
        listing = "".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in rows)
        page = (f'<div class="claim {"holds" if self.holds else "fails"}" id="claim-{self.id}">'
                f'<p class="claim-status">{status}</p><p class="claim-statement">{html.escape(self.statement)}</p>'
                f"<dl>{listing}</dl></div>")
        plain = f"{status}: {self.statement} " + "; ".join(f"{name} {text}" for name, text in rows)
        value = self.value if math.isfinite(self.value) else str(self.value)
        return {"text/html": page, "text/plain": plain, MIME_TYPE: {**vars(self), "value": value}}


def claim(id: str, statement: str, value: float, condition: Condition, *, paper: str | None = None,
          unit: str = "") -> None:
    """Check that the measured `value` fulfils `condition` and show the result.

    `id`: letters, digits and hyphens, unique in the book; the value is glued under it for the text. `paper`: what a
    paper found, with its place. `unit`: follows the numbers. A claim that fails is shown and the page goes on; with
    the environment variable RESNET_CLAIMS=strict it raises ClaimError. NaN fulfils no condition.
    """
    if not id.replace("-", "").isalnum():
        raise ValueError(f"A claim's id consists of letters, digits and hyphens, not {id!r}.")
    value = value if isinstance(value, int) and not isinstance(value, bool) else float(value)
    checked = Claim(id, statement, value, unit, condition.text, bool(condition.test(value)), paper)
    glue(id, value, display=False)
    display(checked)
    if not checked.holds and os.environ.get("RESNET_CLAIMS") == "strict":
        raise ClaimError(f"{id}: {statement} Measured {number(value)}, expected {condition.text}.")
