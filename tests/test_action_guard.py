"""Who may make the worker do something."""

from __future__ import annotations

from argparse import Namespace

import pytest

from tb_visualscratchpad.action_guard import ActionGuard
from tb_visualscratchpad.request_guard import RequestGuard

JSON = ("application/json",)


def guard(*, allowed: str = "", steering: str | None = None, host: str | None = None, bind_all: bool = False) -> ActionGuard:
    environment = {"VISUALSCRATCHPAD_ALLOWED_HOSTS": allowed} | ({} if steering is None else {"VISUALSCRATCHPAD_STEERING": steering})
    return ActionGuard(RequestGuard(Namespace(host=host, bind_all=bind_all), environment), environment)


def request(**changes: str | None) -> dict[str, str]:
    """What the tab sends at http://localhost:6006, with changes; None leaves one out."""
    sent = {
        "REQUEST_METHOD": "POST", "wsgi.url_scheme": "http", "HTTP_HOST": "localhost:6006", "HTTP_ORIGIN": "http://localhost:6006",
        "HTTP_X_VISUALSCRATCHPAD": "1", "CONTENT_TYPE": "application/json", "HTTP_SEC_FETCH_SITE": "same-origin",
    }
    return {name: value for name, value in (sent | changes).items() if value is not None}


def status(one: ActionGuard, **changes: str | None) -> int | None:
    refused = one.refusal(request(**changes), JSON)
    return None if refused is None else refused[0]


def test_the_tab_passes() -> None:
    assert status(guard()) is None
    assert status(guard(), CONTENT_TYPE="application/json; charset=utf-8") is None
    assert status(guard(), HTTP_SEC_FETCH_SITE=None) is None, "browsers send it to trustworthy addresses only"
    for host in ("127.0.0.1:9000", "[::1]:6006", "localhost:9000", "tb.localhost:1"):
        assert status(guard(), HTTP_HOST=host, HTTP_ORIGIN=f"http://{host}") is None
    assert status(guard(), HTTP_HOST="localhost", HTTP_ORIGIN="http://localhost") is None
    assert status(guard(), HTTP_HOST="localhost:80", HTTP_ORIGIN="http://localhost") is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_other_methods(method: str) -> None:
    assert status(guard(), REQUEST_METHOD=method) == 405


@pytest.mark.parametrize(
    "changes",
    [
        {"HTTP_ORIGIN": "http://evil.example", "HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_ORIGIN": "http://evil.example", "HTTP_SEC_FETCH_SITE": None},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": None},
        {"HTTP_ORIGIN": ""},
        {"HTTP_ORIGIN": "http://localhost:6007", "HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_ORIGIN": "http://localhost:6007", "HTTP_SEC_FETCH_SITE": None},
        {"HTTP_ORIGIN": "http://127.0.0.1:6006"},
        {"HTTP_ORIGIN": "https://localhost:6006"},
        {"HTTP_ORIGIN": "http://localhost:6006.evil.example"},
        {"HTTP_ORIGIN": "http://localhost:6006@evil.example"},
        {"HTTP_ORIGIN": "http://localhost:6006/"},
        {"HTTP_ORIGIN": "http://localhost:99999"},
        {"HTTP_ORIGIN": "file://"},
        {"HTTP_ORIGIN": "http://localhost:6006 http://evil.example"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "none"},
        {"HTTP_X_VISUALSCRATCHPAD": None},
        {"HTTP_X_VISUALSCRATCHPAD": "true"},
        {"HTTP_HOST": "evil.example", "HTTP_ORIGIN": "http://evil.example"},
        {"HTTP_HOST": "evil.example:6006", "HTTP_ORIGIN": "http://evil.example:6006"},
        {"HTTP_HOST": None, "HTTP_ORIGIN": "http://localhost:6006"},
    ],
)
def test_what_pages_of_other_origins_can_send(changes: dict[str, str | None]) -> None:
    assert status(guard(), **changes) == 403


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain;application/json"]
)
def test_what_a_form_can_send(content_type: str | None) -> None:
    assert status(guard(), CONTENT_TYPE=content_type) == 415


def test_pictures_have_types_of_their_own() -> None:
    types = ("application/octet-stream", "image/")
    for given, passes in (("image/png", True), ("application/octet-stream", True), ("application/json", False), ("imagex/png", False)):
        assert (guard().refusal(request(CONTENT_TYPE=given), types) is None) is passes


def test_beyond_loopback_it_is_off_unless_the_user_says_so() -> None:
    own = {"HTTP_HOST": "10.0.0.7:6006", "HTTP_ORIGIN": "http://10.0.0.7:6006"}
    for listening in ({"bind_all": True}, {"host": "0.0.0.0"}, {"host": "10.0.0.7"}):
        assert status(guard(**listening), **own) == 403 and "VISUALSCRATCHPAD_STEERING=1" in guard(**listening).why_off
        assert status(guard(**listening)) == 403, "nor through a tunnel"
        assert status(guard(steering="1", **listening), **own) is None and guard(steering="1", **listening).why_off is None
    assert status(guard(steering="0")) == 403 and "=0" in guard(steering="0").why_off
    assert status(guard(steering="yes")) == 403 and "'yes'" in guard(steering="yes").why_off
    assert guard().why_off is None


def test_a_proxy_that_ends_tls_and_sends_on_the_host() -> None:
    through = {"HTTP_HOST": "hub.example", "HTTP_ORIGIN": "https://hub.example"}
    assert status(guard(), **through) == 403
    assert status(guard(allowed="hub.example"), **through) is None
    assert status(guard(allowed=".example"), **through) is None
    at_port = {"HTTP_HOST": "hub.example:8443", "HTTP_ORIGIN": "https://hub.example:8443"}
    assert status(guard(allowed="hub.example"), **at_port) is None
    assert status(guard(allowed="hub.example"), HTTP_HOST="hub.example:8443", HTTP_ORIGIN="https://hub.example:9999") == 403


def test_a_proxy_that_puts_our_own_host_there() -> None:
    through = {"HTTP_HOST": "localhost:6006", "HTTP_ORIGIN": "https://hub.example"}
    assert status(guard(), **through) == 403
    assert status(guard(allowed="hub.example"), **through) is None
    assert status(guard(allowed=".example"), **through) == 403, "names under a suffix may be strangers"
    through["HTTP_ORIGIN"] = "https://hub.example:8443"
    assert status(guard(allowed="hub.example"), **through) == 403
    assert status(guard(allowed="hub.example:8443"), **through) is None
    for stranger in ("https://evil.example", "https://hub.example.evil.org", "https://evilhub.example"):
        assert status(guard(allowed="hub.example"), HTTP_ORIGIN=stranger) == 403


def test_names_under_a_suffix_do_not_vouch_for_one_another() -> None:
    assert status(guard(allowed=".hub.example"), HTTP_HOST="a.hub.example", HTTP_ORIGIN="https://b.hub.example") == 403
