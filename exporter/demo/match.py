"""The demo's two dictionaries matched: which latents of the good one the badly trained one found, too."""

from __future__ import annotations

from tb_visualscratchpad.exporter.dictionary_match import match_dictionaries
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch


def demo_match(vlm: Vlm, sae: SparseAutoencoder, other: SparseAutoencoder) -> DictionaryMatch:
    """Their decoder rows compared, under the identities that their sweeps are logged under; takes under a second."""
    return match_dictionaries(dictionary_info(vlm, sae), sae.W_dec, dictionary_info(vlm, other), other.W_dec, progress=False)
