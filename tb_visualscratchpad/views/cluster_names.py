"""What to call a cluster: what its latents are known for, else the words that use it."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from tb_visualscratchpad.views.clusters import SPECIFIC_ABOVE, GroupKind, TokenCluster
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import VlmRun

MIN_LATENTS = 4
MIN_LABEL_SHARE = 0.30
_MAX_WORDS = 3
_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ANY = re.compile(".", re.DOTALL)


def cluster_name(run: VlmRun, cluster: TokenCluster, statistics: LatentStatistics | None) -> str:
    """The name of a cluster.

    A label names it when there are four latents or more and the label's share of them, weighted by their largest C (a
    latent counts for its top label alone), is at least .30; ties go to the label that sorts first. Otherwise the words that
    it is specific to, each once, strongest first, at most three, in quotes; punctuation only where there is nothing else.
    One that is specific to no word is "several words".
    """
    if cluster.kind is not GroupKind.CLUSTER:
        return cluster.kind.value
    label = _prevailing_label(cluster.latent_c, cluster.column_max_c, statistics)
    if label is not None:
        return label
    rows = np.flatnonzero(cluster.mean_T > SPECIFIC_ABOVE)
    strongest_first = rows[np.argsort(-cluster.mean_T[rows], kind="stable")]
    words, marks = [], []
    # Lazily: a cluster may be specific to hundreds of words, and there may be hundreds of clusters.
    for index in cluster.matrix.token_T[strongest_first].tolist():
        word = _as_word(run.tokens[index].text)
        found = words if any(map(str.isalnum, word)) else marks
        if word not in found:
            found.append(word)
        if len(words) > _MAX_WORDS:
            break
    words = words or marks[: _MAX_WORDS + 1]
    if not words:
        return "several words"
    shown = words[:_MAX_WORDS]
    return "“" + " ".join(shown) + ("…" if len(words) > _MAX_WORDS else "") + "”"


def _prevailing_label(latents: np.ndarray, strength: np.ndarray, statistics: LatentStatistics | None) -> str | None:
    if statistics is None or latents.size < MIN_LATENTS or not statistics.label_names:
        return None
    label = statistics.top_label_K[latents]
    known = label >= 0
    share = np.bincount(
        label[known],
        weights=(statistics.top_label_share_K[latents] * strength)[known],
        minlength=len(statistics.label_names),
    )
    share = share / strength.sum()
    best = int(share.argmax())
    return statistics.label_names[best] if share[best] >= MIN_LABEL_SHARE else None


@lru_cache(maxsize=4096)
def _as_word(text: str) -> str:
    """A token's text without the blanks around it; blanks alone are shown by their escapes, and so are characters that turn
    the direction of what follows or, where there is nothing else, have no width."""
    word = text.strip()
    if not word:
        return repr(text)[1:-1] or "∅"
    unseen = _TURNING if any(map(str.isprintable, word)) else _ANY
    return unseen.sub(lambda found: f"<U+{ord(found[0]):04X}>", word)
