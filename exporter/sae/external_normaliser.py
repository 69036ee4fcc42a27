"""What was done to activations outside of the SAE before it read them: (x - mean) * scale. The user says it; it is folded in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from tb_visualscratchpad.exporter.sae.answers import NO_MEAN, AnswerSheet
from tb_visualscratchpad.exporter.sae.folded_weights import FoldedWeights
from tb_visualscratchpad.exporter.sae.load_report import Decision, Source
from tb_visualscratchpad.exporter.sae.tensor_file import read_tensors, require_shape
from tb_visualscratchpad.exporter.sae.torch_file import read_torch_tensors
from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True, eq=False)
class ExternalNormaliser:
    """What was decided, and the tensors that an identity has to hash besides the weights."""

    decisions: tuple[Decision, ...] = ()
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


def external_normaliser(
    weights: FoldedWeights, answers: AnswerSheet, question: str | None
) -> tuple[FoldedWeights, ExternalNormaliser]:
    """The weights with the user's mean and scale folded in.

    Args:
        question: why it has to be said, as the beginning of a sentence; None where it may be left out.

    Raises:
        ScratchpadError: it has to be said and is not, or the mean cannot be read.
    """
    scale, mean = answers.take("scaling_factor"), answers.take("input_mean")
    if question is not None and (scale is None or mean is None):
        raise ScratchpadError(
            f"{question}: give load_sae(..., scaling_factor=1/scale, input_mean=FILE) or --sae-scaling-factor and --sae-input-mean "
            "(1 and none where it was trained with scale_mean and scale_norm off)."
        )
    decisions, tensors = [], {}
    if scale is not None:
        weights = weights.scaled(scale)
        decisions.append(Decision("scale", scale, Source.ANSWER, "--sae-scaling-factor"))
    if mean is not None:
        decisions.append(Decision("input_mean", mean, Source.ANSWER, "--sae-input-mean"))
        if mean != NO_MEAN:
            tensors["input mean"] = _read_mean(Path(mean).expanduser(), weights.W_enc.shape[0])
            weights = weights.centred(tensors["input mean"].to(weights.W_enc.dtype))
    return weights, ExternalNormaliser(tuple(decisions), tensors)


def _read_mean(path: Path, d_in: int) -> Tensor:
    if not path.is_file():
        raise ScratchpadError(f"The input mean {path} does not exist: give a file of one vector [{d_in}], or none.")
    with path.open("rb") as file:
        safetensors = file.read(9)[8:] == b"{"
    held = read_tensors(path) if safetensors else read_torch_tensors(path)
    named = held if isinstance(held, Mapping) else {"mean": held}
    vectors = {str(name): value for name, value in named.items() if isinstance(value, Tensor)}
    if len(vectors) != 1:
        raise ScratchpadError(f"The input mean {path} holds {len(vectors)} tensors: expected one vector [{d_in}].")
    (name,) = vectors
    return require_shape(vectors, name, (d_in,), path)
