"""Pictures of digits: the preparation of MNIST, and files of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from resnet_lib import pictures


def centre_of_mass(picture: Tensor) -> tuple[float, float]:
    places = torch.arange(picture.shape[-1]) + 0.5
    return tuple(float((picture[0].sum(axis) * places).sum() / picture.sum()) for axis in (1, 0))  # type: ignore


def drawing(seed: int = 0, height: int = 120, width: int = 90) -> Tensor:
    """A crooked line with soft edges."""
    generator = torch.Generator().manual_seed(seed)
    image = Image.new("L", (4 * width, 4 * height))
    points = (torch.rand(5, 2, generator=generator) * torch.tensor([width, height]) * 4).tolist()
    ImageDraw.Draw(image).line([tuple(point) for point in points], fill=255, width=40)
    return torch.from_numpy(numpy.asarray(image.resize((width, height), Image.Resampling.BOX)) / 255)


# Preparation ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(8))
def test_the_ink_fits_the_box_and_lies_at_the_centre(seed: int) -> None:
    picture = pictures.prepare(drawing(seed))
    assert picture.shape == (1, 28, 28) and picture.dtype == torch.float32
    assert 0 <= picture.min() and picture.max() <= 1
    rows, columns = ((picture[0] > 0).any(axis).nonzero() for axis in (1, 0))
    sides = [int(each.max() - each.min()) + 1 for each in (rows, columns)]
    assert max(sides) == 20
    for centre, place in zip(centre_of_mass(picture), (rows, columns)):
        assert abs(centre - 14) <= 0.5001 or place.min() == 0 or place.max() == 27


def test_it_neither_depends_on_the_size_nor_on_the_place() -> None:
    ink = drawing(1).float()
    moved = torch.zeros(300, 400)
    moved[150:150 + ink.shape[0], 7:7 + ink.shape[1]] = ink
    assert torch.equal(pictures.prepare(ink), pictures.prepare(moved))
    larger = ink.repeat_interleave(3, 0).repeat_interleave(3, 1)
    assert (pictures.prepare(ink) - pictures.prepare(larger)).abs().max() < 0.15


def test_a_rectangle_by_hand() -> None:
    expected = torch.zeros(1, 28, 28)
    expected[:, 4:24, 9:19] = 1
    assert torch.equal(pictures.prepare(torch.ones(40, 20)), expected)
    assert pictures.prepare(torch.ones(9, 27), size=10, box=6)[0].count_nonzero() == 12  # 2×6


@pytest.mark.parametrize(("height", "width"), [(18, 1), (1, 18), (5, 3), (120, 90), (33, 140), (20, 20), (300, 1)])
def test_it_is_the_filter_of_pil(height: int, width: int) -> None:
    ink = 0.2 + 0.8 * torch.rand(height, width, generator=torch.Generator().manual_seed(height))
    sides = [max(1, round(side * 20 / max(height, width))) for side in (height, width)]
    expected = numpy.array(Image.fromarray(ink.numpy()).resize(sides[::-1], Image.Resampling.BILINEAR))
    windows = pictures.prepare(ink)[0].unfold(0, sides[0], 1).unfold(1, sides[1], 1)
    assert (windows - torch.from_numpy(expected)).abs().amax((2, 3)).min() < 1e-5


def test_one_pixel_of_ink_fills_the_box() -> None:
    ink = torch.zeros(50, 50)
    ink[3, 4] = 1
    assert pictures.prepare(ink).sum() == 400


@pytest.mark.reliability("pictures")
@pytest.mark.parametrize(("ink", "says"), [
    (torch.zeros(28, 28), "no ink"), (torch.full((28, 28), 0.09), "no ink"), (torch.ones(1, 28, 28), "not 1×28×28"),
    (torch.ones(0, 5), "not 0×5"), (torch.tensor(1.0), "not that of a number"), (torch.full((9, 9), 1.1), r"\[0, 1\]"),
    (torch.full((9, 9), -0.1), r"\[0, 1\]"), (torch.full((9, 9), float("nan")), r"\[0, 1\]")])
def test_what_is_no_drawing_is_refused(ink: Tensor, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        pictures.prepare(ink)
    with pytest.raises(ValueError, match="does not fit"):
        pictures.prepare(torch.ones(9, 9), size=20, box=28)


# Files ----------------------------------------------------------------------------------------------------------

INK = drawing(3, 60, 40).float()


def saved(path: Path, array: Any, **options: Any) -> Path:
    image = array if isinstance(array, Image.Image) else Image.fromarray(numpy.asarray(array).round().astype("uint8"))
    image.save(path, **options)
    return path


@pytest.mark.parametrize("tones", [255 * (1 - INK), 255 * INK, 200 - 150 * INK, 40 + 150 * INK])
def test_ink_is_what_differs_from_the_paper(tmp_path: Path, tones: Tensor) -> None:
    ink = pictures.read(saved(tmp_path / "a.png", tones))
    assert ink.shape == INK.shape and ink.dtype == torch.float32
    assert (ink - INK / INK.max()).abs().max() < 0.01


def test_every_mode_shows_the_same(tmp_path: Path) -> None:
    grey = Image.fromarray((255 * (1 - INK)).round().byte().numpy())
    transparent = Image.merge("LA", (Image.new("L", grey.size, 0), Image.fromarray((255 * INK).round().byte().numpy())))
    deep = Image.fromarray((65535 * (1 - INK)).round().to(torch.int32).numpy().astype("uint16"))
    for name, image in {"rgb.png": grey.convert("RGB"), "la.png": transparent, "rgba.png": transparent.convert("RGBA"),
                        "p.gif": grey.convert("P"), "a.bmp": grey, "a.tiff": grey, "a.webp": grey.convert("RGB"),
                        "cmyk.tiff": grey.convert("RGB").convert("CMYK"), "deep.png": deep, "a.pgm": grey}.items():
        options = {"lossless": True} if name.endswith("webp") else {}
        ink = pictures.read(saved(tmp_path / name, image, **options))
        assert (ink - INK / INK.max()).abs().max() < 0.02, name
    black = pictures.read(saved(tmp_path / "one.png", grey.convert("1")))
    assert set(black.unique().tolist()) == {0, 1}


def test_a_photograph_loses_its_paper(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    ink = torch.nn.functional.pad(drawing(5, 200, 150), (60, 60, 60, 60))
    light = torch.linspace(0.75, 0.95, ink.shape[1]) - 0.65 * ink + 0.02 * torch.randn(ink.shape, generator=generator)
    prepared = pictures.prepare(pictures.read(saved(tmp_path / "a.jpg", 255 * light.clamp(0, 1), quality=90)))
    assert (prepared - pictures.prepare(ink)).abs().mean() < 0.05
    turned = Image.fromarray((255 * (1 - INK)).byte().numpy().T)
    tag = turned.getexif()
    tag[274] = 5  # the camera lay on its side: transposed
    assert pictures.read(saved(tmp_path / "turned.jpg", turned, exif=tag)).shape == INK.shape


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def bomb(path: Path, side: int) -> Path:
    """A file of a few bytes that says it holds a huge picture."""
    return saved(path, Image.new("1", (side, side), 1))


@pytest.mark.reliability("pictures")
def test_what_is_no_digit_is_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.png", 255 * (1 - INK)).read_bytes()
    photograph = saved(tmp_path / "whole.jpg", 255 * (1 - INK)).read_bytes()
    coloured = Image.merge("RGB", [Image.fromarray((255 * (1 - part * INK)).byte().numpy()) for part in (0.2, 1, 1)])
    frames = [Image.new("L", (20, 20), tone) for tone in (0, 200)]
    numbers = Image.fromarray(INK.numpy())
    for path, says in [
            (write(tmp_path / "empty.png", b""), "is empty"), (write(tmp_path / "a.txt", b"seven"), "is no picture"),
            (write(tmp_path / "script.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "is no picture"),
            (write(tmp_path / "cut.png", whole[:len(whole) // 2]), "damaged or cut short"),
            (write(tmp_path / "cut.jpg", photograph[:len(photograph) // 2]), "damaged or cut short"),
            (write(tmp_path / "header.png", whole[:30]), "is no picture|damaged"),
            (saved(tmp_path / "coloured.png", coloured), "has colours: save it in shades of grey"),
            (saved(tmp_path / "film.gif", frames[0], save_all=True, append_images=frames[1:]), "has 2 pictures"),
            (saved(tmp_path / "wide.png", Image.new("L", (4097, 8))), "at most 4096 pixels, not 4,097"),
            (bomb(tmp_path / "bomb.png", 10_000), "too large"), (bomb(tmp_path / "bombs.png", 20_000), "too large"),
            (saved(tmp_path / "tiny.png", Image.new("L", (7, 20))), "at least 8 pixels, not 7"),
            (saved(tmp_path / "blank.png", Image.new("L", (20, 20), 255)), "nothing that stands out"),
            (saved(tmp_path / "clear.png", Image.new("RGBA", (20, 20), (0, 0, 0, 0))), "nothing that stands out"),
            (saved(tmp_path / "numbers.tiff", numbers), "without a known white"), (tmp_path, "is no file")]:
        with pytest.raises(ValueError, match=says) as caught:
            pictures.read(path)
        assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="There is no file .*nowhere.png"):
        pictures.read(tmp_path / "nowhere.png")


@pytest.mark.reliability("pictures")
def test_noise_alone_is_no_digit(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(2)
    with pytest.raises(ValueError, match="stands out"):
        pictures.read(saved(tmp_path / "noise.png", 255 * torch.rand(40, 40, generator=generator)))


@pytest.mark.reliability("pictures")
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.tiff", "a.webp"])
def test_a_damaged_file_raises_nothing_else(tmp_path: Path, name: str) -> None:
    content = bytearray(saved(tmp_path / name, 255 * (1 - INK)).read_bytes())
    generator = torch.Generator().manual_seed(len(content))
    for _ in range(60):
        damaged = bytearray(content)
        for place in torch.randint(len(content), (4,), generator=generator).tolist():
            damaged[place] ^= 1 << int(torch.randint(8, (1,), generator=generator))
        try:
            ink = pictures.read(write(tmp_path / f"damaged-{name}", bytes(damaged)))
        except ValueError:
            continue
        assert 0 <= ink.min() and ink.max() <= 1
