"""``LatentStatistics``, exact, in the event."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, smallest_unsigned, to_message
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics


def encode_statistics(statistics: LatentStatistics) -> pb.LatentStatistics:
    defined_K = statistics.label_entropy_defined_K.astype(np.bool_)
    return pb.LatentStatistics(
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


def decode_statistics(message: pb.LatentStatistics) -> LatentStatistics:
    return LatentStatistics(
        dictionary=decode_dictionary(message.dictionary),
        image_set_id=message.image_set_id,
        n_images=message.n_images,
        n_patches=message.n_patches,
        n_images_firing_K=from_message(message.n_images_firing, np.int64),
        n_patches_firing_K=from_message(message.n_patches_firing, np.int64),
        activation_sum_K=from_message(message.activation_sum, np.float64),
        label_names=tuple(message.label_names),
        label_entropy_K=from_message(message.label_entropy, np.float32),
        label_entropy_defined_K=from_message(message.label_entropy_defined, np.bool_),
        top_label_K=from_message(message.top_label, np.int32),
        top_label_share_K=from_message(message.top_label_share, np.float32),
        broken_images=tuple(message.broken_images),
        n_broken=message.n_broken,
        complete=message.complete,
    )
