"""What steering is asked for: which latents, what becomes of them, where, and what becomes of the SAE's error."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap

VERSION = 1
OPERATIONS = ("SET", "SCALE", "ADD")


@dataclass(frozen=True)
class BoxScope:
    """Patches that touch a box of the picture. ``box`` x0, y0, x1, y1 in pixels of the picture."""

    view: Literal["base", "tiles", "both"]
    box: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        if self.view not in ("base", "tiles", "both"):
            raise ScratchpadError(f"The scope's view is {self.view!r}, expected base, tiles or both.")
        if len(self.box) != 4 or not all(math.isfinite(edge) for edge in self.box):
            raise ScratchpadError(f"The scope's box is {list(self.box)}, expected four numbers x0, y0, x1, y1 in pixels.")
        x0, y0, x1, y1 = self.box
        if not (x0 < x1 and y0 < y1):
            raise ScratchpadError(f"The scope's box {list(self.box)} is empty: x0 must be less than x1, y0 less than y1.")


Scope = Literal["all", "firing"] | BoxScope


@dataclass(frozen=True)
class LatentIntervention:
    """One latent and what becomes of it: SET z to ``value``, SCALE z by it (zero stays zero), or ADD it (not below zero)."""

    latent: int
    op: Literal["SET", "SCALE", "ADD"]
    value: float
    where: Scope = "all"

    def __post_init__(self) -> None:
        if not isinstance(self.latent, int) or isinstance(self.latent, bool) or self.latent < 0:
            raise ScratchpadError(f"The latent is {self.latent!r}, expected a number from 0.")
        if self.op not in OPERATIONS:
            raise ScratchpadError(f"The operation on latent {self.latent} is {self.op!r}, expected SET, SCALE or ADD.")
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)) or not math.isfinite(self.value):
            raise ScratchpadError(f"The value for latent {self.latent} is {self.value!r}, expected a finite number.")
        if self.op in ("SET", "SCALE") and self.value < 0:
            raise ScratchpadError(f"{self.op} {self.value} for latent {self.latent} would make it negative, latents are 0 or more.")
        if not (self.where in ("all", "firing") or isinstance(self.where, BoxScope)):
            raise ScratchpadError(f"The scope of latent {self.latent} is {self.where!r}, expected all, firing or a view with a box.")


@dataclass(frozen=True)
class SteeringSpec:
    """Interventions and what becomes of the SAE's error: ``kept`` beside the change, or ``dropped`` with the reconstruction.

    No intervention with the error dropped is the reconstruction alone; with the error kept it changes nothing.
    """

    interventions: tuple[LatentIntervention, ...] = field(default=())
    error: Literal["kept", "dropped"] = "kept"

    def __post_init__(self) -> None:
        if self.error not in ("kept", "dropped"):
            raise ScratchpadError(f"The error term is {self.error!r}, expected kept or dropped.")
        latents = [intervention.latent for intervention in self.interventions]
        twice = sorted({latent for latent in latents if latents.count(latent) > 1})
        if twice:
            raise ScratchpadError(f"Latents {twice[:5]} are steered twice: give each latent one intervention.")

    @staticmethod
    def from_json(text: str) -> SteeringSpec:
        """Reads ``{"version": 1, "error": "kept", "interventions": [{"latent", "op", "value", "where"}]}``.

        ``version``, ``error`` and ``where`` may be left out (1, kept, all).

        Raises:
            ScratchpadError: no such JSON, unknown keys, or a newer version.
        """
        try:
            read = json.loads(text)
        except json.JSONDecodeError as error:
            raise ScratchpadError(f"The steering spec is no JSON ({error}): write an object with a list of interventions.") from error
        _only_keys(read, {"version", "error", "interventions"}, "The steering spec")
        version = read.get("version", VERSION)
        if version != VERSION:
            raise ScratchpadError(f"The steering spec has version {version!r}, this program reads {VERSION}: use the version that wrote it.")
        listed = read.get("interventions", [])
        if not isinstance(listed, list):
            raise ScratchpadError("The steering spec's interventions are no list.")
        return SteeringSpec(interventions=tuple(_read_intervention(item) for item in listed), error=read.get("error", "kept"))

    def to_json(self) -> str:
        """The same as canonical JSON; ``from_json`` gives back an equal spec."""
        return json.dumps(
            {
                "version": VERSION,
                "error": self.error,
                "interventions": [
                    {
                        "latent": item.latent,
                        "op": item.op,
                        "value": item.value,
                        "where": {"view": item.where.view, "box": list(item.where.box)} if isinstance(item.where, BoxScope) else item.where,
                    }
                    for item in self.interventions
                ],
            }
        )


def _only_keys(value: Any, known: set[str], what: str) -> None:
    if not isinstance(value, dict):
        raise ScratchpadError(f"{what} is {type(value).__name__}, expected an object with {', '.join(sorted(known))}.")
    unknown = sorted(set(value) - known)
    if unknown:
        raise ScratchpadError(f"{what} has unknown keys {', '.join(unknown)}, expected {', '.join(sorted(known))}.")


def _read_intervention(item: Any) -> LatentIntervention:
    _only_keys(item, {"latent", "op", "value", "where"}, "An intervention")
    absent = sorted({"latent", "op", "value"} - set(item))
    if absent:
        raise ScratchpadError(f"An intervention lacks {', '.join(absent)}.")
    where = item.get("where", "all")
    if isinstance(where, dict):
        _only_keys(where, {"view", "box"}, "A scope")
        box = where.get("box")
        if not isinstance(box, list) or len(box) != 4 or not all(isinstance(edge, (int, float)) for edge in box):
            raise ScratchpadError(f"The scope's box is {box!r}, expected four numbers x0, y0, x1, y1 in pixels.")
        x0, y0, x1, y1 = (float(edge) for edge in box)
        where = BoxScope(view=where.get("view", "both"), box=(x0, y0, x1, y1))
    return LatentIntervention(latent=item["latent"], op=item["op"], value=item["value"], where=where)


def scope_mask(scope: Scope, image_tokens: ImageTokenMap) -> np.ndarray:
    """bool [P]: the patches an intervention may touch. ``firing`` is decided later, by z."""
    if not isinstance(scope, BoxScope):
        return np.ones(image_tokens.n_patches, dtype=bool)
    x0, y0, x1, y1 = scope.box
    box = image_tokens.patch_box_P4
    touches = (box[:, 0] < x1) & (box[:, 2] > x0) & (box[:, 1] < y1) & (box[:, 3] > y0)
    if scope.view != "both":
        touches &= (image_tokens.patch_view_P == 0) == (scope.view == "base")
    return touches
