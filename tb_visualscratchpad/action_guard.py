"""Who may make the worker do something, or write notes: the tab itself, in a browser window of this TensorBoard's, and nobody else.

A page of another origin can make a browser send a form or an opaque request to us with any body, and under DNS rebinding it
can even read the answer. It cannot leave out or forge ``Origin`` and ``Sec-Fetch-Site``, cannot set a header of ours or a
content type other than a form's without asking first (we give no leave), and cannot send a Host that we know once its own
name is bound to us. Each of these is checked; each alone would do against some of the attacks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tb_visualscratchpad.request_guard import ALLOWED_HOSTS_VARIABLE, RequestGuard
from tb_visualscratchpad.wire.host_names import normal_host, port_of

STEERING_VARIABLE = "VISUALSCRATCHPAD_STEERING"
NOTES_VARIABLE = "VISUALSCRATCHPAD_NOTES"
HEADER = "X-Visualscratchpad"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Acts:
    """A kind of actions: the environment variable that allows or forbids it, and what a sentence calls it."""

    variable: str
    name: str


RUNNING = Acts(STEERING_VARIABLE, "Running the model")
KEEPING_NOTES = Acts(NOTES_VARIABLE, "Keeping notes with the log")


class ActionGuard:
    """Decides on requests that make the worker do something or write notes, after ``RequestGuard``.

    Args:
        environment: where the variables are looked up, the process's by default.
        acts: which actions it guards.
    """

    def __init__(self, guard: RequestGuard, environment: Mapping[str, str] | None = None, acts: Acts = RUNNING) -> None:
        self._guard = guard
        self._acts = acts
        self._choice = (os.environ if environment is None else environment).get(acts.variable, "")

    @property
    def why_off(self) -> str | None:
        """A sentence where these actions are out of reach for everybody; None where they are not."""
        name, variable = self._acts.name, self._acts.variable
        if self._choice not in ("", "0", "1"):
            return f"{variable} is {self._choice!r}, expected 1 or 0: {name[0].lower()}{name[1:]} is off."
        if self._choice == "0":
            return f"{name} is switched off ({variable}=0)."
        if self._guard.beyond_loopback and not self._choice:
            return (
                f"{name} is off, because TensorBoard listens beyond this machine and whoever reaches its port could use it. Start it with "
                f"--host localhost and use an SSH tunnel, or set {variable}=1 to allow it."
            )
        return None

    def refusal(self, environ: Mapping[str, Any], content_types: tuple[str, ...]) -> tuple[int, str] | None:
        """HTTP status and sentence why a request is refused; None when it may pass.

        Args:
            environ: WSGI's.
            content_types: that are taken; ``image/`` stands for all pictures.
        """
        if environ["REQUEST_METHOD"] != "POST":
            return 405, f"{environ['REQUEST_METHOD']} was sent; this address does something: use POST."
        refused = self._guard.refusal("GET", environ.get("HTTP_HOST"))
        if refused is not None:
            return refused
        if self.why_off is not None:
            return 403, self.why_off
        if not self._is_own_origin(environ):
            return 403, (
                f"The request came from the origin {environ.get('HTTP_ORIGIN')!r}, not from this TensorBoard's own page. If it did, a proxy stands "
                f"between: name its host in {ALLOWED_HOSTS_VARIABLE}."
            )
        if environ.get("HTTP_X_VISUALSCRATCHPAD") != "1":
            return 403, f"The header {HEADER}: 1 is missing: only the tab itself may ask this."
        given = environ.get("CONTENT_TYPE", "").split(";")[0].strip().lower()
        if not any(given == wanted or (wanted.endswith("/") and given.startswith(wanted)) for wanted in content_types):
            return 415, f"The content type is {given[:80]!r}, expected {' or '.join(content_types)}."
        return None

    def _is_own_origin(self, environ: Mapping[str, Any]) -> bool:
        if environ.get("HTTP_SEC_FETCH_SITE", "same-origin") != "same-origin":
            return False
        origin = _parsed_origin(environ.get("HTTP_ORIGIN", ""))
        if origin is None:
            return False
        scheme, host, port = origin
        host_header = environ.get("HTTP_HOST", "")
        sent_to = normal_host(host_header), port_of(host_header)
        if scheme == environ.get("wsgi.url_scheme") and (host, port) == (sent_to[0], sent_to[1] or _DEFAULT_PORTS[scheme]):
            return True
        # A proxy ends TLS, and may put our own address in the place of the Host that the browser sent.
        return self._guard.names_origin(host, port, usual=port == _DEFAULT_PORTS[scheme] or (host, port) == sent_to, sent_to=sent_to[0])


def _parsed_origin(text: str) -> tuple[str, str, int] | None:
    """Scheme, normal host and port of an Origin header; None where it is none, or ``null``."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = normal_host(parts.netloc)
    if parts.scheme not in _DEFAULT_PORTS or host is None or host.startswith(".") or "@" in parts.netloc or text != f"{parts.scheme}://{parts.netloc}":
        return None
    return parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme]
