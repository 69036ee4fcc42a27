"""What watching a training run costs: time, bytes, and how the log opens. Prints the tables of docs/training.md.

    python benchmarks/monitor.py                    # all parts; needs the test tree beside it, and a Chromium
    python benchmarks/monitor.py --only log --calls 100 --latents 65536

On the demo: a call of ``DictionaryMonitor`` of each kind beside a step of the training it watches (3,072 latents, 512 patches, Adam,
one thread). At many latents: time and bytes of each thing that is logged, growth over the calls (metrics and statistics at each, the
rest at MonitorPace's intervals), the time of measuring the decoder's drift, the time until the event store lists the log of all
calls, reads its steps, and a few latents at all of them, and in Chromium the time from opening the address to the drawn scatter and of
the moves of the step slider.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext

from benchmarks.steps_in_tab import time_the_tab
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter import DictionaryMonitor, MonitorPace, ScratchpadWriter, live_sae, load_sae, load_vlm
from tb_visualscratchpad.exporter.decoder_drift import DecoderFollower
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.image_set import save_labelled_pictures
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.wire.dictionary_evidence import (
    DecoderDrift,
    DecoderMap,
    LatentStatistics,
    ReferenceImages,
    SaeMetrics,
)
from tb_visualscratchpad.wire.evidence import DictionaryInfo, EncodedPicture, ImageTokenMap

GRID = 24
N_IMAGES = 64
FIRING = 32
PACE = MonitorPace()


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bytes_under(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def print_table(*heads: str) -> None:
    print_row(*heads)
    print_row(*("---" for _ in heads))


def print_row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def on_the_demo() -> None:
    """Prints the median step of a training loop and each kind of monitor call."""
    torch.set_num_threads(1)
    vlm, given = load_vlm("demo", device="cpu"), load_sae("demo")
    parts = {name: getattr(given, name).float().clone().requires_grad_() for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    sae = live_sae("watched", **parts, activation=TopK(16))
    optimiser = torch.optim.Adam(parts.values(), lr=1e-4)
    picture = compose(random_scene(7), 7).picture
    x = vlm.features(vlm.prepare_picture(picture).pixel_values).flatten(0, 1).float()
    batch = x[torch.randint(len(x), (512,), generator=torch.Generator().manual_seed(0))]

    def step() -> None:
        z = sae.activation_function((batch - parts["b_dec"]) @ parts["W_enc"] + parts["b_enc"])
        loss = (z @ parts["W_dec"] + parts["b_dec"] - batch).square().sum(dim=1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    training = float(np.median([seconds_of(step) for _ in range(12)][2:]))
    print(f"On the demo (3,072 latents, 64 probe images; a training step of 512 patches takes {1000 * training:.0f} ms):\n")
    print_table("a call with", "takes", "training steps in that time", "the first call")
    kinds = {
        "metrics and statistics": MonitorPace(every=1, references_every=0, map_every=0, explain_every=0),
        "references as well": MonitorPace(every=1, references_every=1, map_every=0, explain_every=0),
        "one explained run as well": MonitorPace(every=1, references_every=0, map_every=0, explain_every=1),
        "the map as well": MonitorPace(every=1, references_every=0, map_every=1, explain_every=0),
    }
    with tempfile.TemporaryDirectory() as folder:
        save_labelled_pictures(Path(folder) / "images", n_per_object=2, n_per_ground=2)
        for number, (kind, pace) in enumerate(kinds.items()):
            with ScratchpadWriter(Path(folder) / str(number)) as writer:
                monitor = DictionaryMonitor(
                    writer, sae, vlm=vlm, images=Path(folder) / "images", prompts=[(picture, "what is in the picture ?")], pace=pace
                )
                first, *later = [seconds_of(lambda: monitor(step)) for step in range(4)]
            taken = float(np.median(later))
            print_row(kind, f"{taken:.2f} s", f"{taken / training:.0f}", f"{first:.2f} s")


def evidence(n_latents: int, seed: int) -> tuple[SaeMetrics, LatentStatistics, ReferenceImages, DecoderMap]:
    """As ``N_IMAGES`` pictures of one view each would give: ``FIRING`` latents a patch, popular ones more often."""
    rng = np.random.default_rng(seed)
    info = DictionaryInfo("benchmark", "benchmark", "none", "random", "none", 1024, n_latents, "topk")
    n_patches = GRID * GRID
    weight = rng.permutation(1 / np.arange(1, n_latents + 1) ** 0.7)
    drawn = rng.choice(n_latents, size=(N_IMAGES, n_patches * FIRING), p=weight / weight.sum()).astype(np.int32)
    count_MK = np.stack([np.bincount(image, minlength=n_latents) for image in drawn])
    value_MK = (count_MK * rng.gamma(2.0, 1.0, count_MK.shape) / n_patches).astype(np.float32)
    image_KR = np.argsort(-value_MK, axis=0, kind="stable")[:10].T.astype(np.int32)
    mean_KR = np.take_along_axis(value_MK.T, image_KR, axis=1)
    fires_KR = np.take_along_axis(count_MK.T, image_KR, axis=1) * (mean_KR > 0)
    image_KR = np.where(mean_KR > 0, image_KR, -1).astype(np.int32)
    indptr = np.concatenate([[0], np.cumsum(fires_KR.ravel())]).astype(np.int64)
    place = np.arange(n_patches, dtype=np.int32)
    box = np.zeros((n_patches, 4), dtype=np.float32)
    geometry = ImageTokenMap(336, 336, GRID, 0, 0, box, place, place, np.zeros(n_patches, dtype=np.int32))
    none_K = np.zeros(n_latents, dtype=np.float32)
    seen = (count_MK > 0).sum(axis=0)
    statistics = LatentStatistics(
        info, "i", N_IMAGES, N_IMAGES * n_patches, seen, count_MK.sum(axis=0), count_MK.sum(axis=0) * rng.gamma(2.0, 1.0, n_latents), (),
        none_K, none_K > 0, np.full(n_latents, -1, np.int32), none_K,
    )
    references = ReferenceImages(
        info, "i", (), tuple(f"{n}.png" for n in range(N_IMAGES)), np.full(N_IMAGES, -1, np.int32), (geometry,), np.zeros(N_IMAGES, np.int32),
        tuple(EncodedPicture(rng.bytes(10_000), "image/jpeg", 256, 256) for _ in range(N_IMAGES)), image_KR, mean_KR.astype(np.float32), indptr,
        rng.integers(0, n_patches, indptr[-1]).astype(np.int32), rng.gamma(2.0, 1.0, indptr[-1]).astype(np.float32),
    )
    xy = rng.normal(size=(n_latents, 2)).astype(np.float32)
    latent_map = DecoderMap(
        info, "random", 0, xy, rng.integers(-1, 200, n_latents).astype(np.int32), rng.integers(0, n_latents, (n_latents, 8)).astype(np.int32),
        rng.random((n_latents, 8)).astype(np.float32), "random", xy[::-1].copy(), rng.integers(-1, 200, n_latents).astype(np.int32),
    )
    return SaeMetrics(info, "i", N_IMAGES, N_IMAGES * n_patches, float(FIRING), 0.1, 5, 5), statistics, references, latent_map


def at_many_latents(n_latents: int, n_calls: int, n_moves: int) -> None:
    """Prints time and bytes of what is logged, growth over the calls, and the time to open the log; in the tab where moves are asked for."""
    metrics, statistics, references, latent_map = evidence(n_latents, 0)
    torch.set_num_threads(1)
    follower, W_dec = DecoderFollower(), torch.randn(n_latents, 1024)
    turning = [seconds_of(lambda: follower.measure(step, W_dec.add_(0.1 * torch.randn(1024)))) for step in range(3)]  # noqa: B023
    angle_K = np.random.default_rng(0).uniform(0, 1, n_latents).astype(np.float16)
    statistics = replace(statistics, decoder_drift=DecoderDrift(0, None, angle_K, angle_K))
    print(
        f"\nWriting, at {n_latents:,} latents and {N_IMAGES} images with {FIRING} firing latents a patch, "
        f"{statistics.alive_K.mean():.0%} of the latents alive:\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        with ScratchpadWriter(folder) as writer:
            things: dict[str, Callable[[int], None]] = {
                "metrics": lambda step: writer.add_sae_metrics(replace(metrics, l0=float(step)), step),
                "statistics": lambda step: writer.add_latent_statistics(statistics, step),
                "references": lambda step: writer.add_references(references, step),
                "map": lambda step: writer.add_decoder_map(latent_map, step),
            }
            every = {"metrics": 1, "statistics": 1, "references": PACE.references_every, "map": PACE.map_every}
            taken: dict[str, list[float]] = {name: [] for name in things}
            size: dict[str, int] = {}
            for call in range(n_calls):
                for name, add in things.items():
                    if call % every[name] == 0:
                        before = bytes_under(Path(folder)) if name not in size else 0
                        taken[name].append(seconds_of(lambda: add(call)))  # noqa: B023
                        size.setdefault(name, bytes_under(Path(folder)) - before)
        print_table("", "every", "time", "bytes")
        print_row(f"measuring drift of {n_latents:,} x 1024, no writing", "1 calls", f"{1000 * np.median(turning):.0f} ms", "")
        for name in things:
            print_row(name, f"{every[name]} calls", f"{1000 * np.median(taken[name]):.0f} ms", f"{size[name] / 1e6:.2f} MB")
        total = bytes_under(Path(folder))
        events = sum(path.stat().st_size for path in Path(folder).glob("*tfevents*"))
        print(f"\nThe log of {n_calls} calls, {total / 1e6:.0f} MB, of it {events / 1e6:.0f} MB in the event file:\n")
        print_table("", "median", "worst")
        open_in_the_store(folder, n_calls, np.argsort(-statistics.n_patches_firing_K)[:8].tolist())
        if n_moves:
            open_in_the_tab(Path(folder), n_calls, n_moves)


def open_in_the_store(folder: str, n_calls: int, latents: list[int]) -> None:
    """Prints how long reading takes without a browser."""
    multiplexer = EventMultiplexer()

    def load() -> None:
        multiplexer.AddRunsFromDirectory(folder)
        multiplexer.Reload()

    print_row("TensorBoard's Python loader reads it", f"{seconds_of(load):.1f} s", "")
    store = EventStore(TBContext(data_provider=MultiplexerDataProvider(multiplexer, folder), logdir=folder, multiplexer=multiplexer))
    for when in ("at first", "then"):
        print_row(f"the tab's listing, {when}", f"{1000 * seconds_of(lambda: store.listing('')):.0f} ms", "")
    assert len(store.listing("").dictionaries[0].steps) == n_calls
    reading = [seconds_of(lambda: store.latent_statistics("", "benchmark", step)) for step in range(0, n_calls, 10)]  # noqa: B023
    print_row("the statistics of a step", *(f"{1000 * of(reading):.0f} ms" for of in (np.median, max)))
    for when in ("at first", "then"):
        print_row(f"eight latents over all steps, {when}", f"{1000 * seconds_of(lambda: store.latent_history('', 'benchmark', latents)):.0f} ms", "")
    assert len(store.latent_history("", "benchmark", latents).statistics) == n_calls
    print_row("the metrics over all steps", f"{1000 * seconds_of(lambda: store.metrics_history('', 'benchmark')):.0f} ms", "")


def open_in_the_tab(logdir: Path, n_calls: int, n_moves: int) -> None:
    """Prints how long who looks waits."""
    times = time_the_tab(logdir, range(n_calls), n_moves)
    print_row("from opening the address to the drawn scatter, TensorBoard just started", f"{times.first:.1f} s", "")
    for what, seconds in (
        ("from opening the address to the drawn scatter, later", times.later),
        ("a move of the step slider, to the scatter of that step", times.moves),
        ("a move of the step slider, to the map of that step as well", times.moves_to_map),
    ):
        print_row(what, *(f"{of(seconds):.2f} s" for of in (np.median, max)))


def main() -> None:
    """Prints both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=int, default=65_536)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--moves", type=int, default=60, help="of the step slider; 0 opens no browser")
    parser.add_argument("--only", choices=("demo", "log"))
    options = parser.parse_args()
    print(f"Load before: {os.getloadavg()[0]:.1f}\n")
    if options.only != "log":
        on_the_demo()
    if options.only != "demo":
        at_many_latents(options.latents, options.calls, options.moves)
    print(f"\nLoad after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
