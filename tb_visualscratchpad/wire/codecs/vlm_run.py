"""``VlmRun``: whole and compact in the event, whole and exact in the sidecar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.codecs.attention import (
    attention_from_sidecar,
    attention_tensors,
    decode_attention,
    encode_attention,
    encode_attention_rows,
    require_finite_attention,
)
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.codecs.image_tokens import decode_image_tokens, encode_image_tokens
from tb_visualscratchpad.wire.codecs.latents import (
    decode_latents,
    encode_latents,
    latent_tensors,
    latents_from_sidecar,
    require_finite_latents,
    strongest,
)
from tb_visualscratchpad.wire.codecs.picture import decode_picture_message, encode_picture_message, shrunk
from tb_visualscratchpad.wire.codecs.tokens import decode_tokens, encode_tokens, storable
from tb_visualscratchpad.wire.evidence import EncodedPicture, LatentOrder, Span, VlmRun
from tb_visualscratchpad.wire.sidecar import SidecarFile

EVENT_BUDGET = 1_900_000
"""Bytes of a run's message; with its metadata and framing the event stays under 2 MB."""


def summarise_run(run: VlmRun) -> pb.VlmRunSummary:
    """What a list of runs shows."""
    return pb.VlmRunSummary(
        name=storable(run.name),
        prompt=storable(run.prompt),
        output_text=storable(run.output_text),
        created=run.created,
        n_output_tokens=run.tokens.indices(Span.OUTPUT).size,
        truncated=run.truncated,
        steered=run.steering is not None,
        has_picture=run.picture is not None,
        original_run_id=run.original_run_id,
        series_id=run.series_id,
    )


def encode_run_exactly(run: VlmRun) -> tuple[pb.VlmRun, Mapping[str, np.ndarray]]:
    """The sidecar's message and tensors.

    Raises:
        ScratchpadError: attention or latents are not finite.
    """
    require_finite_attention(run.attention)
    require_finite_latents(run.latents)
    message = pb.VlmRun(
        run_id=run.run_id,
        name=storable(run.name),
        created=run.created,
        dictionary=encode_dictionary(run.dictionary),
        prompt=storable(run.prompt),
        output_text=storable(run.output_text),
        truncated=run.truncated,
        tokens=encode_tokens(run.tokens),
        attention=encode_attention_rows(run.attention),
        image_tokens=encode_image_tokens(run.image_tokens),
        steering=run.steering,
        system=None if run.system is None else storable(run.system),
        max_new_tokens=run.max_new_tokens or 0,
        original_run_id=run.original_run_id,
        series_id=run.series_id,
    )
    if run.exact_picture is not None:
        message.exact_picture.CopyFrom(encode_picture_message(run.exact_picture))
    if run.picture is not None:
        message.picture.CopyFrom(encode_picture_message(run.picture))
    if run.order is not None:
        message.order.CopyFrom(
            pb.LatentOrder(
                latent=to_message(run.order.latent_C.astype(np.int32)),
                linkage=to_message(run.order.linkage.astype(np.float64)),
            )
        )
    return message, {**attention_tensors(run.attention), **latent_tensors(run.latents)}


def encode_run_compactly(run: VlmRun, exact: pb.VlmRun, budget: int = EVENT_BUDGET) -> pb.VlmRun:
    """The event's message: rounded, and reduced step by step until it fits.

    Args:
        exact: the sidecar's message.
        budget: bytes. A run of so many words that even the last step does not fit is written all the same.
    """
    message = pb.VlmRun()
    message.CopyFrom(exact)
    message.ClearField("exact_picture")
    message.attention.CopyFrom(encode_attention(run.attention))
    message.latents.CopyFrom(encode_latents(run.latents))
    for reduce in _reductions(run):
        if message.ByteSize() <= budget:
            break
        reduce(message)
    return message


