"""Each control of the Dictionary by mouse and by keyboard, against the statistics, references and map that were logged."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.served_log import WrittenLog, number, open_alone, parameter
from tests.random_evidence import random_decoder_map
from tests.watched_browser import watched_page

WIDE = {"width": 1440, "height": 900}
DICTIONARY = "&p.visualscratchpad.workspace=dictionary"
PLACE = """([name, latent]) => { const { plot } = document.querySelector(name); const box = document.querySelector(`${name} .plot`).getBoundingClientRect();
    const [x, y] = plot.cloud.toPixels(plot.cloud.x[latent], plot.cloud.y[latent]); return [box.left + x, box.top + y]; }"""
ALONE = """(name) => { const { cloud } = document.querySelector(name).plot; const at = [...cloud.x.keys()].filter((i) => cloud.color[4 * i + 3])
    .map((i) => [i, ...cloud.toPixels(cloud.x[i], cloud.y[i])]).filter(([, x, y]) => !Number.isNaN(x) && !Number.isNaN(y));
    return at.filter(([i, x, y]) => at.every(([j, u, v]) => i === j || Math.hypot(x - u, y - v) > 8)).map(([i]) => i); }"""
INSIDE = """([name, x0, y0, x1, y1]) => { const { cloud } = document.querySelector(name).plot; const box = document.querySelector(`${name} .plot`).getBoundingClientRect();
    return [...cloud.x.keys()].filter((i) => { if (!cloud.color[4 * i + 3]) return false; const [x, y] = cloud.toPixels(cloud.x[i], cloud.y[i]);
      return x + box.left > x0 && x + box.left < x1 && y + box.top > y0 && y + box.top < y1; }); }"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PLOTS = ("vs-scatter", "vs-latent-map")


def _ready(page: Page, address: str, more: str = "") -> Page:
    frame = open_alone(page, address, DICTIONARY + more)
    for name in PLOTS:
        frame.wait_for_selector(f"{name} canvas", state="attached")
    frame.wait_for_selector("[data-value=dense]")
    frame.evaluate(PAINTED)
    return frame


def _expect_latent(page: Page, log: WrittenLog, latent: int) -> None:
    """The gallery shows one latent: its share of pictures, its entropy, its references."""
    row = page.locator(".gallery-row")
    expect(row).to_have_count(1)
    expect(row).to_have_attribute("data-latent", str(latent))
    expect(row.locator(".s")).to_contain_text(f"{100 * log.statistics.image_frequency_K[latent]:.0f} %")
    captions = [float(text) for text in row.locator("figcaption").all_inner_texts()]
    assert captions == pytest.approx([one.plain_mean for one in log.references.of_latent(latent)][:4], abs=0.051)
    assert parameter(page, "latent") == str(latent)


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_read_picked_and_zoomed(browser: Browser, fast_address: str, log: WrittenLog, name: str) -> None:
    known = log.statistics
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = _ready(page, fast_address)
        alone = [k for k in frame.evaluate(ALONE, name) if known.alive_K[k] and known.label_entropy_defined_K[k]]
        latent = next(k for k in alone if log.references.of_latent(k) and known.image_frequency_K[k] > 0.1)
        x, y = frame.evaluate(PLACE, [name, latent])

        # hover reads out, a click chooses
        page.mouse.move(x, y)
        said = frame.locator(f"{name} .spoken")
        expect(said).to_have_text(
            re.compile(
                rf"^latent {latent}, .*: fires in {100 * known.image_frequency_K[latent]:.0f} % of the pictures, "
                rf"mean {known.mean_activation_K[latent]:.2f}, label entropy {known.label_entropy_K[latent]:.2f} nat$"
            )
        )
        page.mouse.click(x, y)
        _expect_latent(page, log, latent)

        # keys: arrows go from point to point, Enter chooses, + - 0 zoom, Escape lets go and then clears
        plot = frame.locator(f"{name} .plot")
        plot.focus()
        page.keyboard.press("ArrowRight")
        other = int(re.match(r"latent (\d+)", said.inner_text()).group(1))
        assert other != latent
        page.keyboard.press("Enter")
        expect(frame.locator(".gallery-row")).to_have_attribute("data-latent", str(other))
        width = f"(() => {{ const {{ view }} = document.querySelector('{name}').plot; return view.x1 - view.x0; }})()"
        whole = frame.evaluate(width)
        page.keyboard.press("+")
        assert frame.evaluate(width) == pytest.approx(0.7 * whole)
        page.keyboard.press("-")
        assert frame.evaluate(width) == pytest.approx(whole)
        page.keyboard.press("+")
        page.keyboard.press("0")
        assert frame.evaluate(width) == pytest.approx(whole)

        # with Shift they choose what they come by
        passed = {other}
        for key in ("Shift+ArrowLeft", "Shift+ArrowUp", "Shift+ArrowLeft"):
            page.keyboard.press(key)
            passed.add(int(re.match(r"latent (\d+)", said.inner_text()).group(1)))
        assert len(passed) > 1
        expect(frame.locator(".gallery-row")).to_have_count(len(passed))
        assert parameter(page, "latents") == ".".join(map(str, sorted(passed)))
        page.keyboard.press("Escape")
        expect(said).to_have_text("")
        expect(frame.locator(".gallery-row")).to_have_count(len(passed))
        page.keyboard.press("Escape")
        expect(frame.locator(".gallery-row")).to_have_count(0)


