"""Recurrent networks that read a digit row by row, wait, and then say whether it is even: which cells remember?

Ten networks, one a seed, are trained side by side: their weights have a leading axis of ten.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from resnet_lib import data, runs, training

digits = data.load("digits")
TRAIN, TEST = digits.train_images[:, 0], digits.test_images[:, 0]  # N×8×8: a picture is eight rows of eight numbers
EVEN, TEST_EVEN = digits.train_labels % 2 == 0, digits.test_labels % 2 == 0
UNITS, SEEDS, BATCH = 16, range(1, 11), 64


def tanh(W: Tensor, U: Tensor, b: Tensor, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    return torch.tanh(x @ W + h @ U + b), c


def residual(W: Tensor, U: Tensor, b: Tensor, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    return h + torch.tanh(x @ W + h @ U + b), c


def lstm(W: Tensor, U: Tensor, b: Tensor, x: Tensor, h: Tensor, c: Tensor,
         keep: bool = False) -> tuple[Tensor, Tensor]:
    i, f, g, o = (x @ W + h @ U + b).chunk(4, dim=-1)
    c = (c if keep else torch.sigmoid(f) * c) + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def keeping(W: Tensor, U: Tensor, b: Tensor, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    return lstm(W, U, b, x, h, c, keep=True)


CELLS = {"tanh": tanh, "residual": residual, "LSTM": lstm, "LSTM, keeps all": keeping}


def initial(cell: str, forget_bias: float, seed: int) -> list[Tensor]:
    """W, U, b, and the weights v and bias of the answer; uniform within ±1/√units, as in torch.nn.LSTM."""
    generator = torch.Generator().manual_seed(seed)
    rows = UNITS * (4 if cell.startswith("LSTM") else 1)
    weights = [(2 * torch.rand(shape, generator=generator) - 1) / math.sqrt(UNITS)
               for shape in ((8, rows), (UNITS, rows), (1, rows), (UNITS, 1), (1, 1))]
    if cell.startswith("LSTM"):
        weights[2][:, UNITS:2 * UNITS] += forget_bias
    return weights


def answer(cell: str, weights: list[Tensor], pictures: Tensor, wait: int) -> Tensor:
    """Logits of "even" of each network for each picture: eight rows, then `wait` rows of zeros."""
    W, U, b, v, bias = weights
    h = c = torch.zeros(len(W), pictures.shape[-3], UNITS)
    blank = torch.zeros(1, 8)
    for step in range(8 + wait):
        h, c = CELLS[cell](W, U, b, pictures[..., step, :] if step < 8 else blank, h, c)
    return (h @ v + bias)[..., 0]


def measure(cell: str, forget_bias: float, wait: int, learning_rate: float, steps: int = 400) -> dict:
    """Adam, one-cycle schedule, each network's gradient clipped at norm 1; one result a seed."""
    weights = [torch.stack(tensors).requires_grad_()
               for tensors in zip(*(initial(cell, forget_bias, seed) for seed in SEEDS))]
    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    descent, losses = torch.optim.Adam(weights, lr=learning_rate), []
    for step in range(steps):
        descent.param_groups[0]["lr"] = learning_rate * training.one_cycle(step / steps)
        chosen = torch.stack([torch.randint(len(TRAIN), (BATCH,), generator=generator) for generator in generators])
        logits = answer(cell, weights, TRAIN[chosen], wait)
        loss = functional.binary_cross_entropy_with_logits(logits, EVEN[chosen].float(), reduction="none").mean(1)
        gradients = torch.autograd.grad(loss.sum(), weights)
        length = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
        for weight, gradient in zip(weights, gradients):
            weight.grad = gradient / length.clamp(min=1)[:, None, None]
        descent.step()
        losses.append(loss.detach())
    with torch.no_grad():
        wrong = (answer(cell, weights, TEST.expand(len(SEEDS), -1, -1, -1), wait) > 0) != TEST_EVEN
    return {"test_error": (100 * wrong.float().mean(1)).tolist(),
            "train_loss": torch.stack(losses[-50:]).mean(0).tolist()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    kinds = [("tanh", 0.0), ("residual", 0.0), ("LSTM", 0.0), ("LSTM", 1.0), ("LSTM, keeps all", 0.0)]
    short = [{"cell": cell, "forget_bias": bias, "wait": wait, "learning_rate": rate}
             for wait in (0, 32, 16, 64, 8) for cell, bias in kinds for rate in (0.003, 0.01, 0.03)]
    longer = [{"cell": "LSTM", "forget_bias": 0.0, "wait": 32, "learning_rate": rate, "steps": 2000}
              for rate in (0.003, 0.01)]
    slower = [{"cell": "LSTM", "forget_bias": bias, "wait": wait, "learning_rate": 0.001}
              for wait in (32, 64) for bias in (1.0, 0.0)]  # where these fail, or do best at the smallest rate
    runs.record("waiting", "Which recurrent cells remember a picture while they wait?",
                short + longer + slower, measure)
