"""A run as a page of its own, to be saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tb_visualscratchpad import __version__
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.run_page import MOST_RESULTS, RunPage, page_name, run_page
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence
from tb_visualscratchpad.wire.steering_evidence import SteeringResult

_Evidence = TypeVar("_Evidence")


class RunPageHandlers:
    """One run with what is known of its dictionary and what steering showed."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard

    @endpoint
    def run_page(self, arguments: Arguments) -> Answer:
        """``run_page``"""
        experiment, directory = arguments.experiment, arguments.text("run")
        step = arguments.optional_integer("step")
        run = self._store.vlm_run(experiment, directory, arguments.text("id"))
        dictionary = run.dictionary.dictionary_id
        notes: list[str] = []

        def known(find: Callable[[], _Evidence]) -> _Evidence | None:
            try:
                return find()
            except EvidenceNotFound:
                return None
            except UnreadableEvidence as error:
                notes.append(str(error))  # the page is of the rest, and says so
                return None

        results: list[SteeringResult] = []
        entries = [
            one for one in self._store.listing(experiment).outcomes if one.kind == "steering_result" and one.original_run_id == run.run_id
        ]
        for entry in sorted(entries, key=lambda one: -one.created)[:MOST_RESULTS]:
            found = known(lambda entry=entry: self._store.steering_result(experiment, entry.run, entry.result_id))  # type: ignore[misc]
            if found is not None:
                results.append(found)
        page = RunPage(
            run=run,
            directory=directory,
            statistics=known(lambda: self._store.latent_statistics(experiment, dictionary, step)),
            references=known(lambda: self._store.references(experiment, dictionary, step)),
            metrics=known(lambda: self._store.sae_metrics(experiment, dictionary, step)),
            results=results,
            created=time.time(),
            version=__version__,
            notes=notes,
        )
        body = run_page(page).encode("utf-8", "replace")
        return Answer(body, "text/html; charset=utf-8", saved_as=page_name(run))
