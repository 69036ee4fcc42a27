"""The kinds of outcome: what each writes into its event, its sidecar and a listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.causal_tests import (
    decode_cluster_sweep,
    decode_dose_response,
    decode_word_contributions,
    encode_cluster_sweep,
    encode_dose_response,
    encode_word_contributions,
)
from tb_visualscratchpad.wire.codecs.failure_set import decode_set_ablation, encode_set_ablation
from tb_visualscratchpad.wire.codecs.steering_result import (
    decode_steering_result,
    encode_steering_result,
    without_edited,
)
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.codecs.vlm_run import EVENT_BUDGET
from tb_visualscratchpad.wire.failure_evidence import SetAblation
from tb_visualscratchpad.wire.head_evidence import HeadAttention
from tb_visualscratchpad.wire.steering_evidence import ClusterSweep, DoseResponse, SteeringResult, WordContributions

SomeOutcome = SteeringResult | ClusterSweep | DoseResponse | WordContributions | SetAblation
_Message = TypeVar("_Message", pb.SteeringResult, pb.ClusterSweep, pb.DoseResponse, pb.WordContributions)


def encode_outcome_kind(
    outcome: SomeOutcome, event: pb.Evidence, within: pb.Evidence, budget: int = EVENT_BUDGET
) -> pb.Kind:
    """Fill the event's and the sidecar's evidence; returns the kind.

    Args:
        budget: bytes of the event's message. What is still larger once it is reduced is written all the same.
    """
    match outcome:
        case SteeringResult():
            exact = encode_steering_result(outcome)
            within.steering_result.CopyFrom(exact)
            event.steering_result.CopyFrom(_fitting(_steering_results(outcome, exact), budget))
            return pb.STEERING_RESULT
        case ClusterSweep():
            sweep = encode_cluster_sweep(outcome)
            within.cluster_sweep.CopyFrom(sweep)
            event.cluster_sweep.CopyFrom(_fitting(_or_rounded(sweep, lambda: encode_cluster_sweep(outcome, rounded=True)), budget))
            return pb.CLUSTER_SWEEP
        case DoseResponse():
            response = encode_dose_response(outcome)
            within.dose_response.CopyFrom(response)
            event.dose_response.CopyFrom(
                _fitting(_or_rounded(response, lambda: encode_dose_response(outcome, rounded=True)), budget)
            )
            return pb.DOSE_RESPONSE
        case WordContributions():
            found = encode_word_contributions(outcome)
            within.word_contributions.CopyFrom(found)
            event.word_contributions.CopyFrom(
                _fitting(_or_rounded(found, lambda: encode_word_contributions(outcome, rounded=True)), budget)
            )
            return pb.WORD_CONTRIBUTIONS
        case SetAblation():
            ablation = encode_set_ablation(outcome)
            within.set_ablation.CopyFrom(ablation)
            event.set_ablation.CopyFrom(ablation)
            return pb.SET_ABLATION


def summarise_outcome(outcome: SomeOutcome | HeadAttention) -> pb.OutcomeSummary:
    """What a list of outcomes shows."""
    summary = pb.OutcomeSummary(
        name=storable(outcome.name),
        created=outcome.created,
        prompt=storable(outcome.prompt),
        original_run_id=outcome.original_run_id,
    )
    match outcome:
        case SteeringResult():
            summary.steered_run_id = outcome.steered_run_id
            summary.output_text = storable(outcome.answers[-1].output_text)
            summary.erased = outcome.erasure is not None
            summary.n_latents = outcome.answers[-1].latents.size
        case ClusterSweep():
            summary.n_clusters = len(outcome.clusters)
        case DoseResponse():
            summary.n_latents, summary.op, summary.n_doses = outcome.latents.size, outcome.op, outcome.value_D.size
        case WordContributions():
            summary.word = outcome.word
            summary.word_text = storable(outcome.original_tokens[outcome.word].text)
        case SetAblation():
            summary.set_id, summary.n_latents = outcome.set_id, outcome.latents.size
        case HeadAttention():
            summary.query_position.extend(outcome.query_position_T.tolist())
    return summary


def decode_outcome_kind(message: pb.Evidence, kind: str) -> SomeOutcome:
    """The outcome of an event's or a sidecar's message; ``kind`` as ``WhichOneof`` names it.

    Raises:
        KeyError: no such kind of outcome.
        UnreadableEvidence, ValueError, IndexError: parts do not fit one another.
    """
    return _DECODERS[kind](message)


_DECODERS: dict[str, Callable[[pb.Evidence], SomeOutcome]] = {
    "steering_result": lambda message: decode_steering_result(message.steering_result),
    "cluster_sweep": lambda message: decode_cluster_sweep(message.cluster_sweep),
    "dose_response": lambda message: decode_dose_response(message.dose_response),
    "word_contributions": lambda message: decode_word_contributions(message.word_contributions),
    "set_ablation": lambda message: decode_set_ablation(message.set_ablation),
}


def _steering_results(outcome: SteeringResult, exact: pb.SteeringResult) -> Iterator[pb.SteeringResult]:
    yield exact
    yield without_edited(exact)
    yield without_edited(encode_steering_result(outcome, rounded=True))


def _or_rounded(exact: _Message, rounded: Callable[[], _Message]) -> Iterator[_Message]:
    yield exact
    yield rounded()


def _fitting(candidates: Iterator[_Message], budget: int) -> _Message:
    """The first that fits, else the last, which is the smallest."""
    for candidate in candidates:
        if candidate.ByteSize() <= budget:
            break
    return candidate
