"""``SaeCheck``, exact, in the event."""

from __future__ import annotations

from google.protobuf.message import Message

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs.dictionary import decode_dictionary, encode_dictionary
from tb_visualscratchpad.wire.codecs.tokens import storable
from tb_visualscratchpad.wire.sae_check_evidence import CheckedMeasure, CheckedPlace, CheckedReading, Outcome, SaeCheck

_OUTCOMES = {
    Outcome.AS_EXPECTED: pb.CheckedMeasure.AS_EXPECTED,
    Outcome.UNEXPECTED: pb.CheckedMeasure.UNEXPECTED,
    Outcome.UNDECIDED: pb.CheckedMeasure.UNDECIDED,
}
_OUTCOME_OF = {number: outcome for outcome, number in _OUTCOMES.items()}


def encode_sae_check(check: SaeCheck) -> pb.SaeCheck:
    return pb.SaeCheck(
        dictionary=encode_dictionary(check.dictionary),
        images=storable(check.images),
        created=check.created,
        n_images=check.n_images,
        n_tokens=check.n_tokens,
        right=check.right,
        verdict=storable(check.verdict),
        remedies=[storable(remedy) for remedy in check.remedies],
        places=[_encode_place(place) for place in check.places],
        readings=[_encode_reading(reading) for reading in check.readings],
        measures=[_encode_measure(measure) for measure in check.measures],
        prompt=storable(check.prompt),
        n_asked=check.n_asked,
        n_kept=check.n_kept,
    )


def decode_sae_check(message: pb.SaeCheck) -> SaeCheck:
    return SaeCheck(
        dictionary=decode_dictionary(message.dictionary),
        images=message.images,
        created=message.created,
        n_images=message.n_images,
        n_tokens=message.n_tokens,
        right=message.right,
        verdict=message.verdict,
        remedies=tuple(message.remedies),
        places=tuple(_decode_place(place) for place in message.places),
        readings=tuple(_decode_reading(reading) for reading in message.readings),
        measures=tuple(_decode_measure(measure) for measure in message.measures),
        prompt=message.prompt,
        n_asked=message.n_asked,
        n_kept=message.n_kept,
    )


def _encode_place(place: CheckedPlace) -> pb.CheckedPlace:
    return pb.CheckedPlace(
        name=place.name, is_hook=place.is_hook, is_read=place.is_read, fvu=place.fvu, slope=place.slope, l0=place.l0, n_dead=place.n_dead,
        n_dense=place.n_dense, mean_strength=place.mean_strength,
    )


def _decode_place(message: pb.CheckedPlace) -> CheckedPlace:
    return CheckedPlace(
        name=message.name, is_hook=message.is_hook, is_read=message.is_read, fvu=_given(message, "fvu"), slope=_given(message, "slope"),
        l0=message.l0, n_dead=message.n_dead, n_dense=message.n_dense, mean_strength=message.mean_strength,
    )


def _encode_reading(reading: CheckedReading) -> pb.CheckedReading:
    return pb.CheckedReading(
        decision=reading.decision, words=storable(reading.words), fvu=reading.fvu, slope=reading.slope, better=reading.better,
        is_clear=reading.is_clear,
    )


def _decode_reading(message: pb.CheckedReading) -> CheckedReading:
    return CheckedReading(
        decision=message.decision, words=message.words, fvu=_given(message, "fvu"), slope=_given(message, "slope"),
        better=_given(message, "better"), is_clear=message.is_clear,
    )


def _encode_measure(measure: CheckedMeasure) -> pb.CheckedMeasure:
    return pb.CheckedMeasure(
        name=storable(measure.name), value=measure.value, expected=storable(measure.expected), outcome=_OUTCOMES[measure.outcome]
    )


def _decode_measure(message: pb.CheckedMeasure) -> CheckedMeasure:
    if message.outcome not in _OUTCOME_OF:
        raise ValueError(f"the measure {message.name} has the outcome {message.outcome}")
    return CheckedMeasure(message.name, _given(message, "value"), message.expected, _OUTCOME_OF[message.outcome])


def _given(message: Message, name: str) -> float | None:
    return float(getattr(message, name)) if message.HasField(name) else None
