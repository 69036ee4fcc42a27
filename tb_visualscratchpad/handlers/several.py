"""Several questions in one request.

TensorBoard closes the connection after every answer, and the browser draws what each answer changes. What one move of a slider
asks for goes and comes together.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from tb_visualscratchpad.handlers.answers import Answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire.errors import ScratchpadError

MAX_QUESTIONS = 8

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class SeveralHandlers:
    """Asks other endpoints and puts their answers together.

    Args:
        endpoints: what may be asked, by the name of its route.
    """

    def __init__(self, endpoints: Mapping[str, WsgiApplication], guard: RequestGuard) -> None:
        self._endpoints = endpoints
        self.guard = guard

    @endpoint
    def several(self, arguments: Arguments) -> Answer:
        """``several``: each part with the status that it would have had alone."""
        questions = arguments.texts("ask")
        if not 0 < len(questions) <= MAX_QUESTIONS:
            raise ScratchpadError(f"{len(questions)} questions were asked at once: add 'ask=...' for 1 to {MAX_QUESTIONS} of them.")
        parts = [self._ask(arguments.environ, question) for question in questions]
        return Answer(put_together(parts), "application/octet-stream")

    def _ask(self, environ: Mapping[str, Any], question: str) -> tuple[int, bytes]:
        name, _, query = question.partition("?")
        application = self._endpoints.get(name)
        if application is None:
            raise ScratchpadError(f"'{name}' cannot be asked together with others: choose from {', '.join(sorted(self._endpoints))}.")
        inner = {key: value for key, value in environ.items() if key != "werkzeug.request"}
        response = Response.from_app(application, {**inner, "QUERY_STRING": query}, buffered=True)
        return response.status_code, response.get_data()


def put_together(parts: list[tuple[int, bytes]]) -> bytes:
    """uint32 n, zero; n times uint32 status, uint32 length; then each body at a multiple of 8."""
    head = struct.pack("<II", len(parts), 0) + b"".join(struct.pack("<II", status, len(body)) for status, body in parts)
    return head + b"".join(body + bytes(-len(body) % 8) for _, body in parts)
