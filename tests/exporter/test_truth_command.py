"""``visualscratchpad truth``, as users run it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.demo.truth import pair_listed, pictures_to_learn_from
from tb_visualscratchpad.exporter.truth.labelled_pictures import LabelledPicture
from tb_visualscratchpad.exporter.truth_command import cell, report_as_json, table_of
from tb_visualscratchpad.views.truth_table import truth_tables
from tb_visualscratchpad.wire.truth_evidence import TruthFigure
from tests.random_evidence import random_truth_report

DEMO = ["truth", "--vlm", "demo", "--sae", "demo"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--pictures", "0"], "--pictures is 0: expected at least 1."),
        (["--seed", "-1"], "--seed is -1: expected 0 to"),
        (["--max-new-tokens", "0"], "--max-new-tokens is 0: expected at least 1."),
        (["--items", "no/such/folder"], "no/such/folder is no folder"),
    ],
)
def test_bad_options_are_told_before_anything_is_loaded(options: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*DEMO, *options]) == 1
    said = capsys.readouterr()
    assert said.out == "" and f"visualscratchpad: {expected}" in said.err and "Loading" not in said.err


def test_emoji_world_is_for_the_bundled_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["truth", "--vlm", "some/model", "--sae", "demo"]) == 1
    assert "Emoji World is known to the bundled model alone, not to some/model: give labelled pictures with --items" in capsys.readouterr().err


def test_the_table_holds_every_figure() -> None:
    report = random_truth_report(3)
    lines = table_of(report).splitlines()
    assert "30 pictures, 71 words" in lines[0] and "50 other pictures with 9 labels" in lines[1]
    row = next(line for line in lines if line.startswith("B "))
    hit1, hit5 = report.figure("ranking.hit1", "B"), report.figure("ranking.hit5", "B")
    assert hit1 is not None and hit5 is not None and cell(hit1).strip() in row and cell(hit5).strip() in row
    heads = [line for line in lines if line.endswith("       n")]
    assert [line.split("  ")[0] for line in heads] == [table.title for table in truth_tables(report)]


def test_cells() -> None:
    figure = TruthFigure("ranking.hit5", "B", False, 0.5, 0.25, 0.75, 9, 4, -0.25, -0.5, -0.125)
    assert cell(figure) == "50.0 % [25.0, 75.0] -"
    assert cell(replace(figure, difference=0.25, difference_low=0.125, difference_high=0.5)) == "50.0 % [25.0, 75.0] +"
    assert cell(replace(figure, difference_high=0.125)) == "50.0 % [25.0, 75.0]  "
    assert cell(replace(figure, measure="attention.lift", value=14.5, low=None)) == "14.5x -"
    assert cell(replace(figure, measure="dose.half", value=0.456, low=None, difference=None, difference_low=None)) == "0.46  "
    assert cell(replace(figure, value=None)) == "- "


def test_json_holds_what_was_reported() -> None:
    report = random_truth_report(3)
    told = json.loads(json.dumps(report_as_json(report), allow_nan=False))
    assert told["n_words"] == 71 and len(told["figures"]) == len(report.figures)
    assert told["figures"][1]["difference"] == report.figures[1].difference and told["figures"][1]["differs"] == report.figures[1].differs


def save(folder: Path, shown: LabelledPicture, name: str, **said: object) -> None:
    """A labelled picture as docs/truth.md lays it out."""
    shown.picture.save(folder / f"{name}.png")
    for label, mask_HW in shown.masks.items():
        Image.fromarray(mask_HW.astype(np.uint8) * 255).save(folder / f"{name}.{label}.png")
    masks = {label: f"{name}.{label}.png" for label in shown.masks}
    whole = {"picture": f"{name}.png", "masks": masks, "backgrounds": sorted(shown.backgrounds), **said}
    (folder / f"{name}.json").write_text(json.dumps(whole))


@pytest.mark.full
def test_a_folder_is_checked_logged_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, logdir = tmp_path / "pictures", tmp_path / "logs"
    folder.mkdir()
    items = [pair_listed(950_000 + number) for number in range(2)]
    wanted = {label for item in items for label in item.words}
    for number, shown in enumerate(pictures_to_learn_from(2)):
        if wanted & set(shown.masks):
            save(folder, shown, f"learn-{number}")
    for number, item in enumerate(items):
        save(folder, item.shown, f"ask-{number}", prompt=item.prompt, words=dict(item.words), answer=item.answer)
    assert cli.main([*DEMO, "--items", str(folder), "--logdir", str(logdir), "--json"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["items"], told["n_pictures"], told["n_labels"]) == ("pictures", 2, len({label for item in items for label in item.shown.masks} | {
        label for shown in pictures_to_learn_from(2) if wanted & set(shown.masks) for label in shown.masks
    }))
    figures = {(one["measure"], one["setting"]): one for one in told["figures"]}
    assert figures["ranking.hit5", "C"]["value"] > figures["ranking.hit5", "B"]["value"]
    assert figures["quality.right", "model alone"]["n"] == 2
    assert "asking" in said.err and "Logged to" in said.err
    (directory,) = logdir.iterdir()
    assert directory.name.startswith("truth-") and list(directory.glob("events.out.tfevents.*"))


@pytest.mark.full
def test_the_table_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*DEMO, "--pictures", "2"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("demo at ") and "Latents a word ranks first" in said.out and "question" in said.err
