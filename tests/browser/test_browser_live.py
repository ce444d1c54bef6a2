"""The laboratory and the explorers in a real JupyterLab with a real kernel, moved by mouse and by keyboard."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.build import PROJECT

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]  # one server for all of them
PATIENCE = 90  # seconds for the server, the kernel and each cell, on a slow machine
CELLS = ["""\
import torch
from IPython.display import HTML
from resnet_lib import data, explorers, laboratory, runs
digits = data.load("digits").subset(train=320, test=50)""",
         "laboratory.Laboratory(digits, epochs=40).train(8, skip=True)",
         'explorers.gradient_flow(runs.load("gradient_layers"), HTML(""))',
         'explorers.degradation(runs.load("degradation"), HTML(""))',
         'explorers.block_builder(HTML(""))',
         'from resnet_lib import records\nexplorers.records(records.found(), HTML(""))',
         """\
generator = torch.Generator().manual_seed(1)
explorers.backpropagation({name: torch.randn(shape, generator=generator).double().round(decimals=2)
                           for name, shape in explorers.SHAPES.items()}, HTML(""))""",
         """\
from resnet_lib import networks, weights
network = networks.residual(8, in_channels=1, seed=1).eval()
trained = weights.Trained(network, "residual", {"depth": 8, "in_channels": 1}, (28, 28), torch.tensor([0.13]),
                          torch.tensor([0.31]), tuple("0123456789"))
explorers.digit(trained, [(7, torch.eye(28))], HTML(""))""",
         'print("meanwhile:", 6 * 7)']
EXPLORERS = {"Gradient flow, layer by layer": "Training", "Degradation laboratory": "Depth", "Block builder": "Depth",
             "Backpropagation, one operation at a time": "Operation", "Recorded trainings": "Place"}


@pytest.fixture(scope="module")
def lab_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab server with settings of its own and one notebook; it ends with the tests."""
    folder = tmp_path_factory.mktemp("jupyter")
    (folder / "notebooks").mkdir()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in CELLS], metadata={"kernelspec": kernel}),
                   folder / "notebooks" / "live.ipynb")
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, log = secrets.token_hex(), folder / "log"
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
               f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
               f"--ServerApp.root_dir={folder / 'notebooks'}", "--LabApp.expose_app_in_browser=True"]
    variables = {**os.environ, "PYTHONPATH": str(PROJECT), "JUPYTER_CONFIG_DIR": str(folder / "config"),
                 "JUPYTER_DATA_DIR": str(folder / "data"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
                 "IPYTHONDIR": str(folder / "ipython")}
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT)
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server, log)
        yield f"http://127.0.0.1:{port}/lab/tree/live.ipynb?token={token}"
    finally:
        server.terminate()  # it ends its kernels
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    """Return when the server answers; fail with what it said when it ends or is silent for too long."""
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                json.load(answer)
                return
        except (OSError, ValueError):
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


@pytest.fixture(scope="module")
def live(browser: Any, watched: Any, lab_address: str) -> Iterator[Any]:
    """The notebook in JupyterLab, all its cells executed."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.watch = watched(page, lab_address.split("/lab/")[0])
    page.goto(lab_address)
    page.wait_for_function("""() => {
        const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
        return kernel?.connectionStatus === "connected" && kernel.status === "idle"; }""")
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.get_by_text("meanwhile: 42").wait_for()
    yield page
    context.close()


def laboratory(page: Any) -> Any:
    """The laboratory's cell; its sentence is in `.conclusion`, its picture in `.measured`."""
    found = page.locator(".jp-CodeCell:has(.laboratory)")
    found.scroll_into_view_if_needed()
    return found


def press(found: Any, name: str) -> None:
    """Press a button by mouse, once it can be pressed."""
    found.get_by_role("button", name=name, exact=True).click()


def picture(found: Any) -> str:
    return "".join(svg.evaluate("element => element.outerHTML") for svg in found.locator("svg[role=img]").all())


