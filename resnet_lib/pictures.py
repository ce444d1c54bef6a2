"""Drawn digits as the MNIST collection has them: from a file, or from a drawing, to what a network takes.

The preparation is that of LeCun et al. 1998: the digit is scaled to fit a square of 20 pixels and placed in one of 28
so that the centre of mass of its ink lies at the centre. `book/_static/explorers/digit.js` does the same.
"""

from __future__ import annotations

import base64
import math
import warnings
import zlib
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps
from torch import Tensor

from resnet_lib.weights import Trained

FAINT = 0.1  # what has less ink belongs to the paper where the digit's extent is measured
LARGEST, SMALLEST = 4096, 8  # pixels a side of a picture that is read
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


def prepare(ink: Tensor, size: int = 28, box: int = 20) -> Tensor:
    """A drawing H×W in [0, 1], 1 = ink, as a picture 1×`size`×`size` in [0, 1] of the kind that MNIST holds.

    The smallest rectangle around all ink above `FAINT` is scaled, with its aspect, to fit `box`×`box` (a triangle
    filter as wide as the reduction, as in PIL's BILINEAR), and shifted by whole pixels until the centre of mass is
    within half a pixel of the centre, or the rectangle touches the border. Raises ValueError for a drawing without
    ink, of another shape, or with numbers outside [0, 1].
    """
    if ink.ndim != 2 or 0 in ink.shape:
        raise ValueError(f"A drawing has the shape H×W, not {'×'.join(map(str, ink.shape)) or 'that of a number'}.")
    if not 0 < box <= size:
        raise ValueError(f"A box of {box} pixels does not fit a picture of {size}.")
    ink = ink.detach().double()
    if not ((ink >= 0) & (ink <= 1)).all():
        raise ValueError("The ink of a drawing lies in [0, 1].")
    rows, columns = ((ink > FAINT).any(axis).nonzero().flatten() for axis in (1, 0))
    if not len(rows):
        raise ValueError("There is no ink in the picture.")
    inside = ink[int(rows[0]):int(rows[-1]) + 1, int(columns[0]):int(columns[-1]) + 1]
    sides = [max(1, math.floor(side * box / max(inside.shape) + 0.5)) for side in inside.shape]
    rows, columns = (triangles(before, after) for before, after in zip(inside.shape, sides))
    scaled = (rows @ inside @ columns.T).clamp(0, 1)
    picture = torch.zeros(size, size, dtype=torch.float64)
    top, left = (place(scaled.sum(1 - axis), size) for axis in (0, 1))
    picture[top:top + sides[0], left:left + sides[1]] = scaled
    return picture.float()[None]


def triangles(before: int, after: int) -> Tensor:
    """Weights of `before` pixels in each of `after`, after×before: a triangle as wide as the step, at least two pixels.

    (`interpolate` of PyTorch 2.15 with `antialias` repeats the first pixel of a picture that is one pixel wide.)
    """
    step = before / after
    centres = (torch.arange(after, dtype=torch.float64) + 0.5) * step
    places = torch.arange(before, dtype=torch.float64) + 0.5
    weights = (1 - (places - centres[:, None]).abs() / max(step, 1)).clamp(min=0)
    return weights / weights.sum(1, keepdim=True)


def unpack(text: str, size: int = 28) -> Tensor:
    """A picture of the study "mnist_examples", size×size in [0, 1]: bytes, compressed by zlib, written in base64."""
    raw = zlib.decompress(base64.b64decode(text))
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(size, size) / 255


def place(ink: Tensor, size: int) -> int:
    """Where a row of pixels starts when the centre of mass of its ink lies at the centre of `size` pixels."""
    centre = float((ink * (torch.arange(len(ink)) + 0.5)).sum() / ink.sum())
    start = math.floor(size / 2 - centre + 0.5 + 1e-6)  # halves go up, however they were rounded
    return min(max(start, 0), size - len(ink))


