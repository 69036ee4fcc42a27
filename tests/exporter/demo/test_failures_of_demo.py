"""The demo's failure set: ducks told wrongly for the ground they stand on. The truth about the ground's latents is known."""

from __future__ import annotations

import pytest

from tb_visualscratchpad.exporter.demo.failures import SEEDS, duck_failures, duck_items, told
from tb_visualscratchpad.exporter.demo.truth import LABELS, pictures_to_learn_from
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.truth.latent_owners import learn_owners
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.views import count_fates, latents_that_tell_apart

LEARNT_FROM = 5_000


@pytest.mark.full
def test_the_latents_found_are_the_misleading_grounds(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    found, ablation = duck_failures(demo_vlm, demo_sae)
    print(told(found, ablation))
    wrong = [item.name for item in found.items if not item.is_right]
    assert len(wrong) >= 12 and sum("brick" in name for name in wrong) >= 10
    brick = learn_owners(demo_vlm, demo_sae, pictures_to_learn_from(3, LEARNT_FROM), LABELS).owners.latents_of("brick")
    for part in ("all", "half"):
        telling = latents_that_tell_apart(found, by="plain", part=part)
        tested = len(brick & set(telling.latent_F.tolist()))
        best = telling.of_the_wrong(telling.n_tested).tolist()
        # Half of the wall's latents and more are among a tenth of all that were tested.
        assert len(brick & set(best)) >= 0.5 * tested > 0 and len(best) <= 0.15 * telling.n_tested
        assert len(brick & set(best[:10])) >= 5, "by chance it would be one"
    assert len(brick & set(ablation.latents.tolist())) >= 6
    held = count_fates(ablation).held_out
    assert held.ablated.mended.n >= 3 and held.ablated.mended.n > max(control.mended.n for control in held.controls)
    assert held.ablated.broken.n <= 1


def test_the_ducks_are_asked_alike_and_named_after_their_ground() -> None:
    items = tuple(duck_items())
    assert len(items) == sum(map(len, SEEDS.values())) and len({item.name for item in items}) == len(items)
    assert {item.prompt for item in items} == {"what is the duck doing ?"}
    assert {item.right_answer for item in items} == {"the duck is swimming ."}
