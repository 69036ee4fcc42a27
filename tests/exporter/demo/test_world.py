"""Scenes, the pictures of them, and the truth they state."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tb_visualscratchpad.exporter.demo.compose import (
    BUNDLE,
    HALF_WIDTH_ALONE,
    HALF_WIDTH_TOGETHER,
    compose,
    random_scene,
)
from tb_visualscratchpad.exporter.demo.textures import BASE_COLOUR
from tb_visualscratchpad.exporter.demo.world import GROUNDS, KIND_OF, OBJECTS, PlacedObject, Scene


def test_names_are_those_of_the_glyph_file() -> None:
    listed = json.loads((BUNDLE / "glyphs" / "emoji_names.json").read_text())
    assert list(OBJECTS) == listed["names"]
    assert [KIND_OF[name] for name in OBJECTS] == listed["cats"]
    assert len(OBJECTS) == 55 and len(GROUNDS) == 8


def test_same_seed_same_picture() -> None:
    one, again, other = (compose(random_scene(seed), seed) for seed in (3, 3, 4))
    assert one.picture.tobytes() == again.picture.tobytes()
    assert one.picture.tobytes() != other.picture.tobytes()
    assert one.picture.size == (256, 256) and one.picture.mode == "RGB"


@pytest.mark.parametrize("ground", GROUNDS)
def test_bare_ground_shows_its_base_colour_and_noise(ground: str) -> None:
    bare = compose(random_scene(11, ground=ground, objects=()), 11)
    pixels = np.asarray(bare.picture, dtype=float)
    assert np.abs(np.median(pixels, axis=(0, 1)) - BASE_COLOUR[ground]).max() < 25
    assert pixels.std() > 3
    assert bare.visible_OHW.shape == (0, 256, 256)


def test_mask_shows_where_the_object_changed_the_picture() -> None:
    scene = Scene("street", (PlacedObject("apple", x=-0.5, y=0.25, half_width=0.3, turn=0.3),))
    with_it, without = compose(scene, 5), compose(Scene("street"), 5)
    mask = with_it.visible_HW("apple")
    changed = np.abs(np.asarray(with_it.picture, dtype=int) - np.asarray(without.picture, dtype=int)).max(axis=-1) > 8
    assert changed[mask].mean() > 0.97
    assert not changed[~mask].mean() > 0.02
    y, x = np.nonzero(mask)
    assert abs(x.mean() - 64) < 6 and abs(y.mean() - 160) < 8
    assert np.ptp(x) <= 0.3 * 256 * 1.2


def test_an_object_in_front_hides_the_one_behind() -> None:
    apple, ball = PlacedObject("apple", 0, 0, 0.4), PlacedObject("baseball", 0, 0, 0.4)
    masks = compose(Scene("sky", (apple, ball)), 1).visible_OHW
    assert not (masks[0] & masks[1]).any()
    assert masks[0].sum() < 0.3 * masks[1].sum()


def test_turn_is_counter_clockwise_and_mirror_exchanges_left_and_right() -> None:
    def centre_x_of_upper_half(**how: float | bool) -> float:
        mask = compose(Scene("snow", (PlacedObject("guitar", 0, 0, 0.6, **how),)), 1).visible_HW("guitar")
        return float(np.nonzero(mask[:110])[1].mean()) - 127.5

    straight = centre_x_of_upper_half()
    assert centre_x_of_upper_half(turn=0.35) < straight - 5
    assert centre_x_of_upper_half(mirrored=True) == pytest.approx(-straight, abs=1.5)


def test_random_scenes_are_drawn_as_the_model_was_trained() -> None:
    scenes = [random_scene(seed) for seed in range(2000)]
    count = np.bincount([len(scene.objects) for scene in scenes], minlength=4) / 2000
    assert count[0] == 0 and np.abs(count[1:] - [0.35, 0.45, 0.20]).max() < 0.04
    assert {scene.ground for scene in scenes} == set(GROUNDS)
    for scene in scenes:
        low, high = HALF_WIDTH_ALONE if len(scene.objects) == 1 else HALF_WIDTH_TOGETHER
        for placed in scene.objects:
            assert low <= placed.half_width <= high
            assert max(abs(placed.x), abs(placed.y)) + placed.half_width <= 1 + 1e-9


def test_objects_hardly_overlap() -> None:
    hidden = []
    for seed in range(60):
        scene = random_scene(seed)
        together = compose(scene, seed).visible_OHW
        for number, placed in enumerate(scene.objects):
            alone = compose(Scene(scene.ground, (placed,)), seed).visible_OHW[0]
            hidden.append(1 - together[number].sum() / alone.sum())
    assert np.mean(hidden) < 0.01 and max(hidden) < 0.25


@pytest.mark.parametrize(
    ("x", "y", "place"), [(0, 0, "middle"), (-0.4, 0.2, "left"), (0.4, -0.4, "top right"), (0.3, 0.34, "bottom"), (-0.3, -0.34, "top")]
)
def test_place_is_the_third_of_the_centre(x: float, y: float, place: str) -> None:
    assert PlacedObject("key", x, y, 0.2).place == place


@pytest.mark.parametrize(("animal", "ground", "doing"), [("dog", "sea", "swimming"), ("dog", "brick", "waiting"), ("owl", "sea", "flying")])
def test_animals_do_what_ground_or_habit_says(animal: str, ground: str, doing: str) -> None:
    assert Scene(ground).doing(animal) == doing


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: PlacedObject("unicorn", 0, 0, 0.3),
        lambda: PlacedObject("dog", 1.2, 0, 0.3),
        lambda: PlacedObject("dog", 0, 0, 0),
        lambda: Scene("moon"),
        lambda: Scene("sea", (PlacedObject("dog", 0, 0, 0.3), PlacedObject("dog", 0.5, 0, 0.3))),
    ],
)
def test_impossible_scenes_are_refused(wrong) -> None:
    with pytest.raises(ValueError):
        wrong()
