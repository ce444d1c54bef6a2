"""The checks of practice/scaling: right answers pass, mistakes are named, nonsense does not raise."""

import pytest
from torch import nn
from torch.utils.checkpoint import checkpoint

from resnet_lib import exercises


def ring(parameters, processes, gigabits, microseconds, *, bits=8, size=4, factor=2, delays=None, scale=1e-6, alone=0):
    """Seconds of the all-reduce, rightly or wrongly."""
    rounds = factor * (processes - 1)
    if rounds == 0:
        return alone
    return rounds * size * parameters * bits / 1e9 / processes / gigabits + (
        rounds if delays is None else delays) * microseconds * scale


def mistaken(**options):
    return lambda *case: ring(*case, **options)


def once(block, x, *, still=0.0, keep=False, restore=True, count=True):
    """A checkpoint that moves the statistics once, rightly or wrongly."""
    calls = []

    def compute(x):
        norms = [layer for layer in block.modules() if isinstance(layer, nn.BatchNorm2d)]
        before = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
        again = bool(calls)
        calls.append(True)
        for norm in norms:
            if again:
                norm.momentum = still
        try:
            return block(x)
        finally:  # the second call ends with an exception, as soon as all that was kept is there
            for norm, (momentum, counted) in zip(norms, before):
                if again and restore:
                    norm.momentum = momentum
                if again and count:
                    norm.num_batches_tracked.copy_(counted)

    return compute(x) if keep else checkpoint(compute, x, use_reentrant=False)


def test_right_answers_pass():
    assert exercises.what_fits((953, 812))
    assert exercises.what_fits((1024, 878))
    assert exercises.ring_time(ring)
    assert exercises.honest_checkpoint(once)


@pytest.mark.parametrize("answer, says", [
    ((3814, 812), "has four"),
    ((1907, 812), "two pictures"),
    ((953, 135), "the depth is 6n+2"),
    ((953, 800), "7n+2 must fit"),
    ((100, 812), "n is 18"),
])
def test_mistakes_in_what_fits_are_named(capsys, answer, says):
    assert not exercises.what_fits(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (mistaken(bits=1), "eight of them"),
    (mistaken(bits=64), "not the reverse"),
    (mistaken(size=1), "four bytes"),
    (mistaken(factor=1), "Twice"),
    (mistaken(delays=0), "has its delay"),
    (mistaken(delays=1), "not once in all"),
    (mistaken(scale=1e-3), "millionth"),
    (mistaken(alone=1.0), "nobody to send to"),
    (lambda *case: 7.0 * (case[1] > 1), "the formula above gives"),
])
def test_mistakes_in_the_ring_are_named(capsys, answer, says):
    assert not exercises.ring_time(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda block, x: checkpoint(block, x, use_reentrant=False), "moves it again"),
    (lambda block, x: block(x), "keeps the block's pictures"),
    (lambda block, x: x, "not that of the block"),
    (lambda block, x: checkpoint(lambda x: block(x.detach()), x, use_reentrant=False), "gradients"),
    (lambda block, x: once(block, x, still=0.05), "moves it again"),
    (lambda block, x: once(block, x, count=False), "counts"),
    (lambda block, x: once(block, x, restore=False), "is not where one call"),
])
def test_mistakes_in_a_checkpoint_are_named(capsys, answer, says):
    assert not exercises.honest_checkpoint(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [None, ..., 3, "nine", (1, 2, 3), ("a", "b"), (None, 3), lambda: 1,
                                      lambda *values: None, lambda *values: "x"])
def test_nonsense_does_not_raise(nonsense):
    for check in (exercises.what_fits, exercises.ring_time, exercises.honest_checkpoint):
        assert not check(nonsense)
