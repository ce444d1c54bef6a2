"""The book's figures: one style in a light and a dark version, one colour for each kind of network."""

from __future__ import annotations

import hashlib
import html
import io
import logging
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import numpy
from cycler import cycler
from IPython.display import HTML, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from myst_nb import glue
from numpy.typing import ArrayLike

WIDE, NARROW = 6.8, 3.28  # inches, of 100 pixels, in a chapter's column and on a phone
MARKERS = {"plain": "s", "residual": "o", "pre-activation": "^", "bottleneck": "D", "recurrent": "x"}
FONTS = ["Segoe UI", "Roboto", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans", "sans-serif"]
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # FONTS is a list of wishes


@dataclass(frozen=True)
class Theme:
    """The colours of one version of a figure: `kinds` for data of a kind of network, the rest for everything else."""

    name: str
    page: str
    ink: str
    muted: str
    rule: str
    grid: str
    prediction: str
    kinds: dict[str, str]

    def colour(self, kind: str) -> str:
        """Colour of "plain", "residual", "pre-activation", "bottleneck" or "recurrent"."""
        return self.kinds[kind]


LIGHT = Theme("light", "#FFFFFF", "#1B1F24", "#545D68", "#7B8591", "#E6EAEF", "#5E5A00",
              {"plain": "#C24800", "residual": "#0969CF", "pre-activation": "#0A6B5C", "bottleneck": "#7A1478",
               "recurrent": "#34353A"})
DARK = Theme("dark", "#14181E", "#E8EBEF", "#AAB4C0", "#7F8B99", "#2A313B", "#EBD671",
             {"plain": "#FF9146", "residual": "#6CB0FF", "pre-activation": "#8FF0DA", "bottleneck": "#DE66CB",
              "recurrent": "#A3A6AD"})



def style(theme: Theme) -> dict:
    """matplotlib settings of the book's figures in one theme."""
    return {
        "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none", "savefig.dpi": 200,
        "font.family": FONTS, "font.size": 11, "text.color": theme.ink,
        "axes.titlesize": 12, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlecolor": theme.ink,
        "axes.titlepad": 10, "axes.labelcolor": theme.muted, "axes.edgecolor": theme.rule,
        "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
        "axes.grid": True, "axes.grid.axis": "y", "grid.color": theme.grid, "grid.linewidth": 0.8,
        "axes.axisbelow": True,
        "xtick.labelsize": 10, "ytick.labelsize": 10, "xtick.color": theme.muted, "ytick.color": theme.muted,
        "ytick.left": False, "ytick.minor.left": False, "xtick.minor.bottom": False, "lines.linewidth": 2.0,
        "legend.frameon": False, "svg.fonttype": "none", "svg.hashsalt": "figure",
        "figure.constrained_layout.use": True,
        "image.cmap": "cividis", "axes.prop_cycle": cycler(color=[theme.ink, theme.muted, theme.rule]),
    }


def show(draw: Callable, *, key: str = "", **options: Any) -> None:
    """Show a `figure`, with the same options. `key`: glue it under this name, too, for another page."""
    shown = figure(draw, **options)
    display(shown)
    if key:
        glue(key, shown, display=False)


def figure(draw: Callable, *, alt: str, caption: str = "", rows: int = 1, columns: int = 1,
           size: tuple[float, float] = (6.8, 4.0), share_y: bool = False, narrow: int = 1,
           scroll: bool = False) -> HTML:
    """Call `draw(axes, theme)`: the figure as SVG in the colours of the page, which may be light or dark.

    `axes`: one matplotlib Axes, or an array of them when there are several rows or columns. `alt`: what is seen, for
    readers who do not see it. `caption`: seeds and sizes, below the figure. `size`: inches, at most 6.8 wide.
    `narrow`: how many of the same axes stand side by side on a phone; `scroll`: a phone shows the wide figure and
    scrolls it. Every colour comes from `theme`; only pixels (imshow, rasterized=True) may have others, and are drawn
    once for each theme. Raises ValueError without `alt`, for a figure that is too wide and for another colour.
    """
    if not alt.strip():
        raise ValueError("A figure needs alt=: a sentence that says what is seen.")
    if size[0] > WIDE:
        raise ValueError(f"A figure is at most {WIDE} inches wide, not {size[0]}: a wider one is shown with smaller "
                         "text.")
    layouts = [("scroll" if scroll else "wide", (rows, columns), size)]
    if not scroll:
        layout = -(-rows * columns // narrow), narrow
        layouts.append(("narrow", layout, narrow_size(rows, columns, size, layout)))
    pictures = []
    for kind, layout, inches in layouts:
        versions = {"": picture(draw, LIGHT, (rows, columns), layout, inches, share_y)}
        if versions[""].find(".//image") is not None:  # pixels have their colours in them
            versions = {"light": versions[""], "dark": picture(draw, DARK, (rows, columns), layout, inches, share_y)}
        reach = ' tabindex="0"' if scroll else ""  # what scrolls is reached by keyboard
        pictures.append(f'<div class="{kind}"{reach}>' + "".join(
            markup(root, theme, f"{kind} {theme} {alt}", alt, inches) for theme, root in versions.items()) + "</div>")
    text = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return HTML(f'<style>{switch()}</style><figure class="measured">{"".join(pictures)}{text}</figure>')


def narrow_size(rows: int, columns: int, size: tuple[float, float], layout: tuple[int, int]) -> tuple[float, float]:
    """Inches of the narrow figure: panels as high as in the wide one, and not much higher than they are wide."""
    before, after, height = size[0] / columns, NARROW / layout[1], size[1] / rows
    return NARROW, layout[0] * (min(height, 1.1 * after) if after < 0.9 * before else height)


def picture(draw: Callable, theme: Theme, shape: tuple[int, int], layout: tuple[int, int], size: tuple[float, float],
            share_y: bool) -> ElementTree.Element:
    """The figure as an SVG element, its colours as variables of the page."""
    with matplotlib.rc_context(style(theme)):
        drawing, axes = plt.subplots(*layout, figsize=size, sharey=share_y, squeeze=False)
        panels = axes.flat[:shape[0] * shape[1]].reshape(shape)
        for surplus in axes.flat[panels.size:]:
            surplus.remove()
        draw(panels[0, 0] if panels.size == 1 else panels.squeeze(), theme)
        if size[0] == NARROW:
            settle(drawing)
        buffer = io.BytesIO()
        drawing.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        plt.close(drawing)
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in root.iter():
        for child in list(parent):
            unseen = child.get("style") == "fill: none"  # a frame without a line
            if unseen or child.tag.endswith("}metadata") or child.find("{*}style") is not None:
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name, value in list(element.attrib.items()):
            del element.attrib[name]
            element.set(name.rpartition("}")[2], in_variables(" ".join(value.split()), theme))
        if element.get("transform", "").startswith("rotate(-0 "):
            del element.attrib["transform"]
    return root


def settle(figure: Figure) -> None:
    """Make a narrow figure's texts fit: wrap titles and labels that are too wide, leave out numbers that overlap."""
    figure.set_layout_engine("constrained", h_pad=0.12)
    figure.draw_without_rendering()
    for axes in figure.axes:
        for text in (axes.set_title(axes.get_title(loc="left"), loc="left"), axes.xaxis.label):
            place, width = text.get_window_extent(), figure.bbox.width
            middle = (place.x0 + place.x1) / 2
            room = 2 * min(middle, width - middle) if text is axes.xaxis.label else width - place.x0
            if place.width > room and "$" not in text.get_text():
                text.set_text(textwrap.fill(text.get_text(), int(len(text.get_text()) * room / place.width)))
        end = -math.inf
        for label in axes.get_xticklabels():
            place = label.get_window_extent()
            if label.get_text() and place.x0 < end + 2:
                label.set_visible(False)
            elif label.get_text():
                end = place.x1


def in_variables(value: str, theme: Theme) -> str:
    """An attribute of an SVG element with two decimals and the page's colours; raises ValueError for other colours.

    The value after each variable is for pages that do not set it.
    """
    if value.startswith("data:"):
        return value
    value = re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), value)
    value = re.sub(r"font-family: 'Segoe UI'.*?sans-serif; ", "", value)  # markup sets it once
    value = value.replace(": ", ":").replace("; ", ";")

    def variable(colour: re.Match) -> str:
        names = [name for name, own in variables(theme).items() if own.lower() == colour[0]]
        if not names:
            raise ValueError(f"The colour {colour[0]} in a figure is not the theme's: take theme.ink, "
                             "theme.colour(\"plain\") and the like, or draw pixels (imshow, rasterized=True).")
        return f"var(--{names[0]},{variables(LIGHT)[names[0]]})"

    return re.sub(r"(?<![(&\w])#[0-9a-f]{6}\b", variable, value)


