"""A bounded sample of the tokens of an image folder, the same ones at every place of the vision tower.

Shape suffixes: ``N`` tokens, ``d`` width.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from tb_visualscratchpad.exporter.image_folder import ImageFolder
from tb_visualscratchpad.exporter.packed_features import batches_of_views, packed_patches
from tb_visualscratchpad.exporter.prepared_images import BrokenImage, PreparedImage, prepare_images
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.vlm.every_place import PlaceFeatures, features_everywhere
from tb_visualscratchpad.wire.errors import ScratchpadError

MAX_TOKENS = 2048
"""Patches at each place, over all images: 8 MiB a place at a width of 1,024."""


@dataclass(frozen=True, eq=False)
class TokenSample:
    """Some tokens of some images at one place.

    Attributes:
        x_Nd: float32 [N, d], on the CPU.
        image_N: int64 [N], number of the image of each, ascending from 0.
        weight_N: float64 [N], how many tokens of its image each stands for.
    """

    x_Nd: Tensor
    image_N: Tensor
    weight_N: Tensor

    @property
    def n_images(self) -> int:
        return int(self.image_N.max()) + 1 if len(self.image_N) else 0

    def thinned(self, every: int) -> TokenSample:
        """Each ``every``-th token."""
        return TokenSample(self.x_Nd[::every], self.image_N[::every], self.weight_N[::every])

    def joined(self, other: TokenSample) -> TokenSample:
        """The tokens of both, images in order."""
        image = torch.cat([self.image_N, other.image_N])
        order = torch.argsort(image, stable=True)
        x, weight = torch.cat([self.x_Nd, other.x_Nd]), torch.cat([self.weight_N, other.weight_N])
        return TokenSample(x[order], image[order], weight[order])


@dataclass(frozen=True, eq=False)
class Place:
    """What was sampled at one place; ``class_tokens`` is None where the tower has none."""

    name: str
    is_hook: bool
    patches: TokenSample
    class_tokens: TokenSample | None


def sample_places(
    vlm: Vlm, folder: ImageFolder, d_in: int, *, batch_size: int = 8, max_tokens: int = MAX_TOKENS, seed: int = 0, progress: bool = True
) -> tuple[Place, ...]:
    """Packed patches, and class tokens, at every place that is ``d_in`` wide, in the order of the pass.

    Args:
        batch_size: views in the vision tower at once.
        max_tokens: at most so many patches at each place, as many of each image, at least one.

    Raises:
        ScratchpadError: no image can be read, no place is so wide, or the device has too little memory.
    """
    draw = np.random.default_rng(seed)
    each = max(1, max_tokens // len(folder))
    parts: dict[str, list[tuple[Tensor, Tensor | None]]] = {}
    images, weights, views = [], [], []
    reason, widths = "", {}
    with closing(prepare_images(vlm, folder, thumbnail_side=None, n_ahead=max(4, 2 * batch_size))) as prepared, tqdm(
        total=len(folder), unit="image", desc=f"read {folder.root.name}", disable=not progress
    ) as bar:
        for batch in batches_of_views(prepared, batch_size):
            bar.update(len(batch))
            reason = next((image.reason for image in batch if isinstance(image, BrokenImage)), reason)
            for image in batch:
                if not isinstance(image, PreparedImage):
                    continue
                packed = packed_patches(image)
                rows = np.sort(draw.choice(packed, min(each, packed.size), replace=False))
                images.append(len(rows))
                weights.append(packed.size / len(rows))
                views.append(image.pixel_values.shape[0])
                for name, features in _everywhere(vlm, image.pixel_values, batch_size).items():
                    widths[name] = features.patches.shape[-1]
                    if widths[name] == d_in:
                        parts.setdefault(name, []).append(_rows(features, rows))
    if not images:
        raise ScratchpadError(f"None of the {len(folder)} images under {folder.root} could be read. One of them: {reason}")
    if not parts:
        told = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise ScratchpadError(f"The SAE reads {d_in}-wide inputs, and {vlm.name} has none so wide ({told}): choose the model that it was trained on.")
    number, per_image = torch.arange(len(images)), torch.tensor(images)
    image_N, weight_N = number.repeat_interleave(per_image), torch.tensor(weights, dtype=torch.float64).repeat_interleave(per_image)
    view_image = number.repeat_interleave(torch.tensor(views))
    hooks = vlm.hooks()
    found = []
    for name, held in parts.items():
        tokens = [token for _, token in held if token is not None]
        x = torch.cat([patches for patches, _ in held])
        _require_finite(name, x)
        leading = TokenSample(torch.cat(tokens), view_image, torch.ones(len(view_image), dtype=torch.float64)) if tokens else None
        found.append(Place(name, name in hooks, TokenSample(x, image_N, weight_N), leading))
    return tuple(found)


def _everywhere(vlm: Vlm, pixel_values: Tensor, batch_size: int) -> dict[str, PlaceFeatures]:
    try:
        parts = [features_everywhere(vlm, part) for part in pixel_values.split(batch_size)]
    except torch.OutOfMemoryError as error:
        raise ScratchpadError(f"The device ran out of memory with {batch_size} views at once: choose a smaller --batch-size.") from error
    joined = {}
    for name in parts[0]:
        tokens = [part[name].class_token for part in parts]
        leading = torch.cat([token for token in tokens if token is not None]) if tokens[0] is not None else None
        joined[name] = PlaceFeatures(torch.cat([part[name].patches for part in parts]), leading)
    return joined


def _rows(features: PlaceFeatures, rows: np.ndarray) -> tuple[Tensor, Tensor | None]:
    flat = features.patches.flatten(0, 1)
    patches = flat[torch.from_numpy(rows).to(flat.device)].float().cpu()
    return patches, None if features.class_token is None else features.class_token.float().cpu()


def _require_finite(name: str, x: Tensor) -> None:
    if not bool(torch.isfinite(x).all()):
        raise ScratchpadError(f"The vision features at {name} hold NaN or infinite values: run the model in float32 (--dtype float32).")
