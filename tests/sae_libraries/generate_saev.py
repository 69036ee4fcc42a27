"""saev's SAE with random weights, dumped and loaded by the library itself; the scale of its data set is put around it."""

from __future__ import annotations

import torch
from library_cases import D_IN, N_LATENTS, finish_case, inputs, output_folder, randomise
from saev import config, nn


def main() -> None:
    output = output_folder()
    for name, mean, scale in (("plain", None, 1.0), ("scaled", torch.linspace(-0.5, 1.0, D_IN), 2.018)):
        case = output / name
        made = nn.SparseAutoencoder(config.SparseAutoencoder(d_vit=D_IN, exp_factor=N_LATENTS // D_IN))
        randomise(made, seed=3)
        nn.dump(str(case / "checkpoint" / "sae.pt"), made)
        sae = nn.load(str(case / "checkpoint" / "sae.pt"))
        answers = {"scaling_factor": 1 / scale, "input_mean": "none"}
        if mean is not None:
            torch.save(mean, case / "mean.pt")
            answers["input_mean"] = "mean.pt"
        shift = torch.zeros(D_IN) if mean is None else mean
        with torch.no_grad():
            y, z, _ = sae((inputs() - shift) / scale)
            finish_case(case, z, y * scale + shift, answers)


if __name__ == "__main__":
    main()
