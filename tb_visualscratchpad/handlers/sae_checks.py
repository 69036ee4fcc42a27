"""Whether an SAE is read rightly."""

from __future__ import annotations

from dataclasses import asdict

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard


class SaeCheckHandlers:
    """The check that was logged last."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard

    @endpoint
    def sae_check(self, arguments: Arguments) -> Answer:
        """``sae_check``"""
        check = self._store.sae_check(arguments.experiment, arguments.text("id"))
        found = asdict(check)
        del found["dictionary"]
        found["measures"] = [{**asdict(measure), "outcome": measure.outcome.value} for measure in check.measures]
        return json_answer({"id": check.dictionary.dictionary_id, "n_latents": check.dictionary.n_latents, **found})
