"""Figures saved from the tab: right size, caption and metadata, vectors, and numbers that equal the evidence; the run's page."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.views import attention_map, rank_latents
from tests.end_to_end.served_log import WrittenLog, open_alone, output_tokens
from tests.watched_browser import watched_page

SVG = "{http://www.w3.org/2000/svg}"


def _saved(page: Page, row: str, kind: str, folder: Path) -> Path:
    button = page.locator(".export-list li", has_text=row).locator("button", has_text=kind).first
    with page.expect_download() as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def _read_csv(path: Path) -> list[dict[str, str]]:
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if not line.startswith("# "))
    return list(csv.DictReader(io.StringIO("\n".join(lines[start:]))))


def _undated(caption: str) -> str:
    """The caption without the minute at its end, which may pass between one figure and the next."""
    found = re.fullmatch(r"(.+) \d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC\.", caption, re.DOTALL)
    assert found, caption
    return found.group(1)


def test_figures_of_a_run(browser: Browser, fast_address: str, log: WrittenLog, tmp_path: Path) -> None:
    run = log.newest
    token = output_tokens(run)[3]
    ranking = rank_latents(run, token, statistics=log.statistics, max_frequency=0.5)
    parameters = f"&p.visualscratchpad.run=answers%2F1&p.visualscratchpad.id={run.run_id}&p.visualscratchpad.token={token}&p.visualscratchpad.latent={ranking.rows[0].latent}"
    with watched_page(browser, ours="visualscratchpad", expected=("favicon",)) as page:
        open_alone(page, fast_address, parameters)
        page.wait_for_selector(".rank-row.on")
        page.wait_for_selector("vs-matrix canvas")
        page.keyboard.press("e")
        page.wait_for_selector(".export-list li")

        png = Image.open(_saved(page, "Token × latent", "PNG", tmp_path))
        assert png.text["Title"].startswith("Token × latent") and run.dictionary.hook in png.text["Description"]
        svg = ElementTree.parse(_saved(page, "Token × latent", "SVG", tmp_path)).getroot()
        assert png.size == (2 * round(float(svg.get("width"))), 2 * round(float(svg.get("height"))))
        assert svg.find(f"{SVG}title").text == png.text["Title"]
        assert _undated(svg.find(f"{SVG}desc").text) == _undated(png.text["Description"])
        assert len(list(svg.iter(f"{SVG}text"))) > len(output_tokens(run))

        bars = ElementTree.parse(_saved(page, "Latents of", "SVG", tmp_path)).getroot()
        assert not list(bars.iter(f"{SVG}image")) and len(list(bars.iter(f"{SVG}rect"))) > 10

        path = _saved(page, "Latents of", "CSV", tmp_path)
        rows = _read_csv(path)
        assert [(int(row["latent"]), float(row["weighted_c"]), float(row["plain_mean_b"])) for row in rows] == [
            (row.latent, row.weighted, row.plain) for row in ranking.rows[: len(rows)]
        ]
        data = json.loads(_saved(page, "Attention of", "JSON", tmp_path).read_text(encoding="utf-8"))
        seen = attention_map(run, token).attention_P
        assert np.array_equal(np.array([row["attention"] for row in data["rows"]], dtype=np.float32), seen)
        assert data["about"]["prompt"] == run.prompt and data["about"]["dictionary_id"] == run.dictionary.dictionary_id


def test_figures_of_a_dictionary(browser: Browser, fast_address: str, log: WrittenLog, tmp_path: Path) -> None:
    with watched_page(browser, ours="visualscratchpad", expected=("favicon",)) as page:
        open_alone(page, fast_address, f"&p.visualscratchpad.workspace=dictionary&p.visualscratchpad.dictionary={log.dictionary.dictionary_id}")
        page.wait_for_selector("vs-scatter canvas")
        page.locator("vs-statistics .export").click()
        with page.expect_download() as download:
            page.locator(".export-menu [role=menuitem]", has_text="SVG").click()
        download.value.save_as(tmp_path / "s.svg")
        root = ElementTree.parse(tmp_path / "s.svg").getroot()
        living = int(log.statistics.alive_K.sum())
        assert not list(root.iter(f"{SVG}image")) and len(list(root.iter(f"{SVG}circle"))) >= living * 0.9
        page.keyboard.press("e")  # the control has the focus again, so that its menu opens, not the list of all
        with page.expect_download() as download:
            page.locator(".export-menu [role=menuitem]", has_text="CSV").click()
        download.value.save_as(tmp_path / "s.csv")
        rows = _read_csv(tmp_path / "s.csv")
        means = [float(row["mean_activation"]) if row["mean_activation"] else 0.0 for row in rows]
        assert np.allclose(means, log.statistics.mean_activation_K, rtol=1e-6)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_of_a_run_opens_from_a_file(browser: Browser, fast_address: str, log: WrittenLog, tmp_path: Path, theme: str) -> None:
    run = log.newest
    context = browser.new_context(color_scheme=theme)
    try:
        answer = context.request.get(f"{fast_address}data/plugin/visualscratchpad/run_page", params={"run": "answers/1", "id": run.run_id})
        assert answer.ok and answer.headers["content-disposition"].startswith('attachment; filename="run_')
        path = tmp_path / "run.html"
        path.write_bytes(answer.body())
        context.set_offline(True)
        page = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        words = page.locator(".words button")
        words.nth(2).click()
        assert page.locator(".word.on").get_attribute("id") == f"w{output_tokens(run)[2]}"
        page.keyboard.press("ArrowRight")
        assert page.locator(".word.on").get_attribute("id") == f"w{output_tokens(run)[3]}" and page.locator(".word:visible").count() == 1
        assert said == [] and [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    finally:
        context.close()


CANVASES = """() => Object.fromEntries([...document.querySelectorAll('main :is(vs-matrix, vs-scatter, vs-latent-map)')].map((view) => {
    const { canvas } = view.plot.surface;
    const room = view.plot.surface.container;
    return [view.localName, { drawn: [canvas.width, canvas.height], room: [room.clientWidth * devicePixelRatio, room.clientHeight * devicePixelRatio].map(Math.round) }]; }))"""


@pytest.mark.parametrize(("workspace", "plots"), [("scratchpad", {"vs-matrix"}), ("dictionary", {"vs-scatter", "vs-latent-map"})])
def test_the_tab_on_paper(browser: Browser, fast_address: str, log: WrittenLog, tmp_path: Path, workspace: str, plots: set[str]) -> None:
    """In light colours, without controls, plots as wide as the page; and on the screen as before when it is printed."""
    with watched_page(browser, ours="visualscratchpad", expected=("favicon",), color_scheme="dark") as page:
        open_alone(page, fast_address, f"&p.visualscratchpad.workspace={workspace}")
        for plot in plots:
            page.wait_for_selector(f"{plot} canvas", state="attached")
        page.wait_for_function("!document.querySelector('main [aria-busy=true], main .state.loading')")
        expect(page.locator("body")).not_to_have_css("background-color", "rgb(255, 255, 255)")
        on_screen = page.evaluate(CANVASES)
        assert set(on_screen) == plots and all(one["drawn"] == one["room"] for one in on_screen.values())

        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        on_paper = page.evaluate(CANVASES)
        assert {one["drawn"][0] for one in on_paper.values()} == {2 * 664}
        expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
        expect(page.locator(".print-head h1")).to_have_text(log.newest.name if workspace == "scratchpad" else log.dictionary.name)
        for gone in (".top-bar", "vs-dock", ".card-head .controls", ".workspace-outline", ".zoom-buttons"):
            assert not any(one.is_visible() for one in page.locator(gone).all()), gone
        too_wide = "() => [...document.querySelectorAll('main .card *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 90))"
        page.set_viewport_size({"width": 704, "height": 1000})
        assert page.evaluate(too_wide) == []
        if workspace == "scratchpad":
            filled = "() => { const { canvas, container } = document.querySelector('vs-attention :is(vs-picture, vs-zoom-picture)').surface; return [canvas, container].map((one) => [one.clientWidth, one.clientHeight]); }"
            canvas, frame = page.evaluate(filled)
            assert canvas == pytest.approx(frame, abs=1)

        page.set_viewport_size({"width": 1280, "height": 720})
        page.emulate_media(media="screen", color_scheme="dark")
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        page.wait_for_function(f"(before) => JSON.stringify(({CANVASES})()) === before", arg=json.dumps(on_screen, separators=(",", ":")))
        expect(page.locator("body")).not_to_have_css("background-color", "rgb(255, 255, 255)")

        printed = page.pdf(path=tmp_path / "tab.pdf", prefer_css_page_size=True, print_background=True)
        assert len(re.findall(rb"/Type /Page\b", printed)) in range(1, 8)
