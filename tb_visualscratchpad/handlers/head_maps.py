"""Attention head by head, of the words that it was recorded of."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer, packed_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.handlers.outcomes import outcome_head
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.head_maps import head_map, head_maps
from tb_visualscratchpad.views.token_rows import row_of_token, text_token
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.head_evidence import HeadAttention


class HeadMapHandlers:
    """What was recorded, all heads of a word in small, one head in full."""

    def __init__(self, store: EventStore, derived: DerivedViews, guard: RequestGuard) -> None:
        self._store = store
        self._derived = derived
        self.guard = guard

    @endpoint
    def head_attention(self, arguments: Arguments) -> Answer:
        """``head_attention``"""
        found = self._store.head_attention(arguments.experiment, arguments.text("run"), arguments.text("id"))
        return json_answer(
            {
                **outcome_head(arguments, found),
                "query_positions": found.query_position_T.tolist(),
                "layers": list(found.layers),
                "n_heads": found.n_heads,
                "difference": found.difference,
            }
        )

    @endpoint
    def head_maps(self, arguments: Arguments) -> Answer:
        """``head_maps``"""
        run, heads, position = self._asked(arguments)
        found = head_maps(
            run, heads, position, view=arguments.view, sink_P=self._sinks(arguments, run), without_sinks=not arguments.with_sinks
        )
        return packed_answer(
            {
                "token": arguments.integer("token"),
                "query_position": position,
                "layers": list(found.layers),
                "n_heads": heads.n_heads,
                "difference": heads.difference,
                "most": [list(one) for one in found.most],
                "localised": [list(one) for one in found.localised],
            },
            {
                "map": found.map_LHYX,
                "peak": found.peak_LH,
                "mass": found.mass_LH,
                "newlines": found.newline_LH,
                "sinks": found.sink_LH,
                "effective": found.effective_LH,
            },
        )

    @endpoint
    def head_map(self, arguments: Arguments) -> Answer:
        """``head_map``"""
        run, heads, position = self._asked(arguments)
        layer, head = arguments.integer("layer"), arguments.integer("head")
        found = head_map(
            run, heads, position, layer, head, view=arguments.view, sink_P=self._sinks(arguments, run),
            without_sinks=not arguments.with_sinks,
        )
        return packed_answer(
            {
                "token": arguments.integer("token"),
                "query_position": position,
                "layer": layer,
                "head": head,
                "defined": True,
                "sees_image": True,
                "reason": None,
                "mass_on_picture": found.mass_on_picture,
                "mass_on_newlines": found.mass_on_newlines,
                "mass_on_sinks": found.mass_on_sinks,
                "mass_by_layer": None,
            },
            {"attention": found.attention_P},
        )

    def _asked(self, arguments: Arguments) -> tuple[VlmRun, HeadAttention, int]:
        """The run, the maps and the position that stands for the token."""
        run = self._store.vlm_run(arguments.experiment, arguments.text("run"), arguments.text("id"))
        where, _, identifier = arguments.text("heads").rpartition("/")
        if not where or not identifier:
            raise ScratchpadError(f"heads '{arguments.text('heads')}' was given, expected is the run and the id of maps of heads with a slash between.")
        heads = self._store.head_attention(arguments.experiment, where, identifier)
        chosen = row_of_token(run, text_token(run, arguments.integer("token")), arguments.row)
        return run, heads, chosen.position

    def _sinks(self, arguments: Arguments, run: VlmRun) -> np.ndarray:
        """Those of all layers together: the same ones in every head's map."""
        return self._derived.sinks(run, None, arguments.row).sink_P
