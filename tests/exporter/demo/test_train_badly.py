"""The demo's badly trained dictionary: that it is bad in the ways that are told, and how it is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tb_visualscratchpad.exporter.demo.train_badly import BadPlan, main, train_badly
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.wire.errors import ScratchpadError


def _batches(seed: int) -> Iterator[torch.Tensor]:
    """Sparse mixtures of 24 directions, far from zero: a good dictionary rebuilds them."""
    chance = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(24, 16, generator=chance), dim=1)
    while True:
        used = (torch.rand(256, 24, generator=chance) < 0.1).float()
        yield 4 + (used * (1 + torch.rand(256, 24, generator=chance))) @ directions


def _unexplained(plan: BadPlan) -> float:
    """FVU on eight batches."""
    sae = train_badly(_batches(0), plan)
    batches = _batches(0)
    x = torch.cat([next(batches) for _ in range(60)][-8:])
    z = sae.encode(x)
    return float((x - sae.decode(z, x)).square().sum() / (x - x.mean(dim=0)).square().sum())


def test_the_learning_rate_is_what_spoils_it() -> None:
    sane, spoilt = (_unexplained(BadPlan(n_latents=64, k=4, n_steps=400, step_samples=256, learning_rate=lr)) for lr in (0.005, 1.0))
    assert sane < 0.5 and spoilt > 2 * sane


def test_the_same_seed_and_batches_give_the_same() -> None:
    plan = BadPlan(n_latents=32, k=3, n_steps=20, step_samples=256)
    one, other = train_badly(_batches(1), plan), train_badly(_batches(1), plan)
    assert torch.equal(one.W_enc, other.W_enc) and torch.equal(one.W_dec, other.W_dec)


def test_it_is_a_name_and_small() -> None:
    sae, good = load_sae("demo-bad"), load_sae("demo")
    assert (sae.name, sae.d_in, sae.n_latents, sae.hook) == ("demo, badly trained", good.d_in, 1024, good.hook)
    assert isinstance(sae.activation_function, TopK) and sae.activation_function.k == 16
    folder = Path(__file__).parents[3] / "exporter" / "demo" / "bundle" / "sae_badly_trained"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_500_000


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--output", str(tmp_path)]) == 1
    assert "exists already" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_where_it_is_missing_the_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tb_visualscratchpad.exporter.sae.checkpoint_folder.BADLY_TRAINED", tmp_path / "nowhere")
    with pytest.raises(ScratchpadError, match="train_badly"):
        load_sae("demo-bad")
