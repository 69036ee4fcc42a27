"""Which failure set, and which ablation of it, is looked at; and what the address keeps of it."""

from __future__ import annotations

from playwright.sync_api import Page

STORE = """const { Store, DEFAULTS, toParameters, fromParameters } = await import('/store.js');
    const sets = await import('/failure_sets.js');
    const store = new Store({ read: () => ({}), write: () => {} });
    const entry = (id, created, dictionary_id = 'd') => ({ run: 'f/1', id, name: id, created, dictionary_id, n_items: 5, n_wrong: 2, has_pictures: true });
    const asked = (id, created, set_id) => ({ run: 'w', id, kind: 'set_ablation', created, dictionary_id: 'd', original_run_id: '', set_id });
    const listing = { vlm_runs: [], problems: [], dictionaries: ['d', 'e'].map((id) => ({ id, name: id, n_latents: 9, steps: [] })),
        failure_sets: [entry('old', 1), entry('new', 3), entry('other', 9, 'e')],
        outcomes: [asked('first', 1, 'new'), asked('last', 5, 'new'), asked('foreign', 8, 'old')] };
    store.setListing(listing); store.set({ dictionary: 'd' });"""


def _told(page: Page, script: str) -> object:
    return page.evaluate(f"async () => {{ {STORE} {script} }}")


def test_the_newest_set_and_ablation_of_the_dictionary_are_shown_unless_others_are_chosen(page: Page) -> None:
    found = _told(
        page,
        """const seen = () => [sets.setKeyOf(store)?.id, sets.ablationKeyOf(store)?.id, sets.ablationsOf(store).map(({ id }) => id)];
        const newest = seen(); store.set({ set: 'f/1/old' }); const chosen = seen();
        store.set({ ablation: 'w/last' }); const ofAnother = seen(); store.set({ set: null, ablation: 'w/first' }); const earlier = seen();
        store.set({ set: 'f/1/gone' }); const gone = seen(); store.set({ set: 'f/1/new', ablation: null, dictionary: 'e' }); const elsewhere = seen();
        return { newest, chosen, ofAnother, earlier, gone, elsewhere };""",
    )
    assert found == {
        "newest": ["new", "last", ["last", "first"]],
        "chosen": ["old", "foreign", ["foreign"]],
        "ofAnother": ["old", "foreign", ["foreign"]],
        "earlier": ["new", "first", ["last", "first"]],
        "gone": ["gone", None, []],
        "elsewhere": ["other", None, []],
    }


def test_opening_a_set_brings_its_dictionary_along(page: Page) -> None:
    found = _told(
        page,
        """store.set({ setPrompt: 2, ablation: 'w/first' }); sets.openFailureSet(store, { run: 'f/1', id: 'other' });
        const { workspace, page, set, setPrompt, ablation, dictionary } = store.selection;
        return { workspace, page, set, setPrompt, ablation, dictionary, shown: [sets.onFailures(store, { run: 'f/1', id: 'other' }), sets.onFailures(store, { run: 'f/1', id: 'new' }), sets.onFailures(store, null)] };""",
    )
    assert found == {
        "workspace": "compare", "page": "failures", "set": "f/1/other", "setPrompt": None, "ablation": None, "dictionary": "e",
        "shown": [True, False, False],
    }


def test_what_is_chosen_of_a_set_survives_the_address(page: Page) -> None:
    found = _told(
        page,
        """const selection = { ...DEFAULTS, page: 'failures', set: 'f/1/new', setPart: 'half', setPrompt: 0, ablation: 'w/x' };
        return [JSON.stringify(fromParameters(toParameters(selection))) === JSON.stringify(selection),
            fromParameters({ page: 'x', setPart: 'third', setPrompt: '-1' })].map((one) => one === true || [one.page, one.setPart, one.setPrompt]);""",
    )
    assert found == [True, ["answers", "all", None]]


def test_a_steered_answer_and_a_run_of_the_menu_turn_compare_from_the_set_to_the_run(page: Page) -> None:
    found = _told(
        page,
        """const { showResult } = await import('/arrivals.js');
        const run = (id) => ({ run: 'r', id, name: id, created: 1, dictionary_id: 'd', n_output_tokens: 3, prompt: '', output_text: '' });
        store.setListing({ ...listing, vlm_runs: [run('one'), run('two')] }); store.chooseRun(run('one'));
        store.jobs = { dismiss: () => {} };
        const result = { created: 2, run: 'w', id: 'result', original_run_id: 'one', name: 'x', prompt: '', dictionary: { id: 'd' }, erasure: null, steered_run_id: 's', answers: [{ output_text: '', latents: [] }] };
        const seen = () => [store.selection.workspace, store.selection.page, store.selection.id];
        sets.openFailureSet(store, { run: 'f/1', id: 'new' }); const set = seen();
        await showResult(store, { outcome: async () => result }, { result: { kind: 'steering_result', run: 'w', id: 'result' } });
        const steered = [...seen(), store.selection.result, store.session.notice];
        sets.openFailureSet(store, { run: 'f/1', id: 'new' }); sets.openRun(store, run('two')); const other = seen();
        sets.openFailureSet(store, { run: 'f/1', id: 'new' }); sets.openRun(store, run('two')); const same = seen();
        return { set, steered, other, same };""",
    )
    assert found == {
        "set": ["compare", "failures", "one"],
        "steered": ["compare", "answers", "one", "w/result", None],
        "other": ["compare", "answers", "two"],
        "same": ["compare", "answers", "two"],
    }
