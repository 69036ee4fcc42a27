"""Where latents lie beside one another: by what they write (decoder rows), and by what they fire on (references)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from tb_visualscratchpad.exporter.firing_profiles import FEWEST_REFERENCES, firing_profiles
from tb_visualscratchpad.exporter.latent_clusters import cluster_plane
from tb_visualscratchpad.exporter.map_alignment import aligned, renumbered, start_from
from tb_visualscratchpad.exporter.nearest_neighbours import Neighbours, nearest_by_cosine
from tb_visualscratchpad.exporter.plane_projection import N_NEIGHBOURS, project_to_plane
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, ReferenceImages
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo

N_SHOWN_NEIGHBOURS = 8


def decoder_map(
    dictionary: DictionaryInfo,
    W_dec: torch.Tensor | np.ndarray,
    references: ReferenceImages | None = None,
    seed: int = 0,
    progress: bool = True,
    earlier: DecoderMap | None = None,
) -> DecoderMap:
    """Project and cluster the latents of a dictionary. The same arguments give the same bits.

    Args:
        W_dec: [K, d] decoder rows of any length. A row of zeros has no direction: its coordinates are NaN, its cluster
            and neighbours -1.
        references: for the second map; None leaves it empty.
        progress: bars on stderr.
        earlier: the map of an earlier step of the same training run. Latents start from where they lay, the whole is turned onto it, and
            clusters keep their numbers.

    Raises:
        ScratchpadError: rows, references and dictionary do not belong together, or rows are not finite.
    """
    rows_Kd = torch.as_tensor(W_dec).detach().to(device="cpu", dtype=torch.float32).numpy()
    if rows_Kd.shape != (dictionary.n_latents, dictionary.d_in):
        raise ScratchpadError(
            f"The decoder is {list(rows_Kd.shape)}, the dictionary {dictionary.name} has {dictionary.n_latents} "
            f"latents of width {dictionary.d_in}: give the W_dec of the same SAE."
        )
    if not np.isfinite(rows_Kd).all():
        raise ScratchpadError(f"The decoder of {dictionary.name} holds NaN or infinite values: use another checkpoint.")
    if references is not None and references.dictionary.dictionary_id != dictionary.dictionary_id:
        raise ScratchpadError(
            f"The references are of {references.dictionary.name}, the map is of {dictionary.name}: sweep this "
            "dictionary first."
        )
    if earlier is not None and earlier.xy_K2.shape[0] != dictionary.n_latents:
        raise ScratchpadError(
            f"The earlier map has {earlier.xy_K2.shape[0]} latents, {dictionary.name} has {dictionary.n_latents}: give one of the same run."
        )
    length = np.linalg.norm(rows_Kd, axis=1)
    live = np.flatnonzero(length > 0)
    decoder = _layout(rows_Kd[live] / length[live, None], seed, "decoder map" if progress else None, _part(earlier, live, firing=False))
    neighbour_KN, cosine_KN = _shown_neighbours(decoder.neighbours, live, dictionary.n_latents)

    firing_xy = np.full((dictionary.n_latents, 2), np.nan, dtype=np.float32)
    firing_cluster = np.full(dictionary.n_latents, -1, dtype=np.int32)
    firing_method = ""
    if references is not None:
        enough, profiles = firing_profiles(references, seed)
        firing = _layout(profiles, seed, "firing map" if progress else None, _part(earlier, enough, firing=True))
        firing_xy[enough], firing_cluster[enough] = firing.xy_K2, firing.cluster_K
        features = f"shares of plain mean over reference images and labels (at least {FEWEST_REFERENCES} references)"
        firing_method = f"{features}; {firing.method}"
    xy = np.full((dictionary.n_latents, 2), np.nan, dtype=np.float32)
    cluster = np.full(dictionary.n_latents, -1, dtype=np.int32)
    xy[live], cluster[live] = decoder.xy_K2, decoder.cluster_K
    return DecoderMap(
        dictionary=dictionary,
        method=f"unit decoder rows; {decoder.method}",
        seed=seed,
        xy_K2=xy,
        cluster_K=cluster,
        neighbour_KN=neighbour_KN,
        neighbour_cosine_KN=cosine_KN,
        firing_method=firing_method,
        firing_xy_K2=firing_xy,
        firing_cluster_K=firing_cluster,
    )


@dataclass(frozen=True)
class _Layout:
    """Unit rows on a plane: coordinates, clusters, neighbours among these rows, and how it was made."""

    xy_K2: np.ndarray
    cluster_K: np.ndarray
    neighbours: Neighbours
    method: str


@dataclass(frozen=True)
class _Earlier:
    """Where rows lay, NaN for nowhere, and in which cluster, -1 for none."""

    xy_K2: np.ndarray
    cluster_K: np.ndarray


def _part(earlier: DecoderMap | None, rows: np.ndarray, firing: bool) -> _Earlier | None:
    if earlier is None:
        return None
    if firing:
        return _Earlier(earlier.firing_xy_K2[rows], earlier.firing_cluster_K[rows])
    return _Earlier(earlier.xy_K2[rows], earlier.cluster_K[rows])


def _layout(unit_Kd: np.ndarray, seed: int, title: str | None, earlier: _Earlier | None = None) -> _Layout:
    n = unit_Kd.shape[0]
    with tqdm(total=n, unit="latent", desc=title, disable=title is None) as bar:
        neighbours = nearest_by_cosine(unit_Kd, min(N_NEIGHBOURS, max(n - 1, 0)), bar.update)
        bar.set_postfix_str("projecting")
        start = None if earlier is None else start_from(earlier.xy_K2, neighbours.index_KN)
        plane = project_to_plane(unit_Kd, neighbours, seed, start)
        xy = plane.xy_K2 if earlier is None else aligned(plane.xy_K2, earlier.xy_K2)
        bar.set_postfix_str("clustering")
        clusters = cluster_plane(plane.xy_K2)
        cluster = clusters.cluster_K if earlier is None else renumbered(clusters.cluster_K, earlier.cluster_K)
        bar.set_postfix_str("done")
    return _Layout(xy, cluster, neighbours, f"{plane.method}; {clusters.method}")


def _shown_neighbours(neighbours: Neighbours, live: np.ndarray, n_latents: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours in latent numbers, int32 and float32 [K, n], n at most 8; -1 and 0 for a latent without direction."""
    n = min(N_SHOWN_NEIGHBOURS, neighbours.index_KN.shape[1])
    index = np.full((n_latents, n), -1, dtype=np.int32)
    cosine = np.zeros((n_latents, n), dtype=np.float32)
    index[live] = live[neighbours.index_KN[:, :n]]
    cosine[live] = neighbours.cosine_KN[:, :n]
    return index, cosine
