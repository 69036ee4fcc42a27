"""Every kind of evidence to what is written and back: the one place that knows all kinds."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from google.protobuf.message import DecodeError

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.decoder_map import decode_decoder_map, encode_decoder_map
from tb_visualscratchpad.wire.codecs.dictionary import encode_dictionary
from tb_visualscratchpad.wire.codecs.dictionary_match import decode_dictionary_match, encode_dictionary_match
from tb_visualscratchpad.wire.codecs.failure_set import decode_failure_set, encode_failure_set, summarise_failure_set
from tb_visualscratchpad.wire.codecs.head_attention import decode_head_attention, encode_head_attention
from tb_visualscratchpad.wire.codecs.latent_statistics import (
    decode_statistics,
    encode_statistics,
    encode_statistics_exactly,
)
from tb_visualscratchpad.wire.codecs.outcome_kinds import (
    SomeOutcome,
    decode_outcome_kind,
    encode_outcome_kind,
    summarise_outcome,
)
from tb_visualscratchpad.wire.codecs.reference_images import decode_references, encode_references
from tb_visualscratchpad.wire.codecs.sae_check import decode_sae_check, encode_sae_check
from tb_visualscratchpad.wire.codecs.sae_metrics import decode_metrics, encode_metrics
from tb_visualscratchpad.wire.codecs.truth_report import decode_truth_report, encode_truth_report
from tb_visualscratchpad.wire.codecs.vlm_run import (
    decode_run,
    encode_run_compactly,
    encode_run_exactly,
    summarise_run,
)
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureSet
from tb_visualscratchpad.wire.head_evidence import HeadAttention
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tb_visualscratchpad.wire.sae_check_evidence import SaeCheck
from tb_visualscratchpad.wire.sidecar import SidecarFile
from tb_visualscratchpad.wire.steering_evidence import Outcome
from tb_visualscratchpad.wire.truth_evidence import TruthReport
from tb_visualscratchpad.wire.version import SCHEMA_VERSION, require_readable

SomeEvidence = (
    VlmRun | LatentStatistics | ReferenceImages | DecoderMap | SaeMetrics | FailureSet | TruthReport | SaeCheck | HeadAttention
    | DictionaryMatch | SomeOutcome
)


@dataclass(frozen=True)
class EncodedEvidence:
    """What is to be written of a thing.

    Attributes:
        plugin_data: for the tag's metadata; the writer adds ``first_step``.
        event: for the event's tensor; the writer adds ``sidecar``.
        sidecar_tensors: empty where the event holds everything.
        step_tensors: of a step of a training run, the sidecar that its index names where the event has none; empty where the
            event is small.
    """

    plugin_data: pb.PluginData
    event: pb.Evidence
    sidecar_tensors: Mapping[str, np.ndarray]
    step_tensors: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def sidecar_metadata(self) -> Mapping[str, str]:
        return {
            "schema_version": str(self.plugin_data.schema_version),
            "kind": pb.Kind.Name(self.plugin_data.kind),
            "id": self.plugin_data.id,
        }


def encode_evidence(evidence: SomeEvidence) -> EncodedEvidence:
    """Evidence as it is written, under ``SCHEMA_VERSION``.

    Raises:
        ScratchpadError: values that are not finite.
    """
    version = SCHEMA_VERSION
    plugin_data = pb.PluginData(
        schema_version=version,
        id=evidence.dictionary.dictionary_id,
        dictionary=encode_dictionary(evidence.dictionary),
    )
    event, within = pb.Evidence(schema_version=version), pb.Evidence(schema_version=version)
    tensors: Mapping[str, np.ndarray] | None = None
    match evidence:
        case VlmRun():
            plugin_data.kind, plugin_data.id = pb.VLM_RUN, evidence.run_id
            plugin_data.vlm_run.CopyFrom(summarise_run(evidence))
            exact, tensors = encode_run_exactly(evidence)
            within.vlm_run.CopyFrom(exact)
            event.vlm_run.CopyFrom(encode_run_compactly(evidence, exact))
        case LatentStatistics():
            plugin_data.kind = pb.LATENT_STATISTICS
            encoded = encode_statistics(evidence)
            bare, step_tensors = encode_statistics_exactly(encoded, evidence)
            event.latent_statistics.CopyFrom(encoded)
            within.latent_statistics.CopyFrom(bare)
            return EncodedEvidence(plugin_data, event, {}, {**step_tensors, "message": _serialised(within)})
        case ReferenceImages():
            plugin_data.kind = pb.REFERENCE_IMAGES
            manifest, message, tensors = encode_references(evidence)
            event.reference_images.CopyFrom(manifest)
            within.reference_images.CopyFrom(message)
        case DecoderMap():
            plugin_data.kind = pb.DECODER_MAP
            message, tensors = encode_decoder_map(evidence)
            event.decoder_map.CopyFrom(message)
            within.decoder_map.CopyFrom(message)
        case SaeMetrics():
            plugin_data.kind = pb.SAE_METRICS
            event.sae_metrics.CopyFrom(encode_metrics(evidence))
        case FailureSet():
            plugin_data.kind, plugin_data.id = pb.FAILURE_SET, evidence.set_id
            plugin_data.failure_set.CopyFrom(summarise_failure_set(evidence))
            manifest, message, tensors = encode_failure_set(evidence)
            event.failure_set.CopyFrom(manifest)
            within.failure_set.CopyFrom(message)
        case TruthReport():
            plugin_data.kind = pb.TRUTH_REPORT
            event.truth_report.CopyFrom(encode_truth_report(evidence))
        case SaeCheck():
            plugin_data.kind = pb.SAE_CHECK
            event.sae_check.CopyFrom(encode_sae_check(evidence))
        case HeadAttention():
            plugin_data.kind, plugin_data.id = pb.HEAD_ATTENTION, evidence.result_id
            plugin_data.outcome.CopyFrom(summarise_outcome(evidence))
            maps, tensors = encode_head_attention(evidence)
            event.head_attention.CopyFrom(maps)
            within.head_attention.CopyFrom(maps)
        case DictionaryMatch():
            plugin_data.kind, plugin_data.id = pb.DICTIONARY_MATCH, evidence.match_id
            plugin_data.other_dictionary.CopyFrom(encode_dictionary(evidence.other))
            best, bare_match, tensors = encode_dictionary_match(evidence)
            event.dictionary_match.CopyFrom(best)
            within.dictionary_match.CopyFrom(bare_match)
        case Outcome():
            plugin_data.id = evidence.result_id
            plugin_data.outcome.CopyFrom(summarise_outcome(evidence))
            plugin_data.kind, tensors = encode_outcome_kind(evidence, event, within), {}
    if tensors is None:
        return EncodedEvidence(plugin_data, event, {})
    return EncodedEvidence(plugin_data, event, {**tensors, "message": _serialised(within)})


def _serialised(within: pb.Evidence) -> np.ndarray:
    return np.frombuffer(within.SerializeToString(deterministic=True), np.uint8)


def parse_plugin_data(content: bytes, what: str) -> pb.PluginData:
    """A tag's metadata.

    Raises:
        UnreadableEvidence: damaged, or written by a newer schema.
    """
    message = pb.PluginData()
    _parse(message, content, what)
    return message


def parse_event(content: bytes, what: str) -> pb.Evidence:
    """An event's string.

    Raises:
        UnreadableEvidence: damaged, or written by a newer schema.
    """
    message = pb.Evidence()
    _parse(message, content, what)
    return message


def parse_sidecar(sidecar: SidecarFile, what: str) -> pb.Evidence:
    """A sidecar's own message.

    Raises:
        UnreadableEvidence: damaged, or written by a newer schema.
    """
    version = sidecar.metadata.get("schema_version", "")
    require_readable(int(version) if version.isdecimal() else 0, f"The sidecar {sidecar.path}")
    return parse_event(sidecar.tensor("message", np.uint8, (None,)).tobytes(), what)


def decode_event(message: pb.Evidence, what: str) -> SomeEvidence:
    """Evidence from the event alone: compact where the rest is in a sidecar.

    Raises:
        UnreadableEvidence: damaged, or it lives in the sidecar only (references, failure sets).
    """
    return _decode(message, None, what)


def decode_sidecar(sidecar: SidecarFile, what: str) -> SomeEvidence:
    """Evidence from its sidecar alone, exact, arrays mapped.

    Raises:
        UnreadableEvidence: damaged, or written by a newer schema.
    """
    return _decode(parse_sidecar(sidecar, what), sidecar, what)


def _parse(message: pb.PluginData | pb.Evidence, content: bytes, what: str) -> None:
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        raise UnreadableEvidence(f"{what} is damaged and cannot be read ({error}): log it again.") from error
    require_readable(message.schema_version, what)


def _decode(message: pb.Evidence, sidecar: SidecarFile | None, what: str) -> SomeEvidence:
    try:
        match message.WhichOneof("evidence"):
            case "vlm_run":
                return decode_run(message.vlm_run, sidecar)
            case "latent_statistics":
                return decode_statistics(message.latent_statistics, sidecar)
            case "reference_images":
                if sidecar is None:
                    raise UnreadableEvidence(f"{what} is in a sidecar that is missing: copy it from where it was logged.")
                return decode_references(message.reference_images, sidecar)
            case "failure_set":
                if sidecar is None:
                    raise UnreadableEvidence(f"{what} is in a sidecar that is missing: copy it from where it was logged.")
                return decode_failure_set(message.failure_set, sidecar)
            case "head_attention":
                if sidecar is None:
                    raise UnreadableEvidence(f"{what} is in a sidecar that is missing: copy it from where it was logged.")
                return decode_head_attention(message.head_attention, sidecar)
            case "decoder_map":
                return decode_decoder_map(message.decoder_map, sidecar)
            case "sae_metrics":
                return decode_metrics(message.sae_metrics)
            case "sae_check":
                return decode_sae_check(message.sae_check)
            case "dictionary_match":
                return decode_dictionary_match(message.dictionary_match, sidecar)
            case "truth_report":
                return decode_truth_report(message.truth_report)
            case "steering_result" | "cluster_sweep" | "dose_response" | "word_contributions" | "set_ablation" as kind:
                return decode_outcome_kind(message, kind)
            case _:
                raise UnreadableEvidence(f"{what} holds no evidence: it is damaged, log it again.")
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, zlib.error, DecodeError) as error:
        raise UnreadableEvidence(f"{what} is damaged, its parts do not fit one another ({error}): log it again.") from error
