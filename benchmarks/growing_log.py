"""Writes a log that grows as under a training with a ``DictionaryMonitor``, of random evidence, until it is ended.

    python benchmarks/growing_log.py FOLDER [--seconds 5] [--latents 4096] [--first 20]

One dictionary, ``training``: statistics and metrics at every call, references at every fifth, map and an explained run of a series
at every tenth. Beside it, at every fourth call, somebody asks a picture (run ``answers/<n>``), and steers it every third time.
``--first`` calls are made at once; then one every ``--seconds``.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import compute_latent_order
from tb_visualscratchpad.wire.evidence import DictionaryInfo, VlmRun
from tests.random_evidence import (
    random_decoder_map,
    random_dictionary,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)
from tests.random_steering_evidence import random_steering_result

N_VARIANTS = 4
"""So many different things of each kind are drawn, and logged in turn: drawing must not be what takes the time."""

READY = "the first calls are logged"


def drawn_runs(dictionary: DictionaryInfo) -> list[VlmRun]:
    runs = [
        random_vlm_run(
            seed, dictionary=dictionary, grid=16, tile_rows=1, tile_columns=2, n_output=40, n_firing=24, n_layers=4, picture_side=448, ordered=False
        )
        for seed in range(N_VARIANTS)
    ]
    return [replace(run, order=compute_latent_order(run)) for run in runs]


def grow(logdir: Path, *, seconds: float, n_latents: int, n_first: int) -> None:
    """Logs until the process is ended; prints ``READY`` when the first calls are there."""
    dictionary = random_dictionary(7, n_latents=n_latents, name="grown in training")
    known = {"dictionary": dictionary, "n_latents": n_latents}
    seeds = range(N_VARIANTS)
    statistics = [random_statistics(seed, n_images=64, patches_per_image=576, n_labels=20, **known) for seed in seeds]
    metrics = [random_metrics(seed, **known) for seed in seeds]
    references = [random_references(seed, n_images=64, n_labels=20, picture_side=128, **known) for seed in seeds]
    maps = [random_decoder_map(seed, n_clusters=40, **known) for seed in seeds]
    runs = drawn_runs(dictionary)
    with ScratchpadWriter(logdir / "training") as writer:
        due = time.monotonic()
        for call in itertools.count():
            step, one = 250 * call, call % N_VARIANTS
            writer.add_sae_metrics(metrics[one], step)
            writer.add_latent_statistics(statistics[one], step)
            if call % 5 == 0:
                writer.add_references(references[one], step)
            if call % 10 == 0:
                writer.add_decoder_map(maps[one], step)
                run = replace(runs[0], run_id=f"probe-{call}", name="probe", created=time.time(), series_id="5e" * 16)
                writer.add_vlm_run(run, step)
            writer.flush()
            if call % 4 == 0:
                ask(logdir, runs[call // 4 % N_VARIANTS], call // 4, steered=call % 12 == 0)
            if call == n_first:
                print(READY, flush=True)
                due = time.monotonic()
            if call >= n_first:
                due += seconds
                time.sleep(max(0.0, due - time.monotonic()))


def ask(logdir: Path, run: VlmRun, number: int, *, steered: bool) -> None:
    asked = replace(run, run_id=f"asked-{number}", name=f"asked {number}", created=time.time())
    with ScratchpadWriter(logdir / "answers" / f"{number:04}") as writer:
        writer.add_vlm_run(asked)
        if steered:
            result = random_steering_result(
                number % N_VARIANTS, dictionary=run.dictionary, n_original=40, n_steered=38, n_patches=run.latents.n_patches,
                result_id=f"steered-{number}", original_run_id=asked.run_id, created=time.time(),
            )
            writer.add_steering_result(result)


def main() -> None:
    """Until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logdir", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0, help="between two calls of the monitor")
    parser.add_argument("--latents", type=int, default=4096)
    parser.add_argument("--first", type=int, default=20, help="calls that are made at once")
    options = parser.parse_args()
    grow(options.logdir, seconds=options.seconds, n_latents=options.latents, n_first=options.first)


if __name__ == "__main__":
    main()
