"""Sound as pictures: against scipy, by hand, and what must not matter; players."""

from __future__ import annotations

import base64
import io
import math
import re
import wave as wav

import numpy
import pytest
import torch
from scipy import signal

from resnet_lib import sound


def tone(hertz: float, samples: int = 4000) -> torch.Tensor:
    return torch.sin(2 * math.pi * hertz * torch.arange(samples) / sound.RATE)


def test_power_is_that_of_scipy() -> None:
    wave = torch.randn(sound.WINDOW + sound.HOP * 9, generator=torch.Generator().manual_seed(0))
    _, _, theirs = signal.stft(wave.numpy(), sound.RATE, "hann", sound.WINDOW, sound.WINDOW - sound.HOP, boundary=None,
                               padded=False)
    theirs = numpy.abs(theirs * torch.hann_window(sound.WINDOW).sum().item()) ** 2
    numpy.testing.assert_allclose(sound.power(wave, 10), theirs, rtol=1e-3, atol=1e-3)


def test_mel_and_back() -> None:
    assert sound.mel(1000) == pytest.approx(1000, abs=0.1)  # what the factor is made for
    for hertz in (0, 440, 4000):
        assert sound.hertz(sound.mel(hertz)) == pytest.approx(hertz)


def test_filters_are_triangles_in_order() -> None:
    filters = sound.mel_filters()
    assert filters.shape == (sound.BANDS, 129)
    assert (filters >= 0).all() and filters.max() <= 1
    peaks = filters.argmax(1)
    assert (peaks.diff() >= 0).all() and peaks[-1] > 100
    with pytest.raises(ValueError, match="take fewer"):
        sound.mel_filters(bands=100)


@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_a_tone_is_in_its_band(hertz: float) -> None:
    found = sound.picture(tone(hertz), frames=10)[0].mean(1).argmax().item()
    assert found == pytest.approx(sound.mel(hertz) / sound.mel(4000) * (sound.BANDS + 1) - 1, abs=1)


@pytest.mark.parametrize("samples", [0, 1, 255, 256, 6208, 20_000])
def test_pictures_have_one_shape(samples: int) -> None:
    picture = sound.picture(torch.zeros(samples))
    assert picture.shape == (1, 32, 32) and picture.isfinite().all()
    assert torch.allclose(picture, torch.tensor(math.log10(sound.FLOOR)))


def test_twice_as_loud_is_a_constant_above_the_floor() -> None:
    wave = torch.randn(6208, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(sound.picture(2 * wave) - sound.picture(wave), torch.tensor(math.log10(4)), atol=1e-3)


def test_loud_has_one_level() -> None:
    for factor in (1e-3, 1, 7):
        assert sound.loud(factor * tone(440)).square().mean().sqrt().item() == pytest.approx(sound.LEVEL, rel=1e-5)
    assert not sound.loud(torch.zeros(9)).any()
    assert len(sound.loud(torch.zeros(0))) == 0


def test_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="one channel"):
        sound.picture(torch.zeros(2, 500))


def test_a_player_holds_the_wave() -> None:
    shown = sound.player("a <tone>", 1.5 * tone(440, 800), 16_000)
    assert 'aria-label="a &lt;tone&gt;"' in shown and "controls" in shown and "autoplay" not in shown
    match = re.search(r"base64,([^\"]+)", shown)
    assert match
    with wav.open(io.BytesIO(base64.b64decode(match[1]))) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (16_000, 800, 1)
        samples = numpy.frombuffer(file.readframes(800), dtype="<i2")
    assert samples.max() == 32_767  # what is too loud is cut
    numpy.testing.assert_allclose(samples / 32_767, (1.5 * tone(440, 800)).clamp(-1, 1), atol=1e-4)
    assert sound.players(("one", tone(1, 9)), ("two", tone(2, 9), 16_000)).data.count("<audio") == 2


@pytest.mark.parametrize(("label", "wave", "says"), [
    (" ", torch.zeros(5), "needs a label"), ("x", torch.tensor([math.nan]), "finite"),
    ("x", torch.tensor([math.inf]), "finite"), ("x", torch.zeros(2, 5), "one channel")])
def test_players_refuse(label: str, wave: torch.Tensor, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        sound.player(label, wave)
