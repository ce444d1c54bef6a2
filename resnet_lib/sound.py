"""Sound as pictures: loudness, power spectrum, mel bands, and a player for the page.

A wave is a float32 tensor of length n, in [−1, 1), with `RATE` samples a second.
"""

from __future__ import annotations

import base64
import html
import io
import math
import wave as wav
import zlib

import torch
from IPython.display import HTML
from torch import Tensor
from torch.nn import functional

RATE = 8_000  # samples a second
WINDOW, HOP = 256, 192  # samples in a window, and from the start of one to the start of the next
BANDS, FRAMES = 32, 32  # rows and columns of a picture
FLOOR = 1e-6  # power of a band that counts as silence
LEVEL = 0.05  # root mean square of a wave behind `loud`


def mel(hertz: float) -> float:
    """Frequency on the mel scale: 2595 log10(1 + f / 700) (Umesh et al. 1999)."""
    return 2595 * math.log10(1 + hertz / 700)


def hertz(mel: float) -> float:
    """The frequency in hertz at a place of the mel scale: the inverse of `mel`."""
    return 700 * (10 ** (mel / 2595) - 1)


def mel_filters(bands: int = BANDS, window: int = WINDOW, rate: int = RATE) -> Tensor:
    """Weights of the window's frequencies in each band, bands×(window/2 + 1).

    Triangles whose corners lie at equal distances on the mel scale, from 0 to half the rate; each is 1 at its middle
    corner (Davis & Mermelstein 1980, figure 1, with the corners of the formula). Raises ValueError for so many bands
    that one of them holds no frequency.
    """
    corners = torch.tensor([hertz(mel(rate / 2) * place / (bands + 1)) for place in range(bands + 2)])
    frequencies = torch.arange(window // 2 + 1) * rate / window
    low, middle, high = (corners[shift:shift + bands, None] for shift in range(3))
    filters = torch.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)).clamp(min=0)
    if not filters.sum(1).all():
        raise ValueError(f"A window of {window} samples has no frequency in some of {bands} bands: take fewer.")
    return filters


_FILTERS, _HANN = mel_filters(), torch.hann_window(WINDOW)


def power(wave: Tensor, frames: int = FRAMES) -> Tensor:
    """Power spectra of a wave, (WINDOW/2 + 1)×frames: squared size of the Fourier transform of each Hann window.

    The wave is cut, or followed by zeros, so that it fills the frames. Raises ValueError for anything but one channel.
    """
    _check(wave)
    length = WINDOW + HOP * (frames - 1)
    wave = functional.pad(wave[:length], (0, max(0, length - len(wave))))
    return torch.fft.rfft(wave.unfold(0, WINDOW, HOP) * _HANN).abs().square().T


def picture(wave: Tensor, frames: int = FRAMES) -> Tensor:
    """A wave as a picture, 1×BANDS×frames: the decimal logarithm of the power in each mel band, low bands first."""
    return torch.log10(_FILTERS @ power(wave, frames) + FLOOR)[None]


def loud(wave: Tensor) -> Tensor:
    """The wave, made louder or softer until its root mean square is LEVEL; silence stays as it is."""
    size = wave.square().mean().sqrt()  # not a number where there is no sample
    return wave * (LEVEL / size) if size > 0 else wave


def _check(wave: Tensor) -> None:
    if wave.ndim != 1:
        raise ValueError(f"A wave has one channel, the shape (n,); this one has {tuple(wave.shape)}.")


def unpack(text: str) -> Tensor:
    """A wave of the study "speech_examples": samples of 16 bits, compressed by zlib, written in base64."""
    return torch.frombuffer(bytearray(zlib.decompress(base64.b64decode(text))), dtype=torch.int16) / 32_768


def players(*sounds: tuple) -> HTML:
    """A player for each sound, `(label, wave)` or `(label, wave, rate)`; they need no kernel and no server."""
    return HTML('<div class="sounds">' + "".join(player(*each) for each in sounds) + "</div>")


def player(label: str, wave: Tensor, rate: int = RATE) -> str:
    """HTML that plays a wave (16 bits a sample, in the page itself); `label`: what is heard; `rate`: samples a second.

    Nothing plays by itself. Raises ValueError without a label, for several channels, and for numbers that are not
    finite.
    """
    _check(wave)
    if not label.strip():
        raise ValueError("A player needs a label: a few words that say what is heard.")
    if not wave.isfinite().all():
        raise ValueError(f"{label}: a wave consists of finite numbers.")
    file = io.BytesIO()
    with wav.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((wave.clamp(-1, 1) * 32_767).round().to(torch.int16).numpy().tobytes())
    source = base64.b64encode(file.getvalue()).decode()
    said = html.escape(label)
    return (f'<div class="sound"><span aria-hidden="true">{said}</span>'
            f'<audio controls preload="none" aria-label="{said}" src="data:audio/wav;base64,{source}"></audio></div>')
