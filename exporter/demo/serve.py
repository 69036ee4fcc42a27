"""Shows a log directory: TensorBoard on a free port until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from tensorboard import program

from tb_visualscratchpad.wire.errors import ScratchpadError


def serve(logdir: Path) -> None:
    """Starts TensorBoard on a free port of this machine alone, prints the address, and returns after Ctrl-C or SIGTERM.

    Raises:
        ScratchpadError: ``logdir`` is not a folder.
    """
    if not logdir.is_dir():
        raise ScratchpadError(f"{logdir} is not a folder: write logs there first, e.g. `visualscratchpad demo --logdir {logdir}`.")
    board = program.TensorBoard()
    board.configure(argv=["tensorboard", "--logdir", str(logdir), "--host", "localhost", "--port", "0"])
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    print(f"TensorBoard shows {logdir} at {board.launch()}#visualscratchpad (Ctrl-C ends it)", flush=True)
    ended.wait()


if __name__ == "__main__":
    try:
        serve(Path(sys.argv[1]))
    except ScratchpadError as error:
        sys.exit(str(error))
