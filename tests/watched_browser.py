"""Chromium with a watch on it: whatever the tab complains of fails the test that opened it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
    "--disable-quic",
)
MARK = "policy violation:"
REPORT_VIOLATIONS = f"""document.addEventListener('securitypolicyviolation', (event) =>
    console.error('{MARK}', event.violatedDirective, event.blockedURI, event.sourceFile, location.pathname));"""

PATIENCE_MS = 30_000
"""How long anything awaited may take on a machine that is busy with other tests; a quiet one answers at once."""

SLOWER = "BROWSER_SLOWER"
"""The variable that has pages compute so many times slower, to find tests that only pass on a quiet machine."""

STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; base-uri 'self'"
)
"""Stricter than TensorBoard's: no eval, no inline script or style, no blob, no data."""


AT_REST = """() => !document.querySelector('.stale, [aria-busy=true]')
    && document.getAnimations().every((one) => one.playState !== 'running' || one.effect.getTiming().iterations === Infinity)"""
"""For ``wait_for_function``: nothing is pale because it is about to be replaced, and no colour fades over."""


@contextmanager
def launched(chromium: Path) -> Iterator[Browser]:
    """A headless Chromium; the playwright driver ends with it."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched_page(browser: Browser, *, ours: str = "", expected: tuple[str, ...] = (), **options: object) -> Iterator[Page]:
    """A page in a context of its own.

    Args:
        ours: only complaints with this text in their address count (TensorBoard's own pages may complain); all by default.
        expected: complaints with one of these texts are what the test provokes.

    Raises:
        AssertionError: on leaving, if the console saw an error or warning, a script failed, or a policy was violated.
    """
    complaints: list[str] = []

    def note(text: str, address: str) -> None:
        if (ours in address or MARK in text) and not any(wanted in text + address for wanted in expected):
            complaints.append(f"{text} ({address})")

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            note(message.text, message.location.get("url", ""))

    context = browser.new_context(**options)
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", on_console)
        page.on("pageerror", lambda error: complaints.append(f"{error} ({error.stack})"))
        page.add_init_script(REPORT_VIOLATIONS)
        if slower := os.environ.get(SLOWER):
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": float(slower)})
        yield page
        assert complaints == [], "\n".join(complaints)
    finally:
        context.close()
