"""Pictures composed on the device are those of ``compose``, and their views those of the model's processor."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter.demo.compose import SIDE, compose, overlap, random_scene
from tb_visualscratchpad.exporter.demo.textures import PER_PIXEL
from tb_visualscratchpad.exporter.demo.training.ground_batch import GroundChance
from tb_visualscratchpad.exporter.demo.training.picture_batch import compose_batch
from tb_visualscratchpad.exporter.demo.training.scene_batch import SceneBatch, draw_scenes, seeded_generator
from tb_visualscratchpad.exporter.demo.training.tower_training import BACKGROUND, covering_class
from tb_visualscratchpad.exporter.demo.training.training_world import FULL, SMALL
from tb_visualscratchpad.exporter.demo.training.view_batch import ViewBatches
from tb_visualscratchpad.exporter.demo.world import GROUNDS, HABIT, OBJECTS
from tb_visualscratchpad.exporter.truth.patch_labels import coverage_P
from tb_visualscratchpad.exporter.vlm import Vlm

CPU = torch.device("cpu")


def chance_of_compose(ground: str, seed: int, side: int) -> GroundChance:
    """What ``compose`` draws for a ground, in its own order, as one picture's chance."""
    rng = np.random.default_rng([seed, 1])
    first = second = 0.0
    texture, star, glow = np.zeros((8, 8)), np.ones((side, side)), np.zeros((side, side))
    if ground in ("sea", "grass", "beach"):
        first, second = rng.uniform(0, 2 * pi) / (2 * pi), rng.uniform(0, 2 * pi) / (2 * pi)
    elif ground == "brick":
        first, second = rng.uniform(0, 1), rng.uniform(0, 1)
    elif ground == "street":
        first, second = (rng.uniform(0.3, 0.7) - 0.3) / 0.4, rng.uniform(0, 1)
    elif ground == "snow":
        texture[:6, :6] = rng.uniform(-1, 1, size=(6, 6))
    elif ground == "sky":
        texture = rng.uniform(-1, 1, size=(8, 8))
    else:
        star, glow = rng.random((side, side)), (rng.uniform(0.3, 0.9, size=(side, side)) - 0.3) / 0.6
    low = rng.uniform(-1, 1, size=(8, 8))
    pixel = rng.normal(0, PER_PIXEL, size=(side, side, 3)).transpose(2, 0, 1) / PER_PIXEL
    return GroundChance(*(torch.tensor(np.asarray(part), dtype=torch.float32)[None] for part in (first, second, texture, low, star, glow, pixel)))


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("side", [SIDE, 64])
def test_same_scene_and_chance_give_the_same_picture(ground: str, side: int) -> None:
    seed = 500 + GROUNDS.index(ground)
    scene = random_scene(seed, ground=ground)
    expected = compose(scene, seed, side, side)
    drawn = compose_batch(SceneBatch.from_scenes([scene], CPU), chance_of_compose(ground, seed, side))
    difference = np.abs(drawn.pixels_B3HW[0].permute(1, 2, 0).numpy() - np.asarray(expected.picture, dtype=float))
    # Pillow rounds a glyph to whole numbers once more. A pixel on the edge of a line may fall on its other side.
    assert (difference > 2).mean() < 1e-4 and difference.mean() < 0.2
    n = len(scene.objects)
    assert (drawn.visible_BOHW[0, :n].numpy() != expected.visible_OHW).mean() < 1e-3
    assert not drawn.visible_BOHW[0, n:].any()


def test_a_batch_draws_each_scene_as_alone() -> None:
    scenes = draw_scenes(SMALL, 12, seeded_generator(CPU, 3))
    chance = GroundChance.draw(12, 64, seeded_generator(CPU, 4))
    together = compose_batch(scenes, chance)
    for number in (0, 5, 11):
        one = torch.tensor([number])
        alone = compose_batch(SceneBatch(**{name: column[one] for name, column in vars(scenes).items()}), chance.of(one))
        assert torch.equal(alone.visible_BOHW[0], together.visible_BOHW[number])
        assert (alone.pixels_B3HW[0] - together.pixels_B3HW[number]).abs().max() <= 1


