"""Checks of the answers to the exercises of the part "Practice"."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import costs, networks
from resnet_lib.exercises.checking import check, hint

# fine-tuning ---------------------------------------------------------------------------------------------------------

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
    advice = hint(given, typical,
                  "Each output channel's addition is the sum over the r kernels of down, weighted by its row of up.",
                  atol=1e-5)
    one = functional.conv2d(x, weight, padding=1) + functional.conv2d(functional.conv2d(x, down, padding=1), up)
    apart = (functional.conv2d(x, given, padding=1) - one).abs().max().item()
    return f"The outputs differ by up to {apart:.2g}. {advice}"


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


# large-models --------------------------------------------------------------------------------------------------------

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


# text ----------------------------------------------------------------------------------------------------------------

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


# speech --------------------------------------------------------------------------------------------------------------

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
        advice = hint(given, typical,
                      "Square the sums with cosines and with sines and add the squares: the wave may begin anywhere.",
                      rtol=1e-3)
        return f"{size} samples, {rate:,.0f} a second, are loudest at {right:.1f} Hz; you have {given:.1f}. {advice}"
    return ""


# medicine ------------------------------------------------------------------------------------------------------------

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
        advice = hint(area, typical, "Three ill and two healthy children make six pairs.", atol=0.06)
        return f"The AUC is not {area:.1f} %. {advice}"
    if not math.isclose(threshold, 20, abs_tol=0.05):
        typical = {25: "Compare p · 4 with (1 − p) · 1, not p with 1/4.",
                   80: "That is the threshold for an alarm that costs four misses: a dear miss lowers the threshold."}
        advice = typical.get(round(threshold), "Where is p · 4 equal to (1 − p) · 1?")
        return f"The AUC is right. The threshold is not {threshold:.1f} %. {advice}"
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
        advice = hint(given, typical,
                      "Count the pairs of one ill and one healthy child in which the ill one has the higher score.",
                      atol=1e-5)
        return f"For {len(scores)} scores it is {right:.4f}; yours is {given:.4f}. {advice}"
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
        advice = hint(given, typical,
                      "Count in a thousand children: how many are called ill, and how many of those are?", atol=1e-6)
        return (f"For a sensitivity of {sensitivity}, a specificity of {specificity} and {prevalence} ill it is "
                f"{right:.4f}; yours is {given:.4f}. {advice}")
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
        advice = hint(given, typical,
                      "Odds times odds of the new prevalence, over those of the old one.", atol=1e-6)
        return (f"From {before} to {after}, 0.3 becomes {corrected(factor)[1]:.4f}; yours is {float(given[1]):.4f}. "
                f"{advice}")
    return ""


# driving -------------------------------------------------------------------------------------------------------------

@check
def two_metres(answer: float) -> str:
    """Where the car is after two steps: e = 1, ψ = 0, a straight road, u = −0.012 e − 0.2 ψ."""
    if abs(float(answer) - 0.966544) < 6e-5:
        return ""
    add_up = "Angles add up: the second step starts with ψ = −0.012."
    typical = {0.988: "That is after the first step.",
               0.964144: "In the second step the angle is no longer 0: −0.2·ψ counts.",
               0.961744: "The sign: ψ is negative, so −0.2·ψ turns back to the left.",
               0.976144: add_up, 0.978544: add_up, 0.9664: "Four decimals, rounded: 0.9665.",
               1.033744: "The car turns to the right, for e is positive: u = −0.012·e."}
    return hint(float(answer), typical, "First step: u, then ψ + u, then e + ψ. Then the same again with the new "
                "numbers.", atol=6e-5)


@check
def adjusted_logits(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`answer(logits, counts)`: logits N×K moved from training frequencies to equally frequent classes."""
    generator = torch.Generator().manual_seed(0)
    logits, counts = torch.randn(6, 4, generator=generator), torch.tensor([900.0, 90.0, 9.0, 1.0])
    before = logits.clone(), counts.clone()
    given = answer(logits, counts)
    if not torch.equal(before[0], logits) or not torch.equal(before[1], counts):
        return "It changes what it was given."
    if tuple(given.shape) != (6, 4):
        return f"The logits have to stay N×K, here 6×4; yours are {'×'.join(map(str, given.shape))}."

    def relative(z: Tensor) -> Tensor:  # the same number added to all logits of an image changes nothing
        return z.double() - z.double().mean(1, keepdim=True)

    prior = counts / counts.sum()
    if torch.allclose(relative(given), relative(logits - prior.log()), atol=1e-4):
        return ""
    typical = [(relative(logits + prior.log()), "The other way: that makes frequent classes more frequent still."),
               (relative(logits), "Nothing has changed between the classes."),
               (relative(logits - prior), "The logarithm of the share is missing: logits are logarithms."),
               (relative(logits / prior), "Divide probabilities, but subtract from logits."),
               (relative(logits.softmax(1) / prior),
                "Those are probabilities divided by shares; logits were asked for.")]
    return hint(relative(given), typical, "A probability is divided by the class's share of the training images; a "
                "logit is a logarithm, so something is subtracted.", atol=1e-4)


