"""A worker with tiny models in this process, and a plugin that finds it through a log directory."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend import application
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins import base_plugin
from werkzeug.serving import make_server

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.worker.limits import WorkerLimits
from tb_visualscratchpad.exporter.worker.registration import OnlyWorker
from tb_visualscratchpad.exporter.worker.serve import serve_worker
from tb_visualscratchpad.plugin import VisualScratchpadPlugin
from tb_visualscratchpad.wire.worker_files import WorkerSecret, entries, live_secret
from tests.data_providers import reading
from tests.worker_requests import TabRequests

LIMITS = WorkerLimits(picture_bytes=1 << 20, picture_pixels=1_000_000, pictures=2, new_tokens=600, queued_jobs=2)

RunningWorker = Callable[..., AbstractContextManager[None]]


def png(seed: int = 0, width: int = 60, height: int = 80) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of this test's own."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return runtime / "visualscratchpad"


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def running_worker(llava_next: Vlm, tiny_sae: SparseAutoencoder, logdir: Path, private: Path) -> RunningWorker:
    @contextmanager
    def running(**options: object) -> Iterator[None]:
        stop, failed = threading.Event(), []

        def serve() -> None:
            try:
                with OnlyWorker(logdir, {"XDG_RUNTIME_DIR": str(private.parent)}):
                    serve_worker(llava_next, tiny_sae, logdir, limits=LIMITS, stop=stop, **options)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=serve)
        before = {entry.worker_id for _, entry in entries(logdir)}
        thread.start()
        while not failed and not {entry.worker_id for _, entry in entries(logdir)} - before:
            time.sleep(0.02)
        try:
            if failed:
                raise failed[0]
            yield
        finally:
            stop.set()
            thread.join(60)
        assert not failed and not thread.is_alive()

    return running


@pytest.fixture
def worker(running_worker: RunningWorker) -> Iterator[None]:
    with running_worker():
        yield


@dataclass(frozen=True)
class Served:
    """TensorBoard's own application with the plugin, on a port of this machine."""

    address: str
    tab: TabRequests


@contextmanager
def serving(logdir: Path) -> Iterator[Served]:
    multiplexer = EventMultiplexer(tensor_size_guidance={"tensors": 0})
    provider = MultiplexerDataProvider(multiplexer, str(logdir))
    plugin = VisualScratchpadPlugin(base_plugin.TBContext(data_provider=provider, logdir=str(logdir), multiplexer=multiplexer, flags=None))
    server = make_server("127.0.0.1", 0, application.TensorBoardWSGI([plugin], data_provider=provider), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.port}/"
        yield Served(address, TabRequests(address))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def served(logdir: Path) -> Iterator[Served]:
    with serving(logdir) as one:
        yield one


@pytest.fixture
def tab(served: Served) -> TabRequests:
    return served.tab


@contextmanager
def stored(logdir: Path) -> Iterator[EventStore]:
    """The log directory as the plugin reads it."""
    with reading("python", logdir) as reader:
        yield EventStore(reader.context)


def secret_of(logdir: Path, private: Path) -> WorkerSecret:
    """Of the one worker there is."""
    ((_, entry),) = entries(logdir)
    found = live_secret(entry.worker_id, {"XDG_RUNTIME_DIR": str(private.parent)})
    assert found is not None
    return found
