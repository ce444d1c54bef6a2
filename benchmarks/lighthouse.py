"""Lighthouse's scores of the built site as on a phone: the median of five loads of the front page and each chapter.

`python benchmarks/lighthouse.py [PAGE …]` after `make book`; needs node (npx fetches Lighthouse) and Chromium. The
pages come compressed from this machine; Lighthouse slows its network and its processor down, as it does by default.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.chapters import toc_files  # noqa: E402

SITE = ROOT / "_build" / "html"
VERSION = "12.8.2"
LOADS = 5
SCORES = ("performance", "accessibility", "best-practices", "seo")
TIMES = {"first-contentful-paint": "first paint", "largest-contentful-paint": "largest paint",
         "total-blocking-time": "blocked", "total-byte-weight": "weight"}
FLAGS = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking"


class Compressed(SimpleHTTPRequestHandler):
    """Serves files as a host of static pages does: compressed, and kept by the browser for ten minutes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content, packed = path.read_bytes(), path.suffix in (".png", ".woff2")
        if not packed:
            content = gzip.compress(content, 6)
        self.send_response(HTTPStatus.OK)
        for name, value in {"Content-Type": self.guess_type(path), "Content-Length": str(len(content)),
                            "Cache-Control": "max-age=600", **({} if packed else {"Content-Encoding": "gzip"})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def load(address: str) -> dict[str, Any]:
    """Lighthouse's report on one load of a page. Raises CalledProcessError when it fails."""
    command = ["npx", "--yes", f"lighthouse@{VERSION}", address, "--quiet", "--output=json", f"--chrome-flags={FLAGS}",
               f"--only-categories={','.join(SCORES)}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return json.loads(done.stdout)


def main(pages: list[str]) -> None:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None or shutil.which("npx") is None:
        sys.exit("Lighthouse needs Chromium and node: install them (Debian: apt-get install chromium nodejs npm).")
    os.environ.setdefault("CHROME_PATH", program)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Compressed, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"{'page':32}", *(f"{name:>14}" for name in (*SCORES, *TIMES.values())))
    for page in pages:
        reports = [load(f"http://127.0.0.1:{server.server_port}/book/{page}.html") for _ in range(LOADS)]
        cells = []
        for score in SCORES:
            values = [100 * report["categories"][score]["score"] for report in reports]
            cells.append(f"{statistics.median(values):.0f} ({min(values):.0f}–{max(values):.0f})")
        for name in TIMES:
            median = statistics.median(report["audits"][name]["numericValue"] for report in reports)
            cells.append(f"{median / 1000:.0f} kB" if name.endswith("weight") else f"{median:.0f} ms")
        print(f"{page:32}", *(f"{cell:>14}" for cell in cells), flush=True)
    server.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="for example concepts/depth; all pages when none is named")
    chosen = parser.parse_args().pages
    main(chosen or [name.removeprefix("book/") for name in toc_files(ROOT)])
