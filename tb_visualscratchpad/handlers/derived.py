"""Views that are worth keeping between two requests: C of a run under one choice of layers, row and view."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_visualscratchpad.views.attention_maps import AttentionMasses, attention_masses
from tb_visualscratchpad.views.cluster_names import cluster_name
from tb_visualscratchpad.views.clusters import TokenCluster, compute_latent_order
from tb_visualscratchpad.views.means import LatentMeans, latent_means
from tb_visualscratchpad.views.ordered_tree import heights_of
from tb_visualscratchpad.views.patches import ViewChoice
from tb_visualscratchpad.views.sinks import SinkPatches, find_sinks
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import LatentOrder, RowChoice, VlmRun

MAX_BYTES = 256 * 2**20

Layers = tuple[int, ...] | None


class KnownNames:
    """Names of clusters, each found once: a slider leaves most clusters as they are.

    Holds for one run under one choice of layers, row, view and tokens, for there a cluster's latents say all of it.
    """

    NBYTES = 4 * 2**20
    """A bound on its memory, roughly."""
    _MAX_NAMES = 20_000

    def __init__(self, run: VlmRun, statistics: LatentStatistics | None) -> None:
        self._run = run
        self._statistics = statistics
        self._names: dict[tuple[str, bytes], str] = {}

    def of(self, cluster: TokenCluster) -> str:
        """What ``cluster_name`` gives."""
        key = (cluster.kind.value, cluster.latent_c.tobytes())
        name = self._names.get(key)
        if name is None:
            if len(self._names) >= self._MAX_NAMES:
                self._names = {}
            name = self._names[key] = cluster_name(self._run, cluster, self._statistics)
        return name


@dataclass(frozen=True)
class _Kept:
    # The run is held so that its id() stays its own.
    run: VlmRun
    value: Any
    nbytes: int


class DerivedViews:
    """A bounded cache, the least recently used out first. Two requests for the same thing compute it once.

    Evidence is never altered, so a view of the same ``VlmRun`` object holds for as long as that object is kept.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._computing: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def sinks(self, run: VlmRun, layers: Layers, row: RowChoice) -> SinkPatches:
        """The run's sinks under these choices."""
        layers = _all_as_none(run, layers)
        return self._get(
            run,
            ("sinks", layers, row),
            lambda: find_sinks(run, layers=layers, row=row),
            lambda sinks: int(sinks.sink_P.nbytes + sinks.density_P.nbytes),
        )

    def left_out(self, run: VlmRun, layers: Layers, row: RowChoice, with_sinks: bool) -> np.ndarray | None:
        """bool [P], the sinks where they are to be left out and there are any; else None."""
        if with_sinks:
            return None
        sinks = self.sinks(run, layers, row)
        return sinks.sink_P if sinks.n_sinks else None

    def means(self, run: VlmRun, layers: Layers, row: RowChoice, view: ViewChoice, with_sinks: bool = True) -> LatentMeans:
        """B and C of all text tokens."""
        layers = _all_as_none(run, layers)
        without_P = self.left_out(run, layers, row, with_sinks)
        return self._get(
            run,
            ("means", layers, row, view, without_P is not None),
            lambda: latent_means(run, layers=layers, row=row, view=view, without_P=without_P),
            lambda means: means.nbytes,
        )

    def order(
        self, run: VlmRun, layers: Layers, row: RowChoice, view: ViewChoice, include_prompt: bool
    ) -> LatentOrder:
        """The leaf order for these choices: the exported one for the defaults, else computed once."""
        layers = _all_as_none(run, layers)
        default = layers is None and row is RowChoice.PRODUCING and view is ViewChoice.BOTH and not include_prompt
        if default and run.order is not None:
            return run.order
        return self._get(
            run,
            ("order", layers, row, view, include_prompt),
            lambda: compute_latent_order(
                run, include_prompt=include_prompt, means=self.means(run, layers, row, view)
            ),
            lambda order: int(order.latent_C.nbytes + order.linkage.nbytes),
        )

    def heights(self, run: VlmRun, order: LatentOrder) -> np.ndarray:
        """``heights_of`` the order's linkage; the order is one that ``order`` gave for this run."""
        return self._get(
            run,
            ("heights", id(order)),
            lambda: (order, heights_of(order.linkage)),  # the order is held so that its id() stays its own
            lambda kept: int(kept[1].nbytes),
        )[1]

    def names(
        self, run: VlmRun, statistics: LatentStatistics | None, layers: Layers, row: RowChoice, view: ViewChoice, include_prompt: bool,
        with_sinks: bool = True,
    ) -> KnownNames:
        """Names of clusters under these choices."""
        # The statistics are held by what is kept, so that their id() stays their own.
        layers = _all_as_none(run, layers)
        without = self.left_out(run, layers, row, with_sinks) is not None
        what = ("names", id(statistics), layers, row, view, include_prompt, without)
        return self._get(run, what, lambda: KnownNames(run, statistics), lambda kept: kept.NBYTES)

    def masses(self, run: VlmRun, layers: Layers, row: RowChoice, with_sinks: bool = True) -> AttentionMasses:
        """The mass on the picture of all text tokens."""
        layers = _all_as_none(run, layers)
        without_P = self.left_out(run, layers, row, with_sinks)
        return self._get(
            run,
            ("masses", layers, row, without_P is not None),
            lambda: attention_masses(run, layers=layers, row=row, without_P=without_P),
            lambda masses: int(masses.mass_T.nbytes + masses.token_T.nbytes),
        )

    def _get(
        self, run: VlmRun, what: tuple[Hashable, ...], compute: Callable[[], Any], nbytes_of: Callable[[Any], int]
    ) -> Any:
        key = (id(run), *what)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key].value
            computing = self._computing.setdefault(key, threading.Lock())
        with computing:
            with self._lock:
                if key in self._kept:
                    return self._kept[key].value
            try:
                value = compute()
            finally:
                with self._lock:
                    self._computing.pop(key, None)
            with self._lock:
                self._kept[key] = _Kept(run, value, nbytes_of(value))
                self._shrink()
        return value

    def _shrink(self) -> None:
        total = sum(kept.nbytes for kept in self._kept.values())
        while total > self._max_bytes and len(self._kept) > 1:
            _, kept = self._kept.popitem(last=False)
            total -= kept.nbytes


def _all_as_none(run: VlmRun, layers: Layers) -> Layers:
    return None if layers == run.attention.layers else layers
