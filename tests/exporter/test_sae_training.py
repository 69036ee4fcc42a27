"""SAELens' trainer under this roof: what is snapped is what is saved, and it can be ended and fail."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter.image_folder import ImageFolder, list_images
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.training_plan import TrainingPlan
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError

pytestmark = pytest.mark.full


@pytest.fixture
def folder(tmp_path: Path) -> ImageFolder:
    rng = np.random.default_rng(0)
    root = tmp_path / "pictures"
    root.mkdir()
    for number in range(6):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(root / f"{number}.png")
    return list_images(root)


class Trained:
    """Trains on a tiny model and keeps what it was told."""

    def __init__(
        self, vlm: Vlm, folder: ImageFolder, output: Path, plan: TrainingPlan,
        on_figures: Callable[[int, Mapping[str, float]], None] | None = None,
    ) -> None:
        from tb_visualscratchpad.exporter.sae_training import train_sae

        self.snapshots: dict[int, SparseAutoencoder] = {}
        self.figures: dict[int, Mapping[str, float]] = {}

        def keep(step: int, figures: Mapping[str, float]) -> None:
            self.figures[step] = figures
            if on_figures is not None:
                on_figures(step, figures)

        self.n_steps = train_sae(
            vlm, folder, output, plan, hook=vlm.default_hook, batch_size=4, figures_every=5, on_figures=keep,
            snapshot_every=10, on_snapshot=self.snapshots.__setitem__,
        )


def test_snapshots_are_one_dictionary_and_the_last_is_what_was_saved(llava_next: Vlm, folder: ImageFolder, tmp_path: Path) -> None:
    output = tmp_path / "deep" / "sae"
    trained = Trained(llava_next, folder, output, TrainingPlan(n_latents=48, k=4, n_samples=25 * 32, step_samples=32, seed=3))
    assert trained.n_steps == 25 and list(trained.snapshots) == [10, 20, 25] and list(trained.figures) == [1, 5, 10, 15, 20, 25]
    assert len({sae.identity for sae in trained.snapshots.values()}) == 1
    saved, last = load_sae(output), trained.snapshots[25]
    assert saved.hook == llava_next.default_hook and saved.identity != last.identity
    x = llava_next.features(torch.rand(3, 3, 32, 32)).reshape(-1, 24)
    assert torch.allclose(saved.encode(x), last.encode(x), atol=1e-4) and bool((saved.encode(x) > 0).any())
    assert torch.allclose(saved.decode(saved.encode(x), x), last.decode(last.encode(x), x), atol=1e-4)
    middle = trained.snapshots[20]
    assert not torch.allclose(middle.W_enc, last.W_enc)
    # In the units of the hook at every step: a rebuilt patch is as long as the patch, whatever scale the trainer works in.
    for sae in trained.snapshots.values():
        assert 0.3 < float(sae.decode(sae.encode(x), x).norm() / x.norm()) < 3
    assert [path.name for path in output.parent.iterdir()] == ["sae"]


def test_the_same_seed_trains_the_same(llava_next: Vlm, folder: ImageFolder, tmp_path: Path) -> None:
    plan = TrainingPlan(n_latents=32, k=4, n_samples=8 * 32, step_samples=32, seed=3)
    for name in ("a", "b"):
        Trained(llava_next, folder, tmp_path / name, plan)
    assert load_sae(tmp_path / "a").identity == load_sae(tmp_path / "b").identity


def test_an_interrupted_training_saves_what_it_has(llava_next: Vlm, folder: ImageFolder, tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    trained = Trained(
        llava_next, folder, tmp_path / "sae", TrainingPlan(n_latents=48, k=4, n_samples=10**6, step_samples=32),
        on_figures=lambda step, _: signal.raise_signal(signal.SIGINT) if step == 15 else None,
    )
    assert trained.n_steps == 16 and list(trained.snapshots) == [10, 16]
    assert load_sae(tmp_path / "sae").n_latents == 48
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_loss_that_runs_away_is_told(llava_next: Vlm, folder: ImageFolder, tmp_path: Path) -> None:
    with pytest.raises(ScratchpadError, match="no longer finite.*--lr"):
        Trained(llava_next, folder, tmp_path / "sae", TrainingPlan(n_latents=48, k=4, n_samples=10**5, step_samples=32, learning_rate=1e30))
    assert not (tmp_path / "sae").exists()


def numbered_batches(first: int) -> Iterator[torch.Tensor]:
    """Features [32, 16] that their number decides."""
    for number in count(first):
        yield 5 + 3 * torch.randn(32, 16, generator=torch.Generator().manual_seed(number))


def train_on_numbered_batches(
    output: Path, plan: TrainingPlan, on_figures: Callable[[int, Mapping[str, float]], None] = lambda step, figures: None, **options: Any
) -> int:
    from tb_visualscratchpad.exporter.sae_training import train_sae_on_batches

    return train_sae_on_batches(
        numbered_batches, output, plan, d_in=16, hook="somewhere", model_name="none", device=torch.device("cpu"), figures_every=1,
        on_figures=on_figures, snapshot_every=1000, on_snapshot=lambda step, sae: None, **options,
    )


def test_a_killed_training_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    from tb_visualscratchpad.exporter.sae_training import SaeCheckpoints

    plan = TrainingPlan(n_latents=48, k=4, n_samples=40 * 32, step_samples=32, seed=3)
    assert train_on_numbered_batches(tmp_path / "whole", plan) == 40
    steps: list[int] = []

    def die(step: int, figures: Mapping[str, float]) -> None:
        steps.append(step)
        if step == 20 and steps.count(20) == 1:
            raise RuntimeError("killed")

    checkpoints = SaeCheckpoints(tmp_path / "checkpoint", every=7)
    with pytest.raises(RuntimeError, match="killed"):
        train_on_numbered_batches(tmp_path / "broken", plan, die, checkpoints=checkpoints)
    assert train_on_numbered_batches(tmp_path / "broken", plan, die, checkpoints=checkpoints) == 40
    assert steps == [*range(1, 21), *range(15, 41)]
    assert load_sae(tmp_path / "broken").identity == load_sae(tmp_path / "whole").identity


def test_a_training_begins_with_what_it_is_given(tmp_path: Path) -> None:
    plan = TrainingPlan(n_latents=48, k=4, n_samples=60 * 32, step_samples=32, seed=3)
    train_on_numbered_batches(tmp_path / "start", plan)
    start = load_sae(tmp_path / "start")
    still = TrainingPlan(n_latents=48, k=4, n_samples=32, step_samples=32, learning_rate=1e-12, seed=4)
    train_on_numbered_batches(tmp_path / "same", still, start=start)
    same, x = load_sae(tmp_path / "same"), next(numbered_batches(10**6))
    assert torch.allclose(same.decode(same.encode(x), x), start.decode(start.encode(x), x), atol=1e-3)
    assert torch.allclose(same.encode(x), start.encode(x), atol=1e-3) and bool((same.encode(x) > 0).any())
    with pytest.raises(ScratchpadError, match="begin with another"):
        train_on_numbered_batches(tmp_path / "other", TrainingPlan(n_latents=32, k=4, n_samples=32, step_samples=32), start=start)