def test_the_laboratory_trains_stops_and_compares(live: Any) -> None:
    found = laboratory(live)
    said = found.locator(".laboratory .conclusion")
    rows = found.locator(".laboratory tbody tr")
    assert "Run 1 (residual-8, rate 0.03) has finished." in said.inner_text() and rows.count() == 1

    press(found, "56")
    press(found, "Train")
    said.get_by_text(re.compile(r"Run 2 \(residual-56, rate 0.03\) is in epoch ([2-9]|\d\d) of 40")).wait_for()
    before = picture(found)
    live.locator(".jp-CodeCell").last.click()
    live.keyboard.press("Shift+Enter")  # another cell is executed while the network trains
    live.wait_for_function("""(said) => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
        .some((prompt) => prompt.textContent === said)""", arg=f"[{len(CELLS) + 1}]:")
    found.scroll_into_view_if_needed()
    end = time.monotonic() + PATIENCE
    while picture(found) == before and time.monotonic() < end:
        live.wait_for_timeout(100)
    assert picture(found) != before and "is in epoch" in said.inner_text()
    press(found, "plain")  # the next run's settings can be chosen meanwhile
    press(found, "Stop")
    said.get_by_text("Run 2 (residual-56, rate 0.03) was stopped after").wait_for()

    press(found, "8")
    press(found, "Train")
    said.get_by_text("Run 3 (plain-8, rate 0.03) has finished.").wait_for()
    assert "run 1" in said.inner_text() and rows.count() == 3
    assert [row.locator("td").last.inner_text() for row in rows.all()] == ["finished", "stopped", "finished"]
    numbers = [text.strip() for text in found.locator(".measured svg text").all_text_contents()]
    assert all(numbers.count(number) >= 2 for number in "123")  # at its line in both panels
    press(found, "Forget")
    rows.nth(1).wait_for(state="detached")
    assert "3: plain-8" in rows.inner_text()
    assert live.watch.said == [] and live.watch.outside == []


@pytest.mark.parametrize("title", EXPLORERS)
def test_an_explorer_is_moved_by_keyboard(live: Any, title: str) -> None:
    found = live.locator(".jp-CodeCell").filter(has=live.get_by_role("heading", name=title)).locator(".explorer")
    found.scroll_into_view_if_needed()
    show = found.get_by_role("button", name="Show the measurement")
    if show.count():
        show.click()
    slider = found.get_by_role("slider", name=re.compile(f"^{EXPLORERS[title]}"))  # its value is part of its name
    slider.scroll_into_view_if_needed()
    before, value = picture(found), slider.input_value()
    slider.focus()
    live.keyboard.press("ArrowRight")
    if slider.input_value() == value:  # it stood at its end
        live.keyboard.press("ArrowLeft")
    assert slider.input_value() != value and picture(found) != before
    assert found.locator(".conclusion").inner_text()
    assert live.watch.said == [] and live.watch.outside == []


def test_the_kernel_sends_a_network_that_reads_what_is_drawn(live: Any) -> None:
    cell = live.locator(".jp-CodeCell").filter(has=live.get_by_role("heading", name="Draw a digit"))
    found = cell.locator(".explorer")
    found.scroll_into_view_if_needed()
    assert "The network reads" in found.locator(".conclusion").inner_text() and not found.locator(".maps").is_visible()
    found.get_by_role("button", name="Clear").click()
    found.get_by_text("Draw a digit, or choose").wait_for()  # the conclusion follows a moment later
    sheet = found.locator("canvas.sheet")
    sheet.focus()
    live.keyboard.press("Space")  # the pen is lowered, and the network asked for
    for _ in range(5):
        live.keyboard.press("ArrowDown")
    found.get_by_text("The network reads").wait_for()
    assert found.locator(".maps").is_visible() and sheet.evaluate("element => element === document.activeElement")
    found.get_by_label("Block 2, stage 2").uncheck()
    found.get_by_text("With block 2 off").wait_for()
    assert live.watch.said == [] and live.watch.outside == []
