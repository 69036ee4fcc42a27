"""Maps of heads come back as they were, from sidecar and store; their event alone is a manifest."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire.codecs.envelope import decode_event, encode_evidence
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.head_evidence import as_shares
from tests.data_providers import PROVIDERS, reading
from tests.evidence_equality import assert_same
from tests.golden import write_golden_heads as golden
from tests.random_evidence import random_vlm_run
from tests.random_head_evidence import random_head_attention
from tests.wire.test_golden_log import content


def test_shares_lose_what_half_precision_loses() -> None:
    rng = np.random.default_rng(0)
    attention = rng.gamma(0.2, 1.0, (4, 3, 500)) * 10.0 ** rng.integers(-6, 0, (4, 3, 1))
    attention[1, 1] = 0
    share, scale = as_shares(attention.astype(np.float32))
    assert share.dtype == np.float16 and scale.dtype == np.float32 and share.max() == 1 and not share[1, 1].any() and scale[1, 1] == 0
    back = share.astype(np.float64) * scale[..., None]
    assert np.all(np.abs(back - attention) <= 2.0**-11 * attention + 3.1e-8 * scale[..., None] + 1e-12)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_they_come_back_through_the_store(provider: str, tmp_path: Path) -> None:
    run = random_vlm_run(3)
    found = random_head_attention(run, 4)
    with ScratchpadWriter(tmp_path / "worker") as writer:
        writer.add_vlm_run(run)
        writer.add_head_attention(found)
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        assert listing.problems == ()
        (entry,) = listing.outcomes
        assert (entry.kind, entry.result_id, entry.original_run_id) == ("head_attention", found.result_id, run.run_id)
        assert entry.details == {"query_positions": found.query_position_T.tolist()}
        back = store.head_attention("", "worker", found.result_id)
        assert_same(back, found)
        assert not back.share_LHTI.flags.writeable, "mapped, not copied"
        with pytest.raises(EvidenceNotFound, match="no map of heads 'other'"):
            store.head_attention("", "worker", "other")
        shutil.rmtree(tmp_path / "worker" / "plugins")
        assert any("sidecars are missing" in problem for problem in EventStore(reader.context).listing("").problems)
        with pytest.raises(UnreadableEvidence, match="missing"):
            EventStore(reader.context).head_attention("", "worker", found.result_id)


def test_they_are_read_before_tensorboard_reloads(tmp_path: Path) -> None:
    (tmp_path / "worker").mkdir()
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        found = random_head_attention(random_vlm_run(3), 4)
        with ScratchpadWriter(tmp_path / "worker") as writer:
            writer.add_head_attention(found)
        assert_same(store.head_attention("", "worker", found.result_id), found)


def test_the_event_alone_says_where_the_rest_is() -> None:
    encoded = encode_evidence(random_head_attention(random_vlm_run(3), 4))
    assert set(encoded.sidecar_tensors) == {"share", "row_scale", "message"} and encoded.event.ByteSize() < 2000
    with pytest.raises(UnreadableEvidence, match="sidecar that is missing"):
        decode_event(encoded.event, "it")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_golden_log_is_read(provider: str) -> None:
    with reading(provider, golden.GOLDEN_HEADS) as reader:
        store = EventStore(reader.context)
        assert store.listing("").problems == ()
        assert_same(store.head_attention("", ".", "golden-heads"), golden.head_attention())


def test_the_writer_writes_what_the_golden_log_holds(tmp_path: Path) -> None:
    golden.write(tmp_path / "now")
    assert content(tmp_path / "now") == content(golden.GOLDEN_HEADS)


def test_what_does_not_hold_together_is_refused(tmp_path: Path) -> None:
    found = random_head_attention(random_vlm_run(3), 4)
    for change, why in (
        ({"original_run_id": ""}, "of a logged run"),
        ({"query_position_T": found.query_position_T[::-1].copy()}, "ascend"),
        ({"row_scale_LHT": found.row_scale_LHT[:, :, :1]}, "row_scale must be"),
        ({"share_LHTI": found.share_LHTI.astype(np.float32)}, "share must be float16"),
        ({"layers": found.layers[::-1]}, "layers must ascend"),
        ({"difference": float("nan")}, "finite"),
    ):
        with pytest.raises(ValueError, match=why):
            replace(found, **change)
    endless = replace(found, row_scale_LHT=np.full_like(found.row_scale_LHT, np.inf))
    with ScratchpadWriter(tmp_path) as writer, pytest.raises(ScratchpadError, match="not finite"):
        writer.add_head_attention(endless)
    assert not list(tmp_path.rglob("*.safetensors"))
