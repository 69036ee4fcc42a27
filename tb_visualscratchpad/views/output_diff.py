"""Two answers word by word: what was kept, replaced, left out, and what is new.

``O`` tokens of the original answer, ``S`` tokens of the other.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.wire.steering_evidence import AnswerToken


class Change(str, enum.Enum):
    """What became of a token."""

    KEPT = "kept"
    REPLACED = "replaced"
    LEFT_OUT = "left_out"
    NEW = "new"


@dataclass(frozen=True)
class DiffStep:
    """One place of the two answers. ``original`` and ``other`` number tokens within their answers; None where one has nothing
    there: ``original`` for NEW, ``other`` for LEFT_OUT."""

    change: Change
    original: int | None
    other: int | None


@dataclass(frozen=True)
class Passage:
    """A run of tokens that changed: numbers within the two answers, ascending; either may be empty, not both."""

    left_out: tuple[int, ...]
    new: tuple[int, ...]


@dataclass(frozen=True)
class OutputDiff:
    """An alignment with as many kept tokens as there can be.

    Attributes:
        steps: in reading order; every token of both answers occurs once.
        parts_at: number of the first token at which the answers differ, in both; None when they are the same. It may be one
            past the end of the shorter one.
    """

    steps: tuple[DiffStep, ...]
    parts_at: int | None

    @property
    def passages(self) -> tuple[Passage, ...]:
        """What changed, piece by piece in reading order; empty when the answers are the same."""
        found: list[Passage] = []
        left_out: list[int] = []
        new: list[int] = []
        for step in (*self.steps, DiffStep(Change.KEPT, None, None)):
            if step.change is not Change.KEPT:
                left_out += [] if step.original is None else [step.original]
                new += [] if step.other is None else [step.other]
            elif left_out or new:
                found.append(Passage(tuple(left_out), tuple(new)))
                left_out, new = [], []
        return tuple(found)

    def numbers(self, *changes: Change) -> tuple[int, ...]:
        """The original's tokens with one of these changes, ascending."""
        return tuple(step.original for step in self.steps if step.change in changes and step.original is not None)


def output_diff(original: Sequence[AnswerToken], other: Sequence[AnswerToken]) -> OutputDiff:
    """Aligns two answers by the ids of their tokens.

    Between two kept tokens, what is left out and what is new is paired from the left as replaced; the rest stays single. Of
    several alignments that keep as many tokens, one that keeps all of the answers' common beginning and end.
    """
    return diff_of_keys([token.token_id for token in original], [token.token_id for token in other])


def diff_of_keys(original: Sequence[Hashable], other: Sequence[Hashable]) -> OutputDiff:
    """Aligns two sequences of anything by equality, as ``output_diff`` does tokens."""
    numbers: dict[Hashable, int] = {}
    left, right = (
        np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64) for keys in (original, other)
    )
    shorter = min(left.size, right.size)
    differing = np.flatnonzero(left[:shorter] != right[:shorter])
    start = int(differing[0]) if differing.size else shorter
    parts_at = None if start == left.size == right.size else start
    end = _n_common_at_end(left[start:], right[start:])
    between = _longest_common(left[start : left.size - end], right[start : right.size - end])
    kept = [(i, i) for i in range(start)]
    kept += [(start + i, start + j) for i, j in between]
    kept += [(left.size - n, right.size - n) for n in range(end, 0, -1)]
    return OutputDiff(tuple(_steps(kept, left.size, right.size)), parts_at)


def _n_common_at_end(left: np.ndarray, right: np.ndarray) -> int:
    n = min(left.size, right.size)
    differing = np.flatnonzero(left[left.size - n :] != right[right.size - n :])
    return n if not differing.size else n - 1 - int(differing[-1])


def _longest_common(left: np.ndarray, right: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of a longest common subsequence, ascending."""
    n, m = left.size, right.size
    # length[i, j]: of the longest one of left[i:] and right[j:]. A row at a time; along it, the maximum runs leftwards.
    length = np.zeros((n + 1, m + 1), dtype=np.int32)
    for i in range(n - 1, -1, -1):
        best = np.maximum(length[i + 1, :m], length[i + 1, 1:] + (right == left[i]))
        length[i, :m] = np.maximum.accumulate(best[::-1])[::-1]
    pairs = []
    i = j = 0
    while i < n and j < m and length[i, j]:
        if left[i] == right[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i + 1, j] >= length[i, j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _steps(kept: list[tuple[int, int]], n_original: int, n_other: int) -> Iterator[DiffStep]:
    i = j = 0
    for next_i, next_j in (*kept, (n_original, n_other)):
        while i < next_i or j < next_j:
            if i < next_i and j < next_j:
                yield DiffStep(Change.REPLACED, i, j)
                i, j = i + 1, j + 1
            elif i < next_i:
                yield DiffStep(Change.LEFT_OUT, i, None)
                i += 1
            else:
                yield DiffStep(Change.NEW, None, j)
                j += 1
        if next_i < n_original or next_j < n_other:
            yield DiffStep(Change.KEPT, next_i, next_j)
            i, j = next_i + 1, next_j + 1
