"""A match of two dictionaries comes back as it was, from its sidecar and through the store; its best counterparts from its event."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.envelope import decode_event, encode_evidence
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence
from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch, match_id_of
from tests.data_providers import PROVIDERS, reading
from tests.evidence_equality import assert_same
from tests.golden import write_golden_match as golden
from tests.random_evidence import random_metrics
from tests.random_match import random_match
from tests.wire.test_golden_log import content


@pytest.mark.parametrize("seed", range(4))
def test_an_event_holds_the_best_counterparts(seed: int) -> None:
    match = random_match(seed)
    encoded = encode_evidence(match)
    assert encoded.plugin_data.kind == pb.DICTIONARY_MATCH and encoded.plugin_data.id == match.match_id
    best = decode_event(encoded.event, "it")
    assert isinstance(best, DictionaryMatch) and best.dictionary == match.dictionary and best.other == match.other
    np.testing.assert_array_equal(best.forward_latent_Kn, match.forward_latent_Kn[:, :1])
    np.testing.assert_array_equal(best.backward_cosine_Jn, match.backward_cosine_Jn[:, :1])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_last_match_of_two_dictionaries_counts(provider: str, tmp_path: Path) -> None:
    match = random_match(1)
    later = replace(random_match(2), dictionary=match.dictionary, other=match.other)
    with ScratchpadWriter(tmp_path / "a") as writer:
        writer.add_dictionary_match(match)
        writer.add_sae_metrics(replace(random_metrics(2), dictionary=match.dictionary))
    with ScratchpadWriter(tmp_path / "b") as writer:
        writer.add_dictionary_match(later)
        writer.add_dictionary_match(random_match(7))
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        assert listing.problems == ()
        entries = {one.match_id: one for one in listing.matches}
        assert len(entries) == len(listing.matches) == 2
        entry = entries[match.match_id]
        assert (entry.run, entry.dictionary, entry.other) == ("b", match.dictionary, match.other)
        known = {one.info.dictionary_id: one for one in listing.dictionaries}
        assert match.other.dictionary_id in known, "a dictionary that only a match refers to is listed too"
        assert known[match.dictionary.dictionary_id].has_metrics and known[match.other.dictionary_id].steps == ()
        assert_same(store.dictionary_match("", match.match_id), later)
        with pytest.raises(EvidenceNotFound, match="visualscratchpad match-sae"):
            store.dictionary_match("", match_id_of("a", "b"))


def test_without_its_sidecar_the_best_counterparts_are_left(tmp_path: Path) -> None:
    match = random_match(3)
    with ScratchpadWriter(tmp_path / "a") as writer:
        writer.add_dictionary_match(match)
    shutil.rmtree(tmp_path / "a" / "plugins")
    with reading(PROVIDERS[0], tmp_path) as reader:
        store = EventStore(reader.context)
        assert "sidecars are missing" in store.listing("").problems[0]
        np.testing.assert_array_equal(store.dictionary_match("", match.match_id).forward_latent_Kn, match.forward_latent_Kn[:, :1])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_golden_match_is_read(provider: str) -> None:
    with reading(provider, golden.GOLDEN_MATCH) as reader:
        store = EventStore(reader.context)
        assert store.listing("").problems == ()
        assert_same(store.dictionary_match("", golden.match().match_id), golden.match())


def test_the_writer_writes_what_the_golden_log_holds(tmp_path: Path) -> None:
    golden.write(tmp_path / "now")
    assert content(tmp_path / "now") == content(golden.GOLDEN_MATCH)


@pytest.mark.parametrize("seed", range(6))
def test_mutual_pairs_by_going_there_and_back(seed: int) -> None:
    match = random_match(seed)
    for latent, mutual in enumerate(match.mutual_K):
        there = match.forward_latent_Kn[latent, 0]
        assert mutual == (there >= 0 and match.backward_latent_Jn[there, 0] == latent)
    assert match.mutual_K.sum() == match.reversed().mutual_K.sum() > 0
    assert_same(match.reversed().reversed(), match)


def test_what_does_not_hold_together_is_refused() -> None:
    match = random_match(0)
    with pytest.raises(ValueError, match="with another one"):
        replace(match, other=match.dictionary)
    with pytest.raises(ValueError, match="counterparts must be"):
        replace(match, forward_cosine_Kn=match.forward_cosine_Kn[:, :1])
    with pytest.raises(ValueError, match="is not among"):
        replace(match, forward_latent_Kn=match.forward_latent_Kn + match.other.n_latents)
    with pytest.raises(ValueError, match="finite"):
        replace(match, backward_cosine_Jn=match.backward_cosine_Jn * np.float32("nan"))


def test_a_damaged_event_is_told() -> None:
    event = encode_evidence(random_match(1)).event
    event.dictionary_match.other.n_latents = 1
    with pytest.raises(UnreadableEvidence, match="do not fit one another"):
        decode_event(event, "it")


def test_65_536_latents_take_a_megabyte_in_the_event() -> None:
    """TensorBoard check-sums events in Python, at some megabytes a second."""
    big = DictionaryInfo("a" * 64, "a", "vlm", "a", "hook", 8, 65_536, "topk")
    draw = np.random.default_rng(0)
    sides = [(draw.integers(0, 65_536, (65_536, 5), dtype=np.int32), draw.random((65_536, 5), dtype=np.float32)) for _ in range(2)]
    match = DictionaryMatch(big, replace(big, dictionary_id="b" * 64), 0.0, *sides[0], *sides[1])
    encoded = encode_evidence(match)
    assert encoded.event.ByteSize() < 1_100_000 and sum(one.nbytes for one in encoded.sidecar_tensors.values()) < 5_300_000
