"""What Emoji World knows, against what the evidence says: whose latents a word ranks first, and where it looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.questions import DESCRIBE
from tb_visualscratchpad.exporter.demo.truth import (
    CLASSES,
    LatentOwners,
    class_of_patches,
    coverage_P,
    learn_owners,
    patches_on_object,
    pictures_to_learn_from,
)
from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.views import attention_map, rank_latents
from tb_visualscratchpad.wire.evidence import Span

LEARNT_FROM, ASKED_FROM = 20_000, 9_000


@dataclass(frozen=True)
class ObjectWord:
    """A word of an answer that names an object of the scene.

    Attributes:
        by_weighted, by_plain: a latent of that object is among the five best by C, by B.
        lift: share of the attention on tile patches that lies on the object's, over their share of the tile patches.
    """

    name: str
    by_weighted: bool
    by_plain: bool
    lift: float


def words_of_scene(vlm: Vlm, sae: SparseAutoencoder, owners: LatentOwners, seed: int) -> list[ObjectWord]:
    """Every word naming an object of the scene of ``seed``, when its picture is described."""
    composition = compose(random_scene(seed), seed)
    run = explain(vlm, sae, composition.picture, DESCRIBE, max_new_tokens=64)
    names = {placed.name for placed in composition.scene.objects}
    tiles = (run.image_tokens.patch_view_P > 0) & (run.image_tokens.patch_token_P >= 0)
    found = []
    for token in run.tokens:
        name = token.text.strip()
        if token.span is not Span.OUTPUT or name not in names:
            continue
        own = owners.latents_of(name)
        best = {by: {row.latent for row in rank_latents(run, token.index, by=by, limit=5).rows} for by in ("weighted", "plain")}
        on = patches_on_object(composition, name, run.image_tokens) & tiles
        attention_P = attention_map(run, token.index).attention_P
        lift = (attention_P[on].sum() / attention_P[tiles].sum()) / (on.sum() / tiles.sum())
        found.append(ObjectWord(name, bool(own & best["weighted"]), bool(own & best["plain"]), float(lift)))
    return found


def check(words: list[ObjectWord], least: int) -> None:
    assert len(words) >= least
    weighted = np.mean([word.by_weighted for word in words])
    plain = np.mean([word.by_plain for word in words])
    lift = np.mean([word.lift for word in words])
    print(f"{len(words)} words: own latent among five by C {weighted:.3f}, by B {plain:.3f}; attention over area {lift:.1f}")
    assert weighted >= 0.90
    assert weighted - plain >= 0.50
    assert lift > 8


@pytest.mark.full
def test_words_rank_their_objects_latents_first(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    owners = learn_owners(demo_vlm, demo_sae, pictures_to_learn_from(8, LEARNT_FROM))
    words = [word for seed in range(ASKED_FROM, ASKED_FROM + 60) for word in words_of_scene(demo_vlm, demo_sae, owners, seed)]
    check(words, least=100)


def test_words_of_a_few_scenes_rank_their_objects_latents_first(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    owners = learn_owners(demo_vlm, demo_sae, pictures_to_learn_from(2, LEARNT_FROM))
    words = [word for seed in range(ASKED_FROM, ASKED_FROM + 6) for word in words_of_scene(demo_vlm, demo_sae, owners, seed)]
    check(words, least=15)


def test_ownership_is_over_half_of_the_summed_class_means() -> None:
    mean_CK = np.zeros((len(CLASSES), 4))
    mean_CK[CLASSES.index("dog"), 0] = 5.1
    mean_CK[CLASSES.index("sea"), 0] = 4.9
    mean_CK[CLASSES.index("dog"), 1] = mean_CK[CLASSES.index("cat"), 1] = 2.0  # exactly half: nobody's
    mean_CK[CLASSES.index("sea"), 2] = 0.3
    owners = LatentOwners(mean_CK)
    assert owners.latents_of("dog") == {0} and owners.latents_of("sea") == {2} and owners.latents_of("cat") == frozenset()
    assert owners.owner_K[3] == -1


def test_patches_lie_on_what_covers_them(demo_vlm: Vlm) -> None:
    composition = compose(random_scene(31, ground="sea", objects=("dog",)), 31)
    image_tokens = demo_vlm.prepare_picture(composition.picture).image_tokens
    mask = composition.visible_HW("dog")
    covered = coverage_P(mask, image_tokens)
    for patch in np.linspace(0, image_tokens.n_patches - 1, 40).astype(int):
        x0, y0, x1, y1 = np.round(image_tokens.patch_box_P4[patch]).astype(int)
        assert covered[patch] == pytest.approx(mask[y0:y1, x0:x1].mean())
    class_P = class_of_patches(composition, image_tokens)
    assert np.array_equal(class_P == CLASSES.index("dog"), covered >= 0.5)
    assert np.array_equal(class_P == CLASSES.index("sea"), covered <= 0.02)
    assert set(class_P) == {CLASSES.index("dog"), CLASSES.index("sea"), -1}
