"""Run as a program: sweep a folder and print this process's peak memory in bytes. Arguments: VLM, SAE, images."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.sweep import sweep
from tb_visualscratchpad.exporter.vlm import load_vlm


def main(vlm: str, sae: str, images: str) -> None:
    torch.set_num_threads(1)
    result = sweep(load_vlm(vlm), load_sae(sae), Path(images), batch_size=64, progress=False)
    assert result.statistics.complete
    # Kibibytes on Linux, bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak * (1 if sys.platform == "darwin" else 1024), result.statistics.n_images)


if __name__ == "__main__":
    main(*sys.argv[1:])
