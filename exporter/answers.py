"""An answer in words: what each token added to the text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.exporter.greedy_decoding import ended_by_itself
from tb_visualscratchpad.exporter.token_logprobs import StepLogprobs
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.vlm.prompt import output_pieces, readable
from tb_visualscratchpad.wire.evidence import Span, Token, TokenAlternative
from tb_visualscratchpad.wire.steering_evidence import AnswerToken


@dataclass(frozen=True)
class Answer:
    """One answer, without its end of sequence.

    Attributes:
        steps: its tokens, with the log-probabilities of the model that gave it.
        pieces: what each token added to the text, without the spaces around it.
        text: the whole answer.
        truncated: it stopped at the limit of new tokens.
    """

    steps: tuple[StepLogprobs, ...]
    pieces: tuple[str, ...]
    text: str
    truncated: bool

    @property
    def token_ids(self) -> list[int]:
        return [step.token_id for step in self.steps]

    @property
    def logprobs(self) -> np.ndarray:
        """float64 [T], of each token where it was said."""
        return np.array([step.logprob for step in self.steps], dtype=np.float64)

    @property
    def answer_tokens(self) -> tuple[AnswerToken, ...]:
        """As the evidence of a steered answer keeps them."""
        return tuple(AnswerToken(step.token_id, piece, step.logprob) for step, piece in zip(self.steps, self.pieces, strict=True))

    def output_tokens(self, vlm: Vlm, first: int) -> tuple[Token, ...]:
        """As a run keeps them, with their alternatives; numbered from ``first``."""
        decode = vlm.processor.tokenizer.decode
        return tuple(
            Token(
                index=first + number,
                token_id=step.token_id,
                text=piece,
                span=Span.OUTPUT,
                logprob=step.logprob,
                alternatives=tuple(
                    TokenAlternative(token_id=token_id, text=readable(decode([token_id])), logprob=logprob)
                    for token_id, logprob in step.alternatives
                ),
            )
            for number, (step, piece) in enumerate(zip(self.steps, self.pieces, strict=True))
        )


def answer_of(vlm: Vlm, steps: list[StepLogprobs]) -> Answer:
    """The answer that ``decode`` gave a row."""
    ended = ended_by_itself(vlm, steps)
    shown = steps[:-1] if ended else steps
    text, pieces = output_pieces(vlm.processor.tokenizer, [step.token_id for step in shown])
    return Answer(tuple(shown), tuple(readable(piece) for piece in pieces), text.strip(" "), not ended)
