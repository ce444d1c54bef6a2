"""Transfer: what each method trains and leaves, low-rank additions, and files of torchvision's weights."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from torch import nn

from resnet_lib import data, networks, transfer, weights

IMAGES = torch.randn(24, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(24) % 3


def tuned(method: str, **options: float) -> tuple[networks.Network, networks.Network]:
    """A network before and after."""
    before = transfer.prepared(networks.residual(8, 1, seed=1), 3, seed=2)
    after = transfer.prepared(before, 3, seed=2)
    if method == "LoRA":
        transfer.add_low_rank(before, 2, seed=3)
        transfer.add_low_rank(after, 2, seed=3)
    assert transfer.tune(after, IMAGES, LABELS, method, 0.03, steps=8, **options)
    return before, after


def moved(method: str) -> set[str]:
    before, after = (network.state_dict() for network in tuned(method))
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("method, stays, moves", [
    ("last stage", ("stem.", "stages.0.", "stages.1."), ("stages.2.0.conv1.weight", "stages.2.0.norm1.running_mean")),
    ("norms", (), ("stem.1.weight", "stages.0.0.norm1.running_mean", "stages.2.0.norm2.bias")),
    ("gradual", (), ("stem.0.weight", "stages.0.0.norm1.running_mean")),
    ("discriminative", (), ("stem.0.weight", "stages.0.0.norm1.running_mean")),
    ("full", (), ("stem.0.weight", "stages.0.0.norm1.running_mean")),
    ("frozen statistics", (), ("stem.0.weight", "stages.0.0.norm1.weight")),
    ("LoRA", (), ("stem.0.up.weight", "stages.2.0.conv2.down.weight"))])
def test_a_method_moves_what_it_should(method: str, stays: tuple[str, ...], moves: tuple[str, ...]) -> None:
    names = moved(method)
    assert {"classifier.weight", "classifier.bias", *moves} <= names
    assert not [name for name in names if name.startswith(stays)] or not stays
    if method == "norms":
        assert not [name for name in names if "conv" in name or name == "stem.0.weight"]
    if method in ("frozen statistics", "LoRA"):
        assert not [name for name in names if "running" in name or "tracked" in name]
    if method == "LoRA":
        assert not [name for name in names if "base" in name or "norm" in name]


def test_gradual_unfreezing_begins_at_the_end() -> None:
    network = networks.residual(8, 1, seed=1)
    starts = {id(group["params"][0]): group["start"] for group in transfer.groups(network, "gradual")}
    firsts = [next(part.parameters()) for part in transfer.parts(network)]
    assert [starts[id(first)] for first in firsts] == [0.75, 0.75, 0.5, 0.25, 0.0]
    factors = [group["factor"] for group in transfer.groups(network, "discriminative")]
    assert factors == sorted(factors, reverse=True) and factors[0] == 1


def test_the_same_seed_gives_the_same_network_and_leaves_the_first_one() -> None:
    (before, one), (_, other) = tuned("full"), tuned("full")
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values()))
    assert torch.equal(before.stem[0].weight, networks.residual(8, 1, seed=1).stem[0].weight)
    assert not one.training


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    network = transfer.prepared(networks.residual(8, 1, seed=1), 3, seed=2)
    assert not transfer.tune(network, IMAGES, LABELS, "frozen statistics", 1e6)
    with pytest.raises(ValueError, match="no method 'head'; choose one of last stage"):
        transfer.groups(network, "head")


def test_an_addition_changes_nothing_at_first_and_can_be_merged() -> None:
    network = networks.residual(14, 1, seed=1).eval()
    with torch.no_grad():
        before = network(IMAGES)
        transfer.add_low_rank(network, 3, seed=2)
        assert torch.equal(network(IMAGES), before)
        additions = [module for module in network.modules() if isinstance(module, transfer.LowRank)]
        assert len(additions) == 13  # all but the classifier
        for addition in additions:
            nn.init.normal_(addition.up.weight, std=0.1)
        changed = network(IMAGES)
        for module in list(network.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, transfer.LowRank):
                    setattr(module, name, child.merged())
        assert not torch.allclose(changed, before, atol=1e-2)
        assert torch.allclose(network(IMAGES), changed, atol=1e-4)


def test_an_addition_is_that_of_peft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    peft = pytest.importorskip("peft")

    network = networks.residual(8, 1, seed=1).eval()
    ours = transfer.prepared(network, 10, seed=5)
    theirs = transfer.prepared(network, 10, seed=5)
    transfer.add_low_rank(ours, 4, seed=2)
    names = [name for name, module in theirs.named_modules() if isinstance(module, nn.Conv2d)]
    theirs = peft.get_peft_model(theirs, peft.LoraConfig(r=4, lora_alpha=4, target_modules=names)).eval()
    theirs_layers = dict(theirs.base_model.model.named_modules())
    with torch.no_grad():
        for name, module in ours.named_modules():
            if isinstance(module, transfer.LowRank):
                nn.init.normal_(module.up.weight, std=0.1)
                theirs_layers[name].lora_A["default"].weight.copy_(module.down.weight)
                theirs_layers[name].lora_B["default"].weight.copy_(module.up.weight)
        ours.eval()
        assert torch.equal(ours(IMAGES), theirs(IMAGES))
        assert not torch.allclose(ours(IMAGES), network(IMAGES), atol=1e-2)


def test_drawn_digits_look_like_digits() -> None:
    pixels, labels = transfer.glyphs(200, seed=1)
    assert pixels.shape == (200, 1, 8, 8) and set(labels.tolist()) == set(range(10))
    assert torch.equal(16 * pixels, (16 * pixels).round()) and 0 <= pixels.min() and pixels.max() <= 1
    assert (pixels.amax((1, 2, 3)) > 0.5).all()
    again, _ = transfer.glyphs(200, seed=1)
    assert torch.equal(pixels, again)


def test_few_and_only() -> None:
    digits = data.load("digits")
    half = transfer.only(digits, range(5, 10))
    assert half.classes == tuple("56789") and half.train_labels.unique().tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(half.test_images, digits.test_images[digits.test_labels >= 5])
    chosen = transfer.few(half.train_labels, 7, seed=1)
    assert len(set(chosen.tolist())) == 35 and half.train_labels[chosen].bincount().tolist() == [7] * 5
    assert chosen.tolist() != transfer.few(half.train_labels, 7, seed=2).tolist()
    with pytest.raises(ValueError, match="1000 examples of each class cannot be drawn: one class has"):
        transfer.few(half.train_labels, 1000, seed=1)


def test_torchvision_weights_from_a_file(tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    theirs = models.resnet18(num_classes=7).eval()
    path = tmp_path / "resnet18.pth"
    torch.save(theirs.state_dict(), path)
    ours = transfer.from_file(path, 18)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(ours(x), theirs(x), atol=1e-4)
    network = transfer.prepared(ours, 3, seed=1)
    assert transfer.tune(network, x, torch.tensor([0, 2]), "last stage", 0.01, steps=2)
    assert network(x).shape == (2, 3)


@pytest.mark.parametrize("content, says", [
    (None, "is damaged, or is no file of weights"),
    ({"conv1.weight": torch.zeros(64, 3, 7, 7)}, "does not hold torchvision's resnet18"),
    ({"a": torch.zeros(3)}, "does not hold torchvision's resnet18"),
    ([1, 2], "does not hold torchvision's resnet18"),
    (networks.plain, "holds objects other than numbers")])
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, content: object, says: str) -> None:
    path = tmp_path / "file.pth"
    buffer = io.BytesIO()
    torch.save(networks.residual(8).state_dict() if content is None else content, buffer)
    path.write_bytes(buffer.getvalue()[:2000] if content is None else buffer.getvalue())
    with pytest.raises(weights.WeightsDamaged, match=says) as caught:
        transfer.from_file(path, 18)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        transfer.from_file(tmp_path / "missing.pth", 18)
