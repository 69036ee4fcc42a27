"""Loading models: what is there, what is missing, what is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
from safetensors.torch import load_file, save_file

from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm, loading
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.tiny_vlm import save_tiny_llava


def _edited(folder: Path, to: Path, **changes: object) -> Path:
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps(config | changes))
    return to


def test_types_follow_the_device(llava_folder: Path) -> None:
    assert load_vlm(llava_folder, device="cpu").dtype == torch.float32
    assert load_vlm(llava_folder, device="cpu", dtype="bfloat16").dtype == torch.bfloat16
    assert load_vlm(str(llava_folder), device="cpu", dtype=torch.float16).dtype == torch.float16


def test_identity_is_of_the_weights_not_of_how_they_were_loaded(llava_folder: Path, tmp_path: Path, llava: Vlm, llava_next: Vlm) -> None:
    assert load_vlm(llava_folder, device="cpu", dtype="bfloat16").identity == llava.identity
    copied = tmp_path / "elsewhere"
    shutil.copytree(llava_folder, copied)
    assert load_vlm(copied, device="cpu").identity == llava.identity
    assert llava_next.identity != llava.identity
    assert load_vlm(save_tiny_llava(tmp_path / "other", seed=1), device="cpu").identity != llava.identity
    tensors = load_file(copied / "model.safetensors")
    name = next(key for key in tensors if key.endswith("multi_modal_projector.linear_1.weight"))
    tensors[name] = tensors[name] * 1.01
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    assert load_vlm(copied, device="cpu").identity != llava.identity


def test_the_bundled_model_loads_by_name() -> None:
    assert load_vlm("demo", device="cpu").default_hook == "vision_tower.layers.4"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("/no/such/folder", "There is no folder /no/such/folder"),
        ("./nor/this", "check the path"),
        ("two words", "no hub id either"),
    ],
)
def test_wrong_paths(source: str, says: str) -> None:
    with pytest.raises(ScratchpadError, match=says):
        load_vlm(source)


def test_damaged_folders(llava_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScratchpadError, match="no config.json"):
        load_vlm(tmp_path / "empty")
    with pytest.raises(ScratchpadError, match="is a file"):
        load_vlm(llava_folder / "config.json")
    with pytest.raises(ScratchpadError, match="supported are llava, llava_next"):
        load_vlm(_edited(llava_folder, tmp_path / "clip", model_type="clip"))
    cut = _edited(llava_folder, tmp_path / "cut")
    whole = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ScratchpadError, match="damaged or incomplete"):
        load_vlm(cut, device="cpu")
    (cut / "config.json").write_text("{")
    with pytest.raises(ScratchpadError, match="damaged or incomplete"):
        load_vlm(cut, device="cpu")
    lacking = _edited(llava_folder, tmp_path / "lacking")
    tensors = load_file(lacking / "model.safetensors")
    removed = next(key for key in tensors if "q_proj" in key)
    del tensors[removed]
    save_file(tensors, lacking / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ScratchpadError, match="lacks or misshapes 1 weights"):
        load_vlm(lacking, device="cpu")
    bare = _edited(llava_folder, tmp_path / "bare")
    for name in ("processor_config.json", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"):
        (bare / name).unlink(missing_ok=True)
    with pytest.raises(ScratchpadError, match="processor"):
        load_vlm(bare, device="cpu")


def test_a_projector_that_reads_the_class_token_is_refused(llava_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ScratchpadError, match="vision_feature_select_strategy"):
        load_vlm(_edited(llava_folder, tmp_path / "full", vision_feature_select_strategy="full"), device="cpu")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"device": "gpu0"}, "There is no device gpu0"),
        ({"device": "cpu", "dtype": "float8"}, "There is no dtype float8"),
        ({"device": "cpu", "device_map": "auto"}, "choose one"),
        ({"device": "cpu", "chat_template": "/no/template.jinja"}, "no chat template file"),
        ({"device": f"cuda:{torch.cuda.device_count()}"}, "GPUs"),
    ],
)
def test_wrong_options(llava_folder: Path, options: dict[str, str], says: str) -> None:
    with pytest.raises(ScratchpadError, match=says):
        load_vlm(llava_folder, **options)


def _chained(cause: Exception) -> OSError:
    error = OSError("We couldn't connect")
    error.__cause__ = cause
    return error


class _Response:
    status_code = 403
    headers: dict[str, str] = {}
    request = None
    text = ""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (_chained(GatedRepoError("gated", response=_Response())), "https://huggingface.co/own/model.*hf auth login"),
        (_chained(RepositoryNotFoundError("gone", response=_Response())), "no model own/model on the hub"),
        (_chained(LocalEntryNotFoundError("offline")), "cannot be reached"),
    ],
    ids=["gated", "not found", "offline"],
)
def test_what_the_hub_answers_becomes_a_sentence(error: OSError, says: str) -> None:
    assert __import__("re").search(says, str(loading._loading_error("own/model", "own/model", error)))


def test_a_chat_template_can_be_given(llava_folder: Path, tmp_path: Path) -> None:
    template = "Q {% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}<image> {% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %} A"
    path = tmp_path / "own.jinja"
    path.write_text(template)
    for given in (template, path, str(path)):
        vlm = load_vlm(llava_folder, device="cpu", chat_template=given)
        assert vlm.chat_template.render("w1").text == "Q <image> w1 A"


PARTS = ("model.vision_tower", "model.multi_modal_projector", "model.language_model", "lm_head")


def test_a_device_map_places_every_part(llava_folder: Path, llava: Vlm) -> None:
    spread = load_vlm(llava_folder, device_map=dict.fromkeys(PARTS, "cpu"), dtype="float32")
    views = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(spread.features(views), llava.features(views))
    assert spread.identity == llava.identity


def test_a_model_that_spills_over_the_devices_is_refused(llava_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ScratchpadError, match="on disk or in main memory"):
        load_vlm(llava_folder, device_map=dict.fromkeys(PARTS, "cpu") | {"model.language_model": "disk"}, dtype="float32")
