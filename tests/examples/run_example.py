"""Runs a script of ``examples/`` as a user does, and looks at its log in the tab."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.end_to_end.served_log import open_alone
from tests.watched_browser import watched_page

LONGEST_SECONDS = 600
"""Far above the two minutes they promise, for a machine that does other things as well."""


def run_example(repository: Path, name: str, *arguments: str, through: Sequence[str] = ()) -> str:
    """What it printed on stdout; a script that fails fails the test with what it said.

    Args:
        through: a script, and its arguments, that runs the example.
    """
    environment = {**os.environ, "PYTHONPATH": str(repository), "HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled"}
    ended = subprocess.run(
        [sys.executable, *through, str(repository / "examples" / name), *arguments], env=environment, capture_output=True, text=True,
        timeout=LONGEST_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def expect_step_slider(browser: Browser, address: str, unexplained: dict[int, float]) -> None:
    """The tab opens at the last of the steps, and its slider goes back through all of them with the figures of each.

    Args:
        unexplained: share of the variance, by step.
    """
    with watched_page(browser, expected=("favicon",), viewport={"width": 1440, "height": 900}) as page:
        frame = open_alone(page, address, "&p.visualscratchpad.workspace=dictionary")
        slider = frame.get_by_label("Training step")
        for step in sorted(unexplained, reverse=True):
            expect(frame.locator("[data-value=step]")).to_have_text(str(step))
            expect(frame.locator("[data-value=fvu]")).to_have_text(f"{100 * unexplained[step]:.{1 if unexplained[step] < 0.0995 else 0}f} %")
            slider.focus()
            page.keyboard.press("ArrowLeft")
        assert slider.get_attribute("aria-valuetext") == str(min(unexplained))
        expect(frame.locator("vs-scatter canvas").first).to_be_attached()
