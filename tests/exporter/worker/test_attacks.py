"""Who is not the tab, and who is not TensorBoard, gets nowhere: at the plugin's endpoints, and at the worker itself."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tb_visualscratchpad.handlers import action_endpoint
from tb_visualscratchpad.wire import worker_files
from tb_visualscratchpad.wire.worker_files import (
    ENTRIES_FOLDER,
    WorkerEntry,
    boot_id,
    entries,
    make_private_folder,
    write_record,
)
from tests.exporter.worker.conftest import Served, png, secret_of, serving
from tests.worker_requests import DATA, TabRequests, tab_headers

ROUTES = ("jobs/start", "jobs/follow", "jobs/cancel", "jobs/list", "jobs/picture")


def refused(tab: TabRequests, route: str, body: bytes, headers: dict[str, str], method: str = "POST") -> tuple[int, str]:
    response = tab.send(method, route, body, headers)
    return response.status, json.loads(response.read() or b"{}").get("error", "")


def test_a_form_of_another_site(worker: None, tab: TabRequests) -> None:
    for route, content_type in itertools.product(ROUTES, ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain")):
        headers = {"Origin": "http://evil.example", "Content-Type": content_type, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        status, said = refused(tab, route, b'{"kind": "run"}', headers)
        assert status == 403 and "http://evil.example" in said


def test_a_no_cors_fetch_and_a_preflight(worker: None, tab: TabRequests) -> None:
    headers = {"Origin": "http://evil.example", "Content-Type": "text/plain;charset=UTF-8", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-visualscratchpad"}
    for route in ROUTES:
        assert refused(tab, route, b"{}", headers)[0] == 403
        response = tab.send("OPTIONS", route, None, asked)
        assert response.status == 405 and not [name for name, _ in response.getheaders() if name.lower().startswith("access-control")]


def test_a_name_bound_to_this_machine(worker: None, served: Served) -> None:
    """DNS rebinding: to the browser the page and TensorBoard are one site, so everything fits but the name itself."""
    host = f"evil.example:{served.address.split(':')[2].strip('/')}"
    headers = tab_headers(f"http://{host}") | {"Host": host}
    for route in (*ROUTES, "worker"):
        status, said = refused(served.tab, route, b"{}", headers, "GET" if route == "worker" else "POST")
        assert status == 403 and "evil.example" in said


def test_nothing_of_all_that_reached_the_worker(worker: None, tab: TabRequests) -> None:
    job = json.dumps({"kind": "run", "picture": {"picture_id": tab.picture(png())}, "prompt": "w1", "max_new_tokens": 1}).encode()
    good = tab_headers(f"http://{tab._host}")
    for change in (
        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": f"https://{tab._host}"}, {"Host": "evil.example"},
        {"X-Visualscratchpad": "0"}, {"Content-Type": "text/plain"}, {"Sec-Fetch-Site": "same-site"},
    ):
        assert refused(tab, "jobs/start", job, good | change)[0] in (403, 415)
    assert tab.post("jobs/list", {})[1]["jobs"] == []
    assert refused(tab, "jobs/start", job, good)[0] == 200
    assert len(tab.post("jobs/list", {})[1]["jobs"]) == 1


def test_oversize_bodies(worker: None, tab: TabRequests) -> None:
    for route in ROUTES:
        content_type = "image/png" if route == "jobs/picture" else "application/json"
        headers = tab_headers(f"http://{tab._host}", content_type) | {"Content-Length": str(1 << 40)}
        status, said = refused(tab, route, b"{}", headers)
        assert status == 413 and "are taken" in said


def test_slow_bodies(worker: None, tab: TabRequests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(action_endpoint, "BODY_SECONDS", 0.3)
    host, _, port = tab._host.partition(":")
    head = "".join(f"{name}: {value}\r\n" for name, value in tab_headers(f"http://{tab._host}").items())
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"POST {DATA}/jobs/list HTTP/1.1\r\nHost: {tab._host}\r\nContent-Length: 900\r\n{head}\r\n{{".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
    assert tab.post("jobs/list", {})[0] == 200


RUBBISH = (b"", b"[]", b"null", b"{", b"\xff\xfe{}", b"[" * 100_000, b'{"job_id": NaN}', b'{"job_id": 1}', b'{"a": 1}')


def test_bodies_of_rubbish_are_a_sentence(worker: None, tab: TabRequests) -> None:
    for route, body in itertools.product(("jobs/start", "jobs/follow", "jobs/cancel", "jobs/list"), RUBBISH):
        status, said = refused(tab, route, body, tab_headers(f"http://{tab._host}"))
        assert status == 400 and said.endswith("."), (route, body)
    for after in (-1, True, 1.5, "1", None):
        assert tab.post("jobs/follow", {"job_id": "x", "after": after})[0] == 400


@contextmanager
def asking(port: int, secret: str | None, **headers: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    bearer = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    connection.request("GET", "/status", headers=bearer | headers)
    yield connection.getresponse()
    connection.close()


def test_a_wrong_secret_gets_nothing_from_the_worker(worker: None, logdir: Path, private: Path) -> None:
    right = secret_of(logdir, private)
    for wrong in (None, "", "x" * 64, right.secret[:-1], right.secret + "0", right.secret.upper()):
        with asking(right.port, wrong) as response:
            assert response.status == 401 and json.loads(response.read()).keys() == {"error"}
    with asking(right.port, right.secret) as response:
        assert response.status == 200


def test_the_worker_answers_no_page_and_no_other_name(worker: None, logdir: Path, private: Path) -> None:
    right = secret_of(logdir, private)
    for headers in ({"Origin": "http://localhost:6006"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}, {"Host": f"10.0.0.1:{right.port}"}):
        with asking(right.port, right.secret, **headers) as response:
            assert response.status == 403


def test_the_worker_listens_on_loopback_alone(worker: None, logdir: Path, private: Path) -> None:
    address = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), 'little'):08X}:{secret_of(logdir, private).port:04X}"
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[3] == "0A"]
    assert address in listening
    assert not [other for other in listening if other.endswith(address[8:]) and other != address]


def test_the_secret_is_nowhere_but_in_its_file(worker: None, tab: TabRequests, logdir: Path, private: Path, tmp_path: Path) -> None:
    secret = secret_of(logdir, private).secret
    tab.outcome(tab.start({"kind": "run", "picture": {"picture_id": tab.picture(png())}, "prompt": "w1", "max_new_tokens": 1}))
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert [path.parent for path in holding] == [private]
    told = [tab.send("GET", route, None, {}).read() for route in ("worker", "listing")]
    environment = http.client.HTTPConnection(tab._host)
    environment.request("GET", "/data/environment")
    assert all(secret.encode() not in text for text in (*told, environment.getresponse().read()))


class Trap(HTTPServer):
    """Another user's server, which would like to be told a secret."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        super().__init__(("127.0.0.1", 0), _Listening)


