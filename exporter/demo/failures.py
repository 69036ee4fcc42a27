"""The demo's failure set: a duck on every kind of ground, and one question. The model was shown ducks at sea, and the ground misleads it.

Scenes are found by search, so that enough of them fail: by a brick wall most do, elsewhere few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.questions import doing
from tb_visualscratchpad.exporter.failure_items import AskedItem
from tb_visualscratchpad.exporter.failure_set import failure_set
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.set_ablation import ablate_over_set
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.views import count_fates, latents_that_tell_apart
from tb_visualscratchpad.wire.failure_evidence import FailureSet, SetAblation

NAME = "What is the duck doing"
SEEDS: Mapping[str, tuple[int, ...]] = MappingProxyType({
    "brick": (700, 701, 702, 704, 708, 709, 716, 722, 724, 728, 729, 731, 733, 735, 736, 738),
    "night": (700, 702, 705, 716, 733),
    "street": (700, 701, 702, 703, 716),
    "beach": (700, 702, 703, 704, 705),
    "grass": (700, 701, 702, 703, 704),
    "sea": (700, 701, 702, 703, 704, 705),
    "sky": (700, 701, 702, 703, 704, 705),
    "snow": (700, 701, 702, 703, 704, 705),
})
"""By ground: of the picture and its texture."""
N_ABLATED = 10
N_SEEDS = 2
MAX_NEW_TOKENS = 16


def duck_items() -> Iterator[AskedItem]:
    """A picture for each seed, named after its ground."""
    for ground, seeds in SEEDS.items():
        for seed in seeds:
            scene = random_scene(seed, ground=ground, objects=("duck",))
            question = doing(scene, "duck")
            yield AskedItem(compose(scene, seed).picture, question.text, question.answer, name=f"duck on {ground} {seed}")


def told(found: FailureSet, ablation: SetAblation) -> str:
    """The set and what became of it, in a sentence."""
    telling, held = latents_that_tell_apart(found, by="plain"), count_fates(ablation).held_out.ablated
    return (
        f"A failure set: {telling.n_wrong} of {len(found.items)} ducks are told wrongly, {telling.n_telling} of {telling.n_tested} latents tell them "
        f"apart; without {ablation.latents.size} of them, {held.mended.n} of {held.mended.total} wrong answers held out are mended and "
        f"{held.broken.n} of {held.broken.total} right ones broken"
    )


def duck_failures(vlm: Vlm, sae: SparseAutoencoder) -> tuple[FailureSet, SetAblation]:
    """The set, and what becomes of it without the latents that tell most on one half of it.

    Raises:
        KeyboardInterrupt: it was interrupted; half a demo is none.
    """
    found = failure_set(vlm, sae, tuple(duck_items()), max_new_tokens=MAX_NEW_TOKENS, name=NAME)
    if len(found.items) < found.n_given:
        raise KeyboardInterrupt
    # By B: what misleads is in the picture, whether a word looks there or not.
    chosen = latents_that_tell_apart(found, by="plain", part="half").of_the_wrong(N_ABLATED)
    ablation = ablate_over_set(
        vlm, sae, found, chosen.tolist(), chosen_on="half", n_controls=N_SEEDS, name=f"the {chosen.size} most telling by B × 0"
    )
    return found, ablation
