"""Latent numbers as text: what is packed comes back, and how short it gets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from playwright.sync_api import Page

ROUND = """async (lists) => { const { latentsText, parseLatents } = await import('/latent_list.js');
    return lists.map((one) => { const text = latentsText(one); return [text, parseLatents(text)]; }); }"""


def _drawn(rng: np.random.Generator, n: int, n_latents: int) -> list[int]:
    return np.sort(rng.choice(n_latents, n, replace=False)).tolist()


def _unpacked(text: str) -> list[int]:
    """Rice's code read anew, from its definition."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    k = int(text[1], 32)
    bits = "".join(f"{digits.index(one):06b}" for one in text[2:])
    found, place, following = [], 0, 0
    while "0" in bits[place:]:
        zero = bits.index("0", place)
        low = bits[zero + 1 : zero + 1 + k]
        following += ((zero - place) << k) + (int(low, 2) if k else 0)
        found.append(following)
        following += 1
        place = zero + 1 + k
    return found


def test_what_is_written_is_read_again(page: Page) -> None:
    rng = np.random.default_rng(7)
    sizes = [(1, 5), (1, 65_536), (2, 9_000_000), (40, 65_536), (300, 300), (299, 300), (600, 65_536), (30_000, 65_536)]
    sizes += [(int(n), int(n * 10 ** rng.uniform(0, 4))) for n in rng.integers(1, 400, 120)]
    lists = [_drawn(rng, n, n_latents) for n, n_latents in sizes] + [[5, 3, 9], list(range(200, 0, -1))]
    for wanted, (text, back) in zip(lists, page.evaluate(ROUND, lists), strict=True):
        assert back == wanted
        assert text == ".".join(map(str, wanted)) or (text.startswith("~") and _unpacked(text) == wanted)


def test_many_latents_are_short(page: Page) -> None:
    rng = np.random.default_rng(8)
    cases = [(600, 65_536), (2_000, 65_536), (7_000, 65_536), (17_500, 35_000), (32_768, 65_536)]
    texts = [text for text, _ in page.evaluate(ROUND, [_drawn(rng, *case) for case in cases])]
    for text, (n, n_latents) in zip(texts, cases, strict=True):
        share = n / n_latents
        least = n_latents * -(share * math.log2(share) + (1 - share) * math.log2(1 - share)) / 6
        assert len(text) <= 1.06 * least + 10, "near the entropy of the choice"
    assert len(texts[0]) < 900
    assert all(len(text) <= 6000 for text in texts[:4]), "what the address is said to hold"


@pytest.mark.parametrize("bad", ["", "~", "~z", "~0", "~0_", "~5é", "~p" + "A" * 9, "~0" + "_" * 40, "1..2", ".", "1.x", "-1", "~o" + "_" * 9 + "A" * 9])
def test_other_text_is_no_list(page: Page, bad: str) -> None:
    assert page.evaluate("async (text) => (await import('/latent_list.js')).parseLatents(text) ?? null", bad) is None
