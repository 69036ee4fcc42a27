"""The one way from a request to an answer: guard, arguments, errors as statuses, headers."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from werkzeug.wrappers import Request, Response

from tb_visualscratchpad.handlers.answers import Answer, json_bytes
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.request_guard import READING_METHODS, Guard
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence

_logger = logging.getLogger("tensorboard.visualscratchpad")


class Guarded(Protocol):
    """A resource whose endpoints stand behind a guard."""

    guard: Guard


Resource = TypeVar("Resource", bound=Guarded)
WsgiMethod = Callable[[Resource, dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def endpoint(handle: Callable[[Resource, Arguments], Answer]) -> WsgiMethod[Resource]:
    """Makes a WSGI application of a method that turns arguments into an answer.

    A ``ScratchpadError`` becomes JSON ``{"error": sentence}`` with status 400, 404 (``EvidenceNotFound``) or 422
    (``UnreadableEvidence``); what the guard refuses 403 or 405; any other exception is a defect, logged with its trace and
    answered with 500.
    """

    @functools.wraps(handle)
    def application(self: Resource, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        refused = self.guard.refusal(request.method, environ.get("HTTP_HOST"))
        if refused is not None:
            response = error_response(*refused)
        else:
            response = _respond(functools.partial(handle, self), request)
        return response(environ, start_response)

    return application


def _respond(handle: Callable[[Arguments], Answer], request: Request) -> Response:
    try:
        answer = handle(Arguments(request))
    except ScratchpadError as error:
        return error_response(status_of(error), str(error))
    except Exception as error:  # a defect: whoever uses the tab learns of it, and the log has the trace
        _logger.exception("%s failed", request.full_path)
        return error_response(500, f"The plugin failed ({type(error).__name__}): TensorBoard's log has the details, please report them.")
    response = Response(answer.body, content_type=answer.content_type)
    if answer.saved_as is not None:
        response.headers["Content-Disposition"] = f'attachment; filename="{answer.saved_as}"'
    if answer.cacheable:
        response.headers["Cache-Control"] = "private, no-cache"
    if answer.cacheable or answer.tagged:
        response.set_etag(hashlib.blake2b(answer.body, digest_size=16).hexdigest())
        response.make_conditional(request)
    return with_headers(response)


def status_of(error: ScratchpadError) -> int:
    """The HTTP status that a user's error is answered with."""
    if isinstance(error, EvidenceNotFound):
        return 404
    return 422 if isinstance(error, UnreadableEvidence) else 400


def error_response(status: int, sentence: str, methods: tuple[str, ...] = READING_METHODS) -> Response:
    """A refusal or failure as JSON; a 405 names the ``methods`` there are."""
    response = Response(json_bytes({"error": sentence}), status=status, content_type="application/json; charset=utf-8")
    if status == 405:
        response.headers["Allow"] = ", ".join(methods)
    return with_headers(response)


def with_headers(response: Response) -> Response:
    """The headers that every answer bears."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Pages of other origins may not even embed the pictures.
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response
