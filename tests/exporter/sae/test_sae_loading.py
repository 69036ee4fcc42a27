"""What a SAELens folder says is read, what it does not say is asked for, and what is broken is told in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import errors as hub_errors

from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.sae.saelens_checkpoints import (
    D_IN,
    N_LATENTS,
    Checkpoint,
    K,
    random_checkpoint,
    reference_encode,
)

X = torch.randn(6, D_IN, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def refused(folder: Path, *words: str, **answers) -> None:
    with pytest.raises(ScratchpadError) as caught:
        load_sae(folder, **answers)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_what_a_loaded_sae_tells_of_itself(tmp_path):
    sae = load_sae(random_checkpoint().write(tmp_path / "birds"))
    assert (sae.name, sae.hook, sae.activation) == ("birds", "vision_tower.layers.1", "topk")
    assert (sae.d_in, sae.n_latents, sae.W_dec.shape) == (D_IN, N_LATENTS, (N_LATENTS, D_IN))
    assert load_sae(tmp_path / "birds" / "cfg.json").identity == sae.identity


def test_the_demo_is_a_name():
    sae = load_sae("demo")
    assert (sae.name, sae.d_in, sae.n_latents, sae.activation) == ("demo", 192, 3072, "topk")


def test_identity_is_of_what_is_computed_not_of_where(tmp_path):
    first = random_checkpoint()
    identity = load_sae(first.write(tmp_path / "a")).identity
    first.cfg["metadata"] = {"hook_name": "elsewhere"}
    assert load_sae(first.write(tmp_path / "b"), dtype="bfloat16").identity == identity
    for change in (
        {"k": K - 1},
        {"apply_b_dec_to_input": False},
        {"rescale_acts_by_decoder_norm": True},
        {"normalize_activations": "layer_norm"},
    ):
        other = random_checkpoint()
        other.cfg |= change
        assert load_sae(other.write(tmp_path / "c")).identity != identity, change
    other = random_checkpoint()
    other.tensors["b_enc"][0] += 1e-3
    assert load_sae(other.write(tmp_path / "c")).identity != identity
    scaled = random_checkpoint(normalisation="expected_average_only_in").write(tmp_path / "d")
    assert load_sae(scaled, scaling_factor=0.5).identity != load_sae(scaled, scaling_factor=0.6).identity


def test_decoder_rows_of_zero_stay_zero_under_rescaling(tmp_path):
    checkpoint = random_checkpoint(rescale=True)
    checkpoint.tensors["W_dec"][3] = 0.0
    sae = load_sae(checkpoint.write(tmp_path / "sae"), dtype="float64")
    z = sae.encode(X)
    assert torch.isfinite(sae.decode(z, X)).all()
    assert (z[:, 3] == 0).all()
    np.testing.assert_allclose(z.numpy(), reference_encode(checkpoint, X.numpy()), rtol=1e-5, atol=1e-6)


# What the file does not say


def test_an_absent_k_is_asked_for(tmp_path):
    checkpoint = random_checkpoint()
    del checkpoint.cfg["k"]
    folder = checkpoint.write(tmp_path / "sae")
    refused(folder, "k=...", "--sae-k")
    assert (load_sae(folder, k=3).encode(X) > 0).sum(-1).max() == 3
    refused(folder, "1 to 40", k=41)


def test_an_answer_that_contradicts_the_file_is_refused(tmp_path):
    refused(random_checkpoint().write(tmp_path / "a"), "k is 5", "you said 6", k=6)
    refused(random_checkpoint("standard").write(tmp_path / "b"), "no k", k=6)
    refused(random_checkpoint().write(tmp_path / "c"), "no scaling factor", scaling_factor=0.5)
    assert load_sae(tmp_path / "a", k=K).activation == "topk"


def test_an_absent_scaling_factor_is_asked_for(tmp_path):
    checkpoint = random_checkpoint(normalisation="expected_average_only_in")
    folder = checkpoint.write(tmp_path / "sae")
    refused(folder, "scaling_factor=...", "--sae-scaling-factor")
    for bad in (0.0, -1.0, float("nan")):
        refused(folder, "above 0", scaling_factor=bad)
    z = load_sae(folder, scaling_factor=0.37, dtype="float64").encode(X)
    np.testing.assert_allclose(z.numpy(), reference_encode(checkpoint, X.numpy(), 0.37), rtol=1e-5, atol=1e-6)


def test_the_scaler_beside_a_training_checkpoint_is_read(tmp_path):
    checkpoint = random_checkpoint(normalisation="expected_average_only_in", scale=0.37)
    z = load_sae(checkpoint.write(tmp_path / "sae"), dtype="float64").encode(X)
    np.testing.assert_allclose(z.numpy(), reference_encode(checkpoint, X.numpy(), 0.37), rtol=1e-5, atol=1e-6)
    refused(random_checkpoint(scale=0.37).write(tmp_path / "contradiction"), "activation_scaler.json", "0.37")
    whitened = random_checkpoint()
    whitened.scaler = {"scaling_factor": None, "has_whitening": True}
    refused(whitened.write(tmp_path / "whitened"), "whitened")
    (tmp_path / "sae" / "activation_scaler.json").write_text("[")
    refused(tmp_path / "sae", "activation_scaler.json", "cannot be read")


# Older and other files


def before_release_6(checkpoint: Checkpoint) -> Checkpoint:
    """The same SAE as releases before 6 wrote it."""
    cfg = checkpoint.cfg
    k = cfg.pop("k", None)
    cfg.pop("metadata")
    cfg |= {
        "architecture": "jumprelu" if cfg["architecture"] == "jumprelu" else "standard",
        "hook_point": "vision_tower.layers.1",
        "hook_point_layer": 1,
        "activation_fn_str": "topk" if k else "relu",
        "activation_fn_kwargs": {"k": k} if k else {},
        "finetuning_scaling_factor": False,
        "prepend_bos": True,
        "sae_lens_training_version": "3.2.0",
    }
    return checkpoint


@pytest.mark.parametrize("architecture", ["standard", "topk", "jumprelu"])
def test_files_from_before_release_6(tmp_path, architecture):
    now = random_checkpoint(architecture)
    expected = load_sae(now.write(tmp_path / "now")).encode(X)
    then = before_release_6(random_checkpoint(architecture))
    then.tensors["scaling_factor"] = np.ones(N_LATENTS)
    sae = load_sae(then.write(tmp_path / "then"))
    assert sae.hook == "vision_tower.layers.1"
    assert torch.equal(sae.encode(X), expected)


@pytest.mark.parametrize(("value", "answers"), [(True, {"scaling_factor": 0.5}), (False, {}), (None, {})])
def test_boolean_normalisation_of_old_files(tmp_path, value, answers):
    checkpoint = before_release_6(random_checkpoint("standard"))
    checkpoint.cfg["normalize_activations"] = value
    checkpoint.write(tmp_path / "sae")
    checkpoint.cfg["normalize_activations"] = "expected_average_only_in" if value else "none"
    z = load_sae(tmp_path / "sae", dtype="float64", **answers).encode(X)
    np.testing.assert_allclose(
        z.numpy(), reference_encode(checkpoint, X.numpy(), 0.5 if value else 1.0), rtol=1e-5, atol=1e-6
    )


def test_old_topk_without_k_is_not_taken_for_relu(tmp_path):
    checkpoint = before_release_6(random_checkpoint("topk"))
    checkpoint.cfg["activation_fn_kwargs"] = {}
    refused(checkpoint.write(tmp_path / "sae"), "--sae-k")


def test_log_threshold_of_old_training_files(tmp_path):
    checkpoint = random_checkpoint("jumprelu")
    checkpoint.tensors["threshold"] = np.abs(checkpoint.tensors["threshold"]) + 0.01
    expected = load_sae(checkpoint.write(tmp_path / "a"), dtype="float64").encode(X)
    checkpoint.tensors["log_threshold"] = np.log(checkpoint.tensors.pop("threshold"))
    assert torch.allclose(load_sae(checkpoint.write(tmp_path / "b"), dtype="float64").encode(X), expected)


@pytest.mark.parametrize(
    "architecture", ["abstopk", "matching_pursuit", "temporal", "jumprelu_transcoder", "skip_transcoder", "unheard_of", 3, None, ["standard"]]
)
def test_other_architectures_are_refused_by_name(tmp_path, architecture):
    checkpoint = random_checkpoint("standard")
    checkpoint.cfg["architecture"] = architecture
    refused(checkpoint.write(tmp_path / "sae"), repr(architecture), "standard, topk, jumprelu")


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("d_out", 7, "d_out"),
        ("normalize_activations", "covariance_whitening", "activation_whitening.safetensors"),
        ("normalize_activations", ["none"], "['none']"),
        ("reshape_activations", "hook_z", "hook_z"),
        ("activation_fn", "tanh-relu", "tanh-relu"),
        ("activation_fn_kwargs", {"temperature": 2}, "temperature"),
        ("activation_fn_kwargs", {"k": 4}, "k is 5, and 4"),
        ("finetuning_scaling_factor", True, "finetuning_scaling_factor"),
        ("apply_b_dec_to_input", "yes", "apply_b_dec_to_input"),
        ("k", 2.5, "2.5"),
        ("k", 41, "1 to 40"),
        ("metadata", [], None),
        ("metadata", "x", "metadata"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path, key, value, word):
    checkpoint = random_checkpoint()
    checkpoint.cfg[key] = value
    folder = checkpoint.write(tmp_path / "sae")
    if word is None:
        assert load_sae(folder).hook is None
    else:
        refused(folder, word, {"1 to 40": "k is 41", "activation_whitening.safetensors": "whitened"}.get(word, "cfg.json"))


def test_rescaling_is_refused_where_it_has_no_definition(tmp_path):
    checkpoint = random_checkpoint("jumprelu")
    checkpoint.cfg["rescale_acts_by_decoder_norm"] = True
    refused(checkpoint.write(tmp_path / "sae"), "rescale_acts_by_decoder_norm", "jumprelu")


# Broken files


def test_missing_folders_and_files(tmp_path):
    refused(tmp_path / "nowhere", "nowhere", "demo")
    refused(tmp_path, "holds no SAE", "cfg.json")
    random_checkpoint().write(tmp_path / "inside")
    refused(tmp_path, "Folders in it that do: inside")
    (tmp_path / "inside" / "sae_weights.safetensors").unlink()
    refused(tmp_path / "inside", "sae_weights.safetensors does not exist")


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "\xff"])
def test_a_config_that_is_no_json_object(tmp_path, text):
    folder = random_checkpoint().write(tmp_path / "sae")
    (folder / "cfg.json").write_bytes(text.encode("latin-1"))
    refused(folder, "cfg.json")


@pytest.mark.parametrize("kept", [0, 4, 100, -50])
def test_truncated_weights(tmp_path, kept):
    folder = random_checkpoint().write(tmp_path / "sae")
    weights = folder / "sae_weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    refused(folder, "truncated")


def test_weights_that_do_not_fit_the_config(tmp_path):
    checkpoint = random_checkpoint()
    checkpoint.cfg["d_in"] = 13
    refused(checkpoint.write(tmp_path / "width"), "d_in 13", "[12, 40]")
    for name, value in (("W_dec", np.zeros((N_LATENTS, 3))), ("b_enc", np.zeros(3)), ("b_dec", np.zeros((1, D_IN)))):
        checkpoint = random_checkpoint()
        checkpoint.tensors[name] = value
        refused(checkpoint.write(tmp_path / "shape"), name, "expected")
    for name in ("W_enc", "W_dec", "b_enc", "b_dec"):
        checkpoint = random_checkpoint()
        del checkpoint.tensors[name]
        refused(checkpoint.write(tmp_path / "missing"), name)
    checkpoint = random_checkpoint()
    checkpoint.tensors["threshold"] = np.zeros(N_LATENTS)
    refused(checkpoint.write(tmp_path / "surplus"), "threshold", "topk")
    checkpoint = random_checkpoint("jumprelu")
    del checkpoint.tensors["threshold"]
    refused(checkpoint.write(tmp_path / "no_threshold"), "no tensor threshold")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(tmp_path, value):
    checkpoint = random_checkpoint()
    checkpoint.tensors["W_dec"][2, 3] = value
    refused(checkpoint.write(tmp_path / "sae"), "W_dec", "1 values that are NaN or infinite")


def test_whole_numbers_are_no_weights(tmp_path):
    checkpoint = random_checkpoint()
    checkpoint.stored_dtype = torch.int32
    refused(checkpoint.write(tmp_path / "sae"), "floating point")


def test_impossible_types_and_devices(tmp_path):
    folder = random_checkpoint().write(tmp_path / "sae")
    refused(folder, "float7", dtype="float7")
    refused(folder, "int32", dtype=torch.int32)
    refused(folder, "abacus", device="abacus")


# The hub


class _Response:
    """What the hub's errors want to know of an answer."""

    status_code = 404
    headers: dict[str, str] = {}
    request = None
    url = ""
    text = ""

    def json(self) -> dict[str, str]:
        return {}


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (hub_errors.GatedRepoError, "accept its licence at https://huggingface.co/owner/birds"),
        (hub_errors.RepositoryNotFoundError, "neither a folder here nor a repository"),
        (hub_errors.LocalEntryNotFoundError, "go online"),
        (hub_errors.OfflineModeIsEnabled, "go online"),
        (OSError, "failed"),
    ],
)
def test_what_the_hub_answers(monkeypatch, error, word):
    import huggingface_hub

    def fail(*args, **kwargs):
        if issubclass(error, hub_errors.HfHubHTTPError):
            raise error("no", response=_Response())
        raise error("no")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    refused(Path("owner/birds"), word)


def test_a_hub_repository_with_folders(tmp_path, monkeypatch):
    import huggingface_hub

    random_checkpoint().write(tmp_path / "layer_1" / "k5")
    asked = []
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda name, allow_patterns: (asked.append((name, allow_patterns)), tmp_path)[1],
    )
    sae = load_sae("owner/birds/layer_1/k5")
    assert sae.name == "owner/birds/layer_1/k5"
    assert asked == [("owner/birds", ["layer_1/k5/*.json", "layer_1/k5/*.safetensors", "layer_1/k5/*.pt"])]
    assert load_sae("owner/birds/layer_1/k5/sae_weights.safetensors").identity == sae.identity
    assert asked[1] == ("owner/birds", ["layer_1/k5/*.json", "layer_1/k5/sae_weights.safetensors"])
    refused(Path("owner/birds/layer_2"), "layer_2", "tree/main")
