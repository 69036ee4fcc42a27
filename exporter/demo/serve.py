"""Shows a log directory: TensorBoard on a port of this machine, and a worker with the demo's model, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tensorboard import program

from tb_visualscratchpad.wire.errors import ScratchpadError

HOST = "localhost"


def require_free_port(port: int) -> None:
    """Checks that TensorBoard could listen on ``port``; 0, which stands for any free one, always passes.

    Raises:
        ScratchpadError: the port is in use, or no port.
    """
    if not 0 <= port <= 65_535:
        raise ScratchpadError(f"Port {port} is none: give --port a number up to 65535, or leave it out for a free one.")
    try:
        for family, _, _, _, address in socket.getaddrinfo(HOST, port, type=socket.SOCK_STREAM):
            with socket.socket(family, socket.SOCK_STREAM) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(address)
    except OSError as error:
        raise ScratchpadError(f"Port {port} cannot be used ({error}): choose another with --port, or leave it out for a free one.") from error


def serve(logdir: Path, port: int = 0) -> None:
    """Starts TensorBoard and a worker for this machine alone, prints the address, and returns after Ctrl-C or SIGTERM.

    Args:
        logdir: what it shows.
        port: where it listens; a free one for 0.

    Raises:
        ScratchpadError: ``logdir`` is not a folder, or the port is in use.
    """
    if not logdir.is_dir():
        raise ScratchpadError(f"{logdir} is not a folder: write logs there first, e.g. `visualscratchpad demo --logdir {logdir}`.")
    require_free_port(port)
    board = program.TensorBoard()
    board.configure(argv=["tensorboard", "--logdir", str(logdir), "--host", HOST, "--port", str(port)])
    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        print(f"TensorBoard shows {logdir} at {board.launch()}#visualscratchpad (Ctrl-C ends it)", file=sys.stderr, flush=True)
        with _worker(logdir):
            ended.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _worker(logdir: Path) -> Iterator[None]:
    """A worker with the demo's model in a process of its own. It says itself when it is ready, or why it cannot be."""
    command = [sys.executable, "-m", "tb_visualscratchpad.exporter", "worker", "--vlm", "demo", "--sae", "demo", "--logdir", str(logdir)]
    # A group of its own: Ctrl-C is this process's to hear. Should this one be killed, the end of the pipe ends the worker.
    process = subprocess.Popen([*command, "--end-with-stdin"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logdir", type=Path)
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    options = parser.parse_args()
    try:
        serve(options.logdir, options.port)
    except ScratchpadError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
