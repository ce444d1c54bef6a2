"""How long the network of "Draw a digit" takes for one picture in Chromium: `python benchmarks/digit.py`.

Needs book/runs/mnist.pt and Chromium; the picture is made up, with as much ink as a digit has.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from IPython.display import HTML  # noqa: E402

from resnet_lib import explorers, weights  # noqa: E402

PICTURES = 300
MEASURE = """({ source, content, network, count }) => {
  const names = "networkOf, tensorsOf, forward, prepare, stroke, SHEET";
  const run = new Function(`"use strict";${source}; return { ${names} };`)();
  const started = performance.now(), it = run.networkOf(run.tensorsOf(content), network);
  const decoding = performance.now() - started, times = [];
  const ink = new Float32Array(run.SHEET ** 2);
  for (const [from, to] of [[[40, 30], [100, 30]], [[100, 30], [60, 115]]]) run.stroke(ink, from, to);
  for (let index = 0; index < count; index += 1) {
    const start = performance.now(), pixels = run.prepare(ink, run.SHEET), between = performance.now();
    run.forward(it, pixels);
    times.push([between - start, performance.now() - between]);
  }
  return { decoding, times };
}"""


def main() -> None:
    from playwright.sync_api import sync_playwright

    trained = weights.load()
    state = explorers.digit(trained, [(0, torch.zeros(28, 28))], HTML("")).state
    given = {"source": explorers.source("digit"), "content": explorers.packed(trained), "network": state["network"],
             "count": PICTURES}
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        measured = browser.new_page().evaluate(MEASURE, given)
        print(f"Chromium {browser.version}: weights decoded in {measured['decoding']:.0f} ms")
        browser.close()
    for name, times in zip(("preparation", "network"), zip(*measured["times"])):
        fifths = statistics.quantiles(times, n=20)
        print(f"{name}: first {times[0]:.1f} ms, median of {PICTURES} {statistics.median(times):.1f} ms "
              f"(5 % below {fifths[0]:.1f}, 5 % above {fifths[-1]:.1f})")
    page = len(explorers.script("digit").encode())
    print(f"script {page / 1000:.0f} kB, weights {len(explorers.weights_script(given['content'])) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
