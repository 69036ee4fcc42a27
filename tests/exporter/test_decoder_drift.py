"""Angles between decoder rows, against double precision; what stands still measures nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.decoder_drift import DecoderFollower
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.training_log import TrainingLog
from tb_visualscratchpad.exporter.vlm import load_vlm
from tests.data_providers import reading
from tests.exporter.test_sweep import save_pictures
from tests.tiny_sae import save_tiny_sae
from tests.tiny_vlm import save_tiny_llava_next

D_IN = 40


def angles(rows: torch.Tensor, others: torch.Tensor) -> np.ndarray:
    """By the definition, in double precision."""
    cosine = torch.nn.functional.cosine_similarity(rows.double(), others.double(), dim=1)
    return torch.arccos(cosine.clamp(-1, 1)).numpy()


def test_each_step_is_measured_against_the_first_and_the_one_before() -> None:
    generator = torch.Generator().manual_seed(0)
    W = torch.randn(9000, D_IN, generator=generator)
    follower, seen = DecoderFollower(), []
    for step in (5, 10, 30):
        seen.append((step, W.clone()))
        drift = follower.measure(step, W)
        assert drift.since_step == 5 and drift.previous_step == (None if step == 5 else seen[-2][0])
        assert drift.since_K.dtype == drift.previous_K.dtype == np.float16
        before = seen[-2][1] if len(seen) > 1 else W
        assert drift.since_K.astype(float) == pytest.approx(angles(W, seen[0][1]), abs=2e-3)
        assert drift.previous_K.astype(float) == pytest.approx(angles(W, before), abs=2e-3)
        # Only the direction counts.
        W = (3 * W + torch.randn(W.shape, generator=generator)).clone()


def test_small_turns_keep_their_digits_and_rest_is_zero() -> None:
    W = torch.eye(D_IN)[:6].clone()
    follower = DecoderFollower()
    follower.measure(0, W)
    turned = W.clone()
    for row, angle in enumerate((0.0, 0.01, 0.1, np.pi / 2, np.pi)):
        turned[row] = torch.cos(torch.tensor(angle)) * W[row] + torch.sin(torch.tensor(angle)) * torch.eye(D_IN)[10]
    found = follower.measure(1, 7 * turned).since_K.astype(float)
    assert found[[0, 5]].tolist() == [0, 0]
    assert found[1:5] == pytest.approx([0.01, 0.1, np.pi / 2, np.pi], rel=2e-3)


def test_a_row_of_zeros_has_no_direction_then_and_later() -> None:
    W = torch.ones(3, D_IN)
    W[1] = 0
    follower = DecoderFollower()
    first = follower.measure(0, W)
    assert np.isnan(first.since_K).tolist() == np.isnan(first.previous_K).tolist() == [False, True, False]
    W = torch.ones(3, D_IN)
    W[2] = 0
    second = follower.measure(1, W)
    assert np.isnan(second.since_K).tolist() == [False, True, True]
    assert np.isnan(follower.measure(2, torch.ones(3, D_IN)).previous_K).tolist() == [False, False, True]


def test_another_shape_begins_anew_and_parameters_are_left_alone() -> None:
    follower = DecoderFollower()
    W = torch.randn(4, D_IN, requires_grad=True)
    follower.measure(0, W)
    with torch.no_grad():
        W.mul_(-1)
    assert follower.measure(1, W).since_K.astype(float) == pytest.approx(np.full(4, np.pi), abs=2e-3)
    assert W.grad is None and W.requires_grad
    anew = follower.measure(2, torch.randn(5, D_IN))
    assert (anew.since_step, anew.previous_step, anew.since_K.tolist()) == (2, None, [0.0] * 5)


def test_the_log_of_a_training_follows_the_decoder(tmp_path: Path) -> None:
    vlm = load_vlm(save_tiny_llava_next(tmp_path / "vlm"))
    sae = load_sae(save_tiny_sae(tmp_path / "sae"))
    images = save_pictures(tmp_path / "images", 2)
    with TrainingLog(tmp_path / "log", vlm, images, n_probe=2, batch_size=2, keep_images=False) as log:
        for step in (3, 9):
            sae = replace(sae, W_dec=sae.W_dec + (step == 9) * torch.flip(sae.W_dec, (0,)))
            log.add_snapshot(step, sae)
    with reading("python", tmp_path / "log") as reader:
        store = EventStore(reader.context)
        (entry,) = store.listing("").dictionaries
        first, second = (store.latent_statistics("", entry.info.dictionary_id, step).decoder_drift for step in (3, 9))
    assert first is not None and second is not None
    assert (first.since_step, first.previous_step, second.since_step, second.previous_step) == (3, None, 3, 3)
    assert not first.since_K.any() and second.since_K.astype(float) == pytest.approx(
        angles(sae.W_dec, load_sae(tmp_path / "sae").W_dec), abs=2e-3
    )
