"""Sound on a page: every player has a label, loads from the page itself, and plays when it is asked to."""

from __future__ import annotations

from typing import Any

import pytest

from tools.build import PROJECT

SITE = PROJECT / "_build" / "html"
pytestmark = pytest.mark.browser

LOAD = """audio => new Promise((loaded, failed) => {
  audio.onloadedmetadata = () => loaded(audio.duration);
  audio.onerror = () => failed(new Error(audio.error.message));
  audio.load();
  if (audio.preload === "none") audio.preload = "metadata";
})"""
PLAY = """async audio => {
  audio.muted = true;  // browsers play sound only after a click
  await audio.play();
  await new Promise(ended => { audio.onended = ended; });
  return audio.currentTime;
}"""


@pytest.mark.parametrize("base", ["server", "folder"])
def test_sounds_play(open_page: Any, base: str) -> None:
    page = open_page("practice/speech", base=SITE.as_uri() if base == "folder" else "")
    players = page.locator("audio")
    assert players.count() >= 12
    labels = [player.get_attribute("aria-label") for player in players.all()]
    assert all(labels) and len(set(labels)) == len(labels)
    for player in players.all():
        assert not player.evaluate("audio => audio.autoplay") and player.evaluate("audio => audio.controls")
        assert 0.1 < player.evaluate(LOAD) < 2
    assert players.first.evaluate(PLAY) > 0.1
    assert page.watch.outside == [] and page.watch.said == []


def test_a_player_is_reached_by_keyboard(open_page: Any) -> None:
    page = open_page("practice/speech")
    page.locator("audio").first.focus()
    assert page.evaluate("document.activeElement.tagName") == "AUDIO"


def test_players_stand_without_javascript(open_page: Any) -> None:
    page = open_page("practice/speech", java_script_enabled=False)
    assert page.locator("audio").first.is_visible()
