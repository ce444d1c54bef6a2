"""The live laboratory without a browser: what its buttons do, what it keeps, and what a page without a kernel shows."""

from __future__ import annotations

import asyncio
import math
import re
import threading
from collections.abc import Coroutine
from itertools import islice
from typing import Any

import nbformat
import pytest

from resnet_lib import data, gradients, laboratory, networks, training
from resnet_lib.laboratory import Laboratory, Run
from tools import rules

DIGITS = data.load("digits").subset(train=130, test=30)  # three batches of 64, the last of 2


def make(**options: Any) -> Laboratory:
    return Laboratory(DIGITS, **{"depths": (8, 14), "epochs": 2, **options})


def network(skip: bool = False, **options: Any) -> networks.Network:
    return (networks.residual if skip else networks.plain)(8, in_channels=1, seed=1, **options)


def in_kernel(work: Coroutine) -> Any:
    """Run `work` in an event loop, as a kernel runs cells; no run may last longer."""
    assert Laboratory.going is None
    try:
        return asyncio.run(asyncio.wait_for(work, 60))
    finally:
        Laboratory.going = None


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0)


async def train(lab: Laboratory) -> Run:
    """Press Train and wait for the end."""
    count = lab.count
    lab.train_button.click()
    await until(lambda: lab.count > count and Laboratory.going is None)
    return lab.runs[-1]


# Training -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("skip", [False, True])
def test_train_gives_the_history_of_fit(skip: bool) -> None:
    async def work() -> Run:
        lab = make()
        lab.skip.value, lab.learning_rate.value = skip, 0.1
        return await train(lab)

    run = in_kernel(work())
    expected = network(skip)
    flows = [gradients.flow(expected, DIGITS.train_images[:64], DIGITS.train_labels[:64])]
    assert run.history.measured() == training.fit(expected, DIGITS, epochs=2, learning_rate=0.1).measured()
    flows.append(gradients.flow(expected, DIGITS.train_images[:64], DIGITS.train_labels[:64]))
    assert run.state == "finished" and run.layers == flows[0].layers and len(run.gradients) == 3
    assert [run.gradients[0], run.gradients[-1]] == [pytest.approx(flow.gradient, rel=1e-4) for flow in flows]
    assert make().train(8, skip=skip, learning_rate=0.1).runs[0].history.measured() == run.history.measured()


def test_the_kernel_does_other_things_while_it_trains() -> None:
    async def work() -> None:
        lab, turns = make(), 0
        lab.train_button.click()
        await until(lambda: Laboratory.going is not None)
        while Laboratory.going is not None:
            turns += 1
            lab.depth.value, lab.skip.value = 14, True  # for the next run
            networks.plain(8, seed=None)  # draws from the global generator
            await asyncio.sleep(0)
        [run] = lab.runs
        assert turns >= run.batches == 6 and run.name == "plain-8, rate 0.03"
        assert run.history.measured() == training.fit(network(), DIGITS, epochs=2, learning_rate=0.03).measured()
        assert (await train(lab)).name == "residual-14, rate 0.03"

    in_kernel(work())


def test_stop_ends_the_run_and_keeps_what_it_has() -> None:
    async def work() -> None:
        lab = make(epochs=1000)
        assert lab.stop_button.disabled and not lab.train_button.disabled
        lab.train_button.click()
        await until(lambda: Laboratory.going is not None and Laboratory.going.batches == 7)
        lab.show()
        assert "epoch 3 of 1000, batch 1 of 3" in lab.words()
        assert not lab.stop_button.disabled and lab.train_button.disabled
        lab.stop_button.click()
        await until(lambda: Laboratory.going is None)
        [run] = lab.runs
        assert run.state == "stopped" and 7 <= run.batches <= 9 and "was stopped after 2 of 1000 epochs" in lab.words()
        assert lab.stop_button.disabled and not lab.train_button.disabled
        *_, expected = islice(training.batches(network(), DIGITS, epochs=1000, learning_rate=0.03), run.batches)
        assert run.history.train_loss == expected.train_loss and len(run.gradients) == 3

    in_kernel(work())


def test_one_run_is_trained_at_a_time() -> None:
    async def work() -> None:
        old = make(epochs=1000)
        old.train_button.click()
        old.train_button.click()  # a double click
        await until(lambda: Laboratory.going is not None and Laboratory.going.batches == 2)
        new = make()  # its cell was run again
        await until(lambda: Laboratory.going is None)
        assert [run.state for run in old.runs] == ["stopped"]
        old.train_button.click()
        await until(lambda: Laboratory.going is not None)
        second = old.runs[-1]
        assert (await train(new)).state == "finished"
        assert second.state == "stopped" and second.batches <= 3

    in_kernel(work())


def test_a_press_that_another_thread_receives_is_dealt_with_by_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()
    flow = gradients.flow
    monkeypatch.setattr(gradients, "flow", lambda *given: threads.add(threading.get_ident()) or flow(*given))

    async def work() -> None:
        lab = make()
        threading.Thread(target=lab.train_button.click).start()
        await until(lambda: lab.runs and lab.runs[0].state == "finished")
        assert threads == {threading.get_ident()}

    in_kernel(work())


