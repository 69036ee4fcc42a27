"""How tags and sidecar files are named: one tag per thing, so that no panel needs two tags at the same step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.errors import ScratchpadError

PLUGIN_NAME = "visualscratchpad"

SIDECAR_DIRECTORY = f"plugins/{PLUGIN_NAME}"
"""Of a run, relative to its directory."""

STEPS_FOLDER = "steps"
"""Within ``SIDECAR_DIRECTORY``: the indices of steps, and sidecars that only they name."""

EVENT_FILE_SUFFIX = f".{PLUGIN_NAME}"
"""Of event files that hold our evidence alone."""

KIND_NAMES: Mapping[int, str] = MappingProxyType({
    pb.VLM_RUN: "vlm_run",
    pb.LATENT_STATISTICS: "latent_statistics",
    pb.REFERENCE_IMAGES: "reference_images",
    pb.DECODER_MAP: "decoder_map",
    pb.SAE_METRICS: "sae_metrics",
    pb.STEERING_RESULT: "steering_result",
    pb.CLUSTER_SWEEP: "cluster_sweep",
    pb.DOSE_RESPONSE: "dose_response",
    pb.WORD_CONTRIBUTIONS: "word_contributions",
    pb.FAILURE_SET: "failure_set",
    pb.SET_ABLATION: "set_ablation",
    pb.TRUTH_REPORT: "truth_report",
    pb.SAE_CHECK: "sae_check",
    pb.HEAD_ATTENTION: "head_attention",
    pb.DICTIONARY_MATCH: "dictionary_match",
})
"""The names of kinds in tags and sidecar file names."""

OUTCOME_KINDS = frozenset({pb.STEERING_RESULT, pb.CLUSTER_SWEEP, pb.DOSE_RESPONSE, pb.WORD_CONTRIBUTIONS, pb.SET_ABLATION, pb.HEAD_ATTENTION})
"""What the worker finds out by asking again, as a rule with something changed."""

DICTIONARY_KINDS = frozenset({pb.LATENT_STATISTICS, pb.REFERENCE_IMAGES, pb.DECODER_MAP, pb.SAE_METRICS})
"""What is logged of a dictionary, at several steps while it is trained."""

_KINDS = {name: kind for kind, name in KIND_NAMES.items()}
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,128}")


def require_identifier(identifier: str, what: str) -> None:
    """Refuse what cannot be part of a tag and of a file name on every system.

    Raises:
        ScratchpadError: not 1 to 128 letters, digits, ``-`` or ``_``.
    """
    if not _IDENTIFIER.fullmatch(identifier):
        raise ScratchpadError(
            f"The {what} is {identifier!r}, but must be 1 to 128 letters, digits, '-' or '_': choose another."
        )


def tag_of(kind: int, identifier: str) -> str:
    """The tag of a thing, ``visualscratchpad/<kind>/<identifier>``."""
    return f"{PLUGIN_NAME}/{KIND_NAMES[kind]}/{identifier}"


def parse_tag(tag: str) -> tuple[int, str] | None:
    """Kind and identifier of a tag; None where it is none of ours."""
    parts = tag.split("/")
    if len(parts) != 3 or parts[0] != PLUGIN_NAME or parts[1] not in _KINDS:
        return None
    return _KINDS[parts[1]], parts[2]


def sidecar_name(kind: int, identifier: str, step: int) -> str:
    """File name of the sidecar of a thing at a step."""
    return f"{KIND_NAMES[kind]}.{identifier}.{step}.safetensors"


def step_index_name(kind: int, identifier: str) -> str:
    """File name of the index of a thing's steps, within ``STEPS_FOLDER``."""
    return f"{KIND_NAMES[kind]}.{identifier}.index"


def parse_sidecar_name(name: str) -> tuple[int, str, int] | None:
    """Kind, identifier and step of a sidecar file name; None where it is none of ours."""
    match = re.fullmatch(r"([a-z_]+)\.([A-Za-z0-9_-]+)\.(\d+)\.safetensors", name)
    if match is None or match[1] not in _KINDS:
        return None
    return _KINDS[match[1]], match[2], int(match[3])
