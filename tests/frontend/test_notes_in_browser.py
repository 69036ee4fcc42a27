"""Notes in the tab: with the log or in the browser, files of notes, search over 65,536 latents, the dense rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

HOME = """const { NotesHome } = await import('/notes_home.js'); const { LatentNotes } = await import('/latent_notes.js'); const { ApiError } = await import('/api_error.js');
    const { KeptSelections } = await import('/kept_selections.js');
    const held = new Map(); const storage = { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => held.set(key, value) };
    const log = { latents: {}, selections: [], where: 'log', reason: null }; const sent = []; let fails = null;
    const server = {
      read: async (dictionary) => ({ version: 1, dictionary, file: 'f.json', ...structuredClone(log) }),
      write: async (route, content) => {
        sent.push([route, content]); if (fails) throw fails;
        if (route === 'notes/latent') {
          const entry = { name: '', note: '', pinned: false, ...log.latents[content.latent], changed: 50 + sent.length };
          for (const key of ['name', 'note', 'pinned']) if (key in content) entry[key] = content[key];
          log.latents[content.latent] = entry; return { latent: content.latent, ...entry };
        }
        if (route === 'notes/import') { Object.assign(log.latents, content.latents); log.selections.push(...content.selections); return structuredClone(log); }
        if ('latents' in content) log.selections.push({ name: content.name, latents: content.latents, changed: 1 });
        return { selections: structuredClone(log.selections) };
      },
    };
    const home = new NotesHome(storage, server); const notes = new LatentNotes(home); const kept = new KeptSelections(home);
    const shown = () => [...notes.all()].map(([latent, { name, note, pinned }]) => [latent, name, note, pinned]);"""


def run(page: Page, body: str, given: object = None) -> Any:
    return page.evaluate("async (given) => {" + HOME + body + "}", given)


def test_with_the_log_only_what_changed_is_sent_and_nothing_stays_in_the_browser(page: Page) -> None:
    got = run(
        page,
        """await home.follow('d'); let heard = 0; home.onChange = () => { heard++; };
        const answers = [await notes.set(3, { name: '  an\\near ' }, { name: '' }), await notes.set(3, { note: 'two\\r\\nlines ' }), await notes.toggle(3), await notes.set(3, { name: 'an ear' })];
        const pinned = notes.pinned(); return { answers, sent, shown: shown(), pinned, same: notes.pinned() === pinned, heard, held: [...held], sentence: home.sentence };""",
    )
    assert got["answers"] == [None] * 4
    assert [content for _, content in got["sent"]] == [
        {"dictionary": "d", "latent": 3, "name": "an ear", "was": {"name": ""}},
        {"dictionary": "d", "latent": 3, "note": "two\nlines", "was": {}},
        {"dictionary": "d", "latent": 3, "pinned": True, "was": {}},
    ]
    assert got["shown"] == [[3, "an ear", "two\nlines", True]] and got["pinned"] == [3] and got["same"] and got["heard"] == 3
    assert got["held"] == [] and "Kept with the log, in f.json" in got["sentence"]


def test_what_the_log_does_not_take_stays_in_the_browser_and_is_moved_later(page: Page) -> None:
    got = run(
        page,
        """await home.follow('d'); await notes.set(1, { name: 'one' }); fails = new ApiError('The disk is full.', 507);
        const answers = [await notes.set(2, { name: 'two' }), await notes.set(1, { name: '' }), await kept.keep('d', 'pair', [1, 2])];
        const fallen = [home.where, home.sentence, shown(), home.inBrowser(), sent.length];
        fails = null; await home.refresh(); const back = [home.where, shown(), home.inBrowser()];
        const moved = await home.moveToLog(); return { answers, fallen, back, moved, after: [shown(), home.inBrowser(), kept.of('d'), log.latents['1']], last: sent.at(-1)[0] };""",
    )
    assert got["answers"] == [None] * 3
    where, sentence, shown, inside, n_sent = got["fallen"]
    assert (where, shown, inside) == ("browser", [[2, "two", "", False]], {"latents": 2, "selections": 1})
    assert sentence == "Kept in this browser alone. The disk is full." and n_sent == 2, "after the first failure the log is left alone"
    assert got["back"] == ["log", [[2, "two", "", False]], {"latents": 2, "selections": 1}]
    assert got["moved"] is None and got["last"] == "notes/import"
    assert got["after"][:2] == [[[2, "two", "", False]], {"latents": 0, "selections": 0}]
    assert [one["name"] for one in got["after"][2]] == ["pair"] and got["after"][2][0]["home"] == "log" and got["after"][3]["name"] == ""


def test_what_is_refused_is_not_kept_anywhere(page: Page) -> None:
    got = run(
        page,
        """await home.follow('d'); fails = new ApiError('Somebody else changed it.', 409); const refused = [await notes.set(1, { note: 'x' }), await notes.set(1, { name: 'x'.repeat(81) }), await notes.set(1, { note: 'x'.repeat(4001) })];
        return [refused, home.where, shown(), [...held], sent.length];""",
    )
    assert got[0][0] == "Somebody else changed it." and "81 characters" in got[0][1] and "4,001 characters" in got[0][2]
    assert got[1:] == ["log", [], [], 1]


def test_selections_of_before_are_shown_and_moved_without_loss(page: Page) -> None:
    """A browser holds selections under the key that it had before; the log holds one of the same name."""
    got = run(
        page,
        """held.set('visualscratchpad.selections', JSON.stringify([{ name: 'a', dictionary: 'd', latents: '1.2' }, { name: 'b', dictionary: 'd', latents: '3' }, { name: 'a', dictionary: 'e', latents: '9' }]));
        log.selections.push({ name: 'a', latents: '5.6', changed: 1 }, { name: 'b', latents: '3', changed: 1 });
        await home.follow('d'); const before = kept.of('d').map(({ name, latents, home }) => [name, latents, home]);
        const why = await home.moveToLog(); const after = kept.of('d').map(({ name, latents, home }) => [name, latents, home]);
        return { before, why, after, left: JSON.parse(held.get('visualscratchpad.selections')) };""",
    )
    assert got["before"] == [["b", [3], "browser"], ["a", [1, 2], "browser"], ["b", [3], "log"], ["a", [5, 6], "log"]]
    assert got["why"] is None and got["after"] == [["a (2)", [1, 2], "log"], ["b", [3], "log"], ["a", [5, 6], "log"]]
    assert [(one["name"], one["dictionary"]) for one in got["left"]] == [("a", "e")]


def test_a_browser_that_keeps_nothing_says_so(page: Page) -> None:
    got = run(
        page,
        """const none = new LatentNotes(new NotesHome(null)); await none.home.follow('d'); const full = new LatentNotes(new NotesHome({ getItem: () => '[{', setItem() { throw new Error('quota'); } }));
        await full.home.follow('d'); return [await none.set(1, { name: 'x' }), none.all().size, await full.set(1, { name: 'x' }), full.all().size];""",
    )
    assert "keeps nothing" in got[0] and "no room left" in got[2] and got[1] == got[3] == 0


def test_another_dictionary_has_other_notes_and_late_answers_are_dropped(page: Page) -> None:
    got = run(
        page,
        """const waiting = []; server.read = (dictionary) => new Promise((resolve) => waiting.push([dictionary, resolve]));
        const answer = (of) => ({ latents: { 1: { name: of, note: '', pinned: false, changed: 1 } }, selections: [], where: 'log', reason: null, file: of });
        const first = home.follow('d'); const second = home.follow('e'); waiting[1][1](answer('e')); await second; waiting[0][1](answer('d')); await first;
        return [home.dictionary, shown(), home.file];""",
    )
    assert got == ["e", [[1, "e", "", False]], "e"]


def test_a_file_of_notes_goes_round_and_what_is_wrong_is_told(page: Page) -> None:
    got = page.evaluate(
        """async () => { const { notesJson, notesCsv, readNotesFile } = await import('/notes_file.js');
        const dictionary = { id: 'd', name: 'demo', n_latents: 10 };
        const latents = new Map([[7, { name: 'a, "b"', note: 'x\\ny', pinned: true, changed: 12.5 }], [0, { name: '', note: 'z', pinned: false, changed: 1 }]]);
        const text = notesJson(dictionary, latents, [{ name: 's', latents: '1.2', changed: 3, home: 'log' }]);
        const back = readNotesFile(text, dictionary);
        const odd = JSON.parse(text); odd.latents = { ...odd.latents, 10: { name: 'x' }, '-1': { name: 'x' }, 2: { name: 'y'.repeat(81) }, 3: { note: 4 }, 4: {}, 5: null, 6: { name: 'ok' } };
        odd.selections.push({ name: '', latents: '1' }, { name: 't', latents: '99' }, null);
        const some = readNotesFile(JSON.stringify(odd), dictionary);
        const refused = ['', '{}', JSON.stringify({ ...JSON.parse(text), version: 2 }), JSON.stringify({ ...JSON.parse(text), dictionary: 'e' })].map((one) => {
          try { readNotesFile(one, dictionary); return null; } catch (error) { return error.message; } });
        return { back: [[...back.latents].sort(), back.selections, back.refused], some: [[...some.latents.keys()], some.selections.length, some.refused], refused, csv: notesCsv(latents, (latent) => `l${latent}`) }; }"""
    )
    latents, selections, refused = got["back"]
    assert latents == [[0, {"name": "", "note": "z", "pinned": False, "changed": 1}], [7, {"name": 'a, "b"', "note": "x\ny", "pinned": True, "changed": 12.5}]]
    assert selections == [{"name": "s", "latents": "1.2", "changed": 3}] and refused == []
    keys, n, told = got["some"]
    assert sorted(keys) == [0, 6, 7] and n == 1 and len(told) == 9
    assert [part in text for part, text in zip(("no JSON", "holds no notes", "version is 2", "of dictionary “demo”"), got["refused"], strict=True)] == [True] * 4
    assert got["csv"] == 'latent,name,label,pinned,note,changed\r\n0,,l0,0,z,1970-01-01T00:00:01.000Z\r\n7,"a, ""b""",l7,1,"x\ny",1970-01-01T00:00:12.500Z\r\n'


