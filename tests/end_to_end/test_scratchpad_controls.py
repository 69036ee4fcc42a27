"""Each control of the Scratchpad by mouse and by keyboard; what is shown then is what the views compute from the same evidence."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.views import (
    Thresholds,
    attention_map,
    cluster_columns,
    latent_attribution,
    latent_means,
    plain_mean,
    rank_latents,
    token_latent_matrix,
    weighted_mean,
)
from tb_visualscratchpad.wire.evidence import VlmRun
from tests.end_to_end.served_log import WrittenLog, chosen_token, number, open_alone, output_tokens, parameter
from tests.watched_browser import watched_page

WIDE = {"width": 1440, "height": 900}
P = "&p.visualscratchpad."
MAX_FREQUENCY = 0.5
CELL = """([row, column]) => { const { plot } = document.querySelector('vs-matrix'); const at = plot.layout();
    const box = document.querySelector('vs-matrix .plot').getBoundingClientRect();
    return [box.left + at.left + (column - at.columns.first + 0.5) * at.columnWidth,
      box.top + at.top + at.rowTop[row] - plot.scroll + at.rowHeight / 2]; }"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
CUT = """() => { const { plot } = document.querySelector('vs-matrix'); const box = document.querySelector('vs-matrix .plot').getBoundingClientRect();
    return [box.left + plot.layout().left + 40, box.top + plot.cutY]; }"""


def _percent(share: float) -> str:
    """A share as the tab writes it."""
    if share == 0:
        return "0 %"
    for least, text in ((0.9995, "100 %"), (0.995, f"{100 * share:.1f} %"), (0.0995, f"{100 * share:.0f} %"), (0.00995, f"{100 * share:.1f} %")):
        if share > least:
            return text
    return f"{100 * share:.2f} %"


def _figure(page: Page, name: str, text: str) -> None:
    expect(page.locator(f"[data-value={name}]")).to_have_text(text)


def _expect_ranking(page: Page, run: VlmRun, token: int, log: WrittenLog, **options: object) -> None:
    """The list is the one that the views compute, row by row."""
    ranking = rank_latents(run, token, statistics=log.statistics, **{"max_frequency": MAX_FREQUENCY, **options})
    rows = page.locator(".rank-row")
    for place, row in enumerate(ranking.rows[:5]):
        expect(rows.nth(place)).to_have_attribute("title", f"C {row.weighted:.3f} · B {row.plain:.3f}")
        expect(rows.nth(place)).to_have_attribute("data-latent", str(row.latent))
    expect(rows).to_have_count(min(24, ranking.n_passing))


def _expect_choices(page: Page, run: VlmRun, token: int, latent: int, log: WrittenLog, **options: object) -> None:
    """Attention, inspector and ranking under a choice of layers, row and view."""
    seen = attention_map(run, token, **options)
    _figure(page, "mass-on-picture", _percent(seen.mass_on_picture))
    _figure(page, "mass-on-newlines", _percent(seen.mass_on_newlines))
    _figure(page, "weighted", f"{weighted_mean(run, token, **options)[latent]:.3f}")
    _figure(page, "plain", f"{plain_mean(run, view=options.get('view', 'both'))[latent]:.3f}")
    _expect_ranking(page, run, token, log, **options)


