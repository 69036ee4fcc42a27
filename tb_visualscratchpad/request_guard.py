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

import logging
import os
import socket
from collections.abc import Mapping
from functools import cached_property
from typing import Protocol

from tb_visualscratchpad.wire.host_names import address_of, is_loopback, normal_host, port_of

ALLOWED_HOSTS_VARIABLE = "VISUALSCRATCHPAD_ALLOWED_HOSTS"
READING_METHODS = ("GET", "HEAD")

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
        self.beyond_loopback: bool = bind_all or listening is None or not is_loopback(listening)
        self._named = {listening} if listening else set()
        self._suffixes: list[str] = []
        self._ports_of_named: dict[str, set[int | None]] = {}
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
            self._ports_of_named.setdefault(host, set()).add(port_of(entry))

    def names_origin(self, host: str, port: int, *, usual: bool, sent_to: str | None) -> bool:
        """Whether the environment variable vouches for an origin whose scheme or port is not the request's own.

        Args:
            host: normal, of the origin.
            usual: the port is its scheme's, or the request's; any other must stand in the variable.
            sent_to: the normal Host of the request. Names under a suffix may be strangers to one another, so they vouch for
                themselves alone; a name in full also for a proxy that sends another Host.
        """
        if host in self._ports_of_named:
            return usual or port in self._ports_of_named[host]
        return usual and host == sent_to and any(host.endswith(suffix) for suffix in self._suffixes)

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
        if is_loopback(host) or host in self._named or any(host.endswith(suffix) for suffix in self._suffixes):
            return True
        return self.beyond_loopback and (address_of(host) is not None or host in self._machine_names)

    @cached_property
    def _machine_names(self) -> frozenset[str]:
        """What others on the network may call this machine. Asks the resolver once, and only when a request needs it."""
        name = socket.gethostname().lower()
        short = name.split(".")[0]
        return frozenset({name, short, f"{short}.local", socket.getfqdn().lower().rstrip(".")})
