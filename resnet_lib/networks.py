"""Plain and residual networks of depth 6n+2 for small images (He et al. 2015, section 4.2), the residual networks for
ImageNet (section 4.1), and a fully connected pair.

A stage halves the width and height of the feature maps and doubles the channels. Images have the shape N×C×H×W, the
networks return logits of the shape N×classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolution(in_channels: int, out_channels: int, stride: int = 1, *, normalisation: bool = True,
                padding_mode: str = "zeros") -> nn.Conv2d:
    """3×3 convolution that keeps the size of the map (divides it by `stride`).

    It has a bias only where no normalisation follows: batch normalisation subtracts the mean, and any bias with it.
    """
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=not normalisation,
                     padding_mode=padding_mode)  # type: ignore[arg-type]


def norm(channels: int, normalisation: bool = True) -> nn.Module:
    """Batch normalisation of `channels` feature maps, or nothing."""
    return nn.BatchNorm2d(channels) if normalisation else nn.Identity()


class PlainBlock(nn.Module):
    """Two 3×3 convolutions, each followed by batch normalisation and ReLU; no shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, *, normalisation: bool = True,
                 padding_mode: str = "zeros"):
        super().__init__()
        self.conv1 = convolution(in_channels, out_channels, stride, normalisation=normalisation,
                                 padding_mode=padding_mode)
        self.norm1 = norm(out_channels, normalisation)
        self.conv2 = convolution(out_channels, out_channels, normalisation=normalisation, padding_mode=padding_mode)
        self.norm2 = norm(out_channels, normalisation)

    def branch(self, x: Tensor) -> Tensor:
        """The block's layers up to the last ReLU: N×C×H×W to N×C'×H'×W'."""
        x = torch.relu(self.norm1(self.conv1(x)))
        return self.norm2(self.conv2(x))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x))


class ResidualBlock(PlainBlock):
    """The original residual block: a plain block with its input added before the last ReLU (He et al. 2015, eq. 2)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, *, shortcut: str = "A",
                 normalisation: bool = True, padding_mode: str = "zeros"):
        super().__init__(in_channels, out_channels, stride, normalisation=normalisation, padding_mode=padding_mode)
        self.shortcut = make_shortcut(shortcut, in_channels, out_channels, stride, normalisation=normalisation)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


class PreActivationBlock(nn.Module):
    """Normalisation and ReLU before each convolution, nothing after the addition (He et al. 2016, figure 1b).

    An identity shortcut carries the input itself; a projection sees the activated input, as in the authors' code.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, *, shortcut: str = "A",
                 normalisation: bool = True, padding_mode: str = "zeros"):
        super().__init__()
        self.norm1 = norm(in_channels, normalisation)
        self.conv1 = convolution(in_channels, out_channels, stride, normalisation=normalisation,
                                 padding_mode=padding_mode)
        self.norm2 = norm(out_channels, normalisation)
        self.conv2 = convolution(out_channels, out_channels, normalisation=normalisation, padding_mode=padding_mode)
        self.shortcut = make_shortcut(shortcut, in_channels, out_channels, stride, normalisation=False)

    def branch(self, activated: Tensor) -> Tensor:
        """The block's layers after the first ReLU."""
        return self.conv2(torch.relu(self.norm2(self.conv1(activated))))

    def forward(self, x: Tensor) -> Tensor:
        activated = torch.relu(self.norm1(x))
        projects = isinstance(self.shortcut, nn.Sequential)
        return self.branch(activated) + self.shortcut(activated if projects else x)


class BottleneckBlock(nn.Module):
    """1×1 convolution to `channels` channels, 3×3, and 1×1 to four times as many (He et al. 2015, figure 5 right).

    Projection where the shape changes (option B). `stride_on`: the convolution that halves the map, "3x3" as in
    torchvision ("V1.5") or "1x1" as in the paper. Raises ValueError for another one.
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int = 1, *, stride_on: str = "3x3"):
        super().__init__()
        if stride_on not in ("1x1", "3x3"):
            raise ValueError(f"The stride is on the '1x1' or on the '3x3' convolution, not on {stride_on!r}.")
        first, second = (stride, 1) if stride_on == "1x1" else (1, stride)
        out_channels = self.expansion * channels
        self.conv1 = nn.Conv2d(in_channels, channels, 1, first, bias=False)
        self.norm1 = norm(channels)
        self.conv2 = convolution(channels, channels, second)
        self.norm2 = norm(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.norm3 = norm(out_channels)
        self.shortcut = make_shortcut("B", in_channels, out_channels, stride, normalisation=True)

    def branch(self, x: Tensor) -> Tensor:
        """The block's layers up to the last ReLU: N×C×H×W to N×4·channels×H'×W'."""
        x = torch.relu(self.norm1(self.conv1(x)))
        x = torch.relu(self.norm2(self.conv2(x)))
        return self.norm3(self.conv3(x))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


