"""The log that two TensorBoards serve: by the data server, and by the Python loader."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tb_visualscratchpad.notes_store import NOTES_DIRECTORY
from tests.end_to_end.served_log import WrittenLog, tensorboard, write_log

PREFIX = "/deep/path"


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> WrittenLog:
    return write_log(tmp_path_factory.mktemp("served") / "log")


@pytest.fixture(autouse=True)
def no_notes_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """The log is shared, and notes and kept selections lie with it: each test starts without any."""
    yield
    if "log" in request.fixturenames:
        folder = request.getfixturevalue("log").logdir / NOTES_DIRECTORY
        folder.unlink() if folder.is_file() else shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def fast_address(log: WrittenLog) -> Iterator[str]:
    """TensorBoard with its data server, over a relative log directory."""
    with tensorboard(log.logdir.name, "--load_fast", "true", cwd=log.logdir.parent) as address:
        yield address


@pytest.fixture(scope="session")
def python_address(log: WrittenLog) -> Iterator[str]:
    """TensorBoard with its Python loader, behind a path prefix."""
    with tensorboard(log.logdir, "--load_fast", "false", "--path_prefix", PREFIX) as address:
        assert PREFIX in address
        yield address


@pytest.fixture(params=["fast_address", "python_address"])
def address(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(request.param)
