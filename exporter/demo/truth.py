"""What is known about Emoji World's patches and latents: which object covers a patch, and which latents belong to an object.

Shape suffixes: ``P`` patches, ``C`` classes (the 55 objects, then the 8 grounds), ``K`` latents, ``H`` and ``W`` pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.exporter.demo.compose import Composition, compose, random_scene
from tb_visualscratchpad.exporter.demo.world import GROUNDS, OBJECTS
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.evidence import ImageTokenMap

CLASSES: tuple[str, ...] = OBJECTS + GROUNDS
ON_OBJECT = 0.5
"""A patch is on an object that covers at least this share of it."""
ON_GROUND = 0.02
"""A patch is on the ground where all objects together cover at most this share of it."""
OWNED = 0.5
"""A latent belongs to the class that holds over this share of its summed class means."""


def coverage_P(mask_HW: np.ndarray, image_tokens: ImageTokenMap) -> np.ndarray:
    """float64 [P], 0 to 1: the share of each patch's rectangle that a mask over the picture covers; 0 in the padding."""
    corner = np.zeros((mask_HW.shape[0] + 1, mask_HW.shape[1] + 1))
    corner[1:, 1:] = mask_HW.cumsum(0).cumsum(1)
    x0, y0, x1, y1 = np.round(image_tokens.patch_box_P4).astype(int).T
    covered = corner[y1, x1] - corner[y0, x1] - corner[y1, x0] + corner[y0, x0]
    return covered / np.maximum((x1 - x0) * (y1 - y0), 1)


def patches_on_object(composition: Composition, name: str, image_tokens: ImageTokenMap) -> np.ndarray:
    """bool [P]: packed patches that lie on the object called ``name``, in every view."""
    return (coverage_P(composition.visible_HW(name), image_tokens) >= ON_OBJECT) & (image_tokens.patch_token_P >= 0)


def class_of_patches(composition: Composition, image_tokens: ImageTokenMap) -> np.ndarray:
    """int64 [P] into ``CLASSES``: the object or ground a packed patch lies on, -1 on a rim and in the padding."""
    scene = composition.scene
    class_P = np.full(image_tokens.n_patches, -1)
    anything = np.asarray(composition.visible_OHW.any(axis=0))
    bare = (coverage_P(anything, image_tokens) <= ON_GROUND) & (image_tokens.patch_token_P >= 0)
    class_P[bare] = CLASSES.index(scene.ground)
    for placed in scene.objects:
        class_P[patches_on_object(composition, placed.name, image_tokens)] = CLASSES.index(placed.name)
    return class_P


@dataclass(frozen=True)
class LatentOwners:
    """Which class each latent belongs to.

    Attributes:
        mean_CK: float64 [C, K], mean activation over all patches of a class, 0 for a class never seen.
    """

    mean_CK: np.ndarray

    @property
    def owner_K(self) -> np.ndarray:
        """int64 [K] into ``CLASSES``: the class with over half of the latent's summed class means; -1 for none."""
        total_K = self.mean_CK.sum(axis=0)
        owned_K = self.mean_CK.max(axis=0) > OWNED * np.maximum(total_K, np.finfo(float).tiny)
        return np.where(owned_K, self.mean_CK.argmax(axis=0), -1)

    def latents_of(self, name: str) -> frozenset[int]:
        """The latents that belong to an object or ground; may be empty."""
        return frozenset(int(latent) for latent in np.flatnonzero(self.owner_K == CLASSES.index(name)))


def learn_owners(vlm: Vlm, sae: SparseAutoencoder, compositions: Iterable[Composition]) -> LatentOwners:
    """Class means of all latents over all views of known pictures, one picture at a time."""
    sum_CK = np.zeros((len(CLASSES), sae.n_latents))
    n_C = np.zeros(len(CLASSES))
    for composition in compositions:
        prepared = vlm.prepare_picture(composition.picture)
        features = vlm.features(prepared.pixel_values, sae.hook or vlm.default_hook)
        z_PK = sae.encode_sparse(features.reshape(-1, features.shape[-1]))
        class_P = class_of_patches(composition, prepared.image_tokens)
        for number in np.unique(class_P[class_P >= 0]):
            sum_CK[number] += np.asarray(z_PK[class_P == number].sum(axis=0)).ravel()
            n_C[number] += (class_P == number).sum()
    return LatentOwners(sum_CK / np.maximum(n_C, 1)[:, None])


def pictures_to_learn_from(n_per_object: int, seed: int) -> Iterable[Composition]:
    """Each object alone ``n_per_object`` times, on grounds by chance, which shows every ground too."""
    for number in range(n_per_object * len(OBJECTS)):
        scene = random_scene(seed + number, objects=(OBJECTS[number % len(OBJECTS)],))
        yield compose(scene, seed + number)