SEARCH = """const { searchLatents } = await import('/panels/latents/search.js'); const [n, words, label, share, frequency, alive, noted] = given;
    const labels = words; const statistics = { arrays: { flags: Uint8Array.from(alive), top_label: Int32Array.from(label), top_label_share: Float32Array.from(share), image_frequency: Float32Array.from(frequency) } };
    const notes = new Map(noted.map(([latent, name, note]) => [latent, { name, note, pinned: false, changed: 1 }]));"""


def test_search_finds_what_a_plain_reading_finds(page: Page) -> None:
    rng = np.random.default_rng(5)
    n, words = 400, ["cat", "hot dog", "doghouse", "sea-dog", "grass"]
    label, alive = rng.integers(-1, 5, n), rng.integers(0, 2, n)
    share, frequency = rng.choice([0.5, 0.75, 1.0], n), rng.random(n).astype(np.float32)
    notes = {int(latent): (str(rng.choice(["", "dog's nose", "a cat", "hotdog"])), str(rng.choice(["", "not a DOG", "see 12"]))) for latent in rng.permutation(n)[:60]}
    given = [n, words, label.tolist(), share.tolist(), frequency.tolist(), alive.tolist(), [[latent, *texts] for latent, texts in notes.items()]]
    queries = ["dog", "12", "hot", "cat", "  DOG ", "0", "xyz", "see 1"]
    got = page.evaluate("async ([given, queries]) => {" + SEARCH + "return queries.map((query) => searchLatents(query, n, statistics, labels, notes)); }", [given, queries])
    for query, found in zip(queries, got, strict=True):
        wanted = query.strip().lower()

        def begins(text: str, wanted: str = wanted) -> bool:
            return any(text[i:].startswith(wanted) and (i == 0 or text[i - 1] in " -") for i in range(len(text)))

        by_label = {i for i in range(n) if alive[i] and label[i] >= 0 and begins(words[label[i]])}
        by_number = {i for i in range(n) if wanted.isdigit() and str(i).startswith(wanted)}
        by_name = {i for i, (name, _) in notes.items() if wanted in name.lower()}
        by_note = {i for i, (_, note) in notes.items() if wanted in note.lower()}
        assert {one["latent"] for one in found} == by_label | by_number | by_name | by_note, query
        assert len(found) == len({one["latent"] for one in found})
        groups = {"number": by_number, "name": by_name, "label": by_label, "note": by_note}
        assert all(one["latent"] in groups[one["by"]] for one in found)
        shares = [share[one["latent"]] for one in found if one["by"] == "label"]
        assert shares == sorted(shares, reverse=True)
        if wanted.isdigit():
            assert found[0] == {"latent": int(wanted), "by": "number"}


