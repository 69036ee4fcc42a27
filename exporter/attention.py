"""Attention of chosen rows without eager attention: keep their queries, multiply with the cached keys afterwards.

``output_attentions`` forces eager attention and stores every layer, head and pair. Here SDPA runs as always; only the queries
of the wanted rows are kept, and once generation has ended they meet the keys that the cache holds anyway (post-rotary, grouped
heads): ``softmax(q k^T / sqrt(d))`` over all keys a row may see (Vaswani et al. 2017, equation 1), mean over heads, image
columns kept. Only the text model is watched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache, DynamicLayer, StaticLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from tb_visualscratchpad.exporter.prompt_cache import GrowingLayer
from tb_visualscratchpad.wire.errors import ScratchpadError

IMPLEMENTATION = "visualscratchpad_deferred"

_current: ContextVar[DeferredAttention | None] = ContextVar("visualscratchpad_deferred", default=None)

_ROWS_AT_ONCE = 64


def _attend_and_keep(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    recorder = _current.get()
    if recorder is not None:
        recorder._keep(module, query, key, kwargs)
    return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)


AttentionInterface.register(IMPLEMENTATION, _attend_and_keep)
AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)


class DeferredAttention:
    """The queries of wanted rows, by layer, and what is needed to finish the attention later.

    Made by :func:`recording_queries`. Positions count over the padded sequence, as in ``input_ids``.
    """

    def __init__(self, n_layers: int, n_prompt: int, prompt_rows: Sequence[int]) -> None:
        self.n_layers = n_layers
        self.n_prompt = n_prompt
        self._prompt_rows = torch.as_tensor(sorted(set(prompt_rows)), dtype=torch.long)
        if self._prompt_rows.numel() and not 0 <= int(self._prompt_rows[0]) <= int(self._prompt_rows[-1]) < n_prompt:
            raise ValueError(f"prompt rows must lie in 0...{n_prompt - 1}")
        self._n_seen = [0] * n_layers
        self._queries: list[list[torch.Tensor]] = [[] for _ in range(n_layers)]
        self._positions: list[list[int]] = [[] for _ in range(n_layers)]
        self._window_keys: list[list[torch.Tensor]] = [[] for _ in range(n_layers)]
        self._windows: list[int | None] = [None] * n_layers
        self._scaling: list[float | None] = [None] * n_layers

    def _keep(self, module: nn.Module, query: torch.Tensor, key: torch.Tensor, kwargs: dict[str, Any]) -> None:
        layer = int(module.layer_idx)
        for name in ("softcap", "s_aux", "sinks", "position_bias"):
            if kwargs.get(name) is not None:
                raise ScratchpadError(
                    f"This text model attends with {name}, which the attention recorder does not compute: "
                    "use a model with plain softmax attention."
                )
        start, length = self._n_seen[layer], query.shape[2]
        self._n_seen[layer] = start + length
        self._scaling[layer] = kwargs.get("scaling") or query.shape[-1] ** -0.5
        window = kwargs.get("sliding_window")
        if window is not None:
            # Its cache forgets keys that earlier rows still saw, so they are kept here: a reference to the prefill's, and one
            # row per later token.
            self._windows[layer] = int(window)
            new = key[:, :, -length:]
            self._window_keys[layer].append(new.clone() if length == 1 else new)
        if start + length <= self.n_prompt:
            wanted = self._prompt_rows[(self._prompt_rows >= start) & (self._prompt_rows < start + length)]
            if wanted.numel():
                self._queries[layer].append(query.index_select(2, (wanted - start).to(query.device)))
                self._positions[layer].extend(wanted.tolist())
        else:
            self._queries[layer].append(query)
            self._positions[layer].extend(range(start, start + length))

    @property
    def positions(self) -> tuple[int, ...]:
        """The sequence positions whose queries are kept, ascending: wanted prompt rows, then every token fed back."""
        return tuple(self._positions[0])

    def attend(
        self,
        cache: Cache,
        *,
        columns: Sequence[int] | torch.Tensor,
        rows: Sequence[int] | None = None,
        batch: int = 0,
        prompt_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Attention of ``rows`` to ``columns`` (both positions), softmax over all keys, mean over heads.

        Args:
            cache: the key-value cache that the generation ended with.
            columns: positions of the image tokens.
            rows: some of ``positions``; all by default.
            batch: which sequence of the batch.
            prompt_mask: [batch, n_prompt] or [n_prompt] bool or 0/1, False where the prompt is padding.

        Returns:
            float32 [layers, rows, columns] on the CPU.

        Raises:
            ScratchpadError: a cache that does not hold plain keys (quantised, sliding static, shared between layers).
        """
        rows, columns = self._checked(cache, rows, columns)
        if prompt_mask is not None and prompt_mask.ndim == 2:
            prompt_mask = prompt_mask[batch]
        return torch.stack([
            torch.cat([
                weights.mean(dim=0).cpu()
                for weights in self._attend_layer(layer, cache, rows, columns, batch, prompt_mask)
            ])
            if rows
            else torch.zeros(0, columns.numel())
            for layer in range(self.n_layers)
        ])

    def attend_by_head(
        self, cache: Cache, *, columns: Sequence[int] | torch.Tensor, rows: Sequence[int]
    ) -> Iterator[torch.Tensor]:
        """As ``attend`` of the only sequence of the batch, head by head: float32 [heads, rows, columns] on the CPU for each layer in
        turn. No more than one layer is held; what is computed at a time takes 4 bytes for each head, key and 64 rows.

        Raises:
            ScratchpadError: as ``attend``.
        """
        rows, columns = self._checked(cache, rows, columns)
        for layer in range(self.n_layers):
            yield torch.cat([weights.cpu() for weights in self._attend_layer(layer, cache, rows, columns, 0, None)], dim=1)

    def _checked(
        self, cache: Cache, rows: Sequence[int] | None, columns: Sequence[int] | torch.Tensor
    ) -> tuple[tuple[int, ...], torch.Tensor]:
        if len(cache.layers) != self.n_layers:
            raise ScratchpadError(
                f"The cache has {len(cache.layers)} layers, the text model {self.n_layers}: models that share keys between "
                "layers are not supported."
            )
        return self.positions if rows is None else tuple(rows), torch.as_tensor(columns, dtype=torch.long)

    def _attend_layer(
        self,
        layer: int,
        cache: Cache,
        rows: tuple[int, ...],
        columns: torch.Tensor,
        batch: int,
        prompt_mask: torch.Tensor | None,
    ) -> Iterator[torch.Tensor]:
        """[heads, rows, columns], some rows at a time, on the keys' device. Heads in the order of the query projection."""
        number_of = {position: number for number, position in enumerate(self._positions[layer])}
        missing = [row for row in rows if row not in number_of]
        if missing:
            raise ValueError(f"queries of positions {missing[:5]} were not kept")
        keys = self._keys(layer, cache)[batch].float()  # [kv heads, n, d]
        device, n_keys = keys.device, keys.shape[1]
        query = torch.cat([part[batch].to(device) for part in self._queries[layer]], dim=1)
        query = query.index_select(1, torch.tensor([number_of[row] for row in rows], device=device)).float()
        n_heads, n_kv = query.shape[0], keys.shape[0]
        query = query.reshape(n_kv, n_heads // n_kv, len(rows), -1)
        position = torch.arange(n_keys, device=device)
        row_position = torch.tensor(rows, device=device)
        visible = position[None, :] <= row_position[:, None]
        if self._windows[layer] is not None:
            visible &= position[None, :] > row_position[:, None] - self._windows[layer]
        if prompt_mask is not None:
            real = torch.ones(n_keys, dtype=torch.bool, device=device)
            real[: prompt_mask.shape[0]] = prompt_mask.to(device=device, dtype=torch.bool)
            visible &= real[None, :]
        scaling = self._scaling[layer]
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            scores = torch.einsum("kgtd,knd->kgtn", query[:, :, part], keys) * scaling
            scores = scores.masked_fill(~visible[part], float("-inf"))
            weights = torch.softmax(scores, dim=-1).index_select(-1, columns.to(device))
            yield weights.flatten(0, 1)

    def _keys(self, layer: int, cache: Cache) -> torch.Tensor:
        if self._windows[layer] is not None:
            return torch.cat(self._window_keys[layer], dim=2)
        held = cache.layers[layer]
        if type(held) not in (DynamicLayer, GrowingLayer, StaticLayer):
            raise ScratchpadError(
                f"The key-value cache is of kind {type(held).__name__}, expected a plain dynamic or static cache: generate "
                "without cache_implementation."
            )
        n = self._n_seen[layer]
        if held.keys is None or held.keys.shape[2] < n:
            raise ScratchpadError("The key-value cache holds fewer keys than tokens were seen: generate with use_cache=True.")
        return held.keys[:, :, :n]


@contextmanager
def recording_queries(text_model: nn.Module, n_prompt: int, prompt_rows: Sequence[int]) -> Iterator[DeferredAttention]:
    """Runs the text model's attention as SDPA inside the ``with`` and keeps queries.

    Args:
        text_model: the decoder (``language_model``), not the whole VLM; nothing else is watched.
        n_prompt: length of the (padded) prompt.
        prompt_rows: positions below ``n_prompt`` whose rows are wanted. Every token fed back after the prompt is kept.
    """
    config = text_model.config
    before = config._attn_implementation
    recorder = DeferredAttention(config.num_hidden_layers, n_prompt, prompt_rows)
    token = _current.set(recorder)
    config._attn_implementation = IMPLEMENTATION
    try:
        yield recorder
    finally:
        config._attn_implementation = before
        _current.reset(token)


def require_plain_decoding(generation_config: Any) -> None:
    """Refuses ways of generating for which recorded queries would not belong to the answer.

    Raises:
        ScratchpadError: beams, assisted decoding, or a quantised or offloaded cache.
    """
    beams = getattr(generation_config, "num_beams", None) or 1
    if beams > 1:
        raise ScratchpadError(f"num_beams is {beams}: attention is recorded for greedy decoding only, set num_beams to 1.")
    if getattr(generation_config, "prompt_lookup_num_tokens", None) or getattr(generation_config, "assistant_early_exit", None):
        raise ScratchpadError("Assisted decoding rolls tokens back, so attention cannot be recorded: turn it off.")
    kind = getattr(generation_config, "cache_implementation", None)
    if kind not in (None, "dynamic", "static"):
        raise ScratchpadError(f"The cache is {kind}, which does not hold plain keys: use cache_implementation dynamic or static.")
