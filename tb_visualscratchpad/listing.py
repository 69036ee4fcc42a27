"""What a log directory holds, and what is wrong with it, from one ``list_tensors`` and a look at the run directories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tensorboard.data.provider import TensorTimeSeries

from tb_visualscratchpad.run_directories import FileFaults, RunDirectories, SidecarOnDisk
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary
from tb_visualscratchpad.wire.codecs.envelope import parse_plugin_data
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tb_visualscratchpad.wire.tags import DICTIONARY_KINDS, KIND_NAMES, OUTCOME_KINDS, parse_tag, tag_of

FRESH_SECONDS = 30.0
"""A file younger than this may wait for TensorBoard's next reload; older, its silence is a problem."""

_WITH_SIDECAR = frozenset({pb.VLM_RUN, pb.REFERENCE_IMAGES, pb.DECODER_MAP, pb.FAILURE_SET, pb.DICTIONARY_MATCH}) | OUTCOME_KINDS


@dataclass(frozen=True)
class VlmRunEntry:
    """What a list of runs shows of one.

    Attributes:
        run: TensorBoard's name of the run directory.
        created: seconds since the epoch.
        series_id: shared by the runs of one picture and prompt at the steps of one training; empty for a run that stands alone.
        step: of a series, the step of the training; else None.
        superseded: of a series, a later process took the training up at this step or before it.
    """

    run: str
    run_id: str
    name: str
    prompt: str
    output_text: str
    created: float
    dictionary: DictionaryInfo
    n_output_tokens: int
    truncated: bool
    steered: bool
    has_picture: bool
    original_run_id: str
    series_id: str = ""
    step: int | None = None
    superseded: bool = False


@dataclass(frozen=True)
class OutcomeEntry:
    """What a list of outcomes shows of one.

    Attributes:
        run: TensorBoard's name of the run directory.
        kind: ``steering_result``, ``cluster_sweep``, ``dose_response``, ``word_contributions``, ``set_ablation`` or ``head_attention``.
        created: seconds since the epoch.
        original_run_id: the logged run that was asked again; empty when there is none.
        details: what this kind has besides, by name: numbers, texts, truths.
    """

    run: str
    result_id: str
    kind: str
    name: str
    prompt: str
    created: float
    dictionary: DictionaryInfo
    original_run_id: str
    details: Mapping[str, str | int | bool | list[int]]


@dataclass(frozen=True)
class FailureSetEntry:
    """What a list of failure sets shows of one. ``run`` and ``created`` as in ``VlmRunEntry``."""

    run: str
    set_id: str
    name: str
    created: float
    dictionary: DictionaryInfo
    n_items: int
    n_wrong: int
    has_pictures: bool


@dataclass(frozen=True)
class DictionaryEntry:
    """A dictionary that something in the log refers to.

    ``steps`` ascend: every step of a training run; of what was logged otherwise the newest of each kind of evidence, and every step
    at which metrics are kept. Empty where only runs refer to it. ``statistics_steps`` are those of its statistics, likewise; ``run``
    is TensorBoard's name of the directory that was logged to last, empty where only runs refer to it.
    """

    info: DictionaryInfo
    steps: tuple[int, ...]
    has_statistics: bool
    has_references: bool
    has_decoder_map: bool
    has_metrics: bool
    statistics_steps: tuple[int, ...] = ()
    run: str = ""
    has_truth_report: bool = False
    has_sae_check: bool = False


@dataclass(frozen=True)
class MatchEntry:
    """Two dictionaries whose latents were matched. ``run`` is TensorBoard's name of the directory it was logged to last."""

    run: str
    match_id: str
    dictionary: DictionaryInfo
    other: DictionaryInfo


@dataclass(frozen=True)
class Listing:
    """Runs, outcomes and failure sets, the newest first; dictionaries by name; and a sentence per thing that cannot be read."""

    vlm_runs: tuple[VlmRunEntry, ...]
    dictionaries: tuple[DictionaryEntry, ...]
    problems: tuple[str, ...]
    outcomes: tuple[OutcomeEntry, ...] = ()
    failure_sets: tuple[FailureSetEntry, ...] = ()
    matches: tuple[MatchEntry, ...] = ()


