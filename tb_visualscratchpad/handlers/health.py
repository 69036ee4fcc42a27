"""Whether a dictionary trained well."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from tb_visualscratchpad.event_store import DictionaryEntry, EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer, packed_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.dictionary_health import dictionary_health, metrics_health
from tb_visualscratchpad.views.health_check import DictionaryHealth, Verdict
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence

MAX_DICTIONARIES = 64
MAX_KEPT = 1024

Evidence = TypeVar("Evidence")


class HealthHandlers:
    """Verdicts on a dictionary, at one step or the newest, and on all by their metrics."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard
        # Of the metrics as they were logged last: reading those of many dictionaries would drive all else from the store's cache.
        self._by_metrics: dict[tuple[str, str, str, tuple[int, ...]], DictionaryHealth] = {}

    @endpoint
    def dictionary_health(self, arguments: Arguments) -> Answer:
        """``dictionary_health``"""
        found, problems = self._health(arguments)
        return json_answer(
            {
                "verdict": found.verdict.value,
                "counts": {verdict.value: found.count(verdict) for verdict in Verdict},
                "checks": [
                    {
                        "key": check.key, "title": check.title, "verdict": check.verdict.value, "figure": check.figure, "sentence": check.sentence,
                        "remedy": check.remedy, "source": check.source, "n_latents": int(check.latents.size),
                    }
                    for check in found.checks
                ],
                "problems": problems,
            }
        )

    @endpoint
    def health_latents(self, arguments: Arguments) -> Answer:
        """``health_latents``"""
        found, _ = self._health(arguments)
        key = arguments.choice("check", tuple(check.key for check in found.checks))
        check = found.check(key)
        assert check is not None
        return packed_answer({"check": key}, {"latent": check.latents.astype(np.int32)})

    @endpoint
    def dictionary_verdicts(self, arguments: Arguments) -> Answer:
        """``dictionary_verdicts``"""
        entries = [entry for entry in self._store.listing(arguments.experiment).dictionaries if entry.has_metrics]
        verdicts = []
        for entry in entries[:MAX_DICTIONARIES]:
            try:
                found = self._of_metrics(arguments.experiment, entry)
            except ScratchpadError:
                continue  # the listing, and the dictionary itself, say what is damaged
            wrong = [check.figure for check in found.checks if check.verdict is Verdict.WRONG]
            verdicts.append({"id": entry.info.dictionary_id, "verdict": found.verdict.value, "wrong": wrong})
        return json_answer({"verdicts": verdicts, "n_left_out": max(0, len(entries) - MAX_DICTIONARIES)})

    def _of_metrics(self, experiment: str, entry: DictionaryEntry) -> DictionaryHealth:
        key = (experiment, entry.info.dictionary_id, entry.run, entry.steps)
        found = self._by_metrics.get(key)
        if found is None:
            found = metrics_health(entry.info, self._store.sae_metrics(experiment, entry.info.dictionary_id))
            if len(self._by_metrics) >= MAX_KEPT:
                self._by_metrics.clear()
            self._by_metrics[key] = found
        return found

    def _health(self, arguments: Arguments) -> tuple[DictionaryHealth, list[str]]:
        identity, step = arguments.text("id"), arguments.optional_integer("step")
        entry = self._entry(arguments, identity)
        problems: list[str] = []

        def find(read: Callable[[str, str, int | None], Evidence]) -> Evidence | None:
            try:
                return read(arguments.experiment, identity, step)
            except EvidenceNotFound:
                return None  # not logged: its checks are unknown
            except UnreadableEvidence as error:
                problems.append(str(error))
                return None

        found = dictionary_health(
            entry.info, find(self._store.sae_metrics), find(self._store.latent_statistics), find(self._store.decoder_map)
        )
        return found, problems

    def _entry(self, arguments: Arguments, identity: str) -> DictionaryEntry:
        entries = self._store.listing(arguments.experiment).dictionaries
        entry = next((one for one in entries if one.info.dictionary_id == identity), None)
        if entry is None:
            raise EvidenceNotFound(f"There is no dictionary '{identity}' in the logs: choose one of the listing.")
        return entry
