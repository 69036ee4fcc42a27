"""Notes over HTTP: who may write, what is refused, and what two browsers do to one another."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from tb_visualscratchpad.action_guard import KEEPING_NOTES, ActionGuard
from tb_visualscratchpad.handlers.notes import NotesHandlers
from tb_visualscratchpad.notes_document import MAX_NAME, MAX_NOTE
from tb_visualscratchpad.notes_store import NOTES_DIRECTORY, NotesStore
from tb_visualscratchpad.request_guard import RequestGuard
from tests.handlers.held_evidence import HeldEvidence
from tests.random_evidence import random_vlm_run

RUN = random_vlm_run(3)
ID = RUN.dictionary.dictionary_id
OWN = {"Origin": "http://localhost", "X-Visualscratchpad": "1", "Sec-Fetch-Site": "same-origin"}


def serve(logdir: str | None, *, bind_all: bool = False, notes: str | None = None) -> Client:
    environment = {} if notes is None else {"VISUALSCRATCHPAD_NOTES": notes}
    guard = RequestGuard(Namespace(host=None, bind_all=bind_all), environment)
    handlers = NotesHandlers(HeldEvidence(runs={("r", RUN.run_id): RUN}), NotesStore(logdir), guard, ActionGuard(guard, environment, KEEPING_NOTES))  # type: ignore[arg-type]
    routes = {"/notes": handlers.notes, "/notes/latent": handlers.latent, "/notes/selection": handlers.selection, "/notes/import": handlers.take}

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        return routes[environ["PATH_INFO"]](environ, start_response)

    return Client(application, Response)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return serve(str(tmp_path))


def post(client: Client, route: str, content: object, **headers: str | None) -> tuple[int, dict[str, Any]]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    sent = {name: value for name, value in (OWN | headers).items() if value is not None}
    answer = client.post(f"/notes/{route}", data=body, headers=sent, content_type="application/json")
    return answer.status_code, json.loads(answer.data)


def read(client: Client) -> dict[str, Any]:
    answer = client.get("/notes", query_string={"dictionary": ID})
    assert answer.status_code == 200, answer.data
    return json.loads(answer.data)


def test_a_latent_is_named_pinned_annotated_and_let_go(client: Client, tmp_path: Path) -> None:
    empty = read(client)
    assert (empty["where"], empty["reason"], empty["latents"], empty["selections"]) == ("log", None, {}, [])
    status, entry = post(client, "latent", {"dictionary": ID, "latent": 3, "name": "ear"})
    assert status == 200 and entry["name"] == "ear" and entry["changed"] > 1.7e9
    post(client, "latent", {"dictionary": ID, "latent": 3, "pinned": True})
    status, entry = post(client, "latent", {"dictionary": ID, "latent": 3, "note": "left\nright"})
    assert {key: entry[key] for key in ("latent", "name", "note", "pinned")} == {"latent": 3, "name": "ear", "note": "left\nright", "pinned": True}
    assert {key: value for key, value in read(client)["latents"]["3"].items()} == {key: value for key, value in entry.items() if key != "latent"}
    status, entry = post(client, "latent", {"dictionary": ID, "latent": 3, "name": "", "note": "", "pinned": False})
    assert status == 200 and read(client)["latents"] == {}
    assert (tmp_path / read(client)["file"]).is_file()


def test_two_browsers_write_of_other_latents_and_of_other_parts(client: Client) -> None:
    for latent in range(5):
        post(client, "latent", {"dictionary": ID, "latent": latent, "name": f"a{latent}", "was": {"name": ""}})
        post(client, "latent", {"dictionary": ID, "latent": latent, "note": f"b{latent}", "was": {"note": ""}})
    assert {int(latent): (one["name"], one["note"]) for latent, one in read(client)["latents"].items()} == {i: (f"a{i}", f"b{i}") for i in range(5)}


def test_a_text_that_somebody_else_changed_is_not_overwritten_unseen(client: Client) -> None:
    post(client, "latent", {"dictionary": ID, "latent": 1, "note": "theirs", "was": {"note": ""}})
    status, refused = post(client, "latent", {"dictionary": ID, "latent": 1, "note": "mine", "was": {"note": ""}})
    assert status == 409 and "'theirs'" in refused["error"] and read(client)["latents"]["1"]["note"] == "theirs"
    assert post(client, "latent", {"dictionary": ID, "latent": 1, "note": "theirs", "was": {"note": ""}})[0] == 200, "both wrote the same"
    assert post(client, "latent", {"dictionary": ID, "latent": 1, "note": "mine", "was": {"note": "theirs"}})[0] == 200
    assert read(client)["latents"]["1"]["note"] == "mine"


def test_selections(client: Client) -> None:
    for name, latents in (("ears", "1.2"), ("tails", "~0AB")):
        assert post(client, "selection", {"dictionary": ID, "name": name, "latents": latents})[0] == 200
    assert post(client, "selection", {"dictionary": ID, "name": "ears", "latents": "9"})[0] == 409
    assert post(client, "selection", {"dictionary": ID, "name": "ears", "to": "tails"})[0] == 409
    status, answer = post(client, "selection", {"dictionary": ID, "name": "ears", "to": "left ears"})
    assert status == 200 and [(one["name"], one["latents"]) for one in answer["selections"]] == [("left ears", "1.2"), ("tails", "~0AB")]
    assert post(client, "selection", {"dictionary": ID, "name": "ears", "remove": True})[0] == 404
    assert post(client, "selection", {"dictionary": ID, "name": "tails", "remove": True})[0] == 200
    assert [one["name"] for one in read(client)["selections"]] == ["left ears"]


def test_an_import_takes_what_is_newer_and_loses_nothing(client: Client) -> None:
    post(client, "latent", {"dictionary": ID, "latent": 1, "name": "here", "pinned": True})
    post(client, "selection", {"dictionary": ID, "name": "kept", "latents": "1"})
    old, new = {"name": "old", "note": "", "pinned": False, "changed": 1.0}, {"name": "new", "note": "n", "pinned": True, "changed": 9e9}
    given = {"1": old, "2": old, "0": new}
    selections = [{"name": "kept", "latents": "5", "changed": 2.0}, {"name": "more", "latents": "6", "changed": 2.0}]
    status, answer = post(client, "import", {"dictionary": ID, "latents": given, "selections": selections})
    assert status == 200 and {latent: one["name"] for latent, one in answer["latents"].items()} == {"0": "new", "1": "here", "2": "old"}
    assert [(one["name"], one["latents"]) for one in answer["selections"]] == [("kept", "1"), ("more", "6")]
    status, _ = post(client, "latent", {"dictionary": ID, "latent": 0, "name": "later"})
    assert status == 200 and read(client)["latents"]["0"]["changed"] > 9e9, "a clock that runs ahead does not win for ever"


@pytest.mark.parametrize(
    ("route", "content", "status", "told"),
    [
        ("latent", b" ", 400, "no JSON"),
        ("latent", b"{", 400, "no JSON"),
        ("latent", b"\xff", 400, "no JSON"),
        ("latent", b"[" * 100_000, 400, "no JSON"),
        ("latent", [], 400, "no JSON object"),
        ("latent", {"dictionary": ID}, 400, "latent is missing"),
        ("latent", {"dictionary": ID, "latent": 1, "colour": 1}, 400, "colour is unknown"),
        ("latent", {"dictionary": "../../etc", "latent": 1}, 404, "no dictionary"),
        ("latent", {"dictionary": "", "latent": 1}, 404, "no dictionary"),
        ("latent", {"dictionary": {"a": 1}, "latent": 1}, 400, "a dictionary's id"),
        ("latent", {"dictionary": ID, "latent": RUN.dictionary.n_latents}, 400, "latent's number"),
        ("latent", {"dictionary": ID, "latent": 1.5}, 400, "latent's number"),
        ("latent", {"dictionary": ID, "latent": 1, "name": "x" * (MAX_NAME + 1)}, 400, "81 characters"),
        ("latent", {"dictionary": ID, "latent": 1, "note": "x" * (MAX_NOTE + 1)}, 400, "4,001 characters"),
        ("latent", {"dictionary": ID, "latent": 1, "name": "\ud800"}, 400, "U+D800"),
        ("latent", {"dictionary": ID, "latent": 1, "pinned": "yes"}, 400, "pinned"),
        ("latent", {"dictionary": ID, "latent": 1, "was": []}, 400, "was"),
        ("selection", {"dictionary": ID, "name": "x"}, 400, "one of"),
        ("selection", {"dictionary": ID, "name": ["x"], "remove": True}, 400, "expected is a text"),
        ("selection", {"dictionary": ID, "name": "x", "latents": "1", "remove": True}, 400, "one of"),
        ("selection", {"dictionary": ID, "name": "x", "latents": "1;2"}, 400, "expected are numbers"),
        ("import", {"dictionary": ID, "latents": [1]}, 400, "an object of notes"),
        ("import", {"dictionary": ID, "latents": {"1": {"name": "a", "shell": 1}}}, 400, "expected is an object"),
        ("import", {"dictionary": ID, "latents": {"99999": {"name": "a"}}}, 400, "latent's number"),
        ("import", {"dictionary": ID, "selections": [{}]}, 400, "expected is an object"),
    ],
)
def test_what_is_malformed_is_told_and_changes_nothing(client: Client, tmp_path: Path, route: str, content: object, status: int, told: str) -> None:
    got, answer = post(client, route, content)
    assert (got, told in answer["error"]) == (status, True), answer
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("changes", [{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, {"Origin": None}, {"X-Visualscratchpad": None}, {"Sec-Fetch-Site": "same-site"}])
def test_others_may_not_write(client: Client, tmp_path: Path, changes: dict[str, str | None]) -> None:
    for route in ("latent", "selection", "import"):
        assert post(client, route, {"dictionary": ID, "latent": 1, "name": "x"}, **changes)[0] == 403
    assert client.get("/notes/latent").status_code == 405
    assert client.post("/notes/latent", data=b"a=1", headers=OWN, content_type="application/x-www-form-urlencoded").status_code == 415
    assert client.get("/notes", query_string={"dictionary": ID}, headers={"Host": "evil.example"}).status_code == 403
    assert list(tmp_path.iterdir()) == []


def test_a_body_that_is_too_long_is_not_read(client: Client) -> None:
    assert post(client, "latent", b" " * ((1 << 20) + 1))[0] == 413


def test_where_it_cannot_be_written_the_browser_is_told_and_what_is_there_is_shown(tmp_path: Path) -> None:
    post(serve(str(tmp_path)), "latent", {"dictionary": ID, "latent": 1, "name": "here"})
    for client, told in (
        (serve(str(tmp_path), bind_all=True), "listens beyond this machine"),
        (serve(str(tmp_path), notes="0"), "VISUALSCRATCHPAD_NOTES=0"),
        (serve(str(tmp_path), notes="yes"), "expected 1 or 0"),
    ):
        found = read(client)
        assert found["where"] == "browser" and told in found["reason"] and found["latents"]["1"]["name"] == "here"
        assert post(client, "latent", {"dictionary": ID, "latent": 1, "name": "x"})[0] == 403
    allowed = serve(str(tmp_path), bind_all=True, notes="1")
    assert read(allowed)["where"] == "log" and post(allowed, "latent", {"dictionary": ID, "latent": 1, "name": "x"})[0] == 200

    found = read(serve(None))
    assert found["where"] == "browser" and "--logdir" in found["reason"]
    assert post(serve(None), "latent", {"dictionary": ID, "latent": 1, "name": "x"})[0] == 507


def test_a_corrupt_file_is_told_and_stays(client: Client, tmp_path: Path) -> None:
    path = tmp_path / read(client)["file"]
    path.parent.mkdir()
    path.write_text("{ not json")
    found = read(client)
    assert found["where"] == "browser" and str(path) in found["reason"] and found["latents"] == {}
    status, answer = post(client, "latent", {"dictionary": ID, "latent": 1, "name": "x"})
    assert status == 422 and "left as it is" in answer["error"] and path.read_text() == "{ not json"
    assert path.parent.name == NOTES_DIRECTORY


def test_an_unknown_dictionary_is_not_read(client: Client) -> None:
    assert client.get("/notes", query_string={"dictionary": "../x"}).status_code == 404
    assert client.get("/notes").status_code == 400
