"""The route of a truth report."""

from __future__ import annotations

import pytest

from tb_visualscratchpad.handlers.truth import TruthHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tests.handlers.held_evidence import HeldEvidence, ask, sentence
from tests.random_evidence import random_truth_report

REPORT = random_truth_report(4)
IDENTITY = REPORT.dictionary.dictionary_id


@pytest.fixture
def handlers() -> TruthHandlers:
    return TruthHandlers(HeldEvidence(of_dictionary={("truth", IDENTITY): REPORT}), RequestGuard(None))


def test_a_report_is_told(handlers: TruthHandlers) -> None:
    found = ask(handlers.truth_report, id=IDENTITY).json
    told = {name: found[name] for name in ("id", "items", "created", "seed", "n_pictures", "n_words", "n_learned", "n_labels")}
    assert told == {
        "id": IDENTITY, "items": REPORT.items, "created": REPORT.created, "seed": 4, "n_pictures": 30, "n_words": 71, "n_learned": 50,
        "n_labels": 9,
    }
    assert found["headline"] == {"weighted": REPORT.figure("ranking.hit5").value, "plain": REPORT.figure("ranking.hit5", "B").value}
    attention, ranking = found["tables"][:2]
    assert attention["columns"] == ["attention over area", "maximum on it"]
    first = attention["rows"][0]
    assert first["name"] == "all layers, producing row" and first["is_default"]
    assert [figure["unit"] for figure in first["figures"]] == ["times", "share"]
    assert ranking["rows"][1]["figures"][1]["value"] == found["headline"]["plain"]
    assert {figure["differs"] for row in ranking["rows"] for figure in row["figures"]} <= {True, False}


def test_what_is_not_there_is_told(handlers: TruthHandlers) -> None:
    assert "no truth" in sentence(ask(handlers.truth_report, id="none"), 404)
    assert "id" in sentence(ask(handlers.truth_report), 400)
