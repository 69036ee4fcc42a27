from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.test import Client

from tb_visualscratchpad.handlers.assets import AssetHandlers
from tests.handlers.held_evidence import ask, sentence


@pytest.fixture
def handlers(tmp_path: Path) -> AssetHandlers:
    root = tmp_path / "real"
    (root / "plots").mkdir(parents=True)
    (root / "index.js").write_text("export const render = () => {};")
    (root / "plots" / "map.css").write_text("b { color: red }")
    (root / "notes.md").write_text("not served")
    (root / "folder.js").mkdir()
    (tmp_path / "secret.js").write_text("secret")
    (root / "outside.js").symlink_to(tmp_path / "secret.js")
    # The package reaches its files through a link.
    (tmp_path / "linked").symlink_to(root)
    return AssetHandlers(tmp_path / "linked")


def test_files_have_their_type_and_a_tag(handlers: AssetHandlers) -> None:
    answer = ask(handlers.asset, "/data/plugin/visualscratchpad/static/index.js")
    assert answer.data == b"export const render = () => {};"
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = Client(handlers.asset).get("/static/index.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert ask(handlers.asset, "/static/plots/map.css").content_type == "text/css; charset=utf-8"


@pytest.mark.parametrize(
    "name",
    [
        "missing.js",
        "notes.md",
        "folder.js",
        "",
        "plots",
        "../secret.js",
        "plots/../../secret.js",
        "%2e%2e/secret.js",
        "..%2fsecret.js",
        "..\\secret.js",
        "/etc/passwd",
        "outside.js",
        "index.js%00.css",
        "./../real/../secret.js",
    ],
)
def test_nothing_else_is_served(handlers: AssetHandlers, name: str) -> None:
    assert "no file" in sentence(ask(handlers.asset, f"/static/{name}"), 404)


def test_an_absolute_path_is_refused(handlers: AssetHandlers, tmp_path: Path) -> None:
    assert "no file" in sentence(ask(handlers.asset, f"/static/{tmp_path}/secret.js"), 404)


def test_the_tab_loads_under_any_name_so_that_it_can_show_the_refusal(handlers: AssetHandlers) -> None:
    answer = Client(handlers.asset).get("/static/index.js", headers={"Host": "hub.example"})
    assert answer.status_code == 200
    assert "use GET" in sentence(Client(handlers.asset).post("/static/index.js"), 405)
