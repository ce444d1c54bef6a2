"""Draw the pictures of the front page and the README: `python -m tools.front`.

`book/_static/front.svg` comes from the recorded study, `digits.png` beside it from the data; the same input gives the
same file, byte for byte. The first picture brings its own background and follows the reader's light
or dark setting; where it is shown less than 480 pixels wide its letters grow, so that they stay legible on a phone.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch.nn import functional

from resnet_lib import data, plots, runs

PICTURE = Path(__file__).resolve().parent.parent / "book" / "_static" / "front.svg"
DIGITS = PICTURE.with_name("digits.png")
KINDS = ("plain", "residual")
DEPTHS = (8, 14, 20, 32, 44, 56)
EPOCHS = 8
WIDTH, HEIGHT = 680, 476
LEFT, RIGHT, TOP, BOTTOM = 72, 548, 140, 352  # of the data: first and last depth, full and no error


@dataclass(frozen=True)
class Point:
    """The training errors in per cent, one for each seed, of one kind and depth at its best learning rate."""

    depth: int
    errors: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.errors)


def best(study: runs.Study, kind: str, depth: int) -> Point:
    """The training errors at the learning rate whose median training loss is lowest.

    A run that diverged counts as infinitely bad, and as an error of 100 %.
    """
    tried = [study.select(kind=kind, depth=depth, epochs=EPOCHS, learning_rate=rate)
             for rate in study.values("learning_rate")]
    chosen = min(tried, key=lambda results: statistics.median(run.get("final_train_loss", math.inf)
                                                              for run in results))
    return Point(depth, [run.get("final_train_error", 100.0) for run in chosen])


def colours(theme: plots.Theme) -> str:
    """The style rules that give the picture the colours of one theme."""
    kinds = "".join(f".{kind}{{color:{theme.colour(kind)}}}" for kind in KINDS)
    return (f".page{{fill:{theme.page}}}text{{fill:{theme.muted}}}.ink{{fill:{theme.ink}}}"
            f".grid{{stroke:{theme.grid}}}.axis{{stroke:{theme.rule}}}{kinds}")


STYLE = f"""
text{{font:15px "Segoe UI",-apple-system,Roboto,"Helvetica Neue",Arial,sans-serif}}
.headline{{font-size:25px}}.number{{font-size:23px}}.headline,.name,.number{{font-weight:600}}
{colours(plots.LIGHT)}
@media(prefers-color-scheme:dark){{{colours(plots.DARK)}}}
text.own,tspan.own{{fill:currentColor}}
@media(max-width:480px){{text{{font-size:25px}}.headline,.number{{font-size:28px}}.wide{{display:none}}}}
"""


def x(depth: int) -> float:
    return LEFT + (RIGHT - LEFT) * (depth - DEPTHS[0]) / (DEPTHS[-1] - DEPTHS[0])


def y(error: float, largest: int) -> float:
    return BOTTOM - (BOTTOM - TOP) * error / largest


def path(corners: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{across:.1f} {down:.1f}" for across, down in corners)


def axes(largest: int) -> list[str]:
    """Grid, numbers at both axes and the name of each."""
    step = 10 if largest <= 40 else 20
    lines = ['<text class="ink" x="16" y="108">Training error in %</text>']
    for error in range(0, largest + 1, step):
        down = y(error, largest)
        lines += [f'<path class="{"grid" if error else "axis"}" d="M{LEFT - 16} {down:.1f}H{RIGHT}"/>',
                  f'<text x="{LEFT - 24}" y="{down:.1f}" text-anchor="end" dominant-baseline="central">{error}</text>']
    lines += [f'<text x="{x(depth):.1f}" y="{BOTTOM + 35}" text-anchor="middle">{depth}</text>' for depth in DEPTHS]
    return [*lines, f'<text class="ink" x="{RIGHT + 22}" y="{BOTTOM + 35}">layers</text>']


def curve(kind: str, points: list[Point], largest: int) -> list[str]:
    """Band from the best to the worst seed, line and marks at the median, name and number at the line's end."""
    low, middle, high = ([(x(point.depth), y(value(point.errors), largest)) for point in points]
                         for value in (min, statistics.median, max))
    mark = ('<path d="M{0:.1f} {1:.1f}m-5-5h10v10h-10z"/>' if plots.MARKERS[kind] == "s" else
            '<circle cx="{0:.1f}" cy="{1:.1f}" r="5.5"/>')
    across, down = middle[-1][0] + 18, middle[-1][1]
    return [f'<g class="{kind}" fill="currentColor">',
            f'<path opacity=".15" d="{path(low + high[::-1])}z"/>',
            f'<path fill="none" stroke="currentColor" stroke-width="3" stroke-linejoin="round" d="{path(middle)}"/>',
            *[mark.format(*place) for place in middle],
            f'<text class="own name" x="{across:.1f}" y="{down - 18:.1f}">{kind}</text>',
            f'<text class="own number" x="{across:.1f}" y="{down + 8:.1f}">{points[-1].median:.0f} %</text>',
            "</g>"]


def picture(study: runs.Study) -> str:
    """The whole SVG file: training error over depth, plain and residual, each at its own best learning rate.

    Raises KeyError when the study lacks one of the runs.
    """
    measured = {kind: [best(study, kind, depth) for depth in DEPTHS] for kind in KINDS}
    counts = {len(point.errors) for points in measured.values() for point in points}
    seeds = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else f"{max(counts)}"
    largest = 20 * math.ceil(max(max(point.errors) for points in measured.values() for point in points) / 20)
    rates = ", ".join(map(str, study.values("learning_rate")))
    medians = " ".join(f"{kind.capitalize()} networks: "
                       + ", ".join(f"{point.median:.1f} % with {point.depth} layers" for point in points) + "."
                       for kind, points in measured.items())
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
             f'height="{HEIGHT}" role="img" aria-labelledby="title description">',
             '<title id="title">Deeper plain networks train worse, residual networks do not</title>',
             f'<desc id="description">Training error after {EPOCHS} epochs on digits, median of {seeds} seeds, each '
             f"network at its own best learning rate of {rates}. {medians}</desc>",
             f"<style>{STYLE}</style>",
             f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
             '<text class="headline ink" x="16" y="36">Deeper '
             '<tspan class="plain own">plain networks</tspan> train worse,</text>',
             '<text class="headline ink" x="16" y="69">'
             '<tspan class="residual own">residual networks</tspan> do not.</text>',
             *axes(largest)]
    for kind, points in measured.items():
        lines += curve(kind, points, largest)
    lines += [f'<text x="16" y="430">{EPOCHS} epochs<tspan class="wide"> on digits</tspan>, '
              f'median and range of {seeds} seeds,</text>',
              '<text x="16" y="460">each network at its own best learning rate'
              f'<tspan class="wide"> of {rates}</tspan>.</text>', "</svg>", ""]
    return "\n".join(lines)


def digits_strip(count: int = 16) -> Image.Image:
    """The first training images side by side, each with a margin of one pixel: dark ink on nothing."""
    dataset = data.load("digits")
    ink = dataset.pixels(dataset.train_images[:count, 0])
    strip = torch.cat(list(functional.pad(ink, (1, 1, 1, 1))), dim=1)
    opacity = (255 * strip.clamp(0, 1)).round().to(torch.uint8).numpy()
    picture = Image.new("LA", opacity.shape[::-1], 0)
    picture.putalpha(Image.fromarray(opacity))
    return picture


if __name__ == "__main__":
    digits_strip().save(DIGITS, optimize=True)
    PICTURE.write_text(picture(runs.load("degradation")), encoding="utf-8", newline="\n")
    print(PICTURE)
