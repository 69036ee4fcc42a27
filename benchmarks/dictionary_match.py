"""How long the match of two dictionaries takes, and how much memory.

    python benchmarks/dictionary_match.py                      # 65,536 x 65,536 latents of width 1,024
    python benchmarks/dictionary_match.py --latents 8192       # and whether it is what all cosines at once give

Brute force in the same run multiplies all unit rows at once and sorts; it is tried up to 16,384 latents, where its cosines take 1 GiB.
Memory is the peak of the process over what it held with both decoders loaded.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from tb_visualscratchpad.exporter.nearest_counterparts import Counterparts, nearest_counterparts

N = 5
LARGEST_BRUTE = 16_384


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


@contextmanager
def peak_over_now() -> Iterator[list[float]]:
    """Looks at the process's memory every 5 ms; leaves what it took at most beyond what it held, in MiB, and the seconds."""
    found: list[float] = []
    before, most, end = resident_megabytes(), [0.0], threading.Event()

    def watch() -> None:
        while not end.wait(0.005):
            most[0] = max(most[0], resident_megabytes() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    start = time.perf_counter()
    try:
        yield found
    finally:
        seconds = time.perf_counter() - start
        end.set()
        thread.join()
        found += [most[0], seconds]


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
    with peak_over_now() as taken:
        forward, backward = nearest_counterparts(rows, others, N, device=options.device)
    memory, seconds = taken
    print(f"{options.latents:,} x {options.latents:,} latents of width {options.width:,} on {options.device}, both ways: {seconds:.1f} s, {memory:.0f} MiB")
    if options.latents > LARGEST_BRUTE:
        return
    with peak_over_now() as taken:
        expected = brute(rows, others), brute(others, rows)
    brute_memory, brute_seconds = taken
    same = all(np.allclose(one.cosine, two.cosine, atol=2e-6) for one, two in zip((forward, backward), expected, strict=True))
    print(f"all cosines at once, both ways: {brute_seconds:.1f} s, {brute_memory:.0f} MiB; ratio {seconds / brute_seconds:.2f}; the same: {same}")


if __name__ == "__main__":
    main()
