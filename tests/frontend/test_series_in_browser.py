"""The step takes the run along; a list shows a series once; curves, pictures and the sentence of a latent's life follow the answer."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.frontend.test_settling_in_browser import STORE

SERIES = (
    STORE
    + """const of = (id, series_id, step, created, more = {}) => ({ ...run(id, 'd', created), series_id, step, superseded: false, n_output_tokens: id === 'a10' ? 4 : 5, name: `asked (step ${step})`, ...more });
    const RUNS = [of('a0', 'cat', 0, 1), of('a10', 'cat', 10, 3), of('old', 'cat', 20, 4, { superseded: true }), of('a15', 'cat', 15, 5),
      of('b0', 'dog', 0, 2), { ...run('alone', 'd', 6), series_id: '', step: null }];
    list(RUNS, ['d']);"""
)


def _seen(page: Page, body: str, start: dict[str, str] | None = None) -> Any:
    return page.evaluate("async (start) => {" + SERIES + body + "}", start)


def test_the_step_moves_to_the_newest_run_not_after_it(page: Page) -> None:
    start = {"run": "r", "id": "a0", "dictionary": "d", "step": "0", "token": "3", "latent": "9", "result": "r/x"}
    walked = _seen(
        page,
        """const ids = [];
        for (const step of [20, null, 0, 10, 20]) { store.set({ step }); ids.push(seen().at); }
        return [ids, store.selection.result, written.length];""",
        start,
    )
    assert [at[0] for at in walked[0]] == ["a15", "a15", "a0", "a10", "a15"]
    assert [at[3] for at in walked[0]] == [3, 3, 3, None, None], "the word's place stays until an answer is shorter"
    assert all(at[4] == 9 for at in walked[0]), "the latent stays"
    assert walked[1] is None and walked[2] == 5


def test_a_run_that_stands_alone_and_a_dictionary_without_a_run_stay(page: Page) -> None:
    for run in ({"run": "r", "id": "alone"}, {}):
        start = {"dictionary": "d", "step": "0", **run}
        assert _seen(page, "const before = seen().at[0]; store.set({ step: 20 }); return [before === seen().at[0], seen().at[2]];", start) == [True, 20]


def test_before_the_first_run_the_first_is_shown_and_one_taken_back_leads_to_those_that_stayed(page: Page) -> None:
    start = {"run": "r", "id": "old", "dictionary": "d"}
    body = "const { runAtStep, seriesOf } = await import('/series.js'); const shown = store.runEntry; store.set({ step: 20 });"
    assert _seen(page, body + "return [runAtStep(seriesOf(RUNS, shown), -1).id, seriesOf(RUNS, shown).map((one) => one.id), seen().at[0]];", start) == [
        "a0", ["a0", "a10", "a15"], "a15",
    ]


def test_a_list_shows_each_series_once(page: Page) -> None:
    body = "const { foldedRuns, nameOfSeries } = await import('/series.js'); return foldedRuns(RUNS, store.selection).map(({ entry, series }) => [entry.id, series.length, nameOfSeries(entry)]);"
    alone = ["alone", 0, "run alone"]
    assert _seen(page, body, {"dictionary": "d", "step": "10"}) == [alone, ["a10", 3, "asked"], ["b0", 1, "asked"]]
    assert _seen(page, body, {"run": "r", "id": "a0", "dictionary": "d"}) == [alone, ["a0", 3, "asked"], ["b0", 1, "asked"]]
    assert _seen(page, body, {"run": "r", "id": "old", "dictionary": "d"}) == [alone, ["old", 3, "asked"], ["b0", 1, "asked"]]


def test_choosing_a_series_keeps_the_step(page: Page) -> None:
    start = {"run": "r", "id": "b0", "dictionary": "d", "step": "10"}
    assert _seen(page, "store.chooseRun(RUNS[1]); return seen().at;", start)[:3] == ["a10", "d", 10]
    assert _seen(page, "store.chooseRun(RUNS[5]); return seen().at;", start)[:3] == ["alone", "d", None]


HISTORY = """const h = await import('/panels/latents/history.js');
    const top = (...names) => names.map((name) => name && { image: 0, name, label: null, plain_mean: 1, has_picture: true });"""


def test_pictures_are_spread_evenly_with_the_shown_step_among_them(page: Page) -> None:
    found = page.evaluate(
        "async () => {" + HISTORY + """
        const steps = Array.from({ length: 41 }, (_, i) => 10 * i);
        const of = steps.map((step) => top(step < 100 ? 'a' : step < 220 ? 'b' : null)[0]);
        const film = (shown, count = 6) => h.filmFrames(steps, of, count, shown);
        return { ends: film(400).map((one) => one.step), inside: film(133).map((one) => one.step), on: film(133).find((one) => one.on).step,
          changed: film(400).filter((one) => one.changed).map((one) => one.step), changes: h.topChanges(steps, of), few: h.filmFrames([5], top('a'), 6, 9),
          before: h.filmFrames([5, 6], top('a', 'b'), 6, 1).map((one) => one.on), none: h.filmFrames([], [], 6, null) };}"""
    )
    assert found["ends"] == [0, 80, 160, 240, 320, 400] and found["inside"] == [0, 80, 130, 240, 320, 400] and found["on"] == 130
    assert found["changed"] == [160, 240] and found["changes"] == [100, 220]
    assert [one["step"] for one in found["few"]] == [5] and found["before"] == [True, False] and found["none"] == []


def test_a_life_is_told_up_to_the_shown_step(page: Page) -> None:
    found = page.evaluate(
        "async () => {" + HISTORY + """
        const history = { statistics: { steps: [0, 10, 20, 30], drift_since: [0, 0, 20, 20], of: [
          { image_frequency: [0, 0.5, 0, 0.25], drift: [0, Math.PI / 2, 0, null] }, { image_frequency: [1, 1, 1, 1], drift: [0, 0, 0, 0] },
          { image_frequency: [0, 0, 0, 0], drift: [0, 0, 0, 0] }] } };
        return [[0, 5], [0, 15], [0, 20], [0, null], [1, null], [2, null]].map(([at, shown]) => h.lifeOf(history, at, shown))
          .concat([h.lifeOf({ statistics: { steps: [], drift_since: [], of: [[]] } }, 0, null)]);}"""
    )
    told = [one and {name: one[name] for name in ("step", "frequency", "born", "never")} for one in found]
    assert told == [
        {"step": 0, "frequency": 0, "born": None, "never": False}, {"step": 10, "frequency": 0.5, "born": 10, "never": False},
        {"step": 20, "frequency": 0, "born": None, "never": False}, {"step": 30, "frequency": 0.25, "born": 30, "never": False},
        {"step": 30, "frequency": 1, "born": None, "never": False}, {"step": 30, "frequency": 0, "born": None, "never": True}, None,
    ]
    assert round(found[1]["degrees"]) == 90 and found[1]["since"] == 0 and found[3]["degrees"] is None and found[3]["since"] == 20


def test_curves_keep_their_colours_and_at_most_eight_are_drawn(page: Page) -> None:
    found = page.evaluate(
        "async () => {" + HISTORY + """
        const nine = [0, 1, 2, 3, 4, 5, 6, 7, 8];
        const palette = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6'];
        return { drawn: [[null, nine], [3, nine], [8, nine], [99, nine], [99, []], [null, []]].map(([latent, of]) => h.drawnLatents(latent, of)),
          colors: [h.curveColors(8, 7, 'A', palette), h.curveColors(8, 2, 'A', palette), h.curveColors(1, 0, 'A', palette)] };}"""
    )
    eight = list(range(8))
    assert found["drawn"] == [eight, eight, [0, 1, 2, 3, 4, 5, 6, 8], [99, *range(7)], [99], []]
    first, second, only = found["colors"]
    assert first == ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "A"] and second == ["p0", "p1", "A", "p3", "p4", "p5", "p6", "p2"]
    assert only == ["A"]


def test_axes_have_two_round_ticks_or_more_within_their_ends(page: Page) -> None:
    found = page.evaluate(
        """async () => { const { axisOf, stepTicks } = await import('/plots/curve_axes.js');
        const axis = (values, scale, within, height = 44) => {
          const made = axisOf({ scale, within, curves: [{ values, rings: true }] }, height);
          return { ticks: made.ticks, at: values.map((value) => value === null ? null : made.at(value)), ends: made.ticks.map((tick) => made.at(tick)) };
        };
        return { axes: [axis([0, 47], 'linear', [0, null]), axis([0, 0], 'linear', [0, null]), axis([0.2, 0.9, null], 'linear', [0, 1]), axis([3, 3], 'linear'),
            axis([0.004, 0.9, null], 'log'), axis([0.05, 0.2], 'log'), axis([0.3, 0.3], 'log'), axis([null, null], 'log'), axis([1e-4, 1], 'log')],
          steps: [stepTicks(0, 3900, 6), stepTicks(5, 5, 4), stepTicks(0, 2, 5), stepTicks(0, 3e6, 3)].map((some) => some.map((one) => one.text)) }; }"""
    )
    for axis in found["axes"]:
        assert all(-1e-9 <= place <= 1 + 1e-9 for place in [*axis["ends"], *(at for at in axis["at"] if at is not None)])
        assert 1 <= len(axis["ticks"]) <= 4 and axis["ticks"] == sorted(axis["ticks"])
        assert all(44 * (b - a) >= 13.9 for a, b in zip(axis["ends"], axis["ends"][1:])), "no number stands in another"
    assert found["axes"][0]["ticks"] == [0, 50] and found["axes"][2]["ticks"] == [0, 1]
    assert found["axes"][5]["ticks"][0] < found["axes"][5]["ticks"][-1], "under a decade, too"
    assert found["steps"][0] == ["0", "1,000", "2,000", "3,000"] and found["steps"][1] == ["5"] and found["steps"][2] == ["0", "1", "2"]
    assert found["steps"][3] == ["0", "2M"]
