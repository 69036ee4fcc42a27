"""The figures in the tab are those that the views compute in Python from the evidence that was logged."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tb_visualscratchpad.views import attention_map, plain_mean, rank_latents, token_latent_matrix, weighted_mean
from tb_visualscratchpad.wire.evidence import VlmRun
from tests.end_to_end.served_log import WrittenLog, number, open_tab, output_tokens
from tests.watched_browser import watched_page

MAX_FREQUENCY = 0.5
"""Where the tab's threshold starts."""


def _chosen(run: VlmRun, **more: object) -> str:
    parameters = {"run": "answers/1", "id": run.run_id, **more}
    return "".join(f"&p.visualscratchpad.{key}={str(value).replace('/', '%2F')}" for key, value in parameters.items())


def _percent(text: str) -> float:
    return float(re.fullmatch(r"([\d.]+) %", text).group(1)) / 100


def test_scratchpad(browser: Browser, address: str, log: WrittenLog) -> None:
    run = log.newest
    token = output_tokens(run)[3]
    ranking = rank_latents(run, token, statistics=log.statistics, max_frequency=MAX_FREQUENCY)
    latent = ranking.rows[2].latent
    with watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, address, _chosen(run, token=token, latent=latent))
        frame.wait_for_selector(".inspector-head")
        frame.wait_for_selector(".rank-row.on")
        frame.wait_for_selector("[data-value=token-mass]", state="attached")

        seen = attention_map(run, token)
        # the event keeps attention as bytes with a scale per row, the sidecar in full: these come from the sidecar
        assert _percent(number(frame, "mass-on-picture")) == pytest.approx(seen.mass_on_picture, abs=0.0051)
        assert _percent(number(frame, "mass-on-newlines")) == pytest.approx(seen.mass_on_newlines, abs=0.0051)
        assert number(frame, "logprob") == f"{run.tokens[token].logprob:.2f}".replace("-", "−")

        rows = frame.locator(".rank-row")
        for place, row in enumerate(ranking.rows[: min(8, rows.count())]):
            shown = rows.nth(place)
            assert shown.get_attribute("data-latent") == str(row.latent)
            assert shown.get_attribute("title") == f"C {row.weighted:.3f} · B {row.plain:.3f}"

        assert number(frame, "weighted") == f"{weighted_mean(run, token)[latent]:.3f}"
        assert number(frame, "plain") == f"{plain_mean(run)[latent]:.3f}"
        assert number(frame, "weighted-rank") == "#3"
        by_plain = [row.latent for row in rank_latents(run, token, by="plain", statistics=log.statistics, max_frequency=MAX_FREQUENCY).rows]
        assert number(frame, "plain-rank") == f"#{by_plain.index(latent) + 1}"
        assert _percent(number(frame, "image-frequency")) == pytest.approx(log.statistics.image_frequency_K[latent], abs=0.0051)
        assert number(frame, "mean") == f"{log.statistics.mean_activation_K[latent]:.2f}"

        matrix = token_latent_matrix(run, statistics=log.statistics, max_frequency=MAX_FREQUENCY)
        frame.wait_for_selector("[data-value=matrix-size]")
        assert number(frame, "matrix-size") == f"{matrix.token_T.size} answer words × {matrix.latent_C.size} latents"


def test_layers_rows_and_thresholds_reach_the_numbers(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run = log.newest
    token = output_tokens(run)[2]
    latent = int(np.argmax(plain_mean(run)))
    with watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, fast_address, _chosen(run, token=token, latent=latent, maxFrequency=1, layers=1, row="own", view="tiles"))
        frame.wait_for_selector("[data-value=weighted]")
        options = {"layers": [1], "row": "own", "view": "tiles"}
        frame.wait_for_selector("[data-value=mass-on-picture]")
        assert _percent(number(frame, "mass-on-picture")) == pytest.approx(attention_map(run, token, **options).mass_on_picture, abs=0.0051)
        assert number(frame, "weighted") == f"{weighted_mean(run, token, **options)[latent]:.3f}"
        assert number(frame, "plain") == f"{plain_mean(run, view='tiles')[latent]:.3f}"

        frame.get_by_label("mean at least").focus()
        page.keyboard.press("End")
        frame.get_by_text("The thresholds leave none: widen them.").wait_for()
        frame.locator("vs-ranking").get_by_role("button", name="Widen").click()
        frame.wait_for_selector(".rank-row")
        expect(frame.locator(".rank-row")).to_have_count(min(24, rank_latents(run, token, **options).n_passing))


def test_dictionary(browser: Browser, address: str, log: WrittenLog) -> None:
    with watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, address, "&p.visualscratchpad.workspace=dictionary")
        frame.wait_for_selector("[data-value=fvu]")
        frame.wait_for_selector(".health p b")
        alive = int(log.statistics.alive_K.sum())
        assert _percent(number(frame, "alive")) == pytest.approx(alive / log.dictionary.n_latents, abs=0.0051)
        assert _percent(number(frame, "fvu")) == pytest.approx(log.metrics.fvu, abs=0.0051)
        assert float(number(frame, "l0")) == pytest.approx(log.metrics.l0, abs=0.051)
        assert number(frame, "n-images") == str(log.statistics.n_images)
        frame.get_by_text(f"{alive} of {log.dictionary.n_latents}").wait_for()

        # a point of the scatter is chosen with the keyboard, and its references follow
        plot = frame.get_by_role("application", name=re.compile("by frequency and mean"))
        plot.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        head = frame.locator(".gallery-row")
        head.first.wait_for()
        latent = int(head.first.get_attribute("data-latent"))
        assert log.statistics.alive_K[latent]
        captions = head.first.locator("figcaption").all_inner_texts()
        expected = [one.plain_mean for one in log.references.of_latent(latent)][:4]
        assert [float(text) for text in captions] == pytest.approx(expected, abs=0.051)


COMPOSED = """async ([run, id, thresholds]) => {
    const { Api } = await import('./static/api.js');
    const key = { run, id };
    const choice = { layers: 'all', row: 'producing', view: 'both', prompt: 0 };
    const [api, plain] = [new Api(), new Api()];
    const differing = [];
    for (const threshold of thresholds) {
      for (const order of ['clustered', 'strength']) {
        const options = { ...choice, ...threshold, cut: 0.3, order };
        const found = await api.tokenLatentMatrix(key, options);
        const expected = await plain.keep('packed', 'token_latent_matrix', { ...key, ...options });
        const told = ({ header, shapes }) => JSON.stringify([header, Object.entries(shapes).sort()]);
        if (told(found) !== told(expected)) differing.push([threshold, order, 'header']);
        for (const [name, array] of Object.entries(expected.arrays))
          if (array.length !== found.arrays[name].length || array.some((one, i) => one !== found.arrays[name][i])) differing.push([threshold, order, name]);
      }
    }
    return differing;
  }"""


def test_the_heatmap_put_together_in_the_tab_is_the_plugins(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    thresholds = [{}, {"max_frequency": 0.5}, {"max_frequency": 0.05, "min_mean": 0.4}, {"min_mean": 0.1}, {"max_frequency": 0}, {"min_mean": 1e6}]
    with watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, fast_address)
        assert frame.evaluate(COMPOSED, ["answers/1", log.newest.run_id, thresholds]) == []
