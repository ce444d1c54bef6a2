"""Checks of the answers to the exercises of the part "Concepts"."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from resnet_lib import data
from resnet_lib.exercises.checking import check, hint

# introduction --------------------------------------------------------------------------------------------------------

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


# neural-networks -----------------------------------------------------------------------------------------------------

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


# depth ---------------------------------------------------------------------------------------------------------------

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
    for shallow, deep, expected, said in cases:
        given = answer(shallow, deep)
        if given != expected:
            return f"For shallow {shallow} and deep {deep} you say {given!r}. {said}: {expected}."
    return ""


# residual-connection -------------------------------------------------------------------------------------------------

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
    return hint(given, typical,
                "The output is not ReLU(x + F(x)) with F(x) = branch(x).", atol=1e-5)


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
    return hint(first, typical,
                "The first 16 channels are not every second pixel of the input, x[:, :, ::2, ::2].", atol=1e-6)


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
    return hint(given, typical,
                f"You say {given:.4g} for plain {plain} and residual {residual}. The lowest medians are 0.3 and 0.02.",
                atol=1e-6)
