"""Two dictionaries matched, where it is known which latents are the same; and the command, as users run it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter import cli, match_dictionaries
from tb_visualscratchpad.exporter.dictionary_match import differences_told
from tb_visualscratchpad.exporter.sae import dictionary_info, load_sae
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tests.data_providers import PROVIDERS, reading
from tests.tiny_sae import save_tiny_sae

A = DictionaryInfo("a" * 64, "A", "vlm", "A", "hook", 16, 40, "topk")
B = replace(A, dictionary_id="b" * 64, name="B", n_latents=50)


def planted(seed: int = 0, noise: float = 0.05) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Rows of A; rows of B, of which the first 30 in a shuffled order are A's, longer or shorter and a little turned; and B's number of
    each latent of A, -1 where it has none."""
    draw = np.random.default_rng(seed)
    rows, others = draw.normal(size=(40, 16)), draw.normal(size=(50, 16))
    there = draw.permutation(50)[:30]
    kept = draw.permutation(40)[:30]
    others[there] = rows[kept] * draw.uniform(0.1, 9, (30, 1)) * (1 + noise * draw.normal(size=(30, 16)))
    truth = np.full(40, -1)
    truth[kept] = there
    return torch.from_numpy(rows).float(), torch.from_numpy(others).float(), truth


@pytest.mark.parametrize("seed", range(5))
def test_what_was_planted_is_found(seed: int) -> None:
    rows, others, truth = planted(seed)
    found = match_dictionaries(A, rows, B, others, progress=False)
    has = truth >= 0
    np.testing.assert_array_equal(found.forward_latent_Kn[has, 0], truth[has])
    assert found.mutual_K[has].all() and (found.forward_cosine_Kn[has, 0] > 0.97).all()
    assert (found.forward_cosine_Kn[~has, 0] < 0.95).all()
    np.testing.assert_array_equal(found.backward_latent_Jn[truth[has], 0], np.flatnonzero(has))


def test_numpy_and_torch_give_the_same() -> None:
    rows, others, _ = planted()
    one = match_dictionaries(A, rows, B, others, progress=False)
    same = match_dictionaries(A, rows.numpy(), B, others.numpy(), progress=False)
    np.testing.assert_array_equal(one.forward_cosine_Kn, same.forward_cosine_Kn)


def test_one_latent_has_one_counterpart() -> None:
    one, other = replace(A, n_latents=1), replace(B, n_latents=1)
    found = match_dictionaries(one, torch.ones(1, 16), other, torch.full((1, 16), 3.0), progress=False)
    assert found.forward_latent_Kn.tolist() == [[0, -1, -1, -1, -1]] and found.forward_cosine_Kn[0, 0] == pytest.approx(1, abs=1e-6)
    assert found.mutual_K.tolist() == [True]


def test_of_duplicates_one_is_mutual() -> None:
    rows, others, truth = planted(noise=0)
    latent = int(np.flatnonzero(truth >= 0)[0])
    twice = int(np.flatnonzero(truth < 0)[0])
    rows[twice] = rows[latent]
    found = match_dictionaries(A, rows, B, others, progress=False)
    assert found.forward_latent_Kn[twice, 0] == found.forward_latent_Kn[latent, 0] == truth[latent]
    assert found.mutual_K[[latent, twice]].sum() == 1


def test_what_cannot_be_compared_is_told() -> None:
    rows, others, _ = planted()
    with pytest.raises(ScratchpadError, match="A was given twice"):
        match_dictionaries(A, rows, A, rows, progress=False)
    with pytest.raises(ScratchpadError, match="16 wide, those of B 8.*same width"):
        match_dictionaries(A, rows, replace(B, d_in=8), others[:, :8], progress=False)
    with pytest.raises(ScratchpadError, match=r"The decoder is \[39, 16\]"):
        match_dictionaries(A, rows[:39], B, others, progress=False)
    others[3, 3] = torch.nan
    with pytest.raises(ScratchpadError, match="decoder of B holds NaN"):
        match_dictionaries(A, rows, B, others, progress=False)


def test_features_of_other_places_are_told() -> None:
    assert differences_told(A, B) is None
    assert "hook and elsewhere" in str(differences_told(A, replace(B, hook="elsewhere")))
    assert "axes of two models" in str(differences_told(A, replace(B, vlm_name="other", hook="elsewhere")))


def test_the_command_logs_under_the_identities_of_statistics(
    llava: Vlm, llava_folder: Path, sae_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other SAE is the first one with its latents in another order: the truth is known."""
    turned = save_tiny_sae(tmp_path / "turned")
    tensors = load_file(turned / "sae_weights.safetensors")
    order = torch.randperm(80, generator=torch.Generator().manual_seed(1))
    tensors = {name: t[:, order] if name == "W_enc" else t if name == "b_dec" else t[order] for name, t in tensors.items()}
    save_file({name: t.contiguous() for name, t in tensors.items()}, turned / "sae_weights.safetensors")
    logdir = tmp_path / "logs"
    options = ["match-sae", "--vlm", str(llava_folder), "--sae", str(sae_folder), "--other-sae", str(turned), "--logdir", str(logdir)]
    assert cli.main([*options, "--json"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["n_mutual"] == 80 and told["forward"]["n_over_0.9"] == 80 and "80 of 80 latents" in said.err
    identities = [dictionary_info(llava, load_sae(folder)).dictionary_id for folder in (sae_folder, turned)]
    assert [told["dictionary_id"], told["other_id"]] == identities
    with reading(PROVIDERS[0], logdir) as reader:
        found = EventStore(reader.context).dictionary_match("", told["match_id"])
    np.testing.assert_array_equal(order.numpy()[found.forward_latent_Kn[:, 0]], np.arange(80))

    narrow = save_tiny_sae(tmp_path / "narrow", d_in=12)
    assert cli.main([*options[:5], "--other-sae", str(narrow), "--logdir", str(logdir)]) == 1
    assert "12-wide" in capsys.readouterr().err
    assert cli.main([*options[:5], "--other-sae", str(sae_folder), "--logdir", str(logdir)]) == 1
    assert "was given twice" in capsys.readouterr().err
    assert len(list(logdir.iterdir())) == 1, "nothing is left of what was refused"
