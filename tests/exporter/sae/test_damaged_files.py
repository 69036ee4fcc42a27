"""Good checkpoints with a few bytes changed: each still loads, or is told in a sentence. Nothing else comes out."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.sae import foreign_checkpoints as foreign
from tests.exporter.sae.test_hostile_files import rezipped
from tests.exporter.sae.test_library_files import READ, place_and_answers

OPCODES = b"(.012FIJKLMNPQRSTUVXabcdeghijloprstuq}])\x80\x81\x85\x86\x87\x88\x89\x8a"


def damaged(data: bytes, rng: random.Random, alphabet: bytes = bytes(range(256))) -> bytes:
    """Some bytes flipped, replaced, taken out or put in; half of the time near the beginning, where headers are."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(max(1, min(len(changed), 600) if rng.random() < 0.5 else len(changed)))
        kind = rng.randrange(5)
        if kind == 0 and changed:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and changed:
            changed[at] = rng.choice(alphabet)
        elif kind == 2:
            del changed[at : at + rng.randrange(1, 20)]
        elif kind == 3:
            changed[at:at] = bytes(rng.choice(alphabet) for _ in range(rng.randrange(1, 9)))
        elif rng.random() < 0.2:
            del changed[at:]
    return bytes(changed)


def outcome(place: Path, answers: dict[str, object]) -> str:
    try:
        load_sae(place, **answers)
    except ScratchpadError as error:
        assert len(str(error)) < 1500 and "\n" not in str(error), str(error)
        return "refused"
    return "loaded"


@pytest.mark.parametrize("library", sorted({case.split("/")[0] for case in READ}))
def test_a_damaged_file(tmp_path, library):
    rng, cases = random.Random(library), [case for case in READ if case.startswith(f"{library}/")]
    seen = []
    for _ in range(60):
        place, answers = place_and_answers(rng.choice(cases))
        shutil.rmtree(tmp_path / "sae", ignore_errors=True)
        shutil.copytree(place, tmp_path / "sae")
        file = rng.choice(sorted(path for path in (tmp_path / "sae").rglob("*") if path.is_file()))
        file.write_bytes(damaged(file.read_bytes(), rng))
        seen.append(outcome(tmp_path / "sae", answers))
    assert set(seen) == {"loaded", "refused"}


MAKERS: dict[str, Callable[[Path], Path]] = {
    "topk": lambda folder: foreign.interrupted(folder, "BatchTopKSAE", foreign.topk_dictionary(threshold=0.3), 2.0) / "ae.pt",
    "prisma": lambda folder: foreign.prisma(
        folder / "a.pt", foreign.random_tensors(), activation_fn_str="topk", activation_fn_kwargs={"k": 4}
    ),
    "patchsae": lambda folder: foreign.patchsae(folder / "a.pt", foreign.random_tensors()),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", list(MAKERS))
def test_a_damaged_pickle_in_a_sound_archive(tmp_path, name):
    """The archive's check sums are right, so that the damage reaches the pickle's reader."""
    rng, data = random.Random(name), MAKERS[name](tmp_path / "good").read_bytes()
    seen = []
    for number in range(100):
        file = tmp_path / f"{number}.pt"
        file.write_bytes(rezipped(data, lambda record, held: damaged(held, rng, OPCODES) if record.endswith("data.pkl") else held))
        seen.append(outcome(file, {}))
        file.unlink()
    assert set(seen) <= {"loaded", "refused"} and seen.count("refused") > 50
