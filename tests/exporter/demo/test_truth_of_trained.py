"""An SAE that ``train-sae`` makes from nothing passes the truth test of the bundled one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.vlm import Vlm
from tests.exporter.demo.test_truth import check_words

N_SCENES, N_ASKED = 500, 20


@pytest.mark.full
def test_a_trained_dictionary_passes_the_truth_test(demo_vlm: Vlm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for seed in range(N_SCENES):
        compose(random_scene(seed), seed).picture.save(pictures / f"{seed:04d}.png")
    command = ["train-sae", "--vlm", "demo", "--device", "cpu", "--images", str(pictures), "--logdir", str(tmp_path / "logs")]
    assert cli.main([*command, "--k", "16", "--samples", "150000", "--probe-images", "16", "--no-map", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["complete"] and told["n_latents"] == 3072 and told["fvu"] < 0.1
    sae = load_sae(told["sae"])
    check_words(demo_vlm, sae, N_ASKED, least=50)
