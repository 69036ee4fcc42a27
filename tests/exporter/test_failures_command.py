"""The command ``failures``, as users run it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.interruption import InterruptBetweenSteps
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm
from tests.data_providers import reading

N_ITEMS = 32


@pytest.fixture
def model(llava_next_folder: Path, sae_folder: Path) -> list[str]:
    return ["--vlm", str(llava_next_folder), "--sae", str(sae_folder), "--device", "cpu", "--max-new-tokens", "3"]


@pytest.fixture(scope="module")
def items_file(tmp_path_factory: pytest.TempPathFactory, llava_next: Vlm, tiny_sae: SparseAutoencoder) -> Path:
    """Pictures of noise, whose answer is "right", and flat ones, whose is "wrong": latents that noise alone has tell them apart."""
    folder = tmp_path_factory.mktemp("items")
    lines = []
    for number in range(N_ITEMS):
        rng = np.random.default_rng(number)
        flat = number % 2 == 0
        pixels = np.full((60, 80, 3), rng.integers(0, 256, 3), np.uint8) if flat else rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        said = explain(llava_next, tiny_sae, folder / f"{number}.png", "w1 ?", max_new_tokens=3).output_text
        lines.append(json.dumps({"picture": f"{number}.png", "prompt": "w1 ?", "right": "nothing of it" if not flat else said}))
    (folder / "items.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "items.jsonl"


def _command(model: list[str], items: Path, logdir: Path, *more: str) -> list[str]:
    return ["failures", *model, "--items", str(items), "--logdir", str(logdir), *more]


def test_a_set_its_runs_and_what_mends_it_are_logged(
    model: list[str], items_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = cli.main(_command(model, items_file, tmp_path, "--ablate", "3", "--controls", "1", "--by", "plain", "--log-runs", "--name", "noise", "--json"))
    said = capsys.readouterr()
    assert status == 0, said.err
    result = json.loads(said.out)
    assert (result["n_items"], result["n_wrong"]) == (N_ITEMS, N_ITEMS // 2)
    assert "16 of 32 answers are wrong." in said.err and "tell them apart at q < 0.05" in said.err
    assert result["n_telling"] > 0 and result["latents"][0]["q"] < 0.05
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        assert listing.problems == ()
        (entry,) = listing.failure_sets
        found = store.failure_set("", entry.run, entry.set_id)
        assert entry.name == "noise" and entry.run.startswith("noise-") and len(found.pictures) == N_ITEMS
        assert {run.run_id for run in listing.vlm_runs} == {item.run_id for item in found.items if not item.is_right}
        outcomes = [store.set_ablation("", one.run, one.result_id) for one in listing.outcomes]
    (ablation,) = outcomes
    assert ablation.latents.tolist() == result["ablation"]["latents"] and ablation.chosen_on == "half" and len(ablation.controls) == 1
    assert result["ablation"]["held_out"]["n_wrong"] == 8 and "on held-out pictures" in said.err


def test_without_pictures_numbers_and_texts_are_logged(model: list[str], items_file: Path, tmp_path: Path) -> None:
    assert cli.main(_command(model, items_file, tmp_path, "--no-images", "--log-runs")) == 0
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        (entry,) = listing.failure_sets
        assert not entry.has_pictures and not any(run.has_picture for run in listing.vlm_runs)
        assert len(store.failure_set("", entry.run, entry.set_id).pictures) == 0


def test_where_all_are_wrong_it_is_logged_and_said(
    model: list[str], items_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.loads(line) for line in items_file.read_text(encoding="utf-8").splitlines()[:3]]
    csv = items_file.with_name("all.csv")
    csv.write_text("picture,prompt,right\n" + "".join(f"{line['picture']},w1 ?,none of it\n" for line in lines), encoding="utf-8")
    assert cli.main(_command(model, csv, tmp_path / "logs", "--ablate", "2", "--json")) == 0
    said = capsys.readouterr()
    assert "All 3 answers compared are wrong, so there is nothing to tell apart." in said.err and "nothing is taken away" in said.err
    assert json.loads(said.out)["ablation"] is None
    with reading("python", tmp_path / "logs") as reader:
        assert EventStore(reader.context).listing("").failure_sets[0].n_wrong == 3


def test_a_first_interruption_keeps_what_was_asked(
    model: list[str], items_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InterruptBetweenSteps, "__enter__", lambda self: setattr(self, "requested", True) or self)
    assert cli.main(_command(model, items_file, tmp_path, "--ablate", "2")) == 0
    said = capsys.readouterr().err
    assert "of 1 (interrupted, 32 were given) answers are wrong" in said and "nothing is taken away" in said
    with reading("python", tmp_path) as reader:
        (entry,) = EventStore(reader.context).listing("").failure_sets
    assert entry.n_items == 1


def test_a_file_that_is_wrong_ends_before_the_model_is_loaded(
    model: list[str], items_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_load", None)
    assert cli.main(_command(model, items_file.with_name("none.jsonl"), tmp_path / "logs")) == 1
    assert "none.jsonl cannot be read" in capsys.readouterr().err and not (tmp_path / "logs").exists()


def test_a_failure_leaves_no_run_directory(
    model: list[str], items_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = items_file.with_name("damaged.png")
    damaged.write_bytes(b"no picture")
    items = items_file.with_name("damaged.csv")
    items.write_text("picture,prompt,right\n0.png,w1 ?,x\ndamaged.png,w1 ?,x\n", encoding="utf-8")
    assert cli.main(_command(model, items, tmp_path / "logs")) == 1
    assert "damaged.png" in capsys.readouterr().err and list((tmp_path / "logs").iterdir()) == []


def test_the_rule_of_options() -> None:
    for options in (["--match", "near"], ["--ablate", "0"], ["--by", "size"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(["failures", "--vlm", "demo", "--sae", "demo", "--items", "x", "--logdir", "y", *options])
        assert ended.value.code == 2
