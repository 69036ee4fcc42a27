"""From the tab's request to logged evidence and back: plugin, worker and model, all real."""

from __future__ import annotations

import io
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.exporter.failure_items import AskedItem
from tb_visualscratchpad.exporter.failure_set import failure_set
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.evidence import Span
from tb_visualscratchpad.wire.failure_evidence import FailureSet
from tests.exporter.worker.conftest import LIMITS, RunningWorker, png, serving, stored
from tests.random_evidence import random_vlm_run
from tests.random_failure_evidence import random_failure_set
from tests.worker_requests import TabRequests

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"


def run_job(tab: TabRequests, *, n_tokens: int = 4, seed: int = 0, **more: object) -> dict:
    return {"kind": "run", "picture": {"picture_id": tab.picture(png(seed))}, "prompt": "w1 w2 ?", "max_new_tokens": n_tokens, **more}


def test_a_run_from_an_uploaded_picture(worker: None, tab: TabRequests, logdir: Path) -> None:
    state = tab.worker()
    assert state["state"] == "ready" and "ready" in state["sentence"]
    assert state["worker"]["limits"]["new_tokens"] == LIMITS.new_tokens and state["worker"]["device"] == "cpu"
    events = list(tab.follow(tab.start(run_job(tab, name="first"))))
    assert [event["event"] for event in events] == ["queued", "started", "stage", "stage", *["token"] * 4, "result"]
    assert [event["n"] for event in events] == list(range(1, 10))
    result = events[-1]
    assert result["kind"] == "vlm_run" and result["run"] == state["worker"]["run"] and result["vlm_run"] == {"run": result["run"], "id": result["id"]}
    # TensorBoard has not read the event yet: the plugin reads the sidecar.
    shown = tab.send("GET", f"vlm_run?run={result['run']}&id={result['id']}", None, {})
    read = json.loads(shown.read())
    assert read["name"] == "first" and read["prompt"] == "w1 w2 ?" and read["dictionary"]["id"] == state["worker"]["dictionary_id"]
    assert read["output_text"] == "".join(event["text"] for event in events if event["event"] == "token").strip(" ")
    with stored(logdir) as store:
        (entry,) = store.listing("").vlm_runs
    assert (entry.run, entry.run_id) == (result["run"], result["id"])


def test_a_logged_run_is_asked_again(worker: None, tab: TabRequests, logdir: Path) -> None:
    first = tab.outcome(tab.start(run_job(tab)))
    again = {"kind": "run", "picture": {"run": first["run"], "id": first["id"]}, "max_new_tokens": 4}
    second = tab.outcome(tab.start(again))
    other = tab.outcome(tab.start(again | {"prompt": "w5 ?"}))
    with stored(logdir) as store:
        runs = [store.vlm_run("", one["run"], one["id"]) for one in (first, second, other)]
    assert [run.prompt for run in runs] == ["w1 w2 ?", "w1 w2 ?", "w5 ?"]
    assert len({run.run_id for run in runs}) == 3 and all(run.tokens.indices(Span.OUTPUT).size == 4 for run in runs)


def test_a_steered_answer_of_a_logged_run(worker: None, tab: TabRequests, logdir: Path) -> None:
    first = tab.outcome(tab.start(run_job(tab)))
    with stored(logdir) as store:
        latent = int(store.vlm_run("", first["run"], first["id"]).latents.csc_PK.sum(axis=0).argmax())
    spec = {"error": "kept", "interventions": [{"latent": latent, "op": "SCALE", "value": 0}]}
    events = list(tab.follow(tab.start({"kind": "steer", "picture": {"run": first["run"], "id": first["id"]}, "spec": spec, "name": "without it"})))
    result = events[-1]
    assert result["kind"] == "steering_result", result
    told = [event["condition"] for event in events if event["event"] == "token"]
    assert told[:4] == ["steered"] * 4
    assert all(event["done"] <= event["total"] for event in events if event["event"] == "stage")
    shown = json.loads(tab.send("GET", f"steering_result?run={result['run']}&id={result['id']}", None, {}).read())
    assert shown["name"] == "without it" and shown["original_run_id"] == first["id"] and shown["differs_from_logged"] == ""
    assert shown["steering"]["interventions"][0]["latent"] == latent and shown["steered_run_id"] == result["vlm_run"]["id"]
    steered = json.loads(tab.send("GET", f"vlm_run?run={result['run']}&id={result['vlm_run']['id']}", None, {}).read())
    assert steered["output_text"] == "".join(event["text"] for event in events if event["event"] == "token" and event["condition"] == "steered").strip(" ")
    with stored(logdir) as store:
        (outcome,) = store.listing("").outcomes
    assert (outcome.run, outcome.original_run_id) == (result["run"], first["id"])


