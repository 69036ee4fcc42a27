"""A real worker with tiny random models, in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.vlm import load_vlm
from tb_visualscratchpad.exporter.worker.serve import serve_worker
from tb_visualscratchpad.wire.worker_files import entries
from tests.tiny_sae import save_tiny_sae
from tests.tiny_vlm import save_tiny_llava_next


@contextmanager
def tiny_worker(folder: Path) -> Iterator[Path]:
    """Its log directory, in ``folder``. Meanwhile the process, and those it starts, have a runtime directory of their own."""
    logdir, runtime, stop = folder / "logs", folder / "runtime", threading.Event()
    logdir.mkdir()
    runtime.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        vlm, sae = load_vlm(save_tiny_llava_next(folder / "vlm"), device="cpu"), load_sae(save_tiny_sae(folder / "sae"))
        worker = threading.Thread(target=serve_worker, args=(vlm, sae, logdir), kwargs={"stop": stop})
        worker.start()
        try:
            while worker.is_alive() and not entries(logdir):
                time.sleep(0.05)
            yield logdir
        finally:
            stop.set()
            worker.join(60)
