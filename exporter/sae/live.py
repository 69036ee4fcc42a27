"""An SAE that is still being trained, as the rest of the exporter reads one."""

from __future__ import annotations

from torch import Tensor

from tb_visualscratchpad.exporter.sae.activation_functions import ActivationFunction
from tb_visualscratchpad.exporter.sae.normalisations import NoNormalisation, Normalisation
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.wire.errors import ScratchpadError


def live_sae(
    name: str,
    *,
    W_enc: Tensor,
    b_enc: Tensor,
    W_dec: Tensor,
    b_dec: Tensor,
    activation: ActivationFunction,
    normalisation: Normalisation = NoNormalisation(),
    subtracts_b_dec: bool = True,
) -> SparseAutoencoder:
    """Parameters of a training loop as an SAE. They are shared, not copied: an optimiser that changes them in place changes this too.

    Args:
        name: what the tab calls it.
        W_enc: [d, K]. b_enc: [K]. W_dec: [K, d]. b_dec: [d].
        activation: one of ``exporter.sae.activation_functions``: ``Relu()``, ``TopK(k)``, ``JumpRelu(threshold_K)`` and more.

    Raises:
        ScratchpadError: shapes that do not belong together.
    """
    d_in, n_latents = (int(n) for n in W_enc.shape) if W_enc.ndim == 2 else (-1, -1)
    expected = {"W_enc": (d_in, n_latents), "b_enc": (n_latents,), "W_dec": (n_latents, d_in), "b_dec": (d_in,)}
    for (part, shape), tensor in zip(expected.items(), (W_enc, b_enc, W_dec, b_dec), strict=True):
        if tuple(tensor.shape) != shape:
            raise ScratchpadError(
                f"{part} of the SAE {name} is {list(tensor.shape)}, expected W_enc [d, K], b_enc [K], W_dec [K, d], b_dec [d] "
                f"(here {list(shape)}): transpose or check it."
            )
    return SparseAutoencoder(
        name=name, hook=None, identity=f"in training: {name}", W_enc=W_enc.detach(), b_enc=b_enc.detach(), W_dec=W_dec.detach(),
        b_dec=b_dec.detach(), activation_function=activation, normalisation=normalisation, subtracts_b_dec=subtracts_b_dec,
    )
