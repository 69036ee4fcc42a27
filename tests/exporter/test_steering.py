"""Steering specs and what they do to features."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steering import (
    BoxScope,
    LatentIntervention,
    SteeringSpec,
    apply_interventions,
    scope_mask,
    steering_change,
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


def test_operations_by_hand(image_tokens: ImageTokenMap) -> None:
    n = image_tokens.n_patches
    z = torch.zeros(n, 6)
    z[::2, :] = 2.0
    spec = SteeringSpec(
        (
            LatentIntervention(0, "SET", 5.0),
            LatentIntervention(1, "SET", 5.0, "firing"),
            LatentIntervention(2, "SCALE", 3.0),
            LatentIntervention(3, "ADD", -9.0),
            LatentIntervention(4, "ADD", 1.0, "firing"),
        )
    )
    edited = apply_interventions(z, spec, image_tokens)
    even, odd = edited[0].tolist(), edited[1].tolist()
    assert even == [5.0, 5.0, 6.0, 0.0, 3.0, 2.0]
    assert odd == [5.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert torch.all(z[::2] == 2.0)
    in_parts = torch.cat([apply_interventions(z[a : a + 7], spec, image_tokens, a) for a in range(0, n, 7)])
    assert torch.equal(in_parts, edited)


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


def test_the_error_stays_unless_dropped(image_tokens: ImageTokenMap, tiny_sae: SparseAutoencoder) -> None:
    n = image_tokens.n_patches
    x = torch.randn(image_tokens.n_views, image_tokens.grid**2, tiny_sae.d_in, generator=torch.Generator().manual_seed(2))
    flat = x.reshape(n, -1)
    z = tiny_sae.encode(flat)
    latent = int(z.sum(dim=0).argmax())
    ablate = (LatentIntervention(latent, "SCALE", 0.0),)
    kept = steering_change(tiny_sae, SteeringSpec(ablate), image_tokens)(x).reshape(n, -1)
    torch.testing.assert_close(kept, flat - z[:, [latent]] * tiny_sae.W_dec[latent], atol=1e-5, rtol=1e-5)
    dropped = steering_change(tiny_sae, SteeringSpec(ablate, error="dropped"), image_tokens)(x).reshape(n, -1)
    others = z.clone()
    others[:, latent] = 0
    torch.testing.assert_close(dropped, others @ tiny_sae.W_dec + tiny_sae.b_dec, atol=1e-5, rtol=1e-5)
    nothing = steering_change(tiny_sae, SteeringSpec(), image_tokens)(x)
    torch.testing.assert_close(nothing, x, atol=1e-5, rtol=1e-5)
    alone = steering_change(tiny_sae, SteeringSpec(error="dropped"), image_tokens)(x).reshape(n, -1)
    np.testing.assert_allclose(alone.numpy(), tiny_sae.decode(z, flat).numpy(), atol=1e-5)
