"""Photographs the tab for the documents: ``python docs/make_screenshots.py`` fills ``docs/screens/``.

Writes the demo's logs (or copies those of ``--logdir``), shows them in a TensorBoard of its own with a worker, and drives
Chromium to the same view of each workspace, in both themes, at two widths and a narrow one. What is photographed is the tab's frame in TensorBoard, without the bar
above it; the window is made so large that the frame has the size wanted. With ``--beside FOLDER`` the pictures there, named
``<workspace>-<theme>-<width>.png``, are set beside ours of the same view, theme and size. Needs the test requirements.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Frame, Page, expect

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.end_to_end.served_log import open_tab, tensorboard  # noqa: E402
from tests.find_chromium import ADVICE, find_chromium  # noqa: E402
from tests.watched_browser import launched, watched_page  # noqa: E402

SIZES = ((1280, 800), (1920, 1080))
NARROW = (1100, 900)
THEMES = ("light", "dark")
SHOWN_RUN = "Three on a beach"
SHOWN_WORD = "cat"
BAD_DICTIONARY = "badly trained"
LARGEST_TOTAL = 10_000_000
"""Bytes of all pictures together."""
SETTLE_MS = 700
N_EXACT_COLORS = 64
LASSO_RADIUS = 30
"""Pixels around the word's first latent, on the map of the Dictionary in a window of 1440 x 900."""
WORKER_SECONDS = 120
RESULT_MS = 180_000
LABEL_HEIGHT = 44
GUTTER = 16


@dataclass(frozen=True)
class Workspace:
    """One of the tab's workspaces.

    Attributes:
        caption: what its pictures show.
        ready: a selector that appears when it is drawn.
        arrange: brings the view that the one before left to what is photographed here.
        sizes: of its pictures, in both themes each.
        narrow: in a narrow window, too.
    """

    caption: str
    ready: str
    arrange: Callable[[Page, Frame], None]
    sizes: tuple[tuple[int, int], ...] = SIZES
    narrow: bool = True


def show_the_word(page: Page, frame: Frame) -> None:
    """The run, its word, the word's first latent, and its cluster in the basket."""
    run = frame.locator(".pick").first
    if SHOWN_RUN not in run.inner_text():
        run.click()
        page.keyboard.type(SHOWN_RUN)
        expect(frame.locator(".menu [role=option]")).not_to_have_count(0)
        page.keyboard.press("Enter")
        expect(run).to_contain_text(SHOWN_RUN)
    frame.locator(".chip.output").get_by_text(SHOWN_WORD, exact=True).first.click()
    settle(page, frame)
    frame.locator(".rank-row").first.click()
    settle(page, frame)
    page.keyboard.press("Shift+B")


def lasso_the_neighbours(page: Page, frame: Frame) -> None:
    """In the Dictionary, the latents around the chosen one on the map; it stays the chosen one."""
    latent = frame.locator(".rank-row.on").get_attribute("data-latent")
    page.keyboard.press("1")
    frame.wait_for_selector(WORKSPACES["dictionary"].ready)
    settle(page, frame)
    box = frame.locator("vs-latent-map .plot").bounding_box()
    x, y = frame.evaluate(
        "(latent) => { const { cloud } = document.querySelector('vs-latent-map').plot; return cloud.toPixels(cloud.x[latent], cloud.y[latent]); }",
        int(latent),
    )
    for corner in range(17):
        angle = corner * math.pi / 8
        page.mouse.move(box["x"] + x + LASSO_RADIUS * math.cos(angle), box["y"] + y + LASSO_RADIUS * math.sin(angle))
        if corner == 0:
            page.mouse.down()
    page.mouse.up()
    settle(page, frame)  # the rows come into their order
    frame.locator(f"[data-latent='{latent}'] .gallery-head").click()


def steer_without_the_cluster(page: Page, frame: Frame) -> None:
    """The answer without the cluster in the basket, its doses, and every cluster taken away."""
    frame.get_by_role("button", name="Run steered answer").click()
    frame.wait_for_selector(WORKSPACES["compare"].ready, timeout=RESULT_MS)
    frame.get_by_role("button", name="Run doses").click()
    frame.get_by_role("button", name=re.compile(r"^Run \d+ doses$")).click()
    frame.wait_for_selector("vs-dose-plot", timeout=RESULT_MS)
    frame.get_by_role("button", name=re.compile(r"^Run all \d+ clusters$")).click()
    frame.wait_for_selector("vs-sweep tbody tr", timeout=RESULT_MS)