def variables(theme: Theme) -> dict[str, str]:
    """Name of the page's variable -> colour."""
    short = {"pre-activation": "preact"}
    return {"page": theme.page, "ink": theme.ink, "muted": theme.muted, "rule": theme.rule, "grid": theme.grid,
            "predict": theme.prediction, **{short.get(kind, kind): colour for kind, colour in theme.kinds.items()}}


def switch() -> str:
    """Style rules that show the version which fits the page's width and theme, on the site and in notebooks.

    The site sets the variables of its colours itself; for dark notebooks (Jupyter, VS Code, Colab) they are set here.
    """
    notebooks = "[data-jp-theme-light=false],[data-vscode-theme-kind$=dark],html[theme=dark]"
    dark = f":is(html[data-theme=dark],{notebooks}) .measured"
    colours = ";".join(f"--{name}:{colour}" for name, colour in variables(DARK).items())
    return (".measured{container-type:inline-size;margin:1rem 0}.measured svg{max-width:100%;height:auto}"
            ".measured .narrow,.measured .dark{display:none}"
            f"{dark} .light{{display:none}}{dark} .dark{{display:inline}}"
            "@container (max-width:36rem){.measured .wide{display:none}.measured .narrow{display:block}}"
            f":is({notebooks}) .measured{{{colours}}}")


