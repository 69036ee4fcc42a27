"""A store that holds evidence in memory, and a client that asks the endpoints of one resource."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from werkzeug.test import Client, TestResponse

from tb_visualscratchpad.event_store import DictionaryEntry, FailureSetEntry, Listing, OutcomeEntry, VlmRunEntry
from tb_visualscratchpad.listing import MatchEntry
from tb_visualscratchpad.picture_likeness import LoggedPicture
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.errors import EvidenceNotFound
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureSet, SetAblation
from tb_visualscratchpad.wire.head_evidence import HeadAttention
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tb_visualscratchpad.wire.sae_check_evidence import SaeCheck
from tb_visualscratchpad.wire.steering_evidence import ClusterSweep, DoseResponse, SteeringResult, WordContributions
from tb_visualscratchpad.wire.truth_evidence import TruthReport


@dataclass
class HeldEvidence:
    """What the event store would have read from a log; every value may also be an exception to raise.

    ``asked`` collects the steps that were asked for.
    """

    runs: dict[tuple[str, str], VlmRun] = field(default_factory=dict)
    of_dictionary: dict[tuple[str, str], Any] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    failure_sets: dict[tuple[str, str], FailureSet] = field(default_factory=dict)
    asked: list[int | None] = field(default_factory=list)

    def listing(self, experiment: str) -> Listing:
        infos = {run.dictionary.dictionary_id: run.dictionary for run in self.runs.values()}
        infos |= {
            one.dictionary.dictionary_id: one.dictionary
            for one in self.of_dictionary.values()
            if not isinstance(one, Exception)
        }
        return Listing(
            vlm_runs=tuple(
                VlmRunEntry(
                    run=name,
                    run_id=run.run_id,
                    name=run.name,
                    prompt=run.prompt,
                    output_text=run.output_text,
                    created=run.created,
                    dictionary=run.dictionary,
                    n_output_tokens=int(run.tokens.indices(Span.OUTPUT).size),
                    truncated=run.truncated,
                    steered=run.steering is not None,
                    has_picture=run.picture is not None,
                    original_run_id=run.original_run_id,
                )
                for (name, _), run in self.runs.items()
            ),
            dictionaries=tuple(
                DictionaryEntry(
                    info=info,
                    steps=(0, 7),
                    has_statistics=("statistics", identity) in self.of_dictionary,
                    has_references=("references", identity) in self.of_dictionary,
                    has_decoder_map=("map", identity) in self.of_dictionary,
                    has_metrics=("metrics", identity) in self.of_dictionary,
                    has_truth_report=("truth", identity) in self.of_dictionary,
                    has_sae_check=("sae_check", identity) in self.of_dictionary,
                )
                for identity, info in infos.items()
            ),
            problems=self.problems,
            outcomes=tuple(
                OutcomeEntry(
                    run=name,
                    result_id=one.result_id,
                    kind=re.sub(r"(?<=.)(?=[A-Z])", "_", type(one).__name__).lower(),
                    name=one.name,
                    prompt=one.prompt,
                    created=one.created,
                    dictionary=one.dictionary,
                    original_run_id=one.original_run_id,
                    details={"n_clusters": 3},
                )
                for (name, _), one in self.outcomes.items()
            ),
            matches=tuple(
                MatchEntry("matching", identity, one.dictionary, one.other)
                for (kind, identity), one in self.of_dictionary.items()
                if kind == "match" and isinstance(one, DictionaryMatch)
            ),
            failure_sets=tuple(
                FailureSetEntry(
                    run=name,
                    set_id=one.set_id,
                    name=one.name,
                    created=one.created,
                    dictionary=one.dictionary,
                    n_items=len(one.items),
                    n_wrong=int(one.wrong_N.sum()),
                    has_pictures=len(one.pictures) > 0,
                )
                for (name, _), one in self.failure_sets.items()
            ),
        )

    def vlm_run(self, experiment: str, run: str, run_id: str) -> VlmRun:
        if (run, run_id) not in self.runs:
            raise EvidenceNotFound(f"There is no run {run_id} in {run}: choose another.")
        return self.runs[run, run_id]

    def picture(self, experiment: str, run: str, run_id: str) -> LoggedPicture | None:
        found = self.vlm_run(experiment, run, run_id)
        place = found.image_tokens
        return None if found.picture is None else LoggedPicture(found.picture, (place.width, place.height))

    def steering_result(self, experiment: str, run: str, result_id: str) -> SteeringResult:
        return self._outcome(run, result_id)

    def cluster_sweep(self, experiment: str, run: str, result_id: str) -> ClusterSweep:
        return self._outcome(run, result_id)

    def dose_response(self, experiment: str, run: str, result_id: str) -> DoseResponse:
        return self._outcome(run, result_id)

    def word_contributions(self, experiment: str, run: str, result_id: str) -> WordContributions:
        return self._outcome(run, result_id)

    def set_ablation(self, experiment: str, run: str, result_id: str) -> SetAblation:
        return self._outcome(run, result_id)

    def head_attention(self, experiment: str, run: str, result_id: str) -> HeadAttention:
        return self._outcome(run, result_id)

    def failure_set(self, experiment: str, run: str, set_id: str) -> FailureSet:
        if (run, set_id) not in self.failure_sets:
            raise EvidenceNotFound(f"There is no {set_id} in {run}: choose another.")
        return self.failure_sets[run, set_id]

    def _outcome(self, run: str, result_id: str) -> Any:
        if (run, result_id) not in self.outcomes:
            raise EvidenceNotFound(f"There is no {result_id} in {run}: choose another.")
        return self.outcomes[run, result_id]

    def latent_statistics(self, experiment: str, dictionary_id: str, step: int | None = None) -> LatentStatistics:
        return self._find("statistics", dictionary_id, step)

    def references(self, experiment: str, dictionary_id: str, step: int | None = None) -> ReferenceImages:
        return self._find("references", dictionary_id, step)

    def decoder_map(self, experiment: str, dictionary_id: str, step: int | None = None) -> DecoderMap:
        return self._find("map", dictionary_id, step)

    def sae_metrics(self, experiment: str, dictionary_id: str, step: int | None = None) -> SaeMetrics:
        return self._find("metrics", dictionary_id, step)

    def truth_report(self, experiment: str, dictionary_id: str) -> TruthReport:
        return self._find("truth", dictionary_id, None)

    def sae_check(self, experiment: str, dictionary_id: str) -> SaeCheck:
        return self._find("sae_check", dictionary_id, None)

    def dictionary_match(self, experiment: str, match_id: str) -> DictionaryMatch:
        return self._find("match", match_id, None)

    def steps_shown(self, experiment: str, dictionary_id: str, step: int | None = None) -> dict[str, int]:
        self.asked.append(step)
        return {kind: 0 if kind == "map" else 7 for kind, identity in self.of_dictionary if identity == dictionary_id}

    def _find(self, kind: str, dictionary_id: str, step: int | None) -> Any:
        self.asked.append(step)
        found = self.of_dictionary.get((kind, dictionary_id), EvidenceNotFound(f"There is no {kind} of {dictionary_id}."))
        if isinstance(found, Exception):
            raise found
        return found


def ask(application: Callable[..., Any], address: str = "/", **arguments: Any) -> TestResponse:
    """GET with a query."""
    return Client(application).get(address, query_string={name: str(value) for name, value in arguments.items()})


def sentence(response: TestResponse, status: int) -> str:
    """The sentence of a refusal, which must have this status."""
    assert response.status_code == status, response.data
    assert response.content_type.startswith("application/json")
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    said = response.json["error"]
    assert set(response.json) == {"error"} and said and said[0].isascii() and said.rstrip().endswith((".", "!"))
    return said


def unpack(response: TestResponse) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a packed answer, read as docs/http_api.md describes it."""
    assert response.status_code == 200, response.data
    assert response.content_type == "application/octet-stream"
    body = response.data
    (length,) = struct.unpack_from("<I", body)
    assert (4 + length) % 8 == 0
    header = json.loads(body[4 : 4 + length])
    arrays, end = {}, 0
    for one in header.pop("arrays"):
        assert one["offset"] % 8 == 0 and one["offset"] >= end
        count = int(np.prod(one["shape"], dtype=np.int64))
        array = np.frombuffer(body, one["dtype"], count, 4 + length + one["offset"])
        end = one["offset"] + array.nbytes
        arrays[one["name"]] = array.reshape(one["shape"])
    assert 4 + length + end + (-end % 8) == len(body)
    return header, arrays


def split_parts(body: bytes) -> list[tuple[int, bytes]]:
    """Statuses and bodies of an answer to several questions, read as docs/http_api.md describes it."""
    (count,) = struct.unpack_from("<I", body)
    at, found = 8 + 8 * count, []
    for part in range(count):
        status, length = struct.unpack_from("<II", body, 8 + 8 * part)
        found.append((status, body[at : at + length]))
        at += length + -length % 8
    assert at == len(body)
    return found
