"""The checks of a dictionary's health against figures counted one by one, on random statistics and at the edges."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views.dictionary_health import dictionary_health, fires_at_most, metrics_health
from tb_visualscratchpad.views.health_check import Verdict, judged, percent
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, LatentStatistics, SaeMetrics
from tests.random_evidence import random_decoder_map, random_dictionary, random_metrics, random_statistics

KEYS = {"rebuilding", "sparsity", "dead", "dense", "rare", "labels", "outliers", "pictures", "duplicates"}


def _statistics(firing: list[int], *, n_images: int = 200, n_patches: int = 10_000, images: list[int] | None = None, **given: object) -> LatentStatistics:
    """Of latents that fire on so many patches, with a mean activation of 1."""
    info = random_dictionary(1, n_latents=len(firing))
    count = np.array(firing, dtype=np.int64)
    seen = np.minimum(count, n_images) if images is None else np.array(images, dtype=np.int64)
    known: dict[str, object] = {
        "dictionary": info, "image_set_id": "set", "n_images": n_images, "n_patches": n_patches, "n_images_firing_K": seen, "n_patches_firing_K": count,
        "activation_sum_K": count.astype(float), "label_names": ("cat", "dog"), "label_entropy_K": np.zeros(count.size, dtype=np.float32),
        "label_entropy_defined_K": seen >= 10, "top_label_K": np.where(count > 0, 0, -1).astype(np.int32),
        "top_label_share_K": np.where(count > 0, 1, 0).astype(np.float32),
    }
    return LatentStatistics(**{**known, **given})  # type: ignore[arg-type]


def _verdict(statistics: LatentStatistics | None, key: str, metrics: SaeMetrics | None = None, decoder_map: DecoderMap | None = None) -> Verdict:
    info = statistics.dictionary if statistics is not None else random_dictionary(1)
    check = dictionary_health(info, metrics, statistics, decoder_map).check(key)
    assert check is not None
    return check.verdict


@pytest.mark.parametrize("seed", range(12))
def test_latents_and_verdicts_are_as_counted_one_by_one(seed: int) -> None:
    info = random_dictionary(seed, n_latents=48)
    known = {"dictionary": info, "n_latents": 48}
    statistics, decoder_map = random_statistics(seed, **known), random_decoder_map(seed, **known)
    metrics = random_metrics(seed, dictionary=info)
    found = dictionary_health(info, metrics, statistics, decoder_map)
    assert {check.key for check in found.checks} == KEYS
    order = ["wrong", "look", "well", "unknown"]
    places = [order.index(check.verdict.value) for check in found.checks]
    assert places == sorted(places) and found.verdict is found.checks[0].verdict
    assert sum(found.count(verdict) for verdict in Verdict) == len(KEYS)

    alive = [latent for latent in range(48) if statistics.n_patches_firing_K[latent] > 0]
    dead = [latent for latent in range(48) if latent not in alive]
    dense = [latent for latent in alive if statistics.n_patches_firing_K[latent] / statistics.n_patches > 0.1]
    rare = [latent for latent in alive if statistics.n_images_firing_K[latent] < 10]
    mean = {latent: statistics.activation_sum_K[latent] / statistics.n_patches_firing_K[latent] for latent in alive}
    median = float(np.median(list(mean.values())))
    strong = [latent for latent in alive if mean[latent] > 10 * median]
    twins = [
        latent for latent in alive
        if any(
            other in alive and cosine > 0.9
            for other, cosine in zip(decoder_map.neighbour_KN[latent].tolist(), decoder_map.neighbour_cosine_KN[latent].tolist(), strict=True)
        )
    ]
    for key, expected in (("dead", dead), ("dense", dense), ("rare", rare), ("outliers", strong), ("duplicates", twins)):
        check = found.check(key)
        assert check is not None and check.latents.tolist() == expected, key
    work = sum(int(statistics.n_patches_firing_K[latent]) for latent in dense) / int(statistics.n_patches_firing_K.sum())
    assert _verdict(statistics, "dense") is judged(work, 0.5, 0.8)
    share = len(dead) / 48
    short = statistics.n_patches_firing_K.sum() / 48 < 100
    expected_dead = judged(share, 0.1, 0.5)
    assert _verdict(statistics, "dead") is (Verdict.LOOK if short and expected_dead is Verdict.WRONG else expected_dead)


@pytest.mark.parametrize(
    ("fvu", "verdict"),
    [(0.0, "well"), (0.2, "well"), (0.2001, "look"), (0.35, "look"), (0.36, "wrong"), (1.0, "wrong"), (7.5, "wrong"), (None, "unknown")],
)
def test_rebuilding(fvu: float | None, verdict: str) -> None:
    info = random_dictionary(3)
    check = dictionary_health(info, replace(random_metrics(3, dictionary=info), fvu=fvu), None, None).check("rebuilding")
    assert check is not None and check.verdict.value == verdict
    assert bool(check.remedy) == (verdict != "well")
    if fvu is not None and fvu > 1:
        assert "check-sae" in check.remedy and "mean of the features" in check.sentence


@pytest.mark.parametrize(
    ("activation", "l0", "verdict"),
    [
        ("topk 16", 16.0, "well"), ("topk 16", 14.4, "well"), ("topk 16", 14.3, "look"), ("topk 16", 8.0, "look"), ("topk 16", 7.9, "wrong"), ("topk", 7.9, "look"),
        ("relu", 4.0, "well"), ("relu", 4.1, "look"), ("relu", 0.9, "wrong"), ("topk 1", 1.0, "well"), ("jumprelu", 3.9, "well"),
    ],
)
def test_sparsity_against_k_or_the_width(activation: str, l0: float, verdict: str) -> None:
    info = replace(random_dictionary(3), activation=activation, d_in=16)
    check = dictionary_health(info, replace(random_metrics(3, dictionary=info), l0=l0), None, None).check("sparsity")
    assert check is not None and check.verdict.value == verdict


def test_k_is_read_from_what_is_logged_alone() -> None:
    assert [fires_at_most(text) for text in ("topk 16", "topk", "batchtopk", "relu", "topk 16 ", "topk -1")] == [16, None, None, None, None, None]


def test_a_short_sweep_calls_no_silent_latent_dead() -> None:
    assert _verdict(_statistics([200] * 4 + [0] * 6), "dead") is Verdict.LOOK, "80 firings of each in the mean"
    assert _verdict(_statistics([600] * 4 + [0] * 6), "dead") is Verdict.WRONG
    assert _verdict(_statistics([600] * 5 + [0] * 5), "dead") is Verdict.LOOK
    assert _verdict(_statistics([600] * 9 + [0]), "dead") is Verdict.WELL
    assert _verdict(_statistics([200] * 4), "pictures") is Verdict.WELL
    assert _verdict(_statistics([99] * 4), "pictures") is Verdict.LOOK
    assert _verdict(_statistics([600] * 4, n_images=99), "pictures") is Verdict.LOOK
    assert _verdict(_statistics([600] * 4, complete=False), "pictures") is Verdict.LOOK
    assert _verdict(_statistics([600] * 4, n_broken=1), "pictures") is Verdict.LOOK


def test_dense_latents_are_judged_by_the_work_they_do() -> None:
    assert _verdict(_statistics([1001] * 3 + [1000] * 4), "dense") is Verdict.WELL, "a tenth itself is not dense, and three of seven do less than half"
    assert _verdict(_statistics([5000] + [1000] * 4), "dense") is Verdict.LOOK
    assert _verdict(_statistics([9000] + [500] * 4), "dense") is Verdict.WRONG
    assert _verdict(_statistics([500] * 4), "dense") is Verdict.WELL


def test_labels_are_judged_by_the_largest_entropy_there_can_be() -> None:
    for median, verdict in ((0.79 * math.log(2), Verdict.WELL), (0.81 * math.log(2), Verdict.LOOK)):
        statistics = _statistics([600] * 3, label_entropy_K=np.array([0, median, math.log(2)], dtype=np.float32))
        assert _verdict(statistics, "labels") is verdict
    many = _statistics([600] * 3, label_names=tuple(map(str, range(40))), label_entropy_K=np.full(3, 1.9, dtype=np.float32))
    assert _verdict(many, "labels") is Verdict.LOOK, "of ten references, 2.30 nat at most"
    assert _verdict(_statistics([600] * 3, label_names=("cat",)), "labels") is Verdict.WELL
    assert _verdict(_statistics([600] * 3, label_names=()), "labels") is Verdict.UNKNOWN
    assert _verdict(_statistics([600] * 3, label_entropy_defined_K=np.zeros(3, dtype=bool)), "labels") is Verdict.UNKNOWN


def test_when_all_are_dead_nothing_else_is_claimed() -> None:
    statistics = _statistics([0] * 5)
    found = {check.key: check.verdict.value for check in dictionary_health(statistics.dictionary, None, statistics, None).checks}
    assert found["dead"] == "wrong" and all(found[key] == "unknown" for key in ("dense", "rare", "labels", "outliers", "rebuilding", "duplicates"))


def test_one_latent() -> None:
    statistics = _statistics([600])
    decoder_map = random_decoder_map(5, dictionary=statistics.dictionary, n_latents=1)
    lonely = replace(decoder_map, neighbour_KN=np.full((1, 3), -1, dtype=np.int32), neighbour_cosine_KN=np.zeros((1, 3), dtype=np.float32))
    verdicts = {check.key: check.verdict for check in dictionary_health(statistics.dictionary, None, statistics, lonely).checks}
    assert verdicts["duplicates"] is Verdict.WELL and verdicts["dead"] is Verdict.WELL and verdicts["outliers"] is Verdict.WELL


def test_twins_of_dead_latents_do_not_count() -> None:
    statistics = _statistics([600, 600, 0, 600])
    base = random_decoder_map(5, dictionary=statistics.dictionary, n_latents=4)
    near = np.array([[1], [0], [3], [2]], dtype=np.int32)
    decoder_map = replace(base, neighbour_KN=near, neighbour_cosine_KN=np.array([[0.95], [0.95], [0.99], [0.99]], dtype=np.float32))
    check = dictionary_health(statistics.dictionary, None, statistics, decoder_map).check("duplicates")
    assert check is not None and check.latents.tolist() == [0, 1] and check.verdict is Verdict.WRONG
    without = replace(base, neighbour_KN=np.zeros((4, 0), dtype=np.int32), neighbour_cosine_KN=np.zeros((4, 0), dtype=np.float32))
    assert _verdict(statistics, "duplicates", decoder_map=without) is Verdict.UNKNOWN


def test_what_was_not_logged_is_unknown_and_says_how_to_log_it() -> None:
    found = dictionary_health(random_dictionary(2), None, None, None)
    assert {check.key for check in found.checks} == KEYS and found.verdict is Verdict.UNKNOWN
    assert all("visualscratchpad statistics" in check.remedy for check in found.checks)


def test_metrics_alone_judge_the_dead_as_statistics_do() -> None:
    info = random_dictionary(2, n_latents=100)
    metrics = replace(random_metrics(2, dictionary=info), fvu=0.1, l0=5.0, n_dead=60, n_patches=2_100)
    assert metrics_health(info, metrics).verdict is Verdict.WRONG
    assert metrics_health(info, replace(metrics, n_patches=1_900)).verdict is Verdict.LOOK, "95 firings of each in the mean"
    assert metrics_health(info, replace(metrics, n_dead=10)).check("dead").verdict is Verdict.WELL  # type: ignore[union-attr]


def test_shares_are_written_shortly() -> None:
    assert [percent(x) for x in (0, 0.0004, 0.014, 0.0994, 0.1, 0.564, 1)] == ["0 %", "under 0.1 %", "1.4 %", "9.9 %", "10 %", "56 %", "100 %"]