def test_the_other_kinds_of_jobs(worker: None, tab: TabRequests, logdir: Path) -> None:
    """Each is logged and read back; the view of each is tested where it is made."""
    first = tab.outcome(tab.start(run_job(tab)))
    with stored(logdir) as store:
        firing = np.flatnonzero(store.vlm_run("", first["run"], first["id"]).latents.csc_PK.getnnz(axis=0)).tolist()
    again = {"picture": {"run": first["run"], "id": first["id"]}, "name": "why"}
    jobs = {
        "steering_result": {"kind": "erase", "box": [5, 5, 30.5, 40], "fill": "mean"},
        "cluster_sweep": {"kind": "sweep", "clusters": [{"name": "one", "latents": firing[:1]}, {"name": "two", "latents": firing[1:4]}]},
        "dose_response": {"kind": "dose", "latents": firing[:2], "op": "SCALE", "values": [0, 1, 2.5], "words": [0, 3]},
        "word_contributions": {"kind": "contributions", "word": 2},
    }
    for kind, job in jobs.items():
        events = list(tab.follow(tab.start(again | job)))
        result = events[-1]
        assert result["event"] == "result" and result["kind"] == kind and ("vlm_run" in result) is (kind == "steering_result"), result
        shown = json.loads(tab.send("GET", f"{kind}?run={result['run']}&id={result['id']}", None, {}).read())
        assert shown["name"] == "why" and shown["original_run_id"] == first["id"] and shown["differs_from_logged"] == ""
        stages = [event["what"] for event in events if event["event"] == "stage"]
        assert stages and "picture" not in stages, "the picture was read for the first of them"
        if kind == "cluster_sweep":
            assert [cluster["name"] for cluster in shown["clusters"]] == ["one", "two"]
        if kind == "word_contributions":
            assert shown["word"] == 2 and shown["n_firing"] == len(firing) and shown["rows"][0]["ablated"] is not None
        if kind == "dose_response":
            assert shown["values"] == [0, 1, 2.5] and [word["number"] for word in shown["words"]] == [0, 3]
    with stored(logdir) as store:
        assert len(store.listing("").outcomes) == 4


