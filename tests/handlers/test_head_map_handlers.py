from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.head_maps import HeadMapHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views import find_sinks
from tb_visualscratchpad.views.head_maps import head_map, head_maps
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tb_visualscratchpad.wire.head_evidence import HeadAttention
from tests.handlers.held_evidence import HeldEvidence, ask, sentence, unpack
from tests.random_evidence import random_vlm_run
from tests.random_head_evidence import random_head_attention

NAMES = {"run": ".", "id": "run-71", "heads": "worker/one/heads-72"}


@pytest.fixture(scope="module")
def run() -> VlmRun:
    return random_vlm_run(71)


@pytest.fixture(scope="module")
def heads(run: VlmRun) -> HeadAttention:
    return random_head_attention(run, 72)


@pytest.fixture(scope="module")
def handlers(run: VlmRun, heads: HeadAttention) -> HeadMapHandlers:
    store = HeldEvidence({(".", "run-71"): run}, outcomes={("worker/one", "heads-72"): heads})
    return HeadMapHandlers(store, DerivedViews(), RequestGuard(None))


def test_what_was_recorded(handlers: HeadMapHandlers, heads: HeadAttention) -> None:
    found = ask(handlers.head_attention, run="worker/one", id="heads-72").json
    assert found["query_positions"] == heads.query_position_T.tolist() and found["layers"] == [0, 1, 2]
    assert (found["n_heads"], found["difference"], found["original_run_id"]) == (4, 1e-6, "run-71")
    assert (found["run"], found["id"], found["name"]) == ("worker/one", "heads-72", heads.name)


@pytest.mark.parametrize("choice", [{}, {"view": "base"}, {"sinks": "0", "view": "tiles"}])
def test_maps_equal_the_view(handlers: HeadMapHandlers, run: VlmRun, heads: HeadAttention, choice: dict[str, str]) -> None:
    token = int(run.tokens.indices(Span.OUTPUT)[1])
    header, arrays = unpack(ask(handlers.head_maps, **NAMES, token=token, **choice))
    how = {"view": choice.get("view", "both"), "sink_P": find_sinks(run).sink_P, "without_sinks": "sinks" in choice}
    expected = head_maps(run, heads, token - 1, **how)
    for name, array in (
        ("map", expected.map_LHYX), ("peak", expected.peak_LH), ("mass", expected.mass_LH), ("newlines", expected.newline_LH),
        ("sinks", expected.sink_LH), ("effective", expected.effective_LH),
    ):
        np.testing.assert_array_equal(arrays[name], array)
    assert header == {
        "token": token, "query_position": token - 1, "layers": [0, 1, 2], "n_heads": 4, "difference": 1e-6,
        "most": [list(one) for one in expected.most], "localised": [list(one) for one in expected.localised],
    }
    header, arrays = unpack(ask(handlers.head_map, **NAMES, token=token, layer=2, head=3, **choice))
    alone = head_map(run, heads, token - 1, 2, 3, **how)
    np.testing.assert_array_equal(arrays["attention"], alone.attention_P)
    assert (header["layer"], header["head"], header["defined"], header["mass_on_picture"]) == (2, 3, True, alone.mass_on_picture)


def test_the_row_decides_which_position_is_read(handlers: HeadMapHandlers, run: VlmRun) -> None:
    output = run.tokens.indices(Span.OUTPUT).tolist()
    by_producing, _ = unpack(ask(handlers.head_maps, **NAMES, token=output[1]))
    by_own, _ = unpack(ask(handlers.head_maps, **NAMES, token=output[0], row="own"))
    assert by_producing["query_position"] == by_own["query_position"] == output[0]


def test_refusals(handlers: HeadMapHandlers, run: VlmRun) -> None:
    token = int(run.tokens.indices(Span.OUTPUT)[4])
    assert "has maps of the positions" in sentence(ask(handlers.head_maps, **NAMES, token=token), 400)
    assert "slash between" in sentence(ask(handlers.head_maps, **{**NAMES, "heads": "nothing"}, token=token), 400)
    assert "There is no b in a" in sentence(ask(handlers.head_maps, **{**NAMES, "heads": "a/b"}, token=token), 404)
    first = int(run.tokens.indices(Span.OUTPUT)[0])
    assert "layer 7" in sentence(ask(handlers.head_map, **NAMES, token=first, layer=7, head=0), 400)
