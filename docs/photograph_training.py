"""Photographs the Dictionary over training: ``python docs/photograph_training.py --logdir LOGS`` fills ``docs/training/``.

LOGS holds two run directories that ``examples/plain_pytorch.py`` wrote, here with ``--latents 1024 --steps 1600 --every 40`` and with
``--latents 2048 --steps 840 --every 60``. The first picture follows latents of the first, the second sets the other beside it. Shows
them in a TensorBoard of its own, without the bar around the tab.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import expect

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.end_to_end.served_log import open_alone, tensorboard  # noqa: E402
from tests.find_chromium import ADVICE, find_chromium  # noqa: E402
from tests.watched_browser import launched, watched_page  # noqa: E402

SIZE = {"width": 1440, "height": 900}
SETTLE_MS = 2500
N_COLORS = 200


def photograph(logdir: Path, chromium: Path, folder: Path, latents: list[str]) -> None:
    """Light: some latents over the steps. Dark: two trainings, one beside the other."""
    folder.mkdir(exist_ok=True)
    with tensorboard(logdir, "--load_fast", "false") as address, launched(chromium) as browser:
        with urlopen(f"{address}data/plugin/visualscratchpad/listing") as answer:
            first = min(json.load(answer)["dictionaries"], key=lambda entry: entry["run"])["id"]
        for name, theme, beside in (("over-training", "light", False), ("beside", "dark", True)):
            with watched_page(browser, expected=("favicon",), viewport=SIZE, color_scheme=theme) as page:
                choices = {"workspace": "dictionary", "dictionary": first, "over": "training", "latent": latents[0], "latents": ".".join(latents)}
                tab = open_alone(page, address, "".join(f"&p.visualscratchpad.{key}={value}" for key, value in choices.items()))
                tab.locator(".film img").first.wait_for()
                if beside:
                    tab.locator(".beside .pick").click()
                    tab.locator(".beside [role=option]").first.click()
                    tab.locator("[data-block=other]").wait_for()
                page.mouse.move(0, 0)
                page.wait_for_timeout(SETTLE_MS)
                expect(tab.locator("[aria-busy=true]")).to_have_count(0)
                file = folder / f"{name}-{theme}-{SIZE['width']}.png"
                page.screenshot(path=file)
            with Image.open(file) as picture:
                # Fewer colours, a third of the bytes.
                small = picture.convert("RGB").quantize(N_COLORS, dither=Image.Dither.NONE)
            small.save(file, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logdir", type=Path, required=True)
    parser.add_argument("--latents", nargs="+", default=["715", "217", "798"], help="the first one's life and pictures are shown")
    chromium = find_chromium()
    if chromium is None:
        sys.exit(ADVICE)
    options = parser.parse_args()
    photograph(options.logdir, Path(chromium), REPOSITORY / "docs" / "training", options.latents)


if __name__ == "__main__":
    main()
