"""Emoji World's SAE is read rightly, and each of seven mistakes is found; what the check says to do puts it right."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tb_visualscratchpad.exporter.image_folder import ImageFolder
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.sae.activation_functions import BatchTopK, JumpRelu
from tb_visualscratchpad.exporter.sae.normalisations import NoNormalisation
from tb_visualscratchpad.exporter.sae_check.check import examine
from tb_visualscratchpad.exporter.sae_check.token_sample import Place
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.sae_check_evidence import Outcome, SaeCheck
from tests.exporter.sae_check.planted import (
    apply_remedy,
    copy_of_demo,
    edit_config,
    misread,
    save_as_saelens,
    scale_inputs,
    trained_sae,
)

RIGHT = "vision_tower.layers.4"


def patches_at(places: Sequence[Place], name: str) -> torch.Tensor:
    return next(place for place in places if place.name == name).patches.x_Nd


def save_trained(folder: Path, places: Sequence[Place], **changes: Any) -> None:
    save_as_saelens(trained_sae(patches_at(places, RIGHT)), folder, **changes)


PLANTS: dict[str, tuple[Callable[[Path, Sequence[Place]], Any], dict[str, Any], str, str]] = {
    "wrong layer": (
        lambda folder, _: edit_config(copy_of_demo(folder), metadata={"hook_name": "vision_tower.layers.2"}), {}, f"the features of {RIGHT}", f"--hook {RIGHT}",
    ),
    "the next layer": (
        lambda folder, _: edit_config(copy_of_demo(folder), metadata={"hook_name": "vision_tower.layers.5"}), {}, f"the features of {RIGHT}", f"--hook {RIGHT}",
    ),
    "b_dec not subtracted": (
        lambda folder, _: edit_config(copy_of_demo(folder), apply_b_dec_to_input=False), {}, "b_dec subtracted", '"apply_b_dec_to_input": true in cfg.json',
    ),
    "normalisation missing": (
        lambda folder, places: save_trained(folder, places, normalize_activations="none"), {}, "normalised by layer_norm",
        '"normalize_activations": "layer_norm" in cfg.json',
    ),
    "input scaled by 3": (lambda folder, _: scale_inputs(copy_of_demo(folder), 3), {}, "inputs multiplied by 0.33", "--sae-scaling-factor 0.33"),
    "encoder transposed": (lambda folder, _: misread(copy_of_demo(folder), "W_enc"), {}, "W_enc transposed", "write W_enc anew, transposed"),
    "decoder transposed": (lambda folder, _: misread(copy_of_demo(folder), "W_dec"), {}, "W_dec transposed", "write W_dec anew, transposed"),
    "k twice too large": (lambda folder, _: edit_config(copy_of_demo(folder), k=32), {}, "k = 16", '"k": 16'),
    "k four times too small": (lambda folder, _: edit_config(copy_of_demo(folder), k=4), {}, "k = 16", '"k": 16'),
    "a top-k SAE read by plain ReLU": (
        lambda folder, _: edit_config(copy_of_demo(folder), architecture="standard", k=None), {}, "k = 16", '"architecture": "topk", "k": 16',
    ),
    "class token included": (lambda folder, _: copy_of_demo(folder), {"class_token": True}, "patches alone", "--class-token left-out"),
}
QUICK = {"wrong layer", "b_dec not subtracted", "input scaled by 3"}


def check(vlm: Vlm, folder: ImageFolder, places: Sequence[Place], sae_folder: Path, asked: dict[str, Any], said: dict[str, Any]) -> SaeCheck:
    sae = load_sae(sae_folder, **said)
    return examine(vlm, sae, folder, places, **{"declared": vlm.resolve_hook(sae.hook)} | asked)


@pytest.mark.parametrize("mistake", [pytest.param(name, marks=() if name in QUICK else pytest.mark.full) for name in PLANTS])
def test_a_planted_mistake_is_found_and_mended(
    emoji_vlm: Vlm, emoji_folder: ImageFolder, emoji_places: tuple[Place, ...], tmp_path: Path, mistake: str
) -> None:
    plant, asked, words, remedy = PLANTS[mistake]
    folder = tmp_path / "sae"
    plant(folder, emoji_places)
    said: dict[str, Any] = {}
    asked = dict(asked)
    found = check(emoji_vlm, emoji_folder, emoji_places, folder, asked, said)
    assert not found.right and found.verdict.startswith("It looks wrong: "), found.verdict
    assert len(found.remedies) == 1 and found.remedies[0].startswith(remedy) and found.remedies[0] in found.verdict
    assert words in found.verdict
    apply_remedy(found.remedies[0], folder, asked, said)
    mended = check(emoji_vlm, emoji_folder, emoji_places, folder, asked, said)
    assert mended.right and not mended.remedies, mended.verdict


def test_the_bundled_sae_is_read_rightly_at_its_place_among_all(
    emoji_vlm: Vlm, emoji_folder: ImageFolder, emoji_places: tuple[Place, ...]
) -> None:
    found = examine(emoji_vlm, load_sae("demo"), emoji_folder, emoji_places, declared=RIGHT)
    assert found.right and found.verdict.startswith(f"This SAE reads {RIGHT} rightly: ") and "too close" not in found.verdict
    assert {place.name for place in found.places} >= set(emoji_vlm.hooks()) and [place.name for place in found.places if place.is_read] == [RIGHT]
    best = min(found.places, key=lambda place: place.fvu if place.fvu is not None else 9.0)
    assert best.is_read and best.fvu is not None and best.fvu < 0.05
    assert not any(reading.is_clear for reading in found.readings)
    assert all(measure.outcome is not Outcome.UNEXPECTED for measure in found.measures)


@pytest.mark.full
def test_two_mistakes_are_found_one_after_the_other(
    emoji_vlm: Vlm, emoji_folder: ImageFolder, emoji_places: tuple[Place, ...], tmp_path: Path
) -> None:
    folder = copy_of_demo(tmp_path / "sae")
    edit_config(folder, k=64, metadata={"hook_name": "vision_tower.layers.2"})
    found = check(emoji_vlm, emoji_folder, emoji_places, folder, {}, {})
    assert [remedy.split()[0] for remedy in found.remedies] == ["--hook", '"k":']


@pytest.mark.full
def test_a_threshold_in_place_of_k_is_right_where_as_many_fire(
    emoji_vlm: Vlm, emoji_folder: ImageFolder, emoji_places: tuple[Place, ...]
) -> None:
    sae, x = load_sae("demo"), patches_at(emoji_places, RIGHT)
    last_of_k = sae.encode(x).sort(dim=-1, descending=True).values[:, 15].mean()
    for function in (BatchTopK(float(last_of_k)), JumpRelu(torch.full((sae.n_latents,), float(last_of_k)))):
        found = examine(emoji_vlm, replace(sae, activation_function=function), emoji_folder, emoji_places, declared=RIGHT)
        assert found.right, found.verdict


@pytest.mark.full
def test_an_sae_of_class_tokens_is_told(emoji_vlm: Vlm, emoji_folder: ImageFolder, emoji_places: tuple[Place, ...]) -> None:
    place = next(place for place in emoji_places if place.name == RIGHT)
    assert place.class_tokens is not None
    found = examine(emoji_vlm, trained_sae(place.class_tokens.x_Nd, NoNormalisation(), n_latents=64), emoji_folder, emoji_places, declared=RIGHT)
    assert not found.right and "class tokens alone" in found.verdict and "another SAE" in found.remedies[0]


@pytest.mark.full
def test_an_honest_sae_on_normalised_tokens_is_right(
    emoji_vlm: Vlm, emoji_folder: ImageFolder, emoji_places: tuple[Place, ...]
) -> None:
    found = examine(emoji_vlm, trained_sae(patches_at(emoji_places, RIGHT)), emoji_folder, emoji_places, declared=RIGHT)
    assert found.right, found.verdict


@pytest.mark.full
def test_a_scale_is_found_that_topk_hides_from_the_variance(
    emoji_vlm: Vlm, emoji_folder: ImageFolder, emoji_places: tuple[Place, ...]
) -> None:
    """TopK with small biases is nearly free of scale: what is unexplained hardly grows, but the slope tells."""
    scale = 0.18
    trained = trained_sae(patches_at(emoji_places, RIGHT) * scale, NoNormalisation(), n_latents=512, k=16, steps=300, from_mean=False)

    def reads_times(factor: float) -> SparseAutoencoder:
        return replace(trained, W_enc=trained.W_enc * factor, W_dec=trained.W_dec / factor, b_dec=trained.b_dec / factor)

    right = examine(emoji_vlm, reads_times(scale), emoji_folder, emoji_places, declared=RIGHT)
    wrong = examine(emoji_vlm, reads_times(3 * scale), emoji_folder, emoji_places, declared=RIGHT)
    left = [next(place.fvu for place in one.places if place.is_read) for one in (right, wrong)]
    assert right.right and left[0] is not None and left[1] is not None and left[1] < 1.3 * left[0]
    factor = re.search(r"with inputs multiplied by ([\d.]+) ", wrong.verdict)
    assert not wrong.right and factor and 0.25 < float(factor[1]) < 0.4 and "slope" in wrong.verdict


def test_noise_in_place_of_an_sae_looks_wrong(
    emoji_vlm: Vlm, emoji_folder: ImageFolder, emoji_places: tuple[Place, ...]
) -> None:
    generator = torch.Generator().manual_seed(0)
    sae = load_sae("demo")
    noise = replace(
        sae, W_enc=torch.randn(192, 64, generator=generator), b_enc=torch.zeros(64), W_dec=torch.randn(64, 192, generator=generator),
        b_dec=torch.zeros(192),
    )
    found = examine(emoji_vlm, noise, emoji_folder, emoji_places, declared=RIGHT)
    assert not found.right and found.verdict.startswith("It looks wrong: ")


def test_a_tower_without_a_class_token_has_none_to_read(emoji_vlm: Vlm, emoji_folder: ImageFolder, emoji_places: tuple[Place, ...]) -> None:
    without = [replace(place, class_tokens=None) for place in emoji_places if place.name == RIGHT]
    with pytest.raises(ScratchpadError, match="has no class token: leave --class-token out"):
        examine(emoji_vlm, load_sae("demo"), emoji_folder, without, declared=RIGHT, class_token=True)
    found = examine(emoji_vlm, load_sae("demo"), emoji_folder, without, declared=RIGHT)
    assert found.right and found.verdict.endswith("no other place is as wide.")
    assert not any(reading.decision == "tokens" for reading in found.readings)
