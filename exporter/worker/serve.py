"""The worker process: listens, registers, and does one job after the other until it is told to end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from werkzeug.serving import WSGIRequestHandler, make_server

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter, new_run_directory
from tb_visualscratchpad.exporter.job_progress import Cancelled
from tb_visualscratchpad.exporter.out_of_memory import is_out_of_memory
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.worker.job_queue import JobQueue, QueuedJob
from tb_visualscratchpad.exporter.worker.limits import WorkerLimits
from tb_visualscratchpad.exporter.worker.model_work import ModelWork
from tb_visualscratchpad.exporter.worker.registration import Registration
from tb_visualscratchpad.exporter.worker.uploaded_pictures import UploadedPictures
from tb_visualscratchpad.exporter.worker.web_application import WorkerApplication
from tb_visualscratchpad.wire.errors import ScratchpadError

HOST = "127.0.0.1"
RENEW_SECONDS = 5.0
_LOOK_SECONDS = 0.1
"""How soon the server hears that it shall end."""


def serve_worker(
    vlm: Vlm, sae: SparseAutoencoder, logdir: Path, *, hook: str | None = None, port: int = 0, keep_pictures: bool = True,
    limits: WorkerLimits = WorkerLimits(), stop: threading.Event | None = None,
) -> None:
    """Works until SIGINT, SIGTERM or ``stop``, then ends at the next token of the job in hand.

    Args:
        hook: as ``explain`` takes it.
        port: on 127.0.0.1; a free one for 0.
        keep_pictures: False leaves pixels out of what is logged.

    Raises:
        ScratchpadError: the SAE does not fit, the port is taken, or the log directory cannot be written.
    """
    dictionary = dictionary_info(vlm, sae, hook)
    stop = stop or threading.Event()
    queue, pictures = JobQueue(limits.queued_jobs), UploadedPictures(limits)
    with _run_directory(logdir) as directory, ScratchpadWriter(directory) as writer, _listening(port) as listener:
        work = ModelWork(
            vlm, sae, hook, logdir=logdir, run=directory.name, writer=writer, pictures=pictures, keep_pictures=keep_pictures,
            max_new_tokens=limits.new_tokens,
        )
        with Registration(logdir, listener.getsockname()[1], dictionary, os.environ) as registration:
            about = {
                "id": registration.entry.worker_id, "vlm_name": vlm.name, "sae_name": sae.name, "dictionary_id": dictionary.dictionary_id,
                "device": str(vlm.device), "limits": limits.as_json(), "run": directory.name,
            }
            application = WorkerApplication(registration.secret.secret, about, queue, pictures, limits, work.ready)
            server = make_server(HOST, 0, application, threaded=True, request_handler=_QuietHandler, fd=listener.fileno())
            thread = threading.Thread(target=server.serve_forever, args=(_LOOK_SECONDS,), name="worker's server", daemon=True)
            thread.start()
            _say(
                f"The worker for {logdir} is ready on {vlm.device} (port {server.port}). For a TensorBoard on another machine copy "
                f"{registration.private_file} there."
            )
            try:
                with _ending(stop, queue):
                    _work(queue, work, registration, stop)
            finally:
                queue.close()
                server.shutdown()
                server.server_close()


class _QuietHandler(WSGIRequestHandler):
    timeout = 60
    """Seconds that a connection may say nothing."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def _work(queue: JobQueue, work: ModelWork, registration: Registration, stop: threading.Event) -> None:
    while not stop.is_set():
        job = queue.take(RENEW_SECONDS)
        if job is not None:
            event, more = _outcome(work, job)
            queue.end(job, event, **more)
            _say(f"{job.kind}: {more.get('error', job.state)}")
        try:
            registration.renew()
        except ScratchpadError as error:  # there is no room just now: TensorBoard finds the worker again when there is
            _say(str(error))


def _outcome(work: ModelWork, job: QueuedJob) -> tuple[str, dict[str, Any]]:
    """The last event of a job. Whatever befalls it, the model stays."""
    try:
        job.check()
        assert job.job is not None
        return "result", work.do(job.job, job)
    except Cancelled:
        return "cancelled", {}
    except ScratchpadError as error:
        _let_go(work)  # perhaps there was too little memory
        return "failed", {"error": str(error)}
    except Exception as error:
        _let_go(work)
        if is_out_of_memory(error):
            return "failed", {"error": "The worker ran out of memory: use a smaller picture, fewer new tokens, or --dtype bfloat16."}
        # A defect: who asked learns of it, the output has the trace, the next job has its turn.
        traceback.print_exc()
        return "failed", {"error": f"The worker failed ({type(error).__name__}: {error}): its output has the details, please report them."}


def _let_go(work: ModelWork) -> None:
    """Frees what memory can be freed."""
    work.forget_pictures()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def _run_directory(logdir: Path) -> Iterator[Path]:
    """A run directory of the worker's own, which goes again where nothing was logged."""
    directory = new_run_directory(logdir, "worker")
    try:
        yield directory
    finally:
        if not any(directory.iterdir()):
            shutil.rmtree(directory)


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    if not 0 <= port <= 65_535:
        raise ScratchpadError(f"Port {port} is none: give --port a number up to 65535, or leave it out for a free one.")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        try:
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, port))
            listener.listen(64)
        except OSError as error:
            raise ScratchpadError(f"Port {port} cannot be used ({error.strerror or error}): choose another with --port, or leave it out for a free one.") from error
        yield listener


@contextmanager
def _ending(stop: threading.Event, queue: JobQueue) -> Iterator[None]:
    """SIGINT and SIGTERM call off what runs; a second SIGINT interrupts it. Only the main thread gets signals."""

    def end(number: int, frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    def call_off() -> None:
        stop.wait()
        queue.close()

    # In a handler, a lock that the interrupted thread holds could never be had; hence the thread.
    threading.Thread(target=call_off, name="worker's end", daemon=True).start()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
