"""From a spec to features: the latents of one picture, edited after the activation, without selecting anew.

Features change by ``decode(z') - decode(z)`` under the same per-token normalisation, so that what the SAE does not explain stays
in place (error kept). The decoder is linear, so the edited columns of z alone decide the change.

Shape suffixes: ``P`` patches of all views, ``L`` edited latents, ``K`` all latents, ``d`` width of the hook.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec, scope_mask
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap, LatentActivations


@dataclass(frozen=True, eq=False)
class ReadFeatures:
    """The features of one picture at the hook, and how the SAE reads them.

    Attributes:
        features: [views, grid * grid, d], in the model's type, on its device.
        image_tokens: where the patches lie.
    """

    sae: SparseAutoencoder
    features: torch.Tensor
    image_tokens: ImageTokenMap

    @cached_property
    def latents(self) -> LatentActivations:
        """z of every patch, sparse.

        Raises:
            ScratchpadError: features that are not finite, or not as wide as what the SAE reads.
        """
        return encode(self.sae, self.features)

    @cached_property
    def token_scale_P1(self) -> torch.Tensor | None:
        """float [P, 1], what a difference of normalised tokens is multiplied by in the hook's units; None for one."""
        return self.sae.normalise(self._flat)[1].scale

    @cached_property
    def reconstruction_Pd(self) -> torch.Tensor:
        """float32 [P, d], decode(z) in the hook's units."""
        return self.sae.decode_sparse(self.latents.csr_PK, self._flat).float()

    @property
    def _flat(self) -> torch.Tensor:
        return self.features.reshape(-1, self.features.shape[-1])

    def columns_PL(self, latent_L: np.ndarray) -> np.ndarray:
        """float32 [P, L], z of some latents."""
        return self.latents.csc_PK[:, latent_L].toarray()

    def decoded_change_Pd(self, change_PL: np.ndarray, latent_L: np.ndarray) -> torch.Tensor:
        """float32 [P, d]: what a change of some latents does to the features."""
        rows = self.sae.W_dec[torch.as_tensor(latent_L, dtype=torch.long, device=self.sae.device)].float()
        change = torch.from_numpy(np.ascontiguousarray(change_PL)).to(rows.device) @ rows
        scale = self.token_scale_P1
        return change if scale is None else change * scale.float()

    def edit(self, spec: SteeringSpec) -> LatentEdit:
        """What ``spec`` does to this picture's latents.

        Raises:
            ScratchpadError: a latent the dictionary does not have.
        """
        n_latents = self.sae.n_latents
        beyond = [item.latent for item in spec.interventions if item.latent >= n_latents]
        if beyond:
            raise ScratchpadError(f"Latents {beyond[:5]} were given, the dictionary has {n_latents}, numbered from 0: choose among those.")
        items = sorted(spec.interventions, key=lambda item: item.latent)
        latent_L = np.array([item.latent for item in items], dtype=np.int32)
        before_PL = self.columns_PL(latent_L)
        edited = [edited_column(before_PL[:, number], item, self.image_tokens) for number, item in enumerate(items)]
        edited_PL = np.stack(edited, axis=1) if edited else before_PL
        return LatentEdit(read=self, latent_L=latent_L, before_PL=before_PL, edited_PL=edited_PL, drops_error=spec.error == "dropped")


def edited_column(z_P: np.ndarray, item: LatentIntervention, image_tokens: ImageTokenMap) -> np.ndarray:
    """z' float32 [P] of one latent: SET, SCALE or ADD (not below zero) within the scope, z elsewhere."""
    within = scope_mask(item.where, image_tokens)
    if item.where == "firing":
        within = within & (z_P > 0)
    if item.op == "SET":
        edited = np.full_like(z_P, item.value)
    elif item.op == "SCALE":
        edited = z_P * np.float32(item.value)
    else:
        edited = np.maximum(z_P + np.float32(item.value), 0)
    return np.where(within, edited, z_P)


def encode(sae: SparseAutoencoder, features: torch.Tensor) -> LatentActivations:
    """Sparse z of features [views, grid * grid, d]."""
    return LatentActivations.from_csr(sae.encode_sparse(features.reshape(-1, features.shape[-1])))


@dataclass(frozen=True, eq=False)
class LatentEdit:
    """An edit of one picture's latents.

    Attributes:
        latent_L: int32, ascending.
        before_PL, edited_PL: float32, z and z' of them.
        drops_error: the reconstruction takes the features' place.
        factor: what the change of the features is multiplied by, 1 but for controls that have to be as large as what they control.
    """

    read: ReadFeatures
    latent_L: np.ndarray
    before_PL: np.ndarray
    edited_PL: np.ndarray
    drops_error: bool = False
    factor: float = 1.0

    @torch.no_grad()
    def change_Pd(self) -> torch.Tensor:
        """float32 [P, d], what is added to the features, on the SAE's device."""
        change = self.read.decoded_change_Pd(self.edited_PL - self.before_PL, self.latent_L) * self.factor
        if not self.drops_error:
            return change
        x = self.read.features
        return change + self.read.reconstruction_Pd - x.reshape(-1, x.shape[-1]).to(change.device).float()

    @torch.no_grad()
    def features(self) -> torch.Tensor:
        """The features [views, grid * grid, d] that result, in the model's type, on its device."""
        x = self.read.features
        change = self.change_Pd().to(x.device)
        return (x.float() + change.reshape(x.shape)).to(x.dtype)

    @property
    def change_norm(self) -> float:
        """L2 norm of the change over all patches."""
        return float(self.change_Pd().norm())
