"""TensorBoard and worker start together, say where they are, and end with Ctrl-C; a port in use is a sentence."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tb_visualscratchpad.exporter.demo.serve import require_free_port, serve
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.worker_files import entries, live_secret


def test_prints_its_address_and_ends_cleanly_on_ctrl_c(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tb_visualscratchpad.exporter.demo.serve", str(tmp_path)]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if "Ctrl-C" in line:
                    break
            address = re.search(r"at (http://localhost:\d+/)#visualscratchpad", said[-1])
            assert address, said
            with urllib.request.urlopen(address[1] + "data/environment", timeout=10) as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


def test_its_worker_is_found_and_does_not_outlive_it(tmp_path: Path) -> None:
    logdir, runtime = tmp_path / "logs", tmp_path / "runtime"
    logdir.mkdir()
    runtime.mkdir(mode=0o700)
    environment = os.environ | {"XDG_RUNTIME_DIR": str(runtime)}
    program = [sys.executable, "-m", "tb_visualscratchpad.exporter.demo.serve", str(logdir)]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            address = ""
            for line in process.stderr:
                found = re.search(r"at (http://localhost:\d+/)#", line)
                address = found[1] if found else address
                if "worker" in line and "is ready" in line:
                    break
            with urllib.request.urlopen(f"{address}data/plugin/visualscratchpad/worker", timeout=10) as answer:
                told = json.load(answer)
            assert told["state"] == "ready" and told["worker"]["vlm_name"] == "demo"
            ((_, entry),) = entries(logdir)
            assert live_secret(entry.worker_id, environment)
            process.kill()
            deadline = time.monotonic() + 30
            while live_secret(entry.worker_id, environment) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert live_secret(entry.worker_id, environment) is None
        finally:
            process.kill()
    # It ended by itself, so it tidied up; nothing was logged.
    for _ in range(100):
        if not list(logdir.iterdir()):
            break
        time.sleep(0.1)
    assert list(logdir.iterdir()) == []


def test_a_port_in_use_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ScratchpadError, match=f"Port {port} .*--port"):
            require_free_port(port)
        with pytest.raises(ScratchpadError, match=f"Port {port} "):
            serve(tmp_path, port)
    require_free_port(port)
    require_free_port(0)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_an_impossible_port_is_a_sentence(port: int) -> None:
    with pytest.raises(ScratchpadError, match="--port"):
        require_free_port(port)


def test_a_missing_log_directory_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScratchpadError, match="not a folder"):
        serve(tmp_path / "nowhere")
