"""What an endpoint answers with: JSON, packed arrays, or a file's bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PACKED_DTYPES = ("<f4", "<f8", "<i4", "<u2", "|u1")


@dataclass(frozen=True)
class Answer:
    """A successful answer.

    Attributes:
        cacheable: a browser may keep it and ask by ETag whether it still holds; otherwise it must not be stored.
        tagged: it bears an ETag though no browser may store it, for who asks again and again and remembers it himself.
        saved_as: the file name, of ASCII letters without quotes, that a browser saves it under instead of showing it; None: it is shown.
    """

    body: bytes = field(repr=False)
    content_type: str
    cacheable: bool = False
    tagged: bool = False
    saved_as: str | None = None


def json_answer(content: Mapping[str, Any], *, tagged: bool = False) -> Answer:
    """JSON in UTF-8; NaN and infinities are defects of the caller and raise ValueError."""
    return Answer(json_bytes(content), "application/json; charset=utf-8", tagged=tagged)


def json_bytes(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def packed_answer(content: Mapping[str, Any], arrays: Mapping[str, np.ndarray], *, cacheable: bool = False) -> Answer:
    """A JSON header and raw little-endian arrays (``docs/http_api.md``, Packed answers)."""
    return Answer(pack(content, arrays), "application/octet-stream", cacheable)


def pack(content: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """uint32 h, h bytes of JSON padded by blanks until 4 + h is a multiple of 8, then each array at a multiple of 8.

    Args:
        arrays: float32, float64, int32, uint16 or uint8, of any shape; sent in C order.
    """
    layout, parts, offset = [], [], 0
    for name, array in arrays.items():
        dtype = array.dtype.newbyteorder("<").str
        assert dtype in PACKED_DTYPES, f"array {name} is {dtype}, packed answers carry {PACKED_DTYPES}"
        data = np.ascontiguousarray(array, dtype=dtype).tobytes()
        layout.append({"name": name, "dtype": dtype, "shape": list(array.shape), "offset": offset})
        padding = -len(data) % 8
        parts.append(data + bytes(padding))
        offset += len(data) + padding
    header = json_bytes({**content, "arrays": layout})
    header += b" " * (-(4 + len(header)) % 8)
    return b"".join([struct.pack("<I", len(header)), header, *parts])
