"""Which cut of the dendrogram serves best, on more ablations than ``visualscratchpad truth`` has time for.

Every object that the bundled model names in pictures of two has the cluster behind it ablated at several cuts, without controls. Before
that: whose latents the clusters specific to a word are made of, at the default cut. ``--pairs 75`` takes about five minutes of one core.
"""

from __future__ import annotations

import argparse
from collections import Counter

import torch

from tb_visualscratchpad.exporter import load_sae, load_vlm
from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.demo.truth import LABELS, pair_listed, pictures_to_learn_from
from tb_visualscratchpad.exporter.demo.world import GROUNDS
from tb_visualscratchpad.exporter.explain import record_answer, run_of
from tb_visualscratchpad.exporter.truth.ablation_measures import measure_ablation
from tb_visualscratchpad.exporter.truth.cluster_measures import clusters_of_run, clusters_of_word
from tb_visualscratchpad.exporter.truth.latent_owners import learn_owners
from tb_visualscratchpad.exporter.truth.named_words import named_words
from tb_visualscratchpad.exporter.truth.settings import cut_name
from tb_visualscratchpad.exporter.truth.tally import Tally
from tb_visualscratchpad.views.clusters import DEFAULT_CUT
from tb_visualscratchpad.views.thresholds import Thresholds

FIRST_SEED = 970_000
CUTS = (DEFAULT_CUT, 0.2, 0.4, 0.5, 0.7, 0.9)
MAX_NEW_TOKENS = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=75, help="pictures of two objects (default 75)")
    parser.add_argument("--no-ablation", action="store_true", help="only tell whose latents clusters are made of")
    options = parser.parse_args()
    torch.set_num_threads(1)
    vlm, sae = load_vlm("demo", device="cpu"), load_sae("demo")
    learned = learn_owners(vlm, sae, pictures_to_learn_from(), LABELS)
    owner_K, tally, whose = learned.owners.owner_K, Tally(), Counter[str]()
    for number in range(options.pairs):
        item = pair_listed(FIRST_SEED + number)
        asked = AskedPicture(vlm, sae, item.shown.picture, item.prompt)
        run = run_of(asked, record_answer(asked, None, MAX_NEW_TOKENS), keep_picture=False)
        clustered = clusters_of_run(run, learned, DEFAULT_CUT)
        for word in named_words(run, item.words):
            for cluster in clusters_of_word(clustered, word.token):
                whose.update(relation(LABELS[owner_K[latent]] if owner_K[latent] >= 0 else None, word.label) for latent in cluster.latent_c)
            if not options.no_ablation:
                measure_ablation(
                    tally, asked, run, item.words, word, learned, picture=item.shown.name, n_controls=0, max_new_tokens=MAX_NEW_TOKENS,
                    settings=[(cut_name(cut), cut, Thresholds()) for cut in CUTS],
                )
    total = sum(whose.values())
    print(f"{total} latents of clusters specific to a word: " + ", ".join(f"{name} {n / total:.1%}" for name, n in whose.most_common()))
    for figure in tally.figures(0):
        if figure.n and figure.value is not None:
            apart = "" if figure.difference is None else f"  {figure.difference:+.3f} [{figure.difference_low:+.3f}, {figure.difference_high:+.3f}]"
            print(f"{figure.measure:15} {figure.setting:8} {figure.value:.3f} of {figure.n}{apart}")


def relation(owner: str | None, label: str) -> str:
    """What a latent's owner is to a word's label."""
    if owner is None:
        return "nobody's"
    return "own" if owner == label else "a ground's" if owner in GROUNDS else "another object's"


if __name__ == "__main__":
    main()
