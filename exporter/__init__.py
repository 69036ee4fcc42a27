"""Everything that computes with torch: models, SAEs, sweeps, explanations, and the writer of evidence."""

from tb_visualscratchpad.exporter.decoder_map import decoder_map
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter, new_run_directory
from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info, load_sae
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.sweep import sweep
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm

__all__ = [
    "LatentIntervention",
    "ScratchpadWriter",
    "SparseAutoencoder",
    "SteeringSpec",
    "Vlm",
    "decoder_map",
    "dictionary_info",
    "explain",
    "load_sae",
    "load_vlm",
    "new_run_directory",
    "sweep",
]
