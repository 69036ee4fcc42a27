"""Latents and metrics over every logged step, against the evidence that was logged; after a restart, a loss, and without an index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.handlers.histories import HistoryHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire import sidecar as sidecar_module
from tb_visualscratchpad.wire.dictionary_evidence import DecoderDrift, LatentStatistics, ReferenceImages
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError
from tests.data_providers import PROVIDERS, reading
from tests.handlers.held_evidence import ask, sentence
from tests.random_evidence import random_dictionary, random_metrics, random_references, random_statistics

DICTIONARY = random_dictionary(5)
IDENTITY = DICTIONARY.dictionary_id
LATENTS = (0, 17, 63)
N_STEPS = 200


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return request.param


def statistics_at(step: int, since: int = 0) -> LatentStatistics:
    rng = np.random.default_rng(step)
    angle_K = rng.uniform(0, np.pi, 64).astype(np.float16)
    angle_K[17] = np.nan
    drift = DecoderDrift(since, None if step == since else step - 1, angle_K, (angle_K / 2).astype(np.float16))
    return replace(random_statistics(step, dictionary=DICTIONARY, dead_share=0.3), decoder_drift=drift)


def references_at(step: int) -> ReferenceImages:
    return random_references(step, dictionary=DICTIONARY, n_images=12, dead_share=0.3)


def write_steps(directory: Path, steps: range) -> None:
    """Metrics and statistics of each step, references of every tenth."""
    with ScratchpadWriter(directory) as writer:
        for step in steps:
            writer.add_sae_metrics(replace(random_metrics(step, dictionary=DICTIONARY, fvu=step % 3 > 0), n_dead=step), step)
            writer.add_latent_statistics(statistics_at(step, steps[0]), step)
            if step % 10 == 0:
                writer.add_references(references_at(step), step)


def expect_statistics(found: dict, at: int, step: int, since: int = 0) -> None:
    """The answer's values at one place are those of the logged statistics, worked out anew."""
    logged = statistics_at(step, since)
    assert found["statistics"]["steps"][at] == step and found["statistics"]["drift_since"][at] == since
    for k, curve in zip(LATENTS, found["statistics"]["of"], strict=True):
        n_firing, n_patches = int(logged.n_patches_firing_K[k]), logged.n_patches
        assert curve["image_frequency"][at] == int(logged.n_images_firing_K[k]) / logged.n_images
        assert curve["patch_frequency"][at] == n_firing / n_patches
        assert curve["mean"][at] == (pytest.approx(float(logged.activation_sum_K[k]) / n_firing) if n_firing else None)
        defined = bool(logged.label_entropy_defined_K[k]) and n_firing > 0
        assert curve["label_entropy"][at] == (float(logged.label_entropy_K[k]) if defined else None)
        label = int(logged.top_label_K[k])
        assert curve["label"][at] == (logged.label_names[label] if label >= 0 else None)
        angle = float(logged.decoder_drift.since_K[k])
        assert curve["drift"][at] == (None if np.isnan(angle) else angle)
        assert curve["turned"][at] == (None if np.isnan(angle) else float(np.float16(angle / 2)))


