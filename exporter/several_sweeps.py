"""Several dictionaries of one hook over one image set in one pass: each patch goes through the vision tower once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from tb_visualscratchpad.exporter.image_folder import list_images
from tb_visualscratchpad.exporter.packed_features import Image, packed_features
from tb_visualscratchpad.exporter.sae.dictionary import dictionary_info
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sweep import THUMBNAIL_SIDE, SweepResult, SweepState, run_through
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError


def sweep_several(
    vlm: Vlm, saes: Sequence[SparseAutoencoder], images: str | Path, *, hook: str | None = None, batch_size: int = 8, progress: bool = True
) -> tuple[SweepResult, ...]:
    """As :func:`~tb_visualscratchpad.exporter.sweep.sweep` gives for each of ``saes``, to the last bit, in their order.

    Raises:
        ScratchpadError: none was given, they read different hooks, or what ``sweep`` raises.
        KeyboardInterrupt: as ``sweep``.
    """
    if not saes:
        raise ScratchpadError("No SAE was given: give one or more that read the same hook.")
    if batch_size < 1:
        raise ScratchpadError(f"The batch size is {batch_size}: expected at least 1.")
    infos = [dictionary_info(vlm, sae, hook) for sae in saes]
    hooks = sorted({info.hook for info in infos})
    if len(hooks) > 1:
        raise ScratchpadError(f"The SAEs read different hooks ({', '.join(hooks)}): sweep those of each hook by themselves.")
    folder = list_images(Path(images), None)
    with ExitStack() as stack:
        states = [
            stack.enter_context(closing(SweepState(vlm, sae, info, folder, None))) for sae, info in zip(saes, infos, strict=True)
        ]
        complete = run_through(
            vlm, folder, _Together(vlm, hooks[0], saes, states), batch_size=batch_size, thumbnail_side=THUMBNAIL_SIDE, progress=progress
        )
        return tuple(state.result(complete=complete) for state in states)


class _Together:
    """Hands the same features to several states."""

    def __init__(self, vlm: Vlm, hook: str, saes: Sequence[SparseAutoencoder], states: Sequence[SweepState]) -> None:
        self._vlm, self._hook, self._saes, self._states = vlm, hook, saes, states

    @property
    def n_broken(self) -> int:
        return self._states[0].n_broken

    @property
    def n_images(self) -> int:
        return self._states[0].n_images

    def add(self, batch: list[Image], batch_size: int) -> None:
        """Run images through the tower once and count them for each."""
        # Each counts the broken ones; what is left is the same for all.
        readable, *_ = [state.readable(batch) for state in self._states]
        if not readable:
            return
        x_Nd = packed_features(self._vlm, self._hook, readable, batch_size)
        for sae, state in zip(self._saes, self._states, strict=True):
            state.add_features(readable, x_Nd.to(sae.device))
