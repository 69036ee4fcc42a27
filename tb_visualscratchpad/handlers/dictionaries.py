"""A dictionary: its health, its statistics, its map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

import numpy as np

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer, packed_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, LatentStatistics, SaeMetrics
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence

ALIVE_FLAG, ENTROPY_FLAG = 1, 2

Evidence = TypeVar("Evidence")


class DictionaryHandlers:
    """What an image set told about a dictionary, at one step or the newest."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard

    @endpoint
    def dictionary(self, arguments: Arguments) -> Answer:
        """``dictionary``"""
        identity, step = arguments.text("id"), arguments.optional_integer("step")
        entries = self._store.listing(arguments.experiment).dictionaries
        entry = next((one for one in entries if one.info.dictionary_id == identity), None)
        if entry is None:
            raise EvidenceNotFound(f"There is no dictionary '{identity}' in the logs: choose one of the listing.")
        problems: list[str] = []

        def find(read: Callable[[str, str, int | None], Evidence]) -> Evidence | None:
            try:
                return read(arguments.experiment, identity, step)
            except EvidenceNotFound:
                return None  # not logged: the answer says so by null
            except UnreadableEvidence as error:
                problems.append(str(error))
                return None

        metrics = find(self._store.sae_metrics)
        statistics = find(self._store.latent_statistics)
        decoder_map = find(self._store.decoder_map)
        info = asdict(entry.info)
        info["id"] = info.pop("dictionary_id")
        return json_answer(
            {
                "info": info,
                "steps": list(entry.steps),
                "steps_shown": self._store.steps_shown(arguments.experiment, identity, step),
                "metrics": None if metrics is None else _metrics(metrics),
                "statistics": None if statistics is None else _statistics(statistics),
                "decoder_map": None if decoder_map is None else _decoder_map(decoder_map),
                "problems": problems,
            }
        )

    @endpoint
    def dictionary_statistics(self, arguments: Arguments) -> Answer:
        """``dictionary_statistics``"""
        found = self._store.latent_statistics(
            arguments.experiment, arguments.text("id"), arguments.optional_integer("step")
        )
        flags = ALIVE_FLAG * found.alive_K + ENTROPY_FLAG * found.label_entropy_defined_K
        return packed_answer(
            {"n_latents": found.dictionary.n_latents},
            {
                "image_frequency": found.image_frequency_K.astype(np.float32),
                "patch_frequency": found.patch_frequency_K.astype(np.float32),
                "mean": found.mean_activation_K.astype(np.float32),
                "label_entropy": np.where(found.label_entropy_defined_K, found.label_entropy_K, 0).astype(np.float32),
                "flags": flags.astype(np.uint8),
                "top_label": found.top_label_K.astype(np.int32),
                "top_label_share": found.top_label_share_K.astype(np.float32),
            },
            cacheable=True,
        )

    @endpoint
    def decoder_map(self, arguments: Arguments) -> Answer:
        """``decoder_map``"""
        found = self._store.decoder_map(arguments.experiment, arguments.text("id"), arguments.optional_integer("step"))
        return packed_answer(
            _decoder_map(found),
            {
                "xy": found.xy_K2.astype(np.float32),
                "cluster": found.cluster_K.astype(np.int32),
                "firing_xy": found.firing_xy_K2.astype(np.float32),
                "firing_cluster": found.firing_cluster_K.astype(np.int32),
            },
            cacheable=True,
        )

    @endpoint
    def latent_neighbours(self, arguments: Arguments) -> Answer:
        """``latent_neighbours``"""
        identity, step = arguments.text("id"), arguments.optional_integer("step")
        latent = arguments.integer("latent")
        found = self._store.decoder_map(arguments.experiment, identity, step)
        n_latents = found.dictionary.n_latents
        if not 0 <= latent < n_latents:
            raise ScratchpadError(
                f"Latent {latent} is not in the dictionary '{found.dictionary.name}': expected 0 to {n_latents - 1}. "
                "Choose one of these."
            )
        statistics: LatentStatistics | None = None
        problem: str | None = None
        try:
            statistics = self._store.latent_statistics(arguments.experiment, identity, step)
        except EvidenceNotFound:
            pass  # not logged: neighbours have no label then
        except UnreadableEvidence as error:
            problem = str(error)
        neighbours = [
            {"latent": int(other), "cosine": float(cosine), **_label(statistics, int(other))}
            for other, cosine in zip(found.neighbour_KN[latent], found.neighbour_cosine_KN[latent], strict=True)
            if other >= 0
        ]
        return json_answer(
            {
                "latent": latent,
                "at_hand": bool(found.neighbour_KN.shape[1]),
                "neighbours": neighbours,
                "problem": problem,
            }
        )


def _label(statistics: LatentStatistics | None, latent: int) -> dict[str, object]:
    """The prevailing label of a latent's references and its share; both null without statistics or for a dead latent."""
    if statistics is None or statistics.top_label_K[latent] < 0:
        return {"label": None, "label_share": None}
    return {
        "label": statistics.label_names[int(statistics.top_label_K[latent])],
        "label_share": float(statistics.top_label_share_K[latent]),
    }


def _metrics(metrics: SaeMetrics) -> dict[str, object]:
    return {
        name: getattr(metrics, name)
        for name in ("l0", "fvu", "n_dead", "n_dense", "dense_cutoff", "n_images", "n_patches")
    }


def _statistics(statistics: LatentStatistics) -> dict[str, object]:
    return {
        "n_images": statistics.n_images,
        "n_patches": statistics.n_patches,
        "n_alive": int(statistics.alive_K.sum()),
        "n_entropy_defined": int(statistics.label_entropy_defined_K.sum()),
        "n_broken": statistics.n_broken,
        "broken_images": list(statistics.broken_images),
        "complete": statistics.complete,
        "labels": list(statistics.label_names),
    }


def _decoder_map(found: DecoderMap) -> dict[str, object]:
    return {
        "method": found.method,
        "firing_method": found.firing_method,
        "seed": found.seed,
        "n_clusters": int(np.unique(found.cluster_K[found.cluster_K >= 0]).size),
    }
