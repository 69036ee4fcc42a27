"""Everything that computes with torch: models, SAEs, sweeps, explanations, and the writer of evidence.

Names are loaded when first used, so that ``visualscratchpad --help`` and the writer alone do not wait for torch.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tb_visualscratchpad.exporter.asked_picture import AskedPicture
    from tb_visualscratchpad.exporter.cluster_sweep import NamedLatents, sweep_clusters
    from tb_visualscratchpad.exporter.decoder_map import decoder_map
    from tb_visualscratchpad.exporter.dictionary_match import match_dictionaries
    from tb_visualscratchpad.exporter.dictionary_monitor import DictionaryMonitor, MonitorPace
    from tb_visualscratchpad.exporter.dose_response import dose_response
    from tb_visualscratchpad.exporter.event_log import ScratchpadWriter, new_run_directory
    from tb_visualscratchpad.exporter.explain import explain
    from tb_visualscratchpad.exporter.failure_items import AskedItem, read_items
    from tb_visualscratchpad.exporter.failure_set import failure_set
    from tb_visualscratchpad.exporter.head_attention import head_attention
    from tb_visualscratchpad.exporter.pixel_erasure import erase
    from tb_visualscratchpad.exporter.sae import SparseAutoencoder, convert_sae, dictionary_info, live_sae, load_sae
    from tb_visualscratchpad.exporter.sae_check.check import check_sae
    from tb_visualscratchpad.exporter.set_ablation import ablate_over_set
    from tb_visualscratchpad.exporter.steered_answers import steer
    from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
    from tb_visualscratchpad.exporter.sweep import sweep
    from tb_visualscratchpad.exporter.truth.check import check_truth
    from tb_visualscratchpad.exporter.truth.labelled_pictures import LabelledPicture, TruthItem, TruthSet
    from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
    from tb_visualscratchpad.exporter.word_gradient import word_contributions

__all__ = [
    "AskedItem",
    "AskedPicture",
    "DictionaryMonitor",
    "LabelledPicture",
    "LatentIntervention",
    "MonitorPace",
    "NamedLatents",
    "ScratchpadWriter",
    "SparseAutoencoder",
    "SteeringSpec",
    "TruthItem",
    "TruthSet",
    "Vlm",
    "ablate_over_set",
    "check_sae",
    "check_truth",
    "convert_sae",
    "decoder_map",
    "dictionary_info",
    "dose_response",
    "erase",
    "explain",
    "failure_set",
    "head_attention",
    "live_sae",
    "load_sae",
    "load_vlm",
    "match_dictionaries",
    "new_run_directory",
    "read_items",
    "steer",
    "sweep",
    "sweep_clusters",
    "word_contributions",
]

_MODULE_OF = {
    "AskedItem": "failure_items",
    "AskedPicture": "asked_picture",
    "DictionaryMonitor": "dictionary_monitor",
    "LabelledPicture": "truth.labelled_pictures",
    "LatentIntervention": "steering",
    "MonitorPace": "dictionary_monitor",
    "NamedLatents": "cluster_sweep",
    "ScratchpadWriter": "event_log",
    "SparseAutoencoder": "sae",
    "SteeringSpec": "steering",
    "TruthItem": "truth.labelled_pictures",
    "TruthSet": "truth.labelled_pictures",
    "Vlm": "vlm",
    "ablate_over_set": "set_ablation",
    "check_truth": "truth.check",
    "check_sae": "sae_check.check",
    "convert_sae": "sae",
    "decoder_map": "decoder_map",
    "dictionary_info": "sae",
    "dose_response": "dose_response",
    "erase": "pixel_erasure",
    "explain": "explain",
    "failure_set": "failure_set",
    "head_attention": "head_attention",
    "live_sae": "sae",
    "load_sae": "sae",
    "load_vlm": "vlm",
    "match_dictionaries": "dictionary_match",
    "new_run_directory": "event_log",
    "read_items": "failure_items",
    "steer": "steered_answers",
    "sweep": "sweep",
    "sweep_clusters": "cluster_sweep",
    "word_contributions": "word_gradient",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


class _Package(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a submodule sets it on its package; `explain`, `sweep`, `dose_response` and `decoder_map` mean the functions in them.
        if isinstance(value, ModuleType) and _MODULE_OF.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
