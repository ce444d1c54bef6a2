"""Make the picture of TensorBoard in networks/training-loop: python -m tools.tensorboard_picture

Trains residual-8 at two learning rates, opens TensorBoard on what was written, and takes a picture in each theme.
Needs Chromium and Playwright.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import sync_playwright
from torch.utils.tensorboard import SummaryWriter

from resnet_lib import data, networks, training

STATIC = Path(__file__).resolve().parent.parent / "book" / "_static"


def write(folder: Path) -> None:
    """Train at two rates and write what TensorBoard shows."""
    digits = data.load("digits")
    for rate in (0.01, 0.1):
        network = networks.residual(8, in_channels=1, classes=10, seed=1)
        with SummaryWriter(folder / f"rate-{rate}") as writer:
            for step, history in enumerate(training.batches(network, digits, learning_rate=rate, seed=1), 1):
                if step % 23 == 0:  # an epoch is over
                    writer.add_scalar("error/test", history.test_error[-1], len(history.test_error))
                    writer.add_scalar("loss/train", history.train_loss[-1], len(history.test_error))
                    writer.add_histogram("weights/classifier", network.classifier.weight, len(history.test_error))


def picture(port: int, theme: Literal["light", "dark"]) -> Image.Image:
    """What the browser shows of TensorBoard, in one theme."""
    with sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 880, "height": 670}, color_scheme=theme)
        page.goto(f"http://127.0.0.1:{port}/?darkMode={str(theme == 'dark').lower()}#timeseries")
        page.locator("button:has-text('Settings')").first.click()
        page.wait_for_timeout(4000)
        shot = page.screenshot()
        browser.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen([sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", str(port)],
                                  stderr=subprocess.DEVNULL)
        try:
            time.sleep(10)
            themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
            for theme in themes:
                picture(port, theme).save(STATIC / f"tensorboard-{theme}.webp", quality=70, method=6)
        finally:
            server.terminate()
