"""Whether an SAE trained well, told by what a sweep of an image set recorded of it.

A figure in a published range stands "well", one outside of it wants a "look", and one that no published dictionary has, or that makes the
dictionary useless for what this tab does, is "wrong". No figure proves that latents are meaningful; each names a way in which training goes wrong.

Sources, by the short names that checks give:

- Bricken 2023: Towards Monosemanticity. Latents that fire on very few tokens form a cluster of their own and mean little; dead ones are resampled.
- Templeton 2024: Scaling Monosemanticity. Its three dictionaries explain at least 65 % of the variance; of 1, 4 and 34 million latents 2, 35 and
  65 % are dead.
- Gao 2024: Scaling and evaluating sparse autoencoders (arXiv 2406.04093). Up to 90 % die without an auxiliary loss and without encoders that begin as
  the transposed decoder, 7 % of 16 million with both.
- Joseph 2025: Prisma (arXiv 2504.19475), whose published dictionaries of CLIP explain e.g. 86 % of the variance (TopK 64).
- Chanin 2025: Sparse but wrong (arXiv 2508.16560). A number of firing latents that is too small mixes features that occur together.
- Sun 2025: Dense SAE latents are features, not bugs (arXiv 2506.15679). Some latents that fire on more than a tenth of the tokens are meaningful.
- Simon 2026: On activation outliers and feature death (arXiv 2605.31518). Features whose mean is large beside their spread kill latents; centring helps.

Where a threshold is no published one, its check says so ("a choice of this tool").

Shape suffixes: ``K`` latents, ``N`` neighbours of each.
"""

from __future__ import annotations

import re

import numpy as np

from tb_visualscratchpad.views.health_check import (
    DictionaryHealth,
    HealthCheck,
    Verdict,
    counted,
    judged,
    percent,
    worst_first,
)
from tb_visualscratchpad.wire.dictionary_evidence import DecoderMap, LatentStatistics, SaeMetrics
from tb_visualscratchpad.wire.evidence import DictionaryInfo

FVU_WELL, FVU_LOOK = 0.20, 0.35
DEAD_WELL, DEAD_LOOK = 0.10, 0.50
DENSE_FROM = 0.10
"""Share of patches."""
DENSE_WORK_WELL, DENSE_WORK_LOOK = 0.50, 0.80
FEW_FIRINGS = 100
"""Of a latent, in the mean: under this a sweep is too short to call silent latents dead."""
FEW_IMAGES = 100
N_FOR_ENTROPY = 10
RARE_LOOK = 0.60
MIXED_LOOK = 0.80
ONE_LABEL = 0.5
"""Nats, as in the sentence of the tab."""
OUTLIER = 10.0
DUPLICATE = 0.90
DUPLICATES_WELL, DUPLICATES_LOOK = 0.05, 0.25
K_WELL, K_LOOK = 0.90, 0.50

RETRAIN = "Usual causes: a learning rate that is too high, no auxiliary loss on dead latents, features that were not centred."


def dictionary_health(
    info: DictionaryInfo, metrics: SaeMetrics | None, statistics: LatentStatistics | None, decoder_map: DecoderMap | None
) -> DictionaryHealth:
    """Every check, the worst first; what was not logged stands as unknown, with the command that logs it."""
    checks = [_rebuilding(metrics), _sparsity(info, metrics)]
    if statistics is None:
        checks += [_not_logged(key, title, "statistics") for key, title in OF_STATISTICS]
    else:
        checks += [
            _dead(statistics), _dense(statistics), _rare(statistics), _labels(statistics), _outliers(statistics), _pictures(statistics),
        ]
    checks.append(_duplicates(statistics, decoder_map))
    return worst_first(checks)


def metrics_health(info: DictionaryInfo, metrics: SaeMetrics) -> DictionaryHealth:
    """What metrics alone tell: cheap enough to do for every dictionary of a list."""
    share = metrics.n_dead / max(1, info.n_latents)
    firings = metrics.n_patches * metrics.l0 / max(1, info.n_latents)
    return worst_first([_rebuilding(metrics), _sparsity(info, metrics), _dead_share(share, metrics.n_dead, info.n_latents, metrics.n_images, firings)])


