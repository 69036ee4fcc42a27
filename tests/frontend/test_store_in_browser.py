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
        pending[1]('two'); await settle(); const first = query.value;
        pending[0]('one, late'); await settle();
        token = 3; query.hostUpdate(); const while_loading = [query.value, query.stale];
        return { first, afterwards: query.value, while_loading }; }"""
    )
    assert shown == {"first": "two", "afterwards": "two", "while_loading": ["two", True]}
