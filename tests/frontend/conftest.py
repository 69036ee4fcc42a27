"""Serves the tab's modules under a strict policy, so that a test can import one in Chromium and look at what it does."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.watched_browser import STRICT_POLICY, watched_page


class _StrictHandler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", STRICT_POLICY)
        super().end_headers()

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        body = b"<!doctype html><html lang='en'><title>modules</title><body></body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def strict_server(repository: Path) -> Iterator[str]:
    """Address of a server of ``frontend_static``, ending in a slash."""
    handler = functools.partial(_StrictHandler, directory=str(repository / "frontend_static"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def page(browser: Browser, strict_server: str) -> Iterator[Page]:
    """An empty page beside the modules: ``page.evaluate("async () => { const m = await import('/store.js'); ... }")``."""
    with watched_page(browser, expected=("favicon",)) as page:
        page.goto(strict_server)
        yield page
