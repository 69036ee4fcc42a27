"""Tokens of Emoji World at every place, sampled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.image_folder import ImageFolder, list_images
from tb_visualscratchpad.exporter.sae_check.token_sample import Place, sample_places
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm

N_IMAGES = 16


@pytest.fixture(scope="session")
def emoji_vlm() -> Vlm:
    return load_vlm("demo", device="cpu")


@pytest.fixture(scope="session")
def emoji_folder(tmp_path_factory: pytest.TempPathFactory) -> ImageFolder:
    root = tmp_path_factory.mktemp("emoji")
    for number in range(N_IMAGES):
        seed = 7_000_000 + number
        compose(random_scene(seed), seed).picture.save(root / f"{number:02d}.png")
    return list_images(root)


@pytest.fixture(scope="session")
def emoji_places(emoji_vlm: Vlm, emoji_folder: ImageFolder) -> tuple[Place, ...]:
    return sample_places(emoji_vlm, emoji_folder, 192, max_tokens=512, progress=False)


@pytest.fixture(scope="session")
def emoji_root(emoji_folder: ImageFolder) -> Path:
    return emoji_folder.root
