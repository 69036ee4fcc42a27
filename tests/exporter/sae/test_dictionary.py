"""A dictionary is an SAE at one hook of one VLM: names resolve, widths must fit, identity tells any two apart."""

from __future__ import annotations

import pytest
import torch

from tb_visualscratchpad.exporter.sae import dictionary_info, load_sae
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.sae.saelens_checkpoints import D_IN, random_checkpoint
from tests.tiny_vlm import save_tiny_llava, save_tiny_llava_next


@pytest.fixture(scope="module")
def vlm(tmp_path_factory) -> Vlm:
    return load_vlm(save_tiny_llava_next(tmp_path_factory.mktemp("vlm")))


def wide_sae(folder, hook: str | None, seed: int = 0):
    """An SAE of twice the test width, which is what the tiny vision tower gives."""
    checkpoint = random_checkpoint(seed=seed)
    checkpoint.cfg |= {"d_in": 2 * D_IN, "metadata": {"hook_name": hook}}
    for name in ("W_enc", "W_dec", "b_dec"):
        value = torch.tensor(checkpoint.tensors[name])
        axis = 1 if name == "W_dec" else 0
        checkpoint.tensors[name] = torch.cat([value, value], dim=axis).numpy()
    return load_sae(checkpoint.write(folder))


def test_the_hook_is_the_one_named_here_then_the_files_then_the_default(tmp_path, vlm):
    silent, telling = wide_sae(tmp_path / "a", None), wide_sae(tmp_path / "b", "vision_tower.layers.0")
    assert dictionary_info(vlm, silent).hook == vlm.default_hook
    assert dictionary_info(vlm, telling).hook == "vision_tower.layers.0"
    assert dictionary_info(vlm, telling, "vision_tower.layers.1").hook == "vision_tower.layers.1"
    assert dictionary_info(vlm, silent, "projector_input") == dictionary_info(vlm, silent)


def test_identity_tells_sae_vlm_and_hook_apart(tmp_path, tmp_path_factory, vlm):
    sae, other_sae = wide_sae(tmp_path / "a", None), wide_sae(tmp_path / "b", None, seed=1)
    other_vlm = load_vlm(save_tiny_llava(tmp_path_factory.mktemp("other")))
    infos = [
        dictionary_info(vlm, sae),
        dictionary_info(vlm, other_sae),
        dictionary_info(other_vlm, sae),
        dictionary_info(vlm, sae, "vision_tower.layers.0"),
    ]
    assert len({info.dictionary_id for info in infos}) == 4
    assert dictionary_info(vlm, sae) == infos[0]
    assert (infos[0].d_in, infos[0].n_latents, infos[0].activation) == (sae.d_in, sae.n_latents, f"topk {sae.activation_function.k}")


def test_a_hook_that_is_not_there_is_told_with_where_the_name_came_from(tmp_path, vlm):
    sae = wide_sae(tmp_path / "a", "blocks.22.hook_resid_post")
    with pytest.raises(
        ScratchpadError, match=r"file of the SAE a names the hook 'blocks\.22.*--hook among vision_tower\.layers\.0"
    ):
        dictionary_info(vlm, sae)
    assert dictionary_info(vlm, sae, "vision_tower.layers.1").hook == "vision_tower.layers.1"


def test_a_width_that_does_not_fit_is_told(tmp_path, vlm):
    sae = load_sae(random_checkpoint().write(tmp_path / "narrow"))
    with pytest.raises(
        ScratchpadError, match=rf"{D_IN}-wide inputs, hook vision_tower\.layers\.1 .* gives 24: choose --hook"
    ):
        dictionary_info(vlm, sae)
