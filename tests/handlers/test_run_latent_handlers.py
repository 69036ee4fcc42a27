from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.cluster import hierarchy

from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.run_latents import RunLatentHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views import (
    Thresholds,
    cluster_columns,
    cluster_name,
    compute_latent_order,
    latent_attribution,
    latent_means,
    rank_latents,
    token_latent_matrix,
)
from tb_visualscratchpad.views.missed_latents import missed_latents
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tb_visualscratchpad.wire.evidence import LatentOrder, Span, VlmRun
from tests.handlers.held_evidence import HeldEvidence, ask, sentence, unpack
from tests.random_evidence import random_statistics, random_vlm_run

NAMES = {"run": ".", "id": "run-61"}


@pytest.fixture
def run() -> VlmRun:
    run = random_vlm_run(61, n_output=8)
    return replace(run, order=compute_latent_order(run))


@pytest.fixture
def statistics(run: VlmRun) -> LatentStatistics:
    return random_statistics(62, dictionary=run.dictionary)


@pytest.fixture
def store(run: VlmRun, statistics: LatentStatistics) -> HeldEvidence:
    return HeldEvidence({(".", "run-61"): run}, {("statistics", run.dictionary.dictionary_id): statistics})


@pytest.fixture
def handlers(store: HeldEvidence) -> RunLatentHandlers:
    return RunLatentHandlers(store, DerivedViews(), RequestGuard(None))


@pytest.mark.parametrize(
    ("query", "choice"),
    [
        ({}, {}),
        ({"layers": "0,1"}, {"layers": [0, 1]}),
        ({"row": "own"}, {"row": "own"}),
        ({"view": "base"}, {"view": "base"}),
        ({"view": "tiles", "row": "own", "layers": "2"}, {"view": "tiles", "row": "own", "layers": [2]}),
        ({"prompt": "1"}, {"include_prompt": True}),
    ],
)
@pytest.mark.parametrize("thresholds", [{}, {"max_frequency": 0.1}, {"max_frequency": 0.5, "min_mean": 0.6}])
@pytest.mark.parametrize("cut", [{}, {"cut": 0.7}, {"n_clusters": 4}])
def test_matrix_equals_the_views(
    handlers: RunLatentHandlers,
    run: VlmRun,
    statistics: LatentStatistics,
    query: dict[str, str],
    choice: dict[str, object],
    thresholds: dict[str, float],
    cut: dict[str, float],
) -> None:
    header, arrays = unpack(ask(handlers.token_latent_matrix, **NAMES, **query, **thresholds, **cut, weights=1))
    include_prompt = bool(choice.get("include_prompt"))
    means = latent_means(run, **{name: value for name, value in choice.items() if name != "include_prompt"})
    order = compute_latent_order(run, **choice)
    bounds = Thresholds(**thresholds)
    keep = bounds.passing(run, statistics, order.latent_C)
    expected = cluster_columns(means, order, keep=keep, include_prompt=include_prompt, **cut)
    np.testing.assert_array_equal(arrays["latent"], order.latent_C[keep])
    np.testing.assert_array_equal(arrays["value"], expected.matrix.normalised_TC)
    np.testing.assert_array_equal(arrays["column_max"], expected.matrix.column_max_C)
    np.testing.assert_array_equal(arrays["linkage"], expected.linkage)
    assert arrays["linkage"].shape == (keep.sum() - 1, 4) and hierarchy.is_valid_linkage(arrays["linkage"])
    assert header["tokens"] == expected.matrix.token_T.tolist()
    assert header["clustered"] is True and header["reason"] is None and header["capped"] is False
    assert header["n_candidates"] == bounds.passing(run, statistics, means.latent_F).sum() == keep.sum()
    assert header["n_firing"] == means.latent_F.size
    assert header["cut"] == (None if "n_clusters" in cut else cut.get("cut", 0.3))
    assert len(header["clusters"]) == len(expected.clusters)
    if "n_clusters" in cut:
        assert len(header["clusters"]) == 4
    for number, (found, cluster) in enumerate(zip(header["clusters"], expected.clusters, strict=True)):
        assert found == {
            "index": number,
            "start": cluster.start,
            "count": cluster.count,
            "name": cluster_name(run, cluster, statistics),
            "kind": cluster.kind.value,
            "words": list(cluster.word_indices),
        }
        columns = slice(cluster.start, cluster.start + cluster.count)
        assert (arrays["cluster"][columns] == number).all()
        np.testing.assert_allclose(arrays["cluster_weight"][number], cluster.weight_T, rtol=1e-6)


