"""Files that the libraries themselves wrote (tests/sae_libraries) are read as the libraries read them, and as their formulae say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.sae.checkpoint_files import read_checkpoint_files
from tb_visualscratchpad.exporter.sae.formats import CONFIG_CLASSES, FORMATS
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.sae import library_formulae

FILES = Path(__file__).parent / "library_files"
NOT_READ = {
    "sparsify/transcoder": "transcoder", "sparsify/skip": "skip connection", "overcomplete/quantised": "dense",
    "overcomplete/matching_pursuit": "no encoder", "overcomplete/layer_norm_encoder": "only linear encoders",
}
CASES = sorted(path.relative_to(FILES).as_posix() for path in FILES.glob("*/*"))
READ = [case for case in CASES if case not in NOT_READ]


def place_and_answers(case: str) -> tuple[Path, dict[str, Any]]:
    folder = FILES / case
    answers = json.loads((folder / "answers.json").read_text())
    if answers.get("input_mean", "none") != "none":
        answers["input_mean"] = folder / answers["input_mean"]
    hookpoint = folder / "checkpoint" / "layers.3"
    return hookpoint if hookpoint.is_dir() else folder / "checkpoint", answers


def by_the_formulae(case: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    place, answers = place_and_answers(case)
    library = case.split("/")[0]
    if library == "dictionary_learning":
        told = json.loads((place / "config.json").read_text())["trainer"]["dict_class"]
        return library_formulae.dictionary_learning(place / "ae.pt", x, told)
    if library == "saev":
        mean = 0.0 if answers["input_mean"] == "none" else torch.load(answers["input_mean"], weights_only=True).double().numpy()
        return library_formulae.saev(place / "sae.pt", x, subtract=True, mean=mean, scale=answers["scaling_factor"])
    if library == "overcomplete":
        return library_formulae.overcomplete(place / "sae.pt", x, answers)
    return {"sparsify": library_formulae.sparsify, "saelens": library_formulae.saelens}[library](place, x)


def require_close(found: torch.Tensor, expected: Any) -> None:
    """Equal to 1e-5 of each row's largest value: rows are a thousandth or a thousand long."""
    found, expected = found.double().numpy(), np.asarray(expected, dtype=np.float64)
    largest = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(found - expected) <= 1e-5 * np.maximum(largest, 1e-3)).all()


def test_every_library_has_files():
    assert {case.split("/")[0] for case in CASES} == {"dictionary_learning", "overcomplete", "saelens", "saev", "sparsify"}


@pytest.mark.parametrize("case", READ)
def test_read_as_the_library_reads_it(case):
    place, answers = place_and_answers(case)
    expected = load_file(FILES / case / "expected.safetensors")
    sae = load_sae(place, **answers)
    z = sae.encode(expected["x"])
    require_close(z, expected["z"])
    require_close(sae.decode(z, expected["x"]), expected["y"])
    assert (z > 0).sum() > 50 and (z >= 0).all()
    np.testing.assert_allclose(sae.encode_sparse(expected["x"]).toarray(), z.numpy(), rtol=1e-4, atol=1e-4 * float(z.max()))


@pytest.mark.parametrize("case", READ)
def test_read_as_the_formulae_say(case):
    place, answers = place_and_answers(case)
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(40, 12, generator=generator) * torch.rand(40, 1, generator=generator) * 5
    x = torch.cat([x, torch.ones(1, 12), -x[:1].abs(), 1e3 * x[1:2], 1e-3 * x[2:3]])
    z, y = by_the_formulae(case, x.double().numpy())
    sae = load_sae(place, **answers)
    require_close(sae.encode(x), z)
    require_close(sae.decode(torch.tensor(z, dtype=torch.float32), x), y)


@pytest.mark.parametrize("case", sorted(NOT_READ))
def test_what_no_view_can_show_is_refused_by_name(case):
    place, answers = place_and_answers(case)
    with pytest.raises(ScratchpadError, match=NOT_READ[case]):
        load_sae(place, **answers)


@pytest.mark.parametrize("case", READ)
def test_it_tells_what_it_decided(case):
    place, answers = place_and_answers(case)
    sae = load_sae(place, **answers)
    assert sae.report is not None
    assert sae.report.format.lower().replace("-", "_") == case.split("/")[0]
    subtracts, normalisation = sae.report.decision("subtracts_b_dec"), sae.report.decision("normalisation")
    assert subtracts is not None and subtracts.value == sae.subtracts_b_dec and subtracts.reason
    assert normalisation is not None and normalisation.reason
    k = sae.report.decision("k")
    assert (k.value if k else None) == getattr(sae.activation_function, "k", None)


def test_a_checkpoint_within_a_run_finds_the_config_above_it():
    run = FILES / "dictionary_learning" / "batch_topk" / "checkpoint"
    sae = load_sae(run / "checkpoints" / "ae_30.pt")
    x = np.random.default_rng(0).normal(size=(20, 12))
    z, _ = library_formulae.dictionary_learning(run / "checkpoints" / "ae_30.pt", x, "BatchTopKSAE")
    require_close(sae.encode(torch.tensor(x, dtype=torch.float32)), z)
    assert sae.name == "checkpoints/ae_30.pt" and sae.activation == "batchtopk"
    assert load_sae(run / "checkpoints").identity == sae.identity


@pytest.mark.parametrize("case", ["saelens/topk_whitened_subtracting", "saelens/gated_scaled", "dictionary_learning/topk", "sparsify/topk"])
def test_a_file_is_read_as_its_folder(case):
    place, answers = place_and_answers(case)
    (weights,) = (path for path in place.iterdir() if path.name in ("sae_weights.safetensors", "ae.pt", "sae.safetensors"))
    assert load_sae(weights, **answers).identity == load_sae(place, **answers).identity


def test_what_lies_above_a_checkpoint_does_not_change_how_it_is_read(tmp_path):
    shutil.copytree(FILES / "saelens" / "topk_layer_norm" / "checkpoint", tmp_path / "sae")
    identity = load_sae(tmp_path / "sae").identity
    (tmp_path / "activation_scaler.json").write_text('{"scaling_factor": 3.0}')
    (tmp_path / "cfg.json").write_text('{"architecture": "standard", "d_in": 12, "d_sae": 48, "trainer": {"dict_class": "AutoEncoder"}}')
    assert load_sae(tmp_path / "sae").identity == load_sae(tmp_path / "sae" / "sae_weights.safetensors").identity == identity


@pytest.mark.parametrize("case", CASES)
def test_one_format_alone_recognises_it(case):
    files = read_checkpoint_files(place_and_answers(case)[0], CONFIG_CLASSES)
    recognising = [module.FORMAT for file in files.weights for module in FORMATS if module.recognises(file, files)]
    assert len(recognising) == 1, recognising


def test_every_file_has_an_identity_of_its_own():
    identities = {case: load_sae(place, **answers).identity for case in READ for place, answers in [place_and_answers(case)]}
    assert len(set(identities.values())) == len(READ)
