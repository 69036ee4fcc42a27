"""Pages of other origins in a real browser: they can make it send requests to TensorBoard, and nothing comes of them."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.end_to_end.served_log import tensorboard
from tests.tiny_worker import tiny_worker
from tests.watched_browser import ARGUMENTS
from tests.worker_requests import DATA, TabRequests

REBOUND = "rebound.example"


@dataclass(frozen=True)
class Victim:
    """A TensorBoard with a worker, and a job that would run if anybody could start it."""

    address: str
    tab: TabRequests
    job: str

    @property
    def jobs(self) -> list[dict]:
        return self.tab.post("jobs/list", {})[1]["jobs"]


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    with tiny_worker(tmp_path_factory.mktemp("victim")) as logdir, tensorboard(logdir) as address:
        tab = TabRequests(address)
        picture = io.BytesIO()
        Image.fromarray(np.zeros((40, 40, 3), dtype=np.uint8)).save(picture, format="PNG")
        job = {"kind": "run", "picture": {"picture_id": tab.picture(picture.getvalue())}, "prompt": "w1", "max_new_tokens": 2}
        yield Victim(address, tab, json.dumps(job))


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """The address of a page on another port of this machine: another origin, though the same site."""

    class Blank(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><body></body>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Blank)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def statuses(page: Page, route: str) -> list[tuple[str, int]]:
    """Method and status of every answer from a route, as they come."""
    found: list[tuple[str, int]] = []
    page.on("response", lambda response: found.append((response.request.method, response.status)) if route in response.url else None)
    return found


def test_the_tabs_own_page_can_start_a_job(victim: Victim, page: Page) -> None:
    """So that the refusals below are not for a fault of the requests."""
    page.goto(f"{victim.address}data/plugin_entry.html?name=visualscratchpad")
    told = page.evaluate(
        """async (job) => {
          const response = await fetch('jobs/start', {
            method: 'POST', body: job, headers: {'Content-Type': 'application/json', 'X-Visualscratchpad': '1'}});
          const {job_id} = await response.json();
          const story = await fetch('jobs/follow', {
            method: 'POST', body: JSON.stringify({job_id}), headers: {'Content-Type': 'application/json', 'X-Visualscratchpad': '1'}});
          return [response.status, (await story.text()).trim().split('\\n').map((line) => JSON.parse(line).event)];
        }""",
        victim.job,
    )
    assert told[0] == 200 and told[1][0] == "queued" and told[1][-1] == "result"


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_a_form(victim: Victim, elsewhere: str, page: Page, encoding: str) -> None:
    before, found = victim.jobs, statuses(page, "jobs/start")
    page.goto(elsewhere)
    # In text/plain the browser writes name=value: split at the right place, that is JSON.
    name, _, value = victim.job.replace('"prompt": "w1"', '"prompt": "w1=w2"').partition("=")
    with page.expect_navigation():
        page.evaluate(
            """([address, encoding, name, value]) => {
              const form = document.createElement('form');
              Object.assign(form, {method: 'POST', action: address, enctype: encoding});
              const field = document.createElement('input');
              Object.assign(field, {type: 'hidden', name, value});
              form.append(field);
              document.body.append(form);
              form.submit();
            }""",
            [f"{victim.address}{DATA[1:]}/jobs/start", encoding, name, value],
        )
    assert found == [("POST", 403)] and "not from this TensorBoard" in page.inner_text("body")
    assert victim.jobs == before


SIMPLE_REQUESTS = {
    "no-cors fetch": "fetch(address, {method: 'POST', mode: 'no-cors', body: job}).then((r) => r.type)",
    "no-cors fetch with cookies": "fetch(address, {method: 'POST', mode: 'no-cors', credentials: 'include', body: job}).then((r) => r.type)",
    "no-cors fetch of a JSON blob": "fetch(address, {method: 'POST', mode: 'no-cors', body: new Blob([job], {type: 'application/json'})}).then((r) => r.type)",
    "plain request": "new Promise((done) => { const r = new XMLHttpRequest(); r.onloadend = () => done(r.status); r.open('POST', address); r.send(job); })",
    "beacon": "new Promise((done) => done(navigator.sendBeacon(address, job)))",
}


@pytest.mark.parametrize("script", SIMPLE_REQUESTS.values(), ids=SIMPLE_REQUESTS.keys())
def test_a_request_that_needs_no_leave(victim: Victim, elsewhere: str, page: Page, script: str) -> None:
    before, failed = victim.jobs, []
    page.on("requestfailed", lambda request: failed.append((request.method, request.failure)))
    page.goto(elsewhere)
    page.evaluate(f"([address, job]) => ({script}).catch(String)", [f"{victim.address}{DATA[1:]}/jobs/start", victim.job])
    for _ in range(50):
        if failed:
            break
        page.wait_for_timeout(100)
    # It was sent; the browser keeps even the refusal from the page.
    expected = "net::ERR_FAILED" if "XMLHttpRequest" in script else "net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin"
    assert failed == [("POST", expected)] and victim.jobs == before


@pytest.mark.parametrize("headers", [{"X-Visualscratchpad": "1"}, {"Content-Type": "application/json"}, {"X-Visualscratchpad": "1", "Content-Type": "application/json"}])
def test_a_request_that_needs_leave_is_not_even_sent(victim: Victim, elsewhere: str, page: Page, headers: dict[str, str]) -> None:
    before, found = victim.jobs, statuses(page, "jobs/start")
    page.goto(elsewhere)
    told = page.evaluate(
        "([address, job, headers]) => fetch(address, {method: 'POST', body: job, headers}).then((r) => r.status).catch(String)",
        [f"{victim.address}{DATA[1:]}/jobs/start", victim.job, headers],
    )
    assert "Failed to fetch" in told and ("POST", 200) not in found and victim.jobs == before


def test_nothing_can_be_read_from_elsewhere(victim: Victim, elsewhere: str, page: Page) -> None:
    page.goto(elsewhere)
    for route in ("worker", "listing"):
        told = page.evaluate("(address) => fetch(address).then((r) => r.text()).catch(String)", f"{victim.address}{DATA[1:]}/{route}")
        assert "Failed to fetch" in told


def test_a_name_that_is_bound_to_this_machine(victim: Victim, browser: Browser, chromium: Path) -> None:
    """DNS rebinding: the page's own name leads to TensorBoard, so the browser lets the page do and read everything there."""
    rules = f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"
    rebound = browser.browser_type.launch(executable_path=str(chromium), args=[*ARGUMENTS, rules])
    try:
        page = rebound.new_page()
        before = victim.jobs
        page.goto(victim.address.replace("127.0.0.1", REBOUND) + "data/plugin_entry.html?name=visualscratchpad")
        assert REBOUND in page.evaluate("location.origin")
        for route, method in (("worker", "GET"), ("listing", "GET"), ("jobs/start", "POST"), ("jobs/list", "POST"), ("jobs/picture", "POST")):
            told = page.evaluate(
                """async ([route, method, job]) => {
                  const headers = {'Content-Type': 'application/json', 'X-Visualscratchpad': '1'};
                  const response = await fetch(route, method === 'GET' ? {} : {method, headers, body: job});
                  return [response.status, await response.text()];
                }""",
                [route, method, victim.job],
            )
            assert told[0] == 403 and REBOUND in told[1]
        assert victim.jobs == before
    finally:
        rebound.close()