class ZeroPaddingShortcut(nn.Module):
    """Option A: every second pixel of the input, and zeros for the channels it lacks; no parameters."""

    def __init__(self, extra_channels: int, stride: int):
        super().__init__()
        self.extra_channels, self.stride = extra_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, 0, self.extra_channels))


def make_shortcut(option: str, in_channels: int, out_channels: int, stride: int, *, normalisation: bool) -> nn.Module:
    """The shortcut of a residual block (He et al. 2015, section 3.3 and table 3).

    "A": the identity, with zeros for new channels. "B": a 1×1 projection where the shape changes, the identity
    elsewhere. "C": a projection in every block. Raises ValueError for another option.
    """
    if option not in ("A", "B", "C"):
        raise ValueError(f"There is no shortcut option {option!r}; choose 'A', 'B' or 'C'.")
    changes = stride != 1 or in_channels != out_channels
    if option == "C" or (option == "B" and changes):
        projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        return nn.Sequential(projection, norm(out_channels)) if normalisation else nn.Sequential(projection)
    return ZeroPaddingShortcut(out_channels - in_channels, stride) if changes else nn.Identity()


class Network(nn.Module):
    """Stem, three stages of blocks, global average pooling and a linear classifier.

    `block(in_channels, out_channels, stride)` makes one block. Convolutions start as in He et al. 2015 ("Delving
    Deep"): normal with variance 2 / fan-in, biases zero, batch normalisation with weight 1 and bias 0; the classifier
    keeps PyTorch's default. Raises ValueError for a depth that is not 6n+2 and, in `forward`, for images of another
    shape than N×`in_channels`×H×W.
    """

    def __init__(self, block: Callable[..., nn.Module], depth: int, in_channels: int, classes: int, width: int = 16, *,
                 stem_stride: int = 1, normalisation: bool = True, pre_activation: bool = False,
                 padding_mode: str = "zeros"):
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"A network of this family has 6n+2 layers: 8, 14, 20, 32, 44, 56, 110, …; not {depth}.")
        if min(in_channels, classes, width, stem_stride) < 1:
            raise ValueError("in_channels, classes, width and stem_stride are at least 1, "
                             f"not {in_channels}, {classes}, {width}, {stem_stride}.")
        self.depth, self.in_channels, self.classes = depth, in_channels, classes
        first = convolution(in_channels, width, stem_stride, normalisation=normalisation, padding_mode=padding_mode)
        self.stem = nn.Sequential(first) if pre_activation else nn.Sequential(first, norm(width, normalisation),
                                                                              nn.ReLU())
        stages, channels = [], width
        for stage in range(3):
            blocks = []
            for index in range((depth - 2) // 6):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(block(channels, width * 2**stage, stride, normalisation=normalisation,
                                    padding_mode=padding_mode))
                channels = width * 2**stage
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.last = nn.Sequential(norm(channels, normalisation), nn.ReLU()) if pre_activation else nn.Identity()
        self.classifier = nn.Linear(channels, classes)
        initialise(self)

    def features(self, x: Tensor) -> Tensor:
        """What the classifier sees: N×C, the last feature maps averaged over their pixels."""
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(f"This network takes images of the shape N×{self.in_channels}×H×W; "
                             f"these have the shape {'×'.join(map(str, x.shape))}.")
        return self.last(self.stages(self.stem(x))).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))

    def blocks(self) -> list[nn.Module]:
        """All blocks from input to output."""
        return [block for stage in self.stages for block in stage.children()]


def initialise(network: nn.Module) -> None:
    """Draw the weights of all convolutions as in He et al. 2015, with variance 2 / fan-in; their biases are zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Inside, PyTorch's random numbers follow `seed`; afterwards they go on as if nothing had happened."""
    if seed is None:
        yield
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield


