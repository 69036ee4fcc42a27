"""How long the tests of a failure set take: every latent of a large dictionary on many pictures.

    python benchmarks/failure_sets.py                    # 65,536 latents, 500 pictures

For a few sizes of the smaller group, since its size decides how much is counted out: median of three, on the clock and of processor
time, which other processes on the machine disturb less.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

import numpy as np
from scipy import sparse

TARGET_SECONDS = 1.0
N_ROUNDS = 3


def main() -> None:
    """Prints a line for each size of the smaller group."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=int, default=65_536)
    parser.add_argument("--items", type=int, default=500)
    options = parser.parse_args()
    from tb_visualscratchpad.views import latents_that_tell_apart
    from tb_visualscratchpad.wire.evidence import DictionaryInfo
    from tb_visualscratchpad.wire.failure_evidence import FailureItem, FailureSet

    rng = np.random.default_rng(0)
    # Most latents fire on few pictures, some on most.
    share_K = rng.beta(0.3, 6, options.latents).astype(np.float32)
    used = sparse.csr_matrix((rng.random((options.items, options.latents), dtype=np.float32) < share_K).astype(np.float32))
    used.data[:] = 1 - rng.random(used.data.size, dtype=np.float32)
    item = FailureItem("a.png", "what?", "a duck", "a drake", truncated=False, is_right=True)
    found = FailureSet(
        set_id="bench", name="bench", created=0.0, dictionary=DictionaryInfo("bench", "bench", "vlm", "sae", "hook", 16, options.latents, "topk"),
        match="exact", system=None, max_new_tokens=1, n_given=options.items, items=(item,) * options.items,
        indptr=used.indptr.astype(np.int64), latent_Z=used.indices.astype(np.int32), plain_Z=used.data, weighted_Z=used.data,
    )
    print(f"{options.latents:,} latents, {options.items} pictures, {used.nnz:,} values above zero")
    for share in (0.02, 0.1, 0.25, 0.5):
        wrong_N = rng.permutation(options.items) < round(share * options.items)
        judged = replace(found, items=tuple(replace(item, is_right=not wrong) for wrong in wrong_N.tolist()))
        clocks, processors = [], []
        for _ in range(N_ROUNDS):
            clock, processor = time.perf_counter(), time.process_time()
            telling = latents_that_tell_apart(judged)
            clocks.append(time.perf_counter() - clock)
            processors.append(time.process_time() - processor)
        clock, processor = statistics.median(clocks), statistics.median(processors)
        print(
            f"  {int(wrong_N.sum()):3d} wrong: {clock:.2f} s, processor {processor:.2f} s (target {TARGET_SECONDS:g}), "
            f"{telling.n_tested:,} tested, {telling.exact_F.mean():.1%} of them counted out"
        )


if __name__ == "__main__":
    main()
