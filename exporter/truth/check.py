"""The whole check of a model and its dictionary on labelled pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tqdm import tqdm

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.explain import record_answer, require_some_tokens, run_of
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.truth.ablation_measures import (
    measure_ablation,
    measure_dose,
    measure_gradient,
    measure_reconstruction,
)
from tb_visualscratchpad.exporter.truth.cluster_measures import measure_clusters
from tb_visualscratchpad.exporter.truth.dictionary_measures import dictionary_figures
from tb_visualscratchpad.exporter.truth.labelled_pictures import TruthItem, TruthSet
from tb_visualscratchpad.exporter.truth.latent_owners import Learned, learn_owners
from tb_visualscratchpad.exporter.truth.named_words import named_words
from tb_visualscratchpad.exporter.truth.reading_measures import measure_readings
from tb_visualscratchpad.exporter.truth.tally import Tally
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.truth_evidence import TruthReport

N_GRADIENTS = 6


def check_truth(
    vlm: Vlm,
    sae: SparseAutoencoder,
    truth: TruthSet,
    *,
    hook: str | None = None,
    max_new_tokens: int = 64,
    n_ablated: int | None = None,
    n_gradients: int = N_GRADIENTS,
    seed: int = 0,
    progress: bool = True,
) -> TruthReport:
    """Learns whose latents are whose on one part of the pictures, asks about the other, and compares with what is known.

    Args:
        hook: where the SAE reads; as for :func:`~tb_visualscratchpad.exporter.explain.explain`.
        n_ablated: how many answers have the cluster behind their first named word ablated; by default every second one.
        n_gradients: how many of those have the gradient's ranking checked by ablation, 60 latents each.
        seed: of the bootstrap.
        progress: bars on stderr.

    Raises:
        ScratchpadError: an SAE that does not fit, a hook behind what the projector reads, or no answer that names what is known.
    """
    require_some_tokens(max_new_tokens)
    shown = tqdm(truth.learn, total=truth.n_learn, desc="learning whose latents are whose", unit="picture", disable=not progress)
    learned = learn_owners(vlm, sae, shown, truth.labels, hook=hook)
    tally = Tally()
    n_ablated = -(-len(truth.ask) // 2) if n_ablated is None else n_ablated
    n_words, n_tested = 0, 0
    items = tqdm(spread(truth.ask, n_ablated), desc="asking", unit="question", disable=not progress)
    for item, is_ablated in items:
        found, tested = ask(
            tally, vlm, sae, item, learned, hook=hook, max_new_tokens=max_new_tokens, ablate=is_ablated, gradient=n_tested < n_gradients
        )
        n_words += found
        n_tested += tested
    if not n_words:
        raise ScratchpadError(
            f"None of the {len(truth.ask)} answers names what is known to be on its picture, so nothing can be checked: see which words "
            "the model uses (visualscratchpad run) and name those."
        )
    figures = [*tally.figures(seed), *dictionary_figures(learned, seed)]
    return TruthReport(
        dictionary=learned.statistics.dictionary,
        items=truth.name,
        created=time.time(),
        seed=seed,
        n_pictures=len({item.shown.name for item in truth.ask}),
        n_words=n_words,
        n_learned=int(learned.n_patches_I.size),
        n_labels=len(truth.labels),
        figures=tuple(figures),
    )


def ask(
    tally: Tally,
    vlm: Vlm,
    sae: SparseAutoencoder,
    item: TruthItem,
    learned: Learned,
    *,
    hook: str | None = None,
    max_new_tokens: int = 64,
    ablate: bool = True,
    gradient: bool = False,
) -> tuple[int, bool]:
    """Asks one question and adds what it tells.

    Returns:
        How many words of the answer name what is known, and whether an ablation was tried.
    """
    asked = AskedPicture(vlm, sae, item.shown.picture, item.prompt, hook=hook)
    run = run_of(asked, record_answer(asked, None, max_new_tokens), keep_picture=False)
    picture = item.shown.name
    found = named_words(run, item.words)
    measure_readings(tally, run, item.shown, found, learned)
    measure_clusters(tally, run, picture, found, learned)
    measure_reconstruction(tally, asked, run, item.answer, picture=picture, max_new_tokens=max_new_tokens)
    if not ablate or not found:
        return len(found), False
    first = found[0]
    measure_ablation(tally, asked, run, item.words, first, learned, picture=picture, max_new_tokens=max_new_tokens)
    measure_dose(tally, asked, run, first, learned, picture=picture, max_new_tokens=max_new_tokens)
    if gradient:
        measure_gradient(tally, asked, run, first, picture=picture, max_new_tokens=max_new_tokens)
    return len(found), True


def spread(items: Sequence[TruthItem], n: int) -> list[tuple[TruthItem, bool]]:
    """The items, and whether each is one of ``n`` spread evenly over them."""
    total = len(items)
    n = min(n, total)
    chosen = {number * total // n for number in range(n)} if n > 0 else set()
    return [(item, number in chosen) for number, item in enumerate(items)]
