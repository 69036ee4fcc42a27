"""``python -m tb_visualscratchpad.exporter.demo.case_studies``: the table of rates."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from tb_visualscratchpad.exporter.demo.case_studies.failures import CaseKind
from tb_visualscratchpad.exporter.demo.case_studies.rates import Rate
from tb_visualscratchpad.exporter.demo.case_studies.studies import FIRST_SEED, N_PICTURES, Study, study
from tb_visualscratchpad.exporter.demo.truth import LABELS, pictures_to_learn_from
from tb_visualscratchpad.exporter.demo.write import one_thread
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.truth.latent_owners import learn_owners
from tb_visualscratchpad.exporter.vlm import load_vlm

N_LEARNT = 2
"""Pictures of each object alone, from which it is learnt whose latents are whose."""


def table(studies: Sequence[Study]) -> str:
    """Markdown."""
    lines = ["| case | failures of pictures | what was done | mended | by controls | dose |", "|---|---|---|---|---|---|"]
    for found in studies:
        for rate in found.rates:
            dose = "" if rate.turning_dose is None else f"{rate.turning_dose:.1f}"
            controls = "none" if rate.controls is None else str(rate.controls)
            lines.append(f"| {found.kind.value} | {len(found.found)} of {found.n_searched} | {rate.means} | {rate.mended} | {controls} | {dose} |")
    return "\n".join(lines)


def sentence_on_seen(found: Study) -> str:
    """What the failures of ``UNUSED`` show of their object."""
    figures = found.seen
    best = {name: median(getattr(one, name) for one in figures) for name in ("rank_at_name", "rank_at_wrong_word", "rank_in_picture")}
    among = sum(one.rank_at_name <= 5 for one in figures)
    return (
        f"Seen all the same ({len(figures)} pictures): a latent of the object is among the five best by C at its name in the question in {among}; "
        f"median rank {best['rank_at_name']:g} there, {best['rank_at_wrong_word']:g} at the wrong word, {best['rank_in_picture']:g} by plain mean, of "
        f"{median(one.n_firing for one in figures):g} that fire. At the wrong word its patches have "
        f"{median(one.attention_at_wrong_word for one in figures):.1f} times the attention of their area (median)."
    )


def as_json(found: Study) -> dict[str, Any]:
    """One study as an object."""

    def rate(of: Rate | None) -> dict[str, Any] | None:
        return None if of is None else {"share": of.share, "low": of.interval[0], "high": of.interval[1], "n": of.n}

    return {
        "case": found.kind.value,
        "n_searched": found.n_searched,
        "failures": [
            {"seed": one.seed, "ground": one.scene.ground, "objects": [placed.name for placed in one.scene.objects], "question": one.question, "said": one.said, "right": one.right}
            for one in found.found
        ],
        "rates": [
            {"means": one.means, "mended": rate(one.mended), "controls": rate(one.controls), "n_controls": one.n_controls, "turning_dose": one.turning_dose}
            for one in found.rates
        ],
        "seen": [asdict(one) for one in found.seen],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tb_visualscratchpad.exporter.demo.case_studies", description=__doc__)
    parser.add_argument("--pictures", type=int, default=N_PICTURES, metavar="N", help=f"failures per case (default {N_PICTURES})")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help=f"where the search begins (default {FIRST_SEED})")
    parser.add_argument("--case", type=int, choices=(1, 2, 3), help="one case alone")
    parser.add_argument("--json", action="store_true", help="print one object on stdout")
    options = parser.parse_args()
    if options.pictures < 1 or options.first_seed < 0:
        parser.error("--pictures is at least 1, --first-seed at least 0")

    def say(sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    kinds = list(CaseKind) if options.case is None else [list(CaseKind)[options.case - 1]]
    with one_thread():
        vlm, sae = load_vlm("demo", device="cpu"), load_sae("demo")
        owners = learn_owners(vlm, sae, pictures_to_learn_from(N_LEARNT), LABELS).owners if CaseKind.UNUSED in kinds else None
        studies = [
            study(vlm, sae, kind, owners=owners, n_pictures=options.pictures, first_seed=options.first_seed, say=say) for kind in kinds
        ]
    if options.json:
        print(json.dumps({"first_seed": options.first_seed, "studies": [as_json(one) for one in studies]}))
        return
    print(table(studies))
    print(*(f"\n{sentence_on_seen(one)}" for one in studies if one.seen), sep="")


if __name__ == "__main__":
    main()
