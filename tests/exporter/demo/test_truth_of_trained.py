"""An SAE that ``train-sae`` makes from nothing passes the truth test of the bundled one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.truth import learn_owners, pictures_to_learn_from
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.vlm import Vlm
from tests.exporter.demo.test_truth import ASKED_FROM, LEARNT_FROM, check, words_of_scene

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
    owners = learn_owners(demo_vlm, sae, pictures_to_learn_from(2, LEARNT_FROM))
    words = [word for seed in range(ASKED_FROM, ASKED_FROM + N_ASKED) for word in words_of_scene(demo_vlm, sae, owners, seed)]
    check(words, least=50)
