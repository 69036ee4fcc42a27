"""TensorBoard ends in the middle of a job and is started again: the job goes on, and its evidence is found."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.end_to_end.served_log import tensorboard
from tests.tiny_worker import tiny_worker
from tests.worker_requests import TabRequests

N_TOKENS = 800


def test_a_job_goes_on_without_tensorboard(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.fromarray(np.zeros((40, 60, 3), dtype=np.uint8)).save(picture, format="PNG")
    with tiny_worker(tmp_path) as logdir:
        with tensorboard(logdir) as address:
            tab = TabRequests(address)
            job = {"kind": "run", "picture": {"picture_id": tab.picture(picture.getvalue())}, "prompt": "w1 ?", "max_new_tokens": N_TOKENS}
            job_id = tab.start(job)
            story = tab.follow(job_id)
            seen = next(event for event in story if event["event"] == "token")
        with tensorboard(logdir) as address:
            tab = TabRequests(address)
            (listed,) = tab.post("jobs/list", {})[1]["jobs"]
            assert listed["job_id"] == job_id
            rest = list(tab.follow(job_id, after=seen["n"]))
            assert rest[0]["n"] == seen["n"] + 1 and rest[-1]["event"] == "result"
            place = f"run={rest[-1]['run']}&id={rest[-1]['id']}"
            shown = json.loads(tab.send("GET", f"vlm_run?{place}", None, {}).read())
            assert sum(token["span"] == "OUTPUT" for token in shown["tokens"]) == N_TOKENS
            assert shown["output_text"] == "".join(event["text"] for event in (seen, *rest) if event["event"] == "token").strip(" ")
            deadline = time.monotonic() + 30
            while not (runs := json.loads(tab.send("GET", "listing", None, {}).read())["vlm_runs"]) and time.monotonic() < deadline:
                time.sleep(0.2)
            assert [run["id"] for run in runs] == [rest[-1]["id"]]
