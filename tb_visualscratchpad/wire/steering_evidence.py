"""What a steered model answered, and what it is measured against.

Shape suffixes: ``O`` tokens of the original answer, ``S`` tokens of the steered answer, ``D`` doses, ``V`` chosen words,
``R`` control sets (one per seed), ``N`` entries. Log-probabilities are in nats, of raw logits, and never positive. "Along" an
answer means teacher-forced: the log-probability of each of its tokens given the prompt and the answer's tokens before it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np

from tb_visualscratchpad.wire.evidence import DictionaryInfo


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _require_logprobs(name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    _require(
        array.dtype == np.float64 and array.shape == shape,
        f"{name} must be float64 {list(shape)}, got {array.dtype} {list(array.shape)}")
    _require(bool(np.all(np.isfinite(array)) and np.all(array <= 0)), f"{name} must be finite and not positive")


class Condition(str, enum.Enum):
    """Under which the model answered. A control changes as many latents outside the steered set, with like norm."""

    ORIGINAL = "original"
    RECONSTRUCTION = "reconstruction"
    CONTROL = "control"
    STEERED = "steered"
    ERASED = "erased"


@dataclass(frozen=True)
class AnswerToken:
    """One token of an answer. ``logprob`` under the model that gave it."""

    token_id: int
    text: str
    logprob: float


@dataclass(frozen=True)
class ConditionAnswer:
    """The answer under one condition.

    Attributes:
        condition: which; CONTROL occurs once per seed.
        seed: of a control, None otherwise.
        latents: int32 [n], the latents that were changed, ascending; empty for ORIGINAL, RECONSTRUCTION and ERASED.
        change_norm: L2 norm of the change of the hook's features over all patches, 0 for ORIGINAL.
        tokens: of the answer, without the end of sequence.
        output_text: the answer exactly.
        truncated: it stopped at the limit of new tokens.
        along_original_O: float64, of the original answer's tokens under this condition.
        along_steered_S: float64, of the steered (or erased) answer's tokens under this condition.
    """

    condition: Condition
    seed: int | None
    latents: np.ndarray
    change_norm: float
    tokens: tuple[AnswerToken, ...]
    output_text: str
    truncated: bool
    along_original_O: np.ndarray
    along_steered_S: np.ndarray

    def __post_init__(self) -> None:
        _require((self.condition is Condition.CONTROL) == (self.seed is not None), "controls and only they have a seed")
        _require(self.latents.dtype == np.int32 and bool(np.all(np.diff(self.latents) > 0)), "latents must be int32, ascending, each once")
        _require(bool(np.isfinite(self.change_norm)) and self.change_norm >= 0, "a norm is finite and not negative")
        _require_logprobs("along_original", self.along_original_O, self.along_original_O.shape[:1])
        _require_logprobs("along_steered", self.along_steered_S, self.along_steered_S.shape[:1])


@dataclass(frozen=True)
class EditedLatents:
    """z of the steered latents where any of the three is not zero, sorted by patch, then latent.

    Attributes:
        patch_N, latent_N: int32.
        before_N, edited_N, after_N: float32, z as encoded, as edited, and re-encoded from the features that resulted.
    """

    patch_N: np.ndarray
    latent_N: np.ndarray
    before_N: np.ndarray
    edited_N: np.ndarray
    after_N: np.ndarray

    def __post_init__(self) -> None:
        n = self.patch_N.shape
        for name, dtype in (("patch_N", np.int32), ("latent_N", np.int32), ("before_N", np.float32), ("edited_N", np.float32), ("after_N", np.float32)):
            array = getattr(self, name)
            _require(array.dtype == dtype and array.shape == n and array.ndim == 1, f"{name} must be {np.dtype(dtype)} {list(n)}")


@dataclass(frozen=True)
class PixelErasure:
    """A region of the picture that was made unreadable. ``box`` x0, y0, x1, y1 in its pixels; ``fill`` the mean of the box's
    border, or a blur of the box, or ``outside``: the box was kept and all else painted grey."""

    box: tuple[float, float, float, float]
    fill: str

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.box
        _require(x0 < x1 and y0 < y1, "a box has x0 < x1 and y0 < y1")
        _require(self.fill in ("mean", "blur", "outside"), "fill is mean, blur or outside")


@dataclass(frozen=True)
class Outcome:
    """What all results of the worker have in common.

    Attributes:
        result_id: unique in all logs, [A-Za-z0-9_-]+.
        name: what the tab calls it, e.g. ``cat x 0``.
        created: seconds since the epoch.
        dictionary: whose latents.
        prompt: what the user asked.
        original_run_id: the logged run that was asked again; empty when there is none.
        differs_from_logged: a sentence when the original answer, given again, is not the logged one; empty otherwise.
        reductions: sentences on what is rounded or left out where only the event was at hand; empty for exact evidence.
    """

    result_id: str
    name: str
    created: float
    dictionary: DictionaryInfo
    prompt: str
    original_run_id: str
    differs_from_logged: str
    reductions: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class SteeringResult(Outcome):
    """A steered (or erased) answer beside the original, the reconstruction and the controls.

    Attributes:
        steered_run_id: the run under steering, logged with all its evidence; empty when it was not logged.
        steering: SteeringSpec as canonical JSON; None for an erasure.
        erasure: None for steering.
        answers: ORIGINAL first, then RECONSTRUCTION, CONTROLs by seed, last STEERED or ERASED. An erasure has neither
            reconstruction nor controls by latents; its controls erase boxes of the same size elsewhere.
        edited: None for an erasure, and where only the event was at hand and they did not fit it.
    """

    steered_run_id: str
    steering: str | None
    erasure: PixelErasure | None
    answers: tuple[ConditionAnswer, ...]
    edited: EditedLatents | None

    def __post_init__(self) -> None:
        _require((self.steering is None) != (self.erasure is None), "a result is either steered or erased")
        _require(len(self.answers) >= 2 and self.answers[0].condition is Condition.ORIGINAL, "the original answer comes first")
        last = Condition.ERASED if self.steering is None else Condition.STEERED
        _require(self.answers[-1].condition is last, f"the {last.value} answer comes last")
        n_original, n_steered = len(self.answers[0].tokens), len(self.answers[-1].tokens)
        for answer in self.answers:
            _require(answer.along_original_O.shape == (n_original,), "along_original must cover the original answer")
            _require(answer.along_steered_S.shape == (n_steered,), "along_steered must cover the steered answer")


@dataclass(frozen=True)
class AblatedCluster:
    """One token cluster scaled to zero.

    Attributes:
        name: as the tab names it.
        latents: int32 [n], ascending.
        change_norm: as in ``ConditionAnswer``.
        tokens, output_text, truncated: the answer without it.
        along_original_O: float64, of the original answer's tokens without it.
        control_along_original_RO: float64, the same under each control set.
    """

    name: str
    latents: np.ndarray
    change_norm: float
    tokens: tuple[AnswerToken, ...]
    output_text: str
    truncated: bool
    along_original_O: np.ndarray
    control_along_original_RO: np.ndarray

    def __post_init__(self) -> None:
        _require(self.latents.dtype == np.int32 and self.latents.size > 0 and bool(np.all(np.diff(self.latents) > 0)), "latents must be int32, ascending, at least one")
        n_original = self.along_original_O.shape[0]
        _require_logprobs("along_original", self.along_original_O, (n_original,))
        _require_logprobs("control_along_original", self.control_along_original_RO, (self.control_along_original_RO.shape[0], n_original))


@dataclass(frozen=True)
class ClusterSweep(Outcome):
    """Every token cluster ablated in turn. ``original_tokens`` are the words of the table's columns."""

    original_tokens: tuple[AnswerToken, ...]
    clusters: tuple[AblatedCluster, ...]

    def __post_init__(self) -> None:
        for cluster in self.clusters:
            _require(cluster.along_original_O.shape == (len(self.original_tokens),), "each cluster must cover the original answer")


