"""How long work tells of itself, and how it is called off."""

from __future__ import annotations

from typing import Protocol


class Cancelled(Exception):
    """The work was called off; raised by ``JobProgress.check`` inside it."""


class JobProgress(Protocol):
    """Whom long work tells. Called on the thread that does the work; must return at once."""

    def stage(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` steps of ``what`` (words for a user, e.g. ``controls``) are finished; 0 when it begins."""
        ...

    def token(self, condition: str, text: str) -> None:
        """An answer grew by ``text`` under a condition (``Condition``'s value)."""
        ...

    def check(self) -> None:
        """Called at every generated token and between batches. Raises Cancelled when the work is to end."""
        ...


class NoProgress:
    """Tells nobody and never cancels."""

    def stage(self, what: str, done: int, total: int) -> None:
        pass

    def token(self, condition: str, text: str) -> None:
        pass

    def check(self) -> None:
        pass


class OnlyChecks:
    """Tells nothing of a part of the work, where there are too many parts to tell of; still asks whether to go on."""

    def __init__(self, progress: JobProgress) -> None:
        self._progress = progress

    def stage(self, what: str, done: int, total: int) -> None:
        pass

    def token(self, condition: str, text: str) -> None:
        pass

    def check(self) -> None:
        self._progress.check()
