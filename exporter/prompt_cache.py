"""A key-value cache that grows in place, goes back to an earlier length, and takes rows from other caches.

Hugging Face's dynamic cache copies all keys and values at every token, which costs more than a small model's own work, and its
sliding layers forget what going back would need. Here every layer keeps everything; a sliding window is the mask's work.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers.cache_utils import Cache, DynamicLayer


class CacheFilled(Exception):
    """Raised inside a forward pass to leave it once the last layer has its keys and values."""


class GrowingLayer(DynamicLayer):
    """One layer's keys and values [batch, heads, n, d], views of buffers that have room for more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.length = 0
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object) -> tuple[torch.Tensor, torch.Tensor]:
        """Appends [batch, heads, new, d] and gives everything held."""
        end = self.length + key_states.shape[2]
        for held, new in zip(self.reserve(key_states, value_states, key_states.shape[0], end), (key_states, value_states), strict=True):
            held[:, :, self.length : end] = new
        self.show(end)
        return self.keys, self.values

    def reserve(self, keys: torch.Tensor, values: torch.Tensor, n_rows: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The buffers, with room for ``n_rows`` rows of at least ``length`` tokens like those given."""
        if not self.is_initialized:
            self.lazy_initialization(keys, values)
        if self._buffers is None or self._buffers[0].shape[2] < length:
            room = max(self.room, length + length // 4)
            grown = tuple(like.new_empty(n_rows, like.shape[1], room, like.shape[3]) for like in (keys, values))
            if self._buffers is not None:
                for new, old in zip(grown, self._buffers, strict=True):
                    new[:, :, : self.length] = old[:, :, : self.length]
            self._buffers = (grown[0], grown[1])
        return self._buffers

    def show(self, length: int) -> None:
        """Makes the first ``length`` tokens what the layer holds."""
        if self._buffers is None:
            raise ValueError("nothing was written yet")
        self.length = length
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)


    def keep_rows(self, rows: torch.Tensor) -> None:
        """Keeps the rows with these numbers, int64 [n]."""
        if self._buffers is None:
            raise ValueError("nothing was written yet")
        keys, values = (buffer.index_select(0, rows.to(buffer.device)) for buffer in self._buffers)
        self._buffers = (keys, values)
        self.show(self.length)


class PromptCache(Cache):
    """Keys and values of one prompt under one or several conditions, a row each, all of one length.

    Args:
        n_layers: of the text model.
        room: tokens to reserve memory for; more grow it.
    """

    def __init__(self, n_layers: int, room: int) -> None:
        super().__init__(layers=[GrowingLayer(room) for _ in range(n_layers)])
        self.room = room
        self.stop_when_filled = False

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``Cache.update``; with ``stop_when_filled`` the last layer raises ``CacheFilled``: nothing behind it is wanted."""
        held = super().update(key_states, value_states, layer_idx, *args, **kwargs)
        if self.stop_when_filled and layer_idx == len(self.layers) - 1:
            raise CacheFilled
        return held

    @property
    def length(self) -> int:
        """Tokens held."""
        return self.layers[0].length

    def go_back_to(self, length: int) -> None:
        """Forgets all tokens after the first ``length``."""
        if length > self.length:
            raise ValueError(f"the cache holds {self.length} tokens, not {length}")
        for layer in self.layers:
            layer.show(length)

    def keep_rows(self, rows: Sequence[int]) -> None:
        """Forgets all rows but these; they are numbered anew."""
        for layer in self.layers:
            layer.keep_rows(torch.tensor(list(rows)))

    def put_row(self, row: int, n_rows: int, other: PromptCache) -> None:
        """Makes the only row of ``other`` row number ``row`` of ``n_rows``; all rows must be of one length."""
        for mine, theirs in zip(self.layers, other.layers, strict=True):
            for buffer, new in zip(mine.reserve(theirs.keys, theirs.values, n_rows, theirs.length), (theirs.keys, theirs.values), strict=True):
                buffer[row : row + 1, :, : theirs.length] = new
            mine.show(theirs.length)
