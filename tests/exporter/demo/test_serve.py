"""TensorBoard starts on a free port, says where, and ends with Ctrl-C; a port in use is a sentence."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tb_visualscratchpad.exporter.demo.serve import require_free_port, serve
from tb_visualscratchpad.wire.errors import ScratchpadError


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
