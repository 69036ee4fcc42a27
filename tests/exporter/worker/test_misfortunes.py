"""What may befall a worker: nothing that was finished is lost, a sentence is said, and the next run works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tb_visualscratchpad import worker_client
from tb_visualscratchpad.exporter import cli
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.worker import model_work, serve
from tb_visualscratchpad.exporter.worker.registration import OnlyWorker
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.worker_files import entries
from tb_visualscratchpad.worker_client import WorkerClient
from tests.exporter.test_event_log import no_file_beyond
from tests.exporter.worker.conftest import RunningWorker, png, secret_of, serving, stored
from tests.worker_requests import TabRequests


def run_job(tab: TabRequests, n_tokens: int = 3) -> dict:
    return {"kind": "run", "picture": {"picture_id": tab.picture(png())}, "prompt": "w1 ?", "max_new_tokens": n_tokens}


@contextmanager
def worker_process(model: list[str], logdir: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A worker that is ready, as the demo starts one; killed on leaving."""
    command = [sys.executable, "-m", "tb_visualscratchpad.exporter", "worker", *model, "--logdir", str(logdir), "--end-with-stdin", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if "is ready" in line:
                    break
            assert process.poll() is None, said
            yield process
        finally:
            process.kill()


@pytest.fixture
def model(llava_next_folder: Path, sae_folder: Path) -> list[str]:
    return ["--vlm", str(llava_next_folder), "--sae", str(sae_folder), "--device", "cpu"]


def test_killed_in_the_middle_of_a_job(
    model: list[str], logdir: Path, private: Path, tab: TabRequests, running_worker: RunningWorker
) -> None:
    with worker_process(model, logdir, "--max-new-tokens", "3000") as process:
        finished = tab.outcome(tab.start(run_job(tab)))
        assert finished["event"] == "result"
        story, killed = [], False
        for event in tab.follow(tab.start(run_job(tab, 3000))):
            story.append(event)
            if event["event"] == "token" and not killed:
                os.kill(process.pid, signal.SIGKILL)
                killed = True
        assert story[-1]["event"] == "failed" and "start it again" in story[-1]["error"]
        assert [event["n"] for event in story] == list(range(1, len(story) + 1))
        process.wait()
        state = tab.worker()
        assert state["state"] == "none" and "has ended" in state["sentence"]
        status, said = tab.post("jobs/list", {})
        assert status == 503 and "visualscratchpad worker" in said["error"]
    left_behind = {path.name for path in private.glob("*.json")}
    assert len(left_behind) == 1 and len(entries(logdir)) == 1
    with running_worker():
        assert not left_behind & {path.name for path in private.glob("*.json")} and len(entries(logdir)) == 1
        again = tab.outcome(tab.start({"kind": "run", "picture": {"run": finished["run"], "id": finished["id"]}}))
        assert again["event"] == "result"
    with stored(logdir) as store:
        listing = store.listing("")
    assert {entry.run_id for entry in listing.vlm_runs} == {finished["id"], again["id"]} and listing.problems == ()


@pytest.mark.full
def test_told_to_end_it_calls_off_what_runs_and_tidies_up(model: list[str], logdir: Path, private: Path, tab: TabRequests) -> None:
    with worker_process(model, logdir, "--max-new-tokens", "3000") as process:
        story = tab.follow(tab.start(run_job(tab, 3000)))
        assert next(event for event in story if event["event"] == "token")
        process.send_signal(signal.SIGTERM)
        last = list(story)[-1]
        assert last["event"] in ("cancelled", "failed")
        said = process.stderr.read()
        assert process.wait(60) == 0 and "Traceback" not in said and "Fatal" not in said, said
    assert list(logdir.iterdir()) == [] and list(private.glob("*.json")) == []


def test_started_twice(running_worker: RunningWorker, tab: TabRequests, model: list[str], logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_worker():
        job = tab.start(run_job(tab, 200))
        assert cli.main(["worker", *model, "--logdir", str(logdir)]) == 1
        said = capsys.readouterr().err
        assert f"running already (process {os.getpid()})" in said and "Loading" not in said
        assert cli.main(["worker", *model, "--logdir", str(logdir / ".." / logdir.name)]) == 1, "by whatever path"
        assert tab.outcome(job)["event"] == "result"
    with running_worker():
        assert tab.outcome(tab.start(run_job(tab)))["event"] == "result"


def test_a_lock_is_let_go_of(logdir: Path, private: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(private.parent)}
    with OnlyWorker(logdir, environment), pytest.raises(ScratchpadError, match="running already"):
        OnlyWorker(logdir, environment)
    with OnlyWorker(logdir, environment), OnlyWorker(logdir.parent, environment):
        pass


def test_disk_full_while_logging(worker: None, tab: TabRequests, logdir: Path) -> None:
    first = tab.outcome(tab.start(run_job(tab)))
    before = {path: path.stat().st_size for path in logdir.rglob("*") if path.is_file()}
    for job in (run_job(tab), run_job(tab) | {"kind": "steer", "spec": {"interventions": [{"latent": 1, "op": "SET", "value": 1}]}}):
        with no_file_beyond(2_000):
            last = tab.outcome(tab.start(job))
        assert last["event"] == "failed" and "could not be written" in last["error"] and "free some space" in last["error"]
        assert {path: path.stat().st_size for path in logdir.rglob("*") if path.is_file()} == before
    assert tab.worker()["state"] == "ready"
    again = tab.outcome(tab.start(run_job(tab)))
    with stored(logdir) as store:
        listing = store.listing("")
    assert {entry.run_id for entry in listing.vlm_runs} == {first["id"], again["id"]} and listing.problems == ()


def test_disk_full_before_it_begins(running_worker: RunningWorker, logdir: Path, private: Path) -> None:
    with no_file_beyond(40), pytest.raises(ScratchpadError, match="cannot say .* free some space"), running_worker():
        pass
    assert list(logdir.rglob("*.json")) == [] and list(private.glob("*.json")) == []
    with running_worker():
        pass


@pytest.mark.parametrize(
    ("error", "says"),
    [(torch.OutOfMemoryError("no"), "out of memory"), (MemoryError(), "out of memory"), (ZeroDivisionError("odd"), "ZeroDivisionError")],
)
def test_the_model_stays_whatever_befalls_a_job(
    worker: None, tab: TabRequests, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(model_work, "record_answer", break_down)
        last = tab.outcome(tab.start(run_job(tab)))
    assert last["event"] == "failed" and says in last["error"]
    assert tab.outcome(tab.start(run_job(tab)))["event"] == "result"


def test_its_files_come_back(running_worker: RunningWorker, tab: TabRequests, logdir: Path, private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime directory ends with the user's last login; the worker goes on."""
    monkeypatch.setattr(serve, "RENEW_SECONDS", 0.05)
    with running_worker():
        assert tab.worker()["state"] == "ready"
        for path in (*private.glob("*.json"), *logdir.rglob("*.json")):
            path.unlink()
        deadline = time.monotonic() + 20
        while tab.worker()["state"] != "ready" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert tab.outcome(tab.start(run_job(tab)))["event"] == "result"
    assert list(private.glob("*.json")) == []


def test_a_port_in_use(
    running_worker: RunningWorker, llava_next: Vlm, tiny_sae: SparseAutoencoder, logdir: Path, private: Path
) -> None:
    with running_worker():
        port = secret_of(logdir, private).port
        stop = threading.Event()
        with pytest.raises(ScratchpadError, match=f"Port {port} cannot be used"):
            serve.serve_worker(llava_next, tiny_sae, logdir.parent / "other", port=port, stop=stop)
    with pytest.raises(ScratchpadError, match="Port 70000 is none"), running_worker(port=70_000):
        pass


def test_a_worker_on_another_machine(running_worker: RunningWorker, logdir: Path, private: Path, tmp_path: Path) -> None:
    """Through a tunnel that ends on this machine; TensorBoard shows another copy of the logs."""
    with running_worker():
        secret = secret_of(logdir, private)
        token = tmp_path / "token"
        token.touch(mode=0o600)
        token.write_text(json.dumps({"secret": secret.secret, "worker_id": "w", "boot_id": "other", "logdir": "/elsewhere", "port": 1}))
        environment = {"VISUALSCRATCHPAD_WORKER": f"localhost:{secret.port}", "VISUALSCRATCHPAD_WORKER_TOKEN_FILE": str(token)}
        for where in (None, str(tmp_path), "gs://bucket/logs"):
            assert WorkerClient(where, environment).status()["vlm_name"]
        token.write_text("t" * 64)
        with pytest.raises(ScratchpadError, match="copy its private file again"):
            WorkerClient(None, environment).status()
    with pytest.raises(ScratchpadError, match="does not answer"):
        WorkerClient(None, environment).status()


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"VISUALSCRATCHPAD_WORKER": "gpu.example:7007", "VISUALSCRATCHPAD_WORKER_TOKEN_FILE": "x"}, "expected localhost:port.*ssh -N -L"),
        ({"VISUALSCRATCHPAD_WORKER": "localhost", "VISUALSCRATCHPAD_WORKER_TOKEN_FILE": "x"}, "expected localhost:port"),
        ({"VISUALSCRATCHPAD_WORKER": "localhost:0", "VISUALSCRATCHPAD_WORKER_TOKEN_FILE": "x"}, "expected localhost:port"),
        ({"VISUALSCRATCHPAD_WORKER": "http://localhost:80", "VISUALSCRATCHPAD_WORKER_TOKEN_FILE": "x"}, "expected localhost:port"),
        ({"VISUALSCRATCHPAD_WORKER": "localhost:80"}, "WORKER_TOKEN_FILE is not"),
        ({"VISUALSCRATCHPAD_WORKER": "localhost:80", "VISUALSCRATCHPAD_WORKER_TOKEN_FILE": "/nowhere"}, "/nowhere cannot be used"),
        ({}, "without a local --logdir"),
    ],
)
def test_settings_that_lead_nowhere_are_a_sentence(environment: dict[str, str], says: str) -> None:
    with pytest.raises(ScratchpadError, match=says):
        WorkerClient(None, environment).status()


def test_without_any_worker(logdir: Path) -> None:
    with serving(logdir) as served:
        state = served.tab.worker()
        assert state["state"] == "none" and f"--logdir {logdir}" in state["sentence"] and state["worker"] is None
        assert served.tab.post("jobs/start", {})[0] == 503


def test_a_story_that_breaks_off_is_taken_up_again(worker: None, logdir: Path, tab: TabRequests, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker lives but is not heard for a while: its job has not failed."""
    long = tab.start(run_job(tab, 600))
    waiting = tab.start(run_job(tab))
    with monkeypatch.context() as patch:
        patch.setattr(worker_client, "SILENCE_SECONDS", 0.3)
        told = list(tab.follow(waiting))
    assert [event["event"] for event in told] == ["queued"], "nothing comes for longer than the silence that is borne"
    assert tab.outcome(long)["event"] == "result" and tab.outcome(waiting)["event"] == "result"
