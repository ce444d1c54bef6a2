"""Which learning rate suits a network that is to understand a new voice? Two voices of six are left out at a time.

The study "speech" takes for each voice the rate that was best on the other voice of its pair. Needs the recordings
(`make data DATA=spoken_digits`).
"""

import torch
from speech import PAIRS, accuracy, answers, dataset, recordings, trained

from resnet_lib import runs


def measure(kind: str, depth: int, rate: float, without: str) -> dict:
    """Accuracy in per cent on each of the two voices."""
    known = recordings()
    pair = [known.names.index(without), known.names.index(PAIRS[without])]
    everything = torch.randperm(3000, generator=torch.Generator().manual_seed(1))
    out = torch.isin(known.speakers[everything], torch.tensor(pair))
    parted = dataset("recorded", everything[~out], everything[out])
    said = answers(trained(kind, depth, rate, parted, seed=1), parted.test_images)
    whose = known.speakers[everything[out]]
    return {known.names[voice]: accuracy(said[whose == voice], parted.test_labels[whose == voice]) for voice in pair}


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs.record("speech_rates", "Which learning rate suits a network that is to understand a new voice?",
                [{"kind": kind, "depth": depth, "rate": rate, "without": without}
                 for depth in (8, 20) for kind in ("residual", "plain") for rate in (0.03, 0.1, 0.3)
                 for without in ("george", "lucas", "theo")],
                measure)
