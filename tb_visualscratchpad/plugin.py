"""The TensorBoard plugin: its metadata and its route table."""

from __future__ import annotations

from pathlib import Path

from tensorboard.plugins import base_plugin

from tb_visualscratchpad.action_guard import KEEPING_NOTES, ActionGuard
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.assets import AssetHandlers
from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.dictionaries import DictionaryHandlers
from tb_visualscratchpad.handlers.dictionary_matches import DictionaryMatchHandlers
from tb_visualscratchpad.handlers.failure_sets import FailureSetHandlers
from tb_visualscratchpad.handlers.head_maps import HeadMapHandlers
from tb_visualscratchpad.handlers.health import HealthHandlers
from tb_visualscratchpad.handlers.histories import HistoryHandlers
from tb_visualscratchpad.handlers.jobs import JobHandlers
from tb_visualscratchpad.handlers.listing import ListingHandlers
from tb_visualscratchpad.handlers.notes import NotesHandlers
from tb_visualscratchpad.handlers.outcomes import OutcomeHandlers
from tb_visualscratchpad.handlers.pictures import PictureHandlers
from tb_visualscratchpad.handlers.references import ReferenceHandlers
from tb_visualscratchpad.handlers.run_latents import RunLatentHandlers
from tb_visualscratchpad.handlers.run_pages import RunPageHandlers
from tb_visualscratchpad.handlers.run_pairs import RunPairHandlers
from tb_visualscratchpad.handlers.sae_checks import SaeCheckHandlers
from tb_visualscratchpad.handlers.several import SeveralHandlers
from tb_visualscratchpad.handlers.training import TrainingHandlers
from tb_visualscratchpad.handlers.truth import TruthHandlers
from tb_visualscratchpad.handlers.vlm_runs import VlmRunHandlers
from tb_visualscratchpad.notes_store import NotesStore
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire.tags import PLUGIN_NAME
from tb_visualscratchpad.worker_client import WorkerClient

STATIC_FOLDER = Path(__file__).parent / "frontend_static"


class VisualScratchpadPlugin(base_plugin.TBPlugin):
    """Visual Scratchpad: which concepts a vision-language model saw, and which of them each word used."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext) -> None:
        guard = RequestGuard(context.flags)
        store = EventStore(context)
        derived = DerivedViews()
        self._listing = ListingHandlers(store, guard)
        self._vlm_runs = VlmRunHandlers(store, derived, guard)
        self._run_latents = RunLatentHandlers(store, derived, guard)
        together = {
            "token_latent_matrix": self._run_latents.token_latent_matrix,
            "latent_ranking": self._run_latents.latent_ranking,
            "latent_ranks": self._run_latents.latent_ranks,
            "missed_latents": self._run_latents.missed_latents,
        }
        self._several = SeveralHandlers(together, guard)
        self._dictionaries = DictionaryHandlers(store, guard)
        self._run_pairs = RunPairHandlers(store, derived, guard)
        self._dictionary_matches = DictionaryMatchHandlers(store, guard)
        self._health = HealthHandlers(store, guard)
        self._pictures = PictureHandlers(store, guard)
        self._histories = HistoryHandlers(store, guard)
        self._training = TrainingHandlers(store, guard)
        self._references = ReferenceHandlers(store, guard)
        self._outcomes = OutcomeHandlers(store, guard)
        self._heads = HeadMapHandlers(store, derived, guard)
        self._run_pages = RunPageHandlers(store, guard)
        self._failure_sets = FailureSetHandlers(store, guard)
        self._truth = TruthHandlers(store, guard)
        self._sae_checks = SaeCheckHandlers(store, guard)
        self._jobs = JobHandlers(WorkerClient(context.logdir), guard, ActionGuard(guard))
        self._notes = NotesHandlers(store, NotesStore(context.logdir), guard, ActionGuard(guard, acts=KEEPING_NOTES))
        self._assets = AssetHandlers(STATIC_FOLDER)

    def is_active(self) -> bool:
        # TensorBoard itself marks a plugin active that owns a tag; there is nothing to add to that.
        return False

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        return base_plugin.FrontendMetadata(es_module_path="/static/index.js", tab_name="Visual Scratchpad")

    def get_plugin_apps(self) -> dict[str, object]:
        """See ``docs/http_api.md``."""
        return {
            "/static/*": self._assets.asset,
            "/listing": self._listing.listing,
            "/vlm_run": self._vlm_runs.vlm_run,
            "/run_page": self._run_pages.run_page,
            "/picture": self._vlm_runs.picture,
            "/patches": self._vlm_runs.patches,
            "/attention": self._vlm_runs.attention,
            "/sinks": self._vlm_runs.sinks,
            "/attention_masses": self._vlm_runs.attention_masses,
            "/token_latent_matrix": self._run_latents.token_latent_matrix,
            "/latent_ranking": self._run_latents.latent_ranking,
            "/latent_ranks": self._run_latents.latent_ranks,
            "/missed_latents": self._run_latents.missed_latents,
            "/several": self._several.several,
            "/latent": self._run_latents.latent,
            "/latent_attribution": self._run_latents.latent_attribution,
            "/latents_attribution": self._run_latents.latents_attribution,
            "/like_pictures": self._run_pairs.like_pictures,
            "/run_pair": self._run_pairs.run_pair,
            "/pair_word": self._run_pairs.pair_word,
            "/latent_counterparts": self._dictionary_matches.latent_counterparts,
            "/dictionary_pair": self._dictionary_matches.dictionary_pair,
            "/dictionary": self._dictionaries.dictionary,
            "/dictionary_statistics": self._dictionaries.dictionary_statistics,
            "/statistics_over_steps": self._training.statistics_over_steps,
            "/latents_over_steps": self._training.latents_over_steps,
            "/decoder_map": self._dictionaries.decoder_map,
            "/latent_neighbours": self._dictionaries.latent_neighbours,
            "/dictionary_health": self._health.dictionary_health,
            "/health_latents": self._health.health_latents,
            "/dictionary_verdicts": self._health.dictionary_verdicts,
            "/pictures_of_latents": self._pictures.pictures_of_latents,
            "/runs_of_latents": self._pictures.runs_of_latents,
            "/latent_history": self._histories.latent_history,
            "/metrics_history": self._histories.metrics_history,
            "/truth_report": self._truth.truth_report,
            "/sae_check": self._sae_checks.sae_check,
            "/references": self._references.references,
            "/reference_picture": self._references.reference_picture,
            "/steering_result": self._outcomes.steering_result,
            "/cluster_sweep": self._outcomes.cluster_sweep,
            "/dose_response": self._outcomes.dose_response,
            "/word_contributions": self._outcomes.word_contributions,
            "/head_attention": self._heads.head_attention,
            "/head_maps": self._heads.head_maps,
            "/head_map": self._heads.head_map,
            "/failure_set": self._failure_sets.failure_set,
            "/failure_latents": self._failure_sets.failure_latents,
            "/failure_latent": self._failure_sets.failure_latent,
            "/failure_picture": self._failure_sets.failure_picture,
            "/set_ablation": self._failure_sets.set_ablation,
            "/worker": self._jobs.worker,
            "/jobs/start": self._jobs.start,
            "/jobs/follow": self._jobs.follow,
            "/jobs/cancel": self._jobs.cancel,
            "/jobs/list": self._jobs.list,
            "/jobs/picture": self._jobs.picture,
            "/notes": self._notes.notes,
            "/notes/latent": self._notes.latent,
            "/notes/selection": self._notes.selection,
            "/notes/import": self._notes.take,
        }
