"""Encode and decode equal the formulae, for every architecture, normalisation, rescaling and type."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tb_visualscratchpad.exporter.sae import load_sae, sparse_autoencoder
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.sae.saelens_checkpoints import (
    D_IN,
    N_LATENTS,
    random_checkpoint,
    reference_decode,
    reference_encode,
)

ARCHITECTURES = [("standard", False), ("jumprelu", False), ("topk", False), ("topk", True)]
NORMALISATIONS = ["none", "layer_norm", "constant_norm_rescale", "expected_average_only_in"]
SCALE = 0.37


def tokens(seed: int = 1) -> np.ndarray:
    """Random tokens, and extreme ones: zero, huge, tiny, all negative, constant."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, D_IN)) * rng.uniform(0.1, 5.0, size=(30, 1))
    extreme = [
        np.zeros(D_IN),
        1e4 * rng.normal(size=D_IN),
        1e-4 * rng.normal(size=D_IN),
        -np.abs(x[0]),
        np.full(D_IN, 3.0),
    ]
    # Values that float32 holds exactly, so that both sides read the same tokens.
    return np.concatenate([x, extreme]).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize(("architecture", "rescale"), ARCHITECTURES)
def test_encode_and_decode_equal_the_formulae(tmp_path, architecture, rescale, normalisation, subtract):
    scale = SCALE if normalisation == "expected_average_only_in" else None
    checkpoint = random_checkpoint(architecture, normalisation, rescale=rescale, subtract=subtract, scale=scale)
    x = tokens()
    sae = load_sae(checkpoint.write(tmp_path / "sae"), dtype="float64")
    z = sae.encode(torch.tensor(x)).numpy()
    expected = reference_encode(checkpoint, x, scale or 1.0)
    np.testing.assert_allclose(z, expected, rtol=1e-5, atol=1e-6)
    assert (z > 0).sum() > 30
    rebuilt = sae.decode(torch.tensor(expected), torch.tensor(x)).numpy()
    np.testing.assert_allclose(rebuilt, reference_decode(checkpoint, expected, x, scale or 1.0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize(("architecture", "rescale"), ARCHITECTURES)
@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_float32_is_the_default_whatever_is_stored(tmp_path, stored, architecture, rescale, normalisation):
    scale = SCALE if normalisation == "expected_average_only_in" else None
    checkpoint = random_checkpoint(architecture, normalisation, rescale=rescale, scale=scale, stored_dtype=stored)
    x = tokens()[:30]
    sae = load_sae(checkpoint.write(tmp_path / "sae"))
    assert sae.dtype == torch.float32
    np.testing.assert_allclose(
        sae.encode(torch.tensor(x)).numpy(), reference_encode(checkpoint, x, scale or 1.0), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("architecture", ["standard", "jumprelu"])
def test_half_precision_is_near_where_nothing_is_selected_by_rank(tmp_path, architecture, normalisation, dtype):
    scale = SCALE if normalisation == "expected_average_only_in" else None
    checkpoint = random_checkpoint(architecture, normalisation, scale=scale)
    if architecture == "jumprelu":
        checkpoint.tensors["threshold"][:] = 0.0
    x = tokens()[:30]
    z = load_sae(checkpoint.write(tmp_path / "sae"), dtype=dtype).encode(torch.tensor(x))
    assert z.dtype == getattr(torch, dtype)
    expected = reference_encode(checkpoint, x, scale or 1.0)
    np.testing.assert_allclose(z.double().numpy(), expected, atol=0.02 * expected.max())


def test_half_precision_normalises_without_overflow(tmp_path):
    sae = load_sae(random_checkpoint("standard", "layer_norm").write(tmp_path / "sae"), dtype="float16")
    large = 3e4 * torch.randn(4, D_IN, generator=torch.Generator().manual_seed(0)).clamp(-2, 2)
    assert torch.isfinite(sae.encode(large.half())).all()


def test_of_equal_pre_activations_the_lowest_latents_win():
    pre = torch.tensor(
        [[1.0, 2.0, 1.0, 1.0, 0.5], [0.0, 0.0, 0.0, 0.0, 0.0], [3.0, 3.0, 3.0, 3.0, 4.0], [-1.0, -1.0, 5.0, -1.0, -1.0]]
    )
    expected = [[1.0, 2.0, 0.0, 0.0, 0.0], [0.0] * 5, [3.0, 0.0, 0.0, 0.0, 4.0], [0.0, 0.0, 5.0, 0.0, 0.0]]
    assert TopK(2)(pre).tolist() == expected
    assert TopK(2)(pre.reshape(2, 2, 5)).reshape(4, 5).tolist() == expected


def test_leading_shapes_are_kept(tmp_path):
    sae = load_sae(random_checkpoint().write(tmp_path / "sae"))
    x = torch.randn(2, 3, 4, D_IN, generator=torch.Generator().manual_seed(0))
    z = sae.encode(x)
    assert z.shape == (2, 3, 4, N_LATENTS)
    assert torch.allclose(z.reshape(24, -1), sae.encode(x.reshape(24, D_IN)))
    assert sae.decode(z, x).shape == x.shape
    assert sae.encode(x[0, 0, 0]).shape == (N_LATENTS,)


@pytest.mark.parametrize(("architecture", "rescale"), ARCHITECTURES)
@pytest.mark.parametrize("normalisation", NORMALISATIONS[:3])
def test_encode_sparse_is_encode_without_its_zeros(tmp_path, monkeypatch, architecture, rescale, normalisation):
    sae = load_sae(random_checkpoint(architecture, normalisation, rescale=rescale).write(tmp_path / "sae"))
    x = torch.tensor(tokens(), dtype=torch.float32)
    for rows_at_once in (1, 7, 1000):
        monkeypatch.setattr(sparse_autoencoder, "DENSE_ELEMENTS_AT_ONCE", rows_at_once * N_LATENTS)
        found = sae.encode_sparse(x)
        assert found.dtype == np.float32 and found.has_sorted_indices and (found.data > 0).all()
        np.testing.assert_allclose(found.toarray(), sae.encode(x).numpy(), rtol=1e-4, atol=1e-5)
    assert sae.encode_sparse(x[:0]).shape == (0, N_LATENTS)


def test_encode_sparse_never_holds_more_than_a_block(tmp_path, monkeypatch):
    sae = load_sae(random_checkpoint().write(tmp_path / "sae"))
    monkeypatch.setattr(sparse_autoencoder, "DENSE_ELEMENTS_AT_ONCE", 4 * N_LATENTS)
    rows = []
    encode = sparse_autoencoder.SparseAutoencoder.encode
    monkeypatch.setattr(
        sparse_autoencoder.SparseAutoencoder, "encode", lambda self, x: (rows.append(len(x)), encode(self, x))[1]
    )
    sae.encode_sparse(torch.randn(10, D_IN))
    assert rows == [4, 4, 2]


def test_features_that_overflowed_are_refused(tmp_path):
    sae = load_sae(random_checkpoint().write(tmp_path / "sae"))
    x = torch.zeros(3, D_IN)
    x[1, 2] = float("nan")
    with pytest.raises(ScratchpadError, match="float32"):
        sae.encode_sparse(x)


@pytest.mark.parametrize("normalisation", NORMALISATIONS[:3])
def test_an_edit_decodes_with_the_state_of_the_tokens_that_were_read(tmp_path, normalisation):
    sae = load_sae(random_checkpoint("topk", normalisation).write(tmp_path / "sae"), dtype="float64")
    x = torch.tensor(tokens()[:10])
    normalised, state = sae.normalise(x)
    z = sae.encode_normalised(normalised)
    edited = z * 0.5
    difference = sae.decode(edited, x) - sae.decode(z, x)
    by_state = state.undo_difference(sae.decode_normalised(edited) - sae.decode_normalised(z))
    assert torch.allclose(difference, by_state, atol=1e-10)
    assert torch.allclose(state.undo(sae.decode_normalised(z)), sae.decode(z, x))


def test_a_wrong_width_is_told(tmp_path):
    sae = load_sae(random_checkpoint().write(tmp_path / "sae"))
    with pytest.raises(ScratchpadError, match=f"width {D_IN}, got width 7"):
        sae.encode(torch.zeros(2, 7))
