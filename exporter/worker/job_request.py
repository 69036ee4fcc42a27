"""What a job asks for, read strictly: an unknown key, a wrong type or too much is refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.exporter.worker.limits import WorkerLimits
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.tags import require_identifier

MAX_NAME = 200


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


Job = RunJob | SteerJob

_QUESTION = ("picture", "prompt", "system", "max_new_tokens")


def parse_job(value: object, limits: WorkerLimits) -> Job:
    """A job from its JSON (``docs/worker.md``).

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


_PARSERS: dict[str, Callable[[Any, WorkerLimits], Job]] = {"run": _run_job, "steer": _steer_job}


def steered_latents(job: Job) -> list[int]:
    """The latents that a job names."""
    match job:
        case RunJob():
            return []
        case SteerJob():
            return [item.latent for item in job.spec.interventions]


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
