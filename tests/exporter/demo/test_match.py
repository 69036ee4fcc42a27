"""The demo's SAE against itself in another order: every latent is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from tb_visualscratchpad.exporter.demo.match import demo_match
from tb_visualscratchpad.exporter.demo.write import ADD
from tb_visualscratchpad.exporter.sae import dictionary_info, load_sae
from tb_visualscratchpad.exporter.vlm import load_vlm


def test_every_latent_of_a_shuffled_copy_is_found() -> None:
    vlm, sae = load_vlm("demo", device="cpu"), load_sae("demo")
    order = torch.randperm(sae.n_latents, generator=torch.Generator().manual_seed(1))
    other = replace(sae, identity="f" * 64, W_dec=3 * sae.W_dec[order])
    found = demo_match(vlm, sae, other)
    assert found.dictionary == dictionary_info(vlm, sae) and found.other.dictionary_id != found.dictionary.dictionary_id
    alike = order.numpy()[found.forward_latent_Kn[:, 0]]
    # Two rows that point the same way can stand for one another.
    np.testing.assert_allclose(found.forward_cosine_Kn[:, 0], 1, atol=1e-5)
    assert np.mean(alike == np.arange(sae.n_latents)) > 0.99 and found.mutual_K.mean() > 0.99
    assert type(found) in ADD
