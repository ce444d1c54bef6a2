"""Checks of the answers to the exercises of the part "Mathematics"."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from resnet_lib.exercises.checking import check, hint

# backpropagation -----------------------------------------------------------------------------------------------------

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


# gradient-flow -------------------------------------------------------------------------------------------------------

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
        advice = hint(given, mistakes,
                      f"With {expected:.3f} in every layer the first norm comes out right.", rtol=1e-4)
        return f"For {norms} you say {given:.3f}. {advice}"
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
        advice = hint(given, mistakes,
                      f"The variance of f is {mean_square - mean**2:.4f} there.", rtol=1e-3)
        return f"For slope {slope} you say {given:.4f}. {advice}"
    return ""


# residual-gradients --------------------------------------------------------------------------------------------------

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
    return hint(given, mistakes,
                "Compare with torch.autograd.functional.jacobian, first for V = 0: then the last gates are left.",
                rtol=1e-5, atol=1e-8)


# normalisation-and-initialisation ------------------------------------------------------------------------------------

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
    return hint(given.double(), mistakes,
                f"Its length is {given.double().norm():.4g}, not {right.norm():.4g}. Test one term at a time: a "
                "gradient d of equal numbers gives zero, and so does d = â / γ.", rtol=1e-5, atol=1e-8)


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
        advice = hint(given, mistakes,
                      f"E[f²] is {square:.4f} for a standard normal number.", rtol=0.01)
        return f"For {name} you say {given:.4f}. {advice}"
    return ""
