from __future__ import annotations

import pytest

from tb_visualscratchpad.wire.host_names import is_loopback, normal_host, port_of


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("A.Example.:80", "a.example"),
        ("[2001:DB8:0::1]:80", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("1.2.3.4:5", "1.2.3.4"),
        ("a b", None),
        ("a:b", None),
        ("-a", None),
        (":80", None),
        ("", None),
    ],
)
def test_normal_host(text: str, host: str | None) -> None:
    assert normal_host(text) == host


@pytest.mark.parametrize(
    ("text", "port"),
    [("a:80", 80), ("a", None), ("a:", None), ("[::1]:6006", 6006), ("[::1]", None), ("::1", None), ("1.2.3.4:5", 5), ("a:b", None)],
)
def test_port_of(text: str, port: int | None) -> None:
    assert port_of(text) == port


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("a.localhost", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True),
     ("notlocalhost", False), ("localhost.example", False), ("10.0.0.1", False), ("::2", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