def test_view_row_layers_and_overlay(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run = log.newest
    token, latent = output_tokens(run)[3], int(np.argmax(plain_mean(run)))
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, fast_address, f"{P}token={token}{P}latent={latent}")
        attention = frame.get_by_role("region", name="Attention")
        _expect_choices(page, run, token, latent, log)

        view = attention.get_by_role("group", name="View")
        view.get_by_role("button", name="Base").click()
        _expect_choices(page, run, token, latent, log, view="base")
        view.get_by_role("button", name="Tiles").press("Enter")
        _expect_choices(page, run, token, latent, log, view="tiles")
        expect(view.get_by_role("button", name="Tiles")).to_have_attribute("aria-pressed", "true")
        assert parameter(page, "view") == "tiles"
        view.get_by_role("button", name="Both").press("Space")

        row = attention.get_by_label("Row", exact=True)
        row.select_option("own")
        _expect_choices(page, run, token, latent, log, row="own")
        row.press("ArrowUp")
        expect(row).to_have_value("producing")

        layers = attention.get_by_label("Layers", exact=True)
        layers.press("ArrowDown")
        _expect_choices(page, run, token, latent, log, layers=[run.attention.layers[0]])
        attention.locator(".layers span").nth(2).click()
        _expect_choices(page, run, token, latent, log, layers=[run.attention.layers[2]])
        expect(layers).to_have_value(str(run.attention.layers[2]))
        attention.locator(".layers span").nth(2).click()
        expect(layers).to_have_value("all")

        # the three overlays paint three pictures
        overlay = attention.get_by_role("group", name="Overlay")
        painted = set()
        for name, by_keyboard in (("Heat", False), ("Off", True), ("Spotlight", True)):
            button = overlay.get_by_role("button", name=name)
            button.press("Enter") if by_keyboard else button.click()
            expect(button).to_have_attribute("aria-pressed", "true")
            frame.evaluate(PAINTED)
            painted.add(attention.locator("canvas").first.evaluate("(one) => one.toDataURL()"))
        assert len(painted) == 3

        # the latent on the large picture, and back
        frame.get_by_role("button", name=f"Show latent {latent} on the large picture").click()
        for choice in ("both", "base"):
            view.get_by_role("button", name=choice.title()).click()
            found = latent_attribution(run, latent, choice)
            expect(attention).to_contain_text(re.compile(rf"Fires in\s*{found.n_firing} patches\s*Largest\s*{found.maximum:.2f}"))
        attention.get_by_role("button", name="Back to attention").press("Enter")
        _figure(page, "mass-on-picture", _percent(attention_map(run, token, view="base").mass_on_picture))
        frame.get_by_role("button", name=f"Show latent {latent} on the large picture").press("Enter")
        expect(attention).to_contain_text("Fires in")


