"""Jobs wait their turn, tell their story, and can be called off."""

from __future__ import annotations

import threading

import pytest

from tb_visualscratchpad.exporter.job_progress import Cancelled
from tb_visualscratchpad.exporter.worker.job_queue import JobQueue
from tb_visualscratchpad.exporter.worker.job_request import Question, RunJob, UploadedPicture
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError

JOB = RunJob(Question(UploadedPicture("a"), "what ?", None, None), None)


def story(queue: JobQueue, job_id: str) -> list[str]:
    return [event["event"] for event in queue.follow(job_id, 0, 0.01)]


def test_first_come_first_served_and_everybody_knows_their_place() -> None:
    queue = JobQueue(3)
    ids, positions = zip(*(queue.add(JOB, "run") for _ in range(3)), strict=True)
    assert positions == (0, 1, 2) and queue.is_busy and queue.n_waiting == 3
    for job_id in ids:
        job = queue.take(0)
        assert job.job_id == job_id and job.state == "running"
        job.stage("reading", 0, 1)
        job.token("original", "a")
        queue.end(job, "result", kind="vlm_run", run="r", id=job_id)
        assert job.state == "done"
    assert queue.take(0) is None and not queue.is_busy
    events = list(queue.follow(ids[2], 0, 1))
    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    assert [event["position"] for event in events if event["event"] == "queued"] == [2, 2, 1, 1, 0]
    assert story(queue, ids[0]) == ["queued", "started", "stage", "token", "result"]
    assert [job["state"] for job in queue.list()] == ["done"] * 3


def test_a_full_queue_says_so() -> None:
    queue = JobQueue(1)
    queue.add(JOB, "run")
    running = queue.take(0)
    queue.add(JOB, "run")
    with pytest.raises(ScratchpadError, match="1 jobs wait already"):
        queue.add(JOB, "run")
    queue.end(running, "failed", error="it broke")
    queue.take(0)
    queue.add(JOB, "run")


def test_a_waiting_job_is_cancelled_at_once_and_others_move_up() -> None:
    queue = JobQueue(3)
    first, second, third = (queue.add(JOB, "run")[0] for _ in range(3))
    queue.cancel(second)
    assert story(queue, second)[-1] == "cancelled"
    assert [job["position"] for job in queue.list()] == [0, None, 1]
    assert queue.take(0).job_id == first
    queue.cancel(third)
    assert not queue.n_waiting


def test_a_running_job_is_cancelled_at_its_next_token() -> None:
    queue = JobQueue(3)
    job_id, _ = queue.add(JOB, "run")
    job = queue.take(0)
    job.check()
    assert queue.cancel(job_id).state == "running"
    with pytest.raises(Cancelled):
        job.check()
    queue.end(job, "cancelled")
    assert queue.cancel(job_id).state == "cancelled", "what is over stays as it ended"
    assert story(queue, job_id) == ["queued", "started", "cancelled"]


def test_two_follow_at_once_and_one_takes_up_later() -> None:
    queue = JobQueue(3)
    job_id, _ = queue.add(JOB, "run")
    heard: list[list[dict]] = [[], []]
    threads = [threading.Thread(target=lambda one=one: one.extend(queue.follow(job_id, 0, 5))) for one in heard]
    for thread in threads:
        thread.start()
    job = queue.take(0)
    for text in "abc":
        job.token("original", text)
    queue.end(job, "result")
    for thread in threads:
        thread.join(10)
    assert heard[0] == heard[1] and [event.get("text") for event in heard[0]] == [None, None, "a", "b", "c", None]
    assert list(queue.follow(job_id, 4, 5)) == heard[0][4:]
    assert list(queue.follow(job_id, 99, 5)) == []


def test_silence_is_filled_with_heartbeats() -> None:
    queue = JobQueue(3)
    job_id, _ = queue.add(JOB, "run")
    events = queue.follow(job_id, 1, 0.01)
    assert [next(events) for _ in range(3)] == [{"n": 1, "event": "heartbeat"}] * 3


def test_an_unknown_job_is_a_sentence() -> None:
    queue = JobQueue(3)
    for ask in (lambda: queue.cancel("x"), lambda: queue.follow("x", 0, 1)):
        with pytest.raises(EvidenceNotFound, match="knows no job 'x'"):
            ask()


def test_closing_calls_all_off_and_takes_no_more() -> None:
    queue = JobQueue(3)
    ids = [queue.add(JOB, "run")[0] for _ in range(2)]
    job = queue.take(0)
    queue.close()
    with pytest.raises(Cancelled):
        job.check()
    assert story(queue, ids[1])[-1] == "cancelled"
    assert queue.take(60) is None
    with pytest.raises(ScratchpadError, match="ending"):
        queue.add(JOB, "run")


def test_old_jobs_are_forgotten() -> None:
    queue = JobQueue(3)
    ids = []
    for _ in range(80):
        ids.append(queue.add(JOB, "run")[0])
        queue.end(queue.take(0), "result")
    assert 60 < len(queue.list()) < 70 and queue.list()[-1]["job_id"] == ids[-1]
