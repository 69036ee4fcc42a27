"""The latents of a run: which words use them, which rank first, where they fire."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer, packed_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.derived import DerivedViews, KnownNames
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.attribution import check_latent, latent_attribution, summed_attribution
from tb_visualscratchpad.views.clusters import DEFAULT_CUT, ClusteredMatrix, cluster_columns
from tb_visualscratchpad.views.matrix import matrix_with_columns
from tb_visualscratchpad.views.means import LatentMeans, means_of_several
from tb_visualscratchpad.views.missed_latents import N_FIRST, missed_latents
from tb_visualscratchpad.views.ranking import RankedLatent, rank_latents, ranks_of_latent
from tb_visualscratchpad.views.thresholds import Thresholds
from tb_visualscratchpad.views.token_rows import text_token
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence
from tb_visualscratchpad.wire.evidence import LatentOrder, VlmRun

CLUSTERED, STRENGTH = "clustered", "strength"
_MAX_RANKS = 200


class RunLatentHandlers:
    """Token-latent matrix, ranking, one latent and its map."""

    def __init__(self, store: EventStore, derived: DerivedViews, guard: RequestGuard) -> None:
        self._store = store
        self._derived = derived
        self.guard = guard

    @endpoint
    def token_latent_matrix(self, arguments: Arguments) -> Answer:
        """``token_latent_matrix``: the columns of the run's leaf order that pass the thresholds."""
        run, thresholds = self._find(arguments), arguments.thresholds
        layers, row, view = arguments.layers, arguments.row, arguments.view
        prompt = arguments.choice("prompt", ("0", "1")) == "1"
        values = arguments.choice("values", ("1", "0")) == "1"
        weights = arguments.choice("weights", ("0", "1")) == "1"
        cut, n_clusters = arguments.optional_number("cut"), arguments.optional_integer("n_clusters")
        by_strength = arguments.choice("order", (CLUSTERED, STRENGTH)) == STRENGTH
        statistics = self._statistics(arguments, run, thresholds)
        means = self._derived.means(run, layers, row, view, arguments.with_sinks)
        # Of all patches, sinks or not: leaving them out changes values, as thresholds choose columns, and moves none.
        order = self._derived.order(run, layers, row, view, prompt)
        keep = thresholds.passing(run, statistics, order.latent_C)
        heights = self._derived.heights(run, order)
        if by_strength:
            order, keep = _by_strength(means, order, keep, prompt)
        found = cluster_columns(
            means,
            order,
            keep=keep,
            cut=DEFAULT_CUT if cut is None else cut,
            n_clusters=n_clusters,
            include_prompt=prompt,
            n_candidates=int(thresholds.passing(run, statistics, means.latent_F).sum()),
            heights=heights,
        )
        names = self._derived.names(run, statistics, layers, row, view, prompt, arguments.with_sinks)
        used_cut = None if n_clusters is not None else DEFAULT_CUT if cut is None else cut
        reason = "The columns are in order of strength." if by_strength else found.reason
        header = _matrix_header(found, int(means.latent_F.size), used_cut, reason, names, with_words=weights)
        return packed_answer(header, _matrix_arrays(found, with_values=values, with_weights=weights))

    @endpoint
    def latent_ranking(self, arguments: Arguments) -> Answer:
        """``latent_ranking``"""
        run, thresholds = self._find(arguments), arguments.thresholds
        token, means = self._of_tokens(arguments, run)
        limit = arguments.optional_integer("limit")
        statistics = self._statistics(arguments, run, thresholds)
        ranking = rank_latents(
            run,
            token,
            by=arguments.choice("by", ("weighted", "plain")),
            statistics=statistics,
            max_frequency=thresholds.max_frequency,
            min_mean=thresholds.min_mean,
            limit=_MAX_RANKS if limit is None else limit,
            means=means,
        )
        return json_answer(
            {
                "token": token,
                "tokens": list(arguments.tokens),
                "defined": ranking.defined,
                "reason": ranking.reason,
                "n_firing": ranking.n_firing,
                "n_passing": ranking.n_passing,
                "rows": [_ranked(one, statistics) for one in ranking.rows],
            }
        )

    @endpoint
    def latent_ranks(self, arguments: Arguments) -> Answer:
        """``latent_ranks``: one latent's places in what ``latent_ranking`` would list, at a fraction of its cost."""
        run, latent, thresholds = self._find(arguments), arguments.integer("latent"), arguments.thresholds
        check_latent(latent, run.latents.n_latents)
        token, means = self._of_tokens(arguments, run)
        statistics = self._statistics(arguments, run, thresholds)
        ranks = ranks_of_latent(means, token, latent, thresholds.passing(run, statistics, means.latent_F))
        return json_answer({"token": token, "tokens": list(arguments.tokens), "latent": latent, **asdict(ranks)})

    @endpoint
    def missed_latents(self, arguments: Arguments) -> Answer:
        """``missed_latents``: of every answer word, what a ranking by B would not show."""
        run, thresholds = self._find(arguments), arguments.thresholds
        means = self._derived.means(run, arguments.layers, arguments.row, arguments.view, arguments.with_sinks)
        statistics = self._statistics(arguments, run, thresholds)
        found = missed_latents(means, thresholds.passing(run, statistics, means.latent_F))
        return json_answer({"n_first": N_FIRST, "words": [asdict(one) for one in found]})

    @endpoint
    def latent(self, arguments: Arguments) -> Answer:
        """``latent``"""
        run, latent = self._find(arguments), arguments.integer("latent")
        check_latent(latent, run.latents.n_latents)
        means = self._derived.means(run, arguments.layers, arguments.row, arguments.view, arguments.with_sinks)
        several = arguments.several_tokens
        together = means_of_several(means, [text_token(run, one).index for one in several]) if several else None
        statistics = self._statistics(arguments, run, Thresholds())
        place = means.place_of(latent)
        output = np.flatnonzero(means.output_T)
        weighted = np.zeros(output.size) if place is None else means.weighted_FT[place, output]
        return json_answer(
            {
                "latent": latent,
                "plain": 0.0 if place is None else float(means.plain_F[place]),
                "by_token": {
                    "index": means.token_T[output].tolist(),
                    "weighted": [
                        float(value) if means.defined_T[column] else None
                        for column, value in zip(output, weighted, strict=True)
                    ],
                },
                "together": None
                if together is None
                else {
                    "tokens": list(several),
                    "weighted": None if together.reason_T[0] else 0.0 if place is None else float(together.weighted_FT[place, 0]),
                },
                "n_firing_patches": 0 if place is None else int(means.n_firing_F[place]),
                "n_patches": means.n_patches,
                "statistics": None if statistics is None else _statistics_of(statistics, latent),
            }
        )

    @endpoint
    def latent_attribution(self, arguments: Arguments) -> Answer:
        """``latent_attribution``"""
        found = latent_attribution(self._find(arguments), arguments.integer("latent"), arguments.view)
        return packed_answer(
            {"latent": found.latent, "maximum": found.maximum, "n_firing": found.n_firing}, {"value": found.value_P}
        )

    @endpoint
    def latents_attribution(self, arguments: Arguments) -> Answer:
        """``latents_attribution``"""
        found = summed_attribution(self._find(arguments), arguments.integers("latents"), arguments.view)
        return packed_answer({"maximum": found.maximum, "n_firing": found.n_firing}, {"value": found.value_P})

    def _of_tokens(self, arguments: Arguments, run: VlmRun) -> tuple[int, LatentMeans]:
        """The token that is asked about, or the first of several, and means under which its C is that of them together."""
        tokens = [text_token(run, index).index for index in arguments.tokens]
        means = self._derived.means(run, arguments.layers, arguments.row, arguments.view, arguments.with_sinks)
        return tokens[0], means_of_several(means, tokens) if len(tokens) > 1 else means

    def _find(self, arguments: Arguments) -> VlmRun:
        return self._store.vlm_run(arguments.experiment, arguments.text("run"), arguments.text("id"))

    def _statistics(self, arguments: Arguments, run: VlmRun, thresholds: Thresholds) -> LatentStatistics | None:
        """Statistics of the run's dictionary at ``step``, None where there are none.

        Unreadable ones are an error only for what needs them; ``vlm_run`` reports them in any case.
        """
        try:
            step = arguments.optional_integer("step")
            return self._store.latent_statistics(arguments.experiment, run.dictionary.dictionary_id, step)
        except EvidenceNotFound:
            return None
        except UnreadableEvidence:
            if not thresholds.off:
                raise
            return None


