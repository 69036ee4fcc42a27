"""What steering costs, as ratios within one run: against plain ``generate`` of the same answer, and batched against one at a time.

    python benchmarks/steering.py                        # the bundled model, on the CPU

Within each round everything takes its turn, so that a machine that speeds up or slows down meets all of it; ratios are taken round by
round and their median is printed, for time on the clock and for processor time, which other processes on the machine disturb less.

- *steered pass*: one steered answer with all its evidence (attention, latents), on features that are already there.
- *whole job*: picture and prompt anew, the steered answer, the original, the reconstruction and five controls, and the finished evidence.
  Once for a picture that was never asked about, once for a logged run, whose answer is known.
- *first token*: of a steered answer, picture and prompt at hand as a worker has them, beyond plain ``generate``'s own.
- *16 clusters*: ablated and answered together, over 16 single steered runs, each with its evidence as ``explain`` gives it; and over 16
  steered passes alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

TARGETS = {"steered pass": 1.05, "whole job": 4.0, "whole job of a logged run": 4.0, "16 clusters over single runs": 0.35}
FIRST_TOKEN_MS = 100.0
MAX_NEW_TOKENS = 64


class FirstToken(Exception):
    """Leaves an answer at its first token."""


class LeaveAtFirstToken:
    """A job's progress that leaves there."""

    def stage(self, what: str, done: int, total: int) -> None:
        return None

    def token(self, condition: str, text: str) -> None:
        raise FirstToken

    def check(self) -> None:
        return None


