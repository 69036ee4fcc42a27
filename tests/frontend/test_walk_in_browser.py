"""The walk: the word that is doubted, what is done and what the browser remembers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page


@pytest.mark.parametrize(("doubt", "original", "number"), [(5, "i", 0), (7, "i", 2), (5, "", 0), (3, "i", None), (5, "other", None), (None, "i", None), (9, "i", None)])
def test_what_became_of_the_doubted_word(page: Page, doubt: int | None, original: str, number: int | None) -> None:
    found = page.evaluate(
        """async ([doubt, original]) => { const { doubtedWord } = await import('/panels/walk/doubted_word.js');
        const tokens = [[3, 'INPUT'], [5, 'OUTPUT'], [6, 'OUTPUT'], [7, 'OUTPUT'], [9, 'OUTPUT']].map(([index, span]) => ({ index, span }));
        const answer = (along_original) => ({ tokens: ['a', ' red', ' hat'].map((text) => ({ text })), along_original });
        const result = { original_run_id: original, answers: [answer([-1, -0.5, -0.25]), answer([-2, -1.5, -3])], control_mean: [-0.1, 0, 0.2] };
        return doubtedWord(result, { id: 'i', tokens }, doubt); }""",
        [doubt, original],
    )
    if number is None:
        assert found is None
        return
    before, after, control = (-1, -0.5, -0.25)[number], (-2, -1.5, -3)[number], (-0.1, 0, 0.2)[number]
    assert found["number"] == number
    np.testing.assert_allclose([found["before"], found["after"], found["control"]], np.exp([before, after, before + control]))


def test_the_browser_remembers_what_was_done_for_what(page: Page) -> None:
    found: Any = page.evaluate(
        """async () => { const { WalkMemory } = await import('/panels/walk/memory.js');
        const kept = new Map(); const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => kept.set(key, text) };
        const first = new WalkMemory(storage);
        const added = [first.add('word', 'r/a:3'), first.add('word', 'r/a:3'), first.add('word', null)];
        first.show(true);
        const then = new WalkMemory(storage);
        const known = [then.open, then.has('word', 'r/a:3'), then.has('word', 'r/b:3'), then.has('away', 'r/a:3')];
        for (let n = 0; n < 500; n++) then.add('health', String(n));
        const oldest = [then.done.size, then.has('word', 'r/a:3'), then.has('health', '499')];
        const refuses = { getItem: () => '{"open":', setItem() { throw new Error('full'); } };
        const broken = new WalkMemory(refuses); broken.show(true);
        return [added, known, oldest, [broken.open, broken.done.size]]; }"""
    )
    assert found == [[True, False, False], [True, True, False, False], [400, False, True], [True, 0]]
