"""The SAE itself: one encode and one decode path for every checkpoint format.

Loaders fold whatever is linear (decoder norms, an average scale) into the weights, so that here

    z = activation((normalise(x) - b_dec) W_enc + b_enc)        the subtraction only where ``subtracts_b_dec``
    x' = undo(z W_dec + b_dec)

Shape suffixes: ``d`` input width, ``K`` latents, ``N`` rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from tb_visualscratchpad.exporter.sae.activation_functions import ActivationFunction
from tb_visualscratchpad.exporter.sae.load_report import LoadReport
from tb_visualscratchpad.exporter.sae.normalisations import Normalisation, NormState
from tb_visualscratchpad.wire.errors import ScratchpadError

DENSE_ELEMENTS_AT_ONCE = 1 << 24
"""Dense latents held at once by ``encode_sparse``: 64 MiB of float32."""


@dataclass(frozen=True, eq=False)
class SparseAutoencoder:
    """A sparse autoencoder that reads d_in-wide tokens and has ``n_latents`` latents, numbered from 0.

    Attributes:
        name: what the user calls it: a folder's name, a hub id, or ``demo``.
        hook: the place in a VLM that its file says it reads, None where the file is silent.
        identity: sha256 (hex) of the weights as stored and of all that decides how they are used; the same for every
            device and dtype.
        W_enc [d, K], b_enc [K], W_dec [K, d], b_dec [d]: weights, finite, after folding.
        report: how its checkpoint was read, None where it comes from no checkpoint.
    """

    name: str
    hook: str | None
    identity: str
    W_enc: Tensor
    b_enc: Tensor
    W_dec: Tensor
    b_dec: Tensor
    activation_function: ActivationFunction
    normalisation: Normalisation
    subtracts_b_dec: bool = True
    report: LoadReport | None = None

    @property
    def d_in(self) -> int:
        return int(self.W_enc.shape[0])

    @property
    def n_latents(self) -> int:
        return int(self.W_enc.shape[1])

    @property
    def activation(self) -> str:
        """Name of the activation function: relu, tanh-relu, topk, groupmax, jumprelu, batchtopk or gated."""
        return self.activation_function.name

    @property
    def device(self) -> torch.device:
        return self.W_enc.device

    @property
    def dtype(self) -> torch.dtype:
        return self.W_enc.dtype

    def to(self, device: str | torch.device, dtype: torch.dtype | None = None) -> SparseAutoencoder:
        """The same SAE on another device, in another type where one is given."""
        device, dtype = torch.device(device), dtype or self.dtype
        moved = {
            name: getattr(self, name).to(device=device, dtype=dtype) for name in ("W_enc", "b_enc", "W_dec", "b_dec")
        }
        return replace(self, **moved, activation_function=self.activation_function.to(device, dtype))

    def normalise(self, x: Tensor) -> tuple[Tensor, NormState]:
        """Tokens as the weights read them, and what undoes it.

        Args:
            x: [..., d] as the hook gives it, any float type, any device.

        Returns:
            [..., d] in the SAE's type and on its device, and the state for ``NormState.undo``.

        Raises:
            ScratchpadError: x is not d_in wide.
        """
        if x.shape[-1] != self.d_in:
            raise ScratchpadError(
                f"The SAE {self.name} reads inputs of width {self.d_in}, got width {x.shape[-1]}: choose another hook "
                "or another SAE."
            )
        # Sums of squares of half-precision numbers overflow at activations that vision towers do reach.
        exact = x.to(device=self.device, dtype=torch.promote_types(self.dtype, torch.float32))
        normalised, state = self.normalisation.normalise(exact)
        return normalised.to(self.dtype), state

    def encode_normalised(self, normalised: Tensor) -> Tensor:
        """Latents [..., K] of tokens [..., d] that ``normalise`` gave."""
        centred = normalised - self.b_dec if self.subtracts_b_dec else normalised
        return self.activation_function(centred @ self.W_enc + self.b_enc)

    def decode_normalised(self, z: Tensor) -> Tensor:
        """Rebuilt tokens [..., d] of latents [..., K], still normalised: ``NormState.undo`` gives the hook's units."""
        return z.to(device=self.device, dtype=self.dtype) @ self.W_dec + self.b_dec

    def encode(self, x: Tensor) -> Tensor:
        """Dense latents z >= 0, [..., K], of tokens x [..., d] as the hook gives them.

        Raises:
            ScratchpadError: x is not d_in wide.
        """
        return self.encode_normalised(self.normalise(x)[0])

    def decode(self, z: Tensor, x: Tensor) -> Tensor:
        """Rebuilt tokens [..., d] of latents z [..., K], with the per-token statistics of ``x`` [..., d] put back."""
        return self.normalise(x)[1].undo(self.decode_normalised(z))

    @torch.inference_mode()
    def encode_sparse(self, x_Nd: Tensor) -> sparse.csr_matrix:
        """Latents of N tokens as a float32 scipy matrix [N, K] that keeps only what fires.

        Dense latents exist for a block of rows at a time, so memory does not grow with N * K.

        Raises:
            ScratchpadError: x is not d_in wide, or holds NaN or infinite values (half precision that overflowed).
        """
        if not bool(torch.isfinite(x_Nd).all()):
            raise ScratchpadError(
                f"The vision features for the SAE {self.name} hold NaN or infinite values: run the model in float32 "
                "(--dtype float32)."
            )
        block = max(1, DENSE_ELEMENTS_AT_ONCE // self.n_latents)
        counts, latents, values = [], [], []
        for start in range(0, x_Nd.shape[0], block):
            z = self.encode(x_Nd[start : start + block])
            row, latent = torch.nonzero(z, as_tuple=True)
            counts.append(torch.bincount(row, minlength=z.shape[0]).cpu().numpy())
            latents.append(latent.to(torch.int32).cpu().numpy())
            values.append(z[row, latent].float().cpu().numpy())
        indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(_joined(counts, np.int64))])
        return sparse.csr_matrix(
            (_joined(values, np.float32), _joined(latents, np.int32), indptr), shape=(x_Nd.shape[0], self.n_latents)
        )

    @torch.inference_mode()
    def decode_sparse(self, z_NK: sparse.csr_matrix, x_Nd: Tensor) -> Tensor:
        """As ``decode``, from what ``encode_sparse`` gave: [N, d] without dense latents."""
        latent = torch.from_numpy(z_NK.indices.astype(np.int64)).to(self.device)
        start = torch.from_numpy(z_NK.indptr[:-1].astype(np.int64)).to(self.device)
        value = torch.from_numpy(np.asarray(z_NK.data)).to(device=self.device, dtype=self.dtype)
        rebuilt = functional.embedding_bag(latent, self.W_dec, start, mode="sum", per_sample_weights=value)
        return self.normalise(x_Nd)[1].undo(rebuilt + self.b_dec)


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