def test_words_are_chosen_by_chip_bar_and_key(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run = log.newest
    words, latent = output_tokens(run), int(np.argmax(plain_mean(run)))
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, fast_address, f"{P}token={words[1]}{P}latent={latent}")

        def expect_word(token: int) -> None:
            expect(frame.locator(".chip.on")).to_have_attribute("data-token", str(token))
            _figure(page, "logprob", f"{run.tokens[token].logprob:.2f}".replace("-", "−"))
            _figure(page, "weighted", f"{weighted_mean(run, token)[latent]:.3f}")
            _figure(page, "token-mass", _percent(attention_map(run, token).mass_on_picture))

        expect_word(words[1])
        frame.locator(f"[data-token='{words[4]}']").click()
        expect_word(words[4])
        page.keyboard.press("ArrowRight")
        expect_word(words[5])
        expect(frame.locator(f"[data-token='{words[5]}']")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect_word(words[4])

        # the bars of the inspector, one by word of the answer
        bars = frame.get_by_role("group", name=f"C of latent {latent} by word").get_by_role("button")
        expect(bars).to_have_count(len(words))
        assert [bar.get_attribute("title").split(": C ")[1] for bar in bars.all()] == [f"{weighted_mean(run, t)[latent]:.3f}" for t in words]
        bars.nth(8).click()
        expect_word(words[8])

        # a word before the picture cannot see it, which is no share of 0
        fold = frame.get_by_role("button", name=re.compile("^system"))
        fold.press("Enter")
        expect(fold).to_have_attribute("aria-expanded", "true")
        frame.locator(".chip.system").first.click()
        expect(frame.get_by_role("region", name="Attention")).to_contain_text("it cannot see the image")
        expect(frame.locator("[data-value=mass-on-picture]")).to_have_count(0)
        fold.click()
        expect(frame.locator(".chip.system")).to_have_count(0)


def _columns(run: VlmRun, log: WrittenLog, **options: object) -> tuple[list[int], int]:
    """Latents from left to right, and the number of clusters."""
    means = latent_means(run)
    keep = Thresholds(max_frequency=MAX_FREQUENCY, min_mean=None).passing(run, log.statistics, run.order.latent_C)
    found = cluster_columns(means, run.order, keep=keep, **options)
    return found.matrix.latent_C.tolist(), len(found.clusters)


def _expect_spoken(page: Page, run: VlmRun, token: int, latent: int, share: float) -> None:
    said = page.locator("vs-matrix .spoken")
    expect(said).to_contain_text(f"latent {latent}")
    expect(said).to_contain_text(f"weighted C {weighted_mean(run, token)[latent]:.3f}, {share:.2f} of its largest")


def test_the_heatmap_by_pointer_and_by_keys(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run = log.newest
    words = output_tokens(run)
    matrix = token_latent_matrix(run, statistics=log.statistics, max_frequency=MAX_FREQUENCY)
    columns, n_clusters = _columns(run, log)
    share = {latent: matrix.normalised_TC[:, place] for place, latent in enumerate(matrix.latent_C.tolist())}
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, fast_address, f"{P}token={words[0]}{P}latent={columns[0]}")
        frame.wait_for_selector("vs-matrix canvas", state="attached")
        _figure(page, "n-clusters", f"{n_clusters} clusters")
        frame.wait_for_function("() => document.querySelector('vs-matrix').plot.cutY > 0")

        # hover reads out, a click chooses the word and the latent
        page.mouse.move(*frame.evaluate(CELL, [5, 7]))
        _expect_spoken(page, run, words[5], columns[7], share[columns[7]][5])
        expect(frame.locator("vs-matrix .tip")).to_contain_text(f"latent {columns[7]}")
        page.mouse.click(*frame.evaluate(CELL, [5, 7]))
        _figure(page, "latent", str(columns[7]))
        assert chosen_token(frame) == words[5]
        page.mouse.move(5, 5)
        expect(frame.locator("vs-matrix .tip")).to_have_count(0)

        # the same by keys, from the chosen cell on
        plot = frame.get_by_role("application", name=re.compile("heatmap"))
        plot.focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
            page.keyboard.press(key)
        _expect_spoken(page, run, words[6], columns[8], share[columns[8]][6])
        page.keyboard.press("Enter")
        _figure(page, "latent", str(columns[8]))
        _figure(page, "weighted", f"{weighted_mean(run, words[6])[columns[8]]:.3f}")
        page.keyboard.press("End")
        _expect_spoken(page, run, words[6], columns[-1], share[columns[-1]][6])
        span = "document.querySelector('vs-matrix').plot.layout().columns.span"
        page.keyboard.press("+")
        assert frame.evaluate(span) == pytest.approx(0.7 * len(columns))
        page.keyboard.press("-")
        page.keyboard.press("+")
        page.keyboard.press("0")
        assert frame.evaluate(span) == len(columns)
        page.keyboard.press("Escape")
        _figure(page, "latent", str(columns[8]))
        page.keyboard.press("Escape")
        expect(frame.locator("[data-value=latent]")).to_have_count(0)


def test_the_tree_is_cut_and_columns_are_ordered(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run = log.newest
    words = output_tokens(run)
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, fast_address, f"{P}token={words[0]}")
        frame.wait_for_function("() => document.querySelector('vs-matrix')?.plot?.cutY > 0")
        slider = frame.get_by_label("Cut the tree at distance")
        slider.focus()
        for _ in range(20):
            page.keyboard.press("ArrowRight")
        _figure(page, "n-clusters", f"{_columns(run, log, cut=0.5)[1]} clusters")
        assert _columns(run, log, cut=0.5)[1] < _columns(run, log)[1]

        # the handle in the tree is dragged down: a lower cut, more clusters
        frame.evaluate(PAINTED)
        x, y = frame.evaluate(CUT)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + 8, steps=4)
        page.mouse.up()
        cut = float(slider.input_value())
        assert cut < 0.5
        frame.wait_for_function("(cut) => Number(/cut=([.0-9]+)/.exec(location.hash)?.[1]) === cut", arg=cut)
        n_clusters = _columns(run, log, cut=cut)[1]
        _figure(page, "n-clusters", f"{n_clusters} clusters")

        # by strength the first column is the latent with the largest C of all
        matrix = token_latent_matrix(run, statistics=log.statistics, max_frequency=MAX_FREQUENCY)
        strongest = matrix.latent_C[np.lexsort((matrix.latent_C, -matrix.column_max_C))].tolist()
        order = frame.get_by_role("group", name="Order of columns")
        order.get_by_role("button", name="By strength").click()
        expect(slider).to_have_count(0)
        plot = frame.get_by_role("application", name=re.compile("heatmap"))
        said = frame.locator("vs-matrix .spoken")
        for key, latent in (("Home", strongest[0]), ("ArrowRight", strongest[1]), ("End", strongest[-1])):
            plot.focus()
            page.keyboard.press(key)
            page.keyboard.press(key) if key == "Home" else None
            expect(said).to_contain_text(re.compile(rf"latent {latent}\b"))
        order.get_by_role("button", name="Clustered").press("Enter")
        _figure(page, "n-clusters", f"{n_clusters} clusters")

        # rows of the prompt
        prompt = frame.get_by_role("checkbox", name="prompt")
        for include in (True, False):
            prompt.press("Space")
            found = token_latent_matrix(run, statistics=log.statistics, max_frequency=MAX_FREQUENCY, include_prompt=include)
            what = "words" if include else "answer words"
            _figure(page, "matrix-size", f"{found.token_T.size} {what} × {found.latent_C.size} latents")
        prompt.click()
        expect(frame.locator("[data-value=matrix-size]")).not_to_contain_text("answer")


