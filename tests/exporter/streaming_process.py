"""One process of a shared stream: ``python streaming_process.py VLM PICTURES BROKEN MEETING RANK``; rank 0 prints what it got as JSON."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path

import torch
from torch import distributed

from tb_visualscratchpad.exporter.activation_stream import stream_features
from tb_visualscratchpad.exporter.image_folder import list_images
from tb_visualscratchpad.exporter.shared_stream import OtherTowers, require_same_folder, serve_share
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError

N_BATCHES, BATCH_SIZE, SEED = 60, 8, 3


def hashes(stream, n_batches: int) -> list[str]:
    """Of the first batches, one by one, with their shapes."""
    return [f"{tuple(x.shape)} {sha256(x.numpy().tobytes()).hexdigest()}" for x in islice(stream, n_batches)]


class TooSmall:
    """A model whose tower runs out of memory at its ``n``-th batch."""

    def __init__(self, vlm: Vlm, n: int) -> None:
        self._vlm, self._left = vlm, n

    def __getattr__(self, name: str):
        return getattr(self._vlm, name)

    def features(self, *given) -> torch.Tensor:
        self._left -= 1
        if self._left < 0:
            raise torch.OutOfMemoryError("none left")
        return self._vlm.features(*given)


def what_rank_0_hears(vlm, folder, n_batches: int, failing: bool = False) -> list[str] | str:
    """What the shared stream gives rank 0, or the sentence it ends with."""
    try:
        require_same_folder(folder)
        if distributed.get_rank():
            serve_share(vlm, vlm.default_hook, folder, batch_size=BATCH_SIZE, seed=SEED)
            return ""
        with OtherTowers() as others:
            found = hashes(others.stream(vlm, vlm.default_hook, folder, batch_size=BATCH_SIZE, seed=SEED), n_batches)
            if failing:
                raise ScratchpadError("rank 0 cannot go on")
            return found
    except ScratchpadError as error:
        return str(error)


def main() -> None:
    vlm_folder, pictures, broken, meeting, rank = sys.argv[1:]
    torch.set_num_threads(1)
    vlm = load_vlm(vlm_folder, device="cpu")
    folder = list_images(Path(pictures))
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=int(rank), world_size=2, timeout=timedelta(seconds=120)
    )
    # One after the other over one group: each must leave both processes where the next can begin.
    told = {
        "shared": what_rank_0_hears(vlm, folder, N_BATCHES),
        "never begun": what_rank_0_hears(vlm, folder, 0),
        "failed on rank 0": what_rank_0_hears(vlm, folder, 3, failing=True),
        "unreadable": what_rank_0_hears(vlm, list_images(Path(broken)), 1),
        "failed on rank 1": what_rank_0_hears(TooSmall(vlm, 30 if rank == "1" else 10**6), folder, N_BATCHES),
        "other folders": what_rank_0_hears(vlm, folder if rank == "0" else folder.in_order(range(5)), 1),
    }
    distributed.destroy_process_group()
    if rank == "0":
        told["alone"] = hashes(stream_features(vlm, vlm.default_hook, folder, batch_size=BATCH_SIZE, seed=SEED), N_BATCHES)
        print(json.dumps(told))


if __name__ == "__main__":
    main()