@pytest.mark.parametrize("steered", [False, True])
def test_heads_of_a_logged_run(steered: bool, worker: None, tab: TabRequests, logdir: Path) -> None:
    asked = tab.outcome(tab.start(run_job(tab, n_tokens=6)))
    place = {"run": asked["run"], "id": asked["id"]}
    if steered:
        with stored(logdir) as store:
            latent = int(store.vlm_run("", asked["run"], asked["id"]).latents.csc_PK.sum(axis=0).argmax())
        spec = {"interventions": [{"latent": latent, "op": "SCALE", "value": 5}]}
        place = tab.outcome(tab.start({"kind": "steer", "picture": place, "spec": spec}))["vlm_run"]
    with stored(logdir) as store:
        run = store.vlm_run("", place["run"], place["id"])
    output = run.tokens.indices(Span.OUTPUT).tolist()
    job = {"kind": "heads", "picture": place, "tokens": [output[4], output[1]], "name": "two words"}
    events = list(tab.follow(tab.start(job)))
    result = events[-1]
    assert result["event"] == "result" and result["kind"] == "head_attention" and "vlm_run" not in result, result
    assert [event["done"] for event in events if event["event"] == "stage" and event["what"] == "heads"] == [0, 0, 1, 2, 3]
    # TensorBoard has not read the event yet: the plugin reads the sidecar.
    shown = json.loads(tab.send("GET", f"head_attention?run={result['run']}&id={result['id']}", None, {}).read())
    assert shown["name"] == "two words" and shown["original_run_id"] == run.run_id and shown["difference"] < 1e-5
    assert shown["query_positions"] == [output[1] - 1, output[4] - 1] and shown["n_heads"] == 4
    query = f"run={place['run']}&id={place['id']}&heads={result['run']}/{result['id']}&token={output[4]}"
    assert tab.send("GET", f"head_maps?{query}", None, {}).status == 200
    with stored(logdir) as store:
        entry = next(one for one in store.listing("").outcomes if one.kind == "head_attention")
        found = store.head_attention("", entry.run, entry.result_id)
    rows = [run.attention.query_position_T.tolist().index(position) for position in found.query_position_T]
    np.testing.assert_allclose(found.over_heads().mean_TI, run.attention.mean_TI[rows], atol=2e-4)
    for wrong, why in (
        ({"tokens": []}, "list of 1 to 8"), ({"tokens": [0]}, "cannot see the image"), ({"row": "both"}, "producing or own"),
        ({"tokens": [output[-1]], "row": "own"}, "never fed back"), ({"picture": {"picture_id": "x"}}, "expected a logged run"),
        ({"prompt": "w1"}, "unknown keys"), ({"picture": {"run": place["run"], "id": "gone"}}, "finds no run"),
    ):
        status, read = tab.post("jobs/start", job | wrong)
        assert status in (400, 404) and why in read["error"], read


@pytest.fixture
def logged_set(llava_next: Vlm, tiny_sae: SparseAutoencoder, logdir: Path) -> FailureSet:
    """Three pictures, all answered wrongly, in the log directory's ``failures``."""
    items = [AskedItem(Image.open(io.BytesIO(png(seed))), "w1 w2 ?", "none of it", name=f"noise {seed}") for seed in range(3)]
    found = failure_set(llava_next, tiny_sae, items, max_new_tokens=3)
    with ScratchpadWriter(logdir / "failures") as writer:
        writer.add_failure_set(found)
    return found


def test_a_failure_set_is_asked_again(logged_set: FailureSet, worker: None, tab: TabRequests, logdir: Path) -> None:
    latents = sorted(np.argsort(-logged_set.used_NK("plain").toarray()[0])[:5].tolist())
    place = {"run": "failures", "id": logged_set.set_id}
    events = list(tab.follow(tab.start({"kind": "set_ablation", "failure_set": place, "latents": latents, "chosen_on": "all", "name": "five × 0"})))
    stages = [(event["what"], event["done"], event["total"]) for event in events if event["event"] == "stage"]
    assert stages == [("pictures", done, 3) for done in range(4)] and not any(event["event"] == "token" for event in events)
    result = events[-1]
    assert result["event"] == "result" and result["kind"] == "set_ablation", result
    shown = json.loads(tab.send("GET", f"set_ablation?run={result['run']}&id={result['id']}", None, {}).read())
    assert (shown["name"], shown["set_id"], shown["latents"], shown["chosen_on"]) == ("five × 0", logged_set.set_id, latents, "all")
    assert shown["parts"]["all"]["n_items"] == 3 and shown["seeds"] == [0, 1, 2] and shown["differs_from_logged"] == ""
    with stored(logdir) as store:
        (outcome,) = store.listing("").outcomes
    assert outcome.details == {"set_id": logged_set.set_id, "n_latents": 5}


def test_a_failure_set_that_cannot_be_asked_again_is_refused(logged_set: FailureSet, worker: None, tab: TabRequests, logdir: Path) -> None:
    bare, foreign = (replace(one, set_id=name) for one, name in ((logged_set.without_pictures(), "bare"), (random_failure_set(1), "foreign")))
    with ScratchpadWriter(logdir / "more") as writer:
        writer.add_failure_set(bare)
        writer.add_failure_set(foreign)
    job = {"kind": "set_ablation", "latents": [1], "chosen_on": "half"}
    for place, status, says in (
        ({"run": "more", "id": "bare"}, 400, "--no-images"),
        ({"run": "more", "id": "foreign"}, 400, "whose latents are others"),
        ({"run": "more", "id": "none"}, 404, "finds no failure set 'none'"),
        ({"run": "../elsewhere", "id": "bare"}, 404, "is no run of the log directory"),
    ):
        answered, said = tab.post("jobs/start", job | {"failure_set": place})
        assert answered == status and says in said["error"], said
    answered, said = tab.post("jobs/start", job | {"failure_set": {"run": "failures", "id": logged_set.set_id}, "latents": [80]})
    assert answered == 400 and "has 80, numbered from 0" in said["error"]


