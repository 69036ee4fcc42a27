"""The routes of two runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.run_pairs import RunPairHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.means import latent_means
from tb_visualscratchpad.views.word_pairs import matched_latents, same_latents, word_latents
from tb_visualscratchpad.wire.evidence import Span
from tests.handlers.held_evidence import HeldEvidence, ask, sentence, unpack
from tests.random_evidence import random_dictionary, random_statistics, random_vlm_run
from tests.random_match import random_match

ONE, OTHER = random_dictionary(1, n_latents=64), random_dictionary(2, n_latents=48)
A = random_vlm_run(1, dictionary=ONE, ordered=False)
SAME = replace(random_vlm_run(2, dictionary=ONE, ordered=False), picture=A.picture, exact_picture=A.exact_picture)
B = random_vlm_run(3, dictionary=OTHER, n_latents=48, grid=5, ordered=False)
MATCH = random_match(5, dictionary=OTHER, other=ONE)
KEY = {"run": "r", "id": A.run_id}


def second(run) -> dict[str, str]:
    return {"other_run": "r", "other_id": run.run_id}


def handlers(*, matched: bool = True) -> RunPairHandlers:
    held = HeldEvidence(
        runs={("r", run.run_id): run for run in (A, B)} | {("r", SAME.run_id): SAME},
        of_dictionary={
            ("statistics", ONE.dictionary_id): random_statistics(1, dictionary=ONE),
            **({("match", MATCH.match_id): MATCH} if matched else {}),
        },
    )
    return RunPairHandlers(held, DerivedViews(), RequestGuard(None))


def words_of(run) -> list[int]:
    return run.tokens.indices(Span.OUTPUT).tolist()


def test_a_pair_is_told() -> None:
    found = ask(handlers().run_pair, **KEY, **second(SAME)).json
    assert found["same_dictionary"] and not found["matched"] and found["by_token"] and found["same_map"]
    assert found["first"]["id"] == A.run_id and found["second"]["id"] == SAME.run_id
    assert [word["tokens"] for word in found["first"]["words"]] == [[index] for index in words_of(A)]
    assert sorted(i for _, i, _ in found["steps"] if i is not None) == list(range(len(words_of(A))))
    assert found["common_layers"] == list(A.attention.layers)
    assert {one["name"] for one in found["settings"]} >= {"Picture", "Prompt", "Model", "SAE", "Layer", "Step", "Steering"}
    turned = ask(handlers().run_pair, run="r", id=SAME.run_id, other_run="r", other_id=A.run_id).json
    assert [step[0] for step in turned["steps"]].count("kept") == [step[0] for step in found["steps"]].count("kept")


def test_two_dictionaries_are_matched_whichever_way_it_was_logged() -> None:
    found = ask(handlers().run_pair, **KEY, **second(B)).json
    assert not found["same_dictionary"] and found["matched"] and not found["same_map"]
    assert not ask(handlers(matched=False).run_pair, **KEY, **second(B)).json["matched"]


@pytest.mark.parametrize("other", [SAME, B])
def test_a_word_has_its_latents_side_by_side(other) -> None:
    tokens, others = words_of(A)[2], words_of(other)[1]
    header, arrays = unpack(ask(handlers().pair_word, **KEY, **second(other), tokens=tokens, other_tokens=others, limit=7))
    sides = [word_latents(latent_means(run), [token]) for run, token in ((A, tokens), (other, others))]
    expected = same_latents(*sides) if other is SAME else matched_latents(*sides, MATCH.reversed())
    np.testing.assert_array_equal(arrays["latent"], expected.latent_a_N)
    np.testing.assert_array_equal(arrays["other_latent"], expected.latent_b_N)
    np.testing.assert_allclose(arrays["value"], expected.value_a_N, rtol=1e-6)
    assert header["n_pairs"] == expected.latent_a_N.size and len(header["rows"]) == 7 and header["relative"] is (other is B)
    for n, row in enumerate(header["rows"]):
        assert row["latent"] == (None if expected.latent_a_N[n] < 0 else expected.latent_a_N[n])
        assert (row["cosine"] is None) == (expected.latent_a_N[n] < 0 or expected.latent_b_N[n] < 0)
    assert arrays["attention"].size == A.image_tokens.n_patches and arrays["other_attention"].size == other.image_tokens.n_patches
    assert header["first"]["mass"] == pytest.approx(float(arrays["attention"].sum()), rel=1e-4)


def test_without_a_match_both_lists_are_given() -> None:
    header, arrays = unpack(ask(handlers(matched=False).pair_word, **KEY, **second(B), tokens=words_of(A)[0], other_tokens=words_of(B)[0]))
    assert header["rows"] is None and header["n_pairs"] is None and set(arrays) == {"attention", "other_attention"}
    values = [row["value"] for row in header["first"]["top"]]
    assert values == sorted(values, reverse=True) and len(header["second"]["top"]) == header["second"]["n_firing"]


def test_a_word_that_one_run_lacks() -> None:
    header, arrays = unpack(ask(handlers().pair_word, **KEY, **second(SAME), tokens="", other_tokens=words_of(SAME)[0]))
    assert header["first"]["mass"] is None and header["first"]["reason"] == "This run has no such word."
    assert not arrays["attention"].any() and not arrays["value"].any() and arrays["other_value"].any()


def test_runs_on_the_same_picture_are_found_by_pixels() -> None:
    found = ask(handlers().like_pictures, **KEY).json
    assert found == {"alike": [{"run": "r", "id": SAME.run_id}], "n_left": 0}
    assert ask(handlers().run_pair, **KEY, **second(SAME)).json["same_picture"] is True
    assert ask(handlers().run_pair, **KEY, **second(B)).json["same_picture"] is False


def test_what_is_wrong_is_told() -> None:
    assert "compared with itself" in sentence(ask(handlers().run_pair, **KEY, other_run="r", other_id=A.run_id), 400)
    assert "no run nobody" in sentence(ask(handlers().run_pair, **KEY, other_run="r", other_id="nobody"), 404)
    assert "other_run" in sentence(ask(handlers().run_pair, **KEY), 400)
    assert "token 99999" in sentence(ask(handlers().pair_word, **KEY, **second(B), tokens=99999), 400)