OF_STATISTICS = (
    ("dead", "Dead latents"), ("dense", "Dense latents"), ("rare", "Rare latents"), ("labels", "Labels"), ("outliers", "Strong outliers"),
    ("pictures", "Pictures swept"),
)


def _not_logged(key: str, title: str, kind: str) -> HealthCheck:
    return HealthCheck(
        key, title, Verdict.UNKNOWN, "", f"Not known: no {kind} were logged." if kind.endswith("s") else f"Not known: no {kind} was logged.",
        "Run `visualscratchpad statistics` with the same --logdir.", "",
    )


def _rebuilding(metrics: SaeMetrics | None) -> HealthCheck:
    """Well to FVU .20 (Joseph 2025: .14), look to .35 (Templeton 2024: at least 65 % explained), wrong beyond."""
    key, title, source = "rebuilding", "Rebuilding", "Templeton 2024: at least 65 % of the variance explained; Joseph 2025: 86 % (CLIP, TopK 64)"
    if metrics is None:
        return _not_logged(key, title, "metrics")
    if metrics.fvu is None:
        return HealthCheck(key, title, Verdict.UNKNOWN, "", "Undefined: the features do not vary over the pictures.", "Sweep pictures that differ.", source)
    figure = f"{percent(metrics.fvu)} unexplained"
    if metrics.fvu > 1:
        return HealthCheck(
            key, title, Verdict.WRONG, figure, "Its reconstruction is further off than the mean of the features would be.",
            "Usually it reads another layer, or features of another scale, than it was trained on: run `visualscratchpad check-sae`. If that finds it is "
            "read rightly, its training ran away: train again with a smaller learning rate.",
            source,
        )
    verdict = judged(metrics.fvu, FVU_WELL, FVU_LOOK)
    lost = {
        Verdict.WELL: "What it loses of the features is as little as published dictionaries lose.",
        Verdict.LOOK: "It loses more than the best published dictionaries: what a latent leaves out may be what a word used.",
        Verdict.WRONG: "It loses so much of the features that what the model used may well be in the part that no latent shows.",
    }[verdict]
    remedy = (
        "" if verdict is Verdict.WELL
        else "First run `visualscratchpad check-sae`: it may be read wrongly. Else train again, longer or with more latents."
    )
    return HealthCheck(key, title, verdict, figure, lost, remedy, source)


def _sparsity(info: DictionaryInfo, metrics: SaeMetrics | None) -> HealthCheck:
    """Of TopK, L0 against k: below k only where fewer pre-activations are positive. Of others, between 1 and a quarter of the input's width."""
    key, title = "sparsity", "Active per patch"
    if metrics is None:
        return _not_logged(key, title, "metrics")
    l0, k = metrics.l0, fires_at_most(info.activation)
    figure = f"{l0:.1f} per patch" if k is None else f"{l0:.1f} of k = {k}"
    if l0 < 1:
        return HealthCheck(
            key, title, Verdict.WRONG, figure, "Many patches fire no latent at all: on them it says nothing.",
            "The sparsity penalty is too strong, or the training ran away: lower the penalty or the learning rate.", "A choice of this tool",
        )
    if k is not None:
        verdict = Verdict.WELL if l0 >= K_WELL * k else Verdict.LOOK if l0 >= K_LOOK * k else Verdict.WRONG
        if verdict is Verdict.WELL:
            return HealthCheck(key, title, verdict, figure, "As many fire as TopK lets fire.", "", "Gao 2024: TopK fires k, unless fewer are positive")
        return HealthCheck(
            key, title, verdict, figure, f"TopK would let {k} fire, but fewer latents are positive on most patches: the rest of its capacity is unused.",
            "It goes with dead latents and biases that drifted: what cures those cures this.", "Gao 2024: TopK fires k, unless fewer are positive; the cuts are a choice",
        )
    many = l0 > info.d_in / 4
    return HealthCheck(
        key, title, Verdict.LOOK if many else Verdict.WELL, figure,
        f"That is more than a quarter of the {info.d_in} numbers that it reads: hardly sparse." if many else f"Few beside the {info.d_in} numbers that it reads.",
        "Raise the sparsity penalty, or compare with a dictionary of fewer active latents." if many else "",
        "A choice of this tool; Chanin 2025: too few mix features, too many do as well",
    )


