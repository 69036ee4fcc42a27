"""Finds the worker, forwards to it, streams back.

On this machine a worker is found through the log directory (see ``wire/worker_files.py``). One on another machine is reached
through a tunnel that ends here: ``VISUALSCRATCHPAD_WORKER`` is ``localhost:port`` and ``VISUALSCRATCHPAD_WORKER_TOKEN_FILE`` a
copy of the worker's private file. Neither may be a flag, since TensorBoard tells everybody its flags.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.host_names import is_loopback, normal_host, port_of
from tb_visualscratchpad.wire.worker_files import entries, live_secret, live_workers, secret_from_file, works_for

WORKER_VARIABLE = "VISUALSCRATCHPAD_WORKER"
TOKEN_FILE_VARIABLE = "VISUALSCRATCHPAD_WORKER_TOKEN_FILE"

STATUS_SECONDS = 5.0
ANSWER_SECONDS = 120.0
"""For a large picture to be sent and decoded."""
SILENCE_SECONDS = 30.0
"""A worker that follows a job says something every five seconds."""
_MAX_ANSWER = 4 << 20
_MAX_LINE = 16 << 20
_MALFORMED = (OSError, http.client.HTTPException, ValueError)


class NoWorker(ScratchpadError):
    """There is no worker to ask."""


class WorkerUnreachable(ScratchpadError):
    """There is a worker, but it does not answer."""


@dataclass(frozen=True)
class WorkerAddress:
    """Where a worker listens on this machine, and what lets one in."""

    host: str
    port: int
    secret: str

    def __repr__(self) -> str:
        return f"WorkerAddress({self.host}:{self.port})"


@dataclass(frozen=True)
class WorkerAnswer:
    """What the worker said to one request: HTTP status and a JSON object."""

    status: int
    content: Mapping[str, Any]


class WorkerClient:
    """Talks to the worker of a log directory. Holds nothing between requests, so workers may come and go.

    Args:
        logdir: TensorBoard's; None or empty where there is no single one.
        environment: where the variables are looked up, the process's by default.
    """

    def __init__(self, logdir: str | None, environment: Mapping[str, str] | None = None) -> None:
        # Made absolute at once: somebody may change the working directory later.
        self._logdir = Path(os.path.abspath(os.path.expanduser(logdir))) if logdir and "://" not in logdir else None
        self._environment = os.environ if environment is None else environment

    def find(self) -> WorkerAddress:
        """The worker that would be asked now.

        Raises:
            NoWorker: there is none; with what to do about it.
        """
        if self._environment.get(WORKER_VARIABLE):
            return self._remote(self._environment[WORKER_VARIABLE])
        if self._logdir is None:
            raise NoWorker(f"TensorBoard was started without a local --logdir, so no worker can be found: use --logdir, or set {WORKER_VARIABLE}.")
        found = entries(self._logdir)
        for _, entry in found:
            secret = live_secret(entry.worker_id, self._environment)
            if secret is not None and works_for(secret, self._logdir):
                return WorkerAddress("127.0.0.1", secret.port, secret.secret)
        command = f"visualscratchpad worker --vlm ... --sae ... --logdir {shlex.quote(str(self._logdir))}"
        others = sorted({secret.logdir for secret in live_workers(self._environment)})
        if others:
            raise NoWorker(
                f"No worker is running for this log directory; yours works for {' and '.join(others)}. Give TensorBoard that --logdir, or start another "
                f"worker: {command}"
            )
        advice = f"Start one: {command}"
        if found:
            raise NoWorker(
                "No worker is running for this log directory under your account on this machine: the one that is entered there has ended, or is "
                f"another user's, or another machine's. {advice}"
            )
        raise NoWorker(f"No worker is running for this log directory. {advice}")

    def status(self) -> Mapping[str, Any]:
        """What the worker tells of itself.

        Raises:
            NoWorker: there is none.
            WorkerUnreachable: it does not answer, or refuses.
        """
        answer = self._ask("GET", "/status", None, "", STATUS_SECONDS)
        wanted = {"id", "vlm_name", "sae_name", "dictionary_id", "device", "limits", "run", "busy", "n_waiting"}
        if answer.status != 200 or not wanted <= answer.content.keys():
            raise WorkerUnreachable("What listens at the worker's address is no worker of this version: start the worker again.")
        return answer.content

    def post(self, path: str, body: bytes, content_type: str) -> WorkerAnswer:
        """Forwards a request whole.

        Raises:
            NoWorker, WorkerUnreachable: see ``status``.
        """
        return self._ask("POST", path, body, content_type, ANSWER_SECONDS)

    def follow(self, body: bytes) -> WorkerAnswer | Iterator[bytes]:
        """The lines of a job's story as they come (NDJSON); a refusal as an answer.

        When the worker ends before the story does, a last ``failed`` says so. Where it only fell silent, or another worker has taken its place,
        the lines end without a last event: follow again.

        Raises:
            NoWorker, WorkerUnreachable: see ``status``.
        """
        connection, response = self._request("POST", "/jobs/follow", body, "application/json", SILENCE_SECONDS)
        if response.status != 200:
            return _whole(connection, response)
        return self._lines(connection, response)

    def _lines(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> Iterator[bytes]:
        n, ended = 0, False
        try:
            while True:
                line = response.readline(_MAX_LINE)
                if not line.endswith(b"\n"):
                    break
                read = json.loads(line)
                n, ended = int(read["n"]), read["event"] in ("result", "failed", "cancelled")
                yield line
        except (*_MALFORMED, KeyError, TypeError, RecursionError):
            pass  # said below, in the story itself: its status is sent already
        finally:
            connection.close()
        if not ended and not self._answers():
            sentence = "The worker ended before this job did: start it again, then run the job again. What was finished before is in the log."
            yield json.dumps({"n": n + 1, "event": "failed", "error": sentence}).encode() + b"\n"

    def _answers(self) -> bool:
        try:
            self.status()
        except (NoWorker, WorkerUnreachable):
            return False
        return True

    def _remote(self, text: str) -> WorkerAddress:
        host, port = normal_host(text), port_of(text)
        if host is None or port is None or not 1 <= port <= 65_535 or not is_loopback(host):
            raise NoWorker(
                f"{WORKER_VARIABLE} is {text[:100]!r}, expected localhost:port: a worker listens on its own machine alone, so bring its port here "
                "first (ssh -N -L port:localhost:port machine)."
            )
        path = self._environment.get(TOKEN_FILE_VARIABLE)
        if not path:
            raise NoWorker(f"{WORKER_VARIABLE} is set but {TOKEN_FILE_VARIABLE} is not: set it to a copy of the worker's private file.")
        try:
            return WorkerAddress(host, port, secret_from_file(Path(path).expanduser()))
        except ScratchpadError as error:
            raise NoWorker(str(error)) from error

    def _ask(self, method: str, path: str, body: bytes | None, content_type: str, seconds: float) -> WorkerAnswer:
        return _whole(*self._request(method, path, body, content_type, seconds))

    def _request(
        self, method: str, path: str, body: bytes | None, content_type: str, seconds: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        address = self.find()
        connection = http.client.HTTPConnection(address.host, address.port, timeout=seconds)
        headers = {"Authorization": f"Bearer {address.secret}", "Host": f"localhost:{address.port}"}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            # A worker that refuses a body says so without reading it.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, headers)
            response = connection.getresponse()
        except _MALFORMED as error:
            connection.close()
            raise _unreachable(error) from error
        if response.status == 401:
            connection.close()
            raise WorkerUnreachable("The worker refuses this TensorBoard's secret: it was started anew, copy its private file again.")
        return connection, response


def _whole(connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> WorkerAnswer:
    try:
        content = response.read(_MAX_ANSWER + 1)
        if len(content) > _MAX_ANSWER:
            raise ValueError(f"more than {_MAX_ANSWER:,} bytes")
        read = json.loads(content)
        if not isinstance(read, dict):
            raise ValueError("no object")
    except (*_MALFORMED, RecursionError) as error:
        raise _unreachable(error) from error
    finally:
        connection.close()
    return WorkerAnswer(response.status, read)


def _unreachable(error: BaseException) -> WorkerUnreachable:
    said = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
    return WorkerUnreachable(f"The worker does not answer ({said}): see what it says where it runs, or start it again.")
