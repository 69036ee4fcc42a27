"""``ScratchpadWriter``: the only writer of evidence.

A thing is written whole or not at all: first its sidecar (temporary file, fsync, rename), then its event. Events are written
here and now rather than by TensorBoard's queue, so that a full disk is met where the caller can hear of it.
"""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tb_visualscratchpad.exporter.dashboards import metrics_values, statistics_values
from tb_visualscratchpad.exporter.event_file import EventFile, SharedEventFile
from tb_visualscratchpad.exporter.step_log import StepLog
from tb_visualscratchpad.exporter.writing_process import is_writing_process
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.envelope import EncodedEvidence, SomeEvidence, encode_evidence
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureSet, SetAblation
from tb_visualscratchpad.wire.head_evidence import HeadAttention
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tb_visualscratchpad.wire.sae_check_evidence import SaeCheck
from tb_visualscratchpad.wire.sidecar import remove_sidecar, write_sidecar
from tb_visualscratchpad.wire.steering_evidence import ClusterSweep, DoseResponse, SteeringResult, WordContributions
from tb_visualscratchpad.wire.tags import (
    DICTIONARY_KINDS,
    OUTCOME_KINDS,
    PLUGIN_NAME,
    require_identifier,
    sidecar_name,
    tag_of,
)
from tb_visualscratchpad.wire.truth_evidence import TruthReport

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class ScratchpadWriter:
    """Writes evidence into one run directory, for one process.

    Each ``add_*`` returns when its evidence is on disk, whole. Steps of a thing must rise. Methods may be called from
    several threads. Under ``torch.distributed`` rank 0 writes, elsewhere nothing happens.

    What is added of a dictionary *with a step* is a step of a training run: an index beside the event file keeps every one
    (TensorBoard keeps a sample of a tag's steps), and metrics and statistics show under TensorBoard's Scalars and Histograms too.
    A process that goes on with the run of one that was killed may begin at any step: what was logged there or later is superseded.

    Args:
        logdir: the run directory itself, as for ``SummaryWriter`` (see ``new_run_directory``); or a
            ``torch.utils.tensorboard.SummaryWriter``, whose directory and event file are shared and which stays the
            caller's to close.

    Raises:
        ScratchpadError: the directory cannot be made, or the writer given is none of PyTorch's.
    """

    def __init__(self, logdir: str | os.PathLike[str] | SummaryWriter) -> None:
        self._file = _event_file(logdir)
        self._steps = StepLog(self._file.directory)
        self._last_step: dict[str, int] = {}
        self._groups: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def run_directory(self) -> Path:
        """Where events and sidecars go."""
        return self._file.directory

    def add_vlm_run(self, run: VlmRun, step: int = 0) -> None:
        """Log a run: compact in the event, exact in a sidecar. Raises ScratchpadError (see the class)."""
        self._add(run, step)

    def add_latent_statistics(self, statistics: LatentStatistics, step: int | None = None) -> None:
        """Log statistics, exact, in the event. Raises ScratchpadError (see the class)."""
        self._add(statistics, step)

    def add_references(self, references: ReferenceImages, step: int | None = None) -> None:
        """Log references: a manifest in the event, all else in a sidecar. Raises ScratchpadError (see the class)."""
        self._add(references, step)

    def add_decoder_map(self, decoder_map: DecoderMap, step: int | None = None) -> None:
        """Log a decoder map: places in the event, neighbours in a sidecar. Raises ScratchpadError (see the class)."""
        self._add(decoder_map, step)

    def add_sae_metrics(self, metrics: SaeMetrics, step: int | None = None, *, answers_kept: float | None = None) -> None:
        """Log metrics, in the event. Raises ScratchpadError (see the class).

        Args:
            answers_kept: share of some answers, 0...1, that stay the same under the reconstruction; shown with a step, under
                Scalars only.
        """
        self._add(metrics, step, answers_kept)

    def add_truth_report(self, report: TruthReport) -> None:
        """Log how a dictionary does where the truth is known, in the event. The last one logged counts. Raises ScratchpadError
        (see the class)."""
        self._add(report, None)

    def add_sae_check(self, check: SaeCheck) -> None:
        """Log whether an SAE is read rightly, in the event. The last one logged counts. Raises ScratchpadError (see the class)."""
        self._add(check, None)

    def add_dictionary_match(self, match: DictionaryMatch) -> None:
        """Log which latents of two dictionaries write alike: the best counterparts in the event, all in a sidecar. The last one logged of
        the two counts. Raises ScratchpadError (see the class)."""
        self._add(match, None)

    def add_steering_result(self, result: SteeringResult, step: int = 0) -> None:
        """Log a steered or erased answer: whole in a sidecar, and in the event as far as it fits. Raises ScratchpadError
        (see the class)."""
        self._add(result, step)

    def add_cluster_sweep(self, sweep: ClusterSweep, step: int = 0) -> None:
        """Log a sweep over clusters. As ``add_steering_result``."""
        self._add(sweep, step)

    def add_dose_response(self, response: DoseResponse, step: int = 0) -> None:
        """Log a dose-response. As ``add_steering_result``."""
        self._add(response, step)

    def add_word_contributions(self, contributions: WordContributions, step: int = 0) -> None:
        """Log which latents carried a word. As ``add_steering_result``."""
        self._add(contributions, step)

    def add_failure_set(self, failure_set: FailureSet, step: int = 0) -> None:
        """Log pictures with right and wrong answers: a manifest in the event, all else in a sidecar. Raises ScratchpadError (see
        the class)."""
        self._add(failure_set, step)

    def add_set_ablation(self, ablation: SetAblation, step: int = 0) -> None:
        """Log a failure set asked again without some latents, whole in event and sidecar. Raises ScratchpadError (see the class)."""
        self._add(ablation, step)

    def add_head_attention(self, found: HeadAttention, step: int = 0) -> None:
        """Log attention of chosen words head by head: a manifest in the event, the maps in a sidecar. Raises ScratchpadError (see
        the class)."""
        self._add(found, step)

    def flush(self) -> None:
        """Bring everything to the disk itself. Raises ScratchpadError where it refuses."""
        with self._lock:
            self._file.flush()

    def close(self) -> None:
        """Flush and close; closing twice does nothing. A given ``SummaryWriter`` stays open."""
        with self._lock:
            self._file.close()

    def __enter__(self) -> ScratchpadWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _add(self, evidence: SomeEvidence, step: int | None, answers_kept: float | None = None) -> None:
        if not is_writing_process():
            return
        encoded = encode_evidence(evidence)
        kind, identifier = encoded.plugin_data.kind, encoded.plugin_data.id
        require_identifier(identifier, _what_identifies(kind))
        tag = tag_of(kind, identifier)
        is_training = step is not None and kind in DICTIONARY_KINDS
        step = step or 0
        with self._lock:
            self._require_rising(tag, step)
            takes_up = is_training and tag not in self._last_step
            reference, logged = None, None
            if encoded.sidecar_tensors:
                name = sidecar_name(kind, identifier, step)
                reference = write_sidecar(
                    self.run_directory, name, encoded.sidecar_tensors, encoded.sidecar_metadata, replace=takes_up
                )
                encoded.event.sidecar.CopyFrom(
                    pb.Sidecar(path=reference.path, sha256=reference.sha256, size=reference.size)
                )
            written = False
            try:
                event = _event(encoded, tag, step)
                if is_training:
                    event.summary.value.extend(self._dashboard_values(evidence, answers_kept))
                    logged = self._steps.add(encoded, step, event.wall_time)
                self._file.write(event)
                written = True
            finally:
                if not written:
                    if reference is not None:
                        remove_sidecar(self.run_directory, reference)
                    if logged is not None:
                        self._steps.take_back(logged)
            self._last_step[tag] = step
            if takes_up:
                self._steps.remove_later(kind, identifier, step)

    def _dashboard_values(self, evidence: SomeEvidence, answers_kept: float | None) -> list[summary_pb2.Summary.Value]:
        if not isinstance(evidence, SaeMetrics | LatentStatistics):
            return []
        identity = evidence.dictionary.dictionary_id
        # Curves of several training runs lie over one another where their tags are the same.
        group = self._groups.setdefault(identity, f"sae-{identity[:8]}" if self._groups else "sae")
        if isinstance(evidence, SaeMetrics):
            return metrics_values(evidence, group, answers_kept)
        return statistics_values(evidence, group)

    def _require_rising(self, tag: str, step: int) -> None:
        last = self._last_step.get(tag)
        if step < 0:
            raise ScratchpadError(f"Step {step} was given for {tag}: steps count from 0.")
        if last == step:
            raise ScratchpadError(f"Step {step} of {tag} was logged already by this writer: give the next one a larger step.")
        if last is not None and step < last:
            raise ScratchpadError(
                f"Step {step} of {tag} comes after step {last}, but TensorBoard keeps rising steps only: "
                f"give a step above {last}, or log to a new run directory."
            )