def fires_at_most(activation: str) -> int | None:
    """k of a TopK activation as logged, ``topk 16``; None for others and for logs that leave it out."""
    found = re.fullmatch(r"topk (\d+)", activation)
    return int(found[1]) if found else None


def _dead(statistics: LatentStatistics) -> HealthCheck:
    dead_K = ~statistics.alive_K
    n_latents = statistics.dictionary.n_latents
    firings = float(statistics.n_patches_firing_K.sum()) / max(1, n_latents)
    return _dead_share(float(dead_K.sum()) / max(1, n_latents), int(dead_K.sum()), n_latents, statistics.n_images, firings, np.flatnonzero(dead_K))


def _dead_share(
    share: float, n_dead: int, n_latents: int, n_images: int, firings: float, latents: np.ndarray = np.zeros(0, dtype=np.int64)
) -> HealthCheck:
    """Well to 10 % (Gao 2024: 7 %), look to half (Templeton 2024: 2, 35, 65 %), wrong beyond; with a short sweep at most look.

    Args:
        firings: of a latent, in the mean.
    """
    key, title = "dead", "Dead latents"
    source = "Gao 2024: 7 % with an auxiliary loss, up to 90 % without; Templeton 2024: 2, 35 and 65 % of 1, 4 and 34 million"
    figure = f"{percent(share)} dead"
    verdict = judged(share, DEAD_WELL, DEAD_LOOK)
    short = firings < FEW_FIRINGS
    sentence = f"{n_dead:,} of {n_latents:,} never fired on {counted(n_images, 'picture')}."
    if not n_dead:
        sentence = f"Every one of {counted(n_latents, 'latent')} fired."
    if verdict is Verdict.WELL:
        return HealthCheck(key, title, verdict, figure, sentence, "", source, latents)
    if verdict is Verdict.WRONG and short and share < 1:
        verdict = Verdict.LOOK
    if short:
        sentence += f" The sweep is short for so many latents ({firings:.0f} firings of each in the mean): some are rare rather than dead."
    remedy = f"{RETRAIN} An auxiliary loss, or resampling, revives them; a dictionary with fewer latents may do as well."
    if short:
        remedy = f"Sweep more pictures first. {remedy}"
    return HealthCheck(key, title, verdict, figure, sentence, remedy, source, latents)


def _dense(statistics: LatentStatistics) -> HealthCheck:
    """Dense: on more than a tenth of the patches (Sun 2025). Well while they do up to half of all firing, wrong beyond four fifths (a choice)."""
    key, title = "dense", "Dense latents"
    source = "Sun 2025: over a tenth of the tokens, and some of them mean something; the cuts on their share are a choice of this tool"
    dense_K = statistics.patch_frequency_K > DENSE_FROM
    n_dense, n_alive = int(dense_K.sum()), int(statistics.alive_K.sum())
    if not n_alive:
        return HealthCheck(key, title, Verdict.UNKNOWN, "", "No latent is alive.", "", source)
    work = float(statistics.n_patches_firing_K[dense_K].sum() / statistics.n_patches_firing_K.sum())
    verdict = judged(work, DENSE_WORK_WELL, DENSE_WORK_LOOK)
    figure = f"{n_dense:,} do {percent(work)} of the firing" if n_dense else "none"
    sentence = (
        f"{n_dense:,} of {counted(n_alive, 'living latent')} {'fires' if n_dense == 1 else 'fire'} on over {percent(DENSE_FROM)} of the patches."
        if n_dense
        else f"None of {counted(n_alive, 'living latent')} fires on over {percent(DENSE_FROM)} of the patches."
    )
    if verdict is Verdict.WELL:
        remedy = "" if not n_dense else "They may carry what patches have in common. Hide them by the frequency threshold when they crowd a ranking."
    else:
        sentence += " What tells pictures apart is left to few others, so a word's ranking is led by latents that fire everywhere."
        remedy = "They often rebuild the mean of the features: centre these before training, or begin the decoder bias at their mean."
    return HealthCheck(key, title, verdict, figure, sentence, remedy, source, np.flatnonzero(dense_K))


