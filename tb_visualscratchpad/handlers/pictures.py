"""The pictures on which some latents fire: reference images, and logged runs."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from tb_visualscratchpad.event_store import EventStore, VlmRunEntry
from tb_visualscratchpad.handlers.answers import Answer, packed_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.handlers.latent_text import latents_of_text
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.pictures_of_latents import (
    FiringMap,
    RunStrength,
    map_on_run,
    reference_pictures_of,
    strength_in,
    strength_of_run,
)
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError

MAX_LIMIT = 240
MAX_LOOKED = 1000
MAX_KEPT = 1000
"""Plain means of runs, some tens of kilobytes each at 65,536 latents."""


class PictureHandlers:
    """Where several latents fire, over everything that the log knows."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard
        self._kept: OrderedDict[tuple[str, str, str, float], RunStrength] = OrderedDict()
        self._lock = threading.Lock()

    @endpoint
    def pictures_of_latents(self, arguments: Arguments) -> Answer:
        """``pictures_of_latents``"""
        identity, step = arguments.text("dictionary"), arguments.optional_integer("step")
        references = self._store.references(arguments.experiment, identity, step)
        latents = latents_of_text(arguments.text("latents"), references.dictionary.n_latents)
        first, limit = _page(arguments)
        found = reference_pictures_of(references, latents, first, limit)
        header = {
            "n_latents": int(latents.size),
            "n_pictures": found.n_pictures,
            "n_references": len(references.image_names),
            "n_images": self._n_images(arguments, identity, step),
            "first": first,
            "pictures": [
                {
                    "image": row.image,
                    "name": references.image_names[row.image],
                    "label": _label(references.label_names, int(references.image_label_M[row.image])),
                    "strength": row.strength,
                    "n_latents": row.n_latents,
                    "strongest": list(row.strongest),
                    "width": row.where.image_tokens.width,
                    "height": row.where.image_tokens.height,
                    "has_picture": bool(references.pictures),
                }
                for row in found.rows
            ],
        }
        return packed_answer(header, _maps([row.where for row in found.rows]))

    @endpoint
    def runs_of_latents(self, arguments: Arguments) -> Answer:
        """``runs_of_latents``"""
        identity = arguments.text("dictionary")
        listing = self._store.listing(arguments.experiment)
        entry = next((one for one in listing.dictionaries if one.info.dictionary_id == identity), None)
        if entry is None:
            raise EvidenceNotFound(f"There is no dictionary '{identity}' in the logs: choose one of the listing.")
        latents = latents_of_text(arguments.text("latents"), entry.info.n_latents)
        first, limit = _page(arguments)
        looked = arguments.optional_integer("look")
        looked = 32 if looked is None else looked
        if not 1 <= looked <= MAX_LOOKED:
            raise ScratchpadError(f"look is {looked}: expected 1 to {MAX_LOOKED}.")
        runs = [one for one in listing.vlm_runs if one.dictionary.dictionary_id == identity]
        found, n_unreadable = [], 0
        for run in runs[:looked]:
            try:
                strength, n, strongest = strength_in(self._strength(arguments.experiment, run), latents)
            except ScratchpadError:
                n_unreadable += 1  # the listing tells what is damaged
                continue
            if n:
                found.append((strength, n, strongest, run))
        # By count first: one latent that fires in every picture may outweigh the sum of all others.
        found.sort(key=lambda one: (-one[1], -one[0]))
        shown = found[first : first + limit]
        maps = [map_on_run(self._store.vlm_run(arguments.experiment, run.run, run.run_id), latents) for *_, run in shown]
        header = {
            "n_latents": int(latents.size), "n_runs": len(runs), "n_looked": min(looked, len(runs)), "n_unreadable": n_unreadable, "n_pictures": len(found),
            "first": first,
            "pictures": [
                {
                    "run": run.run, "id": run.run_id, "name": run.name, "prompt": run.prompt, "output_text": run.output_text, "steered": run.steered,
                    "has_picture": run.has_picture, "strength": strength, "n_latents": n, "strongest": list(strongest),
                    "width": where.image_tokens.width, "height": where.image_tokens.height,
                }
                for (strength, n, strongest, run), where in zip(shown, maps, strict=True)
            ],
        }
        return packed_answer(header, _maps(maps))

    def _strength(self, experiment: str, entry: VlmRunEntry) -> RunStrength:
        """Plain means of a run, kept: they are small, and the runs themselves are not."""
        key = (experiment, entry.run, entry.run_id, entry.created)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = strength_of_run(self._store.vlm_run(experiment, entry.run, entry.run_id))
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return found

    def _n_images(self, arguments: Arguments, identity: str, step: int | None) -> int | None:
        """Of the image set; None where statistics do not say."""
        try:
            return self._store.latent_statistics(arguments.experiment, identity, step).n_images
        except ScratchpadError:
            return None  # not logged, or damaged, which the dictionary says


def _page(arguments: Arguments) -> tuple[int, int]:
    first, limit = arguments.optional_integer("first") or 0, arguments.optional_integer("limit")
    limit = 24 if limit is None else limit
    if first < 0 or not 1 <= limit <= MAX_LIMIT:
        raise ScratchpadError(f"first is {first} and limit {limit}: expected 0 or more, and 1 to {MAX_LIMIT}.")
    return first, limit


def _label(names: tuple[str, ...], label: int) -> str | None:
    return names[label] if label >= 0 else None


def _maps(maps: list[FiringMap]) -> dict[str, np.ndarray]:
    """``box`` f4 [N, 4], ``value`` f4 [N], and ``end`` i4: where each picture's part of them ends."""
    boxes = [one.image_tokens.patch_box_P4[one.patch_N] for one in maps]
    return {
        "box": np.concatenate([np.zeros((0, 4)), *boxes]).astype(np.float32),
        "value": np.concatenate([np.zeros(0), *(one.value_N for one in maps)]).astype(np.float32),
        "end": np.cumsum([one.patch_N.size for one in maps]).astype(np.int32),
    }
