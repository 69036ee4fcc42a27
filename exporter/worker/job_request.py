"""What a job asks for, read strictly: an unknown key, a wrong type or too much is refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tb_visualscratchpad.exporter.cluster_sweep import NamedLatents
from tb_visualscratchpad.exporter.pixel_erasure import FILLS
from tb_visualscratchpad.exporter.steering import Scope, SteeringSpec
from tb_visualscratchpad.exporter.worker.limits import WorkerLimits
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import RowChoice
from tb_visualscratchpad.wire.failure_evidence import CHOSEN_ON
from tb_visualscratchpad.wire.tags import require_identifier

MAX_NAME = 200

Operation = Literal["SET", "SCALE", "ADD"]


@dataclass(frozen=True)
class UploadedPicture:
    """A picture that was sent to this worker. ``file`` is its content, once the job is taken; the worker may forget it since."""

    picture_id: str
    file: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class LoggedPicture:
    """The picture of a logged run: ``run`` as TensorBoard names it, ``id`` of the VLM run."""

    run: str
    id: str


@dataclass(frozen=True)
class Question:
    """What the model is asked. ``prompt`` and ``system`` are None where the logged run's own are meant."""

    picture: UploadedPicture | LoggedPicture
    prompt: str | None
    system: str | None
    max_new_tokens: int | None


@dataclass(frozen=True)
class RunJob:
    """Answer a question and record the evidence."""

    question: Question
    name: str | None


@dataclass(frozen=True)
class SteerJob:
    """Answer under an intervention, beside baselines and controls."""

    question: Question
    name: str | None
    spec: SteeringSpec


@dataclass(frozen=True)
class EraseJob:
    """Answer about the picture without a region. ``box`` x0, y0, x1, y1 in its pixels."""

    question: Question
    name: str | None
    box: tuple[float, float, float, float]
    fill: str


@dataclass(frozen=True)
class SweepJob:
    """Ablate every cluster in turn."""

    question: Question
    name: str | None
    clusters: tuple[NamedLatents, ...]


@dataclass(frozen=True)
class DoseJob:
    """Vary the value of latents, and weigh words (numbers of tokens within the original answer)."""

    question: Question
    name: str | None
    latents: tuple[int, ...]
    op: Operation
    where: Scope
    values: tuple[float, ...]
    words: tuple[int, ...]


@dataclass(frozen=True)
class ContributionsJob:
    """Rank all latents by what they contributed to a word (number of a token within the original answer)."""

    question: Question
    name: str | None
    word: int


@dataclass(frozen=True)
class SetAblationJob:
    """Ask every picture of a logged failure set again without some latents. ``failure_set``: where it is, as of a run."""

    failure_set: LoggedPicture
    name: str | None
    latents: tuple[int, ...]
    chosen_on: str


@dataclass(frozen=True)
class HeadsJob:
    """Attention head by head for some words of a logged run. ``tokens``: indices in the whole sequence; ``row``: whose attention
    stands for a word of the answer."""

    logged: LoggedPicture
    name: str | None
    tokens: tuple[int, ...]
    row: str


QuestionJob = RunJob | SteerJob | EraseJob | SweepJob | DoseJob | ContributionsJob
"""What is about one picture."""
Job = QuestionJob | SetAblationJob | HeadsJob

_QUESTION = ("picture", "prompt", "system", "max_new_tokens")


def parse_job(value: object, limits: WorkerLimits) -> Job:
    """A job from its JSON (``docs/http_api.md``, *New runs*).

    Raises:
        ScratchpadError: what is wrong with it.
    """
    kind = _object(value, "The job").get("kind")
    if not isinstance(kind, str) or kind not in _PARSERS:
        raise ScratchpadError(f"The job's kind is {_shown(kind)}, expected one of {', '.join(_PARSERS)}.")
    return _PARSERS[kind](value, limits)


def _run_job(value: Any, limits: WorkerLimits) -> RunJob:
    _keys(value, "A run job", {"kind", "picture"}, {*_QUESTION, "name"})
    return RunJob(_question(value, limits), _optional_text(value, "name", MAX_NAME))


def _steer_job(value: Any, limits: WorkerLimits) -> SteerJob:
    _keys(value, "A steer job", {"kind", "picture", "spec"}, {*_QUESTION, "name"})
    spec = SteeringSpec.from_json(json.dumps(value["spec"]))
    _require_few(len(spec.interventions), limits)
    return SteerJob(_question(value, limits), _optional_text(value, "name", MAX_NAME), spec)


