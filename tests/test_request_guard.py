from __future__ import annotations

import socket
from argparse import Namespace

import pytest

from tb_visualscratchpad.request_guard import RequestGuard


def guard(host: str | None = None, bind_all: bool = False, allowed: str = "") -> RequestGuard:
    return RequestGuard(Namespace(host=host, bind_all=bind_all), {"VISUALSCRATCHPAD_ALLOWED_HOSTS": allowed})


def passes(one: RequestGuard, host: str | None) -> bool:
    refusal = one.refusal("GET", host)
    assert refusal is None or refusal[0] == 403
    return refusal is None


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:6006", "LOCALHOST:1", "tb.localhost", "127.0.0.1:6006", "127.8.9.1", "[::1]:6006", "[::1]", "localhost."]
)
def test_loopback_is_always_known(host: str) -> None:
    for one in (guard(), guard(host="localhost"), guard(host="127.0.0.1"), guard(bind_all=True), RequestGuard(None, {})):
        assert passes(one, host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:6006",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example@localhost",
        "localhost/evil.example",
        "notlocalhost",
        "192.168.0.7:6006",
        "[fe80::1]",
        "[::1",
        ".localhost",
        "localhost, evil.example",
        "localhost\tevil.example",
    ],
)
def test_on_loopback_nothing_else_is(host: str | None) -> None:
    assert not passes(guard(), host) and not passes(RequestGuard(None, {}), host)


def test_beyond_loopback_addresses_and_the_machines_names_are_known() -> None:
    name = socket.gethostname()
    for one in (guard(bind_all=True), guard(host="0.0.0.0"), guard(host="::"), guard(host="192.168.0.7")):
        assert one.beyond_loopback
        for host in ("192.168.0.7:6006", "[2001:db8::7]:6006", name, f"{name.upper()}:6006", f"{name.split('.')[0]}.local"):
            assert passes(one, host)
        for host in ("evil.example", f"{name.split('.')[0]}.evil.example", "192.168.0.7.evil.example"):
            assert not passes(one, host)


def test_the_host_it_was_told_to_listen_on() -> None:
    one = guard(host="gpu7.lab.example")
    assert one.beyond_loopback and passes(one, "GPU7.lab.example:6006") and not passes(one, "lab.example")
    for loopback in (None, "localhost", "127.0.0.1", "::1"):
        assert not guard(host=loopback).beyond_loopback


def test_the_environment_variable_adds_names(caplog: pytest.LogCaptureFixture) -> None:
    one = guard(allowed=" hub.example:8888, .lab.example ,10.0.0.9,[2001:db8::1]:80,,http://no.example/ ")
    for host in ("hub.example", "hub.example:443", "a.lab.example", "a.b.lab.example", "10.0.0.9:6006", "[2001:db8::1]"):
        assert passes(one, host)
    for host in ("lab.example", "evil-lab.example", "evilhub.example", "no.example", "10.0.0.8"):
        assert not passes(one, host)
    assert "no.example" in caplog.text and "is no host name" in caplog.text


def test_the_sentence_names_host_and_variable() -> None:
    status, said = guard().refusal("GET", "evil.example")
    assert status == 403 and "'evil.example'" in said and "VISUALSCRATCHPAD_ALLOWED_HOSTS" in said


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT"])
def test_other_methods(method: str) -> None:
    assert guard().refusal(method, "localhost")[0] == 405
    assert guard().refusal("HEAD", "localhost") is None
