"""Checks of the exercises in the part "Understanding"."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from resnet_lib.exercises.checking import check, hint

# understanding/shattered-gradients -----------------------------------------------------------------------------------


@check
def open_share(answer: tuple[float, float]) -> str:
    """`(bias_0, bias_1)` in per cent: how many ReLUs are open behind a batch norm with bias 0, and with bias 1."""
    first, second = map(float, answer)
    if max(first, second) <= 1:
        return "Give both in per cent."
    if not math.isclose(first, 50, abs_tol=0.5):
        return "With bias 0 the inputs of the ReLUs have mean 0: how many of them are positive?"
    typical = {68: "68 % lie within one standard deviation of the mean, on both sides. Open are all above −1, without "
                   "an upper end.", 16: "That is the share that is closed.", 34: "That is the share between −1 and 0: "
                   "add those above 0.", 100: "Inputs below −1 stay closed.", 95: "That would be a bias of about 1.64."}
    if not math.isclose(second, 84, abs_tol=0.6):
        return f"The first is right. The second is not {second:.0f} %. " + typical.get(
            round(second), "Open is the share of a standard normal u with u + 1 > 0.")
    return ""


@check
def relative_change(answer: Callable[[Tensor, Tensor], float]) -> str:
    """`answer(clean, noisy)`: the change from `clean` to `noisy`, N×C×H×W, over the spread between the N images."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.randn(20, 3, 4, 4, generator=generator) + 5
    cases = [(clean, clean + 0.1 * torch.randn(clean.shape, generator=generator)), (clean, clean.flip(0)),
             (clean, clean)]
    for before, after in cases:
        given = float(answer(before.clone(), after.clone()))
        change, spread = (after - before).square().sum(), (before - before.mean(0)).square().sum()
        right = (change / spread).sqrt().item()
        if math.isclose(given, right, rel_tol=1e-3, abs_tol=1e-6):
            continue
        changes, spreads = (part.flatten(1).norm(dim=1) for part in (after - before, before - before.mean(0)))
        each = (changes / spreads).mean().item()
        typical = [(right**2, "The root is missing: that is the ratio of the squares."),
                   ((change / before.square().sum()).sqrt().item(),
                    "Divide by the spread between the images, ‖h − mean h‖, not by ‖h‖: what all images share says "
                    "nothing."),
                   ((change / (before - before.mean()).square().sum()).sqrt().item(),
                    "The mean is taken over the images alone: each channel and pixel has its own."),
                   (each, "That is the mean of the images' own ratios. Sum the squares over all images first.")]
        said = next((says for value, says in typical if math.isclose(given, value, rel_tol=1e-3)),
                    "Sum the squares of after − before, divide by those of before − before.mean(0), take the root.")
        return f"For {len(before)} outputs it is {right:.4f}; yours is {given:.4f}. {said}"
    return ""