def _erase_job(value: Any, limits: WorkerLimits) -> EraseJob:
    _keys(value, "An erase job", {"kind", "picture", "box", "fill"}, {*_QUESTION, "name"})
    fill = value["fill"]
    if not isinstance(fill, str) or fill not in FILLS:
        raise ScratchpadError(f"The fill is {_shown(fill)}, expected {', '.join(FILLS[:-1])} or {FILLS[-1]}.")
    box = _numbers(value, "box", 4)
    if len(box) != 4 or not (box[0] < box[2] and box[1] < box[3]):
        raise ScratchpadError(f"The box is {_shown(value['box'])}, expected x0, y0, x1, y1 in pixels with x0 < x1 and y0 < y1.")
    return EraseJob(_question(value, limits), _optional_text(value, "name", MAX_NAME), (box[0], box[1], box[2], box[3]), fill)


def _sweep_job(value: Any, limits: WorkerLimits) -> SweepJob:
    _keys(value, "A sweep job", {"kind", "picture", "clusters"}, {*_QUESTION, "name"})
    clusters = []
    for item in _list(value, "clusters", limits.clusters):
        _keys(_object(item, "A cluster"), "A cluster", {"name", "latents"}, set())
        clusters.append(NamedLatents(_text(item, "name", MAX_NAME), _integers(item, "latents", limits.steered_latents)))
    _require_few(sum(len(cluster.latents) for cluster in clusters), limits)
    return SweepJob(_question(value, limits), _optional_text(value, "name", MAX_NAME), tuple(clusters))


def _dose_job(value: Any, limits: WorkerLimits) -> DoseJob:
    _keys(value, "A dose job", {"kind", "picture", "latents", "op", "values", "words"}, {*_QUESTION, "name", "where"})
    latents, values = _integers(value, "latents", limits.steered_latents), _numbers(value, "values", limits.doses)
    if len(set(values)) < 2:
        raise ScratchpadError(f"values is {_shown(value['values'])}, expected at least two different doses.")
    op, where = value["op"], value.get("where", "all")
    for dose in values:
        # As a spec, each dose is checked as any other intervention.
        spec = {"interventions": [{"latent": latent, "op": op, "value": dose, "where": where} for latent in latents]}
        read = SteeringSpec.from_json(json.dumps(spec)).interventions[0]
    return DoseJob(
        _question(value, limits), _optional_text(value, "name", MAX_NAME), latents, read.op, read.where, values,
        _integers(value, "words", limits.dose_words),
    )


def _contributions_job(value: Any, limits: WorkerLimits) -> ContributionsJob:
    _keys(value, "A contributions job", {"kind", "picture", "word"}, {*_QUESTION, "name"})
    word = value["word"]
    if not _is_integer(word, 0, limits.new_tokens - 1):
        raise ScratchpadError(f"word is {_shown(word)}, expected the number of a token of the answer, from 0.")
    return ContributionsJob(_question(value, limits), _optional_text(value, "name", MAX_NAME), word)


def _set_ablation_job(value: Any, limits: WorkerLimits) -> SetAblationJob:
    _keys(value, "A set_ablation job", {"kind", "failure_set", "latents", "chosen_on"}, {"name"})
    place = _object(value["failure_set"], "The job's failure set")
    _keys(place, "The job's failure set", {"run", "id"}, set())
    chosen_on = value["chosen_on"]
    if chosen_on not in CHOSEN_ON:
        raise ScratchpadError(f"chosen_on is {_shown(chosen_on)}, expected {' or '.join(CHOSEN_ON)}.")
    latents = _integers(value, "latents", limits.steered_latents)
    return SetAblationJob(LoggedPicture(_text(place, "run", 4096), _identifier(place, "id")), _optional_text(value, "name", MAX_NAME), latents, chosen_on)


def _heads_job(value: Any, limits: WorkerLimits) -> HeadsJob:
    _keys(value, "A heads job", {"kind", "picture", "tokens"}, {"name", "row"})
    picture = _picture(value["picture"])
    if not isinstance(picture, LoggedPicture):
        raise ScratchpadError("A heads job has an uploaded picture, expected a logged run: its known words are read again.")
    row = value.get("row", RowChoice.PRODUCING.value)
    if row not in [choice.value for choice in RowChoice]:
        raise ScratchpadError(f"row is {_shown(row)}, expected {' or '.join(choice.value for choice in RowChoice)}.")
    return HeadsJob(picture, _optional_text(value, "name", MAX_NAME), _integers(value, "tokens", limits.head_tokens), row)


