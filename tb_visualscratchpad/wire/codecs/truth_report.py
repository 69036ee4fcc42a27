"""``TruthReport``, exact, in the event."""

from __future__ import annotations

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.truth_evidence import TruthFigure, TruthReport


def encode_truth_report(report: TruthReport) -> pb.TruthReport:
    return pb.TruthReport(
        dictionary=encode_dictionary(report.dictionary),
        items=storable(report.items),
        created=report.created,
        seed=report.seed,
        n_pictures=report.n_pictures,
        n_words=report.n_words,
        n_learned=report.n_learned,
        n_labels=report.n_labels,
        figures=[_encode_figure(figure) for figure in report.figures],
    )


def decode_truth_report(message: pb.TruthReport) -> TruthReport:
    return TruthReport(
        dictionary=decode_dictionary(message.dictionary),
        items=message.items,
        created=message.created,
        seed=message.seed,
        n_pictures=message.n_pictures,
        n_words=message.n_words,
        n_learned=message.n_learned,
        n_labels=message.n_labels,
        figures=tuple(_decode_figure(figure) for figure in message.figures),
    )


def _encode_figure(figure: TruthFigure) -> pb.TruthFigure:
    return pb.TruthFigure(
        measure=figure.measure,
        setting=storable(figure.setting),
        is_default=figure.is_default,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        n=figure.n,
        n_pictures=figure.n_pictures,
        difference=figure.difference,
        difference_low=figure.difference_low,
        difference_high=figure.difference_high,
    )


def _decode_figure(message: pb.TruthFigure) -> TruthFigure:
    def given(name: str) -> float | None:
        return float(getattr(message, name)) if message.HasField(name) else None

    return TruthFigure(
        measure=message.measure,
        setting=message.setting,
        is_default=message.is_default,
        value=given("value"),
        low=given("low"),
        high=given("high"),
        n=message.n,
        n_pictures=message.n_pictures,
        difference=given("difference"),
        difference_low=given("difference_low"),
        difference_high=given("difference_high"),
    )
