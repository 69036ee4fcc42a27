"""Layouts of libraries that do not install here, by their formulae; and what is asked for, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tb_visualscratchpad.exporter.sae import Source, load_sae
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.sae import foreign_checkpoints as foreign
from tests.exporter.sae import library_formulae as formulae
from tests.exporter.sae.foreign_checkpoints import D, K, random_tensors

GENERATOR = torch.Generator().manual_seed(5)
X = torch.cat([torch.randn(30, D, generator=GENERATOR) * 2, torch.zeros(1, D), 1e3 * torch.randn(1, D, generator=GENERATOR), -torch.ones(1, D)])


def require_reads(sae: Any, z: np.ndarray, y: np.ndarray) -> None:
    for found, expected in ((sae.encode(X), z), (sae.decode(torch.tensor(z, dtype=torch.float32), X), y)):
        largest = np.maximum(np.abs(expected).max(axis=1, keepdims=True), 1e-3)
        assert (np.abs(found.double().numpy() - expected) <= 1e-5 * largest).all()


def refused(place: Path, *words: str, **answers: Any) -> None:
    with pytest.raises(ScratchpadError) as caught:
        load_sae(place, **answers)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def arrays(tensors: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.double().numpy() for name, tensor in tensors.items()}


def prisma_by_formula(tensors: dict[str, torch.Tensor], norm: str, activation: str, k: int = 0) -> tuple[np.ndarray, np.ndarray]:
    w, x = arrays(tensors), X.double().numpy()
    read, undo = x, lambda y: y
    if norm == "layer_norm":
        mean, std = x.mean(axis=1, keepdims=True), x.std(axis=1, ddof=1, keepdims=True)
        read, undo = (x - mean) / (std + 1e-5), lambda y: y * std + mean
    u = (read - w["b_dec"]) @ w["W_enc"]
    if activation == "gated":
        z = (u + w["b_gate"] > 0) * formulae.relu(u * np.exp(w["r_mag"]) + w["b_mag"])
    else:
        p = u + w["b_enc"]
        z = {"relu": formulae.relu(p), "tanh-relu": np.tanh(formulae.relu(p)), "topk": formulae.relu(formulae.largest(p, k))}[activation]
    return z, undo(z @ w["W_dec"] + w["b_dec"])


# ViT-Prisma


@pytest.mark.parametrize("norm", ["none", "layer_norm"])
@pytest.mark.parametrize(("activation", "k"), [("relu", 0), ("tanh-relu", 0), ("topk", 5)])
def test_prisma_with_its_config_object_and_with_config_json(tmp_path, norm, activation, k):
    tensors, changes = random_tensors(1), {"normalize_activations": norm, "activation_fn_str": activation}
    changes["activation_fn_kwargs"] = {"k": k} if k else {}
    first = load_sae(foreign.prisma(tmp_path / "run" / "n_images_100.pt", tensors, **changes))
    require_reads(first, *prisma_by_formula(tensors, norm, activation, k))
    assert (first.hook, first.report.format) == ("blocks.9.hook_resid_post", "ViT-Prisma")
    assert load_sae(foreign.prisma_folder(tmp_path / "hub", tensors, **changes)).identity == first.identity


def test_gated_prisma_does_not_use_the_b_enc_that_it_stores(tmp_path):
    tensors = random_tensors(2, gated=True)
    sae = load_sae(foreign.prisma(tmp_path / "a.pt", tensors, architecture="gated"))
    require_reads(sae, *prisma_by_formula(tensors, "none", "gated"))
    refused(foreign.prisma(tmp_path / "b.pt", tensors, architecture="gated", activation_fn_str="topk"), "gated", "only relu")


def test_prisma_that_is_not_read(tmp_path):
    tensors = random_tensors()
    refused(foreign.prisma(tmp_path / "a.pt", tensors, is_transcoder=True), "transcoder")
    refused(foreign.prisma(tmp_path / "b.pt", tensors, activation_fn_str="leaky_relu"), "leaky_relu")
    refused(foreign.prisma(tmp_path / "c.pt", tensors, activation_fn_str="topk"), "does not say k", "--sae-k")
    refused(foreign.prisma(tmp_path / "d.pt", tensors, architecture="jumprelu"), "jumprelu")
    refused(foreign.prisma(tmp_path / "e.pt", tensors, normalize_activations="expected_average_only_in"), "expected_average_only_in")
    refused(foreign.prisma(tmp_path / "f.pt", tensors, d_sae=64), "64 latents")
    refused(foreign.prisma(tmp_path / "g.pt", random_tensors(gated=True)), "b_gate")


# PatchSAE, FastSAE


@pytest.mark.parametrize(("class_name", "key"), [("ViTSAERunnerConfig", "cfg"), ("Config", "config")])
def test_patchsae(tmp_path, class_name, key):
    tensors = random_tensors(3)
    sae = load_sae(foreign.patchsae(tmp_path / "final.pt", tensors, class_name, key))
    require_reads(sae, *prisma_by_formula(tensors, "none", "relu"))
    assert (sae.hook, sae.report.format) == ("block -2 resid", "PatchSAE")
    refused(foreign.patchsae(tmp_path / "gated.pt", tensors, gated_sae=True), "gated")


def test_an_sae_that_knows_the_class_token_alone_says_so(tmp_path):
    tensors = random_tensors()
    of_class = foreign.patchsae(tmp_path / "a.pt", tensors, class_token=True), foreign.prisma(tmp_path / "b.pt", tensors, cls_token_only=True)
    of_all = foreign.patchsae(tmp_path / "c.pt", tensors, class_token=False), foreign.prisma(tmp_path / "d.pt", tensors)
    assert all(["class token alone" in remark for remark in load_sae(place).report.remarks()] == [True] for place in of_class)
    assert all(load_sae(place).report.remarks() == () for place in of_all)


def test_parameters_are_tensors(tmp_path):
    tensors = {name: torch.nn.Parameter(tensor) for name, tensor in random_tensors(5).items()}
    sae = load_sae(foreign.patchsae(tmp_path / "a.pt", tensors))
    require_reads(sae, *prisma_by_formula({name: tensor.detach() for name, tensor in tensors.items()}, "none", "relu"))
    assert not sae.W_enc.requires_grad


def test_fastsae(tmp_path):
    tensors, config = random_tensors(4), {"d_in": D, "d_sae_factor": 4, "activation_name": "relu", "class_type": "VanillaSAE"}
    for name, save in (("a", torch.save), ("b", save_file)):
        folder = tmp_path / name
        folder.mkdir()
        save(tensors, folder / "x_state_dict.pt")
        (folder / "x_config.json").write_text(json.dumps(config))
        require_reads(load_sae(folder), *prisma_by_formula(tensors, "none", "relu"))
    (folder / "x_config.json").write_text(json.dumps(config | {"activation_name": "softplus"}))
    refused(folder, "softplus", "only relu")
    (folder / "x_config.json").write_text(json.dumps(config | {"d_sae_factor": 8}))
    refused(folder, "96 latents")


# saev

OLD = {"d_vit": D, "exp_factor": K // D, "n_reinit_samples": 100, "normalize_w_dec": True, "seed": 0}
UNSCALED = {"scaling_factor": 1.0, "input_mean": "none"}
HEADERS = {
    "no schema": ({**OLD, "sparsity_coeff": 4e-4, "ghost_grads": False}, True, {}, UNSCALED),
    "schema 1, the activation's class": ({"schema": 1, "cls": "TopK", "cfg": OLD | {"top_k": 4}}, True, {}, UNSCALED | {"clip_negative": True}),
    "schema 1, its config's class": (
        {"schema": 1, "cls": "SparseAutoencoderConfig", "cfg": OLD | {"activation": {"cls": "Relu", "params": {}}}}, True, {}, UNSCALED
    ),
    "schema 2": (foreign.saev_header(2, "Relu"), False, {}, {}),
    "schema 2, BatchTopK before it had a threshold": (foreign.saev_header(2, "BatchTopK", top_k=4), False, {}, {"clip_negative": True}),
    "schema 4, BatchTopK": (foreign.saev_header(4, "BatchTopK", top_k=4), False, {"activation.threshold": torch.tensor(0.7)}, {}),
    "schema 4, BatchTopK never trained": (foreign.saev_header(4, "BatchTopK", top_k=4), False, {"activation.threshold": torch.tensor(0.0)}, {}),
    "schema 5, TopK": (
        foreign.saev_header(5, "TopK", key="top-k", top_k=4, sparsity={"cls": "NoSparsity", "params": {}}), False, {}, {"clip_negative": True}
    ),
}


@pytest.mark.parametrize("name", list(HEADERS))
def test_every_schema_of_saev(tmp_path, name):
    header, subtract, more, answers = HEADERS[name]
    path = foreign.saev(tmp_path / "checkpoint" / "sae.pt", header, {**random_tensors(6), **more})
    sae = load_sae(path, **answers)
    require_reads(sae, *formulae.saev(path, X.double().numpy(), subtract=subtract))
    decision = sae.report.decision("subtracts_b_dec")
    assert (decision.value, decision.source) == (subtract, Source.CONVENTION)
    assert decision.alternatives == ((not subtract,) if name.startswith(("schema 1", "schema 2")) else ())
    other = load_sae(path, subtract_b_dec=not subtract, **answers)
    require_reads(other, *formulae.saev(path, X.double().numpy(), subtract=not subtract))
    assert other.identity != sae.identity and other.report.decision("subtracts_b_dec").source == Source.ANSWER


def test_saevs_scale_is_asked_for_and_folded(tmp_path):
    path = foreign.saev(tmp_path / "sae.pt", HEADERS["no schema"][0], random_tensors(7))
    refused(path, "(x - mean) / scale", "--sae-scaling-factor", "--sae-input-mean")
    refused(path, "--sae-input-mean", scaling_factor=0.5)
    mean = torch.randn(D, generator=GENERATOR)
    for name, save in (("mean.pt", torch.save), ("mean.safetensors", lambda tensor, file: save_file({"mean": tensor}, file))):
        save(mean, tmp_path / name)
        sae = load_sae(path, scaling_factor=0.5, input_mean=tmp_path / name)
        require_reads(sae, *formulae.saev(path, X.double().numpy(), subtract=True, mean=mean.double().numpy(), scale=0.5))
    raw = load_sae(path, scaling_factor=0.5, input_mean=tmp_path / "mean.pt", subtract_b_dec=False)
    require_reads(raw, *formulae.saev(path, X.double().numpy(), subtract=False, mean=mean.double().numpy(), scale=0.5))
    refused(path, "nowhere does not exist", scaling_factor=1.0, input_mean=tmp_path / "nowhere")
    torch.save(torch.ones(D + 1), tmp_path / "wide.pt")
    refused(path, "[13]", scaling_factor=1.0, input_mean=tmp_path / "wide.pt")
    torch.save([mean.tolist()], tmp_path / "list.pt")
    refused(path, "holds 0 tensors", scaling_factor=1.0, input_mean=tmp_path / "list.pt")


def test_saevs_negative_latents_are_asked_about(tmp_path):
    path = foreign.saev(tmp_path / "sae.pt", foreign.saev_header(5, "TopK", top_k=K), random_tensors(8))
    refused(path, "without ReLU", "--sae-clip-negative")
    refused(path, "without ReLU", clip_negative=False)
    sae = load_sae(path, clip_negative=True)
    assert (sae.encode(X) >= 0).all() and sae.report.decision("negative_latents").alternatives == ("kept",)
    refused(foreign.saev(tmp_path / "new.pt", {"schema": 6, "cfg": {}}, random_tensors()), "schema '6'", "newer")
    refused(foreign.saev(tmp_path / "odd.pt", foreign.saev_header(3, "Gelu"), random_tensors()), "Gelu")


# dictionary_learning, sae-for-vlm


@pytest.mark.parametrize("threshold", [0.6, 0.0, -1.0])
def test_sae_for_vlms_matroyshka(tmp_path, threshold):
    folder = foreign.matryoshka(tmp_path / "trainer_0", threshold=threshold)
    sae = load_sae(folder)
    require_reads(sae, *formulae.dictionary_learning(folder / "ae.pt", X.double().numpy(), "MatryoshkaBatchTopKSAE"))
    assert sae.report.architecture == "MatroyshkaBatchTopKSAE"
    if threshold < 0:
        assert sae.activation == "topk" and "never set" in sae.report.decision("k").reason
        given = load_sae(folder, threshold=0.5)
        assert given.activation == "batchtopk" and given.report.decision("threshold").source == Source.ANSWER


@pytest.mark.parametrize(("dict_class", "threshold"), [("AutoEncoderTopK", -1.0), ("BatchTopKSAE", 0.3)])
def test_an_interrupted_run_is_scaled_as_a_finished_one(tmp_path, dict_class, threshold):
    tensors = foreign.topk_dictionary(9, threshold=threshold)
    finished = tensors | {name: tensors[name] * 2.5 for name in ("encoder.bias", "b_dec")}
    if threshold > 0:
        finished["threshold"] = tensors["threshold"] * 2.5
    torch.save(finished, tmp_path / "finished.pt")
    expected = formulae.dictionary_learning(tmp_path / "finished.pt", X.double().numpy(), dict_class)
    sae = load_sae(foreign.interrupted(tmp_path / "a", dict_class, tensors, 2.5))
    require_reads(sae, *expected)
    assert sae.report.decision("scale").value == pytest.approx(0.4)
    torch.save(tensors, tmp_path / "raw.pt")
    unscaled = load_sae(foreign.interrupted(tmp_path / "b", dict_class, tensors, None))
    require_reads(unscaled, *formulae.dictionary_learning(tmp_path / "raw.pt", X.double().numpy(), dict_class))
    refused(foreign.interrupted(tmp_path / "c", dict_class, tensors, -2.0), "norm_factor")


def test_topk_and_batch_topk_are_told_apart_by_the_config_alone(tmp_path):
    tmp_path = tmp_path / "run"
    tmp_path.mkdir()
    torch.save(foreign.topk_dictionary(threshold=0.4), tmp_path / "ae.pt")
    refused(tmp_path, "--sae-activation", "alike")
    x = X.double().numpy()
    require_reads(load_sae(tmp_path, activation="topk"), *formulae.dictionary_learning(tmp_path / "ae.pt", x, "AutoEncoderTopK"))
    require_reads(load_sae(tmp_path, activation="batchtopk"), *formulae.dictionary_learning(tmp_path / "ae.pt", x, "BatchTopKSAE"))
    refused(tmp_path, "k is 5, you said 6", activation="topk", k=6)
    refused(tmp_path, "not a relu one", activation="relu")
    (tmp_path / "config.json").write_text(json.dumps({"trainer": {"dict_class": "AutoEncoderTopK", "k": 7}}))
    refused(tmp_path, "k is 5, the config beside it 7")


def test_tensors_that_two_libraries_name_alike(tmp_path):
    """JumpReLU tensors: dictionary_learning does not subtract b_dec, SAELens does by default. The config tells whose they are."""
    tensors = random_tensors(10) | {"threshold": torch.full((K,), 0.2)}
    for name, config, subtracts in (
        ("a", {"trainer": {"dict_class": "JumpReluAutoEncoder"}}, False),
        ("b", {"architecture": "jumprelu", "d_in": D, "d_sae": K}, True),
    ):
        (tmp_path / name).mkdir()
        torch.save(tensors, tmp_path / name / "ae.pt")
        (tmp_path / name / "config.json").write_text(json.dumps(config))
        w, x = arrays(tensors), X.double().numpy()
        p = (x - w["b_dec"] * subtracts) @ w["W_enc"] + w["b_enc"]
        z = formulae.relu(p) * (p > 0.2)
        require_reads(load_sae(tmp_path / name), z, z @ w["W_dec"] + w["b_dec"])
    (tmp_path / "b" / "config.json").unlink()
    refused(tmp_path / "b", "several libraries name so")


def test_auto_encoder_new_subtracts_nothing(tmp_path):
    w = random_tensors(11)
    tensors = {"encoder.weight": w["W_enc"].T, "encoder.bias": w["b_enc"], "decoder.weight": w["W_dec"].T, "decoder.bias": w["b_dec"]}
    torch.save(tensors, tmp_path / "ae.pt")
    refused(tmp_path, "no SAE layout")
    (tmp_path / "config.json").write_text(json.dumps({"trainer": {"dict_class": "AutoEncoderNew"}}))
    a = arrays(w)
    z = formulae.relu(X.double().numpy() @ a["W_enc"] + a["b_enc"])
    require_reads(load_sae(tmp_path), z, z @ a["W_dec"] + a["b_dec"])


# sparsify, multimodal-sae


def sparsify_folder(folder: Path, **config: Any) -> Path:
    w = random_tensors(12)
    folder.mkdir()
    save_file(
        {"encoder.weight": w["W_enc"].T.contiguous(), "encoder.bias": w["b_enc"], "W_dec": w["W_dec"], "b_dec": w["b_dec"]},
        folder / "sae.safetensors",
    )
    (folder / "cfg.json").write_text(json.dumps({"expansion_factor": 32, "normalize_decoder": True, "num_latents": K, "k": 5, "d_in": D} | config))
    return folder


def test_multimodal_saes_config_has_no_activation(tmp_path):
    folder = sparsify_folder(tmp_path / "model.layers.24", multi_topk=False)
    require_reads(load_sae(folder), *formulae.sparsify(folder, X.double().numpy()))
    refused(sparsify_folder(tmp_path / "signed", signed=True), "negative")
    refused(sparsify_folder(tmp_path / "unknown", temperature=2), "temperature")
    refused(sparsify_folder(tmp_path / "groups", activation="groupmax"), "cannot be divided into 5 groups")
    refused(sparsify_folder(tmp_path / "gelu", activation="gelu"), "gelu")
    refused(sparsify_folder(tmp_path / "wide", num_latents=0), "384 latents")


def test_sparsify_without_its_config_is_asked_for_k_and_activation(tmp_path):
    folder = sparsify_folder(tmp_path / "layers.3")
    expected = formulae.sparsify(folder, X.double().numpy())
    (folder / "cfg.json").unlink()
    refused(folder, "--sae-k")
    refused(folder, "--sae-activation", k=5)
    require_reads(load_sae(folder, k=5, activation="topk"), *expected)


# Whatever the library


def test_names_of_files_decide_nothing(tmp_path):
    place = foreign.matryoshka(tmp_path / "trainer_0", threshold=0.6)
    identity = load_sae(place).identity
    (place / "ae.pt").rename(place / "cfg.json.safetensors.bin")
    (place / "config.json").rename(place / "sae_weights.json")
    assert load_sae(place).identity == identity


@pytest.mark.parametrize("length", range(120, 128))
def test_a_safetensors_header_as_long_as_a_brace(tmp_path, length):
    """The first byte of the file is the length's lowest: for 123 it is that of JSON."""
    data = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).ljust(length).encode()
    (tmp_path / "a").write_bytes(length.to_bytes(8, "little") + data + bytes(4))
    refused(tmp_path, "holds x", "no SAE layout")


