"""Operations on a finished network: grow it by identity layers, take its skips out, recompute its batch statistics."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from resnet_lib.networks import Network, PlainBlock, ResidualBlock, plain


@torch.no_grad()
def grow(network: Network, depth: int, images: Tensor | None = None) -> Network:
    """A plain network of `depth` layers that computes what the shallower plain `network` computes.

    Each stage keeps its blocks; after its first one come identity blocks: filters that copy each channel, between
    ReLUs that change nothing because their input is a ReLU's output. Without `images` each new batch normalisation is
    the identity in evaluation mode only (in training mode it normalises, and the copy is lost). With `images`, a batch
    N×C×H×W, its weight and bias undo the normalisation by that batch's statistics, so it passes signals on in both
    modes. Raises ValueError when `depth` is not larger or the network is not plain with batch normalisation.
    """
    if not all(type(block) is PlainBlock and isinstance(block.norm1, nn.BatchNorm2d) for block in network.blocks()):
        raise ValueError("Only a plain network with batch normalisation can be grown by identity layers.")
    if depth <= network.depth:
        raise ValueError(f"The grown network must be deeper than {network.depth} layers, not {depth}.")
    first: nn.Conv2d = network.stem[0]  # type: ignore[assignment]
    deep = plain(depth, network.in_channels, network.classes, first.out_channels, padding_mode=first.padding_mode,
                 seed=0).to(first.weight.device, first.weight.dtype)  # of its own weights none is kept
    deep.stem, deep.classifier = copy.deepcopy(network.stem), copy.deepcopy(network.classifier)
    identities: list[PlainBlock] = []
    for index, (old, new) in enumerate(zip(network.stages, deep.stages)):
        kept = list(copy.deepcopy(old).children())
        added = list(new.children())[len(kept):]
        deep.stages[index] = nn.Sequential(kept[0], *added, *kept[1:])
        identities += [block for block in added if isinstance(block, PlainBlock)]
    for block in identities:
        make_identity(block)
    if images is not None:
        undo_normalisation(deep, identities, images)
    return deep.train(network.training)


def make_identity(block: PlainBlock) -> None:
    """Let a plain block of equal input and output shape copy its input in evaluation mode, for inputs >= 0."""
    for convolution, normalisation in ((block.conv1, block.norm1), (block.conv2, block.norm2)):
        nn.init.dirac_(convolution.weight)
        assert isinstance(normalisation, nn.BatchNorm2d)
        nn.init.constant_(normalisation.weight, math.sqrt(1 + normalisation.eps))
        nn.init.zeros_(normalisation.bias)
        normalisation.reset_running_stats()


def undo_normalisation(deep: Network, identities: list[PlainBlock], images: Tensor) -> None:
    """Set weight and bias of the identity blocks' normalisations to the std and mean of what passes through them."""
    x = deep.eval().stem(images)
    for block in deep.blocks():
        if block not in identities:
            x = block(x)
            continue
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        for normalisation in block.modules():
            if not isinstance(normalisation, nn.BatchNorm2d):
                continue
            assert normalisation.running_mean is not None and normalisation.running_var is not None
            normalisation.weight.copy_((variance + normalisation.eps).sqrt())
            normalisation.bias.copy_(mean)
            normalisation.running_mean.copy_(mean)
            normalisation.running_var.copy_(variance)


@torch.no_grad()
def recalibrate(network: nn.Module, images: Tensor) -> None:
    """Recompute the running statistics of every batch normalisation from `images` (one batch N×C×H×W), in place."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta, training = [module.momentum for module in norms], network.training
    for module in norms:
        module.reset_running_stats()
        module.momentum = None
    network.train()
    network(images)
    network.train(training)
    for module, momentum in zip(norms, momenta):
        module.momentum = momentum


def without_skips(network: Network) -> Network:
    """A copy of a residual network with the same weights and statistics and no shortcuts: a plain network.

    Raises ValueError when a block is not the original residual block.
    """
    bare = copy.deepcopy(network)
    for block in bare.blocks():
        if type(block) is not ResidualBlock:
            raise ValueError("Only the skips of original residual blocks can be taken out.")
        block.__class__ = PlainBlock  # type: ignore[assignment]
        del block.shortcut
    return bare
