"""Photographs the walks of ``docs/cases.md``: ``python docs/make_case_screenshots.py`` fills ``docs/screens/cases/``.

Shows the demo's logs (those of ``--logdir``, copied, or new ones) in a TensorBoard of its own, without a worker: what the walks show was
logged. Each view is brought about by the clicks that the walks name. Needs the test requirements.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Frame, Page, expect

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from docs.make_screenshots import demo_log, settle, write_quantised  # noqa: E402
from tests.end_to_end.served_log import open_tab, tensorboard  # noqa: E402
from tests.find_chromium import ADVICE, find_chromium  # noqa: E402
from tests.watched_browser import launched, watched_page  # noqa: E402

WIDTH, HEIGHT = 1280, 860


@dataclass(frozen=True)
class View:
    """One picture of a walk: its file, and the clicks from the tab as it opens."""

    name: str
    arrange: Callable[[Page, Frame], None]


def choose_run(page: Page, frame: Frame, name: str) -> None:
    """Top bar: the run's name, typed into the menu."""
    frame.locator(".pick").first.click()
    page.keyboard.type(name)
    expect(frame.locator(".menu [role=option]")).not_to_have_count(0)
    page.keyboard.press("Enter")
    expect(frame.locator(".pick").first).to_contain_text(name)
    settle(page, frame)


def choose_word(page: Page, frame: Frame, word: str, span: str = "output") -> None:
    frame.locator(f".chip.{span}").get_by_text(word, exact=True).first.click()
    settle(page, frame)


def first_latent(page: Page, frame: Frame) -> None:
    frame.locator(".rank-row").first.click()
    settle(page, frame)


def compare(page: Page, frame: Frame) -> None:
    page.keyboard.press("3")
    frame.wait_for_selector("vs-answers .raster")
    settle(page, frame)


def wrong_place(page: Page, frame: Frame) -> None:
    choose_run(page, frame, "where is the strawberry (wrong)")
    choose_word(page, frame, "left")
    first_latent(page, frame)


def described(page: Page, frame: Frame) -> None:
    choose_run(page, frame, "the strawberry, described")
    choose_word(page, frame, "right")
    first_latent(page, frame)


def misled_word(page: Page, frame: Frame) -> None:
    choose_run(page, frame, "the fish by a brick wall is waiting (wrong)")
    choose_word(page, frame, "waiting")
    first_latent(page, frame)
    page.keyboard.press("Shift+B")
    settle(page, frame)


def misled_without_the_ground(page: Page, frame: Frame) -> None:
    choose_run(page, frame, "the fish by a brick wall is waiting (wrong)")
    compare(page, frame)


def misled_with_the_box_alone(page: Page, frame: Frame) -> None:
    misled_without_the_ground(page, frame)
    choose_result(page, frame, "only the box kept")


def hidden_carriers(page: Page, frame: Frame) -> None:
    choose_run(page, frame, "this is a car, no word of the guitar")
    choose_word(page, frame, "car")
    compare(page, frame)
    frame.get_by_role("button", name="Latents of a word").click()
    settle(page, frame)


def hidden_seen(page: Page, frame: Frame) -> None:
    choose_run(page, frame, "car and guitar, listed")
    choose_word(page, frame, "car")
    first_latent(page, frame)


def choose_result(page: Page, frame: Frame, name: str) -> None:
    """Compare: another result of the same run."""
    frame.locator("vs-verdict .pick").click()
    page.keyboard.type(name)
    expect(frame.locator(".menu [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    settle(page, frame)


VIEWS = (
    View("1-wrong-place", wrong_place),
    View("1-described", described),
    View("2-wrong-word", misled_word),
    View("2-without-the-ground", misled_without_the_ground),
    View("2-box-alone", misled_with_the_box_alone),
    View("3-listed", hidden_seen),
    View("3-without-the-dominant", hidden_carriers),
)


def photograph(browser: Browser, address: str, view: View) -> Image.Image:
    """The tab's frame in TensorBoard, of the wanted size."""
    with watched_page(browser, ours="visualscratchpad", viewport={"width": WIDTH, "height": HEIGHT}) as page:
        frame = open_tab(page, address)
        held = page.locator("iframe").first
        box = held.bounding_box()
        page.set_viewport_size({"width": 2 * WIDTH - round(box["width"]), "height": 2 * HEIGHT - round(box["height"])})
        page.add_style_tag(content="app-header { box-shadow: none !important }")  # TensorBoard's bar, which darkens the frame's edge
        frame.wait_for_selector(".chip")
        settle(page, frame)
        view.arrange(page, frame)
        frame.evaluate("() => document.activeElement.blur()")
        page.mouse.move(5, 5)
        settle(page, frame)
        return Image.open(io.BytesIO(held.screenshot()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", type=Path, help="the demo's logs, which are copied; written anew when not given, which takes minutes")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "screens" / "cases", help="folder of the pictures")
    parser.add_argument("--only", nargs="*", choices=[view.name for view in VIEWS], help="these pictures alone")
    options = parser.parse_args(arguments)
    chromium = find_chromium()
    if chromium is None:
        print(ADVICE, file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        logdir = demo_log(Path(scratch), options.logdir)
        with tensorboard(logdir) as address, launched(chromium) as browser:
            for view in VIEWS:
                if not options.only or view.name in options.only:
                    write_quantised(photograph(browser, address, view), options.out / f"{view.name}.png")
                    print(view.name, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
