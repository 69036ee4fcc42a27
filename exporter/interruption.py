"""Ctrl-C between two steps instead of in the middle of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class InterruptBetweenSteps:
    """While entered, a first Ctrl-C only sets ``requested``; a second one raises KeyboardInterrupt as usual.

    Outside the main thread, where Python delivers no signals, it does nothing; nor within another one, which then gets the
    Ctrl-C: a long work that has others inside ends as a whole.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: object = None

    def __enter__(self) -> InterruptBetweenSteps:
        within = isinstance(getattr(signal.getsignal(signal.SIGINT), "__self__", None), InterruptBetweenSteps)
        if threading.current_thread() is threading.main_thread() and not within:
            self._previous = signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)  # type: ignore[arg-type]

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
