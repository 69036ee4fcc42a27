"""Runs a script of ``examples/`` as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LONGEST_SECONDS = 300
"""Far above the two minutes they promise, for a machine that does other things as well."""


def run_example(repository: Path, name: str, *arguments: str) -> str:
    """What it printed on stdout; a script that fails fails the test with what it said."""
    environment = {**os.environ, "PYTHONPATH": str(repository), "HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled"}
    ended = subprocess.run(
        [sys.executable, str(repository / "examples" / name), *arguments], env=environment, capture_output=True, text=True,
        timeout=LONGEST_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
