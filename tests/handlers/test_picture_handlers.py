"""The routes to all pictures on which some latents fire."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from tb_visualscratchpad.handlers.latent_text import latents_of_text
from tb_visualscratchpad.handlers.pictures import PictureHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.pictures_of_latents import (
    map_on_run,
    reference_pictures_of,
    strength_in,
    strength_of_run,
)
from tb_visualscratchpad.wire.dictionary_evidence import ReferenceImages
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.handlers.held_evidence import HeldEvidence, ask, sentence, unpack
from tests.random_evidence import random_dictionary, random_references, random_statistics, random_vlm_run

INFO = random_dictionary(9)
IDENTITY = INFO.dictionary_id


@pytest.fixture
def store() -> HeldEvidence:
    runs = {("log", f"run {seed}"): random_vlm_run(seed, dictionary=INFO) for seed in range(4)}
    return HeldEvidence(
        runs=runs, of_dictionary={("references", IDENTITY): random_references(9, dictionary=INFO), ("statistics", IDENTITY): random_statistics(9, dictionary=INFO)}
    )


@pytest.fixture
def handlers(store: HeldEvidence) -> PictureHandlers:
    return PictureHandlers(store, RequestGuard(None))


def _parts(arrays: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    ends = arrays["end"].tolist()
    return [(arrays["box"][start:end], arrays["value"][start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def test_references_of_latents(handlers: PictureHandlers, store: HeldEvidence) -> None:
    references = store.of_dictionary["references", IDENTITY]
    latents = np.array([2, 5, 31, 40])
    header, arrays = unpack(ask(handlers.pictures_of_latents, dictionary=IDENTITY, latents="5.31.2.40.5", limit=6, first=1, step=7))
    assert set(store.asked) == {7}
    expected = reference_pictures_of(references, latents, 1, 6)
    assert (header["n_latents"], header["n_pictures"], header["n_images"], header["first"]) == (4, expected.n_pictures, 120, 1)
    assert header["n_references"] == len(references.image_names)
    assert [one["image"] for one in header["pictures"]] == [row.image for row in expected.rows] and len(expected.rows) == 6
    for one, row, (box, value) in zip(header["pictures"], expected.rows, _parts(arrays), strict=True):
        assert (one["name"], one["n_latents"], one["strongest"]) == (references.image_names[row.image], row.n_latents, list(row.strongest))
        assert one["strength"] == row.strength and one["has_picture"] is True
        label = int(references.image_label_M[row.image])
        assert one["label"] == (references.label_names[label] if label >= 0 else None)
        assert (one["width"], one["height"]) == (row.where.image_tokens.width, row.where.image_tokens.height)
        np.testing.assert_array_equal(box, row.where.image_tokens.patch_box_P4[row.where.patch_N].astype(np.float32))
        np.testing.assert_array_equal(value, row.where.value_N)
    del store.of_dictionary["statistics", IDENTITY]
    assert unpack(ask(handlers.pictures_of_latents, dictionary=IDENTITY, latents="5"))[0]["n_images"] is None


def test_runs_of_latents(handlers: PictureHandlers, store: HeldEvidence) -> None:
    latents = np.arange(0, INFO.n_latents, 2)
    text = ".".join(map(str, latents))
    expected = []
    for (run, _), evidence in store.runs.items():
        strength, n, strongest = strength_in(strength_of_run(evidence), latents)
        if n:
            expected.append((strength, n, list(strongest), run, evidence))
    expected.sort(key=lambda one: (-one[1], -one[0]))
    # the listing names runs by their own ids
    store.runs = {(run, evidence.run_id): evidence for (run, _), evidence in store.runs.items()}
    for _ in range(2):  # the second time from what was kept
        header, arrays = unpack(ask(handlers.runs_of_latents, dictionary=IDENTITY, latents=text))
        assert (header["n_runs"], header["n_looked"], header["n_pictures"], header["n_unreadable"]) == (4, 4, len(expected), 0)
        for one, (strength, n, strongest, _, evidence), (box, value) in zip(header["pictures"], expected, _parts(arrays), strict=True):
            assert (one["id"], one["n_latents"], one["strongest"]) == (evidence.run_id, n, strongest)
            assert one["strength"] == pytest.approx(strength)
            assert (one["prompt"], one["output_text"], one["steered"]) == (evidence.prompt, evidence.output_text, evidence.steering is not None)
            where = map_on_run(evidence, latents)
            np.testing.assert_array_equal(value, where.value_N)
            np.testing.assert_array_equal(box, where.image_tokens.patch_box_P4[where.patch_N].astype(np.float32))
    few = unpack(ask(handlers.runs_of_latents, dictionary=IDENTITY, latents=text, look=2, limit=1))[0]
    assert (few["n_runs"], few["n_looked"], len(few["pictures"])) == (4, 2, 1)


def test_what_cannot_be_asked_is_said(handlers: PictureHandlers) -> None:
    for route in (handlers.pictures_of_latents, handlers.runs_of_latents):
        assert "0 to 63" in sentence(ask(route, dictionary=IDENTITY, latents="3.64"), 400)
        assert "3.17.576" in sentence(ask(route, dictionary=IDENTITY, latents="3,4"), 400)
        assert "latents" in sentence(ask(route, dictionary=IDENTITY), 400)
        assert "limit" in sentence(ask(route, dictionary=IDENTITY, latents="3", limit=241), 400)
        assert "limit" in sentence(ask(route, dictionary=IDENTITY, latents="3", first=-1), 400)
        assert "there is no" in sentence(ask(route, dictionary="x", latents="3"), 404).lower()
    assert "look" in sentence(ask(handlers.runs_of_latents, dictionary=IDENTITY, latents="3", look=0), 400)


def _packed(latents: list[int], k: int) -> str:
    """Rice's code written anew, from its definition."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    bits, following = "", 0
    for latent in latents:
        gap = latent - following
        bits += "1" * (gap >> k) + "0" + (f"{gap & ((1 << k) - 1):0{k}b}" if k else "")
        following = latent + 1
    bits += "1" * (-len(bits) % 6)
    return "~" + "0123456789abcdefghijklmnopqrstuv"[k] + "".join(digits[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6))


