"""Sparse autoencoders: what they compute, and how checkpoints of theirs are read."""

from tb_visualscratchpad.exporter.sae.conversion import convert_sae
from tb_visualscratchpad.exporter.sae.dictionary import dictionary_info, width_of_hook
from tb_visualscratchpad.exporter.sae.live import live_sae
from tb_visualscratchpad.exporter.sae.load_report import Decision, LoadReport, Source
from tb_visualscratchpad.exporter.sae.loading import load_sae
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder

__all__ = [
    "Decision", "LoadReport", "Source", "SparseAutoencoder", "convert_sae", "dictionary_info", "live_sae", "load_sae", "width_of_hook",
]
