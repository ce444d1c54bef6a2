"""A small Transformer with and without skips, and what it takes to change its task: full, LoRA, on a quantised base.

Everything that the chapter practice/large-models writes out stands here as it stands there; a test compares the two.
"""

import copy
import math
from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import runs

KINDS = ("pre-norm", "post-norm", "no norm", "no skip", "no skip, own token")


class Block(nn.Module):
    """Attention between the tokens, then a small network for each token; the input and the output are N×T×d."""

    def __init__(self, width: int, heads: int, kind: str, causal: bool):
        super().__init__()
        self.heads, self.kind, self.causal = heads, kind, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.own = 4.0 if kind == "no skip, own token" else 0.0

    def attention(self, x: Tensor) -> Tensor:
        n, t, d = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT / math.sqrt(d // self.heads) + self.own * torch.eye(t)
        if self.causal:  # no token sees a later one
            scores = scores.masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf)
        mixed = scores.softmax(-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(n, t, d))

    def small_network(self, x: Tensor) -> Tensor:
        return self.down(torch.relu(self.up(x)))

    def forward(self, x: Tensor) -> Tensor:
        for branch, norm in ((self.attention, self.norm1), (self.small_network, self.norm2)):
            if self.kind == "pre-norm":
                x = x + branch(norm(x))
            elif self.kind == "post-norm":
                x = norm(x + branch(x))
            elif self.kind == "no norm":
                x = x + branch(x)
            else:  # no skip
                x = branch(norm(x))
        return x


class Transformer(nn.Module):
    """Tokens N×T, numbers below `vocabulary`, in; logits N×T×`vocabulary` out."""

    def __init__(self, vocabulary: int, length: int, depth: int, kind: str = "pre-norm", causal: bool = False,
                 width: int = 48, heads: int = 4, seed: int = 0):
        torch.manual_seed(seed)
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads, kind, causal) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def states(self, tokens: Tensor) -> list[Tensor]:
        """The stream before the first block and behind each: N×T×d."""
        states = [self.token(tokens) + self.place(torch.arange(tokens.shape[1]))]
        for block in self.blocks:
            states.append(block(states[-1]))
        return states

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.norm(self.states(tokens)[-1]))


IGNORE = -100  # a place whose answer does not count


def sorting(count: int, generator: torch.Generator, change: str = "") -> tuple[Tensor, Tensor]:
    """Ten random tokens of ten, and the same tokens in order: both N×10."""
    tokens = torch.randint(10, (count, 10), generator=generator)
    return tokens, tokens.sort(1).values


def induction(count: int, generator: torch.Generator, change: str = "") -> tuple[Tensor, Tensor]:
    """A random passage of 5 to 12 tokens of 16, again and again, and what comes next in the second round: N×24.

    `change`: "alphabet" wants every answer in other letters, "further" the token after the next one.
    """
    period = torch.randint(5, 13, (count, 1), generator=generator)
    passage = torch.randint(16, (count, 12), generator=generator)
    places = torch.arange(25)
    tokens = passage.gather(1, places % period)
    answers = tokens[:, 1:].clone()
    if change == "alphabet":
        answers = (5 * answers + 3) % 16
    elif change == "further":
        answers = passage.gather(1, (places[:-1] + 2) % period)
    answers[places[:-1] < period] = IGNORE
    return tokens[:, :-1], answers


TASKS = {"sorting": (sorting, {"vocabulary": 10, "length": 10}),
         "induction": (induction, {"vocabulary": 16, "length": 24, "causal": True})}


def train(network: nn.Module, task: str, steps: int, learning_rate: float, seed: int, change: str = "") -> float:
    """Train the parameters that want a gradient on fresh examples; returns the mean loss of the last 20 steps."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, steps, pct_start=0.1)
    generator, losses = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        tokens, answers = TASKS[task][0](64, generator, change)
        loss = functional.cross_entropy(network(tokens).flatten(0, 1), answers.flatten(), ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return sum(losses[-20:]) / 20


@torch.no_grad()
def accuracy(network: nn.Module, task: str, change: str = "") -> float:
    """Right answers among those that count, in %, of 1,000 fresh examples."""
    tokens, answers = TASKS[task][0](1000, torch.Generator().manual_seed(10_000), change)
    counts = answers != IGNORE
    return 100 * (network(tokens).argmax(-1) == answers)[counts].double().mean().item()


class Lora(nn.Module):
    """A linear layer W that stays as it is, and beside it a way of `rank` numbers that learns: Wx + (α/r)·B(Ax)."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float = 16.0):
        super().__init__()
        self.linear, self.scale = linear, alpha / rank
        self.A = nn.Parameter(torch.empty(rank, linear.in_features))
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.scale * (x @ self.A.T) @ self.B.T

    def merged(self) -> nn.Linear:
        """One linear layer that computes the same."""
        linear = copy.deepcopy(self.linear)
        with torch.no_grad():
            linear.weight += self.scale * self.B @ self.A
        return linear



