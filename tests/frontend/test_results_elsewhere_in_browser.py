"""Where results are already, for a run that has none: against a walk over the listing."""

from __future__ import annotations

import random
from typing import Any

from playwright.sync_api import Page

KINDS = ("steering_result", "cluster_sweep", "dose_response", "word_contributions")

ELSEWHERE = """async ([listing, selection]) => { const { resultsElsewhere, hasResults } = await import('/panels/compare/elsewhere_panel.js');
    const store = { session: { listing }, selection, runEntry: listing.vlm_runs.find(({ id }) => id === selection.id) };
    return [hasResults(store), resultsElsewhere(store).map(({ entry, outcomes }) => [entry.id, outcomes.map(({ id }) => id)])]; }"""


def _listing(seed: int) -> dict[str, Any]:
    rng = random.Random(seed)
    runs = [{"run": f"r{n % 2}", "id": f"run{n}", "dictionary_id": rng.choice("ab"), "original_run_id": ""} for n in range(7)]
    outcomes = [
        {
            "run": "w", "id": f"o{n}", "kind": rng.choice((*KINDS, "head_attention", "set_ablation")), "created": float(rng.sample(range(1000), 1)[0]) + n / 100,
            "dictionary_id": (run := rng.choice(runs))["dictionary_id"], "original_run_id": run["id"] if rng.random() < 0.9 else "gone",
        }
        for n in range(rng.choice((0, 3, 12)))
    ]  # fmt: skip
    return {"vlm_runs": runs, "outcomes": outcomes}


def _expected(listing: dict[str, Any], selection: dict[str, Any]) -> list[list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in sorted(listing["outcomes"], key=lambda one: -one["created"]):
        if one["kind"] in KINDS and one["original_run_id"] not in ("gone", selection["id"]):
            found.setdefault(one["original_run_id"], []).append(one["id"])
    of = {run["id"]: run["dictionary_id"] for run in listing["vlm_runs"]}
    same = {run: ids for run, ids in found.items() if of[run] == selection["dictionary"]}
    return [[run, ids] for run, ids in (same or found).items()]


def test_results_of_other_runs_of_this_dictionary_come_by_run_the_newest_first(page: Page) -> None:
    shapes = set()
    for seed in range(24):
        listing = _listing(seed)
        run = listing["vlm_runs"][seed % 7]
        selection = {"run": run["run"], "id": run["id"], "dictionary": run["dictionary_id"], "result": None, "sweep": None, "dose": None}
        has, found = page.evaluate(ELSEWHERE, [listing, selection])
        assert found == _expected(listing, selection)
        # results whose run is not in the log are shown with every run of their dictionary
        own = [one for one in listing["outcomes"] if one["kind"] in KINDS and one["dictionary_id"] == run["dictionary_id"] and one["original_run_id"] in (run["id"], "gone")]
        assert has == bool(own)
        shapes.add((has, bool(found)))
        assert page.evaluate(ELSEWHERE, [listing, {**selection, "result": "w/o1"}])[0], "what an address asks for is shown"
    assert {(True, True), (False, True), (False, False)} <= shapes