def _what_identifies(kind: int) -> str:
    if kind in OUTCOME_KINDS:
        return "result id"
    if kind == pb.FAILURE_SET:
        return "set id"
    if kind == pb.DICTIONARY_MATCH:
        return "match id"
    return "run id" if kind == pb.VLM_RUN else "dictionary id"


def new_run_directory(logdir: str | os.PathLike[str], label: str) -> Path:
    """Make ``<logdir>/<label>-<YYYYmmdd-HHMMSS>[-n]``, which no other process has: one run directory per writer.

    Args:
        label: letters outside ``[A-Za-z0-9_-]`` become ``-``.

    Raises:
        ScratchpadError: the directory cannot be made.
    """
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", label).strip("-") or "run"
    name = f"{safe}-{time.strftime('%Y%m%d-%H%M%S')}"
    root = Path(logdir).expanduser()
    n = 1
    while True:
        directory = root / (name if n == 1 else f"{name}-{n}")
        try:
            root.mkdir(parents=True, exist_ok=True)
            directory.mkdir()
            return directory
        except FileExistsError as error:
            if not root.is_dir():
                raise ScratchpadError(f"{root} is a file, a log directory was expected: choose another --logdir.") from error
            n += 1
        except OSError as error:
            raise _cannot_make(directory, error) from error


