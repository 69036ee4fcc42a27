"""What the logged steps of a training say of a few latents and of the dictionary: every step, and of each only that little.

A step's sidecar is mapped and a few of its elements are read. Its size is compared with what the index says; its hash is not, which
would read all of it: that is compared when the step itself is shown.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from tb_visualscratchpad.run_directories import RunDirectories
from tb_visualscratchpad.step_records import StepRecords
from tb_visualscratchpad.tag_index import Series
from tb_visualscratchpad.views.attribution import check_latent
from tb_visualscratchpad.wire.codecs.envelope import decode_event, decode_sidecar, parse_event, parse_sidecar
from tb_visualscratchpad.wire.codecs.latent_statistics import decode_latents_at_step
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence
from tb_visualscratchpad.wire.latent_at_step import LatentAtStep, latent_of_statistics
from tb_visualscratchpad.wire.sidecar import SidecarFile, open_sidecar, resolve_sidecar
from tb_visualscratchpad.wire.step_index import StepRecord

_MAX_KEPT = 50_000
"""Small things kept: one for each latent, kind and step. Eight latents at 200 steps are 3,200."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class TopReference:
    """The image with a latent's largest plain mean; ``image`` counts within the references of that step."""

    image: int
    name: str
    label: str | None
    plain_mean: float
    has_picture: bool


