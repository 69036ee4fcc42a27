"""What the worker answers over HTTP: to whoever has its secret, on this machine, and is no web page.

TensorBoard's plugin is its only intended client; ``docs/worker.md`` says what goes between them.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from tb_visualscratchpad.exporter.worker.job_queue import JobQueue
from tb_visualscratchpad.exporter.worker.job_request import Job, parse_job
from tb_visualscratchpad.exporter.worker.limits import WorkerLimits
from tb_visualscratchpad.exporter.worker.uploaded_pictures import UploadedPictures
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.host_names import is_loopback, normal_host
from tb_visualscratchpad.wire.request_body import RefusedBody, close_for_reading, read_body

MAX_JSON = 1 << 20
BODY_SECONDS = 60.0
HEARTBEAT_SECONDS = 5.0

_logger = logging.getLogger("visualscratchpad.worker")


class WorkerApplication:
    """A WSGI application.

    Args:
        secret: that every request must bear.
        about: what ``/status`` tells beside the state.
        ready: checks a job and takes its picture in hand; raises ScratchpadError where something is wrong with it.
    """

    def __init__(
        self, secret: str, about: Mapping[str, Any], queue: JobQueue, pictures: UploadedPictures, limits: WorkerLimits,
        ready: Callable[[Job], Job],
    ) -> None:
        self._bearer = f"Bearer {secret}".encode()
        self._about = about
        self._queue = queue
        self._pictures = pictures
        self._limits = limits
        self._ready = ready
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/status"): self._status,
            ("POST", "/jobs/start"): self._start,
            ("POST", "/jobs/follow"): self._follow,
            ("POST", "/jobs/cancel"): self._cancel,
            ("POST", "/jobs/list"): self._list,
            ("POST", "/jobs/picture"): self._picture,
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = self._answer(environ)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response(environ, start_response)

    def _answer(self, environ: dict[str, Any]) -> Response:
        refused = self._refusal(environ)
        if refused is not None:
            close_for_reading(environ)
            return _error(*refused)
        request = Request(environ)
        handle = self._routes.get((request.method, request.path))
        if handle is None:
            close_for_reading(environ)
            return _error(404, f"There is no {request.method} {request.path[:80]!r} here.")
        try:
            return handle(request)
        except RefusedBody as error:
            return _error(error.status, str(error))
        except ScratchpadError as error:
            return _error(404 if isinstance(error, EvidenceNotFound) else 422 if isinstance(error, UnreadableEvidence) else 400, str(error))
        except Exception as error:  # a defect: whoever asked learns of it, and the output has the trace
            _logger.exception("%s failed", request.path)
            return _error(500, f"The worker failed ({type(error).__name__}): its output has the details, please report them.")

    def _refusal(self, environ: Mapping[str, Any]) -> tuple[int, str] | None:
        host = normal_host(environ.get("HTTP_HOST", ""))
        if host is None or not is_loopback(host):
            return 403, "The worker answers under this machine's loopback names alone."
        # Browsers say where a page comes from; no page is meant to talk to the worker, whatever it knows.
        if "HTTP_ORIGIN" in environ or "HTTP_SEC_FETCH_SITE" in environ:
            return 403, "The worker does not answer web pages: ask through TensorBoard."
        given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, self._bearer):
            return 401, "The worker's secret is missing or wrong."
        return None

    def _status(self, request: Request) -> Response:
        return _json({**self._about, "busy": self._queue.is_busy, "n_waiting": self._queue.n_waiting})

    def _start(self, request: Request) -> Response:
        read = _read_json(request)
        job = self._ready(parse_job(read, self._limits))
        job_id, position = self._queue.add(job, read["kind"])
        return _json({"job_id": job_id, "position": position})

    def _follow(self, request: Request) -> Response:
        read = _fields(_read_json(request), {"job_id"}, {"after"})
        after = read.get("after", 0)
        if not isinstance(after, int) or isinstance(after, bool) or after < 0:
            raise ScratchpadError(f"after is {after!r}, expected the number of the last event that came, or 0.")
        events = self._queue.follow(_job_id(read), after, HEARTBEAT_SECONDS)
        return Response(_lines(events), content_type="application/x-ndjson")

    def _cancel(self, request: Request) -> Response:
        job = self._queue.cancel(_job_id(_fields(_read_json(request), {"job_id"}, set())))
        return _json({"job_id": job.job_id, "state": job.state})

    def _list(self, request: Request) -> Response:
        _fields(_read_json(request), set(), set())
        return _json({"jobs": self._queue.list()})

    def _picture(self, request: Request) -> Response:
        content = read_body(request.environ, self._limits.picture_bytes, BODY_SECONDS)
        picture_id, width, height = self._pictures.add(content)
        return _json({"picture_id": picture_id, "width": width, "height": height})


def _read_json(request: Request) -> Any:
    content = read_body(request.environ, MAX_JSON, BODY_SECONDS)
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ScratchpadError(f"The request is no JSON ({error}): send an object.") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _fields(read: Any, required: set[str], optional: set[str]) -> dict[str, Any]:
    if not isinstance(read, dict) or not required <= read.keys() <= required | optional:
        raise ScratchpadError(f"Expected is an object with {', '.join(sorted(required | optional)) or 'no keys'}.")
    return read


def _job_id(read: dict[str, Any]) -> str:
    if not isinstance(read["job_id"], str):
        raise ScratchpadError("job_id must be a text, as jobs/start gave it.")
    return read["job_id"]


def _lines(events: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    for event in events:
        yield _dumped(event) + b"\n"


def _json(content: Mapping[str, Any]) -> Response:
    return Response(_dumped(content), content_type="application/json; charset=utf-8")


def _error(status: int, sentence: str) -> Response:
    return Response(_dumped({"error": sentence}), status=status, content_type="application/json; charset=utf-8")


def _dumped(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