def plain(depth: int, in_channels: int = 3, classes: int = 10, width: int = 16, *, stem_stride: int = 1,
          normalisation: bool = True, padding_mode: str = "zeros", seed: int | None = None) -> Network:
    """Plain network of `depth` = 6n+2 layers (He et al. 2015, section 4.2): stem, 3n two-layer blocks, classifier.

    `width`: channels of the first stage. `stem_stride`: 2 halves the map in the first convolution already.
    `padding_mode`: "zeros" or "circular" (maps without a border). `seed`: fixes the initial weights; without it they
    follow PyTorch's global generator.
    """
    with seeded(seed):
        return Network(PlainBlock, depth, in_channels, classes, width, stem_stride=stem_stride,
                       normalisation=normalisation, padding_mode=padding_mode)


def residual(depth: int, in_channels: int = 3, classes: int = 10, width: int = 16, *, shortcut: str = "A",
             stem_stride: int = 1, normalisation: bool = True, pre_activation: bool = False,
             padding_mode: str = "zeros", seed: int | None = None) -> Network:
    """Residual network of `depth` = 6n+2 layers: `plain` with a shortcut around each pair of convolutions.

    `shortcut`: "A" zero padding, "B" projections where the shape changes, "C" projections everywhere (He et al. 2015,
    table 3). `pre_activation`: the block of He et al. 2016. The rest as in `plain`.
    """
    block_type = PreActivationBlock if pre_activation else ResidualBlock

    def block(in_channels: int, out_channels: int, stride: int, **options: Any) -> nn.Module:
        return block_type(in_channels, out_channels, stride, shortcut=shortcut, **options)

    with seeded(seed):
        return Network(block, depth, in_channels, classes, width, stem_stride=stem_stride,
                       normalisation=normalisation, pre_activation=pre_activation, padding_mode=padding_mode)


IMAGENET = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class ImageNetNetwork(nn.Module):
    """Stem of 7×7 with maximum pooling, four stages of blocks, global average pooling, classifier (table 1)."""

    def __init__(self, depth: int, in_channels: int, classes: int, stride_on: str):
        super().__init__()
        if depth not in IMAGENET:
            raise ValueError(f"The networks for ImageNet have {', '.join(map(str, IMAGENET))} layers, not {depth}.")
        self.depth, self.in_channels, self.classes = depth, in_channels, classes
        self.stem = nn.Sequential(nn.Conv2d(in_channels, 64, 7, 2, padding=3, bias=False), norm(64), nn.ReLU(),
                                  nn.MaxPool2d(3, 2, padding=1))
        stages, reached = [], 64
        for stage, count in enumerate(IMAGENET[depth]):
            channels, blocks = 64 * 2**stage, list[nn.Module]()
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                if depth < 50:
                    blocks.append(ResidualBlock(reached, channels, stride, shortcut="B"))
                    reached = channels
                else:
                    blocks.append(BottleneckBlock(reached, channels, stride, stride_on=stride_on))
                    reached = BottleneckBlock.expansion * channels
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Linear(reached, classes)
        initialise(self)

    def features(self, x: Tensor) -> Tensor:
        """What the classifier sees: N×C, the last feature maps averaged over their pixels."""
        return self.stages(self.stem(x)).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


def imagenet(depth: int, in_channels: int = 3, classes: int = 1000, *, stride_on: str = "3x3",
             seed: int | None = None) -> ImageNetNetwork:
    """Residual network of 18 or 34 (basic blocks), 50, 101 or 152 layers (bottlenecks), for images of about 224×224.

    He et al. 2015, table 1, with option B. `stride_on`: see `BottleneckBlock`. Raises ValueError for another depth.
    """
    with seeded(seed):
        return ImageNetNetwork(depth, in_channels, classes, stride_on)


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of torchvision's resnet18 … resnet152 under the names that `imagenet` has."""
    names = {"conv1": "stem.0", "bn1": "stem.1", **{f"layer{stage + 1}": f"stages.{stage}" for stage in range(4)},
             "fc": "classifier"}

    def renamed(name: str) -> str:
        first, rest = name.split(".", 1)
        return f"{names[first]}.{rest.replace('bn', 'norm').replace('downsample', 'shortcut')}"

    return {renamed(name): tensor for name, tensor in state.items()}


class Scale(nn.Module):
    """Multiplication by one number, which is learned or stays as it is."""

    def __init__(self, start: float, learned: bool):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(start)) if learned else start

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


