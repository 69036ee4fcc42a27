"""The bundled model and dictionary, loaded once."""

from __future__ import annotations

import pytest

from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm


@pytest.fixture(scope="session")
def demo_vlm() -> Vlm:
    return load_vlm("demo", device="cpu")


@pytest.fixture(scope="session")
def demo_sae() -> SparseAutoencoder:
    return load_sae("demo")
