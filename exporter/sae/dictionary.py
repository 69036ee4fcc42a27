"""A *dictionary*: an SAE at one hook of one VLM, checked to fit, with the identity that evidence joins on."""

from __future__ import annotations

import hashlib
from typing import Protocol

import torch
from PIL import Image

from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo


class PreparedView(Protocol):
    """``pixel_values`` float32 [n_views, 3, S, S] of one picture."""

    @property
    def pixel_values(self) -> torch.Tensor: ...


class HookedVlm(Protocol):
    """What a dictionary asks of a VLM; every adapter in ``exporter.vlm`` has it."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> str: ...

    def hooks(self) -> tuple[str, ...]: ...

    def resolve_hook(self, name: str | None) -> str: ...

    def prepare_picture(self, picture: Image.Image) -> PreparedView: ...

    def features(self, pixel_values: torch.Tensor, hook: str) -> torch.Tensor: ...


_WIDTH_OF_HOOK: dict[tuple[str, str], int] = {}
"""Widths that were measured, by (VLM identity, hook): both decide them."""


def dictionary_info(vlm: HookedVlm, sae: SparseAutoencoder, hook: str | None = None) -> DictionaryInfo:
    """The identity of an SAE at a hook of a VLM.

    Args:
        hook: None takes the hook that the SAE's file names, or else the VLM's default: what its projector reads.

    Raises:
        ScratchpadError: the VLM has no such hook, or the hook is not as wide as what the SAE reads.
    """
    chosen = _resolved_hook(vlm, sae, hook)
    width = width_of_hook(vlm, chosen)
    if width != sae.d_in:
        raise ScratchpadError(
            f"The SAE {sae.name} reads {sae.d_in}-wide inputs, hook {chosen} of {vlm.name} gives {width}: "
            f"choose --hook among {', '.join(vlm.hooks())}, or an SAE trained on this model."
        )
    parts = "\0".join((sae.identity, vlm.identity, chosen))
    return DictionaryInfo(
        dictionary_id=hashlib.sha256(parts.encode()).hexdigest(),
        name=f"{sae.name} at {chosen} of {vlm.name}",
        vlm_name=vlm.name,
        sae_name=sae.name,
        hook=chosen,
        d_in=sae.d_in,
        n_latents=sae.n_latents,
        activation=activation_in_words(sae),
    )


def activation_in_words(sae: SparseAutoencoder) -> str:
    """Its activation function, and of TopK how many may fire: ``topk 16``."""
    function = sae.activation_function
    return f"{function.name} {function.k}" if isinstance(function, TopK) else function.name


def _resolved_hook(vlm: HookedVlm, sae: SparseAutoencoder, hook: str | None) -> str:
    if hook is not None or sae.hook is None:
        return vlm.resolve_hook(hook)
    try:
        return vlm.resolve_hook(sae.hook)
    except ScratchpadError as error:
        raise ScratchpadError(
            f"The file of the SAE {sae.name} names the hook {sae.hook!r}, which {vlm.name} does not have: "
            f"choose --hook among {', '.join(vlm.hooks())}."
        ) from error


def width_of_hook(vlm: HookedVlm, hook: str) -> int:
    """How wide the features at a hook are, by its canonical name. Measured on one blank view: that holds for every model family."""
    key = (vlm.identity, hook)
    if key not in _WIDTH_OF_HOOK:
        blank = vlm.prepare_picture(Image.new("RGB", (32, 32))).pixel_values[:1]
        _WIDTH_OF_HOOK[key] = int(vlm.features(blank, hook).shape[-1])
    return _WIDTH_OF_HOOK[key]