@pytest.mark.parametrize("k", [0, 1, 3, 7])
def test_packed_latents_are_read(k: int) -> None:
    rng = np.random.default_rng(k)
    for n in (1, 2, 17, 400):
        latents = np.sort(rng.choice(2000, n, replace=False)).tolist()
        assert latents_of_text(_packed(latents, k), 2000).tolist() == latents


def test_a_forged_text_is_refused() -> None:
    for text in ("~", "~z", "~0", "~0____", "~3A!", "~pAAAA", "1..2", ".", "-1", "٣"):
        with pytest.raises(ScratchpadError):
            latents_of_text(text, 2000)
    with pytest.raises(ScratchpadError, match="0 to 9"):
        latents_of_text(_packed([3, 10], 2), 10)
    assert latents_of_text("7.3.3", 10).tolist() == [3, 7]


def test_the_cost_of_two_thousand_of_65536_latents_is_that_of_two_thousand() -> None:
    n_latents, n_images = 65_536, 5_000
    base = random_references(3)
    rng = np.random.default_rng(0)
    geometry = base.geometries[0]
    known: dict[str, Any] = {
        "dictionary": random_dictionary(3, n_latents=n_latents), "image_set_id": "set", "label_names": (), "geometries": (geometry,),
        "image_names": tuple(f"{number}.png" for number in range(n_images)), "image_label_M": np.full(n_images, -1, dtype=np.int32),
        "image_geometry_M": np.zeros(n_images, dtype=np.int32), "pictures": (),
        "image_KR": rng.integers(0, n_images, (n_latents, 10)).astype(np.int32),
        "plain_mean_KR": rng.random((n_latents, 10)).astype(np.float32), "map_indptr": np.arange(0, 4 * (n_latents * 10 + 1), 4, dtype=np.int64),
        "map_patch_N": rng.integers(0, geometry.n_patches, 4 * n_latents * 10).astype(np.int32),
        "map_value_N": rng.random(4 * n_latents * 10).astype(np.float32),
    }
    references = ReferenceImages(**known)
    latents = np.sort(rng.choice(n_latents, 2000, replace=False))
    tracemalloc.start()
    try:
        found = reference_pictures_of(references, latents, 0, 60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < references.image_KR.nbytes, "a copy of one array of all latents would be over it"
    strength_M = np.zeros(n_images)
    np.add.at(strength_M, references.image_KR[latents], references.plain_mean_KR[latents].astype(np.float64))
    assert [row.image for row in found.rows] == np.argsort(-strength_M, kind="stable")[:60].tolist()
    assert len(found.rows) == 60 and found.n_pictures == np.unique(references.image_KR[latents]).size
