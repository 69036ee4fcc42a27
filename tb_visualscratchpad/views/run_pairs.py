"""Two runs beside each other: their answers word by word, and what they were asked under.

``A`` and ``B`` are the two runs. A *word* is a token where both come from one model, else what stands between blanks: tokenizers cut
words differently.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tb_visualscratchpad.views.output_diff import Change, OutputDiff, diff_of_keys
from tb_visualscratchpad.wire.evidence import ImageTokenMap, Span, Token, VlmRun

_BLANKS = " \t\n\r▁Ġ"
"""What tokenizers put for blanks at the edge of a word."""


@dataclass(frozen=True)
class AnswerWord:
    """A word of an answer.

    Attributes:
        tokens: its indices in the whole sequence, at least one, ascending.
        logprob: in nats, the sum over its tokens; None where one bears none.
    """

    text: str
    tokens: tuple[int, ...]
    logprob: float | None


@dataclass(frozen=True)
class Setting:
    """What both runs were asked under, in words. ``differs`` may be true though both read the same: identities decide, not names."""

    name: str
    first: str
    second: str
    differs: bool


@dataclass(frozen=True)
class PartingWords:
    """The first place at which the answers differ: up to here both say the same.

    Attributes:
        number: of the word, in both answers.
        first_in_second, second_in_first: log-probability that a run gave there to the other run's word, as far as it was among those
            logged; None otherwise, and where words of several tokens are compared.
    """

    number: int
    first_in_second: float | None
    second_in_first: float | None


@dataclass(frozen=True)
class RunPair:
    """Two answers aligned.

    Attributes:
        by_token: words are tokens.
        diff: A's answer is the original, B's the other.
        parting: None when both say the same, word by word.
        same_map: image tokens of both stand for the same patches, so that maps can be compared patch by patch.
    """

    words_a: tuple[AnswerWord, ...]
    words_b: tuple[AnswerWord, ...]
    by_token: bool
    diff: OutputDiff
    parting: PartingWords | None
    same_dictionary: bool
    same_map: bool

    def count(self, change: Change) -> int:
        return sum(step.change is change for step in self.diff.steps)

    @property
    def largest_change(self) -> tuple[int, float] | None:
        """Of the words that both say, the place among ``diff.steps`` and B's log-probability minus A's where it is largest either way;
        None where none bears one in both."""
        found: tuple[int, float] | None = None
        for place, step in enumerate(self.diff.steps):
            if step.change is not Change.KEPT or step.original is None or step.other is None:
                continue
            before, after = self.words_a[step.original].logprob, self.words_b[step.other].logprob
            if before is not None and after is not None and (found is None or abs(after - before) > abs(found[1])):
                found = (place, after - before)
        return found


def pair_runs(a: VlmRun, b: VlmRun) -> RunPair:
    """Aligns the answers of two runs, of one model or of two."""
    by_token = a.dictionary.vlm_name == b.dictionary.vlm_name
    words_a, words_b = answer_words(a, by_token), answer_words(b, by_token)
    diff = diff_of_keys([_key(word) for word in words_a], [_key(word) for word in words_b])
    return RunPair(
        words_a=words_a,
        words_b=words_b,
        by_token=by_token,
        diff=diff,
        parting=None if diff.parts_at is None else _parting(a, b, words_a, words_b, diff.parts_at),
        same_dictionary=a.dictionary.dictionary_id == b.dictionary.dictionary_id,
        same_map=_same_map(a.image_tokens, b.image_tokens),
    )


def answer_words(run: VlmRun, by_token: bool) -> tuple[AnswerWord, ...]:
    """The answer's tokens, or its words: a new one begins after a blank, before one, and between letters and other signs. Where the
    answer has blanks and no token bears one, decoding puts them between tokens, and each is a word."""
    tokens = [run.tokens[int(index)] for index in run.tokens.indices(Span.OUTPUT)]
    bears_blanks = any(token.text[:1] in _BLANKS or token.text[-1:] in _BLANKS for token in tokens if token.text)
    if by_token or (not bears_blanks and " " in run.output_text.strip()):
        return tuple(_word([token]) for token in tokens)
    groups: list[list[Token]] = []
    for token in tokens:
        if groups and _goes_on(groups[-1][-1].text, token.text):
            groups[-1].append(token)
        else:
            groups.append([token])
    return tuple(_word(group) for group in groups)


def settings_of(
    a: VlmRun, b: VlmRun, *, steps: tuple[int | None, int | None] = (None, None), same_picture: bool | None = None
) -> tuple[Setting, ...]:
    """What both were asked under.

    Args:
        steps: of the training, of runs that belong to a series.
        same_picture: None where a picture was not logged.
    """
    pictures = [f"{run.image_tokens.width} × {run.image_tokens.height} pixels" for run in (a, b)]
    if same_picture is None:
        pictures = [f"{text}{'' if run.picture is not None else ', not logged'}" for text, run in zip(pictures, (a, b), strict=True)]
    infos = (a.dictionary, b.dictionary)
    saes = [f"{info.sae_name}, {info.n_latents:,} latents" for info in infos]
    same_place = infos[0].vlm_name == infos[1].vlm_name and infos[0].hook == infos[1].hook
    saes_differ = saes[0] != saes[1] or (same_place and infos[0].dictionary_id != infos[1].dictionary_id)
    if saes_differ and saes[0] == saes[1]:
        saes = [f"{text}, id {info.dictionary_id[:8]}" for text, info in zip(saes, infos, strict=True)]
    return (
        Setting("Picture", *pictures, differs=pictures[0] != pictures[1] if same_picture is None else not same_picture),
        _setting("Prompt", a.prompt, b.prompt),
        _setting("System text", a.system or "none", b.system or "none"),
        _setting("Steering", steering_in_words(a.steering), steering_in_words(b.steering)),
        _setting("Model", infos[0].vlm_name, infos[1].vlm_name),
        Setting("SAE", saes[0], saes[1], saes_differ),
        _setting("Layer", infos[0].hook, infos[1].hook),
        _setting("Step", *("none" if step is None else f"{step:,}" for step in steps)),
        _setting("Image tokens", _views(a.image_tokens), _views(b.image_tokens)),
        _setting("Answer ends", _end(a), _end(b)),
    )


def steering_in_words(steering: str | None) -> str:
    """A SteeringSpec in a few words."""
    if steering is None:
        return "none"
    try:
        spec = json.loads(steering)
        interventions = spec["interventions"]
        told: dict[str, list[int]] = {}
        for one in interventions:
            sign = {"SCALE": "× ", "SET": "to ", "ADD": "+ "}[one["op"]]
            told.setdefault(f"{sign}{one['value']:g}", []).append(int(one["latent"]))
        places = {json.dumps(one.get("where", "all"), sort_keys=True) for one in interventions}
        error = spec.get("error", "kept")
    except (ValueError, KeyError, TypeError, AttributeError):
        return "not readable"
    # A few latents are named; of many the first tells two clusters of one size apart.
    parts = [
        f"{'latent' if len(latents) == 1 else 'latents'} {', '.join(map(str, latents))} {how}"
        if len(latents) <= 3
        else f"{len(latents):,} latents ({min(latents)} …) {how}"
        for how, latents in told.items()
    ]
    if places - {'"all"'}:
        parts.append("in places")
    if error != "kept":
        parts.append(f"error {error}")
    return ", ".join(parts) or "nothing changed"


def _setting(name: str, first: str, second: str) -> Setting:
    return Setting(name, first, second, first != second)


def _views(place: ImageTokenMap) -> str:
    tiles = f", {place.tile_rows} × {place.tile_columns} tiles" if place.tile_rows else ""
    return f"{place.n_tokens:,}, {place.grid} × {place.grid} a view{tiles}"


def _end(run: VlmRun) -> str:
    n = int(run.tokens.indices(Span.OUTPUT).size)
    return f"after {n:,} tokens, {'cut at its limit' if run.truncated else 'by itself'}"


def _same_map(a: ImageTokenMap, b: ImageTokenMap) -> bool:
    return (
        (a.width, a.height, a.grid, a.tile_rows, a.tile_columns) == (b.width, b.height, b.grid, b.tile_rows, b.tile_columns)
        and bool((a.patch_token_P == b.patch_token_P).all())
        and bool((a.patch_box_P4 == b.patch_box_P4).all())
    )


def _key(word: AnswerWord) -> str:
    return word.text.strip(_BLANKS) or word.text


def _goes_on(before: str, text: str) -> bool:
    """Whether a token belongs to the word that the one before it ends."""
    if not text or not before or before[-1] in _BLANKS or text[0] in _BLANKS:
        return False
    return before[-1].isalnum() == text[0].isalnum() or "'" in (before[-1], text[0]) or "’" in (before[-1], text[0])


def _word(tokens: Sequence[Token]) -> AnswerWord:
    logprobs = [token.logprob for token in tokens]
    return AnswerWord(
        text="".join(token.text for token in tokens),
        tokens=tuple(token.index for token in tokens),
        logprob=None if any(one is None for one in logprobs) else float(sum(one for one in logprobs if one is not None)),
    )


def _parting(
    a: VlmRun, b: VlmRun, words_a: tuple[AnswerWord, ...], words_b: tuple[AnswerWord, ...], number: int
) -> PartingWords:
    first = words_a[number] if number < len(words_a) else None
    second = words_b[number] if number < len(words_b) else None
    return PartingWords(number, _given_to(first, b, second), _given_to(second, a, first))


def _given_to(word: AnswerWord | None, run: VlmRun, said: AnswerWord | None) -> float | None:
    """The log-probability of a word where ``run`` said another one, from that one's logged alternatives."""
    if word is None or said is None or len(word.tokens) > 1 or len(said.tokens) > 1:
        return None
    wanted = _key(word)
    return next((one.logprob for one in run.tokens[said.tokens[0]].alternatives if one.text.strip(_BLANKS) == wanted), None)
