"""Hooks read and replace what they say, leave nothing behind, and reach the projector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter.hooks import VisionState, capturing, capturing_state, count_hooks, resuming
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.replaced_features import replacing
from tests.tiny_vlm import save_tiny_llava


def _views(vlm: Vlm, n: int = 3) -> torch.Tensor:
    side = vlm.model.config.vision_config.image_size
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(1))


def _hidden_states(vlm: Vlm, views: torch.Tensor) -> tuple[torch.Tensor, ...]:
    with torch.inference_mode():
        return vlm.family.vision_tower(vlm.model)(views, output_hidden_states=True).hidden_states


def test_every_hook_gives_the_hidden_state_of_its_layer(llava: Vlm) -> None:
    views = _views(llava)
    hidden = _hidden_states(llava, views)
    for number, name in enumerate(llava.hooks()):
        torch.testing.assert_close(llava.features(views, name), hidden[number + 1][:, 1:])
    assert llava.default_hook == "vision_tower.layers.2"
    torch.testing.assert_close(llava.features(views), hidden[-2][:, 1:])


def test_several_feature_layers_are_read_as_the_projector_reads_them(tmp_path: Path) -> None:
    vlm = load_vlm(save_tiny_llava(tmp_path, vision_feature_layer=[-2, 1]), device="cpu")
    views = _views(vlm)
    hidden = _hidden_states(vlm, views)
    assert vlm.default_hook == "projector_input"
    torch.testing.assert_close(vlm.features(views), torch.cat([hidden[-2], hidden[1]], dim=-1)[:, 1:])
    with capturing(vlm.hook_point("projector_input")) as captured, torch.inference_mode():
        vlm.model.get_image_features(pixel_values=views)
    torch.testing.assert_close(captured[0], vlm.features(views))


@pytest.mark.parametrize(
    "spelling", ["vision_tower.vision_model.encoder.layers.2", "model.vision_tower.encoder.layers.2", "projector_input", None]
)
def test_spellings_of_one_hook(llava: Vlm, spelling: str | None) -> None:
    assert llava.resolve_hook(spelling) == "vision_tower.layers.2"


@pytest.mark.parametrize("name", ["vision_tower.layers.4", "layers.1", "", "language_model.layers.0"])
def test_unknown_hooks_get_a_sentence(llava: Vlm, name: str) -> None:
    with pytest.raises(ScratchpadError, match="expected one of vision_tower.layers.0 to vision_tower.layers.3"):
        llava.hook_point(name)


def test_what_is_put_at_the_hook_reaches_the_projector(llava_next: Vlm) -> None:
    """transformers records hidden states with hooks of its own, and the projector reads that record: a replacement behind them would
    steer on paper only."""
    vlm = llava_next
    views = _views(vlm, 3)
    _hidden_states(vlm, views)  # transformers installs its recording hooks at the first such call
    read: list[torch.Tensor] = []
    handle = vlm.family.projector(vlm.model).register_forward_pre_hook(lambda _module, inputs: read.append(inputs[0].clone()))
    inputs = {"pixel_values": views[None], "image_sizes": torch.tensor([[32, 64]])}
    try:
        with torch.inference_mode():
            vlm.model.get_image_features(**inputs)
            for hook in ("vision_tower.layers.2", "vision_tower.layers.0"):
                point, state = vlm.hook_point(hook), vlm.vision_state(views, hook)
                with resuming(point, state.with_patches(point, point.patches(state.hidden) * 0 + 7)):
                    vlm.model.get_image_features(**inputs)
            vlm.model.get_image_features(**inputs)
    finally:
        handle.remove()
    plain, replaced, earlier, again = read
    assert torch.all(replaced == 7)
    assert not torch.allclose(earlier, plain)
    assert torch.equal(plain, again)


def test_the_class_token_is_untouched(llava: Vlm) -> None:
    views = _views(llava)
    before = _hidden_states(llava, views)
    point, state = llava.hook_point("vision_tower.layers.1"), llava.vision_state(views, "vision_tower.layers.1")
    with resuming(point, state.with_patches(point, point.patches(state.hidden) + 1)), capturing(point) as captured:
        after = _hidden_states(llava, views)
    assert torch.equal(before[2][:, :1], after[2][:, :1])
    torch.testing.assert_close(after[2][:, 1:], before[2][:, 1:] + 1)
    assert torch.equal(captured[0], after[2][:, 1:])


def test_patches_of_another_shape_are_a_defect(llava: Vlm) -> None:
    point, state = llava.hook_point(None), llava.vision_state(_views(llava))
    with pytest.raises(ValueError, match="keep the shape"):
        state.with_patches(point, point.patches(state.hidden)[:, :-1])


def test_nothing_is_left_behind(llava: Vlm) -> None:
    _hidden_states(llava, _views(llava))
    before = count_hooks(llava.model)
    point = llava.hook_point(None)
    state = llava.vision_state(_views(llava))
    with capturing(point), resuming(point, state):
        # layers 0 to 2 are settled, and nothing reads layer 3
        assert count_hooks(llava.model) == before + 1 + 4
    assert count_hooks(llava.model) == before
    for enter in (
        lambda: capturing(point),
        lambda: capturing(llava.hook_point("vision_tower.layers.0"), stop=True),
        lambda: capturing_state(point),
        lambda: resuming(point, state),
    ):
        with pytest.raises(RuntimeError, match="planted"), enter():
            raise RuntimeError("planted")
        assert count_hooks(llava.model) == before


@pytest.mark.parametrize("family", ["llava", "llava_next"])
@pytest.mark.parametrize("hook", [f"vision_tower.layers.{number}" for number in range(4)])
def test_resuming_gives_the_projector_what_the_whole_tower_gives(request: pytest.FixtureRequest, family: str, hook: str) -> None:
    vlm: Vlm = request.getfixturevalue(family)
    prepared = vlm.prepare_picture(Image.new("RGB", (90, 60), (200, 40, 90)))
    expected = _embeddings(vlm, prepared.image_inputs)
    point, state = vlm.hook_point(hook), vlm.vision_state(prepared.pixel_values, hook)
    calls: list[str] = []
    layers = vlm.hook_point("vision_tower.layers.3").settled
    handles = [layer.mlp.register_forward_hook(lambda *_: calls.append("worked")) for layer in layers]
    try:
        with resuming(point, state):
            resumed = _embeddings(vlm, prepared.image_inputs)
            moved = state.with_patches(point, point.patches(state.hidden) + 1)
        # layers between the hook and layer 2, the last that is read
        assert len(calls) == max(0, 2 - int(hook[-1]))
        with resuming(point, moved):
            steered = _embeddings(vlm, prepared.image_inputs)
        with replacing(point, lambda patches: patches + 1):
            recomputed = _embeddings(vlm, prepared.image_inputs)
    finally:
        for handle in handles:
            handle.remove()
    torch.testing.assert_close(resumed, expected)
    torch.testing.assert_close(steered, recomputed)
    assert torch.allclose(steered, expected) != point.reaches_projector


@pytest.mark.parametrize("hook", ["vision_tower.layers.0", "vision_tower.layers.2", "projector_input"])
def test_resuming_where_the_projector_reads_several_layers(tmp_path: Path, hook: str) -> None:
    vlm = load_vlm(save_tiny_llava(tmp_path, vision_feature_layer=[-2, 1]), device="cpu")
    prepared = vlm.prepare_picture(Image.new("RGB", (90, 60), (200, 40, 90)))
    expected = _embeddings(vlm, prepared.image_inputs)
    point, state = vlm.hook_point(hook), vlm.vision_state(prepared.pixel_values, hook)
    with resuming(point, state):
        torch.testing.assert_close(_embeddings(vlm, prepared.image_inputs), expected)
    moved = state.with_patches(point, point.patches(state.hidden) * 2)
    with resuming(point, moved):
        steered = _embeddings(vlm, prepared.image_inputs)
    assert not torch.allclose(steered, expected)
    with replacing(point, lambda patches: patches * 2):
        torch.testing.assert_close(steered, _embeddings(vlm, prepared.image_inputs))


def test_a_state_of_other_views_is_a_defect(llava_next: Vlm) -> None:
    prepared = llava_next.prepare_picture(Image.new("RGB", (90, 60)))
    state = llava_next.vision_state(prepared.pixel_values)
    with pytest.raises(ValueError, match="the state is of shape"), resuming(llava_next.hook_point(None), VisionState(state.hidden[:-1])):
        _embeddings(llava_next, prepared.image_inputs)


@torch.no_grad()
def _embeddings(vlm: Vlm, image_inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return vlm.image_embeddings(image_inputs)
