"""Saliency maps: each method against captum or by hand, and the controls that maps are held against."""

from __future__ import annotations

import copy

import pytest
import torch
from captum import attr
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import networks, saliency, surgery, weights

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:captum")
GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.rand(5, 1, 16, 16, generator=GENERATOR) * (torch.rand(5, 1, 16, 16, generator=GENERATOR) > 0.5)
LABELS = torch.tensor([1, 0, 2, 2, 1])


@pytest.fixture(scope="module")
def network() -> networks.Network:
    made = networks.residual(8, in_channels=1, classes=3, width=4, seed=1)
    surgery.recalibrate(made, torch.randn(32, 1, 16, 16, generator=GENERATOR))
    return made.eval()


class WithModules(nn.Module):
    """A residual block whose ReLUs are modules, which captum finds."""

    def __init__(self, block: networks.ResidualBlock) -> None:
        super().__init__()
        self.block, self.first, self.last = block, nn.ReLU(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        block = self.block
        branch = block.norm2(block.conv2(self.first(block.norm1(block.conv1(x)))))
        return self.last(branch + block.shortcut(x))


def modules(network: networks.Network) -> networks.Network:
    changed = copy.deepcopy(network)
    for stage in changed.stages:
        for index, block in enumerate(stage):
            stage[index] = WithModules(block)
    return changed


def test_gradient_and_integrated_gradients_are_those_of_captum(network: networks.Network) -> None:
    ours = saliency.gradient(network, IMAGES, LABELS)
    theirs = attr.Saliency(network).attribute(IMAGES, LABELS, abs=False)[:, 0]
    assert torch.allclose(ours, theirs, atol=1e-6)
    ours = saliency.integrated_gradients(network, IMAGES, LABELS, steps=7)
    theirs = attr.IntegratedGradients(network).attribute(IMAGES, torch.zeros_like(IMAGES), LABELS, n_steps=7,
                                                         method="riemann_middle")[:, 0]
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_integrated_gradients_are_complete(network: networks.Network) -> None:
    double = copy.deepcopy(network).double()
    heat = saliency.integrated_gradients(double, IMAGES.double(), LABELS, steps=2000)
    rise = (double(IMAGES.double()) - double(torch.zeros_like(IMAGES).double())).gather(1, LABELS[:, None])[:, 0]
    assert torch.allclose(heat.sum((1, 2)), rise, atol=2e-3)


def test_smooth_gradient_is_the_mean_over_noisy_copies(network: networks.Network) -> None:
    torch.manual_seed(3)
    theirs = attr.NoiseTunnel(attr.Saliency(network)).attribute(IMAGES, nt_samples=4, stdevs=0.2, target=LABELS,
                                                                abs=False)[:, 0]
    assert torch.allclose(saliency.smooth_gradient(network, IMAGES, LABELS, 0.2, 4, seed=3), theirs, atol=1e-5)
    exact = saliency.smooth_gradient(network, IMAGES, LABELS, noise=0.0, samples=2)
    assert torch.allclose(exact, saliency.gradient(network, IMAGES, LABELS), atol=1e-6)


def test_guided_backpropagation_reaches_relus_that_are_functions(network: networks.Network) -> None:
    ours = saliency.guided_backpropagation(network, IMAGES, LABELS)
    theirs = attr.GuidedBackprop(modules(network)).attribute(IMAGES, LABELS)[:, 0]
    assert torch.allclose(ours, theirs, atol=1e-6) and ours.abs().max() > 1e-3
    assert not torch.allclose(ours, saliency.gradient(network, IMAGES, LABELS), atol=1e-3)
    x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)  # afterwards ReLUs are ReLUs again
    (functional.relu(x) * torch.tensor([1.0, 1.0, -1.0])).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 1, -1]


def test_guided_relus_pass_back_what_is_positive() -> None:
    for relu in (torch.relu, functional.relu, nn.ReLU(), nn.ReLU(inplace=True)):
        x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
        with saliency.Guided():
            (relu(x * 1) * torch.tensor([1.0, 1.0, -1.0])).sum().backward()
        assert x.grad is not None and x.grad.tolist() == [0, 1, 0]