def _rare(statistics: LatentStatistics) -> HealthCheck:
    """Look where over 60 % of the living fire in fewer than ten pictures, and so cannot be judged by references (a choice); never wrong."""
    key, title = "rare", "Rare latents"
    source = "Bricken 2023: latents of ultralow density mean little; the cut is a choice of this tool"
    alive_K = statistics.alive_K
    n_alive = int(alive_K.sum())
    if not n_alive:
        return HealthCheck(key, title, Verdict.UNKNOWN, "", "No latent is alive.", "", source)
    rare_K = alive_K & (statistics.n_images_firing_K < N_FOR_ENTROPY)
    share = float(rare_K.sum()) / n_alive
    median = float(np.median(statistics.image_frequency_K[alive_K]))
    verdict = Verdict.WELL if share <= RARE_LOOK else Verdict.LOOK
    sentence = f"{int(rare_K.sum()):,} of {n_alive:,} living fire in fewer than ten pictures; the typical one in {percent(median)} of them."
    return HealthCheck(
        key, title, verdict, f"{percent(share)} of the living", sentence,
        "" if verdict is Verdict.WELL else "What they mean cannot be told from so few. Sweep more pictures; if it stays, the dictionary splits too finely, or most "
        "of these are dying latents.",
        source, np.flatnonzero(rare_K),
    )


def _labels(statistics: LatentStatistics) -> HealthCheck:
    """Look where the median label entropy exceeds 80 % of the largest possible, min(ln 10, ln labels); never wrong: labels are the user's."""
    key, title, source = "labels", "Labels", "VisualScratchpad 2026: entropy of the labels of ten references; the cut is a choice of this tool"
    if not statistics.label_names:
        return HealthCheck(key, title, Verdict.UNKNOWN, "", "Not known: the pictures bear no labels.", "Sweep a folder whose subfolders are labels.", source)
    defined_K = statistics.label_entropy_defined_K & statistics.alive_K
    n = int(defined_K.sum())
    if not n:
        return HealthCheck(
            key, title, Verdict.UNKNOWN, "", "Not known: no latent fires in ten pictures, which its label entropy needs.", "Sweep more pictures.", source
        )
    entropy = statistics.label_entropy_K[defined_K].astype(np.float64)
    largest = float(np.log(min(N_FOR_ENTROPY, len(statistics.label_names))))
    median, single = float(np.median(entropy)), float((entropy < ONE_LABEL).mean())
    mixed = largest > 0 and median > MIXED_LOOK * largest
    cut = MIXED_LOOK * largest
    return HealthCheck(
        key, title, Verdict.LOOK if mixed else Verdict.WELL, f"{median:.2f} nat, {percent(single)} single",
        f"Of {counted(n, 'latent')} with ten references the median label entropy is {median:.2f} of {largest:.2f} nat at most; {percent(single)} speak of one label "
        f"(under {ONE_LABEL} nat).",
        "The typical latent's references are of many labels: they may share something that the labels do not name (look at the pictures), or mean nothing."
        if mixed else "",
        source, np.flatnonzero(defined_K & (statistics.label_entropy_K > cut)) if largest > 0 else np.zeros(0, dtype=np.int64),
    )