_PARSERS: dict[str, Callable[[Any, WorkerLimits], Job]] = {
    "run": _run_job, "steer": _steer_job, "erase": _erase_job, "sweep": _sweep_job, "dose": _dose_job,
    "contributions": _contributions_job, "set_ablation": _set_ablation_job,
    "heads": _heads_job,
}


def steered_latents(job: Job) -> list[int]:
    """The latents that a job names."""
    match job:
        case RunJob() | EraseJob() | ContributionsJob() | HeadsJob():
            return []
        case SteerJob():
            return [item.latent for item in job.spec.interventions]
        case SweepJob():
            return [latent for cluster in job.clusters for latent in cluster.latents]
        case DoseJob() | SetAblationJob():
            return list(job.latents)


def _require_few(n_latents: int, limits: WorkerLimits) -> None:
    if n_latents > limits.steered_latents:
        raise ScratchpadError(f"The job names {n_latents:,} latents, at most {limits.steered_latents:,} are steered at once: choose fewer.")


def _question(value: dict[str, Any], limits: WorkerLimits) -> Question:
    picture = _picture(value["picture"])
    prompt = _optional_text(value, "prompt", limits.prompt_characters)
    if prompt is None and isinstance(picture, UploadedPicture):
        raise ScratchpadError("The job has an uploaded picture and no prompt: say what to ask about it.")
    n_tokens = value.get("max_new_tokens")
    if n_tokens is not None and not _is_integer(n_tokens, 1, limits.new_tokens):
        raise ScratchpadError(f"max_new_tokens is {_shown(n_tokens)}, expected a whole number from 1 to {limits.new_tokens}.")
    return Question(picture, prompt, _optional_text(value, "system", limits.prompt_characters), n_tokens)


def _picture(value: object) -> UploadedPicture | LoggedPicture:
    read = _object(value, "The job's picture")
    if "picture_id" in read:
        _keys(read, "An uploaded picture", {"picture_id"}, set())
        return UploadedPicture(_identifier(read, "picture_id"))
    _keys(read, "The job's picture", {"run", "id"}, set())
    return LoggedPicture(_text(read, "run", 4096), _identifier(read, "id"))


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ScratchpadError(f"{what} is {_shown(value)}, expected an object.")
    return value


def _keys(value: dict[str, Any], what: str, required: set[str], optional: set[str]) -> None:
    unknown, absent = sorted(set(value) - required - optional), sorted(required - set(value))
    if unknown:
        raise ScratchpadError(f"{what} has unknown keys {_shown(unknown)}, expected {', '.join(sorted(required | optional))}.")
    if absent:
        raise ScratchpadError(f"{what} lacks {', '.join(absent)}.")


def _text(value: dict[str, Any], key: str, longest: int) -> str:
    text = value[key]
    if not isinstance(text, str) or not 1 <= len(text) <= longest:
        raise ScratchpadError(f"{key} is {_shown(text)}, expected a text of 1 to {longest:,} characters.")
    return text


def _list(value: dict[str, Any], key: str, longest: int) -> list[Any]:
    read = value[key]
    if not isinstance(read, list) or not 1 <= len(read) <= longest:
        given = f"a list of {len(read):,}" if isinstance(read, list) else _shown(read)
        raise ScratchpadError(f"{key} is {given}, expected a list of 1 to {longest:,}.")
    return read


def _integers(value: dict[str, Any], key: str, longest: int) -> tuple[int, ...]:
    """Whole numbers from 0, each once."""
    read = _list(value, key, longest)
    wrong = [item for item in read if not _is_integer(item, 0, 2**31 - 1)]
    if wrong or len(set(read)) != len(read):
        raise ScratchpadError(f"{key} holds {_shown(wrong[0]) if wrong else 'a number twice'}, expected whole numbers from 0, each once.")
    return tuple(read)


def _numbers(value: dict[str, Any], key: str, longest: int) -> tuple[float, ...]:
    read = _list(value, key, longest)
    for item in read:
        if isinstance(item, bool) or not isinstance(item, (int, float)) or not abs(item) < 1e30:
            raise ScratchpadError(f"{key} holds {_shown(item)}, expected numbers.")
    return tuple(float(item) for item in read)


def _optional_text(value: dict[str, Any], key: str, longest: int) -> str | None:
    return None if value.get(key) is None else _text(value, key, longest)


def _identifier(value: dict[str, Any], key: str) -> str:
    text = _text(value, key, 128)
    require_identifier(text, key)
    return text


def _is_integer(value: object, smallest: int, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and smallest <= value <= largest


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
