"""convert-sae: what comes back computes the same; nothing half-written, nothing overwritten; what SAELens has not is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tb_visualscratchpad.exporter.cli import main
from tb_visualscratchpad.exporter.sae import convert_sae, load_sae
from tb_visualscratchpad.exporter.sae.answers import Answers
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.sae import foreign_checkpoints as foreign
from tests.exporter.sae.saelens_checkpoints import random_checkpoint
from tests.exporter.sae.test_library_files import FILES, READ, place_and_answers

X = torch.randn(40, 12, generator=torch.Generator().manual_seed(2)) * 3


@pytest.mark.parametrize("case", [case for case in READ if not case.endswith("groupmax")])
def test_what_comes_back_computes_the_same(tmp_path, case):
    place, answers = place_and_answers(case)
    before = load_sae(place, **answers)
    convert_sae(place, tmp_path / "out", **answers)
    after = load_sae(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cfg.json", "sae_weights.safetensors"]
    torch.testing.assert_close(after.encode(X), before.encode(X), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(after.decode(after.encode(X), X), before.decode(before.encode(X), X), rtol=1e-5, atol=1e-5)
    assert (after.subtracts_b_dec, after.normalisation, after.hook) == (before.subtracts_b_dec, before.normalisation, before.hook)
    told = json.loads((tmp_path / "out" / "cfg.json").read_text())["metadata"]["converted_from"]
    assert told["architecture"] == before.report.architecture


def test_firing_at_equality_survives(tmp_path):
    """overcomplete's threshold is inclusive, SAELens' is not."""
    place, answers = place_and_answers("overcomplete/jump")
    before = load_sae(place, **answers)
    convert_sae(place, tmp_path / "out", **answers)
    after = load_sae(tmp_path / "out")
    at = before.activation_function.threshold_K[None]
    below = torch.nextafter(at, torch.zeros_like(at))
    for pre, fires in ((at, True), (below, False)):
        assert bool((before.activation_function(pre) > 0).all()) is fires
        assert torch.equal(after.activation_function(pre), before.activation_function(pre))


def test_double_precision_is_kept(tmp_path):
    convert_sae(random_checkpoint(stored_dtype=torch.float64).write(tmp_path / "in"), tmp_path / "out")
    with safe_open(tmp_path / "out" / "sae_weights.safetensors", "pt") as file:
        assert file.get_tensor("W_enc").dtype == torch.float64
    assert json.loads((tmp_path / "out" / "cfg.json").read_text())["dtype"] == "float64"


def test_what_saelens_has_not_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ScratchpadError, match="no groupmax SAE"):
        convert_sae(FILES / "sparsify" / "groupmax" / "checkpoint" / "layers.3", tmp_path / "out")
    tanh = foreign.prisma(tmp_path / "in" / "a.pt", foreign.random_tensors(), activation_fn_str="tanh-relu")
    with pytest.raises(ScratchpadError, match="no tanh-relu SAE"):
        convert_sae(tanh, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_nothing_is_overwritten(tmp_path, kind):
    out = tmp_path / "out"
    {"folder": out.mkdir, "file": out.touch, "dangling link": lambda: out.symlink_to(tmp_path / "nowhere")}[kind]()
    with pytest.raises(ScratchpadError, match="exists already"):
        convert_sae("demo", out)


def test_a_failure_in_between_leaves_nothing(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tb_visualscratchpad.exporter.sae.conversion.save_file", fail)
    with pytest.raises(ScratchpadError, match="No space left"):
        convert_sae("demo", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_on_the_command_line(tmp_path, capsys):
    place = foreign.saev(tmp_path / "sae.pt", foreign.saev_header(5, "TopK", top_k=4), foreign.random_tensors())
    assert main(["convert-sae", str(place), str(tmp_path / "out")]) == 1
    assert "--sae-clip-negative" in capsys.readouterr().err
    assert main(["convert-sae", str(place), str(tmp_path / "out"), "--sae-clip-negative", "--sae-subtract-b-dec", "yes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["activation"], told["output"]) == ("saev", "topk", str(tmp_path / "out"))
    decisions = {one["name"]: one for one in told["decisions"]}
    assert decisions["subtracts_b_dec"] | {"reason": ""} == {
        "name": "subtracts_b_dec", "value": True, "source": "answer", "reason": "", "alternatives": [False],
    }
    assert load_sae(tmp_path / "out").subtracts_b_dec
    capsys.readouterr()
    assert main(["convert-sae", str(place), str(tmp_path / "out"), "--sae-clip-negative"]) == 1
    assert "exists already" in capsys.readouterr().err
    unset = foreign.matryoshka(tmp_path / "trainer_0", threshold=-1.0)
    assert main(["convert-sae", str(unset), str(tmp_path / "second")]) == 0
    assert "k is 5 (the threshold was never set" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["convert-sae", "--help"])
    assert "--sae-decoder-norm" in capsys.readouterr().out


def test_every_answer_has_an_option():
    from dataclasses import fields

    from tb_visualscratchpad.exporter.cli import _parser
    from tb_visualscratchpad.exporter.sae_options import answers_of

    options = _parser().parse_args(["convert-sae", "a", "b"])
    assert answers_of(options) == {field.name: None for field in fields(Answers)}
    assert isinstance(options.output, Path)
