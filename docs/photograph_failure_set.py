"""Photographs the failure set of a demo log: ``python docs/photograph_failure_set.py --logdir LOGS`` fills ``docs/failure_sets/``.

LOGS is what ``visualscratchpad demo --no-serve`` wrote. Shows it in a TensorBoard of its own, without the bar around the tab.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.end_to_end.served_log import open_alone, tensorboard  # noqa: E402
from tests.find_chromium import ADVICE, find_chromium  # noqa: E402
from tests.watched_browser import launched, watched_page  # noqa: E402

SHOTS = (("light", 1440), ("dark", 1100))
SETTLE_MS = 1500
N_COLORS = 200


def photograph(logdir: Path, chromium: Path, folder: Path) -> None:
    """A picture for each theme and width: the table by B on the choosing half, its first latent chosen."""
    folder.mkdir(exist_ok=True)
    with tensorboard(logdir, "--load_fast", "false") as address, launched(chromium) as browser:
        for theme, width in SHOTS:
            with watched_page(browser, expected=("favicon",), viewport={"width": width, "height": 900}, color_scheme=theme) as page:
                choices = {"workspace": "compare", "page": "failures", "setPart": "half", "by": "plain"}
                tab = open_alone(page, address, "".join(f"&p.visualscratchpad.{key}={value}" for key, value in choices.items()))
                tab.locator(".telling-table .name").first.click()
                tab.locator(".set-changed").wait_for()
                page.wait_for_timeout(SETTLE_MS)
                file = folder / f"failure-set-{theme}-{width}.png"
                page.screenshot(path=file)
            with Image.open(file) as picture:
                # Fewer colours, a third of the bytes.
                small = picture.convert("RGB").quantize(N_COLORS, dither=Image.Dither.NONE)
            small.save(file, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logdir", type=Path, required=True)
    chromium = find_chromium()
    if chromium is None:
        sys.exit(ADVICE)
    photograph(parser.parse_args().logdir, Path(chromium), REPOSITORY / "docs" / "failure_sets")


if __name__ == "__main__":
    main()
