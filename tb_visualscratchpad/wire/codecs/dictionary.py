"""``DictionaryInfo`` as a message."""

from __future__ import annotations

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.evidence import DictionaryInfo


def encode_dictionary(info: DictionaryInfo) -> pb.Dictionary:
    return pb.Dictionary(
        dictionary_id=info.dictionary_id,
        name=info.name,
        vlm_name=info.vlm_name,
        sae_name=info.sae_name,
        hook=info.hook,
        d_in=info.d_in,
        n_latents=info.n_latents,
        activation=info.activation,
    )


def decode_dictionary(message: pb.Dictionary) -> DictionaryInfo:
    return DictionaryInfo(
        dictionary_id=message.dictionary_id,
        name=message.name,
        vlm_name=message.vlm_name,
        sae_name=message.sae_name,
        hook=message.hook,
        d_in=message.d_in,
        n_latents=message.n_latents,
        activation=message.activation,
    )