@torch.no_grad()
def scale_branches(network: Network, cure: str) -> Network:
    """Give each of the N branches of a residual network without normalisation a factor at its end; in place.

    "1/√N": the fixed factor 1/√N. "zero": a learned factor that starts at 0 (SkipInit, De & Smith 2020; ReZero,
    Bachlechner et al. 2021). "Fixup": a learned factor 1 behind a last convolution of zeros, the first convolution
    times 1/√N, a classifier of zeros (Zhang et al. 2019; their scalar biases are left out, for these convolutions have
    biases). Raises ValueError for another cure.
    """
    if cure not in ("1/√N", "zero", "Fixup"):
        raise ValueError(f"There is no cure {cure!r}; choose '1/√N', 'zero' or 'Fixup'.")
    blocks = network.blocks()
    shrink = len(blocks) ** -0.5
    for block in blocks:
        conv1, conv2 = block.conv1, block.conv2
        assert isinstance(conv1, nn.Conv2d) and isinstance(conv2, nn.Conv2d)
        if cure == "1/√N":
            block.conv2 = nn.Sequential(conv2, Scale(shrink, learned=False))
        elif cure == "zero":
            block.conv2 = nn.Sequential(conv2, Scale(0.0, learned=True))
        else:
            conv1.weight *= shrink
            nn.init.zeros_(conv2.weight)
            block.conv2 = nn.Sequential(conv2, Scale(1.0, learned=True))
    if cure == "Fixup":
        nn.init.zeros_(network.classifier.weight)
        nn.init.zeros_(network.classifier.bias)
    return network


class FullyConnected(nn.Module):
    """`depth` equal hidden layers x ← f(norm(Wx + b)), or x ← x + f(norm(Wx + b)) with `skip`; then a linear output."""

    def __init__(self, depth: int, width: int, inputs: int, outputs: int, *, skip: bool, normalisation: bool,
                 activation: Callable[[Tensor], Tensor]):
        super().__init__()
        if min(depth, width, inputs, outputs) < 1:
            raise ValueError(f"depth, width, inputs and outputs are at least 1, not {depth}, {width}, {inputs}, "
                             f"{outputs}.")
        self.skip, self.activation = skip, activation
        self.first = nn.Linear(inputs, width)
        self.linears = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) if normalisation else nn.Identity() for _ in range(depth))
        self.classifier = nn.Linear(width, outputs)
        for linear in (self.first, *self.linears):
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)

    def states(self, x: Tensor) -> list[Tensor]:
        """x after the first layer and after each hidden layer: depth + 1 tensors of the shape N×width."""
        if x.ndim < 2 or x.shape[1:].numel() != self.first.in_features:
            raise ValueError(f"This network takes {self.first.in_features} numbers an image; "
                             f"these images have the shape {'×'.join(map(str, x.shape))}.")
        states = [self.activation(self.first(x.flatten(1)))]
        for linear, normalise in zip(self.linears, self.norms):
            x = states[-1]
            step = self.activation(normalise(linear(x)))
            states.append(x + step if self.skip else step)
        return states

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.states(x)[-1])


def fully_connected(depth: int, width: int, inputs: int, outputs: int, *, skip: bool = False,
                    normalisation: bool = False, activation: Callable[[Tensor], Tensor] = torch.relu,
                    seed: int | None = None) -> FullyConnected:
    """Fully connected network of `depth` hidden layers between an input and an output layer, plain or with skips.

    He initialisation (variance 2 / fan-in), biases zero. Images are flattened. Raises ValueError for sizes below 1
    and, in use, for images of another size.
    """
    with seeded(seed):
        return FullyConnected(depth, width, inputs, outputs, skip=skip, normalisation=normalisation,
                              activation=activation)


def count_parameters(network: nn.Module) -> int:
    """Number of trainable numbers in a network."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def count_kept(network: nn.Module, images: Tensor) -> int:
    """Numbers that autograd keeps for the backward pass of one training step, an image.

    `images`: N×C×H×W, not counted, nor are parameters and the statistics of normalisations. What several layers keep
    is counted once. Leaves the network in training mode.
    """
    own = (images, *network.parameters(), *network.buffers())
    kept = {tensor.untyped_storage().data_ptr(): tensor.numel()
            for tensor in kept_tensors(own, lambda: network.train()(images)) if tensor.ndim > 1}
    return sum(kept.values()) // len(images)


def kept_tensors(own: Iterable[Tensor], forward: Callable[[], Any]) -> list[Tensor]:
    """What autograd keeps for the backward pass of `forward()`, in order, without the storages of the tensors `own`.

    A storage that several layers keep is there several times.
    """
    left_out = {tensor.untyped_storage().data_ptr() for tensor in own}
    kept: list[Tensor] = []  # held, so that no address is used twice

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in left_out:
            kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = forward()  # noqa: F841 (its graph lives until all is counted)
    return kept
