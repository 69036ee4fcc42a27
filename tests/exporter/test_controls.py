"""Controls are as many other latents that fire here, and change the features by as much."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter.controls import TOLERANCE, as_large_as, draw_controls
from tb_visualscratchpad.exporter.latent_edits import ReadFeatures
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.steering import BoxScope, LatentIntervention, SteeringSpec, scope_mask
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.evidence import ImageTokenMap
from tests.tiny_sae import save_tiny_sae


@pytest.fixture(scope="module")
def image_tokens(llava_next: Vlm) -> ImageTokenMap:
    return llava_next.prepare_picture(Image.new("RGB", (90, 60))).image_tokens


@pytest.fixture(scope="module", params=["none", "layer_norm", "constant_norm_rescale"])
def read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, image_tokens: ImageTokenMap) -> ReadFeatures:
    sae = load_sae(save_tiny_sae(tmp_path_factory.mktemp("sae") / "sae", n_latents=300, normalisation=request.param))
    shape = (image_tokens.n_views, image_tokens.grid**2, sae.d_in)
    return ReadFeatures(sae, torch.randn(shape, generator=torch.Generator().manual_seed(5)) * 2, image_tokens)


BOX = BoxScope("both", (0.0, 0.0, 45.0, 60.0))


def _by_strength(read: ReadFeatures) -> list[int]:
    strength = np.asarray(read.latents.csr_PK.sum(axis=0)).ravel()
    return [int(latent) for latent in np.argsort(-strength)[: int((strength > 0).sum())]]


@pytest.mark.parametrize(
    "steered",
    [
        lambda latents: [LatentIntervention(latent, "SCALE", 0.0) for latent in latents[4:16]],
        lambda latents: [LatentIntervention(latent, "SCALE", 3.0, BOX) for latent in latents[4:10]],
        lambda latents: [LatentIntervention(latent, "SET", 2.0, "firing") for latent in latents[:8]],
        lambda latents: [LatentIntervention(latent, "ADD", 0.5) for latent in latents[:8]],
        lambda latents: [LatentIntervention(latents[3], "SET", 1.0), *(LatentIntervention(latent, "SCALE", 0.0) for latent in latents[5:9])],
    ],
    ids=["ablate", "amplify in a box", "set where firing", "add", "mixed"],
)
def test_as_many_that_fire_with_a_norm_within_a_tenth(read: ReadFeatures, steered: object) -> None:
    interventions = tuple(steered(_by_strength(read)))
    spec = SteeringSpec(interventions)
    edit = read.edit(spec)
    norm, n_effective = edit.change_norm, int((edit.edited_PL != edit.before_PL).any(axis=0).sum())
    assert n_effective >= len(interventions) - 1
    controls = draw_controls(read, spec)
    assert [control.seed for control in controls] == [0, 1, 2, 3, 4]
    fires = set(_by_strength(read))
    for control in controls:
        latents = control.edit.latent_L.tolist()
        assert len(latents) == n_effective and set(latents) <= fires
        assert not set(latents) & {item.latent for item in interventions}
        # The norm, of the features themselves.
        moved = control.edit.features() - read.features
        assert float(moved.norm()) == pytest.approx(norm, rel=TOLERANCE)
        assert control.edit.factor == 1
    assert len({tuple(control.edit.latent_L.tolist()) for control in controls}) > 1
    again = draw_controls(read, spec)
    assert [control.edit.latent_L.tolist() for control in again] == [control.edit.latent_L.tolist() for control in controls]


def test_interventions_are_carried_over(read: ReadFeatures) -> None:
    latents = _by_strength(read)
    spec = SteeringSpec((LatentIntervention(latents[3], "SET", 1.5, BOX), *(LatentIntervention(latent, "SCALE", 0.0) for latent in latents[5:9])))
    within = scope_mask(BOX, read.image_tokens)
    for control in draw_controls(read, spec):
        edit = control.edit
        is_set = [bool(np.all(edit.edited_PL[within, number] == 1.5)) for number in range(5)]
        assert sum(is_set) == 1
        for number, was_set in enumerate(is_set):
            expected = np.where(within, np.float32(1.5), edit.before_PL[:, number]) if was_set else np.zeros_like(edit.before_PL[:, number])
            np.testing.assert_array_equal(edit.edited_PL[:, number], expected)


def test_what_no_exchange_reaches_is_multiplied(read: ReadFeatures) -> None:
    strongest = _by_strength(read)[:20]
    spec = SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 40.0 if latent == strongest[0] else 0.0) for latent in strongest))
    taken = set(_by_strength(read)[20:])
    assert len(taken) > 20
    norm = read.edit(spec).change_norm
    for control in draw_controls(read, spec):
        assert control.edit.change_norm == pytest.approx(norm, rel=TOLERANCE)
        assert float((control.edit.features() - read.features).norm()) == pytest.approx(norm, rel=TOLERANCE)


def test_fewer_where_no_more_fire(read: ReadFeatures) -> None:
    latents = _by_strength(read)
    spec = SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 0.0) for latent in latents[:-3]))
    for control in draw_controls(read, spec, seeds=(0, 1)):
        assert control.edit.latent_L.tolist() == sorted(latents[-3:])
        assert control.edit.change_norm == pytest.approx(read.edit(spec).change_norm, rel=TOLERANCE)


def test_there_are_none_for_what_changes_nothing_or_leaves_nothing(read: ReadFeatures) -> None:
    latents = _by_strength(read)
    assert draw_controls(read, SteeringSpec()) == []
    assert draw_controls(read, SteeringSpec((LatentIntervention(latents[0], "SCALE", 1.0),))) == []
    silent = next(latent for latent in range(read.sae.n_latents) if latent not in set(latents))
    assert draw_controls(read, SteeringSpec((LatentIntervention(silent, "SCALE", 0.0),))) == []
    assert draw_controls(read, SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 0.0) for latent in latents))) == []


def test_a_dropped_error_is_dropped_in_controls_and_left_out_of_the_norm(read: ReadFeatures) -> None:
    latents = _by_strength(read)
    kept, dropped = (SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 0.0) for latent in latents[4:9]), error=error) for error in ("kept", "dropped"))
    for one, other in zip(draw_controls(read, kept), draw_controls(read, dropped), strict=True):
        assert one.edit.latent_L.tolist() == other.edit.latent_L.tolist()
        assert other.edit.drops_error and not one.edit.drops_error


def test_as_large_as(read: ReadFeatures) -> None:
    edit = read.edit(SteeringSpec((LatentIntervention(_by_strength(read)[0], "SCALE", 0.0),)))
    assert as_large_as(edit.change_norm * 1.05, edit) is edit
    assert as_large_as(edit.change_norm * 3, edit).change_norm == pytest.approx(3 * edit.change_norm, rel=1e-4)
