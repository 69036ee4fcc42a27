"""``ReferenceImages``: a manifest in the event, all else in the sidecar."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.codecs.image_tokens import decode_image_tokens, encode_image_tokens
from tb_visualscratchpad.wire.codecs.mapped_messages import joined, mapped, mapped_pictures
from tb_visualscratchpad.wire.codecs.picture import encode_picture_message
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.dictionary_evidence import N_REFERENCES, ReferenceImages
from tb_visualscratchpad.wire.sidecar import SidecarFile


def encode_references(
    references: ReferenceImages,
) -> tuple[pb.ReferenceImages, pb.ReferenceImages, Mapping[str, np.ndarray]]:
    """The event's manifest, the sidecar's message, and the sidecar's tensors."""
    manifest = pb.ReferenceImages(
        dictionary=encode_dictionary(references.dictionary),
        image_set_id=references.image_set_id,
        n_images=len(references.image_names),
        has_pictures=len(references.pictures) > 0,
        n_map_values=references.map_value_N.size,
    )
    message = pb.ReferenceImages(
        label_names=[storable(name) for name in references.label_names],
        image_names=[storable(name) for name in references.image_names],
    )
    message.MergeFrom(manifest)
    tensors: dict[str, np.ndarray] = {
        "image_label": references.image_label_M.astype(np.int32, copy=False),
        "image_geometry": references.image_geometry_M.astype(np.int32, copy=False),
        "image": references.image_KR.astype(np.int32, copy=False),
        "plain_mean": references.plain_mean_KR.astype(np.float32, copy=False),
        "map_indptr": references.map_indptr.astype(np.int64, copy=False),
        "map_patch": references.map_patch_N.astype(np.int32, copy=False),
        "map_value": references.map_value_N.astype(np.float32, copy=False),
    }
    tensors |= joined("geometry", (encode_image_tokens(geometry) for geometry in references.geometries))
    tensors |= joined("picture", (encode_picture_message(picture) for picture in references.pictures))
    return manifest, message, tensors


def decode_references(message: pb.ReferenceImages, sidecar: SidecarFile) -> ReferenceImages:
    """From the sidecar and its own message. Arrays are mapped; pictures and geometries are read when asked for."""
    k, m = message.dictionary.n_latents, len(message.image_names)
    map_patch_N = sidecar.tensor("map_patch", np.int32, (None,))
    return ReferenceImages(
        dictionary=decode_dictionary(message.dictionary),
        image_set_id=message.image_set_id,
        label_names=tuple(message.label_names),
        image_names=tuple(message.image_names),
        image_label_M=sidecar.tensor("image_label", np.int32, (m,)),
        geometries=mapped(
            sidecar, "geometry", lambda data: decode_image_tokens(pb.ImageTokenMap.FromString(data))
        ),
        image_geometry_M=sidecar.tensor("image_geometry", np.int32, (m,)),
        pictures=mapped_pictures(sidecar, "picture"),
        image_KR=sidecar.tensor("image", np.int32, (k, N_REFERENCES)),
        plain_mean_KR=sidecar.tensor("plain_mean", np.float32, (k, N_REFERENCES)),
        map_indptr=sidecar.tensor("map_indptr", np.int64, (k * N_REFERENCES + 1,)),
        map_patch_N=map_patch_N,
        map_value_N=sidecar.tensor("map_value", np.float32, map_patch_N.shape),
    )