class Adapter(nn.Module):
    """A linear layer, and behind it a way through `rank` units that learns, with a skip around it."""

    def __init__(self, linear: nn.Linear, rank: int):
        super().__init__()
        self.linear, width = linear, linear.out_features
        self.narrow, self.wide = nn.Linear(width, rank), nn.Linear(rank, width)
        nn.init.zeros_(self.wide.weight)
        nn.init.zeros_(self.wide.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x)
        return x + self.wide(torch.relu(self.narrow(x)))


LINEAR = ("qkv", "out", "up", "down")


def replaced(network: Transformer, make: Callable[[nn.Linear], nn.Module],
             names: tuple[str, ...] = LINEAR) -> Transformer:
    """A copy of the network, frozen, with `make(layer)` in place of the linear layers of these names."""
    network = copy.deepcopy(network).requires_grad_(False)
    for block in network.blocks:
        for name in names:
            setattr(block, name, make(getattr(block, name)))
    return network


def quantised(weight: Tensor, bits: int) -> Tensor:
    """Each row in whole numbers from −(2^(bits−1) − 1) to 2^(bits−1) − 1, times one scale a row."""
    most = 2 ** (bits - 1) - 1
    scale = weight.abs().amax(1, keepdim=True) / most
    return (weight / scale).round().clamp(-most, most) * scale


def with_few_bits(linear: nn.Linear, bits: int) -> nn.Linear:
    """A copy of the layer whose weights have so many bits; its biases stay."""
    linear = copy.deepcopy(linear)
    with torch.no_grad():
        linear.weight.copy_(quantised(linear.weight, bits))
    return linear


# What is measured --------------------------------------------------------------------------------------------------

def cosine(state: Tensor) -> float:
    """Mean cosine between two different tokens of an example, of N×T×d."""
    unit = functional.normalize(state, dim=-1)
    n, t, _ = unit.shape
    return ((unit.sum(1).square().sum() - n * t) / (n * t * (t - 1))).item()


def look(network: Transformer, task: str) -> dict:
    """Token similarity and ‖∂L/∂x‖ before the first block and behind each, for 64 examples."""
    tokens, answers = TASKS[task][0](64, torch.Generator().manual_seed(5))
    states = network.states(tokens)
    logits = network.head(network.norm(states[-1]))
    loss = functional.cross_entropy(logits.flatten(0, 1), answers.flatten(), ignore_index=IGNORE)
    return {"cosine": [cosine(state.detach()) for state in states],
            "gradient": [gradient.norm().item() for gradient in torch.autograd.grad(loss, states)]}


STEPS = {"sorting": 300, "induction": 300}


def depth(task: str, depth: int, kind: str, learning_rate: float, seed: int) -> dict:
    """A Transformer trained from the beginning."""
    network = Transformer(depth=depth, kind=kind, seed=seed, **TASKS[task][1])
    before = look(network, task)
    loss = train(network, task, STEPS[task], learning_rate, seed)
    return {"loss": loss, "accuracy": accuracy(network, task), "before": before, "after": look(network, task)}


@cache
def trained(seed: int) -> Transformer:
    """The base: two blocks that have learnt induction."""
    network = Transformer(depth=2, seed=seed, **TASKS["induction"][1])
    train(network, "induction", 500, 1e-2, seed)
    return network


def prepared(method: str, rank: int, seed: int) -> Transformer:
    """The network as it is before its training for the changed task; what learns wants a gradient."""
    base, fresh = trained(seed), Transformer(depth=2, seed=seed + 500, **TASKS["induction"][1])
    torch.manual_seed(seed)
    if method == "head":
        network = replaced(base, copy.deepcopy)
        network.head.requires_grad_(True)
        return network
    return {"full": lambda: copy.deepcopy(base).requires_grad_(True),
            "scratch": lambda: fresh,
            "adapter": lambda: replaced(base, lambda linear: Adapter(linear, rank), ("out", "down")),
            "LoRA": lambda: replaced(base, lambda linear: Lora(linear, rank)),
            "LoRA, random base": lambda: replaced(fresh, lambda linear: Lora(linear, rank))}[method]()


