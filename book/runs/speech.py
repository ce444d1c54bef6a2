"""Spoken digits: networks, nearest neighbour and logistic regression on voices they know and on one they never heard.

Needs the recordings (`make data DATA=spoken_digits`). Each training has the same number of steps.
"""

import statistics
from functools import cache
from typing import Any

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from resnet_lib import data, networks, runs, sound, surgery, training

# The voice on which a rate is tried when the other's is the test; neither trains.
PAIRS = {"george": "jackson", "jackson": "george", "lucas": "nicolas", "nicolas": "lucas", "theo": "yweweler",
         "yweweler": "theo"}
STEPS = 160


@cache
def recordings() -> data.Recordings:
    return data.spoken_digits()


@cache
def pictures(level: str) -> Tensor:
    """All recordings as pictures, 3,000×1×32×32; `level`: as recorded, or made equally loud."""
    change = sound.loud if level == "equal" else (lambda wave: wave)
    return torch.stack([sound.picture(change(wave)) for wave in recordings().waves])


def parts(split: str, seed: int) -> tuple[Tensor, Tensor]:
    """Numbers of the training and the test recordings, in a random order that `seed` fixes."""
    known, everything = recordings(), torch.randperm(3000, generator=torch.Generator().manual_seed(seed))
    if split == "random":
        return everything[500:], everything[:500]
    if split == "takes":
        test = known.takes < 5
    else:
        test = known.speakers == known.names.index(split)
    return everything[~test[everything]], everything[test[everything]]


