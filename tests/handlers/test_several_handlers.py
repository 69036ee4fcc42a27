from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from werkzeug.test import Client, TestResponse

from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.run_latents import RunLatentHandlers
from tb_visualscratchpad.handlers.several import MAX_QUESTIONS, SeveralHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tests.handlers.held_evidence import HeldEvidence, ask, sentence, split_parts
from tests.random_evidence import random_statistics, random_vlm_run

RUN = random_vlm_run(61, n_output=8)
NAMES = {"run": ".", "id": "run-61"}


@pytest.fixture
def handlers() -> RunLatentHandlers:
    statistics = random_statistics(62, dictionary=RUN.dictionary)
    store = HeldEvidence({(".", "run-61"): RUN}, {("statistics", RUN.dictionary.dictionary_id): statistics})
    return RunLatentHandlers(store, DerivedViews(), RequestGuard(None))


@pytest.fixture
def several(handlers: RunLatentHandlers) -> SeveralHandlers:
    endpoints = {"latent_ranking": handlers.latent_ranking, "token_latent_matrix": handlers.token_latent_matrix}
    return SeveralHandlers(endpoints, RequestGuard(None))


def ask_several(several: SeveralHandlers, *questions: str, method: str = "GET") -> TestResponse:
    return Client(several.several).open("/", method=method, query_string=urlencode([("ask", one) for one in questions]))


def parts(response: TestResponse) -> list[tuple[int, bytes]]:
    assert response.status_code == 200 and response.content_type == "application/octet-stream"
    assert response.headers["Cache-Control"] == "private, no-store"
    return split_parts(response.data)


def test_each_part_is_what_the_endpoint_answers_alone(handlers: RunLatentHandlers, several: SeveralHandlers) -> None:
    token = len(RUN.tokens) - 1
    ranking, matrix = {**NAMES, "token": token, "max_frequency": 0.3}, {**NAMES, "max_frequency": 0.3, "values": 0}
    found = parts(
        ask_several(several, f"latent_ranking?{urlencode(ranking)}", f"token_latent_matrix?{urlencode(matrix)}", "latent_ranking?token=x")
    )
    assert found[0] == (200, ask(handlers.latent_ranking, **ranking).data)
    assert found[1] == (200, ask(handlers.token_latent_matrix, **matrix).data)
    assert found[2][0] == 400 and "'run' is missing" in json.loads(found[2][1])["error"]


def test_what_cannot_be_asked_together_is_told(several: SeveralHandlers) -> None:
    assert "'picture' cannot be asked together" in sentence(ask_several(several, "picture?run=."), 400)
    assert "'' cannot be asked" in sentence(ask_several(several, "?run=."), 400)
    assert "0 questions" in sentence(ask_several(several), 400)
    assert str(MAX_QUESTIONS) in sentence(ask_several(several, *["latent_ranking?run=."] * (MAX_QUESTIONS + 1)), 400)


def test_the_guard_stands_before_it(several: SeveralHandlers) -> None:
    assert sentence(ask_several(several, "latent_ranking", method="POST"), 405)
    response = Client(several.several).get("/", query_string="ask=latent_ranking", headers={"Host": "evil.example"})
    assert "evil.example" in sentence(response, 403)
