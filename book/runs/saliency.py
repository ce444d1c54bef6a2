"""Saliency maps of networks on MNIST, with other seeds, the ink and an edge detector as controls.

Needs MNIST (`make data DATA=mnist`). Writes the weights of a second network like mnist.pt as well.
"""

import statistics
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn

from resnet_lib import data, networks, runs, saliency, surgery, training, weights

mnist = data.load("mnist")
OTHER = runs.FOLDER / "mnist-other-seed.pt"
SEEDS = range(201, 211)  # each is compared with the next one, the last with the first
MEMORISED = range(201, 204)
IMAGES, TRAINED_ON, FEW = 64, 20_000, 500
PARTS = ("classifier", "stage 3", "stage 2", "stage 1", "stem")
STATES = {"classifier": PARTS[:1], "stage 3": PARTS[:2], "stage 2": PARTS[:3], "all": PARTS}
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)  # of the ink that is deleted
OPTIONS = {"depth": 14, "in_channels": 1, "stem_stride": 2}


def after(seed: int) -> int:
    return SEEDS[(seed - SEEDS[0] + 1) % len(SEEDS)]


def drawn(seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Pixels in [0, 1] and labels of random test images."""
    chosen = torch.randperm(len(mnist.test_images), generator=torch.Generator().manual_seed(seed))[:count]
    return mnist.pixels(mnist.test_images[chosen]), mnist.test_labels[chosen]


@cache
def trained(seed: int) -> networks.Network:
    """One epoch on images that are another choice for each seed."""
    chosen = torch.randperm(len(mnist.train_images), generator=torch.Generator().manual_seed(seed))[:TRAINED_ON]
    part = replace(mnist, train_images=mnist.train_images[chosen], train_labels=mnist.train_labels[chosen],
                   test_images=mnist.test_images[:1000], test_labels=mnist.test_labels[:1000])
    network = networks.residual(**OPTIONS, seed=seed)
    training.fit(network, part, epochs=1, seed=seed, progress=False)
    return network.to(memory_format=torch.contiguous_format).eval()


def reader(network: networks.Network) -> saliency.Reader:
    mean, std = mnist.mean, mnist.std
    return saliency.Reader(weights.Trained(network, "residual", OPTIONS, (28, 28), mean, std, mnist.classes))


def maps(network: networks.Network, pixels: Tensor, labels: Tensor, slow: bool = True) -> dict[str, Tensor]:
    """The signed maps of all methods, N×28×28."""
    reads = reader(network)
    gradient = saliency.gradient(reads, pixels, labels)
    found = {"gradient": gradient, "gradient × pixel": gradient * pixels[:, 0],
             "SmoothGrad": saliency.smooth_gradient(reads, pixels, labels),
             "integrated gradients": saliency.integrated_gradients(reads, pixels, labels, steps=16),
             "guided backpropagation": saliency.guided_backpropagation(reads, pixels, labels),
             "Grad-CAM": saliency.grad_cam(reads, reads.network.stages[2], pixels, labels, size=28),
             "Grad-CAM, stage 2": saliency.grad_cam(reads, reads.network.stages[1], pixels, labels, size=28),
             "edges": saliency.edges(pixels)}
    return found | ({"occlusion": saliency.occlusion(reads, pixels, labels)} if slow else {})


def compared(first: dict[str, Tensor], second: dict[str, Tensor], ink: Tensor) -> dict[str, dict[str, float]]:
    """Mean agreement over the images: of sizes everywhere, of sizes in the ink, and with sign everywhere and there."""
    found = {}
    for method in first.keys() & second.keys():
        one, other = first[method], second[method]
        ways = {"size": (one.abs(), other.abs(), None), "size, ink": (one.abs(), other.abs(), ink),
                "sign": (one, other, None), "sign, ink": (one, other, ink)}
        found[method] = {name: statistics.mean(saliency.agreement(*way)) for name, way in ways.items()}
    return dict(sorted(found.items()))


# Randomised networks ----------------------------------------------------------------------------------------------

def randomisation(seed: int) -> dict:
    network, other = trained(seed), trained(after(seed))
    pixels, labels = drawn(seed, IMAGES)
    ink, own = pixels[:, 0] > 0, maps(network, pixels, labels)
    found: dict = {"black": 1 - ink.float().mean().item(),
                   "test_error": training.evaluate(network, mnist.test_images[:2000], mnist.test_labels[:2000])[1]}
    for state, parts in STATES.items():
        changed = saliency.randomised(network, parts, mnist.train_images[:512], seed=seed + 1000)
        found[state] = compared(own, maps(changed, pixels, labels, slow=state in ("classifier", "all")), ink)
    theirs = maps(other, pixels, labels)
    found["other seed"] = compared(own, theirs, ink)
    found["in ink"] = {method: ((heat.abs() * ink).sum((1, 2)) / heat.abs().sum((1, 2)).clamp(min=1e-9)).mean().item()
                       for method, heat in own.items()}
    random = saliency.randomised(network, PARTS, mnist.train_images[:512], seed=seed + 1000)
    orders = {**own, "gradient, size": own["gradient"].abs(), "brightness": pixels[:, 0],
              "other seed's integrated gradients": theirs["integrated gradients"],
              "other seed's occlusion": theirs["occlusion"],
              "random network's integrated gradients":
                  saliency.integrated_gradients(reader(random), pixels, labels, steps=16),
              "nine other seeds' integrated gradients": torch.stack([
                  saliency.integrated_gradients(reader(trained(one)), pixels, labels, steps=16)
                  for one in SEEDS if one != seed]).mean(0),
              "random": torch.rand(ink.shape, generator=torch.Generator().manual_seed(seed))}
    found["deleted"] = {name: deletion(network, pixels, labels, order) for name, order in orders.items()}
    found["whole"] = answers(network, pixels, labels)
    return found | {"completeness": completeness(network, pixels, labels)}


@torch.no_grad()
def answers(network: networks.Network, pixels: Tensor, labels: Tensor) -> list[float]:
    """Mean probability of the label, share of right answers, and mean logit of the label."""
    logits = reader(network)(pixels)
    return [logits.softmax(1).gather(1, labels[:, None]).mean().item(),
            (logits.argmax(1) == labels).float().mean().item(), logits.gather(1, labels[:, None]).mean().item()]


def deletion(network: networks.Network, pixels: Tensor, labels: Tensor, order: Tensor) -> list[list[float]]:
    """The network's answers after the highest pixels of the ink were made black, for each share of the ink."""
    ink = (pixels[:, 0] > 0).flatten(1)
    ranks = torch.where(ink, order.flatten(1), -torch.inf).argsort(1, descending=True).argsort(1)
    found = []
    for share in SHARES:
        gone = ranks < (share * ink.sum(1, keepdim=True)).round()
        found.append(answers(network, pixels.flatten(1).masked_fill(gone, 0).view_as(pixels), labels))
    return found


def completeness(network: networks.Network, pixels: Tensor, labels: Tensor) -> dict:
    """Per number of steps: relative error of the sum of the map, median and largest over the images."""
    reads = reader(network)
    with torch.no_grad():
        rise = (reads(pixels) - reads(torch.zeros_like(pixels))).gather(1, labels[:, None])[:, 0]
    found: dict = {"smallest rise": rise.abs().min().item()}
    heats = {str(steps): saliency.integrated_gradients(reads, pixels, labels, steps) for steps in (4, 8, 16, 32, 64)}
    heats["gradient × pixel"] = saliency.gradient(reads, pixels, labels) * pixels[:, 0]
    for name, heat in heats.items():
        error = ((heat.sum((1, 2)) - rise) / rise).abs()
        found[name] = [error.median().item(), error.max().item()]
    return found


# Labels without a meaning -----------------------------------------------------------------------------------------

def memorised(seed: int) -> dict:
    """Three networks on the same few images: two with the true labels, one with the labels dealt out anew.

    All start from weights of their own, so that nothing but the images is shared.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(mnist.train_images), generator=generator)[:FEW]
    true = mnist.train_labels[chosen]
    dealt = true[torch.randperm(FEW, generator=generator)]
    made, found = {}, {}
    for name, labels, start in (("true", true, seed), ("other seed", true, seed + 500), ("dealt", dealt, seed + 900)):
        part = replace(mnist, train_images=mnist.train_images[chosen], train_labels=labels,
                       test_images=mnist.test_images[:1000], test_labels=mnist.test_labels[:1000])
        network = networks.residual(**OPTIONS, seed=start)
        history = training.fit(network, part, epochs=30, seed=start, progress=False)
        made[name] = network.to(memory_format=torch.contiguous_format).eval()
        found[f"{name}: training, test error"] = [history.final_train_error, history.test_error[-1]]
    pixels, labels = mnist.pixels(mnist.train_images[chosen[:IMAGES]]), true[:IMAGES]
    ink = pixels[:, 0] > 0
    own = maps(made["true"], pixels, labels, slow=False)
    found["other seed"] = compared(own, maps(made["other seed"], pixels, labels, slow=False), ink)
    found["dealt"] = compared(own, maps(made["dealt"], pixels, dealt[:IMAGES], slow=False), ink)
    return found


# Pictures that a network likes ------------------------------------------------------------------------------------

WAYS = {"free": (0, 0.0), "shifted": (2, 0.0), "shifted and smooth": (2, 0.03)}  # largest shift, price of roughness


def liked(network: nn.Module, labels: Tensor, shift: int, smooth: float, seed: int, steps: int = 128) -> Tensor:
    """Pictures in [0, 1] that climb the logit of their label: N×1×28×28.

    Each step shifts them by up to `shift` pixels at random, around the border, and `smooth` is the price in logits of
    a difference of 1 between two neighbouring pixels.
    """
    generator = torch.Generator().manual_seed(seed)
    pictures = (0.5 * torch.rand(len(labels), 1, 28, 28, generator=generator)).requires_grad_()
    climb = torch.optim.Adam([pictures], lr=0.05)
    for _ in range(steps):
        down, right = torch.randint(-shift, shift + 1, (2,), generator=generator).tolist()
        wish = network(pictures.roll((down, right), (2, 3))).gather(1, labels[:, None]).sum()
        rough = pictures.diff(dim=2).abs().sum() + pictures.diff(dim=3).abs().sum()
        climb.zero_grad()
        (smooth * rough - wish).backward()
        climb.step()
        with torch.no_grad():
            pictures.clamp_(0, 1)
    return pictures.detach()


def visualised(seed: int) -> dict:
    """Ten pictures a way, one a digit: how sure the network is, and how many of them the other seeds read so."""
    labels = torch.arange(10)
    means = torch.stack([mnist.pixels(mnist.test_images[mnist.test_labels == label]).mean(0) for label in range(10)])
    blank = networks.residual(**OPTIONS, seed=seed)
    surgery.recalibrate(blank, mnist.train_images[:512])
    found = {}
    for name, (shift, smooth) in WAYS.items():
        for owner, network in (("trained", trained(seed)), ("untrained", blank.eval())):
            pictures = liked(reader(network), labels, shift, smooth, seed)
            others = [answers(trained(one), pictures, labels)[1] for one in SEEDS if one != seed]
            both = torch.stack([pictures.flatten(1), means.flatten(1)])
            both = both - both.mean(2, keepdim=True)
            both = both / both.norm(dim=2, keepdim=True).clamp(min=1e-9)
            alike = both[0] @ both[1].T
            found[f"{owner}, {name}"] = {
                "own": answers(network, pictures, labels), "others": statistics.mean(others),
                "mean digit": alike.diag().mean().item(),
                "nearest mean": (alike.argmax(1) == labels).float().mean().item(),
                "rough": (pictures.diff(dim=2).abs().mean() + pictures.diff(dim=3).abs().mean()).item()}
    return found


# Neighbours -------------------------------------------------------------------------------------------------------

@torch.no_grad()
def neighbours(seed: int, count: int = 2000) -> dict:
    """Nearest other image in each space: share with the same label, and with the same neighbour in the next seed."""
    pixels, labels = drawn(seed, count)
    images = (pixels - data.per_pixel(mnist.mean)) / data.per_pixel(mnist.std)
    made = {"trained": [trained(seed), trained(after(seed))], "untrained": []}
    for one in (seed, after(seed)):
        blank = networks.residual(**OPTIONS, seed=one)
        surgery.recalibrate(blank, mnist.train_images[:512])
        made["untrained"].append(blank.eval())

    def nearest(values: Tensor) -> Tensor:
        values = values.flatten(1)
        lengths = values.square().sum(1)
        distances = lengths[:, None] + lengths[None] - 2 * values @ values.T
        return distances.fill_diagonal_(torch.inf).argmin(1)

    in_pixels = nearest(pixels)
    found: dict = {"pixels": (labels[in_pixels] == labels).float().mean().item()}
    for name, pair in made.items():
        places: list[list[Tensor]] = []
        for network in pair:
            x = network.stem(images)
            states = [x] + [x := stage(x) for stage in network.stages]
            places.append([nearest(state) for state in [*states, x.mean((2, 3))]])
        found[name] = {"label": [(labels[place] == labels).float().mean().item() for place in places[0]],
                       "next seed": [(a == b).float().mean().item() for a, b in zip(*places)],
                       "pixels": [(a == in_pixels).float().mean().item() for a in places[0]]}
    return found


def another(seed: int) -> dict:
    """A second network like mnist.pt, with another seed, written beside it."""
    network = networks.residual(**OPTIONS, seed=seed)
    history = training.fit(network, mnist, epochs=1, seed=seed, progress=False)
    weights.save(OTHER, network, mnist, "residual", **OPTIONS)
    return {"test_error": history.test_error[-1]}


MEASURES = {"randomised": randomisation, "pictures": visualised, "neighbours": neighbours, "memorised": memorised,
            "another": another}


def measure(part: str, seed: int) -> dict:
    return MEASURES[part](seed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    plan = [("randomised", SEEDS), ("pictures", SEEDS), ("neighbours", SEEDS), ("another", [2]),
            ("memorised", MEMORISED)]
    runs.record("saliency", "What do saliency maps show, and what do they share with maps of other networks?",
                [{"part": part, "seed": seed} for part, seeds in plan for seed in seeds], measure)
