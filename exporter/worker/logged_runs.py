"""Runs and failure sets that were logged, by the worker or by others, as far as they can be asked again."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from tb_visualscratchpad.exporter.worker.job_request import LoggedPicture
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.envelope import SomeEvidence, decode_sidecar
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureSet
from tb_visualscratchpad.wire.sidecar import open_sidecar, resolve_sidecar
from tb_visualscratchpad.wire.tags import SIDECAR_DIRECTORY, parse_sidecar_name


def logged_run(logdir: Path, wanted: LoggedPicture) -> VlmRun:
    """A VLM run from its sidecar in the log directory.

    Raises:
        EvidenceNotFound: there is no such run or no sidecar of it, or the name would leave the log directory.
        UnreadableEvidence: it is damaged, or written by a newer schema.
    """
    found, path = _sidecar(logdir, wanted, pb.VLM_RUN, "run", "choose another run, or send the picture")
    if not isinstance(found, VlmRun) or found.run_id != wanted.id:
        raise UnreadableEvidence(f"The sidecar {path} holds another thing than the run {wanted.id!r}: choose another run, or send the picture.")
    return found


def logged_failure_set(logdir: Path, wanted: LoggedPicture) -> FailureSet:
    """A failure set from its sidecar in the log directory, mapped. Raises as ``logged_run``."""
    found, path = _sidecar(logdir, wanted, pb.FAILURE_SET, "failure set", "choose another")
    if not isinstance(found, FailureSet) or found.set_id != wanted.id:
        raise UnreadableEvidence(f"The sidecar {path} holds another thing than the failure set {wanted.id!r}: choose another.")
    return found


def _sidecar(logdir: Path, wanted: LoggedPicture, kind: int, what: str, advice: str) -> tuple[SomeEvidence, Path]:
    """The newest evidence of a kind and id, and the file it was read from."""
    directory = _directory(logdir, wanted.run)
    found = []
    try:
        names = os.listdir(directory / SIDECAR_DIRECTORY)
    except OSError:
        names = []
    for name in names:
        parts = parse_sidecar_name(name)
        if parts is not None and parts[:2] == (kind, wanted.id):
            found.append((parts[2], name))
    if not found:
        raise EvidenceNotFound(f"The worker finds no {what} {wanted.id!r} in {wanted.run!r} under {logdir}, or its sidecar is missing: {advice}.")
    path = resolve_sidecar(directory, f"{SIDECAR_DIRECTORY}/{max(found)[1]}")
    return decode_sidecar(open_sidecar(path), f"The {what} {wanted.id!r}"), path


def _directory(logdir: Path, run: str) -> Path:
    # Links are followed, as TensorBoard does; names that climb are not.
    name = PurePosixPath(run.replace(os.sep, "/"))
    if name.is_absolute() or Path(run).drive or ".." in name.parts or "\0" in run:
        raise EvidenceNotFound(f"{run!r} is no run of the log directory: give a run's name as TensorBoard shows it.")
    return logdir / name
