"""``DictionaryMatch``: the best counterparts in the event, all of them in the sidecar."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tb_visualscratchpad.wire.sidecar import SidecarFile


def encode_dictionary_match(match: DictionaryMatch) -> tuple[pb.DictionaryMatch, pb.DictionaryMatch, Mapping[str, np.ndarray]]:
    """The event's message, the sidecar's, and the sidecar's tensors."""
    bare = pb.DictionaryMatch(
        dictionary=encode_dictionary(match.dictionary), other=encode_dictionary(match.other), created=match.created
    )
    message = pb.DictionaryMatch()
    message.CopyFrom(bare)
    message.forward_latent.CopyFrom(to_message(match.forward_latent_Kn[:, :1].astype(np.int32), pb.SHUFFLED_ZLIB))
    message.forward_cosine.CopyFrom(to_message(match.forward_cosine_Kn[:, :1].astype(np.float32)))
    message.backward_latent.CopyFrom(to_message(match.backward_latent_Jn[:, :1].astype(np.int32), pb.SHUFFLED_ZLIB))
    message.backward_cosine.CopyFrom(to_message(match.backward_cosine_Jn[:, :1].astype(np.float32)))
    return message, bare, {
        "forward_latent": match.forward_latent_Kn.astype(np.int32, copy=False),
        "forward_cosine": match.forward_cosine_Kn.astype(np.float32, copy=False),
        "backward_latent": match.backward_latent_Jn.astype(np.int32, copy=False),
        "backward_cosine": match.backward_cosine_Jn.astype(np.float32, copy=False),
    }


def decode_dictionary_match(message: pb.DictionaryMatch, sidecar: SidecarFile | None) -> DictionaryMatch:
    """Without the sidecar each latent has its best counterpart alone."""
    dictionary, other = decode_dictionary(message.dictionary), decode_dictionary(message.other)
    if sidecar is None:
        arrays = [
            from_message(message.forward_latent, np.int32), from_message(message.forward_cosine, np.float32),
            from_message(message.backward_latent, np.int32), from_message(message.backward_cosine, np.float32),
        ]
    else:
        arrays = []
        for name, n_latents in (("forward", dictionary.n_latents), ("backward", other.n_latents)):
            latent = sidecar.tensor(f"{name}_latent", np.int32, (n_latents, None))
            arrays += [latent, sidecar.tensor(f"{name}_cosine", np.float32, latent.shape)]
    return DictionaryMatch(dictionary, other, message.created, *arrays)