@dataclass(frozen=True)
class DoseResponse(Outcome):
    """A latent or cluster over a range of values, against words of the original answer.

    Attributes:
        latents: int32 [n], ascending.
        op: SCALE, SET or ADD.
        value_D: float64, the doses, ascending.
        original_tokens: all tokens of the original answer.
        word_V: int32, which of them were chosen (numbers within the answer), ascending.
        logprob_DV: float64, of each chosen word along the original answer, at each dose.
        control_logprob_RDV: float64, the same for each control set.
        output_text_D: the answer at each dose.
    """

    latents: np.ndarray
    op: str
    value_D: np.ndarray
    original_tokens: tuple[AnswerToken, ...]
    word_V: np.ndarray
    logprob_DV: np.ndarray
    control_logprob_RDV: np.ndarray
    output_text_D: tuple[str, ...]

    def __post_init__(self) -> None:
        _require(self.op in ("SCALE", "SET", "ADD"), "op is SCALE, SET or ADD")
        n_doses, n_words = len(self.value_D), len(self.word_V)
        _require(n_doses >= 2 and bool(np.all(np.diff(self.value_D) > 0)), "at least two doses, ascending")
        _require(n_words >= 1 and bool(np.all((self.word_V >= 0) & (self.word_V < len(self.original_tokens)))), "at least one word of the answer")
        _require_logprobs("logprob", self.logprob_DV, (n_doses, n_words))
        _require_logprobs("control_logprob", self.control_logprob_RDV, (self.control_logprob_RDV.shape[0], n_doses, n_words))
        _require(len(self.output_text_D) == n_doses, "an answer for each dose")


@dataclass(frozen=True)
class WordContributions(Outcome):
    """Which latents carried a word: activation times gradient for all that fire, real ablation for the best.

    Attributes:
        word: number of the token within the original answer.
        original_tokens: all tokens of the original answer.
        latent_N: int32, all latents that fire on the picture, by falling |contribution|.
        contribution_N: float64, sum over patches of z * d log p(word) / dz, in nats: the first-order estimate of what the word
            loses when the latent is scaled to zero (positive: it carried the word).
        n_checked: so many of the first were really ablated.
        ablated_N: float64 [n_checked], log p(word) of the original minus that without the latent.
    """

    word: int
    original_tokens: tuple[AnswerToken, ...]
    latent_N: np.ndarray
    contribution_N: np.ndarray
    n_checked: int
    ablated_N: np.ndarray

    def __post_init__(self) -> None:
        _require(0 <= self.word < len(self.original_tokens), "the word must be one of the answer")
        _require(self.contribution_N.shape == self.latent_N.shape, "a contribution for each latent")
        _require(bool(np.all(np.diff(np.abs(self.contribution_N)) <= 0)), "the largest contribution comes first")
        _require(self.ablated_N.shape == (self.n_checked,) and self.n_checked <= len(self.latent_N), "an ablation for each checked latent")
