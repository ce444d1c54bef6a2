"""Automatic checks of the readers' answers to the exercises.

A check takes an answer, prints what to look at, and returns a verdict: true when the answer is right. None or `...`
stands for an answer that has not been given yet. A check never raises for a wrong answer, whatever it is.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import costs, data, networks, patients
from resnet_lib.diagnosis import panel, twin


class Verdict:
    """Whether an answer is right: true or false, and silent as the last line of a cell, for the check has spoken."""

    def __init__(self, right: bool) -> None:
        self.right = right

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"Verdict({self.right})"

    def _ipython_display_(self) -> None:
        pass


def check(judge: Callable[[Any], str]) -> Callable[[Any], Verdict]:
    """Make a check from a function that returns a sentence on what is wrong with an answer, or "" when it is right."""
    @wraps(judge)
    def checked(answer: Any) -> Verdict:
        parts = answer if isinstance(answer, (tuple, list)) else [answer]
        if any(part is None or part is ... for part in parts):
            print("… Not answered yet: put your answer in place of the dots.")
            return Verdict(False)
        try:
            problem = judge(answer)
        except Exception as error:  # an answer of another kind, or the reader's own function breaks
            problem = f"This could not be checked ({type(error).__name__}: {error})."
        print(f"✗ {problem}" if problem else "✓ Right.")
        return Verdict(not problem)
    return checked


# concepts/introduction --------------------------------------------------------------------------------------------

@check
def confidence(answer: Callable[[Tensor], Tensor]) -> str:
    """`answer(scores)`: N×10 scores to N×10 shares exp(s_k) / sum_j exp(s_j), also for scores around 1000."""
    scores = torch.randn(4, 10, generator=torch.Generator().manual_seed(0))
    shares = torch.as_tensor(answer(scores.clone()))
    if shares.shape != scores.shape:
        return f"4×10 scores gave the shape {tuple(shares.shape)}: return ten confidences an image, 4×10."
    if not torch.allclose(shares, scores.softmax(1), atol=1e-6):
        if torch.allclose(shares, scores.softmax(0), atol=1e-6):
            return "The columns add up to 1: let each row do so, for a row is one image (dim=1)."
        if torch.allclose(shares, scores.log_softmax(1), atol=1e-6):
            return "These are the logarithms of the confidences: a confidence lies between 0 and 1."
        if (shares < 0).any():
            return "Some confidences are negative: exp makes each score positive before you divide."
        if not torch.allclose(shares.sum(1), torch.ones(4), atol=1e-5):
            return f"The first image's shares add up to {shares[0].sum():.3g}: divide by the sum of its ten powers."
        return "The rows add up to 1 but the shares are others: take exp of each score, not the score itself."
    large = torch.as_tensor(answer(1000 + 10 * scores))
    if not torch.allclose(large, (10 * scores).softmax(1), atol=1e-4):
        return "Right for small scores, but exp(1000) is infinite: subtract each row's largest score before exp."
    return ""


@check
def class_means(answer: Tensor) -> str:
    """10×1×8×8: for each digit the mean of its training images."""
    digits = data.load("digits")
    means = torch.as_tensor(answer, dtype=torch.float32)
    if means.shape != (10, 1, 8, 8):
        return f"The means have the shape {tuple(means.shape)}; ten pictures have (10, 1, 8, 8): use mean(dim=0)."
    chosen = [digits.train_labels == digit for digit in range(10)]
    expected = torch.stack([digits.train_images[images].mean(0) for images in chosen])
    if torch.allclose(means, expected, atol=1e-4):
        return ""
    tests = torch.stack([digits.test_images[digits.test_labels == digit].mean(0) for digit in range(10)])
    if torch.allclose(means, tests, atol=1e-4):
        return "These are means of the test images: a method that has seen them is not tested by them."
    if torch.allclose(means, digits.train_images.mean(0).expand_as(means), atol=1e-4):
        return "All ten are the mean of all training images: choose those with the label first."
    if torch.allclose(means, digits.pixels(expected), atol=1e-3):
        return "These are means of pixels from 0 to 1: take train_images as they are, standardised like test_images."
    counts = torch.stack([images.sum() for images in chosen])[:, None, None, None]
    if torch.allclose(means, expected * counts, rtol=1e-3, atol=1e-2):
        return "These are sums: divide each by the number of its images."
    return "The ten pictures are not the means of digits 0, 1, …, 9 in this order."


# concepts/neural-networks -----------------------------------------------------------------------------------------

@check
def neuron_step(answer: tuple[Sequence[float], float]) -> str:
    """(gradient with respect to w, new a) for w = (0.5, 1), b = 0, x = (2, −1), y = 0 and one step with η = 1."""
    gradient, new_a = torch.as_tensor(answer[0], dtype=torch.float32).flatten(), float(answer[1])
    right, x, w = torch.tensor([1.0, -0.5]), torch.tensor([2.0, -1.0]), torch.tensor([0.5, 1.0])
    if gradient.shape != right.shape:
        return "The gradient has one entry a weight: two numbers."
    if not torch.allclose(gradient, right, atol=1e-3):
        if torch.allclose(gradient, -right, atol=1e-3):
            return "The gradient has the opposite sign: δ is p − y, what was said minus what should have been said."
        if torch.allclose(gradient, right / 4, atol=1e-3):
            return "The slope p(1 − p) is not left over: with this loss it cancels, and δ = p − y."
        if torch.allclose(gradient, 0.5 * w, atol=1e-3):
            return "δ was multiplied by the weights: ∂L/∂w is δ times the input x."
        if torch.allclose(gradient, x, atol=1e-3):
            return "This is x alone: multiply it by δ = p − y = ½."
        if torch.allclose(gradient, torch.zeros(2), atol=1e-3):
            return "At a = 0 the sigmoid is ½, not 0: so δ is not 0."
        return "The gradient is not δx: compute a = w₁x₁ + w₂x₂ + b, p = sigmoid(a), δ = p − y first."
    if abs(new_a + 3) < 1e-3:
        return ""
    if abs(new_a + 2.5) < 1e-3:
        return "The gradient is right; in the step the bias was left out: it moves by −δ, too."
    if abs(new_a - 3) < 1e-3:
        return "The gradient is right, but the step went with it: descent goes against it."
    return "The gradient is right. The new a needs w − gradient, b − δ, and the same x."


@check
def forget_bias(answer: Callable[[int, float], float]) -> str:
    """`answer(steps, share)`: β with sigmoid(β)^steps = share."""
    for steps, share in ((1, 0.5), (1, 0.9), (10, 0.5), (32, 0.5), (100, 0.01)):
        kept = share ** (1 / steps)
        right, given = math.log(kept / (1 - kept)), float(answer(steps, share))
        if not abs(given - right) <= 1e-3 * max(1.0, abs(right)):
            asked = f"{steps} step{'s' * (steps > 1)} and the share {share}"
            if abs(given - kept) < 1e-6:
                return f"For {asked} {given:.3g} is the gate itself: which β gives it as sigmoid(β)?"
            if abs(given + right) < 1e-3 * max(1.0, abs(right)):
                return f"For {asked} the sign is turned round: β = log(k / (1 − k))."
            if steps > 1 and abs(given - math.log(share / (1 - share))) < 1e-6:
                return f"For {asked} the steps were left out: one step keeps share^(1/steps)."
            if math.isnan(given) or math.isinf(given):
                return f"For {asked} the result is {given}."
            after = (1 / (1 + math.exp(-given))) ** steps if given > -700 else 0.0
            return f"For {asked} β = {given:.3g} leaves {after:.2g} of the cell."
    return ""


@check
def convolution_matrix(answer: Callable[[Tensor], Tensor]) -> str:
    """`answer(window)`: 3×3 to the 64×64 matrix of the convolution of 8×8 pictures, zeros outside the picture."""
    generator = torch.Generator().manual_seed(0)
    window, picture = torch.randn(3, 3, generator=generator), torch.randn(8, 8, generator=generator)
    matrix = torch.as_tensor(answer(window.clone()), dtype=torch.float32)
    if matrix.shape != (64, 64):
        return f"64 pixels in and 64 out need a 64×64 matrix, not {'×'.join(map(str, matrix.shape))}."
    given = (matrix @ picture.flatten()).reshape(8, 8)

    def convolved(kernel: Tensor, mode: str = "constant") -> Tensor:
        padded = functional.pad(picture[None, None], (1, 1, 1, 1), mode=mode)
        return functional.conv2d(padded, kernel[None, None])[0, 0]

    if torch.allclose(given, convolved(window), atol=1e-4):
        return ""
    if torch.allclose(given, convolved(window.flip(0, 1)), atol=1e-4):
        return "The window is turned by 180°: rows and columns of the matrix are exchanged, or the shift's sign is."
    if torch.allclose(given, convolved(window.T), atol=1e-4):
        return "The window is mirrored: its first index goes down the rows, its second along the columns."
    if torch.allclose(given, convolved(window, "circular"), atol=1e-4):
        return "At the border the window comes back in on the other side; there should be zeros."
    if torch.allclose(given[1:-1, 1:-1], convolved(window)[1:-1, 1:-1], atol=1e-4):
        return "Right inside, wrong at the border: leave out the pixels whose row or column is below 0 or above 7."
    return "The product with a picture is not its convolution: pixel (row, column) is entry 8·row + column."


# concepts/depth ---------------------------------------------------------------------------------------------------

@check
def identity_filter(answer: Tensor) -> str:
    """4×4×3×3 filters (outputs × inputs × height × width) of a convolution that copies its four channels."""
    filters = torch.as_tensor(answer, dtype=torch.float32)
    if filters.shape != (4, 4, 3, 3):
        return f"The filters have the shape {tuple(filters.shape)}; four outputs from four inputs need (4, 4, 3, 3)."
    images = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    copies = functional.conv2d(images, filters, padding=1)
    if torch.allclose(copies, images, atol=1e-6):
        return ""
    if torch.allclose(copies, images.sum(1, keepdim=True).expand_as(images), atol=1e-5):
        return "Each output is the sum of all four channels: only filters[i, i] may differ from zero."
    if filters[:, :, 1, 1].abs().sum() == 0:
        return "The centre of a 3×3 filter is row 1, column 1 (counted from 0): all your centres are zero."
    return "The outputs differ from the inputs: output i needs weight 1 at the centre of filters[i, i] and 0 elsewhere."


@check
def diagnosis(answer: Callable[[tuple[float, float], tuple[float, float]], str]) -> str:
    """`answer(shallow, deep)`, each (training error, test error) in %: "degradation", "overfitting" or "neither"."""
    cases = [((5.0, 8.0), (20.0, 22.0), "degradation", "Deeper is worse on the training images themselves"),
             ((5.0, 8.0), (1.0, 12.0), "overfitting", "Better on training images and worse on new ones"),
             ((5.0, 8.0), (2.0, 6.0), "neither", "Better on both"),
             ((5.0, 8.0), (9.0, 7.0), "degradation", "The test error says nothing about how well the training went"),
             ((0.0, 2.0), (0.0, 5.0), "overfitting", "Both fit their training images perfectly")]
    for shallow, deep, expected, hint in cases:
        given = answer(shallow, deep)
        if given != expected:
            return f"For shallow {shallow} and deep {deep} you say {given!r}. {hint}: {expected}."
    return ""


# concepts/residual-connection -------------------------------------------------------------------------------------

@check
def residual_block(answer: Callable[[Tensor, Callable[[Tensor], Tensor]], Tensor]) -> str:
    """`answer(x, branch)`: what a residual block gives for the input `x` when `branch(x)` is its residual function."""
    generator = torch.Generator().manual_seed(0)
    before, weight = torch.rand(2, 3, 4, 4, generator=generator), torch.randn(3, 3, 3, 3, generator=generator)

    def branch(images: Tensor) -> Tensor:
        return functional.conv2d(images, weight, padding=1)

    x, y = before.clone(), branch(before)
    given = answer(x, branch)
    if given.shape != before.shape:
        return (f"The output has the shape {tuple(given.shape)} and the input {tuple(before.shape)}: "
                "the input is added, which keeps the shape.")
    if not torch.equal(x, before):
        return "Your function changes its input: write x + y, not x += y, for the caller may still need x."
    if torch.allclose(given, torch.relu(before + y), atol=1e-5):
        return ""
    typical = [(torch.relu(y), "This is the plain block: the input is not added back."),
               (before + y, "The last ReLU is missing."),
               (before + torch.relu(y), "The ReLU comes after the addition; before it, the block could only add."),
               (torch.relu(before - y), "The branch is added to the input, not subtracted from it.")]
    return next((hint for wrong, hint in typical if torch.allclose(given, wrong, atol=1e-5)),
                "The output is not ReLU(x + F(x)) with F(x) = branch(x).")


@check
def zero_padding_shortcut(answer: Callable[[Tensor], Tensor]) -> str:
    """`answer(x)`: N×16×8×8 to N×32×4×4, every second pixel, then 16 channels of zeros (option A)."""
    x = torch.rand(2, 16, 8, 8, generator=torch.Generator().manual_seed(0)) + 0.1
    kept = x[:, :, ::2, ::2]
    given = answer(x.clone())
    if given.shape != (2, 32, 4, 4):
        return f"Two pictures of 16×8×8 became {tuple(given.shape)}; the next block expects (2, 32, 4, 4)."
    first, last = given[:, :16], given[:, 16:]
    if torch.equal(first, kept) and not last.any():
        return ""
    if torch.equal(last, kept) and not first.any():
        return "The zeros come behind the old channels, not before them."
    if last.any():
        return "The last 16 channels are not zero: the shortcut has nothing to put there."
    typical = [(x[:, :, :4, :4], "You kept a corner of each picture; keep every second pixel of the whole."),
               (x[:, :, 1::2, 1::2], "Begin with the first pixel, index 0, not with the second."),
               (functional.avg_pool2d(x, 2), "You averaged over four pixels; keep every second pixel as it is."),
               (functional.max_pool2d(x, 2), "You took the largest of four pixels; keep every second pixel as it is.")]
    return next((hint for wrong, hint in typical if torch.allclose(first, wrong, atol=1e-6)),
                "The first 16 channels are not every second pixel of the input, x[:, :, ::2, ::2].")


@check
def fair_ratio(answer: Callable[[dict[float, list[float]], dict[float, list[float]]], float]) -> str:
    """`answer(plain, residual)`: ratio of the median losses, each at its own best rate (rate → the seeds' losses)."""
    plain = {0.03: [0.2, 0.3, 0.4], 0.1: [0.6, 0.12, 0.5]}
    residual = {0.03: [0.05, 0.04, 0.06], 0.1: [0.01, 0.02, float("inf")]}
    given = float(answer(plain, residual))
    typical = [(0.3 / 0.05, "This is the ratio at the rate 0.03, or of means: residual does best at 0.1, "
                            "where one seed of three diverged and the median is 0.02."),
               (0.5 / 0.02, "This is the ratio at the rate 0.1: plain does best at 0.03."),
               (0.12 / 0.01, "This compares the luckiest seeds; take each rate's median first."),
               (0.02 / 0.3, "This is residual over plain; plain over residual is asked for."),
               (0.5 / 0.05, "You took each network's worst rate.")]
    if abs(given - 0.3 / 0.02) < 1e-6:
        swapped = float(answer(residual, plain))
        return "" if abs(swapped - 0.02 / 0.3) < 1e-6 else "Other losses give the same: compute it from the arguments."
    return next((hint for wrong, hint in typical if abs(given - wrong) < 1e-6),
                f"You say {given:.4g} for plain {plain} and residual {residual}. The lowest medians are 0.3 and 0.02.")


# mathematics/backpropagation --------------------------------------------------------------------------------------

@check
def two_unit_network(answer: tuple[Sequence[float], Sequence[float]]) -> str:
    """(δ₁ without a skip, g₁ with it) of the network with two hidden units, two numbers each."""
    delta1, g1 = (torch.as_tensor(part, dtype=torch.float64).flatten().tolist() for part in answer)
    hints = {(6.0, -4.0): "δ₁ is still g₂: multiply by the derivative of ReLU at a₁; the second unit is off.",
             (-6.0, 0.0): "The sign of δ₁: L falls when ŷ comes nearer to y, so δ₂ = ŷ − y.",
             (2.0, 0.0): "δ₁ lacks the weights: g₂ = W₂ᵀ δ₂ before the derivative of ReLU."}
    if tuple(delta1) != (6.0, 0.0):
        return hints.get(tuple(delta1), "δ₁ is f′(a₁) ⊙ W₂ᵀ δ₂. Check a₁ = (2, −3) and δ₂ = 2 first.")
    hints = {(30.0, 30.0): "g₁ lacks the identity term: the error also comes back through the skip, unchanged.",
             (30.0, -20.0): "That is g₂, what comes through the skip; add what comes through the layer, W₁ᵀ δ₁.",
             (12.0, 2.0): "The identity term is there, but forward x₂ = ReLU(a₁) + x too, so ŷ = 14 and δ₂ = 10.",
             (6.0, 6.0): "That is g₁ without the skip.",
             (60.0, -20.0): "W₁ is to be transposed: both units' inputs get a part of δ₁."}
    if tuple(g1) != (60.0, 10.0):
        return hints.get(tuple(g1), "g₁ is W₁ᵀ δ₁ + g₂. With the skip x₂ = (4, −1); compute ŷ and δ₂ again.")
    return ""


@check
def tanh_gradients(answer: Callable[..., Sequence[Tensor]]) -> str:
    """`answer(W1, b1, W2, b2, x, y)`: the gradients of W1, b1, W2, b2, x for tanh and a skip; columns, (10, 1)."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"W1": (10, 10), "b1": (10, 1), "W2": (5, 10), "b2": (5, 1), "x": (10, 1)}
    tensors = [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
               for shape in shapes.values()]
    W1, b1, W2, b2, x = tensors
    y = torch.randn(5, 1, generator=generator, dtype=torch.float64)
    z1 = torch.tanh(W1 @ x + b1)
    loss = (W2 @ (z1 + x) + b2 - y).square().sum() / 2
    expected = dict(zip(shapes, torch.autograd.grad(loss, tensors)))
    given = answer(*(tensor.detach().clone() for tensor in tensors), y)
    if not isinstance(given, (tuple, list)) or len(given) != 5:
        return "Return five tensors, in the order W1, b1, W2, b2, x."
    with torch.no_grad():
        delta2, g2 = expected["b2"], W2.T @ expected["b2"]
        mistakes = {"b1": [(g2, "the derivative of tanh is missing"),
                           ((1 - (z1 + x) ** 2) * g2, "the derivative is taken at x₂; it is 1 − tanh(a₁)²"),
                           ((1 - torch.tanh(z1) ** 2) * g2, "the derivative is taken at z₁; it belongs to a₁"),
                           (((W1 @ x + b1) > 0) * g2, "this is the derivative of ReLU")],
                    "W2": [(delta2 @ z1.T, "the layer's input is x₂ = z₁ + x, not z₁")],
                    "x": [(W1.T @ expected["b1"], "the identity term is missing"),
                          (W1 @ expected["b1"] + g2, "W₁ is to be transposed")]}
        for name, gradient in zip(shapes, given):
            if not isinstance(gradient, Tensor) or gradient.shape != shapes[name]:
                shape = tuple(gradient.shape) if isinstance(gradient, Tensor) else type(gradient).__name__
                return f"The gradient of {name} has the shape of {name}, {shapes[name]}, not {shape}."
        for name in ("b2", "W2", "b1", "W1", "x"):  # the way back: what is wrong early makes the later ones wrong
            gradient = given[list(shapes).index(name)].double()
            if torch.allclose(gradient, expected[name], rtol=1e-6, atol=1e-9):
                continue
            if torch.allclose(gradient, -expected[name], rtol=1e-6, atol=1e-9):
                return f"The gradient of {name} has the opposite sign: δ₂ = ŷ − y."
            for mistaken, reason in mistakes.get(name, []):
                if torch.allclose(gradient, mistaken, rtol=1e-6, atol=1e-9):
                    return f"The gradient of {name} is not right: {reason}."
            return f"The gradient of {name} is not right, and on the way back it is the first that is not."
    return ""


@check
def guarding_widths(answer: Sequence[int]) -> str:
    """Widths of a network with two hidden layers in which shapes refuse the wrong index, transpose and derivative."""
    widths = list(answer)
    if len(widths) != 4 or any(isinstance(width, bool) or not isinstance(width, int) or width < 1 for width in widths):
        return "Give four whole numbers: inputs, two hidden layers, outputs."
    if widths[0] != 10 or widths[-1] != 5:
        return "The network has ten inputs and five outputs: the first number is 10, the last is 5."
    if 1 in widths:
        return "A layer of width 1 protects nothing: PyTorch repeats its one number until it fits."
    for left, right in zip(widths, widths[1:]):
        if left == right:
            return f"Two neighbouring layers have {left} units: between them a transposed or wrong matrix fits."
    return ""


# mathematics/gradient-flow ----------------------------------------------------------------------------------------

@check
def typical_gain(answer: Callable[[list[float]], float]) -> str:
    """`answer(norms)`, norms of ∂L/∂x from first to last layer: the gain that gives the same first norm in each."""
    for norms in ([8.0, 4.0, 2.0, 1.0], [100.0, 1.0, 1.0, 1.0], [0.5, 3.0, 2.0], [1.0, 4.0, 16.0, 64.0, 256.0]):
        ratio, layers = norms[0] / norms[-1], len(norms) - 1
        expected, given = ratio ** (1 / layers), float(answer(norms))
        if math.isclose(given, expected, rel_tol=1e-4):
            continue
        mistakes = [
            (1 / expected, "That is the inverse: the gradient travels from the last layer to the first."),
            (ratio, "That is the product of all gains: which one number, multiplied once a layer, gives it?"),
            (ratio ** (1 / len(norms)), f"Between {len(norms)} norms lie only {layers} layers."),
            (sum(a / b for a, b in zip(norms, norms[1:])) / layers,
             "That is the arithmetic mean of the gains. Gains multiply, so their mean is geometric."),
            (ratio / layers, "You divide the whole ratio by the number of layers. Gains multiply: take a root.")]
        hint = next((text for value, text in mistakes if math.isclose(given, value, rel_tol=1e-4)),
                    f"With {expected:.3f} in every layer the first norm comes out right.")
        return f"For {norms} you say {given:.3f}. {hint}"
    return ""


@check
def leaky_growth(answer: Callable[[float], float]) -> str:
    """`answer(slope)`: growth a layer of the gradient through leaky ReLU with batch normalisation."""
    for slope in (0.0, 0.5, 1.0, -1.0, 0.1):
        mean_square, mean = (1 + slope**2) / 2, (1 - slope) / math.sqrt(2 * math.pi)
        expected, given = math.sqrt(mean_square / (mean_square - mean**2)), float(answer(slope))
        if math.isclose(given, expected, rel_tol=1e-3):
            continue
        mistakes = [
            (1.0, "That is the ratio of the mean squares. The mean of f is subtracted: divide by the variance."),
            (expected**2, "That is the growth of the squared norm: take the root."),
            (1 / expected, "That is the inverse: the variance stands below the fraction line."),
            (math.sqrt(abs(mean_square / (mean_square - mean))) if mean_square != mean else math.inf,
             "The variance is E[f²] less the square of the mean.")]
        hint = next((text for value, text in mistakes if math.isclose(given, value, rel_tol=1e-3)),
                    f"The variance of f is {mean_square - mean**2:.4f} there.")
        return f"For slope {slope} you say {given:.4f}. {hint}"
    return ""


# mathematics/residual-gradients -----------------------------------------------------------------------------------

def sums_of_paths(jacobians: Sequence[Tensor], *, reverse: bool = False) -> list[Tensor]:
    """The sum of all paths of each length 0 … n; `reverse` multiplies in the wrong order."""
    sums = [torch.eye(len(jacobians[0]), dtype=jacobians[0].dtype)]
    for J in jacobians:
        through = [P @ J if reverse else J @ P for P in sums]
        sums = [a + b for a, b in zip([*sums, torch.zeros_like(J)], [torch.zeros_like(J), *through])]
    return sums


@check
def paths_by_length(answer: Callable[[list[Tensor]], Sequence[Tensor]]) -> str:
    """`answer(jacobians)`: for n branch Jacobians d×d the n + 1 sums of all paths of length 0 … n."""
    generator = torch.Generator().manual_seed(0)
    for blocks, width in ((1, 3), (3, 4), (12, 5)):
        jacobians = [torch.randn(width, width, generator=generator, dtype=torch.float64) for _ in range(blocks)]
        found = [torch.as_tensor(total).double() for total in answer([J.clone() for J in jacobians])]
        if len(found) != blocks + 1:
            return f"{blocks} blocks have paths of {blocks + 1} lengths, from 0 to {blocks}; you give {len(found)}."
        expected = sums_of_paths(jacobians)
        if found[0].shape != expected[0].shape:
            return f"Each sum is a matrix like the Jacobians, {width}×{width}; the first has another shape."
        for length, (given, right) in enumerate(zip(found, expected)):
            if torch.allclose(given, right, rtol=1e-6, atol=1e-9):
                continue
            if length == 0:
                return "The one path of length 0 goes around every branch: the identity matrix."
            if torch.allclose(given, sums_of_paths(jacobians, reverse=True)[length]):
                return "The order is reversed: what a later block does stands on the left, A₂A₁."
            if torch.allclose(given * math.comb(blocks, length), right):
                return "That is the mean of the paths of one length; their sum is asked for."
            if blocks == 1:
                return "With one block the sum of length 1 is its Jacobian."
            return (f"With {blocks} blocks the sum of length {length} is wrong. Each block is passed at most once: are "
                    "sums of this block's own round used again in it?")
    return ""


@check
def original_jacobian(answer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str:
    """`answer(W, V, x)`: Jacobian of ReLU(x + V ReLU(Wx)), d×d, for x of the shape d."""
    generator = torch.Generator().manual_seed(0)
    W, V = (torch.randn(6, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    x = torch.rand(6, generator=generator, dtype=torch.float64)
    inner = torch.diag((W @ x > 0).double())
    last = torch.diag((x + V @ torch.relu(W @ x) > 0).double())
    identity = torch.eye(6, dtype=torch.float64)
    given = torch.as_tensor(answer(W.clone(), V.clone(), x.clone())).double()
    if given.shape != (6, 6):
        return f"The Jacobian of 6 numbers by 6 numbers is 6×6, not {'×'.join(map(str, given.shape)) or 'a number'}."
    right = last @ (identity + V @ inner @ W)
    if torch.allclose(given, right, rtol=1e-6, atol=1e-9):
        return ""
    mistakes = [
        (identity + V @ inner @ W, "The ReLU after the addition is missing."),
        (identity + last @ V @ inner @ W, "The last ReLU's gates close the skip as well: both arms."),
        (last + V @ inner @ W, "The last ReLU's gates close the branch as well: both arms."),
        (last @ (identity + V @ W), "The ReLU inside the branch is missing."),
        (last @ V @ inner @ W, "The skip is missing."),
        ((identity + V @ inner @ W) @ last, "The last gates act on the output: they multiply from the left."),
        (right.T, "That is the transpose: one row an output, one column an input.")]
    return next((text for wrong, text in mistakes if torch.allclose(given, wrong)),
                "Compare with torch.autograd.functional.jacobian, first for V = 0: then the last gates are left.")


# mathematics/normalisation-and-initialisation ---------------------------------------------------------------------

@check
def batch_norm_backward(answer: Callable[..., Tensor]) -> str:
    """`answer(d, a, gamma)`, d = ∂L/∂y and a of the shape N×C, gamma C numbers: ∂L/∂a of batch normalisation."""
    generator = torch.Generator().manual_seed(0)
    a = 3 * torch.randn(12, 4, generator=generator, dtype=torch.float64) + torch.arange(4)
    gamma = torch.tensor([0.5, 1.5, -2.0, 3.0], dtype=torch.float64)
    sigma = (a.var(0, correction=0) + 1e-5).sqrt()
    hat = (a - a.mean(0)) / sigma
    d = 1 + hat + torch.randn(12, 4, generator=generator, dtype=torch.float64)
    g = gamma * d
    mean, scale = g.mean(0), hat * (g * hat).mean(0)
    right = (g - mean - scale) / sigma
    given = answer(d.clone(), a.clone(), gamma.clone())
    if not isinstance(given, Tensor) or given.shape != right.shape:
        shape = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        return f"∂L/∂a has the shape of a, {tuple(right.shape)}, not {shape}."
    wide = (a.var(0, correction=1) + 1e-5).sqrt()
    wide_hat = (a - a.mean(0)) / wide
    across = a.var(1, correction=0, keepdim=True).add(1e-5).sqrt()
    across_hat = (a - a.mean(1, keepdim=True)) / across
    mistakes = [
        (g / sigma, "Both terms are missing: μ and σ depend on a, too."),
        ((g - scale) / sigma, "The mean term is missing: what comes through μ."),
        ((g - mean) / sigma, "The scale term is missing: what comes through σ."),
        (g - mean - scale, "The division by σ is missing."),
        ((g - mean - scale) / sigma**2, "You divide by σ². Divide by σ, its root."),
        ((d - d.mean(0) - hat * (d * hat).mean(0)) / sigma, "γ is missing: d is the gradient behind it."),
        ((g - mean + scale) / sigma, "The sign of the scale term: it is taken out."),
        ((g - g.sum(0) - hat * (g * hat).sum(0)) / sigma, "The two terms are means over the batch, not sums."),
        ((g - mean - wide_hat * (g * wide_hat).mean(0)) / wide,
         "This σ divides by N − 1. Batch norm divides by N: correction=0."),
        ((g - g.mean(1, keepdim=True) - across_hat * (g * across_hat).mean(1, keepdim=True)) / across,
         "Means and variances are taken over the batch, the first axis, not over the channels.")]
    if torch.allclose(given.double(), right, rtol=1e-5, atol=1e-8):
        return ""
    return next((hint for wrong, hint in mistakes if torch.allclose(given.double(), wrong, rtol=1e-5, atol=1e-8)),
                f"Its length is {given.double().norm():.4g}, not {right.norm():.4g}. Test one term at a time: a "
                "gradient d of equal numbers gives zero, and so does d = â / γ.")


@check
def right_scale(answer: Callable[[Callable[[Tensor], Tensor]], float]) -> str:
    """`answer(f)`: the factor q = n v that keeps the mean square of a through an activation function f."""
    functions: list[tuple[str, Callable[[Tensor], Tensor]]] = [
        ("ReLU", torch.relu), ("tanh", torch.tanh), ("the identity", lambda u: u),
        ("leaky ReLU with slope 0.5", lambda u: functional.leaky_relu(u, 0.5))]
    u = torch.linspace(-8, 8, 16_001, dtype=torch.float64)
    density = torch.exp(-u**2 / 2)
    density /= density.sum()
    for name, f in functions:
        z = f(u)
        square, mean = (density * z**2).sum().item(), (density * z).sum().item()
        slope = ((density[1:-1] * ((z[2:] - z[:-2]) / (u[2:] - u[:-2])) ** 2).sum()).item()
        expected, given = 1 / square, float(answer(f))
        if math.isclose(given, expected, rel_tol=0.01):
            continue
        mistakes = [(square, "That is E[f²] itself: q makes up for it."),
                    (math.sqrt(expected), "That is the root: q is a factor of the variance."),
                    (1 / (square - mean**2), "You subtract the mean. Nothing takes it out here: it is part of E[f²]."),
                    (1 / slope, "That is 1/E[f′²], which keeps the gradient. Asked is the signal.")]
        if name != "the identity":
            mistakes.append((1.0, "That is right for the identity only: use f."))
            mistakes.append((2.0, "That is He's 2, which belongs to ReLU: use f."))
        hint = next((text for value, text in mistakes if math.isclose(given, value, rel_tol=0.01)),
                    f"E[f²] is {square:.4f} for a standard normal number.")
        return f"For {name} you say {given:.4f}. {hint}"
    return ""


# networks/training-loop ---------------------------------------------------------------------------------------------

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
        return next((hint for mistaken, hint in typical if same(given, trained(mistaken)[0])),
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
    return next((hint for wrong, hint in typical if abs(given - wrong) < 1e-9),
                f"You say {given:g}. The lowest mean validation error is that of \"steady\".")


# networks/plain -----------------------------------------------------------------------------------------------------

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


# networks/residual ------------------------------------------------------------------------------------------------

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
    for difference, hint in typical:
        if off == [difference(n) for n in (3, 9, 18)]:
            return hint
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


# networks/blocks ----------------------------------------------------------------------------------------------------

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
            hint = f"{name}: your network has {abs(more):,} {'more' if more > 0 else 'fewer'} parameters in its {part}"
            if sum(found.values()) == sum(wanted[name].values()):
                return f"{hint}, though the totals agree."
            return f"{hint} than the published one, and differs from it in {len(different)} of {len(found)} parts."
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


# networks/mnist ---------------------------------------------------------------------------------------------------

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


# networks/debugging -------------------------------------------------------------------------------------------------

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
            hint = next((said for wrong, said in typical if math.isclose(given, wrong, abs_tol=1e-3)),
                        "Put a 1 for the right class and zeros for all others into the cross-entropy, as logits.")
            return f"For {classes} classes you have {given:.4f}. {hint}"
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
            typical = {min(before): "the best one", statistics.median(before): "the median", before[-1]: "the last one"}
            hint = next((f", and that is {said}" for value, said in typical.items()
                         if math.isclose(mean, value, rel_tol=1e-6)), "")
            return f"The mean of {before} is {statistics.mean(before):.4f}; yours is {mean:.4f}{hint}."
        if not math.isclose(deviation, right, rel_tol=1e-6):
            typical = {statistics.pstdev(before): "Divide by n − 1: the mean comes from the same numbers.",
                       right / math.sqrt(count): "That is the deviation of the mean; that of a single training was "
                                                 "asked for.",
                       right**2: "That is the variance: take its square root.",
                       max(before) - min(before): "That is the distance from the least to the most."}
            hint = next((said for value, said in typical.items() if math.isclose(deviation, value, rel_tol=1e-6)),
                        "Take the root of the mean squared distance from the mean, with n − 1 below the line.")
            return f"The deviation of {before} is {right:.4f}; yours is {deviation:.4f}. {hint}"
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
        hint = next((said for value, said in typical if math.isclose(given, value, abs_tol=2e-4)),
                    "The difference of two normal numbers is normal: how often is it above zero?")
        return f"For {worse} and {better} with deviation {deviation} it is {right:.4f}; yours is {given:.4f}. {hint}"
    return ""


# practice/fine-tuning ----------------------------------------------------------------------------------------------

@check
def largest_rank(answer: int) -> str:
    """The largest rank with which a low-rank addition to a 3×3 convolution of 64 channels has fewer numbers than it."""
    if answer == 57:
        return ""
    typical = {58: "Nearly: with 58 it has 64·9·58 + 58·64 numbers, which are more than 64·9·64.",
               64: "The rank of the channels is 64, but the addition pays for two convolutions.",
               32: "That is for two equal matrices; here the first has nine times as many numbers as the second.",
               6: "The second convolution has 1×1 pixels, not 3×3: rank·64 numbers.",
               576: "That many inputs has one output; ask for the rank at which both sides are equal."}
    return typical.get(answer, "With rank r the first convolution has 64·9·r numbers and the second r·64. Together "
                               "they must be fewer than 64·9·64.")


@check
def merged_kernel(answer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str:
    """`answer(weight, down, up)`: the kernel C'×C×3×3 of one convolution that does what conv + up(down) does.

    `down`: r×C×3×3, `up`: C'×r×1×1.
    """
    generator = torch.Generator().manual_seed(0)
    weight, down, up, x = (torch.randn(shape, generator=generator)
                           for shape in ((6, 4, 3, 3), (2, 4, 3, 3), (6, 2, 1, 1), (3, 4, 8, 8)))
    before = [tensor.clone() for tensor in (weight, down, up)]
    given = answer(weight, down, up)
    if not all(torch.equal(old, new) for old, new in zip(before, (weight, down, up))):
        return "It changes what it was given: the addition could not be taken off again."
    if tuple(given.shape) != (6, 4, 3, 3):
        return f"The kernel has to be 6×4×3×3, like the convolution's; yours is {'×'.join(map(str, given.shape))}."
    low = torch.einsum("or,rihw->oihw", up[:, :, 0, 0], down)
    typical = [(low, "That is the addition alone: the convolution itself is missing."),
               (weight, "That is the convolution alone."), (weight - low, "The addition has the wrong sign."),
               (weight + low.flip(2, 3), "The kernel is mirrored: PyTorch does not flip it."),
               (weight + low.transpose(2, 3), "Rows and columns of the kernel are exchanged."),
               (weight + low / 2, "The addition is divided by the rank; here nothing scales it.")]
    if torch.allclose(given, weight + low, atol=1e-5):
        return ""
    hint = next((says for wrong, says in typical if torch.allclose(given, wrong, atol=1e-5)),
                "Each output channel's addition is the sum over the r kernels of down, weighted by its row of up.")
    one = functional.conv2d(x, weight, padding=1) + functional.conv2d(functional.conv2d(x, down, padding=1), up)
    apart = (functional.conv2d(x, given, padding=1) - one).abs().max().item()
    return f"The outputs differ by up to {apart:.2g}. {hint}"


@check
def only_the_last_stage(answer: Callable[[networks.Network], list[nn.Parameter]]) -> str:
    """`answer(network)`: leaves it so that only last stage and classifier train, and returns their parameters."""
    network = networks.residual(8, 1, seed=1).train()
    chosen = list(answer(network))
    right = [*network.stages[2].parameters(), *network.classifier.parameters()]
    wanted, got = {id(parameter) for parameter in right}, {id(parameter) for parameter in chosen}
    if not got:
        return "It returns no parameters: the optimiser needs those of the last stage and of the classifier."
    if not wanted <= got:
        missing = "the classifier" if not {id(network.classifier.weight)} <= got else "the last stage"
        return f"Parameters of {missing} are missing from what it returns."
    if got != wanted or len(chosen) != len(right):
        return "It returns more than the parameters of the last stage and of the classifier, each once."
    for name, parameter in network.named_parameters():
        if parameter.requires_grad != (id(parameter) in got):
            return (f"{name} has requires_grad={parameter.requires_grad}: what is not trained needs no gradient, what "
                    "is trained does.")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x = 3 + torch.randn(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    descent = torch.optim.SGD(chosen, lr=0.1, weight_decay=1e-4)
    functional.cross_entropy(network(x), torch.arange(16) % 10).backward()
    descent.step()
    after = network.state_dict()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    first = next((name for name in moved if not name.startswith(("stages.2", "classifier"))), None)
    if first:
        return (f"A training step moved {first}. requires_grad does not stop running statistics: batch normalisation "
                "in training mode updates them, whatever is trained.")
    if not any("stages.2" in name and "running" in name for name in moved):
        return "The last stage is in evaluation mode: its batch statistics do not follow its weights."
    return ""


# practice/scaling --------------------------------------------------------------------------------------------------

@check
def what_fits(answer: tuple[int, int]) -> str:
    """`(largest batch, deepest network)`: what 8 GB hold of the pictures of a training step, of 1e9 or 2**30 bytes."""
    batch, depth = answer
    picture = 4 * 16 * 32 * 32  # bytes of a picture of the first stage
    for size in (8e9, 8 * 2**30):
        largest = int(size // (128 * picture))
        if batch == largest:
            n = int((size / (128 * picture) - 2) // 7)
            if depth == 6 * n + 2:
                return ""
            if depth == n:
                return "The first number is right. The second is n; the depth is 6n+2."
            return (f"The first number is right. For the second: 128 images share the memory, so that each has room "
                    f"for {size / (128 * picture):.0f} pictures of the first stage, and 7n+2 must fit into it.")
        if abs(batch - 4 * largest) <= 4:
            return "That would be right for numbers of one byte; a number in float32 has four."
        if abs(batch - 2 * largest) <= 2:
            return "Twice too many: each convolution keeps two pictures, one before its norm and one behind its ReLU."
    return "Look at the first number: an image needs 7n+2 pictures of 16×32×32 numbers of 4 bytes, and n is 18."


@check
def ring_time(answer: Callable[[int, int, float, float], float]) -> str:
    """`answer(parameters, processes, gigabits, microseconds)`: seconds of a ring all-reduce of float32 gradients."""
    def seconds(parameters: int, processes: int, gigabits: float, microseconds: float, size: float = 4,
                bits: float = 8) -> float:
        rounds = 2 * (processes - 1)
        return rounds * (size * parameters * bits / 1e9 / processes / gigabits + microseconds / 1e6)

    cases = [(25_557_032, 8, 50.0, 30.0), (269_722, 2, 10.0, 100.0), (1_727_962, 1024, 100.0, 5.0), (1000, 4, 1.0, 0.0)]
    alone = answer(269_722, 1, 10.0, 100.0)
    if not abs(alone) < 1e-12:
        return f"One process has nobody to send to: 0 seconds, not {alone:.3g}."
    for case in cases:
        got, right = float(answer(*case)), seconds(*case)
        if abs(got - right) <= 1e-6 * right:
            continue
        parameters, processes, gigabits, microseconds = case
        quotients = {
            seconds(*case, bits=1): "A connection's speed is in bits; a byte has eight of them.",
            seconds(*case, bits=64): "That is eight times the bytes: there are 8 bits in a byte, not the reverse.",
            seconds(*case, size=1): "A gradient in float32 has four bytes for each parameter.",
            right / 2: "Twice: once for the sums to travel around, once for the results.",
            seconds(parameters, processes, gigabits, 0.0): "Each of the 2(m − 1) rounds has its delay.",
            seconds(parameters, processes, gigabits, 0.0) + microseconds / 1e6:
                "The delay comes once in each of the 2(m − 1) rounds, not once in all.",
            seconds(parameters, processes, gigabits, 1e3 * microseconds): "A microsecond is a millionth of a second."}
        for value, says in quotients.items():
            if abs(got - value) <= 1e-6 * value:
                return says
        return (f"For {parameters:,} parameters, {processes} processes, {gigabits:g} Gbit/s and {microseconds:g} µs "
                f"it gives {got:.4g} s; the formula above gives {right:.4g} s.")
    return ""


@check
def honest_checkpoint(answer: Callable[[nn.Module, Tensor], Tensor]) -> str:
    """`answer(block, x)`: as `block(x)`, in training, without keeping the block's pictures for the way back."""
    ours, theirs = (networks.residual(8, seed=1).blocks()[0].train() for _ in range(2))
    x = torch.randn(4, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    for _ in range(2):
        y, expected = answer(ours, one), theirs(other)
        if not torch.allclose(y, expected, atol=1e-5):
            return "The output is not that of the block."
        y.square().sum().backward()
        expected.square().sum().backward()
    pairs = [(one.grad, other.grad), *((a.grad, b.grad) for a, b in zip(ours.parameters(), theirs.parameters()))]
    if any(a is None or b is None or not torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in pairs):
        return "The gradients of the block's parameters, or of its input, are not those of block(x)."
    if costs.kept_bytes(ours, lambda: answer(ours, one)) > costs.kept_bytes(theirs, lambda: theirs(other)) / 3:
        return "It keeps the block's pictures for the way back: only the input may wait (torch.utils.checkpoint)."
    for name, value in theirs.state_dict().items():
        got = ours.state_dict()[name]
        if "running" in name and not torch.allclose(got, value, rtol=1e-4, atol=1e-5):
            return (f"{name} is not where one call a step would have moved it: the second call moves it again, or "
                    "the first did not.")
        if "tracked" in name and int(got) != int(value):
            return f"{name} counts {int(got)} batches; there were {int(value)}."
    for layer, twin_layer in zip(ours.modules(), theirs.modules()):
        if isinstance(layer, nn.BatchNorm2d) and isinstance(twin_layer, nn.BatchNorm2d) and (
                layer.momentum != twin_layer.momentum or layer.training != twin_layer.training):
            return "Afterwards a normalisation's momentum or mode is not what it was before."
    return ""


# practice/large-models ----------------------------------------------------------------------------------------------

@check
def states_shared(answer: tuple[float, int]) -> str:
    """`(gigabytes, cards)`: weights, gradients, Adam and copy of Llama 2 13B; cards of 24 GB that hold them."""
    gigabytes, cards = answer
    parameters = 13_015_864_320
    for unit in (1e9, 2**30):
        right = 16 * parameters / unit
        if math.isclose(gigabytes, right, rel_tol=5e-3):
            least = math.ceil(right / 24)
            if cards == least:
                return ""
            if cards == least - 1 or (isinstance(cards, float) and cards != int(cards)):
                return f"The first number is right. {right:.0f} / 24 has to be rounded up: a card too few is too few."
            return f"The first number is right. The second is how many times 24 GB it takes to hold {right:.0f} GB."
        typical = {12: "Something of 4 bytes is left out: the copy in float32, or one of Adam's two means.",
                   8: "The optimiser is left out, or its means are taken as numbers of two bytes.",
                   4: "That is one number of four bytes, or weights and gradients alone.",
                   2: "That is the weights alone: gradient, two means and a copy come on top.",
                   14: "Something of 2 bytes is left out: weights and gradients are both there.",
                   20: "That is one number of four bytes too many: weight and gradient have two each."}
        for size, says in typical.items():
            if math.isclose(gigabytes, size * parameters / unit, rel_tol=5e-3):
                return says
    return "For each parameter: a weight and a gradient of 2 bytes, two means and a copy of 4. A GB is 10⁹ bytes."


@check
def quantised_by_blocks(answer: Callable[[Tensor, int, int], Tensor]) -> str:
    """`answer(weight, bits, block)`: each `block` neighbours of a row as whole numbers of few bits, times one scale."""
    def right(weight: Tensor, bits: int, block: int) -> Tensor:
        pieces = weight.reshape(len(weight), -1, block)
        most = 2 ** (bits - 1) - 1
        scale = (pieces.abs().amax(2, keepdim=True) / most).clamp(min=1e-12)
        return ((pieces / scale).round() * scale).reshape(weight.shape)

    generator = torch.Generator().manual_seed(0)
    for rows, columns, bits, block in ((6, 64, 3, 32), (3, 8, 4, 4), (2, 12, 8, 12), (4, 6, 2, 3)):
        weight = torch.randn(rows, columns, generator=generator)
        weight[0, :block] *= 10
        before = weight.clone()
        given, expected = answer(weight, bits, block), right(weight, bits, block)
        if not torch.equal(weight, before):
            return "It changes the weights that it was given: work on a copy."
        if given.shape != weight.shape:
            return f"The result has the shape {tuple(given.shape)}, the weights {tuple(weight.shape)}."
        if torch.allclose(given, expected, rtol=1e-4, atol=1e-5):
            continue
        if block < columns and torch.allclose(given, right(weight, bits, columns), rtol=1e-4, atol=1e-5):
            return "That is one scale for the whole row: the block plays no part."
        by_columns = right(weight.T.reshape(columns, rows), bits, rows).T
        if rows > 1 and torch.allclose(given, by_columns, rtol=1e-4, atol=1e-5):
            return "That is one scale a column; the weights of a block stand side by side in a row."
        whole = torch.as_tensor(given, dtype=torch.float32)
        if torch.equal(whole, whole.round()) and not torch.equal(expected, expected.round()):
            return "Those are the whole numbers; multiply them by their scales again."
        values = max(len(piece.unique()) for piece in whole.reshape(-1, block))
        if values > 2**bits - 1:
            return (f"With {bits} bits a block of your result has {values} values; from −{2 ** (bits - 1) - 1} to "
                    f"{2 ** (bits - 1) - 1} there are {2**bits - 1}.")
        return (f"With {bits} bits and blocks of {block} the largest difference from the nearest whole numbers times "
                f"max |w| / {2 ** (bits - 1) - 1} is {(given - expected).abs().max():.3g}.")
    zeros = answer(torch.zeros(2, 8), 4, 4)
    if not torch.equal(zeros, torch.zeros(2, 8)):
        return "Weights that are all zero do not stay zero: their scale is zero, and 0/0 is no number."
    return ""


# practice/text ----------------------------------------------------------------------------------------------------

@check
def reading_window(answer: tuple[float, float, float, float]) -> str:
    """Per cent read by (1, 8), (2, 8), (3, 6) convolutions and furthest gap; by counts and pairs, furthest gap 4."""
    cases = (("one convolution, gaps up to 8", 1, 8), ("two convolutions, gaps up to 8", 2, 8),
             ("three convolutions, gaps up to 6", 3, 6))
    values = [float(value) for value in answer]
    if len(values) != 4:
        return f"Give four numbers, not {len(values)}."
    if all(0 < value <= 1 for value in values):
        return "Give them in per cent: 50, not 0.5."
    for (name, convolutions, furthest), value in zip(cases, values):
        held = min(2 * convolutions, furthest) / furthest
        if math.isclose(value, 50 + 50 * held, abs_tol=0.3):
            continue
        if math.isclose(value, 100 * held, abs_tol=0.3):
            return f"For {name}: what it cannot read it guesses, and is right every second time."
        if math.isclose(value, 50 + 50 * min(convolutions, furthest) / furthest, abs_tol=0.3):
            return (f"For {name}: {convolutions} of them see {2 * convolutions + 1} words, so both words up to a gap "
                    f"of {2 * convolutions}.")
        return f"For {name} it is not {value:g}: which gaps does a window of {2 * convolutions + 1} words hold?"
    if math.isclose(values[3], 75, abs_tol=0.3):
        return "Pairs are two neighbours: a word between them is one too many. So they read the gap of 1 only."
    if not math.isclose(values[3], 62.5, abs_tol=0.3):
        return f"For pairs it is not {values[3]:g}: of four gaps a pair of neighbours holds one; the rest is guessed."
    return ""


@check
def masked_mean(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`answer(x, words)`: the mean of x, N×C×T, over the places where words, N×T, is not 0: N×C."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 6, generator=generator)
    words = torch.tensor([[5, 2, 9, 0, 0, 0], [3, 0, 0, 0, 0, 0], [2, 2, 7, 8, 4, 6]])
    right = torch.stack([row[:, :length].mean(1) for row, length in zip(x, (3, 1, 6))])
    got = torch.as_tensor(answer(x.clone(), words.clone()))
    if got.shape != right.shape:
        return f"3×4×6 gave the shape {tuple(got.shape)}: return a mean a sentence and channel, 3×4."
    real = (words != 0)[:, None]
    if not torch.allclose(got, right, atol=1e-6):
        for wrong, says in ((x.mean(2), "That is the mean over all places: leave the empty ones out."),
                            ((x * real).mean(2), "The sum is right; divide it by the number of words, not of places."),
                            (x.sum(2) / real.sum(2), "The number is right, but empty places are in the sum."),
                            ((x * real).sum(2), "That is the sum: divide it by the number of words.")):
            if torch.allclose(got, wrong, atol=1e-6):
                return says
        return "The means are others than those over the places with a word."
    huge = torch.where(real, x, torch.inf)
    if not torch.allclose(torch.as_tensor(answer(huge, words)), right, atol=1e-6):
        return "An infinite value at an empty place spoils it: choose with torch.where in place of multiplying by 0."
    return ""


@check
def majority(answer: Callable[[Tensor], float]) -> str:
    """`answer(wrong)`: K×N, true where reader k gets n wrong, K odd; the per cent that the majority gets right."""
    wrong = torch.rand(5, 40, generator=torch.Generator().manual_seed(0)) < 0.35
    right = 100 * (wrong.sum(0) < 3).double().mean().item()
    got = float(answer(wrong.clone()))
    if math.isclose(got, right, abs_tol=1e-6):
        return ""
    if math.isclose(got, right / 100, abs_tol=1e-6):
        return "That is the share: give it in per cent."
    if math.isclose(got, 100 - right, abs_tol=1e-6):
        return "That is what the majority gets wrong."
    if math.isclose(got, 100 - 100 * wrong.double().mean().item(), abs_tol=1e-4):
        return "That is the mean of the readers; a vote decides for each sentence, then counts."
    if math.isclose(got, 100 - 100 * wrong.all(0).double().mean().item(), abs_tol=1e-6):
        return "That counts a sentence as soon as one reader is right; three of five must be."
    if math.isclose(got, 100 - 100 * wrong.any(0).double().mean().item(), abs_tol=1e-6):
        return "That asks all readers to be right; more than half is enough."
    return f"It gives {got:.4g} % where the majority gets {right:.4g} % right."


# practice/medicine -------------------------------------------------------------------------------------------------

@check
def pairs_by_hand(answer: tuple[float, float]) -> str:
    """`(auc, threshold)` in per cent: of ill 0.8, 0.7, 0.3 and healthy 0.7, 0.2; where a miss costs four alarms."""
    area, threshold = map(float, answer)
    if max(area, threshold) <= 1:
        return "Give both in per cent."
    typical = {100 * 4 / 6: "The pair 0.7 against 0.7 is a tie and counts one half.",
               100 * 5 / 6: "The pair 0.7 against 0.7 is a tie: it counts one half, not one.",
               25.0: "That is the share of the pairs that are in the wrong order or tied: the AUC counts those "
                     "in the right order."}
    if not math.isclose(area, 75, abs_tol=0.05):
        hint = next((said for value, said in typical.items() if math.isclose(area, value, abs_tol=0.06)), "")
        return f"The AUC is not {area:.1f} %. " + (hint or "Three ill and two healthy children make six pairs.")
    if not math.isclose(threshold, 20, abs_tol=0.05):
        typical = {25: "Compare p · 4 with (1 − p) · 1, not p with 1/4.",
                   80: "That is the threshold for an alarm that costs four misses: a dear miss lowers the threshold."}
        hint = typical.get(round(threshold), "Where is p · 4 equal to (1 − p) · 1?")
        return f"The AUC is right. The threshold is not {threshold:.1f} %. {hint}"
    return ""


@check
def area_of_pairs(answer: Callable[[Tensor, Tensor], float]) -> str:
    """`answer(scores, ill)`: the AUC, from 0 to 1, of scores and a mask that is true for the ill; ties are halves."""
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([0.9, 0.6, 0.4, 0.5, 0.1]), torch.tensor([True, True, True, False, False])),
             (torch.tensor([0.1, 0.2, 0.8, 0.9]), torch.tensor([True, False, True, False])),
             (torch.tensor([0.5, 0.5, 0.5, 0.2]), torch.tensor([True, False, True, False])),
             (torch.randn(60, generator=generator).round(decimals=1), torch.arange(60) % 3 == 0)]
    for scores, ill in cases:
        given = float(answer(scores.clone(), ill.clone()))
        apart = scores[ill][:, None] - scores[~ill][None, :]
        above, tied = (apart > 0).float().mean().item(), (apart == 0).float().mean().item()
        right = above + tied / 2
        if math.isclose(given, right, abs_tol=1e-6):
            continue
        typical = [(100 * right, "That is in per cent; give a share."),
                   (1 - right, "That is the share of the pairs in the wrong order."),
                   (above, "Ties are missing: each counts one half."),
                   (above + tied, "A tie counts one half, not one."),
                   (((scores >= 0.5) == ill).float().mean().item(),
                    "That is the accuracy at 0.5; the AUC knows no threshold."),
                   (above * apart.numel(), "Divide by the number of pairs.")]
        hint = next((said for value, said in typical if math.isclose(given, value, abs_tol=1e-5)),
                    "Count the pairs of one ill and one healthy child in which the ill one has the higher score.")
        return f"For {len(scores)} scores it is {right:.4f}; yours is {given:.4f}. {hint}"
    return ""


@check
def worth_of_an_alarm(answer: Callable[[float, float, float], float]) -> str:
    """`answer(sensitivity, specificity, prevalence)`, shares: how probable it is that an alarm is right."""
    for sensitivity, specificity, prevalence in ((0.9, 0.8, 0.5), (0.98, 0.65, 0.01), (0.6, 0.99, 0.3)):
        given = float(answer(sensitivity, specificity, prevalence))
        found, alarmed = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
        right = found / (found + alarmed)
        if math.isclose(given, right, abs_tol=1e-6):
            continue
        typical = [(100 * right, "Give a share, not per cent."), (1 - right, "That is the share of false alarms."),
                   (found, "Divide by all who are called ill: those who are, and the healthy ones."),
                   (sensitivity / (sensitivity + 1 - specificity),
                    "Weigh both kinds of children by how many there are."),
                   (found / (found + specificity * (1 - prevalence)),
                    "The healthy ones who are called ill are 1 − specificity of them."),
                   (sensitivity, "That is the sensitivity: of the ill, how many are found. Asked is: of the "
                                 "found, how many are ill.")]
        hint = next((said for value, said in typical if math.isclose(given, value, abs_tol=1e-6)),
                    "Count in a thousand children: how many are called ill, and how many of those are?")
        return (f"For a sensitivity of {sensitivity}, a specificity of {specificity} and {prevalence} ill it is "
                f"{right:.4f}; yours is {given:.4f}. {hint}")
    return ""


@check
def moved_prevalence(answer: Callable[[Tensor, float, float], Tensor]) -> str:
    """`answer(probabilities, before, after)`: corrected for a prevalence of `after` where training had `before`."""
    shares = torch.tensor([0.02, 0.3, 0.5, 0.742, 0.99], dtype=torch.double)
    for before, after in ((0.742, 0.625), (0.5, 0.01), (0.3, 0.3)):
        given = torch.as_tensor(answer(shares.clone(), before, after), dtype=torch.double)
        factor = after / (1 - after) * (1 - before) / before

        def corrected(factor: float) -> Tensor:
            return factor * shares / (factor * shares + 1 - shares)

        if given.shape != shares.shape:
            return f"Five probabilities gave the shape {tuple(given.shape)}: return one for each."
        if torch.allclose(given, corrected(factor), atol=1e-6):
            continue
        typical = [(corrected(1 / factor), "That is the wrong way round: divide by the odds of before, multiply "
                                           "by those of after."),
                   (shares * after / before, "Multiply the odds p / (1 − p), not the probabilities."),
                   (corrected(after / before), "Take the ratio of the odds, not of the prevalences."),
                   (factor * shares / (1 - shares), "These are odds: turn them back into probabilities, o / (1 + o).")]
        hint = next((said for value, said in typical if torch.allclose(given, value, atol=1e-6)),
                    "Odds times odds of the new prevalence, over those of the old one.")
        return (f"From {before} to {after}, 0.3 becomes {corrected(factor)[1]:.4f}; yours is {float(given[1]):.4f}. "
                f"{hint}")
    return ""


# practice/speech ---------------------------------------------------------------------------------------------------

@check
def sound_numbers(answer: tuple[float, float, float]) -> str:
    """`(hertz between rows, columns a second, hertz of the alias)`: 16 kHz, windows of 400, steps of 160, 9,500 Hz."""
    row, columns, whistle = map(float, answer)
    if not math.isclose(row, 40, rel_tol=1e-3):
        typical = {100: "That is the rate over the step: rows have to do with the length of the window.",
                   20: "Half of that lies between nought and the first row; rows are a whole r/N apart.",
                   80: "The rows end at half the rate, and there are half as many: r/N it is.",
                   0.025: "That is the length of a window in seconds; its inverse is asked for."}
        return "Look at the first number. " + typical.get(round(row, 3), "Row k stands for k·r/N hertz.")
    if not math.isclose(columns, 100, rel_tol=1e-3):
        typical = {40: "Windows overlap: a column begins every 160 samples, not every 400.",
                   0.01: "That is the distance between columns in seconds; its inverse is asked for."}
        return "Look at the second number. " + typical.get(round(columns, 3), "One column begins every 160 samples.")
    if not math.isclose(whistle, 6500, rel_tol=1e-3):
        typical = {9500: "Half the rate is 8,000 Hz: what lies above does not stay where it is.",
                   1500: "That is how far it lies above half the rate; it comes back by as much below.",
                   -6500: "The minus turns the wave upside down; the frequency that is heard has none.",
                   8000: "It is not stopped at half the rate, it is mirrored there."}
        return "Look at the third number. " + typical.get(round(whistle), "It is mirrored at half the rate, 8,000 Hz.")
    return ""


@check
def leave_out(answer: Callable[[list[str]], Sequence[tuple[Sequence[int], Sequence[int]]]]) -> str:
    """`answer(people)`: a pair of lists of positions, training and test, for each person, who is the whole test."""
    for people in (["ann", "bob", "ann", "cid", "bob", "ann"], ["x", "y"], ["b"] * 3 + ["a"] * 4 + ["c"]):
        before, names = list(people), sorted(set(people))
        pairs = [(list(train), list(test)) for train, test in answer(people)]
        if people != before:
            return "It changes the list that it was given."
        if len(pairs) != len(names):
            return f"{len(names)} people need {len(names)} pairs; there are {len(pairs)}."
        tested = []
        for train, test in pairs:
            whose = {people[index] for index in test}
            if set(train) & set(test):
                return "A recording is in both parts."
            if len(whose) != 1:
                return f"In a test there are the people {', '.join(sorted(whose)) or 'nobody'}: one is asked for."
            if whose & {people[index] for index in train}:
                return f"Recordings of {whose.pop()} are in both parts: all of a person's belong to the test."
            if len(train) + len(test) != len(people):
                return f"{len(people) - len(train) - len(test)} of {len(people)} recordings are in neither part."
            tested += list(whose)
        if sorted(tested) != names:
            return "Somebody is never the test."
    return ""


@check
def loudest(answer: Callable[[Tensor, float], float]) -> str:
    """`answer(wave, rate)`: the strongest of the frequencies k·rate/N, in hertz, of a wave of N samples."""
    for size, rate, k, turn in ((256, 8000.0, 14, 0.3), (200, 8000.0, 25, 1.7), (121, 16000.0, 7, 0.0),
                                (256, 8000.0, 60, math.pi / 2)):
        n = torch.arange(size)
        wave = torch.sin(2 * math.pi * k * n / size + turn) + 0.4 * torch.sin(2 * math.pi * (k + 9) * n / size)
        given, right = float(answer(wave.clone(), rate)), k * rate / size
        if math.isclose(given, right, rel_tol=1e-3):
            continue
        typical = {float(k): "That is k; its frequency is k·r/N.",
                   k / size: "That is in turns a sample: times the rate it is in hertz.",
                   2 * right: "That is twice as high: k times fit into N samples, not into half of them.",
                   rate - right: "That is above half the rate, the mirror image: k goes up to N/2 only.",
                   k * rate / 256: "N is the number of samples of this wave, not always 256."}
        hint = next((said for value, said in typical.items() if math.isclose(given, value, rel_tol=1e-3)),
                    "Square the sums with cosines and with sines and add the squares: the wave may begin anywhere.")
        return f"{size} samples, {rate:,.0f} a second, are loudest at {right:.1f} Hz; you have {given:.1f}. {hint}"
    return ""
