"""Photographs the tab for the documents: ``python docs/make_screenshots.py`` fills ``docs/screens/``.

Writes the demo's logs (or takes ``--logdir``), shows them in a TensorBoard of its own, and drives Chromium to the same view
of each workspace in both themes and three widths. The tab is shown without TensorBoard's bar. Needs the test requirements.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.end_to_end.served_log import open_alone, tensorboard  # noqa: E402
from tests.find_chromium import ADVICE, find_chromium  # noqa: E402
from tests.watched_browser import launched, watched_page  # noqa: E402

SIZES = ((1440, 900), (1100, 900), (1920, 1080))
THEMES = ("light", "dark")
SHOWN_RUN = "Three on a beach"
SHOWN_WORD = "cat"
N_LATENTS = 7
"""Latents selected in the Dictionary: the word's first."""
LARGEST_TOTAL = 3_000_000
"""Bytes of all pictures together."""
SETTLE_MS = 700
N_EXACT_COLORS = 96
CAPTIONS = {
    "scratchpad": "Scratchpad: a word, where it looked, which latents served it; the latent under inspection",
    "dictionary": "Dictionary: its health, how often and how strongly latents fire, which lie together, what lights them",
}


def name_of(workspace: str, theme: str, width: int) -> str:
    """File name of one screenshot."""
    return f"{workspace}-{theme}-{width}.png"


def wanted() -> list[tuple[str, str, int, int]]:
    """Workspace, theme, width, height of every screenshot: both themes at the first size, light at the others."""
    return [
        (workspace, theme, width, height)
        for workspace in CAPTIONS
        for width, height in SIZES
        for theme in (THEMES if (width, height) == SIZES[0] else THEMES[:1])
    ]


def choose(page: Page) -> str:
    """Chooses the run, its word, the word's first latent and its cluster for the basket; the address part of that view."""
    run = page.locator(".pick").first
    if SHOWN_RUN not in run.inner_text():
        run.click()
        page.keyboard.type(SHOWN_RUN)
        expect(page.locator(".menu [role=option]")).not_to_have_count(0)
        page.keyboard.press("Enter")
        expect(run).to_contain_text(SHOWN_RUN)
    page.locator(".chip.output").get_by_text(SHOWN_WORD, exact=True).first.click()
    settle(page)
    page.locator(".rank-row").first.click()
    settle(page)
    page.keyboard.press("Shift+B")
    settle(page)
    return page.evaluate("location.hash").lstrip("#")


def settle(page: Page) -> None:
    """Waits until every panel shows what belongs to the choice."""
    page.wait_for_timeout(100)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_timeout(SETTLE_MS)


def photograph(browser: Browser, address: str, folder: Path) -> None:
    """All screenshots into ``folder``, with a page that shows them."""
    with watched_page(browser, expected=("favicon",), viewport={"width": 1440, "height": 900}) as page:
        open_alone(page, address)
        page.wait_for_selector(".rank-row.on")
        view = choose(page)
        latents = [row.get_attribute("data-latent") for row in page.locator(".rank-row").all()[:N_LATENTS]]
    of_workspace = {
        "scratchpad": view,
        "dictionary": f"{view}&p.visualscratchpad.workspace=dictionary&p.visualscratchpad.latents={'.'.join(latents)}",
    }
    for workspace, theme, width, height in wanted():
        viewport = {"width": width, "height": height}
        with watched_page(browser, expected=("favicon",), viewport=viewport, color_scheme=theme) as page:
            open_alone(page, address, of_workspace[workspace])
            page.wait_for_selector(".gallery-row" if workspace == "dictionary" else ".rank-row.on")
            settle(page)
            page.locator("body").evaluate("() => document.activeElement.blur()")
            write_quantised(page.screenshot(), folder / name_of(workspace, theme, width))
    (folder / "README.md").write_text(page_of_screens(), encoding="utf-8")


def write_quantised(png: bytes, path: Path) -> None:
    """The picture in 256 colours, a quarter of the bytes: the commonest as they are (the tab's own), the rest near by."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    exact = [color for _, color in sorted(picture.getcolors(1 << 24), reverse=True)[:N_EXACT_COLORS]]
    near = picture.quantize(256 - len(exact), method=Image.Quantize.MAXCOVERAGE).getpalette()
    palette = np.array([*np.ravel(exact), *near], dtype=np.uint8).reshape(-1, 3)
    colors, place = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_inverse=True)
    # by hand: Pillow looks colours up in a coarse table, which tints greys
    distance = ((colors[:, None].astype(np.int32) - palette[None].astype(np.int32)) ** 2).sum(axis=2)
    index = distance.argmin(axis=1).astype(np.uint8)[place].reshape(picture.height, picture.width)
    indexed = Image.fromarray(index).convert("P")
    indexed.putpalette(palette.ravel().tolist())
    indexed.save(path, optimize=True)


def page_of_screens() -> str:
    """Markdown that shows every screenshot."""
    lines = [
        "# The tab in pictures",
        "The demo's logs (`visualscratchpad demo`), without TensorBoard's bar. Made by `python docs/make_screenshots.py`.",
    ]
    for workspace, caption in CAPTIONS.items():
        lines += ["", f"## {caption}"]
        lines += [
            f"{theme}, {width} x {height}:\n\n![{workspace}, {theme}, {width} pixels wide]({name_of(workspace, theme, width)})\n"
            for shown, theme, width, height in wanted()
            if shown == workspace
        ]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", type=Path, help="the demo's logs; written anew when not given, which takes minutes")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "screens", help="folder of the pictures")
    options = parser.parse_args(arguments)
    chromium = find_chromium()
    if chromium is None:
        print(ADVICE, file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        logdir = options.logdir
        if logdir is None:
            logdir = Path(scratch) / "demo"
            command = [sys.executable, "-m", "tb_visualscratchpad.exporter", "demo", "--logdir", str(logdir), "--no-serve"]
            subprocess.run(command, check=True, cwd=REPOSITORY)
        with tensorboard(logdir) as address, launched(chromium) as browser:
            photograph(browser, address, options.out)
    total = sum(path.stat().st_size for path in options.out.glob("*.png"))
    print(f"{len(wanted())} screenshots, {total:,} bytes, in {options.out}")
    if total > LARGEST_TOTAL:
        print(f"That is more than {LARGEST_TOTAL:,} bytes.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
