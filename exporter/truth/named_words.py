"""The words of an answer that name what is known to be on the picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tb_visualscratchpad.wire.evidence import Span, VlmRun


@dataclass(frozen=True)
class NamedWord:
    """A word of an answer.

    Attributes:
        text: as the answer spells it.
        label: what it names.
        token: index in the run's sequence of its first token, with which the model settles on it.
    """

    text: str
    label: str
    token: int


def labels_named(text: str, words: Mapping[str, str]) -> list[str]:
    """Labels that a text names, each once, in the order of their first words."""
    return list(dict.fromkeys(label for _, _, label in _matches(text, words)))


def named_words(run: VlmRun, words: Mapping[str, str]) -> list[NamedWord]:
    """Every occurrence in the answer, in order. A whole word or phrase, whatever its case; longer phrases go first.

    Args:
        words: by word, the label it names.
    """
    begin_T: list[tuple[int, int, int]] = []
    at = 0
    for token in run.tokens:
        if token.span is not Span.OUTPUT or not token.text:
            continue
        found = run.output_text.find(token.text, at)
        if found >= 0:
            at = found + len(token.text)
            begin_T.append((found, at, token.index))
    found_words = []
    for start, end, label in _matches(run.output_text, words):
        token = next((index for begin, behind, index in begin_T if begin < end and behind > start), None)
        if token is not None:
            found_words.append(NamedWord(run.output_text[start:end], label, token))
    return found_words


def _matches(text: str, words: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """Begin, end and label of each occurrence; none overlap."""
    if not words:
        return []
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    # A group for each: what matches whatever its case need not be the same when lowered (a long s matches an s).
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(f'({re.escape(word)})' for word in longest_first)})(?!\w)", re.IGNORECASE)
    return [(match.start(), match.end(), words[longest_first[(match.lastindex or 1) - 1]]) for match in pattern.finditer(text)]
