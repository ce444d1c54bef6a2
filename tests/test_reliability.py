"""The page of reliability counts what the tests try, and says so when something did not hold."""

import re
from pathlib import Path

from book._extensions.reliability import TRIES, table

MARK = re.compile(r'^@pytest\.mark\.reliability\("(.+)"\)$', re.MULTILINE)
MARKS = {mark for path in Path(__file__).parent.glob("test_*.py") for mark in MARK.findall(path.read_text("utf-8"))}
RUN = {"date": "2026-11-25", "commit": "abc", "python": "3.11.7", "torch": "2.15.0", "processor": "A <processor>"}


def test_every_mark_has_its_row_and_every_row_its_tests():
    assert set(TRIES) == MARKS


def test_cases_are_summed_and_failures_are_not_hidden():
    html = table({**RUN, "tried": {"kills": {"passed": 19, "failed": 1}, "data": {"passed": 5}}})
    assert "25 cases tried: 24 ended as they have to, 1 did not" in html and "A &lt;processor&gt;" in html
    kills, files = re.findall(r'<tr class="(\w+)">', html)
    assert (kills, files) == ("fails", "holds")
    assert html.count("✗") == 1


def test_without_a_run_the_page_says_what_is_tried_and_counts_nothing():
    html = table(None)
    assert "have not been run" in html and "`" not in html and " of 0" not in html and "✓" not in html
    assert html.count(">–<") == len(TRIES)
