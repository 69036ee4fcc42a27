"""Every SAE of sparsify with random weights, saved and read by the library itself."""

from __future__ import annotations

import torch
from library_cases import D_IN, N_LATENTS, K, finish_case, inputs, output_folder, randomise
from sparsify import SparseCoder, SparseCoderConfig

CONFIGS = {
    "topk": SparseCoderConfig(num_latents=N_LATENTS, k=K),
    "expansion_factor": SparseCoderConfig(expansion_factor=3, k=K),
    "unnormalised": SparseCoderConfig(num_latents=N_LATENTS, k=K, normalize_decoder=False),
    "multi_topk": SparseCoderConfig(num_latents=N_LATENTS, k=K, multi_topk=True),
    "groupmax": SparseCoderConfig(num_latents=N_LATENTS, k=6, activation="groupmax"),
    "transcoder": SparseCoderConfig(num_latents=N_LATENTS, k=K, transcode=True),
    "skip": SparseCoderConfig(num_latents=N_LATENTS, k=K, skip_connection=True),
}


def main() -> None:
    output = output_folder()
    for number, (name, config) in enumerate(CONFIGS.items()):
        case = output / name
        made = SparseCoder(D_IN, config)
        randomise(made, seed=number)
        made.save_to_disk(case / "checkpoint" / "layers.3")
        sae = SparseCoder.load_from_disk(case / "checkpoint" / "layers.3")
        with torch.no_grad():
            values, latents, pre = sae.encode(inputs())
            finish_case(case, torch.zeros_like(pre).scatter(-1, latents, values), sae.decode(values, latents))


if __name__ == "__main__":
    main()