def test_words_beyond_the_answer_fail_the_job_with_a_sentence(worker: None, tab: TabRequests) -> None:
    job = run_job(tab) | {"kind": "dose", "latents": [1], "op": "SCALE", "values": [0, 1], "words": [99]}
    last = tab.outcome(tab.start(job))
    assert last["event"] == "failed" and "the answer has 4 tokens" in last["error"]
    assert tab.outcome(tab.start(run_job(tab)))["event"] == "result"


def test_latents_of_another_dictionary_are_refused(worker: None, tab: TabRequests, logdir: Path) -> None:
    spec = {"interventions": [{"latent": 80, "op": "SET", "value": 1}]}
    status, said = tab.post("jobs/start", run_job(tab) | {"kind": "steer", "spec": spec})
    assert status == 400 and "has 80, numbered from 0" in said["error"]
    with ScratchpadWriter(logdir / "other") as writer:
        writer.add_vlm_run(random_vlm_run(1, run_id="foreign"))
    spec["interventions"][0]["latent"] = 3
    picture = {"picture": {"run": "other", "id": "foreign"}}
    status, said = tab.post("jobs/start", {"kind": "steer", "spec": spec, **picture})
    assert status == 400 and "whose latents are others" in said["error"]
    assert tab.outcome(tab.start({"kind": "run", "prompt": "w1", "max_new_tokens": 2, **picture}))["event"] == "result"


def test_two_tabs_at_once(worker: None, tab: TabRequests) -> None:
    """Both get their own answer; a full queue refuses with a sentence, and takes more afterwards."""
    long = tab.start(run_job(tab, n_tokens=LIMITS.new_tokens))
    assert next(event for event in tab.follow(long) if event["event"] == "token")
    stories: list[list[dict]] = [[], []]
    waiting = [tab.start(run_job(tab, seed=seed)) for seed in (1, 2)]
    threads = [
        threading.Thread(target=lambda story=story, job=job: story.extend(tab.follow(job))) for story, job in zip(stories, waiting, strict=True)
    ]
    for thread in threads:
        thread.start()
    state = tab.worker()
    assert state["state"] == "busy" and "2 jobs wait" in state["sentence"] and state["worker"]
    status, said = tab.post("jobs/start", run_job(tab))
    assert status == 400 and "2 jobs wait already" in said["error"]
    assert [job["state"] for job in tab.post("jobs/list", {})[1]["jobs"]] == ["running", "queued", "queued"]
    assert tab.post("jobs/cancel", {"job_id": long})[0] == 200
    for thread in threads:
        thread.join(60)
    assert [story[-1]["event"] for story in stories] == ["result", "result"]
    assert stories[1][0]["position"] == 2 and len({story[-1]["id"] for story in stories}) == 2
    assert tab.outcome(tab.start(run_job(tab)))["event"] == "result"


def test_a_running_job_is_cancelled_and_leaves_nothing(worker: None, tab: TabRequests, logdir: Path) -> None:
    job = tab.start(run_job(tab, n_tokens=LIMITS.new_tokens))
    events = []
    for event in tab.follow(job):
        events.append(event)
        if event["event"] == "token" and sum(one["event"] == "token" for one in events) == 3:
            assert tab.post("jobs/cancel", {"job_id": job}) == (200, {"job_id": job, "state": "running"})
    assert events[-1]["event"] == "cancelled" and len(events) < LIMITS.new_tokens
    assert not list(logdir.rglob("*.safetensors")) and not list(logdir.rglob("*tfevents*"))
    assert tab.outcome(tab.start(run_job(tab)))["event"] == "result"


