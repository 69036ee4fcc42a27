"""How a dictionary and the method do where the truth is known."""

from __future__ import annotations

from dataclasses import asdict

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.truth_table import TruthTable, measure_of, truth_headline, truth_tables
from tb_visualscratchpad.wire.truth_evidence import TruthFigure


class TruthHandlers:
    """The report that was logged last."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard

    @endpoint
    def truth_report(self, arguments: Arguments) -> Answer:
        """``truth_report``"""
        report = self._store.truth_report(arguments.experiment, arguments.text("id"))
        return json_answer(
            {
                "id": report.dictionary.dictionary_id,
                "items": report.items,
                "created": report.created,
                "seed": report.seed,
                "n_pictures": report.n_pictures,
                "n_words": report.n_words,
                "n_learned": report.n_learned,
                "n_labels": report.n_labels,
                "headline": asdict(truth_headline(report)),
                "tables": [_table(table) for table in truth_tables(report)],
            }
        )


def _table(table: TruthTable) -> dict[str, object]:
    return {
        "title": table.title,
        "columns": list(table.columns),
        "rows": [
            {"name": row.name, "is_default": row.is_default, "figures": [None if one is None else _figure(one) for one in row.figures]}
            for row in table.rows
        ],
    }


def _figure(figure: TruthFigure) -> dict[str, object]:
    return {**asdict(figure), "unit": measure_of(figure.measure).unit.value, "differs": figure.differs}
