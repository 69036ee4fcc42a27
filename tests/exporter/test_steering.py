"""Steering specs."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from tb_visualscratchpad.exporter.steering import (
    BoxScope,
    LatentIntervention,
    SteeringSpec,
    scope_mask,
)
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap


@pytest.fixture(scope="module")
def image_tokens(llava_next: Vlm) -> ImageTokenMap:
    return llava_next.prepare_picture(Image.new("RGB", (90, 60))).image_tokens


def test_json_round_trip() -> None:
    spec = SteeringSpec(
        (
            LatentIntervention(576, "SET", 0.0),
            LatentIntervention(3, "SCALE", 2.5, "firing"),
            LatentIntervention(4, "ADD", -1.0, BoxScope("tiles", (0.0, 1.0, 20.0, 30.5))),
        ),
        error="dropped",
    )
    assert SteeringSpec.from_json(spec.to_json()) == spec
    assert SteeringSpec.from_json('{"interventions": [{"latent": 1, "op": "SET", "value": 2}]}') == SteeringSpec(
        (LatentIntervention(1, "SET", 2, "all"),), error="kept"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "no JSON"),
        ("[]", "list, expected an object"),
        ('{"version": 2}', "version 2"),
        ('{"errors": "kept"}', "unknown keys errors"),
        ('{"error": "lost"}', "kept or dropped"),
        ('{"interventions": 3}', "no list"),
        ('{"interventions": [{"latent": 1}]}', "lacks op, value"),
        ('{"interventions": [{"latent": -1, "op": "SET", "value": 1}]}', "number from 0"),
        ('{"interventions": [{"latent": true, "op": "SET", "value": 1}]}', "number from 0"),
        ('{"interventions": [{"latent": 1, "op": "MUL", "value": 1}]}', "SET, SCALE or ADD"),
        ('{"interventions": [{"latent": 1, "op": "SET", "value": "x"}]}', "finite number"),
        ('{"interventions": [{"latent": 1, "op": "SET", "value": NaN}]}', "finite number"),
        ('{"interventions": [{"latent": 1, "op": "SET", "value": -1}]}', "0 or more"),
        ('{"interventions": [{"latent": 1, "op": "SET", "value": 1, "where": "here"}]}', "all, firing or a view"),
        ('{"interventions": [{"latent": 1, "op": "SET", "value": 1, "where": {"view": "tile", "box": [0, 0, 1, 1]}}]}', "base, tiles or both"),
        ('{"interventions": [{"latent": 1, "op": "SET", "value": 1, "where": {"box": [0, 0, 1]}}]}', "four numbers"),
        ('{"interventions": [{"latent": 1, "op": "SET", "value": 1, "where": {"box": [5, 0, 1, 1]}}]}', "empty"),
        (json.dumps({"interventions": [{"latent": 1, "op": "SET", "value": 1}] * 2}), "twice"),
    ],
)
def test_bad_specs_get_a_sentence(text: str, says: str) -> None:
    with pytest.raises(ScratchpadError, match=says):
        SteeringSpec.from_json(text)


@pytest.mark.parametrize("view", ["base", "tiles", "both"])
def test_a_box_touches_the_patches_it_overlaps(image_tokens: ImageTokenMap, view: str) -> None:
    x0, y0, x1, y1 = 10.0, 5.0, 40.0, 22.0
    mask = scope_mask(BoxScope(view, (x0, y0, x1, y1)), image_tokens)
    for patch in range(image_tokens.n_patches):
        a, b, c, d = image_tokens.patch_box_P4[patch]
        overlaps = min(c, x1) > max(a, x0) and min(d, y1) > max(b, y0)
        right_view = view == "both" or (image_tokens.patch_view_P[patch] == 0) == (view == "base")
        assert bool(mask[patch]) == bool(overlaps and right_view)
    assert mask.any()
