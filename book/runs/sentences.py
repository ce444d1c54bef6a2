"""Does depth help to read a sentence? Residual and plain networks over words, beside counts of words.

Film reviews' sentences, 10,662 (Pang and Lee 2005). The network stands here as the chapter practice/text writes it out.
"""

from collections import Counter

import torch
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional

from resnet_lib import data, runs

TEST, VALIDATION = 2_132, 853  # a fifth; a tenth of the rest
PADDING, UNKNOWN = 0, 1
RATES = (0.003, 0.01, 0.03)
SEEDS = range(1, 5)


class Reader(nn.Module):
    """Words N×T, numbers below `words`, in; logits N×2 out. `depth` convolutions, `skips` between every second."""

    def __init__(self, words: int, depth: int, skips: bool = True, width: int = 32):
        super().__init__()
        self.skips = skips
        self.embedding = nn.Embedding(words, width, padding_idx=PADDING)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1, bias=False) for _ in range(depth))
        self.normalisations = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(depth))
        self.classifier = nn.Linear(width, 2)

    def forward(self, words: Tensor) -> Tensor:
        real = (words != PADDING)[:, None]  # N×1×T: where there is a word
        x = functional.dropout(self.embedding(words), 0.3, self.training).mT * real
        layers = list(zip(self.convolutions, self.normalisations))
        for convolution, normalisation in layers[:1]:
            x = normalisation(convolution(x)).relu() * real
        for (first, norm1), (second, norm2) in zip(layers[1::2], layers[2::2]):
            branch = norm2(second(norm1(first(x)).relu() * real))
            x = (x + branch if self.skips else branch).relu() * real
        sentence = x.sum(2) / real.sum(2)  # the mean over the words
        return self.classifier(functional.dropout(sentence, 0.3, self.training))


def split(seed: int) -> dict[str, list[int]]:
    """Numbers of the sentences for training, validation and test, drawn by the seed."""
    order = torch.randperm(10_662, generator=torch.Generator().manual_seed(seed)).tolist()
    return {"test": order[:TEST], "validation": order[TEST : TEST + VALIDATION], "train": order[TEST + VALIDATION :]}


def vocabulary(texts: list[str]) -> dict[str, int]:
    """A number for each word that is written at least twice; 0 and 1 are padding and all other words."""
    counts = Counter(word for text in texts for word in text.split())
    return {word: number for number, word in enumerate(sorted(w for w, n in counts.items() if n > 1), UNKNOWN + 1)}


def encode(texts: list[str], numbers: dict[str, int]) -> Tensor:
    """Sentences as N×T numbers, padded at their ends."""
    rows = [torch.tensor([numbers.get(word, UNKNOWN) for word in text.split()]) for text in texts]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)


def shuffled(texts: list[str], seed: int) -> list[str]:
    """Each sentence with its words in random order."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for text in texts:
        words = text.split()
        found.append(" ".join(words[place] for place in torch.randperm(len(words), generator=generator)))
    return found


def fit(network: nn.Module, words: Tensor, labels: Tensor, rate: float, epochs: int = 3, batch: int = 64) -> float:
    """AdamW, one cycle; the mean loss of the last epoch."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate)
    steps = len(words) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * steps)
    network.train()
    for _ in range(epochs):
        losses = []
        for chosen in torch.randperm(len(words))[: steps * batch].view(steps, batch):
            rows = words[chosen]
            rows = rows[:, : int((rows != PADDING).sum(1).max())]
            loss = functional.cross_entropy(network(rows), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
    return sum(losses) / steps


def answers(network: nn.Module, words: Tensor) -> Tensor:
    """The class that the network gives to each sentence."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(rows) for rows in words.split(500)]).argmax(1)


def packed(right: Tensor) -> str:
    """Which of the test sentences were answered rightly: four to a hexadecimal digit."""
    bits = "".join(map(str, right.int().tolist()))
    return f"{int(bits, 2):0{-(-len(bits) // 4)}x}"


def percent(right: Tensor) -> float:
    return 100 * right.double().mean().item()


def measure(group: str, seed: int, **setting) -> dict:
    sentences = data.sentences()
    parts = {part: [sentences.texts[i] for i in chosen] for part, chosen in split(seed).items()}
    labels = {part: sentences.labels[chosen] for part, chosen in split(seed).items()}
    size = setting.get("size", len(parts["train"]))
    train, targets = parts["train"][:size], labels["train"][:size]
    if group == "counts":
        return counted(train, targets, parts, labels, setting["pairs"])
    if setting.get("train_shuffled"):
        train = shuffled(train, seed)
    numbers = vocabulary(train)
    torch.manual_seed(seed)
    network = Reader(len(numbers) + 2, setting["depth"], setting["kind"] == "residual")
    # As many steps with fewer sentences: the number of epochs grows.
    loss = fit(network, encode(train, numbers), targets, setting["rate"], 3 * len(parts["train"]) // size)
    right = {part: answers(network, encode(parts[part], numbers)) == labels[part] for part in ("validation", "test")}
    mixed = answers(network, encode(shuffled(parts["test"], 100 + seed), numbers)) == labels["test"]
    return {"loss": loss, "validation": percent(right["validation"]), "test": percent(right["test"]),
            "test_shuffled": percent(mixed), "right": packed(right["test"]),
            "parameters": sum(parameter.numel() for parameter in network.parameters()), "words": len(numbers)}


def counted(train: list[str], targets: Tensor, parts: dict, labels: dict, pairs: bool) -> dict:
    """Logistic regression on the words that stand in a sentence, or on words and pairs of neighbours."""
    ways = {"token_pattern": r"\S+", "min_df": 2}
    counter = (TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, **ways) if pairs
               else CountVectorizer(binary=True, **ways))
    features = counter.fit_transform(train)
    found = []
    for strength in (0.03, 0.1, 0.3, 1, 3, 10):
        model = LogisticRegression(C=strength, max_iter=1000).fit(features, targets)
        found.append((model.score(counter.transform(parts["validation"]), labels["validation"]), -strength, model))
    validation, strength, model = max(found, key=lambda each: each[:2])
    right = torch.from_numpy(model.predict(counter.transform(parts["test"]))) == labels["test"]
    return {"validation": 100 * validation, "test": percent(right), "right": packed(right), "strength": -strength,
            "parameters": features.shape[1] + 1}


if __name__ == "__main__":
    torch.set_num_threads(1)
    cases = []
    for seed in SEEDS:
        cases += [{"group": "counts", "pairs": pairs, "seed": seed} for pairs in (False, True)]
        cases += [{"group": "counts", "pairs": False, "size": size, "seed": seed} for size in (500, 1000, 2000, 4000)]
        cases += [{"group": "networks", "kind": kind, "depth": depth, "rate": rate, "seed": seed}
                  for depth in (0, 1, 5, 17) for kind in ("residual", "plain")[: 1 + (depth > 1)] for rate in RATES]
        cases += [{"group": "order", "kind": "residual", "depth": 5, "rate": 0.01, "train_shuffled": True,
                   "seed": seed}]
        cases += [{"group": "size", "kind": "residual", "depth": 5, "rate": 0.01, "size": size, "seed": seed}
                  for size in (500, 1000, 2000, 4000)]
    runs.record("sentences", "Does depth help to read a sentence?", cases, measure)
