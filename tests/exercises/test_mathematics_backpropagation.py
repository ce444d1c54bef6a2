"""The checks of mathematics/backpropagation: right answers pass, mistakes are named, nonsense does not raise."""

import pytest
import torch

from resnet_lib import exercises


def gradients(W1, b1, W2, b2, x, y, slope="right", sign=1, term=True, skipped=True, transposed=True):
    a1 = W1 @ x + b1
    z1 = torch.tanh(a1)
    x2 = z1 + x
    delta2 = sign * (W2 @ x2 + b2 - y)
    g2 = W2.T @ delta2
    slopes = {"right": 1 - z1**2, "none": 1.0, "x2": 1 - x2**2, "z1": 1 - torch.tanh(z1) ** 2, "relu": a1 > 0}
    delta1 = slopes[slope] * g2
    g1 = (W1.T if transposed else W1) @ delta1 + (g2 if term else 0)
    return delta1 @ x.T, delta1, delta2 @ (x2 if skipped else z1).T, delta2, g1


def mistaken(**mistake):
    return lambda *tensors: gradients(*tensors, **mistake)


def test_right_answers_pass():
    assert exercises.two_unit_network(([6, 0], [60, 10]))
    assert exercises.two_unit_network((torch.tensor([[6.0], [0.0]]), (60.0, 10.0)))
    assert exercises.tanh_gradients(gradients)
    assert exercises.tanh_gradients(lambda *tensors: list(gradients(*tensors)))
    assert exercises.guarding_widths([10, 8, 7, 5])
    assert exercises.guarding_widths((10, 5, 10, 5))


@pytest.mark.parametrize("answer, says", [
    (([6, -4], [60, 10]), "multiply by the derivative"),
    (([-6, 0], [60, 10]), "sign"),
    (([2, 0], [60, 10]), "lacks the weights"),
    (([0, 6], [60, 10]), "Check a₁"),
    (([6, 0], [30, 30]), "identity term"),
    (([6, 0], [30, -20]), "through the layer"),
    (([6, 0], [12, 2]), "δ₂ = 10"),
    (([6, 0], [6, 6]), "without the skip"),
    (([6, 0], [60, -20]), "transposed"),
    (([6, 0], [0, 0]), "compute ŷ"),
])
def test_mistakes_on_paper_are_named(capsys, answer, says):
    assert not exercises.two_unit_network(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (mistaken(slope="none"), "derivative of tanh is missing"),
    (mistaken(slope="x2"), "taken at x₂"),
    (mistaken(slope="z1"), "taken at z₁"),
    (mistaken(slope="relu"), "derivative of ReLU"),
    (mistaken(sign=-1), "opposite sign"),
    (mistaken(term=False), "identity term"),
    (mistaken(transposed=False), "W₁ is to be transposed"),
    (mistaken(skipped=False), "not z₁"),
    (lambda *tensors: gradients(*tensors)[:4], "five tensors"),
    (lambda *tensors: gradients(*tensors)[::-1], "has the shape of"),
    (lambda *tensors: [tensor * 1.01 for tensor in gradients(*tensors)], "the first that is not"),
    (lambda *tensors: [1, 2, 3, 4, 5], "not int"),
])
def test_mistakes_in_code_are_named(capsys, answer, says):
    assert not exercises.tanh_gradients(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    ([10, 10, 7, 5], "have 10 units"),
    ([10, 7, 7, 5], "have 7 units"),
    ([10, 7, 5, 5], "have 5 units"),
    ([10, 7, 1, 5], "width 1"),
    ([10, 7, 5], "four whole numbers"),
    ([10, 7.0, 6, 5], "four whole numbers"),
    ([5, 7, 6, 10], "ten inputs"),
])
def test_mistakes_in_widths_are_named(capsys, answer, says):
    assert not exercises.guarding_widths(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("check", [exercises.two_unit_network, exercises.tanh_gradients, exercises.guarding_widths])
@pytest.mark.parametrize("nonsense", [None, ..., "abc", 3.5, [], {}, torch.zeros(3, 3), lambda: None, float("nan")])
def test_nonsense_does_not_raise(check, nonsense):
    assert not check(nonsense)
