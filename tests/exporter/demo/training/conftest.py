"""A very small untrained model of Emoji World's make."""

from __future__ import annotations

from pathlib import Path

import pytest

from tb_visualscratchpad.exporter.demo.training.untrained_model import ModelSize, save_untrained_model

TINY = ModelSize(view=32, patch=8, vision_width=32, vision_layers=2, vision_heads=2, text_width=32, text_layers=2, text_heads=2)


@pytest.fixture(scope="session")
def untrained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("untrained")
    save_untrained_model(folder, TINY, seed=0)
    return folder
