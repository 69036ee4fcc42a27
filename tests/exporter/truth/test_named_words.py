"""Which tokens of an answer name what is known."""

from __future__ import annotations

from dataclasses import replace

from tb_visualscratchpad.exporter.truth.named_words import labels_named, named_words
from tb_visualscratchpad.wire.evidence import Span, TokenSequence, VlmRun
from tests.random_evidence import random_vlm_run


def said(text: str, pieces: list[str]) -> VlmRun:
    """A run that answers ``text`` in these tokens."""
    run = random_vlm_run(1, n_output=len(pieces), picture=False)
    waiting = iter(pieces)
    tokens = [replace(token, text=next(waiting)) if token.span is Span.OUTPUT else token for token in run.tokens]
    return replace(run, output_text=text, tokens=TokenSequence(tuple(tokens)))


def test_every_occurrence_is_found_at_its_first_token() -> None:
    run = said("A hotdog, a Dog and a fire truck; the dog.", ["A", "hot", "dog", ",", "a", "Do", "g", "and", "a", "fire", "truck", ";", "the", "dog", "."])
    found = named_words(run, {"dog": "dog", "truck": "truck", "fire truck": "engine"})
    first = run.tokens.n_prompt
    assert [(word.text, word.label, word.token - first) for word in found] == [("Dog", "dog", 5), ("fire truck", "engine", 9), ("dog", "dog", 13)]


def test_labels_come_once_and_nothing_is_no_word() -> None:
    words = {"dog": "dog", "puppy": "dog", "cat": "cat"}
    assert labels_named("a cat , a puppy and a dog", words) == ["cat", "dog"]
    assert labels_named("", words) == [] and labels_named("a dog", {}) == []
    assert named_words(said("no cats", ["no", "cats"]), words) == []


def test_a_word_with_marks_of_patterns_is_taken_as_it_is() -> None:
    assert labels_named("a c++ book (new)", {"c++": "language", "(new)": "state"}) == ["language", "state"]


def test_letters_that_are_alike_but_for_case_are_taken_as_alike() -> None:
    assert labels_named("the \u017fun , a K\u0131WI", {"Sun": "sun", "kiwi": "kiwi"}) == ["sun", "kiwi"]