@dataclass
class _Gathered:
    """One dictionary while it is being put together; ``newest`` maps a kind to run, tag, series and first step."""

    info: DictionaryInfo
    newest: dict[int, tuple[str, str, TensorTimeSeries, int]] = field(default_factory=dict)


def list_evidence(
    series: Mapping[str, Mapping[str, TensorTimeSeries]],
    directories: RunDirectories,
    faults: FileFaults,
    refused: Mapping[Path, str],
    recorded: Callable[[str, str], tuple[int, ...]],
    steps_of: Callable[[str, str], tuple[int, ...]],
) -> Listing:
    """Put a listing together.

    Args:
        series: every tag of the plugin, by run.
        refused: sidecars that were found altered when they were read, and why.
        recorded: the steps of a tag of a run by its index; none where it has no index.
        steps_of: reads the steps of a tag of a run; asked for metrics of several steps only, which are small.
    """
    runs: list[VlmRunEntry] = []
    outcomes: list[OutcomeEntry] = []
    failure_sets: list[FailureSetEntry] = []
    matches: dict[str, tuple[float, MatchEntry]] = {}
    gathered: dict[str, _Gathered] = {}
    problems: list[str] = []
    arrived: dict[tuple[str, int, str], int] = {}
    for run, tags in sorted(series.items()):
        for tag, one in sorted(tags.items()):
            try:
                data = parse_plugin_data(one.plugin_content, f"{tag} of run {run!r}")
            except UnreadableEvidence as error:
                problems.append(str(error))
                kind, identifier = parse_tag(tag) or (pb.KIND_UNSPECIFIED, tag)
                arrived[run, kind, identifier] = int(one.max_step)
                continue
            indexed = recorded(run, tag) if data.kind in DICTIONARY_KINDS else ()
            # TensorBoard's Python loader goes on with steps that a run taken up again has superseded.
            arrived[run, data.kind, data.id] = min(int(one.max_step), indexed[-1]) if indexed else int(one.max_step)
            if data.kind not in KIND_NAMES:  # of a later version, which says that this one may pass over it
                continue
            info = decode_dictionary(data.dictionary)
            entry = gathered.setdefault(info.dictionary_id, _Gathered(info))
            if data.kind == pb.VLM_RUN:
                runs.append(_vlm_run_entry(run, data, info))
                continue
            if data.kind in OUTCOME_KINDS:
                outcomes.append(_outcome_entry(run, data, info))
                continue
            if data.kind == pb.FAILURE_SET:
                failure_sets.append(_failure_set_entry(run, data, info))
                continue
            if data.kind == pb.DICTIONARY_MATCH:
                other = decode_dictionary(data.other_dictionary)
                gathered.setdefault(other.dictionary_id, _Gathered(other))
                if data.id not in matches or matches[data.id][0] < one.max_wall_time:
                    matches[data.id] = (one.max_wall_time, MatchEntry(run, data.id, info, other))
                continue
            known = entry.newest.get(data.kind)
            if known is None or known[2].max_wall_time < one.max_wall_time:
                entry.newest[data.kind] = (run, tag, one, int(data.first_step))
    problems += _file_problems(directories, faults, refused, arrived)
    return Listing(
        vlm_runs=tuple(sorted(_with_superseded(runs), key=lambda run: (-run.created, run.run, run.run_id))),
        dictionaries=tuple(
            sorted(
                (_dictionary_entry(entry, recorded, steps_of) for entry in gathered.values()),
                key=lambda entry: (entry.info.name, entry.info.dictionary_id),
            )
        ),
        problems=tuple(problems),
        outcomes=tuple(sorted(outcomes, key=lambda one: (-one.created, one.run, one.result_id))),
        failure_sets=tuple(sorted(failure_sets, key=lambda one: (-one.created, one.run, one.set_id))),
        matches=tuple(entry for _, entry in sorted(matches.values(), key=lambda one: (-one[0], one[1].match_id))),
    )