def _reductions(run: VlmRun) -> Iterator[Callable[[pb.VlmRun], None]]:
    """What to give up, cheapest first: prompt rows, pixels, weak latents, weak attention, the picture."""
    # The last prompt position produced the first word.
    first_position = run.tokens.n_prompt - 1

    def drop_prompt_rows(message: pb.VlmRun) -> None:
        message.attention.CopyFrom(encode_attention(run.attention, first_position=first_position))
        message.reductions.prompt_rows_dropped = True

    def shrink_picture(picture: EncodedPicture, side: int) -> Callable[[pb.VlmRun], None]:
        def reduce(message: pb.VlmRun) -> None:
            smaller = shrunk(picture, side)
            if len(smaller.data) < len(message.picture.data):
                message.picture.CopyFrom(encode_picture_message(smaller))
                message.reductions.picture_side = side

        return reduce

    def keep_latents(per_patch: int) -> Callable[[pb.VlmRun], None]:
        def reduce(message: pb.VlmRun) -> None:
            message.latents.CopyFrom(encode_latents(strongest(run.latents, per_patch)))
            message.reductions.latents_per_patch = per_patch

        return reduce

    def keep_attention(per_row: int) -> Callable[[pb.VlmRun], None]:
        def reduce(message: pb.VlmRun) -> None:
            message.attention.CopyFrom(
                encode_attention(run.attention, first_position=first_position, image_tokens_per_row=per_row)
            )
            message.reductions.image_tokens_per_row = per_row

        return reduce

    def drop_picture(message: pb.VlmRun) -> None:
        message.ClearField("picture")
        message.reductions.picture_side = 0
        message.reductions.picture_dropped = True

    if np.any(run.attention.query_position_T < first_position):
        yield drop_prompt_rows
    if run.picture is not None:
        longest = max(run.picture.width, run.picture.height)
        yield from (shrink_picture(run.picture, side) for side in (768, 512, 384, 256) if side < longest)
    most = int(np.diff(run.latents.indptr_P).max(initial=0))
    yield from (keep_latents(n) for n in (64, 32, 16, 8) if n < most)
    yield from (keep_attention(n) for n in (512, 256, 128, 64, 32) if n < run.image_tokens.n_tokens)
    if run.picture is not None:
        yield drop_picture
    yield from (keep_latents(n) for n in (4, 2, 1) if n < most)


def decode_run(message: pb.VlmRun, sidecar: SidecarFile | None) -> VlmRun:
    """A run from an event's message (``sidecar`` None) or a sidecar's.

    Raises:
        UnreadableEvidence, ValueError, KeyError, IndexError: parts do not fit one another.
    """
    if sidecar is None:
        attention, latents = decode_attention(message.attention), decode_latents(message.latents)
        reductions = _sentences(message.reductions)
    else:
        attention = attention_from_sidecar(message.attention, sidecar)
        latents, reductions = latents_from_sidecar(message.dictionary.n_latents, sidecar), ()
    order = None
    if message.HasField("order"):
        order = LatentOrder(
            latent_C=from_message(message.order.latent, np.int32),
            linkage=from_message(message.order.linkage, np.float64),
        )
    return VlmRun(
        run_id=message.run_id,
        name=message.name,
        created=message.created,
        dictionary=decode_dictionary(message.dictionary),
        prompt=message.prompt,
        output_text=message.output_text,
        truncated=message.truncated,
        tokens=decode_tokens(message.tokens),
        attention=attention,
        image_tokens=decode_image_tokens(message.image_tokens),
        latents=latents,
        picture=decode_picture_message(message.picture) if message.HasField("picture") else None,
        steering=message.steering if message.HasField("steering") else None,
        order=order,
        reductions=reductions,
        system=message.system if message.HasField("system") else None,
        max_new_tokens=int(message.max_new_tokens) or None,
        original_run_id=message.original_run_id,
        series_id=message.series_id,
        exact_picture=decode_picture_message(message.exact_picture) if message.HasField("exact_picture") else None,
    )


def _sentences(reductions: pb.Reductions) -> tuple[str, ...]:
    found = ["Attention is rounded to 8 bits and averaged over all layers, latents to half precision."]
    if reductions.prompt_rows_dropped:
        found.append("Attention of the prompt's words is left out.")
    if reductions.picture_side:
        found.append(f"The picture is scaled down to {reductions.picture_side} pixels.")
    if reductions.picture_dropped:
        found.append("The picture is left out.")
    if reductions.latents_per_patch:
        found.append(f"Only the {reductions.latents_per_patch} strongest latents of each patch are kept.")
    if reductions.image_tokens_per_row:
        found.append(f"Only the {reductions.image_tokens_per_row} most attended image tokens of each word are kept.")
    return tuple(found)