def markup(root: ElementTree.Element, theme: str, name: str, alt: str, size: tuple[float, float]) -> str:
    """The element as text, to stand in a page: with identifiers of its own, made from `name`, where they are used."""
    mark = "f" + hashlib.sha256(name.encode()).hexdigest()[:5]
    used = {found for element in root.iter() for value in element.attrib.values()
            for found in re.findall(r"^#(\w+)$|url\(#(\w+)\)", value) for found in found if found}
    for element in root.iter():
        identifier = element.attrib.pop("id", "")
        if identifier in used:
            element.set("id", mark + identifier)
        for attribute in ("href", "clip-path"):
            if attribute in element.attrib:
                element.set(attribute, re.sub(r"(^|\()#", rf"\1#{mark}", element.get(attribute, "")))
        element.text, element.tail = (element.text or "").strip("\n ") or None, None
    root.attrib = {"class": theme, "role": "img", "aria-label": alt, "viewBox": root.get("viewBox", ""),
                   "width": f"{size[0] * 100:.0f}", "height": f"{size[1] * 100:.0f}",
                   "font-family": f"var(--sans,{','.join(FONTS)})", "stroke-linejoin": "round",
                   "stroke-linecap": "butt"}
    return ElementTree.tostring(root, encoding="unicode")


def line(axes: Axes, theme: Theme, x: Sequence[float], y: Sequence[float], kind: str, *, label: str = "",
         dashed: bool = False, width: float = 2.0, marker: bool = False, alpha: float = 1.0) -> None:
    """One curve in the colour of its kind; `dashed`: without normalisation; `label`: written at its end."""
    axes.plot(x, y, color=theme.colour(kind), linestyle="--" if dashed else "-", linewidth=width, alpha=alpha,
              marker=MARKERS[kind] if marker else None, markersize=5)
    if label:
        name(axes, theme, label, x[-1], y[-1], kind)


def seeds(axes: Axes, theme: Theme, x: Sequence[float], runs: Sequence[Sequence[float]], kind: str, *, label: str = "",
          dashed: bool = False, marker: bool = False) -> None:
    """Median of several runs (one list a seed) as a line, their minimum and maximum as a band."""
    values = numpy.asarray(runs, dtype=float)
    axes.fill_between(x, values.min(0), values.max(0), color=theme.colour(kind), alpha=0.15, linewidth=0)
    line(axes, theme, x, list(numpy.median(values, 0)), kind, label=label, dashed=dashed, marker=marker)


def name(axes: Axes, theme: Theme, text: str, x: float, y: float, kind: str | None = None, *, right: bool = True,
         above: float = 0.0) -> None:
    """A name written beside its data in the data's colour, `above` it by so many points, on a ground of page colour."""
    figure = axes.get_figure(root=True)
    if figure is not None and figure.get_figwidth() == NARROW:
        text = textwrap.fill(text, 18)
    axes.annotate(text, (x, y), xytext=(6 if right else -6, above), textcoords="offset points", va="center",
                  ha="left" if right else "right", color=theme.colour(kind) if kind else theme.ink, fontweight="bold",
                  fontsize=10.5, annotation_clip=False,
                  bbox={"facecolor": theme.page, "edgecolor": "none", "alpha": 0.8, "pad": 1})


def log_axis(axes: Axes, which: str = "y") -> None:
    """A logarithmic axis that says 0.001, 1, 100 and, beyond, 10⁴."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    axis.set_major_locator(LogTicks())
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(power))


class LogTicks(LogLocator):
    """Powers of ten; where fewer than two are in sight 2 and 5 times them as well, or else every first digit."""

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        low, high = sorted((vmin, vmax))
        for first_digits in ((1,), (1, 2, 5), range(1, 10)):
            ticks = LogLocator(subs=first_digits, numticks=8).tick_values(low, high)
            if sum(low <= tick <= high for tick in ticks) >= 2:
                break
        return ticks


def power(value: float, position: int | None = None) -> str:
    """A tick of a logarithmic axis as it is read: 0.001 to 1000 written out, others as 10⁴ or 2·10⁴."""
    if 0.00099 < value < 1001:
        return f"{value:g}"
    digits, exponent = f"{value:.2e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return ("" if digits == "1.00" else f"{float(digits):g}·") + f"10{raised}"


def digits(axes: Axes, theme: Theme, image: ArrayLike, title: str = "") -> None:
    """One grey image H×W in [0, 1], ink on page, without axes; the title is written below it."""
    axes.imshow(image, cmap="gray_r" if theme.name == "light" else "gray", vmin=0, vmax=1, interpolation="none")
    axes.set_axis_off()
    axes.text(0.5, -0.08, title, transform=axes.transAxes, ha="center", va="top", fontsize=10, color=theme.ink)
