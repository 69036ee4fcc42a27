"""Many messages one after another in a byte tensor of a sidecar: each is read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.picture import decode_picture_message, encode_picture_message
from tb_visualscratchpad.wire.evidence import EncodedPicture
from tb_visualscratchpad.wire.sidecar import SidecarFile

_Item = TypeVar("_Item")


class MappedSequence(Sequence[_Item], Generic[_Item]):
    """Messages one after another in a mapped byte tensor, parsed when they are asked for.

    Args:
        data: uint8, all messages.
        end: int64 [n], where each ends.
        parse: makes an item of its bytes.
        n_kept: how many parsed items are kept.

    Raises:
        ValueError: the messages do not fill their tensor.
    """

    def __init__(
        self, data: np.ndarray, end: np.ndarray, parse: Callable[[bytes], _Item], n_kept: int = 64
    ) -> None:
        if np.any(np.diff(end, prepend=0) < 0) or int(end[-1] if end.size else 0) != data.size:
            raise ValueError("pictures or geometries do not fill their tensor")
        self.data, self.end = data, end

        def item(index: int) -> _Item:
            start = int(end[index - 1]) if index else 0
            return parse(data[start : int(end[index])].tobytes())

        self._item = lru_cache(maxsize=n_kept)(item)

    def __len__(self) -> int:
        return int(self.end.size)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._item(index % len(self))


def joined(name: str, messages: Iterable[pb.ImageTokenMap | pb.Picture]) -> dict[str, np.ndarray]:
    """The tensors ``<name>_data`` and ``<name>_end``."""
    parts = [message.SerializeToString(deterministic=True) for message in messages]
    return {
        f"{name}_data": np.frombuffer(b"".join(parts), np.uint8),
        f"{name}_end": np.cumsum([len(part) for part in parts], dtype=np.int64),
    }


def joined_pictures(name: str, pictures: Sequence[EncodedPicture]) -> dict[str, np.ndarray]:
    """As ``joined``; pictures that lie joined already are not copied."""
    if isinstance(pictures, MappedSequence):
        return {f"{name}_data": pictures.data, f"{name}_end": pictures.end}
    return joined(name, (encode_picture_message(picture) for picture in pictures))


def mapped(sidecar: SidecarFile, name: str, parse: Callable[[bytes], _Item]) -> MappedSequence[_Item]:
    """What ``joined`` wrote."""
    return MappedSequence(
        sidecar.tensor(f"{name}_data", np.uint8, (None,)), sidecar.tensor(f"{name}_end", np.int64, (None,)), parse
    )


def mapped_pictures(sidecar: SidecarFile, name: str) -> MappedSequence[EncodedPicture]:
    """What ``joined_pictures`` wrote."""
    return mapped(sidecar, name, parse_picture)


def parse_picture(data: bytes) -> EncodedPicture:
    """A picture from its message's bytes."""
    return decode_picture_message(pb.Picture.FromString(data))
