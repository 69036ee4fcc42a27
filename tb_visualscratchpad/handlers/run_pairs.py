"""Two runs beside each other: answers, settings, one word of both."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.event_store import EventStore, VlmRunEntry
from tb_visualscratchpad.handlers.answers import Answer, json_answer, packed_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.handlers.labels import LatentLabels, latent_labels
from tb_visualscratchpad.picture_likeness import PictureSignatures, are_alike
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.run_pairs import AnswerWord, RunPair, pair_runs, settings_of
from tb_visualscratchpad.views.word_pairs import (
    LatentPairs,
    WordAttention,
    WordLatents,
    matched_latents,
    same_latents,
    word_attention,
    word_latents,
)
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo, VlmRun
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch, match_id_of

_SECONDS = 1.5
"""So long one answer looks at pictures it has not seen; the next goes on."""
_MAX_ROWS = 200


class RunPairHandlers:
    """A pair is two runs, ``run`` and ``id``, ``other_run`` and ``other_id``."""

    def __init__(self, store: EventStore, derived: DerivedViews, guard: RequestGuard) -> None:
        self._store = store
        self._derived = derived
        self.guard = guard
        self._signatures = PictureSignatures(lambda experiment, run, run_id: store.picture(experiment, run, run_id))

    @endpoint
    def like_pictures(self, arguments: Arguments) -> Answer:
        """``like_pictures``: the other runs on the same picture."""
        wanted = (arguments.text("run"), arguments.text("id"))
        entries = self._store.listing(arguments.experiment).vlm_runs
        mine = next((one for one in entries if (one.run, one.run_id) == wanted), None)
        created = 0.0 if mine is None else mine.created
        others = [(one.run, one.run_id, one.created) for one in entries if one.has_picture and (one.run, one.run_id) != wanted]
        found, left = self._signatures.alike(arguments.experiment, (*wanted, created), others, _SECONDS)
        return json_answer({"alike": [{"run": run, "id": run_id} for run, run_id in found], "n_left": left})

    @endpoint
    def run_pair(self, arguments: Arguments) -> Answer:
        """``run_pair``"""
        a, b = self._pair(arguments)
        pair = pair_runs(a, b)
        entries = {(one.run, one.run_id): one for one in self._store.listing(arguments.experiment).vlm_runs}
        first = entries.get((arguments.text("run"), a.run_id))
        second = entries.get((arguments.text("other_run"), b.run_id))
        same_picture = self._same_picture(arguments.experiment, a, b, arguments)
        match = None if pair.same_dictionary else self._match(arguments.experiment, a.dictionary, b.dictionary)
        return json_answer(
            {
                "first": _side(arguments.text("run"), a, first, pair.words_a),
                "second": _side(arguments.text("other_run"), b, second, pair.words_b),
                "by_token": pair.by_token,
                "steps": [[step.change.value, step.original, step.other] for step in pair.diff.steps],
                "parting": _parting(pair),
                "largest_change": None
                if pair.largest_change is None
                else {"place": pair.largest_change[0], "change": pair.largest_change[1]},
                "same_picture": same_picture,
                "same_map": pair.same_map,
                "same_dictionary": pair.same_dictionary,
                "matched": match is not None,
                "common_layers": sorted(set(_single_layers(a)) & set(_single_layers(b))),
                "settings": [
                    {"name": one.name, "first": one.first, "second": one.second, "differs": one.differs}
                    for one in settings_of(a, b, steps=(_step(first), _step(second)), same_picture=same_picture)
                ],
            }
        )

    @endpoint
    def pair_word(self, arguments: Arguments) -> Answer:
        """``pair_word``: attention of a word of both, and its latents beside one another."""
        a, b = self._pair(arguments)
        limit, step = arguments.optional_integer("limit"), arguments.optional_integer("step")
        sides = [self._word(run, arguments.optional_integers(name), arguments) for run, name in ((a, "tokens"), (b, "other_tokens"))]
        (attention_a, latents_a), (attention_b, latents_b) = sides
        same = a.dictionary.dictionary_id == b.dictionary.dictionary_id
        match = None if same else self._match(arguments.experiment, a.dictionary, b.dictionary)
        pairs: LatentPairs | None = None
        if same:
            pairs = same_latents(latents_a, latents_b)
        elif match is not None:
            pairs = matched_latents(latents_a, latents_b, match)
        labels = [
            latent_labels(self._store, arguments.experiment, one.dictionary.dictionary_id, step if one is a or same else None)
            for one in (a, b)
        ]
        n_rows = _MAX_ROWS if limit is None else limit
        header = {
            "first": _word_told(attention_a, latents_a, labels[0], n_rows),
            "second": _word_told(attention_b, latents_b, labels[1], n_rows),
            "relative": pairs is not None and pairs.relative,
            "n_pairs": None if pairs is None else int(pairs.latent_a_N.size),
            "rows": None if pairs is None else [_row(pairs, n, labels) for n in range(min(n_rows, pairs.latent_a_N.size))],
            "problem": labels[0].problem or labels[1].problem,
        }
        arrays = {"attention": attention_a.attention_P, "other_attention": attention_b.attention_P}
        if pairs is not None:
            arrays |= {
                "latent": pairs.latent_a_N, "other_latent": pairs.latent_b_N, "cosine": pairs.cosine_N,
                "value": pairs.value_a_N.astype(np.float32), "other_value": pairs.value_b_N.astype(np.float32),
            }
        return packed_answer(header, arrays)

    def _word(self, run: VlmRun, tokens: tuple[int, ...], arguments: Arguments) -> tuple[WordAttention, WordLatents]:
        layers, row, view = arguments.layers, arguments.row, arguments.view
        attention = word_attention(run, tokens, layers=layers, row=row, view=view)
        return attention, word_latents(self._derived.means(run, layers, row, view), tokens)

    def _pair(self, arguments: Arguments) -> tuple[VlmRun, VlmRun]:
        keys = [(arguments.text("run"), arguments.text("id")), (arguments.text("other_run"), arguments.text("other_id"))]
        if keys[0] == keys[1]:
            raise ScratchpadError("A run cannot be compared with itself: choose another one as the second.")
        first, second = (self._store.vlm_run(arguments.experiment, *key) for key in keys)
        return first, second

    def _same_picture(self, experiment: str, a: VlmRun, b: VlmRun, arguments: Arguments) -> bool | None:
        one = self._signatures.of(experiment, arguments.text("run"), a.run_id, a.created)
        other = self._signatures.of(experiment, arguments.text("other_run"), b.run_id, b.created)
        if one is not None and other is not None:
            return are_alike(one, other)
        sizes = [(run.image_tokens.width, run.image_tokens.height) for run in (a, b)]
        return False if sizes[0] != sizes[1] else None

    def _match(self, experiment: str, dictionary: DictionaryInfo, other: DictionaryInfo) -> DictionaryMatch | None:
        return find_match(self._store, experiment, dictionary.dictionary_id, other.dictionary_id)


def find_match(store: EventStore, experiment: str, dictionary_id: str, other_id: str) -> DictionaryMatch | None:
    """The match of two dictionaries, told from the first, whichever way it was logged; None where there is none.

    Raises:
        UnreadableEvidence: it is damaged.
    """
    try:
        return store.dictionary_match(experiment, match_id_of(dictionary_id, other_id))
    except EvidenceNotFound:
        pass  # perhaps logged the other way around
    try:
        return store.dictionary_match(experiment, match_id_of(other_id, dictionary_id)).reversed()
    except EvidenceNotFound:
        return None


def _single_layers(run: VlmRun) -> tuple[int, ...]:
    return () if run.attention.per_layer_LTI is None else run.attention.layers


def _step(entry: VlmRunEntry | None) -> int | None:
    return None if entry is None else entry.step


def _side(directory: str, run: VlmRun, entry: VlmRunEntry | None, words: tuple[AnswerWord, ...]) -> dict[str, object]:
    return {
        "run": directory,
        "id": run.run_id,
        "name": run.name,
        "prompt": run.prompt,
        "output_text": run.output_text,
        "truncated": run.truncated,
        "step": _step(entry),
        "series_id": run.series_id,
        "dictionary": {"id": run.dictionary.dictionary_id, "name": run.dictionary.name, "n_latents": run.dictionary.n_latents},
        "vlm_name": run.dictionary.vlm_name,
        "steered": run.steering is not None,
        "picture": {
            "width": run.image_tokens.width, "height": run.image_tokens.height, "has_picture": run.picture is not None,
            "has_tiles": run.image_tokens.tile_rows > 0,
        },
        "words": [{"text": word.text, "tokens": list(word.tokens), "logprob": word.logprob} for word in words],
        "reductions": list(run.reductions),
    }


def _parting(pair: RunPair) -> dict[str, object] | None:
    parting = pair.parting
    if parting is None:
        return None
    return {"number": parting.number, "first_in_second": parting.first_in_second, "second_in_first": parting.second_in_first}


def _word_told(attention: WordAttention, latents: WordLatents, labels: LatentLabels, n_rows: int) -> dict[str, object]:
    order = np.lexsort((latents.latent_F, -latents.weighted_F))[:n_rows]
    return {
        "mass": attention.mass,
        "attention_reason": attention.reason,
        "reason": latents.reason,
        "n_firing": int((latents.weighted_F > 0).sum()),
        "top": [
            {"latent": int(latents.latent_F[at]), "value": float(latents.weighted_F[at]), **labels.of(int(latents.latent_F[at]))}
            for at in order
            if latents.weighted_F[at] > 0
        ],
    }


def _row(pairs: LatentPairs, number: int, labels: list[LatentLabels]) -> dict[str, object]:
    a, b = int(pairs.latent_a_N[number]), int(pairs.latent_b_N[number])
    named = labels[0].of(a) if a >= 0 else labels[1].of(b)
    return {
        "latent": a if a >= 0 else None,
        "other_latent": b if b >= 0 else None,
        "cosine": float(pairs.cosine_N[number]) if a >= 0 and b >= 0 else None,
        "mutual": bool(pairs.mutual_N[number]),
        "value": float(pairs.value_a_N[number]),
        "other_value": float(pairs.value_b_N[number]),
        **named,
        "other_label": labels[1].of(b)["label"] if b >= 0 else None,
    }
