"""Whether two pieces of evidence say the same, field by field."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np


def assert_same(left: object, right: object, path: str = "evidence", ignore: frozenset[str] = frozenset()) -> None:
    """Exact equality; NaN equals NaN; dtypes of arrays count. ``ignore`` names fields to pass over."""
    if dataclasses.is_dataclass(left):
        assert type(left) is type(right), path
        for field in dataclasses.fields(left):
            if field.name not in ignore:
                below = f"{path}.{field.name}"
                assert_same(getattr(left, field.name), getattr(right, field.name), below, ignore)
    elif isinstance(left, np.ndarray):
        assert isinstance(right, np.ndarray) and left.dtype == right.dtype, f"{path}: {left.dtype} {type(right)}"
        np.testing.assert_array_equal(left, right, err_msg=path)
    elif isinstance(left, Sequence) and not isinstance(left, (str, bytes)):
        assert len(left) == len(right), f"{path}: {len(left)} {len(right)}"
        for i, (a, b) in enumerate(zip(left, right)):
            assert_same(a, b, f"{path}[{i}]", ignore)
    else:
        assert left == right, f"{path}: {left!r} {right!r}"