def test_the_ranking_by_keys_list_and_thresholds(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run = log.newest
    token = output_tokens(run)[3]
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, fast_address, f"{P}token={token}")
        _expect_ranking(page, run, token, log)
        order = frame.get_by_role("group", name="Order by")
        order.get_by_role("button", name="Plain mean").click()
        _expect_ranking(page, run, token, log, by="plain")
        order.get_by_role("button", name="Weighted").press("Enter")
        _expect_ranking(page, run, token, log)

        # one stop of the Tab key, arrows within
        rows = frame.locator(".rank-row")
        ranked = [row.latent for row in rank_latents(run, token, statistics=log.statistics, max_frequency=MAX_FREQUENCY).rows]
        rows.nth(2).click()
        _figure(page, "latent", str(ranked[2]))
        page.keyboard.press("ArrowDown")
        _figure(page, "latent", str(ranked[3]))
        expect(rows.nth(3)).to_be_focused()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        _figure(page, "latent", str(ranked[1]))
        _figure(page, "weighted-rank", "#2")

        # thresholds: by key, by pointer; the list, the ranks and the heatmap follow
        for label, key in (("fires in at most", "maxFrequency"), ("mean at least", "minMean")):
            slider = frame.get_by_label(label)
            box = slider.bounding_box()
            page.mouse.click(box["x"] + 0.55 * box["width"], box["y"] + box["height"] / 2)
            slider.press("ArrowLeft")
            value = slider.get_attribute("aria-valuetext")
            frame.wait_for_function(f"() => location.hash.includes('{key}=')")
            assert value != "off"
        frame.wait_for_function("() => document.querySelectorAll('[aria-busy=true]').length === 0")
        limits = {"max_frequency": float(parameter(page, "maxFrequency")), "min_mean": float(parameter(page, "minMean"))}
        _expect_ranking(page, run, token, log, **limits)
        found = token_latent_matrix(run, statistics=log.statistics, **limits)
        _figure(page, "matrix-size", f"{found.token_T.size} answer words × {found.latent_C.size} latent{'s' if found.latent_C.size != 1 else ''}")
        frame.get_by_label("fires in at most").press("End")
        frame.get_by_label("mean at least").press("Home")
        _expect_ranking(page, run, token, log, max_frequency=None)
        n_passing = rank_latents(run, token, statistics=log.statistics).n_passing
        assert n_passing > 24
        more = frame.locator("vs-ranking").get_by_role("button", name=re.compile("more of"))
        expect(more).to_contain_text(f"of {n_passing}")
        more.press("Enter")
        expect(rows).to_have_count(min(124, n_passing))


