"""Outcomes of the worker come back from their sidecar exactly, and from their event as far as it holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.envelope import (
    SomeEvidence,
    decode_event,
    decode_sidecar,
    encode_evidence,
    parse_event,
)
from tb_visualscratchpad.wire.codecs.outcome_kinds import encode_outcome_kind
from tb_visualscratchpad.wire.codecs.vlm_run import EVENT_BUDGET
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tb_visualscratchpad.wire.evidence import EncodedPicture
from tb_visualscratchpad.wire.sidecar import open_sidecar, write_sidecar
from tests.evidence_equality import assert_same
from tests.random_evidence import random_dictionary, random_picture, random_vlm_run
from tests.random_steering_evidence import (
    random_cluster_sweep,
    random_dose_response,
    random_steering_result,
    random_word_contributions,
)

OUTCOMES: dict[str, Callable[[int], SomeEvidence]] = {
    "steered": random_steering_result,
    "erased": lambda seed: random_steering_result(seed, erased=True),
    "no word left": lambda seed: random_steering_result(seed, n_steered=0),
    "no word at first": lambda seed: random_steering_result(seed, n_original=0),
    "no controls": lambda seed: random_steering_result(seed, n_controls=0),
    "nothing fires": lambda seed: random_steering_result(seed, n_patches=0),
    "asked again": lambda seed: random_steering_result(
        seed, original_run_id="run-1", steered_run_id="run-2", differs_from_logged="It says “dog” today."
    ),
    "sweep": random_cluster_sweep,
    "sweep of nothing": lambda seed: random_cluster_sweep(seed, n_clusters=0),
    "sweep without controls": lambda seed: random_cluster_sweep(seed, n_controls=0),
    "dose": random_dose_response,
    "dose added": lambda seed: random_dose_response(seed, op="ADD", n_doses=2, n_words=1, n_controls=0),
    "contributions": random_word_contributions,
    "nothing checked": lambda seed: random_word_contributions(seed, n_checked=0),
    "nothing contributes": lambda seed: random_word_contributions(seed, n_firing=0),
}


def both_ways(tmp_path: Path, evidence: SomeEvidence) -> tuple[SomeEvidence, SomeEvidence]:
    """What is read from its event alone, and from its sidecar alone."""
    encoded = encode_evidence(evidence)
    reference = write_sidecar(tmp_path, "a.safetensors", encoded.sidecar_tensors, encoded.sidecar_metadata)
    event = parse_event(encoded.event.SerializeToString(), "it")
    return decode_event(event, "it"), decode_sidecar(open_sidecar(tmp_path / reference.path), "it")


@pytest.mark.parametrize("case", OUTCOMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_outcomes_come_back(tmp_path: Path, case: str, seed: int) -> None:
    outcome = OUTCOMES[case](seed)
    for back in both_ways(tmp_path, outcome):
        assert_same(back, outcome)


@pytest.mark.parametrize("case", OUTCOMES)
def test_the_metadata_names_it_by_its_own_id(case: str) -> None:
    outcome = OUTCOMES[case](3)
    data = encode_evidence(outcome).plugin_data
    assert (data.id, data.dictionary.dictionary_id) == (outcome.result_id, outcome.dictionary.dictionary_id)
    assert (data.outcome.name, data.outcome.created, data.outcome.prompt) == (outcome.name, outcome.created, outcome.prompt)
    assert not data.HasField("vlm_run")


def test_the_summary_says_what_a_list_shows() -> None:
    steered = random_steering_result(1, original_run_id="run-1", steered_run_id="run-2")
    said = encode_evidence(steered).plugin_data.outcome
    assert (said.original_run_id, said.steered_run_id, said.n_latents, said.erased) == ("run-1", "run-2", 4, False)
    assert said.output_text == steered.answers[-1].output_text
    assert encode_evidence(random_steering_result(1, erased=True)).plugin_data.outcome.erased
    assert encode_evidence(random_cluster_sweep(1, n_clusters=3)).plugin_data.outcome.n_clusters == 3
    dose = encode_evidence(random_dose_response(1, op="ADD")).plugin_data.outcome
    assert (dose.op, dose.n_doses, dose.n_latents) == ("ADD", 7, 4)
    found = random_word_contributions(1, word=0)
    word = encode_evidence(found).plugin_data.outcome
    assert word.HasField("word") and word.word == 0 and word.word_text == found.original_tokens[0].text


def test_a_wide_edit_stays_out_of_the_event(tmp_path: Path) -> None:
    dictionary = random_dictionary(0, n_latents=65_536)
    result = random_steering_result(0, dictionary=dictionary, n_steered_latents=800, n_patches=2880, n_original=512, n_steered=512)
    from_event, from_sidecar = both_ways(tmp_path, result)
    assert encode_evidence(result).event.ByteSize() <= EVENT_BUDGET + 100
    assert_same(from_sidecar, result)
    assert from_event.edited is None and "left out" in " ".join(from_event.reductions)
    assert_same(from_event, result, ignore=frozenset({"edited", "reductions"}))


def test_a_large_sweep_is_rounded_in_the_event(tmp_path: Path) -> None:
    sweep = random_cluster_sweep(0, n_clusters=100, n_original=512)
    from_event, from_sidecar = both_ways(tmp_path, sweep)
    assert_same(from_sidecar, sweep)
    assert "rounded" in " ".join(from_event.reductions)
    assert encode_evidence(sweep).event.ByteSize() < 2_000_000
    assert from_event.clusters[3].along_original_O.dtype == np.float64
    np.testing.assert_allclose(from_event.clusters[3].along_original_O, sweep.clusters[3].along_original_O, rtol=1e-6)


def test_everything_that_fires_fits_the_event() -> None:
    dictionary = random_dictionary(0, n_latents=65_536)
    found = random_word_contributions(0, dictionary=dictionary, n_firing=65_536, n_checked=60, n_original=512)
    assert encode_evidence(found).event.ByteSize() < 2_000_000


@pytest.mark.parametrize("make", [random_dose_response, random_word_contributions, random_steering_result])
def test_what_cannot_be_made_smaller_is_written_all_the_same(make: Callable[[int], SomeEvidence]) -> None:
    event, within = pb.Evidence(schema_version=1), pb.Evidence(schema_version=1)
    encode_outcome_kind(make(0), event, within, budget=1)
    back = decode_event(event, "it")
    assert "rounded" in " ".join(back.reductions)
    assert within.WhichOneof("evidence") == event.WhichOneof("evidence")


def test_parts_that_do_not_fit_are_told() -> None:
    event = encode_evidence(random_steering_result(0)).event
    event.steering_result.answers[1].along_original.CopyFrom(event.steering_result.edited.before)
    with pytest.raises(UnreadableEvidence, match="do not fit"):
        decode_event(event, "it")
    event = encode_evidence(random_cluster_sweep(0)).event
    del event.cluster_sweep.original_tokens.text[:]
    with pytest.raises(UnreadableEvidence, match="do not fit"):
        decode_event(event, "it")
    event = encode_evidence(random_steering_result(0, erased=True)).event
    del event.steering_result.erasure.box[2:]
    with pytest.raises(UnreadableEvidence, match="do not fit"):
        decode_event(event, "it")


def exact_picture(seed: int) -> EncodedPicture:
    return random_picture(seed, width=320, height=200, mime="image/png")


def test_a_run_keeps_what_it_takes_to_ask_again(tmp_path: Path) -> None:
    run = replace(
        random_vlm_run(0), system="Be brief. 桜", max_new_tokens=77, original_run_id="run-9", exact_picture=exact_picture(0)
    )
    from_event, from_sidecar = both_ways(tmp_path, run)
    assert_same(from_sidecar, run)
    assert from_event.exact_picture is None
    assert (from_event.system, from_event.max_new_tokens, from_event.original_run_id) == ("Be brief. 桜", 77, "run-9")
    assert encode_evidence(run).plugin_data.vlm_run.original_run_id == "run-9"
    assert run.without_picture().exact_picture is None and run.without_picture().picture is None
    # An empty system text is not the same as none.
    assert both_ways(tmp_path / "empty", replace(run, system=""))[1].system == ""


def test_a_run_says_nothing_of_what_it_was_not_told() -> None:
    event = encode_evidence(random_vlm_run(0)).event.vlm_run
    assert not event.HasField("system") and not event.max_new_tokens and not event.HasField("exact_picture")
    back = decode_event(encode_evidence(random_vlm_run(0)).event, "it")
    assert (back.system, back.max_new_tokens, back.original_run_id) == (None, None, "")


def test_an_exact_picture_has_the_pixels_of_the_original() -> None:
    with pytest.raises(ValueError, match="exact picture"):
        replace(random_vlm_run(0), exact_picture=random_picture(0, mime="image/png"))
    with pytest.raises(ValueError, match="exact picture"):
        replace(random_vlm_run(0), exact_picture=random_picture(0, width=320, height=200))
    with pytest.raises(ValueError, match="without its picture"):
        replace(random_vlm_run(0), picture=None, exact_picture=exact_picture(0))