def tune(change: str, method: str, rank: int, steps: int, learning_rate: float, seed: int) -> dict:
    """The base trained for a changed task."""
    network = prepared(method, rank, seed)
    before = accuracy(network, "induction", change)
    loss = train(network, "induction", steps, learning_rate, seed + 1000, change)
    return {"loss": loss, "before": before, "accuracy": accuracy(network, "induction", change),
            "old": accuracy(network, "induction"), "base": accuracy(trained(seed), "induction"),
            "parameters": sum(p.numel() for p in network.parameters() if p.requires_grad)}


def few_bits(bits: int, change: str, rank: int, steps: int, learning_rate: float, seed: int) -> dict:
    """The base with few bits a weight, alone and with LoRA trained on it for a task (without a change: its own)."""
    base = trained(seed)
    rounded = replaced(base, lambda linear: with_few_bits(linear, bits))
    torch.manual_seed(seed)
    network = replaced(rounded, lambda linear: Lora(linear, rank))
    loss = train(network, "induction", steps, learning_rate, seed + 1000, change)
    weights = [(getattr(a, name).weight, getattr(b, name).weight) for a, b in zip(base.blocks, rounded.blocks)
               for name in LINEAR]
    error = math.sqrt(sum((a - b).square().sum().item() for a, b in weights)
                      / sum(a.square().sum().item() for a, _ in weights))
    return {"loss": loss, "error": error, "base": accuracy(base, "induction"),
            "rounded": accuracy(rounded, "induction"), "accuracy": accuracy(network, "induction", change)}


MEASURES = {"depth": depth, "tune": tune, "bits": few_bits}
RATES = {"depth": (1e-3, 3e-3, 1e-2), "tune": (3e-3, 1e-2, 3e-2, 0.1), "bits": (3e-3, 1e-2, 3e-2)}
CHOOSING, SEEDS = (101, 102, 103), (1, 2, 3, 4, 5)  # the rate is chosen on seeds of its own


def choosing(cell: dict) -> list[dict]:
    """The runs that choose a cell's rate: one seed, and three for LoRA, which is touchy."""
    touchy = cell.get("method") == "LoRA"
    return [{**cell, "learning_rate": rate, "seed": seed} for seed in (CHOOSING if touchy else CHOOSING[:1])
            for rate in RATES["bits" if touchy else cell["group"]]]


def cells() -> Iterator[dict]:
    """Everything that is compared, each at its own best rate."""
    for task, kind, depths in (("sorting", "pre-norm", (1, 6)), ("sorting", "no skip", (1, 2, 6)),
                               ("sorting", "no skip, own token", (6,)), ("induction", "pre-norm", (1, 2)),
                               ("induction", "no skip", (2,)), ("induction", "post-norm", (2,)),
                               ("induction", "no norm", (2,))):
        yield from ({"group": "depth", "task": task, "depth": depth, "kind": kind} for depth in depths)
    some, lora = (("full", 0), ("scratch", 0)), (("LoRA", 1), ("LoRA", 4), ("LoRA", 16))
    every = (*some, *lora, ("head", 0), ("adapter", 8), ("LoRA, random base", 16))
    for change, steps, methods in (("alphabet", 50, every), ("further", 200, every), ("further", 50, some),
                                   ("alphabet", 200, (*some, *lora))):
        yield from ({"group": "tune", "change": change, "method": method, "rank": rank, "steps": steps}
                    for method, rank in methods)
    for change, steps, bits in (("", 50, (2, 3, 4, 8)), ("further", 200, (2, 4))):
        yield from ({"group": "bits", "bits": number, "change": change, "rank": 16, "steps": steps} for number in bits)


def measure(group: str, **options: object) -> dict:
    return MEASURES[group](**options)


def record(wanted: list[dict]) -> runs.Study:
    return runs.record("large_models", "Does a Transformer need its skips, and what does it take to change its task?",
                       wanted, measure)


def best(study: runs.Study, cell: dict) -> float:
    """The rate with the least mean loss on the seeds that choose."""
    losses: dict[float, list[float]] = {}
    for configuration in choosing(cell):
        losses.setdefault(configuration["learning_rate"], []).append(study.select(**configuration)[0]["loss"])
    return min(losses, key=lambda rate: sum(losses[rate]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    choose = [configuration for cell in cells() for configuration in choosing(cell)]
    try:
        study = runs.load("large_models")
        rates = [best(study, cell) for cell in cells()]
    except (FileNotFoundError, KeyError):
        study = record(choose)
        rates = [best(study, cell) for cell in cells()]
    lower = {"group": "tune", "change": "alphabet", "method": "LoRA", "rank": 16, "steps": 50, "learning_rate": 1e-2}
    record(choose + [{**cell, "learning_rate": rate, "seed": seed} for seed in SEEDS
                     for cell, rate in zip(cells(), rates)] + [{**lower, "seed": seed} for seed in SEEDS])
