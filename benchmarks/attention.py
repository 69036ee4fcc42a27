"""What recording attention costs: time and peak memory of ``generate`` with deferred queries, against plain SDPA and against eager.

    python benchmarks/attention.py                        # the bundled model, on the CPU
    python benchmarks/attention.py --model random-8b      # a random 8 B LLaVA-Next, on a GPU

The three ways alternate within each round, so that a machine that speeds up or slows down meets all of them; ratios are taken
round by round and their median is printed. Time is of ``generate`` and, for deferred queries, of finishing the attention
(``attend``). Memory is the peak during the round: on a GPU what torch allocated above the model, on the CPU the growth of the
process's resident size (Linux), each way in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

WAYS = ("sdpa", "deferred", "eager")


def random_8b(device: str) -> tuple[Any, dict[str, torch.Tensor]]:
    """A LLaVA-Next of LLaMA-3-8B's and CLIP-L's shape with random weights, and 2,928 image tokens of prompt."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaNextConfig, LlavaNextForConditionalGeneration

    vision = CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=336, patch_size=14
    )
    text = LlamaConfig(
        hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8,
        vocab_size=128320, max_position_embeddings=8192, rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )
    config = LlavaNextConfig(
        vision_config=vision, text_config=text, image_token_index=128256, vision_feature_layer=-2,
        image_grid_pinpoints=[[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]],
    )
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = LlavaNextForConditionalGeneration._from_config(config, attn_implementation="sdpa").eval()
    torch.set_default_dtype(torch.float32)
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    size = torch.tensor([[672, 672]])
    n_image = 576 + 48 * 49
    ids = torch.cat([torch.arange(3, 38), torch.full((n_image,), 128256), torch.arange(3, 38)])[None].to(device)
    pixels = torch.randn(1, 5, 3, 336, 336, dtype=torch.bfloat16, device=device)
    return model, {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": pixels, "image_sizes": size.to(device)}


def demo(device: str) -> tuple[Any, dict[str, torch.Tensor]]:
    """The bundled model asked to describe a picture; it may not end, so that every round is as long."""
    import numpy as np
    from PIL import Image

    from tb_visualscratchpad.exporter.vlm import load_vlm

    vlm = load_vlm("demo", device=device)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8))
    prepared = vlm.prepare_prompt(picture, "describe the picture .")
    vlm.model.generation_config.eos_token_id = None
    inputs = {"input_ids": prepared.input_ids, "attention_mask": torch.ones_like(prepared.input_ids), **prepared.picture.image_inputs}
    return vlm.model, {key: value.to(device) for key, value in inputs.items()}


MODELS = {"demo": demo, "random-8b": random_8b}


@torch.inference_mode()
def once(way: str, model: Any, inputs: dict[str, torch.Tensor], n_new: int) -> float:
    """Seconds of one generation, with the attention of all text rows to all image tokens unless the way is ``sdpa``."""
    from tb_visualscratchpad.exporter.attention import recording_queries

    text_model = model.model.language_model
    text_model.config._attn_implementation = "eager" if way == "eager" else "sdpa"
    ids = inputs["input_ids"][0]
    columns = (ids == model.config.image_token_id).nonzero()[:, 0]
    rows = (ids != model.config.image_token_id).nonzero()[:, 0].tolist()
    options = dict(max_new_tokens=n_new, do_sample=False, return_dict_in_generate=True)
    if inputs["input_ids"].device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    if way == "deferred":
        with recording_queries(text_model, ids.numel(), rows) as recorder:
            out = model.generate(**inputs, **options)
        recorder.attend(out.past_key_values, columns=columns)
    else:
        model.generate(**inputs, **options, output_attentions=way == "eager")
    if inputs["input_ids"].device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def gpu_peak(way: str, model: Any, inputs: dict[str, torch.Tensor], n_new: int) -> float:
    """GiB that torch allocated at most above what it held before."""
    held = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    once(way, model, inputs, n_new)
    return (torch.cuda.max_memory_allocated() - held) / 2**30


def resident_growth(call: Callable[[], object]) -> float:
    """GiB that the process's resident size rises at most during a call. Linux: its high-water mark is reset first."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    reset.write_text("5")
    before = kib(status, "VmRSS")
    call()
    return (kib(status, "VmHWM") - before) / 2**20


def kib(status: Path, field: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(f"{field}:"))


def cpu_peak(way: str, name: str, n_new: int, threads: int) -> float:
    """GiB of resident size that one generation adds at most, in a process of its own after a short warm-up."""
    command = [sys.executable, __file__, "--model", name, "--device", "cpu", "--new-tokens", str(n_new), "--threads", str(threads), "--peak-of", way]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(json.loads(said.splitlines()[-1])["gib"])


def main() -> None:
    """Prints one row per way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(MODELS), default="demo")
    parser.add_argument("--device", default=None, help="default: cuda for random-8b, cpu for demo")
    parser.add_argument("--new-tokens", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1, help="torch threads on the CPU")
    parser.add_argument("--peak-of", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    device = options.device or ("cpu" if options.model == "demo" else "cuda")
    if device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit(f"{options.model} on {device} needs a GPU, torch sees none.")
    torch.set_num_threads(options.threads)
    model, inputs = MODELS[options.model](device)
    if options.peak_of:
        once("sdpa", model, inputs, 3)
        print(json.dumps({"gib": resident_growth(lambda: once(options.peak_of, model, inputs, options.new_tokens))}))
        return
    for way in WAYS:
        once(way, model, inputs, 3)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way in WAYS if number % 2 == 0 else WAYS[::-1]:
            seconds[way].append(once(way, model, inputs, options.new_tokens))
    if device.startswith("cuda"):
        peak = {way: gpu_peak(way, model, inputs, options.new_tokens) for way in WAYS}
    else:
        peak = {way: cpu_peak(way, options.model, options.new_tokens, options.threads) for way in WAYS}
    n_prompt = inputs["input_ids"].shape[1]
    where = torch.cuda.get_device_name() if device.startswith("cuda") else f"CPU, {options.threads} thread(s)"
    print(f"{options.model}, {n_prompt} prompt tokens, {options.new_tokens} new ones, {options.rounds} rounds, {where}")
    print(f"{'way':10} {'median s':>9} {'time / sdpa':>12} {'peak GiB':>9} {'above sdpa':>11}")
    for way in WAYS:
        ratio = statistics.median(a / b for a, b in zip(seconds[way], seconds["sdpa"], strict=True))
        print(f"{way:10} {statistics.median(seconds[way]):9.3f} {ratio:12.3f} {peak[way]:9.3f} {peak[way] - peak['sdpa']:+11.3f}")


if __name__ == "__main__":
    main()
