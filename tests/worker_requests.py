"""Requests as the tab makes them, and as others might."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any

DATA = "/data/plugin/visualscratchpad"


def tab_headers(origin: str, content_type: str = "application/json") -> dict[str, str]:
    """What the tab sends from a page of this origin."""
    return {"Origin": origin, "X-Visualscratchpad": "1", "Content-Type": content_type, "Sec-Fetch-Site": "same-origin"}


class TabRequests:
    """The job endpoints of a plugin at an address, asked as the tab asks.

    Args:
        address: of TensorBoard, ending in a slash.
    """

    def __init__(self, address: str) -> None:
        self._host = address.removeprefix("http://").split("/")[0]

    def send(self, method: str, route: str, body: bytes | None, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._host, timeout=90)
        connection.request(method, f"{DATA}/{route}", body, dict(headers))
        return connection.getresponse()

    def post(self, route: str, content: object) -> tuple[int, dict[str, Any]]:
        response = self.send("POST", route, json.dumps(content).encode(), tab_headers(f"http://{self._host}"))
        return response.status, json.loads(response.read())

    def picture(self, content: bytes) -> str:
        response = self.send("POST", "jobs/picture", content, tab_headers(f"http://{self._host}", "image/png"))
        read = json.loads(response.read())
        assert response.status == 200, read
        return read["picture_id"]

    def worker(self) -> dict[str, Any]:
        return json.loads(self.send("GET", "worker", None, {}).read())

    def start(self, job: object) -> str:
        status, read = self.post("jobs/start", job)
        assert status == 200, read
        return read["job_id"]

    def follow(self, job_id: str, after: int = 0) -> Iterator[dict[str, Any]]:
        body = json.dumps({"job_id": job_id, "after": after}).encode()
        response = self.send("POST", "jobs/follow", body, tab_headers(f"http://{self._host}"))
        assert response.status == 200, response.read()
        while line := response.readline():
            yield json.loads(line)

    def outcome(self, job_id: str) -> dict[str, Any]:
        """The last event of a job."""
        return list(self.follow(job_id))[-1]