def few(split: str, voices: int, seed: int) -> Tensor:
    """450 training recordings of so many voices, in equal parts: the voices that follow the test's in the list."""
    known, train = recordings(), parts(split, seed)[0]
    place = known.names.index(split)
    chosen = [train[known.speakers[train] == (place + step) % 6][:450 // voices] for step in range(1, voices + 1)]
    return torch.cat(chosen)


def dataset(level: str, train: Tensor, test: Tensor) -> data.Dataset:
    """Pictures standardised with mean and deviation of the training part."""
    known = recordings()
    deviation, mean = torch.std_mean(pictures(level)[train])
    images = (pictures(level) - mean) / deviation
    return data.Dataset("spoken_digits", images[train], known.labels[train], images[test], known.labels[test],
                        data.KNOWN["spoken_digits"].classes, mean[None], deviation[None], known.source, known.licence)


def trained(kind: str, depth: int, rate: float, parted: data.Dataset, seed: int) -> nn.Module:
    """A network after whole epochs of 64 recordings a step, about 160 steps in all: four times through 2,500."""
    network = getattr(networks, kind)(depth, in_channels=1, width=8, stem_stride=2, seed=seed)
    epochs = round(STEPS / -(-len(parted.train_images) // 64))
    training.fit(network, parted, epochs=epochs, learning_rate=rate, seed=seed, progress=False)
    return network


@torch.no_grad()
def answers(network: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([network.eval()(part) for part in images.split(250)]).argmax(1)


def accuracy(said: Tensor, labels: Tensor) -> float:
    return 100 * (said == labels).float().mean().item()


def adapted(network: nn.Module, images: Tensor) -> nn.Module:
    """The network with the batch-norm statistics of these recordings; no weight changes, and no label is read."""
    surgery.recalibrate(network, images)
    return network.eval()


def rate_for(kind: str, depth: int, split: str) -> float:
    """The best of the rates in the study "speech_rates".

    Where `split` is a voice: by accuracy on its neighbour in PAIRS, when neither of the two trained. Elsewhere: by the
    mean over all voices.
    """
    found: dict[float, list[float]] = {}
    for run in runs.load("speech_rates").runs:
        asked = run["configuration"]
        if (asked["kind"], asked["depth"]) == (kind, depth):
            found.setdefault(asked["rate"], []).extend(
                value for voice, value in run["results"].items() if PAIRS.get(split, voice) == voice)
    return max(found, key=lambda rate: statistics.mean(found[rate]))


def centred(pictures: Tensor, heard: Tensor, known: Tensor) -> Tensor:
    """Pictures of a new voice with the mean and deviation that each pixel has over the known ones.

    `heard`: the new voice's pictures from which its own statistics are taken. What `adapted` does, without a network.
    """
    deviation, mean = torch.std_mean(heard, dim=0)
    return (pictures - mean) / deviation.clamp(min=0.05) * known.std(0) + known.mean(0)


def measure(split: str, kind: str, depth: int, level: str, seed: int, voices: int = 0, centre: bool = False,
            control: bool = False) -> dict:
    train, test = parts(split, seed)
    parted = dataset(level, few(split, voices, seed) if voices else train, test)
    if depth == 0:
        model = KNeighborsClassifier(1) if kind == "nearest neighbour" else LogisticRegression(C=0.01, max_iter=200)
        model.fit(parted.train_images.flatten(1).numpy(), parted.train_labels.numpy())
        if centre:
            later = centred(parted.test_images[100:], parted.test_images[:100], parted.train_images)
            said = torch.from_numpy(model.predict(later.flatten(1).numpy()))
            return {"later": accuracy(said, parted.test_labels[100:])}
        said = torch.from_numpy(model.predict(parted.test_images.flatten(1).numpy()))
        return {"accuracy": accuracy(said, parted.test_labels)}
    rate = rate_for(kind, depth, split)
    network = trained(kind, depth, rate, parted, seed)
    if control:  # new statistics, but of voices that it knows: does it gain by those?
        network, later = adapted(network, parted.train_images[:100]), slice(100, None)
        return {"later": accuracy(answers(network, parted.test_images[later]), parted.test_labels[later])}
    said = answers(network, parted.test_images)
    result = {"rate": rate, "accuracy": accuracy(said, parted.test_labels),
              "train": accuracy(answers(network, parted.train_images), parted.train_labels)}
    if split in recordings().names and not voices:
        confused = torch.zeros(10, 10, dtype=torch.int64)
        confused.index_put_((parted.test_labels, said), torch.tensor(1), accumulate=True)
        later = slice(100, None)  # the first hundred of the new voice are for its statistics
        result |= {"confused": confused.tolist(), "later": accuracy(said[later], parted.test_labels[later])}
        chosen = {"10": parted.test_images[:10], "100": parted.test_images[:100],
                  "one digit": parted.test_images[parted.test_labels == 0]}
        for name, images in chosen.items():
            said = answers(adapted(network, images), parted.test_images[later])
            result[f"adapted {name}"] = accuracy(said, parted.test_labels[later])
    return result


def quietest(target: str, level: str) -> dict:
    """How often logistic regression tells the speaker, or the digit, from the quietest 32 ms of a recording.

    Trained on takes 5 to 49, asked about takes 0 to 4.
    """
    known, spectra = recordings(), []
    for wave in known.waves:
        windows = (sound.loud(wave) if level == "equal" else wave).unfold(0, sound.WINDOW, sound.HOP)
        softest = windows[windows.square().sum(1).argmin()] * torch.hann_window(sound.WINDOW)
        spectra.append(torch.log10(torch.fft.rfft(softest).abs().square() + 1e-12))
    features, wanted = torch.stack(spectra), known.speakers if target == "speaker" else known.labels
    features = (features - features.mean(0)) / features.std(0)
    test = known.takes < 5
    model = LogisticRegression(C=0.1, max_iter=300).fit(features[~test].numpy(), wanted[~test].numpy())
    return {"accuracy": 100 * float(model.score(features[test].numpy(), wanted[test].numpy()))}


def either(**configuration: Any) -> dict:
    return quietest(**configuration) if "target" in configuration else measure(**configuration)


if __name__ == "__main__":
    torch.set_num_threads(1)
    splits = ("random", "takes", *PAIRS)
    wanted = [{"split": split, "kind": kind, "depth": 8, "level": "recorded", "seed": seed}
              for seed in (1, 2, 3) for kind in ("residual", "plain") for split in splits]
    wanted += [{"split": split, "kind": "residual", "depth": 8, "level": "equal", "seed": seed}
               for seed in (1, 2, 3) for split in PAIRS]
    wanted += [{"split": split, "kind": kind, "depth": 0, "level": level, "seed": 1}
               for kind in ("nearest neighbour", "logistic regression") for level in ("recorded", "equal")
               for split in splits if level == "recorded" or split in PAIRS]
    wanted += [{"split": split, "kind": "logistic regression", "depth": 0, "level": level, "seed": 1, "centre": True}
               for level in ("recorded", "equal") for split in PAIRS]
    wanted += [{"target": target, "level": level} for target in ("speaker", "digit") for level in ("recorded", "equal")]
    wanted += [{"split": split, "kind": "residual", "depth": 8, "level": "recorded", "seed": seed, "voices": voices}
               for seed in (1, 2) for voices in (1, 3, 5) for split in PAIRS]
    wanted += [{"split": split, "kind": kind, "depth": 20, "level": "recorded", "seed": seed}
               for seed in (1, 2) for kind in ("residual", "plain") for split in PAIRS]
    wanted += [{"split": split, "kind": "residual", "depth": 8, "level": "recorded", "seed": seed, "control": True}
               for seed in (1, 2, 3) for split in PAIRS]
    runs.record("speech", "Does a network understand a voice that it has never heard?", wanted, either)
