"""What each library computes from its files: its formulae in numpy and float64, unfolded, one library per function.

Reads files with torch and safetensors alone, and imports nothing of what is tested. A function takes the folder or file, an array of
tokens x [N, d], and what the file does not say; it gives latents z [N, K] and rebuilt tokens [N, d].
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file

Result = tuple[np.ndarray, np.ndarray]


def numpy_of(path: Path) -> dict[str, Any]:
    """A file of torch.save as float64 arrays, one level of dicts kept."""
    held = torch.load(path, weights_only=True)
    return {name: value.double().numpy() if isinstance(value, torch.Tensor) else value for name, value in held.items()}


def relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


def largest(values: np.ndarray, k: int) -> np.ndarray:
    """The k largest of each row, ties to the lowest index; 0 elsewhere."""
    kept = np.argsort(-values, axis=1, kind="stable")[:, :k]
    z = np.zeros_like(values)
    np.put_along_axis(z, kept, np.take_along_axis(values, kept, axis=1), axis=1)
    return z


def dictionary_learning(file: Path, x: np.ndarray, dict_class: str) -> Result:
    w = numpy_of(file)
    if dict_class == "AutoEncoder":
        z = relu((x - w["bias"]) @ w["encoder.weight"].T + w["encoder.bias"])
        norms = np.sqrt((w["decoder.weight"] ** 2).sum(axis=0))
        return z * norms, z @ w["decoder.weight"].T + w["bias"]
    if dict_class == "GatedAutoEncoder":
        u = (x - w["decoder_bias"]) @ w["encoder.weight"].T
        z = relu(np.exp(w["r_mag"]) * u + w["mag_bias"]) * (u + w["gate_bias"] > 0)
        return z, z @ w["decoder.weight"].T + w["decoder_bias"]
    if dict_class == "JumpReluAutoEncoder":
        p = x @ w["W_enc"] + w["b_enc"]
        z = relu(p * (p > w["threshold"]))
        return z, z @ w["W_dec"] + w["b_dec"]
    if dict_class == "MatryoshkaBatchTopKSAE":
        encoder, bias, decoder = w["W_enc"], w["b_enc"], w["W_dec"]
    else:
        encoder, bias, decoder = w["encoder.weight"].T, w["encoder.bias"], w["decoder.weight"].T
    p = relu((x - w["b_dec"]) @ encoder + bias)
    z = largest(p, int(w["k"])) if dict_class == "AutoEncoderTopK" or w["threshold"] < 0 else p * (p > w["threshold"])
    return z, z @ decoder + w["b_dec"]


def sparsify(folder: Path, x: np.ndarray) -> Result:
    w = {name: value.astype(np.float64) for name, value in load_file(folder / "sae.safetensors").items()}
    cfg = json.loads((folder / "cfg.json").read_text())
    p = relu((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"])
    if cfg.get("activation", "topk") == "topk":
        z = largest(p, cfg["k"])
    else:
        z, size = np.zeros_like(p), p.shape[1] // cfg["k"]
        for group in range(cfg["k"]):
            z[:, group * size : (group + 1) * size] = largest(p[:, group * size : (group + 1) * size], 1)
    return z, z @ w["W_dec"] + w["b_dec"]


def saev(file: Path, x: np.ndarray, *, subtract: bool, mean: np.ndarray | float = 0.0, scale: float = 1.0) -> Result:
    with file.open("rb") as opened:
        header = json.loads(opened.readline())
        held = torch.load(io.BytesIO(opened.read()), weights_only=True)
    w = {name: value.double().numpy() for name, value in held.items()}
    read = (x - mean) * scale
    pre = (read - w["b_dec"] * subtract) @ w["W_enc"] + w["b_enc"]
    cfg = header.get("cfg", header)
    activation = header.get("cls") if header.get("cls") in ("Relu", "TopK", "BatchTopK") else cfg.get("activation", {}).get("cls", "Relu")
    params = cfg.get("activation", {}).get("params", cfg)
    if activation == "Relu":
        z = relu(pre)
    elif "activation.threshold" in w:
        theta = w["activation.threshold"]
        z = np.where(pre > (theta if theta > 0 else 0), pre, 0)
    else:
        z = relu(largest(pre, params["top_k"]))  # where all of the k largest are positive, or read as 0
    return z, (z @ w["W_dec"] + w["b_dec"]) / scale + mean


def overcomplete(file: Path, x: np.ndarray, answers: dict[str, Any]) -> Result:
    w = numpy_of(file)
    growth = np.exp(w["dictionary.multiplier"])
    if "dictionary.W" in w:
        mixture = relu(w["dictionary.W"])
        mixture = mixture / (mixture.sum(axis=1, keepdims=True) + 1e-8)
        lengths = np.sqrt((w["dictionary.Relax"] ** 2).sum(axis=1, keepdims=True))
        decoder = mixture @ w["dictionary.C"] + w["dictionary.Relax"] * np.minimum(answers["delta"] / lengths, 1)
    else:
        rows = w["dictionary._weights"]
        order = 1 if "l1" in answers["decoder_norm"] else 2
        lengths = (np.abs(rows) ** order).sum(axis=1, keepdims=True) ** (1 / order)
        divisor = {"l1": lengths, "l2": lengths, "max_l1": lengths.max(), "max_l2": lengths.max(), "identity": 1.0}[answers["decoder_norm"]]
        decoder = rows / divisor
    decoder = decoder * growth
    if "encoder.final_block.0.weight" in w:
        pre = x @ w["encoder.final_block.0.weight"].T + w["encoder.final_block.0.bias"]
    else:
        pre = x @ w.get("encoder.weight", decoder).T + w.get("encoder.bias", 0)
    codes = relu(pre)
    if "thresholds" in w:
        z = codes * (codes >= np.exp(w["thresholds"]))
    elif answers["activation"] == "topk":
        z = largest(codes, answers["k"])
    else:
        z = codes * (codes >= answers.get("threshold", 0))
    return z, z @ decoder


def saelens(folder: Path, x: np.ndarray) -> Result:
    w = {name: value.astype(np.float64) for name, value in load_file(folder / "sae_weights.safetensors").items()}
    cfg = json.loads((folder / "cfg.json").read_text())
    kind, norm = cfg["architecture"], cfg.get("normalize_activations", "none")
    if kind == "standard" and cfg.get("activation_fn_str") == "topk":
        kind, cfg["k"] = "topk", cfg["activation_fn_kwargs"]["k"]
    read, undo, scale = x, lambda y: y, 1.0
    if norm == "layer_norm":
        mean, std = x.mean(axis=1, keepdims=True), x.std(axis=1, ddof=1, keepdims=True)
        read, undo = (x - mean) / (std + 1e-5), lambda y: y * std + mean
    elif norm == "constant_norm_rescale":
        factor = np.sqrt(x.shape[1]) / np.sqrt((x**2).sum(axis=1, keepdims=True))
        read, undo = x * factor, lambda y: y / factor
    elif norm == "expected_average_only_in":
        scale = json.loads((folder / "activation_scaler.json").read_text())["scaling_factor"]
        read, undo = x * scale, lambda y: y / scale
    elif norm == "covariance_whitening":
        white = load_file(folder / "activation_whitening.safetensors")
        read = (x - white["mean"]) @ white["matrix"]

        def undo(y: np.ndarray) -> np.ndarray:
            return y @ white["inverse_matrix"] + white["mean"]

    u = (read - w["b_dec"] * cfg.get("apply_b_dec_to_input", True)) @ w["W_enc"]
    if kind == "gated":
        z = relu(u * np.exp(w["r_mag"]) + w["b_mag"]) * (u + w["b_gate"] > 0)
        return z, undo(z @ w["W_dec"] + w["b_dec"])
    # The scale that is folded on saving shortens the decoder, whose norms make latents of a rescaling SAE.
    norms = np.sqrt((w["W_dec"] ** 2).sum(axis=1)) / scale if cfg.get("rescale_acts_by_decoder_norm") else 1.0
    p = (u + w["b_enc"]) * norms
    if kind == "topk":
        z = relu(largest(p, cfg["k"]))
    elif kind == "jumprelu":
        z = relu(p) * (p > w["threshold"])
    elif kind in ("batchtopk", "matryoshka_batchtopk"):
        threshold = w["topk_threshold"] / (scale if cfg.get("rescale_acts_by_decoder_norm") else 1.0)
        z = relu(p) * (p > threshold)
    else:
        z = relu(p)
    return z, undo(z / norms @ w["W_dec"] + w["b_dec"])
