"""Two runs: which one stands beside, which word is chosen in both, one scale for two maps."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.frontend.test_settling_in_browser import STORE

RUNS = (
    STORE
    + """const pairs = await import('/run_pairs.js');
    const of = (id, created, more = {}) => ({ ...run(id, 'd', created), prompt: 'what ?', original_run_id: '', superseded: false, series_id: '', step: null, n_output_tokens: 3, ...more });
    list([of('a', 1), of('b', 2, { prompt: 'else ?' }), of('c', 3), of('d', 4, { prompt: 'else ?' }), of('steered', 2, { original_run_id: 'a' })], ['d']);
    const alike = (...ids) => ids.map((id) => ({ run: 'r', id }));"""
)
START = {"run": "r", "id": "a", "dictionary": "d"}


def _seen(page: Page, body: str, start: dict[str, str] | None = None) -> object:
    return page.evaluate("async (start) => {" + RUNS + body + "}", start or START)


def test_those_on_the_same_picture_come_first_then_the_same_prompt(page: Page) -> None:
    found = _seen(page, "return pairs.candidates(store, alike('b', 'd')).map(({ entry, why }) => [entry.id, why]);")
    assert found == [["d", "same picture"], ["b", "same picture"], ["c", "same prompt"], ["steered", "same prompt"]]


def test_the_chosen_run_stands_beside_else_one_on_the_picture(page: Page) -> None:
    found = _seen(
        page,
        """const id = (...ids) => pairs.otherKeyOf(store, alike(...ids))?.id ?? null;
        const first = [id(), id('d', 'c'), id('d', 'steered')];
        store.set({ other: 'r/c' }); const chosen = id('d');
        store.set({ other: 'r/a' }); return [...first, chosen, id('d')];""",
    )
    assert found == [None, "d", "steered", "c", "d"], "itself is no choice"


def test_a_word_is_chosen_in_both_by_either(page: Page) -> None:
    found = _seen(
        page,
        """const word = (...tokens) => ({ text: 'x', tokens, logprob: 0 });
        const pair = { first: { words: [word(10), word(11, 12), word(13)] }, second: { words: [word(20), word(21), word(22)] },
          steps: [['kept', 0, 0], ['replaced', 1, 1], ['new', null, 2], ['left_out', 2, null]], largest_change: null };
        const at = (token, otherToken) => pairs.placeOf(pair, { token, otherToken });
        const same = { ...pair, steps: [['kept', 0, 0], ['kept', 1, 1]], largest_change: { place: 1 } };
        return { at: [at(10, null), at(12, null), at(13, null), at(10, 22), at(99, null), at(null, null)],
          same: pairs.placeOf(same, { token: null, otherToken: null }), none: pairs.placeOf({ ...pair, steps: [] }, { token: 1, otherToken: null }),
          chosen: [0, 1, 2, 3].map((place) => pairs.choiceOf(pair, place)) };""",
    )
    assert found == {
        "at": [0, 1, 3, 2, 1, 1],
        "same": 1,
        "none": -1,
        "chosen": [{"token": 10, "otherToken": None}, {"token": 11, "otherToken": None}, {"otherToken": 22}, {"token": 13, "otherToken": None}],
    }


def test_two_maps_share_a_scale(page: Page) -> None:
    found = page.evaluate(
        """async () => {
        const { onOneScale } = await import('/plots/shared_scale.js');
        const { rasterise } = await import('/plots/image_overlay.js');
        const picture = { width: 192, height: 192 };
        const [weak, strong] = [1, 3].map((value) => rasterise(picture, new Float32Array([0, 0, 96, 96]), [value], 'maximum'));
        const [one, other, none] = onOneScale([weak, strong, null]);
        return [one.peak, other.peak, weak.peak, one.value === weak.value, none]; }"""
    )
    assert found == [3, 3, 1, True, None]


def test_the_address_holds_the_pair(page: Page) -> None:
    found = _seen(
        page,
        """store.set({ workspace: 'compare', page: 'runs', other: 'r/c', otherToken: 7, pairScale: 'own', against: 'e', matched: 'close' });
        const { fromParameters, toParameters } = await import('/selection.js');
        const back = fromParameters(toParameters(store.selection));
        const bad = fromParameters({ page: 'three', otherToken: '-1', pairScale: 'x', matched: '' });
        return [JSON.stringify(back) === JSON.stringify(store.selection), bad.page, bad.otherToken, bad.pairScale, bad.matched];""",
    )
    assert found == [True, "answers", None, "same", "none"]


def test_another_run_lets_go_of_the_word_and_keeps_what_stands_beside(page: Page) -> None:
    found = _seen(
        page,
        """store.set({ page: 'runs', workspace: 'compare', other: 'r/c', otherToken: 7 });
        const sets = await import('/failure_sets.js');
        sets.openRun(store, store.session.listing.vlm_runs.find(({ id }) => id === 'b'));
        const { id, other, otherToken, page } = store.selection; return [id, other, otherToken, page];""",
    )
    assert found == ["b", "r/c", None, "runs"]
