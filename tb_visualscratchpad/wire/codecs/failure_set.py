"""``FailureSet``: a manifest in the event, all else in the sidecar; and ``SetAblation``, an outcome of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.codecs.mapped_messages import joined_pictures, mapped_pictures
from tb_visualscratchpad.wire.codecs.outcome import decode_numbers, decode_outcome, encode_numbers, encode_outcome
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.failure_evidence import FailureItem, FailureSet, SetAblation, SetAnswers
from tb_visualscratchpad.wire.sidecar import SidecarFile


def encode_failure_set(found: FailureSet) -> tuple[pb.FailureSet, pb.FailureSet, Mapping[str, np.ndarray]]:
    """The event's manifest, the sidecar's message, and the sidecar's tensors."""
    manifest = pb.FailureSet(
        set_id=found.set_id,
        name=storable(found.name),
        created=found.created,
        dictionary=encode_dictionary(found.dictionary),
        match=found.match,
        system=None if found.system is None else storable(found.system),
        max_new_tokens=found.max_new_tokens,
        n_given=found.n_given,
        n_items=len(found.items),
    )
    message = pb.FailureSet(items=[_encode_item(item) for item in found.items])
    message.MergeFrom(manifest)
    tensors: dict[str, np.ndarray] = {
        "used_indptr": found.indptr.astype(np.int64, copy=False),
        "used_latent": found.latent_Z,
        "used_plain": found.plain_Z,
        "used_weighted": found.weighted_Z,
    }
    tensors |= joined_pictures("thumbnail", found.thumbnails)
    tensors |= joined_pictures("picture", found.pictures)
    return manifest, message, tensors


def decode_failure_set(message: pb.FailureSet, sidecar: SidecarFile) -> FailureSet:
    """From the sidecar and its own message. Arrays are mapped, pictures read when they are asked for."""
    latent_Z = sidecar.tensor("used_latent", np.int32, (None,))
    return FailureSet(
        set_id=message.set_id,
        name=message.name,
        created=message.created,
        dictionary=decode_dictionary(message.dictionary),
        match=message.match,
        system=message.system if message.HasField("system") else None,
        max_new_tokens=message.max_new_tokens,
        n_given=message.n_given,
        items=tuple(_decode_item(item) for item in message.items),
        indptr=sidecar.tensor("used_indptr", np.int64, (len(message.items) + 1,)),
        latent_Z=latent_Z,
        plain_Z=sidecar.tensor("used_plain", np.float32, latent_Z.shape),
        weighted_Z=sidecar.tensor("used_weighted", np.float32, latent_Z.shape),
        thumbnails=mapped_pictures(sidecar, "thumbnail"),
        pictures=mapped_pictures(sidecar, "picture"),
    )


def summarise_failure_set(found: FailureSet) -> pb.FailureSetSummary:
    """What a list of failure sets shows."""
    return pb.FailureSetSummary(
        name=storable(found.name),
        created=found.created,
        n_items=len(found.items),
        n_wrong=int(found.wrong_N.sum()),
        has_pictures=len(found.pictures) > 0,
    )


def encode_set_ablation(found: SetAblation) -> pb.SetAblation:
    """All of it: answers are short, and each text is written once."""
    number_of_text: dict[str, int] = {}

    def answers(of: SetAnswers) -> pb.SetAnswers:
        text_index = [number_of_text.setdefault(storable(text), len(number_of_text)) for text in of.text_N]
        return pb.SetAnswers(
            seed=of.seed, text_index=to_message(np.array(text_index, np.int32)), is_right=to_message(of.is_right_N)
        )

    message = pb.SetAblation(
        outcome=encode_outcome(found, rounded=False),
        set_id=found.set_id,
        chosen_on=found.chosen_on,
        latents=encode_numbers(found.latents),
        is_held_out=to_message(found.held_out_N),
        n_firing=encode_numbers(found.n_firing_N),
        original=answers(found.original),
        ablated=answers(found.ablated),
        controls=[answers(control) for control in found.controls],
    )
    message.text.extend(number_of_text)
    return message


def decode_set_ablation(message: pb.SetAblation) -> SetAblation:
    """Raises ValueError or IndexError where parts do not fit one another."""

    def answers(of: pb.SetAnswers) -> SetAnswers:
        return SetAnswers(
            text_N=tuple(message.text[number] for number in from_message(of.text_index).tolist()),
            is_right_N=from_message(of.is_right, bool),
            seed=of.seed if of.HasField("seed") else None,
        )

    return SetAblation(
        **decode_outcome(message.outcome),
        set_id=message.set_id,
        chosen_on=message.chosen_on,
        latents=decode_numbers(message.latents),
        held_out_N=from_message(message.is_held_out, bool),
        n_firing_N=decode_numbers(message.n_firing),
        original=answers(message.original),
        ablated=answers(message.ablated),
        controls=tuple(answers(control) for control in message.controls),
    )


def _encode_item(item: FailureItem) -> pb.FailureItem:
    return pb.FailureItem(
        name=storable(item.name),
        prompt=storable(item.prompt),
        right_answer=storable(item.right_answer),
        output_text=storable(item.output_text),
        truncated=item.truncated,
        is_right=item.is_right,
        is_flagged=item.is_flagged,
        is_held_out=item.is_held_out,
        run_id=item.run_id,
    )


def _decode_item(message: pb.FailureItem) -> FailureItem:
    return FailureItem(
        name=message.name,
        prompt=message.prompt,
        right_answer=message.right_answer,
        output_text=message.output_text,
        truncated=message.truncated,
        is_right=message.is_right,
        is_flagged=message.is_flagged,
        is_held_out=message.is_held_out,
        run_id=message.run_id,
    )
