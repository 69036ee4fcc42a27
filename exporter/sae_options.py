"""Options of the command line that answer what the file of an SAE does not say, and the command ``convert-sae``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tb_visualscratchpad.exporter.option_values import positive
from tb_visualscratchpad.wire.errors import ScratchpadError

if TYPE_CHECKING:
    from tb_visualscratchpad.exporter.sae import SparseAutoencoder


def add_sae_options(group: argparse._ArgumentGroup, of: str = "sae") -> None:
    """``--sae-...``, one for each answer of ``load_sae``; ``of`` begins the options of another SAE."""
    group.add_argument(f"--{of}-k", type=positive, metavar="K", help="k of a topk or groupmax SAE")
    group.add_argument(f"--{of}-scaling-factor", type=float, metavar="S", help="what inputs were multiplied by; 1 for nothing, or where it is folded")
    group.add_argument(f"--{of}-input-mean", metavar="FILE", help="file of what was subtracted from inputs before that, one vector; none for nothing")
    group.add_argument(f"--{of}-threshold", type=float, metavar="T", help="threshold of a batchtopk SAE")
    group.add_argument(f"--{of}-activation", choices=("relu", "topk", "batchtopk", "groupmax"), help="activation of the SAE")
    group.add_argument(f"--{of}-decoder-norm", choices=("l2", "max_l2", "l1", "max_l1", "identity"), help="how overcomplete normalises the decoder")
    group.add_argument(f"--{of}-delta", type=float, metavar="D", help="bound on the relaxation of overcomplete's archetypes")
    group.add_argument(f"--{of}-subtract-b-dec", type=_yes_or_no, metavar="yes|no", help="whether b_dec is subtracted from inputs (saev)")
    group.add_argument(f"--{of}-clip-negative", action="store_true", default=None, help="read negative latents as 0 (saev's TopK has some)")


def answers_of(options: argparse.Namespace, of: str = "sae") -> dict[str, Any]:
    """The keywords of ``load_sae`` that these options stand for; ``of`` as their attributes begin."""
    names = ("k", "scaling_factor", "input_mean", "threshold", "activation", "decoder_norm", "delta", "subtract_b_dec", "clip_negative")
    return {name: getattr(options, f"{of}_{name}") for name in names}


def tell_remarks(sae: SparseAutoencoder) -> None:
    """On stderr: what was taken as the library's convention, and what else a user should hear of the SAE."""
    for sentence in () if sae.report is None else sae.report.remarks():
        print(f"The SAE {sae.name}: {sentence}", file=sys.stderr)


def add_conversion_options(parser: argparse.ArgumentParser) -> None:
    """``convert-sae IN OUT``."""
    parser.add_argument("source", metavar="IN", help="folder, file or hub id of an SAE of any library that is read here")
    parser.add_argument("output", metavar="OUT", type=Path, help="folder that is made; it may not exist")
    add_sae_options(parser.add_argument_group("where the file of the SAE does not tell"))
    parser.add_argument("--json", action="store_true", help="print what was decided as one object on stdout")


def convert(options: argparse.Namespace) -> dict[str, Any] | None:
    """Convert as asked, and say what was decided.

    Raises:
        ScratchpadError: as ``convert_sae``.
    """
    from tb_visualscratchpad.exporter.sae.conversion import convert_sae
    from tb_visualscratchpad.exporter.sae.saelens import WEIGHTS_FILE

    output = options.output.expanduser()
    if not output.name:
        raise ScratchpadError(f"{output} names no folder: give the path of the one to make.")
    sae = convert_sae(options.source, output, **answers_of(options))
    tell_remarks(sae)
    kind = f"{sae.activation} SAE, {sae.d_in} inputs, {sae.n_latents} latents"
    print(f"Wrote {output / WEIGHTS_FILE}: {kind}, as SAELens saves it.", file=sys.stderr)
    if not options.json:
        return None
    assert sae.report is not None, "every loader reports"
    return {
        "output": str(output), "format": sae.report.format, "architecture": sae.report.architecture, "activation": sae.activation,
        "d_in": sae.d_in, "n_latents": sae.n_latents,
        "decisions": [
            {"name": one.name, "value": one.value, "source": one.source.value, "reason": one.reason, "alternatives": list(one.alternatives)}
            for one in sae.report.decisions
        ],
    }


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"{text} is neither yes nor no")
    return text == "yes"
