"""Every SAE of overcomplete whose latents are sparse and encoded in one step, saved as a state dict; what it leaves out is told."""

from __future__ import annotations

import torch
from library_cases import D_IN, N_LATENTS, K, finish_case, inputs, output_folder, randomise
from overcomplete.sae import OMPSAE, QSAE, SAE, BatchTopKSAE, JumpSAE, MpSAE, RAJumpSAE, RATopKSAE, TopKSAE

NORMS = ("l2", "max_l2", "l1", "max_l1", "identity")


def cases():
    for norm in NORMS:
        sae = SAE(D_IN, N_LATENTS, dictionary_params={"normalization": norm, "use_multiplier": True})
        yield f"relu_{norm}", sae, {"activation": "relu", "decoder_norm": norm}
    yield "topk", TopKSAE(D_IN, N_LATENTS, top_k=K), {"activation": "topk", "k": K, "decoder_norm": "l2"}
    yield "tied", TopKSAE(D_IN, N_LATENTS, top_k=K).tied(bias=True), {"activation": "topk", "k": K, "decoder_norm": "l2"}
    yield "untied", SAE(D_IN, N_LATENTS).untied(bias=False), {"activation": "relu", "decoder_norm": "l2"}
    yield "batch_topk", BatchTopKSAE(D_IN, N_LATENTS, top_k=K * 29), {"activation": "batchtopk", "decoder_norm": "l2"}
    yield "jump", JumpSAE(D_IN, N_LATENTS), {"decoder_norm": "l2"}
    points = torch.randn(20, D_IN, generator=torch.Generator().manual_seed(4))
    yield "archetypal_topk", RATopKSAE(D_IN, N_LATENTS, points, top_k=K, delta=0.7), {"activation": "topk", "k": K, "delta": 0.7}
    yield "archetypal_jump", RAJumpSAE(D_IN, N_LATENTS, points, delta=0.7), {"delta": 0.7}
    yield "quantised", QSAE(D_IN, N_LATENTS), {"decoder_norm": "l2"}
    yield "matching_pursuit", MpSAE(D_IN, N_LATENTS, k=K), {"decoder_norm": "l2"}
    yield "orthogonal_pursuit", OMPSAE(D_IN, N_LATENTS, k=K), {"decoder_norm": "l2"}
    yield "layer_norm_encoder", SAE(D_IN, N_LATENTS, encoder_module="mlp_ln_1"), {"activation": "relu", "decoder_norm": "l2"}


def main() -> None:
    output = output_folder()
    for number, (name, sae, answers) in enumerate(cases()):
        case = output / name
        (case / "checkpoint").mkdir(parents=True)
        randomise(sae, seed=number, scale=0.5)
        sae.train()
        if name == "batch_topk":
            with torch.no_grad():
                sae.encode(inputs()[:24])
            answers["threshold"] = float(sae.running_threshold)
        # As after an optimiser's step: the weights are not normalised yet.
        torch.save(sae.state_dict(), case / "checkpoint" / "sae.pt")
        sae.eval()
        with torch.no_grad():
            _, z = sae.encode(inputs())
            finish_case(case, z, sae.decode(z), answers)


if __name__ == "__main__":
    main()
