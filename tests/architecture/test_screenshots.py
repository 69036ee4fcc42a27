"""The pictures in the documents: all that their maker makes, and not too heavy."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def maker(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_screenshots", repository / "docs" / "make_screenshots.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_screens_are_those_of_their_maker(repository: Path, maker: ModuleType) -> None:
    folder = repository / "docs" / "screens"
    expected = {shot.name: (shot.width, shot.height) for shot in maker.wanted()}
    assert {path.name for path in folder.glob("*.png")} == expected.keys()
    for workspace in maker.DRAWN:
        assert {f"{workspace}-{theme}-{width}.png" for theme in ("light", "dark") for width in (1280, 1920)} <= expected.keys()
    for name, size in expected.items():
        with Image.open(folder / name) as picture:
            assert picture.size == size
    assert sum(path.stat().st_size for path in folder.rglob("*.png")) <= maker.LARGEST_TOTAL
    assert (folder / "README.md").read_text(encoding="utf-8") == maker.page_of_screens()


def test_pairs_show_every_drawn_workspace_in_both_themes(repository: Path, maker: ModuleType) -> None:
    folder = repository / "docs" / "screens" / "beside"
    shown = re.findall(r"\]\(([\w-]+\.png)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert set(shown) == {path.name for path in folder.glob("*.png")}
    assert {name.rsplit("-", 1)[0] for name in shown} == {f"{name}-{theme}" for name in maker.DRAWN for theme in maker.THEMES}
    assert (folder / "README.md").read_text(encoding="utf-8") == maker.page_of_pairs(shown)
    for name in shown:
        width = int(re.search(r"\d+", name).group())
        with Image.open(folder / name) as picture:
            assert picture.width == 2 * width + maker.GUTTER


def test_pictures_to_set_beside_are_found_by_their_names(tmp_path: Path, maker: ModuleType) -> None:
    for name, size in (("dictionary-dark-1440", (1440, 900)), ("scratchpad-light-1100", (1100, 900)), ("settings-dark-1440", (1440, 900))):
        Image.new("RGB", size).save(tmp_path / f"{name}.png")
    found = maker.pictures_beside(tmp_path)
    assert [(shot.name, path.name) for shot, path in found] == [(f"{name}.png",) * 2 for name in ("scratchpad-light-1100", "dictionary-dark-1440")]
    both = maker.set_beside(Image.new("RGB", (1440, 900), (255, 0, 0)), Image.new("RGB", (1440, 900), (0, 0, 255)), found[1][0])
    assert both.getpixel((5, both.height - 5)) == (255, 0, 0) and both.getpixel((both.width - 5, both.height - 5)) == (0, 0, 255)

    Image.new("RGB", (900, 900)).save(tmp_path / "dictionary-light-1100.png")
    with pytest.raises(SystemExit, match="is 900 pixels wide; its name says 1100"):
        maker.pictures_beside(tmp_path)
    with pytest.raises(SystemExit, match="No picture in"):
        maker.pictures_beside(tmp_path / "nothing")
