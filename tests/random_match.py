"""A random match of two dictionaries: latents without counterpart, ties, mutual pairs and others."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tests.random_evidence import random_dictionary


def random_match(
    seed: int = 0, *, dictionary: DictionaryInfo | None = None, other: DictionaryInfo | None = None, n: int = 5
) -> DictionaryMatch:
    rng = np.random.default_rng(seed)
    dictionary, other = dictionary or random_dictionary(seed), other or random_dictionary(seed + 1000)

    def side(n_rows: int, n_others: int) -> tuple[np.ndarray, np.ndarray]:
        latent = np.full((n_rows, n), -1, dtype=np.int32)
        cosine = np.zeros((n_rows, n), dtype=np.float32)
        for row in np.flatnonzero(rng.random(n_rows) < 0.9):
            found = rng.permutation(n_others)[:n]
            latent[row, : found.size] = found
            cosine[row, : found.size] = np.sort(rng.uniform(-0.2, 1, found.size))[::-1].round(3)
        return latent, cosine

    forward, backward = side(dictionary.n_latents, other.n_latents), side(other.n_latents, dictionary.n_latents)
    # Some pairs are the best of each other.
    for latent in range(0, dictionary.n_latents, 3):
        best = int(forward[0][latent, 0])
        if best >= 0:
            backward[0][best] = -1
            backward[0][best, 0], backward[1][best] = latent, np.eye(1, n)[0] * forward[1][latent, 0]
    return DictionaryMatch(dictionary, other, 1_700_000_000.0 + seed, *forward, *backward)
