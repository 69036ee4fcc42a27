"""The running best ten equal a sort of everything, whatever comes and goes, and their file stays small."""

from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.exporter import running_references, spool
from tb_visualscratchpad.exporter.label_entropy import label_spread
from tb_visualscratchpad.exporter.running_references import RunningReferences
from tb_visualscratchpad.exporter.spool import RecordSpool

N_LATENTS, N_IMAGES, N_PATCHES = 12, 300, 6


@pytest.fixture(params=[1 << 24, 2000], ids=["never rewritten", "often rewritten"])
def slack(request, monkeypatch) -> int:
    monkeypatch.setattr(running_references, "SLACK_BYTES", request.param)
    monkeypatch.setattr(spool, "SLACK_BYTES", request.param)
    monkeypatch.setattr(running_references, "_ENTRIES_AT_ONCE", 50)
    return request.param


def test_the_best_ten_of_a_stream(slack):
    rng = np.random.default_rng(0)
    # Whole numbers, so that there are many ties; half of all latents silent; latent 5 dead.
    z = rng.integers(0, 4, size=(N_IMAGES, N_PATCHES, N_LATENTS)) * (rng.random((N_IMAGES, 1, N_LATENTS)) < 0.5)
    z[:, :, 5] = 0
    plain_mean = z.mean(axis=1).astype(np.float32)
    running = RunningReferences(N_LATENTS, None)
    living: set[int] = set()
    for image in range(N_IMAGES):
        latents = running.entering(plain_mean[image])
        columns = [np.flatnonzero(z[image, :, latent]) for latent in latents]
        patch = np.concatenate([*columns, np.zeros(0, dtype=int)])
        value = np.concatenate(
            [*(z[image, column, latent] for column, latent in zip(columns, latents, strict=True)), np.zeros(0)]
        )
        count = np.array([column.size for column in columns], dtype=int)
        gone = running.add(image, latents, plain_mean[image, latents], count, patch, value)
        living |= {image} if latents.size else set()
        assert set(gone) <= living
        living -= set(gone)
        if slack == 2000:
            assert running.n_bytes_on_disk <= 2 * N_LATENTS * 10 * N_PATCHES * 8 + slack
    found = running.collect()
    assert living == set(found.image_KR[found.image_KR >= 0].tolist())
    for latent in range(N_LATENTS):
        order = [i for i in np.argsort(-plain_mean[:, latent], kind="stable").tolist() if plain_mean[i, latent] > 0][
            :10
        ]
        assert [image for image in found.image_KR[latent].tolist() if image >= 0] == order
        np.testing.assert_array_equal(found.plain_mean_KR[latent, : len(order)], plain_mean[order, latent])
        assert (found.plain_mean_KR[latent, len(order) :] == 0).all()
        for rank in range(10):
            part = slice(*found.map_indptr[latent * 10 + rank : latent * 10 + rank + 2])
            expected = z[order[rank], :, latent] if rank < len(order) else np.zeros(N_PATCHES)
            np.testing.assert_array_equal(found.map_patch_N[part], np.flatnonzero(expected))
            np.testing.assert_array_equal(found.map_value_N[part], expected[expected > 0])


def test_records_that_come_and_go(slack):
    records = RecordSpool(None)
    rng = np.random.default_rng(1)
    kept: dict[int, bytes] = {}
    for key in range(400):
        kept[key] = rng.bytes(int(rng.integers(0, 100)))
        records.put(key, kept[key])
        if len(kept) > 20:
            gone = int(rng.choice(list(kept)))
            records.drop(gone)
            del kept[gone]
    sequence = records.sequence(list(kept), bytes)
    assert list(sequence) == list(kept.values()) and list(sequence[3:5]) == list(kept.values())[3:5]
    assert sequence[-1] == list(kept.values())[-1]
    if slack == 2000:
        assert records.n_bytes_on_disk < 2 * 20 * 100 + slack + 100


def test_label_entropy_by_hand():
    none, one, half = [0.0] * 10, [1.0] * 10, [3.0] + [1.0] * 9
    labels = [0] * 10, [0, 1] * 5, [1, 0, 0, 0, 0, 0, 2, 2, 2, 2], [-1] * 10, [0] * 9 + [-1]
    spread = label_spread(np.array([one, one, half, none, one]), np.array(labels))
    p = np.array([5, 3, 4]) / 12
    np.testing.assert_allclose(spread.entropy_K[:3], [0.0, np.log(2), -(p * np.log(p)).sum()], atol=1e-6)
    assert spread.defined_K.tolist() == [True, True, True, False, False]
    assert spread.top_label_K.tolist() == [0, 0, 0, -1, 0]
    np.testing.assert_allclose(spread.top_share_K, [1.0, 0.5, 5 / 12, 0.0, 0.9], atol=1e-6)


def test_fewer_than_ten_references_have_no_entropy_and_still_a_label():
    weight = np.array([[2.0, 1.0] + [0.0] * 8])
    spread = label_spread(weight, np.array([[1, 0] + [-1] * 8]))
    assert not spread.defined_K[0] and spread.entropy_K[0] == 0
    assert spread.top_label_K[0] == 1 and spread.top_share_K[0] == pytest.approx(2 / 3)
