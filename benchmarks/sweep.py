"""How near a sweep comes to the speed of the vision tower alone: images a second of both, in the same run.

    python benchmarks/sweep.py                                       # the bundled model and SAE on composed noise
    python benchmarks/sweep.py --vlm FOLDER --sae FOLDER --images DIR --device cuda --batch-size 32
    python benchmarks/sweep.py --latents 65536                       # a random SAE of that size instead

Tower and sweep alternate round by round, so that a machine that speeds up or slows down meets both; the median over
rounds is printed. The tower alone is fed pixels that were prepared beforehand, in the batches that the sweep makes;
the sweep reads, decodes and prepares the files, encodes with the SAE, counts, and keeps references with thumbnails.
The ratio is the share of the tower's speed that is left.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tb_visualscratchpad.exporter.image_folder import list_images
from tb_visualscratchpad.exporter.pictures import read_picture
from tb_visualscratchpad.exporter.sae import dictionary_info, load_sae
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sweep import sweep
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm


def save_pictures(root: Path, n: int, side: int) -> Path:
    """Smooth noise as JPEG files in four class subfolders."""
    rng = np.random.default_rng(0)
    for index in range(n):
        folder = root / f"class{index % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        noise = Image.fromarray(rng.integers(0, 256, size=(8, 8, 3), dtype=np.uint8))
        noise.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{index:05d}.jpg", quality=90)
    return root


def random_sae(like: SparseAutoencoder, n_latents: int, k: int) -> SparseAutoencoder:
    """A topk SAE of another size with random unit decoder rows."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.nn.functional.normalize(torch.randn(n_latents, like.d_in, generator=generator), dim=-1).to(like.W_dec)
    return replace(
        like,
        name=f"random {n_latents}",
        identity=f"random {n_latents}",
        W_enc=rows.T.contiguous(),
        W_dec=rows,
        b_enc=torch.zeros(n_latents).to(rows),
        activation_function=TopK(k),
    )


def tower_seconds(vlm: Vlm, views: torch.Tensor, hook: str, batch_size: int) -> float:
    """Time of the vision tower over views [n, 3, S, S] alone."""
    start = time.perf_counter()
    for part in views.split(batch_size):
        vlm.features(part, hook)
    if vlm.device.type == "cuda":
        torch.cuda.synchronize(vlm.device)
    return time.perf_counter() - start


def sweep_seconds(vlm: Vlm, sae: SparseAutoencoder, images: Path, hook: str, batch_size: int) -> float:
    """Time of a whole sweep."""
    start = time.perf_counter()
    sweep(vlm, sae, images, hook=hook, batch_size=batch_size, progress=False)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vlm", default="demo")
    parser.add_argument("--sae", default="demo")
    parser.add_argument(
        "--images", type=Path, help="a folder of images, prepared in memory for the tower (default: made up)"
    )
    parser.add_argument("--n-images", type=int, default=64, help="how many to make up")
    parser.add_argument("--side", type=int, default=256, help="their side in pixels")
    parser.add_argument("--latents", type=int, help="use a random SAE with so many latents")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=10, help="views in the tower at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of torch")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)

    vlm = load_vlm(arguments.vlm, device=arguments.device)
    sae = load_sae(arguments.sae, device=arguments.device)
    if arguments.latents:
        sae = random_sae(sae, arguments.latents, k=32)
    hook = dictionary_info(vlm, sae).hook
    with tempfile.TemporaryDirectory() as made_up:
        images = arguments.images or save_pictures(Path(made_up), arguments.n_images, arguments.side)
        folder = list_images(images)
        start = time.perf_counter()
        views = torch.cat([vlm.prepare_picture(read_picture(folder.path(i))).pixel_values for i in range(len(folder))])
        preparing = time.perf_counter() - start
        tower_seconds(vlm, views[: arguments.batch_size], hook, arguments.batch_size)
        rounds = [
            (
                tower_seconds(vlm, views, hook, arguments.batch_size),
                sweep_seconds(vlm, sae, images, hook, arguments.batch_size),
            )
            for _ in range(arguments.rounds)
        ]
    n = len(folder)
    tower, whole = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
    ratio = statistics.median(alone / swept for alone, swept in rounds)
    print(
        f"{n} images, {views.shape[0]} views, {sae.n_latents} latents, {vlm.device}, {torch.get_num_threads()} threads"
    )
    print(f"{'':32}{'images/s':>10}{'ms/image':>10}")
    for name, seconds in (
        ("reading and preparing, 1 thread", preparing),
        ("vision tower alone", tower),
        ("sweep", whole),
    ):
        print(f"{name:32}{n / seconds:10.1f}{1000 * seconds / n:10.1f}")
    print(f"{'sweep over tower alone':32}{ratio:10.2f}")


if __name__ == "__main__":
    main()
