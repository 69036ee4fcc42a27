"""A dictionary over its training: its statistics at several logged steps in one answer.

Shape suffixes: ``S`` steps, ``L`` asked latents.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, packed_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.dictionaries import ALIVE_FLAG, ENTROPY_FLAG
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.scatter_over_steps import ScatterOverSteps, scatter_over_steps
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.errors import ScratchpadError

MAX_STEPS = 24
MAX_LATENTS = 1000
MAX_KEPT = 4
"""Scatters, each of about a megabyte; the statistics they hold are a few megabytes a step at 65,536 latents."""
DENSE = 0.2


class TrainingHandlers:
    """What small pictures of the statistics over the steps show."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard
        # With the statistics they are made of, so that the id() of these stays their own.
        self._kept: OrderedDict[tuple[object, ...], tuple[list[LatentStatistics], ScatterOverSteps]] = OrderedDict()
        self._lock = threading.Lock()

    @endpoint
    def statistics_over_steps(self, arguments: Arguments) -> Answer:
        """``statistics_over_steps``"""
        steps, shown, statistics = self._asked(arguments)
        by, dense = arguments.choice("by", ("images", "patches")), arguments.optional_number("dense")
        found = self._scatter(statistics, by, DENSE if dense is None else dense)
        return packed_answer(
            {
                "n_latents": statistics[0].dictionary.n_latents,
                "frequency_range": found.frequency_range,
                "mean_range": found.mean_range,
                "top_entropy": found.top_entropy,
                "labels": list(found.labels),
                "steps": [
                    {
                        "asked": asked,
                        "step": step,
                        "n_images": one.n_images,
                        "n_alive": one.n_alive,
                        "n_dense": one.n_dense,
                        "n_drawn": int(one.latent_N.size),
                    }
                    for asked, step, one in zip(steps, shown, found.steps, strict=True)
                ],
            },
            {
                name: np.concatenate([getattr(one, f"{name}_N") for one in found.steps])
                for name in ("latent", "x", "y", "entropy", "label", "label_share")
            },
            cacheable=True,
        )

    @endpoint
    def latents_over_steps(self, arguments: Arguments) -> Answer:
        """``latents_over_steps``"""
        steps, shown, statistics = self._asked(arguments)
        latents = arguments.integers("latents")
        info = statistics[0].dictionary
        if len(latents) > MAX_LATENTS:
            raise ScratchpadError(f"{len(latents)} latents were asked for at once: choose at most {MAX_LATENTS}.")
        for latent in latents:
            if not 0 <= latent < info.n_latents:
                raise ScratchpadError(
                    f"Latent {latent} is not in the dictionary '{info.name}': expected 0 to {info.n_latents - 1}. Choose one of these."
                )
        latent_L = np.array(latents)
        defined = [one.label_entropy_defined_K[latent_L] for one in statistics]
        return packed_answer(
            {"latents": list(latents), "steps": [{"asked": asked, "step": step} for asked, step in zip(steps, shown, strict=True)]},
            {
                "image_frequency": np.stack([one.image_frequency_K[latent_L] for one in statistics]).astype(np.float32),
                "patch_frequency": np.stack([one.patch_frequency_K[latent_L] for one in statistics]).astype(np.float32),
                "mean": np.stack([one.mean_activation_K[latent_L] for one in statistics]).astype(np.float32),
                "label_entropy": np.stack(
                    [np.where(there, one.label_entropy_K[latent_L], 0) for one, there in zip(statistics, defined, strict=True)]
                ).astype(np.float32),
                "flags": np.stack(
                    [
                        ALIVE_FLAG * one.alive_K[latent_L] + ENTROPY_FLAG * there
                        for one, there in zip(statistics, defined, strict=True)
                    ]
                ).astype(np.uint8),
            },
            cacheable=True,
        )

    def _scatter(self, statistics: list[LatentStatistics], by: str, dense: float) -> ScatterOverSteps:
        """``scatter_over_steps``, the last few kept."""
        key = (by, dense, *map(id, statistics))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][1]
        found = scatter_over_steps(statistics, by, dense)
        with self._lock:
            self._kept[key] = (statistics, found)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return found

    def _asked(self, arguments: Arguments) -> tuple[tuple[int, ...], list[int], list[LatentStatistics]]:
        """The steps asked for, those that stand for them, and their statistics."""
        identity, steps = arguments.text("id"), arguments.integers("steps")
        if len(steps) > MAX_STEPS:
            raise ScratchpadError(f"{len(steps)} steps were asked for at once: choose at most {MAX_STEPS}.")
        statistics = [self._store.latent_statistics(arguments.experiment, identity, step) for step in steps]
        shown = [self._store.steps_shown(arguments.experiment, identity, step)["statistics"] for step in steps]
        return steps, shown, statistics
