"""Latents of one word in two runs, against loops over all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views.attention_maps import attention_map
from tb_visualscratchpad.views.means import latent_means, weighted_mean
from tb_visualscratchpad.views.word_pairs import (
    NEAR,
    WordLatents,
    matched_latents,
    same_latents,
    word_attention,
    word_latents,
)
from tb_visualscratchpad.wire.evidence import RowChoice, Span
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tests.random_evidence import random_dictionary, random_vlm_run
from tests.random_match import random_match

CHOICE = {"layers": None, "row": RowChoice.PRODUCING, "view": "both"}


def random_word(seed: int, n_latents: int, share: float = 0.5) -> WordLatents:
    draw = np.random.default_rng(seed)
    latents = np.flatnonzero(draw.random(n_latents) < share).astype(np.int32)
    values = draw.gamma(0.5, 2, latents.size)
    values[draw.random(latents.size) < 0.2] = 0
    return WordLatents(latents, values, None)


@pytest.mark.parametrize("seed", range(8))
def test_one_dictionary_pairs_each_latent_with_itself(seed: int) -> None:
    a, b = random_word(seed, 40), random_word(seed + 100, 40)
    found = same_latents(a, b)
    values = [dict(zip(side.latent_F.tolist(), side.weighted_F.tolist(), strict=True)) for side in (a, b)]
    expected = {k: (values[0].get(k, 0.0), values[1].get(k, 0.0)) for k in range(40) if values[0].get(k) or values[1].get(k)}
    assert {k: (x, y) for k, x, y in zip(found.latent_a_N.tolist(), found.value_a_N, found.value_b_N, strict=True)} == expected
    np.testing.assert_array_equal(found.latent_a_N, found.latent_b_N)
    assert found.mutual_N.all() and (found.cosine_N == 1).all() and not found.relative
    difference = np.abs(found.value_a_N - found.value_b_N)
    assert (np.diff(difference) <= 0).all()


@pytest.mark.parametrize("seed", range(12))
def test_two_dictionaries_pair_by_the_match(seed: int) -> None:
    match = random_match(seed, dictionary=random_dictionary(seed, n_latents=30), other=random_dictionary(seed + 9, n_latents=25))
    a, b = random_word(seed, 30), random_word(seed + 100, 25)
    found = matched_latents(a, b, match)
    expected: dict[tuple[int, int], float] = {}
    for k, c in zip(a.latent_F, a.weighted_F, strict=True):
        if c:
            best, cosine = match.forward_latent_Kn[k, 0], match.forward_cosine_Kn[k, 0]
            expected[(int(k), int(best) if best >= 0 and cosine > NEAR else -1)] = cosine
    for j, c in zip(b.latent_F, b.weighted_F, strict=True):
        if c:
            best, cosine = match.backward_latent_Jn[j, 0], match.backward_cosine_Jn[j, 0]
            expected.setdefault((int(best) if best >= 0 and cosine > NEAR else -1, int(j)), cosine)
    pairs = list(zip(found.latent_a_N.tolist(), found.latent_b_N.tolist(), strict=True))
    assert sorted(pairs) == sorted(expected) and found.relative
    tops = [side.weighted_F.max() for side in (a, b)]
    for n, (k, j) in enumerate(pairs):
        assert found.value_a_N[n] == pytest.approx(dict(zip(a.latent_F.tolist(), a.weighted_F, strict=True)).get(k, 0) / tops[0])
        assert found.value_b_N[n] == pytest.approx(dict(zip(b.latent_F.tolist(), b.weighted_F, strict=True)).get(j, 0) / tops[1])
        assert found.cosine_N[n] == (expected[k, j] if k >= 0 and j >= 0 else 0)
        there_and_back = k >= 0 and j >= 0 and match.forward_latent_Kn[k, 0] == j and match.backward_latent_Jn[j, 0] == k
        assert found.mutual_N[n] == there_and_back


def test_a_word_without_latents_pairs_nothing() -> None:
    nothing = WordLatents(np.zeros(0, np.int32), np.zeros(0), "It cannot see the image.")
    assert same_latents(nothing, nothing).latent_a_N.size == 0
    used = random_word(1, 20)
    assert same_latents(nothing, used).latent_a_N.size == np.count_nonzero(used.weighted_F)
    match = random_match(1, dictionary=random_dictionary(1, n_latents=20), other=random_dictionary(2, n_latents=20))
    assert matched_latents(nothing, nothing, match).latent_a_N.size == 0
    assert (matched_latents(nothing, used, match).value_a_N == 0).all()


def test_no_row_has_a_counterpart() -> None:
    one, other = random_dictionary(1, n_latents=3), random_dictionary(2, n_latents=2)
    none = [(np.full((n, 5), -1, np.int32), np.zeros((n, 5), np.float32)) for n in (3, 2)]
    match = DictionaryMatch(one, other, 0.0, *none[0], *none[1])
    a, b = (WordLatents(np.arange(n, dtype=np.int32), np.ones(n), None) for n in (3, 2))
    found = matched_latents(a, b, match)
    assert sorted(zip(found.latent_a_N.tolist(), found.latent_b_N.tolist(), strict=True)) == [(-1, 0), (-1, 1), (0, -1), (1, -1), (2, -1)]


def test_a_word_of_several_tokens_has_their_mean() -> None:
    run = random_vlm_run(3, ordered=False)
    tokens = run.tokens.indices(Span.OUTPUT)[1:4].tolist()
    found = word_latents(latent_means(run), tokens)
    expected = np.mean([weighted_mean(run, token) for token in tokens], axis=0)
    np.testing.assert_allclose(found.weighted_F, expected[found.latent_F], rtol=1e-5)
    assert found.reason is None
    attention = word_attention(run, tokens, **CHOICE)
    maps = [attention_map(run, token) for token in tokens]
    np.testing.assert_allclose(attention.attention_P, np.mean([one.attention_P for one in maps], axis=0), rtol=1e-6)
    assert attention.mass == pytest.approx(np.mean([one.mass_on_picture for one in maps]))


def test_a_word_that_has_no_row_says_why() -> None:
    run = random_vlm_run(3, ordered=False)
    before = int(run.tokens.indices(Span.SYSTEM)[0])
    assert "cannot see the image" in str(word_latents(latent_means(run), [before]).reason)
    attention = word_attention(run, [before], **CHOICE)
    assert attention.mass is None and "cannot see the image" in str(attention.reason) and not attention.attention_P.any()
    last = int(run.tokens.indices(Span.OUTPUT)[-1])
    own = word_attention(run, [last], layers=None, row=RowChoice.OWN, view="both")
    assert own.mass is None and "never fed back" in str(own.reason)
    missing = word_attention(run, [], **CHOICE)
    assert missing.mass is None and missing.reason == word_latents(latent_means(run), []).reason == "This run has no such word."


def test_of_a_words_tokens_those_without_a_row_do_not_count() -> None:
    run = random_vlm_run(3, ordered=False)
    first, last = (int(run.tokens.indices(Span.OUTPUT)[at]) for at in (0, -1))
    both = word_latents(latent_means(run, row=RowChoice.OWN), [first, last])
    alone = word_latents(latent_means(run, row=RowChoice.OWN), [first])
    np.testing.assert_array_equal(both.weighted_F, alone.weighted_F)
    assert replace(both, weighted_F=alone.weighted_F).reason is None
