"""``visualscratchpad match-sae``: which latents of two SAEs are the same, for the tab, and as a sentence or as JSON."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tb_visualscratchpad.exporter.sae_options import add_sae_options, answers_of, tell_remarks

if TYPE_CHECKING:
    from tb_visualscratchpad.exporter.sae import SparseAutoencoder
    from tb_visualscratchpad.exporter.vlm import Vlm
    from tb_visualscratchpad.wire.match_evidence import DictionaryMatch

CLOSE, NEAR = 0.9, 0.7


def add_match_options(parser: argparse.ArgumentParser) -> None:
    """What ``match-sae`` takes besides model and SAE."""
    second = parser.add_argument_group("the other SAE")
    second.add_argument("--other-sae", required=True, help="folder, file or hub id of the SAE to match with, or 'demo'")
    second.add_argument("--other-vlm", help="the model whose features it reads, where that is another one (default: --vlm)")
    second.add_argument("--other-hook", help="vision features it reads (default: what its file says, else --hook, else what the projector reads)")
    add_sae_options(parser.add_argument_group("where the file of the other SAE does not tell"), of="other-sae")
    parser.add_argument("--logdir", type=Path, required=True, help="TensorBoard log directory; a run directory is made in it")
    parser.add_argument("--json", action="store_true", help="print the counts as one object on stdout")


def match(vlm: Vlm, sae: SparseAutoencoder, other_vlm: Vlm, options: argparse.Namespace) -> DictionaryMatch:
    """Match as the options say; ``other_vlm`` may be ``vlm``.

    Raises:
        ScratchpadError: the other SAE cannot be read or does not fit its model, or the two cannot be compared.
    """
    from tb_visualscratchpad.exporter.dictionary_match import match_dictionaries
    from tb_visualscratchpad.exporter.sae import dictionary_info, load_sae

    other = load_sae(options.other_sae, device=str(sae.device), **answers_of(options, of="other_sae"))
    tell_remarks(other)
    # Where neither its file nor an option says otherwise, both read what --hook names.
    other_hook = options.other_hook or (options.hook if other.hook is None and other_vlm is vlm else None)
    return match_dictionaries(
        dictionary_info(vlm, sae, options.hook), sae.W_dec, dictionary_info(other_vlm, other, other_hook), other.W_dec
    )


def match_as_json(found: DictionaryMatch) -> dict[str, Any]:
    """What ``--json`` prints: of each side how many latents have a counterpart over .7 and over .9, and how many pairs are mutual."""
    sides = {}
    for name, one in (("forward", found), ("backward", found.reversed())):
        best = one.forward_latent_Kn[:, 0] >= 0
        cosine = one.forward_cosine_Kn[:, 0]
        sides[name] = {
            "n_latents": one.dictionary.n_latents, "n_with_direction": int(best.sum()),
            "n_over_0.7": int((best & (cosine > NEAR)).sum()), "n_over_0.9": int((best & (cosine > CLOSE)).sum()),
        }
    return {
        "dictionary_id": found.dictionary.dictionary_id, "other_id": found.other.dictionary_id, "match_id": found.match_id,
        "n_mutual": int(found.mutual_K.sum()), **sides,
    }


def told(found: DictionaryMatch) -> str:
    """The result in one sentence, and a second one where the two read different features."""
    from tb_visualscratchpad.exporter.dictionary_match import differences_told

    counts = match_as_json(found)
    forward, backward = counts["forward"], counts["backward"]
    sentence = (
        f"{forward['n_over_0.9']:,} of {forward['n_latents']:,} latents of {found.dictionary.name} have a counterpart over {CLOSE:g} in "
        f"{found.other.name}, {forward['n_over_0.7']:,} over {NEAR:g}; the other way {backward['n_over_0.9']:,} of "
        f"{backward['n_latents']:,} and {backward['n_over_0.7']:,}; {counts['n_mutual']:,} pairs are the best of each other."
    )
    apart = differences_told(found.dictionary, found.other)
    return sentence if apart is None else f"{sentence} {apart}"
