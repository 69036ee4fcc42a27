"""A run's page: all of the log is escaped, its policy allows its own parts only, and it asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views import rank_latents
from tb_visualscratchpad.views.run_page import MAX_FREQUENCY, N_RANKED, RunPage, page_name, run_page
from tb_visualscratchpad.views.run_page_pictures import patch_raster, veil
from tb_visualscratchpad.wire.evidence import Span, TokenSequence, VlmRun
from tests.random_evidence import (
    random_dictionary,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)
from tests.random_steering_evidence import random_steering_result

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def _page(run: VlmRun, **more: object) -> RunPage:
    known = {"dictionary": run.dictionary, "n_latents": run.dictionary.n_latents}
    given = {
        "statistics": random_statistics(4, **known), "references": random_references(4, **known), "metrics": random_metrics(4, dictionary=run.dictionary),
        "results": (random_steering_result(5),), "directory": "runs/a", "created": 1.7e9, "version": "0.0",
    }
    return RunPage(run=run, **{**given, **more})


@pytest.fixture(scope="module")
def run() -> VlmRun:
    return random_vlm_run(1, dictionary=random_dictionary(4, n_latents=64), n_output=6)


def test_hostile_text_is_escaped(run: VlmRun) -> None:
    tokens = TokenSequence(tuple(replace(token, text=HOSTILE) if token.span is Span.OUTPUT else token for token in run.tokens))
    dictionary = replace(run.dictionary, vlm_name=HOSTILE, sae_name=HOSTILE)
    hostile = replace(run, tokens=tokens, prompt=HOSTILE, name=HOSTILE, dictionary=dictionary)
    page = _page(hostile, directory=HOSTILE, notes=(HOSTILE,))
    statistics = replace(page.statistics, dictionary=dictionary, label_names=tuple(HOSTILE for _ in page.statistics.label_names))
    made = run_page(replace(page, statistics=statistics))
    assert html.escape(HOSTILE) in made
    assert made.count("<script>") == 1 and "<img" not in made and "onerror=alert(2)>" not in made
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", page_name(hostile))


def test_the_policy_allows_its_own_parts_only(run: VlmRun) -> None:
    made = run_page(_page(run))
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', made).group(1))
    parts = re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", made, re.DOTALL)
    for part in parts:
        assert base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() in policy
    assert len(parts) == 3 and "unsafe" not in policy and policy.startswith("default-src 'none'")
    assert not re.search(r"(?:src|href)=\"(?!data:)", made) and not re.search(r"url\((?!data:)", made) and " style=" not in made


def test_each_word_has_its_ranking(run: VlmRun) -> None:
    page = _page(run)
    made = run_page(page)
    for token in run.tokens:
        if token.span is not Span.OUTPUT:
            continue
        section = made[made.index(f'id="w{token.index}"') :].split('<div class="word', 1)[0]
        rows = rank_latents(run, token.index, statistics=page.statistics, max_frequency=MAX_FREQUENCY, limit=N_RANKED).rows
        assert [int(one) for one in re.findall(r'class="num lat">(\d+)<', section)] == [row.latent for row in rows]


def test_without_pictures_and_without_anything_else(run: VlmRun) -> None:
    bare = run_page(_page(replace(run, picture=None, exact_picture=None), statistics=None, references=None, metrics=None, results=()))
    assert ".whole{" not in bare and "image/jpeg" not in bare and "logged without the picture" in bare


def test_the_raster_is_the_patches(run: VlmRun) -> None:
    place = run.image_tokens
    value_P = np.zeros(place.n_patches)
    assert veil(patch_raster(place, value_P, 16, spread=True)) is None
    patch = int(np.flatnonzero(place.patch_token_P >= 0)[-1])
    value_P[patch] = 2.0
    side = max(place.width, place.height)
    raster = patch_raster(place, value_P, side, spread=False)
    x0, y0, x1, y1 = place.patch_box_P4[patch]
    centres_y, centres_x = np.mgrid[: place.height, : place.width] + 0.5
    inside = (centres_x >= x0) & (centres_x < x1) & (centres_y >= y0) & (centres_y < y1)
    assert np.array_equal(raster > 0, inside) and raster.max() == 2.0