@check
def bearable_delay(answer: Callable[[float, float], int]) -> str:
    """`answer(a, b)`: the largest delay in steps at which a car on a straight road comes back to the middle."""
    cases = {(0.012, 0.2): 5, (0.024, 0.218): 4, (0.06, 0.3): 2, (0.005, 0.1): 9}
    for (a, b), right in cases.items():
        given = answer(a, b)
        if given == right:
            continue
        says = {right + 1: "One too many: that is the first delay at which it does not come back.",
                right - 1: "One too few: does a command without delay (k = 0) see the state of the same step?"}
        return f"For slopes {a} and {b} it gives {given}. " + says.get(
            given, "Keep all states; in step t use that of step t − k, and that of step 0 before there is one.")
    return ""


# scaling -------------------------------------------------------------------------------------------------------------

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


# vision --------------------------------------------------------------------------------------------------------------

@check
def found_by_hand(answer: tuple[float, float]) -> str:
    """`(overlap, precision)` in per cent: of boxes 0, 0, 4, 4 and 2, 0, 6, 4; of answers right, wrong, right."""
    overlap, precision = map(float, answer)
    if 0 < max(overlap, precision) <= 1:
        return "Give both in per cent."
    if not math.isclose(overlap, 100 / 3, abs_tol=0.4):
        typical = {50: "That is the share of one box that is shared; divide by the area that either covers.",
                   25: "The union is 16 + 16 less what was counted twice, not 16 + 16.",
                   100 / 12: "They share two columns of four pixels, eight in all."}
        advice = hint(overlap, typical, "Shared: 2 · 4 pixels. Covered by either: 16 + 16 − 8.", atol=0.4)
        return f"The overlap is not {overlap:.1f} %. {advice}"
    if not math.isclose(precision, 500 / 9, abs_tol=0.4):
        typical = {250 / 3: "The object that was never found counts, too, with 0: divide by three.",
                   200 / 3: "That is the share of the answers that are right, or of the objects found; take the "
                            "precision at each object found.",
                   700 / 9: "The second object is found at the third answer, when two of three are right."}
        advice = hint(precision, typical, "First object: 1 of 1. Second: 2 of 3. Third: never.", atol=0.4)
        return f"The overlap is right. The average precision is not {precision:.1f} %. {advice}"
    return ""


@check
def equal_error(answer: Callable[[Tensor, Tensor], float]) -> str:
    """`answer(scores, same)`: the equal error rate, from 0 to 1, at a threshold among the scores; `same` is a mask.

    Pairs with a score of at least the threshold are accepted. Where no threshold makes both errors equal, the mean of
    both where they differ least.
    """
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([0.9, 0.8, 0.7, 0.2, 0.75, 0.73, *[0.1] * 6]), torch.arange(12) < 4),
             (torch.tensor([0.9, 0.8, 0.4, 0.3]), torch.tensor([True, True, False, False])),
             (torch.tensor([0.2, 0.1, 0.9, 0.8, 0.7, 0.6]), torch.tensor([True, True, False, False, False, False])),
             (torch.randn(300, generator=generator) + (torch.arange(300) % 3 == 0), torch.arange(300) % 3 == 0)]
    for scores, same in cases:
        given = float(answer(scores.clone(), same.clone()))
        accepted = scores[None] >= scores[:, None]  # threshold × pair
        alarms = accepted[:, ~same].double().mean(1)
        misses = (~accepted)[:, same].double().mean(1)
        apart = (alarms - misses).abs()
        best = apart <= apart.min() + 1e-9
        rates = ((alarms + misses) / 2)[best]
        if ((given - rates).abs() < 1e-6).any():
            continue
        wrong = (accepted != same).double().mean(1)
        typical = [(100 * rates[0].item(), "That is in per cent; give a share."),
                   (1 - rates[0].item(), "That is the share that is right."),
                   (wrong.min().item(), "That is the lowest share of wrong answers; there are more different pairs "
                                        "than same ones, so take the two errors apart."),
                   ((alarms + misses)[best][0].item(), "Take the mean of both errors, not their sum.")]
        advice = hint(given, typical, "For each threshold: which share of the different pairs is accepted, and which "
                                      "share of the same pairs is not? Take the threshold where they differ least.",
                      atol=1e-6)
        return f"For {len(scores)} pairs it is {rates[0].item():.4f}; yours is {given:.4f}. {advice}"
    return ""


