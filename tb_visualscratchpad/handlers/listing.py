"""What there is in the log directory."""

from __future__ import annotations

from tb_visualscratchpad import __version__
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire.version import SCHEMA_VERSION

_EXPOSED = (
    "TensorBoard listens beyond this machine, and these logs hold pictures: whoever reaches its port can see them. Start it "
    "with --host localhost and use an SSH tunnel, or log with --no-images."
)


class ListingHandlers:
    """Runs and dictionaries of an experiment."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard

    @endpoint
    def listing(self, arguments: Arguments) -> Answer:
        """``listing``"""
        found = self._store.listing(arguments.experiment)
        pictures = any(entry.has_picture for entry in found.vlm_runs) or any(
            entry.has_references for entry in found.dictionaries
        ) or any(entry.has_pictures for entry in found.failure_sets)
        return json_answer(
            {
                "schema_version": SCHEMA_VERSION,
                "version": __version__,
                "vlm_runs": [
                    {
                        "run": entry.run,
                        "id": entry.run_id,
                        "name": entry.name,
                        "prompt": entry.prompt,
                        "output_text": entry.output_text,
                        "created": entry.created,
                        "dictionary_id": entry.dictionary.dictionary_id,
                        "dictionary_name": entry.dictionary.name,
                        "vlm_name": entry.dictionary.vlm_name,
                        "n_output_tokens": entry.n_output_tokens,
                        "truncated": entry.truncated,
                        "steered": entry.steered,
                        "has_picture": entry.has_picture,
                        "original_run_id": entry.original_run_id,
                        "series_id": entry.series_id,
                        "step": entry.step,
                        "superseded": entry.superseded,
                    }
                    for entry in found.vlm_runs
                ],
                "outcomes": [
                    {
                        "run": entry.run,
                        "id": entry.result_id,
                        "kind": entry.kind,
                        "name": entry.name,
                        "prompt": entry.prompt,
                        "created": entry.created,
                        "dictionary_id": entry.dictionary.dictionary_id,
                        "original_run_id": entry.original_run_id,
                        **entry.details,
                    }
                    for entry in found.outcomes
                ],
                "failure_sets": [
                    {
                        "run": entry.run,
                        "id": entry.set_id,
                        "name": entry.name,
                        "created": entry.created,
                        "dictionary_id": entry.dictionary.dictionary_id,
                        "n_items": entry.n_items,
                        "n_wrong": entry.n_wrong,
                        "has_pictures": entry.has_pictures,
                    }
                    for entry in found.failure_sets
                ],
                "dictionaries": [
                    {
                        "id": entry.info.dictionary_id,
                        "name": entry.info.name,
                        "vlm_name": entry.info.vlm_name,
                        "sae_name": entry.info.sae_name,
                        "hook": entry.info.hook,
                        "n_latents": entry.info.n_latents,
                        "steps": list(entry.steps),
                        "has_statistics": entry.has_statistics,
                        "has_references": entry.has_references,
                        "has_decoder_map": entry.has_decoder_map,
                        "has_metrics": entry.has_metrics,
                        "statistics_steps": list(entry.statistics_steps),
                        "run": entry.run,
                        "has_truth_report": entry.has_truth_report,
                        "has_sae_check": entry.has_sae_check,
                    }
                    for entry in found.dictionaries
                ],
                "matches": [
                    {"run": entry.run, "id": entry.match_id, "dictionary_id": entry.dictionary.dictionary_id, "other_id": entry.other.dictionary_id}
                    for entry in found.matches
                ],
                "problems": list(found.problems),
                "warnings": [_EXPOSED] if pictures and self.guard.beyond_loopback else [],
            },
            tagged=True,  # asked for every five seconds, and mostly the same
        )
