"""numpy arrays as protobuf messages: little-endian, C order, packed where it helps."""

from __future__ import annotations

import math
import zlib

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.errors import UnreadableEvidence

DTYPES = frozenset(
    "bool uint8 uint16 uint32 int8 int16 int32 int64 float16 float32 float64".split()
)
"""What an array message may hold."""

_LEVEL = 6


def to_message(array: np.ndarray, packing: pb.Packing = pb.SHUFFLED_ZLIB) -> pb.Array:
    """An array as a message.

    Args:
        packing: how to pack the bytes; where packing does not make them fewer they are stored as they are.

    Raises:
        ValueError: a dtype that is not in ``DTYPES``.
    """
    name = array.dtype.name
    if name not in DTYPES:
        raise ValueError(f"an array of dtype {array.dtype} has no message, only {sorted(DTYPES)}")
    raw = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    data = raw
    if packing == pb.SHUFFLED_ZLIB:
        data = zlib.compress(_shuffled(raw, array.itemsize), _LEVEL)
    elif packing == pb.ZLIB:
        data = zlib.compress(raw, _LEVEL)
    if len(data) >= len(raw):
        packing, data = pb.RAW, raw
    return pb.Array(dtype=name, shape=array.shape, packing=packing, data=data)


def from_message(message: pb.Array, dtype: np.typing.DTypeLike | None = None) -> np.ndarray:
    """The array of a message, read-only.

    Args:
        dtype: what to convert to; None keeps the message's.

    Raises:
        UnreadableEvidence: an unknown dtype or packing, or bytes that do not fit the shape.
    """
    if message.dtype not in DTYPES:
        raise UnreadableEvidence(f"An array has the unknown dtype {message.dtype!r}: the log is damaged, log it again.")
    kind = np.dtype(message.dtype).newbyteorder("<")
    shape = tuple(message.shape)
    if any(length < 0 for length in shape):
        raise UnreadableEvidence(f"An array has the shape {shape}: the log is damaged, log it again.")
    n_bytes = math.prod(shape) * kind.itemsize
    data = _unpacked(message, n_bytes, kind.itemsize)
    if len(data) != n_bytes:
        raise UnreadableEvidence(
            f"An array of {message.dtype} {list(shape)} takes {n_bytes} bytes, {len(data)} are there: "
            "the log is damaged, log it again."
        )
    array = np.frombuffer(data, dtype=kind).reshape(shape)
    array = array.astype(np.dtype(message.dtype if dtype is None else dtype), copy=False)
    array.flags.writeable = False
    return array


def smallest_unsigned(array: np.ndarray) -> np.ndarray:
    """The same counts in the narrowest of uint8, uint16, uint32, or int64 beyond."""
    largest = int(array.max(initial=0))
    for dtype in (np.uint8, np.uint16, np.uint32):
        if largest <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array.astype(np.int64)


def _shuffled(raw: bytes, itemsize: int) -> bytes:
    return np.frombuffer(raw, np.uint8).reshape(-1, itemsize).T.tobytes()


def _unpacked(message: pb.Array, n_bytes: int, itemsize: int) -> bytes:
    if message.packing == pb.RAW:
        return message.data
    if message.packing not in (pb.ZLIB, pb.SHUFFLED_ZLIB):
        raise UnreadableEvidence(f"An array is packed in the unknown way {message.packing}: update tb-visualscratchpad.")
    try:
        # Never more than was announced, whatever the stream would unpack to.
        stream = zlib.decompressobj()
        data = stream.decompress(message.data, n_bytes + 1)
    except zlib.error as error:
        raise UnreadableEvidence(f"An array cannot be unpacked ({error}): the log is damaged, log it again.") from error
    if not stream.eof:  # cut short, or longer than announced: its check sum was not reached
        raise UnreadableEvidence("The packed bytes of an array do not end where they should: the log is damaged, log it again.")
    if message.packing == pb.SHUFFLED_ZLIB and len(data) == n_bytes:
        return np.frombuffer(data, np.uint8).reshape(itemsize, -1).T.tobytes()
    return data
