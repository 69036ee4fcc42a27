"""Pictures on which some latents fire, against a walk over every reference and every patch."""

from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.views.patches import packed_patches
from tb_visualscratchpad.views.pictures_of_latents import (
    map_on_run,
    reference_pictures_of,
    strength_in,
    strength_of_run,
)
from tests.random_evidence import random_references, random_vlm_run


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_chosen", [1, 5, 40])
def test_reference_pictures_are_as_by_walking(seed: int, n_chosen: int) -> None:
    references = random_references(seed)
    n_latents = references.dictionary.n_latents
    latents = np.sort(np.random.default_rng(seed).choice(n_latents, n_chosen, replace=False))
    strength: dict[int, float] = {}
    of: dict[int, list[tuple[float, int]]] = {}
    maps: dict[int, dict[int, float]] = {}
    for latent in latents.tolist():
        for one in references.of_latent(latent):
            strength[one.image] = strength.get(one.image, 0.0) + one.plain_mean
            of.setdefault(one.image, []).append((one.plain_mean, latent))
            places = maps.setdefault(one.image, {})
            for patch, value in zip(one.patch_N.tolist(), one.value_N.tolist(), strict=True):
                places[patch] = places.get(patch, 0.0) + value
    expected = sorted(strength, key=lambda image: (-strength[image], image))

    found = reference_pictures_of(references, latents, 0, 1000)
    assert found.n_pictures == len(expected)
    assert sorted(row.image for row in found.rows) == sorted(expected)
    np.testing.assert_allclose([row.strength for row in found.rows], [strength[image] for image in expected], rtol=1e-6)
    for row in found.rows:
        assert row.n_latents == len(of[row.image])
        assert list(row.strongest) == [latent for _, latent in sorted(of[row.image], key=lambda one: (-one[0], one[1]))[:8]]
        assert row.where.patch_N.tolist() == sorted(maps[row.image])
        np.testing.assert_allclose(row.where.value_N, [maps[row.image][patch] for patch in row.where.patch_N.tolist()], rtol=1e-5)
        assert row.where.image_tokens is references.geometries[int(references.image_geometry_M[row.image])]

    page = reference_pictures_of(references, latents, 2, 3)
    assert [row.image for row in page.rows] == [row.image for row in found.rows[2:5]] and page.n_pictures == found.n_pictures
    assert reference_pictures_of(references, latents, 10_000, 3).rows == ()


def test_dead_latents_have_no_pictures() -> None:
    references = random_references(3)
    dead = np.flatnonzero((references.image_KR < 0).all(axis=1))
    assert dead.size, "the draw holds dead latents"
    assert reference_pictures_of(references, dead).n_pictures == 0


@pytest.mark.parametrize("seed", range(4))
def test_runs_are_as_by_walking(seed: int) -> None:
    run = random_vlm_run(seed)
    packed = set(packed_patches(run.image_tokens).tolist())
    plain: dict[int, float] = {}
    matrix = run.latents.csr_PK.toarray().astype(np.float64)
    for patch in sorted(packed):
        for latent in np.flatnonzero(matrix[patch]).tolist():
            plain[latent] = plain.get(latent, 0.0) + matrix[patch, latent] / len(packed)
    known = strength_of_run(run)
    assert known.latent_F.tolist() == sorted(plain)
    np.testing.assert_allclose(known.plain_F, [plain[latent] for latent in sorted(plain)], rtol=1e-6)

    latents = np.sort(np.random.default_rng(seed).choice(run.latents.n_latents, run.latents.n_latents // 2, replace=False))
    strength, n, strongest = strength_in(known, latents)
    firing = [latent for latent in latents.tolist() if latent in plain]
    assert n == len(firing) and strength == pytest.approx(sum(plain[latent] for latent in firing))
    assert [plain[latent] for latent in strongest] == sorted((plain[latent] for latent in firing), reverse=True)[:8]
    where = map_on_run(run, latents)
    sums = {patch: matrix[patch, latents].sum() for patch in packed if matrix[patch, latents].any()}
    assert where.patch_N.tolist() == sorted(sums)
    np.testing.assert_allclose(where.value_N, [sums[patch] for patch in sorted(sums)], rtol=1e-5)
    nothing = np.array([latent for latent in range(run.latents.n_latents) if latent not in plain], dtype=np.int64)
    assert strength_in(known, nothing) == (0.0, 0, ()) and map_on_run(run, nothing).patch_N.size == 0