def _outliers(statistics: LatentStatistics) -> HealthCheck:
    """Look where a living latent's mean activation is over ten times the median of all (a choice); never wrong."""
    key, title, source = "outliers", "Strong outliers", "Simon 2026: features with a large mean; the cut is a choice of this tool"
    alive_K = statistics.alive_K
    if not alive_K.any():
        return HealthCheck(key, title, Verdict.UNKNOWN, "", "No latent is alive.", "", source)
    median = float(np.median(statistics.mean_activation_K[alive_K]))
    strong_K = alive_K & (statistics.mean_activation_K > OUTLIER * median)
    n = int(strong_K.sum())
    return HealthCheck(
        key, title, Verdict.LOOK if n else Verdict.WELL, counted(n, "latent") if n else "none",
        f"{counted(n, 'latent')} {'has' if n == 1 else 'have'} a mean activation over ten times the median of {median:.2f}."
        if n else f"No mean activation is over ten times the median of {median:.2f}.",
        "They lead rankings by C and B whatever the word is. Look at them: they may follow one large direction of the features, which centring or scaling "
        "takes away." if n else "",
        source, np.flatnonzero(strong_K),
    )


def _pictures(statistics: LatentStatistics) -> HealthCheck:
    """Look under 100 pictures, or under 100 firings of a latent in the mean, or when interrupted or pictures were broken (a choice)."""
    key, title, source = "pictures", "Pictures swept", "A choice of this tool"
    firings = float(statistics.n_patches_firing_K.sum()) / max(1, statistics.dictionary.n_latents)
    reasons = []
    if statistics.n_images < FEW_IMAGES:
        reasons.append(f"{counted(statistics.n_images, 'picture')} are few." if statistics.n_images != 1 else "1 picture is little.")
    if firings < FEW_FIRINGS and statistics.alive_K.any():
        reasons.append(f"A latent fires on {firings:.0f} patches in the mean: few to tell rare from dead.")
    if not statistics.complete:
        reasons.append("The sweep was interrupted.")
    if statistics.n_broken:
        reasons.append(f"{counted(statistics.n_broken, 'picture')} could not be read.")
    return HealthCheck(
        key, title, Verdict.LOOK if reasons else Verdict.WELL, counted(statistics.n_images, "picture"),
        " ".join(reasons) if reasons else f"{statistics.n_patches:,} patches, {firings:,.0f} firings of a latent in the mean.",
        "Every figure here rests on this sweep: run `visualscratchpad statistics` on more pictures." if reasons else "", source,
    )


def _duplicates(statistics: LatentStatistics | None, decoder_map: DecoderMap | None) -> HealthCheck:
    """Well while up to 5 % of the living have a living neighbour of cosine over .9, wrong beyond a quarter (a choice)."""
    key, title, source = "duplicates", "Duplicates", "A choice of this tool: decoder rows of cosine over .9, among the nearest neighbours that were logged"
    if decoder_map is None:
        return _not_logged(key, title, "map")
    if not decoder_map.neighbour_KN.shape[1]:
        return HealthCheck(
            key, title, Verdict.UNKNOWN, "", "Not known: the neighbours' sidecar is missing.", "Copy the run directory whole, or map the dictionary again.", source
        )
    n_latents = decoder_map.dictionary.n_latents
    alive_K = np.ones(n_latents, dtype=bool) if statistics is None else statistics.alive_K
    n_alive = int(alive_K.sum())
    if not n_alive:
        return HealthCheck(key, title, Verdict.UNKNOWN, "", "No latent is alive.", "", source)
    near_KN = (decoder_map.neighbour_cosine_KN > DUPLICATE) & (decoder_map.neighbour_KN >= 0)
    near_KN &= alive_K[np.maximum(decoder_map.neighbour_KN, 0)]
    twin_K = alive_K & near_KN.any(axis=1)
    n = int(twin_K.sum())
    verdict = judged(n / n_alive, DUPLICATES_WELL, DUPLICATES_LOOK)
    return HealthCheck(
        key, title, verdict, f"{percent(n / n_alive)} of the living" if n else "none",
        f"{n:,} of {n_alive:,} living latents write nearly what another writes (cosine over {DUPLICATE:g})."
        if n else f"No two of {counted(n_alive, 'living latent')} write nearly the same (cosine over {DUPLICATE:g}).",
        "" if verdict is Verdict.WELL
        else "One concept is spread over several latents: steer and rank them together, as a cluster. A dictionary with fewer latents would split less.",
        source, np.flatnonzero(twin_K),
    )
