"""The monitor logs what a sweep would say, when it is due, and leaves the training alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter import explain, sweep
from tb_visualscratchpad.exporter.dictionary_monitor import DictionaryMonitor, MonitorPace
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.exporter.sae import live_sae, load_sae
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError
from tests.data_providers import reading
from tests.evidence_equality import assert_same
from tests.exporter.test_sweep import save_pictures
from tests.test_training_steps import scalars_of
from tests.tiny_sae import save_tiny_sae
from tests.tiny_vlm import save_tiny_llava_next

D_IN, N_LATENTS = 24, 80
OFTEN = MonitorPace(every=1, references_every=1, map_every=2, explain_every=2)


@pytest.fixture(scope="module")
def vlm(tmp_path_factory) -> Vlm:
    return load_vlm(save_tiny_llava_next(tmp_path_factory.mktemp("vlm")))


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return save_pictures(tmp_path_factory.mktemp("images"), 14)


@pytest.fixture
def sae(tmp_path: Path) -> SparseAutoencoder:
    return load_sae(save_tiny_sae(tmp_path / "sae"))


@pytest.mark.full
def test_each_step_is_what_a_sweep_says_of_it(vlm: Vlm, sae: SparseAutoencoder, images: Path, tmp_path: Path) -> None:
    W_enc = sae.W_enc.clone().requires_grad_()
    picture = next(images.rglob("*.png"))
    swept = []
    with ScratchpadWriter(tmp_path / "run") as writer:
        monitor = DictionaryMonitor(
            writer, lambda: replace(sae, W_enc=W_enc.detach()), vlm=vlm, images=images, prompts=[(picture, "what is this")], max_new_tokens=4,
            pace=OFTEN,
        )
        for step in (0, 7, 14):
            with torch.no_grad():
                W_enc.mul_(1 + step / 40).add_(0.01 * step)
            assert monitor(step)
            now = replace(sae, W_enc=W_enc.detach().clone())
            swept.append((step, now, sweep(vlm, now, images, progress=False)))
    identity, known = monitor.dictionary.dictionary_id, monitor.dictionary
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        (entry,) = listing.dictionaries
        assert entry.info == known and entry.steps == (0, 7, 14) and listing.problems == ()
        for step, _, expected in swept:
            # The features are read image by image here and in batches there.
            found = store.latent_statistics("", identity, step)
            assert np.array_equal(found.n_patches_firing_K, expected.statistics.n_patches_firing_K)
            assert found.activation_sum_K == pytest.approx(expected.statistics.activation_sum_K, rel=1e-4)
            assert store.sae_metrics("", identity, step).fvu == pytest.approx(expected.metrics.fvu, rel=1e-4)
            references = store.references("", identity, step)
            assert references.image_names == expected.references.image_names
            assert np.mean(references.image_KR == expected.references.image_KR) > 0.99
            # Only the encoder was trained.
            drift = found.decoder_drift
            assert drift is not None and (drift.since_step, drift.previous_step) == (0, {0: None, 7: 0, 14: 7}[step])
            assert not drift.since_K.any() and not drift.previous_K.any()
        assert store.steps_shown("", identity, 14)["decoder_map"] == 14
        assert {run.name: run.dictionary for run in listing.vlm_runs} == {
            "what is this (step 0)": known, "what is this (step 14)": known,
        }
        assert {run.step for run in listing.vlm_runs} == {0, 14} and not any(run.superseded for run in listing.vlm_runs)
        assert len({run.series_id for run in listing.vlm_runs}) == 1 and listing.vlm_runs[0].series_id
        first = next(run for run in listing.vlm_runs if run.name.endswith("0)"))
        alone = explain(vlm, swept[0][1], picture, "what is this", max_new_tokens=4)
        assert_same(store.vlm_run("", "run", first.run_id).latents, alone.latents)
        assert set(scalars_of(reader, "sae/answers_kept")) == {0, 14}


def test_it_logs_when_it_is_due(sae: SparseAutoencoder, tmp_path: Path) -> None:
    x = torch.randn(20, 3, D_IN, generator=torch.Generator().manual_seed(0))
    with ScratchpadWriter(tmp_path) as writer:
        monitor = DictionaryMonitor(writer, sae, activations=x, pace=MonitorPace(every=10, map_every=2))
        assert [step for step in range(35) if monitor(step)] == [0, 10, 20, 30]
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        identity = monitor.dictionary.dictionary_id
        assert store.listing("").dictionaries[0].steps == (0, 10, 20, 30)
        assert store.steps_shown("", identity, 15)["decoder_map"] == 0 and store.steps_shown("", identity)["decoder_map"] == 20
        found = store.latent_statistics("", identity)
        z = sae.encode(x).double().numpy()
        assert np.array_equal(found.n_patches_firing_K, (z > 0).sum(axis=(0, 1)))
        assert np.array_equal(found.n_images_firing_K, (z > 0).any(axis=1).sum(axis=0))
        assert found.activation_sum_K == pytest.approx(z.sum(axis=(0, 1)), rel=1e-6)
        rebuilt = sae.decode(sae.encode(x), x).double()
        fvu = float((x - rebuilt).square().sum() / (x.double() - x.double().mean(dim=(0, 1))).square().sum())
        assert store.sae_metrics("", identity).fvu == pytest.approx(fvu, rel=1e-5)
        with pytest.raises(EvidenceNotFound):
            store.references("", identity)


def test_training_is_left_alone(vlm: Vlm, images: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    W = torch.randn(D_IN, N_LATENTS, requires_grad=True)
    b_enc, b_dec = torch.zeros(N_LATENTS, requires_grad=True), torch.zeros(D_IN, requires_grad=True)
    W_dec = W.detach().T.clone().requires_grad_()
    sae = live_sae("mine", W_enc=W, b_enc=b_enc, W_dec=W_dec, b_dec=b_dec, activation=TopK(4))
    before = [part.detach().clone() for part in (W, b_enc, W_dec, b_dec)]
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    with ScratchpadWriter(tmp_path) as writer:
        DictionaryMonitor(writer, sae, vlm=vlm, images=images, pace=OFTEN)(0)
    assert torch.equal(torch.random.get_rng_state(), torch_state) and np.array_equal(np.random.get_state()[1], numpy_state)
    assert all(torch.equal(part, old) and part.requires_grad for part, old in zip((W, b_enc, W_dec, b_dec), before, strict=True))
    with torch.no_grad():
        W.add_(1)
    assert torch.equal(sae.W_enc, W), "the optimiser's changes are seen"
    (sae.encode(torch.ones(D_IN)).sum() + W.sum()).backward()


def test_a_restarted_process_goes_on_with_the_same_dictionary_and_map(sae: SparseAutoencoder, tmp_path: Path) -> None:
    x = torch.randn(40, D_IN, generator=torch.Generator().manual_seed(0))
    found = []
    for step in (0, 1):
        with ScratchpadWriter(tmp_path / "run") as writer:
            monitor = DictionaryMonitor(writer, sae, activations=x, pace=OFTEN)
            assert monitor(step)
            found.append(monitor.dictionary)
    assert found[0] == found[1]
    with ScratchpadWriter(tmp_path / "other") as writer:
        assert DictionaryMonitor(writer, sae, activations=x).dictionary.dictionary_id != found[0].dictionary_id
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        first, second = (store.decoder_map("", found[0].dictionary_id, step) for step in (0, 1))
        assert store.listing("").dictionaries[0].steps == (0, 1)
    assert "PCA start" in first.method and "from the map before" in second.method
    # Random directions crowd into one cloud, in which they shift a little: each still lies about where it lay.
    apart = np.linalg.norm(first.xy_K2[:, None] - second.xy_K2[None], axis=2)
    assert np.median(np.diagonal(apart)) < np.median(apart) / 2


def test_a_restarted_process_goes_on_with_the_series_and_measures_drift_anew(
    vlm: Vlm, sae: SparseAutoencoder, images: Path, tmp_path: Path
) -> None:
    pictures = sorted(images.rglob("*.png"))[:2]
    trained = replace(sae, W_dec=sae.W_dec.clone())
    for steps in ((0, 1), (2, 3)):
        with ScratchpadWriter(tmp_path) as writer:
            monitor = DictionaryMonitor(
                writer, trained, vlm=vlm, images=images, n_images=2, max_new_tokens=2,
                prompts=[(pictures[0], "what is this"), (pictures[1], "what is this"), (pictures[0], "where is it")],
                pace=MonitorPace(every=1, references_every=0, map_every=0, explain_every=1),
            )
            for step in steps:
                trained.W_dec.add_(0.1 * torch.randn_like(trained.W_dec))
                assert monitor(step)
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        series: dict[str, list[int | None]] = {}
        for run in store.listing("").vlm_runs:
            series.setdefault(run.series_id, []).append(run.step)
        assert [sorted(of) for of in series.values()] == [[0, 1, 2, 3]] * 3
        for step, (since, before) in enumerate(((0, None), (0, 0), (2, None), (2, 2))):
            drift = store.latent_statistics("", monitor.dictionary.dictionary_id, step).decoder_drift
            assert drift is not None and (drift.since_step, drift.previous_step) == (since, before)
            assert bool(drift.since_K.any()) == (before is not None)


def test_other_ranks_do_nothing(sae: SparseAutoencoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with ScratchpadWriter(tmp_path) as writer:
        assert not DictionaryMonitor(writer, sae, activations=torch.ones(4, D_IN))(0)
    assert list(tmp_path.glob("*tfevents*")) == []


def test_what_cannot_be_logged_is_warned_of(sae: SparseAutoencoder, tmp_path: Path) -> None:
    broken = replace(sae, W_dec=sae.W_dec * float("nan"))
    with ScratchpadWriter(tmp_path / "run") as writer:
        monitor = DictionaryMonitor(writer, broken, activations=torch.ones(4, D_IN), pace=OFTEN)
        with pytest.warns(RuntimeWarning, match="Step 3 was not logged whole. .*NaN"):
            assert monitor(3)


def test_wrong_arguments_are_told(vlm: Vlm, sae: SparseAutoencoder, images: Path, tmp_path: Path) -> None:
    x = torch.ones(4, D_IN)
    with ScratchpadWriter(tmp_path / "run") as writer:
        for given in ({}, {"vlm": vlm}, {"images": images}, {"vlm": vlm, "images": images, "activations": x}):
            with pytest.raises(ScratchpadError, match="a VLM with a folder of images, or activations"):
                DictionaryMonitor(writer, sae, **given)
        with pytest.raises(ScratchpadError, match="alone"):
            DictionaryMonitor(writer, sae, activations=x, prompts=[("a.png", "what")])
        with pytest.raises(ScratchpadError, match=r"expected \[images, patches, d\]"):
            DictionaryMonitor(writer, sae, activations=torch.ones(3))
    with pytest.raises(ScratchpadError, match="at least 1"):
        MonitorPace(every=0)
    with pytest.raises(ScratchpadError, match="0 for never"):
        MonitorPace(map_every=-1)
    with pytest.raises(ScratchpadError, match="W_dec of the SAE mine"):
        live_sae("mine", W_enc=torch.ones(3, 5), b_enc=torch.ones(5), W_dec=torch.ones(3, 5), b_dec=torch.ones(3), activation=TopK(2))
