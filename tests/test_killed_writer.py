"""A process that dies in the midst of logging, before any operation on a file or within a write, leaves a log that opens and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.end_to_end.served_log import open_alone, tensorboard
from tests.killed_writer import MOMENTS
from tests.watched_browser import watched_page


@pytest.mark.full
def test_a_writer_killed_at_chosen_moments_is_gone_on_with(browser: Browser, repository: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(repository / "tests" / "killed_writer.py"), str(tmp_path)], capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(repository)},
    )
    assert ended.returncode == 0, ended.stderr
    *met, at_last = json.loads(ended.stdout)
    assert [one["moment"] for one in met] == [moment.name for moment in MOMENTS] and len(met) >= 20
    before = 0
    for one in met:
        assert one["signal"] in (signal.SIGKILL, signal.SIGXFSZ), "it was killed, and did not end"
        # What was said to be done is there, also by the processes before; what was being written may be.
        assert one["wrong"] == [] and one["steps"] == list(range(len(one["steps"]))), one
        assert one["last"] + 1 <= len(one["steps"]) <= max(one["last"] + 2, before), one
        before = len(one["steps"])
    torn = {name: [one["torn"] for one in met if one["moment"].endswith(f"into {name}")] for name in ("a sidecar", "an index", "an event")}
    assert torn["a sidecar"] == [["1600 bytes of a sidecar"]]
    assert all(torn[name] and all(name in left for left in torn[name]) for name in ("an index", "an event"))
    assert at_last["problems"] == [] and at_last["steps"] == list(range(at_last["first"] + 12))
    with tensorboard(tmp_path) as address, watched_page(browser, expected=("favicon",)) as page:
        slider = open_alone(page, address, "&p.visualscratchpad.workspace=dictionary").get_by_label("Training step")
        for key, step in (("End", at_last["steps"][-1]), ("ArrowLeft", at_last["steps"][-2]), ("Home", 0)):
            slider.press(key)
            expect(page.locator("[data-value=step]")).to_have_text(str(step))
            expect(page.locator("[data-value=l0]")).to_have_text(str(step) if step else "0.00")
