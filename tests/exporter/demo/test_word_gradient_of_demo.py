"""On Emoji World: the gradient's ranking of latents agrees with their real ablation."""

from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.world import OBJECTS
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.variants import Variant, answer_variants
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.word_gradient import word_contributions
from tb_visualscratchpad.views.contribution_ranking import rank_contributions

FIRST, N_PICTURES = 61_000, 20


def agreement(vlm: Vlm, sae: SparseAutoencoder, seed: int) -> float:
    """Of the first object's word in the answer about a picture of two, over the 60 latents that contribute most."""
    objects = tuple(str(name) for name in np.random.default_rng([seed, 1]).choice(OBJECTS, 2, replace=False))
    picture = compose(random_scene(seed, objects=objects), seed).picture
    asked = AskedPicture(vlm, sae, picture, "what is in the picture ?")
    (said,) = answer_variants(asked, [Variant("original")], 32)
    word = next(number for number, piece in enumerate(said.answer.pieces) if piece in objects)
    found = word_contributions(asked, word, 60, max_new_tokens=32)
    assert found.n_checked == 60 and found.original_tokens[word].text in objects
    return rank_contributions(found).agreement


@pytest.mark.full
def test_the_gradient_agrees_with_real_ablation(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    found = [agreement(demo_vlm, demo_sae, seed) for seed in range(FIRST, FIRST + N_PICTURES)]
    print(f"median {np.median(found):.3f}, lowest {min(found):.3f}")
    assert np.median(found) >= 0.80