def set_two_runs_beside(page: Page, frame: Frame) -> None:
    """The run beside the one that was steered, on the same picture."""
    frame.get_by_role("button", name="Two runs", exact=True).click()
    frame.wait_for_selector(WORKSPACES["runs"].ready)


def set_two_dictionaries_beside(page: Page, frame: Frame) -> None:
    """The dictionary beside the badly trained one."""
    frame.get_by_role("button", name="Two dictionaries", exact=True).click()
    frame.wait_for_selector(WORKSPACES["dictionaries"].ready)


def show_the_bad_dictionary(page: Page, frame: Frame) -> None:
    """The Dictionary of what trained badly."""
    frame.locator(".pick").nth(1).click()
    page.keyboard.type(BAD_DICTIONARY)
    page.keyboard.press("Enter")
    frame.get_by_role("button", name="Dictionary", exact=True).click()
    frame.wait_for_selector(WORKSPACES["diagnosis"].ready)


DRAWN = ("scratchpad", "dictionary", "compare")
WORKSPACES = {
    "scratchpad": Workspace(
        "Scratchpad: a word, where it looked, which latents served it; the latent under inspection", ".rank-row.on", show_the_word
    ),
    "dictionary": Workspace(
        "Dictionary: its health, how often and how strongly latents fire, which lie together, what lights them",
        ".gallery-row",
        lasso_the_neighbours,
    ),
    "compare": Workspace(
        "Compare: the answer without a cluster, word by word; how much of it is needed; every cluster taken away in turn",
        "vs-answers .raster",
        steer_without_the_cluster,
    ),
    "runs": Workspace(
        "Two runs: the same picture, two answers; where both looked, and which latents differ",
        "vs-pair-raster table",
        set_two_runs_beside,
        SIZES[:1],
        narrow=False,
    ),
    "dictionaries": Workspace(
        "Two dictionaries: which latents of one the other has, matched by the cosine of their decoder rows",
        "vs-dictionary-latents tbody tr",
        set_two_dictionaries_beside,
        SIZES[:1],
        narrow=False,
    ),
    "diagnosis": Workspace(
        "A dictionary that trained badly, and what the tab says of it",
        "[data-value=diagnosis]",
        show_the_bad_dictionary,
        SIZES[:1],
        narrow=False,
    ),
}
"""In the order in which they are arranged: each from what the one before left."""


@dataclass(frozen=True)
class Shot:
    """One picture: workspace, theme, and the size of the tab in pixels."""

    workspace: str
    theme: str
    width: int
    height: int

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"{self.workspace}-{self.theme}-{self.width}.png"

    @property
    def told(self) -> str:
        return f"{self.workspace}, {self.theme}, {self.width} x {self.height}"


def wanted() -> list[Shot]:
    """Every picture for the documents: both themes at each size, and light in a narrow window."""
    found = []
    for name, workspace in WORKSPACES.items():
        found += [Shot(name, theme, width, height) for width, height in workspace.sizes for theme in THEMES]
        found += [Shot(name, THEMES[0], *NARROW)] if workspace.narrow else []
    return found


def pictures_beside(folder: Path) -> list[tuple[Shot, Path]]:
    """The pictures of a folder that have a counterpart, with the shot that each asks for; in order of workspace and size.

    Raises:
        SystemExit: none is named as a view of a workspace, or one's width is not that in its name.
    """
    found = []
    for path in sorted(folder.glob("*.png")):
        told = re.fullmatch(r"([a-z]+)-(light|dark)-(\d+)", path.stem)
        if told is None or told[1] not in DRAWN:
            continue
        with Image.open(path) as picture:
            width, height = picture.size
        if width != int(told[3]):
            raise SystemExit(f"{path.name} is {width} pixels wide; its name says {told[3]}. Rename it.")
        found.append((Shot(told[1], told[2], width, height), path))
    if not found:
        raise SystemExit(f"No picture in {folder} is named <workspace>-<theme>-<width>.png with one of {', '.join(DRAWN)}.")
    order = [*WORKSPACES]
    return sorted(found, key=lambda one: (order.index(one[0].workspace), one[0].width, one[0].theme))