def test_two_saes_in_a_folder_are_told(tmp_path):
    for step in (0, 100):
        foreign.prisma(tmp_path / f"n_images_{step}.pt", random_tensors(step))
    torch.save(torch.zeros(K), tmp_path / "n_images_100_log_feature_sparsity.pt")
    refused(tmp_path, "2 SAEs", "n_images_0.pt, n_images_100.pt")
    assert load_sae(tmp_path / "n_images_100.pt").name == f"{tmp_path.name}/n_images_100.pt"


def test_standard_tensors_without_a_word_are_not_guessed_at(tmp_path):
    save_file(random_tensors(), tmp_path / "model.safetensors")
    refused(tmp_path, "several libraries name so and read differently")


def test_deeplens_is_refused_by_name(tmp_path):
    torch.save({"norm.weight": torch.ones(D), "norm.bias": torch.ones(D), "encoder.weight": torch.ones(K, D)}, tmp_path / "sae.pt")
    refused(tmp_path, "deeplens")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"k": 3}, "no k"), ({"threshold": 0.5}, "no threshold"), ({"activation": "relu"}, "no choice of activation"),
        ({"decoder_norm": "l2"}, "no decoder normalisation"), ({"delta": 1.0}, "no delta"), ({"subtract_b_dec": True}, "no choice about b_dec"),
        ({"clip_negative": True}, "no clipping"), ({"scaling_factor": 2.0}, "no scaling factor"), ({"input_mean": "none"}, "no input mean"),
    ],
)
def test_answers_to_what_nobody_asked_are_refused(tmp_path, answer, word):
    refused(foreign.patchsae(tmp_path / "sae.pt", random_tensors()), word, "PatchSAE", "leave out", **answer)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"activation": "gelu"}, "choose one of relu"), ({"decoder_norm": "l3"}, "choose one of l2"), ({"delta": -1.0}, "at least 0"),
        ({"threshold": float("nan")}, "finite"), ({"scaling_factor": float("inf")}, "above 0"),
    ],
)
def test_impossible_answers_are_refused(tmp_path, answer, word):
    refused(foreign.patchsae(tmp_path / "sae.pt", random_tensors()), word, **answer)