@check
def best_of_many(answer: Callable[[Tensor, Tensor, float], Sequence[int]]) -> str:
    """`answer(boxes, scores, overlap)`: numbers of the boxes that non-maximum suppression keeps, best first."""
    generator = torch.Generator().manual_seed(0)
    corners = 20 * torch.rand(40, 2, generator=generator)
    cloud = torch.cat([corners, corners + 4 + 8 * torch.rand(40, 2, generator=generator)], 1)
    # the second is near the first and the third near the second, but the third is not near the first
    chain = torch.tensor([[0.0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10], [30, 30, 40, 40]])
    cases = [(chain, torch.tensor([0.9, 0.8, 0.7, 0.6]), 0.5), (chain, torch.tensor([0.7, 0.8, 0.9, 0.95]), 0.5),
             (chain, torch.tensor([0.9, 0.8, 0.7, 0.6]), 0.9), (cloud, torch.rand(40, generator=generator), 0.3)]
    for boxes, scores, overlap in cases:
        given = [int(one) for one in answer(boxes.clone(), scores.clone(), overlap)]
        order = scores.argsort(descending=True).tolist()
        near = overlaps(boxes) > overlap
        right: list[int] = []
        for one in order:
            if not any(near[one, kept] for kept in right):
                right.append(one)
        if given == right:
            continue
        never = [one for place, one in enumerate(order) if not any(near[one, other] for other in order[:place])]
        if sorted(given) == sorted(right):
            advice = "The boxes are right; give them in the order of their scores, the highest first."
        elif given == order:
            advice = "Nothing was taken away."
        elif given == never:
            advice = "A box that was itself taken away does not take away others: compare with the kept ones only."
        else:
            advice = "Take the best one, drop all that overlap it by more than the limit, and go on with what is left."
        return f"For {len(boxes)} boxes and {overlap} it keeps {right[:6]}; yours are {given[:6]}. {advice}"
    return ""


