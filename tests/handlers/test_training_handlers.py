"""Statistics over steps as the tab gets them, from a log that a training wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.handlers.listing import ListingHandlers
from tb_visualscratchpad.handlers.training import MAX_LATENTS, MAX_STEPS, TrainingHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tests.data_providers import PROVIDERS, reading
from tests.handlers.held_evidence import ask, sentence, unpack
from tests.random_evidence import random_dictionary, random_metrics, random_statistics

DICTIONARY = random_dictionary(81)
IDENTITY = DICTIONARY.dictionary_id
SWEPT = random_dictionary(82)


@dataclass(frozen=True)
class Trained:
    """``logged``: the statistics that count, by step. The process was killed after step 30 and taken up at 20."""

    handlers: TrainingHandlers
    listing: ListingHandlers
    logged: dict[int, LatentStatistics]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    folder: Path = tmp_path_factory.mktemp("log")
    seeds = {0: 1, 10: 2, 20: 13, 40: 14}
    logged = {step: random_statistics(seed, dictionary=DICTIONARY, n_images=100 + step) for step, seed in seeds.items()}
    with ScratchpadWriter(folder / "training") as writer:
        for step in (0, 10, 20, 30):
            writer.add_sae_metrics(random_metrics(step, dictionary=DICTIONARY), step)
            writer.add_latent_statistics(logged[step] if step < 20 else random_statistics(step, dictionary=DICTIONARY), step)
    with ScratchpadWriter(folder / "training") as writer:
        for step in (20, 30, 40):
            writer.add_sae_metrics(random_metrics(step, dictionary=DICTIONARY), step)
            if step in logged:
                writer.add_latent_statistics(logged[step], step)
    with ScratchpadWriter(folder / "sweep") as writer:
        writer.add_latent_statistics(random_statistics(82, dictionary=SWEPT))
    with reading(PROVIDERS[0], folder) as reader:
        store, guard = EventStore(reader.context), RequestGuard(None)
        yield Trained(TrainingHandlers(store, guard), ListingHandlers(store, guard), logged)


def test_the_listing_tells_the_steps_of_the_statistics_and_the_run(trained: Trained) -> None:
    entries = {one["id"]: one for one in ask(trained.listing.listing).json["dictionaries"]}
    assert entries[IDENTITY]["steps"] == [0, 10, 20, 30, 40] and entries[IDENTITY]["statistics_steps"] == [0, 10, 20, 40]
    assert entries[IDENTITY]["run"] == "training" and entries[SWEPT.dictionary_id]["run"] == "sweep"
    assert len(entries[SWEPT.dictionary_id]["statistics_steps"]) == 1


def test_scatters_hold_what_was_logged_last_at_each_step(trained: Trained) -> None:
    header, arrays = unpack(ask(trained.handlers.statistics_over_steps, id=IDENTITY, steps="0.20.30.40", by="patches", dense=0.05))
    assert [(one["asked"], one["step"]) for one in header["steps"]] == [(0, 0), (20, 20), (30, 20), (40, 40)]
    assert header["n_latents"] == 64 and {array.dtype.str for array in arrays.values()} == {"<i4", "<u2", "|u1"}
    low, high = header["frequency_range"]
    start = 0
    for told in header["steps"]:
        one = trained.logged[told["step"]]
        part = slice(start, start + told["n_drawn"])
        alive = np.flatnonzero(one.n_patches_firing_K)
        assert arrays["latent"][part].tolist() == alive.tolist() and told["n_alive"] == alive.size and told["n_images"] == one.n_images
        share = one.n_patches_firing_K[alive] / one.n_patches
        np.testing.assert_allclose(low + arrays["x"][part] / 65535 * (high - low), np.log10(share), atol=1e-4)
        assert told["n_dense"] == int((share > 0.05).sum())
        start += told["n_drawn"]
    assert start == arrays["latent"].size


def test_an_answer_is_kept_and_may_be_kept(trained: Trained) -> None:
    answers = [ask(trained.handlers.statistics_over_steps, id=IDENTITY, steps="0.40") for _ in range(2)]
    assert answers[0].data == answers[1].data and answers[0].headers["ETag"] == answers[1].headers["ETag"]
    other = ask(trained.handlers.statistics_over_steps, id=IDENTITY, steps="0.40", by="patches")
    assert other.data != answers[0].data


def test_latents_are_exact_at_each_step(trained: Trained) -> None:
    latents = (5, 63, 0, 17)
    header, arrays = unpack(ask(trained.handlers.latents_over_steps, id=IDENTITY, steps="0.10.40", latents=".".join(map(str, latents))))
    assert header["latents"] == list(latents) and [one["step"] for one in header["steps"]] == [0, 10, 40]
    for row, step in enumerate((0, 10, 40)):
        one = trained.logged[step]
        for column, k in enumerate(latents):
            n_images, n_patches = one.n_images_firing_K[k], one.n_patches_firing_K[k]
            alive, defined = n_patches > 0, bool(one.label_entropy_defined_K[k])
            assert arrays["image_frequency"][row, column] == np.float32(n_images / one.n_images)
            assert arrays["patch_frequency"][row, column] == np.float32(n_patches / one.n_patches)
            assert arrays["mean"][row, column] == np.float32(one.activation_sum_K[k] / n_patches if alive else 0)
            assert arrays["flags"][row, column] == (1 if alive else 0) + (2 if defined else 0)
            assert arrays["label_entropy"][row, column] == (one.label_entropy_K[k] if defined else 0)


def test_what_cannot_be_answered_gets_a_sentence(trained: Trained) -> None:
    both = (trained.handlers.statistics_over_steps, trained.handlers.latents_over_steps)
    for endpoint in both:
        many = ".".join(map(str, range(MAX_STEPS + 1)))
        assert f"choose at most {MAX_STEPS}" in sentence(ask(endpoint, id=IDENTITY, steps=many, latents="1"), 400)
        assert "'steps' is missing" in sentence(ask(endpoint, id=IDENTITY, latents="1"), 400)
        assert "steps 'x'" in sentence(ask(endpoint, id=IDENTITY, steps="0.x", latents="1"), 400)
        assert "no statistics of dictionary 'gone'" in sentence(ask(endpoint, id="gone", steps="0", latents="1"), 404)
    assert "dense 2.0" in sentence(ask(both[0], id=IDENTITY, steps="0", dense=2), 400)
    assert "by 'words' is unknown" in sentence(ask(both[0], id=IDENTITY, steps="0", by="words"), 400)
    assert "expected 0 to 63" in sentence(ask(both[1], id=IDENTITY, steps="0", latents="1.64"), 400)
    many = ".".join(["1"] * (MAX_LATENTS + 1))
    assert f"choose at most {MAX_LATENTS}" in sentence(ask(both[1], id=IDENTITY, steps="0", latents=many), 400)
