"""Files that lie, explode, or would run code: a sentence each, nothing run, memory bounded."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.sae.saelens_checkpoints import random_checkpoint

CANARY = "canary-was-created"
D, K = 4, 8


def standard_tensors() -> dict[str, torch.Tensor]:
    return {"W_enc": torch.ones(D, K), "b_enc": torch.ones(K), "W_dec": torch.ones(K, D), "b_dec": torch.ones(D)}


def topk_tensors() -> dict[str, torch.Tensor]:
    """An AutoEncoderTopK of dictionary_learning."""
    return {
        "k": torch.tensor(3, dtype=torch.int32), "threshold": torch.tensor(-1.0), "encoder.weight": torch.ones(K, D), "encoder.bias": torch.ones(K),
        "decoder.weight": torch.ones(D, K), "b_dec": torch.ones(D),
    }


def circular() -> dict[str, object]:
    config: dict[str, object] = {"block_layer": -2, "module_name": "resid", "d_in": -1}
    config["config"] = config
    return config


class RunsCode:
    """Unpickled without care, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def saelens(folder: Path, **changes: object) -> Path:
    """A good SAELens folder whose config is changed."""
    checkpoint = random_checkpoint()
    checkpoint.cfg |= changes
    return checkpoint.write(folder)


def config_text(folder: Path, text: bytes) -> Path:
    (saelens(folder) / "cfg.json").write_bytes(text)
    return folder


def weights_bytes(folder: Path, data: bytes, name: str = "sae_weights.safetensors") -> Path:
    (saelens(folder) / "sae_weights.safetensors").unlink()
    (folder / name).write_bytes(data)
    return folder


