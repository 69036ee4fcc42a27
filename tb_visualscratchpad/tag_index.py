"""Which tags of ours TensorBoard has read, asked as seldom as that can be.

TensorBoard's data server answers a question of any length 40 ms late: it writes an answer in parts, and the kernel holds the
later parts back until the first is acknowledged (Nagle's algorithm against delayed acknowledgements). A view that is computed
in 5 ms must not ask it twice each time.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from tensorboard.context import RequestContext
from tensorboard.data.provider import DataProvider, RunTagFilter, TensorTimeSeries

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.tags import PLUGIN_NAME

KEPT_SECONDS = 10.0
"""How long a list of tags counts. TensorBoard itself looks for new data every five seconds, and the tab asks for the listing,
which renews this, as often."""

_MAX_EXPERIMENTS = 8

TagsByRun = Mapping[str, Mapping[str, TensorTimeSeries]]


@dataclass(frozen=True)
class Series:
    """A tag of a run, as TensorBoard knows it now."""

    run: str
    tag: str
    max_step: int
    max_wall_time: float


@dataclass(frozen=True)
class _Known:
    tags: TagsByRun
    asked: float


class TagIndex:
    """The tags of this plugin in the log directory. Methods may be called from several threads.

    What ``series`` finds is at least as new as the last answer of ``all_tags``, and never older than ``KEPT_SECONDS``.
    """

    def __init__(self, provider: DataProvider) -> None:
        self._provider = provider
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def all_tags(self, experiment: str) -> TagsByRun:
        """Every tag by run, asked anew.

        Raises:
            ScratchpadError: TensorBoard's data server does not answer.
        """
        asked = time.monotonic()
        tags = self._ask(experiment, None)
        with self._lock:
            before = self._known.get(experiment)
            if before is None or before.asked <= asked:
                self._known[experiment] = _Known(tags, asked)
                self._known.move_to_end(experiment)
            while len(self._known) > _MAX_EXPERIMENTS:
                self._known.popitem(last=False)
        return tags

    def series(self, experiment: str, tag: str, run: str | None) -> list[Series]:
        """A tag in one run, or in every run that has it. What is not known yet is asked for.

        Raises:
            ScratchpadError: TensorBoard's data server does not answer.
        """
        with self._lock:
            known = self._known.get(experiment)
        if known is None or time.monotonic() - known.asked > KEPT_SECONDS:
            return _select(self.all_tags(experiment), tag, run)
        runs = None if run is None else (run,)
        return _select(known.tags, tag, run) or _select(self._ask(experiment, RunTagFilter(runs, (tag,))), tag, run)

    def _ask(self, experiment: str, wanted: RunTagFilter | None) -> TagsByRun:
        with answering():
            return self._provider.list_tensors(
                RequestContext(), experiment_id=experiment, plugin_name=PLUGIN_NAME, run_tag_filter=wanted
            )


def _select(found: TagsByRun, tag: str, run: str | None) -> list[Series]:
    candidates = found.items() if run is None else [(run, found.get(run, {}))]
    return [
        Series(name, tag, int(tags[tag].max_step), float(tags[tag].max_wall_time)) for name, tags in candidates if tag in tags
    ]


@contextmanager
def answering() -> Iterator[None]:
    """A sentence for what TensorBoard's data server may do: be gone, or find an answer too big to send."""
    try:
        yield
    except grpc.RpcError as error:
        code = error.code().name if hasattr(error, "code") else type(error).__name__
        raise ScratchpadError(
            f"TensorBoard's data server did not answer ({code}): restart TensorBoard, with --load_fast=false if it happens again."
        ) from error
