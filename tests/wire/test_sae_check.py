"""A check of an SAE comes back as it was, from its event and through the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs import sae_check as codec
from tb_visualscratchpad.wire.codecs.envelope import decode_event, encode_evidence
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence
from tests.data_providers import PROVIDERS, reading
from tests.golden import write_golden_sae_check as golden
from tests.random_evidence import random_metrics, random_vlm_run
from tests.random_sae_check import random_sae_check
from tests.wire.test_golden_log import content


@pytest.mark.parametrize("right", [True, False])
def test_a_check_comes_back_from_its_event(right: bool) -> None:
    check = random_sae_check(3, right=right)
    encoded = encode_evidence(check)
    assert not encoded.sidecar_tensors and decode_event(encoded.event, "it") == check


def test_an_event_whose_measure_has_no_outcome_is_damaged() -> None:
    event = encode_evidence(random_sae_check(1)).event
    event.sae_check.measures[0].outcome = pb.CheckedMeasure.NONE
    with pytest.raises(UnreadableEvidence, match="has the outcome 0"):
        decode_event(event, "it")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_last_check_of_a_dictionary_counts(provider: str, tmp_path: Path) -> None:
    check = random_sae_check(1)
    identity = check.dictionary.dictionary_id
    later = replace(check, images="later")
    with ScratchpadWriter(tmp_path / "a") as writer:
        writer.add_sae_check(check)
        writer.add_vlm_run(random_vlm_run(1))
        writer.add_sae_metrics(random_metrics(2))
    with ScratchpadWriter(tmp_path / "b") as writer:
        writer.add_sae_check(later)
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        entries = {one.info.dictionary_id: one for one in store.listing("").dictionaries}
        assert entries[identity].has_sae_check and entries[identity].steps == ()
        other = random_metrics(2).dictionary.dictionary_id
        assert not entries[other].has_sae_check
        assert store.sae_check("", identity) == later
        with pytest.raises(EvidenceNotFound, match="no check of the SAE .*visualscratchpad check-sae"):
            store.sae_check("", other)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_golden_check_is_read(provider: str) -> None:
    with reading(provider, golden.GOLDEN_SAE_CHECK) as reader:
        store = EventStore(reader.context)
        assert store.listing("").problems == ()
        assert store.sae_check("", golden.DICTIONARY.dictionary_id) == golden.sae_check()


def test_the_writer_writes_what_the_golden_log_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden.write(tmp_path / "now")
    assert content(tmp_path / "now") == content(golden.GOLDEN_SAE_CHECK)
    monkeypatch.setattr(codec, "_encode_reading", lambda reading: codec.pb.CheckedReading(words=reading.words))
    golden.write(tmp_path / "changed")
    assert content(tmp_path / "changed") != content(golden.GOLDEN_SAE_CHECK)


def test_what_does_not_hold_together_is_refused() -> None:
    check = random_sae_check(0)
    with pytest.raises(ValueError, match="not finite"):
        replace(check.measures[0], value=float("nan"))
    with pytest.raises(ValueError, match="of 8 answers"):
        replace(check, n_kept=9)
    with pytest.raises(ValueError, match="one place"):
        replace(check, places=check.places[:2])
