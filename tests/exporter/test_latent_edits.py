"""What a spec makes of one picture's latents and features, against dense arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter.latent_edits import ReadFeatures, edited_column
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.steering import BoxScope, LatentIntervention, SteeringSpec, scope_mask
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap
from tests.tiny_sae import save_tiny_sae


@pytest.fixture(scope="module")
def image_tokens(llava_next: Vlm) -> ImageTokenMap:
    return llava_next.prepare_picture(Image.new("RGB", (90, 60))).image_tokens


def _read(sae: SparseAutoencoder, image_tokens: ImageTokenMap) -> ReadFeatures:
    shape = (image_tokens.n_views, image_tokens.grid**2, sae.d_in)
    return ReadFeatures(sae, torch.randn(shape, generator=torch.Generator().manual_seed(2)), image_tokens)


@pytest.fixture
def read(tiny_sae: SparseAutoencoder, image_tokens: ImageTokenMap) -> ReadFeatures:
    return _read(tiny_sae, image_tokens)


BOX = BoxScope("tiles", (10.0, 5.0, 40.0, 22.0))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (LatentIntervention(0, "SET", 5.0), (5.0, 5.0)),
        (LatentIntervention(0, "SET", 5.0, "firing"), (5.0, 0.0)),
        (LatentIntervention(0, "SCALE", 3.0), (6.0, 0.0)),
        (LatentIntervention(0, "ADD", -9.0), (0.0, 0.0)),
        (LatentIntervention(0, "ADD", 1.0), (3.0, 1.0)),
        (LatentIntervention(0, "ADD", 1.0, "firing"), (3.0, 0.0)),
    ],
)
def test_operations_by_hand(image_tokens: ImageTokenMap, item: LatentIntervention, expected: tuple[float, float]) -> None:
    z = np.zeros(image_tokens.n_patches, dtype=np.float32)
    z[::2] = 2.0
    edited = edited_column(z, item, image_tokens)
    assert (float(edited[0]), float(edited[1])) == expected
    assert edited.dtype == np.float32 and np.all(z[::2] == 2.0)


def test_a_box_keeps_the_rest(image_tokens: ImageTokenMap) -> None:
    z = np.ones(image_tokens.n_patches, dtype=np.float32)
    edited = edited_column(z, LatentIntervention(0, "SET", 0.0, BOX), image_tokens)
    np.testing.assert_array_equal(edited == 0, scope_mask(BOX, image_tokens))


@pytest.mark.parametrize("normalisation", ["none", "layer_norm", "constant_norm_rescale"])
@pytest.mark.parametrize("error", ["kept", "dropped"])
def test_features_change_by_the_difference_of_two_reconstructions(
    tmp_path: Path, image_tokens: ImageTokenMap, normalisation: str, error: str
) -> None:
    sae = load_sae(save_tiny_sae(tmp_path / "sae", normalisation=normalisation))
    read = _read(sae, image_tokens)
    x = read.features.reshape(-1, sae.d_in)
    z = sae.encode(x)
    strongest = [int(latent) for latent in z.sum(dim=0).argsort(descending=True)[:3]]
    spec = SteeringSpec(
        (
            LatentIntervention(strongest[0], "SCALE", 0.0),
            LatentIntervention(strongest[1], "SET", 1.5, BOX),
            LatentIntervention(strongest[2], "ADD", -0.2, "firing"),
        ),
        error=error,
    )
    steered = z.clone()
    steered[:, strongest[0]] = 0
    steered[torch.from_numpy(scope_mask(BOX, image_tokens)), strongest[1]] = 1.5
    fires = z[:, strongest[2]] > 0
    steered[fires, strongest[2]] = (z[fires, strongest[2]] - 0.2).clamp_min(0)
    expected = sae.decode(steered, x) if error == "dropped" else x + sae.decode(steered, x) - sae.decode(z, x)
    edit = read.edit(spec)
    torch.testing.assert_close(edit.features().reshape(-1, sae.d_in), expected, atol=2e-5, rtol=1e-4)
    assert edit.latent_L.tolist() == sorted(strongest)
    np.testing.assert_allclose(edit.edited_PL, steered[:, edit.latent_L.tolist()].numpy(), atol=1e-6)
    assert edit.change_norm == pytest.approx(float((expected - x).norm()), rel=1e-4)


def test_nothing_is_exactly_nothing(read: ReadFeatures, tiny_sae: SparseAutoencoder) -> None:
    firing = int(read.latents.latent_N[0])
    for spec in (SteeringSpec(), SteeringSpec((LatentIntervention(firing, "SCALE", 1.0),))):
        edit = read.edit(spec)
        assert torch.equal(edit.features(), read.features) and edit.change_norm == 0
    alone = read.edit(SteeringSpec(error="dropped")).features().reshape(-1, tiny_sae.d_in)
    x = read.features.reshape(-1, tiny_sae.d_in)
    torch.testing.assert_close(alone, tiny_sae.decode(tiny_sae.encode(x), x), atol=1e-5, rtol=1e-5)


def test_adding_moves_features_by_the_decoder_row_at_the_chosen_patches(read: ReadFeatures, tiny_sae: SparseAutoencoder) -> None:
    moved = read.edit(SteeringSpec((LatentIntervention(7, "ADD", 2.5, BOX),))).features() - read.features
    chosen = torch.from_numpy(scope_mask(BOX, read.image_tokens)).reshape(moved.shape[:2])
    assert chosen.any() and not torch.any(moved[~chosen])
    torch.testing.assert_close(moved[chosen], (2.5 * tiny_sae.W_dec[7]).expand(int(chosen.sum()), -1), atol=1e-5, rtol=1e-5)


def test_a_latent_that_is_not_there_gets_a_sentence(read: ReadFeatures) -> None:
    with pytest.raises(ScratchpadError, match="the dictionary has 80, numbered from 0"):
        read.edit(SteeringSpec((LatentIntervention(80, "SET", 1.0),)))
