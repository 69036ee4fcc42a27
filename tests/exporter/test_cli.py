"""The command line, as users run it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.vlm import Vlm


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def model(llava_next_folder: Path, sae_folder: Path) -> list[str]:
    return ["--vlm", str(llava_next_folder), "--sae", str(sae_folder), "--device", "cpu"]


def test_run_prints_one_object_and_logs_it(
    model: list[str], picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], llava_next: Vlm
) -> None:
    status = cli.main(
        ["run", *model, "--image", str(picture), "--prompt", "w1 w2 ?", "--logdir", str(tmp_path), "--max-new-tokens", "5", "--json"]
    )
    said = capsys.readouterr()
    assert status == 0, said.err
    result = json.loads(said.out)
    assert said.out.count("\n") == 1
    spans = [token["span"] for token in result["tokens"]]
    assert [token["index"] for token in result["tokens"]] == list(range(len(spans)))
    assert spans.count("OUTPUT") == 5
    output = [token for token in result["tokens"] if token["span"] == "OUTPUT"]
    assert all(token["logprob"] <= 0 for token in output)
    assert result["output_text"].split() == [token["text"] for token in output]
    assert list(result["top_latents"]) == [str(token["index"]) for token in output]
    for ranked in result["top_latents"].values():
        values = [value for _, value in ranked]
        assert len(ranked) == 10 and values == sorted(values, reverse=True)
    (directory,) = tmp_path.iterdir()
    assert list(directory.glob("events.out.tfevents.*"))
    assert list(directory.glob("plugins/visualscratchpad/*.safetensors"))


def test_run_under_a_steering_spec(model: list[str], picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text('{"error": "dropped", "interventions": [{"latent": 3, "op": "SET", "value": 40}]}')
    command = ["run", *model, "--image", str(picture), "--prompt", "w1", "--max-new-tokens", "4", "--json"]
    answers = []
    for extra in ([], ["--steer", str(spec)]):
        assert cli.main([*command, *extra]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert [t["logprob"] for t in answers[0]["tokens"]] != [t["logprob"] for t in answers[1]["tokens"]]
    assert answers[1]["top_latents"][next(iter(answers[1]["top_latents"]))][0][0] == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--image", "/nowhere.png"], "does not exist"),
        (["--vlm", "/nowhere"], "There is no folder /nowhere"),
        (["--sae", "/nowhere"], "/nowhere"),
        (["--prompt", " "], "empty"),
        (["--hook", "vision_tower.layers.77"], "vision_tower.layers.77"),
        (["--steer", "/nowhere.json"], "/nowhere.json"),
        (["--device", "warp"], "no device warp"),
    ],
)
def test_wrong_input_is_one_sentence_and_leaves_nothing(
    model: list[str], picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], says: str
) -> None:
    logdir = tmp_path / "logs"
    status = cli.main(["run", *model, "--image", str(picture), "--prompt", "w1", "--logdir", str(logdir), "--max-new-tokens", "2", *change])
    said = capsys.readouterr()
    last = said.err.strip().splitlines()[-1]
    assert status == 1
    assert says in last and last.startswith("visualscratchpad: ")
    assert "Traceback" not in said.err
    assert said.out == ""
    assert not logdir.exists()


def test_an_sae_of_another_width_is_named(
    llava_next_folder: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.tiny_sae import save_tiny_sae

    wide = save_tiny_sae(tmp_path / "wide", d_in=31)
    options = ["--vlm", str(llava_next_folder), "--sae", str(wide), "--device", "cpu"]
    assert cli.main(["run", *options, "--image", str(picture), "--prompt", "w1", "--json"]) == 1
    assert "31-wide" in capsys.readouterr().err


def test_nowhere_to_put_the_answer(model: list[str], picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", *model, "--image", str(picture), "--prompt", "w1"]) == 1
    assert "--logdir" in capsys.readouterr().err


def _image_folder(folder: Path) -> Path:
    rng = np.random.default_rng(3)
    for label in ("one", "two"):
        (folder / label).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(folder / label / f"{number}.png")
    (folder / "two" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    return folder


def test_statistics_logs_everything_about_the_dictionary(model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, logdir = _image_folder(tmp_path / "images"), tmp_path / "logs"
    status = cli.main(["statistics", *model, "--images", str(images), "--logdir", str(logdir), "--json", "--no-images"])
    said = capsys.readouterr()
    assert status == 0, said.err
    result = json.loads(said.out)
    assert (result["n_images"], result["n_broken"], result["complete"]) == (6, 1, True)
    assert result["l0"] <= 6
    assert "two/broken.png" in said.err
    from tb_visualscratchpad.wire.tags import PLUGIN_NAME

    (directory,) = logdir.iterdir()
    assert list((directory / "plugins" / PLUGIN_NAME).glob("*.safetensors"))


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_folders_without_images(model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    folder = tmp_path / "images"
    if kind == "empty":
        folder.mkdir()
    logdir = tmp_path / "logs"
    assert cli.main(["statistics", *model, "--images", str(folder), "--logdir", str(logdir)]) == 1
    said = capsys.readouterr()
    assert str(folder) in said.err.strip().splitlines()[-1]
    assert "Traceback" not in said.err
    assert not logdir.exists()


def test_a_full_disk_leaves_nothing(
    model: list[str], picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    logdir = tmp_path / "logs"
    assert cli.main(["run", *model, "--image", str(picture), "--prompt", "w1", "--max-new-tokens", "2", "--logdir", str(logdir)]) == 1
    said = capsys.readouterr().err
    assert "space" in said.lower() and "Traceback" not in said
    assert not list(logdir.rglob("*.*"))


def test_ctrl_c_is_no_traceback(
    model: list[str], picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tb_visualscratchpad.exporter.event_log.ScratchpadWriter.add_vlm_run", interrupted)
    logdir = tmp_path / "logs"
    assert cli.main(["run", *model, "--image", str(picture), "--prompt", "w1", "--max-new-tokens", "2", "--logdir", str(logdir)]) == 130
    assert "nothing half-written" in capsys.readouterr().err
    assert not list(logdir.iterdir())


def test_defects_are_not_hidden(model: list[str], picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(cli, "run_as_json", broken)
    with pytest.raises(RuntimeError, match="planted"):
        cli.main(["run", *model, "--image", str(picture), "--prompt", "w1", "--max-new-tokens", "2", "--json"])


@pytest.mark.parametrize("command", [[], ["demo"], ["statistics"], ["run"]])
def test_help_is_there(command: list[str]) -> None:
    said = subprocess.run([sys.executable, "-m", "tb_visualscratchpad.exporter", *command, "--help"], capture_output=True, text=True)
    assert said.returncode == 0
    assert "usage: visualscratchpad" in said.stdout
    assert said.stderr == ""


@pytest.mark.parametrize(("option", "value", "says"), [("--ablate", "ten", "'ten' is no whole number"), ("--sae-k", "0", "0 is not at least 1")])
def test_numbers_that_are_none_are_told_by_the_parser(option: str, value: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["failures", "--vlm", "demo", "--sae", "demo", "--items", "none", "--logdir", "none", option, value])
    assert ended.value.code == 2 and f"argument {option}: {says}" in capsys.readouterr().err


def test_a_port_in_use_is_said_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["demo", "--logdir", str(tmp_path / "logs"), "--port", str(port)]) == 1
    assert f"port {port}" in capsys.readouterr().err.lower()
    assert not (tmp_path / "logs").exists()


