"""Host names as HTTP writes them."""

from __future__ import annotations

import ipaddress
import re

_HOST_NAME = re.compile(r"\.?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_WITH_PORT = re.compile(r"(.*?):(\d{0,5})")


def normal_host(text: str) -> str | None:
    """A Host header or list entry without port, brackets and final dot, in lower case; None when it is no host."""
    text = text.strip().lower()
    bracketed = re.fullmatch(r"\[([0-9a-f:.]+)\](:\d*)?", text)
    if bracketed:
        text = bracketed[1]
    elif address_of(text) is None:
        text = re.sub(r":\d*$", "", text)
    address = address_of(text)
    if address is not None:
        return str(address)
    text = text.removesuffix(".")
    return text if _HOST_NAME.fullmatch(text) else None


def port_of(text: str) -> int | None:
    """The port that a Host header or list entry names; None where it names none."""
    text = text.strip()
    if address_of(text) is not None:
        return None
    found = _WITH_PORT.fullmatch(text)
    return int(found[2]) if found and found[2] else None


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The numeric address that a normal host is; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a normal host means this machine alone: 127.0.0.0/8, ``::1``, ``localhost`` and names under it."""
    address = address_of(host)
    if address is not None:
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback
    return host == "localhost" or host.endswith(".localhost")
