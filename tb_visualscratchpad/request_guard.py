"""Who may ask for what: only reading, and only under a name that this machine is known by.

TensorBoard checks neither Host nor Origin. A page of another origin cannot read our answers, unless its name is made to
point at this machine (DNS rebinding): then the browser takes us for that page's own server, but still sends its *name* as
Host. So the Host is checked against an allow-list:

- always: loopback (``localhost``, ``*.localhost``, 127.0.0.0/8, ``::1``), with any port, as SSH tunnels change it;
- always: the host that TensorBoard was told to listen on;
- when TensorBoard listens beyond loopback (``--bind_all`` or another ``--host``): this machine's own names, and every
  numeric address, since an address in the address bar is no name that could be made to point elsewhere;
- the names in the environment variable ``VISUALSCRATCHPAD_ALLOWED_HOSTS`` (comma separated; ``.example.org`` stands for
  all names under it), for proxies, containers and hosted notebooks.

This is no login: whoever reaches the port under an allowed name sees the logs.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import socket
from collections.abc import Mapping
from functools import cached_property
from typing import Protocol

ALLOWED_HOSTS_VARIABLE = "VISUALSCRATCHPAD_ALLOWED_HOSTS"
READING_METHODS = ("GET", "HEAD")

_HOST_NAME = re.compile(r"\.?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_logger = logging.getLogger("tensorboard.visualscratchpad")


class ListeningFlags(Protocol):
    """TensorBoard's flags that say where it listens."""

    host: str | None
    bind_all: bool


class Guard(Protocol):
    """Decides on a request before anything is read."""

    def refusal(self, method: str, host_header: str | None) -> tuple[int, str] | None:
        """HTTP status and sentence why a request is refused; None when it may pass."""
        ...


class PublicFilesGuard:
    """For the tab's own files, which hold nothing private: under a name that is not known the tab still loads, and can show
    the sentence with which its evidence is refused."""

    def refusal(self, method: str, host_header: str | None) -> tuple[int, str] | None:
        """As ``Guard``: only other methods are refused."""
        if method in READING_METHODS:
            return None
        return 405, f"{method} was sent; there is nothing here but to read: use GET."


class RequestGuard:
    """For evidence: decides on a request by its method and its Host.

    Args:
        flags: TensorBoard's flags; None (a test, a notebook's own server) counts as listening on loopback.
        environment: where the variable is looked up, the process's by default.
    """

    def __init__(self, flags: ListeningFlags | None, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        listening = normal_host(getattr(flags, "host", None) or "localhost")
        bind_all = bool(getattr(flags, "bind_all", False))
        self.beyond_loopback: bool = bind_all or listening is None or not _is_loopback(listening)
        self._named = {listening} if listening else set()
        self._suffixes: list[str] = []
        for entry in environment.get(ALLOWED_HOSTS_VARIABLE, "").split(","):
            if entry.strip():
                self._allow(entry)

    def _allow(self, entry: str) -> None:
        host = normal_host(entry.strip())
        if host is None:
            _logger.warning("%s: %r is no host name and is left out.", ALLOWED_HOSTS_VARIABLE, entry.strip())
        elif host.startswith("."):
            self._suffixes.append(host)
        else:
            self._named.add(host)

    def refusal(self, method: str, host_header: str | None) -> tuple[int, str] | None:
        """As ``Guard``: other methods and unknown hosts are refused."""
        refused = PublicFilesGuard().refusal(method, host_header)
        if refused is not None:
            return refused
        if not self._knows(host_header):
            return 403, (
                f"The request was sent to the host name {host_header!r}, which this TensorBoard does not know as its own. If "
                f"it is, set the environment variable {ALLOWED_HOSTS_VARIABLE} to it (comma separated) and restart."
            )
        return None

    def _knows(self, host_header: str | None) -> bool:
        host = normal_host(host_header or "")
        if host is None or host.startswith("."):
            return False
        if _is_loopback(host) or host in self._named or any(host.endswith(suffix) for suffix in self._suffixes):
            return True
        return self.beyond_loopback and (_address(host) is not None or host in self._machine_names)

    @cached_property
    def _machine_names(self) -> frozenset[str]:
        """What others on the network may call this machine. Asks the resolver once, and only when a request needs it."""
        name = socket.gethostname().lower()
        short = name.split(".")[0]
        return frozenset({name, short, f"{short}.local", socket.getfqdn().lower().rstrip(".")})


def normal_host(text: str) -> str | None:
    """A Host header or list entry without port, brackets and final dot, in lower case; None when it is no host."""
    text = text.strip().lower()
    bracketed = re.fullmatch(r"\[([0-9a-f:.]+)\](:\d*)?", text)
    if bracketed:
        text = bracketed[1]
    elif _address(text) is None:
        text = re.sub(r":\d*$", "", text)
    address = _address(text)
    if address is not None:
        return str(address)
    text = text.removesuffix(".")
    return text if _HOST_NAME.fullmatch(text) else None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    if address is not None:
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback
    return host == "localhost" or host.endswith(".localhost")
