"""A stream made by two processes is the stream of one, to the bit; and however it ends, both end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.packed_features import BLOCK
from tb_visualscratchpad.exporter.sae import load_sae
from tests.data_providers import reading

pytestmark = pytest.mark.full

N_PICTURES = 2 * BLOCK + 7
SIZES = [(40, 40), (90, 30), (30, 90), (64, 64), (8, 8)]
PATIENCE = 240
"""Seconds in which all processes must have ended; none of them would by itself if it waited for another."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of several shapes, some not readable: three blocks, so that two processes change roles from round to round."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    for index in range(N_PICTURES):
        path = root / f"{index:03d}.png"
        if index % 9 == 4:
            path.write_bytes(b"\x89PNG\r\n\x1a\nnot really")
        else:
            noise = Image.fromarray(rng.integers(0, 256, size=(4, 4, 3), dtype=np.uint8))
            noise.resize(SIZES[index % len(SIZES)], Image.Resampling.BICUBIC).save(path)
    return root


@pytest.fixture
def environment(repository: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(repository)}


def test_two_processes_stream_what_one_does_and_end_together(
    llava_next_folder: Path, pictures: Path, environment: dict[str, str], repository: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for number in range(BLOCK + 3):
        (broken / f"{number}.png").write_bytes(b"nothing")
    script = repository / "tests" / "exporter" / "streaming_process.py"
    given = [str(script), str(llava_next_folder), str(pictures), str(broken), str(tmp_path / "meeting")]
    ranks = [
        subprocess.Popen([sys.executable, *given, str(rank)], env=environment, stdout=subprocess.PIPE, text=True) for rank in range(2)
    ]
    try:
        said = [rank.communicate(timeout=PATIENCE)[0] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [0, 0]
    told = json.loads(said[0])
    assert told["shared"] == told["alone"] and len(set(told["alone"])) > 50
    assert told["never begun"] == []
    assert told["failed on rank 0"] == "rank 0 cannot go on"
    assert told["unreadable"].startswith(f"None of the {BLOCK + 3} images under {broken} could be read. One of them:")
    assert told["failed on rank 1"].startswith("Process 1 of 2: The device ran out of memory with 8 views at once")
    assert told["other folders"].startswith("Process 1 finds 5 images")


@pytest.fixture
def command(llava_next_folder: Path, pictures: Path) -> Callable[..., list[str]]:
    """``train-sae`` on the tiny model. 100 steps of it need every block once, and a little of the second round."""

    def given(logdir: Path, *more: str) -> list[str]:
        return [
            "train-sae", "--vlm", str(llava_next_folder), "--device", "cpu", "--threads", "1", "--images", str(pictures), "--logdir",
            str(logdir), "--latents", "48", "--k", "4", "--step-samples", "32", "--log-every", "40", "--probe-images", "6", "--no-map",
            "--json", *more,
        ]

    return given


@pytest.fixture
def started(environment: dict[str, str]) -> Callable[[list[str]], subprocess.Popen[str]]:
    def start(command: list[str]) -> subprocess.Popen[str]:
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
        return subprocess.Popen(
            [*torchrun, "--rdzv-endpoint", "localhost:0", "-m", "tb_visualscratchpad.exporter", *command], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    return start


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return process.communicate(timeout=PATIENCE)
    finally:
        process.kill()


def the_only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_the_command_under_torchrun_trains_what_it_trains_alone(
    command: Callable[..., list[str]], started: Callable[[list[str]], subprocess.Popen[str]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pace = ["--samples", "3200"]
    process = started(command(tmp_path / "two", *pace))
    assert cli.main(command(tmp_path / "one", *pace)) == 0
    alone = json.loads(capsys.readouterr().out)
    said, complaints = ended(process)
    assert process.returncode == 0, complaints
    shared = json.loads(said)
    weights = [load_file(Path(told.pop("sae")) / "sae_weights.safetensors") for told in (alone, shared)]
    assert shared == alone and alone["complete"] and alone["n_steps"] == 100
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    logged = []
    for name in ("one", "two"):
        with reading("python", tmp_path / name) as log:
            store = EventStore(log.context)
            (dictionary,) = store.listing("").dictionaries
            assert dictionary.steps == (40, 80, 100)
            logged.append([store.references("", dictionary.info.dictionary_id, step).plain_mean_KR for step in dictionary.steps])
    assert all(np.array_equal(*of_step) for of_step in zip(*logged, strict=True))


def wait_for_step(logdir: Path) -> int:
    """The process of rank 0, once it has logged a snapshot."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [path for path in logdir.glob("*/plugins/visualscratchpad/steps/latent_statistics.*.index")]
        if found:
            (events,) = found[0].parents[3].glob("*tfevents*")
            return int(events.name.split(".")[5])
        time.sleep(0.1)
    pytest.fail("no step was logged")


def test_ctrl_c_saves_what_was_learnt_and_ends_all(
    command: Callable[..., list[str]], started: Callable[[list[str]], subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = started(command(tmp_path, "--samples", str(10**9)))
    wait_for_step(tmp_path)
    process.send_signal(signal.SIGINT)
    said, complaints = ended(process)
    told = json.loads(said)
    assert not told["complete"] and told["n_steps"] >= 40
    assert load_sae(the_only(tmp_path) / "sae").n_latents == 48
    assert "ended after" in complaints


def test_an_error_on_rank_0_is_told_once_and_ends_all(
    command: Callable[..., list[str]], started: Callable[[list[str]], subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = started(command(tmp_path, "--samples", "100000", "--lr", "1e30"))
    said, complaints = ended(process)
    assert process.returncode != 0 and said == ""
    assert complaints.count("visualscratchpad: The loss is no longer finite") == 1 and "OtherTowers" not in complaints


def test_a_process_that_is_killed_ends_all(
    command: Callable[..., list[str]], started: Callable[[list[str]], subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = started(command(tmp_path, "--samples", str(10**9)))
    rank_0 = wait_for_step(tmp_path)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    (other,) = [int(child) for child in children if int(child) != rank_0]
    os.kill(other, signal.SIGKILL)
    ended(process)
    assert process.returncode != 0
