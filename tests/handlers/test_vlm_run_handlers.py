from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.vlm_runs import VlmRunHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views import attention_map, attention_masses, find_sinks
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tests.handlers.held_evidence import HeldEvidence, ask, sentence, unpack
from tests.random_evidence import random_statistics, random_vlm_run

NAMES = {"run": "logs/one", "id": "run-51"}


@pytest.fixture
def run() -> VlmRun:
    return random_vlm_run(51, steering='{"version": 1, "interventions": []}', truncated=True)


@pytest.fixture
def store(run: VlmRun) -> HeldEvidence:
    return HeldEvidence({("logs/one", "run-51"): run})


@pytest.fixture
def handlers(store: HeldEvidence) -> VlmRunHandlers:
    return VlmRunHandlers(store, DerivedViews(), RequestGuard(None))


def test_vlm_run(handlers: VlmRunHandlers, store: HeldEvidence, run: VlmRun) -> None:
    answer = ask(handlers.vlm_run, **NAMES)
    assert answer.headers["Cache-Control"] == "private, no-store"
    found = answer.json
    text = [token for token in run.tokens if token.span is not Span.IMAGE]
    assert [(one["index"], one["text"], one["span"], one["template"], one["logprob"]) for one in found["tokens"]] == [
        (one.index, one.text, one.span.value, one.template, one.logprob) for one in text
    ]
    assert found["tokens"][-1]["alternatives"] == [
        {"text": one.text, "logprob": one.logprob} for one in run.tokens[len(run.tokens) - 1].alternatives
    ]
    newlines = int((run.image_tokens.token_patch_I < 0).sum())
    assert found["image"] == {"first_index": 3, "n_tokens": run.image_tokens.n_tokens, "n_newlines": newlines}
    assert found["picture"] == {"width": 320, "height": 200, "has_picture": True}
    assert (found["grid"], found["tile_rows"], found["tile_columns"]) == (4, 1, 2)
    assert found["layers"] == [0, 1, 2] and found["has_layers"] is True
    assert (found["run"], found["id"], found["name"], found["prompt"]) == ("logs/one", "run-51", run.name, run.prompt)
    assert found["truncated"] is True and found["created"] == run.created and found["output_text"] == run.output_text
    assert found["steering"] == {"version": 1, "interventions": []}
    assert found["dictionary"]["id"] == run.dictionary.dictionary_id and found["dictionary"]["n_latents"] == 64
    assert found["has_statistics"] is False and found["statistics_problem"] is None and found["reductions"] == []
    assert (found["system"], found["max_new_tokens"], found["original_run_id"]) == (None, None, "")


def test_vlm_run_tells_of_statistics_layers_and_reductions(store: HeldEvidence, run: VlmRun) -> None:
    identity = run.dictionary.dictionary_id
    compact = replace(
        run,
        steering=None,
        reductions=("Attention is rounded.",),
        attention=replace(run.attention, per_layer_LTI=None),
        picture=None,
    )
    store.runs["logs/one", "run-51"] = compact
    store.of_dictionary["statistics", identity] = random_statistics(1, dictionary=run.dictionary)
    handlers = VlmRunHandlers(store, DerivedViews(), RequestGuard(None))
    found = ask(handlers.vlm_run, **NAMES).json
    assert found["has_statistics"] and not found["has_layers"] and found["reductions"] == ["Attention is rounded."]
    assert found["steering"] is None and found["picture"]["has_picture"] is False
    store.of_dictionary["statistics", identity] = UnreadableEvidence("The statistics are damaged: log them again.")
    found = ask(handlers.vlm_run, **NAMES).json
    assert not found["has_statistics"] and "damaged" in found["statistics_problem"]
    store.runs["logs/one", "run-51"] = replace(run, steering="{")
    assert "no JSON" in sentence(ask(handlers.vlm_run, **NAMES), 422)


