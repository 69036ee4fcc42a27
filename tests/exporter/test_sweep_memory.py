"""The peak memory of a sweep does not grow with the number of images."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.exporter.test_sweep import save_tiny_sae
from tests.tiny_vlm import save_tiny_llava_next


def save_tiny_pictures(root: Path, n: int) -> Path:
    """PNG files of 8 to 16 pixels a side in ten class subfolders."""
    rng = np.random.default_rng(0)
    for index in range(n):
        folder = root / f"class{index % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        height, width = rng.integers(8, 17, size=2)
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, size=(height, width, 3), dtype=np.uint8)).save(
            buffer, format="png", compress_level=1
        )
        (folder / f"{index:05d}.png").write_bytes(buffer.getvalue())
    return root


def peak_memory(repository: Path, *arguments: Path) -> tuple[int, int]:
    """Peak bytes of a sweep in a process of its own, and the number of images it saw."""
    program = [sys.executable, "-m", "tests.exporter.peak_memory_of_sweep", *map(str, arguments)]
    done = subprocess.run(program, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peak, n_images = done.stdout.split()
    return int(peak), int(n_images)


@pytest.mark.full
def test_peak_memory_at_20000_images_is_that_at_2000(tmp_path, repository):
    vlm = save_tiny_llava_next(tmp_path / "vlm", pinpoints=[[32, 32]])
    sae = save_tiny_sae(tmp_path / "sae", n_latents=512)
    few, n_few = peak_memory(repository, vlm, sae, save_tiny_pictures(tmp_path / "few", 2_000))
    many, n_many = peak_memory(repository, vlm, sae, save_tiny_pictures(tmp_path / "many", 20_000))
    assert (n_few, n_many) == (2_000, 20_000)
    assert many <= 1.1 * few, f"{many / 2**20:.0f} MiB against {few / 2**20:.0f} MiB"