def _vlm_run_entry(run: str, data: pb.PluginData, info: DictionaryInfo) -> VlmRunEntry:
    summary = data.vlm_run
    return VlmRunEntry(
        run=run,
        run_id=data.id,
        name=summary.name,
        prompt=summary.prompt,
        output_text=summary.output_text,
        created=summary.created,
        dictionary=info,
        n_output_tokens=int(summary.n_output_tokens),
        truncated=summary.truncated,
        steered=summary.steered,
        has_picture=summary.has_picture,
        original_run_id=summary.original_run_id,
        series_id=summary.series_id,
        step=int(data.first_step) if summary.series_id else None,
    )


def _with_superseded(runs: list[VlmRunEntry]) -> list[VlmRunEntry]:
    """Of each series in each run directory, a run takes back what was made before it at its step or above, as records of an index do."""
    lowest: dict[tuple[str, str], int] = {}
    found = []
    for entry in sorted(runs, key=lambda one: -one.created):
        if entry.step is not None:
            key = (entry.run, entry.series_id)
            later = lowest.get(key)
            lowest[key] = entry.step if later is None else min(later, entry.step)
            entry = replace(entry, superseded=later is not None and later <= entry.step)
        found.append(entry)
    return found


def _failure_set_entry(run: str, data: pb.PluginData, info: DictionaryInfo) -> FailureSetEntry:
    summary = data.failure_set
    return FailureSetEntry(
        run=run,
        set_id=data.id,
        name=summary.name,
        created=summary.created,
        dictionary=info,
        n_items=int(summary.n_items),
        n_wrong=int(summary.n_wrong),
        has_pictures=summary.has_pictures,
    )


def _outcome_entry(run: str, data: pb.PluginData, info: DictionaryInfo) -> OutcomeEntry:
    summary = data.outcome
    details: dict[str, str | int | bool | list[int]] = {}
    if data.kind == pb.STEERING_RESULT:
        details = {
            "steered_run_id": summary.steered_run_id,
            "output_text": summary.output_text,
            "erased": summary.erased,
            "n_latents": int(summary.n_latents),
        }
    elif data.kind == pb.CLUSTER_SWEEP:
        details = {"n_clusters": int(summary.n_clusters)}
    elif data.kind == pb.DOSE_RESPONSE:
        details = {"op": summary.op, "n_latents": int(summary.n_latents), "n_doses": int(summary.n_doses)}
    elif data.kind == pb.WORD_CONTRIBUTIONS:
        details = {"word": int(summary.word), "word_text": summary.word_text}
    elif data.kind == pb.SET_ABLATION:
        details = {"set_id": summary.set_id, "n_latents": int(summary.n_latents)}
    elif data.kind == pb.HEAD_ATTENTION:
        details = {"query_positions": [int(position) for position in summary.query_position]}
    return OutcomeEntry(
        run=run,
        result_id=data.id,
        kind=KIND_NAMES[data.kind],
        name=summary.name,
        prompt=summary.prompt,
        created=summary.created,
        dictionary=info,
        original_run_id=summary.original_run_id,
        details=details,
    )