def test_picture_is_kept_and_asked_for_by_its_tag(handlers: VlmRunHandlers, store: HeldEvidence, run: VlmRun) -> None:
    answer = ask(handlers.picture, **NAMES)
    assert answer.data == run.picture.data and answer.content_type == "image/jpeg"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    from werkzeug.test import Client

    again = Client(handlers.picture).get("/", query_string=NAMES, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and again.data == b"" and again.headers["X-Content-Type-Options"] == "nosniff"
    store.runs["logs/one", "run-51"] = run.without_picture()
    assert "--no-images" in sentence(ask(handlers.picture, **NAMES), 404)


def test_patches(handlers: VlmRunHandlers, run: VlmRun) -> None:
    _, arrays = unpack(ask(handlers.patches, **NAMES))
    np.testing.assert_array_equal(arrays["box"], run.image_tokens.patch_box_P4)
    np.testing.assert_array_equal(arrays["view"], np.repeat([0, 1, 2], 16))
    np.testing.assert_array_equal(arrays["carried"], run.image_tokens.patch_token_P >= 0)
    assert {name: array.dtype.str for name, array in arrays.items()} == {"box": "<f4", "view": "<i4", "carried": "|u1"}


@pytest.mark.parametrize(
    "choice", [{}, {"row": "own"}, {"view": "base"}, {"view": "tiles", "layers": "2,0"}, {"layers": "all"}, {"layers": "1"}]
)
def test_attention_equals_the_view(handlers: VlmRunHandlers, run: VlmRun, choice: dict[str, str]) -> None:
    layers = choice.get("layers", "all")
    wanted = {**choice, "layers": None if layers == "all" else sorted(map(int, layers.split(",")))}
    for token in run.tokens.indices(Span.SYSTEM, Span.INPUT, Span.OUTPUT).tolist():
        header, arrays = unpack(ask(handlers.attention, **NAMES, token=token, **choice))
        expected = attention_map(run, token, sink_P=find_sinks(run).sink_P, **wanted)
        np.testing.assert_array_equal(arrays["attention"], expected.attention_P)
        assert header == {
            "token": token,
            "query_position": expected.position,
            "defined": expected.defined,
            "sees_image": expected.sees_image,
            "reason": expected.reason,
            "mass_on_picture": expected.mass_on_picture,
            "mass_on_newlines": expected.mass_on_newlines,
            "mass_on_sinks": expected.mass_on_sinks,
            "mass_by_layer": None if expected.mass_by_layer_L is None else expected.mass_by_layer_L.tolist(),
        }


@pytest.mark.parametrize("choice", [{}, {"row": "own"}, {"layers": "0,2"}])
def test_attention_masses_equal_the_view(handlers: VlmRunHandlers, run: VlmRun, choice: dict[str, str]) -> None:
    found = ask(handlers.attention_masses, **NAMES, **choice).json
    expected = attention_masses(run, row=choice.get("row", "producing"), layers=[0, 2] if "layers" in choice else None)
    assert found["index"] == expected.token_T.tolist() and found["sees_image"] == expected.sees_image_T.tolist()
    assert found["mass"] == [None if np.isnan(mass) else mass for mass in expected.mass_T.tolist()]
    assert (found["mass"][-1] is None) == ("row" in choice) and found["mass"][0] == 0


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ({"run": "logs/one"}, 400, "'id' is missing"),
        ({"id": "run-51"}, 400, "'run' is missing"),
        ({"run": "logs/one", "id": "none", "token": 50}, 404, "no run none"),
        (NAMES, 400, "'token' is missing"),
        ({**NAMES, "token": "x"}, 400, "token 'x'"),
        ({**NAMES, "token": "1_0"}, 400, "whole number"),
        ({**NAMES, "token": "1.5"}, 400, "whole number"),
        ({**NAMES, "token": "9" * 30}, 400, "whole number"),
        ({**NAMES, "token": 10_000}, 400, "tokens 0 to"),
        ({**NAMES, "token": -1}, 400, "tokens 0 to"),
        ({**NAMES, "token": 5}, 400, "part of the image"),
        ({**NAMES, "token": 0, "layers": "3"}, 400, "layers"),
        ({**NAMES, "token": 50, "layers": "9"}, 400, "recorded are 0 to 2"),
        ({**NAMES, "token": 50, "layers": "a"}, 400, "layers 'a'"),
        ({**NAMES, "token": 50, "layers": "1,,2"}, 400, "layers ''"),
        ({**NAMES, "token": 50, "row": "both"}, 400, "'producing' or 'own'"),
        ({**NAMES, "token": 50, "view": "top"}, 400, "'base' or 'tiles'"),
    ],
)
def test_bad_arguments_get_a_sentence(
    handlers: VlmRunHandlers, run: VlmRun, arguments: dict[str, object], status: int, words: str
) -> None:
    if arguments.get("token") == 50:
        arguments = {**arguments, "token": len(run.tokens) - 1}
    assert words in sentence(ask(handlers.attention, **arguments), status)
