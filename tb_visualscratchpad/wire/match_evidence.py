"""Which latents of two dictionaries write alike: for each latent the nearest decoder rows of the other dictionary.

Shape suffixes: ``K`` latents of the first dictionary, ``J`` of the second, ``n`` counterparts kept of each.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tb_visualscratchpad.wire.evidence import DictionaryInfo


def match_id_of(dictionary_id: str, other_id: str) -> str:
    """sha256 (hex): the same for every match of these two in this order. Two identities side by side are too long for a tag."""
    return hashlib.sha256(f"{dictionary_id}\0{other_id}".encode()).hexdigest()


@dataclass(frozen=True)
class DictionaryMatch:
    """The latents of two dictionaries of one width, by cosine of decoder rows as they stand (an opposite row is no counterpart).

    Attributes:
        dictionary, other: the first and the second.
        created: seconds since the epoch.
        forward_latent_Kn: int32, latents of the second, best first, ties by the lower number; -1 where there are fewer. A row of
            zeros has no direction: it has no counterpart and is none.
        forward_cosine_Kn: float32, -1...1; 0 where there is none.
        backward_latent_Jn, backward_cosine_Jn: for each latent of the second, likewise.
    """

    dictionary: DictionaryInfo
    other: DictionaryInfo
    created: float
    forward_latent_Kn: np.ndarray = field(repr=False)
    forward_cosine_Kn: np.ndarray = field(repr=False)
    backward_latent_Jn: np.ndarray = field(repr=False)
    backward_cosine_Jn: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        if self.dictionary.dictionary_id == self.other.dictionary_id:
            raise ValueError("a dictionary is matched with another one")
        sides = (
            (self.forward_latent_Kn, self.forward_cosine_Kn, self.dictionary.n_latents, self.other.n_latents),
            (self.backward_latent_Jn, self.backward_cosine_Jn, self.other.n_latents, self.dictionary.n_latents),
        )
        for latent, cosine, n_rows, n_others in sides:
            if latent.ndim != 2 or latent.shape != cosine.shape or latent.shape[0] != n_rows or latent.shape[1] < 1:
                raise ValueError(f"counterparts must be [{n_rows}, n], got {latent.shape} and {cosine.shape}")
            if latent.size and (int(latent.min()) < -1 or int(latent.max()) >= n_others):
                raise ValueError(f"a counterpart is not among {n_others} latents")
            if not np.isfinite(cosine).all():
                raise ValueError("cosines must be finite")

    @property
    def match_id(self) -> str:
        return match_id_of(self.dictionary.dictionary_id, self.other.dictionary_id)

    def reversed(self) -> DictionaryMatch:
        """The same match, told from the second dictionary."""
        return DictionaryMatch(
            dictionary=self.other, other=self.dictionary, created=self.created,
            forward_latent_Kn=self.backward_latent_Jn, forward_cosine_Kn=self.backward_cosine_Jn,
            backward_latent_Jn=self.forward_latent_Kn, backward_cosine_Jn=self.forward_cosine_Kn,
        )

    @cached_property
    def mutual_K(self) -> np.ndarray:
        """bool: the latent is the best counterpart of its own best counterpart."""
        best = self.forward_latent_Kn[:, 0]
        back = self.backward_latent_Jn[np.maximum(best, 0), 0] if self.other.n_latents else np.full(best.size, -1)
        return (best >= 0) & (back == np.arange(best.size))
