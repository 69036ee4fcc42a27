"""Planted sinks are found, none where none is; what leaves them out equals dense loops."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views import (
    attention_map,
    attention_masses,
    find_sinks,
    joint_attention,
    latent_means,
    means_of_several,
    plain_mean,
    rank_latents,
)
from tb_visualscratchpad.views.sinks import MIN_WORDS, SINK_DENSITY, SINK_WORDS
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tests.random_evidence import random_vlm_run
from tests.views.dense_loops import attention_row, dense_latents, patches_in_view

WORDS = [f"w{number}" for number in range(12)]


def with_words(run: VlmRun, words: list[str]) -> VlmRun:
    """The run with these texts for its output tokens, over and over."""
    output = iter(range(10**6))
    said = tuple(
        replace(token, text=words[next(output) % len(words)]) if token.span is Span.OUTPUT else token for token in run.tokens
    )
    return replace(run, tokens=replace(run.tokens, tokens=said))


def planted(run: VlmRun, patches: list[int], times: float, words: int | None = None) -> VlmRun:
    """Even attention with a little noise, and ``times`` as much on some patches, in all rows or in the first so many of the answer."""
    rng = np.random.default_rng(0)
    per_layer = np.asarray(run.attention.per_layer_LTI)
    even = rng.uniform(0.8, 1.25, per_layer.shape)
    columns = run.image_tokens.patch_token_P[patches]
    first = run.tokens.n_prompt - 1
    rows = [r for r, p in enumerate(run.attention.query_position_T) if words is None or first <= p < first + words]
    for row in rows:
        even[:, row, columns] = times
    even *= 0.5 / even.sum(axis=2, keepdims=True)
    even = even.astype(np.float32)
    return replace(run, attention=replace(run.attention, mean_TI=even.mean(axis=0), per_layer_LTI=even))


def brute_force(run: VlmRun, row: str, layers: list[int] | None) -> tuple[set[int], float, int]:
    """The definition in loops: sinks, the share that they hold, and the number of words."""
    patches = patches_in_view(run, "both")
    of_word: dict[str, list[dict[int, float]]] = {}
    total, rows = 0.0, []
    for token in run.tokens:
        attention = attention_row(run, token.index, row, layers) if token.span is Span.OUTPUT else None
        if attention is None:
            continue
        seen = {patch: float(attention[run.image_tokens.patch_token_P[patch]]) for patch in patches}
        even = sum(seen.values()) / len(patches)
        of_word.setdefault(token.text.strip().casefold(), []).append({patch: value / even for patch, value in seen.items()})
        rows.append(seen)
    sinks = set()
    for patch in patches:
        densities = [sum(one[patch] for one in said) / len(said) for said in of_word.values()]
        if sum(density >= SINK_DENSITY for density in densities) >= math.ceil(SINK_WORDS * len(densities)):
            sinks.add(patch)
    total = sum(sum(seen.values()) for seen in rows)
    held = sum(seen[patch] for seen in rows for patch in sinks)
    return sinks, held / total, len(of_word)


@pytest.mark.parametrize("row", ["producing", "own"])
@pytest.mark.parametrize("layers", [None, [1]])
def test_planted_sinks_are_found(layers: list[int] | None, row: str) -> None:
    run = with_words(random_vlm_run(3, n_output=20, grid=6), WORDS)
    patches = [patches_in_view(run, "base")[7], patches_in_view(run, "tiles")[2]]
    run = planted(run, patches, 30.0)
    found = find_sinks(run, layers=layers, row=row)
    expected, share, n_words = brute_force(run, row, layers)
    assert found.defined and found.reason is None and found.n_words == n_words == 12
    assert set(np.flatnonzero(found.sink_P)) == expected == set(patches) and found.n_sinks == 2
    assert found.share == pytest.approx(share, rel=1e-6) and found.share > 0.3


@pytest.mark.parametrize("seed", range(4))
def test_random_attention_equals_brute_force(seed: int) -> None:
    """Heavy tails: a patch is now and then far over the even share, but not for all words."""
    run = with_words(random_vlm_run(seed, n_output=30, grid=5), WORDS[: 8 + seed])
    found = find_sinks(run)
    expected, share, _ = brute_force(run, "producing", None)
    assert set(np.flatnonzero(found.sink_P)) == expected and found.share == pytest.approx(share)


def test_there_are_none_where_none_is() -> None:
    run = with_words(random_vlm_run(3, n_output=20, grid=6), WORDS)
    base = patches_in_view(run, "base")
    assert find_sinks(planted(run, [base[0]], 1.0)).n_sinks == 0
    # what half of the words look at is what they are about
    half = find_sinks(planted(run, [base[5]], 40.0, words=6))
    assert half.defined and half.n_sinks == 0 and half.share == 0
    # nor is the thing that most of an answer is about
    assert find_sinks(planted(run, [base[5]], 40.0, words=10)).n_sinks == 0
    weak = planted(run, [base[5]], 0.6 * SINK_DENSITY)
    assert find_sinks(weak).n_sinks == 0


def test_a_word_counts_once_however_often_it_is_said() -> None:
    """Twenty times "the" looking at one patch do not make it a sink."""
    run = random_vlm_run(3, n_output=28, grid=6)
    run = planted(with_words(run, ["The", " the "] * 10 + WORDS[:8]), [patches_in_view(run, "base")[3]], 40.0, words=20)
    assert find_sinks(run).n_words == 9 and find_sinks(run).n_sinks == 0


@pytest.mark.parametrize("n_words", [0, 1, MIN_WORDS - 1, MIN_WORDS])
def test_a_short_answer_cannot_tell(n_words: int) -> None:
    run = random_vlm_run(5, n_output=n_words)
    run = with_words(run, WORDS)
    found = find_sinks(run)
    assert found.defined is (n_words >= MIN_WORDS)
    if not found.defined:
        assert found.n_sinks == 0 and found.share is None and f"{n_words} different word" in found.reason
        assert found.reason.endswith(f"{MIN_WORDS} are needed.")
    with pytest.raises(ScratchpadError, match="layers"):
        find_sinks(run, layers=[99])


@pytest.mark.parametrize("view", ["both", "base", "tiles"])
@pytest.mark.parametrize("layers", [None, [0, 2]])
def test_without_sinks_everything_equals_dense_loops(view: str, layers: list[int] | None) -> None:
    run = random_vlm_run(9, n_output=10)
    rng = np.random.default_rng(1)
    sink_P = rng.random(run.image_tokens.n_patches) < 0.2
    z, plain = dense_latents(run), plain_mean(run, view=view)
    means = latent_means(run, layers=layers, view=view, without_P=sink_P)
    masses = attention_masses(run, layers=layers, without_P=sink_P)
    np.testing.assert_allclose(means.plain_F, plain[means.latent_F], rtol=1e-6)
    for place, token in enumerate(means.token_T.tolist()):
        row_I = attention_row(run, token, "producing", layers)
        if row_I is None or not row_I.any():
            assert means.reason_T[place] is not None and means.mass_T[place] == 0
            continue
        counted = [patch for patch in patches_in_view(run, view) if not sink_P[patch]]
        left = [patch for patch in patches_in_view(run, view) if sink_P[patch]]
        weight = {patch: row_I[run.image_tokens.patch_token_P[patch]] for patch in (*counted, *left)}
        mass = sum(weight[patch] for patch in counted)
        expected = sum(weight[patch] * z[patch] for patch in counted) / mass
        np.testing.assert_allclose(means.weighted_FT[:, place], expected[means.latent_F], rtol=1e-5, atol=1e-7)
        assert means.mass_T[place] == pytest.approx(mass)
        shown = attention_map(run, token, layers=layers, view=view, sink_P=sink_P)
        out = attention_map(run, token, layers=layers, view=view, sink_P=sink_P, without_sinks=True)
        on_sinks = sum(weight[patch] for patch in left)
        assert shown.mass_on_sinks == out.mass_on_sinks == pytest.approx(on_sinks)
        assert out.mass_on_picture == pytest.approx(mass) and shown.mass_on_picture == pytest.approx(mass + on_sinks)
        assert out.mass_on_newlines == shown.mass_on_newlines
        assert not out.attention_P[sink_P].any() and set(np.flatnonzero(out.attention_P)) <= set(counted)
        np.testing.assert_array_equal(out.attention_P[~sink_P], shown.attention_P[~sink_P])
        if view == "both":
            assert masses.mass_T[place] == pytest.approx(mass)
        elif out.mass_by_layer_L is not None:
            assert out.mass_by_layer_L.shape == (3,)


def test_all_attention_on_sinks_is_said() -> None:
    run = random_vlm_run(9, n_output=3)
    means = latent_means(run, without_P=np.ones(run.image_tokens.n_patches, dtype=bool))
    assert not means.defined_T.any() and "beside the sinks" in means.reason_T[-2]


@pytest.mark.parametrize("view", ["both", "tiles"])
@pytest.mark.parametrize("row", ["producing", "own"])
def test_several_tokens_equal_brute_force(row: str, view: str) -> None:
    run = random_vlm_run(21, n_output=7)
    output = run.tokens.indices(Span.OUTPUT).tolist()
    z = dense_latents(run)
    means = latent_means(run, row=row, view=view)
    for tokens in ([output[2], output[0], output[5]], [output[1]], [0, output[3]], [output[-1], output[4]]):
        joint = joint_attention(run, tokens, row=row, view=view)
        rows = [attention_row(run, token, row, None) for token in tokens]
        rows = [one for one in rows if one is not None and one.any()]
        assert joint.n_averaged == len(rows) and [one.token for one in joint.maps] == tokens
        patches = patches_in_view(run, view)
        total = {patch: sum(one[run.image_tokens.patch_token_P[patch]] for one in rows) for patch in patches}
        mean_P = np.zeros(run.image_tokens.n_patches)
        for patch in patches:
            mean_P[patch] = total[patch] / len(rows)
        np.testing.assert_allclose(joint.attention_P, mean_P, rtol=1e-6)
        assert joint.mass_on_picture == pytest.approx(mean_P.sum())
        expected = sum(total[patch] * z[patch] for patch in patches) / sum(total.values())
        together = means_of_several(means, tokens)
        np.testing.assert_allclose(together.weighted_FT[:, 0], expected[means.latent_F], rtol=1e-5, atol=1e-7)
        assert together.mass_T[0] == pytest.approx(sum(total.values()))
        ranking = rank_latents(run, tokens[0], means=together, limit=5)
        assert ranking.defined and [one.latent for one in ranking.rows] == np.argsort(-expected, kind="stable")[:5].tolist()


def test_tokens_none_of_which_sees_the_picture() -> None:
    run = random_vlm_run(21)
    joint = joint_attention(run, [0, 1])
    assert joint.n_averaged == 0 and joint.mass_on_picture is None and not joint.attention_P.any() and joint.mass_by_layer_L is None
    together = means_of_several(latent_means(run), [0, 1])
    assert together.reason_T[0].startswith("None of these tokens") and not together.weighted_FT.any()
