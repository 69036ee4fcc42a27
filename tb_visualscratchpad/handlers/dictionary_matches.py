"""Latents in another dictionary: one latent's counterparts, and a dictionary as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

import numpy as np

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.handlers.labels import LatentLabels, latent_labels
from tb_visualscratchpad.handlers.run_pairs import find_match
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.attribution import check_latent
from tb_visualscratchpad.views.counterparts import between, coverage
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, SaeMetrics
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch

_MAX_ROWS = 200
Evidence = TypeVar("Evidence")


class DictionaryMatchHandlers:
    """What was matched, told from the dictionary that is asked about, whichever way it was logged."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard

    @endpoint
    def latent_counterparts(self, arguments: Arguments) -> Answer:
        """``latent_counterparts``: a latent in every dictionary that this one was matched with."""
        identity, latent = arguments.text("id"), arguments.integer("latent")
        found, problems = [], []
        for other_id in self._matched_with(arguments.experiment, identity):
            try:
                match = find_match(self._store, arguments.experiment, identity, other_id)
            except UnreadableEvidence as error:
                problems.append(str(error))
                continue
            if match is None:
                continue
            check_latent(latent, match.dictionary.n_latents)
            labels = latent_labels(self._store, arguments.experiment, other_id)
            problems += [] if labels.problem is None else [labels.problem]
            found.append(
                {
                    "dictionary": {"id": other_id, "name": match.other.name, "sae_name": match.other.sae_name},
                    "same_features": _same_features(match),
                    "mutual": bool(match.mutual_K[latent]),
                    "counterparts": [
                        {"latent": int(other), "cosine": float(cosine), **labels.of(int(other)), **_frequency(labels, int(other))}
                        for other, cosine in zip(match.forward_latent_Kn[latent], match.forward_cosine_Kn[latent], strict=True)
                        if other >= 0
                    ],
                }
            )
        return json_answer({"id": identity, "latent": latent, "matches": found, "problems": problems})

    @endpoint
    def dictionary_pair(self, arguments: Arguments) -> Answer:
        """``dictionary_pair``: how much of a dictionary another one has, and which latents lie in a range of cosines."""
        identity, other_id = arguments.text("id"), arguments.text("other")
        low, high = arguments.optional_number("low"), arguments.optional_number("high")
        limit, dead = arguments.optional_integer("limit"), arguments.choice("dead", ("0", "1")) == "1"
        match = find_match(self._store, arguments.experiment, identity, other_id)
        if match is None:
            raise EvidenceNotFound(
                f"The dictionaries {identity[:12]!r} and {other_id[:12]!r} were not matched in this log: "
                "run `visualscratchpad match-sae` with both SAEs and the same --logdir."
            )
        low, high = -1.0 if low is None else low, 0.7 if high is None else high
        if not low < high:
            raise ScratchpadError(f"low {low:g} and high {high:g} were given, expected is low under high, such as -1 and 0.7.")
        sides = [
            _Side(self._store, arguments.experiment, one, step)
            for one, step in ((identity, arguments.optional_integer("step")), (other_id, None))
        ]
        first, second = sides
        statistics = first.labels.statistics
        chosen = between(match, statistics, low, high, dead=dead)
        n_rows = _MAX_ROWS if limit is None else limit
        image_sets = [one.labels.statistics.image_set_id for one in sides if one.labels.statistics is not None]
        return json_answer(
            {
                "first": {**_told(match, statistics), **first.figures},
                "second": {**_told(match.reversed(), second.labels.statistics), **second.figures},
                "same_features": _same_features(match),
                "same_images": image_sets[0] == image_sets[1] if len(image_sets) == 2 else None,
                "low": low,
                "high": high,
                "n_listed": int(chosen.size),
                "n_dead_left_out": 0 if dead else int(between(match, statistics, low, high, dead=True).size - chosen.size),
                "rows": [_row(match, int(latent), first.labels, second.labels) for latent in chosen[:n_rows]],
                "problems": [problem for one in sides for problem in one.problems],
            }
        )

    def _matched_with(self, experiment: str, identity: str) -> list[str]:
        """Identities of the dictionaries that one was matched with, the newest match first."""
        found: dict[str, None] = {}
        for entry in self._store.listing(experiment).matches:
            pair = (entry.dictionary.dictionary_id, entry.other.dictionary_id)
            if identity in pair:
                found[pair[1] if pair[0] == identity else pair[0]] = None
        return list(found)


class _Side:
    """Statistics and metrics of one of two dictionaries, as far as logged and readable."""

    def __init__(self, store: EventStore, experiment: str, identity: str, step: int | None) -> None:
        self.problems: list[str] = []
        self.labels = latent_labels(store, experiment, identity, step)
        if self.labels.problem is not None:
            self.problems.append(self.labels.problem)
        metrics: SaeMetrics | None = self._read(lambda: store.sae_metrics(experiment, identity, step))
        statistics = self.labels.statistics
        self.figures: dict[str, object] = {
            "n_images": None if statistics is None else statistics.n_images,
            "n_dense": None if metrics is None else metrics.n_dense,
            "dense_cutoff": None if metrics is None else metrics.dense_cutoff,
            "fvu": None if metrics is None else metrics.fvu,
            "l0": None if metrics is None else metrics.l0,
        }

    def _read(self, read: Callable[[], Evidence]) -> Evidence | None:
        try:
            return read()
        except EvidenceNotFound:
            return None  # not logged: the answer says so by null
        except UnreadableEvidence as error:
            self.problems.append(str(error))
            return None


def _told(match: DictionaryMatch, statistics: LatentStatistics | None) -> dict[str, object]:
    found = asdict(coverage(match, statistics))
    info = match.dictionary
    return {
        "id": info.dictionary_id, "name": info.name, "sae_name": info.sae_name, "vlm_name": info.vlm_name, "hook": info.hook,
        **found, "counts": np.asarray(found["counts"]).tolist(),
    }


def _same_features(match: DictionaryMatch) -> bool:
    """Both read one hook of one model, so that axes mean the same."""
    return (match.dictionary.vlm_name, match.dictionary.hook) == (match.other.vlm_name, match.other.hook)


def _frequency(labels: LatentLabels, latent: int) -> dict[str, object]:
    known = labels.statistics
    return {
        "frequency": None if known is None else float(known.image_frequency_K[latent]),
        "alive": None if known is None else bool(known.alive_K[latent]),
    }


def _row(match: DictionaryMatch, latent: int, labels: LatentLabels, others: LatentLabels) -> dict[str, object]:
    best = int(match.forward_latent_Kn[latent, 0])
    other = {"label": None, "label_share": None} if best < 0 else others.of(best)
    return {
        "latent": latent,
        **labels.of(latent),
        **_frequency(labels, latent),
        "other_latent": None if best < 0 else best,
        "cosine": None if best < 0 else float(match.forward_cosine_Kn[latent, 0]),
        "mutual": bool(match.mutual_K[latent]),
        "other_label": other["label"],
        "other_label_share": other["label_share"],
    }