class Bench:
    """The bundled model, one picture of three objects, a long answer, and its clusters."""

    def __init__(self) -> None:
        from tb_visualscratchpad.exporter.asked_picture import AskedPicture
        from tb_visualscratchpad.exporter.cluster_sweep import NamedLatents
        from tb_visualscratchpad.exporter.demo.cases import CASES
        from tb_visualscratchpad.exporter.explain import explain
        from tb_visualscratchpad.exporter.sae import load_sae
        from tb_visualscratchpad.exporter.vlm import load_vlm
        from tb_visualscratchpad.views import GroupKind, cluster_columns, latent_means

        self.vlm, self.sae = load_vlm("demo", device="cpu"), load_sae("demo")
        self.picture, self.prompt = CASES[0].composition().picture, CASES[0].question.text
        self.logged = explain(self.vlm, self.sae, self.picture, self.prompt, max_new_tokens=MAX_NEW_TOKENS)
        clustered = cluster_columns(latent_means(self.logged), self.logged.order)
        groups = [cluster for cluster in clustered.clusters if cluster.kind is GroupKind.CLUSTER]
        heaviest = sorted(groups, key=lambda cluster: -cluster.weight_T.sum())[:16]
        self.clusters = [
            NamedLatents(str(number), tuple(clustered.matrix.latent_C[group.start : group.start + group.count].tolist()))
            for number, group in enumerate(heaviest)
        ]
        if len(self.clusters) < 16:
            raise SystemExit("the picture has fewer than 16 clusters")
        cat = next(token.index for token in self.logged.tokens if token.text == "cat" and token.logprob is not None)
        row = int(np.flatnonzero(clustered.matrix.token_T == cat)[0])
        carries = max((group for group in groups if cat in group.word_indices), key=lambda group: group.weight_T[row])
        self.spec = NamedLatents("cat", tuple(clustered.matrix.latent_C[carries.start : carries.start + carries.count].tolist())).ablation
        self.asked = AskedPicture(self.vlm, self.sae, self.picture, self.prompt)
        self.asked.edit(self.spec)
        prepared = self.asked.prepared
        self.inputs = {"input_ids": prepared.input_ids, "attention_mask": torch.ones_like(prepared.input_ids), **prepared.picture.image_inputs}

    def plain(self, n_new: int = MAX_NEW_TOKENS) -> Any:
        """Hugging Face's ``generate``, picture and prompt prepared beforehand."""
        return self.vlm.model.generate(**self.inputs, max_new_tokens=n_new, do_sample=False)

    def steered_pass(self, progress: Any = None) -> Any:
        """The steered answer alone, on the cached features."""
        from tb_visualscratchpad.exporter.explain import record_answer
        from tb_visualscratchpad.exporter.job_progress import NoProgress

        return record_answer(self.asked, self.asked.edit(self.spec), MAX_NEW_TOKENS, progress=progress or NoProgress())

    def first_token(self) -> None:
        """As far as a watcher of the steered answer sees its first token."""
        try:
            self.steered_pass(LeaveAtFirstToken())
        except FirstToken:
            pass

    def whole_job(self, logged: Any = None) -> Any:
        """Everything that a job leaves, from the picture on."""
        from tb_visualscratchpad.exporter.asked_picture import AskedPicture
        from tb_visualscratchpad.exporter.steered_answers import steer

        asked = AskedPicture(self.vlm, self.sae, self.picture, self.prompt)
        return steer(asked, self.spec, max_new_tokens=MAX_NEW_TOKENS, logged=logged)

    def clusters_together(self) -> Any:
        """16 ablations and the original, batched, with nothing computed beforehand."""
        from tb_visualscratchpad.exporter.asked_picture import AskedPicture
        from tb_visualscratchpad.exporter.cluster_sweep import sweep_clusters

        asked = AskedPicture(self.vlm, self.sae, self.picture, self.prompt)
        return sweep_clusters(asked, self.clusters, max_new_tokens=MAX_NEW_TOKENS, n_controls=0)

    def clusters_one_by_one(self) -> Any:
        """16 steered runs."""
        from tb_visualscratchpad.exporter.explain import explain

        return [
            explain(self.vlm, self.sae, self.picture, self.prompt, cluster.ablation, MAX_NEW_TOKENS) for cluster in self.clusters
        ]

    def passes_one_by_one(self) -> Any:
        """16 steered passes on the cached features, without anything else."""
        from tb_visualscratchpad.exporter.explain import record_answer

        return [record_answer(self.asked, self.asked.edit(cluster.ablation), MAX_NEW_TOKENS) for cluster in self.clusters]


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Seconds on the clock and of processor time."""
    start, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - processor


def main() -> None:
    """Prints one row per ratio, with its target and the machine's load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1, as for every small model)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    bench = Bench()
    calls: dict[str, Callable[[], Any]] = {
        "plain": bench.plain,
        "plain first": lambda: bench.plain(1),
        "first": bench.first_token,
        "pass": bench.steered_pass,
        "job": bench.whole_job,
        "logged job": lambda: bench.whole_job(bench.logged),
        "together": bench.clusters_together,
        "runs": bench.clusters_one_by_one,
        "passes": bench.passes_one_by_one,
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    load = os.getloadavg()[0]
    for number in range(options.rounds + 1):
        for name, call in calls.items():
            found = timed(call)
            if number:  # the first round warms up
                seconds[name].append(found)

    def ratio(name: str, over: str, kind: int) -> float:
        return statistics.median(one[kind] / other[kind] for one, other in zip(seconds[name], seconds[over], strict=True))

    plain = statistics.median(wall for wall, _ in seconds["plain"])
    print(f"plain generate {plain:.3f} s, {options.threads} threads, {options.rounds} rounds, load {load:.1f} before and {os.getloadavg()[0]:.1f} after")
    print(f"{'':34} {'clock':>7} {'processor':>10} {'target':>7}")
    rows = [
        ("steered pass", "pass", "plain"), ("whole job", "job", "plain"), ("whole job of a logged run", "logged job", "plain"),
        ("16 clusters over single runs", "together", "runs"), ("16 clusters over single passes", "together", "passes"),
    ]
    for label, name, over in rows:
        target = f"{TARGETS[label]:.2f}" if label in TARGETS else ""
        print(f"{label:34} {ratio(name, over, 0):7.2f} {ratio(name, over, 1):10.2f} {target:>7}")
    later = [
        statistics.median(1000 * (one[kind] - other[kind]) for one, other in zip(seconds["first"], seconds["plain first"], strict=True))
        for kind in (0, 1)
    ]
    print(f"{'first token later by, ms':34} {later[0]:7.0f} {later[1]:10.0f} {FIRST_TOKEN_MS:7.0f}")


if __name__ == "__main__":
    main()
