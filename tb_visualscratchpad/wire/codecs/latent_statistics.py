"""``LatentStatistics``, exact, in the event; of a step of a training run also in a sidecar, to be mapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, smallest_unsigned, to_message
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.dictionary_evidence import DecoderDrift, LatentStatistics
from tb_visualscratchpad.wire.latent_at_step import LatentAtStep, finite_angle
from tb_visualscratchpad.wire.sidecar import SidecarFile

_ARRAYS: Mapping[str, type] = {
    "n_images_firing": np.int64, "n_patches_firing": np.int64, "activation_sum": np.float64, "label_entropy": np.float32,
    "label_entropy_defined": np.bool_, "top_label": np.int32, "top_label_share": np.float32,
}
"""Fields of the message that are tensors of the sidecar, and their types once read."""

_SINCE, _PREVIOUS = "drift_since", "drift_previous"
"""Tensors of the sidecar that ``decoder_drift`` has as fields."""


def encode_statistics(statistics: LatentStatistics) -> pb.LatentStatistics:
    defined_K = statistics.label_entropy_defined_K.astype(np.bool_)
    message = pb.LatentStatistics(
        dictionary=encode_dictionary(statistics.dictionary),
        image_set_id=statistics.image_set_id,
        n_images=statistics.n_images,
        n_patches=statistics.n_patches,
        n_images_firing=to_message(smallest_unsigned(statistics.n_images_firing_K)),
        n_patches_firing=to_message(smallest_unsigned(statistics.n_patches_firing_K)),
        activation_sum=to_message(statistics.activation_sum_K.astype(np.float64)),
        label_names=[storable(name) for name in statistics.label_names],
        label_entropy=to_message(np.where(defined_K, statistics.label_entropy_K, 0).astype(np.float32)),
        label_entropy_defined=to_message(defined_K),
        top_label=to_message(statistics.top_label_K.astype(np.int32)),
        top_label_share=to_message(statistics.top_label_share_K.astype(np.float32)),
        broken_images=[storable(name) for name in statistics.broken_images],
        n_broken=statistics.n_broken,
        complete=statistics.complete,
    )
    if statistics.decoder_drift is not None:
        message.decoder_drift.CopyFrom(_encode_drift(statistics.decoder_drift))
    return message


def _encode_drift(drift: DecoderDrift) -> pb.DecoderDrift:
    return pb.DecoderDrift(
        since_step=drift.since_step,
        previous_step=drift.previous_step,
        since=to_message(drift.since_K.astype(np.float16)),
        previous=to_message(drift.previous_K.astype(np.float16)),
    )


def encode_statistics_exactly(message: pb.LatentStatistics, statistics: LatentStatistics) -> tuple[pb.LatentStatistics, Mapping[str, np.ndarray]]:
    """For a sidecar: what ``encode_statistics`` gave, without arrays, and these as tensors. Counts take the fewest bytes that hold
    the largest."""
    bare = pb.LatentStatistics()
    bare.CopyFrom(message)
    tensors = {}
    for name, dtype in _ARRAYS.items():
        bare.ClearField(name)
        array = getattr(statistics, f"{name}_K")
        tensors[name] = smallest_unsigned(array) if dtype is np.int64 else array.astype(dtype)
    tensors["label_entropy"] = np.where(tensors["label_entropy_defined"], tensors["label_entropy"], np.float32(0))
    if statistics.decoder_drift is not None:
        bare.decoder_drift.ClearField("since")
        bare.decoder_drift.ClearField("previous")
        tensors[_SINCE] = statistics.decoder_drift.since_K.astype(np.float16)
        tensors[_PREVIOUS] = statistics.decoder_drift.previous_K.astype(np.float16)
    return bare, tensors


def decode_statistics(message: pb.LatentStatistics, sidecar: SidecarFile | None = None) -> LatentStatistics:
    if sidecar is not None:
        arrays = {name: _counts_or(sidecar, name, dtype) for name, dtype in _ARRAYS.items()}
        angles = _angles(sidecar) if message.HasField("decoder_drift") else None
        return _decoded(message, arrays, angles)
    arrays = {name: from_message(getattr(message, name), dtype) for name, dtype in _ARRAYS.items()}
    drift = message.decoder_drift
    both = (from_message(drift.since, np.float16), from_message(drift.previous, np.float16)) if message.HasField("decoder_drift") else None
    return _decoded(message, arrays, both)


def decode_latents_at_step(message: pb.LatentStatistics, sidecar: SidecarFile, latents: Sequence[int]) -> list[LatentAtStep]:
    """A few latents of a step's sidecar: only their elements of the mapped tensors are read.

    Raises:
        UnreadableEvidence: a tensor is missing or of another kind.
        IndexError: there is no such latent.
    """
    arrays = {name: _counts_or(sidecar, name, dtype) for name, dtype in _ARRAYS.items()}
    drift = message.decoder_drift if message.HasField("decoder_drift") else None
    since_K, previous_K = _angles(sidecar) if drift is not None else (None, None)
    found = []
    for latent in latents:
        label = int(arrays["top_label"][latent])
        found.append(
            LatentAtStep(
                n_images=int(message.n_images),
                n_patches=int(message.n_patches),
                n_images_firing=int(arrays["n_images_firing"][latent]),
                n_patches_firing=int(arrays["n_patches_firing"][latent]),
                activation_sum=float(arrays["activation_sum"][latent]),
                label_entropy=float(arrays["label_entropy"][latent]) if arrays["label_entropy_defined"][latent] else None,
                label=message.label_names[label] if label >= 0 else None,
                label_share=float(arrays["top_label_share"][latent]),
                drift_since=None if drift is None else int(drift.since_step),
                drift=None if since_K is None else finite_angle(since_K[latent]),
                turned=None if previous_K is None else finite_angle(previous_K[latent]),
            )
        )
    return found


def _angles(sidecar: SidecarFile) -> tuple[np.ndarray, np.ndarray]:
    return sidecar.tensor(_SINCE, np.float16, (None,)), sidecar.tensor(_PREVIOUS, np.float16, (None,))


def _counts_or(sidecar: SidecarFile, name: str, dtype: type) -> np.ndarray:
    """A tensor of the sidecar; one of counts in the type that it is stored in."""
    stored = sidecar.tensors[name].dtype if dtype is np.int64 and name in sidecar.tensors else np.dtype(dtype)
    if dtype is np.int64 and stored.kind not in "ui":
        raise ValueError(f"{name} is {stored}, counts were expected")
    return sidecar.tensor(name, stored, (None,))


def _decoded(
    message: pb.LatentStatistics, arrays: Mapping[str, np.ndarray], angles: tuple[np.ndarray, np.ndarray] | None
) -> LatentStatistics:
    drift = message.decoder_drift
    return LatentStatistics(
        dictionary=decode_dictionary(message.dictionary),
        image_set_id=message.image_set_id,
        n_images=message.n_images,
        n_patches=message.n_patches,
        n_images_firing_K=arrays["n_images_firing"].astype(np.int64),
        n_patches_firing_K=arrays["n_patches_firing"].astype(np.int64),
        activation_sum_K=arrays["activation_sum"],
        label_names=tuple(message.label_names),
        label_entropy_K=arrays["label_entropy"],
        label_entropy_defined_K=arrays["label_entropy_defined"],
        top_label_K=arrays["top_label"],
        top_label_share_K=arrays["top_label_share"],
        broken_images=tuple(message.broken_images),
        n_broken=message.n_broken,
        complete=message.complete,
        decoder_drift=None if angles is None else DecoderDrift(
            since_step=int(drift.since_step),
            previous_step=int(drift.previous_step) if drift.HasField("previous_step") else None,
            since_K=angles[0],
            previous_K=angles[1],
        ),
    )
