"""Trained networks as files: weights in half precision with all that is needed to use them, and nothing executable."""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from resnet_lib import data, files, networks, runs

MNIST = runs.FOLDER / "mnist.pt"  # the network of networks/mnist, written by book/runs/mnist.py
BUILDERS = {"plain": networks.plain, "residual": networks.residual}
ENTRIES = {"kind": str, "options": dict, "size": list, "mean": Tensor, "std": Tensor, "classes": list, "state": dict}


class WeightsDamaged(ValueError):
    """A file is not a trained network of this package; the message says what is wrong with it."""


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode, and what its images have to be.

    `size`: height and width. `mean` and `std`: of the pixels in [0, 1] it was trained on, length C or C×H×W.
    `classes`: names. `kind` and `options`: the function of `networks` that builds it, and its arguments.
    """

    network: networks.Network
    kind: str
    options: dict[str, Any]
    size: tuple[int, int]
    mean: Tensor
    std: Tensor
    classes: tuple[str, ...]

    def standardise(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1] (…×C×H×W) as the network takes them."""
        return (pixels - data.per_pixel(self.mean)) / data.per_pixel(self.std)


def save(path: str | Path, network: networks.Network, dataset: data.Dataset, kind: str, **options: Any) -> None:
    """Write a network that was trained on `dataset`, its floating-point numbers in half precision.

    `networks.plain(**options)` or `networks.residual(**options)`, as `kind` says, has to build such a network; raises
    ValueError where it does not. The file is replaced as a whole.
    """
    state = network.state_dict()
    matches(kind, options, state)
    content = {"kind": kind, "options": options, "size": list(dataset.train_images.shape[2:]), "mean": dataset.mean,
               "std": dataset.std, "classes": list(dataset.classes),
               "state": {name: tensor.half() if tensor.is_floating_point() else tensor
                         for name, tensor in state.items()}}
    with files.written_whole(Path(path), "The weights", "make room there") as file:
        torch.save(content, file)


def load(path: str | Path = MNIST) -> Trained:
    """Read a file that `save` wrote; executes nothing that is in it.

    Raises FileNotFoundError, or WeightsDamaged for a file that is something else, is damaged or holds code.
    """
    content = read(path)
    if not isinstance(content, dict) or any(not isinstance(content.get(key), kind) for key, kind in ENTRIES.items()):
        raise WeightsDamaged(f"{path} is no trained network of this package: write it with resnet_lib.weights.save.")
    try:
        if not all(isinstance(tensor, Tensor) for tensor in content["state"].values()):
            raise ValueError("its weights are no tensors")
        network = matches(content["kind"], content["options"], content["state"])
        size, channels = tuple(content["size"]), network.in_channels
        if not (len(size) == 2 and content["mean"].shape == content["std"].shape
                and content["mean"].shape in ((channels,), (channels, *size))
                and all(type(number) is int and number > 0 for number in size)
                and len(content["classes"]) == network.classes):
            raise ValueError("its image size, statistics and classes do not belong together")
    except (ValueError, TypeError, RuntimeError) as error:
        raise WeightsDamaged(f"{path} does not hold a network that can be built: {first_line(error)}") from None
    network.load_state_dict(content["state"])
    return Trained(network.eval(), content["kind"], content["options"], size, content["mean"], content["std"],
                   tuple(map(str, content["classes"])))


def read(path: str | Path) -> Any:
    """What a file of weights holds, whoever wrote it; executes nothing that is in it.

    Raises FileNotFoundError, or WeightsDamaged for a file that is damaged, is something else or holds code.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        return files.read_tensors(Path(path))
    except pickle.UnpicklingError:
        raise WeightsDamaged(f"{path} holds objects other than numbers, or is damaged; nothing in it was executed."
                             ) from None
    except (zipfile.BadZipFile, OSError):
        raise WeightsDamaged(f"{path} is damaged, or is no file of weights.") from None


def matches(kind: str, options: dict[str, Any], state: dict[str, Tensor]) -> networks.Network:
    """A fresh network of this kind; raises ValueError unless `state` has its names and shapes, and finite numbers."""
    if kind not in BUILDERS:
        raise ValueError(f"There is no kind of network {kind!r}; choose 'plain' or 'residual'.")
    largest = max(len(state), *(max(tensor.shape, default=0) for tensor in state.values()))
    if any(isinstance(value, int) and value > largest for value in options.values()):
        raise ValueError(f"networks.{kind} with {options} would be larger than its weights.")  # before it is built
    network = BUILDERS[kind](**options, seed=0)
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if {name: tensor.shape for name, tensor in state.items()} != expected:
        raise ValueError(f"networks.{kind} with {options} has other weights.")
    if not all(tensor.isfinite().all() for tensor in state.values()):
        raise ValueError("some of its weights are not finite.")
    return network


def first_line(error: Exception) -> str:
    """The first line of an error's message."""
    return str(error).partition("\n")[0]
