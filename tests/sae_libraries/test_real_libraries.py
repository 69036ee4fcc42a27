"""Every SAE of every library that installs here: made, saved and read by the library, then read by ours; the quick tests' files are its."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tb_visualscratchpad.exporter.sae import convert_sae, load_sae
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.sae_libraries.environments import LIBRARIES, generate

pytestmark = pytest.mark.full

COMMITTED = Path(__file__).resolve().parent.parent / "exporter" / "sae" / "library_files"
REFUSED = {
    "sparsify": {"transcoder", "skip"}, "overcomplete": {"quantised", "matching_pursuit", "orthogonal_pursuit", "layer_norm_encoder"},
}
N_CASES = {"saelens": 46, "dictionary_learning": 14, "sparsify": 7, "saev": 2, "overcomplete": 16}


@pytest.mark.parametrize("name", list(LIBRARIES))
def test_a_library_and_ours_compute_the_same(tmp_path, name):
    """One test for each library, so that no two processes install or run the same."""
    output = tmp_path / "written"
    generate(LIBRARIES[name], output)
    assert len(list(output.iterdir())) == N_CASES[name]
    require_read_as_the_library_reads(name, output)
    require_converted_for_saelens(name, output, tmp_path / "converted")
    require_committed_files(name, output)


def read_case(case: Path) -> tuple[Path, dict[str, Any], dict[str, torch.Tensor]]:
    answers = json.loads((case / "answers.json").read_text())
    if answers.get("input_mean", "none") != "none":
        answers["input_mean"] = str(case / answers["input_mean"])
    hookpoint = case / "checkpoint" / "layers.3"
    return hookpoint if hookpoint.is_dir() else case / "checkpoint", answers, load_file(case / "expected.safetensors")


def farthest(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, as a share of the largest value of its row."""
    return float(((found - expected).abs() / expected.abs().amax(dim=-1, keepdim=True).clamp(min=1e-3)).max())


def require_read_as_the_library_reads(name: str, output: Path) -> None:
    """Latents and rebuilt inputs are the library's own; what no view can show is refused."""
    for case in sorted(output.iterdir()):
        place, answers, expected = read_case(case)
        if case.name in REFUSED.get(name, ()):
            with pytest.raises(ScratchpadError):
                load_sae(place, **answers)
            continue
        sae = load_sae(place, **answers)
        z = sae.encode(expected["x"])
        assert farthest(z, expected["z"]) < 1e-5, case.name
        assert farthest(sae.decode(z, expected["x"]), expected["y"]) < 1e-5, case.name
        assert (z > 0).sum() > 50, case.name


def require_converted_for_saelens(name: str, output: Path, converted: Path) -> None:
    """Converted, it computes the same in SAELens, in ours, and as before."""
    from sae_lens import SAE

    converted.mkdir()
    for case in sorted(output.iterdir()):
        place, answers, expected = read_case(case)
        if case.name in REFUSED.get(name, ()):
            continue
        if case.name == "groupmax":
            with pytest.raises(ScratchpadError, match="SAELens 6 has no groupmax SAE"):
                convert_sae(place, converted / case.name, **answers)
            continue
        convert_sae(place, converted / case.name, **answers)
        theirs = SAE.load_from_disk(converted / case.name)
        # Zero tokens are 0/0 in SAELens under constant_norm_rescale.
        x = expected["x"][expected["x"].norm(dim=-1) > 0]
        with torch.no_grad():
            z = theirs.encode(x)
            y = theirs.decode(z)
        ours = load_sae(converted / case.name)
        assert farthest(ours.encode(x), z) < 1e-5 and farthest(ours.decode(z, x), y) < 1e-5, case.name
        kept = expected["x"].norm(dim=-1) > 0
        assert farthest(z, expected["z"][kept]) < 1e-5 and farthest(y, expected["y"][kept]) < 1e-5, case.name


def require_committed_files(name: str, output: Path) -> None:
    """The files of the quick tests are what the library writes."""
    committed = sorted(path for path in (COMMITTED / name).rglob("*") if path.is_file())
    assert committed
    for path in committed:
        fresh = output / path.relative_to(COMMITTED / name)
        # What was trained is another elsewhere: another processor rounds otherwise, and a selection of the largest changes with it.
        trained = name == "dictionary_learning" or "trained" in path.relative_to(COMMITTED / name).parts[0]
        if path.suffix == ".json":
            old, new = json.loads(path.read_text()), json.loads(fresh.read_text())
            assert (set(old) == set(new)) if trained else (old == new), path
        else:
            read = load_file if path.suffix == ".safetensors" else read_torch
            require_like(read(path), read(fresh), path, values=not trained)


def read_torch(path: Path) -> dict[str, torch.Tensor]:
    """The tensors that torch.save wrote, after a line of JSON or not."""
    with path.open("rb") as file:
        if file.read(1) == b"{":
            file.readline()
        else:
            file.seek(0)
        held = torch.load(io.BytesIO(file.read()), weights_only=True)
    named = held if isinstance(held, dict) else {"": held}
    return {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}


def require_like(committed: dict[str, torch.Tensor], fresh: dict[str, torch.Tensor], path: Path, *, values: bool) -> None:
    """Names, types and shapes are equal, and values where they are the same everywhere."""
    assert {name: (value.dtype, value.shape) for name, value in committed.items()} == {
        name: (value.dtype, value.shape) for name, value in fresh.items()
    }, path
    for name, value in committed.items() if values else ():
        torch.testing.assert_close(value.double(), fresh[name].double(), rtol=1e-4, atol=1e-5, msg=f"{path}: {name}")
