"""New runs: whether there is a worker, and jobs for it. What a job may ask for is the worker's to say."""

from __future__ import annotations

from tb_visualscratchpad.action_guard import ActionGuard
from tb_visualscratchpad.handlers.action_endpoint import Outcome, action
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.worker_client import NoWorker, WorkerClient, WorkerUnreachable

MAX_JSON = 1 << 20
MAX_PICTURE = 32 << 20
_ABOUT = ("id", "vlm_name", "sae_name", "dictionary_id", "device", "limits", "run")


class JobHandlers:
    """The worker of the log directory, and its jobs."""

    def __init__(self, client: WorkerClient, guard: RequestGuard, actions: ActionGuard) -> None:
        self._client = client
        self.guard = guard
        self.actions = actions

    @endpoint
    def worker(self, arguments: Arguments) -> Answer:
        """``worker``"""
        if self.actions.why_off is not None:
            return _state("off", self.actions.why_off)
        try:
            found = self._client.status()
        except NoWorker as error:
            return _state("none", str(error))
        except WorkerUnreachable as error:
            return _state("unreachable", str(error))
        about = {name: found[name] for name in _ABOUT}
        who = f"{about['vlm_name']} with {about['sae_name']} on {about['device']}"
        if found["busy"]:
            n = found["n_waiting"]
            return _state("busy", f"The worker is at work ({who}); {n or 'no'} {'job waits' if n == 1 else 'jobs wait'}.", about)
        return _state("ready", f"The worker is ready ({who}).", about)

    @action(MAX_JSON, "application/json")
    def start(self, body: bytes, content_type: str) -> Outcome:
        """``jobs/start``"""
        return self._client.post("/jobs/start", body, content_type)

    @action(MAX_JSON, "application/json")
    def follow(self, body: bytes, content_type: str) -> Outcome:
        """``jobs/follow``"""
        return self._client.follow(body)

    @action(MAX_JSON, "application/json")
    def cancel(self, body: bytes, content_type: str) -> Outcome:
        """``jobs/cancel``"""
        return self._client.post("/jobs/cancel", body, content_type)

    @action(MAX_JSON, "application/json")
    def list(self, body: bytes, content_type: str) -> Outcome:
        """``jobs/list``"""
        return self._client.post("/jobs/list", body, content_type)

    @action(MAX_PICTURE, "application/octet-stream", "image/")
    def picture(self, body: bytes, content_type: str) -> Outcome:
        """``jobs/picture``"""
        return self._client.post("/jobs/picture", body, "application/octet-stream")


def _state(state: str, sentence: str, worker: dict[str, object] | None = None) -> Answer:
    return json_answer({"state": state, "sentence": sentence, "worker": worker})
