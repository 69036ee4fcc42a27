"""A sweep by several processes is the sweep by one: counts, references and identity to the bit, sums to rounding."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.image_folder import ImageFolder, list_images
from tb_visualscratchpad.exporter.packed_features import BLOCK
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.shared_sweep import SweepPart, merge_parts, share_of
from tb_visualscratchpad.exporter.sweep import SweepState, run_through, sweep
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.data_providers import reading

N_PICTURES = 3 * BLOCK + 7
SIZES = [(40, 40), (90, 30), (30, 90), (64, 64), (8, 8)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled noise of several shapes; some twice, in different shares, so that references tie; some not readable."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    for index in range(N_PICTURES):
        folder = root / ("bird", "fish")[index >= N_PICTURES // 2]
        folder.mkdir(exist_ok=True)
        path = folder / f"{index:03d}.png"
        if index in (5, BLOCK, 3 * BLOCK + 1):
            path.write_bytes(b"\x89PNG\r\n\x1a\nnot really")
        elif index >= 2 * BLOCK and index % 3 == 0 and (root / "bird" / f"{index - 2 * BLOCK:03d}.png").exists():
            path.write_bytes((root / "bird" / f"{index - 2 * BLOCK:03d}.png").read_bytes())
        else:
            noise = Image.fromarray(rng.integers(0, 256, size=(4, 4, 3), dtype=np.uint8))
            noise.resize(SIZES[index % len(SIZES)], Image.Resampling.BICUBIC).save(path)
    return root


def assert_same(one: object, other: object, rounded: tuple[str, ...] = ()) -> None:
    """Every field equal to the bit, but for those named, which are equal to rounding."""
    assert type(one) is type(other)
    for field in fields(one):  # type: ignore[arg-type]
        mine, others = getattr(one, field.name), getattr(other, field.name)
        if field.name in rounded:
            np.testing.assert_allclose(mine, others, rtol=1e-12, err_msg=field.name)
        elif field.name in ("geometries", "pictures"):
            assert len(mine) == len(others), field.name
            for a, b in zip(mine, others, strict=True):
                assert_same(a, b)
        elif isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, others, err_msg=field.name)
            assert mine.dtype == others.dtype, field.name
        else:
            assert mine == others, field.name


def part_of(vlm: Vlm, sae: SparseAutoencoder, share: ImageFolder, batch_size: int) -> SweepPart:
    """What a process of its own would send: seen alone, and through pickle."""
    state = SweepState(vlm, sae, dictionary_info(vlm, sae), share, None)
    state.identified = []
    with closing(state):
        complete = run_through(vlm, share, state, batch_size=batch_size, thumbnail_side=64, progress=False)
        part = SweepPart.of(state, complete)
    return pickle.loads(pickle.dumps(part))


@pytest.mark.full
@pytest.mark.parametrize("n_ranks", [1, 2, 3, 9])
def test_parts_make_the_whole(llava_next: Vlm, tiny_sae: SparseAutoencoder, pictures: Path, n_ranks: int) -> None:
    folder = list_images(pictures)
    shares = [share_of(folder, rank, n_ranks) for rank in range(n_ranks)]
    assert tuple(name for share in shares for name in share.names) == folder.names
    assert (min(len(share) for share in shares) == 0) == (n_ranks == 9), "more processes than blocks leave some idle"
    merged = merge_parts([part_of(llava_next, tiny_sae, share, 8) for share in shares], folder)
    whole = sweep(llava_next, tiny_sae, pictures, batch_size=8, thumbnail_side=64, progress=False)
    assert whole.statistics.n_broken == 5, "three, and copies of two"
    value_KR = whole.references.plain_mean_KR
    assert ((value_KR[:, 1:] == value_KR[:, :-1]) & (value_KR[:, 1:] > 0)).any(), "copies tie"
    assert_same(merged.statistics, whole.statistics, rounded=("activation_sum_K",))
    assert_same(merged.references, whole.references)
    assert_same(merged.metrics, whole.metrics, rounded=("fvu",))


def test_no_image_to_read_anywhere(llava_next: Vlm, tiny_sae: SparseAutoencoder, tmp_path: Path) -> None:
    for number in range(2 * BLOCK):
        (tmp_path / f"{number:02d}.png").write_bytes(b"nothing")
    folder = list_images(tmp_path)
    parts = [part_of(llava_next, tiny_sae, share_of(folder, rank, 2), 8) for rank in range(2)]
    with pytest.raises(ScratchpadError, match=f"None of the {2 * BLOCK} images"):
        merge_parts(parts, folder)


Logged = tuple[LatentStatistics, ReferenceImages, SaeMetrics]


def logged(logdir: Path) -> Logged:
    assert len(list(logdir.iterdir())) == 1, "one process writes"
    with reading("python", logdir) as log:
        store = EventStore(log.context)
        (dictionary,) = store.listing("").dictionaries
        known = dictionary.info.dictionary_id
        return store.latent_statistics("", known), store.references("", known), store.sae_metrics("", known)


@pytest.mark.full
def test_the_command_under_torchrun_logs_what_it_logs_alone(
    llava_next_folder: Path, sae_folder: Path, pictures: Path, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--vlm", str(llava_next_folder), "--sae", str(sae_folder), "--device", "cpu", "--threads", "1"]
    command = ["statistics", *model, "--images", str(pictures), "--no-map", "--json", "--logdir"]
    assert cli.main([*command, str(tmp_path / "one")]) == 0
    told = json.loads(capsys.readouterr().out)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--rdzv-backend", "c10d"]
    torchrun += ["--rdzv-endpoint", "localhost:0", "-m", "tb_visualscratchpad.exporter"]
    ended = subprocess.run(
        [*torchrun, *command, str(tmp_path / "two")], env={**os.environ, "PYTHONPATH": str(repository)}, capture_output=True, text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    shared = json.loads(ended.stdout)
    assert shared.pop("fvu") == pytest.approx(told.pop("fvu"), rel=1e-12) and shared == told
    (one, its_references, its_metrics), (two, references, metrics) = logged(tmp_path / "one"), logged(tmp_path / "two")
    assert_same(two, one, rounded=("activation_sum_K",))
    assert_same(references, its_references)
    assert_same(metrics, its_metrics, rounded=("fvu",))
