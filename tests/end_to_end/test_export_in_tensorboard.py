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
from playwright.sync_api import Browser, Page

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
