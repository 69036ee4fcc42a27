"""``DecoderMap``: places and clusters in the event, neighbours in the sidecar."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap
from tb_visualscratchpad.wire.sidecar import SidecarFile


def encode_decoder_map(decoder_map: DecoderMap) -> tuple[pb.DecoderMap, Mapping[str, np.ndarray]]:
    """The message, for the event and for the sidecar, and the sidecar's tensors."""
    message = pb.DecoderMap(
        dictionary=encode_dictionary(decoder_map.dictionary),
        method=storable(decoder_map.method),
        seed=decoder_map.seed,
        xy=to_message(decoder_map.xy_K2.astype(np.float32)),
        cluster=to_message(decoder_map.cluster_K.astype(np.int32)),
        firing_method=storable(decoder_map.firing_method),
        firing_xy=to_message(decoder_map.firing_xy_K2.astype(np.float32)),
        firing_cluster=to_message(decoder_map.firing_cluster_K.astype(np.int32)),
    )
    return message, {
        "neighbour": decoder_map.neighbour_KN.astype(np.int32, copy=False),
        "neighbour_cosine": decoder_map.neighbour_cosine_KN.astype(np.float32, copy=False),
    }


def decode_decoder_map(message: pb.DecoderMap, sidecar: SidecarFile | None) -> DecoderMap:
    """Without the sidecar each latent has no neighbours: arrays [K, 0]."""
    k = message.dictionary.n_latents
    neighbour_KN, cosine_KN = np.zeros((k, 0), np.int32), np.zeros((k, 0), np.float32)
    if sidecar is not None:
        neighbour_KN = sidecar.tensor("neighbour", np.int32, (k, None))
        cosine_KN = sidecar.tensor("neighbour_cosine", np.float32, neighbour_KN.shape)
    return DecoderMap(
        dictionary=decode_dictionary(message.dictionary),
        method=message.method,
        seed=message.seed,
        xy_K2=from_message(message.xy, np.float32),
        cluster_K=from_message(message.cluster, np.int32),
        neighbour_KN=neighbour_KN,
        neighbour_cosine_KN=cosine_KN,
        firing_method=message.firing_method,
        firing_xy_K2=from_message(message.firing_xy, np.float32),
        firing_cluster_K=from_message(message.firing_cluster, np.int32),
    )
