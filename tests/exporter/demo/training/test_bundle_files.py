"""A bundle is written whole or not at all, holds what the bundled one holds, and takes another's place only whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from tb_visualscratchpad.exporter.demo.compose import BUNDLE
from tb_visualscratchpad.exporter.demo.training import bundle_files
from tb_visualscratchpad.exporter.demo.training.bundle_files import (
    put_in_place,
    save_dictionary,
    save_model,
    write_bundle,
)
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> Path:
    folder = tmp_path_factory.mktemp("written")
    save_model(folder / "vlm", demo_vlm)
    save_dictionary(folder / "sae", demo_sae, demo_vlm.default_hook)
    write_bundle(folder / "bundle", folder / "vlm", folder / "sae", "# A card\n")
    return folder / "bundle"


def test_it_holds_what_the_bundled_one_holds(written: Path, demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    of_the_shipped_model_alone = {name for name in files(BUNDLE) if name.startswith("sae_badly_trained/")}
    assert of_the_shipped_model_alone and files(written) == files(BUNDLE) - of_the_shipped_model_alone
    assert (written / "README.md").read_text() == "# A card\n"
    assert json.loads((written / "vlm" / "config.json").read_text())["dtype"] == "float16"
    assert abs(sum(path.stat().st_size for path in written.rglob("*.safetensors")) - 18_645_216) < 10_000
    vlm, sae = load_vlm(written / "vlm", device="cpu"), load_sae(written / "sae")
    assert vlm.identity == demo_vlm.identity
    assert sae.hook == demo_vlm.default_hook and torch.equal(sae.W_enc, demo_sae.W_enc) and torch.equal(sae.b_dec, demo_sae.b_dec)
    assert next(demo_vlm.model.parameters()).dtype == torch.float32
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in written.rglob("*"))


def test_what_is_there_is_not_written_over(written: Path) -> None:
    with pytest.raises(ScratchpadError, match="exists already"):
        write_bundle(written, written / "vlm", written / "sae", "")


def test_half_a_bundle_is_none(written: Path, tmp_path: Path) -> None:
    with pytest.raises(ScratchpadError, match="cannot be written"):
        write_bundle(tmp_path / "new", written / "vlm", tmp_path / "nothing", "")
    assert list(tmp_path.iterdir()) == []


def test_weights_beyond_float16_are_told(demo_sae: SparseAutoencoder, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(ScratchpadError, match="b_dec does not fit into float16"):
        save_dictionary(tmp_path / "sae", replace(demo_sae, b_dec=demo_sae.b_dec + 1e6), "projector_input")
    assert list(tmp_path.iterdir()) == []


def bundle(folder: Path, card: str) -> Path:
    (folder / "vlm").mkdir(parents=True)
    (folder / "README.md").write_text(card)
    return folder


def test_it_takes_the_others_place(tmp_path: Path) -> None:
    new, place = bundle(tmp_path / "new", "new"), bundle(tmp_path / "place", "old")
    (place / "more").write_text("of the old one")
    put_in_place(new, place)
    assert files(place) == {"README.md"} and (place / "README.md").read_text() == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"new", "place"}
    with pytest.raises(ScratchpadError, match="no bundle"):
        put_in_place(new, tmp_path / "nowhere")


def test_if_that_fails_the_old_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new, place = bundle(tmp_path / "new", "new"), bundle(tmp_path / "place", "old")

    def refuse(source: Path, target: Path) -> None:
        if source.name == ".place.new":
            raise OSError(28, "No space left on device")
        os.rename(source, target)

    monkeypatch.setattr(bundle_files.os, "replace", refuse)
    with pytest.raises(ScratchpadError, match="it stays"):
        put_in_place(new, place)
    assert (place / "README.md").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"new", "place"}
