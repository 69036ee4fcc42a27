"""The stream an SAE is trained on: every packed patch once each time around, in an order that changes."""

from __future__ import annotations

import signal
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter.activation_stream import stream_features
from tb_visualscratchpad.exporter.image_folder import list_images
from tb_visualscratchpad.exporter.interruption import InterruptBetweenSteps
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError

N_PICTURES = 5


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(N_PICTURES):
        Image.fromarray(rng.integers(0, 256, (30 + 9 * number, 40, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "3b.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    return tmp_path


def rows_of(vlm: Vlm, path: Path, hook: str) -> torch.Tensor:
    """The same features, one picture by itself."""
    prepared = vlm.prepare_picture(Image.open(path).convert("RGB"))
    features = vlm.features(prepared.pixel_values, hook)
    return features.reshape(-1, features.shape[-1])[torch.from_numpy(prepared.image_tokens.patch_token_P >= 0)]


def test_each_time_around_gives_every_packed_patch_once(llava_next: Vlm, pictures: Path) -> None:
    hook = llava_next.default_hook
    alone = [rows_of(llava_next, pictures / f"{number}.png", hook) for number in range(N_PICTURES)]
    stream = stream_features(llava_next, hook, list_images(pictures), batch_size=1, seed=4)
    orders = []
    for _ in range(3):
        order = []
        for rows in islice(stream, N_PICTURES):
            (same,) = [n for n, own in enumerate(alone) if own.shape == rows.shape and torch.allclose(own, rows, atol=1e-5)]
            order.append(same)
        assert sorted(order) == list(range(N_PICTURES))
        orders.append(order)
    stream.close()
    assert orders[0] != orders[1] or orders[1] != orders[2]


def test_a_folder_of_broken_images_is_named(llava_next: Vlm, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    stream = stream_features(llava_next, llava_next.default_hook, list_images(tmp_path), batch_size=2, seed=0)
    with pytest.raises(ScratchpadError, match="None of the 1 images"):
        next(stream)


def test_an_interrupt_inside_an_inner_work_reaches_the_outer_one() -> None:
    handler = signal.getsignal(signal.SIGINT)
    with InterruptBetweenSteps() as outer:
        with InterruptBetweenSteps() as inner:
            signal.raise_signal(signal.SIGINT)
        assert outer.requested and not inner.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is handler
