"""The checks of understanding/iteration, and whether its code is that of the studies."""

import math

import pytest
import torch

from resnet_lib import exercises
from tests.listings import chapter_code, definition, study_code

EXACT = math.exp(-0.8)


def heun(f, x, h):
    k1 = f(x)
    return x + h / 2 * (k1 + f(x + h * k1))


def test_right_answers_pass():
    assert exercises.decay((0.2, 0.36, EXACT, 0.4, 15)) and exercises.decay((0.2, 0.36, 0.449, 0.4, 15))
    assert exercises.heun(heun)


@pytest.mark.parametrize("answer, says", [
    ((-0.8, 0.36, EXACT, 0.4, 15), "Add it"), ((1.8, 0.36, EXACT, 0.4, 15), "negative"), ((5, 0, 0, 0, 0), "adds u(1)"),
    ((0.2, 0.2, EXACT, 0.4, 15), "smaller there"), ((0.2, 0.6, EXACT, 0.4, 15), "one half step"),
    ((0.2, 0.04, EXACT, 0.4, 15), "two whole"), ((0.2, 0.5, EXACT, 0.4, 15), "1 − 0.4"),
    ((0.2, 0.36, 2.2255, 0.4, 15), "decays"), ((0.2, 0.36, 0.4, 0.4, 15), "exponential"),
    ((0.2, 0.36, EXACT, 0.16, 15), "nothing else"), ((0.2, 0.36, EXACT, 0.32, 15), "by the first one"),
    ((0.2, 0.36, EXACT, 0.6, 15), "how much they differ"), ((0.2, 0.36, EXACT, 0.8, 15), "leads to 0.6"),
    ((0.2, 0.36, EXACT, -0.4, 15), "without sign"), ((0.2, 0.36, EXACT, 9, 15), "Compare u(0.6)"),
    ((0.2, 0.36, EXACT, 0.4, 14), "Nearly"), ((0.2, 0.36, EXACT, 0.4, 30), "half as many"),
    ((0.2, 0.36, EXACT, 0.4, 3), "try n"), ((0.2, 0.36), "Five numbers"), (("a", 1, 2, 3, 4), "could not be checked"),
    ((..., 0.36, EXACT, 0.4, 15), "Not answered yet"),
])
def test_mistakes_in_the_decay_are_named(capsys, answer, says):
    assert not exercises.decay(answer)
    assert says in capsys.readouterr().out


def test_the_number_of_steps_is_the_smallest():
    assert [abs((1 - 0.8 / n)**n - EXACT) <= 0.01 for n in (13, 14, 15)] == [False, False, True]


@pytest.mark.parametrize("answer, says", [
    (lambda f, x, h: x + h * f(x), "Euler's"), (lambda f, x, h: x + h * f(x + h / 2 * f(x)), "midpoint"),
    (lambda f, x, h: x + h * (f(x) + f(x + h * f(x))), "not their sum"),
    (lambda f, x, h: x + h * f(x + h * f(x)), "at the end alone"),
    (lambda f, x, h: x + h * f(x) + h / 2 * (f(x) + f(x + h * f(x))), "Go from the start"),
    (lambda f, x, h: x + h / 2 * (f(x) + f(x + f(x))), "has the length h"),
    (lambda f, x, h: x + (f(x) + f(x + h * f(x))) / 2, "times h"), (lambda f, x, h: x, "with k1"),
    (lambda f, x, h: heun(f, x, h).sum(), "shape"), (lambda f, x, h: heun(f, x.zero_(), h), "changes the x"),
    (lambda f, x, h: "far", "could not be checked"), (7, "could not be checked"),
])
def test_mistakes_in_heun_are_named(capsys, answer, says):
    assert not exercises.heun(answer)
    assert says in capsys.readouterr().out


def test_heun_converges_with_order_two():
    def end(steps):
        x = torch.tensor(1.0, dtype=torch.float64)
        for _ in range(steps):
            x = heun(lambda z: z, x, 1 / steps)
        return x

    errors = [abs(end(steps) - math.e) for steps in (16, 32)]
    assert 1.9 < math.log2(errors[0] / errors[1]) < 2.1


@pytest.mark.parametrize("name", ["Step", "ordinary", "rebuilt", "refine", "rk4", "RungeKutta", "runge_kutta"])
def test_the_chapter_and_the_study_have_the_same_code(name):
    assert definition(chapter_code("understanding/iteration"), name) == definition(study_code("iteration"), name)


@pytest.mark.parametrize("name", ["euler", "Flow", "neural_ode", "solve"])
def test_the_chapter_and_the_study_of_solvers_have_the_same_code(name):
    assert definition(chapter_code("understanding/iteration"), name) == definition(study_code("iteration_ode"), name)
