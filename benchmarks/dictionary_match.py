"""How long the match of two dictionaries takes, and how much memory.

    python benchmarks/dictionary_match.py                      # 65,536 x 65,536 latents of width 1,024
    python benchmarks/dictionary_match.py --latents 8192       # and whether it is what all cosines at once give

Brute force in the same run multiplies all unit rows at once and sorts; it is tried up to 16,384 latents, where its cosines take 1 GiB.
Memory is the peak of the process over what it held with both decoders loaded.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from tb_visualscratchpad.exporter.nearest_counterparts import Counterparts, nearest_counterparts

N = 5
LARGEST_BRUTE = 16_384


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def brute(rows: torch.Tensor, others: torch.Tensor) -> Counterparts:
    """All cosines at once, one way."""
    cosine = torch.nn.functional.normalize(rows, dim=1) @ torch.nn.functional.normalize(others, dim=1).T
    found = cosine.topk(N, dim=1)
    return Counterparts(found.indices.numpy(), found.values.numpy())


def main() -> None:
    """Prints seconds and the peak of memory, and of brute force the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=int, default=65_536)
    parser.add_argument("--width", type=int, default=1_024)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(options.latents, options.width, generator=draw)
    others = rows[torch.randperm(options.latents, generator=draw)] + 0.5 * torch.randn(options.latents, options.width, generator=draw)
    nearest_counterparts(rows[:64], others[:64], N, device=options.device)  # the first product loads libraries
    before, start = peak_megabytes(), time.perf_counter()
    forward, backward = nearest_counterparts(rows, others, N, device=options.device)
    seconds, memory = time.perf_counter() - start, peak_megabytes() - before
    print(f"{options.latents:,} x {options.latents:,} latents of width {options.width:,} on {options.device}, both ways: {seconds:.1f} s, {memory:.0f} MiB")
    if options.latents > LARGEST_BRUTE:
        return
    start = time.perf_counter()
    expected = brute(rows, others), brute(others, rows)
    brute_seconds, brute_memory = time.perf_counter() - start, peak_megabytes() - before
    same = all(np.allclose(one.cosine, two.cosine, atol=2e-6) for one, two in zip((forward, backward), expected, strict=True))
    print(f"all cosines at once, both ways: {brute_seconds:.1f} s, {brute_memory:.0f} MiB; ratio {seconds / brute_seconds:.2f}; the same: {same}")


if __name__ == "__main__":
    main()
