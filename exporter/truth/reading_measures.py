"""Where a word looked, and which latents it ranks first, against what it names.

Shape suffixes: ``P`` patches of all views.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tb_visualscratchpad.exporter.truth.labelled_pictures import LabelledPicture
from tb_visualscratchpad.exporter.truth.latent_owners import Learned
from tb_visualscratchpad.exporter.truth.named_words import NamedWord
from tb_visualscratchpad.exporter.truth.patch_labels import patches_of_label
from tb_visualscratchpad.exporter.truth.settings import Reading, readings, threshold_choices
from tb_visualscratchpad.exporter.truth.tally import Tally
from tb_visualscratchpad.views import LatentRanking, attention_map, latent_means, packed_patches, rank_latents
from tb_visualscratchpad.views.means import LatentMeans
from tb_visualscratchpad.views.patches import ViewChoice
from tb_visualscratchpad.wire.evidence import VlmRun

BEST, TOP = 5, 10


def measure_readings(tally: Tally, run: VlmRun, shown: LabelledPicture, found: Sequence[NamedWord], learned: Learned) -> None:
    """Adds attention and ranking of every named word under every reading of the attention."""
    owned = {word.label: learned.owners.latents_of(word.label) for word in found}
    on_P = {word.label: patches_of_label(shown, word.label, run.image_tokens) for word in found}
    views, thresholds = _views(run), threshold_choices(learned.statistics)
    tokens = [word.token for word in found]
    for reading in readings(len(run.attention.layers)):
        if not found or reading.view not in views:
            continue
        means = latent_means(run, tokens=tokens, layers=reading.layers, row=reading.row, view=reading.view)
        for word in found:
            attend(tally, run, on_P[word.label], word, reading, shown.name)
            if not owned[word.label]:
                continue  # nothing to find: the pictures learned from did not tell
            rank(tally, run, word, means, owned[word.label], f"C, {reading.name}" if reading.name != "default" else "C", shown.name)
            if reading.name == "default":
                rank(tally, run, word, means, owned[word.label], "B", shown.name, by="plain")
                share_owned(tally, means, owned[word.label], shown.name)
                for name, chosen in thresholds:
                    given = {"statistics": learned.statistics, "max_frequency": chosen.max_frequency, "min_mean": chosen.min_mean}
                    rank(tally, run, word, means, owned[word.label], f"C, {name}", shown.name, **given)


def attend(tally: Tally, run: VlmRun, on_P: np.ndarray, word: NamedWord, reading: Reading, picture: str) -> None:
    """Share of attention on the named thing over its share of the area, and whether the patch looked at most lies on it (the
    pointing game, Zhang et al. 2018).

    Nothing is added where the word has no such row, or the thing no patch of its own in the view.
    """
    seen = packed_patches(run.image_tokens, reading.view)
    area = float(on_P[seen].mean())
    looked = attention_map(run, word.token, layers=reading.layers, row=reading.row, view=reading.view)
    if not looked.defined or not looked.mass_on_picture or area == 0:
        return
    attention_p = looked.attention_P[seen].astype(np.float64)
    tally.add("attention.lift", reading.name, picture, float(attention_p[on_P[seen]].sum() / attention_p.sum() / area))
    tally.add("attention.pointing", reading.name, picture, float(on_P[seen][attention_p.argmax()]))
    if reading.name == "default":
        tally.add("attention.pointing", "chance", picture, area)


def rank(tally: Tally, run: VlmRun, word: NamedWord, means: LatentMeans, owned: frozenset[int], setting: str, picture: str, **how: object) -> None:
    """Whether the best latent, and one of the five best, belongs to what the word names, and how many of the ten best do."""
    ranking: LatentRanking = rank_latents(run, word.token, means=means, limit=TOP, **how)  # type: ignore[arg-type]
    if not ranking.rows:
        return
    own = [row.latent in owned for row in ranking.rows]
    tally.add("ranking.hit1", setting, picture, float(own[0]))
    tally.add("ranking.hit5", setting, picture, float(any(own[:BEST])))
    tally.add("ranking.precision10", setting, picture, sum(own) / TOP)


def share_owned(tally: Tally, means: LatentMeans, owned: frozenset[int], picture: str) -> None:
    """What precision chance would give: the share of the firing latents that belong to what the word names."""
    tally.add("ranking.precision10", "chance", picture, len(owned & set(means.latent_F.tolist())) / means.latent_F.size)


def _views(run: VlmRun) -> frozenset[ViewChoice]:
    packed = run.image_tokens.patch_token_P >= 0
    has_base = bool(packed[run.image_tokens.patch_view_P == 0].any())
    has_tiles = bool(packed[run.image_tokens.patch_view_P > 0].any())
    # One view alone is both: there is nothing to choose.
    return frozenset(ViewChoice) if has_base and has_tiles else frozenset({ViewChoice.BOTH})