def test_a_tab_that_goes_away_loses_nothing(worker: None, tab: TabRequests, logdir: Path) -> None:
    job = tab.start(run_job(tab, n_tokens=60))
    story = tab.follow(job)
    next(story)
    story.close()
    events = list(tab.follow(job))
    assert events[-1]["event"] == "result" and [event["n"] for event in events] == list(range(1, len(events) + 1))
    assert list(tab.follow(job, after=events[-2]["n"])) == events[-1:]


def test_tensorboard_started_anew_finds_worker_and_jobs_again(worker: None, logdir: Path) -> None:
    with serving(logdir) as before:
        job = before.tab.start(run_job(before.tab, n_tokens=80))
    with serving(logdir) as after:
        assert after.tab.worker()["worker"]
        assert [one["job_id"] for one in after.tab.post("jobs/list", {})[1]["jobs"]] == [job]
        assert after.tab.outcome(job)["event"] == "result"


ABSENT = (
    ({"run": "../../etc", "id": "passwd"}, 404, "no run of the log directory"),
    ({"run": "/etc", "id": "passwd"}, 404, "no run of the log directory"),
    ({"run": "a\0b", "id": "x"}, 404, "no run of the log directory"),
    ({"run": ".", "id": "../x"}, 400, "id is '../x'"),
    ({"run": ".", "id": "none"}, 404, "finds no run 'none'"),
    ({"run": "worker", "id": "none"}, 404, "finds no run 'none'"),
    ({"picture_id": "0123456789abcdef"}, 404, "send it again"),
)


def test_pictures_that_are_not_there(worker: None, tab: TabRequests) -> None:
    for picture, status, says in ABSENT:
        got, said = tab.post("jobs/start", {"kind": "run", "picture": picture, "prompt": "w1"})
        assert got == status and says in said["error"]
    assert tab.post("jobs/list", {})[1]["jobs"] == []


def test_a_sidecar_that_leads_out_of_the_log_directory_is_not_read(worker: None, tab: TabRequests, logdir: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "secret.safetensors"
    elsewhere.write_bytes(b"secret")
    folder = logdir / "run" / "plugins" / "visualscratchpad"
    folder.mkdir(parents=True)
    os.symlink(elsewhere, folder / "vlm_run.x.0.safetensors")
    status, said = tab.post("jobs/start", {"kind": "run", "picture": {"run": "run", "id": "x"}})
    assert status == 422 and "outside its run directory" in said["error"]


def test_what_is_no_picture_is_a_sentence(worker: None, tab: TabRequests) -> None:
    for content, says in (
        (POSTSCRIPT, "not a picture of a kind that is read"), (b"", "not a picture"), (b"\x89PNG\r\n\x1a\n", "picture"), (b"GIF89a", "picture"), (b"{}", "not a picture"), (png()[:500], "damaged")
    ):
        with pytest.raises(AssertionError, match=says):
            tab.picture(content)


def test_pictures_over_the_limits(worker: None, tab: TabRequests) -> None:
    with pytest.raises(AssertionError, match="at most 1 million are read"):
        tab.picture(png(width=1001, height=1000)[: 1 << 19])
    with pytest.raises(AssertionError, match="at most 1,048,576 are taken"):
        tab.picture(png(width=700, height=700))
    ids = [tab.picture(png(seed)) for seed in range(3)]
    assert tab.post("jobs/start", {"kind": "run", "picture": {"picture_id": ids[0]}, "prompt": "w1"})[0] == 404
    assert tab.outcome(tab.start({"kind": "run", "picture": {"picture_id": ids[1]}, "prompt": "w1", "max_new_tokens": 1}))["event"] == "result"


def test_no_images_logs_no_pixels(running_worker: RunningWorker, tab: TabRequests, logdir: Path) -> None:
    with running_worker(keep_pictures=False):
        result = tab.outcome(tab.start(run_job(tab)))
        status, said = tab.post("jobs/start", {"kind": "run", "picture": {"run": result["run"], "id": result["id"]}})
        assert status == 404 and "--no-images" in said["error"]
    with stored(logdir) as store:
        assert store.vlm_run("", result["run"], result["id"]).picture is None
