"""The command ``failures``: a file of pictures with right answers in, a failure set and what mends it into the log."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tb_visualscratchpad.exporter.failure_items import AskedItem, read_items
from tb_visualscratchpad.exporter.interruption import InterruptBetweenSteps
from tb_visualscratchpad.exporter.job_progress import Cancelled
from tb_visualscratchpad.exporter.option_values import positive
from tb_visualscratchpad.views.ablation_counts import AblationCounts, PartCounts, count_fates
from tb_visualscratchpad.views.telling_latents import BY, LEVEL, MIN_ITEMS, TellingLatents, latents_that_tell_apart
from tb_visualscratchpad.wire.failure_evidence import MATCHES, FailureSet, SetAblation

if TYPE_CHECKING:
    from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
    from tb_visualscratchpad.exporter.sae import SparseAutoencoder
    from tb_visualscratchpad.exporter.vlm import Vlm

N_PRINTED = 50
"""Latents in the object on stdout."""

NewRun = Callable[[Path, str], AbstractContextManager["ScratchpadWriter"]]


def add_failures_options(parser: argparse.ArgumentParser) -> None:
    """All of them but those of model and SAE."""
    parser.add_argument(
        "--items", type=Path, required=True, metavar="FILE",
        help="JSON Lines or CSV: picture (relative to the file), prompt, right (the right answer); perhaps wrong (true, false), name",
    )
    parser.add_argument("--logdir", type=Path, required=True, help="TensorBoard log directory; a run directory is made in it")
    parser.add_argument("--match", choices=MATCHES, default=MATCHES[0], help="when an answer is right (default exact; case, blanks and a closing full stop aside)")
    parser.add_argument("--ablate", type=positive, metavar="N", help="choose the N latents that tell most on one half, take them away on every picture")
    parser.add_argument("--by", choices=BY, default=BY[0], help="choose by what the answer's words looked at (default), or by all that is in the picture")
    parser.add_argument("--controls", type=positive, default=3, help="control sets beside the ablation (default 3)")
    parser.add_argument("--system", help="system text, where the chat template has a place for one")
    parser.add_argument("--max-new-tokens", type=positive, default=512, help="where an answer is cut (default 512)")
    parser.add_argument("--name", help="what the tab calls the set")
    parser.add_argument("--log-runs", action="store_true", help="log the run of each wrong answer with all its evidence, too")
    parser.add_argument("--no-images", action="store_true", help="log no pictures, only numbers and texts; the tab cannot ask such a set again")
    parser.add_argument("--json", action="store_true", help="print what was found as one object on stdout")


def check_before_loading(options: argparse.Namespace) -> tuple[AskedItem, ...]:
    """The items, all checked. Raises ScratchpadError."""
    return read_items(options.items)


def record_failures(
    vlm: Vlm, sae: SparseAutoencoder, items: tuple[AskedItem, ...], options: argparse.Namespace, new_run: NewRun
) -> dict[str, Any] | None:
    """Asks, logs, and says what was found; the object for stdout, where it is wanted.

    Raises:
        ScratchpadError: an unreadable picture, an SAE that does not fit, too little memory, a full disk.
    """
    from tb_visualscratchpad.exporter.failure_set import failure_set

    with new_run(options.logdir, (options.name or options.items.stem)[:40]) as writer:
        with _Bar("asking") as bar:
            found = failure_set(
                vlm, sae, items, match=options.match, max_new_tokens=options.max_new_tokens, hook=options.hook, system=options.system,
                name=options.name, on_wrong=_logging(writer, options) if options.log_runs else None, progress=bar,
            )
        writer.add_failure_set(found.without_pictures() if options.no_images else found)
        telling = latents_that_tell_apart(found, by=options.by)
        _say_telling(found, telling)
        ablation = _ablate(vlm, sae, found, options) if options.ablate else None
        if ablation is not None:
            writer.add_set_ablation(ablation)
            _say_ablation(ablation)
    return _as_json(found, telling, ablation) if options.json else None


def _logging(writer: ScratchpadWriter, options: argparse.Namespace) -> Callable[[Any], None]:
    return lambda run: writer.add_vlm_run(run.without_picture() if options.no_images else run)


def _ablate(vlm: Vlm, sae: SparseAutoencoder, found: FailureSet, options: argparse.Namespace) -> SetAblation | None:
    from tb_visualscratchpad.exporter.set_ablation import ablate_over_set

    if len(found.items) < found.n_given:
        _say("Interrupted, so nothing is taken away.")
        return None
    chosen = latents_that_tell_apart(found, by=options.by, part="half")
    latents = chosen.of_the_wrong(options.ablate)
    if not latents.size:
        why = chosen.reason or f"none of {chosen.n_tested} tested latents is stronger on its wrong answers at q < {LEVEL:g}"
        _say(f"On the half that latents are chosen on, {why[0].lower()}{why[1:].rstrip('.')}: nothing is taken away. Give more pictures, or choose in the tab.")
        return None
    try:
        with InterruptBetweenSteps() as interrupt, _Bar("without the latents", interrupt) as bar:
            return ablate_over_set(vlm, sae, found, latents.tolist(), chosen_on="half", n_controls=options.controls, progress=bar)
    except Cancelled:
        _say("Interrupted: the set is logged, without an ablation.")
        return None


class _Bar:
    """A ``JobProgress`` that draws a bar on stderr, and calls the work off where ``interrupt`` was."""

    def __init__(self, what: str, interrupt: InterruptBetweenSteps | None = None) -> None:
        self._bar = tqdm(desc=what, unit="picture", file=sys.stderr)
        self._interrupt = interrupt

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def stage(self, what: str, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def token(self, condition: str, text: str) -> None:
        pass

    def check(self) -> None:
        if self._interrupt is not None and self._interrupt.requested:
            raise Cancelled


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _say_telling(found: FailureSet, telling: TellingLatents) -> None:
    n = len(found.items)
    asked = f"{n}" if n == found.n_given else f"{n} (interrupted, {found.n_given} were given)"
    _say(f"{int(found.wrong_N.sum())} of {asked} answers are wrong.")
    if telling.reason is not None:
        _say(telling.reason)
        return
    _say(
        f"{telling.n_telling} of {telling.n_tested:,} latents tell them apart at q < {LEVEL:g} "
        f"({telling.n_firing - telling.n_tested:,} fire on under {MIN_ITEMS} pictures and are not tested)."
    )
    for place in range(min(5, telling.n_telling)):
        _say(
            f"  latent {telling.latent_F[place]}: AUC {telling.auc_F[place]:.2f}, q {telling.q_F[place]:.2g}; fires on "
            f"{telling.wrong_share_F[place]:.0%} of the wrong and {telling.right_share_F[place]:.0%} of the right"
        )


def _say_ablation(ablation: SetAblation) -> None:
    counts = count_fates(ablation)
    _say(f"Without {', '.join(map(str, ablation.latents))}:")
    for where, part in (("on the pictures they were chosen on", counts.chosen), ("on held-out pictures", counts.held_out)):
        own = part.ablated
        chance = "; ".join(f"{one.mended.n} and {one.broken.n}" for one in part.controls)
        _say(
            f"  {where}: {own.mended.n} of {own.mended.total} wrong answers mended, {own.broken.n} of {own.broken.total} right ones broken, "
            f"{own.changed} changed otherwise (as many others instead, mended and broken: {chance or 'none drawn'})"
        )
    if ablation.differs_from_logged:
        _say(ablation.differs_from_logged)


def _as_json(found: FailureSet, telling: TellingLatents, ablation: SetAblation | None) -> dict[str, Any]:
    shown = range(min(N_PRINTED, telling.n_telling))
    counts = None if ablation is None else count_fates(ablation)
    return {
        "set_id": found.set_id,
        "n_items": len(found.items),
        "n_wrong": int(found.wrong_N.sum()),
        "n_tested": telling.n_tested,
        "n_telling": telling.n_telling,
        "latents": [
            {
                "latent": int(telling.latent_F[place]), "auc": float(telling.auc_F[place]), "p": float(telling.p_F[place]),
                "q": float(telling.q_F[place]), "wrong_share": float(telling.wrong_share_F[place]),
                "right_share": float(telling.right_share_F[place]),
            }
            for place in shown
        ],
        "ablation": None if ablation is None or counts is None else {
            "latents": ablation.latents.tolist(), **{part: _part_as_json(counts, part) for part in ("chosen", "held_out")},
        },
    }


def _part_as_json(counts: AblationCounts, part: str) -> dict[str, Any]:
    of: PartCounts = getattr(counts, part)
    return {
        "n_wrong": of.ablated.mended.total, "n_right": of.ablated.broken.total,
        "mended": of.ablated.mended.n, "broken": of.ablated.broken.n, "changed": of.ablated.changed,
        "controls": [{"mended": one.mended.n, "broken": one.broken.n} for one in of.controls],
    }