def _dictionary_entry(
    entry: _Gathered, recorded: Callable[[str, str], tuple[int, ...]], steps_of: Callable[[str, str], tuple[int, ...]]
) -> DictionaryEntry:
    steps: set[int] = set()
    statistics_steps: tuple[int, ...] = ()
    for kind, (run, tag, series, first_step) in entry.newest.items():
        if kind in (pb.TRUTH_REPORT, pb.SAE_CHECK):  # of no step
            continue
        indexed = recorded(run, tag)
        if kind == pb.LATENT_STATISTICS:
            statistics_steps = indexed or (int(series.max_step),)
        if indexed:
            steps.update(indexed)
            continue
        steps.add(int(series.max_step))
        if kind == pb.SAE_METRICS and first_step < series.max_step:
            steps.update(steps_of(run, tag))
    return DictionaryEntry(
        info=entry.info,
        steps=tuple(sorted(steps)),
        has_statistics=pb.LATENT_STATISTICS in entry.newest,
        has_references=pb.REFERENCE_IMAGES in entry.newest,
        has_decoder_map=pb.DECODER_MAP in entry.newest,
        has_metrics=pb.SAE_METRICS in entry.newest,
        statistics_steps=statistics_steps,
        run=max(entry.newest.values(), key=lambda one: one[2].max_wall_time)[0] if entry.newest else "",
        has_truth_report=pb.TRUTH_REPORT in entry.newest,
        has_sae_check=pb.SAE_CHECK in entry.newest,
    )


def _file_problems(
    directories: RunDirectories,
    faults: FileFaults,
    refused: Mapping[Path, str],
    arrived: Mapping[tuple[str, int, str], int],
) -> Iterator[str]:
    """``arrived`` gives the newest step of each run, kind and identifier that TensorBoard has."""
    if not directories.are_known:
        if any(kind in _WITH_SIDECAR for _, kind, _ in arrived):
            yield (
                "Sidecars (attention by layer, reference images, neighbours) cannot be found, since TensorBoard does not "
                "say where its runs lie: start it with --logdir on a local folder."
            )
        return
    there: set[tuple[str, int, str, int]] = set()
    for on_disk in directories.walk():
        there.update((on_disk.run, one.kind, one.identifier, one.step) for one in on_disk.sidecars)
        for event_file in on_disk.event_files:
            fault = faults.of_event_file(event_file.path)
            if fault is not None and event_file.age > FRESH_SECONDS:
                yield fault
        for sidecar in on_disk.sidecars:
            fault = faults.of_sidecar(sidecar.path) or refused.get(sidecar.path)
            if fault is not None:
                yield fault
        waiting = [one for one in on_disk.sidecars if one.age > FRESH_SECONDS and _is_ahead(on_disk.run, one, arrived)]
        if waiting:
            yield (
                f"In run {on_disk.run!r} there are sidecars whose events never arrived ({_tags(waiting)}): the event file is "
                "missing, cut short or damaged, or TensorBoard has not read it yet. Reload; if that does not help, log "
                "again."
            )
    lacking: dict[str, list[tuple[int, str]]] = {}
    for (run, kind, identifier), step in sorted(arrived.items()):
        if kind not in _WITH_SIDECAR or (run, kind, identifier, step) in there:
            continue
        # asked again, since a name may lead to a folder that the walk calls otherwise, and a sidecar may have come since
        if not directories.has_sidecar(run, kind, identifier, step):
            lacking.setdefault(run, []).append((kind, identifier))
    for run, things in lacking.items():
        yield (
            f"In run {run!r} sidecars are missing ({_named(things)}): copy the run's plugins/visualscratchpad folder beside "
            "its event file. Until then runs show rounded attention without layers, latents have no reference images and "
            "no neighbours, large steering results are rounded, and failure sets cannot be shown, nor maps of heads."
        )


def _is_ahead(run: str, sidecar: SidecarOnDisk, arrived: Mapping[tuple[str, int, str], int]) -> bool:
    """Whether TensorBoard knows no event as new as this sidecar."""
    newest = arrived.get((run, sidecar.kind, sidecar.identifier))
    return newest is None or newest < sidecar.step


def _tags(sidecars: list[SidecarOnDisk]) -> str:
    return _named([(one.kind, one.identifier) for one in sidecars])


def _named(things: list[tuple[int, str]], n_shown: int = 5) -> str:
    """The first few tags and how many more."""
    names = ", ".join(tag_of(kind, identifier) for kind, identifier in things[:n_shown])
    return f"{names} and {len(things) - n_shown} more" if len(things) > n_shown else names
