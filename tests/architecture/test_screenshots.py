"""The pictures in the documents: all that their maker makes, and not too heavy."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from PIL import Image


def test_the_screens_are_those_of_their_maker(repository: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_screenshots", repository / "docs" / "make_screenshots.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    folder = repository / "docs" / "screens"
    expected = {maker.name_of(workspace, theme, width): (width, height) for workspace, theme, width, height in maker.wanted()}
    assert {path.name for path in folder.glob("*.png")} == expected.keys()
    for name, size in expected.items():
        with Image.open(folder / name) as picture:
            assert picture.size == size
    assert sum(path.stat().st_size for path in folder.glob("*.png")) <= maker.LARGEST_TOTAL
    assert (folder / "README.md").read_text(encoding="utf-8") == maker.page_of_screens()
