"""``train-sae``: what is wrong is told before a model is loaded; and on the demo's model, an SAE that reads what its words used."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.training_plan import TrainingPlan
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.data_providers import reading


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--images", "/nowhere"], "/nowhere does not exist"),
        (["--k", "0"], "--k is 0"),
        (["--latents", "8", "--k", "9"], "--k is 9 for 8 latents"),
        (["--latents", "-3"], "--latents is -3"),
        (["--samples", "0"], "--samples is 0"),
        (["--step-samples", "0"], "--step-samples is 0"),
        (["--lr", "nan"], "--lr is nan"),
        (["--batch-size", "0"], "--batch-size is 0"),
        (["--probe-images", "0"], "--probe-images is 0"),
        (["--log-every", "0"], "--log-every is 0"),
        (["--output", "."], "exists already"),
    ],
)
def test_wrong_options_are_told_before_the_model_is_loaded(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], says: str
) -> None:
    logdir = tmp_path / "logs"
    # A model that is not there: had it been asked for, the sentence were another.
    status = cli.main(["train-sae", "--vlm", "/no/model", "--images", str(pictures), "--logdir", str(logdir), *change])
    said = capsys.readouterr()
    assert status == 1 and says in said.err and said.out == ""
    assert said.err.startswith("visualscratchpad: ") and said.err.count("\n") == 1
    assert not logdir.exists()


def test_without_saelens_a_sentence_says_what_to_install(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sae_lens", None)
    status = cli.main(["train-sae", "--vlm", "demo", "--images", str(pictures), "--logdir", str(tmp_path / "logs")])
    assert status == 1
    assert 'pip install "tb-visualscratchpad[train]"' in capsys.readouterr().err


def test_a_plan_fits_its_parts_to_any_length() -> None:
    for n_samples in (1, 500, 513, 40_000, 2_000_000, 10**9):
        plan = TrainingPlan(n_latents=64, k=4, n_samples=n_samples)
        assert (plan.n_steps - 1) * plan.step_samples < n_samples <= plan.n_steps * plan.step_samples
        assert plan.n_warm_up_steps + plan.n_decay_steps <= plan.n_steps
        assert plan.buffer_samples >= 2 * plan.step_samples
        assert plan.n_scale_steps >= 1
    with pytest.raises(ScratchpadError, match="--k is 65"):
        TrainingPlan(n_latents=64, k=65)


def scalars(directory: Path) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    (file,) = directory.glob("events.out.tfevents.*")
    for event in EventFileLoader(str(file)).Load():
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                found.setdefault(value.tag, []).append(float(value.tensor.float_val[0]))
    return found


@pytest.mark.full
def test_a_short_training_on_emoji_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures, logdir = tmp_path / "pictures", tmp_path / "logs"
    pictures.mkdir()
    for seed in range(60):
        compose(random_scene(seed), seed).picture.save(pictures / f"{seed:02d}.png")
    model = ["--vlm", "demo", "--device", "cpu"]
    command = ["train-sae", *model, "--images", str(pictures), "--logdir", str(logdir)]
    pace = ["--latents", "768", "--k", "16", "--samples", "30000", "--step-samples", "256", "--log-every", "40", "--probe-images", "10", "--no-map", "--json"]
    assert cli.main([*command, *pace]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["n_steps"], told["complete"], told["n_latents"]) == (118, True, 768)

    (directory,) = logdir.iterdir()
    loss = scalars(directory)["training/losses/mse_loss"]
    assert len(loss) == 118 and np.mean(loss[-10:]) < 0.5 * np.mean(loss[:10])
    with reading("python", logdir) as log:
        store = EventStore(log.context)
        (dictionary,) = store.listing("").dictionaries
        identifier = dictionary.info.dictionary_id
        fvu = [store.sae_metrics("", identifier, step).fvu for step in (40, 80, 118)]
        assert fvu == sorted(fvu, reverse=True) and fvu[-1] < 0.5 and fvu[-1] == told["fvu"]
        assert store.latent_statistics("", identifier, 118).n_images == 10

    asked = ["--image", str(pictures / "00.png"), "--prompt", "describe the picture ."]
    assert cli.main(["run", *model, "--sae", told["sae"], *asked, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert any(place.name in answer["output_text"] for place in random_scene(0).objects)
    assert all(len(ranked) == 10 and ranked[0][1] > 0 for ranked in answer["top_latents"].values())