@check
def mirrored_filters(answer: Callable[[Tensor], Tensor]) -> str:
    """`answer(half)`: from A, outputs×inputs×3×3, the filters 2·outputs×2·inputs×3×3 of a layer that looks linear."""
    half = torch.randn(3, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    given = answer(half.clone())
    if tuple(given.shape) != (6, 4, 3, 3):
        return f"The filters have the shape 6×4×3×3 for A of 3×2×3×3, not {'×'.join(map(str, given.shape))}."
    z = torch.randn(5, 2, 6, 6, generator=torch.Generator().manual_seed(1))
    pairs = torch.cat([z.relu(), (-z).relu()], 1)
    out = torch.nn.functional.conv2d(pairs, given, padding=1)
    linear = torch.nn.functional.conv2d(z, half, padding=1)
    if not torch.allclose(out[:, :3], linear, atol=1e-4):
        return "The first half of the channels is not A z where the input holds ReLU(z) and ReLU(−z)."
    if not torch.allclose(out[:, 3:], -linear, atol=1e-4):
        return "The second half is not −A z: the next layer then lacks the pairs that it counts on."
    return ""


# understanding/paths -------------------------------------------------------------------------------------------------


@check
def paths_left(answer: Sequence[float]) -> str:
    """(paths of 27 blocks after 8 deletions, per cent of them that this is, per cent of draws of two among the 27
    blocks that hit none of nine), numbers with three digits."""
    if len(answer) != 3:
        return "Three numbers are asked for: paths, per cent, per cent."
    left, share, spared = map(float, answer)
    if left != 2**19:
        return hint(left, {2.0**27 - 2.0**8: "Deleting a block halves the paths; it does not take away a fixed number.",
                           27.0 - 8: "That is the number of blocks left. Each is passed through or around.",
                           2.0**8: "That is by how much they become fewer: divide."},
                    "Each of the blocks left offers two ways.")
    if abs(share - 100 / 2**8) > 0.005:
        return hint(share, {1 / 2**8: "In per cent, please: 100 times as much.",
                            100 * 19 / 27: "That is the share of the blocks; the share of the paths is asked for."},
                    "Divide by the paths before, and give it in per cent with two decimals.", atol=0.005)
    return "" if abs(spared - 100 * (18 * 17) / (27 * 26)) <= 0.06 else hint(
        spared, {100 * (18 / 27)**2: "Nearly: the second block is drawn from the 26 left, of which 17 are harmless.",
                 100 * 18 / 27: "That is for one block. Two are drawn.",
                 100 - 100 * (18 * 17) / (27 * 26): "That is the share of draws that do hit one of the nine.",
                 (18 * 17) / (27 * 26): "In per cent, please: 100 times as much."},
        "18 of 27 for the first block; how many of how many for the second?", atol=0.06)


@check
def mean_length(answer: Callable[[Tensor], float]) -> str:
    """`answer(parts)`: lengths×images×numbers, the gradient of each image by path length; the mean path length, where
    a length weighs what it contributes along the whole gradient of its image, and each image counts alike."""
    generator = torch.Generator().manual_seed(0)
    for lengths, images, numbers in ((2, 1, 3), (4, 5, 6), (10, 3, 4)):
        parts = torch.randn(lengths, images, numbers, generator=generator, dtype=torch.float64)
        parts += torch.randn(images, numbers, generator=generator, dtype=torch.float64)  # so that no sum is near zero
        parts[:, 0] *= 100
        whole, steps = parts.sum(0), torch.arange(lengths, dtype=torch.float64)
        shares = (parts * whole).sum(2) / whole.square().sum(1)
        right, found = (shares.mean(1) * steps).sum().item(), float(answer(parts.clone()))
        if abs(found - right) <= 1e-6 * max(1, abs(right)):
            continue
        norms = parts.norm(dim=2) / parts.norm(dim=2).sum(0)
        squares = parts.square().sum(2) / parts.square().sum((0, 2))
        together = (parts * whole).sum((1, 2)) / whole.square().sum()
        return hint(found, [
            ((norms.mean(1) * steps).sum(), "You weigh by norms: what points away from the whole counts against it."),
            ((squares.mean(1) * steps).sum(), "You weigh by squares. Multiply each part with the whole gradient."),
            ((together * steps).sum(), "Images with long gradients count more. Divide image by image, then average."),
            ((shares.sum(1) * steps).sum(), "Take the mean over the images, not the sum."),
            (right + 1, "The first part has the length 0: it goes around every block."),
        ], "The weights of one image are ⟨part, whole⟩/⟨whole, whole⟩ and add up to 1.", rtol=1e-6, atol=1e-9)
    return ""


# understanding/loss-landscape ----------------------------------------------------------------------------------------


@check
def stale_growth(answer: Sequence[float]) -> str:
    """(factor after 19 convolutions, factor after 55, distance at which 55 give a factor of 10): how much larger a
    signal becomes when each convolution at distance r multiplies it by √(1 + r²); the factors at r = 1."""
    if len(answer) != 3:
        return "Three numbers are asked for: two factors and a distance."
    shallow, deep, distance = map(float, answer)
    for given, layers in ((shallow, 19), (deep, 55)):
        if not math.isclose(given, 2 ** (layers / 2), rel_tol=0.01):
            return f"{layers} convolutions: " + hint(given, [
                (2.0**layers, "that is the factor of the variance; the signal's is its root."),
                (layers * math.sqrt(2), "factors multiply, they do not add up."),
                (math.sqrt(2), "that is the factor of one convolution."),
                (2 ** ((layers + 1) / 2), "the classifier is not among them: it comes behind the last convolution."),
            ], "each multiplies by √2.", rtol=0.01)
    right = math.sqrt(10 ** (2 / 55) - 1)
    return "" if math.isclose(distance, right, abs_tol=0.006) else hint(distance, [
        (math.sqrt(10 ** (1 / 55) - 1), "Nearly: (1 + r²) has the power 55/2, for each factor is a root."),
        (10 ** (2 / 55) - 1, "That is r²."), (10 ** (1 / 55), "That is the factor of one convolution, √(1 + r²)."),
    ], "Solve (1 + r²) to the power of 55/2 equals 10 for r.", atol=0.003)


@check
def power_iteration(answer: Callable[[Callable[[Tensor], Tensor], int], float]) -> str:
    """`answer(product, size)`: the eigenvalue of the largest size, with its sign, of a symmetric matrix size×size of
    which only `product(vector)` is known."""
    generator = torch.Generator().manual_seed(0)
    for values in ([3.0, 1.0, 0.5, -1.0], [-5.0, 2.0, 1.0, 0.1, 0.0], [4.0]):
        turn, _ = torch.linalg.qr(torch.randn(len(values), len(values), generator=generator))
        matrix = turn @ torch.diag(torch.tensor(values)) @ turn.T
        found = float(answer(matrix.matmul, len(values)))
        if not math.isclose(found, values[0], rel_tol=1e-3):
            rest = "Multiply again and again, shorten the vector to length 1 each time; at the end take v · H v."
            return f"Of a matrix with the eigenvalues {values} it is {values[0]:g}; yours is {found:.4g}. " + hint(
                found, [(-values[0], "The length of H v has lost the sign: take v · H v."),
                        (values[0]**2, "Shorten v to length 1 before you take v · H v."),
                        (max(values), "That is the largest, not the one of the largest size.")], rest, atol=1e-2)


# understanding/interpretability --------------------------------------------------------------------------------------


@check
def integrated_by_hand(answer: Sequence[float]) -> str:
    """(sum of derivative times number, integrated gradient of the first number) of f = x₁x₂ at (2, 3) from (0, 0), and
    (derivative times number, integrated gradient) of g = 1 − ReLU(1 − x) at 2 from 0: four numbers."""
    if len(answer) != 4:
        return "Four numbers are asked for: two for f, two for g."
    summed, first, slope, integral = map(float, answer)
    if summed != 12:
        return hint(summed, {6.0: "That is f itself, or one of the two products. Add both: x₁·∂f/∂x₁ + x₂·∂f/∂x₂.",
                             5.0: "Those are the derivatives alone. Multiply each by its number before you add."},
                    "The derivative by x₁ is x₂, and the other way round; multiply each by its own number and add.")
    if first != 3:
        return hint(first, {6.0: "That is the derivative at the end times x₁. On the way the derivative is α·3: take "
                                 "its mean.", 1.5: "That is the mean derivative. Multiply it by x₁ = 2.",
                            2.0: "On the way x₂ = 3α is the derivative by x₁; its mean is 1.5."},
                    "On the way the derivative by x₁ is α x₂. Its mean over α, times x₁.")
    if slope != 0:
        return "At 2 the ReLU's input is −1: closed. So g does not change there, and its derivative is …?"
    return "" if integral == 1 else hint(
        integral, {2.0: "The mean slope of the way is not 1: from x = 1 on it is 0.",
                   0.5: "That is the mean slope. Multiply it by the number, 2.",
                   0.0: "At the end the slope is 0, but not on the way from 0 to 1."},
        "By completeness it is g(2) − g(0).")


@check
def path_gradients(answer: Callable[[Callable[[Tensor], Tensor], Tensor, Tensor, int], Tensor]) -> str:
    """`answer(f, x, start, steps)`: integrated gradients N×D of `f`, from N×D to N numbers, on the straight way from
    `start` to `x`, with the derivative at the middle of each of `steps` equal parts."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 6, generator=generator, dtype=torch.float64)

    def f(x: Tensor) -> Tensor:
        return (x @ weight).sin().sum(1)

    def by(x: Tensor, start: Tensor, places: list[float]) -> Tensor:
        total = torch.zeros_like(x)
        for place in places:
            at = (start + place * (x - start)).requires_grad_()
            total += torch.autograd.grad(f(at).sum(), at)[0]
        return total / len(places)

    x, start = (torch.randn(3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    for steps in (1, 2, 5):
        middles = [(step + 0.5) / steps for step in range(steps)]
        right = (x - start) * by(x, start, middles)
        given = answer(f, x.clone(), start.clone(), steps)
        if given.shape != right.shape:
            return f"One number for each of the 3×4 inputs is asked for; yours has the shape {tuple(given.shape)}."
        if torch.allclose(given.detach().double(), right, atol=1e-8):
            continue
        lefts, rights = ([(step + shift) / steps for step in range(steps)] for shift in (0, 1))
        return hint(given.detach(), [
            (x * by(x, start, middles), "Multiply by x − start, the way that is gone, not by x."),
            (by(x, start, middles), "That is the mean derivative. Multiply it by x − start."),
            ((x - start) * by(x, start, lefts), "Take the middles, (step + ½)/steps, not the beginnings of the steps."),
            ((x - start) * by(x, start, rights), "Take the middles, (step + ½)/steps, not the ends of the steps."),
            (x * by(x, torch.zeros_like(x), middles), "The way begins at `start`: start + α (x − start)."),
            (right * steps, "Divide by the number of steps: it is a mean."),
            (-right, "The sign: from start to x."),
        ], f"With steps={steps} it is not right. The places are start + (step + ½)/steps · (x − start).", atol=1e-8)


# understanding/iteration ---------------------------------------------------------------------------------------------


@check
def decay(answer: Sequence[float]) -> str:
    """(end of one Euler step, of two half steps, of the solution, half-step change, steps needed to end within 0.01 of
    the solution) for dx/dt = −0.8 x from 1 over one unit of time."""
    if len(answer) != 5:
        return "Five numbers are asked for: two ends by Euler's method, the exact end, c, and a number of steps."
    one, two, exact, change, steps = map(float, answer)
    if abs(one - 0.2) > 5e-4:
        return hint(one, {-0.8: "That is the update. Add it to where you are.", 1.8: "The update is negative."},
                    "One step adds u(1) = −0.8 to 1.", atol=5e-4)
    if abs(two - 0.36) > 5e-4:
        return hint(two, {0.2: "The second half asks for the update where the first one has led: it is smaller there.",
                          0.6: "That is after one half step.", 0.04: "Those are two whole steps."},
                    "Each half step multiplies x by 1 − 0.4.", atol=5e-4)
    if abs(exact - math.exp(-0.8)) > 6e-4:
        return hint(exact, {math.exp(0.8): "It decays: the exponent is negative."},
                    "The solution of dx/dt = −0.8 x from 1 is an exponential function.", atol=2e-3)
    if abs(change - 0.4) > 5e-4:
        return hint(change, {0.16: "Divide by the update itself, nothing else: c = |u(0.6) − u(1)| / |u(1)|.",
                             0.32: "That is the difference of the two updates. Divide by the first one.",
                             0.6: "That is the ratio of the two updates; c is how much they differ.",
                             0.8: "Half a step leads to 0.6, not to 0.2.", -0.4: "It is a size: take it without sign."},
                    "Compare u(0.6) with u(1).", atol=5e-4)
    return "" if steps == 15 else hint(
        steps, {14.0: "Nearly: with 14 steps the end is still 0.0105 away.",
                30.0: "That is enough, but half as many are enough, too."},
        "The end is (1 − 0.8/n)ⁿ: try n until it lies within 0.01.")


@check
def heun(answer: Callable[[Callable, Tensor, float], Tensor]) -> str:
    """`answer(f, x, h)`: one step of Heun's method for dx/dt = f(x), of length h, from x, a tensor of any shape."""
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for f, h in ((torch.sin, 1.0), (torch.sin, 0.3), (lambda z: z * z - 1, 0.25)):
        start = x.clone()
        given = torch.as_tensor(answer(f, start, h))
        if not torch.equal(start, x):
            return "Your function changes the x that it is given. Make a new one."
        k1 = f(x)
        k2 = f(x + h * k1)
        right = x + h / 2 * (k1 + k2)
        if given.shape == right.shape and torch.allclose(given, right, rtol=1e-6, atol=1e-9):
            continue
        if given.shape != right.shape:
            return f"For x of the shape 4×3 the answer has the shape {tuple(given.shape)}."
        return hint(given, [(x + h * k1, "That is Euler's method: the speed at the end of the step is not used."),
                            (x + h * f(x + h / 2 * k1), "That is the midpoint method: Heun's asks at the end of the "
                             "step."),
                            (x + h * (k1 + k2), "Take the mean of the two speeds, not their sum."),
                            (x + h * k2, "That uses the speed at the end alone."),
                            (x + h * k1 + h / 2 * (k1 + k2), "Go from the start, x, with the mean; not from where "
                             "Euler's step has led."),
                            (x + h / 2 * (k1 + f(x + k1)), "The first step, too, has the length h."),
                            (x + (k1 + k2) / 2, "The mean of the speeds times h is the way.")],
                    "x + h/2 · (k1 + k2), with k1 = f(x) and k2 = f(x + h k1).", rtol=1e-6, atol=1e-9)
    return ""
