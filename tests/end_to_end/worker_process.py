"""A worker with the demo's model, as the command starts it."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Worker:
    """A worker process over a log directory, and what it prints."""

    logdir: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tb_visualscratchpad.exporter", "worker", "--vlm", "demo", "--sae", "demo", "--logdir", str(self.logdir)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 90
        while not list(self.logdir.glob(".visualscratchpad/workers/*.json")):
            assert self.process.poll() is None and time.monotonic() < deadline, "the worker did not start"
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
