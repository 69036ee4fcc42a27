from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.handlers.dictionaries import DictionaryHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tests.handlers.held_evidence import HeldEvidence, ask, sentence, unpack
from tests.random_evidence import random_decoder_map, random_dictionary, random_metrics, random_statistics

DICTIONARY = random_dictionary(71)
IDENTITY = DICTIONARY.dictionary_id


@pytest.fixture
def store() -> HeldEvidence:
    return HeldEvidence(
        of_dictionary={
            ("statistics", IDENTITY): random_statistics(
                71, dictionary=DICTIONARY, broken_images=("cat/broken.jpg",), complete=False
            ),
            ("map", IDENTITY): random_decoder_map(71, dictionary=DICTIONARY),
            ("metrics", IDENTITY): random_metrics(71, dictionary=DICTIONARY),
        }
    )


@pytest.fixture
def handlers(store: HeldEvidence) -> DictionaryHandlers:
    return DictionaryHandlers(store, RequestGuard(None))


def test_dictionary(handlers: DictionaryHandlers, store: HeldEvidence) -> None:
    found = ask(handlers.dictionary, id=IDENTITY).json
    statistics, metrics = store.of_dictionary["statistics", IDENTITY], store.of_dictionary["metrics", IDENTITY]
    assert found["info"] == {
        "id": IDENTITY,
        "name": "dictionary 71",
        "vlm_name": "random-vlm",
        "sae_name": "random-sae-71",
        "hook": "projector_input",
        "d_in": 16,
        "n_latents": 64,
        "activation": "topk",
    }
    assert found["steps"] == [0, 7] and found["problems"] == []
    assert found["steps_shown"] == {"statistics": 7, "map": 0, "metrics": 7}
    assert found["metrics"] == {
        "l0": metrics.l0,
        "fvu": metrics.fvu,
        "n_dead": metrics.n_dead,
        "n_dense": metrics.n_dense,
        "dense_cutoff": 0.2,
        "n_images": 120,
        "n_patches": 6000,
    }
    assert found["statistics"] == {
        "n_images": 120,
        "n_patches": 6000,
        "n_alive": sum(count > 0 for count in statistics.n_patches_firing_K.tolist()),
        "n_entropy_defined": sum(statistics.label_entropy_defined_K.tolist()),
        "n_broken": 1,
        "broken_images": ["cat/broken.jpg"],
        "complete": False,
        "labels": list(statistics.label_names),
    }
    decoder_map = store.of_dictionary["map", IDENTITY]
    clusters = {cluster for cluster in decoder_map.cluster_K.tolist() if cluster >= 0}
    assert found["decoder_map"] == {
        "method": decoder_map.method,
        "firing_method": decoder_map.firing_method,
        "seed": 71,
        "n_clusters": len(clusters),
    }


def test_what_was_not_logged_is_null_and_what_is_damaged_is_told(
    handlers: DictionaryHandlers, store: HeldEvidence
) -> None:
    del store.of_dictionary["map", IDENTITY]
    store.of_dictionary["metrics", IDENTITY] = UnreadableEvidence("The metrics are damaged: log them again.")
    found = ask(handlers.dictionary, id=IDENTITY).json
    assert found["decoder_map"] is None and found["metrics"] is None and found["statistics"] is not None
    assert found["problems"] == ["The metrics are damaged: log them again."]


def test_the_step_is_passed_on(handlers: DictionaryHandlers, store: HeldEvidence) -> None:
    for endpoint in (handlers.dictionary, handlers.dictionary_statistics, handlers.decoder_map):
        store.asked.clear()
        assert ask(endpoint, id=IDENTITY).status_code == 200 and set(store.asked) == {None}
        store.asked.clear()
        assert ask(endpoint, id=IDENTITY, step=7).status_code == 200 and set(store.asked) == {7}
        assert "step 'last'" in sentence(ask(endpoint, id=IDENTITY, step="last"), 400)


