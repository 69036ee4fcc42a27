"""The arguments ``tokens`` and ``sinks`` of the routes that have them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.run_latents import RunLatentHandlers
from tb_visualscratchpad.handlers.vlm_runs import VlmRunHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views import (
    attention_masses,
    compute_latent_order,
    find_sinks,
    joint_attention,
    latent_means,
    means_of_several,
    rank_latents,
)
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tests.handlers.held_evidence import HeldEvidence, ask, sentence, unpack
from tests.random_evidence import random_vlm_run
from tests.views.dense_loops import patches_in_view
from tests.views.test_sinks import WORDS, planted, with_words

NAMES = {"run": ".", "id": "run-3"}


@pytest.fixture(scope="module")
def run() -> VlmRun:
    run = with_words(random_vlm_run(3, n_output=14, grid=6), WORDS)
    run = planted(run, [patches_in_view(run, "base")[7], patches_in_view(run, "tiles")[2]], 30.0)
    return replace(run, order=compute_latent_order(run))


@pytest.fixture(scope="module")
def latents(run: VlmRun) -> RunLatentHandlers:
    return RunLatentHandlers(HeldEvidence({(".", "run-3"): run}), DerivedViews(), RequestGuard(None))


@pytest.fixture(scope="module")
def runs(run: VlmRun) -> VlmRunHandlers:
    return VlmRunHandlers(HeldEvidence({(".", "run-3"): run}), DerivedViews(), RequestGuard(None))


def test_sinks(runs: VlmRunHandlers, run: VlmRun) -> None:
    header, arrays = unpack(ask(runs.sinks, **NAMES))
    found = find_sinks(run)
    np.testing.assert_array_equal(arrays["sink"], found.sink_P)
    np.testing.assert_array_equal(arrays["density"], found.density_P)
    assert header == {
        "defined": True, "reason": None, "n_words": 12, "n_sinks": 2, "share": found.share, "density": 10.0, "words": 0.9,
    }
    short = VlmRunHandlers(HeldEvidence({(".", "run-3"): random_vlm_run(3, n_output=2)}), DerivedViews(), RequestGuard(None))
    header, arrays = unpack(ask(short.sinks, **NAMES))
    assert not header["defined"] and "cannot be told" in header["reason"] and header["share"] is None and not arrays["sink"].any()


@pytest.mark.parametrize("sinks", ["1", "0"])
def test_several_tokens_and_their_mean(runs: VlmRunHandlers, run: VlmRun, sinks: str) -> None:
    output = run.tokens.indices(Span.OUTPUT).tolist()
    tokens = [output[4], output[1], output[8]]
    header, arrays = unpack(ask(runs.attention, **NAMES, tokens=".".join(map(str, tokens)), sinks=sinks, view="base"))
    found = joint_attention(run, tokens, view="base", sink_P=find_sinks(run).sink_P, without_sinks=sinks == "0")
    np.testing.assert_array_equal(arrays["attention"], found.attention_P)
    np.testing.assert_array_equal(arrays["each"], [one.attention_P for one in found.maps])
    assert [one["token"] for one in header["tokens"]] == tokens and header["n_averaged"] == 3 and header["defined"]
    assert (header["mass_on_picture"], header["mass_on_newlines"], header["mass_on_sinks"]) == (
        found.mass_on_picture, found.mass_on_newlines, found.mass_on_sinks,
    )
    assert header["mass_on_sinks"] > 0.05 and header["tokens"][1]["mass_on_picture"] == found.maps[1].mass_on_picture
    header, _ = unpack(ask(runs.attention, **NAMES, tokens="0.1"))
    assert not header["defined"] and not header["sees_image"] and "cannot see the image" in header["reason"]


def test_masses_and_ranking_without_sinks(runs: VlmRunHandlers, latents: RunLatentHandlers, run: VlmRun) -> None:
    sink_P = find_sinks(run).sink_P
    masses = ask(runs.attention_masses, **NAMES, sinks=0).json
    np.testing.assert_allclose(masses["mass"][:-1], attention_masses(run, without_P=sink_P).mass_T[:-1])
    assert masses["mass"] != ask(runs.attention_masses, **NAMES).json["mass"]
    token = run.tokens.indices(Span.OUTPUT).tolist()[3]
    means = latent_means(run, without_P=sink_P)
    expected = rank_latents(run, token, means=means)
    found = ask(latents.latent_ranking, **NAMES, token=token, sinks=0).json
    assert [(row["latent"], row["weighted"], row["plain"]) for row in found["rows"]] == [
        (row.latent, row.weighted, row.plain) for row in expected.rows
    ]
    latent = expected.rows[2].latent
    assert ask(latents.latent_ranks, **NAMES, token=token, latent=latent, sinks=0).json["weighted"] == 3
    of_latent = ask(latents.latent, **NAMES, latent=latent, sinks=0).json
    assert of_latent["by_token"]["weighted"][3] == expected.rows[2].weighted and of_latent["together"] is None
    shown, _ = unpack(ask(latents.token_latent_matrix, **NAMES)), None
    header, arrays = unpack(ask(latents.token_latent_matrix, **NAMES, sinks=0))
    assert header["tokens"] == shown[0]["tokens"] and sorted(arrays["latent"].tolist()) == sorted(shown[1]["latent"].tolist())
    place = {latent: number for number, latent in enumerate(means.latent_F.tolist())}
    rows = [means.column_of(token) for token in header["tokens"]]
    for column, latent in enumerate(arrays["latent"].tolist()):
        of_words = means.weighted_FT[place[latent], rows]
        assert arrays["column_max"][column] == of_words.max()
        np.testing.assert_allclose(arrays["value"][:, column] * max(of_words.max(), 1e-30), of_words, rtol=1e-5)


def test_ranking_of_several_tokens(latents: RunLatentHandlers, run: VlmRun) -> None:
    output = run.tokens.indices(Span.OUTPUT).tolist()
    tokens = [output[2], output[6]]
    means = means_of_several(latent_means(run), tokens)
    expected = rank_latents(run, tokens[0], means=means)
    found = ask(latents.latent_ranking, **NAMES, tokens=f"{tokens[0]}.{tokens[1]}").json
    assert found["tokens"] == tokens and found["token"] == tokens[0]
    assert [(row["latent"], row["weighted"]) for row in found["rows"]] == [(row.latent, row.weighted) for row in expected.rows]
    latent = expected.rows[4].latent
    ranks = ask(latents.latent_ranks, **NAMES, tokens=f"{tokens[0]}.{tokens[1]}", latent=latent).json
    assert ranks["weighted"] == 5 and ranks["tokens"] == tokens
    together = ask(latents.latent, **NAMES, tokens=f"{tokens[0]}.{tokens[1]}", latent=latent).json["together"]
    assert together == {"tokens": tokens, "weighted": expected.rows[4].weighted}
    one = ask(latents.latent_ranking, **NAMES, tokens=str(tokens[0])).json
    assert one["rows"] == ask(latents.latent_ranking, **NAMES, token=tokens[0]).json["rows"]


def test_what_cannot_be_taken_together(latents: RunLatentHandlers, runs: VlmRunHandlers, run: VlmRun) -> None:
    image = int(run.tokens.indices(Span.IMAGE)[0])
    for tokens, why in ((f"{image}", "part of the image"), ("9999", "tokens 0 to"), ("1.x", "whole number"), (".".join(map(str, range(40))), "at most 32")):
        assert why in sentence(ask(latents.latent_ranking, **NAMES, tokens=tokens), 400)
        assert why in sentence(ask(runs.attention, **NAMES, tokens=tokens), 400)
    assert "choose one of 1, 0" in sentence(ask(runs.attention, **NAMES, token=1, sinks="out"), 400)