def test_divergence_is_told_and_stays_listed() -> None:
    lab = make().train(8, skip=False, normalisation=False, learning_rate=1e18).train(8, skip=True)
    first, second = lab.runs
    assert (first.state, second.state) == ("diverged", "finished") and "in epoch 1, batch" in first.message
    assert "<td>diverged</td>" in lab.table() and "plain-8 without batch norm, rate 1e+18" in lab.table()
    assert first.number == 1 and ">1<" in lab.figure().data  # its gradients before training are drawn
    lab.runs.pop()
    assert f"Run 1 ({first.name}) has diverged. The loss is not a finite number in epoch 1" in lab.words()
    assert "try a lower learning rate" in lab.words()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_run_that_is_broken_off_is_listed(error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    def batches(*given: Any, **options: Any) -> Any:
        yield from islice(true_batches(*given, **options), 4)
        raise error("no more")

    true_batches = training.batches
    monkeypatch.setattr(training, "batches", batches)
    lab = make()
    with pytest.raises(error):
        lab.train(8, skip=False)
    [run] = lab.runs
    assert run.state == ("stopped" if error is KeyboardInterrupt else "failed") and len(run.history.train_loss) == 1
    assert Laboratory.going is None and not lab.train_button.disabled
    assert ("was stopped after 1 of 2" in lab.words()) or ("has failed. MemoryError: no more" in lab.words())


# What is kept and seen ------------------------------------------------------------------------------------------

def test_runs_are_kept_to_be_compared() -> None:
    lab = make(epochs=1)
    assert lab.forget_button.disabled
    for index in range(8):
        lab.train(8, skip=index % 2 == 1, learning_rate=laboratory.RATES[index % 7])
    assert [run.number for run in lab.runs] == [3, 4, 5, 6, 7, 8]
    numbers = re.findall(r'<th scope="row">(\d)', lab.report.value)
    assert numbers == list("345678") and lab.picture.value == lab.figure(scroll=True).data
    best, last = min(lab.runs[:-1], key=lambda run: run.loss), lab.runs[-1]
    assert last.loss > best.loss and f"times that of run {best.number}." in lab.words()
    lab.forget_button.click()
    assert [run.number for run in lab.runs] == [8] and lab.forget_button.disabled and "of run" not in lab.words()
    assert lab.train(8, skip=False).runs[-1].number == 9


def test_only_runs_of_the_same_length_are_compared() -> None:
    lab = make().train(8, skip=True).train(8, skip=False)
    assert "After as many epochs" in lab.words()
    for values in vars(lab.runs[0].history).values():
        if isinstance(values, list):
            values.pop()
    assert "After as many epochs" not in lab.words()


def test_the_controls_stand_at_the_last_settings() -> None:
    lab = make(epochs=1).train(14, skip=True, normalisation=False, learning_rate=0.3)
    assert (lab.depth.value, lab.skip.value, lab.normalisation.value, lab.learning_rate.value) == (14, True, False, 0.3)
    lab.train(20, skip=False, learning_rate=0.02)  # what the controls do not have
    assert (lab.depth.value, lab.skip.value, lab.normalisation.value, lab.learning_rate.value) == (14, False, True, 0.3)


def test_numbers_of_equal_runs_do_not_cover_each_other() -> None:
    lab = make().train(8, skip=False).train(8, skip=False).train(8, skip=False)
    text = lab.figure(scroll=True).data
    heights = [re.findall(rf'<text style="font-weight:700[^>]* y="([\d.]+)">{number}</text>', text) for number in "123"]
    for one, two, three in zip(*[map(float, places) for places in heights], strict=True):  # of each panel
        assert one - two >= 11.9 and two - three >= 11.9


@pytest.mark.parametrize("options", [{"depths": ()}, {"depths": (8, 10)}, {"epochs": 0}])
def test_a_laboratory_of_nonsense_is_refused(options: dict) -> None:
    with pytest.raises(ValueError, match="at least one epoch|6n\\+2"):
        make(**options)


@pytest.mark.parametrize(("depth", "rate", "says"), [(9, 0.1, "6n\\+2"), (8, 0.0, "above 0"), (8, math.nan, "above 0")])
def test_a_run_of_nonsense_is_refused(depth: int, rate: float, says: str) -> None:
    lab = make()
    with pytest.raises(ValueError, match=says):
        lab.train(depth, skip=False, learning_rate=rate)
    assert lab.runs == [] and Laboratory.going is None


def test_a_page_without_a_kernel_shows_the_finished_runs() -> None:
    lab = make().train(8, skip=False).train(8, skip=True)
    bundle = lab._repr_mimebundle_()
    page = bundle["text/html"]
    assert rules.WIDGET in bundle and "needs a kernel" in page and "make lab" in page
    assert '<figure class="measured">' in page and 'class="narrow"' in page and "<script" not in page
    for run in lab.runs:
        assert f'{run.number}: {run.name}' in page
    output = nbformat.v4.new_output("execute_result", bundle)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    assert rules.dead_widgets(notebook) == [] and rules.images_without_alt(notebook) == []


def test_without_a_run_it_says_what_to_do() -> None:
    lab = make()
    assert "press Train" in lab.report.value and lab.picture.value == "" and "<table" not in lab.static()
