"""Twelve of the spoken digits: a seven of each voice, and for each voice a mistake of a network that never heard it.

The mistake is the most confident one. Needs the recordings (`make data DATA=spoken_digits`), and the study
"speech_rates". They are of the Free Spoken Digit Dataset, CC BY-SA 4.0: see `licence` in the file.
"""

import base64
import zlib

import torch
from speech import PAIRS, dataset, parts, rate_for, recordings, trained
from torch import Tensor

from resnet_lib import runs


def packed(wave: Tensor) -> str:
    """16-bit samples, compressed by zlib and written in base64."""
    samples = (wave * 32_768).round().to(torch.int16).numpy()
    return base64.b64encode(zlib.compress(samples.tobytes(), 9)).decode()


def measure(voice: str, example: str) -> dict:
    known = recordings()
    if example == "seven":
        chosen = [index for index in range(3000) if known.labels[index] == 7 and known.takes[index] == 0
                  and known.names[known.speakers[index]] == voice][0]
        found = {}
    else:
        train, test = parts(voice, seed=1)
        parted = dataset("recorded", train, test)
        network = trained("residual", 8, rate_for("residual", 8, voice), parted, seed=1)
        with torch.no_grad():
            sure, said = network.eval()(parted.test_images).softmax(1).max(1)
        worst = int(torch.where(said == parted.test_labels, 0, sure).argmax())
        chosen, found = int(test[worst]), {"answer": int(said[worst]), "confidence": 100 * sure[worst].item()}
    return {"label": int(known.labels[chosen]), "take": int(known.takes[chosen]), **found,
            "wave": packed(known.waves[chosen]), "licence": known.licence}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("speech_examples", "What do the spoken digits sound like, and what does a network get wrong?",
                [{"voice": voice, "example": example} for example in ("seven", "mistake") for voice in PAIRS], measure)
