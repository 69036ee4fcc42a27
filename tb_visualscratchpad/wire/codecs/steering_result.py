"""``SteeringResult``: exact in the sidecar; in the event without the edited latents, and rounded, where it must."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.codecs.outcome import (
    decode_answer_tokens,
    decode_figures,
    decode_numbers,
    decode_outcome,
    encode_answer_tokens,
    encode_figures,
    encode_numbers,
    encode_outcome,
)
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.steering_evidence import (
    Condition,
    ConditionAnswer,
    EditedLatents,
    PixelErasure,
    SteeringResult,
)

_CONDITION_NUMBER = {condition: pb.Condition.Value(condition.name) for condition in Condition}
_CONDITION_OF_NUMBER = {number: condition for condition, number in _CONDITION_NUMBER.items()}


def encode_steering_result(result: SteeringResult, *, rounded: bool = False) -> pb.SteeringResult:
    message = pb.SteeringResult(
        outcome=encode_outcome(result, rounded=rounded),
        steered_run_id=result.steered_run_id,
        steering=None if result.steering is None else storable(result.steering),
        answers=[_encode_answer(answer, rounded) for answer in result.answers],
    )
    if result.erasure is not None:
        message.erasure.CopyFrom(pb.PixelErasure(box=result.erasure.box, fill=result.erasure.fill))
    if result.edited is not None:
        edited = result.edited
        message.edited.CopyFrom(
            pb.EditedLatents(
                patch=encode_numbers(edited.patch_N),
                latent=encode_numbers(edited.latent_N),
                before=to_message(edited.before_N.astype(np.float32)),
                edited=to_message(edited.edited_N.astype(np.float32)),
                after=to_message(edited.after_N.astype(np.float32)),
            )
        )
    return message


def without_edited(message: pb.SteeringResult) -> pb.SteeringResult:
    """The same without the edited latents, which it says."""
    smaller = pb.SteeringResult()
    smaller.CopyFrom(message)
    if smaller.HasField("edited"):
        smaller.ClearField("edited")
        smaller.outcome.edited_dropped = True
    return smaller


def decode_steering_result(message: pb.SteeringResult) -> SteeringResult:
    erasure = None
    if message.HasField("erasure"):
        x0, y0, x1, y1 = message.erasure.box
        erasure = PixelErasure(box=(x0, y0, x1, y1), fill=message.erasure.fill)
    return SteeringResult(
        **decode_outcome(message.outcome),
        steered_run_id=message.steered_run_id,
        steering=message.steering if message.HasField("steering") else None,
        erasure=erasure,
        answers=tuple(_decode_answer(answer) for answer in message.answers),
        edited=_decode_edited(message.edited) if message.HasField("edited") else None,
    )


def _encode_answer(answer: ConditionAnswer, rounded: bool) -> pb.ConditionAnswer:
    return pb.ConditionAnswer(
        condition=_CONDITION_NUMBER[answer.condition],
        seed=answer.seed,
        latents=encode_numbers(answer.latents),
        change_norm=answer.change_norm,
        tokens=encode_answer_tokens(answer.tokens, rounded=rounded),
        output_text=storable(answer.output_text),
        truncated=answer.truncated,
        along_original=encode_figures(answer.along_original_O, rounded=rounded),
        along_steered=encode_figures(answer.along_steered_S, rounded=rounded),
    )


def _decode_answer(message: pb.ConditionAnswer) -> ConditionAnswer:
    return ConditionAnswer(
        condition=_CONDITION_OF_NUMBER[message.condition],
        seed=message.seed if message.HasField("seed") else None,
        latents=decode_numbers(message.latents),
        change_norm=message.change_norm,
        tokens=decode_answer_tokens(message.tokens),
        output_text=message.output_text,
        truncated=message.truncated,
        along_original_O=decode_figures(message.along_original),
        along_steered_S=decode_figures(message.along_steered),
    )


def _decode_edited(message: pb.EditedLatents) -> EditedLatents:
    return EditedLatents(
        patch_N=decode_numbers(message.patch),
        latent_N=decode_numbers(message.latent),
        before_N=from_message(message.before, np.float32),
        edited_N=from_message(message.edited, np.float32),
        after_N=from_message(message.after, np.float32),
    )