def settle(page: Page, frame: Frame) -> None:
    """Waits until every panel shows what belongs to the choice."""
    page.wait_for_timeout(100)
    expect(frame.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_timeout(SETTLE_MS)


def arrange(browser: Browser, address: str) -> dict[str, str]:
    """The part of the address that shows each workspace as it is photographed."""
    views = {}
    with watched_page(browser, ours="visualscratchpad", viewport={"width": 1440, "height": 900}) as page:
        frame = open_tab(page, address)
        frame.wait_for_selector(WORKSPACES["scratchpad"].ready)
        for name, workspace in WORKSPACES.items():
            workspace.arrange(page, frame)
            settle(page, frame)
            views[name] = page.evaluate("location.hash").partition("&")[2]
    return views


def photograph(browser: Browser, address: str, view: str, shot: Shot) -> bytes:
    """The tab's frame in TensorBoard as PNG, of the size that the shot wants."""
    wide = {"width": shot.width, "height": shot.height}
    with watched_page(browser, ours="visualscratchpad", viewport=wide, color_scheme=shot.theme) as page:
        frame = open_tab(page, address, f"&{view}")
        held = page.locator("iframe").first
        box = held.bounding_box()
        page.set_viewport_size(
            {"width": 2 * shot.width - round(box["width"]), "height": 2 * shot.height - round(box["height"])}
        )
        page.add_style_tag(content="app-header { box-shadow: none !important }")  # TensorBoard's bar, which darkens the frame's edge
        frame.wait_for_selector(WORKSPACES[shot.workspace].ready)
        settle(page, frame)
        frame.evaluate("() => document.activeElement.blur()")
        png = held.screenshot()
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.size == (shot.width, shot.height), f"the frame came out as {picture.size}, wanted {shot}"
    return png


def set_beside(ours: Image.Image, theirs: Image.Image, shot: Shot) -> Image.Image:
    """Ours at the left, theirs at the right, under a line that says which is which."""
    both = Image.new("RGB", (2 * shot.width + GUTTER, shot.height + LABEL_HEIGHT), (90, 96, 106))
    for at, (picture, text) in enumerate(((ours, f"The tab: {shot.told}"), (theirs, "What it was drawn after"))):
        left = at * (shot.width + GUTTER)
        both.paste(picture.convert("RGB"), (left, LABEL_HEIGHT))
        ImageDraw.Draw(both).text((left + 12, 10), text, fill=(255, 255, 255), font=ImageFont.load_default(20))
    return both


def write_quantised(picture: Image.Image, path: Path) -> None:
    """The picture in 256 colours, a quarter of the bytes: the commonest as they are (the tab's own), the rest near by."""
    picture = picture.convert("RGB")
    counted = sorted(picture.getcolors(1 << 24), reverse=True)
    exact = [color for _, color in counted[:N_EXACT_COLORS]]
    # rare colours are the photographs': each counts by the root of how often it comes, lest large areas take all
    rest = np.repeat([color for _, color in counted[N_EXACT_COLORS:]], [math.isqrt(n) for n, _ in counted[N_EXACT_COLORS:]], axis=0)
    near = Image.fromarray(rest[None].astype(np.uint8)).quantize(256 - len(exact), kmeans=2).getpalette() if len(rest) else []
    palette = np.array([*np.ravel(exact), *near], dtype=np.uint8).reshape(-1, 3)
    colors, place = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_inverse=True)
    # by hand: Pillow looks colours up in a coarse table, which tints greys
    nearest = [
        ((part[:, None].astype(np.int32) - palette[None].astype(np.int32)) ** 2).sum(axis=2).argmin(axis=1)
        for part in np.array_split(colors, 1 + len(colors) // 8192)
    ]
    index = np.concatenate(nearest).astype(np.uint8)[place].reshape(picture.height, picture.width)
    indexed = Image.fromarray(index).convert("P")
    indexed.putpalette(palette.ravel().tolist())
    indexed.save(path, optimize=True)


def page_of_screens() -> str:
    """Markdown that shows every screenshot."""
    lines = [
        "# The tab in pictures",
        "The demo's logs (`visualscratchpad demo`): the tab's frame in TensorBoard, without the bar above it. Made by "
        "`python docs/make_screenshots.py`. Beside what it was drawn after: [side by side](beside/README.md). "
        "Other views have pictures where they are explained: [failure sets](../failure_sets.md), [case studies](../cases.md), "
        "[a dictionary over training](../training.md).",
    ]
    for name, workspace in WORKSPACES.items():
        lines += ["", f"## {workspace.caption}"]
        lines += [
            f"{shot.theme}, {shot.width} x {shot.height}:\n\n![{shot.workspace}, {shot.theme}, {shot.width} pixels wide]({shot.name})\n"
            for shot in wanted()
            if shot.workspace == name
        ]
    return "\n".join(lines).rstrip() + "\n"


def page_of_pairs(names: list[str]) -> str:
    """Markdown that shows every pair, by file name in the order given."""
    lines = [
        "# Side by side",
        "Left the tab on the demo's logs, right the drawing that it was built after, each in the same view, theme and size. Made by "
        "`python docs/make_screenshots.py --beside FOLDER`. What differs on purpose, and why: [differences](../differences.md).",
        *(f"\n![{Path(name).stem}, the tab and its drawing]({name})" for name in names),
    ]
    return "\n".join(lines) + "\n"


def make(browser: Browser, address: str, folder: Path, beside: list[tuple[Shot, Path]]) -> None:
    """All pictures into ``folder``, and pairs into ``folder/beside``, each with a page that shows them."""
    views = arrange(browser, address)
    asked = dict(beside)
    pairs = folder / "beside"
    if beside:
        pairs.mkdir(exist_ok=True)
        for path in pairs.glob("*.png"):
            path.unlink()
    for shot in dict.fromkeys([*wanted(), *asked]):
        ours = Image.open(io.BytesIO(photograph(browser, address, views[shot.workspace], shot)))
        if shot in wanted():
            write_quantised(ours, folder / shot.name)
        if shot in asked:
            with Image.open(asked[shot]) as theirs:
                write_quantised(set_beside(ours, theirs, shot), pairs / shot.name)
    (folder / "README.md").write_text(page_of_screens(), encoding="utf-8")
    if beside:
        (pairs / "README.md").write_text(page_of_pairs([shot.name for shot in asked]), encoding="utf-8")


def demo_log(scratch: Path, given: Path | None) -> Path:
    """The demo's logs in a folder of ``scratch``: a copy of those given, or new ones."""
    logdir = scratch / "demo"
    if given is not None:
        # The worker writes, and what it writes is not the user's.
        shutil.copytree(given, logdir, ignore=shutil.ignore_patterns(".visualscratchpad"))
    else:
        command = [sys.executable, "-m", "tb_visualscratchpad.exporter", "demo", "--logdir", str(logdir), "--no-serve"]
        subprocess.run(command, check=True, cwd=REPOSITORY)
    return logdir


@contextmanager
def worker(logdir: Path) -> Iterator[None]:
    """A worker with the demo's model.

    Raises:
        SystemExit: it does not start.
    """
    command = [sys.executable, "-m", "tb_visualscratchpad.exporter", "worker", "--vlm", "demo", "--sae", "demo", "--logdir", str(logdir)]
    process = subprocess.Popen([*command, "--end-with-stdin"], stdin=subprocess.PIPE, cwd=REPOSITORY)
    try:
        deadline = time.monotonic() + WORKER_SECONDS
        while not list(logdir.glob(".visualscratchpad/workers/*.json")):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("The worker did not start: see above.")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", type=Path, help="the demo's logs, which are copied; written anew when not given, which takes minutes")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "screens", help="folder of the pictures")
    parser.add_argument("--beside", type=Path, help="folder of pictures to set ours beside, named <workspace>-<theme>-<width>.png")
    options = parser.parse_args(arguments)
    beside = [] if options.beside is None else pictures_beside(options.beside)
    chromium = find_chromium()
    if chromium is None:
        print(ADVICE, file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        logdir = demo_log(Path(scratch), options.logdir)
        os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(dir=scratch)
        with worker(logdir), tensorboard(logdir) as address, launched(chromium) as browser:
            make(browser, address, options.out, beside)
    total = sum(path.stat().st_size for path in options.out.rglob("*.png"))
    print(f"{len(wanted())} screenshots and {len(beside)} pairs, {total:,} bytes, in {options.out}")
    if total > LARGEST_TOTAL:
        print(f"That is more than {LARGEST_TOTAL:,} bytes.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
