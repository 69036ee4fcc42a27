"""A steered answer beside the original, the reconstruction and the controls.

``O`` tokens of the original answer, ``S`` tokens of the steered (or erased) one. Log-probabilities in nats. A *change* is a
log-probability under a condition minus that under the original model, along the same answer (teacher-forced).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.output_diff import Change, OutputDiff, output_diff
from tb_visualscratchpad.wire.steering_evidence import AnswerToken, Condition, ConditionAnswer, SteeringResult

FALL = math.log(2)
"""A word falls when its log-probability drops by this or more, that is when its probability at least halves."""


@dataclass(frozen=True)
class ComparedAnswer:
    """The answer under one condition, held against the original.

    Attributes:
        diff: the original answer and this one.
        change_O, change_S: float64, change along the original and along the steered answer; zero for ORIGINAL.
        original_logprob, steered_logprob: of the whole original and steered answer under this condition, without their ends.
    """

    answer: ConditionAnswer
    diff: OutputDiff
    change_O: np.ndarray
    change_S: np.ndarray
    original_logprob: float
    steered_logprob: float


@dataclass(frozen=True)
class Fall:
    """A word of the original answer that steering made at most half as likely.

    Attributes:
        number: of the token within the original answer.
        before, after: its log-probability under the original and under the steered model.
        reconstruction, control_mean, control_worst: its change under the reconstruction, the mean over the controls, and the
            lowest of them; None where there is no such condition.
        kept: the steered answer has it at this place.
        said: the steered answer has this very token somewhere.
    """

    number: int
    before: float
    after: float
    reconstruction: float | None
    control_mean: float | None
    control_worst: float | None
    kept: bool
    said: bool

    @property
    def change(self) -> float:
        return self.after - self.before


@dataclass(frozen=True)
class Parting:
    """Where the two answers part: up to here both are the same, so both models stand before the same choice.

    Attributes:
        number: of the token, in both answers.
        original_before, original_after: log-probability of the original's token there under the original and the steered model;
            None where the original answer has ended.
        steered_before, steered_after: the same of the steered answer's token.
    """

    number: int
    original_before: float | None
    original_after: float | None
    steered_before: float | None
    steered_after: float | None


@dataclass(frozen=True)
class Comparison:
    """What the sentence and the raster of *Compare* need.

    Attributes:
        answers: in the order of the evidence: original first, steered last.
        control_mean_O, control_worst_O: float64, mean and lowest change over the controls; None without controls.
        falls: words that fall under steering, the deepest first.
        largest_other: of the words that do not fall, number and change of the one that changes most; None when all fall.
        parting: None when the steered answer is the original one.
    """

    answers: tuple[ComparedAnswer, ...]
    control_mean_O: np.ndarray | None
    control_worst_O: np.ndarray | None
    falls: tuple[Fall, ...]
    largest_other: tuple[int, float] | None
    parting: Parting | None


def compare_answers(result: SteeringResult) -> Comparison:
    """Holds every answer of a result against the original."""
    original, steered = result.answers[0], result.answers[-1]
    compared = tuple(_compared(original, answer) for answer in result.answers)
    last = compared[-1]
    reconstruction = next((one for one in compared if one.answer.condition is Condition.RECONSTRUCTION), None)
    controls = [one.change_O for one in compared if one.answer.condition is Condition.CONTROL]
    control_mean_O = np.mean(controls, axis=0) if controls else None
    control_worst_O = np.min(controls, axis=0) if controls else None
    kept = set(last.diff.numbers(Change.KEPT))
    said = {token.token_id for token in steered.tokens}
    falling = falling_words(last.change_O)
    falls = tuple(
        Fall(
            number=number,
            before=float(original.along_original_O[number]),
            after=float(steered.along_original_O[number]),
            reconstruction=None if reconstruction is None else float(reconstruction.change_O[number]),
            control_mean=None if control_mean_O is None else float(control_mean_O[number]),
            control_worst=None if control_worst_O is None else float(control_worst_O[number]),
            kept=number in kept,
            said=original.tokens[number].token_id in said,
        )
        for number in falling
    )
    return Comparison(
        answers=compared,
        control_mean_O=control_mean_O,
        control_worst_O=control_worst_O,
        falls=falls,
        largest_other=largest_change(last.change_O, leave_out=falling),
        parting=_parting(original, steered, last.diff.parts_at),
    )


def falling_words(change_O: np.ndarray) -> tuple[int, ...]:
    """Numbers of the words that fall, the deepest first; ties by the earlier one."""
    order = np.argsort(change_O, kind="stable")
    return tuple(int(number) for number in order if change_O[number] <= -FALL)


def largest_change(change_O: np.ndarray, *, leave_out: Sequence[int] = ()) -> tuple[int, float] | None:
    """Number and change of the word that changes most either way; None when there is none."""
    others = np.setdiff1d(np.arange(change_O.size), np.asarray(leave_out, dtype=np.int64))
    if not others.size:
        return None
    number = int(others[np.argmax(np.abs(change_O[others]))])
    return number, float(change_O[number])


def logprobs(tokens: Sequence[AnswerToken]) -> np.ndarray:
    """float64, the log-probability of each token under the model that gave it."""
    return np.array([token.logprob for token in tokens], dtype=np.float64)


def _compared(original: ConditionAnswer, answer: ConditionAnswer) -> ComparedAnswer:
    return ComparedAnswer(
        answer=answer,
        diff=output_diff(original.tokens, answer.tokens),
        change_O=answer.along_original_O - original.along_original_O,
        change_S=answer.along_steered_S - original.along_steered_S,
        original_logprob=float(answer.along_original_O.sum()),
        steered_logprob=float(answer.along_steered_S.sum()),
    )


def _parting(original: ConditionAnswer, steered: ConditionAnswer, number: int | None) -> Parting | None:
    if number is None:
        return None

    def at(along: np.ndarray) -> float | None:
        return float(along[number]) if number < along.size else None

    return Parting(
        number=number,
        original_before=at(original.along_original_O),
        original_after=at(steered.along_original_O),
        steered_before=at(original.along_steered_S),
        steered_after=at(steered.along_steered_S),
    )
