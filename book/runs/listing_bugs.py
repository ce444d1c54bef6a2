"""The published listing with everything mended, and each of its mistakes that does not crash planted alone in it,
and two of them together."""

import torch
from torch import Tensor, nn

from resnet_lib import data, runs
from resnet_lib.diagnosis import SetUp

digits = data.load("digits")


class Block(nn.Module):
    """A residual block with a projection where the shape changes (option B)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                                          nn.BatchNorm2d(out_channels))

    def branch(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm1(self.conv1(x)))
        return self.norm2(self.conv2(x))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


class NoSkip(Block):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x))


class Linear(Block):
    """Linear layers in place of convolutions: they see one pixel."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1):
        super().__init__(in_channels, out_channels, stride)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 1, bias=False)


class ResNet(nn.Module):
    """Stem, four stages of two blocks, mean over the pixels, classifier: 18 layers."""

    def __init__(self, block: type[Block] = Block, widths: tuple[int, ...] = (8, 16, 32, 64), classes: int = 10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0]),
                                  nn.ReLU())
        stages, channels = [], widths[0]
        for number, width in enumerate(widths):
            stages.append(nn.Sequential(block(channels, width, 2 if number else 1), block(width, width)))
            channels = width
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.stages(self.stem(x)).mean((2, 3)))


MISTAKES = ("none", "no skip", "linear layers", "linear layers, no downsampling", "unused layers", "no downsampling",
            "no normalisation", "no normalisation, He initialisation", "no eval")


def build(mistake: str, seed: int) -> SetUp:
    """The mended network with one mistake of the listing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ResNet({"no skip": NoSkip, "linear": Linear}.get(mistake.split(" layers")[0], Block))
        if mistake == "unused layers":
            network.fc1, network.fc2 = nn.Linear(64, 50), nn.Linear(50, 10)
    for module in network.modules():
        if mistake.endswith("no downsampling") and isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
        if mistake.endswith("He initialisation") and isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if mistake.startswith("no normalisation"):
            for name, child in module.named_children():
                if isinstance(child, nn.BatchNorm2d):
                    setattr(module, name, nn.Identity())
    return SetUp(network, digits, evaluates=mistake != "no eval")


def measure(mistake: str, learning_rate: float, epochs: int, seed: int) -> dict:
    setup = build(mistake, seed)
    losses = setup.train(epochs=epochs, learning_rate=learning_rate, seed=seed)
    return {"train_loss": losses, "test_error": setup.test_error()}


if __name__ == "__main__":
    runs.record("listing_bugs", "What does each mistake of the listing cost, alone in the mended network?",
                [{"mistake": mistake, "learning_rate": rate, "epochs": 4, "seed": seed} for seed in range(1, 11)
                 for mistake in MISTAKES for rate in (0.01, 0.03, 0.1)], measure)
