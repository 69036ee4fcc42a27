"""Which row of attention stands for a token, and why there may be none."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import RowChoice, Span, Token, TokenAttention, VlmRun


class Sight(enum.Enum):
    """What a token's row can tell about the picture."""

    SEES = "sees"
    BEFORE_IMAGE = "before image"
    UNDEFINED = "undefined"


@dataclass(frozen=True)
class TokenRow:
    """The row that stands for one text token.

    Attributes:
        position: the sequence position whose attention stands for the token.
        row: number of the recorded row; None unless ``sight`` is SEES.
        reason: None, or a sentence on why there is no row.
    """

    token: Token
    position: int
    sight: Sight
    row: int | None
    reason: str | None


def text_token(run: VlmRun, index: int) -> Token:
    """The text token with this index.

    Raises:
        ScratchpadError: there is no such token, or it is one of the picture's.
    """
    if not 0 <= index < len(run.tokens):
        raise ScratchpadError(
            f"token {index} was asked for, the run has tokens 0 to {len(run.tokens) - 1}: choose one of them."
        )
    token = run.tokens[index]
    if token.span is Span.IMAGE:
        raise ScratchpadError(f"token {index} is part of the image, not a word: choose a token of the text.")
    return token


def row_choice(row: RowChoice | str) -> RowChoice:
    """``row`` as a ``RowChoice``; raises ScratchpadError for any other word."""
    try:
        return RowChoice(row)
    except ValueError:
        raise ScratchpadError(f"row '{row}' is unknown: choose 'producing' or 'own'.") from None


def row_of_token(run: VlmRun, token: Token, choice: RowChoice | str = RowChoice.PRODUCING) -> TokenRow:
    """The row for ``token``: t-1 for an output token's producing row, else its own position.

    A position before the image cannot see it, recorded or not. Everything else that was not recorded is undefined.
    """
    choice = row_choice(choice)
    produced = token.span is Span.OUTPUT and choice is RowChoice.PRODUCING
    position = token.index - 1 if produced else token.index
    image = run.tokens.indices(Span.IMAGE)
    if image.size == 0 or position < image[0]:
        reason = f"Token {token.index} reads position {position}, which comes before the image: it cannot see the image."
        return TokenRow(token, position, Sight.BEFORE_IMAGE, None, reason)
    row = run.attention.row_of(token, choice)
    if row is not None:
        return TokenRow(token, position, Sight.SEES, row, None)
    if token.index == len(run.tokens) - 1 and not produced:
        reason = f"Token {token.index} is the last one and was never fed back to the model: it has no row of its own."
    else:
        reason = f"The attention of position {position}, which token {token.index} reads, was not recorded."
    return TokenRow(token, position, Sight.UNDEFINED, None, reason)


def text_token_rows(
    run: VlmRun, choice: RowChoice | str = RowChoice.PRODUCING, *, include_prompt: bool = True
) -> tuple[TokenRow, ...]:
    """The rows of all text tokens in order, or of the output tokens alone."""
    spans = (Span.SYSTEM, Span.INPUT, Span.OUTPUT) if include_prompt else (Span.OUTPUT,)
    return tuple(row_of_token(run, token, choice) for token in run.tokens if token.span in spans)


def attention_rows(attention: TokenAttention, rows: Sequence[int], layers: Sequence[int] | None = None) -> np.ndarray:
    """float64 [R, I], the given recorded rows, mean over some layers (all by default); newline columns included.

    Only these rows are read from a memory-mapped sidecar.

    Raises:
        ScratchpadError: as ``TokenAttention.over_layers``.
    """
    rows = np.asarray(rows, dtype=np.int64)
    per_layer = attention.per_layer_LTI
    if layers is None or per_layer is None:
        return np.asarray(attention.over_layers(layers)[rows], dtype=np.float64)
    # Rows may repeat; a TokenAttention's positions ascend, so they are counted anew.
    part = TokenAttention(
        query_position_T=np.arange(rows.size, dtype=np.int32),
        layers=attention.layers,
        mean_TI=attention.mean_TI[rows],
        per_layer_LTI=np.asarray(per_layer[:, rows]),
    )
    return np.asarray(part.over_layers(layers), dtype=np.float64)