def test_menus_dialogs_and_the_dock(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run = log.newest
    token = output_tokens(run)[3]
    latent = rank_latents(run, token, statistics=log.statistics, max_frequency=MAX_FREQUENCY).rows[0].latent
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, fast_address, f"{P}token={token}{P}latent={latent}")
        _figure(page, "latent", str(latent))
        items = frame.locator(".basket-item")

        # the dock's own button and the cluster's tag, by keyboard and by mouse
        frame.get_by_role("button", name=f"+ latent {latent}").press("Enter")
        expect(items).to_have_count(1)
        operation = frame.get_by_label(f"What to do with latent {latent}")
        operation.press("ArrowDown")
        expect(operation).to_have_value("SCALE")
        value = frame.get_by_label(f"Value for latent {latent}")
        value.press("ArrowUp")
        value.press("Enter")
        assert parameter(page, "basket") == f"SCALE:1:{latent}"
        scope, error = frame.get_by_label("Where to steer"), frame.get_by_label("Error term of the dictionary")
        scope.press("ArrowDown")
        error.press("ArrowDown")
        assert parameter(page, "scope") == "firing" and parameter(page, "errorTerm") == "dropped"
        scope.select_option("tiles")
        assert parameter(page, "scope") == "tiles"
        frame.get_by_role("button", name="Spec").press("Enter")
        frame.get_by_role("button", name="Copy spec").press("Enter")
        frame.locator(".sheet[open] [role=status]").filter(has_text=re.compile("Copied|Ctrl")).wait_for()
        frame.get_by_role("button", name="Close").click()
        expect(frame.locator(".sheet[open]")).to_have_count(0)
        frame.get_by_role("button", name=f"Remove latent {latent}").press("Enter")
        expect(items).to_have_count(0)
        tag = frame.locator(".inspector-head [data-cluster]")
        tag.click()
        expect(items).to_have_count(1)
        assert str(latent) in items.first.get_attribute("data-latents").split(".")

        # share and keyboard list from the keyboard; find by mouse
        frame.get_by_role("button", name="Share view").press("Enter")
        assert frame.get_by_label("Link to this view").input_value() == page.url
        page.keyboard.press("Escape")
        frame.get_by_role("button", name="Keyboard").press("Enter")
        expect(frame.locator(".sheet[open] kbd").first).to_be_visible()
        page.mouse.click(10, 880)
        expect(frame.locator(".sheet[open]")).to_have_count(0)
        frame.get_by_role("button", name="Find a latent").click()
        page.keyboard.type("42")
        frame.locator(".found [data-latent='42']").click()
        _figure(page, "latent", "42")
        _figure(page, "plain", f"{plain_mean(run)[42]:.3f}")

        # the tab's own reload asks for the listing at once
        with page.expect_request("**/listing"):
            frame.get_by_role("button", name="Reload").press("Enter")

        # the run's menu by arrows, another dictionary's by mouse; its run comes with it
        pick = frame.locator(".pick")
        pick.first.press("Enter")
        expect(frame.get_by_role("combobox", name="Search runs")).to_be_focused()
        page.keyboard.press("Escape")
        expect(pick.first).to_be_focused()
        pick.first.press("Enter")
        names = frame.locator(".menu [role=option]")
        expect(names).to_have_count(len(log.runs))
        page.keyboard.press("ArrowDown")
        other = frame.locator(".menu [aria-selected=true] .t b").inner_text()
        page.keyboard.press("Enter")
        expect(frame.locator(".pick .v").first).to_have_text(other)
        pick.nth(1).click()
        frame.locator(".menu [role=option]").filter(has_text=log.dictionary.name).click()
        expect(frame.locator(".pick .v").nth(1)).to_have_text(log.dictionary.name)
        expect(frame.locator(".pick .v").first).to_have_text(log.newest.name)
        assert number(frame, "matrix-size").startswith(f"{len(output_tokens(run))} answer words")
