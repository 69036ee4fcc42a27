"""Failure sets: their items, the latents that tell the wrong answers apart, and what becomes of the answers without some latents."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass

import numpy as np

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.handlers.labels import latent_labels
from tb_visualscratchpad.handlers.outcomes import outcome_head
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.ablation_counts import FateCounts, PartCounts, count_fates
from tb_visualscratchpad.views.attribution import check_latent
from tb_visualscratchpad.views.telling_latents import (
    BY,
    LEVEL,
    MIN_ITEMS,
    PARTS,
    TellingLatents,
    latents_that_tell_apart,
)
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError
from tb_visualscratchpad.wire.failure_evidence import FailureSet

_DEFAULT_LIMIT = 200
_N_KEPT = 16


@dataclass(frozen=True)
class _Kept:
    # The set is held so that its id() stays its own.
    failure_set: FailureSet
    telling: TellingLatents


class FailureSetHandlers:
    """Failure sets by the run directory and their own id, and the outcomes about them."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard
        self._kept: OrderedDict[tuple[int, str, str, str | None], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    @endpoint
    def failure_set(self, arguments: Arguments) -> Answer:
        """``failure_set``"""
        found = self._find(arguments)
        wrong_P = np.bincount(found.prompt_N, weights=found.wrong_N, minlength=len(found.prompts)).astype(int)
        n_P = np.bincount(found.prompt_N, minlength=len(found.prompts))
        return json_answer(
            {
                "run": arguments.text("run"),
                "id": found.set_id,
                "name": found.name,
                "created": found.created,
                "dictionary": {
                    "id": found.dictionary.dictionary_id,
                    "name": found.dictionary.name,
                    "n_latents": found.dictionary.n_latents,
                },
                "match": found.match,
                "system": found.system,
                "max_new_tokens": found.max_new_tokens,
                "n_given": found.n_given,
                "n_wrong": int(found.wrong_N.sum()),
                "has_pictures": len(found.pictures) > 0,
                "prompts": [
                    {"text": text, "n": int(n), "n_wrong": int(wrong)}
                    for text, n, wrong in zip(found.prompts, n_P, wrong_P, strict=True)
                ],
                "items": [
                    {
                        "number": number,
                        "name": item.name,
                        "prompt": int(found.prompt_N[number]),
                        "right_answer": item.right_answer,
                        "output_text": item.output_text,
                        "truncated": item.truncated,
                        "is_right": item.is_right,
                        "is_flagged": item.is_flagged,
                        "is_held_out": item.is_held_out,
                        "run_id": item.run_id,
                    }
                    for number, item in enumerate(found.items)
                ],
            }
        )

    @endpoint
    def failure_picture(self, arguments: Arguments) -> Answer:
        """``failure_picture``"""
        found = self._find(arguments)
        item = arguments.integer("item")
        if not 0 <= item < len(found.items):
            raise EvidenceNotFound(f"Item {item} was asked for, there are {len(found.items)}, counted from 0.")
        if not found.thumbnails:
            raise EvidenceNotFound(f"The failure set '{found.name}' was logged without pictures (--no-images): log it again with them.")
        picture = found.thumbnails[item]
        return Answer(picture.data, picture.mime, cacheable=True)

    @endpoint
    def failure_latents(self, arguments: Arguments) -> Answer:
        """``failure_latents``"""
        limit = arguments.optional_integer("limit")
        if limit is not None and limit < 1:
            raise ScratchpadError(f"limit {limit} was given: choose 1 or more.")
        found = self._find(arguments)
        telling = self._telling(found, arguments)
        labels = latent_labels(self._store, arguments.experiment, found.dictionary.dictionary_id)
        shown = range(min(limit or _DEFAULT_LIMIT, telling.n_tested))
        return json_answer(
            {
                "n_wrong": telling.n_wrong,
                "n_right": telling.n_right,
                "n_firing": telling.n_firing,
                "n_tested": telling.n_tested,
                "n_telling": telling.n_telling,
                "min_items": MIN_ITEMS,
                "level": LEVEL,
                "reason": telling.reason,
                "rows": [
                    {
                        "rank": place + 1,
                        "latent": int(telling.latent_F[place]),
                        "auc": float(telling.auc_F[place]),
                        "p": float(telling.p_F[place]),
                        "q": float(telling.q_F[place]),
                        "wrong_share": float(telling.wrong_share_F[place]),
                        "right_share": float(telling.right_share_F[place]),
                        "exact": bool(telling.exact_F[place]),
                        **labels.of(int(telling.latent_F[place])),
                    }
                    for place in shown
                ],
                "problem": labels.problem,
            }
        )

    @endpoint
    def failure_latent(self, arguments: Arguments) -> Answer:
        """``failure_latent``"""
        found = self._find(arguments)
        latent = arguments.integer("latent")
        check_latent(latent, found.dictionary.n_latents)
        column = found.used_NK(arguments.choice("by", BY))[:, [latent]].toarray()[:, 0]
        return json_answer({"latent": latent, "values": [float(value) for value in column]})

    @endpoint
    def set_ablation(self, arguments: Arguments) -> Answer:
        """``set_ablation``"""
        found = self._store.set_ablation(arguments.experiment, arguments.text("run"), arguments.text("id"))
        counts = count_fates(found)
        return json_answer(
            {
                **outcome_head(arguments, found),
                "set_id": found.set_id,
                "chosen_on": found.chosen_on,
                "latents": found.latents.tolist(),
                "seeds": [control.seed for control in found.controls],
                "parts": {"all": _part(counts.all), "chosen": _part(counts.chosen), "held_out": _part(counts.held_out)},
                "items": [
                    {"number": number, "fate": fate.value, "original": before, "ablated": after, "n_firing": int(n_firing)}
                    for number, (fate, before, after, n_firing) in enumerate(
                        zip(counts.fate_N, found.original.text_N, found.ablated.text_N, found.n_firing_N, strict=True)
                    )
                    if fate.value != "unchanged"
                ],
            }
        )

    def _find(self, arguments: Arguments) -> FailureSet:
        return self._store.failure_set(arguments.experiment, arguments.text("run"), arguments.text("id"))

    def _telling(self, found: FailureSet, arguments: Arguments) -> TellingLatents:
        """The view, kept for a few choices: it takes a while in a large dictionary."""
        by, part, number = arguments.choice("by", BY), arguments.choice("part", PARTS), arguments.optional_integer("prompt")
        if number is not None and not 0 <= number < len(found.prompts):
            raise ScratchpadError(f"prompt {number} was given, the set has {len(found.prompts)}, counted from 0.")
        prompt = None if number is None else found.prompts[number]
        key = (id(found), by, part, prompt)
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or kept.failure_set is not found:
            kept = _Kept(found, latents_that_tell_apart(found, by=by, part=part, prompt=prompt))
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > _N_KEPT:
                self._kept.popitem(last=False)
        return kept.telling


def _part(part: PartCounts) -> dict[str, object]:
    return {
        "n_items": part.n_items,
        "n_firing": part.n_firing,
        "ablated": _fates(part.ablated),
        "controls": [_fates(control) for control in part.controls],
    }


def _fates(counts: FateCounts) -> dict[str, object]:
    return {
        "mended": asdict(counts.mended), "broken": asdict(counts.broken), "changed": counts.changed, "unchanged": counts.unchanged,
    }
