"""What Compare and the basket compute before they draw: alignment, lines, scales, colours, orders, keys, a job's story."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from tb_visualscratchpad.views.output_diff import output_diff
from tb_visualscratchpad.wire.steering_evidence import AnswerToken


def _of(page: Page, module: str, expression: str, *given: Any) -> Any:
    return page.evaluate(f"async (given) => {{ const m = await import('{module}'); return ({expression})(m, ...given); }}", list(given))


def _tokens(words: str) -> list[AnswerToken]:
    return [AnswerToken(sum(map(ord, word)), word, -0.1) for word in words.split()]


def test_answers_are_aligned_with_every_word_of_each_in_its_order(page: Page) -> None:
    original = _tokens("a cat , a tree and a turtle .")
    others = [_tokens(text) for text in ("a tree and a turtle .", "a big old cat , a tree and a turtle . the end .", "no", "a cat , a tree and a turtle .")]
    rows = [[[step.change.value, step.original, step.other] for step in output_diff(original, other).steps] for other in others]
    found = _of(page, "/plots/answer_lines.js", "(m, n, rows) => m.alignAnswers(n, rows)", len(original), rows)
    columns, cells = found["columns"], found["cells"]
    assert [column["word"] for column in columns if "word" in column] == list(range(len(original)))
    for other, steps, row in zip(others, rows, cells, strict=True):
        said = [cell["other"] for cell in row if cell and cell["other"] is not None]
        assert said == list(range(len(other)))
        for column, cell in zip(columns, row, strict=True):
            if "word" in column:
                expected = next(step for step in steps if step[1] == column["word"])
                assert cell == {"change": expected[0], "other": expected[2]}
            else:
                assert cell is None or cell["change"] == "new"


def test_an_empty_original_leaves_columns_for_what_is_new(page: Page) -> None:
    found = _of(page, "/plots/answer_lines.js", "(m) => m.alignAnswers(0, [[['new', null, 0], ['new', null, 1]], []])")
    assert found["columns"] == [{"before": 0, "place": 0}, {"before": 0, "place": 1}]
    assert found["cells"][1] == [None, None]


@pytest.mark.parametrize("seed", range(6))
def test_lines_hold_everything_fit_and_are_as_few_as_they_can_be(page: Page, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    widths = rng.integers(20, 120, n).tolist()
    ends = (rng.random(n) < 0.25).tolist()
    room = int(rng.integers(150, 500))
    lines = _of(page, "/plots/answer_lines.js", "(m, ...given) => m.breakLines(...given)", widths, ends, room)
    assert [i for first, last in lines for i in range(first, last + 1)] == list(range(n))
    sentences = _sentences(widths, ends)
    sums = [sum(widths[first : last + 1]) for first, last in lines]
    assert all(width <= room or first == last for width, (first, last) in zip(sums, lines, strict=True))
    if all(sum(widths[a : b + 1]) <= room for a, b in sentences):
        starts = {first for first, _ in sentences}
        assert {first for first, _ in lines} <= starts, "lines begin with a sentence"
        fewest, longest = _best_lines([sum(widths[a : b + 1]) for a, b in sentences], room)
        assert (len(lines), max(sums)) == (fewest, longest)


def _sentences(widths: list[int], ends: list[bool]) -> list[tuple[int, int]]:
    found, first = [], 0
    for i in range(len(widths)):
        if ends[i] or i == len(widths) - 1:
            found.append((first, i))
            first = i + 1
    return found


def _best_lines(sentences: list[int], room: int) -> tuple[int, int]:
    """Fewest lines and the shortest longest one, over all ways to break between sentences."""
    best = (len(sentences), max(sentences))
    for cuts in itertools.product((False, True), repeat=len(sentences) - 1):
        lines, now = [], sentences[0]
        for width, cut in zip(sentences[1:], cuts, strict=True):
            lines, now = (lines + [now], width) if cut else (lines, now + width)
        lines.append(now)
        if max(lines) <= room:
            best = min(best, (len(lines), max(lines)))
    return best


def test_changes_have_readable_ink_and_lightness_that_runs_outwards(page: Page) -> None:
    def luminance(rgb: list[float]) -> float:
        part = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb)]
        return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2]

    def parsed(color: str) -> list[float]:
        return [int(color[i : i + 2], 16) for i in (1, 3, 5)] if color.startswith("#") else [float(v) for v in color[4:-1].split()]

    changes = [sign * size for size in (0.02, 0.1, 0.5, 1, 2, 4, 6, 30) for sign in (-1, 1)]
    for theme in ("light", "dark"):
        colors = _of(page, "/color/diverging.js", "(m, theme, changes) => changes.map((x) => m.changeColors(theme, x))", theme, changes)
        for color in colors:
            light, dark = sorted((luminance(parsed(color["ground"])), luminance(parsed(color["ink"]))), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5
        for losses in (colors[0::2], colors[1::2]):
            steps = np.diff([luminance(parsed(color["ground"])) for color in losses])
            assert np.all(steps <= 1e-9) or np.all(steps >= -1e-9)
        assert colors[-1] == colors[-3] and _of(page, "/color/diverging.js", "(m) => m.changeColors('light', -0.019)") is None


def test_doses_lie_on_a_straight_scale_and_names_do_not_overlap(page: Page) -> None:
    data = {"doses": [0, 0.5, 1.5], "rest": 1, "words": [{"text": "a", "logprob": [-12, -3, 0], "controls": [[-0.1, -0.2, -14]]}]}
    size = {"width": 500, "height": 300, "margin": {"left": 40, "top": 8, "right": 136, "bottom": 40}}
    x, y, low = _of(
        page, "/plots/dose_scale.js",
        "(m, data, size) => { const s = m.doseScale(data, size); return [[0, 0.5, 1.5].map(s.x), [0, -7, -14].map(s.y), s.low]; }", data, size,
    )
    np.testing.assert_allclose(x, [40, 40 + 324 / 3, 364])
    assert y[0] < y[1] < y[2] and y[1] - y[0] == pytest.approx(y[2] - y[1]) and low < -14 and 8 <= y[0] and y[2] <= 260
    ticks = _of(page, "/plots/dose_scale.js", "(m) => [m.ticks(-14.5, 0.5, 4), m.ticks(-2.1, 0.1, 5), m.ticks(-0.5, 0.02, 3)]")
    assert ticks == [[-10, -5, 0], [-2, -1.5, -1, -0.5, 0], [-0.4, -0.2, 0]]
    wanted = [50, 52, 51, 200, 50]
    places = _of(page, "/plots/dose_scale.js", "(m, wanted) => m.spreadApart(wanted, 15, 10, 205)", wanted)
    assert np.all(np.diff(np.sort(places)) >= 15 - 1e-9) and min(places) >= 10 and max(places) <= 205
    assert [wanted[i] for i in np.argsort(places)] == sorted(wanted)
    crowded = _of(page, "/plots/dose_scale.js", "(m) => m.spreadApart([5, 5, 5, 5], 15, 0, 30)")
    assert sorted(crowded) == [0, 15, 30, 45], "without room they run over the end, still apart"


SWEEP = {
    "original_tokens": [{"text": text} for text in (" a", " cat", ",", " a", " cat")],
    "columns": [1, 2, 4],
    "clusters": [
        {"name": "b", "latents": [1, 2], "change": [0, -3, -1, 0, -9], "hardest": {"number": 4, "change": -9}, "control_hardest": {"number": 0, "change": -0.2}},
        {"name": "a", "latents": [3], "change": [0, 0, 0, 0, 0], "hardest": None, "control_hardest": None},
        {"name": "c", "latents": [4, 5, 6], "change": [0, -1, -2, 0, 0], "hardest": {"number": 2, "change": -2}, "control_hardest": {"number": 1, "change": -4}},
    ],
}


def test_the_cluster_table_sorts_by_every_column_and_shows_a_word_once(page: Page) -> None:
    names = "(m, rows, by, falling) => m.sortedRows(rows, { by, falling }).map(({ name }) => name).join('')"
    rows = SWEEP["clusters"]
    for by, falling, expected in (
        ("name", False, "abc"), ("name", True, "cba"), ("latents", True, "cba"), ("hardest", True, "bca"), ("hardest", False, "acb"), ("random", True, "cba"),
        ("1", True, "bca"), ("2", True, "cba"),
    ):
        assert _of(page, "/panels/compare/sweep_order.js", names, rows, by, falling) == expected, by
    assert _of(page, "/panels/compare/sweep_order.js", "(m, sweep) => m.wordColumns(sweep)", SWEEP) == [2, 4], "cat, where it falls deepest"


def test_doses_are_of_the_basket_else_of_what_was_steered_alike(page: Page) -> None:
    result = {
        "name": "cat × 0",
        "steering": {"interventions": [{"latent": latent, "op": "SCALE", "value": 0, "where": "firing"} for latent in (9, 4)]},
    }
    ask = "(m, selection, result) => m.subjectOf(selection, result, { width: 9, height: 9 })"
    empty = {"basket": [], "scope": "all", "errorTerm": "kept"}
    subject = _of(page, "/panels/compare/dose_setup.js", ask, empty, result)
    assert subject == {"name": "cat", "latents": [4, 9], "op": "SCALE", "doses": [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5], "where": "firing"}
    basket = {**empty, "basket": [{"name": None, "latents": [5], "op": "SET", "value": -4}]}
    subject = _of(page, "/panels/compare/dose_setup.js", ask, basket, result)
    assert (subject["name"], subject["latents"], subject["op"], subject["where"]) == ("latent 5", [5], "SET", "all")
    assert subject["doses"] == sorted(subject["doses"]) and {0, -4, -8} <= set(subject["doses"])
    assert _of(page, "/panels/compare/dose_setup.js", ask, empty, None) is None
    mixed = {"name": "x", "steering": {"interventions": [{"latent": 1, "op": "SET", "value": 0, "where": "all"}, {"latent": 2, "op": "ADD", "value": 1, "where": "all"}]}}
    assert _of(page, "/panels/compare/dose_setup.js", ask, empty, mixed) is None


def test_doses_are_read_as_they_are_typed(page: Page) -> None:
    parse = "(m, ...texts) => texts.map(m.parseDoses)"
    found = _of(page, "/panels/compare/dose_setup.js", parse, "1, 0;.5  2", "−1 1", "1", "1, 1", "", "a, 1", " ".join(map(str, range(31))))
    assert found == [[0, 0.5, 1, 2], [-1, 1], None, None, None, None, None]


def test_a_jobs_story_is_told_event_by_event(page: Page) -> None:
    events = [
        {"n": 1, "event": "queued", "position": 2}, {"n": 2, "event": "queued", "position": 1}, {"n": 3, "event": "started"},
        {"n": 4, "event": "token", "condition": "steered", "text": "a"}, {"n": 5, "event": "token", "condition": "steered", "text": " tree"},
        {"n": 6, "event": "stage", "what": "controls", "done": 2, "total": 5}, {"n": 6, "event": "heartbeat"},
        {"n": 7, "event": "result", "kind": "steering_result", "run": "w", "id": "x"},
    ]
    told = page.evaluate(
        """async (events) => { const { afterEvent } = await import('/jobs.js'); const { standing, textSoFar } = await import('/panels/steering/job_line.js');
        let job = { state: 'sending', position: null, stage: null, texts: {}, result: null }; const told = [];
        for (const event of events) { job = afterEvent(job, event); told.push([job.state, standing(job), textSoFar(job)]); }
        return [told, job.result.id]; }""",
        events,
    )
    assert told == [
        [
            ["queued", "waiting, 2 before it", ""], ["queued", "waiting, 1 before it", ""], ["running", "started", ""], ["running", "started", "a"],
            ["running", "started", "a tree"], ["running", "controls, 2 of 5", "a tree"], ["running", "controls, 2 of 5", "a tree"], ["done", "started", "a tree"],
        ],
        "x",
    ]


def test_outcomes_are_keyed_listed_and_found_before_tensorboard_has_them(page: Page) -> None:
    found = page.evaluate(
        """async () => { const { keyText, outcomesOf, outcomeKey, parseKey, originalOf } = await import('/outcomes.js');
        const { Store } = await import('/store.js'); const store = new Store({ read: () => ({}), write: () => {} });
        const run = (id, created, original_run_id = '') => ({ run: 'r', id, created, dictionary_id: 'd', original_run_id });
        const outcome = (id, created, original_run_id, dictionary_id = 'd') => ({ run: 'w/1', id, kind: 'steering_result', created, original_run_id, dictionary_id });
        const vlm_runs = [run('a', 1), run('s', 3, 'a'), run('b', 2)];
        const outcomes = [outcome('old', 1, 'a'), outcome('other', 9, 'b'), outcome('orphan', 8, 'gone'), outcome('new', 5, 'a'), outcome('elsewhere', 7, 'a', 'e')];
        store.setListing({ vlm_runs, outcomes, dictionaries: [], problems: [] }); store.chooseRun(vlm_runs[0]);
        const ids = () => outcomesOf(store, 'steering_result').map(({ id }) => id);
        const [first, key] = [ids(), outcomeKey(store, 'steering_result').id];
        store.chooseRun(vlm_runs[1]); const steered = [originalOf(store).id, ids()];
        store.addFresh({ outcomes: [outcome('fresh', 6, 'a')] }); const fresh = ids();
        store.setListing({ vlm_runs, outcomes: [...outcomes, outcome('fresh', 6, 'a')], dictionaries: [], problems: [] }); const later = ids();
        store.set({ result: 'w/1/old' }); const chosen = outcomeKey(store, 'steering_result');
        return { first, key, steered, fresh, later, chosen, keys: [keyText({ run: 'a/b', id: 'c' }), parseKey('a/b/c'), parseKey('c'), parseKey('/c'), parseKey(null)] }; }"""
    )
    assert found["first"] == ["new", "old", "orphan"] and found["key"] == "new"
    assert found["steered"] == ["a", ["new", "old", "orphan"]]
    assert found["fresh"] == found["later"] == ["fresh", "new", "old", "orphan"]
    assert found["chosen"] == {"run": "w/1", "id": "old"}
    assert found["keys"] == ["a/b/c", {"run": "a/b", "id": "c"}, None, None, None]


def test_a_result_and_a_box_survive_the_address(page: Page) -> None:
    back = page.evaluate(
        """async () => { const { fromParameters, toParameters, DEFAULTS } = await import('/store.js');
        const selection = { ...DEFAULTS, result: 'worker/1/x-2', sweep: 'w/s', dose: 'w/d', table: 'latents', scope: 'box', box: [3, 4, 50, 60], boxView: 'tiles' };
        const bad = ['1.2.3', '5.0.5.9', '0.9.5.9', '-1.0.5.9', '1.2.3.x'].map((box) => fromParameters({ box }).box);
        return [JSON.stringify(fromParameters(toParameters(selection))) === JSON.stringify(selection), bad]; }"""
    )
    assert back == [True, [None] * 5]