def _by_strength(
    means: LatentMeans, order: LatentOrder, keep: np.ndarray, prompt: bool
) -> tuple[LatentOrder, np.ndarray]:
    """The kept columns by falling max_t C (ties: lower latent), without their tree."""
    latents = np.sort(order.latent_C[keep])
    strength = matrix_with_columns(means, latents, include_prompt=prompt).column_max_C
    latents = latents[np.argsort(-strength, kind="stable")]
    return LatentOrder(latents, np.zeros((0, 4))), np.ones(latents.size, dtype=bool)


def _matrix_header(
    found: ClusteredMatrix, n_firing: int, cut: float | None, reason: str | None, names: KnownNames, *, with_words: bool
) -> dict[str, object]:
    matrix = found.matrix
    return {
        "tokens": matrix.token_T.tolist(),
        "left_out": [{"index": index, "reason": reason} for index, reason in matrix.left_out],
        "n_firing": n_firing,
        "n_candidates": matrix.n_candidates,
        "capped": matrix.capped,
        "clustered": found.clustered,
        "reason": reason,
        "cut": cut,
        "clusters": [
            {
                "index": number,
                "start": cluster.start,
                "count": cluster.count,
                "name": names.of(cluster),
                "kind": cluster.kind.value,
                **({"words": list(cluster.word_indices)} if with_words else {}),
            }
            for number, cluster in enumerate(found.clusters)
        ],
    }


