"""Jobs are read strictly."""

from __future__ import annotations

import pytest

from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.worker.job_request import (
    LoggedPicture,
    Question,
    RunJob,
    SteerJob,
    UploadedPicture,
    parse_job,
    steered_latents,
)
from tb_visualscratchpad.exporter.worker.limits import WorkerLimits
from tb_visualscratchpad.wire.errors import ScratchpadError

LIMITS = WorkerLimits()
UPLOADED = {"picture_id": "abc"}


def test_a_run_of_an_uploaded_picture() -> None:
    job = parse_job({"kind": "run", "picture": UPLOADED, "prompt": "what ?", "max_new_tokens": 1024}, LIMITS)
    assert job == RunJob(Question(UploadedPicture("abc"), "what ?", None, 1024), None)


def test_a_run_of_a_logged_picture_asks_what_was_asked() -> None:
    job = parse_job({"kind": "run", "picture": {"run": "a/b", "id": "x-1"}, "system": "be brief", "name": "again"}, LIMITS)
    assert job == RunJob(Question(LoggedPicture("a/b", "x-1"), None, "be brief", None), "again")


def test_a_steer_job() -> None:
    spec = {"interventions": [{"latent": 4, "op": "SCALE", "value": 0}]}
    job = parse_job({"kind": "steer", "picture": {"run": "a", "id": "b"}, "spec": spec, "name": "cat x 0"}, LIMITS)
    expected = SteeringSpec((LatentIntervention(4, "SCALE", 0),))
    assert job == SteerJob(Question(LoggedPicture("a", "b"), None, None, None), "cat x 0", expected)
    assert steered_latents(job) == [4]


def steer(**changes: object) -> dict:
    return {"kind": "steer", "picture": {"run": "a", "id": "b"}, "spec": {}} | changes


@pytest.mark.parametrize(
    ("job", "says"),
    [
        (None, "expected an object"),
        ([], "expected an object"),
        ({}, "kind is None"),
        ({"kind": ["run"]}, "kind is"),
        ({"kind": "delete", "picture": UPLOADED}, "kind is 'delete', expected one of run"),
        ({"kind": "steer", "picture": {"run": "a", "id": "b"}}, "lacks spec"),
        (steer(spec="{}"), "The steering spec is str"),
        (steer(spec=[]), "The steering spec is list"),
        (steer(spec={"latents": []}), "unknown keys latents"),
        (steer(spec={"interventions": [{"latent": 1, "op": "SET", "value": float("nan")}]}), "expected a finite number"),
        (steer(spec={"interventions": [{"latent": 1, "op": "SET", "value": "1"}]}), "expected a finite number"),
        (steer(spec={"interventions": [{"latent": 1, "op": "RUN", "value": 1}]}), "expected SET, SCALE or ADD"),
        (steer(spec={"interventions": [{"latent": n, "op": "SET", "value": 1} for n in range(4097)]}), "at most 4,096"),
        (steer(name="a" * 201), "1 to 200 characters"),
        ({"kind": "run", "prompt": "a"}, "lacks picture"),
        ({"kind": "run", "picture": UPLOADED, "prompt": "a", "path": "/etc"}, "unknown keys \\['path'\\]"),
        ({"kind": "run", "picture": "abc", "prompt": "a"}, "picture is 'abc', expected an object"),
        ({"kind": "run", "picture": {}, "prompt": "a"}, "lacks id, run"),
        ({"kind": "run", "picture": {"picture_id": "a", "run": "b"}, "prompt": "a"}, "unknown keys"),
        ({"kind": "run", "picture": {"picture_id": "../secret"}, "prompt": "a"}, "picture_id is '../secret'"),
        ({"kind": "run", "picture": {"run": "a", "id": "../../b"}}, "id is '../../b'"),
        ({"kind": "run", "picture": {"run": 3, "id": "b"}}, "run is 3"),
        ({"kind": "run", "picture": UPLOADED}, "say what to ask"),
        ({"kind": "run", "picture": UPLOADED, "prompt": ""}, "prompt is ''"),
        ({"kind": "run", "picture": UPLOADED, "prompt": ["a"]}, "prompt is"),
        ({"kind": "run", "picture": UPLOADED, "prompt": "a" * 20_001}, "1 to 20,000 characters"),
        ({"kind": "run", "picture": UPLOADED, "prompt": "a", "system": 4}, "system is 4"),
        ({"kind": "run", "picture": UPLOADED, "prompt": "a", "max_new_tokens": 0}, "from 1 to 1024"),
        ({"kind": "run", "picture": UPLOADED, "prompt": "a", "max_new_tokens": 1025}, "from 1 to 1024"),
        ({"kind": "run", "picture": UPLOADED, "prompt": "a", "max_new_tokens": True}, "max_new_tokens is True"),
        ({"kind": "run", "picture": UPLOADED, "prompt": "a", "max_new_tokens": 5.0}, "max_new_tokens is 5.0"),
    ],
)
def test_what_is_wrong_with_a_job_is_said(job: object, says: str) -> None:
    with pytest.raises(ScratchpadError, match=says) as told:
        parse_job(job, LIMITS)
    assert len(str(told.value)) < 400
