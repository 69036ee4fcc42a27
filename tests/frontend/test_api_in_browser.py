"""What is asked for at once goes in one request; parts come to whom they belong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Error, Page

from tb_visualscratchpad.handlers.answers import json_bytes, pack
from tb_visualscratchpad.handlers.several import put_together

API = """const { Api } = await import('/api.js');
    const asked = []; const key = { run: 'r', id: 'i' };
    const api = new Api(new URL('/plugin/', location.href));
    const answers = (body, status = 200) => { window.fetch = async (url) => { asked.push(url); return new Response(Uint8Array.from(body), { status }); }; };
    const outcome = (promise) => promise.then((value) => value, (error) => `${error.status} ${error.message}`);"""
RANKING = {"rows": [], "reason": "“קש” 桜"}
ARRAYS = {"value": np.arange(5, dtype=np.float32), "linkage": np.ones((2, 4))}


def _with_api(page: Page, body: str, *given: Any) -> Any:
    return page.evaluate("async (given) => {" + API + body + "}", list(given))


def test_questions_of_one_moment_share_a_request(page: Page) -> None:
    parts = [(200, json_bytes(RANKING)), (200, pack({"n": 3}, ARRAYS)), (400, json_bytes({"error": "No such token."})), (502, b"<html>")]
    found = _with_api(
        page,
        """answers(given[0]);
        const questions = [['latent_ranking', 'json', 1], ['token_latent_matrix', 'packed', 2], ['latent_ranks', 'json', 3], ['latent_ranks', 'json', 4]];
        // one panel asks after another, each a few turns of the microtask queue later
        const all = questions.map(async ([route, kind, n], i) => {
          for (let turn = 0; turn < i; turn++) await null;
          return outcome(api.keep(kind, route, { ...key, n }, true));
        });
        const [ranking, matrix, ...refused] = await Promise.all(all);
        return { asked, ranking, matrix: [matrix.header, Array.from(matrix.arrays.value), matrix.shapes], refused }; """,
        list(put_together(parts)),
    )
    (address,) = found["asked"]
    asked = [f"ask={route}%3Frun%3Dr%26id%3Di%26n%3D{n}" for n, route in enumerate(("latent_ranking", "token_latent_matrix", "latent_ranks", "latent_ranks"), 1)]
    assert address.endswith("/plugin/several?" + "&".join(asked))
    assert found["ranking"] == RANKING
    assert found["matrix"] == [{"n": 3}, [0, 1, 2, 3, 4], {"value": [5], "linkage": [2, 4]}]
    assert found["refused"] == ["400 No such token.", "502 TensorBoard answered 502 ."]


def test_a_single_question_goes_alone_and_is_kept(page: Page) -> None:
    found = _with_api(
        page,
        """answers(given[0]);
        const first = await api.latentRanking(key, 4, { limit: 3 }); const again = await api.latentRanking(key, 4, { limit: 3 });
        return { asked, same: first === again, first };""",
        list(json_bytes(RANKING)),
    )
    assert [one.split("/plugin/")[1] for one in found["asked"]] == ["latent_ranking?run=r&id=i&token=4&limit=3"]
    assert found["same"] and found["first"] == RANKING


def test_a_request_that_fails_fails_for_all_and_is_asked_anew(page: Page) -> None:
    found = _with_api(
        page,
        """const both = () => Promise.all([outcome(api.latentRanks(key, 4, 1, {})), outcome(api.latentRanking(key, 4, {}))]);
        answers(given[0], 403); const refused = await both();
        window.fetch = async () => { throw new TypeError('gone'); }; const gone = await both();
        answers(given[1]); const cut = await both();
        return { n: asked.length, refused, gone, cut };""",
        list(json_bytes({"error": "Unknown host."})),
        [9, 0, 0, 0, 0, 0, 0, 0],
    )
    assert found["n"] == 2
    assert found["refused"] == ["403 Unknown host."] * 2
    assert found["gone"] == ["0 TensorBoard does not answer: check that it still runs, then retry."] * 2
    assert all("runs over its end" in one for one in found["cut"])


@pytest.mark.parametrize("bodies", [[], [b""], [b"abc"], [b"12345678", b"", b"x" * 9]])
def test_parts_are_taken_apart_as_they_were_putput_together(page: Page, bodies: list[bytes]) -> None:
    whole = put_together([(200 + i, body) for i, body in enumerate(bodies)])
    decode = """async (bytes) => { const { decodeSeveral } = await import('/packed.js');
        return decodeSeveral(Uint8Array.from(bytes).buffer).map(({ status, body }) => [status, Array.from(new Uint8Array(body))]); }"""
    assert page.evaluate(decode, list(whole)) == [[200 + i, list(body)] for i, body in enumerate(bodies)]
    for length in {0, 4, len(whole) - 8} - {len(whole)}:
        if length < len(whole) and any(bodies):
            with pytest.raises(Error, match="runs over its end"):
                page.evaluate(decode, list(whole[:length]))


def test_a_listing_that_holds_is_not_sent_again(page: Page) -> None:
    found = _with_api(
        page,
        """const sent = []; let [text, tag] = ['{"vlm_runs":[1]}', '"a"'];
        window.fetch = async (url, how) => { const known = how.headers?.['If-None-Match'] ?? null; sent.push(known);
          return known !== null && known === tag ? new Response(null, { status: 304 }) : new Response(text, { status: 200, headers: tag ? { ETag: tag } : {} }); };
        const all = [await api.listing(), await api.listing()];
        [text, tag] = ['{"vlm_runs":[1,2]}', '"b"']; all.push(await api.listing(), await api.listing());
        tag = null; all.push(await api.listing(), await api.listing());
        return [sent, all.map((one) => all.indexOf(one)), all.map(({ vlm_runs }) => vlm_runs.length)];""",
    )
    # the last two come without a tag, and are the same by their text
    assert found == [[None, '"a"', '"a"', '"b"', '"b"', '"b"'], [0, 0, 2, 2, 2, 2], [1, 1, 2, 2, 2, 2]]


def test_of_more_arrays_than_are_kept_the_longest_unused_go(page: Page) -> None:
    found = _with_api(
        page,
        """let n = 0; api.fetch = async () => { n++; return { arrays: { value: { byteLength: 30 * 2 ** 20 } } }; };
        const ask = (step) => api.keep('packed', 'decoder_map', { step });
        for (const step of [1, 2, 3, 1, 4]) { await ask(step); await null; }
        const before = n; await ask(1); await ask(3); await ask(4); const kept = n - before; await ask(2);
        return [before, kept, n - before, api.weights.size, api.kept.size];""",
    )
    assert found == [4, 0, 1, 3, 3]
