"""How fast the tab's sliders are answered at full size.

    python benchmarks/views.py

Random evidence: 300 words, 2,880 patches, 65,536 latents, 800 columns. The first answer of a run computes C of every word (and,
for choices the exporter has not clustered, the leaf order); every later threshold only masks columns. The ratio is of a masked
answer to clustering anew in the same process. Needs the test tree beside it for the random evidence.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tb_visualscratchpad.views import cluster_columns, compute_latent_order, latent_means, rank_latents
from tb_visualscratchpad.views.thresholds import Thresholds
from tests.random_evidence import random_statistics, random_vlm_run


def milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Prints a row per step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=int, default=65536)
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    run = random_vlm_run(
        12, n_latents=options.latents, grid=24, tile_rows=2, tile_columns=2, n_output=options.words, n_layers=1, n_firing=32, ordered=False
    )
    known = random_statistics(12, dictionary=run.dictionary)
    first = milliseconds(lambda: latent_means(run))
    means = latent_means(run)
    anew = milliseconds(lambda: compute_latent_order(run, means=means))
    order = compute_latent_order(run, means=means)
    cuts = [0.5 - 0.4 * i / options.rounds for i in range(options.rounds)]
    masked = [
        milliseconds(lambda: cluster_columns(means, order, keep=Thresholds(cut).passing(run, known, order.latent_C))) for cut in cuts
    ]
    word = run.tokens.n_prompt + 1
    ranked = [milliseconds(lambda: rank_latents(run, word, statistics=known, max_frequency=cut, means=means)) for cut in cuts]
    print(f"{options.words} words, {run.image_tokens.n_patches:,} patches, {options.latents:,} latents, {order.latent_C.size} columns")
    print(f"{'step':34} {'median ms':>10} {'worst ms':>9} {'ratio to clustering anew':>25}")
    for name, times in (
        ("C of all words, first time", [first]),
        ("leaf order (at export)", [anew]),
        ("matrix after a threshold", masked),
        ("ranking after a threshold", ranked),
    ):
        print(f"{name:34} {statistics.median(times):10.1f} {max(times):9.1f} {statistics.median(times) / anew:25.4f}")


if __name__ == "__main__":
    main()