def test_scenes_are_drawn_as_random_scene_draws_them() -> None:
    batch = draw_scenes(FULL, 3000, seeded_generator(CPU, 1))
    drawn, expected = batch.to_scenes(), [random_scene(seed) for seed in range(1500)]

    def share(scenes: list, n: int) -> float:
        return float(np.mean([len(scene.objects) == n for scene in scenes]))

    def half_widths(scenes: list, alone: bool) -> np.ndarray:
        return np.array([placed.half_width for scene in scenes if (len(scene.objects) == 1) == alone for placed in scene.objects])

    for n in (1, 2, 3):
        assert share(drawn, n) == pytest.approx(share(expected, n), abs=0.04)
    for alone in (True, False):
        mine, its = half_widths(drawn, alone), half_widths(expected, alone)
        assert mine.mean() == pytest.approx(its.mean(), abs=0.015) and mine.min() >= its.min() - 0.01 and mine.max() <= its.max() + 0.01
    assert {placed.name for scene in drawn for placed in scene.objects} == set(OBJECTS)
    for scene in drawn:
        assert not any(overlap(one, other) for number, one in enumerate(scene.objects) for other in scene.objects[:number])
    # The planted shortcut: animals of habit stand where they do what they always do, nearly always.
    first_of_habit = [
        (scene, next(placed.name for placed in scene.objects if placed.name in HABIT))
        for scene in drawn if any(placed.name in HABIT for placed in scene.objects)
    ]
    at_home = np.mean([scene.ground in ("sea", "sky", "snow") and scene.doing("dog") == HABIT[name] for scene, name in first_of_habit])
    assert len(first_of_habit) > 300 and 0.96 < at_home < 1
    again = SceneBatch.from_scenes(drawn, CPU)
    assert torch.equal(again.object_BO, batch.object_BO) and torch.equal(again.ground_B, batch.ground_B)
    there = batch.object_BO >= 0
    assert torch.equal(again.x_BO[there], batch.x_BO[there]) and torch.equal(again.mirrored_BO[there], batch.mirrored_BO[there])



def test_small_world_shows_its_own_objects_alone() -> None:
    scenes = draw_scenes(SMALL, 500, seeded_generator(CPU, 2)).to_scenes()
    assert {placed.name for scene in scenes for placed in scene.objects} == set(SMALL.objects)
    assert {scene.ground for scene in scenes} == set(SMALL.grounds)
    assert {len(scene.objects) for scene in scenes} == {1, 2}


def test_views_are_the_processors(demo_vlm: Vlm) -> None:
    pictures = [compose(random_scene(seed), seed).picture for seed in (21, 22)]
    pixels = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).permute(0, 3, 1, 2).float()
    made = ViewBatches(demo_vlm.processor, SIDE, CPU).pixel_values(pixels)
    for number, picture in enumerate(pictures):
        expected = demo_vlm.prepare_picture(picture).pixel_values
        assert made[number].shape == expected.shape
        # Tiles are the picture itself; of the base, a pixel may round to the neighbouring number.
        assert torch.allclose(made[number, 1:], expected[1:], atol=1e-5)
        steps = (made[number, 0] - expected[0]).abs() * 255 * torch.tensor(demo_vlm.processor.image_processor.image_std)[:, None, None]
        assert steps.max() < 1.01 and (steps > 0.5).float().mean() < 0.01


def test_patches_are_covered_as_the_truth_says(demo_vlm: Vlm) -> None:
    composition = compose(random_scene(31, ground="sea", objects=("dog", "key")), 31)
    views = ViewBatches(demo_vlm.processor, SIDE, CPU)
    coverage_BVPO = views.coverage(torch.from_numpy(composition.visible_OHW)[None])
    image_tokens = demo_vlm.prepare_picture(Image.new("RGB", (SIDE, SIDE))).image_tokens
    for number, name in enumerate(("dog", "key")):
        assert np.allclose(coverage_BVPO[0, :, :, number].flatten().numpy(), coverage_P(composition.visible_HW(name), image_tokens), atol=1e-6)
    objects = torch.tensor([[OBJECTS.index("dog"), OBJECTS.index("key")]])
    class_BVP = covering_class(coverage_BVPO, objects)
    assert set(class_BVP.unique().tolist()) == {OBJECTS.index("dog"), OBJECTS.index("key"), BACKGROUND}
    assert (class_BVP[coverage_BVPO[..., 0] > 0.5] == OBJECTS.index("dog")).all()
    assert (class_BVP[coverage_BVPO.sum(dim=-1) < 0.01] == BACKGROUND).all()
