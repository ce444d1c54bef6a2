"""Figures: the colours of the page, phones, their description, labels a reader can read, the same bytes each time."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import numpy
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from resnet_lib import plots
from resnet_lib.plots import DARK, LIGHT, Theme

BOTH = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


def curves(axes: Axes, theme: Theme) -> None:
    plots.seeds(axes, theme, [1, 10, 100], [[1, 2, 3], [2, 3, 4]], "plain", label="plain")
    plots.line(axes, theme, [1, 10, 100], [5, 50, 500], "residual", label="residual", dashed=True, marker=True)
    plots.log_axis(axes)
    axes.set_title("Loss")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list:
    shown: list = []
    monkeypatch.setattr(plots, "display", shown.append)
    return shown


@pytest.fixture
def axes() -> Iterator[Axes]:
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def versions(page: str) -> list[tuple[str, ElementTree.Element]]:
    """Each version of a figure: the class of its place, and the picture."""
    places = re.findall(r'<div class="(\w+)"[^>]*>(.*?)</div>', page)
    return [(place, ElementTree.fromstring(picture)) for place, pictures in places
            for picture in re.findall("<svg.*?</svg>", pictures)]


def texts(picture: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in picture.iter("text")]


# Showing ----------------------------------------------------------------------------------------------------

def test_a_figure_takes_the_colours_of_the_page(shown: list) -> None:
    plots.show(curves, alt="Two curves rise.", caption="n < 3 seeds", size=(5.2, 3))
    (page,) = [each.data for each in shown]
    (wide, picture), (narrow, _) = versions(page)
    assert (wide, narrow) == ("wide", "narrow")
    assert (picture.get("width"), picture.get("height"), picture.get("viewBox")) == ("520", "300", "0 0 374.4 216")
    assert "Loss" in texts(picture)  # text, not its outline
    svg = ElementTree.tostring(picture, encoding="unicode")
    for name, kind in (("ink", "ink"), ("plain", "plain"), ("residual", "residual"), ("grid", "grid")):
        colour = plots.variables(LIGHT)[kind]
        assert f"var(--{name},{colour})" in svg
    assert not re.findall(r"(?:fill|stroke):\s*#", svg)  # no colour but through a variable of the page
    assert "<figcaption>n &lt; 3 seeds</figcaption>" in page
    assert not plt.get_fignums()


def test_the_page_has_the_variables_that_figures_use() -> None:
    tokens = (Path(__file__).parent.parent / "book/_static/css/tokens.css").read_text(encoding="utf-8")
    for theme in (LIGHT, DARK):
        block = re.search(rf'html\[data-theme="{theme.name}"\] {{(.*?)}}', tokens, re.DOTALL)
        assert block is not None
        for name, colour in plots.variables(theme).items():
            assert f"--{name}: {colour};" in block[1]


def test_notebooks_outside_the_site_get_the_dark_colours() -> None:
    assert "--ink:#E8EBEF" in plots.switch() and "[data-jp-theme-light=false]" in plots.switch()


def test_a_colour_that_is_not_the_themes_is_refused(shown: list) -> None:
    with pytest.raises(ValueError, match="#ff0000 in a figure is not the theme's"):
        plots.show(lambda axes, theme: axes.plot([1, 2], color="red"), alt="A line.")
    assert not shown


def test_the_description_is_escaped_and_stands_on_every_version(shown: list) -> None:
    plots.show(curves, alt='A "plain" <b> & c')
    assert [picture.get("aria-label") for _, picture in versions(shown[0].data)] == ['A "plain" <b> & c'] * 2
    assert "<b>" not in shown[0].data and "<figcaption>" not in shown[0].data


def test_identifiers_in_a_page_are_used_and_belong_to_one_picture(shown: list) -> None:
    for alt in ("One.", "Two."):
        plots.show(curves, alt=alt)
    page = "".join(each.data for each in shown)
    identifiers = re.findall(r' id="([^"]+)"', page)
    references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page)
    assert len(identifiers) == len(set(identifiers)) > 4
    assert set(identifiers) == {one or other for one, other in references}


def test_panels_stand_one_above_another_on_a_phone(shown: list) -> None:
    seen: list[tuple] = []

    def draw(axes: Any, theme: Theme) -> None:
        for number, panel in enumerate(axes.flat):
            panel.set_title(str(number))
        seen.append((axes.shape, [panel.get_position().x0 for panel in axes.flat][:2]))

    plots.show(draw, alt="Six panels.", rows=2, columns=3, size=(6.8, 4))
    (shape, wide), (again, narrow) = seen
    assert shape == again == (2, 3) and wide[0] < wide[1] and narrow[0] == narrow[1]
    assert [picture.get("width") for _, picture in versions(shown[0].data)] == ["680", "328"]
    plots.show(draw, alt="Six panels.", rows=2, columns=3, narrow=4)  # eight places, two of them empty
    assert [texts(picture)[-1] for _, picture in versions(shown[1].data)] == ["5", "5"]


def test_a_drawing_that_cannot_be_narrow_scrolls_and_is_reached_by_keyboard(shown: list) -> None:
    plots.show(curves, alt="Two curves rise.", scroll=True)
    assert [place for place, _ in versions(shown[0].data)] == ["scroll"]
    assert '<div class="scroll" tabindex="0">' in shown[0].data


def test_texts_fit_into_the_narrow_figure(shown: list) -> None:
    title, numbers = "a title of many words that would not fit on one line of a phone", [1000, 1001, 1002, 1003, 1004]

    def draw(axes: Axes, theme: Theme) -> None:
        plots.line(axes, theme, [0, 1000], [1, 2], "residual", label="residual + batch norm")
        axes.set(title=title, xlabel=title, xticks=numbers, xlim=(0, 1004))

    plots.show(draw, alt="A line.")
    (_, wide), (_, narrow) = versions(shown[0].data)
    assert title in texts(wide) and title not in texts(narrow)
    assert {str(number) for number in numbers} <= set(texts(wide))
    assert [text for text in texts(narrow) if text.startswith("100")] == ["1000"]
    for words in (title, "residual + batch norm"):
        assert set(words.split()) <= {word for text in texts(narrow) for word in text.split()}


@pytest.mark.parametrize(("options", "says"), [({"alt": ""}, "needs alt="), ({"alt": " \n"}, "needs alt="),
                                               ({"alt": "seen", "size": (7.5, 4)}, "at most 6.8 inches wide, not 7.5")])
def test_what_cannot_be_read_is_refused(options: dict, says: str, shown: list) -> None:
    with pytest.raises(ValueError, match=says) as error:
        plots.show(curves, **options)
    assert str(error.value).endswith(".") and not shown


def test_several_axes_come_as_an_array_with_one_scale(shown: list) -> None:
    seen: list[tuple] = []

    def draw(axes: Any, theme: Theme) -> None:
        axes[0].plot([0, 9])
        seen.append((axes.shape, axes[1].get_ylim() == axes[0].get_ylim()))

    plots.show(draw, alt="Two axes.", columns=2, share_y=True)
    plots.show(draw, alt="Two axes.", rows=2)
    assert seen == [((2,), True), ((2,), True), ((2,), False), ((2,), False)]


def test_pixels_are_drawn_for_each_theme(shown: list) -> None:
    def draw(axes: Axes, theme: Theme) -> None:
        plots.digits(axes, theme, numpy.eye(8), "a digit")

    plots.show(draw, alt="A line.")
    pictures = versions(shown[0].data)
    assert [(place, picture.get("class")) for place, picture in pictures] == [
        (place, theme) for place in ("wide", "narrow") for theme in ("light", "dark")]
    light, dark = (image.get("href", "") for _, picture in pictures[:2] for image in picture.iter("image"))
    assert light.startswith("data:image/png;base64,") and dark.startswith("data:image/png;base64,") and light != dark
    for rule in (".measured .dark{display:none}", ".measured .light{display:none}"):
        assert rule in shown[0].data


def test_a_figure_can_be_glued_for_another_page(shown: list, monkeypatch: pytest.MonkeyPatch) -> None:
    glued: dict = {}
    monkeypatch.setattr(plots, "glue", lambda key, picture, display: glued.update({key: (picture, display)}))
    plots.show(curves, alt="Two curves rise.")
    assert not glued
    plots.show(curves, alt="Two curves rise.", key="front")
    assert glued == {"front": (shown[1], False)}


def test_settings_of_the_reader_are_left_alone(shown: list) -> None:
    before = dict(matplotlib.rcParams)
    plots.show(curves, alt="Two curves rise.")
    assert dict(matplotlib.rcParams) == before


def test_the_same_drawing_gives_the_same_bytes(shown: list) -> None:
    for _ in range(2):
        plots.show(curves, alt="Two curves rise.")
    assert shown[0].data == shown[1].data


def test_another_process_gives_the_same_bytes_and_complains_of_no_font(shown: list) -> None:
    plots.show(curves, alt="Two curves rise.")
    script = ("import hashlib; from resnet_lib import plots; from test_plots import curves; "
              "plots.display = lambda shown: print(hashlib.sha256(shown.data.encode()).hexdigest()); "
              "plots.show(curves, alt='Two curves rise.')")
    folder = Path(__file__).parent
    path = os.pathsep.join([str(folder), str(folder.parent)])
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": path}
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.split() == [hashlib.sha256(shown[0].data.encode()).hexdigest()]
    assert found.stderr == ""


# Drawing ----------------------------------------------------------------------------------------------------

@BOTH
def test_a_line_has_the_colour_of_its_kind_and_its_name_at_its_end(theme: Theme, axes: Axes) -> None:
    plots.line(axes, theme, [1, 2, 3], [5, 6, 7], "residual", label="residual-56")
    plots.line(axes, theme, [1, 2], [0, 0], "plain", dashed=True, marker=True)
    solid, dashed = axes.lines
    assert (solid.get_color(), solid.get_linestyle(), solid.get_marker()) == (theme.kinds["residual"], "-", "None")
    assert (dashed.get_color(), dashed.get_linestyle(), dashed.get_marker()) == (theme.kinds["plain"], "--", "s")
    (name,) = axes.texts
    assert (name.get_text(), name.xy, name.get_color()) == ("residual-56", (3, 7), theme.kinds["residual"])


def test_seeds_are_a_median_in_a_band_from_least_to_most(axes: Axes) -> None:
    plots.seeds(axes, LIGHT, [1, 2], [[1, 10], [2, 40], [9, 20]], "plain")
    assert axes.lines[0].get_ydata().tolist() == [2, 20]
    corners = {tuple(corner) for corner in axes.collections[0].get_paths()[0].vertices.tolist()}
    assert corners == {(1, 1), (1, 9), (2, 10), (2, 40)}


@BOTH
def test_a_digit_is_ink_on_the_page(theme: Theme, axes: Axes) -> None:
    plots.digits(axes, theme, [[0, 1]])
    (image,) = axes.images
    paper, ink = (sum(image.to_rgba(numpy.array([[value]], dtype=float))[0, 0, :3]) for value in (0, 1))
    assert paper > ink if theme is LIGHT else paper < ink


@pytest.mark.parametrize("which", ["x", "y"])
def test_a_log_axis_says_powers_of_ten(which: str, axes: Axes) -> None:
    axes.plot([1e-5, 1, 1e5], [1e-5, 1, 1e5])
    plots.log_axis(axes, which)
    axes.figure.canvas.draw()
    axis, other = (axes.xaxis, axes.yaxis)[::1 if which == "x" else -1]
    assert axis.get_scale() == "log" and other.get_scale() == "linear"
    labels = [label.get_text() for label in axis.get_ticklabels()]
    assert labels == [plots.power(place) for place in axis.get_majorticklocs()]
    assert {"0.1", "1", "10"} & set(labels) and {"10⁴", "10⁵"} & set(labels) and {"10⁻⁴", "10⁻⁵"} & set(labels)
    assert not axis.get_minorticklocs().size


@pytest.mark.parametrize(("values", "labels"), [
    ((0.3, 30), {"1", "10"}), ((0.9, 8), {"1", "2", "5"}),
    ((3.2e4, 3.8e4), {f"3.{digit}·10⁴" for digit in range(2, 9)})])
def test_a_short_log_axis_has_numbers_too(values: tuple, labels: set, axes: Axes) -> None:
    axes.plot([0, 1], values)
    plots.log_axis(axes)
    axes.figure.canvas.draw()
    low, high = axes.get_ylim()
    seen = {label.get_text() for label, place in zip(axes.get_yticklabels(), axes.yaxis.get_majorticklocs())
            if low <= place <= high}
    assert seen == labels


@pytest.mark.parametrize(("value", "text"), [(1e-12, "10⁻¹²"), (1e-4, "10⁻⁴"), (1e-3, "0.001"), (0.1, "0.1"), (1, "1"),
                                             (10.0, "10"), (1000, "1000"), (10_000, "10⁴"), (2e5, "2·10⁵"),
                                             (1e20, "10²⁰")])
def test_powers_of_ten(value: float, text: str) -> None:
    assert plots.power(value) == plots.power(value, 3) == text


# The style --------------------------------------------------------------------------------------------------

def luminance(colour: str) -> float:
    """Relative luminance of a colour (WCAG 2.2)."""
    channels = [int(to_hex(colour)[start:start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@BOTH
def test_text_can_be_read_on_the_page(theme: Theme) -> None:
    for colour in (theme.ink, theme.muted, theme.prediction, *theme.kinds.values()):
        low, high = sorted((luminance(colour), luminance(theme.page)))
        assert (high + 0.05) / (low + 0.05) >= 4.5
    sizes = [value for key, value in plots.style(theme).items() if key.endswith("size")]
    assert len(sizes) == 4 and min(sizes) * 100 / 72 >= 12  # points, at 100 pixels an inch
    assert set(theme.kinds) == set(plots.MARKERS)
