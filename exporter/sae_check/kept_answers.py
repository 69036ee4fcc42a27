"""How many answers stay word for word the same when the reconstruction takes the features' place."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.image_folder import ImageFolder
from tb_visualscratchpad.exporter.pictures import read_picture
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steered_answers import variant_of
from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.exporter.variants import Variant, answer_variants
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True)
class KeptAnswers:
    """``n_kept`` of ``n_asked`` greedy answers stayed the same; none are asked where the hook does not reach the projector."""

    n_asked: int
    n_kept: int


def kept_answers(
    vlm: Vlm, sae: SparseAutoencoder, hook: str, folder: ImageFolder, *, prompt: str, n_pictures: int, max_new_tokens: int
) -> KeptAnswers:
    """Ask about ``n_pictures`` of a folder, spread evenly, with the features and with what the SAE rebuilds of them.

    Raises:
        ScratchpadError: the model cannot be asked so, or too little memory.
    """
    if not vlm.hook_point(hook).reaches_projector:
        return KeptAnswers(0, 0)
    n_asked = n_kept = 0
    apart = max(1, len(folder) // max(1, n_pictures))
    for index in [*range(0, len(folder), apart), *(index for index in range(len(folder)) if index % apart)]:
        if n_asked == n_pictures:
            break
        picture = _picture(folder, index)
        if picture is None:
            continue
        asked = AskedPicture(vlm, sae, picture, prompt, hook=hook)
        rebuilt = variant_of("reconstruction", asked.edit(SteeringSpec(error="dropped")))
        plain, other = answer_variants(asked, [Variant("original"), rebuilt], max_new_tokens)
        n_asked += 1
        n_kept += plain.answer.token_ids == other.answer.token_ids
    return KeptAnswers(n_asked, n_kept)


def _picture(folder: ImageFolder, index: int) -> Image.Image | None:
    """None where it cannot be read: then it was left out of the sample too."""
    try:
        return read_picture(folder.path(index).read_bytes())
    except (OSError, ScratchpadError):
        return None