def _event_file(target: str | os.PathLike[str] | SummaryWriter) -> EventFile | SharedEventFile:
    if isinstance(target, (str, os.PathLike)):
        directory = Path(target).expanduser()
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_make(directory, error) from error
        return EventFile(directory)
    # PyTorch's writer offers no public way to its file; this name has stood since its first version.
    file_writer = getattr(target, "_get_file_writer", lambda: None)()
    events = getattr(file_writer, "event_writer", None)
    if not isinstance(events, EventFileWriter):
        raise ScratchpadError(
            f"A {type(target).__module__}.{type(target).__name__} was given, expected a run directory or a "
            "torch.utils.tensorboard.SummaryWriter (tensorboardX's own messages cannot carry this evidence)."
        )
    return SharedEventFile(events)


def _cannot_make(directory: Path, error: OSError) -> ScratchpadError:
    return ScratchpadError(
        f"The run directory {directory} cannot be made ({error.strerror or error}): choose another --logdir."
    )


def _event(encoded: EncodedEvidence, tag: str, step: int) -> event_pb2.Event:
    encoded.plugin_data.first_step = step
    metadata = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(
            plugin_name=PLUGIN_NAME, content=encoded.plugin_data.SerializeToString(deterministic=True)
        ),
        data_class=summary_pb2.DATA_CLASS_TENSOR,
    )
    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING,
        tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)]),
        string_val=[encoded.event.SerializeToString(deterministic=True)],
    )
    value = summary_pb2.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
    return event_pb2.Event(wall_time=time.time(), step=step, summary=summary_pb2.Summary(value=[value]))
