"""``SaeMetrics``, exact, in the event."""

from __future__ import annotations

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.dictionary_evidence import SaeMetrics


def encode_metrics(metrics: SaeMetrics) -> pb.SaeMetrics:
    return pb.SaeMetrics(
        dictionary=encode_dictionary(metrics.dictionary),
        image_set_id=metrics.image_set_id,
        n_images=metrics.n_images,
        n_patches=metrics.n_patches,
        l0=metrics.l0,
        fvu=metrics.fvu,
        n_dead=metrics.n_dead,
        n_dense=metrics.n_dense,
        dense_cutoff=metrics.dense_cutoff,
    )


def decode_metrics(message: pb.SaeMetrics) -> SaeMetrics:
    return SaeMetrics(
        dictionary=decode_dictionary(message.dictionary),
        image_set_id=message.image_set_id,
        n_images=message.n_images,
        n_patches=message.n_patches,
        l0=message.l0,
        fvu=message.fvu if message.HasField("fvu") else None,
        n_dead=message.n_dead,
        n_dense=message.n_dense,
        dense_cutoff=message.dense_cutoff,
    )
