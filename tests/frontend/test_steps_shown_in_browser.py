"""Which steps of a training are drawn, and how many in a room: against what the words say, over random cases."""

from __future__ import annotations

import random
from typing import Any

from playwright.sync_api import Page

MODULE = "const m = await import('/panels/training/steps_shown.js');"


def _got(page: Page, body: str, given: Any = None) -> Any:
    return page.evaluate("async (given) => {" + MODULE + body + "}", given)


def test_steps_are_even_and_hold_both_ends(page: Page) -> None:
    drawn = random.Random(1)
    cases = [(sorted(drawn.sample(range(10_000), drawn.randint(2, 60))), drawn.randint(2, 12)) for _ in range(60)]
    for (steps, n), found in zip(cases, _got(page, "return given.map(([steps, n]) => m.evenly(steps, n));", cases), strict=True):
        assert found[0] == steps[0] and found[-1] == steps[-1] and len(found) == min(n, len(steps))
        places = [steps.index(step) for step in found]
        gaps = {b - a for a, b in zip(places, places[1:], strict=False)}
        assert min(gaps) > 0 and max(gaps) - min(gaps) <= 1, "as even as whole numbers can be"


def test_two_dictionaries_meet_at_their_nearest_steps(page: Page) -> None:
    drawn = random.Random(2)
    cases = [[sorted(drawn.sample(range(1000), drawn.randint(2, 40))), sorted(drawn.sample(range(1500), drawn.randint(1, 40))), 8] for _ in range(60)]
    for (own, other, n), found in zip(cases, _got(page, "return given.map((one) => m.stepsShown(...one));", cases), strict=True):
        every = sorted({*own, *(step for step in other if step < own[0] or step > own[-1])})
        assert len(found["own"]) == len(found["other"]) == min(n, len(every))
        for ends, steps in ((own, found["own"]), (other, found["other"])):
            assert steps == sorted(steps) and set(steps) <= set(ends)
            assert steps[0] == min(ends, key=lambda step: (abs(step - every[0]), step)) and steps[-1] == min(ends, key=lambda step: (abs(step - every[-1]), step))
    assert _got(page, "return m.stepsShown([0, 10, 20], null, 8);") == {"own": [0, 10, 20], "other": []}
    same = _got(page, "return [m.drawnOnce([0, 60, 60, 60]), m.drawnOnce([5, 5, 5]), m.drawnOnce([1, 2, 3])];")
    assert same == [[True, True, False, False], [False, False, True], [True, True, True]]


def test_what_was_logged_last_stands_for_a_step(page: Page) -> None:
    found = _got(page, "return [null, 5, 10, 19, 20, 99].map((step) => m.standing([10, 20, 30], step));")
    assert found == [30, 10, 10, 10, 20, 30]


def test_a_room_holds_as_many_as_can_be_read(page: Page) -> None:
    body = "return given.map((one) => m.layoutOf(...one));"
    rooms = [[1000, 620, 40, 1], [560, 620, 40, 1], [1000, 560, 40, 2], [1500, 800, 40, 2], [1000, 620, 2, 1], [900, 300, 40, 1], [320, 200, 40, 2], [1000, 620, 5, 1]]
    found = _got(page, body, rooms)
    for (width, _, n_steps, n_blocks), one in zip(rooms, found, strict=True):
        least, most = (6, 12) if n_blocks == 1 else (4, 8)
        assert min(least, n_steps) <= one["n"] <= min(most, n_steps)
        assert one["rows"] == -(-one["n"] // one["columns"]) and one["columns"] * one["width"] < width
        assert one["height"] >= 96
    assert [one["n"] for one in found[:2]] == [12, 9] and found[4]["n"] == 2 and found[7]["n"] == 5
    assert found[3]["n"] == 8 and found[2]["rows"] == 1
