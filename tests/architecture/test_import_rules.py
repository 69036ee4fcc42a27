"""The sources keep the import rules, and the checker sees a planted breach of each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.import_rules import python_modules, violations, violations_of_module


def test_sources_keep_the_rules(repository: Path) -> None:
    assert violations(repository) == []


def test_every_source_is_read(repository: Path) -> None:
    modules = dict(python_modules(repository))
    assert modules["tb_visualscratchpad.wire.evidence"] == repository / "tb_visualscratchpad" / "wire" / "evidence.py"
    assert modules["tb_visualscratchpad.exporter.demo.world"] == repository / "exporter" / "demo" / "world.py"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tb_visualscratchpad.wire.tags", "from tb_visualscratchpad.views import rank_latents"),
        ("tb_visualscratchpad.views.ranking", "import tb_visualscratchpad.event_store"),
        ("tb_visualscratchpad.event_store", "from tb_visualscratchpad.handlers import assets"),
        ("tb_visualscratchpad.handlers.assets", "from tb_visualscratchpad.plugin import VisualScratchpadPlugin"),
        ("tb_visualscratchpad.plugin", "def f():\n    from tb_visualscratchpad.exporter import explain"),
        ("tb_visualscratchpad.views.ranking", "import torch"),
        ("tb_visualscratchpad.plugin", "from transformers import AutoModel"),
        ("tb_visualscratchpad.handlers.pictures", "import umap"),
        ("tb_visualscratchpad.wire.tags", "from . import version"),
        ("tb_visualscratchpad.stray", "import json"),
        ("tb_visualscratchpad.exporter.vlm.llava", "from tb_visualscratchpad.exporter.explain import explain"),
        ("tb_visualscratchpad.exporter.sae.loading", "from tb_visualscratchpad.exporter import sweep"),
        ("tb_visualscratchpad.exporter.explain", "from tb_visualscratchpad.exporter.event_log import ScratchpadWriter"),
        ("tb_visualscratchpad.exporter.explain", "from tb_visualscratchpad.exporter import ScratchpadWriter"),
        ("tb_visualscratchpad.exporter.demo.write", "from tb_visualscratchpad.exporter.cli import main"),
        ("tb_visualscratchpad.exporter.event_log", "from tb_visualscratchpad.event_store import EventStore"),
        ("tb_visualscratchpad.exporter.stray", "import json"),
    ],
)
def test_planted_breach_is_found(module: str, source: str) -> None:
    assert len(violations_of_module(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tb_visualscratchpad.handlers.runs", "import numpy as np\nfrom tb_visualscratchpad.views import rank_latents"),
        ("tb_visualscratchpad.plugin", "from tb_visualscratchpad import __version__"),
        ("tb_visualscratchpad.exporter.explain", "import torch\nfrom tb_visualscratchpad.exporter.hooks import hooked"),
        ("tb_visualscratchpad.exporter.demo.write", "from tb_visualscratchpad.exporter.event_log import ScratchpadWriter"),
        ("tb_visualscratchpad.exporter.explain", "from tb_visualscratchpad.views.clusters import compute_latent_order"),
    ],
)
def test_allowed_import_passes(module: str, source: str) -> None:
    assert violations_of_module(module, source) == []


def test_loading_the_plugin_loads_no_torch() -> None:
    """In a fresh process, as TensorBoard does it."""
    program = (
        "import sys, tb_visualscratchpad.plugin\n"
        "print(*sorted({'torch', 'transformers', 'tb_visualscratchpad.exporter'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
