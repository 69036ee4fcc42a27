"""The only reader of events and sidecars.

Works on any of TensorBoard's data providers. A listing costs one ``list_tensors``, whatever the number of runs; evidence is
read tag by tag, decoded once, and kept in a bounded cache. Where a sidecar is missing, a run is read from its event alone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tensorboard.context import RequestContext
from tensorboard.data.provider import RunTagFilter, TensorDatum
from tensorboard.plugins.base_plugin import TBContext

from tb_visualscratchpad.kind_words import KIND_WORDS, not_logged
from tb_visualscratchpad.latent_history import (
    HistoryReader,
    LatentHistory,
    MetricsHistory,
    TopReference,
    latents_of,
    top_reference,
)
from tb_visualscratchpad.listing import (
    DictionaryEntry,
    FailureSetEntry,
    Listing,
    OutcomeEntry,
    VlmRunEntry,
    list_evidence,
)
from tb_visualscratchpad.picture_likeness import LoggedPicture, logged_picture
from tb_visualscratchpad.run_directories import FileFaults, RunDirectories
from tb_visualscratchpad.step_records import StepRecords
from tb_visualscratchpad.tag_index import Series, TagIndex, answering
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.envelope import SomeEvidence, decode_event, decode_sidecar, parse_event
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureSet, SetAblation
from tb_visualscratchpad.wire.head_evidence import HeadAttention
from tb_visualscratchpad.wire.latent_at_step import LatentAtStep
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tb_visualscratchpad.wire.sae_check_evidence import SaeCheck
from tb_visualscratchpad.wire.sidecar import SidecarFile, SidecarHashes, open_sidecar, resolve_sidecar
from tb_visualscratchpad.wire.steering_evidence import (
    ClusterSweep,
    DoseResponse,
    Outcome,
    SteeringResult,
    WordContributions,
)
from tb_visualscratchpad.wire.step_index import StepRecord
from tb_visualscratchpad.wire.tags import PLUGIN_NAME, tag_of
from tb_visualscratchpad.wire.truth_evidence import TruthReport

__all__ = ["DictionaryEntry", "EventStore", "FailureSetEntry", "Listing", "OutcomeEntry", "VlmRunEntry"]

_MAX_CACHED = 32
_ALL_STEPS = 1000
"""More than TensorBoard keeps of a tag, unless --samples_per_plugin says otherwise."""

_FIELDS: Mapping[int, str] = {
    pb.LATENT_STATISTICS: "statistics",
    pb.REFERENCE_IMAGES: "references",
    pb.DECODER_MAP: "decoder_map",
    pb.SAE_METRICS: "metrics",
}
_Evidence = TypeVar("_Evidence", bound=SomeEvidence)
_FileState = tuple[int, int, int] | None


@dataclass(frozen=True)
class _Cached:
    """Decoded evidence, and the state its sidecar had then."""

    evidence: SomeEvidence
    sidecar: Path | None
    state: _FileState


class EventStore:
    """Evidence of the log directory that TensorBoard shows. Methods may be called from several threads.

    Args:
        context: TensorBoard's, as a plugin gets it.
    """

    def __init__(self, context: TBContext) -> None:
        self._provider = context.data_provider
        self._tags = TagIndex(context.data_provider)
        multiplexer = context.multiplexer
        self._directories = RunDirectories(context.logdir, None if multiplexer is None else multiplexer.RunPaths)
        self._records = StepRecords(self._directories)
        self._history = HistoryReader(self._records, self._directories)
        self._faults = FileFaults()
        self._hashes = SidecarHashes()
        self._cache: OrderedDict[tuple[str | int | float, ...], _Cached] = OrderedDict()
        self._steps: OrderedDict[tuple[str, str, int, float], list[int]] = OrderedDict()
        self._refused: OrderedDict[Path, tuple[_FileState, str]] = OrderedDict()
        self._lock = threading.Lock()

    def listing(self, experiment: str) -> Listing:
        """What there is, and a sentence on each thing that cannot be read.

        Raises:
            ScratchpadError: TensorBoard's data server does not answer.
        """
        with self._lock:
            refused = {path: why for path, (state, why) in self._refused.items() if _state_of(path) == state}
        found = list_evidence(
            self._tags.all_tags(experiment),
            self._directories,
            self._faults,
            refused,
            lambda run, tag: tuple(record.step for record in self._records.of(run, tag)),
            lambda run, tag: tuple(datum.step for datum in self._read(experiment, run, tag, _ALL_STEPS)),
        )
        return replace(found, problems=(*found.problems, *self._records.faults()))

    def vlm_run(self, experiment: str, run: str, run_id: str) -> VlmRun:
        """A run: exact and with layers where its sidecar is there, else as the event has it (see ``reductions``).

        A run that TensorBoard has not read yet is read from its sidecar.

        Raises:
            EvidenceNotFound: there is none of this id.
            UnreadableEvidence: it is damaged, or written by a newer schema.
        """
        return self._of_run(experiment, pb.VLM_RUN, run, run_id, VlmRun)

    def picture(self, experiment: str, run: str, run_id: str) -> LoggedPicture | None:
        """A run's picture, None without one; of its sidecar (or event) nothing else is decoded or kept. Errors as ``vlm_run``."""
        path, what = self._directories.newest_sidecar(run, pb.VLM_RUN, run_id), f"The run {run_id!r}"
        data = [] if path else self._read(experiment, run, tag_of(pb.VLM_RUN, run_id), 1)  # takes far longer
        if path is None and not data:
            raise EvidenceNotFound(f"{what} is not in {run!r}: reload, or choose another.")
        return logged_picture(path, data[-1].numpy.item() if data else b"", what)

    def steering_result(self, experiment: str, run: str, result_id: str) -> SteeringResult:
        """A steered or erased answer. Read and refused as ``vlm_run``."""
        return self._of_run(experiment, pb.STEERING_RESULT, run, result_id, SteeringResult)

    def cluster_sweep(self, experiment: str, run: str, result_id: str) -> ClusterSweep:
        """Every cluster ablated in turn. Read and refused as ``vlm_run``."""
        return self._of_run(experiment, pb.CLUSTER_SWEEP, run, result_id, ClusterSweep)

    def dose_response(self, experiment: str, run: str, result_id: str) -> DoseResponse:
        """A latent or cluster over a range of values. Read and refused as ``vlm_run``."""
        return self._of_run(experiment, pb.DOSE_RESPONSE, run, result_id, DoseResponse)

    def word_contributions(self, experiment: str, run: str, result_id: str) -> WordContributions:
        """Which latents carried a word. Read and refused as ``vlm_run``."""
        return self._of_run(experiment, pb.WORD_CONTRIBUTIONS, run, result_id, WordContributions)

    def failure_set(self, experiment: str, run: str, set_id: str) -> FailureSet:
        """Pictures with right and wrong answers, mapped from its sidecar. Errors as ``vlm_run``, and UnreadableEvidence where the
        sidecar is missing."""
        return self._of_run(experiment, pb.FAILURE_SET, run, set_id, FailureSet)

    def set_ablation(self, experiment: str, run: str, result_id: str) -> SetAblation:
        """A failure set asked again without some latents. Read and refused as ``vlm_run``."""
        return self._of_run(experiment, pb.SET_ABLATION, run, result_id, SetAblation)

    def head_attention(self, experiment: str, run: str, result_id: str) -> HeadAttention:
        """Attention of chosen words head by head, mapped from its sidecar. Errors as ``failure_set``."""
        return self._of_run(experiment, pb.HEAD_ATTENTION, run, result_id, HeadAttention)

    def latent_statistics(self, experiment: str, dictionary_id: str, step: int | None = None) -> LatentStatistics:
        """Statistics of a dictionary at a step, by default the newest, from the run that was written last.

        Kinds of evidence may be logged at different steps: what was logged last before the step stands for it, or else what was
        logged first. ``steps_shown`` tells which. Steps of a training run are all there, by their index; of others what
        TensorBoard kept.

        Raises:
            EvidenceNotFound: the dictionary has none.
            UnreadableEvidence: they are damaged, or written by a newer schema.
        """
        return self._of_dictionary(experiment, pb.LATENT_STATISTICS, dictionary_id, step, LatentStatistics)

    def references(self, experiment: str, dictionary_id: str, step: int | None = None) -> ReferenceImages:
        """Reference images, mapped from their sidecar. Arguments and errors as ``latent_statistics``."""
        return self._of_dictionary(experiment, pb.REFERENCE_IMAGES, dictionary_id, step, ReferenceImages)

    def decoder_map(self, experiment: str, dictionary_id: str, step: int | None = None) -> DecoderMap:
        """The decoder map; without its sidecar no latent has neighbours. Arguments and errors as ``latent_statistics``."""
        return self._of_dictionary(experiment, pb.DECODER_MAP, dictionary_id, step, DecoderMap)

    def sae_metrics(self, experiment: str, dictionary_id: str, step: int | None = None) -> SaeMetrics:
        """Metrics of the SAE. Arguments and errors as ``latent_statistics``."""
        return self._of_dictionary(experiment, pb.SAE_METRICS, dictionary_id, step, SaeMetrics)

    def truth_report(self, experiment: str, dictionary_id: str) -> TruthReport:
        """How a dictionary does where the truth is known, as it was checked last. Errors as ``latent_statistics``."""
        return self._of_dictionary(experiment, pb.TRUTH_REPORT, dictionary_id, None, TruthReport)

    def sae_check(self, experiment: str, dictionary_id: str) -> SaeCheck:
        """Whether the SAE is read rightly, as it was checked last. Errors as ``latent_statistics``."""
        return self._of_dictionary(experiment, pb.SAE_CHECK, dictionary_id, None, SaeCheck)

    def dictionary_match(self, experiment: str, match_id: str) -> DictionaryMatch:
        """Which latents of two dictionaries write alike, as it was logged last; the best counterparts alone without its sidecar. Errors
        as ``latent_statistics``."""
        return self._of_dictionary(experiment, pb.DICTIONARY_MATCH, match_id, None, DictionaryMatch)

    def steps_shown(self, experiment: str, dictionary_id: str, step: int | None = None) -> dict[str, int]:
        """The step of what is read for ``step``, by kind: ``statistics``, ``references``, ``decoder_map``, ``metrics``, as far
        as logged."""
        shown = {}
        for kind, name in _FIELDS.items():
            series = self._series_of(experiment, kind, dictionary_id)
            if series is not None:
                shown[name] = self._step_at(experiment, series, step)
        return shown

    def latent_history(self, experiment: str, dictionary_id: str, latents: Sequence[int]) -> LatentHistory:
        """Latents at every step that statistics or references were logged at, from the run that was written last.

        Raises:
            EvidenceNotFound: the dictionary has neither.
            ScratchpadError: there is no such latent.
        """
        statistics: list[tuple[int, tuple[LatentAtStep, ...]]] = []
        references: list[tuple[int, tuple[TopReference | None, ...]]] = []
        problems: list[str] = []
        series = self._series_of(experiment, pb.LATENT_STATISTICS, dictionary_id)
        if series is not None:
            statistics, problems = self._history.over_steps(
                series, self._steps_of(experiment, series), latents, self._history.statistics_of,
                lambda step, of: latents_of(self.latent_statistics(experiment, dictionary_id, step), of),
            )
        best_of = self._series_of(experiment, pb.REFERENCE_IMAGES, dictionary_id)
        if best_of is not None:
            references, told = self._history.over_steps(
                best_of, self._steps_of(experiment, best_of), latents, self._history.references_of,
                lambda step, of: [top_reference(self.references(experiment, dictionary_id, step), one) for one in of],
            )
            problems += told
        if series is None and best_of is None:
            raise not_logged(pb.LATENT_STATISTICS, dictionary_id)
        return LatentHistory(tuple(statistics), tuple(references), tuple(problems))

    def metrics_history(self, experiment: str, dictionary_id: str) -> MetricsHistory:
        """Metrics of every step that they were logged at. Raises EvidenceNotFound where there are none."""
        series = self._series_of(experiment, pb.SAE_METRICS, dictionary_id)
        if series is None:
            raise not_logged(pb.SAE_METRICS, dictionary_id)
        found, problems = self._history.over_steps(
            series, self._steps_of(experiment, series), (0,), self._history.metrics_of,
            lambda step, _: [self.sae_metrics(experiment, dictionary_id, step)],
        )
        return MetricsHistory(tuple((step, metrics) for step, (metrics,) in found), tuple(problems))

    def _of_run(self, experiment: str, kind: int, run: str, identifier: str, expected: type[_Evidence]) -> _Evidence:
        series = self._tags.series(experiment, tag_of(kind, identifier), run)
        if series:
            return self._newest(experiment, series[0], expected)
        path = self._directories.newest_sidecar(run, kind, identifier)
        if path is None:
            raise EvidenceNotFound(
                f"There is no {KIND_WORDS[kind]} {identifier!r} in {run!r}: it was deleted, or TensorBoard has not read it yet. "
                "Reload, or choose another."
            )
        key = ("fresh", str(path))
        cached = self._from_cache(key)
        if cached is None:
            state = _state_of(path)
            what = f"The {KIND_WORDS[kind]} {identifier!r}"
            cached = self._to_cache(key, _Cached(decode_sidecar(open_sidecar(path), what), path, state))
        return _expect(cached, expected, identifier)

    def _of_dictionary(
        self, experiment: str, kind: int, dictionary_id: str, step: int | None, expected: type[_Evidence]
    ) -> _Evidence:
        series = self._series_of(experiment, kind, dictionary_id)
        if series is None:
            raise not_logged(kind, dictionary_id)
        at = self._step_at(experiment, series, step)
        record = next((one for one in self._records.of(series.run, series.tag) if one.step == at), None)
        if record is not None:
            found = self._of_record(series, record)
            if found is not None:
                return _expect(found, expected, series.tag)
        if at == series.max_step:
            return self._newest(experiment, series, expected)
        key = (series.run, series.tag, at, series.max_wall_time)
        cached = self._from_cache(key)
        if cached is None:
            kept = {datum.step: datum for datum in self._read(experiment, series.run, series.tag, _ALL_STEPS)}
            if at not in kept:
                raise EvidenceNotFound(f"{series.tag} of {series.run!r} at step {at} was deleted: reload.")
            cached = self._to_cache(key, self._decoded(series, kept[at]))
        return _expect(cached, expected, series.tag)

    def _of_record(self, series: Series, record: StepRecord) -> _Cached | None:
        """What an index says of a step; None where it cannot be read and TensorBoard may have kept the event."""
        key = ("step", series.run, series.tag, record.step, record.wall_time)
        cached = self._from_cache(key)
        if cached is None:
            what = f"{series.tag} of run {series.run!r} at step {record.step}"
            try:
                message = parse_event(self._records.message(series.run, series.tag, record), what)
                cached = self._to_cache(key, self._of_message(series.run, message, what, from_event=False))
            except UnreadableEvidence:
                return None
        return cached

    def _series_of(self, experiment: str, kind: int, dictionary_id: str) -> Series | None:
        """Of the run that was written last."""
        series = self._tags.series(experiment, tag_of(kind, dictionary_id), None)
        return max(series, key=lambda one: one.max_wall_time, default=None)

    def _step_at(self, experiment: str, series: Series, step: int | None) -> int:
        """The last step at or before ``step``, or else the first; the newest for None."""
        if not self._records.of(series.run, series.tag) and (step is None or step >= series.max_step):
            return series.max_step
        known = self._steps_of(experiment, series)
        return known[-1] if step is None else max((one for one in known if one <= step), default=known[0])

    def _steps_of(self, experiment: str, series: Series) -> list[int]:
        """Every step by the index; without one, those that TensorBoard kept."""
        records = self._records.of(series.run, series.tag)
        if records:
            known = [record.step for record in records]
            if series.max_wall_time > records[-1].wall_time:  # logged later, as no step of a training run
                known = sorted({*known, series.max_step})
            return known
        key = (series.run, series.tag, series.max_step, series.max_wall_time)
        with self._lock:
            steps = self._steps.get(key)
        if steps is None:
            steps = sorted(datum.step for datum in self._read(experiment, series.run, series.tag, _ALL_STEPS))
            with self._lock:
                _put(self._steps, key, steps, 1024)
        return steps or [series.max_step]

    def _newest(self, experiment: str, series: Series, expected: type[_Evidence]) -> _Evidence:
        key = (series.run, series.tag, series.max_step, series.max_wall_time)
        cached = self._from_cache(key)
        if cached is None:
            data = self._read(experiment, series.run, series.tag, 1)
            if not data:
                raise EvidenceNotFound(f"{series.tag} of {series.run!r} was deleted: reload.")
            cached = self._to_cache(key, self._decoded(series, data[-1]))
        return _expect(cached, expected, series.tag)

    def _decoded(self, series: Series, datum: TensorDatum) -> _Cached:
        what = f"{series.tag} of run {series.run!r}"
        strings = datum.numpy.ravel()
        if strings.size != 1 or not isinstance(strings[0], bytes):
            raise UnreadableEvidence(f"{what} is no string of one element: it was not written by tb-visualscratchpad.")
        return self._of_message(series.run, parse_event(strings[0], what), what, from_event=True)

    def _of_message(self, run: str, message: pb.Evidence, what: str, from_event: bool) -> _Cached:
        """Evidence with its sidecar, or without where that cannot be read and the event says enough by itself.

        Raises:
            UnreadableEvidence: there is too little to read.
        """
        if not message.HasField("sidecar"):
            return _Cached(decode_event(message, what), None, None)
        directory = self._directories.of(run)
        if directory is None:
            why = (
                f"The sidecar of {what} cannot be found, since TensorBoard does not say where the run lies: "
                "start it with --logdir on a local folder."
            )
            return _Cached(_without_sidecar(message, what, why), None, None)
        path = resolve_sidecar(directory, message.sidecar.path)
        state = _state_of(path)
        try:
            sidecar = self._checked(path, message.sidecar)
            return _Cached(decode_sidecar(sidecar, what), path, state)
        except UnreadableEvidence as error:
            with self._lock:
                _put(self._refused, path, (state, str(error)), 1024)
            if not from_event:
                raise
            return _Cached(_without_sidecar(message, what, str(error)), path, state)

    def _checked(self, path: Path, reference: pb.Sidecar) -> SidecarFile:
        # Opened first: that tells truncated from altered, and costs less than a hash.
        sidecar = open_sidecar(path)
        self._hashes.require(path, reference.sha256)
        return sidecar

    def _from_cache(self, key: tuple[str | int | float, ...]) -> _Cached | None:
        with self._lock:
            cached = self._cache.get(key)
            if cached is None or (cached.sidecar is not None and _state_of(cached.sidecar) != cached.state):
                return None
            self._cache.move_to_end(key)
            return cached

    def _to_cache(self, key: tuple[str | int | float, ...], cached: _Cached) -> _Cached:
        with self._lock:
            _put(self._cache, key, cached, _MAX_CACHED)
        return cached

    def _read(self, experiment: str, run: str, tag: str, downsample: int) -> list[TensorDatum]:
        """At most ``downsample`` events of a tag, the newest always among them."""
        with answering():
            found = self._provider.read_tensors(
                RequestContext(),
                experiment_id=experiment,
                plugin_name=PLUGIN_NAME,
                downsample=downsample,
                run_tag_filter=RunTagFilter(runs=(run,), tags=(tag,)),
            )
        return found.get(run, {}).get(tag, [])


def _without_sidecar(message: pb.Evidence, what: str, why: str) -> SomeEvidence:
    if message.WhichOneof("evidence") in ("reference_images", "failure_set", "head_attention"):
        raise UnreadableEvidence(why)
    evidence = decode_event(message, what)
    if isinstance(evidence, VlmRun | Outcome):
        return replace(evidence, reductions=(why, *evidence.reductions))
    return evidence


def _expect(cached: _Cached, expected: type[_Evidence], what: str) -> _Evidence:
    if not isinstance(cached.evidence, expected):
        raise UnreadableEvidence(f"{what} holds {type(cached.evidence).__name__}, expected {expected.__name__}: log it again.")
    return cached.evidence


def _state_of(path: Path) -> _FileState:
    """Inode, size and modification time; None for no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _put(table: OrderedDict, key: object, value: object, n_kept: int) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > n_kept:
        table.popitem(last=False)