@pytest.mark.full
def test_search_over_65536_latents_takes_milliseconds(page: Page) -> None:
    slowest = page.evaluate(
        """async () => { const { searchLatents } = await import('/panels/latents/search.js'); const n = 65536;
        const labels = Array.from({ length: 1000 }, (_, i) => `${'abcdefghij'[i % 10]}word ${i}`);
        const arrays = { flags: new Uint8Array(n).fill(1), top_label: Int32Array.from({ length: n }, (_, i) => i % 1000), top_label_share: Float32Array.from({ length: n }, (_, i) => ((i * 37) % 101) / 101), image_frequency: new Float32Array(n) };
        const notes = new Map(Array.from({ length: 10000 }, (_, i) => [i * 6, { name: `name ${i}`, note: 'some words of a note '.repeat(10) + i, pinned: false, changed: 1 }]));
        const times = []; for (const text of ['w', 'a', '1', 'name', 'note 99', 'zzz', 'bw']) { const from = performance.now(); searchLatents(text, n, { arrays }, labels, notes); times.push(performance.now() - from); }
        return times; }"""
    )
    assert sorted(slowest)[len(slowest) // 2] < 100, slowest


def test_the_dense_rule_hides_the_same_latents_as_the_plugins_threshold(page: Page) -> None:
    """As Thresholds.passing counts, in float32, with a latent on the very edge."""
    rng = np.random.default_rng(3)
    frequency = rng.choice(np.float32([0, 0.1, 0.2, 0.3, 0.9]), 500).astype(np.float32)
    alive = (frequency > 0).astype(int)
    for cut in (0.1, 0.2, 0.3, 0.0, 1.0):
        got = page.evaluate(
            """async ([frequency, flags, cut]) => { const { denseMask } = await import('/dense.js');
            const { n, mask } = denseMask({ arrays: { image_frequency: Float32Array.from(frequency), flags: Uint8Array.from(flags) } }, cut); return [n, [...mask]]; }""",
            [frequency.tolist(), alive.tolist(), cut],
        )
        expected = ~(frequency <= cut)
        assert got == [int(expected.sum()), expected.astype(int).tolist()], cut


def test_the_cut_off_of_the_sweep_is_found_before_anything_is_hidden(page: Page) -> None:
    got = page.evaluate(
        """async () => { const { Store } = await import('/store.js'); const { followDense, hidingCut, toggleDense } = await import('/dense.js');
        const { thresholdOptions } = await import('/panels/base/requests.js'); const asked = [];
        const api = { dictionary: async (id, step) => { asked.push([id, step]); return { metrics: { dense_cutoff: id === 'd' ? 0.1 : 0.4 } }; } };
        const store = new Store({ read: () => ({}), write() {} }); const cuts = []; store.subscribe(() => cuts.push(hidingCut(store)));
        const entry = (id, more = {}) => ({ id, steps: [0], n_latents: 9, has_statistics: true, has_metrics: true, ...more });
        store.setListing({ vlm_runs: [], dictionaries: [entry('d'), entry('e'), entry('bare', { has_metrics: false }), entry('blind', { has_statistics: false })], problems: [] });
        followDense(store, api); const off = thresholdOptions(store); cuts.length = 0;
        await toggleDense(store, api); const on = thresholdOptions(store); const whileToggled = [...cuts];
        store.set({ maxFrequency: 0.05 }); const lower = thresholdOptions(store); store.set({ maxFrequency: 0.5, dense: 0.3 }); const moved = thresholdOptions(store);
        store.set({ dense: null }); store.set({ dictionary: 'e' }); await new Promise((done) => setTimeout(done)); const other = hidingCut(store);
        store.set({ dictionary: 'bare' }); const bare = hidingCut(store); store.set({ dictionary: 'blind' }); const blind = [hidingCut(store), thresholdOptions(store)];
        return { off, on, whileToggled, lower, moved, other, bare, blind, asked }; }"""
    )
    assert got["off"] == {"max_frequency": 0.5} and got["on"] == {"max_frequency": 0.1}
    assert None not in got["whileToggled"][1:] and got["whileToggled"][-1] == 0.1
    assert got["lower"] == {"max_frequency": 0.05} and got["moved"] == {"max_frequency": 0.3}
    assert (got["other"], got["bare"], got["blind"]) == (0.4, 0.2, [None, {}]) and got["asked"] == [["d", None], ["e", None]]


def test_hidden_points_are_ghosts_that_are_not_found(page: Page) -> None:
    got = page.evaluate(
        """async () => { const { PointCloud } = await import('/plots/point_cloud.js'); const cloud = new PointCloud();
        cloud.setPoints(Float32Array.from([1, 2, 3]), Float32Array.from([1, 1, 1])); cloud.setColors(new Uint8Array(12).fill(255), new Uint8Array(3));
        cloud.setViewport({ x0: 0, x1: 4, y0: 0, y1: 2 }, { left: 0, top: 0, width: 400, height: 200 });
        const ask = () => [cloud.pick(200, 100), cloud.neighbour(0, 1, 0), cloud.lasso([[0, 0], [400, 0], [400, 200], [0, 200]])];
        const before = ask(); cloud.passive = Uint8Array.from([0, 1, 0]); return [before, ask()]; }"""
    )
    assert got == [[1, 1, [0, 1, 2]], [-1, 2, [0, 2]]]
