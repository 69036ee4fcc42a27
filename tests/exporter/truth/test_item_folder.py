"""Labelled pictures from a folder, and a sentence for each thing that may be wrong with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.exporter.truth.item_folder import truth_folder
from tb_visualscratchpad.exporter.truth.labelled_pictures import LabelledPicture, TruthItem, TruthSet
from tb_visualscratchpad.wire.errors import ScratchpadError


def write(folder: Path, name: str, **said: Any) -> None:
    """A picture of 8 x 6 pixels with a dog on its left half; ``said`` replaces what the file says, None leaves it out."""
    Image.new("RGB", (8, 6), (9, 9, 9)).save(folder / f"{name}.png")
    mask = np.zeros((6, 8), np.uint8)
    mask[:, :4] = 255
    Image.fromarray(mask).save(folder / f"{name}.dog.png")
    Image.fromarray(255 - mask).save(folder / f"{name}.sea.png")
    whole = {
        "picture": f"{name}.png", "masks": {"dog": f"{name}.dog.png", "sea": f"{name}.sea.png"}, "backgrounds": ["sea"],
        "prompt": "what is it ?", "words": {"dog": "dog", "puppy": "dog"}, "answer": "a dog .",
    } | said
    (folder / f"{name}.json").write_text(json.dumps({key: value for key, value in whole.items() if value is not None}))


def test_a_folder_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", prompt=None, words=None, answer=None)
    found = truth_folder(tmp_path)
    assert (found.name, found.labels, found.n_learn) == (tmp_path.name, ("dog", "sea"), 1)
    (item,) = found.ask
    assert (item.prompt, item.answer, item.words) == ("what is it ?", "a dog .", {"dog": "dog", "puppy": "dog"})
    assert item.shown.masks["dog"].sum() == 24 and item.shown.masks["dog"][:, :4].all() and item.shown.backgrounds == {"sea"}
    assert [shown.name for shown in found.learn] == [str(tmp_path / "b.png")] == [shown.name for shown in found.learn]


def test_half_is_learned_from_where_all_have_questions(tmp_path: Path) -> None:
    for name in "abcde":
        write(tmp_path, name)
    write(tmp_path, "again", picture="a.png")
    found = truth_folder(tmp_path)
    learned = {Path(shown.name).stem for shown in found.learn}
    asked = [Path(item.shown.name).stem for item in found.ask]
    assert learned == {"a", "c", "e"} and asked == ["b", "d"]
    assert len(truth_folder(tmp_path, 1).ask) == 1
    assert {truth_folder(tmp_path, 1, seed).ask[0].shown.name for seed in range(8)} == {str(tmp_path / "b.png"), str(tmp_path / "d.png")}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no picture": ({"picture": "none.png"}, "does not exist"),
    "picture unnamed": ({"picture": None}, "names no picture"),
    "no masks": ({"masks": None, "words": None, "prompt": None, "backgrounds": None}, "names no mask"),
    "mask is gone": ({"masks": {"dog": "none.png"}, "backgrounds": None}, "does not exist: check the path"),
    "mask is text": ({"masks": {"dog": "a.json"}, "backgrounds": None}, "cannot be read .*give a PNG"),
    "word of no mask": ({"words": {"cat": "cat"}}, "name cat, which have no mask"),
    "empty word": ({"words": {" ": "dog"}}, "A word of .* is empty"),
    "no words": ({"words": None}, "names no words of the answer"),
    "background of no mask": ({"backgrounds": ["sky"]}, "backgrounds sky, which have no mask"),
    "backgrounds are text": ({"backgrounds": "sea"}, "expected a list of labels"),
    "unknown key": ({"label": "dog"}, "unknown keys label, expected answer, backgrounds"),
    "prompt is a number": ({"prompt": 3}, "prompt is 3, expected text"),
    "prompt is empty": ({"prompt": " "}, "empty prompt"),
    "words are a list": ({"words": ["dog"]}, "expected an object of texts"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told(case: str, tmp_path: Path) -> None:
    said, expected = WRONG[case]
    write(tmp_path, "b", prompt=None, words=None, answer=None)
    write(tmp_path, "a", **said)
    with pytest.raises(ScratchpadError, match=expected):
        for shown in truth_folder(tmp_path).learn:
            assert shown.masks


def test_a_mask_of_another_size_is_told(tmp_path: Path) -> None:
    write(tmp_path, "b", prompt=None, words=None, answer=None)
    write(tmp_path, "a")
    Image.new("L", (3, 2), 255).save(tmp_path / "a.dog.png")
    with pytest.raises(ScratchpadError, match="mask of 'dog' .* 3x2 pixels, the picture has 8x6"):
        truth_folder(tmp_path)


def test_a_mask_too_large_to_open_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "b", prompt=None, words=None, answer=None)
    write(tmp_path, "a")
    Image.new("L", (60, 60), 255).save(tmp_path / "a.dog.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ScratchpadError, match="The mask .*a.dog.png of 'dog' cannot be read"):
        truth_folder(tmp_path)


def test_folders_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(ScratchpadError, match="is no folder"):
        truth_folder(tmp_path / "none")
    with pytest.raises(ScratchpadError, match="holds no JSON file"):
        truth_folder(tmp_path)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ScratchpadError, match="cannot be read as JSON"):
        truth_folder(tmp_path)
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(ScratchpadError, match="holds a list, expected an object"):
        truth_folder(tmp_path)


def test_one_picture_alone_is_too_little(tmp_path: Path) -> None:
    write(tmp_path, "a")
    with pytest.raises(ScratchpadError, match="0 pictures to learn from and 1 to ask about"):
        truth_folder(tmp_path)


def test_a_picture_is_not_learned_from_and_asked_about(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", picture="a.png", prompt=None, words=None, answer=None)
    with pytest.raises(ScratchpadError, match="a.png would be learned from and asked about"):
        truth_folder(tmp_path)


def test_made_from_python_it_is_checked_too() -> None:
    picture = Image.new("RGB", (4, 3))
    with pytest.raises(ScratchpadError, match="is uint8 of 4x3 pixels"):
        LabelledPicture("it", picture, {"dog": np.zeros((3, 4), np.uint8)})
    shown = LabelledPicture("it", picture, {"dog": np.zeros((3, 4), bool)})
    with pytest.raises(ScratchpadError, match="empty prompt"):
        TruthItem(shown, "", {"dog": "dog"})
    with pytest.raises(ScratchpadError, match="has no label"):
        TruthSet("set", (), [shown], 1, [TruthItem(shown, "what ?", {})])
