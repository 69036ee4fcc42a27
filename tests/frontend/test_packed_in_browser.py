"""Packed answers as Python writes them, decoded by the tab."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Error, Page

from tb_visualscratchpad.handlers.answers import pack

DECODE = """async (bytes) => { const { decodePacked } = await import('/packed.js');
    const { header, arrays, shapes } = decodePacked(Uint8Array.from(bytes).buffer);
    return { header, shapes, arrays: Object.fromEntries(Object.entries(arrays).map(([name, a]) => [name, [a.constructor.name, Array.from(a)]])) }; }"""


def test_arrays_and_header_arrive_whole(page: Page) -> None:
    rng = np.random.default_rng(1)
    sent = {
        "value": rng.normal(size=(3, 5)).astype(np.float32),
        "flags": np.arange(7, dtype=np.uint8),
        "linkage": rng.normal(size=(2, 4)),
        "latent": np.array([-1, 3, 70_000], dtype=np.int32),
        "empty": np.zeros((0, 4)),
    }
    got = page.evaluate(DECODE, list(pack({"name": "“קש” 桜", "n": 3}, sent)))
    assert got["header"] == {"name": "“קש” 桜", "n": 3}
    kinds = {"value": "Float32Array", "flags": "Uint8Array", "linkage": "Float64Array", "latent": "Int32Array", "empty": "Float64Array"}
    for name, array in sent.items():
        kind, values = got["arrays"][name]
        assert kind == kinds[name]
        assert got["shapes"][name] == list(array.shape)
        np.testing.assert_array_equal(np.array(values, dtype=array.dtype), array.ravel())


def test_truncated_answers_are_refused(page: Page) -> None:
    whole = pack({}, {"value": np.ones(16, dtype=np.float32)})
    for length in (2, 20, len(whole) - 8):
        with pytest.raises(Error, match="packed answer"):
            page.evaluate(DECODE, list(whole[:length]))
