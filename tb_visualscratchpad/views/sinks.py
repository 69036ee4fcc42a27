"""Sink patches: image tokens that draw attention whatever the word.

Shape suffixes: ``P`` patches, ``p`` packed ones, ``R`` rows of output words, ``D`` different words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.patches import packed_patches
from tb_visualscratchpad.views.token_rows import Sight, attention_rows, text_token_rows
from tb_visualscratchpad.wire.evidence import RowChoice, VlmRun

SINK_DENSITY = 10.0
"""So many times its even share of a word's attention a patch must draw."""

SINK_WORDS = 0.9
"""In so large a share of the different words. The one thing in a picture is looked at by three words in four of what is said of it (an
answer of the demo), yet not by the words for what is around it."""

MIN_WORDS = 8
"""Fewer different words tell nothing: those of a short answer all look at the thing that it is about."""


@dataclass(frozen=True)
class SinkPatches:
    """The sinks of a run, by the attention that was recorded.

    Of each output word the density of a patch is its attention over the mean of all packed patches of both views: 1 where the
    word looks everywhere alike. Occurrences of the same word (spelt alike but for case and blanks) are averaged first, so that
    a word that is often said counts once. A patch is a *sink* when its density is at least ``SINK_DENSITY`` in at least
    ``SINK_WORDS`` of the different words. Under ``MIN_WORDS`` different words it is undefined which patches are.

    Kang et al. (2025, "See What You Are Told: Visual Attention Sink in Large Multimodal Models") and Darcet et al. (2024, "Vision
    Transformers Need Registers") find such tokens by massive activations in a few dimensions of the hidden states. Those are
    not logged; what they cause, attention of all words alike, is.

    Attributes:
        defined: False where too few words have a row; ``reason`` says so in a sentence.
        n_words: different output words with a row that can see the picture.
        sink_P: bool [P]; all False where undefined.
        density_P: float32 [P], the largest density that the required share of the words reaches; 0 for patches that are not
            packed, and where undefined.
        share: of the attention that all output words spend on packed patches, what the sinks hold, 0...1; None where undefined.
    """

    defined: bool
    reason: str | None
    n_words: int
    sink_P: np.ndarray
    density_P: np.ndarray
    share: float | None

    @property
    def n_sinks(self) -> int:
        """How many there are."""
        return int(self.sink_P.sum())


def find_sinks(run: VlmRun, *, layers: Sequence[int] | None = None, row: RowChoice | str = RowChoice.PRODUCING) -> SinkPatches:
    """The sinks under a choice of layers and rows; the view does not matter, both count.

    Raises:
        ScratchpadError: no such layer.
    """
    n_patches = run.image_tokens.n_patches
    rows = [one for one in text_token_rows(run, row, include_prompt=False) if one.sight is Sight.SEES]
    texts = [one.token.text.strip().casefold() for one in rows]
    words = sorted(set(texts))
    density_P = np.zeros(n_patches, dtype=np.float32)
    attention_RI = attention_rows(run.attention, [one.row for one in rows if one.row is not None], layers)
    if len(words) < MIN_WORDS:
        reason = (
            f"Which patches are sinks cannot be told: the answer has {len(words)} different {'word' if len(words) == 1 else 'words'} that see "
            f"the picture, {MIN_WORDS} are needed."
        )
        return SinkPatches(False, reason, len(words), np.zeros(n_patches, dtype=bool), density_P, None)
    patches = packed_patches(run.image_tokens)
    attention_Rp = attention_RI[:, run.image_tokens.patch_token_P[patches]]
    even_R = attention_Rp.mean(axis=1)
    density_Rp = attention_Rp / np.where(even_R == 0, 1, even_R)[:, None]
    place = {word: number for number, word in enumerate(words)}
    number_R = np.array([place[text] for text in texts])
    density_Dp = np.zeros((len(words), patches.size))
    np.add.at(density_Dp, number_R, density_Rp)
    density_Dp /= np.bincount(number_R)[:, None]
    needed = math.ceil(SINK_WORDS * len(words))
    reached_p = np.sort(density_Dp, axis=0)[-needed]
    density_P[patches] = reached_p
    sink_P = np.zeros(n_patches, dtype=bool)
    sink_P[patches] = reached_p >= SINK_DENSITY
    total = float(attention_Rp.sum())
    share = float(attention_Rp[:, sink_P[patches]].sum()) / total if total > 0 else 0.0
    return SinkPatches(True, None, len(words), sink_P, density_P, share)
