"""Run as a program: the hash of a small decoder map, made anew in this process. Argument: the seed."""

from __future__ import annotations

import hashlib
import sys

from tb_visualscratchpad.exporter.decoder_map import decoder_map
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap
from tests.exporter.test_decoder_map import dictionary, planted_references, planted_rows


def digest(found: DecoderMap) -> str:
    """sha256 over every array and word of a map."""
    parts = hashlib.sha256((found.method + found.firing_method).encode())
    for array in (
        found.xy_K2,
        found.cluster_K,
        found.neighbour_KN,
        found.neighbour_cosine_KN,
        found.firing_xy_K2,
        found.firing_cluster_K,
    ):
        parts.update(array.tobytes())
    return parts.hexdigest()


if __name__ == "__main__":
    rows, group = planted_rows(400, 32, 8)
    info = dictionary(rows)
    print(digest(decoder_map(info, rows, planted_references(info, group), seed=int(sys.argv[1]), progress=False)))
