"""Latent numbers as the address of the tab writes them: ``3.17.576``, or packed (``frontend_static/latent_list.js`` tells how)."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.wire.errors import ScratchpadError

_DIGITS = {digit: value for value, digit in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")}
_MOST_LOW_BITS = 24


def latents_of_text(text: str, n_latents: int) -> np.ndarray:
    """int64, ascending, each once.

    Raises:
        ScratchpadError: it is no list of latents, or names one that the dictionary does not have.
    """
    numbers = _unpacked(text[1:], n_latents) if text.startswith("~") else _written(text)
    if numbers is None:
        raise ScratchpadError(f"latents {text[:40]!r} was given, expected are numbers with dots between, such as 3.17.576.")
    latents = np.unique(np.array(numbers, dtype=np.int64))
    if latents[-1] >= n_latents:
        raise ScratchpadError(f"latent {latents[-1]} was asked for, the dictionary has 0 to {n_latents - 1}: choose among them.")
    return latents


def _written(text: str) -> list[int] | None:
    parts = text.split(".")
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        return None
    return [int(part) for part in parts]


def _unpacked(text: str, n_latents: int) -> list[int] | None:
    """The gaps in Rice's code; None where that is broken. Ends at the first number beyond the dictionary, which the caller refuses."""
    if not text or text[0] not in "0123456789abcdefghijklmno":
        return None
    k = int(text[0], 32)
    if k > _MOST_LOW_BITS or not all(digit in _DIGITS for digit in text[1:]):
        return None
    latents: list[int] = []
    ones, low, left, following = 0, 0, -1, 0
    for digit in text[1:]:
        value = _DIGITS[digit]
        for place in range(5, -1, -1):
            bit = value >> place & 1
            if left < 0 and bit:
                ones += 1
                continue
            if left < 0:
                left = k
            else:
                low, left = 2 * low + bit, left - 1
            if left:
                continue
            latent = following + (ones << k) + low
            latents.append(latent)
            if latent >= n_latents:
                return latents
            following, ones, low, left = latent + 1, 0, 0, -1
    return latents if left < 0 and ones < 6 and latents else None
