"""Weights as files: what comes back, and that a damaged or hostile file is refused in one sentence, unexecuted."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from resnet_lib import data, networks, pictures, runs, weights

OPTIONS: dict[str, Any] = {"depth": 8, "in_channels": 1, "width": 4, "stem_stride": 2}


@pytest.fixture(scope="module")
def digits() -> data.Dataset:
    return data.load("digits")


@pytest.fixture
def saved(tmp_path: Path, digits: data.Dataset) -> Path:
    weights.save(tmp_path / "network.pt", networks.residual(**OPTIONS, seed=3), digits, "residual", **OPTIONS)
    return tmp_path / "network.pt"


def test_a_network_comes_back_in_half_precision(saved: Path, digits: data.Dataset) -> None:
    trained = weights.load(saved)
    original = networks.residual(**OPTIONS, seed=3).eval()
    images = digits.test_images[:20]
    with torch.no_grad():
        assert torch.allclose(trained.network(images), original(images), atol=0.02)
        assert torch.equal(trained.network(images), original.half().float()(images))
    assert not trained.network.training and trained.network.classifier.weight.dtype is torch.float32
    assert (trained.kind, trained.options, trained.size) == ("residual", OPTIONS, (8, 8))
    assert trained.classes == digits.classes
    assert torch.allclose(trained.standardise(digits.pixels(images)), images, atol=1e-5)
    assert [path.name for path in saved.parent.iterdir()] == ["network.pt"]


def test_weights_of_another_network_are_not_saved(tmp_path: Path, digits: data.Dataset) -> None:
    network = networks.residual(**OPTIONS)
    with pytest.raises(ValueError, match="has other weights"):
        weights.save(tmp_path / "network.pt", network, digits, "residual", **OPTIONS | {"depth": 14})
    with pytest.raises(ValueError, match="choose 'plain' or 'residual'"):
        weights.save(tmp_path / "network.pt", network, digits, "resnet", **OPTIONS)
    assert not list(tmp_path.iterdir())


class Code:
    """An object whose unpickling writes a file."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.witness),)


@pytest.mark.reliability("weights")
def test_code_in_a_file_is_not_executed(tmp_path: Path, saved: Path) -> None:
    content = torch.load(saved, weights_only=True)
    torch.save({**content, "classes": Code(tmp_path / "executed")}, saved)
    with pytest.raises(weights.WeightsDamaged, match="nothing in it was executed") as error:
        weights.load(saved)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "executed").exists()
    torch.load(saved, weights_only=False)
    assert (tmp_path / "executed").exists(), "the file does hold code"


def rewritten(path: Path, **changes: Any) -> None:
    torch.save({**torch.load(path, weights_only=True), **changes}, path)


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:int(len(content) * share)])


def flip(path: Path) -> None:
    """One byte in the midst of the file's longest part is another one."""
    with zipfile.ZipFile(path) as archive:
        longest = max(archive.infolist(), key=lambda part: part.file_size)
    content = bytearray(path.read_bytes())
    content[longest.header_offset + 200 + longest.file_size // 2] ^= 0xFF
    path.write_bytes(content)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "a tenth": lambda path: cut(path, 0.1),
    "all but the end": lambda path: cut(path, 0.99),
    "text": lambda path: path.write_text("weights"),
    "another pickle": lambda path: path.write_bytes(b"\x80\x04K\x01."),
    "a tensor": lambda path: torch.save(torch.ones(3), path),
    "a state dict": lambda path: torch.save(networks.residual(**OPTIONS).state_dict(), path),
    "another depth": lambda path: rewritten(path, options=OPTIONS | {"depth": 14}),
    "a depth beyond memory": lambda path: rewritten(path, options=OPTIONS | {"depth": 6 * 10**9 + 2}),
    "no depth": lambda path: rewritten(path, options={}),
    "an unknown option": lambda path: rewritten(path, options=OPTIONS | {"colour": 1}),
    "an unknown kind": lambda path: rewritten(path, kind="os"),
    "weights that are no tensors": lambda path: rewritten(path, state={"stem.0.weight": 1.0}),
    "no weights": lambda path: rewritten(path, state={}),
    "three classes": lambda path: rewritten(path, classes=["0", "1", "2"]),
    "a size of nothing": lambda path: rewritten(path, size=[0, 8]),
    "means of three channels": lambda path: rewritten(path, mean=torch.ones(3)),
    "not finite": lambda path: rewritten(path, state={
        name: tensor * float("nan") for name, tensor in torch.load(path, weights_only=True)["state"].items()}),
}


@pytest.mark.reliability("weights")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_file_that_is_no_network_is_one_sentence(saved: Path, damage: Any) -> None:
    damage(saved)
    with pytest.raises(weights.WeightsDamaged) as error:
        weights.load(saved)
    assert str(saved) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.reliability("weights")
def test_a_flipped_byte_is_noticed(saved: Path) -> None:
    flip(saved)
    with pytest.raises(weights.WeightsDamaged):
        weights.load(saved)


@pytest.mark.reliability("disk")
def test_a_full_disk_keeps_the_weights_before(saved: Path, digits: data.Dataset) -> None:
    before, part = saved.read_bytes(), saved.with_name(f"{saved.name}.part")
    part.symlink_to("/dev/full")  # every write there fails as on a full disk
    network = networks.residual(8, in_channels=1, seed=2)
    with pytest.raises(OSError, match=f"The weights {saved} cannot be written .No space left on device.: make room"):
        weights.save(saved, network, digits, "residual", depth=8, in_channels=1)
    assert saved.read_bytes() == before and not part.is_symlink()


@pytest.mark.reliability("weights")
def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no file"):
        weights.load(tmp_path / "network.pt")


def test_the_recorded_weights_make_the_recorded_mistakes() -> None:
    trained = weights.load()
    images = {run["configuration"]["image"]: run["results"] for run in runs.load("mnist_examples").runs}
    labels = images.pop("labels")["labels"]
    pixels = torch.stack([pictures.unpack(image["pixels"]) for image in images.values()])
    with torch.no_grad():
        confidence, answer = trained.network(
            trained.standardise(pixels[:, None])).softmax(1).max(1)
    (first,) = runs.load("mnist").select(kind="residual", depth=14, learning_rate=0.1, epochs=1, seed=1)
    recorded = {index: (said, sure) for index, said, sure in first["mistakes"] if index in images}
    found = {index: (int(said), float(sure)) for index, said, sure in zip(images, answer, confidence)
             if int(said) != int(labels[index])}
    assert len(found) >= 24 and found.keys() == recorded.keys()
    assert all(found[index][0] == recorded[index][0] for index in found)
    assert all(abs(found[index][1] - recorded[index][1]) < 1e-3 for index in found)
    assert weights.MNIST.stat().st_size <= 500_000
