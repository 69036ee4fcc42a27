"""How long the statistics over a training take to answer, and how large the answer is, beside the plain route asked step by step.

    python benchmarks/over_steps.py                # 65,536 latents, 12 steps

Random evidence, no TensorBoard in between: what the plugin itself needs, first (nothing decoded yet) and warm (median of five).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import Client

from tb_visualscratchpad.exporter import ScratchpadWriter
from tb_visualscratchpad.plugin import VisualScratchpadPlugin
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import DictionaryInfo

N_IMAGES, N_PATCHES = 512, 512 * 576


def random_statistics(n_latents: int, seed: int) -> LatentStatistics:
    """Frequencies over four decades, a tenth of the latents dead, entropy defined for most."""
    rng = np.random.default_rng(seed)
    info = DictionaryInfo("benchmark", "benchmark", "none", "random", "none", 1024, n_latents, "topk")
    images = np.ceil(10 ** rng.uniform(-3, 0, n_latents) * N_IMAGES).astype(np.int64) * (rng.random(n_latents) > 0.1)
    patches = images * rng.integers(1, 576, n_latents)
    defined = images >= 10
    labels = tuple(f"label {number}" for number in range(100))
    return LatentStatistics(
        info, "i", N_IMAGES, N_PATCHES, images, patches, patches * rng.gamma(2.0, 1.0, n_latents), labels,
        (rng.uniform(0, 2.3, n_latents) * defined).astype(np.float32), defined,
        np.where(images > 0, rng.integers(0, 100, n_latents), -1).astype(np.int32), rng.uniform(0, 1, n_latents).astype(np.float32),
    )


def timed(ask: Callable[[], int]) -> tuple[float, float, int]:
    """Milliseconds first and warm, and bytes."""
    taken = []
    for _ in range(6):
        start = time.perf_counter()
        size = ask()
        taken.append(1000 * (time.perf_counter() - start))
    return taken[0], float(np.median(taken[1:])), size


def main() -> None:
    """Prints a line for each route."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=int, default=65_536)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    steps = [100 * number for number in range(options.steps)]
    with tempfile.TemporaryDirectory() as folder:
        with ScratchpadWriter(Path(folder) / "training") as writer:
            for step in steps:
                writer.add_latent_statistics(random_statistics(options.latents, step), step)
        multiplexer = EventMultiplexer()
        multiplexer.AddRunsFromDirectory(folder)
        multiplexer.Reload()
        context = TBContext(data_provider=MultiplexerDataProvider(multiplexer, folder), logdir=folder, multiplexer=multiplexer)

        def client(route: str) -> Client:
            return Client(VisualScratchpadPlugin(context).get_plugin_apps()[route])

        def one(route: str, **query: str) -> Callable[[], int]:
            asking = client(route)
            return lambda: _size(asking, query)

        def each() -> Callable[[], int]:
            asking = client("/dictionary_statistics")
            return lambda: sum(_size(asking, {"id": "benchmark", "step": str(step)}) for step in steps)

        dotted = ".".join(map(str, steps))
        chosen = ".".join(map(str, range(0, options.latents, max(1, options.latents // 200))[:200]))
        print(f"{options.latents:,} latents, {options.steps} steps")
        for name, ask in {
            "statistics_over_steps": one("/statistics_over_steps", id="benchmark", steps=dotted),
            "latents_over_steps, 200 latents": one("/latents_over_steps", id="benchmark", steps=dotted, latents=chosen),
            "dictionary_statistics, step by step": each(),
        }.items():
            first, warm, size = timed(ask)
            print(f"  {name}: first {first:.0f} ms, warm {warm:.0f} ms, {size / 1e6:.2f} MB")


def _size(client: Client, query: dict[str, str]) -> int:
    answer = client.get("/", query_string=query)
    assert answer.status_code == 200, answer.data
    return len(answer.data)


if __name__ == "__main__":
    main()
