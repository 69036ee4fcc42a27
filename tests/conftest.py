"""What every test needs: no network, few threads, and the browser for those that look at the tab."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.find_chromium import ADVICE, find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Before anything imports torch, numba or transformers. Small models are slower on more threads, and nothing here may
# reach a hub.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session", autouse=True)
def _no_workers_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Workers of tests leave nothing in the user's own runtime directory or home, and what runs there is not met."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser for tests of the tab. There is no skipping without one."""
    found = find_chromium()
    if found is None:
        pytest.fail(ADVICE)
    return found


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    """One headless browser for all tests of the tab: Playwright admits one instance at a time."""
    from tests.watched_browser import launched

    with launched(chromium) as browser:
        yield browser
