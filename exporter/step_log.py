"""The steps of a training run beside the event file: every one stays, whatever TensorBoard keeps of its tag."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.envelope import (
    EncodedEvidence,
    SomeEvidence,
    decode_event,
    decode_sidecar,
    parse_event,
)
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tb_visualscratchpad.wire.sidecar import (
    SidecarReference,
    open_sidecar,
    remove_sidecar,
    resolve_sidecar,
    write_sidecar,
)
from tb_visualscratchpad.wire.step_index import StepIndexWriter, kept_records, read_record, scan_index
from tb_visualscratchpad.wire.tags import (
    SIDECAR_DIRECTORY,
    STEPS_FOLDER,
    parse_sidecar_name,
    sidecar_name,
    step_index_name,
)


@dataclass(frozen=True)
class LoggedStep:
    """A step that was written, so that it can be taken back."""

    index: StepIndexWriter
    end_before: int
    sidecar: SidecarReference | None


class StepLog:
    """Writes the steps of one run directory, for one process."""

    def __init__(self, run_directory: Path) -> None:
        self._run_directory = run_directory
        self._indices: dict[tuple[int, str], StepIndexWriter] = {}

    def add(self, encoded: EncodedEvidence, step: int, wall_time: float) -> LoggedStep:
        """Write a step: a sidecar where the event has none and is not small, then a record of the index.

        Raises:
            ScratchpadError: the disk refuses. Nothing is left behind.
        """
        kind, identifier = encoded.plugin_data.kind, encoded.plugin_data.id
        message, made = encoded.event, None
        if encoded.step_tensors:
            name = f"{STEPS_FOLDER}/{sidecar_name(kind, identifier, step)}"
            made = write_sidecar(self._run_directory, name, encoded.step_tensors, encoded.sidecar_metadata, replace=True)
            message = pb.Evidence(sidecar=pb.Sidecar(path=made.path, sha256=made.sha256, size=made.size))
        elif message.HasField("sidecar"):
            message = pb.Evidence(sidecar=message.sidecar)
        message.schema_version = encoded.event.schema_version
        index = self._index(kind, identifier)
        try:
            before = index.append(step, wall_time, message.SerializeToString(deterministic=True))
        except BaseException:
            if made is not None:
                remove_sidecar(self._run_directory, made)
            raise
        return LoggedStep(index, before, made)

    def take_back(self, logged: LoggedStep) -> None:
        """Undo ``add``, of the step that was added last."""
        logged.index.take_back(logged.end_before)
        if logged.sidecar is not None:
            remove_sidecar(self._run_directory, logged.sidecar)
        with contextlib.suppress(OSError):
            logged.index.path.parent.rmdir()
            logged.index.path.parent.parent.rmdir()
            logged.index.path.parent.parent.parent.rmdir()

    def remove_later(self, kind: int, identifier: str, step: int) -> None:
        """Remove the sidecars of a thing's steps above one: what an earlier process wrote before it was killed, and this one writes
        anew."""
        for folder in (self._run_directory / SIDECAR_DIRECTORY, self._run_directory / SIDECAR_DIRECTORY / STEPS_FOLDER):
            for name in os.listdir(folder) if folder.is_dir() else ():
                parts = parse_sidecar_name(name)
                if parts is not None and parts[:2] == (kind, identifier) and parts[2] > step:
                    (folder / name).unlink(missing_ok=True)

    def _index(self, kind: int, identifier: str) -> StepIndexWriter:
        key = (kind, identifier)
        if key not in self._indices:
            path = self._run_directory / SIDECAR_DIRECTORY / STEPS_FOLDER / step_index_name(kind, identifier)
            self._indices[key] = StepIndexWriter(path)
        return self._indices[key]


def newest_logged(run_directory: Path, kind: int, identifier: str) -> SomeEvidence | None:
    """What an earlier process logged of a thing at its last step; None where it logged none, or that cannot be read."""
    path = run_directory / SIDECAR_DIRECTORY / STEPS_FOLDER / step_index_name(kind, identifier)
    what = f"the last step of {path}"
    try:
        records = kept_records(scan_index(path).records)
        if not records:
            return None
        message = parse_event(read_record(path, records[-1]), what)
        if not message.HasField("sidecar"):
            return decode_event(message, what)
        return decode_sidecar(open_sidecar(resolve_sidecar(run_directory, message.sidecar.path)), what)
    except UnreadableEvidence:
        return None
