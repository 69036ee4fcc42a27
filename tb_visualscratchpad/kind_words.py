"""What sentences call a kind of evidence, and what to do where there is none of a dictionary."""

from __future__ import annotations

from collections.abc import Mapping

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.errors import EvidenceNotFound

KIND_WORDS: Mapping[int, str] = {
    pb.VLM_RUN: "run",
    pb.STEERING_RESULT: "steering result",
    pb.CLUSTER_SWEEP: "cluster sweep",
    pb.DOSE_RESPONSE: "dose-response",
    pb.WORD_CONTRIBUTIONS: "ranking of contributions",
    pb.FAILURE_SET: "failure set",
    pb.SET_ABLATION: "ablation of a failure set",
    pb.LATENT_STATISTICS: "statistics",
    pb.REFERENCE_IMAGES: "reference images",
    pb.DECODER_MAP: "decoder map",
    pb.SAE_METRICS: "metrics",
    pb.TRUTH_REPORT: "report on known truth",
    pb.SAE_CHECK: "check of the SAE",
    pb.HEAD_ATTENTION: "map of heads",
    pb.DICTIONARY_MATCH: "match of dictionaries",
}

_COMMANDS: Mapping[int, str] = {pb.TRUTH_REPORT: "truth", pb.SAE_CHECK: "check-sae", pb.DICTIONARY_MATCH: "match-sae"}


def not_logged(kind: int, identifier: str) -> EvidenceNotFound:
    """There is none of this kind of a dictionary, or of a pair of them."""
    whose = "match" if kind == pb.DICTIONARY_MATCH else "dictionary"
    return EvidenceNotFound(
        f"There is no {KIND_WORDS[kind]} of {whose} {identifier!r} in this log: "
        f"run `visualscratchpad {_COMMANDS.get(kind, 'statistics')}` with the same --logdir."
    )
