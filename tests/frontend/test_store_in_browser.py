"""The shared selection: what the address keeps, and what follows from choosing."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

STORE = """const { Store, DEFAULTS, toParameters, fromParameters } = await import('/store.js');
    const written = []; const address = { read: () => start ?? {}, write: (parameters) => written.push(parameters) };
    const store = new Store(address);
    const run = (id, dictionary, created) => ({ run: 'r', id, dictionary_id: dictionary, created, name: id });
    const dictionary = (id) => ({ id, steps: [0], has_statistics: true });"""


def _with_store(page: Page, body: str, start: dict[str, str] | None = None) -> Any:
    return page.evaluate("async (start) => {" + STORE + body + "}", start)


def test_only_what_differs_from_the_default_is_written(page: Page) -> None:
    written = _with_store(page, "store.set({ token: 7, layers: '3', prompt: true, latents: [5, 9] }); store.set({ token: 7 }); return written;")
    assert written == [{"token": "7", "layers": "3", "prompt": "1", "latents": "5.9"}]


def test_a_selection_survives_the_address(page: Page) -> None:
    assert _with_store(
        page,
        """store.set({ run: 'a/b c', id: 'x-1', token: 0, latent: 576, latents: [1, 2], cut: 0.42, maxFrequency: 0.013, minMean: 2, by: 'plain', prompt: true });
        const back = fromParameters(toParameters(store.selection));
        return JSON.stringify(back) === JSON.stringify(store.selection);""",
    )


@pytest.mark.parametrize("bad", [{"token": "-1"}, {"cut": "high"}, {"cut": ""}, {"layers": "1,2"}, {"by": "lift"}, {"latents": "1..2"}])
def test_malformed_parameters_take_the_default(page: Page, bad: dict[str, str]) -> None:
    assert _with_store(page, "return JSON.stringify(store.selection) === JSON.stringify(DEFAULTS);", bad)


def test_the_newest_run_is_the_first_choice_and_another_run_starts_afresh(page: Page) -> None:
    result = _with_store(
        page,
        """store.setSession({ listing: { vlm_runs: [run('old', 'd', 1), run('new', 'd', 2)], dictionaries: [dictionary('d')] } });
        store.settle(); const first = store.selection.id;
        store.set({ token: 4, latent: 9, by: 'plain' }); store.chooseRun(run('old', 'd', 1));
        const { id, token, latent, by } = store.selection; return { first, id, token, latent, by };""",
    )
    assert result == {"first": "new", "id": "old", "token": None, "latent": None, "by": "plain"}


def test_an_address_may_name_a_latent_alone(page: Page) -> None:
    result = _with_store(
        page,
        """store.setSession({ listing: { vlm_runs: [run('new', 'd', 2)], dictionaries: [] } }); store.settle();
        return [store.selection.id, store.selection.dictionary, store.selection.latent];""",
        {"latent": "12"},
    )
    assert result == ["new", "d", 12]


def test_a_dictionary_brings_its_newest_run_or_none(page: Page) -> None:
    result = _with_store(
        page,
        """store.setSession({ listing: { vlm_runs: [run('a', 'd', 1), run('b', 'e', 2), run('c', 'e', 3)], dictionaries: ['d', 'e', 'f'].map(dictionary) } });
        store.settle(); const seen = [store.selection.id];
        for (const id of ['d', 'e', 'f']) { store.chooseDictionary(id); seen.push(store.selection.id); }
        store.settle(); seen.push(store.selection.id); return seen;""",
    )
    assert result == ["c", "a", "c", None, None]


def test_listeners_hear_changes_only(page: Page) -> None:
    heard = _with_store(
        page,
        """let n = 0; const end = store.subscribe(() => { n += 1; });
        store.set({ token: 1 }); store.set({ token: 1 }); store.setSession({ theme: 'dark' }); end(); store.set({ token: 2 }); return n;""",
    )
    assert heard == 2


def test_a_run_logged_meanwhile_leaves_the_version_of_the_evidence(page: Page) -> None:
    versions = _with_store(
        page,
        """const seen = []; const list = (vlm_runs, problems = [], steps = [0]) => {
          store.setSession({ listing: { vlm_runs, dictionaries: [{ ...dictionary('d'), steps }], problems } }); store.settle(); seen.push(store.evidenceVersion); };
        list([run('a', 'd', 1)]); list([run('a', 'd', 1), run('b', 'd', 2)]); list([run('a', 'd', 1)], ['unreadable']);
        list([run('a', 'd', 1)], [], [0, 10]); store.setSession({ revision: 1 }); seen.push(store.evidenceVersion); return seen;""",
    )
    assert versions[0] == versions[1]
    assert len(set(versions)) == 4


def test_an_answer_to_an_older_question_is_dropped(page: Page) -> None:
    shown = page.evaluate(
        """async () => { const { Query } = await import('/panels/base/query.js');
        const pending = []; let token = 1;
        const host = { store: { evidenceVersion: '0' }, addController() {}, requestUpdate() {} };
        const query = new Query(host, () => ({ key: `t${token}`, subject: 'run', load: () => new Promise((resolve) => pending.push(resolve)) }));
        const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
        query.hostUpdate(); token = 2; query.hostUpdate();
        while (pending.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
        pending[1]('two'); await settle(); const first = query.value;
        pending[0]('one, late'); await settle();
        token = 3; query.hostUpdate(); const while_loading = [query.value, query.stale];
        return { first, afterwards: query.value, while_loading }; }"""
    )
    assert shown == {"first": "two", "afterwards": "two", "while_loading": ["two", True]}


def test_while_an_answer_is_awaited_only_the_newest_question_waits(page: Page) -> None:
    shown = page.evaluate(
        """async () => { const { Query } = await import('/panels/base/query.js');
        const asked = []; let token = 0; let answer = () => {};
        const host = { store: { evidenceVersion: '0' }, addController() {}, requestUpdate() {} };
        const load = (of) => () => { asked.push(of); return new Promise((resolve) => { answer = () => resolve(of); }); };
        const query = new Query(host, () => ({ key: `t${token}`, subject: 'run', load: load(token) }));
        for (token = 1; token <= 4; token++) query.hostUpdate();
        token = 4;
        answer(); await new Promise((resolve) => setTimeout(resolve, 0));
        const meanwhile = query.value ?? null;
        answer(); await new Promise((resolve) => setTimeout(resolve, 300));
        return { asked, meanwhile, value: query.value, loading: query.loading }; }"""
    )
    assert shown == {"asked": [1, 4], "meanwhile": None, "value": 4, "loading": False}


NAMED = """const { NamedValues } = await import('/named_values.js'); const kept = new Map();
    const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
    const named = new NamedValues(storage); const many = Array.from({ length: 20000 }, (_, i) => 3 * i);
    const entries = []; let now = start ?? {};
    const place = { read: () => now, write: (parameters, asNew) => { now = parameters; entries.push(asNew); }, link: (p) => JSON.stringify(p) };"""


def test_choices_make_entries_in_the_history_and_sliders_do_not(page: Page) -> None:
    entries = _with_store(
        page,
        NAMED
        + """const s = new Store(place); s.set({ token: 3 }); s.set({ maxFrequency: 0.2 }); s.set({ cut: 0.4 }); s.set({ step: 1 });
        s.set({ latent: 5, latents: [] }); s.adjust({ token: 4 }); s.set({ latents: [] }); return entries;""",
    )
    assert entries == [True, False, False, False, True, False]


def test_a_long_selection_is_kept_under_a_name_that_the_address_holds(page: Page) -> None:
    result = _with_store(
        page,
        NAMED
        + """const s = new Store(place, named); s.set({ latents: many }); const name = now.latents;
        const again = new Store(place, named); const other = new Store(place, new NamedValues({ getItem: () => null, setItem() {} }));
        const link = s.link(); s.set({ latents: [1, 2] });
        return { name, same: JSON.stringify(again.selection.latents) === JSON.stringify(many), told: other.session.told,
          none: other.selection.latents.length, link: JSON.parse(link.url).latents, names: link.names, short: now.latents };""",
    )
    assert result["name"].startswith("*latents-") and len(result["name"]) < 30
    assert result["same"] and list(result["told"]) == ["latents"] and result["name"][1:] in result["told"]["latents"] and result["none"] == 0
    assert result["link"] == result["name"] and result["names"] == [result["name"][1:]], "the link says what it cannot hold"
    assert result["short"] == "1.2"


def test_without_storage_a_link_says_what_it_leaves_out(page: Page) -> None:
    result = _with_store(
        page,
        NAMED
        + """const s = new Store(place, new NamedValues(null)); s.set({ latents: many });
        const lost = s.link(); const t = new Store(place, named); t.set({ latents: many });
        return [lost.lost, lost.names, 'latents' in now, t.link().names.length, t.link().lost];""",
    )
    assert result == [["latents"], [], True, 1, []]


def test_the_basket_survives_the_address_and_steers_a_latent_once(page: Page) -> None:
    result = _with_store(
        page,
        """const { clusterItem, latentItem } = await import('/basket.js');
        store.addToBasket(latentItem(576)); store.addToBasket(clusterItem('a: “top, left” 100 %', [3, 1, 9]));
        store.addToBasket(latentItem(9)); const refused = store.session.notice;
        store.addToBasket(clusterItem('again', [9, 3, 44])); const both = store.session.notice;
        store.replaceInBasket(0, { ...store.selection.basket[0], op: 'ADD', value: -1.5 });
        const back = fromParameters(toParameters(store.selection));
        return { refused, both, same: JSON.stringify(back.basket) === JSON.stringify(store.selection.basket), basket: back.basket, notice: store.session.notice };""",
    )
    assert result["refused"].startswith("Latent 9 is in the basket already (cluster a: “top, left” 100 %)")
    assert result["both"].startswith("2 of these latents are in the basket already")
    assert result["same"] and result["notice"] is None
    assert result["basket"] == [
        {"name": None, "latents": [576], "op": "ADD", "value": -1.5},
        {"name": "a: “top, left” 100 %", "latents": [3, 1, 9], "op": "SCALE", "value": 0},
    ]


@pytest.mark.parametrize(
    "bad", ["", "SET:0", "SET::5", "SET:x:5", "MOVE:0:5", "SET:0:5.6", "SET:0:5,SCALE:0:5", "SET:0:4.5:cat", "SCALE:0:5.5:cat", "SCALE:0:5:%E0"]
)
def test_a_malformed_basket_is_empty(page: Page, bad: str) -> None:
    assert _with_store(page, "return store.selection.basket.length;", {"basket": bad}) == 0


def test_the_basket_stays_with_its_dictionary(page: Page) -> None:
    result = _with_store(
        page,
        """const { latentItem } = await import('/basket.js');
        store.setSession({ listing: { vlm_runs: [run('a', 'd', 2), run('b', 'd', 1), run('c', 'e', 0)], dictionaries: ['d', 'e'].map(dictionary) } });
        store.settle(); store.addToBasket(latentItem(4)); store.chooseRun(run('b', 'd', 1)); const kept = store.selection.basket.length;
        store.chooseDictionary('e'); return [kept, store.selection.basket.length];""",
    )
    assert result == [1, 0]


def test_a_basket_is_the_spec_that_the_exporter_reads(page: Page) -> None:
    from tb_visualscratchpad.exporter.steering import SteeringSpec

    whole, box = ("tiles", (0, 0, 640, 480)), ("base", (10, 20, 300, 40))
    for scope, where in (("all", None), ("firing", None), ("tiles", whole), ("box", box)):
        text = page.evaluate(
            """async (scope) => { const { clusterItem, latentItem, steeringSpec } = await import('/basket.js');
            const selection = { basket: [latentItem(5), clusterItem('cat', [7, 6])], scope, box: [10, 20, 300, 40], boxView: 'base', errorTerm: 'dropped' };
            return JSON.stringify(steeringSpec(selection, { width: 640, height: 480 })); }""",
            scope,
        )
        spec = SteeringSpec.from_json(text)
        assert [(one.latent, one.op, one.value) for one in spec.interventions] == [(5, "SET", 0), (7, "SCALE", 0), (6, "SCALE", 0)]
        assert spec.error == "dropped"
        found = spec.interventions[0].where
        assert found == scope if where is None else (found.view, found.box) == where


def test_a_spec_becomes_the_basket_that_it_came_from(page: Page) -> None:
    same = page.evaluate(
        """async () => { const { basketName, basketOfSpec, clusterItem, latentItem, steeringSpec } = await import('/basket.js');
        const scopes = [{ scope: 'all', box: null }, { scope: 'firing', box: null }, { scope: 'box', box: [1, 2, 30, 40], boxView: 'tiles' }];
        const baskets = [[clusterItem('cat', [7, 6])], [{ ...latentItem(5), value: 2.5 }], [{ ...latentItem(9), op: 'SCALE', value: 0.5 }],
          [clusterItem('cat', [7, 6]), { ...latentItem(5), op: 'ADD', value: -1 }]];
        return baskets.flatMap((basket) => scopes.map((where) => {
          const selection = { basket, errorTerm: 'dropped', ...where };
          const back = basketOfSpec(steeringSpec(selection, { width: 99, height: 99 }), basketName(basket));
          const named = back.basket.map(({ name, ...rest }) => rest);
          return JSON.stringify(named) === JSON.stringify(basket.map(({ name, ...rest }) => rest)) && back.scope === where.scope
            && JSON.stringify(back.box ?? null) === JSON.stringify(where.box) && back.errorTerm === 'dropped'
            && back.basket.every((item, i) => (item.name === null) === (basket[i].name === null)); })); }"""
    )
    assert same == [True] * 12


def test_latents_are_found_by_number_and_by_label(page: Page) -> None:
    found = page.evaluate(
        """async () => { const { searchLatents } = await import('/panels/latents/search.js');
        const arrays = { flags: [1, 1, 0, 1, 1], top_label: [0, 1, 1, 1, 2], top_label_share: [1, 0.4, 1, 0.9, 0.7], image_frequency: [0, 0, 0, 0, 0] };
        const find = (text, n = 5, s = { arrays }) => searchLatents(text, n, s, ['cat', 'hot dog', 'doghouse']).map(({ latent }) => latent);
        return [find('dog'), find('hot'), find('house'), find(' '), find('3'), find('12', 1300).slice(0, 4), find('0', 50), find('dog', 5, null), find('5')]; }"""
    )
    assert found == [[3, 4, 1], [3, 1], [], [], [3], [12, 120, 121, 122], [0], [], []]


def test_an_answer_fades_only_when_the_next_one_is_late(page: Page) -> None:
    """The first answer comes at once, the second not before it was seen to be late; another question meanwhile changes nothing."""
    seen = page.evaluate(
        """async () => { const { Query } = await import('/panels/base/query.js');
        let token = 1; const pending = []; const late = [];
        const host = { store: { evidenceVersion: '' }, addController() {}, requestUpdate() { late.push(query.late); } };
        const query = new Query(host, () => ({ key: `t${token}`, subject: 'run', load: () => new Promise((resolve) => pending.push(resolve)) }));
        const settled = () => new Promise((resolve) => setTimeout(resolve));
        query.hostUpdate(); pending[0](1); await settled();
        token = 2; query.hostUpdate(); pending[1](2); await settled();
        const quick = [...late];
        token = 3; query.hostUpdate(); token = 4; query.hostUpdate();
        while (!query.late) await settled();
        pending[2](3); while (pending.length < 4) await settled();
        pending[3](4); while (query.loading) await settled();
        return { quick, wasLate: late.includes(true), now: query.late, value: query.value, stale: query.stale }; }"""
    )
    assert seen == {"quick": [False, False], "wasLate": True, "now": False, "value": 4, "stale": False}


def test_a_panel_is_not_drawn_anew_for_what_it_is_indifferent_to(page: Page) -> None:
    drawn = page.evaluate(
        """async () => { const { Panel, SLIDERS } = await import('/panels/base/panel.js');
        const { Store } = await import('/store.js');
        class Still extends Panel { static indifferentTo = SLIDERS; render() { this.n = (this.n ?? 0) + 1; } }
        class Moved extends Panel { render() { this.n = (this.n ?? 0) + 1; } }
        customElements.define('t-still', Still); customElements.define('t-moved', Moved);
        const store = new Store({ read: () => ({}), write() {} });
        const both = ['t-still', 't-moved'].map((name) => Object.assign(document.createElement(name), { store }));
        document.body.append(...both);
        const counts = [];
        const step = async (change) => { change(); await Promise.all(both.map((one) => one.updateComplete)); counts.push(both.map(({ n }) => n)); };
        await step(() => {});
        await step(() => store.set({ maxFrequency: 0.2 }));
        await step(() => store.set({ minMean: 0.1, token: 3 }));
        await step(() => store.setSession({ notice: 'x' }));
        await step(() => { store.set({ token: 4 }); store.set({ cut: 0.5 }); });
        return counts; }"""
    )
    assert drawn == [[1, 1], [1, 2], [2, 3], [3, 4], [4, 5]]
