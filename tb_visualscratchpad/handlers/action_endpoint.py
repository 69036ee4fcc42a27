"""The one way from a request that does something to its answer: guard, body within bounds, errors as statuses, streams."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from werkzeug.wrappers import Response

from tb_visualscratchpad.action_guard import ActionGuard
from tb_visualscratchpad.handlers.answers import Answer, json_bytes
from tb_visualscratchpad.handlers.endpoint import error_response, status_of, with_headers
from tb_visualscratchpad.notes_store import NotesConflict, NotesNotWritable
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.request_body import RefusedBody, close_for_reading, read_body
from tb_visualscratchpad.worker_client import NoWorker, WorkerAnswer, WorkerUnreachable

BODY_SECONDS = 60.0
"""For a request's body, however slowly it comes."""

_logger = logging.getLogger("tensorboard.visualscratchpad")


class Acting(Protocol):
    """A resource whose actions stand behind a guard."""

    actions: ActionGuard


Resource = TypeVar("Resource", bound=Acting)
Outcome = Answer | WorkerAnswer | Iterator[bytes]
"""The plugin's own answer, or what the worker said: one answer, or lines of NDJSON as they come."""
WsgiMethod = Callable[[Resource, dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def action(max_bytes: int, *content_types: str) -> Callable[[Callable[[Resource, bytes, str], Outcome]], WsgiMethod[Resource]]:
    """Makes a WSGI application of a method that turns a body and its content type into an outcome.

    What the guard refuses is answered before anything of the body is read. A ``ScratchpadError`` becomes JSON ``{"error": sentence}``
    as in ``endpoint``, with 503 where no worker answers, 409 where something changed meanwhile, 507 where nothing can be written.
    """

    def decorate(handle: Callable[[Resource, bytes, str], Outcome]) -> WsgiMethod[Resource]:
        @functools.wraps(handle)
        def application(self: Resource, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            refused = self.actions.refusal(environ, content_types)
            if refused is not None:
                close_for_reading(environ)
                response = error_response(*refused, methods=("POST",))
            else:
                response = _respond(functools.partial(handle, self), environ, max_bytes)
            return response(environ, start_response)

        return application

    return decorate


def _respond(handle: Callable[[bytes, str], Outcome], environ: dict[str, Any], max_bytes: int) -> Response:
    try:
        outcome = handle(read_body(environ, max_bytes, BODY_SECONDS), environ["CONTENT_TYPE"])
    except RefusedBody as error:
        return error_response(error.status, str(error))
    except (NoWorker, WorkerUnreachable) as error:
        return error_response(503, str(error))
    except NotesConflict as error:
        return error_response(409, str(error))
    except NotesNotWritable as error:
        return error_response(507, str(error))
    except ScratchpadError as error:
        return error_response(status_of(error), str(error))
    except Exception as error:  # a defect: whoever uses the tab learns of it, and the log has the trace
        _logger.exception("%s failed", environ.get("PATH_INFO"))
        return error_response(500, f"The plugin failed ({type(error).__name__}): TensorBoard's log has the details, please report them.")
    if isinstance(outcome, Answer):
        return with_headers(Response(outcome.body, content_type=outcome.content_type))
    if isinstance(outcome, WorkerAnswer):
        return with_headers(Response(json_bytes(outcome.content), status=outcome.status, content_type="application/json; charset=utf-8"))
    response = Response(outcome, content_type="application/x-ndjson; charset=utf-8")
    # nginx would collect lines until it has a page of them.
    response.headers["X-Accel-Buffering"] = "no"
    return with_headers(response)
