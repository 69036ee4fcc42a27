"""Controls of a steered answer: as many other latents that fire here, steered alike, that change the features by as much.

Other latents are drawn by chance and then exchanged until the norm of the change is within ``TOLERANCE`` of the steered set's.
Where no exchange gets there (a cluster may be the strongest thing in the picture), the change of the features is multiplied by
what is missing, so that a control is always as large as what it controls.

Shape suffixes: ``P`` patches, ``I`` items (a latent under one kind of intervention), ``n`` chosen ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from tb_visualscratchpad.exporter.latent_edits import LatentEdit, ReadFeatures, edited_column
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec, scope_mask

N_CONTROLS = 5
TOLERANCE = 0.10
_POOL = 1024
"""Items at most among which controls are drawn: half of the latents by strength, half by chance."""
_ROUNDS = 50


@dataclass(frozen=True, eq=False)
class Control:
    """The control set of one seed; ``edit.factor`` is not 1 where its change had to be multiplied."""

    seed: int
    edit: LatentEdit


def draw_controls(read: ReadFeatures, spec: SteeringSpec, seeds: Sequence[int] = tuple(range(N_CONTROLS))) -> list[Control]:
    """A control for each seed.

    Fewer latents than were steered are taken only where no more fire outside the steered set. There are no controls where
    nothing else fires or ``spec`` changes no feature.
    """
    steered = replace(read.edit(spec), drops_error=False)
    changes = np.any(steered.edited_PL != steered.before_PL, axis=0)
    effective = set(steered.latent_L[changes].tolist())
    wanted = [item for item in spec.interventions if item.latent in effective]
    target = steered.change_norm
    if not wanted or target == 0:
        return []
    pool = _Pool.of(read, wanted, {item.latent for item in spec.interventions})
    controls = []
    for seed in seeds:
        chosen = pool.draw(wanted, target, np.random.default_rng([seed, 17]))
        if not chosen:
            return []
        controls.append(Control(seed, as_large_as(target, read.edit(SteeringSpec(tuple(chosen), error=spec.error)))))
    return controls


def as_large_as(norm: float, edit: LatentEdit) -> LatentEdit:
    """The edit, its change of the features multiplied where its norm is not within ``TOLERANCE`` of ``norm`` (the error apart)."""
    own = replace(edit, drops_error=False).change_norm
    within = abs(own - norm) <= TOLERANCE * norm
    return edit if within or own == 0 else replace(edit, factor=norm / own)


@dataclass(frozen=True, eq=False)
class _Pool:
    """Latents a control may take, under each kind of intervention.

    Attributes:
        kind_I: into ``kinds``.
        latent_I: which latent.
        product_II: inner products of the changes that the items make to the features; the squared norm of a set is their sum.
    """

    kinds: list[LatentIntervention]
    kind_I: np.ndarray
    latent_I: np.ndarray
    product_II: np.ndarray

    @staticmethod
    def of(read: ReadFeatures, wanted: Sequence[LatentIntervention], taken: set[int]) -> _Pool:
        kinds = list({_kind(item): item for item in wanted}.values())
        n_each = max(16, _POOL // len(kinds))
        kind_parts, latent_parts, change_parts = [], [], []
        for number, kind in enumerate(kinds):
            latents = _firing(read, kind, taken, n_each)
            before_PL = read.columns_PL(latents)
            change_PL = np.zeros_like(before_PL)
            for number_of_latent, column in enumerate(before_PL.T):
                change_PL[:, number_of_latent] = edited_column(column, kind, read.image_tokens) - column
            moved = np.any(change_PL != 0, axis=0)
            kind_parts.append(np.full(int(moved.sum()), number))
            latent_parts.append(latents[moved])
            change_parts.append(change_PL[:, moved])
        latent_I = np.concatenate(latent_parts)
        return _Pool(kinds, np.concatenate(kind_parts), latent_I, _inner_products(read, np.concatenate(change_parts, axis=1), latent_I))

    def draw(self, wanted: Sequence[LatentIntervention], target: float, rng: np.random.Generator) -> list[LatentIntervention]:
        """Interventions like ``wanted`` on other latents, each latent once."""
        chosen: list[int] = []
        for item in wanted:
            number = [_kind(kind) for kind in self.kinds].index(_kind(item))
            free = self._free(number, chosen)
            if free.size:
                chosen.append(int(rng.choice(free)))
        if not chosen:
            return []
        self._exchange(chosen, target, rng)
        return [replace(self.kinds[self.kind_I[i]], latent=int(self.latent_I[i])) for i in chosen]

    def _free(self, kind: int, chosen: Sequence[int]) -> np.ndarray:
        return np.flatnonzero((self.kind_I == kind) & ~np.isin(self.latent_I, self.latent_I[list(chosen)]))

    def _exchange(self, chosen: list[int], target: float, rng: np.random.Generator) -> None:
        """Exchanges members, each time for one of those that bring the norm nearer, until it is near enough or none does."""
        for _ in range(_ROUNDS):
            improved = False
            for place in rng.permutation(len(chosen)):
                norm = self._norm(self.product_II[np.ix_(chosen, chosen)].sum())
                if abs(norm - target) <= TOLERANCE * target * 0.9:  # a little nearer than asked: features are rounded later
                    return
                rest = [item for number, item in enumerate(chosen) if number != place]
                free = self._free(int(self.kind_I[chosen[place]]), chosen)
                own = self.product_II[np.ix_(rest, rest)].sum()
                norms = self._norm(own + 2 * self.product_II[free][:, rest].sum(axis=1) + self.product_II[free, free])
                nearer = np.flatnonzero(np.abs(norms - target) < abs(norm - target) * (1 - 1e-6))
                if nearer.size:
                    chosen[place] = int(free[rng.choice(nearer)])
                    improved = True
            if not improved:
                return

    @staticmethod
    def _norm(squared: np.ndarray | float) -> np.ndarray:
        return np.sqrt(np.maximum(squared, 0))


def _kind(item: LatentIntervention) -> tuple[object, ...]:
    return (item.op, item.value, item.where)


def _firing(read: ReadFeatures, kind: LatentIntervention, taken: set[int], at_most: int) -> np.ndarray:
    """int32: latents outside ``taken`` that fire within the kind's scope, ascending."""
    within = scope_mask(kind.where, read.image_tokens)
    squared_K = np.asarray(read.latents.csr_PK[np.flatnonzero(within)].power(2).sum(axis=0)).ravel()
    firing = np.setdiff1d(np.flatnonzero(squared_K > 0), np.array(sorted(taken), dtype=np.int64))
    if firing.size > at_most:
        by_strength = firing[np.argsort(-squared_K[firing], kind="stable")]
        strong, others = by_strength[: at_most // 2], by_strength[at_most // 2 :]
        firing = np.concatenate([strong, np.random.default_rng(0).choice(others, at_most - strong.size, replace=False)])
    return np.sort(firing).astype(np.int32)


def _inner_products(read: ReadFeatures, change_PI: np.ndarray, latent_I: np.ndarray) -> np.ndarray:
    """float64 [I, I]: <change of i, change of j> = sum_p s_p^2 c_pi c_pj <decoder row i, decoder row j>."""
    device = read.sae.device
    change = torch.from_numpy(np.ascontiguousarray(change_PI)).to(device)
    if read.token_scale_P1 is not None:
        change = change * read.token_scale_P1.float()
    rows = read.sae.W_dec[torch.as_tensor(latent_I, dtype=torch.long, device=device)].float()
    return ((change.T @ change) * (rows @ rows.T)).double().cpu().numpy()
