"""Two answers aligned, against a brute-force search; words of two tokenizers; settings in words."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views.output_diff import Change, diff_of_keys
from tb_visualscratchpad.views.run_pairs import RunPair, answer_words, pair_runs, settings_of, steering_in_words
from tb_visualscratchpad.wire.evidence import Span, Token, TokenAlternative, TokenSequence, VlmRun
from tests.random_evidence import random_dictionary, random_vlm_run


def saying(run: VlmRun, texts: list[str], logprobs: list[float | None] | None = None, *, joined: str | None = None) -> VlmRun:
    """The run with another answer of as many tokens as are given."""
    n_prompt = run.tokens.n_prompt
    given = [-0.5 * i for i in range(len(texts))] if logprobs is None else logprobs
    output = [
        Token(n_prompt + i, 100 + i, text, Span.OUTPUT, logprob=logprob) for i, (text, logprob) in enumerate(zip(texts, given, strict=True))
    ]
    attention = run.attention
    kept = attention.query_position_T < n_prompt
    return replace(
        run,
        tokens=TokenSequence((*run.tokens.tokens[:n_prompt], *output)),
        output_text=" ".join(texts) if joined is None else joined,
        attention=replace(
            attention, query_position_T=attention.query_position_T[kept], mean_TI=attention.mean_TI[kept],
            per_layer_LTI=None if attention.per_layer_LTI is None else attention.per_layer_LTI[:, kept],
        ),
    )


def pair_of(first: list[str], second: list[str]) -> RunPair:
    dictionary = random_dictionary(1)
    a, b = random_vlm_run(1, dictionary=dictionary, ordered=False), random_vlm_run(2, dictionary=dictionary, ordered=False)
    return pair_runs(saying(a, first), saying(b, second))


def most_in_common(first: list[str], second: list[str]) -> int:
    """Length of a longest common subsequence, by trying all."""
    for n in range(min(len(first), len(second)), 0, -1):
        of_second = {chosen for chosen in itertools.combinations(second, n)}
        if any(chosen in of_second for chosen in itertools.combinations(first, n)):
            return n
    return 0


@pytest.mark.parametrize("seed", range(25))
def test_as_many_words_are_kept_as_can_be(seed: int) -> None:
    draw = np.random.default_rng(seed)
    first, second = (draw.choice(list("abcd"), draw.integers(0, 8)).tolist() for _ in range(2))
    pair = pair_of(first, second)
    kept = [(step.original, step.other) for step in pair.diff.steps if step.change is Change.KEPT]
    assert len(kept) == pair.count(Change.KEPT) == most_in_common(first, second)
    assert all(first[i] == second[j] for i, j in kept)
    assert [step.original for step in pair.diff.steps if step.original is not None] == list(range(len(first)))
    assert [step.other for step in pair.diff.steps if step.other is not None] == list(range(len(second)))
    differing = [i for i, (x, y) in enumerate(itertools.zip_longest(first, second)) if x != y]
    assert (None if pair.parting is None else pair.parting.number) == (differing[0] if differing else None)


def test_anything_is_aligned_by_equality() -> None:
    diff = diff_of_keys(["a", 1, (2,)], ["a", (2,)])
    assert [(step.change, step.original, step.other) for step in diff.steps] == [
        (Change.KEPT, 0, 0), (Change.LEFT_OUT, 1, None), (Change.KEPT, 2, 1),
    ]


def test_no_common_word_one_word_and_none() -> None:
    nothing = pair_of(["a", "b"], ["c"])
    assert nothing.count(Change.KEPT) == 0 and nothing.parting is not None and nothing.parting.number == 0 and nothing.largest_change is None
    one = pair_of(["a"], ["a"])
    assert one.parting is None and one.largest_change == (0, 0.0)
    empty = pair_of([], [])
    assert empty.diff.steps == () and empty.parting is None and empty.largest_change is None
    ended = pair_of(["a", "b"], ["a"])
    assert ended.parting is not None and ended.parting.number == 1


def test_the_change_of_log_probability_is_bs_minus_as() -> None:
    dictionary = random_dictionary(1)
    a, b = (random_vlm_run(seed, dictionary=dictionary, ordered=False) for seed in (1, 2))
    pair = pair_runs(saying(a, ["x", "y", "z"], [-1.0, -2.0, -3.0]), saying(b, ["x", "q", "z"], [-1.5, -9.0, -1.0]))
    assert pair.largest_change == (2, 2.0)
    silent = pair_runs(saying(a, ["x"], [None]), saying(b, ["x"], [-1.0]))
    assert silent.words_a[0].logprob is None and silent.largest_change is None


def test_what_each_gave_to_the_others_word_comes_from_its_alternatives() -> None:
    dictionary = random_dictionary(1)
    a, b = (random_vlm_run(seed, dictionary=dictionary, ordered=False) for seed in (1, 2))
    a, b = saying(a, ["the", "cat"]), saying(b, ["the", "dog"])
    said = a.tokens[a.tokens.n_prompt + 1]
    tokens = (*a.tokens.tokens[:-1], replace(said, alternatives=(TokenAlternative(7, " dog", -2.5), TokenAlternative(8, "cow", -4.0))))
    pair = pair_runs(replace(a, tokens=TokenSequence(tokens)), b)
    assert pair.parting is not None
    assert (pair.parting.number, pair.parting.second_in_first, pair.parting.first_in_second) == (1, -2.5, None)


def test_two_tokenizers_are_compared_by_words() -> None:
    a, b = random_vlm_run(1, ordered=False), random_vlm_run(2, ordered=False)
    b = replace(b, dictionary=replace(b.dictionary, vlm_name="another"))
    a = saying(a, ["The", " tur", "tle", " sees", " it", "'s", " sea", "."], joined="The turtle sees it's sea.")
    b = saying(b, ["▁The", "▁turtle", "▁se", "es", "▁a", "▁sea", "."], joined="The turtle sees a sea.")
    pair = pair_runs(a, b)
    assert not pair.by_token and not pair.same_dictionary
    assert [word.text.strip(" ▁") for word in pair.words_a] == ["The", "turtle", "sees", "it's", "sea", "."]
    assert [word.text.strip(" ▁") for word in pair.words_b] == ["The", "turtle", "sees", "a", "sea", "."]
    assert pair.count(Change.KEPT) == 5 and pair.count(Change.REPLACED) == 1
    turtle = pair.words_a[1]
    assert turtle.tokens == (a.tokens.n_prompt + 1, a.tokens.n_prompt + 2) and turtle.logprob == -0.5 - 1.0


def test_tokens_that_decoding_parts_are_words_each() -> None:
    run = saying(random_vlm_run(1, ordered=False), ["a", "cat", ","], joined="a cat ,")
    assert [word.text for word in answer_words(run, by_token=False)] == ["a", "cat", ","]


def test_maps_of_other_grids_are_not_the_same() -> None:
    dictionary = random_dictionary(1)
    one = random_vlm_run(1, dictionary=dictionary, ordered=False)
    assert pair_runs(one, replace(random_vlm_run(1, dictionary=dictionary, ordered=False), run_id="other")).same_map
    assert not pair_runs(one, random_vlm_run(1, dictionary=dictionary, grid=5, ordered=False)).same_map


def test_settings_say_what_differs() -> None:
    dictionary = random_dictionary(1)
    a = random_vlm_run(1, dictionary=dictionary, ordered=False)
    b = replace(a, run_id="b", prompt="else ?", steering='{"version": 1, "error": "kept", "interventions": [{"latent": 3, "op": "SCALE", "value": 0.0}]}')
    found = {one.name: one for one in settings_of(a, b, steps=(1000, None), same_picture=True)}
    assert {name for name, one in found.items() if one.differs} == {"Prompt", "Steering", "Step"}
    assert (found["Step"].first, found["Step"].second) == ("1,000", "none")
    assert (found["Steering"].first, found["Steering"].second) == ("none", "latent 3 × 0")
    assert {one.name for one in settings_of(a, a, same_picture=False) if one.differs} == {"Picture"}
    assert not any(one.differs for one in settings_of(a, a))


def test_saes_of_one_name_are_told_apart_by_their_identity() -> None:
    a = random_vlm_run(1, ordered=False)
    b = replace(a, dictionary=replace(a.dictionary, dictionary_id="f" * 64))
    sae = next(one for one in settings_of(a, b) if one.name == "SAE")
    assert sae.differs and sae.first != sae.second and sae.second.endswith("id ffffffff")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (None, "none"),
        ("no json", "not readable"),
        ('{"interventions": []}', "nothing changed"),
        ('{"interventions": [{"latent": 1, "op": "SET", "value": 2.5}, {"latent": 4, "op": "ADD", "value": -1}]}', "latent 1 to 2.5, latent 4 + -1"),
        (
            '{"error": "dropped", "interventions": [' + ", ".join(f'{{"latent": {n}, "op": "SCALE", "value": 0, "where": "firing"}}' for n in range(9, 3, -1)) + "]}",
            "6 latents (4 …) × 0, in places, error dropped",
        ),
    ],
)
def test_steering_in_words(spec: str | None, words: str) -> None:
    assert steering_in_words(spec) == words
