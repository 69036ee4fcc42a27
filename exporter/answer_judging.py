"""Whether an answer is the right one: a rule plain enough to be read at a glance, or the user's own word."""

from __future__ import annotations

import re
import unicodedata

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.failure_evidence import MATCHES


def normalised(text: str) -> str:
    """The text without what does not count: case, kinds and runs of blanks, and a closing full stop with the blanks before it."""
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()
    return plain[:-1].rstrip() if plain.endswith((".", "。")) else plain


def is_right(answer: str, right_answer: str, match: str) -> bool:
    """Whether ``answer`` is ``right_answer`` (``exact``) or has it among its words (``contains``), both ``normalised``.

    ``contains`` wants whole words: "cat" is not in "a caterpillar".

    Raises:
        ScratchpadError: no such rule.
    """
    if match not in MATCHES:
        raise ScratchpadError(f"Answers are to be matched by {match!r}: choose one of {', '.join(MATCHES)}.")
    said, wanted = normalised(answer), normalised(right_answer)
    if match == "exact":
        return said == wanted
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said) is not None


def still_right(answer: str, before: str, was_right: bool, is_flagged: bool, right_answer: str, match: str) -> bool:
    """How a new answer to an item is judged: the user's word stands for the very answer it was about, the rule for any other."""
    if is_flagged and answer == before:
        return was_right
    return is_right(answer, right_answer, match)
