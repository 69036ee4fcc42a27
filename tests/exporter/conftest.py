"""Small random models, saved once a test session."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tests.tiny_sae import save_tiny_sae
from tests.tiny_vlm import save_tiny_llava, save_tiny_llava_next


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    # More threads slow models of this size.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def llava_next_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llava_next(tmp_path_factory.mktemp("llava_next"))


@pytest.fixture(scope="session")
def llava_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llava(tmp_path_factory.mktemp("llava"))


@pytest.fixture(scope="session")
def llava_next(llava_next_folder: Path) -> Vlm:
    return load_vlm(llava_next_folder, device="cpu")


@pytest.fixture(scope="session")
def llava(llava_folder: Path) -> Vlm:
    return load_vlm(llava_folder, device="cpu")


@pytest.fixture(scope="session")
def sae_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_sae(tmp_path_factory.mktemp("tiny_sae"))


@pytest.fixture(scope="session")
def tiny_sae(sae_folder: Path) -> SparseAutoencoder:
    return load_sae(sae_folder)