def test_all_of_two_hundred_steps_are_read_by_their_elements(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_steps(tmp_path / "training", range(N_STEPS))
    with reading(provider, tmp_path) as reader:
        handlers = HistoryHandlers(EventStore(reader.context), RequestGuard(None))
        monkeypatch.setattr(reader.context.data_provider, "read_tensors", lambda *a, **k: pytest.fail("read an event"))
        monkeypatch.setattr(sidecar_module, "_sha256_of", lambda path: pytest.fail(f"read the whole of {path}"))
        found = ask(handlers.latent_history, id=IDENTITY, latents="0.17.63").json
        assert found["latents"] == list(LATENTS) and found["problems"] == []
        assert found["statistics"]["steps"] == list(range(N_STEPS)) and found["statistics"]["n_images"] == [120] * N_STEPS
        for step in range(0, N_STEPS, 7):
            expect_statistics(found, step, step)
        assert found["references"]["steps"] == list(range(0, N_STEPS, 10))
        for at, step in enumerate(range(0, N_STEPS, 10)):
            logged = references_at(step)
            for k, curve in zip(LATENTS, found["references"]["of"], strict=True):
                first = logged.of_latent(k)[:1]
                assert (curve[at] is None) == (not first)
                for one in first:
                    assert curve[at] == {
                        "image": one.image, "name": one.name, "label": one.label, "plain_mean": one.plain_mean, "has_picture": True,
                    }
        curves = ask(handlers.metrics_history, id=IDENTITY).json
        assert curves["steps"] == list(range(N_STEPS)) and curves["n_dead"] == list(range(N_STEPS)) and curves["n_latents"] == 64
        assert curves["l0"] == [random_metrics(step).l0 for step in range(N_STEPS)]
        assert [value is None for value in curves["fvu"]] == [step % 3 == 0 for step in range(N_STEPS)]
        # Asked again, nothing is opened.
        monkeypatch.setattr("tb_visualscratchpad.latent_history.open_sidecar", lambda path: pytest.fail("opened again"))
        assert ask(handlers.latent_history, id=IDENTITY, latents="63.17.0").json["statistics"]["of"] == found["statistics"]["of"][::-1]


def test_a_run_taken_up_from_an_earlier_step_takes_the_later_ones_back(provider: str, tmp_path: Path) -> None:
    write_steps(tmp_path, range(31))
    with reading(provider, tmp_path) as reader:
        handlers = HistoryHandlers(EventStore(reader.context), RequestGuard(None))
        before = ask(handlers.latent_history, id=IDENTITY, latents="0.17.63").json
        assert before["statistics"]["steps"] == list(range(31)) and before["references"]["steps"] == [0, 10, 20, 30]
        write_steps(tmp_path, range(20, 23))
        found = ask(handlers.latent_history, id=IDENTITY, latents="0.17.63").json
        assert found["statistics"]["steps"] == list(range(23)) and found["references"]["steps"] == [0, 10, 20]
        for step in range(23):
            expect_statistics(found, step, step, since=20 if step >= 20 else 0)
        assert ask(handlers.metrics_history, id=IDENTITY).json["steps"] == list(range(23))


def test_a_lost_sidecar_is_read_from_its_event_or_told(provider: str, tmp_path: Path) -> None:
    write_steps(tmp_path, range(11))
    steps = tmp_path / "plugins/visualscratchpad/steps"
    (steps / f"latent_statistics.{IDENTITY}.3.safetensors").unlink()
    short = steps.parent / f"reference_images.{IDENTITY}.10.safetensors"
    short.write_bytes(short.read_bytes()[:-8])
    with reading(provider, tmp_path) as reader:
        found = ask(HistoryHandlers(EventStore(reader.context), RequestGuard(None)).latent_history, id=IDENTITY, latents="0.17.63").json
    kept = found["statistics"]["steps"]
    assert set(kept) >= set(range(11)) - {3}
    for at, step in enumerate(kept):
        expect_statistics(found, at, step)
    assert found["references"]["steps"] == [0]
    assert any(str(short) in problem for problem in found["problems"]) and len(found["problems"]) == 1 + (3 not in kept)


def test_another_file_in_the_place_of_a_steps_is_passed_over(tmp_path: Path) -> None:
    write_steps(tmp_path / "log", range(2))
    with ScratchpadWriter(tmp_path / "elsewhere") as writer:
        writer.add_latent_statistics(replace(statistics_at(7), broken_images=("a.png",), n_broken=1), 1)
    name = f"plugins/visualscratchpad/steps/latent_statistics.{IDENTITY}.1.safetensors"
    (tmp_path / "log" / name).write_bytes((tmp_path / "elsewhere" / name).read_bytes())
    with reading("python", tmp_path / "log") as reader:
        handlers = HistoryHandlers(EventStore(reader.context), RequestGuard(None))
        found = ask(handlers.latent_history, id=IDENTITY, latents="0.17.63").json
    expect_statistics(found, 1, 1)  # of the event, which TensorBoard kept


def test_steps_without_an_index_are_those_that_tensorboard_kept(provider: str, tmp_path: Path) -> None:
    write_steps(tmp_path, range(3))
    for path in (tmp_path / "plugins/visualscratchpad/steps").iterdir():
        path.unlink()
    with reading(provider, tmp_path) as reader:
        handlers = HistoryHandlers(EventStore(reader.context), RequestGuard(None))
        found = ask(handlers.latent_history, id=IDENTITY, latents="0.17.63").json
        assert found["statistics"]["steps"] == [0, 1, 2] and found["references"]["steps"] == [0]
        for step in range(3):
            expect_statistics(found, step, step)
        assert ask(handlers.metrics_history, id=IDENTITY).json["n_dead"] == [0, 1, 2]
        assert "has 0 to 63" in sentence(ask(handlers.latent_history, id=IDENTITY, latents="64"), 400)


def test_what_is_not_there_gets_a_sentence(tmp_path: Path) -> None:
    write_steps(tmp_path, range(1))
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        handlers = HistoryHandlers(store, RequestGuard(None))
        for wrong in ("64", "-1", "0.64"):
            assert "the dictionary has 0 to 63" in sentence(ask(handlers.latent_history, id=IDENTITY, latents=wrong), 400)
        assert "expected at most 8" in sentence(ask(handlers.latent_history, id=IDENTITY, latents="0.1.2.3.4.5.6.7.8"), 400)
        assert "'latents' is missing" in sentence(ask(handlers.latent_history, id=IDENTITY), 400)
        assert "no statistics of dictionary 'x'" in sentence(ask(handlers.latent_history, id="x", latents="0"), 404)
        assert "no metrics of dictionary 'x'" in sentence(ask(handlers.metrics_history, id="x"), 404)
        with pytest.raises(EvidenceNotFound):
            store.metrics_history("", "x")
        with pytest.raises(ScratchpadError):
            store.latent_history("", IDENTITY, (99,))


def test_statistics_whose_decoder_was_not_followed_have_no_drift(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        for step in (0, 5):
            writer.add_latent_statistics(replace(statistics_at(step), decoder_drift=None), step)
    with reading("python", tmp_path) as reader:
        found = ask(HistoryHandlers(EventStore(reader.context), RequestGuard(None)).latent_history, id=IDENTITY, latents="0").json
    assert found["statistics"]["drift_since"] == [None, None] and found["statistics"]["of"][0]["drift"] == [None, None]
    assert found["references"] == {"steps": [], "of": [[]]}