@pytest.mark.parametrize("order", ["clustered", "strength"])
@pytest.mark.parametrize("prompt", [0, 1])
def test_columns_picked_from_the_whole_matrix_are_the_masked_one(
    handlers: RunLatentHandlers, store: HeldEvidence, order: str, prompt: int
) -> None:
    """A slider dragged to and fro, with dead latents among the others and bounds that leave one column or none."""
    same = {**NAMES, "prompt": prompt}
    _, whole = unpack(ask(handlers.token_latent_matrix, **same))
    for bounds in ({}, {"max_frequency": 0.1}, {"min_mean": 0.5}, {"max_frequency": 0.03}, {"max_frequency": 0}, {"min_mean": 1e6}, {}):
        for cut in (0.1, 0.8):
            asked = {**same, **bounds, "cut": cut, "order": order}
            # a plugin that was never asked before has no name at hand
            fresh = RunLatentHandlers(store, DerivedViews(), RequestGuard(None))
            expected_header, expected = unpack(ask(fresh.token_latent_matrix, **asked))
            header, arrays = unpack(ask(handlers.token_latent_matrix, **asked, values=0))
            assert header == expected_header
            places = [whole["latent"].tolist().index(latent) for latent in arrays["latent"]]
            np.testing.assert_array_equal(whole["value"][:, places], expected.pop("value"))
            assert arrays.keys() == expected.keys()
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, expected[name])


def test_the_default_matrix_is_the_exported_order_masked(store: HeldEvidence, run: VlmRun) -> None:
    backwards = LatentOrder(run.order.latent_C[::-1].copy(), np.zeros((0, 4)))
    store.runs[".", "run-61"] = replace(run, order=backwards)
    handlers = RunLatentHandlers(store, DerivedViews(), RequestGuard(None))
    header, arrays = unpack(ask(handlers.token_latent_matrix, **NAMES))
    assert arrays["latent"].tolist() == backwards.latent_C.tolist() and header["clustered"] is False
    _, own = unpack(ask(handlers.token_latent_matrix, **NAMES, row="own"))
    assert own["latent"].tolist() != backwards.latent_C.tolist()