def test_dictionary_statistics(handlers: DictionaryHandlers, store: HeldEvidence) -> None:
    answer = ask(handlers.dictionary_statistics, id=IDENTITY)
    assert answer.headers["Cache-Control"] == "private, no-cache" and answer.headers["ETag"]
    _, arrays = unpack(answer)
    statistics = store.of_dictionary["statistics", IDENTITY]
    assert all(array.shape == (64,) for array in arrays.values())
    for k in range(64):
        n_images, n_patches = int(statistics.n_images_firing_K[k]), int(statistics.n_patches_firing_K[k])
        alive, defined = n_patches > 0, bool(statistics.label_entropy_defined_K[k])
        assert arrays["image_frequency"][k] == pytest.approx(n_images / 120)
        assert arrays["patch_frequency"][k] == pytest.approx(n_patches / 6000)
        mean = statistics.activation_sum_K[k] / n_patches if alive else 0
        assert arrays["mean"][k] == pytest.approx(mean)
        assert arrays["flags"][k] == (1 if alive else 0) + (2 if defined else 0)
        assert arrays["label_entropy"][k] == (statistics.label_entropy_K[k] if defined else 0)
    np.testing.assert_array_equal(arrays["top_label"], statistics.top_label_K)
    np.testing.assert_array_equal(arrays["top_label_share"], statistics.top_label_share_K)


def test_decoder_map(handlers: DictionaryHandlers, store: HeldEvidence) -> None:
    header, arrays = unpack(ask(handlers.decoder_map, id=IDENTITY))
    decoder_map = store.of_dictionary["map", IDENTITY]
    np.testing.assert_array_equal(arrays["xy"], decoder_map.xy_K2)
    np.testing.assert_array_equal(arrays["cluster"], decoder_map.cluster_K)
    np.testing.assert_array_equal(arrays["firing_xy"], decoder_map.firing_xy_K2)
    assert np.isnan(arrays["firing_xy"]).any()
    np.testing.assert_array_equal(arrays["firing_cluster"], decoder_map.firing_cluster_K)
    assert header["method"] == decoder_map.method


def test_latent_neighbours(handlers: DictionaryHandlers, store: HeldEvidence) -> None:
    decoder_map, statistics = store.of_dictionary["map", IDENTITY], store.of_dictionary["statistics", IDENTITY]
    for latent in (0, 17, 63):
        found = ask(handlers.latent_neighbours, id=IDENTITY, latent=latent, step=7).json
        assert set(store.asked) == {7}
        assert found["latent"] == latent and found["at_hand"] is True and found["problem"] is None
        kept = decoder_map.neighbour_KN[latent] >= 0
        assert [one["latent"] for one in found["neighbours"]] == decoder_map.neighbour_KN[latent][kept].tolist()
        cosines = [one["cosine"] for one in found["neighbours"]]
        assert cosines == pytest.approx(decoder_map.neighbour_cosine_KN[latent][kept].tolist())
        for one in found["neighbours"]:
            label = int(statistics.top_label_K[one["latent"]])
            assert one["label"] == (None if label < 0 else statistics.label_names[label])
            share = None if label < 0 else pytest.approx(float(statistics.top_label_share_K[one["latent"]]))
            assert one["label_share"] == share


def test_neighbours_without_a_sidecar_statistics_or_such_a_latent(
    handlers: DictionaryHandlers, store: HeldEvidence
) -> None:
    assert "expected 0 to 63" in sentence(ask(handlers.latent_neighbours, id=IDENTITY, latent=64), 400)
    store.of_dictionary["statistics", IDENTITY] = UnreadableEvidence("The statistics are damaged: log them again.")
    found = ask(handlers.latent_neighbours, id=IDENTITY, latent=3).json
    assert found["problem"] == "The statistics are damaged: log them again." and found["neighbours"][0]["label"] is None
    del store.of_dictionary["statistics", IDENTITY]
    assert ask(handlers.latent_neighbours, id=IDENTITY, latent=3).json["problem"] is None
    complete = store.of_dictionary["map", IDENTITY]
    nothing = np.zeros((64, 0), np.int32)
    store.of_dictionary["map", IDENTITY] = replace(
        complete, neighbour_KN=nothing, neighbour_cosine_KN=nothing.astype(np.float32)
    )
    found = ask(handlers.latent_neighbours, id=IDENTITY, latent=3).json
    assert found["neighbours"] == [] and found["at_hand"] is False


def test_an_unknown_dictionary_gets_a_sentence(handlers: DictionaryHandlers) -> None:
    assert "no dictionary 'x'" in sentence(ask(handlers.dictionary, id="x"), 404)
    assert "no statistics of x" in sentence(ask(handlers.dictionary_statistics, id="x"), 404)
    assert "no map of x" in sentence(ask(handlers.decoder_map, id="x"), 404)
    assert "'id' is missing" in sentence(ask(handlers.dictionary), 400)
