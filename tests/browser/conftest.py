"""A browser on the built site, served on this machine."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools.build import PROJECT

SITE = PROJECT / "_build" / "html"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the site is served, for example http://127.0.0.1:40001."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.fail("There is no Chromium: install it (Debian: apt-get install chromium), or name it in CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


class Watch:
    """What a page asked for and said: requests to other places, errors and warnings in the console."""

    def __init__(self, page: Any, own: str) -> None:
        self.outside: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.outside.append(request.url)
                if not request.url.startswith((own, "data:", "blob:")) else None)
        page.on("console", lambda message: self.said.append(message.text)
                if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))


@pytest.fixture(scope="session")
def watched() -> type[Watch]:
    """For pages that a test opens by itself: `page.watch = watched(page, address)`."""
    return Watch


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Any]:
    """`open_page("concepts/depth", width=390, scheme="dark")`: the page, and its `Watch` as page.watch."""
    contexts = []

    def open_it(name: str, width: int = 1300, scheme: str = "light", base: str = "", **options: Any) -> Any:
        own = base or address
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.watch = Watch(page, own)
        page.goto(f"{own}/book/{name}.html")
        page.wait_for_load_state("load")
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which looks for barriers in a page."""
    import axe_playwright_python

    folder = Path(axe_playwright_python.__file__).parent
    return next(folder.rglob("axe.min.js")).read_text(encoding="utf-8")
