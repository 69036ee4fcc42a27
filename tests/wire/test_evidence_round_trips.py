"""Random evidence comes back from its sidecar exactly, and from its event as closely as it is documented."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.attention import decode_attention, encode_attention
from tb_visualscratchpad.wire.codecs.envelope import (
    SomeEvidence,
    decode_event,
    decode_sidecar,
    encode_evidence,
    parse_event,
    parse_plugin_data,
)
from tb_visualscratchpad.wire.codecs.latents import decode_latents, encode_latents, strongest
from tb_visualscratchpad.wire.codecs.vlm_run import EVENT_BUDGET, encode_run_compactly, encode_run_exactly
from tb_visualscratchpad.wire.dictionary_evidence import DecoderDrift
from tb_visualscratchpad.wire.errors import ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.evidence import LatentActivations, RowChoice, Span, VlmRun
from tb_visualscratchpad.wire.sidecar import SidecarFile, open_sidecar, write_sidecar
from tb_visualscratchpad.wire.version import SCHEMA_VERSION
from tests.evidence_equality import assert_same
from tests.random_evidence import (
    random_decoder_map,
    random_dictionary,
    random_image_tokens,
    random_latents,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)

RUNS = {
    "usual": {},
    "no newlines": {"newlines": False},
    "base view only": {"tile_rows": 0, "tile_columns": 0},
    "tall": {"tile_rows": 3, "tile_columns": 1},
    "one patch": {"grid": 1, "tile_rows": 0, "tile_columns": 0},
    "one output token": {"n_output": 1},
    "no output": {"n_output": 0, "truncated": True},
    "image first": {"n_system": 0},
    "silent": {"n_firing": 0},
    "one latent": {"n_latents": 1, "n_firing": 1},
    "wide dictionary": {"n_latents": 65_536},
    "no layers": {"per_layer": False},
    "no picture": {"picture": False},
    "no order": {"ordered": False},
    "steered": {"steering": '{"interventions": [], "name": "日本"}'},
}
LOSSY = frozenset({"mean_TI", "per_layer_LTI", "value_N", "reductions"})


def written(tmp_path: Path, evidence: SomeEvidence) -> SidecarFile:
    encoded = encode_evidence(evidence)
    reference = write_sidecar(tmp_path, "a.safetensors", encoded.sidecar_tensors, encoded.sidecar_metadata)
    return open_sidecar(tmp_path / reference.path)


def from_event(evidence: SomeEvidence) -> SomeEvidence:
    return decode_event(parse_event(encode_evidence(evidence).event.SerializeToString(), "it"), "it")


@pytest.mark.parametrize("case", RUNS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_runs_come_back(tmp_path: Path, case: str, seed: int) -> None:
    run = random_vlm_run(seed, **RUNS[case])
    assert_same(decode_sidecar(written(tmp_path, run), "it"), run)

    compact = from_event(run)
    assert_same(compact, run, ignore=LOSSY)
    assert compact.attention.per_layer_LTI is None and "rounded to 8 bits" in " ".join(compact.reductions)
    scale = run.attention.mean_TI.max(axis=1, keepdims=True, initial=0)
    bound = np.sqrt(run.attention.mean_TI * scale) / 255 + scale / 260_100
    assert np.all(np.abs(compact.attention.mean_TI - run.attention.mean_TI) <= bound * 1.001 + 1e-12)
    np.testing.assert_allclose(compact.latents.value_N, run.latents.value_N, rtol=2**-10, atol=0)


@pytest.mark.parametrize("seed", range(4))
def test_dictionary_evidence_comes_back(tmp_path: Path, seed: int) -> None:
    statistics = random_statistics(seed, n_labels=seed, broken_images=("a/ü.jpg",) * seed, complete=seed != 1)
    assert_same(from_event(statistics), statistics)
    metrics = random_metrics(seed, fvu=seed != 1)
    assert_same(from_event(metrics), metrics)

    references = random_references(seed, n_labels=seed, pictures=seed != 1, n_images=5 + 10 * seed)
    assert_same(decode_sidecar(written(tmp_path / "r", references), "it"), references)
    decoder_map = random_decoder_map(seed, firing=seed != 1)
    assert_same(decode_sidecar(written(tmp_path / "m", decoder_map), "it"), decoder_map)
    alone = from_event(decoder_map)
    assert_same(alone, decoder_map, ignore=frozenset({"neighbour_KN", "neighbour_cosine_KN"}))
    assert alone.neighbour_KN.shape == (64, 0)


def test_decoder_drift_and_series_come_back(tmp_path: Path) -> None:
    angle_K = np.linspace(0, 3, 64).astype(np.float16)
    angle_K[5] = np.nan
    for previous in (None, 40):
        drift = DecoderDrift(30, previous, angle_K, angle_K[::-1].copy())
        statistics = replace(random_statistics(3), decoder_drift=drift)
        assert_same(from_event(statistics), statistics)
        encoded = encode_evidence(statistics)
        reference = write_sidecar(tmp_path / str(previous), "a.safetensors", encoded.step_tensors, encoded.sidecar_metadata)
        sidecar = open_sidecar(tmp_path / str(previous) / reference.path)
        assert sidecar.tensors["drift_since"].dtype == np.float16
        assert_same(decode_sidecar(sidecar, "it"), statistics)
    run = replace(random_vlm_run(1), series_id="of-a-training")
    assert from_event(run).series_id == "of-a-training" == encode_evidence(run).plugin_data.vlm_run.series_id
    assert_same(decode_sidecar(written(tmp_path, run), "it"), run)


def test_references_are_not_in_the_event() -> None:
    with pytest.raises(UnreadableEvidence, match="sidecar that is missing"):
        from_event(random_references(0))


def test_dead_dictionaries_come_back(tmp_path: Path) -> None:
    dead = random_references(0, dead_share=1.0)
    assert_same(decode_sidecar(written(tmp_path, dead), "it"), dead)
    silent = random_statistics(0, dead_share=2.0)
    assert not silent.alive_K.any()
    assert_same(from_event(silent), silent)


def test_counts_beyond_32_bits_come_back() -> None:
    statistics = random_statistics(0)
    many = replace(
        statistics, n_patches=2**40, n_patches_firing_K=statistics.n_patches_firing_K + np.int64(2**35),
    )
    assert_same(from_event(many), many)


def test_texts_that_no_utf8_holds_are_replaced(tmp_path: Path) -> None:
    run = replace(random_vlm_run(0), prompt="a\ud800b", name="\ud83d\ude00")
    back = decode_sidecar(written(tmp_path, run), "it")
    assert back.prompt == "a\ufffdb" and back.name == "😀"


def test_latents_of_any_scale_go_on_firing() -> None:
    values = np.array([1e-40, 1e-12, 1.0, 3e38], np.float32)
    latents = LatentActivations(9, np.array([0, 0, 3, 4, 4]), np.array([0, 4, 8, 2], np.int32), values)
    back = decode_latents(encode_latents(latents))
    np.testing.assert_array_equal(back.indptr_P, latents.indptr_P)
    np.testing.assert_array_equal(back.latent_N, latents.latent_N)
    assert np.all(back.value_N > 0) and np.isclose(back.value_N[3], 3e38, rtol=1e-3)
    faint = replace(latents, value_N=np.full(4, 1e-44, np.float32))
    np.testing.assert_allclose(decode_latents(encode_latents(faint)).value_N, faint.value_N)


def test_strongest_latents_of_each_patch_are_kept() -> None:
    latents = random_latents(0, n_patches=30, n_latents=200, n_firing=12)
    kept = strongest(latents, 4)
    for patch in range(30):
        row, few = latents.csr_PK[patch].toarray().ravel(), kept.csr_PK[patch].toarray().ravel()
        np.testing.assert_array_equal(few[few > 0], row[few > 0])
        assert np.count_nonzero(few) == min(4, np.count_nonzero(row)) and few[few > 0].min() >= np.sort(row)[-4]


def test_attention_can_keep_the_strongest_tokens_and_late_rows() -> None:
    attention = random_vlm_run(0).attention
    back = decode_attention(encode_attention(attention, first_position=40, image_tokens_per_row=5))
    assert back.query_position_T.min() >= 40
    assert np.all(np.count_nonzero(back.mean_TI, axis=1) <= 5)
    np.testing.assert_allclose(back.mean_TI.max(axis=1), attention.mean_TI[attention.query_position_T >= 40].max(axis=1))


def full_size_run(**sizes: int) -> VlmRun:
    """LLaVA-Next at 65,536 latents: 2,880 patches, 2,300 to 2,930 image tokens."""
    usual = {
        "n_latents": 65_536, "grid": 24, "tile_rows": 2, "tile_columns": 2, "n_layers": 1, "n_output": 300, "n_input": 60,
        "n_firing": 60, "picture_side": 1024,
    }
    return random_vlm_run(0, **usual | sizes)


@pytest.mark.parametrize("sizes", [
    {"n_output": 100},
    {"n_output": 512},
    {"n_output": 512, "n_input": 400},
    {"n_output": 300, "n_firing": 400},
    {"n_output": 1500, "n_firing": 200},
])
def test_a_run_event_stays_within_its_budget(sizes: dict[str, int]) -> None:
    run = full_size_run(**sizes)
    event = encode_evidence(run).event
    assert event.ByteSize() <= EVENT_BUDGET + 1000
    back = decode_event(event, "it")
    words = [run.tokens[i] for i in run.tokens.indices(Span.OUTPUT)]
    assert all(back.attention.row_of(token, RowChoice.PRODUCING) is not None for token in words)
    assert back.picture is not None or "The picture is left out." in back.reductions


def test_what_was_reduced_is_said_in_order() -> None:
    run = full_size_run(n_output=40, n_firing=20)
    exact, _ = encode_run_exactly(run)
    whole = encode_run_compactly(run, exact, 10_000_000).ByteSize()
    seen = []
    for budget in (whole, whole - 1, int(0.7 * whole), int(0.4 * whole), int(0.15 * whole)):
        message = encode_run_compactly(run, exact, budget)
        assert message.ByteSize() <= budget
        seen.append(message.reductions)
    assert seen[0] == pb.Reductions()
    assert seen[1].prompt_rows_dropped and not seen[1].latents_per_patch
    assert 0 < seen[2].picture_side < 1024
    assert seen[3].latents_per_patch > 0
    assert seen[4].image_tokens_per_row > 0
    assert "left out" in " ".join(decode_event(pb.Evidence(schema_version=1, vlm_run=message), "it").reductions)


def test_events_of_a_wide_dictionary_are_small() -> None:
    dictionary = random_dictionary(0, n_latents=65_536)
    statistics = encode_evidence(random_statistics(0, dictionary=dictionary, n_images=1_000_000)).event
    assert statistics.ByteSize() < 4_000_000
    decoder_map = encode_evidence(random_decoder_map(0, dictionary=dictionary)).event
    assert decoder_map.ByteSize() < 2_000_000


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5])
def test_attention_out_of_range_is_not_logged(value: float) -> None:
    run = random_vlm_run(0)
    mean_TI = run.attention.mean_TI.copy()
    mean_TI[5, 5] = value
    with pytest.raises(ScratchpadError, match="float32"):
        encode_evidence(replace(run, attention=replace(run.attention, mean_TI=mean_TI)))


def test_latents_out_of_range_are_not_logged() -> None:
    run = random_vlm_run(0)
    value_N = run.latents.value_N.copy()
    value_N[0] = np.inf
    with pytest.raises(ScratchpadError, match="float32"):
        encode_evidence(replace(run, latents=replace(run.latents, value_N=value_N)))


@pytest.mark.parametrize("parse", [parse_event, parse_plugin_data])
def test_newer_and_absent_schemas_are_refused(parse) -> None:
    newer = pb.PluginData(schema_version=SCHEMA_VERSION + 1).SerializeToString()
    with pytest.raises(UnreadableEvidence, match=f"schema version {SCHEMA_VERSION + 1}.*update it"):
        parse(newer, "The run")
    with pytest.raises(UnreadableEvidence, match="no schema version"):
        parse(b"", "The run")
    with pytest.raises(UnreadableEvidence, match="damaged"):
        parse(b"\xff\xff\xff", "The run")


def test_a_newer_sidecar_is_refused(tmp_path: Path) -> None:
    encoded = encode_evidence(random_vlm_run(0))
    metadata = {**encoded.sidecar_metadata, "schema_version": "2"}
    reference = write_sidecar(tmp_path, "a.safetensors", encoded.sidecar_tensors, metadata)
    with pytest.raises(UnreadableEvidence, match="schema version 2"):
        decode_sidecar(open_sidecar(tmp_path / reference.path), "it")


def test_parts_that_do_not_fit_are_told() -> None:
    event = encode_evidence(random_vlm_run(0)).event
    event.vlm_run.tokens.text_index.CopyFrom(event.vlm_run.tokens.alternative_id)
    with pytest.raises(UnreadableEvidence, match="do not fit"):
        decode_event(event, "it")
    with pytest.raises(UnreadableEvidence, match="no evidence"):
        decode_event(pb.Evidence(schema_version=1), "it")


def test_the_random_maps_are_valid_at_the_edges() -> None:
    assert random_image_tokens(0, grid=1, tile_rows=0, tile_columns=0).n_tokens == 1
