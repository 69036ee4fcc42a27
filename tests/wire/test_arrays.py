"""Arrays survive every packing, and damage is told."""

from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import DTYPES, from_message, smallest_unsigned, to_message
from tb_visualscratchpad.wire.errors import UnreadableEvidence

PACKINGS = [pb.RAW, pb.ZLIB, pb.SHUFFLED_ZLIB]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (7, 3), (3, 0, 2), (2, 3, 4), (5000,)])
@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_arrays_come_back(dtype: str, shape: tuple[int, ...], packing: int) -> None:
    array = (np.random.default_rng(0).random(shape) * 100).astype(dtype)
    back = from_message(pb.Array.FromString(to_message(array, packing).SerializeToString()))
    assert back.dtype == array.dtype and back.shape == array.shape
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("array", [
    np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
    np.arange(12, dtype=np.int32).reshape(3, 4).T,
    np.arange(12, dtype=">i4"),
])
def test_odd_values_orders_and_strides_come_back(array: np.ndarray) -> None:
    np.testing.assert_array_equal(from_message(to_message(array)), array)


def test_read_arrays_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        from_message(to_message(np.arange(3)))[0] = 1


def test_packing_never_makes_it_longer() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 100, dtype=np.uint8)
    assert to_message(noise).packing == pb.RAW


def test_counts_take_the_narrowest_dtype() -> None:
    narrow = [smallest_unsigned(np.array([0, top])).dtype.name for top in (255, 256, 65535, 65536, 2**32 - 1, 2**32)]
    assert narrow == ["uint8", "uint16", "uint16", "uint32", "uint32", "int64"]


@pytest.mark.parametrize("damage", [
    lambda m: setattr(m, "data", m.data[:-5]),
    lambda m: setattr(m, "data", b"\0" + m.data[1:]),
    lambda m: setattr(m, "dtype", "object"),
    lambda m: setattr(m, "packing", 9),
    lambda m: m.shape.append(2),
    lambda m: m.shape.__setitem__(0, -1),
    lambda m: m.shape.__setitem__(0, 999),
])
@pytest.mark.parametrize("packing", [pb.ZLIB, pb.SHUFFLED_ZLIB])
def test_damage_is_told(packing: int, damage) -> None:
    message = to_message(np.zeros(1000, np.float32), packing)
    assert message.packing == packing
    damage(message)
    with pytest.raises(UnreadableEvidence):
        from_message(message)


def test_a_flipped_bit_within_packed_bytes_never_changes_values() -> None:
    array = np.arange(1000, dtype=np.int32)
    message, n_told = to_message(array), 0
    for place in range(len(message.data)):
        data = bytearray(message.data)
        data[place] ^= 4
        broken = pb.Array()
        broken.CopyFrom(message)
        broken.data = bytes(data)
        try:  # a few bits mean nothing, all others are told
            np.testing.assert_array_equal(from_message(broken), array)
        except UnreadableEvidence:
            n_told += 1
    assert n_told > 0.9 * len(message.data)


def test_a_message_cannot_unpack_to_more_than_it_announces() -> None:
    message = to_message(np.zeros(50_000_000, np.uint8), pb.ZLIB)
    message.shape[0] = 10
    with pytest.raises(UnreadableEvidence):
        from_message(message)