def _matrix_arrays(found: ClusteredMatrix, *, with_values: bool, with_weights: bool) -> dict[str, np.ndarray]:
    matrix = found.matrix
    counts = [cluster.count for cluster in found.clusters]
    return {
        **({"value": matrix.normalised_TC} if with_values else {}),
        "column_max": matrix.column_max_C,
        "latent": matrix.latent_C.astype(np.int32),
        "cluster": np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        if counts
        else np.full(matrix.latent_C.size, -1, dtype=np.int32),
        "linkage": found.linkage,
        # Hundreds of clusters by hundreds of tokens, as the words are: as much as all the rest.
        **({"cluster_weight": _cluster_weights(found)} if with_weights else {}),
    }


def _cluster_weights(found: ClusteredMatrix) -> np.ndarray:
    """float32 [G, T], the sum of each cluster's C on each token."""
    weight_GT = np.zeros((len(found.clusters), found.matrix.token_T.size), dtype=np.float32)
    for number, cluster in enumerate(found.clusters):
        weight_GT[number] = cluster.weight_T
    return weight_GT


def _ranked(one: RankedLatent, statistics: LatentStatistics | None) -> dict[str, object]:
    known = None if statistics is None else _statistics_of(statistics, one.latent)
    return {
        "rank": one.rank,
        "latent": one.latent,
        "weighted": one.weighted,
        "plain": one.plain,
        "lift": one.lift,
        "label": None if known is None else known["label"],
        "label_share": None if known is None else known["label_share"],
        "frequency": None if known is None else known["image_frequency"],
        "mean": None if known is None else known["mean"],
    }


def _statistics_of(statistics: LatentStatistics, latent: int) -> dict[str, object]:
    """One latent's statistics; a dead one has no mean, entropy or label."""
    alive = bool(statistics.alive_K[latent])
    label = int(statistics.top_label_K[latent])
    return {
        "alive": alive,
        "image_frequency": float(statistics.image_frequency_K[latent]),
        "patch_frequency": float(statistics.patch_frequency_K[latent]),
        "mean": float(statistics.mean_activation_K[latent]) if alive else None,
        "label_entropy": float(statistics.label_entropy_K[latent])
        if statistics.label_entropy_defined_K[latent]
        else None,
        "label": statistics.label_names[label] if label >= 0 else None,
        "label_share": float(statistics.top_label_share_K[latent]) if label >= 0 else None,
    }
