"""The body of an HTTP request, within a size and a time: TensorBoard's server sets neither."""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

_CHUNK = 1 << 16


class RefusedBody(Exception):
    """A body that is not read. ``status`` is HTTP's, the message a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def read_body(environ: Mapping[str, Any], max_bytes: int, seconds: float) -> bytes:
    """All of a request's body.

    Nothing is read of a body that says it is too long. Each refusal also closes the connection for reading, so that the
    server does not wait for the rest.

    Args:
        environ: WSGI's; with ``werkzeug.socket`` the time holds for a client that sends nothing or drop by drop, too.
        seconds: in all.

    Raises:
        RefusedBody: no length (411), a wrong one (400), too long (413), too slow (408), or ended too soon (400).
    """
    connection: socket.socket | None = environ.get("werkzeug.socket")
    try:
        length = _length(environ, max_bytes)
        return _read(environ["wsgi.input"], length, seconds, connection)
    except RefusedBody:
        close_for_reading(environ)
        raise


def close_for_reading(environ: Mapping[str, Any]) -> None:
    """Let nothing more come in on a request's connection. The answer still goes out."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        with contextlib.suppress(OSError):  # gone already
            connection.settimeout(5)
            connection.shutdown(socket.SHUT_RD)


def _length(environ: Mapping[str, Any], max_bytes: int) -> int:
    text = environ.get("CONTENT_LENGTH", "")
    if environ.get("HTTP_TRANSFER_ENCODING") or not text:
        raise RefusedBody(411, "The request says no Content-Length: send the body whole, with its length.")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise RefusedBody(400, f"Content-Length {text[:40]!r} was given, expected is a number of bytes.")
    if int(text) > max_bytes:
        raise RefusedBody(413, f"The request has {int(text):,} bytes, at most {max_bytes:,} are taken: send less.")
    return int(text)


def _read(stream: Any, length: int, seconds: float, connection: socket.socket | None) -> bytes:
    deadline = time.monotonic() + seconds
    # `read` waits for all that it was asked for; `read1` returns what there is, so that the clock can be looked at.
    read = getattr(stream, "read1", stream.read)
    parts: list[bytes] = []
    left = length
    before = None if connection is None else connection.gettimeout()
    try:
        if connection is not None:
            connection.setblocking(False)
        while left:
            part = read(min(left, _CHUNK)) or _next_arrival(read, min(left, _CHUNK), connection, deadline)
            if not part:
                raise RefusedBody(400, f"The request ended after {length - left:,} of {length:,} bytes: send it again.")
            if time.monotonic() > deadline:
                raise TimeoutError
            parts.append(part)
            left -= len(part)
    except TimeoutError:
        raise RefusedBody(408, f"The request's body did not come within {seconds:g} seconds: send it again.") from None
    except OSError as error:
        raise RefusedBody(400, f"The request's body could not be read ({error}): send it again.") from error
    finally:
        if connection is not None:
            connection.settimeout(before)
    return b"".join(parts)


def _next_arrival(read: Callable[[int], bytes], n_bytes: int, connection: socket.socket | None, deadline: float) -> bytes:
    """What comes next, nothing at the end. Raises TimeoutError. A socket's own timeout would leave its stream unusable."""
    if connection is None:
        return b""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            raise TimeoutError
    return read(n_bytes)