def overlaps(boxes: Tensor) -> Tensor:
    """Intersection over union of each box (left, top, right, bottom) with each: N×N."""
    low, high = torch.maximum(boxes[:, None, :2], boxes[:, :2]), torch.minimum(boxes[:, None, 2:], boxes[:, 2:])
    shared = (high - low).clamp(min=0).prod(2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return shared / (area[:, None] + area - shared)


# responsibility ------------------------------------------------------------------------------------------------------

@check
def promise_and_alarms(answer: tuple[float, float]) -> str:
    """`(members, healthy)` in per cent: found at most, with e^ε = 3, δ = 0.001, 2 % false alarms; alarmed.

    The second where one in ten is ill, 60 % of the alarms are right and 20 % of the ill are missed.
    """
    members, healthy = map(float, answer)
    if 0 < max(members, healthy) <= 1:
        return "Give both in per cent."
    if not math.isclose(members, 6.1, abs_tol=0.04):
        typical = {6.0: "And δ: it is added at the end.", 6.001: "δ = 0.001 is 0.1 %.",
                   math.exp(3) * 2 + 0.1: "The 3 is e to the power of ε already.",
                   2.1: "The false alarms are multiplied by e to the power of ε.",
                   6.3: "δ is not multiplied: 3 · 2 % + 0.1 %."}
        advice = hint(members, typical, "hits ≤ 3 · false alarms + δ", atol=0.0005)
        return f"The members found are at most not {members:g} %. {advice}"
    right = 100 * 0.1 / 0.9 * 0.4 / 0.6 * 0.8
    if not math.isclose(healthy, right, abs_tol=0.06):
        typical = {right / 0.8: "One minus the share of the missed is the last factor.",
                   right * 0.2 / 0.8: "The last factor is the share that is found, not the share that is missed.",
                   right * (0.6 / 0.4)**2: "(1 − v)/v: wrong alarms over right ones.",
                   right * 81: "p/(1 − p): ill over healthy.", 40.0: "That is the share of the alarms that are false.",
                   100 * 0.1 * 0.4 / 0.6 * 0.8: "Divide by the healthy, who are nine in ten."}
        advice = hint(healthy, typical, "Of 1,000 people 100 are ill and 80 of them are alarmed. Those are 60 % of the "
                                        "alarms. How many alarms are false, among 900 healthy people?", atol=0.01)
        return f"The first share is right. The healthy alarmed are not {healthy:g} %. {advice}"
    return ""


@check
def worst_margin(answer: Callable[[Tensor, Tensor, Tensor, int, float], float]) -> str:
    """`answer(weight, bias, x, label, epsilon)`: least value of the label's logit less the largest other one.

    weight K×n, bias K, x n; every number of x may move by epsilon.
    """
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.tensor([[1.0, -2.0], [0.0, 1.0]]), torch.tensor([0.5, 0.0]), torch.tensor([1.0, 0.5]), 0, 0.1)]
    cases += [(torch.randn(4, 9, generator=generator), torch.randn(4, generator=generator),
               torch.rand(9, generator=generator), label, epsilon)
              for label, epsilon in ((0, 0.05), (3, 0.2), (2, 0.0))]
    for weight, bias, x, label, epsilon in cases:
        given = float(answer(weight.clone(), bias.clone(), x.clone(), label, epsilon))
        apart, others = weight[label] - weight, torch.arange(len(bias)) != label
        margins, size = apart @ x + bias[label] - bias, apart.abs().sum(1)
        right = float((margins - epsilon * size)[others].min())
        if math.isclose(given, right, rel_tol=1e-4, abs_tol=1e-4):
            continue
        nearest = int(torch.where(others, margins, torch.inf).argmin())
        typical = [(float(margins[others].min()), "That is the margin before the change."),
                   (float((margins + epsilon * size)[others].min()), "The change works against the label: subtract."),
                   (float((margins - epsilon * apart.norm(dim=1))[others].min()),
                    "Each number may move by epsilon by itself: add the sizes of the weights, not their squares."),
                   (float((margins - epsilon * weight[label].abs().sum())[others].min()),
                    "The change moves the other logit, too: it is the difference of the weights that counts."),
                   (float((margins - epsilon * size)[nearest]), "The class that is nearest before the change need not "
                    "be the nearest after it: take the smallest over all classes.")]
        advice = hint(given, typical, "For each other class take the difference of the two rows of weights, and move "
                                      "every number of x against its sign.", atol=1e-4)
        return f"For {len(bias)} classes and epsilon {epsilon} it is {right:.4f}; yours is {given:.4f}. {advice}"
    return ""


@check
def mended_attack(answer: Callable[..., Tensor]) -> str:
    """`answer(network, pixels, labels, epsilon, generator, steps)`: projected gradient descent that gets nowhere stuck.

    Pixels and the result are N×1×8×8 in [0, 1], and no pixel moves by more than epsilon.
    """
    class Tilted(nn.Module):
        """Two classes; every pixel above 0 makes the first less likely."""

        def forward(self, pixels: Tensor) -> Tensor:
            ink = pixels.flatten(1).sum(1)
            return torch.stack([1 - 0.1 * ink, 0.1 * ink], 1)

    network, labels = Tilted(), torch.zeros(6, dtype=torch.int64)
    pixels = torch.zeros(6, 1, 8, 8)
    pixels[:, :, 3:5, 2:6] = torch.rand(6, 1, 2, 4, generator=torch.Generator().manual_seed(0))
    kept = pixels.clone()
    moved = answer(network, pixels, labels, 0.1, torch.Generator().manual_seed(1), 10).detach()
    if moved.shape != pixels.shape:
        return f"The result has the shape {tuple(moved.shape)}, the pictures {tuple(pixels.shape)}."
    if not torch.equal(pixels, kept):
        return "It writes into the pictures that it was given."
    if moved.min() < 0 or moved.max() > 1:
        return "Some pixels lie outside of 0 to 1."
    if (moved - pixels).abs().max() > 0.1 + 1e-5:
        return "Some pixels moved by more than epsilon."
    blank = pixels == 0
    stuck = float((moved[blank] < 0.099).double().mean())
    if stuck > 0.01:
        return (f"{100 * stuck:.0f} % of the blank pixels are not where the loss is largest. A change below 0 has no "
                "gradient as long as clamp stands between it and the network: bring it back into the picture first.")
    if (moved[~blank] < (pixels[~blank] + 0.099).clamp(max=1)).any():
        return "The blank pixels are right; those with ink did not go as far as they may."
    return ""
