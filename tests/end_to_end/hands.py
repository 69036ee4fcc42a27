"""A person at the tab in TensorBoard: with the mouse, every press counted, or with the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from playwright.sync_api import Browser, Frame, Locator, Page, expect

from tests.end_to_end.served_log import open_tab
from tests.watched_browser import watched_page

SIZE = {"width": 1280, "height": 800}
MOST_STOPS = 150
"""Presses of Tab in which anything in the tab must be reached."""
COUNT_PRESSES = """window.presses = 0;
window.addEventListener('pointerdown', () => { window.presses += 1; }, true);"""


class Person:
    """What both have: the page, the frame of the tab, and waiting until it has drawn what was asked for."""

    def __init__(self, page: Page, frame: Frame) -> None:
        self.page = page
        self.frame = frame

    @property
    def n_presses(self) -> int:
        """How often the pointer was pressed, in TensorBoard's page and in the tab."""
        return int(self.page.evaluate("window.presses")) + int(self.frame.evaluate("window.presses"))

    def settle(self) -> None:
        self.page.wait_for_timeout(120)
        expect(self.frame.locator("[aria-busy=true]")).to_have_count(0, timeout=30_000)


class Mouse(Person):
    """Clicks, and nothing else but the wheel."""

    def click(self, target: Locator) -> None:
        target.click()
        self.settle()


class Keyboard(Person):
    """Keys, and nothing else."""

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def reach(self, target: Locator, *, backwards: bool = False) -> None:
        """Tab, or Shift+Tab, until the focus is there.

        Raises:
            AssertionError: it is not among the next ``MOST_STOPS``, or the focus there cannot be seen.
        """
        target.wait_for()
        passed = []
        for _ in range(MOST_STOPS):
            if target.evaluate("(element) => element === document.activeElement && document.hasFocus()"):
                assert target.evaluate("(element) => element.matches(':focus-visible')"), "the focus cannot be seen"
                return
            self.page.keyboard.press("Shift+Tab" if backwards else "Tab")
            passed.append(self.frame.evaluate("(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim().slice(0, 30)"))
        raise AssertionError(f"the focus did not come to {target} but to {passed}")

    def use(self, target: Locator, *, backwards: bool = False) -> None:
        """Reaches it and presses Enter."""
        self.reach(target, backwards=backwards)
        self.press("Enter")


P = TypeVar("P", bound=Person)


@contextmanager
def a_person(kind: type[P], browser: Browser, address: str, parameters: str = "") -> Iterator[P]:
    """Someone in a browser of their own who opens TensorBoard; of the clipboard it has what it copies."""
    with watched_page(browser, ours="visualscratchpad", viewport=SIZE, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.add_init_script(COUNT_PRESSES)
        frame = open_tab(page, address, parameters)
        person = kind(page, frame)
        frame.locator("vs-app main").wait_for()
        person.settle()
        yield person
        if kind is Keyboard:
            assert person.n_presses == 0, "the keyboard alone"
