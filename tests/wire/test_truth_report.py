"""A truth report comes back as it was, from its event and from a golden log of version 1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire.codecs import truth_report as codec
from tb_visualscratchpad.wire.codecs.envelope import decode_event, encode_evidence
from tb_visualscratchpad.wire.errors import EvidenceNotFound
from tests.data_providers import PROVIDERS, reading
from tests.golden import write_golden_truth as golden
from tests.random_evidence import random_metrics, random_truth_report, random_vlm_run
from tests.wire.test_golden_log import content


@pytest.mark.parametrize("seed", range(4))
def test_a_report_comes_back_from_its_event(seed: int) -> None:
    report = random_truth_report(seed)
    encoded = encode_evidence(report)
    assert not encoded.sidecar_tensors and decode_event(encoded.event, "it") == report


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_last_report_of_a_dictionary_counts(provider: str, tmp_path: Path) -> None:
    report = random_truth_report(1)
    identity = report.dictionary.dictionary_id
    later = replace(report, items="later")
    with ScratchpadWriter(tmp_path / "a") as writer:
        writer.add_truth_report(report)
        writer.add_vlm_run(random_vlm_run(1))
        writer.add_sae_metrics(random_metrics(2))
    with ScratchpadWriter(tmp_path / "b") as writer:
        writer.add_truth_report(later)
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        entries = {one.info.dictionary_id: one for one in store.listing("").dictionaries}
        assert entries[identity].has_truth_report and entries[identity].steps == ()
        other = random_metrics(2).dictionary.dictionary_id
        assert not entries[other].has_truth_report
        assert store.truth_report("", identity) == later
        assert "truth" not in " ".join(store.steps_shown("", identity))
        with pytest.raises(EvidenceNotFound, match="no report on known truth .*visualscratchpad truth"):
            store.truth_report("", other)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_golden_report_is_read(provider: str) -> None:
    with reading(provider, golden.GOLDEN_TRUTH) as reader:
        store = EventStore(reader.context)
        assert store.listing("").problems == ()
        assert store.truth_report("", golden.DICTIONARY.dictionary_id) == golden.truth_report()


def test_the_writer_writes_what_the_golden_log_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden.write(tmp_path / "now")
    assert content(tmp_path / "now") == content(golden.GOLDEN_TRUTH)
    monkeypatch.setattr(codec, "_encode_figure", lambda figure: codec.pb.TruthFigure(measure=figure.measure))
    golden.write(tmp_path / "changed")
    assert content(tmp_path / "changed") != content(golden.GOLDEN_TRUTH)


def test_figures_must_be_finite() -> None:
    figure = random_truth_report(0).figures[0]
    with pytest.raises(ValueError, match="not finite"):
        replace(figure, value=float("nan"))
    with pytest.raises(ValueError, match="counts -1"):
        replace(figure, n=-1)
