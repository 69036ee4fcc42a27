"""What a bundle is judged by, against the definitions worked out directly; and the card that says it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tb_visualscratchpad.exporter.demo.compose import Composition, compose
from tb_visualscratchpad.exporter.demo.training.answer_marks import mark_answers
from tb_visualscratchpad.exporter.demo.training.evaluation import (
    fresh_pictures,
    pictures_of_one_object,
    reconstruction_figures,
    word_figures,
)
from tb_visualscratchpad.exporter.demo.training.figures import AliveFigure, ShareFigure, present_value
from tb_visualscratchpad.exporter.demo.training.model_card import model_card
from tb_visualscratchpad.exporter.demo.training.recipe import recipe_of, with_lengths
from tb_visualscratchpad.exporter.demo.training.training_world import FULL, SMALL
from tb_visualscratchpad.exporter.demo.truth import LABELS, labelled
from tb_visualscratchpad.exporter.demo.world import PlacedObject, Scene
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.truth.latent_owners import learn_owners
from tb_visualscratchpad.exporter.vlm import Vlm


@pytest.fixture(scope="module")
def two_pictures() -> list[Composition]:
    cat, tree, drum = PlacedObject("cat", -0.5, -0.5, 0.35), PlacedObject("tree", 0.4, 0.3, 0.4), PlacedObject("drum", 0.0, 0.1, 0.5)
    return [compose(Scene("beach", (cat, tree)), 1), compose(Scene("brick", (drum,)), 2)]


def test_unexplained_variance_and_living_latents(demo_vlm: Vlm, demo_sae: SparseAutoencoder, two_pictures: list[Composition]) -> None:
    x = torch.stack([demo_vlm.features(demo_vlm.prepare_picture(composition.picture).pixel_values).flatten(0, 1) for composition in two_pictures])
    z = demo_sae.encode(x)
    expected = (demo_sae.decode(z, x) - x).pow(2).sum() / (x - x.mean(dim=(0, 1))).pow(2).sum()
    figures = reconstruction_figures(demo_vlm, demo_sae, two_pictures)
    assert present_value(figures["FVU"]) == pytest.approx(float(expected), rel=1e-3) and not figures["FVU"].higher_is_better
    assert present_value(figures["latents alive"]) == pytest.approx(float((z > 0).any(dim=0).any(dim=0).float().mean()), abs=1e-9)


def test_words_and_their_latents(demo_vlm: Vlm, demo_sae: SparseAutoencoder, two_pictures: list[Composition]) -> None:
    alone = [labelled(compose(Scene("grass", (PlacedObject(name, 0.0, 0.0, 0.5),)), 7), name) for name in ("cat", "tree", "drum")]
    figures = word_figures(demo_vlm, demo_sae, FULL, two_pictures, learn_owners(demo_vlm, demo_sae, alone, LABELS).owners)
    # Named twice each: in the list, and with its place.
    assert figures["own latent among the five best by C"].of_N.tolist() == [4, 2]
    assert figures["object removed by its latents"].of_N.tolist() == [2, 1] and figures["other objects kept"].of_N.tolist() == [2, 0]
    assert figures["answers kept under the reconstruction"].of_N.tolist() == [1, 1]
    assert present_value(figures["own latent among the five best by C"]) > 0.6
    marks = mark_answers(demo_vlm, FULL, two_pictures)
    assert marks["exact: place"].of_N.tolist() == [1, 1] and present_value(marks["exact: place"]) == 1
    assert marks["exact: doing"].of_N.tolist() == [1, 0] and marks["exact: exist"].of_N.tolist() == [2, 2]


def test_fresh_pictures_are_of_the_world_and_other_for_other_seeds() -> None:
    one, again, other = (fresh_pictures(SMALL, seed, 5) for seed in (1, 1, 2))
    assert [picture.scene for picture in one] == [picture.scene for picture in again] != [picture.scene for picture in other]
    assert one[0].picture.tobytes() == again[0].picture.tobytes() and one[0].picture.size == (64, 64)
    shown = [composition.scene for composition in pictures_of_one_object(SMALL, 2)]
    assert [scene.objects[0].name for scene in shown] == [*SMALL.objects, *SMALL.objects]
    assert {scene.ground for scene in shown} == set(SMALL.grounds)


def test_the_card_says_how_it_was_made_and_what_it_is_worth() -> None:
    recipe = with_lengths(recipe_of("full", from_nothing=False, seed=3), answer_steps=0)
    figures = {
        "exact: what": ShareFigure(np.array([1.0, 0, 1, 1]), np.ones(4)), "FVU": ShareFigure(np.array([1.0, 3]), np.array([50.0, 150]), False),
        "other objects kept": ShareFigure(np.zeros(4), np.zeros(4)), "latents alive": AliveFigure(np.array([[True, False, False, True]])),
    }
    card = model_card(recipe, figures, seed=3, start="the bundle", device="a CPU", n_parameters=8_100_000, seconds=61.0)
    for line in (
        "| exact: what | 0.750 | 0.250 to 1.000 | 4 |", "| FVU | 0.020 | 0.020 to 0.020 | 2 pictures |", "| other objects kept | undefined | | 0 |",
        "| latents alive | 0.500 | | 4 latents, 1 pictures |", "2. The whole model on answers: left out.", "begun from the bundle, 61 s on a CPU",
        "8.1 M parameters", "SIL Open Font License 1.1",
    ):
        assert line in card