def safetensors_header(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def torch_bytes(held: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(held, buffer)
    return buffer.getvalue()


def rezipped(data: bytes, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A file of torch.save with its records changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w", compression) as target:
        for record in source.infolist():
            target.writestr(record.filename, change(record.filename, source.read(record)))
    return buffer.getvalue()


def with_pickle(pickled: bytes) -> bytes:
    return rezipped(torch_bytes(topk_tensors()), lambda name, data: pickled if name.endswith("data.pkl") else data)


def lying_shape(rows: int) -> bytes:
    """A state dict whose encoder claims ``rows`` rows."""
    claim = b"\x8a\x08" + rows.to_bytes(8, "little")
    return rezipped(
        torch_bytes(topk_tensors()), lambda name, data: data.replace(b"K\x08K\x04\x86", claim + b"K\x04\x86") if name.endswith("data.pkl") else data
    )


def torch_folder(folder: Path, data: bytes) -> Path:
    folder.mkdir()
    (folder / "ae.pt").write_bytes(data)
    return folder


def topk_run(folder: Path, data: bytes) -> Path:
    """What dictionary_learning's trainer leaves, with ``data`` for its weights."""
    torch_folder(folder, data)
    (folder / "config.json").write_text(json.dumps({"trainer": {"dict_class": "AutoEncoderTopK", "k": None}}))
    return folder


def tensors_folder(folder: Path, **changes: torch.Tensor) -> Path:
    saelens(folder)
    save_file({**standard_tensors(), **changes}, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps({"architecture": "standard", "d_in": D, "d_sae": K}))
    return folder


def pickled_code(folder: Path, wrap: Callable[[object], bytes]) -> Path:
    return torch_folder(folder, wrap({**topk_tensors(), "code": RunsCode(folder.parent / CANARY)}))


def legacy_torch(held: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(held, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def link(folder: Path, target: Path, name: str) -> Path:
    saelens(folder)
    (folder / name).unlink()
    (folder / name).symlink_to(target)
    return folder


def directory_for(folder: Path, name: str) -> Path:
    saelens(folder)
    (folder / name).unlink()
    (folder / name).mkdir()
    return folder


def saev(folder: Path, line: bytes, payload: bytes | None = None) -> Path:
    folder.mkdir()
    (folder / "sae.pt").write_bytes(line + (torch_bytes(standard_tensors()) if payload is None else payload))
    return folder


def self_link(folder: Path) -> Path:
    folder.symlink_to(folder)
    return folder


F32 = {"dtype": "F32", "shape": [D, K], "data_offsets": [0, 4 * D * K]}
GLOBAL = b"\x80\x02c%s\nX\x05\x00\x00\x00touchq\x00\x85q\x01R."
HOSTILE: dict[str, Callable[[Path], Path]] = {
    # configs
    "config: empty": lambda p: config_text(p, b""),
    "config: truncated": lambda p: config_text(p, b'{"architecture": "topk", "d_i'),
    "config: a list": lambda p: config_text(p, b"[1, 2]"),
    "config: not UTF-8": lambda p: config_text(p, b'{"architecture": "\xff\xfe"}'),
    "config: UTF-16": lambda p: config_text(p, '{"architecture": "topk"}'.encode("utf-16")),
    "config: nested beyond recursion": lambda p: config_text(p, b'{"architecture": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "config: a key twice": lambda p: config_text(p, b'{"architecture": "topk", "k": 3, "k": 5, "d_in": 12, "d_sae": 40}'),
    "config: a number of 10,000 digits": lambda p: config_text(p, b'{"architecture": "topk", "k": ' + b"9" * 10_000 + b"}"),
    "config: k of 10**30": lambda p: saelens(p, k=10**30),
    "config: k of 2.5": lambda p: saelens(p, k=2.5),
    "config: k of infinity": lambda p: config_text(p, b'{"architecture": "topk", "k": Infinity}'),
    "config: k of zero": lambda p: saelens(p, k=0),
    "config: k of true": lambda p: saelens(p, k=True),
    "config: k as text": lambda p: saelens(p, k="5"),
    "config: negative d_in": lambda p: saelens(p, d_in=-12),
    "config: d_sae of 10**18": lambda p: saelens(p, d_sae=10**18),
    "config: an architecture that is an object": lambda p: saelens(p, architecture={"topk": 1}),
    "config: metadata that is text": lambda p: saelens(p, metadata="x"),
    "config: a directory": lambda p: directory_for(p, "cfg.json"),
    "config: a link to itself": lambda p: link(p, p / "cfg.json", "cfg.json"),
    "config: a dangling link": lambda p: link(p, p / "nowhere", "cfg.json"),
    # safetensors
    "safetensors: empty": lambda p: weights_bytes(p, b""),
    "safetensors: eight bytes": lambda p: weights_bytes(p, b"\0" * 8),
    "safetensors: wrong magic": lambda p: weights_bytes(p, b"GGUF" + b"\0" * 100),
    "safetensors: a header of 2**63 bytes": lambda p: weights_bytes(p, safetensors_header({}, length=2**63)),
    "safetensors: a header longer than the file": lambda p: weights_bytes(p, safetensors_header({}, length=10_000)),
    "safetensors: a header that is no JSON": lambda p: weights_bytes(p, safetensors_header(b"{{{{", b"\0" * 64)),
    "safetensors: a header nested beyond recursion": lambda p: weights_bytes(p, safetensors_header(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    "safetensors: a tensor twice": lambda p: weights_bytes(
        p, safetensors_header(b'{"W_enc":%b,"W_enc":%b}' % ((json.dumps(F32).encode(),) * 2), b"\0" * 128)
    ),
    "safetensors: a shape of 10**18": lambda p: weights_bytes(p, safetensors_header({"W_enc": F32 | {"shape": [10**9, 10**9]}}, b"\0" * 128)),
    "safetensors: a negative extent": lambda p: weights_bytes(p, safetensors_header({"W_enc": F32 | {"shape": [-4, -8]}}, b"\0" * 128)),
    "safetensors: an extent that is true": lambda p: weights_bytes(p, safetensors_header({"W_enc": F32 | {"shape": [True, 32]}}, b"\0" * 128)),
    "safetensors: offsets beyond the end": lambda p: weights_bytes(p, safetensors_header({"W_enc": F32 | {"data_offsets": [10**6, 10**6 + 128]}}, b"\0" * 128)),
    "safetensors: overlapping offsets": lambda p: weights_bytes(p, safetensors_header({"W_enc": F32, "W_dec": F32 | {"shape": [K, D]}}, b"\0" * 128)),
    "safetensors: an entry that is a number": lambda p: weights_bytes(p, safetensors_header({"W_enc": 3}, b"\0" * 128)),
    "safetensors: a directory": lambda p: directory_for(p, "sae_weights.safetensors"),
    "safetensors: a link to itself": lambda p: link(p, p / "sae_weights.safetensors", "sae_weights.safetensors"),
    "tensors: wrong shape": lambda p: tensors_folder(p, W_dec=torch.ones(K, D + 1)),
    "tensors: no latents": lambda p: tensors_folder(p, W_enc=torch.ones(D, 0), W_dec=torch.ones(0, D), b_enc=torch.ones(0)),
    "tensors: NaN": lambda p: tensors_folder(p, b_enc=torch.full((K,), float("nan"))),
    "tensors: infinite after half precision": lambda p: tensors_folder(p, b_dec=torch.full((D,), float("inf"), dtype=torch.float16)),
    "tensors: float8": lambda p: tensors_folder(p, W_enc=torch.ones(D, K).to(torch.float8_e4m3fn)),
    "tensors: whole numbers": lambda p: tensors_folder(p, W_enc=torch.ones(D, K, dtype=torch.int8)),
    "tensors: complex": lambda p: tensors_folder(p, W_enc=torch.ones(D, K, dtype=torch.complex64)),
    "tensors: boolean": lambda p: tensors_folder(p, b_enc=torch.ones(K, dtype=torch.bool)),
    # pickles
    "pickle: a state dict that would run code": lambda p: pickled_code(p, torch_bytes),
    "pickle: the same in the old layout": lambda p: pickled_code(p, legacy_torch),
    "pickle: the same, bare": lambda p: pickled_code(p, pickle.dumps),
    "pickle: a global that would run code": lambda p: torch_folder(p, with_pickle(GLOBAL % b"os\nmkdir")),
    "pickle: eval by its builtin name": lambda p: torch_folder(p, with_pickle(GLOBAL % b"builtins\neval")),
    "pickle: a global through a submodule of torch": lambda p: torch_folder(p, with_pickle(GLOBAL % b"torch.serialization\nload")),
    "pickle: a name built on the stack": lambda p: torch_folder(p, with_pickle(b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93\x8c\x05touch\x85R.")),
    "pickle: an instance of a class by opcode": lambda p: torch_folder(p, with_pickle(b"(X\x05\x00\x00\x00touchios\nmkdir\n.")),
    "pickle: ten gigabytes of zeros": lambda p: torch_folder(p, with_pickle(b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x03\x85R.")),
    "pickle: endless": lambda p: torch_folder(p, with_pickle(b"\x80\x02]" * 1000)),
    "pickle: rubbish": lambda p: torch_folder(p, with_pickle(bytes(range(256)))),
    "pickle: a shape of 10**15": lambda p: torch_folder(p, lying_shape(10**15)),
    "pickle: a shape beyond 64 bits": lambda p: torch_folder(p, lying_shape(2**62)),
    "pickle: a negative shape": lambda p: torch_folder(p, lying_shape(2**64 - 8)),
    "pickle: k of 10**9": lambda p: topk_run(p, torch_bytes(topk_tensors() | {"k": torch.tensor(10**9, dtype=torch.int32)})),
    "pickle: k of -3": lambda p: topk_run(p, torch_bytes(topk_tensors() | {"k": torch.tensor(-3, dtype=torch.int32)})),
    "pickle: a complex k": lambda p: topk_run(p, torch_bytes(topk_tensors() | {"k": torch.tensor(3 + 1j)})),
    "pickle: a config whose fields are tensors": lambda p: torch_folder(
        p, torch_bytes({"state_dict": standard_tensors(), "cfg": {"block_layer": -2, "module_name": "resid", "d_in": torch.ones(5), "gated_sae": torch.ones(5)}})
    ),
    "pickle: a config that holds itself": lambda p: torch_folder(p, torch_bytes({"state_dict": standard_tensors(), "cfg": circular()})),
    "pickle: a list": lambda p: torch_folder(p, torch_bytes([torch.ones(3)])),
    "zip: truncated": lambda p: torch_folder(p, torch_bytes(topk_tensors())[:-200]),
    "zip: half": lambda p: torch_folder(p, torch_bytes(topk_tensors())[:700]),
    "zip: compressed records": lambda p: torch_folder(p, rezipped(torch_bytes(topk_tensors()), lambda _, data: data, zipfile.ZIP_DEFLATED)),
    "zip: no pickle": lambda p: torch_folder(p, rezipped(torch_bytes(topk_tensors()), lambda name, data: b"" if name.endswith(".pkl") else data)),
    "zip: records cut short": lambda p: topk_run(p, rezipped(torch_bytes(topk_tensors()), lambda name, data: data[:3] if "/data/" in name else data)),
    # saev
    "saev: a line that is no JSON": lambda p: saev(p, b"{nonsense\n"),
    "saev: no weights after the line": lambda p: saev(p, b'{"d_vit": 4, "exp_factor": 2}\n', b""),
    "saev: code after the line": lambda p: saev(p, b'{"d_vit": 4, "exp_factor": 2}\n', torch_bytes(RunsCode(p.parent / CANARY))),
    "saev: a list after the line": lambda p: saev(p, b'{"d_vit": 4, "exp_factor": 2}\n', torch_bytes([torch.ones(2)])),
    "saev: a schema of 10**20": lambda p: saev(p, b'{"schema": 100000000000000000000, "cfg": {}}\n'),
    "saev: a schema that is true": lambda p: saev(p, b'{"schema": true, "cfg": {}}\n'),
    "saev: a config that is a list": lambda p: saev(p, b'{"schema": 2, "cfg": []}\n'),
    "saev: widths of another SAE": lambda p: saev(p, b'{"d_vit": 1024, "exp_factor": 32}\n'),
    # places
    "place: a folder of 3,000 files": lambda p: (p.mkdir(), [(p / f"{n}.txt").touch() for n in range(3_000)], p)[2],
    "place: a link to itself": self_link,
    "place: a file of nothing": lambda p: (p.write_bytes(b""), p)[1],
    "place: an empty folder": lambda p: (p.mkdir(), p)[1],
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_sentence_and_nothing_run(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = HOSTILE[name](tmp_path / "sae")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ScratchpadError) as caught:
        load_sae(place)
    sentence = str(caught.value)
    assert 20 < len(sentence) < 1500 and "\n" not in sentence and "Traceback" not in sentence
    assert sorted(tmp_path.rglob("*")) == before, "nothing was created"


def test_the_canary_can_sing(tmp_path):
    """What the pickles above would do where nothing holds them back."""
    place = pickled_code(tmp_path / "sae", torch_bytes)
    torch.load(place / "ae.pt", weights_only=False)
    assert (tmp_path / CANARY).exists()


def huge_config(folder: Path) -> Path:
    with (saelens(folder) / "cfg.json").open("wb") as file:
        file.write(b'{"architecture": "topk", "padding": "')
        file.truncate(1 << 30)
    return folder


def zip_bomb(folder: Path) -> Path:
    zeros = bytes(1 << 25)
    return torch_folder(folder, rezipped(torch_bytes(topk_tensors()), lambda name, data: zeros if "/data/" in name else data, zipfile.ZIP_DEFLATED))


def lying_directory(folder: Path) -> Path:
    """The central directory says that the pickle has two gigabytes."""
    data = bytearray(torch_bytes(topk_tensors()))
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"data.pkl"))
    data[at + 20 : at + 28] = struct.pack("<II", 2_000_000_000, 2_000_000_000)
    return torch_folder(folder, bytes(data))


BOMBS: dict[str, Callable[[Path], Path]] = {
    "a config of 1 GiB": huge_config,
    "a zip that unpacks to 200 MiB": zip_bomb,
    "a central directory that lies": lying_directory,
    "a tensor that claims 16 TiB": lambda p: torch_folder(p, lying_shape(10**12)),
    "a safetensors header that claims 4 TiB": lambda p: weights_bytes(
        p, safetensors_header({"W_enc": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}, b"\0" * 64)
    ),
    "a config of 60 MB in the pickle": lambda p: torch_folder(p, torch_bytes({**topk_tensors(), "config": "x" * 60_000_000})),
}
MEASURE = """
import pathlib, sys
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.wire.errors import ScratchpadError
import torch.serialization, zipfile

def peak():
    # Not getrusage: its figure outlives exec, so that it would be the parent's.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])

before = peak()
for place in sys.argv[1:]:
    try:
        load_sae(place)
        print("loaded", place)
    except ScratchpadError as error:
        print("refused", error)
after = peak()
held = b"x" * 300_000_000  # the meter shows what it is there to show
print(after - before, peak() - after)
"""


def test_bombs_are_told_and_memory_stays_bounded(tmp_path):
    places = [str(make(tmp_path / f"bomb{number}")) for number, make in enumerate(BOMBS.values())]
    told = subprocess.run([sys.executable, "-c", MEASURE, *places], capture_output=True, text=True, check=True, env=os.environ, timeout=300)
    *lines, figures = told.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["refused"] * len(BOMBS), told.stdout
    grown, seen = (int(figure) for figure in figures.split())
    assert grown < 120_000 < seen, f"refusing them took {grown} KiB"