def test_grad_cam_is_that_of_captum_and_leaves_no_hook(network: networks.Network) -> None:
    for stage in network.stages:
        ours = saliency.grad_cam(network, stage, IMAGES, LABELS)
        theirs = attr.LayerGradCam(network, stage).attribute(IMAGES, LABELS, relu_attributions=True)[:, 0]
        assert torch.allclose(ours, theirs, atol=1e-6)
        assert not stage._forward_hooks
    assert saliency.grad_cam(network, network.stages[2], IMAGES, LABELS, size=16).shape == (5, 16, 16)
    with pytest.raises(ValueError, match="images of the shape"):
        saliency.grad_cam(network, network.stages[2], IMAGES[0], LABELS)
    assert not network.stages[2]._forward_hooks


def test_occlusion_by_hand() -> None:
    def brightness(images: Tensor) -> Tensor:
        return torch.stack([images[:, 0, :2, :2].sum((1, 2)), images.sum((1, 2, 3))], 1)

    images = torch.ones(1, 1, 4, 4)
    corner = saliency.occlusion(brightness, images, torch.tensor([0]), side=2, step=2)[0]
    assert corner.tolist() == [[4, 4, 0, 0], [4, 4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    overlapping = saliency.occlusion(brightness, images, torch.tensor([0]), side=2, step=1)[0]
    assert overlapping[0].tolist() == [4, 3, 1, 0] and overlapping[3].tolist() == [0, 0, 0, 0]


def test_edges_know_no_network() -> None:
    images = torch.zeros(1, 1, 5, 6)
    images[..., 3:] = 1
    assert saliency.edges(images)[0, 2].tolist()[1:5] == [0, 4, 4, 0]


def with_ties(first: Tensor, second: Tensor) -> list[float]:
    return [spearmanr(a.flatten(), b.flatten()).statistic for a, b in zip(first, second)]


def test_agreement_is_spearmans_with_ties_and_inside_a_mask() -> None:
    first, second = IMAGES[:, 0] * torch.randn(5, 16, 16, generator=GENERATOR), IMAGES[:, 0]
    assert saliency.agreement(first, second) == pytest.approx(with_ties(first, second))
    ink = IMAGES[:, 0] > 0
    inside = [spearmanr(a[where], b[where]).statistic for a, b, where in zip(first, second, ink)]
    assert saliency.agreement(first, second, ink) == pytest.approx(inside)
    assert saliency.agreement(first, first.exp()) == pytest.approx([1] * 5)
    assert saliency.agreement(first, torch.zeros_like(first)) == [0] * 5


PARTS = ("classifier", "stage 3", "stage 2", "stage 1", "stem")


@pytest.mark.parametrize("count", range(6))
def test_randomised_changes_the_parts_alone(network: networks.Network, count: int) -> None:
    before = copy.deepcopy(network.state_dict())
    changed = saliency.randomised(network, PARTS[:count], IMAGES, seed=5)
    fresh = networks.residual(8, in_channels=1, classes=3, width=4, seed=5).state_dict()

    def place(name: str) -> str:
        first, second, *_ = name.split(".")
        return f"stage {int(second) + 1}" if first == "stages" else first

    for name, value in changed.named_parameters():
        assert torch.equal(value, (fresh if place(name) in PARTS[:count] else before)[name]), name
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())
    assert not changed.training
    ready = copy.deepcopy(changed)
    surgery.recalibrate(ready, IMAGES)
    assert all(map(torch.equal, ready.state_dict().values(), changed.state_dict().values()))


def test_a_reader_takes_pixels(network: networks.Network) -> None:
    mean, std = torch.tensor([0.1]), torch.tensor([0.5])
    trained = weights.Trained(network, "residual", {}, (16, 16), mean, std, ("a", "b", "c"))
    assert torch.equal(saliency.Reader(trained)(IMAGES), network((IMAGES - 0.1) / 0.5))
