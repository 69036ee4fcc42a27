"""``visualscratchpad check-sae``: whether an SAE is read rightly, as a verdict and tables, as JSON, and for the tab."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tb_visualscratchpad.wire.errors import ScratchpadError

if TYPE_CHECKING:
    from tb_visualscratchpad.exporter.sae import SparseAutoencoder
    from tb_visualscratchpad.exporter.vlm import Vlm
    from tb_visualscratchpad.wire.sae_check_evidence import SaeCheck

LOOKS_WRONG = 3
"""Exit status of a check that ended well and whose verdict is not "rightly"."""


def add_check_options(parser: argparse.ArgumentParser) -> None:
    """What ``check-sae`` takes besides model and SAE."""
    parser.add_argument("--images", type=Path, required=True, help="folder of images like those that the SAE is to be used on")
    parser.add_argument("--limit", type=int, default=64, help="at most so many images, spread evenly over the folder (default 64)")
    parser.add_argument("--tokens", type=int, default=2048, help="so many patches of them are looked at (default 2048)")
    parser.add_argument(
        "--class-token", choices=("left-out", "included"), default="left-out",
        help="whether you read the SAE on the class token too (default: left-out, as every command here)",
    )
    parser.add_argument("--prompt", help="what to ask for the comparison of answers (default: describe the picture .)")
    parser.add_argument("--answers", type=int, default=8, help="pictures to ask about, 0 for none (default 8)")
    parser.add_argument("--max-new-tokens", type=int, default=32, help="where an answer is cut (default 32)")
    parser.add_argument("--batch-size", type=int, default=8, help="views in the vision tower at once (default 8)")
    parser.add_argument("--logdir", type=Path, help="TensorBoard log directory; a run directory is made in it, and the Dictionary shows the check")
    parser.add_argument("--json", action="store_true", help="print all figures as one object on stdout")


def require_sound_options(options: argparse.Namespace) -> None:
    """What can be told to be wrong before a model is loaded.

    Raises:
        ScratchpadError: a number out of range, or no images.
    """
    from tb_visualscratchpad.exporter.image_folder import list_images

    for option in ("tokens", "max_new_tokens", "batch_size", "limit"):
        if getattr(options, option) < 1:
            raise ScratchpadError(f"--{option.replace('_', '-')} is {getattr(options, option)}: expected at least 1.")
    if options.answers < 0:
        raise ScratchpadError(f"--answers is {options.answers}: expected 0 or more.")
    if options.prompt is not None and not options.prompt.strip():
        raise ScratchpadError("--prompt is empty: say what to ask about each picture, or leave it out.")
    list_images(options.images, options.limit)


def check(vlm: Vlm, sae: SparseAutoencoder, options: argparse.Namespace) -> SaeCheck:
    """Check as the options say."""
    from tb_visualscratchpad.exporter.sae_check.check import PROMPT, check_sae

    return check_sae(
        vlm, sae, options.images, hook=options.hook, class_token=options.class_token == "included", limit=options.limit,
        max_tokens=options.tokens, batch_size=options.batch_size, prompt=PROMPT if options.prompt is None else options.prompt, n_asked=options.answers,
        max_new_tokens=options.max_new_tokens,
    )


def text_of(check: SaeCheck) -> str:
    """Verdict first, then the tables."""
    n = check.dictionary.n_latents
    lines = [
        check.verdict, "",
        f"{check.dictionary.name}, on {check.n_tokens:,} tokens of {check.n_images:,} images of {check.images}.", "",
        f"{'as loaded, at':<42}{'unexplained':>12}{'slope':>8}{'latents':>9}{'silent':>8}{'dense':>7}{'strength':>10}",
    ]
    for place in check.places:
        name = f"{'>' if place.is_read else ' '} {place.name}{'' if place.is_hook else ' (no hook)'}"
        lines.append(
            f"{name:<42}{_share(place.fvu):>12}{_number(place.slope):>8}{place.l0:>9.1f}{place.n_dead / n:>8.0%}{place.n_dense:>7,}"
            f"{place.mean_strength:>10.3g}"
        )
    lines += ["", f"{'at > but with':<50}{'unexplained':>12}{'slope':>8}{'better in':>11}"]
    for reading in check.readings:
        better = "" if reading.better is None else f"{reading.better:.0%}"
        lines.append(f"{'*' if reading.is_clear else ' '} {reading.words:<48}{_share(reading.fvu):>12}{_number(reading.slope):>8}{better:>11}")
    lines += ["", f"{'figure':<58}{'found':>9}  expected"]
    for measure in check.measures:
        mark = {"as expected": " ", "unexpected": "!", "undecided": "?"}[measure.outcome.value]
        value = "-" if measure.value is None else f"{measure.value:.3g}"
        lines.append(f"{mark} {measure.name:<56}{value:>9}  {measure.expected}")
    if check.n_asked:
        lines += ["", f"{check.n_kept} of {check.n_asked} answers to \"{check.prompt}\" stay the same with the reconstruction in place."]
    lines += ["", "> where it is read; * clearly better; ! not as expected; ? tells nothing here. better in: share of bootstrap samples of the images."]
    return "\n".join(lines)


def check_as_json(check: SaeCheck) -> dict[str, Any]:
    """What ``--json`` prints."""
    found = asdict(check)
    del found["dictionary"]
    found["measures"] = [{**asdict(measure), "outcome": measure.outcome.value} for measure in check.measures]
    return {"dictionary_id": check.dictionary.dictionary_id, "hook": check.dictionary.hook, **found}


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
