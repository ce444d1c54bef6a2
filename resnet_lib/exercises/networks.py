"""Checks of the answers to the exercises of the part "Networks"."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, networks, patients
from resnet_lib.diagnosis import panel, twin
from resnet_lib.exercises.checking import check, hint

# training-loop -------------------------------------------------------------------------------------------------------

@check
def train_step(answer: Callable[..., float]) -> str:
    """`answer(network, images, labels, optimizer)`: one step on a batch; returns the loss before it as a number."""
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8, generator=generator), torch.randint(10, (16,), generator=generator)

    def trained(step: Callable[..., Any]) -> tuple[nn.Module, Any]:
        """A network that begins in evaluation mode with old gradients, after two steps; and what the first returned."""
        network = networks.residual(8, in_channels=1, classes=10, width=4, seed=1)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        functional.cross_entropy(network(images), labels).backward()
        network.eval()
        first = step(network, images, labels, optimizer)
        step(network, images, labels, optimizer)
        return network, first

    def step(network: nn.Module, images: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, *,
             train: bool = True, zero: bool = True, softmax: bool = False) -> float:
        network.train(train)
        logits = network(images)
        loss = functional.cross_entropy(logits.softmax(1) if softmax else logits, labels)
        if zero:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    def same(one: nn.Module, other: nn.Module) -> bool:
        return all(torch.allclose(a, b, atol=1e-6) for a, b in zip(one.parameters(), other.parameters()))

    given, loss = trained(answer)
    right, expected = trained(step)
    if not same(given, right):
        if same(given, networks.residual(8, in_channels=1, classes=10, width=4, seed=1)):
            return ("The weights have not changed: is there a backward and a step, and zero_grad before them, not "
                    "between?")
        typical = [(partial(step, zero=False), "The gradients of the last batch are still there: zero_grad is "
                                               "missing."),
                   (partial(step, train=False), "The network came in evaluation mode and was left in it: call "
                                                "network.train()."),
                   (partial(step, softmax=True), "cross_entropy takes logits; you gave it the softmax of them.")]
        return next((said for mistaken, said in typical if same(given, trained(mistaken)[0])),
                    "The weights after two steps are not those of zero_grad, backward, step.")
    if isinstance(loss, Tensor):
        return "You return a tensor, which keeps all that it was computed from: loss.item() is the number."
    if loss is None or abs(loss - expected) > 1e-5:
        return f"The weights are right. The loss before the first step is {expected:.4f}; you return {loss}."
    return ""


@check
def honest_error(answer: Callable[[dict[str, list[float]], dict[str, list[float]]], float]) -> str:
    """`answer(validation, test)`: mean test error of the setting with the lowest mean validation error."""
    validation = {"slow": [5.0, 6.0], "fast": [1.0, 8.0], "steady": [3.0, 4.0], "lucky": [7.0, 3.0]}
    test = {"slow": [5.0, 6.5], "fast": [4.0, 7.0], "steady": [4.0, 5.0], "lucky": [2.0, 2.5]}
    given = float(answer({name: list(errors) for name, errors in validation.items()},
                         {name: list(errors) for name, errors in test.items()}))
    typical = [(2.25, "You chose by the test errors: that is the leak."),
               (3.5, "You report the validation error of the chosen setting, and it has been chosen for being low."),
               (5.5, "You chose the setting with the single best seed; compare the means."),
               (5.75, "You chose the setting with the highest validation error."),
               (4.0, "You report the best seed of the chosen setting; report the mean over its seeds."),
               (2.0, "That is the lowest number of all the test errors.")]
    if abs(given - 4.5) < 1e-9:
        return "" if abs(float(answer(test, validation)) - 5) < 1e-9 else (
            "With other errors you give something else: compute it from the arguments.")
    return hint(given, typical,
                f"You say {given:g}. The lowest mean validation error is that of \"steady\".", atol=1e-9)


# plain ---------------------------------------------------------------------------------------------------------------

@check
def receptive_field(answer: Callable[[list[tuple[int, int]]], int]) -> str:
    """`answer(layers)`: side in pixels of the receptive field behind layers of (side of the filter, stride)."""
    def side(layers: list[tuple[int, int]], moved_first: bool = False, least: int = 1) -> int:
        field, jump = 1, 1
        for size, stride in layers:
            jump *= stride if moved_first else 1
            field += (size - least) * jump
            jump *= 1 if moved_first else stride
        return field

    cases: list[list[tuple[int, int]]] = [[(3, 1)], [(3, 1), (3, 1)], [(7, 2), (3, 2), (3, 1)], [(1, 2), (5, 1)],
                                          [(3, 1)] * 7 + [(3, 2)] + [(3, 1)] * 5 + [(3, 2)] + [(3, 1)] * 5, []]
    for layers in cases:
        given = answer(list(layers))
        if given == side(layers):
            continue
        what = f"{layers} gave {given!r}: "
        if not layers:
            return what + "without a layer, a number sees one pixel."
        if given == side([(size, 1) for size, _ in layers]):
            return what + "behind a layer with a stride the neighbours stand further apart; count the jump."
        if given == side(layers, moved_first=True):
            return what + "a layer's own stride counts for the layers behind it, not for itself."
        if given == side(layers, least=0):
            return what + "a filter of side k adds k − 1 jumps: one of its places was there before."
        return what + "a 3×3 filter adds one jump on each side; strides multiply the jump."
    return ""


@check
def border_share(answer: Callable[[int, int], float]) -> str:
    """`answer(size, kernel)`: share of the multiplications of one convolution with a zero of the border, 0 to 1."""
    def inside(size: int, kernel: int) -> float:
        reach = kernel // 2
        return sum(0 <= pixel + offset < size for pixel in range(size)
                   for offset in range(-reach, reach + 1)) / (size * kernel)

    for size, kernel in ((8, 3), (2, 3), (1, 3), (4, 1), (6, 5), (2, 7)):
        given, within = answer(size, kernel), inside(size, kernel)
        if math.isclose(given, 1 - within**2, abs_tol=1e-9):
            continue
        what = f"size {size}, kernel {kernel}: {given:.4g}; "
        if math.isclose(given, within**2, abs_tol=1e-9):
            return what + "this is the share inside the picture: take it from 1."
        if math.isclose(given, 1 - within, abs_tol=1e-9):
            return what + "this is the share in one direction: what is inside must be inside in both."
        if math.isclose(given, (1 - within) ** 2, abs_tol=1e-9):
            return what + "these are outside in both directions: outside in one is enough."
        if math.isclose(given, 100 * (1 - within**2), abs_tol=1e-9):
            return what + "give a share between 0 and 1, not a percentage."
        if kernel > 3 and math.isclose(answer(2, 3), 1 - inside(2, 3) ** 2, abs_tol=1e-9):
            return what + "right for 3×3 filters; a wider filter has more than one weight outside at an edge."
        return what + "count, over a row of pixels, how many of a filter's weights fall on a pixel."
    return ""


# residual ------------------------------------------------------------------------------------------------------------

@check
def parameter_formula(answer: Callable[[int], int]) -> str:
    """`answer(n)`: parameters of a residual network 6n+2 with shortcut A, 3 channels and 10 classes."""
    if answer(3) == 269_722:
        return "" if (answer(9), answer(18)) == (853_018, 1_727_962) else "Right for n = 3 only: it must grow with n."
    given = [answer(n) for n in (3, 9, 18)]
    off = [number - right for number, right in zip(given, (269_722, 853_018, 1_727_962))]
    typical = [(lambda n: -32 - 448 * n, "The normalisations are missing: each has two numbers a channel."),
               (lambda n: 32 + 448 * n, "A normalisation has two parameters a channel; its stored mean and variance "
                                        "are not trained."),
               (lambda n: 16 + 224 * n, "No convolution here has a bias: a normalisation follows."),
               (lambda n: 23_040, "The first convolutions of stages 2 and 3 have only half as many inputs."),
               (lambda n: 2_560, "Shortcut A has no weights: the projections belong to B."),
               (lambda n: 2_752, "Shortcut A has no parameters: you counted B."),
               (lambda n: -288, "Colour images have three channels, grey ones have one."),
               (lambda n: -10, "The classifier has a bias for each of the ten classes."),
               (lambda n: -650, "The classifier is missing: 64 inputs, 10 classes, and a bias each.")]
    for difference, said in typical:
        if off == [difference(n) for n in (3, 9, 18)]:
            return said
    if off[0] == off[1] == off[2]:
        return f"Each n adds what it should; the rest is off by {off[0]:+,}."
    return (f"For n = 3 you have {given[0]:,} and the network has 269,722. "
            "Count one block of each stage: two convolutions of 9c² weights and two normalisations of 2c numbers.")


ORIGINAL = {"shortcut": "A", "projection_bias": False, "projection_norm": True, "convolution_bias": False,
            "pre_activation": False, "last_norm": True}  # as `parts_described` takes it; no last norm in this network


def parts_described(*, shortcut: str, projection_bias: bool, projection_norm: bool, convolution_bias: bool,
                    pre_activation: bool, last_norm: bool) -> dict[str, int]:
    """Parameters, part by part, of the 20-layer network for 3 channels and 10 classes that a description stands for."""
    parts = {"stem": 27 * 16 + 16 * convolution_bias + 32 * (not pre_activation)}
    widths = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)
    for index, (before, after) in enumerate(zip(widths, widths[1:])):
        count = 9 * before * after + 9 * after**2 + 2 * after * convolution_bias
        count += 2 * before + 2 * after if pre_activation else 4 * after
        if shortcut == "C" or (shortcut == "B" and before != after):
            count += before * after + after * projection_bias + 2 * after * projection_norm
        parts[f"stage {index // 3 + 1}, block {index % 3 + 1}"] = count
    return {**parts, "last norm": 128 * (pre_activation and last_norm), "classifier": 650}


def count_described(**description: Any) -> int:
    """All parameters of the network that a description stands for; see `parts_described`."""
    return sum(parts_described(**description).values())


def unfit(description: Any) -> str:
    """What keeps a value from being a description of a network, or ""."""
    flags = ("projection_bias", "projection_norm", "convolution_bias", "pre_activation", "last_norm")
    if not isinstance(description, dict) or set(description) != {"shortcut", *flags}:
        return f"A description has the six entries shortcut, {', '.join(flags)}."
    if description["shortcut"] not in ("A", "B", "C") or any(description[flag] not in (True, False) for flag in flags):
        return "The shortcut is 'A', 'B' or 'C'; the other entries are True or False."
    return ""


@check
def published_count(answer: dict[str, Any]) -> str:
    """A description of a 20-layer network (see `count_described`) with 272,378 parameters; any such one is right."""
    if problem := unfit(answer):
        return problem
    more = count_described(**answer) - 272_378
    if not more:
        return ""
    problem = (f"This network has {more + 272_378:,} parameters, {abs(more):,} {'more' if more > 0 else 'fewer'} than "
               "the published one.")
    if answer["shortcut"] == "A":
        return f"{problem} A has no weights on its shortcuts, whatever else is said about projections."
    if more == 96:
        return f"{problem} 96 = 32 + 64: what has one number for each channel of the two projections?"
    if answer["convolution_bias"]:
        return f"{problem} Biases of all convolutions would be 688 numbers in all, far more than is asked for."
    if answer["shortcut"] == "C":
        return f"{problem} Projections in every block add more than 10,000 weights."
    return f"{problem} Start from B, which has 272,474, and ask what has 96 numbers less."


class _Altered(networks.ResidualBlock):
    """A block of 16 channels that computes `output(branch, x)` in place of ReLU(branch + x)."""

    def __init__(self, output: Callable[[Tensor, Tensor], Tensor]):
        super().__init__(16, 16)
        self.output = output

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.branch(x), x)


@check
def block_test(answer: Callable[[nn.Module], bool]) -> str:
    """`answer(block)`: whether an untrained block of 16 channels is a residual block (a right one, then wrong ones)."""
    wrong: list[tuple[str, Callable[[Tensor, Tensor], Tensor]]] = [
        ("whose skip is forgotten", lambda branch, x: torch.relu(branch)),
        ("that adds its input twice: compare the output with ReLU(x), number by number",
         lambda branch, x: torch.relu(branch + 2 * x)),
        ("that halves its input", lambda branch, x: torch.relu(branch + 0.5 * x)),
        ("that subtracts its input", lambda branch, x: torch.relu(branch - x)),
        ("with its ReLU before the addition: test it with negative inputs too",
         lambda branch, x: torch.relu(branch) + x),
        ("without its last ReLU: test it with negative inputs too", lambda branch, x: branch + x),
        ("whose shortcut passes no gradient: its output is right, look at x.grad",
         lambda branch, x: torch.relu(branch + x.detach()))]
    with networks.seeded(0):
        right = networks.ResidualBlock(16, 16)
        altered = [(name, _Altered(output)) for name, output in wrong]
    if not answer(right):
        return "Your test refuses a right block: at rest, with γ = 0, it gives ReLU(x) exactly."
    return next((f"Your test accepts a block {name}." for name, block in altered if answer(block)), "")


# blocks --------------------------------------------------------------------------------------------------------------

def published() -> dict[str, dict[str, Any]]:
    """The descriptions of three networks that are published as ResNet-20."""
    projected = {**ORIGINAL, "shortcut": "B", "projection_bias": True, "projection_norm": False}
    return {"first": projected, "second": {**projected, "pre_activation": True},
            "third": {**ORIGINAL, "pre_activation": True, "convolution_bias": True, "last_norm": False}}


@check
def which_blocks(answer: dict[str, dict[str, Any]]) -> str:
    """Descriptions of the three published networks; every one whose counts are the same part by part is right."""
    wanted = {name: parts_described(**description) for name, description in published().items()}
    if set(answer) != set(wanted):
        return f"Give a description of each: {', '.join(wanted)}."
    for name, description in answer.items():
        if problem := unfit(description):
            return f"{name}: {problem}"
        found = parts_described(**description)
        different = {part: found[part] - count for part, count in wanted[name].items() if found[part] != count}
        if different:
            part, more = next(iter(different.items()))
            says = f"{name}: your network has {abs(more):,} {'more' if more > 0 else 'fewer'} parameters in its {part}"
            if sum(found.values()) == sum(wanted[name].values()):
                return f"{says}, though the totals agree."
            return f"{says} than the published one, and differs from it in {len(different)} of {len(found)} parts."
    return ""


class _Renamed(nn.Module):
    """A bottleneck that halves its picture, its layers in a list so that no name tells which is which."""

    def __init__(self, stride_on: str, seed: int) -> None:
        super().__init__()
        with networks.seeded(seed):
            block = networks.BottleneckBlock(256, 128, 2, stride_on=stride_on)
        self.layers = nn.ModuleList(block.children())

    def forward(self, x: Tensor) -> Tensor:
        first, norm1, second, norm2, third, norm3, shortcut = self.layers
        y = torch.relu(norm2(second(torch.relu(norm1(first(x))))))
        return torch.relu(norm3(third(y)) + shortcut(x))


@check
def where_is_the_step(answer: Callable[[nn.Module], str]) -> str:
    """`answer(block)`: "1x1" or "3x3", the convolution on which an untrained bottleneck of 256 channels halves."""
    blocks = [("3x3", _Renamed("3x3", 1)), ("1x1", _Renamed("1x1", 2)), ("1x1", _Renamed("1x1", 3)),
              ("3x3", _Renamed("3x3", 4))]
    for number, (right, block) in enumerate(blocks, 1):
        given = answer(block)
        if given not in ("1x1", "3x3"):
            return f"Block {number} gave {given!r}: return '1x1' or '3x3'."
        if given != right:
            return (f"Block {number} has the step on the {right} convolution, not on the {given}. At how many pixels "
                    "of the block's input is there a gradient?")
    return ""


# mnist ---------------------------------------------------------------------------------------------------------------

@check
def calibration_error(answer: Callable[[Tensor, Tensor, int], float]) -> str:
    """`answer(confidence, right, bins)`: the mean over all answers of their bin's gap, the absolute
    difference of its accuracy and its mean confidence.

    `confidence` (N, in [0, 1]) and `right` (N, bool); bins of equal width; the expected calibration error of Guo et
    al. 2017, section 2.
    """
    generator = torch.Generator().manual_seed(0)
    for count, bins in ((2000, 10), (500, 4)):
        confidence = torch.rand(count, generator=generator) ** 0.3
        right = torch.rand(count, generator=generator) < 0.5 + 0.3 * confidence
        place = (confidence * bins).long().clamp(max=bins - 1)
        gaps = [(int(here.sum()), float(right[here].float().mean() - confidence[here].mean()))
                for here in (place == index for index in range(bins)) if here.any()]
        weighted = [number / count * gap for number, gap in gaps]
        expected = sum(map(abs, weighted))
        value = float(answer(confidence.clone(), right.clone(), bins))
        if math.isnan(value):
            return "It gives NaN: a bin without answers has no mean; leave it out."
        if math.isclose(value, 100 * expected, rel_tol=1e-4):
            return "This is in per cent; give a share."
        if math.isclose(value, sum(abs(gap) for _, gap in gaps) / len(gaps), rel_tol=1e-4):
            return "Each bin counts once here; let it count as often as it has answers."
        if math.isclose(value, abs(sum(weighted)), rel_tol=1e-4, abs_tol=1e-7):
            return "Gaps of opposite sign cancel here; take the absolute value in each bin, then the mean."
        if math.isclose(value, sum(number / count * gap**2 for number, gap in gaps), rel_tol=1e-4):
            return "The gaps are squared here; take their absolute values."
        if not math.isclose(value, expected, rel_tol=1e-4):
            return (f"With {count} answers in {bins} bins it is {expected:.4f}, and yours says {value:.4f}: for each "
                    "bin |share of right answers − mean confidence|, weighted by the bin's answers.")
    edge = float(answer(torch.ones(4), torch.tensor([True, True, True, False]), 10))
    return "" if math.isclose(edge, 0.25, rel_tol=1e-4) else "A confidence of exactly 1 belongs to the last bin."


@check
def folded(answer: Callable[..., tuple[Tensor, Tensor]]) -> str:
    """`answer(weight, gamma, beta, mean, variance, eps)`: weight and bias of one convolution that does what a
    convolution without bias (C'×C×3×3) and the batch normalisation behind it (each C') do in evaluation mode.
    """
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 3, 3, 3, generator=generator, dtype=torch.float64)
    gamma, beta, mean = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    variance = 0.1 + torch.rand(5, generator=generator, dtype=torch.float64)
    images, eps = torch.randn(2, 3, 6, 6, generator=generator, dtype=torch.float64), 0.01
    before = functional.conv2d(images, weight, padding=1)
    expected = functional.batch_norm(before, mean, variance, gamma, beta, eps=eps)
    kept = weight.clone()
    new_weight, new_bias = answer(weight, gamma.clone(), beta.clone(), mean.clone(), variance.clone(), eps)
    if not torch.equal(weight, kept):
        return "It changes the weights that it was given; return new ones."
    if new_weight.shape != weight.shape or new_bias.shape != beta.shape:
        return (f"The weight has the shape {tuple(new_weight.shape)} and the bias {tuple(new_bias.shape)}; they should "
                f"have {tuple(weight.shape)} and {tuple(beta.shape)}.")
    found = functional.conv2d(images, new_weight, new_bias, padding=1)
    if torch.allclose(found, expected, rtol=1e-9, atol=1e-9):
        return ""

    def gives(scale: Tensor, bias: Tensor) -> bool:
        wrong = functional.conv2d(images, weight * scale[:, None, None, None], bias, padding=1)
        return torch.allclose(found, wrong, rtol=1e-9, atol=1e-9)

    scale = gamma / (variance + eps).sqrt()
    if gives(scale, beta):
        return "The mean is missing: it is subtracted before the scale, so the bias is β − scale · mean."
    if gives(scale, beta - mean):
        return "The mean is subtracted before the scale: it goes through it, too."
    if gives(gamma / variance.sqrt(), beta - gamma / variance.sqrt() * mean):
        return "ε is missing: the scale is γ / √(variance + ε)."
    if gives(gamma / (variance + eps), beta - gamma / (variance + eps) * mean):
        return "The variance needs its square root."
    return ("The folded convolution gives other numbers. Write the normalisation as scale · a + shift for each output "
            "channel; the scale goes into the weights of that channel, the shift is the bias.")


# debugging -----------------------------------------------------------------------------------------------------------

@check
def softmax_floor(answer: Callable[[int], float]) -> str:
    """`answer(classes)`: the least cross-entropy, in nats, that is possible when a softmax comes before the loss."""
    for classes in (10, 2, 1000):
        given, right = float(answer(classes)), math.log(math.e + classes - 1) - 1
        if not math.isclose(given, right, abs_tol=5e-4):
            typical = [(0.0, "That is the least without the softmax, with logits that are infinitely far apart."),
                       (math.log(classes), "That is the loss of a guess, with all probabilities equal."),
                       (math.log(math.e + classes - 1), "Now take the logit of the right class, which is 1, away."),
                       (math.log(math.e + classes) - 1, "One class has the logit 1, all others 0: how many others?"),
                       (math.log2(math.e + classes - 1) - math.log2(math.e), "In nats: the natural logarithm."),
                       (1 - math.log(math.e + classes - 1), "A loss is minus the logarithm of a probability.")]
            advice = hint(given, typical,
                          "Put a 1 for the right class and zeros for all others into the cross-entropy, as logits.",
                          atol=1e-3)
            return f"For {classes} classes you have {given:.4f}. {advice}"
    return ""


def predictors() -> list[tuple[str, bool, Callable[[Tensor], Tensor]]]:
    """What can be wrong with a function from images N×1×8×8 to logits N×10; the first ones are right."""
    with networks.seeded(0):
        network = networks.residual(8, 1, 10, width=4).eval()
        training = networks.residual(8, 1, 10, width=4).train()
        untracked = networks.residual(8, 1, 10, width=4)
        drawn = torch.Generator().manual_seed(1)
    for module in untracked.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats, module.running_mean, module.running_var = False, None, None

    @torch.no_grad()
    def dropped(images: Tensor) -> Tensor:
        features = network.features(images)
        return network.classifier(features * 2 * (torch.rand(features.shape, generator=drawn) < 0.5))

    return [("in evaluation mode", True, torch.no_grad()(network)),
            ("with very large logits", True, torch.no_grad()(lambda images: 1e4 * network(images))),
            ("in training mode", False, torch.no_grad()(training)),
            ("in evaluation mode whose norms keep no running statistics", False, torch.no_grad()(untracked.eval())),
            ("whose dropout is never switched off: ask twice", False, dropped),
            ("that subtracts the mean of the batch from its images", False,
             torch.no_grad()(lambda images: network(images - images.mean(0)))),
            ("that centres its logits over the batch", False,
             torch.no_grad()(lambda images: network(images) - network(images).mean(0)))]


@check
def steady_test(answer: Callable[[Callable[[Tensor], Tensor]], bool]) -> str:
    """`answer(predict)`: whether a prediction depends on its image alone; `predict`: N×1×8×8 images to N×10 logits."""
    for name, right, predict in predictors():
        if bool(answer(predict)) != right:
            return (f"Your test refuses a right network, {name}: allow for rounding, relative to the logits." if right
                    else f"Your test accepts a network {name}.")
    return ""


SURE = ("parameters", "sizes", "rest, output", "rest, gradient", "idle", "scale", "overlap")  # the same for every seed


@check
def diagnosed(answer: tuple[patients.Patient, str]) -> str:
    """`(patient, name)`: what a drawn patient has, a key of `patients.CONDITIONS`.

    A wrong name is contradicted by what an instrument reads for it and for this patient.
    """
    patient, name = answer
    if name not in patients.CONDITIONS:
        return f"There is no condition {name!r}. Choose one of: {'; '.join(patients.CONDITIONS)}."
    if name == patient.secret:
        return ""
    named = patients.make(name, data.load("digits"))
    for own, other in zip(patient.panel(), panel(named, patients.build(1))):
        apart = own.text != other.text if own.instrument in SURE else (
            max(own.value, other.value) > 2 * min(own.value, other.value))
        if own.alarm != other.alarm or (own.alarm and apart):
            return (f"Not {name}: there the instrument {own.instrument} reads {other.text!r}, "
                    f"and for this patient {own.text!r}.")
    batch = patient.setup.dataset.train_images[:64], patient.setup.dataset.train_labels[:64]
    try:
        difference = twin(patient.setup.network, named.network, *batch)[0]
    except ValueError as error:
        return f"Not {name}. {error}"
    if difference.place:
        return (f"Not {name}: with equal weights its network and this patient's differ at {difference.place}, "
                f"by {100 * difference.size:.0f} % of the largest value there.")
    return (f"Not {name}, though panel and twin read the same for both. What is left: the images that enter the "
            "network in training, the settings of its norms, and its weights at the start.")


# networks/cifar10 ---------------------------------------------------------------------------------------------------

@check
def spread(answer: Callable[[list[float]], tuple[float, float]]) -> str:
    """`answer(errors)`: mean and standard deviation of a single training, of the test errors of several seeds."""
    for errors in ([7.4, 7.29, 7.4, 6.89, 8.42, 7.95], [9.0, 8.0], [5.5, 6.5, 5.0, 7.0, 6.0]):
        before, count = list(errors), len(errors)
        mean, deviation = map(float, answer(errors))
        right = statistics.stdev(before)
        if errors != before:
            return "It changes the list that it was given."
        if not math.isclose(mean, statistics.mean(before), rel_tol=1e-6):
            typical = {min(before): ", and that is the best one", statistics.median(before): ", and that is the median",
                       before[-1]: ", and that is the last one"}
            advice = hint(mean, typical, rtol=1e-6)
            return f"The mean of {before} is {statistics.mean(before):.4f}; yours is {mean:.4f}{advice}."
        if not math.isclose(deviation, right, rel_tol=1e-6):
            typical = {statistics.pstdev(before): "Divide by n − 1: the mean comes from the same numbers.",
                       right / math.sqrt(count): "That is the deviation of the mean; that of a single training was "
                                                 "asked for.",
                       right**2: "That is the variance: take its square root.",
                       max(before) - min(before): "That is the distance from the least to the most."}
            advice = hint(deviation, typical,
                          "Take the root of the mean squared distance from the mean, with n − 1 below the line.",
                          rtol=1e-6)
            return f"The deviation of {before} is {right:.4f}; yours is {deviation:.4f}. {advice}"
    return ""


@check
def chance_of_order(answer: Callable[[tuple[float, float], float], float]) -> str:
    """`answer((worse, better), deviation)`: how probable it is that one training of each comes out in this order."""
    for worse, better, deviation in ((6.97, 6.61, 0.16), (7.0, 6.0, 2.0), (7.0, 7.0, 0.3), (6.0, 7.0, 1.0)):
        given = float(answer((worse, better), deviation))
        distance = (worse - better) / deviation

        def below(x: float) -> float:
            return (1 + math.erf(x / math.sqrt(2))) / 2

        right = below(distance / math.sqrt(2))
        if math.isclose(given, right, abs_tol=2e-4):
            continue
        typical = [(100 * right, "That is in per cent; give a probability."),
                   (1 - right, "That is the chance of the opposite order."),
                   (below(distance), "Both trainings vary: the difference has √2 times the deviation."),
                   (below(distance / 2), "The difference has √2 times the deviation, not twice: variances add."),
                   (math.erf(distance / 2), "The chance to lie below is (1 + erf) / 2."),
                   ((1 + math.erf(distance)) / 2, "erf takes the distance in deviations over √2.")]
        advice = hint(given, typical,
                      "The difference of two normal numbers is normal: how often is it above zero?", atol=2e-4)
        return f"For {worse} and {better} with deviation {deviation} it is {right:.4f}; yours is {given:.4f}. {advice}"
    return ""
