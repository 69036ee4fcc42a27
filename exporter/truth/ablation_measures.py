"""Whether a word goes with the cluster behind it, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.cluster_sweep import NamedLatents
from tb_visualscratchpad.exporter.controls import N_CONTROLS, draw_controls
from tb_visualscratchpad.exporter.dose_response import dose_response
from tb_visualscratchpad.exporter.steered_answers import logged_answer, variant_of
from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.exporter.truth.cluster_measures import clusters_of_run, clusters_of_word
from tb_visualscratchpad.exporter.truth.latent_owners import Learned
from tb_visualscratchpad.exporter.truth.named_words import NamedWord, labels_named
from tb_visualscratchpad.exporter.truth.settings import ABLATED
from tb_visualscratchpad.exporter.truth.tally import Tally
from tb_visualscratchpad.exporter.variants import Variant, answer_variants
from tb_visualscratchpad.exporter.word_gradient import N_CHECKED, word_contributions
from tb_visualscratchpad.views import latent_means
from tb_visualscratchpad.views.contribution_ranking import rank_contributions
from tb_visualscratchpad.views.dose_curves import dose_curves
from tb_visualscratchpad.views.thresholds import Thresholds
from tb_visualscratchpad.wire.evidence import VlmRun

DOSES = (0.0, 0.2, 0.4, 0.6, 0.8)
"""What z of a cluster is scaled by; 1 changes nothing."""


def clusters_behind(
    run: VlmRun, word: NamedWord, learned: Learned, settings: Sequence[tuple[str, float, Thresholds]]
) -> dict[str, tuple[int, ...]]:
    """By setting (name, cut, thresholds), the latents of the cluster that weighs most on a word among those specific to it, ascending;
    empty where none is."""
    means = latent_means(run)
    found = {}
    for name, cut, thresholds in settings:
        specific = clusters_of_word(clusters_of_run(run, learned, cut, thresholds, means), word.token)
        found[name] = tuple(sorted(specific[0].latent_c.tolist())) if specific else ()
    return found


def measure_ablation(
    tally: Tally,
    asked: AskedPicture,
    run: VlmRun,
    words: Mapping[str, str],
    word: NamedWord,
    learned: Learned,
    *,
    picture: str,
    settings: Sequence[tuple[str, float, Thresholds]] = ABLATED,
    n_controls: int = N_CONTROLS,
    max_new_tokens: int = 512,
) -> None:
    """Ablates the cluster behind a word under each setting, and controls of it.

    The word is gone where the answer names its label no more; another label that the original named is kept where the answer still
    names it; the ablation is clean where the first goes and all the others are kept. Without a specific cluster nothing is ablated:
    the word stays, and the others do.
    """
    behind = clusters_behind(run, word, learned, settings)
    distinct = list(dict.fromkeys(latents for latents in behind.values() if latents))
    variants, of_variant = [Variant("original")], list[tuple[tuple[int, ...], bool]]()
    for latents in distinct:
        spec = NamedLatents(word.text, latents).ablation
        variants.append(variant_of("ablated", asked.edit(spec)))
        of_variant.append((latents, False))
        for control in draw_controls(asked.read, spec, range(n_controls)):
            variants.append(variant_of(f"control {control.seed}", control.edit))
            of_variant.append((latents, True))
    answers = answer_variants(asked, variants, max_new_tokens, draft=logged_answer(run))
    original = labels_named(answers[0].answer.text, words)
    others = [label for label in original if label != word.label]
    named = [(latents, is_control, labels_named(found.answer.text, words)) for (latents, is_control), found in zip(of_variant, answers[1:], strict=True)]
    for setting, latents in behind.items():
        after = next((labels for of, is_control, labels in named if of == latents and not is_control), original)
        gone, kept = word.label not in after, sum(label in after for label in others)
        tally.add("ablation.gone", setting, picture, float(gone))
        tally.add("ablation.kept", setting, picture, kept, len(others))
        tally.add("ablation.clean", setting, picture, float(gone and kept == len(others)))
        under_control = [word.label not in labels for of, is_control, labels in named if of == latents and is_control]
        tally.add("ablation.gone", f"controls of {setting}", picture, sum(under_control), len(under_control))


def measure_dose(
    tally: Tally, asked: AskedPicture, run: VlmRun, word: NamedWord, learned: Learned, *, picture: str, max_new_tokens: int = 512
) -> None:
    """At which scale of the cluster behind a word its probability has halved, and whether it does at all on the way to 0."""
    (latents,) = clusters_behind(run, word, learned, ABLATED[:1]).values()
    if not latents:
        return
    number = word.token - run.tokens.n_prompt
    found = dose_response(asked, latents, "SCALE", DOSES, [number], logged=run, n_controls=0, max_new_tokens=max_new_tokens)
    (curve,) = dose_curves(found)
    halved = curve.falls_below
    tally.add("dose.halves", "", picture, float(halved is not None))
    tally.add("dose.half", "", picture, halved or 0.0, float(halved is not None))


def measure_gradient(
    tally: Tally, asked: AskedPicture, run: VlmRun, word: NamedWord, *, picture: str, n_checked: int = N_CHECKED, max_new_tokens: int = 512
) -> None:
    """Rank correlation of the gradient's estimate and real ablation, over the latents that the gradient puts first."""
    found = word_contributions(asked, word.token - run.tokens.n_prompt, n_checked, max_new_tokens=max_new_tokens)
    agreement = rank_contributions(found).agreement
    if agreement is not None and np.isfinite(agreement):
        tally.add("gradient.spearman", "", picture, agreement)


def measure_reconstruction(
    tally: Tally, asked: AskedPicture, run: VlmRun, answer: str | None, *, picture: str, max_new_tokens: int = 512
) -> None:
    """Whether the answer stays the same with the reconstruction in place, and how many are right with and without it."""
    rebuilt = variant_of("reconstruction", asked.edit(SteeringSpec(error="dropped")))
    answers = answer_variants(asked, [Variant("original"), rebuilt], max_new_tokens, draft=logged_answer(run))
    original, under = (found.answer.text.strip() for found in answers)
    tally.add("quality.answers_kept", "", picture, float(original == under))
    if answer is not None:
        tally.add("quality.right", "model alone", picture, float(original == answer.strip()))
        tally.add("quality.right", "reconstruction in place", picture, float(under == answer.strip()))