class _Listening(BaseHTTPRequestHandler):
    server: Trap

    def do_GET(self) -> None:
        self.server.heard.append(f"{self.path} {self.headers}")
        self.send_error(500)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def trap() -> Iterator[Trap]:
    server = Trap()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def forge(logdir: Path, worker_id: str, port: int) -> Path:
    path = logdir / ENTRIES_FOLDER / f"{worker_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = WorkerEntry(worker_id, socket.gethostname(), boot_id(), os.getpid(), port, "d", "<script>", "sae", 9e9)
    os.close(write_record(path, entry, private=False))
    return path


def test_a_worker_of_another_user_is_not_asked(logdir: Path, tab: TabRequests, trap: Trap, private: Path) -> None:
    forge(logdir, "theirs", trap.server_port)
    state = tab.worker()
    assert state["state"] == "none" and "another user's" in state["sentence"] and state["worker"] is None
    assert tab.post("jobs/list", {})[0] == 503 and trap.heard == []


def test_a_forged_entry_does_not_lead_astray(worker: None, logdir: Path, tab: TabRequests, trap: Trap) -> None:
    """Newer than the real one, under its name or another, it points elsewhere: port and secret come from the private file."""
    ((real, _),) = entries(logdir)
    forge(logdir, "theirs", trap.server_port)
    forge(logdir, real.stem, trap.server_port)
    assert tab.worker()["state"] == "ready" and tab.post("jobs/list", {})[0] == 200
    assert trap.heard == []


def test_an_entry_copied_to_another_log_directory_leads_nowhere(worker: None, logdir: Path, tmp_path: Path, served: Served) -> None:
    ((real, _),) = entries(logdir)
    other = tmp_path / "other" / ENTRIES_FOLDER
    other.mkdir(parents=True)
    (other / real.name).write_bytes(real.read_bytes())
    with serving(tmp_path / "other") as elsewhere:
        state = elsewhere.tab.worker()
        assert state["state"] == "none" and f"yours works for {logdir}" in state["sentence"]


def test_a_port_taken_over_from_a_dead_worker_hears_no_secret(logdir: Path, tab: TabRequests, trap: Trap, private: Path) -> None:
    """The worker was killed and left everything behind; somebody listens on its port now."""
    forge(logdir, "dead", trap.server_port)
    folder = make_private_folder({"XDG_RUNTIME_DIR": str(private.parent)})
    secret = worker_files.WorkerSecret("dead", boot_id(), os.path.realpath(logdir), trap.server_port, "s" * 64)
    os.close(write_record(folder / "dead.json", secret, private=True))
    assert tab.worker()["state"] == "none" and tab.post("jobs/list", {})[0] == 503
    assert trap.heard == []


def test_a_worker_that_answers_nonsense_is_unreachable(logdir: Path, tab: TabRequests, trap: Trap, private: Path) -> None:
    forge(logdir, "mine", trap.server_port)
    folder = make_private_folder({"XDG_RUNTIME_DIR": str(private.parent)})
    secret = worker_files.WorkerSecret("mine", boot_id(), os.path.realpath(logdir), trap.server_port, "s" * 64)
    descriptor = write_record(folder / "mine.json", secret, private=True)
    try:
        state = tab.worker()
        assert state["state"] == "unreachable" and "start it again" in state["sentence"]
        assert tab.post("jobs/list", {})[0] == 503
        os.close(descriptor)
        descriptor = write_record(folder / "mine.json", replace(secret, port=9), private=True)
        state = tab.worker()
        assert state["state"] == "unreachable" and "does not answer" in state["sentence"]
    finally:
        os.close(descriptor)
