"""The book's figures: one style in a light and a dark version, one colour for each kind of network."""

from __future__ import annotations

import base64
import html
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
import matplotlib.pyplot as plt
import numpy
from IPython.display import HTML, display
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from myst_nb import glue
from numpy.typing import ArrayLike

SWITCH = ("<style>.figure-dark{display:none}"
          "html[data-theme=dark] .figure-light,[data-jp-theme-light=false] .figure-light{display:none}"
          "html[data-theme=dark] .figure-dark,[data-jp-theme-light=false] .figure-dark{display:inline}</style>")
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
        "image.cmap": "cividis",
    }


def show(draw: Callable, *, alt: str, caption: str = "", rows: int = 1, columns: int = 1,
         size: tuple[float, float] = (6.8, 4.0), images: bool = False, share_y: bool = False,
         key: str = "") -> None:
    """Call `draw(axes, theme)` for the light and the dark theme and show the version that fits the page.

    `axes`: one matplotlib Axes, or an array of them when there are several rows or columns. `alt`: what is seen, for
    readers who do not see it. `caption`: seeds and sizes, below the figure. `size`: inches, at most 6.8 wide.
    `images`: draw pixels (PNG) instead of lines (SVG), for heat maps and photographs. `key`: glue the figure under this
    name, too, for another page. Raises ValueError without `alt` and for a figure that is too wide.
    """
    if not alt.strip():
        raise ValueError("A figure needs alt=: a sentence that says what is seen.")
    if size[0] > 6.8:
        raise ValueError(f"A figure is at most 6.8 inches wide, not {size[0]}: a wider one is shown with smaller text.")
    pictures = []
    for theme in (LIGHT, DARK):
        with matplotlib.rc_context(style(theme)):
            figure, axes = plt.subplots(rows, columns, figsize=size, sharey=share_y)
            draw(axes, theme)
            buffer = io.BytesIO()
            if images:
                figure.savefig(buffer, format="png", dpi=160)
            else:
                figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
            plt.close(figure)
        kind = "png" if images else "svg+xml"
        source = f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
        pictures.append(f'<img class="figure-{theme.name}" alt="{html.escape(alt, quote=True)}" src="{source}" '
                        f'width="{size[0] * 100:.0f}" height="{size[1] * 100:.0f}" '
                        'style="max-width:100%;height:auto">')
    text = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    picture = HTML(f'{SWITCH}<figure class="measured">{"".join(pictures)}{text}</figure>')
    display(picture)
    if key:
        glue(key, picture, display=False)


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
    axes.annotate(text, (x, y), xytext=(6 if right else -6, above), textcoords="offset points", va="center",
                  ha="left" if right else "right", color=theme.colour(kind) if kind else theme.ink, fontweight="bold",
                  fontsize=10.5, annotation_clip=False,
                  bbox={"facecolor": theme.page, "edgecolor": "none", "alpha": 0.8, "pad": 1})


def log_axis(axes: Axes, which: str = "y") -> None:
    """A logarithmic axis that says 0.001, 1, 100 and, beyond, 10⁴."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    axis.set_major_locator(LogLocator(10, numticks=8))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(power))


def power(value: float, position: int | None = None) -> str:
    """A power of ten as it is read: 0.001 to 1000 written out, others as 10⁴."""
    if 0.00099 < value < 1001:
        return f"{value:g}"
    exponent = f"{value:.0e}".split("e")[1]
    return "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def digits(axes: Axes, theme: Theme, image: ArrayLike, title: str = "") -> None:
    """One grey image H×W in [0, 1], ink on page, without axes; the title is written below it."""
    axes.imshow(image, cmap="gray_r" if theme.name == "light" else "gray", vmin=0, vmax=1)
    axes.set_axis_off()
    axes.text(0.5, -0.08, title, transform=axes.transAxes, ha="center", va="top", fontsize=10, color=theme.ink)