@dataclass(frozen=True)
class LatentHistory:
    """Latents over the steps that each kind of evidence was logged at, which ascend.

    Attributes:
        statistics: step, and what it says of each latent in the order asked for.
        references: step, and the best reference of each latent, None for one that has none.
        problems: a sentence on each step that cannot be read; it is then missing above.
    """

    statistics: tuple[tuple[int, tuple[LatentAtStep, ...]], ...]
    references: tuple[tuple[int, tuple[TopReference | None, ...]], ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class MetricsHistory:
    """Metrics over the steps they were logged at, which ascend; ``problems`` as in ``LatentHistory``."""

    metrics: tuple[tuple[int, SaeMetrics], ...]
    problems: tuple[str, ...]


class HistoryReader:
    """Reads little of many steps, and keeps what it read. Methods may be called from several threads."""

    def __init__(self, records: StepRecords, directories: RunDirectories) -> None:
        self._records = records
        self._directories = directories
        self._kept: OrderedDict[tuple[str, str, int, float, int], object] = OrderedDict()
        self._lock = threading.Lock()

    def over_steps(
        self, series: Series, steps: Iterable[int], subjects: Sequence[int],
        slice_of: Callable[[Series, StepRecord, Sequence[int]], Sequence[_Item]], whole: Callable[[int, Sequence[int]], Sequence[_Item]],
    ) -> tuple[list[tuple[int, tuple[_Item, ...]]], list[str]]:
        """What ``slice_of`` finds for each subject at each step, or ``whole`` where no index names the step or its sidecar is lost; and a
        sentence on each step that cannot be read."""
        records = {record.step: record for record in self._records.of(series.run, series.tag)}
        found: list[tuple[int, tuple[_Item, ...]]] = []
        problems: list[str] = []
        for step in steps:
            record = records.get(step)
            wall_time = series.max_wall_time if record is None else record.wall_time
            keys = [(series.run, series.tag, step, wall_time, subject) for subject in subjects]
            with self._lock:
                known = all(key in self._kept for key in keys)
                items = [cast(_Item, self._kept[key]) for key in keys] if known else []
                for key in keys if known else ():
                    self._kept.move_to_end(key)
            if not known:
                try:
                    items = list(self._read(series, step, record, subjects, slice_of, whole))
                except (UnreadableEvidence, EvidenceNotFound) as error:
                    problems.append(str(error))
                    continue
                with self._lock:
                    self._kept.update(zip(keys, items, strict=True))
                    while len(self._kept) > _MAX_KEPT:
                        self._kept.popitem(last=False)
            found.append((step, tuple(items)))
        return found, problems

    def _read(
        self, series: Series, step: int, record: StepRecord | None, subjects: Sequence[int],
        slice_of: Callable[[Series, StepRecord, Sequence[int]], Sequence[_Item]], whole: Callable[[int, Sequence[int]], Sequence[_Item]],
    ) -> Sequence[_Item]:
        if record is not None:
            try:
                return slice_of(series, record, subjects)
            except UnreadableEvidence as error:
                try:
                    return whole(step, subjects)  # from the event, if TensorBoard kept it
                except (UnreadableEvidence, EvidenceNotFound):
                    raise error from None
        return whole(step, subjects)

    def statistics_of(self, series: Series, record: StepRecord, latents: Sequence[int]) -> list[LatentAtStep]:
        """Latents of a step's statistics.

        Raises:
            ScratchpadError: there is no such latent.
            UnreadableEvidence: the sidecar is lost, or damaged.
        """
        sidecar, what = self._sidecar(series, record)
        evidence = parse_sidecar(sidecar, what)
        if evidence.WhichOneof("evidence") != "latent_statistics":
            raise UnreadableEvidence(f"{what} holds {evidence.WhichOneof('evidence')}, expected statistics: log it again.")
        message = evidence.latent_statistics
        for latent in latents:
            check_latent(latent, int(message.dictionary.n_latents))
        try:
            return decode_latents_at_step(message, sidecar, latents)
        except (ValueError, IndexError) as error:
            raise UnreadableEvidence(f"{what} is damaged, its parts do not fit one another ({error}): log it again.") from error

    def references_of(self, series: Series, record: StepRecord, latents: Sequence[int]) -> list[TopReference | None]:
        """The best reference of latents at a step. Raises as ``statistics_of``."""
        sidecar, what = self._sidecar(series, record)
        references = decode_sidecar(sidecar, what)  # arrays stay mapped
        if not isinstance(references, ReferenceImages):
            raise UnreadableEvidence(f"{what} holds {type(references).__name__}, expected references: log it again.")
        return [top_reference(references, latent) for latent in latents]

    def metrics_of(self, series: Series, record: StepRecord, subjects: Sequence[int]) -> list[SaeMetrics]:
        """The metrics of a step, which its index holds; ``subjects`` is one, of no meaning."""
        what = _named(series, record)
        metrics = decode_event(parse_event(self._records.message(series.run, series.tag, record), what), what)
        if not isinstance(metrics, SaeMetrics):
            raise UnreadableEvidence(f"{what} holds {type(metrics).__name__}, expected metrics: log it again.")
        return [metrics for _ in subjects]

    def _sidecar(self, series: Series, record: StepRecord) -> tuple[SidecarFile, str]:
        what = _named(series, record)
        message = parse_event(self._records.message(series.run, series.tag, record), what)
        directory = self._directories.of(series.run)
        if directory is None or not message.HasField("sidecar"):
            raise UnreadableEvidence(f"{what} names no sidecar that can be found: log it again.")
        path = resolve_sidecar(directory, message.sidecar.path)
        sidecar = open_sidecar(path)
        size = path.stat().st_size
        if size != message.sidecar.size:
            raise UnreadableEvidence(
                f"The sidecar {path} has {size} bytes, {message.sidecar.size} were logged: it was altered; copy it again or log again."
            )
        return sidecar, what


def latents_of(statistics: LatentStatistics, latents: Sequence[int]) -> list[LatentAtStep]:
    """Latents of whole statistics. Raises ScratchpadError: there is no such latent."""
    for latent in latents:
        check_latent(latent, statistics.dictionary.n_latents)
    return [latent_of_statistics(statistics, latent) for latent in latents]


def top_reference(references: ReferenceImages, latent: int) -> TopReference | None:
    """The best reference of a latent; None for one that fires on no image.

    Raises:
        ScratchpadError: there is no such latent.
    """
    check_latent(latent, references.dictionary.n_latents)
    image = int(references.image_KR[latent, 0])
    if image < 0:
        return None
    label = int(references.image_label_M[image])
    return TopReference(
        image=image,
        name=references.image_names[image],
        label=references.label_names[label] if label >= 0 else None,
        plain_mean=float(references.plain_mean_KR[latent, 0]),
        has_picture=bool(references.pictures),
    )


def _named(series: Series, record: StepRecord) -> str:
    return f"{series.tag} of run {series.run!r} at step {record.step}"
