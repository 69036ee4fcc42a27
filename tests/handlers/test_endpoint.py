from __future__ import annotations

import threading
from argparse import Namespace

import numpy as np
import pytest
from werkzeug.test import Client

from tb_visualscratchpad.handlers.answers import Answer, json_answer, pack
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.derived import DerivedViews
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views import ViewChoice
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.evidence import RowChoice
from tests.handlers.held_evidence import ask, sentence
from tests.random_evidence import random_vlm_run


class Failing:
    guard = RequestGuard(None)

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.n_handled = error, 0

    @endpoint
    def answer(self, arguments: Arguments) -> Answer:
        self.n_handled += 1
        if self.error is not None:
            raise self.error
        return json_answer({"experiment": arguments.experiment, "text": "שלום"})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ScratchpadError("Choose another."), 400),
        (EvidenceNotFound("There is none."), 404),
        (UnreadableEvidence("It is damaged."), 422),
    ],
)
def test_errors_for_the_user_become_statuses(error: Exception, status: int) -> None:
    assert sentence(ask(Failing(error).answer), status) == str(error)


def test_a_defect_is_logged_and_does_not_leak(caplog: pytest.LogCaptureFixture) -> None:
    said = sentence(ask(Failing(KeyError("secret")).answer), 500)
    assert "KeyError" in said and "secret" not in said
    assert "secret" in caplog.text and "Traceback" in caplog.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_only_reading_is_allowed(method: str) -> None:
    resource = Failing()
    answer = Client(resource.answer).open("/", method=method)
    assert "use GET" in sentence(answer, 405) and answer.headers["Allow"] == "GET, HEAD"
    assert resource.n_handled == 0


def test_head_has_the_headers_alone() -> None:
    answer = Client(Failing().answer).head("/")
    assert answer.status_code == 200 and answer.data == b"" and int(answer.headers["Content-Length"]) > 20
    full = ask(Failing().answer)
    assert full.json["text"] == "שלום" and full.headers["Cache-Control"] == "private, no-store"


def test_a_foreign_host_is_refused_before_anything_is_read() -> None:
    resource = Failing()
    answer = Client(resource.answer).get("/", headers={"Host": "evil.example:6006"})
    said = sentence(answer, 403)
    assert "VISUALSCRATCHPAD_ALLOWED_HOSTS" in said and "evil.example" in said and resource.n_handled == 0


def test_json_never_holds_what_json_has_not() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        json_answer({"mass": float("nan")})


def test_packed_answers_refuse_other_types() -> None:
    with pytest.raises(AssertionError, match="<i8"):
        pack({}, {"index": np.arange(3)})


def test_big_endian_and_strided_arrays_are_sent_alike() -> None:
    plain = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert pack({}, {"a": plain.astype(">f4")}) == pack({}, {"a": plain})
    assert pack({}, {"a": np.asfortranarray(plain)}) == pack({}, {"a": plain})


def test_absent_arguments_mean_the_defaults() -> None:
    class Asked:
        guard = RequestGuard(Namespace(host="localhost", bind_all=False))

        @endpoint
        def answer(self, arguments: Arguments) -> Answer:
            assert arguments.layers is None and arguments.row is RowChoice.PRODUCING and arguments.view is ViewChoice.BOTH
            assert arguments.thresholds.off and arguments.optional_integer("step") is None
            return json_answer({})

    assert ask(Asked().answer).status_code == 200
    assert ask(Asked().answer, layers="", row="", view="", max_frequency="", min_mean="", step="").status_code == 200


def test_two_requests_at_once_compute_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run, derived, calls, gate = random_vlm_run(1), DerivedViews(), [], threading.Event()

    def slow(*_: object, **__: object) -> object:
        calls.append(1)
        gate.wait(5)
        return latent_means(run)

    from tb_visualscratchpad.views import latent_means

    monkeypatch.setattr("tb_visualscratchpad.handlers.derived.latent_means", slow)
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(derived.means(run, None, RowChoice.PRODUCING, ViewChoice.BOTH)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(10)
    assert len(calls) == 1 and len(found) == 4 and all(one is found[0] for one in found)


def test_a_failed_computation_is_tried_again_and_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    derived = DerivedViews(max_bytes=1)
    first, second = random_vlm_run(1), random_vlm_run(2)
    for _ in range(2):
        with pytest.raises(ScratchpadError):
            derived.means(first, (9,), RowChoice.PRODUCING, ViewChoice.BOTH)
    kept = derived.means(first, None, RowChoice.PRODUCING, ViewChoice.BOTH)
    assert derived.means(first, None, RowChoice.PRODUCING, ViewChoice.BOTH) is kept
    derived.means(second, None, RowChoice.PRODUCING, ViewChoice.BOTH)
    assert derived.means(first, None, RowChoice.PRODUCING, ViewChoice.BOTH) is not kept
