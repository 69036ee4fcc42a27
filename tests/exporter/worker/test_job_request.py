"""Jobs are read strictly."""

from __future__ import annotations

import pytest

from tb_visualscratchpad.exporter.cluster_sweep import NamedLatents
from tb_visualscratchpad.exporter.steering import BoxScope, LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.worker.job_request import (
    DoseJob,
    EraseJob,
    HeadsJob,
    LoggedPicture,
    Question,
    RunJob,
    SetAblationJob,
    SteerJob,
    SweepJob,
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


def test_erase_sweep_and_dose_jobs() -> None:
    job = parse_job(erase(), LIMITS)
    assert isinstance(job, EraseJob) and job.box == (0, 0, 10, 10.5) and job.fill == "blur" and steered_latents(job) == []
    job = parse_job(sweep(), LIMITS)
    assert isinstance(job, SweepJob) and job.clusters == (NamedLatents("a", (3, 1)), NamedLatents("b", (2,))) and steered_latents(job) == [3, 1, 2]
    job = parse_job(dose(where={"view": "base", "box": [0, 0, 1, 1]}), LIMITS)
    assert isinstance(job, DoseJob) and job.values == (2, 0) and job.words == (1,) and job.where == BoxScope("base", (0, 0, 1, 1))


def test_a_heads_job() -> None:
    job = parse_job({"kind": "heads", "picture": {"run": "a", "id": "b"}, "tokens": [9, 4], "row": "own"}, LIMITS)
    assert job == HeadsJob(LoggedPicture("a", "b"), None, (9, 4), "own") and steered_latents(job) == []
    assert parse_job({"kind": "heads", "picture": {"run": "a", "id": "b"}, "tokens": [9]}, LIMITS).row == "producing"


def test_a_failure_set_without_some_latents() -> None:
    job = parse_job(set_ablation(name="best 2 × 0"), LIMITS)
    assert job == SetAblationJob(LoggedPicture("a/b", "ducks"), "best 2 × 0", (7, 3), "half")
    assert steered_latents(job) == [7, 3]


def set_ablation(**changes: object) -> dict:
    return {"kind": "set_ablation", "failure_set": {"run": "a/b", "id": "ducks"}, "latents": [7, 3], "chosen_on": "half"} | changes


def erase(**changes: object) -> dict:
    return {"kind": "erase", "picture": {"run": "a", "id": "b"}, "box": [0, 0, 10, 10.5], "fill": "blur"} | changes


def sweep(**changes: object) -> dict:
    clusters = [{"name": "a", "latents": [3, 1]}, {"name": "b", "latents": [2]}]
    return {"kind": "sweep", "picture": {"run": "a", "id": "b"}, "clusters": clusters} | changes


def dose(**changes: object) -> dict:
    return {"kind": "dose", "picture": {"run": "a", "id": "b"}, "latents": [1, 2], "op": "SCALE", "values": [2, 0], "words": [1]} | changes


def steer(**changes: object) -> dict:
    return {"kind": "steer", "picture": {"run": "a", "id": "b"}, "spec": {}} | changes


@pytest.mark.parametrize(
    ("job", "says"),
    [
        (None, "expected an object"),
        (set_ablation(chosen_on="third"), "chosen_on is 'third', expected half or all"),
        (set_ablation(latents=[]), "a list of 1 to"),
        (set_ablation(latents=[3, 3]), "a number twice"),
        (set_ablation(failure_set={"run": "a"}), "lacks id"),
        (set_ablation(failure_set={"run": "a", "id": "../b"}), "letters, digits"),
        (set_ablation(picture=UPLOADED), "unknown keys"),
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
        (erase(box=[0, 0, 10]), "The box is"),
        (erase(box=[5, 0, 5, 9]), "x0 < x1"),
        (erase(box=[0, 0, float("inf"), 9]), "box holds inf"),
        (erase(box=[0, 0, True, 9]), "box holds True"),
        (erase(box="0123"), "expected a list"),
        (erase(fill="black"), "fill is 'black', expected mean, blur or outside"),
        (erase(fill=["mean"]), "fill is"),
        (sweep(clusters=[]), "a list of 0, expected a list of 1 to 128"),
        (sweep(clusters=[{"name": "a", "latents": [1]}] * 129), "a list of 129"),
        (sweep(clusters=[{"name": "a", "latents": list(range(4000))}] * 2), "names 8,000 latents"),
        (sweep(clusters=[{"name": "a"}]), "A cluster lacks latents"),
        (sweep(clusters=["a"]), "A cluster is 'a'"),
        (sweep(clusters=[{"name": "a", "latents": [1, 1]}]), "a number twice"),
        (sweep(clusters=[{"name": "a", "latents": [-1]}]), "latents holds -1"),
        (sweep(clusters=[{"name": "a", "latents": [1.5]}]), "latents holds 1.5"),
        (sweep(clusters=[{"name": "", "latents": [1]}]), "name is ''"),
        (dose(values=[1]), "at least two different doses"),
        (dose(values=[1, 1]), "at least two different doses"),
        (dose(values=list(range(34))), "a list of 34"),
        (dose(values=[0, float("nan")]), "values holds nan"),
        (dose(values=[-1, 1]), "would make it negative"),
        (dose(op="MULTIPLY"), "expected SET, SCALE or ADD"),
        (dose(op=["SET"]), "expected SET, SCALE or ADD"),
        (dose(words=[]), "words is a list of 0"),
        (dose(words=["cat"]), "words holds 'cat'"),
        (dose(where={"view": "left", "box": [0, 0, 1, 1]}), "expected base, tiles or both"),
        ({"kind": "contributions", "picture": {"run": "a", "id": "b"}, "word": "cat"}, "word is 'cat'"),
        ({"kind": "contributions", "picture": {"run": "a", "id": "b"}, "word": -1}, "word is -1"),
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
