"""The committed protobuf module says what scratchpad.proto says, and is old enough for every protobuf TensorBoard admits."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from google.protobuf import descriptor_pb2
from packaging.requirements import Requirement
from packaging.version import Version

from tb_visualscratchpad.wire import scratchpad_pb2

PROTO = "tb_visualscratchpad/wire/scratchpad.proto"


def test_the_committed_module_has_not_drifted(repository: Path, tmp_path: Path) -> None:
    target = tmp_path / "descriptors"
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", str(repository), f"--descriptor_set_out={target}", PROTO],
        check=True, cwd=repository, timeout=120,
    )
    (compiled,) = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes()).file
    committed = descriptor_pb2.FileDescriptorProto.FromString(scratchpad_pb2.DESCRIPTOR.serialized_pb)
    for message in _messages(compiled.message_type):
        for field in message.field:
            field.ClearField("json_name")
    assert compiled == committed, f"regenerate scratchpad_pb2.py from {PROTO} as docs/event_format.md says"


def test_the_generator_is_the_oldest_that_tensorboard_admits() -> None:
    source = Path(scratchpad_pb2.__file__).read_text(encoding="utf-8")
    generated = Version(re.search(r"Protobuf Python Version: ([\d.]+)", source)[1])
    admitted = next(
        Requirement(text).specifier for text in requires("tensorboard") if Requirement(text).name == "protobuf"
    )
    oldest = min(Version(one.version) for one in admitted if one.operator in (">=", "~=", "=="))
    assert generated <= oldest, f"made for protobuf {generated}, but TensorBoard runs on {oldest}"


def test_every_message_and_field_bears_a_comment(repository: Path) -> None:
    lines = (repository / PROTO).read_text(encoding="utf-8").splitlines()
    declared = re.compile(r"^\s*(message|enum|oneof|(repeated |optional )?[\w.]+ \w+ = \d+;|\w+ = \d+;)")
    bare = [
        line for previous, line in zip(lines, lines[1:])
        if declared.match(line) and not previous.strip().startswith("//") and not _within_oneof(line)
    ]
    assert bare == []


def _within_oneof(line: str) -> bool:
    """The alternatives of Evidence are messages that are explained where they are defined."""
    return re.match(r"^    [A-Z]\w+ \w+ = \d+;", line) is not None


def _messages(messages):
    for message in messages:
        yield message
        yield from _messages(message.nested_type)
