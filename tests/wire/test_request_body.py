"""Bodies that are too long, too slow, or lie about their length, sent to a real server."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from tb_visualscratchpad.wire.request_body import RefusedBody, close_for_reading, read_body

LARGEST = 100_000
SECONDS = 0.5


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    try:
        if environ["PATH_INFO"] == "/refuse":
            close_for_reading(environ)
            return Response("refused", status=403)(environ, start_response)
        body = read_body(environ, LARGEST, SECONDS)
    except RefusedBody as error:
        return Response(str(error), status=error.status)(environ, start_response)
    return Response(f"{len(body)} {sum(body) % 251}")(environ, start_response)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def connection(port: int, head: str, path: str = "/") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as one:
        one.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode())
        yield one


def answer(one: socket.socket) -> tuple[int, str]:
    said = b""
    while part := one.recv(65_536):
        said += part
    return int(said.split(b" ")[1]), said.split(b"\r\n\r\n")[1].decode()


@pytest.mark.parametrize("length", [0, 1, LARGEST])
def test_a_body_within_bounds_is_read_whole(port: int, length: int) -> None:
    body = bytes(n % 256 for n in range(length))
    with connection(port, f"Content-Length: {length}") as one:
        one.sendall(body)
        assert answer(one) == (200, f"{length} {sum(body) % 251}")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"Content-Length: {LARGEST + 1}", 413),
        ("Content-Length: 999999999999999999", 413),
        ("Content-Length: 9" + "9" * 50, 400),
        ("Content-Length: -1", 400),
        ("Content-Length: 1_0", 400),
        ("X-Nothing: 1", 411),
        ("Transfer-Encoding: chunked", 411),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 411),
    ],
)
def test_what_its_head_condemns_is_not_read(port: int, head: str, status: int) -> None:
    with connection(port, head) as one:
        assert answer(one)[0] == status


def test_an_oversize_body_that_is_sent_all_the_same(port: int) -> None:
    with connection(port, f"Content-Length: {50 << 20}") as one:
        one.sendall(bytes(1 << 16))
        assert answer(one)[0] == 413


def test_a_body_that_never_comes(port: int) -> None:
    with connection(port, "Content-Length: 5") as one:
        assert answer(one)[0] == 408


def test_a_body_drop_by_drop_does_not_hold_the_thread(port: int) -> None:
    """Each drop comes well within the time, all of them would take a quarter of an hour."""
    threads = threading.active_count()
    dripping = threading.Event()
    with connection(port, "Content-Length: 10000") as one:

        def drip() -> None:
            while not dripping.wait(0.05):
                try:
                    one.sendall(b"x")
                except OSError:
                    return

        dripper = threading.Thread(target=drip)
        dripper.start()
        try:
            status, said = answer(one)
        except ConnectionResetError:  # a drop met the closed connection before the answer was read
            status, said = 408, "within"
        finally:
            dripping.set()
            dripper.join()
    assert status == 408 and "within" in said
    for _ in range(100):
        if threading.active_count() <= threads:
            return
        time.sleep(0.1)
    raise AssertionError("the server still reads")


@pytest.mark.parametrize("path", ["/", "/refuse"])
def test_refused_requests_hold_no_thread_either(port: int, path: str) -> None:
    threads = threading.active_count()
    with connection(port, f"Content-Length: {LARGEST + 1}", path) as one:
        one.sendall(b"x")  # more is promised and does not come; the server would wait for it
        answer(one)
        for _ in range(100):
            if threading.active_count() <= threads:
                return
            time.sleep(0.1)
    raise AssertionError("the server still reads")


def test_a_body_cut_short(port: int) -> None:
    with connection(port, "Content-Length: 5") as one:
        one.sendall(b"abc")
        one.shutdown(socket.SHUT_WR)
        assert answer(one) == (400, "The request ended after 3 of 5 bytes: send it again.")


def test_without_a_socket() -> None:
    assert read_body({"CONTENT_LENGTH": "3", "wsgi.input": io.BytesIO(b"abcdef")}, 10, 1) == b"abc"
    with pytest.raises(RefusedBody):
        read_body({"CONTENT_LENGTH": "3", "wsgi.input": io.BytesIO(b"ab")}, 10, 1)