def test_a_run_without_an_exported_order_is_clustered_once(
    store: HeldEvidence, run: VlmRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.runs[".", "run-61"] = replace(run, order=None)
    handlers = RunLatentHandlers(store, DerivedViews(), RequestGuard(None))
    first = ask(handlers.token_latent_matrix, **NAMES).data

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("clustered or weighed a second time")

    monkeypatch.setattr("tb_visualscratchpad.handlers.derived.compute_latent_order", fail)
    monkeypatch.setattr("tb_visualscratchpad.handlers.derived.latent_means", fail)
    assert ask(handlers.token_latent_matrix, **NAMES).data == first
    assert ask(handlers.token_latent_matrix, **NAMES, layers="0,1,2").data == first
    assert ask(handlers.token_latent_matrix, **NAMES, max_frequency=0.2, cut=1).status_code == 200


def test_order_by_strength(handlers: RunLatentHandlers, run: VlmRun, statistics: LatentStatistics) -> None:
    header, arrays = unpack(ask(handlers.token_latent_matrix, **NAMES, order="strength", max_frequency=0.3))
    expected = token_latent_matrix(run, statistics=statistics, max_frequency=0.3)
    assert arrays["latent"].tolist() == expected.latent_C.tolist()
    np.testing.assert_array_equal(arrays["value"], expected.normalised_TC)
    assert header["clustered"] is False and "strength" in header["reason"] and header["clusters"] == []
    assert (arrays["cluster"] == -1).all() and arrays["linkage"].shape == (0, 4)


def test_thresholds_that_leave_none(handlers: RunLatentHandlers, run: VlmRun) -> None:
    header, arrays = unpack(ask(handlers.token_latent_matrix, **NAMES, min_mean=1e6))
    assert arrays["value"].shape == (8, 0) and arrays["latent"].size == 0 and header["n_candidates"] == 0 < header["n_firing"]
    assert header["clustered"] is False and header["clusters"] == [] and header["reason"]
    ranking = ask(handlers.latent_ranking, **NAMES, token=len(run.tokens) - 1, min_mean=1e6).json
    assert ranking["rows"] == [] and ranking["n_passing"] == 0 and ranking["n_firing"] > 0 and ranking["defined"]


@pytest.mark.parametrize("n_output", [0, 1, 2])
def test_short_answers_have_a_matrix_but_no_clusters(store: HeldEvidence, n_output: int) -> None:
    store.runs[".", "short"] = random_vlm_run(63, n_output=n_output, ordered=False)
    handlers = RunLatentHandlers(store, DerivedViews(), RequestGuard(None))
    header, arrays = unpack(ask(handlers.token_latent_matrix, run=".", id="short"))
    assert arrays["value"].shape[0] == n_output and header["clustered"] is False and "3 tokens" in header["reason"]


def test_more_than_800_candidates_are_capped(store: HeldEvidence) -> None:
    store.runs[".", "wide"] = random_vlm_run(64, n_latents=4000, n_firing=200, n_output=3, ordered=False)
    handlers = RunLatentHandlers(store, DerivedViews(), RequestGuard(None))
    header, arrays = unpack(ask(handlers.token_latent_matrix, run=".", id="wide"))
    assert arrays["latent"].size == 800 and header["capped"] is True and header["n_candidates"] > 800


def test_what_the_plain_mean_misses_is_told_of_every_word(
    handlers: RunLatentHandlers, run: VlmRun, statistics: LatentStatistics
) -> None:
    for query in ({}, {"max_frequency": "0.1", "view": "base"}):
        found = ask(handlers.missed_latents, **NAMES, **query).json
        means = latent_means(run, view=query.get("view", "both"))
        passing = Thresholds(0.1 if query else None).passing(run, statistics, means.latent_F)
        assert found == {"n_first": 10, "words": [asdict(one) for one in missed_latents(means, passing)]}


@pytest.mark.parametrize("query", [{}, {"by": "plain"}, {"row": "own"}, {"view": "base", "layers": "1"}, {"max_frequency": "0.2", "min_mean": "0.4"}])
def test_ranking_equals_the_view(
    handlers: RunLatentHandlers, run: VlmRun, statistics: LatentStatistics, query: dict[str, str]
) -> None:
    wanted = {name: float(value) if name.startswith("m") else value for name, value in query.items()}
    if "layers" in wanted:
        wanted["layers"] = [1]
    for token in run.tokens.indices(Span.SYSTEM, Span.OUTPUT).tolist():
        found = ask(handlers.latent_ranking, **NAMES, token=token, **query).json
        expected = rank_latents(run, token, statistics=statistics, **wanted)
        assert (found["token"], found["defined"], found["reason"]) == (token, expected.defined, expected.reason)
        assert (found["n_firing"], found["n_passing"]) == (expected.n_firing, expected.n_passing)
        assert len(found["rows"]) == len(expected.rows)
        for row, one in zip(found["rows"], expected.rows, strict=True):
            k = one.latent
            alive, label = statistics.n_patches_firing_K[k] > 0, statistics.top_label_K[k]
            assert row == {
                "rank": one.rank,
                "latent": k,
                "weighted": one.weighted,
                "plain": one.plain,
                "lift": one.lift,
                "label": statistics.label_names[label] if label >= 0 else None,
                "label_share": float(statistics.top_label_share_K[k]) if label >= 0 else None,
                "frequency": statistics.n_images_firing_K[k] / statistics.n_images,
                "mean": statistics.activation_sum_K[k] / statistics.n_patches_firing_K[k] if alive else None,
            }
        assert ask(handlers.latent_ranking, **NAMES, token=token, limit=2, **query).json["rows"] == found["rows"][:2]
        for row in found["rows"][:5]:
            ranks = ask(handlers.latent_ranks, **NAMES, token=token, latent=row["latent"], **query).json
            assert (ranks[query.get("by", "weighted")], ranks["n_passing"]) == (row["rank"], found["n_passing"])


@pytest.mark.parametrize("query", [{}, {"row": "own"}, {"view": "tiles", "layers": "0"}])
def test_latent(
    handlers: RunLatentHandlers, run: VlmRun, statistics: LatentStatistics, query: dict[str, str]
) -> None:
    layers = [0] if "layers" in query else None
    means = latent_means(run, layers=layers, row=query.get("row", "producing"), view=query.get("view", "both"))
    output = run.tokens.indices(Span.OUTPUT).tolist()
    for latent in range(run.latents.n_latents):
        found = ask(handlers.latent, **NAMES, latent=latent, **query).json
        attribution = latent_attribution(run, latent, query.get("view", "both"))
        place = means.place_of(latent)
        assert found["by_token"]["index"] == output
        expected = [
            None
            if not means.defined_T[means.column_of(token)]
            else 0.0
            if place is None
            else float(means.weighted_FT[place, means.column_of(token)])
            for token in output
        ]
        assert found["by_token"]["weighted"] == expected
        assert found["n_firing_patches"] == attribution.n_firing and found["n_patches"] == means.n_patches
        assert found["plain"] == pytest.approx(float(attribution.value_P.sum()) / means.n_patches, rel=1e-5)
        told = found["statistics"]
        alive = bool(statistics.alive_K[latent])
        assert told["alive"] is alive and (told["mean"] is None) == (not alive)
        defined = bool(statistics.label_entropy_defined_K[latent])
        assert told["label_entropy"] == (float(statistics.label_entropy_K[latent]) if defined else None)
        assert told["patch_frequency"] == statistics.patch_frequency_K[latent]


def test_latent_attribution(handlers: RunLatentHandlers, run: VlmRun) -> None:
    for view in ("both", "base", "tiles"):
        for latent in (0, 1, 63):
            header, arrays = unpack(ask(handlers.latent_attribution, **NAMES, latent=latent, view=view))
            expected = latent_attribution(run, latent, view)
            np.testing.assert_array_equal(arrays["value"], expected.value_P)
            assert header == {"latent": latent, "maximum": expected.maximum, "n_firing": expected.n_firing}


def test_latents_attribution(handlers: RunLatentHandlers, run: VlmRun) -> None:
    header, arrays = unpack(ask(handlers.latents_attribution, **NAMES, latents="0.1.63", view="tiles"))
    expected = sum(latent_attribution(run, latent, "tiles").value_P for latent in (0, 1, 63))
    np.testing.assert_allclose(arrays["value"], expected, rtol=1e-6)
    assert header["n_firing"] == np.count_nonzero(expected) and header["maximum"] == pytest.approx(expected.max())
    for wrong in ("", "1..2", "1,2", "64"):
        assert ask(handlers.latents_attribution, **NAMES, latents=wrong).status_code == 400


def test_without_statistics_only_thresholds_are_refused(store: HeldEvidence, run: VlmRun) -> None:
    store.of_dictionary.clear()
    handlers = RunLatentHandlers(store, DerivedViews(), RequestGuard(None))
    token = len(run.tokens) - 1
    assert ask(handlers.token_latent_matrix, **NAMES).status_code == 200
    row = ask(handlers.latent_ranking, **NAMES, token=token).json["rows"][0]
    assert (row["label"], row["label_share"], row["frequency"], row["mean"]) == (None,) * 4
    assert ask(handlers.latent, **NAMES, latent=0).json["statistics"] is None
    assert "no latent statistics" in sentence(ask(handlers.token_latent_matrix, **NAMES, max_frequency=0.5), 400)
    assert "no latent statistics" in sentence(ask(handlers.latent_ranking, **NAMES, token=token, min_mean=0.5), 400)
    # Damaged ones likewise: what does not need them goes on.
    store.of_dictionary["statistics", run.dictionary.dictionary_id] = UnreadableEvidence("They are damaged: log them again.")
    assert ask(handlers.token_latent_matrix, **NAMES).status_code == 200
    assert "damaged" in sentence(ask(handlers.token_latent_matrix, **NAMES, max_frequency=0.5), 422)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "words"),
    [
        ("token_latent_matrix", {"cut": "x"}, "cut 'x'"),
        ("token_latent_matrix", {"cut": "nan"}, "cut 'nan'"),
        ("token_latent_matrix", {"cut": "3"}, "between 0 and 2"),
        ("token_latent_matrix", {"n_clusters": "0"}, "1 or more"),
        ("token_latent_matrix", {"n_clusters": "1.5"}, "whole number"),
        ("token_latent_matrix", {"order": "name"}, "clustered, strength"),
        ("token_latent_matrix", {"prompt": "yes"}, "0, 1"),
        ("token_latent_matrix", {"max_frequency": "2"}, "from 0 to 1"),
        ("token_latent_matrix", {"min_mean": "-1"}, "0 or more"),
        ("token_latent_matrix", {"layers": "0,7"}, "recorded are"),
        ("latent_ranking", {}, "'token' is missing"),
        ("latent_ranking", {"token": "5"}, "part of the image"),
        ("latent_ranking", {"token": "0", "by": "lift"}, "weighted, plain"),
        ("latent_ranking", {"token": "0", "limit": "0"}, "1 or more"),
        ("latent", {}, "'latent' is missing"),
        ("latent", {"latent": "64"}, "0 to 63"),
        ("latent", {"latent": "-1"}, "0 to 63"),
        ("latent_attribution", {"latent": "64"}, "0 to 63"),
        ("latent_attribution", {"latent": "0", "view": "x"}, "'base' or 'tiles'"),
    ],
)
def test_bad_arguments_get_a_sentence(
    handlers: RunLatentHandlers, endpoint: str, arguments: dict[str, str], words: str
) -> None:
    assert words in sentence(ask(getattr(handlers, endpoint), **NAMES, **arguments), 400)
