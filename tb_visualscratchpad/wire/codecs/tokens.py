"""``TokenSequence`` as a message, by columns: thousands of image tokens then cost next to nothing."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.evidence import Span, Token, TokenAlternative, TokenSequence

_SPAN_NUMBER = {span: pb.Span.Value(span.value) for span in Span}
_SPAN_OF_NUMBER = {number: span for span, number in _SPAN_NUMBER.items()}


def storable(text: str) -> str:
    """Text as protobuf takes it: lone surrogates, which no UTF-8 holds, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def encode_tokens(sequence: TokenSequence) -> pb.Tokens:
    number_of_text: dict[str, int] = {}

    def numbers(texts: list[str]) -> pb.Array:
        return _int32([number_of_text.setdefault(storable(text), len(number_of_text)) for text in texts])

    said = [token for token in sequence if token.logprob is not None]
    pairs = [(token.index, alternative) for token in sequence for alternative in token.alternatives]
    message = pb.Tokens(
        token_id=_int32([token.token_id for token in sequence]),
        text_index=numbers([token.text for token in sequence]),
        span=to_message(np.array([_SPAN_NUMBER[token.span] for token in sequence], np.uint8)),
        template=to_message(np.array([token.template for token in sequence], np.bool_)),
        logprob_token=_int32([token.index for token in said]),
        logprob=to_message(np.array([token.logprob for token in said], np.float64)),
        alternative_token=_int32([index for index, _ in pairs]),
        alternative_id=_int32([alternative.token_id for _, alternative in pairs]),
        alternative_text_index=numbers([alternative.text for _, alternative in pairs]),
        alternative_logprob=to_message(np.array([alternative.logprob for _, alternative in pairs], np.float64)),
    )
    message.text.extend(number_of_text)
    return message


def decode_tokens(message: pb.Tokens) -> TokenSequence:
    """Raises ValueError, IndexError or KeyError where columns do not fit one another."""
    texts = list(message.text)
    alternatives: dict[int, list[TokenAlternative]] = {}
    for owner, identifier, text, logprob in zip(
        from_message(message.alternative_token).tolist(),
        from_message(message.alternative_id).tolist(),
        from_message(message.alternative_text_index).tolist(),
        from_message(message.alternative_logprob).tolist(),
        strict=True,
    ):
        alternatives.setdefault(owner, []).append(TokenAlternative(identifier, texts[text], logprob))
    logprobs = dict(
        zip(from_message(message.logprob_token).tolist(), from_message(message.logprob).tolist(), strict=True)
    )
    columns = zip(
        from_message(message.token_id).tolist(),
        from_message(message.text_index).tolist(),
        from_message(message.span).tolist(),
        from_message(message.template).tolist(),
        strict=True,
    )
    return TokenSequence(
        tuple(
            Token(
                index=index,
                token_id=identifier,
                text=texts[text],
                span=_SPAN_OF_NUMBER[span],
                template=template,
                logprob=logprobs.get(index),
                alternatives=tuple(alternatives.get(index, ())),
            )
            for index, (identifier, text, span, template) in enumerate(columns)
        )
    )


def _int32(values: list[int]) -> pb.Array:
    return to_message(np.array(values, np.int32))
