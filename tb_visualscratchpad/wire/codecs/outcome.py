"""What all outcomes of the worker share: their head, the tokens of an answer, log-probabilities."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tb_visualscratchpad.wire.steering_evidence import AnswerToken, Outcome


class OutcomeFields(TypedDict):
    """The arguments that every outcome takes."""

    result_id: str
    name: str
    created: float
    dictionary: DictionaryInfo
    prompt: str
    original_run_id: str
    differs_from_logged: str
    reductions: tuple[str, ...]


def encode_outcome(outcome: Outcome, *, rounded: bool) -> pb.Outcome:
    return pb.Outcome(
        result_id=outcome.result_id,
        name=storable(outcome.name),
        created=outcome.created,
        dictionary=encode_dictionary(outcome.dictionary),
        prompt=storable(outcome.prompt),
        original_run_id=outcome.original_run_id,
        differs_from_logged=storable(outcome.differs_from_logged),
        rounded=rounded,
    )


def decode_outcome(message: pb.Outcome) -> OutcomeFields:
    return OutcomeFields(
        result_id=message.result_id,
        name=message.name,
        created=message.created,
        dictionary=decode_dictionary(message.dictionary),
        prompt=message.prompt,
        original_run_id=message.original_run_id,
        differs_from_logged=message.differs_from_logged,
        reductions=_sentences(message),
    )


def encode_answer_tokens(tokens: tuple[AnswerToken, ...], *, rounded: bool) -> pb.AnswerTokens:
    number_of_text: dict[str, int] = {}
    text_index = [number_of_text.setdefault(storable(token.text), len(number_of_text)) for token in tokens]
    return pb.AnswerTokens(
        text=list(number_of_text),
        token_id=to_message(np.array([token.token_id for token in tokens], np.int32)),
        text_index=to_message(np.array(text_index, np.int32)),
        logprob=encode_figures(np.array([token.logprob for token in tokens], np.float64), rounded=rounded),
    )


def decode_answer_tokens(message: pb.AnswerTokens) -> tuple[AnswerToken, ...]:
    """Raises ValueError or IndexError where columns do not fit one another."""
    columns = zip(
        from_message(message.token_id).tolist(),
        from_message(message.text_index).tolist(),
        from_message(message.logprob).tolist(),
        strict=True,
    )
    return tuple(AnswerToken(identifier, message.text[text], logprob) for identifier, text, logprob in columns)


def encode_figures(array: np.ndarray, *, rounded: bool) -> pb.Array:
    """Log-probabilities or contributions, float64, or float32 when ``rounded``."""
    return to_message(array.astype(np.float32 if rounded else np.float64))


def decode_figures(message: pb.Array) -> np.ndarray:
    """float64, whatever they were written as."""
    return from_message(message, np.float64)


def encode_numbers(array: np.ndarray) -> pb.Array:
    """Latents, patches or words, as int32."""
    return to_message(array.astype(np.int32))


def decode_numbers(message: pb.Array) -> np.ndarray:
    return from_message(message, np.int32)


def _sentences(message: pb.Outcome) -> tuple[str, ...]:
    found = []
    if message.edited_dropped:
        found.append("The activations of the steered latents before and after are left out.")
    if message.rounded:
        found.append("Log-probabilities are rounded to single precision.")
    return tuple(found)
