"""The images with the largest plain mean of each latent, over a stream of images, and where each latent fires on them.

Memory: some arrays [K, 10]. The maps lie in a temporary file which is rewritten when most of it belongs to images that
were overtaken, so neither grows with the number of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tb_visualscratchpad.exporter.spool import SLACK_BYTES, SpoolFile
from tb_visualscratchpad.wire.dictionary_evidence import N_REFERENCES

_ENTRY = np.dtype([("patch", "<i4"), ("value", "<f4")])
_ENTRIES_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class CollectedReferences:
    """What remains when the stream has ended.

    Attributes:
        image_KR: int32 [K, 10] numbers of images as they were added, -1 for none; best first, of equals the earliest.
        plain_mean_KR: float32 [K, 10], 0 for none.
        map_indptr: int64 [K * 10 + 1].
        map_patch_N: int32. map_value_N: float32.
    """

    image_KR: np.ndarray
    plain_mean_KR: np.ndarray
    map_indptr: np.ndarray
    map_patch_N: np.ndarray
    map_value_N: np.ndarray


class RunningReferences:
    """The ten best images of each latent among those added so far."""

    def __init__(self, n_latents: int, spool_directory: Path | None) -> None:
        shape = (n_latents, N_REFERENCES)
        self._value_KR = np.zeros(shape, dtype=np.float32)
        self._image_KR = np.full(shape, -1, dtype=np.int32)
        self._offset_KR = np.zeros(shape, dtype=np.int64)
        self._count_KR = np.zeros(shape, dtype=np.int32)
        self._spool = SpoolFile(spool_directory)
        self._n_live = 0
        self._n_latents_of_image: dict[int, int] = {}

    @property
    def n_bytes_on_disk(self) -> int:
        return self._spool.size

    def entering(self, plain_mean_K: np.ndarray) -> np.ndarray:
        """The latents (ascending) for which an image with these plain means (float32 [K]) is among the best so far."""
        # Strictly greater: of equals the earliest stays. An empty place holds 0, and only what fires is above that.
        return np.flatnonzero(plain_mean_K > self._value_KR[:, -1])

    def add(
        self,
        image: int,
        latent_E: np.ndarray,
        plain_mean_E: np.ndarray,
        count_E: np.ndarray,
        patch_N: np.ndarray,
        value_N: np.ndarray,
    ) -> list[int]:
        """Put an image among the best of some latents.

        Args:
            image: its number; numbers must ascend from call to call.
            latent_E: what ``entering`` gave.
            plain_mean_E: float32, their plain means.
            count_E: how many of the N map entries belong to each, in order.
            patch_N, value_N: where they fire, and z there.

        Returns:
            Images that are now among the best of no latent.
        """
        if not latent_E.size:
            return []
        entries = np.empty(patch_N.size, dtype=_ENTRY)
        entries["patch"], entries["value"] = patch_N, value_N
        start = self._spool.append(entries.data.cast("B") if entries.size else b"") // _ENTRY.itemsize
        offset_E = start + np.cumsum(count_E) - count_E

        overtaken = self._image_KR[latent_E, -1]
        self._n_live += int(count_E.sum()) - int(self._count_KR[latent_E, -1].sum())
        place_E = (self._value_KR[latent_E] >= plain_mean_E[:, None]).sum(axis=1)
        for array_KR, new_E in (
            (self._value_KR, plain_mean_E),
            (self._image_KR, np.full(latent_E.size, image)),
            (self._offset_KR, offset_E),
            (self._count_KR, count_E),
        ):
            array_KR[latent_E] = _inserted(array_KR[latent_E], place_E, new_E)

        if self._spool.size > 2 * self._n_live * _ENTRY.itemsize + SLACK_BYTES:
            self._rewrite()
        return self._count_references(image, latent_E.size, overtaken)

    def collect(self) -> CollectedReferences:
        """Everything, in latent order."""
        count = self._count_KR.ravel()
        indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(count, dtype=np.int64)])
        patch = np.empty(int(indptr[-1]), dtype=np.int32)
        value = np.empty(int(indptr[-1]), dtype=np.float32)
        done = 0
        for entries in self._read(self._offset_KR.ravel(), count):
            patch[done : done + entries.size] = entries["patch"]
            value[done : done + entries.size] = entries["value"]
            done += entries.size
        return CollectedReferences(self._image_KR.copy(), self._value_KR.copy(), indptr, patch, value)

    def close(self) -> None:
        """Give the temporary file back."""
        self._spool.close()

    def _count_references(self, image: int, n_latents: int, overtaken: np.ndarray) -> list[int]:
        self._n_latents_of_image[image] = n_latents
        gone = []
        numbers, counts = np.unique(overtaken[overtaken >= 0], return_counts=True)
        for number, n in zip(numbers.tolist(), counts.tolist(), strict=True):
            self._n_latents_of_image[number] -= n
            if not self._n_latents_of_image[number]:
                del self._n_latents_of_image[number]
                gone.append(number)
        return gone

    def _rewrite(self) -> None:
        fresh = self._spool.successor()
        order = np.argsort(self._offset_KR.ravel(), kind="stable")
        offset, count = self._offset_KR.ravel()[order], self._count_KR.ravel()[order]
        for entries in self._read(offset, count):
            fresh.append(entries.data.cast("B"))
        moved = np.empty_like(offset)
        moved[order] = np.cumsum(count, dtype=np.int64) - count
        self._offset_KR = moved.reshape(self._offset_KR.shape)
        self._spool.close()
        self._spool = fresh

    def _read(self, offset: np.ndarray, count: np.ndarray):
        """The entries of some slots in their order, a bounded number at a time."""
        if not int(count.sum()):
            return
        stored = np.memmap(self._spool.file, dtype=_ENTRY, mode="r", shape=(self._spool.size // _ENTRY.itemsize,))
        before = np.cumsum(count, dtype=np.int64)
        first = 0
        while first < count.size:
            reached = int(before[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(before, reached + _ENTRIES_AT_ONCE, side="right")))
            part = count[first:last].astype(np.int64)
            within = np.arange(int(part.sum())) - np.repeat(np.cumsum(part) - part, part)
            if within.size:
                yield stored[np.repeat(offset[first:last], part) + within]
            first = last


def _inserted(row_ER: np.ndarray, place_E: np.ndarray, new_E: np.ndarray) -> np.ndarray:
    """Each row with a value put in at its place and the last one pushed out."""
    rank = np.arange(row_ER.shape[1])[None, :]
    pushed = np.concatenate([row_ER[:, :1], row_ER[:, :-1]], axis=1)
    shifted = np.where(rank > place_E[:, None], pushed, row_ER)
    return np.where(rank == place_E[:, None], new_E[:, None], shifted)