@pytest.mark.parametrize("name", PLOTS)
def test_a_lasso_holds_what_lies_inside_it(browser: Browser, fast_address: str, log: WrittenLog, name: str) -> None:
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = _ready(page, fast_address)
        box = frame.locator(f"{name} .plot").bounding_box()
        x0, y0 = box["x"] + 0.3 * box["width"], box["y"] + 0.25 * box["height"]
        grip = "([name, x, y]) => document.querySelector(name).plot.handleAt(x, y) !== null"
        while frame.evaluate(grip, [name, x0 - box["x"], y0 - box["y"]]):
            x0 += 5  # the edges of regions are dragged, not lassoed
        x1, y1 = box["x"] + 0.75 * box["width"], box["y"] + 0.8 * box["height"]
        inside = sorted(frame.evaluate(INSIDE, [name, x0, y0, x1, y1]))
        assert 2 <= len(inside) < int(log.statistics.alive_K.sum())
        start = page.evaluate("history.length")
        page.mouse.move(x0, y0)
        page.mouse.down()
        for x, y in ((x1, y0), (x1, y1), (x0, y1)):
            page.mouse.move(x, y, steps=3)
        page.mouse.up()
        gallery = frame.get_by_role("region", name="Selected latents")
        expect(gallery).to_contain_text(f"{len(inside)} latents")
        page.wait_for_function("() => location.hash.includes('latents=')")
        frame.get_by_role("button", name="Share view").press("Enter")
        expect(frame.locator("[data-value=in-link]")).to_contain_text(f"all {len(inside)} chosen latents")
        page.keyboard.press("Escape")
        rows = frame.locator(".gallery-row")
        expect(rows).to_have_count(min(10, len(inside)))
        shown = [int(row.get_attribute("data-latent")) for row in rows.all()]
        means = log.statistics.mean_activation_K
        assert shown == sorted(inside, key=lambda k: (-np.float32(means[k]), k))[:10]

        # a row of the gallery is chosen, by keyboard and by mouse; the others stay
        for place, by_keyboard in ((1, True), (0, False)):
            head = rows.nth(place).locator(".gallery-head")
            head.press("Enter") if by_keyboard else head.click()
            expect(head).to_have_attribute("aria-pressed", "true")
            assert parameter(page, "latent") == str(shown[place])
        expect(gallery).to_contain_text(f"{len(inside)} latents")
        page.evaluate("(n) => history.go(n)", start - page.evaluate("history.length"))
        expect(gallery).to_contain_text("Click a latent in either plot")
        page.go_forward()
        expect(gallery).to_contain_text(f"{len(inside)} latents")

        # all of them into the basket, as one item
        gallery.get_by_role("button", name="+ Basket").press("Enter")
        held = frame.locator(".basket-item").get_attribute("data-latents").split(".")
        assert sorted(map(int, held)) == inside
        gallery.get_by_role("button", name="Clear").press("Enter")
        expect(gallery).to_contain_text("Click a latent in either plot")


def test_choices_by_keyboard(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    known = log.statistics
    drawn = random_decoder_map(4, dictionary=log.dictionary)
    alive = known.alive_K
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = _ready(page, fast_address)
        counts = frame.get_by_role("group", name="Frequency counts")
        for choice, share in (("Patches", known.patch_frequency_K), ("Pictures", known.image_frequency_K)):
            counts.get_by_role("button", name=choice).press("Enter")
            expect(frame.locator("[data-value=dense]")).to_have_text(str(int((alive & (share.astype(np.float32) > 0.2)).sum())))
        near = frame.get_by_role("group", name="Near by")
        near.get_by_role("button", name="Decoder").press("Space")
        expect(frame.locator("[data-value=on-map]")).to_have_text(f"{int(alive.sum())} living latents")
        near.get_by_role("button", name="Firing").click()
        placed = ~np.isnan(drawn.firing_xy_K2).any(axis=1)
        expect(frame.locator("[data-value=on-map]")).to_have_text(f"{int((alive & placed).sum())} living latents")

        # cut-offs and ranges by pointer, as their keys are tested elsewhere
        frame.get_by_text("Cut-offs and ranges").click()
        for label, name, at in (("sparse under", "sparse", 0.75), ("strong over", "strong", 0.25), ("dense over", "dense", 0.2)):
            slider = frame.get_by_label(label)
            box, before = slider.bounding_box(), slider.get_attribute("aria-valuetext")
            page.mouse.click(box["x"] + at * box["width"], box["y"] + box["height"] / 2)
            expect(slider).not_to_have_attribute("aria-valuetext", before)
            page.wait_for_function(f"() => location.hash.includes('.{name}=')")
        dense, sparse, strong = (float(parameter(page, name)) for name in ("dense", "sparse", "strong"))
        share, mean = known.image_frequency_K.astype(np.float32), known.mean_activation_K.astype(np.float32)
        assert number(frame, "dense") == str(int((alive & (share > dense)).sum()))
        assert number(frame, "sparse") == str(int((alive & (share < sparse) & (mean > strong)).sum()))
        within = frame.locator("[data-value=within]")
        box = frame.get_by_label("mean activation from").bounding_box()
        page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + box["height"] / 2)
        expect(within).not_to_have_text(f"Select {int(alive.sum())}")
        low = float(frame.get_by_label("mean activation from").get_attribute("aria-valuetext"))
        surely, perhaps = (int((alive & (mean >= low + slack)).sum()) for slack in (0.0006, -0.0006))
        assert surely <= int(within.inner_text().split()[1]) <= perhaps
        within.click()
        expect(frame.get_by_role("region", name="Selected latents")).to_contain_text(f"{within.inner_text().split()[1]} latents")
