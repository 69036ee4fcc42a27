"""The route of a check of an SAE."""

from __future__ import annotations

import pytest

from tb_visualscratchpad.handlers.sae_checks import SaeCheckHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tests.handlers.held_evidence import HeldEvidence, ask, sentence
from tests.random_sae_check import random_sae_check

CHECK = random_sae_check(4)
IDENTITY = CHECK.dictionary.dictionary_id


@pytest.fixture
def handlers() -> SaeCheckHandlers:
    return SaeCheckHandlers(HeldEvidence(of_dictionary={("sae_check", IDENTITY): CHECK}), RequestGuard(None))


def test_a_check_is_told(handlers: SaeCheckHandlers) -> None:
    found = ask(handlers.sae_check, id=IDENTITY).json
    told = {name: found[name] for name in ("id", "images", "created", "n_images", "n_tokens", "right", "verdict", "n_asked", "n_kept")}
    assert told == {
        "id": IDENTITY, "images": CHECK.images, "created": CHECK.created, "n_images": 64, "n_tokens": 2048, "right": False,
        "verdict": CHECK.verdict, "n_asked": 8, "n_kept": CHECK.n_kept,
    }
    assert found["remedies"] == list(CHECK.remedies) and found["n_latents"] == CHECK.dictionary.n_latents
    assert [place["name"] for place in found["places"] if place["is_read"]] == ["vision_tower.layers.2"]
    assert found["places"][0]["fvu"] is None and [measure["outcome"] for measure in found["measures"]] == ["as expected", "unexpected", "undecided"]


def test_what_is_not_there_is_told(handlers: SaeCheckHandlers) -> None:
    assert "no sae_check" in sentence(ask(handlers.sae_check, id="none"), 404)
    assert "id" in sentence(ask(handlers.sae_check), 400)