def read(path: str | Path) -> Tensor:
    """The ink of a picture in a file, H×W in [0, 1].

    The median of the picture's outermost pixels is the tone of the paper, and ink is what lies on that side of it,
    darker or lighter, on which the picture goes further. The pixel farthest from the paper has ink 1; three times the
    median deviation of the outermost pixels counts as paper. What is transparent lies on white.

    Raises FileNotFoundError, or ValueError for a file that is no picture, is damaged, animated, coloured (channels
    differ by more than a tenth in more than a thousandth of the pixels), has a side of more than `LARGEST` or fewer
    than `SMALLEST` pixels, or shows nothing.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if not path.is_file():
        raise ValueError(f"{path} is no file.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty.")
    tones = grey(path)
    frame = torch.cat([tones[0], tones[-1], tones[1:-1, 0], tones[1:-1, -1]])
    paper = frame.median()
    darker, lighter = paper - tones.min(), tones.max() - paper
    away = paper - tones if darker >= lighter else tones - paper
    noise = 3 * (frame - paper).abs().median()
    contrast = torch.maximum(darker, lighter)
    if contrast < 0.1 or contrast < 2 * noise:
        raise ValueError(f"{path} shows nothing that stands out from the paper.")
    return ((away - noise) / (contrast - noise)).clamp(0, 1)


@torch.no_grad()
def classify(ink: Tensor, trained: Trained) -> list[tuple[str, float]]:
    """The classes of a drawing H×W in [0, 1] (1 = ink) with their probabilities, the likeliest first.

    Raises ValueError for a drawing without ink, and for a network of other images than squares of one channel.
    """
    height, width = trained.size
    if height != width or trained.network.in_channels != 1:
        raise ValueError("A drawing can be shown to networks for squares of one channel; this one takes images of "
                         f"{trained.network.in_channels}×{height}×{width}.")
    pixels = prepare(ink, size=height, box=round(height * 20 / 28))
    shares = trained.network(trained.standardise(pixels)[None]).softmax(1)[0].tolist()
    return sorted(zip(trained.classes, shares), key=lambda pair: -pair[1])


def grey(path: Path) -> Tensor:
    """The tones of a picture, H×W in [0, 1]: 0 is black, 1 white. Raises ValueError as `read` does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd about a file, and does not stop it from being read
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = decoded(path)
    if image.mode == "F":
        raise ValueError(f"{path} holds tones without a known white: save it as PNG.")
    if image.mode.startswith("I"):  # 16 bits
        return torch.from_numpy(numpy.asarray(image).astype("float32") / 65535).clamp(0, 1)
    white = Image.new("RGBA", image.size, "white")
    laid = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    tones = torch.from_numpy(numpy.asarray(laid).astype("float32") / 255)
    coloured = tones.amax(2) - tones.amin(2) > 0.1
    if coloured.float().mean() > 0.001:
        raise ValueError(f"{path} has colours: save it in shades of grey.")
    return tones.mean(2)


def decoded(path: Path) -> Image.Image:
    """The one picture of a file, upright as its camera was held. Raises ValueError as `read` does."""
    try:
        image = Image.open(path, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"{path} is too large: a side has at most {LARGEST} pixels.") from None
    except Exception:  # decoders raise whatever they stumble over
        raise ValueError(f"{path} is no picture in one of the formats {', '.join(FORMATS)}.") from None
    with image:
        if max(image.size) > LARGEST:
            raise ValueError(f"{path} is too large: a side has at most {LARGEST} pixels, not {max(image.size):,}.")
        if min(image.size) < SMALLEST:
            raise ValueError(f"{path} is too small: a side has at least {SMALLEST} pixels, not {min(image.size)}.")
        try:
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # MPO: a second view, by telephones
            upright = ImageOps.exif_transpose(image)
        except Exception:  # the same
            raise ValueError(f"{path} is damaged or cut short.") from None
        if frames > 1:
            raise ValueError(f"{path} has {frames} pictures in it: give one.")
        return upright
