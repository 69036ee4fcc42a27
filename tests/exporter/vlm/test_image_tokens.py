"""Where image tokens lie: edits of pixels must show up at the place the map names, in every view, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    CLIPImageProcessorPil,
    LlavaImageProcessorPil,
    LlavaNextImageProcessorPil,
    SiglipImageProcessorPil,
)

from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm, loading
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap, View
from tests.tiny_vlm import save_tiny_llava, save_tiny_llava_next

SIZES = [(64, 64), (256, 256), (201, 97), (640, 90), (90, 500), (21, 15), (13, 29), (2400, 1700), (1111, 3001)]


def _noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 196, (height, width, 3), dtype=np.uint8)


def _patch_embeddings(vlm: Vlm, pixel_values: torch.Tensor) -> torch.Tensor:
    """[P, d], the tower's very first layer: nothing has been mixed yet."""
    with torch.inference_mode():
        embedded = vlm.model.model.vision_tower.embeddings.patch_embedding(pixel_values)
    return embedded.flatten(2).transpose(1, 2).reshape(-1, embedded.shape[1])


@pytest.fixture(scope="module", params=["llava_next", "llava_next_336", "llava", "llava_square", "llava_padded"])
def vlm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Vlm:
    where = tmp_path_factory.mktemp(request.param)
    processors = {
        "llava": CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        "llava_square": SiglipImageProcessorPil(size={"height": 32, "width": 32}),
        "llava_padded": LlavaImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, do_pad=True
        ),
    }
    if request.param == "llava_next":
        save_tiny_llava_next(where)
    elif request.param == "llava_next_336":
        save_tiny_llava_next(where, image_size=336, patch=14)
    else:
        save_tiny_llava(where, image_processor=processors[request.param])
    return load_vlm(where, device="cpu")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_edits_of_the_picture_stay_within_three_by_three_patches(vlm: Vlm, size: tuple[int, int]) -> None:
    width, height = size
    view = vlm.model.config.vision_config.image_size
    if max(size) < view / 3:
        # Enlarging spreads one pixel over four of the picture's (bicubic). Where these are wider than patches the claim cannot
        # hold for any map, so the tiny pictures grow with the view: still smaller than one, a pixel at most half a patch.
        width, height = width * 5, height * 5
    pixels = _noise(width, height)
    before = vlm.prepare_picture(Image.fromarray(pixels))
    tokens = before.image_tokens
    embedded = _patch_embeddings(vlm, before.pixel_values)
    box = tokens.patch_box_P4
    rng = np.random.default_rng(1)
    grid = tokens.grid
    # Patch sizes on the picture, by view kind, from a patch that was not clipped.
    extent = {0: _patch_extent(tokens, 0)}
    if tokens.n_views > 1:
        extent[1] = _patch_extent(tokens, 1)
    n_seen = 0
    for _ in range(6):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        smallest = min(min(e) for e in extent.values())
        half = max(0.5, 0.15 * smallest)
        x0, x1 = int(max(0, round(x - half))), int(min(width, max(round(x + half), round(x - half) + 1)))
        y0, y1 = int(max(0, round(y - half))), int(min(height, max(round(y + half), round(y - half) + 1)))
        if x1 <= x0 or y1 <= y0:
            continue
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        edited = pixels.copy()
        edited[y0:y1, x0:x1] = 255 - edited[y0:y1, x0:x1] // 2
        after = _patch_embeddings(vlm, vlm.prepare_picture(Image.fromarray(edited)).pixel_values)
        change = ((after - embedded) ** 2).sum(dim=1).double().numpy()
        for kind, (patch_w, patch_h) in extent.items():
            of_view = (tokens.patch_view_P == 0) if kind == 0 else (tokens.patch_view_P > 0)
            inside = of_view & (box[:, 0] <= x) & (x < box[:, 2]) & (box[:, 1] <= y) & (y < box[:, 3])
            total = change[of_view].sum()
            if not inside.any():
                continue
            n_seen += 1
            assert inside.sum() == 1
            assert total > 0
            centre_x, centre_y = (box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2
            here = np.flatnonzero(inside)[0]
            left, top = _unclipped_corner(tokens, here, patch_w, patch_h)
            near = of_view & (box[:, 2] > box[:, 0])
            near &= (centre_x > left - patch_w) & (centre_x < left + 2 * patch_w)
            near &= (centre_y > top - patch_h) & (centre_y < top + 2 * patch_h)
            assert near.sum() <= 9
            assert change[near].sum() / total >= 0.999, ((width, height), kind, (x, y), change[near].sum() / total)
    assert n_seen > 0
    assert box.shape == (tokens.n_views * grid * grid, 4)


def _patch_extent(tokens: ImageTokenMap, kind: int) -> tuple[float, float]:
    of_view = (tokens.patch_view_P == 0) if kind == 0 else (tokens.patch_view_P > 0)
    box = tokens.patch_box_P4[of_view]
    return float((box[:, 2] - box[:, 0]).max()), float((box[:, 3] - box[:, 1]).max())


def _unclipped_corner(tokens: ImageTokenMap, patch: int, patch_w: float, patch_h: float) -> tuple[float, float]:
    x0, y0, x1, y1 = tokens.patch_box_P4[patch]
    left = x1 - patch_w if x0 == 0 else x0
    top = y1 - patch_h if y0 == 0 else y0
    return float(left), float(top)


@pytest.mark.parametrize("size", [(64, 64), (201, 97), (90, 500), (21, 15)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_one_patch_of_pixel_values_reaches_one_token(vlm: Vlm, size: tuple[int, int]) -> None:
    """With attention and MLPs silenced, a patch's features depend on that patch alone; then its image token must, too."""
    silenced = {}
    tower = vlm.model.model.vision_tower
    for name, parameter in tower.named_parameters():
        if ".out_proj." in name or ".fc2." in name:
            silenced[name] = parameter.detach().clone()
            parameter.data.zero_()
    try:
        prepared = vlm.prepare_picture(Image.fromarray(_noise(*size)))
        tokens = prepared.image_tokens
        inputs = dict(prepared.image_inputs)
        before = _image_tokens(vlm, inputs)
        assert before.shape[0] == tokens.n_tokens
        embedded = _patch_embeddings(vlm, prepared.pixel_values)
        side = prepared.pixel_values.shape[-1] // tokens.grid
        for patch in np.random.default_rng(2).choice(tokens.n_patches, size=6, replace=False):
            view, place = divmod(int(patch), tokens.grid**2)
            row, column = divmod(place, tokens.grid)
            edited = dict(inputs)
            edited["pixel_values"] = inputs["pixel_values"].clone()
            views = edited["pixel_values"][0] if edited["pixel_values"].ndim == 5 else edited["pixel_values"]
            views[view, :, row * side : (row + 1) * side, column * side : (column + 1) * side] += 1.0
            changed = (_patch_embeddings(vlm, views) != embedded).any(dim=1).nonzero()[:, 0].tolist()
            assert changed == [patch]
            reached = (_image_tokens(vlm, edited) != before).any(dim=1).nonzero()[:, 0].tolist()
            token = int(tokens.patch_token_P[patch])
            assert reached == ([token] if token >= 0 else [])
    finally:
        for name, parameter in tower.named_parameters():
            if name in silenced:
                parameter.data.copy_(silenced[name])


def _image_tokens(vlm: Vlm, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat(list(vlm.model.get_image_features(**inputs).pooler_output))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_as_many_tokens_as_the_stock_processor_makes(vlm: Vlm, size: tuple[int, int]) -> None:
    picture = Image.fromarray(_noise(*size))
    prepared = vlm.prepare_prompt(picture, "w1 w2 ?")
    stock = vlm.processor(images=[picture], text=vlm.chat_template.render("w1 w2 ?").text, return_tensors="pt")
    assert torch.equal(prepared.input_ids, stock["input_ids"])


def test_newlines_stand_for_nothing(llava_next: Vlm) -> None:
    tokens = llava_next.prepare_picture(Image.fromarray(_noise(100, 60))).image_tokens
    assert (tokens.token_view_I == View.NEWLINE).sum() > 0
    assert np.array_equal(tokens.token_view_I == View.NEWLINE, tokens.token_patch_I < 0)
    assert (tokens.token_view_I == View.BASE).sum() == tokens.grid**2


def test_a_processor_of_unknown_geometry_is_refused(tmp_path: Path) -> None:
    class Mirroring(CLIPImageProcessorPil):
        def _preprocess(self, images, **options):  # type: ignore[no-untyped-def]
            return super()._preprocess([image[:, :, ::-1] for image in images], **options)

    save_tiny_llava(tmp_path)
    vlm = load_vlm(tmp_path, device="cpu")
    vlm.processor.image_processor = Mirroring(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    with pytest.raises(ScratchpadError, match="patch widths from where"):
        loading._require_true_geometry(vlm)


def test_a_processor_that_swaps_tiles_is_refused(tmp_path: Path) -> None:
    """The base view is as it should be; only the tiles tell."""

    class Swapping(LlavaNextImageProcessorPil):
        def get_image_patches(self, *arguments, **options):  # type: ignore[no-untyped-def]
            base, *tiles = super().get_image_patches(*arguments, **options)
            return [base, *tiles[::-1]]

    vlm = load_vlm(save_tiny_llava_next(tmp_path), device="cpu")
    stock = vlm.processor.image_processor
    vlm.processor.image_processor = Swapping(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_grid_pinpoints=stock.image_grid_pinpoints
    )
    with pytest.raises(ScratchpadError, match="patch widths from where"):
        loading._require_true_geometry(vlm)
