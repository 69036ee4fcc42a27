"""Jobs one after the other, and what each of them tells while it waits and runs.

An event is a JSON object with ``n`` (from 1, without gaps within a job) and ``event``: ``queued`` (``position``: jobs before
it), ``started``, ``stage``, ``token``, and one last of ``result``, ``failed`` (``error``), ``cancelled``.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

from tb_visualscratchpad.exporter.job_progress import Cancelled
from tb_visualscratchpad.exporter.worker.job_request import Job
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError

LAST_EVENTS = {"result": "done", "failed": "failed", "cancelled": "cancelled"}
"""The events that end a job, and the state they leave it in."""

_N_KEPT = 64
_MAX_TOLD = 100_000

Event = dict[str, Any]


class QueuedJob:
    """A job and its story. Only ``JobQueue`` changes it; it is the ``JobProgress`` of its own work. ``job`` is None when it is over."""

    def __init__(self, job: Job, kind: str, condition: threading.Condition) -> None:
        self.job: Job | None = job
        self.kind = kind
        self.job_id = secrets.token_hex(8)
        self.created = time.time()
        self.state = "queued"
        self.events: list[Event] = []
        self.called_off = False
        self._condition = condition

    def stage(self, what: str, done: int, total: int) -> None:
        """As ``JobProgress``."""
        self.tell("stage", what=what, done=done, total=total)

    def token(self, condition: str, text: str) -> None:
        """As ``JobProgress``."""
        self.tell("token", condition=condition, text=text)

    def check(self) -> None:
        """As ``JobProgress``."""
        if self.called_off:
            raise Cancelled

    def tell(self, event: str, **more: Any) -> None:
        """Adds an event and wakes who follows."""
        with self._condition:
            if len(self.events) >= _MAX_TOLD and event not in LAST_EVENTS:
                return
            self.events.append({"n": len(self.events) + 1, "event": event, **more})
            if event == "started":
                self.state = "running"
            if event in LAST_EVENTS:
                self.state, self.job = LAST_EVENTS[event], None
            self._condition.notify_all()

    @property
    def is_over(self) -> bool:
        return self.state in LAST_EVENTS.values()


class JobQueue:
    """Takes jobs from any thread, hands them to the one that has the model, in order of arrival.

    The last finished jobs are kept, so that a tab that was reloaded learns how they ended.

    Args:
        max_queued: jobs that may wait.
    """

    def __init__(self, max_queued: int) -> None:
        self._max_queued = max_queued
        self._condition = threading.Condition()
        self._waiting: deque[QueuedJob] = deque()
        self._jobs: OrderedDict[str, QueuedJob] = OrderedDict()
        self._running: QueuedJob | None = None
        self._closed = False

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    @property
    def is_busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._running is not None or bool(self._waiting)

    def add(self, job: Job, kind: str) -> tuple[str, int]:
        """Its identifier, and how many jobs come before it.

        Raises:
            ScratchpadError: the queue is full, or the worker ends.
        """
        with self._condition:
            if self._closed:
                raise ScratchpadError("The worker is ending: start it again.")
            if len(self._waiting) >= self._max_queued:
                raise ScratchpadError(f"{len(self._waiting)} jobs wait already, at most {self._max_queued} may: wait for one, or cancel one.")
            queued = QueuedJob(job, kind, self._condition)
            self._jobs[queued.job_id] = queued
            self._waiting.append(queued)
            position = len(self._waiting) - 1 + (self._running is not None)
            queued.tell("queued", position=position)
            self._forget_old()
            return queued.job_id, position

    def take(self, seconds: float) -> QueuedJob | None:
        """The next job, started; None when there was none for so long."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._closed, timeout=seconds)
            if not self._waiting:
                return None
            self._running = self._waiting.popleft()
            self._running.tell("started")
            self._tell_positions()
            return self._running

    def end(self, job: QueuedJob, event: str, **more: Any) -> None:
        """The last event of the job that ``take`` gave."""
        with self._condition:
            self._running = None
            job.tell(event, **more)
            self._tell_positions()

    def cancel(self, job_id: str) -> QueuedJob:
        """Calls a job off: at once where it waits, at its next token where it runs. What is over stays as it ended.

        Raises:
            EvidenceNotFound: there is no such job.
        """
        with self._condition:
            job = self._find(job_id)
            if job in self._waiting:
                self._waiting.remove(job)
                job.tell("cancelled")
                self._tell_positions()
            job.called_off = True
            return job

    def close(self) -> None:
        """Takes no more jobs, and calls off all there are."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
            for job in [*self._waiting, *([self._running] if self._running else [])]:
                self.cancel(job.job_id)

    def list(self) -> list[dict[str, Any]]:
        """All jobs that are remembered, the newest last; ``position`` is null where a job does not wait."""
        with self._condition:
            places = {job.job_id: n + (self._running is not None) for n, job in enumerate(self._waiting)}
            return [
                {"job_id": job.job_id, "kind": job.kind, "state": job.state, "created": job.created, "position": places.get(job.job_id)}
                for job in self._jobs.values()
            ]

    def follow(self, job_id: str, after: int, heartbeat: float) -> Iterator[Event]:
        """Events of a job from number ``after`` + 1 to its last, as they come; a ``heartbeat`` when there was none for so many seconds.

        Raises:
            EvidenceNotFound: there is no such job; at once, not with the first event.
        """
        with self._condition:
            job = self._find(job_id)
        return self._events(job, after, heartbeat)

    def _events(self, job: QueuedJob, after: int, heartbeat: float) -> Iterator[Event]:
        n = after
        while True:
            with self._condition:
                self._condition.wait_for(lambda: len(job.events) > n or job.is_over, timeout=heartbeat)
                fresh, over = job.events[n:], job.is_over
            yield from fresh or ([] if over else [{"n": n, "event": "heartbeat"}])
            n += len(fresh)
            if over:
                return

    def _find(self, job_id: str) -> QueuedJob:
        if job_id not in self._jobs:
            raise EvidenceNotFound(f"The worker knows no job {job_id!r}: it was started anew since, or has forgotten it. What was finished is in the log.")
        return self._jobs[job_id]

    def _tell_positions(self) -> None:
        for n, job in enumerate(self._waiting):
            job.tell("queued", position=n + (self._running is not None))

    def _forget_old(self) -> None:
        over = [job.job_id for job in self._jobs.values() if job.is_over]
        for job_id in over[: max(0, len(over) - _N_KEPT)]:
            del self._jobs[job_id]
