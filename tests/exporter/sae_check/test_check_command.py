"""``check-sae``: the verdict first, a status to go by, one object with ``--json``, and sentences for what cannot be checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.image_folder import list_images
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.sae_check.check import check_sae
from tb_visualscratchpad.exporter.sae_check.kept_answers import kept_answers
from tb_visualscratchpad.exporter.sae_check.token_sample import sample_places
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.vlm.every_place import EMBEDDINGS, POST_LAYERNORM, features_everywhere
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.data_providers import reading
from tests.exporter.sae_check.planted import copy_of_demo, edit_config, misread
from tests.tiny_sae import save_tiny_sae


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--images", "/nowhere"], "/nowhere does not exist"),
        (["--limit", "0"], "--limit is 0"),
        (["--tokens", "0"], "--tokens is 0"),
        (["--answers", "-1"], "--answers is -1"),
        (["--max-new-tokens", "0"], "--max-new-tokens is 0"),
        (["--batch-size", "0"], "--batch-size is 0"),
        (["--prompt", " "], "--prompt is empty"),
    ],
)
def test_wrong_options_are_told_before_the_model_is_loaded(
    emoji_root: Path, capsys: pytest.CaptureFixture[str], change: list[str], says: str
) -> None:
    status = cli.main(["check-sae", "/no/sae", "--vlm", "/no/model", "--images", str(emoji_root), *change])
    said = capsys.readouterr()
    assert status == 1 and says in said.err and said.out == "" and said.err.count("\n") == 1


def test_features_everywhere_are_those_of_the_hooks(llava_next: Vlm, llava: Vlm) -> None:
    for vlm in (llava_next, llava):
        views = vlm.prepare_picture(Image.effect_noise((40, 30), 60).convert("RGB")).pixel_values
        found = features_everywhere(vlm, views)
        assert list(found)[0] == EMBEDDINGS and list(found)[-1] == POST_LAYERNORM and set(vlm.hooks()) <= set(found)
        for hook in vlm.hooks():
            assert torch.equal(found[hook].patches, vlm.features(views, hook))
        tower = vlm.family.vision_tower(vlm.model)
        states = tower(views, output_hidden_states=True).hidden_states
        assert torch.equal(found[vlm.hooks()[0]].class_token, states[1][:, 0])


def test_a_sample_holds_the_same_patches_at_every_place(llava_next: Vlm, emoji_root: Path) -> None:
    folder = list_images(emoji_root, 3)
    places = sample_places(llava_next, folder, 24, max_tokens=12, progress=False)
    assert [place.name for place in places if place.is_hook] == list(llava_next.hooks())
    for place in places:
        assert place.patches.x_Nd.shape == (12, 24) and place.patches.image_N.tolist() == [0] * 4 + [1] * 4 + [2] * 4
        assert place.class_tokens is not None and place.class_tokens.n_images == 3
    whole = sample_places(llava_next, folder, 24, max_tokens=10**6, progress=False)
    assert len(whole[0].patches.x_Nd) == pytest.approx(float(places[0].patches.weight_N.sum()))
    rows = {tuple(row) for row in whole[2].patches.x_Nd.tolist()}
    assert {tuple(row) for row in places[2].patches.x_Nd.tolist()} <= rows


def test_what_cannot_be_checked_is_said(llava_next: Vlm, tmp_path: Path, emoji_root: Path) -> None:
    narrow = load_sae(save_tiny_sae(tmp_path / "narrow", d_in=10))
    with pytest.raises(ScratchpadError, match=r"reads 10-wide inputs, and .* has none so wide \(vision_tower.embeddings 24, .*choose the model"):
        check_sae(llava_next, narrow, emoji_root, limit=2, progress=False)
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    empty.mkdir()
    broken.mkdir()
    (broken / "a.png").write_bytes(b"no picture")
    fits = load_sae(save_tiny_sae(tmp_path / "fits"))
    with pytest.raises(ScratchpadError, match="no image under"):
        check_sae(llava_next, fits, empty, progress=False)
    with pytest.raises(ScratchpadError, match="None of the 1 images under .* could be read"):
        check_sae(llava_next, fits, broken, progress=False)
    with pytest.raises(ScratchpadError, match="no hook nowhere"):
        check_sae(llava_next, fits, emoji_root, hook="nowhere", progress=False)


def test_a_hook_that_only_the_file_knows_is_replaced_by_the_best(llava_next: Vlm, tmp_path: Path, emoji_root: Path) -> None:
    sae = load_sae(save_tiny_sae(tmp_path / "sae", hook="blocks.10.hook_resid_post"))
    found = check_sae(llava_next, sae, emoji_root, limit=2, max_tokens=40, n_asked=0, progress=False)
    read = next(place.name for place in found.places if place.is_read)
    assert min((place for place in found.places if place.is_hook), key=lambda place: place.fvu or 9.0).name == read
    assert found.dictionary.hook == read and (found.remedies == () or found.remedies[0] == f"--hook {read}")


@pytest.mark.full
def test_right_and_wrong_on_the_command_line(emoji_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--vlm", "demo", "--images", str(emoji_root), "--limit", "8", "--tokens", "256", "--answers", "2"]
    assert cli.main(["check-sae", "demo", *options]) == 0
    said = capsys.readouterr()
    first = said.out.splitlines()[0]
    assert first.startswith("This SAE reads vision_tower.layers.4 rightly: ")
    assert "2 of 2 answers to \"describe the picture .\" stay the same" in said.out and "> vision_tower.layers.4" in said.out

    wrong = copy_of_demo(tmp_path / "wrong")
    edit_config(wrong, metadata={"hook_name": "vision_tower.layers.1"})
    assert cli.main(["check-sae", str(wrong), *options, "--json", "--logdir", str(tmp_path / "logs")]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["right"] is False and told["remedies"] == ["--hook vision_tower.layers.4"] and told["hook"] == "vision_tower.layers.1"
    with reading("python", tmp_path / "logs") as reader:
        logged = EventStore(reader.context).sae_check("", told["dictionary_id"])
    assert logged.verdict == told["verdict"] and len(logged.places) == len(told["places"])
    assert cli.main(["check-sae", str(wrong), *options, "--hook", "vision_tower.layers.4", "--answers", "0"]) == 0


@pytest.mark.full
def test_answers_are_kept_under_the_right_sae_alone(emoji_vlm: Vlm, emoji_root: Path, tmp_path: Path) -> None:
    folder, hook = list_images(emoji_root), "vision_tower.layers.4"
    asked = {"prompt": "describe the picture .", "n_pictures": 4, "max_new_tokens": 32}
    right = kept_answers(emoji_vlm, load_sae("demo"), hook, folder, **asked)
    assert right.n_asked == 4 and right.n_kept >= 3
    misread(copy_of_demo(tmp_path / "sae"), "W_dec")
    wrong = kept_answers(emoji_vlm, load_sae(tmp_path / "sae"), hook, folder, **asked)
    assert wrong.n_asked == 4 and wrong.n_kept <= 1
    behind = kept_answers(emoji_vlm, load_sae("demo"), "vision_tower.layers.5", folder, **asked)
    assert (behind.n_asked, behind.n_kept) == (0, 0)
