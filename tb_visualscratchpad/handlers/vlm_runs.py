"""A run: its tokens and picture, and where each word looked."""

from __future__ import annotations

import json
import math

import numpy as np

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer, packed_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.attention_maps import AttentionMap, joint_attention
from tb_visualscratchpad.views.sinks import SINK_DENSITY, SINK_WORDS
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence
from tb_visualscratchpad.wire.evidence import Span, Token, VlmRun


class VlmRunHandlers:
    """One picture, prompt and answer, and the attention between them."""

    def __init__(self, store: EventStore, derived: DerivedViews, guard: RequestGuard) -> None:
        self._store = store
        self._derived = derived
        self.guard = guard

    @endpoint
    def vlm_run(self, arguments: Arguments) -> Answer:
        """``vlm_run``"""
        run = self._find(arguments)
        image = run.tokens.indices(Span.IMAGE)
        place = run.image_tokens
        has_statistics, problem = self._statistics_state(arguments.experiment, run)
        return json_answer(
            {
                "run": arguments.text("run"),
                "id": run.run_id,
                "name": run.name,
                "prompt": run.prompt,
                "output_text": run.output_text,
                "truncated": run.truncated,
                "created": run.created,
                "steering": _steering(run),
                "system": run.system,
                "max_new_tokens": run.max_new_tokens,
                "original_run_id": run.original_run_id,
                "dictionary": {
                    "id": run.dictionary.dictionary_id,
                    "name": run.dictionary.name,
                    "vlm_name": run.dictionary.vlm_name,
                    "sae_name": run.dictionary.sae_name,
                    "hook": run.dictionary.hook,
                    "n_latents": run.dictionary.n_latents,
                },
                "tokens": [_described(token) for token in run.tokens if token.span is not Span.IMAGE],
                "image": {
                    "first_index": int(image[0]) if image.size else None,
                    "n_tokens": place.n_tokens,
                    "n_newlines": int((place.token_patch_I < 0).sum()),
                },
                "layers": list(run.attention.layers),
                "has_layers": run.attention.per_layer_LTI is not None,
                "picture": {"width": place.width, "height": place.height, "has_picture": run.picture is not None},
                "grid": place.grid,
                "tile_rows": place.tile_rows,
                "tile_columns": place.tile_columns,
                "has_statistics": has_statistics,
                "statistics_problem": problem,
                "reductions": list(run.reductions),
            }
        )

    @endpoint
    def picture(self, arguments: Arguments) -> Answer:
        """``picture``"""
        run = self._find(arguments)
        if run.picture is None:
            raise EvidenceNotFound(f"Run '{run.name}' was logged without its picture (--no-images): run it again with it.")
        return Answer(run.picture.data, run.picture.mime, cacheable=True)

    @endpoint
    def patches(self, arguments: Arguments) -> Answer:
        """``patches``"""
        place = self._find(arguments).image_tokens
        return packed_answer(
            {"n_patches": place.n_patches},
            {
                "box": place.patch_box_P4.astype(np.float32),
                "view": place.patch_view_P.astype(np.int32),
                "carried": (place.patch_token_P >= 0).astype(np.uint8),
            },
        )

    @endpoint
    def attention(self, arguments: Arguments) -> Answer:
        """``attention``: of one token, or of several and their mean."""
        run = self._find(arguments)
        found = joint_attention(
            run,
            arguments.tokens,
            layers=arguments.layers,
            row=arguments.row,
            view=arguments.view,
            sink_P=self._derived.sinks(run, arguments.layers, arguments.row).sink_P,
            without_sinks=not arguments.with_sinks,
        )
        if not arguments.several_tokens:
            (one,) = found.maps
            return packed_answer(_map_header(one), {"attention": one.attention_P})
        return packed_answer(
            {
                "tokens": [_map_header(one) for one in found.maps],
                "n_averaged": found.n_averaged,
                "defined": found.n_averaged > 0,
                "sees_image": any(one.sees_image for one in found.maps),
                "reason": None if found.n_averaged else found.maps[0].reason,
                "mass_on_picture": found.mass_on_picture,
                "mass_on_newlines": found.mass_on_newlines,
                "mass_on_sinks": found.mass_on_sinks,
                "mass_by_layer": None if found.mass_by_layer_L is None else found.mass_by_layer_L.tolist(),
            },
            {"attention": found.attention_P, "each": np.stack([one.attention_P for one in found.maps])},
        )

    @endpoint
    def sinks(self, arguments: Arguments) -> Answer:
        """``sinks``"""
        found = self._derived.sinks(self._find(arguments), arguments.layers, arguments.row)
        return packed_answer(
            {
                "defined": found.defined,
                "reason": found.reason,
                "n_words": found.n_words,
                "n_sinks": found.n_sinks,
                "share": found.share,
                "density": SINK_DENSITY,
                "words": SINK_WORDS,
            },
            {"sink": found.sink_P.astype(np.uint8), "density": found.density_P},
        )

    @endpoint
    def attention_masses(self, arguments: Arguments) -> Answer:
        """``attention_masses``"""
        masses = self._derived.masses(self._find(arguments), arguments.layers, arguments.row, arguments.with_sinks)
        return json_answer(
            {
                "index": masses.token_T.tolist(),
                "mass": [None if math.isnan(mass) else mass for mass in masses.mass_T.tolist()],
                "sees_image": masses.sees_image_T.tolist(),
            }
        )

    def _find(self, arguments: Arguments) -> VlmRun:
        return self._store.vlm_run(arguments.experiment, arguments.text("run"), arguments.text("id"))

    def _statistics_state(self, experiment: str, run: VlmRun) -> tuple[bool, str | None]:
        try:
            self._store.latent_statistics(experiment, run.dictionary.dictionary_id, None)
        except EvidenceNotFound:
            return False, None
        except UnreadableEvidence as error:
            return False, str(error)
        return True, None


def _map_header(found: AttentionMap) -> dict[str, object]:
    return {
        "token": found.token,
        "query_position": found.position,
        "defined": found.defined,
        "sees_image": found.sees_image,
        "reason": found.reason,
        "mass_on_picture": found.mass_on_picture,
        "mass_on_newlines": found.mass_on_newlines,
        "mass_on_sinks": found.mass_on_sinks,
        "mass_by_layer": None if found.mass_by_layer_L is None else found.mass_by_layer_L.tolist(),
    }


def _steering(run: VlmRun) -> object:
    """The steering as JSON has it, None for an unsteered run."""
    if run.steering is None:
        return None
    try:
        return json.loads(run.steering)
    except ValueError as error:
        raise UnreadableEvidence(f"The steering of run '{run.name}' is no JSON ({error}): log the run again.") from None


def _described(token: Token) -> dict[str, object]:
    return {
        "index": token.index,
        "text": token.text,
        "span": token.span.value,
        "template": token.template,
        "logprob": token.logprob,
        "alternatives": [{"text": one.text, "logprob": one.logprob} for one in token.alternatives],
    }
