"""How long the map of a dictionary takes, and how true it is.

    python benchmarks/decoder_map.py                       # 65,536 rows around 500 directions in 1,024 dimensions
    python benchmarks/decoder_map.py --latents 8192

The baseline in the same run is one block-wise pass over all pairs of rows, the least that any exact neighbour search does.
Trustworthiness (Venna and Kaski 2001; scikit-learn, 15 neighbours) is taken on a sample of 5,000 rows.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from sklearn.manifold import trustworthiness

from tb_visualscratchpad.exporter.decoder_map import decoder_map
from tb_visualscratchpad.wire.evidence import DictionaryInfo


def planted_rows(n_rows: int, width: int, n_directions: int) -> np.ndarray:
    """float32 [n_rows, width]: unit directions and noise of the same length spread over all dimensions."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((n_directions, width)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    noise = rng.standard_normal((n_rows, width)).astype(np.float32) / np.sqrt(width)
    return directions[rng.integers(0, n_directions, n_rows)] + noise


def all_pairs_seconds(rows: np.ndarray) -> float:
    unit = torch.nn.functional.normalize(torch.from_numpy(rows), dim=1)
    start = time.perf_counter()
    for block in unit.split(1024):
        (block @ unit.T).max(dim=1)
    return time.perf_counter() - start


def main() -> None:
    """Prints seconds, the ratio, trustworthiness and clusters."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=int, default=65_536)
    parser.add_argument("--width", type=int, default=1_024)
    parser.add_argument("--directions", type=int, default=500)
    options = parser.parse_args()
    rows = planted_rows(options.latents, options.width, options.directions)
    info = DictionaryInfo(
        dictionary_id="benchmark", name="benchmark", vlm_name="none", sae_name="random", hook="none", d_in=options.width,
        n_latents=options.latents, activation="relu",
    )
    pairs = all_pairs_seconds(rows)
    start = time.perf_counter()
    made = decoder_map(info, rows, progress=False)
    seconds = time.perf_counter() - start
    sample = np.random.default_rng(0).choice(options.latents, min(5_000, options.latents), replace=False)
    trust = trustworthiness(rows[sample], made.xy_K2[sample], n_neighbors=15, metric="cosine")
    print(f"{options.latents:,} latents of width {options.width} around {options.directions} directions")
    print(f"map {seconds:.0f} s, all pairs once {pairs:.0f} s, ratio {seconds / pairs:.1f}")
    print(f"trustworthiness {trust:.3f}, {made.cluster_K.max() + 1} clusters, {np.mean(made.cluster_K < 0):.0%} of latents in none")


if __name__ == "__main__":
    main()
