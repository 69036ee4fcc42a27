"""What an address asks for and a log does not have: what is shown instead, and what is said of it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

STORE = """const { Store } = await import('/store.js'); const { KeptSelections } = await import('/kept_selections.js');
    let now = start ?? {}; const written = [];
    const address = { read: () => now, write: (parameters) => { now = parameters; written.push(parameters); }, link: (p) => JSON.stringify(p) };
    const store = new Store(address);
    const run = (id, dictionary, created) => ({ run: 'r', id, dictionary_id: dictionary, dictionary_name: dictionary, created, name: `run ${id}` });
    const dictionary = (id, more = {}) => ({ id, name: `dictionary ${id}`, steps: [0, 10, 20], n_latents: 50, has_statistics: true, ...more });
    const list = (vlm_runs, dictionaries) => { store.setSession({ listing: { vlm_runs, dictionaries: dictionaries.map((one) => dictionary(one)) } }); store.settle(); };
    const seen = () => { const { run, id, dictionary, step, token, latent, latents } = store.selection;
      return { at: [id, dictionary, step, token, latent], latents: [...latents], told: store.session.told, run }; };"""


def _told(page: Page, body: str, start: dict[str, str] | None = None) -> Any:
    return page.evaluate("async (start) => {" + STORE + body + "}", start)


TWO_RUNS = "list([run('a', 'd', 1), run('b', 'e', 2)], ['d', 'e']);"


def test_what_is_there_is_shown_without_a_word(page: Page) -> None:
    start = {"run": "r", "id": "a", "dictionary": "d", "step": "10", "token": "3", "latent": "49", "latents": "1.2"}
    seen = _told(page, TWO_RUNS + "return [seen(), written.length];", start)
    assert seen[0]["at"] == ["a", "d", 10, 3, 49] and seen[0]["told"] == {} and seen[1] == 0


def test_a_run_that_is_gone_is_told_and_the_newest_shown(page: Page) -> None:
    seen = _told(page, TWO_RUNS + "return seen();", {"run": "r", "id": "zz", "token": "3", "latent": "9"})
    assert seen["at"] == ["b", "e", None, None, None]
    assert seen["told"]["run"] == "The address asks for run “r” (zz), which is not in this log. The newest run, “run b”, is shown instead."


def test_a_run_of_a_known_dictionary_gives_way_to_its_newest_and_latents_stay(page: Page) -> None:
    start = {"run": "r", "id": "zz", "dictionary": "d", "token": "3", "latent": "9", "step": "20"}
    seen = _told(page, TWO_RUNS + "return seen();", start)
    assert seen["at"] == ["a", "d", 20, None, 9]
    assert "The newest run of the same dictionary, “run a”, is shown instead." in seen["told"]["run"]
    alone = _told(page, "list([run('b', 'e', 2)], ['d', 'e']); return seen();", start)
    assert alone["at"] == [None, "d", 20, None, 9]
    assert alone["told"]["run"].endswith("Dictionary “dictionary d” is shown without a run.")


def test_a_dictionary_that_is_gone_is_told(page: Page) -> None:
    start = {"dictionary": "0123456789abcdef", "latent": "9", "basket": "SET:0:9"}
    seen = _told(page, TWO_RUNS + "return [seen(), store.selection.basket.length];", start)
    assert seen[0]["at"] == ["b", "e", None, None, None] and seen[1] == 0, "numbers of latents mean something else there"
    assert seen[0]["told"]["dictionary"].startswith("The address asks for dictionary 0123456789ab…, which is not in this log. The newest run, “run b”")
    none = _told(page, "list([], []); return seen();", start)
    assert none["at"][:2] == [None, None] and none["told"]["dictionary"].endswith("There is nothing else to show.")
    other = _told(page, TWO_RUNS + "return seen();", {"run": "r", "id": "a", "dictionary": "e"})
    assert other["at"][:2] == ["a", "d"] and "“dictionary e”, but its run “run a” was made with" in other["told"]["dictionary"]


def test_a_step_and_latents_that_are_gone_are_told(page: Page) -> None:
    start = {"run": "r", "id": "a", "dictionary": "d", "step": "15", "latent": "50", "latents": "1.49.50.700", "basket": "SET:0:3,SCALE:0:4.99:cat"}
    seen = _told(page, TWO_RUNS + "return [seen(), store.selection.basket.map(({ latents }) => latents[0])];", start)
    assert seen[0]["at"] == ["a", "d", None, None, None] and seen[0]["latents"] == [1, 49] and seen[1] == [3]
    told = seen[0]["told"]
    assert "step 15" in told["step"] and "TensorBoard has steps 0, 10 and 20" in told["step"]
    assert told["latent"].startswith("The address asks for latent 50, but dictionary “dictionary d” has latents 0 to 49.")
    assert "asks for 4 latents" in told["latents"] and "2 are left out" in told["latents"]
    assert "cluster cat" in told["basket"]


SEVERAL = """const several = (given) => { store.setSession({ listing: { vlm_runs: [], dictionaries: given } }); store.settle(); };
    const over = () => [store.selection.dictionary, store.selection.over, store.selection.beside, Object.keys(store.session.told)];
    const d = (id, statistics_steps, more) => dictionary(id, { statistics_steps, ...more });"""


def test_what_a_log_has_no_training_of_is_told(page: Page) -> None:
    start = {"dictionary": "d", "over": "training", "beside": "e"}
    kept = _told(page, SEVERAL + "several([d('d', [0, 10]), d('e', [5])]); return [over(), now];", start)
    assert kept == [["d", "training", "e", []], start]
    one = _told(page, SEVERAL + "several([d('d', [10]), d('e', [5], { has_statistics: false })]); return [over(), store.session.told, now];", start)
    assert one[0] == ["d", "step", None, ["over", "beside"]] and one[2] == start
    assert one[1]["over"].startswith("The address asks for dictionary “dictionary d” over its training, but its statistics were logged at one step, 10.")
    assert "“dictionary e” beside “dictionary d”, of which no statistics were logged. None stands beside it." in one[1]["beside"]
    none = _told(page, SEVERAL + "several([d('d', [])]); return store.session.told;", start)
    assert "no statistics of it were logged" in none["over"] and "dictionary e beside “dictionary d”, which is not in this log" in none["beside"]
    itself = _told(page, SEVERAL + "several([d('d', [0, 10])]); return store.session.told;", {**start, "beside": "d"})
    assert list(itself) == ["beside"] and "which is that dictionary itself" in itself["beside"]
    later = _told(page, SEVERAL + "several([d('d', [0])]); several([d('d', [0, 10]), d('e', [5])]); return [over(), now];", start)
    assert later == [["d", "training", "e", []], start], "TensorBoard was still reading"


def test_the_view_over_training_goes_along_to_another_dictionary(page: Page) -> None:
    start = {"dictionary": "d", "over": "training", "beside": "e"}
    three = SEVERAL + "several([d('d', [0, 10]), d('e', [5, 6]), d('f', [7])]);"
    swapped = _told(page, three + "store.chooseDictionary('e'); const first = over(); store.chooseDictionary('f'); return [first, over(), store.overTraining];", start)
    assert swapped == [["e", "training", "d", []], ["f", "step", "d", []], False]


def test_the_address_goes_on_asking_until_the_user_chooses(page: Page) -> None:
    start = {"run": "r", "id": "zz", "dictionary": "d", "token": "3"}
    seen = _told(
        page,
        TWO_RUNS
        + """store.adjust({ token: 8 }); const meanwhile = { ...now }; const steps = [seen()];
        list([run('a', 'd', 1), run('c', 'd', 3)], ['d']); steps.push(seen());
        list([run('a', 'd', 1), run('c', 'd', 3), run('zz', 'd', 2)], ['d']); steps.push(seen());
        return { meanwhile, steps, now };""",
        start,
    )
    assert seen["meanwhile"] == start, "a reload of the page asks again"
    assert [one["at"][0] for one in seen["steps"]] == ["a", "a", "zz"], "another run leaves the view; the run asked for takes its place"
    assert seen["steps"][1]["at"][3] == 8 and list(seen["steps"][1]["told"]) == ["run"]
    assert seen["steps"][2]["at"][3] == 3 and seen["steps"][2]["told"] == {}

    chosen = _told(
        page,
        TWO_RUNS + "store.set({ token: 8 }); list([run('a', 'd', 1), run('zz', 'd', 2)], ['d']); return [seen(), now];",
        start,
    )
    assert chosen[0]["at"][0] == "a" and chosen[1]["id"] == "a" and list(chosen[0]["told"]) == ["run"]
    other = _told(page, TWO_RUNS + "store.chooseRun(run('b', 'e', 2)); return seen();", start)
    assert other["told"] == {}, "another run was chosen: there is nothing left to tell"


def test_a_run_that_goes_while_it_is_looked_at_is_told_once(page: Page) -> None:
    seen = _told(
        page,
        TWO_RUNS
        + """store.chooseRun(run('a', 'd', 1)); store.set({ latent: 7 }); list([run('b', 'd', 2)], ['d']); const first = seen();
        store.forgetTold(Object.values(store.session.told)); list([run('b', 'd', 2), run('c', 'd', 3)], ['d']); return [first, seen()];""",
    )
    assert seen[0]["at"] == ["b", "d", None, None, 7] and list(seen[0]["told"]) == ["run"]
    assert seen[1]["at"][0] == "b" and seen[1]["told"] == {}


KEPT = """const { NotesHome } = await import('/notes_home.js');
    const held = new Map(); const storage = { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => held.set(key, value) };
    const home = new NotesHome(storage); const kept = new KeptSelections(home); const names = (of) => kept.of(of).map(({ name, latents }) => [name, latents.length]);
    const at = async (dictionary) => home.follow(dictionary);"""


def test_selections_are_kept_renamed_and_removed_for_their_dictionary(page: Page) -> None:
    """Where there is no log to write to: in the browser."""
    got = _told(
        page,
        KEPT
        + """await at('d'); const answers = [await kept.keep('d', ' cats ', [1, 2]), await kept.keep('d', 'dogs', [3])];
        await at('e'); answers.push(await kept.keep('e', 'cats', [4, 5, 6])); await at('d');
        const first = [names('d'), names('e'), kept.nameOf('d', [1, 2]), kept.nameOf('e', [1, 2]), kept.nameOf('d', [])];
        const refused = [await kept.keep('d', 'cats', [9]), await kept.keep('d', '  ', [9]), await kept.keep('d', 'x'.repeat(61), [9]), await kept.rename('d', 'dogs', 'browser', 'cats')];
        answers.push(await kept.rename('d', 'dogs', 'browser', 'wolves '), await kept.rename('d', 'wolves', 'browser', 'wolves'), await kept.remove('cats', 'browser'));
        const lost = await new KeptSelections().keep('d', 'x', [1]); held.set('visualscratchpad.selections', 'nonsense {');
        await at('f'); return { answers, first, refused, after: [await kept.keep("f", "new", [1]), names("f")], lost };""",
    )
    assert got["answers"] == [None] * 6
    assert got["first"] == [[["dogs", 1], ["cats", 2]], [["cats", 3]], "cats", None, None]
    assert "“cats” is kept already" in got["refused"][0] and "type one" in got["refused"][1] and "61 characters" in got["refused"][2]
    assert "“cats” is kept already" in got["refused"][3]
    assert got["after"] == [None, [["new", 1]]] and "keeps nothing" in got["lost"]
