"""The attention of several words, without sinks, by head and close by; what is shown is what the views compute from the same evidence."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import (
    attention_map,
    attention_on_pixels,
    compute_latent_order,
    find_sinks,
    joint_attention,
    latent_means,
    means_of_several,
    rank_latents,
)
from tb_visualscratchpad.views.head_maps import head_map, head_maps
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.head_evidence import HeadAttention
from tests.end_to_end.served_log import chosen_token, open_alone, output_tokens, parameter, tensorboard
from tests.end_to_end.test_scratchpad_controls import _figure, _percent
from tests.random_evidence import random_dictionary, random_vlm_run
from tests.random_head_evidence import random_head_attention
from tests.tiny_worker import tiny_worker
from tests.views.dense_loops import patches_in_view
from tests.views.test_sinks import WORDS, planted, with_words
from tests.watched_browser import watched_page
from tests.worker_requests import TabRequests

pytestmark = pytest.mark.full

WIDE = {"width": 1440, "height": 900}
P = "&p.visualscratchpad."


@dataclass(frozen=True)
class LoggedRun:
    """A run with two planted sinks, maps of the heads of its first two words, and a TensorBoard over it."""

    run: VlmRun
    heads: HeadAttention
    address: str


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggedRun]:
    logdir = tmp_path_factory.mktemp("attention")
    run = with_words(random_vlm_run(3, n_output=14, grid=6, dictionary=random_dictionary(4, n_latents=64), n_firing=8), WORDS)
    run = planted(run, [patches_in_view(run, "base")[7], patches_in_view(run, "tiles")[2]], 30.0)
    run = replace(run, order=compute_latent_order(run))
    heads = random_head_attention(run, 5)
    with ScratchpadWriter(logdir / "run") as writer:
        writer.add_vlm_run(run)
        writer.add_head_attention(heads)
    with tensorboard(logdir, "--load_fast", "true") as address:
        yield LoggedRun(run, heads, address)


def _expect_ranking(page: Page, run: VlmRun, tokens: list[int], without_P: np.ndarray | None = None) -> int:
    """The first rows of the list; gives the best latent."""
    means = latent_means(run, without_P=without_P)
    ranking = rank_latents(run, tokens[0], means=means_of_several(means, tokens) if len(tokens) > 1 else means)
    rows = page.locator(".rank-row")
    for place, row in enumerate(ranking.rows[:4]):
        expect(rows.nth(place)).to_have_attribute("title", f"C {row.weighted:.3f} · B {row.plain:.3f}")
        expect(rows.nth(place)).to_have_attribute("data-latent", str(row.latent))
    return ranking.rows[0].latent


def test_several_words_by_mouse_and_keyboard(browser: Browser, logged: LoggedRun) -> None:
    run, output = logged.run, output_tokens(logged.run)
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, logged.address, f"{P}token={output[1]}")
        chip = lambda index: frame.locator(f".chip[data-token='{index}']")  # noqa: E731
        chip(output[4]).click(modifiers=["Control"])
        chip(output[8]).click(modifiers=["ControlOrMeta"])
        tokens = [output[1], output[4], output[8]]
        joint = joint_attention(run, tokens)
        _figure(frame, "mass-on-picture", _percent(joint.mass_on_picture))
        _figure(frame, "mass-on-newlines", _percent(joint.mass_on_newlines))
        expect(frame.locator("[data-value=multiple-mass]")).to_have_text([_percent(one.mass_on_picture) for one in joint.maps])
        latent = _expect_ranking(frame, run, tokens)
        frame.locator(f".rank-row[data-latent='{latent}']").click()
        weighted = means_of_several(latent_means(run), tokens)
        _figure(frame, "weighted", f"{weighted.weighted_FT[weighted.place_of(latent), 0]:.3f}")
        _figure(frame, "weighted-rank", "#1")
        assert parameter(page, "tokens") == ".".join(map(str, tokens))
        expect(frame.locator(".words button.on")).to_have_count(3)

        # the set is in the address
        page.reload()
        _figure(frame, "together", "3 words together×")
        _figure(frame, "mass-on-picture", _percent(joint.mass_on_picture))

        # one leaves by Ctrl, one comes by x; arrows go on from the current word
        chip(output[4]).click(modifiers=["Control"])
        expect(frame.locator("[data-value=multiple-mass]")).to_have_count(2)
        chip(output[8]).focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("x")
        expect(frame.locator("[data-value=multiple-mass]")).to_have_count(3)
        current = chosen_token(frame)
        _figure(frame, "mass-on-picture", _percent(joint_attention(run, sorted([output[1], output[8], current])).mass_on_picture))

        # Shift takes all up to a word; a bare click goes back to one
        chip(output[2]).click()
        expect(frame.locator("[data-value=together]")).to_have_count(0)
        chip(output[5]).click(modifiers=["Shift"])
        assert parameter(page, "tokens") == ".".join(map(str, output[2:6]))
        chip(output[2]).focus()
        chip(output[2]).click()
        page.keyboard.press("Shift+ArrowRight")
        assert parameter(page, "tokens") == f"{output[2]}.{output[3]}" and chosen_token(frame) == output[3]
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Escape")
        assert parameter(page, "tokens") is None
        _figure(frame, "mass-on-picture", _percent(attention_map(run, output[2]).mass_on_picture))


def test_the_scale_is_that_of_the_map(browser: Browser, logged: LoggedRun) -> None:
    run, output = logged.run, output_tokens(logged.run)
    tokens = output[1:3]

    def top(attention_P: np.ndarray) -> float:
        return float(attention_on_pixels(run.image_tokens, attention_P).max()) * run.image_tokens.width * run.image_tokens.height

    joint = joint_attention(run, tokens)
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, logged.address, f"{P}tokens={tokens[0]}.{tokens[1]}{P}token={tokens[1]}")
        shown = lambda: float(frame.locator("vs-attention [data-value=scale-top]").inner_text().rstrip("×"))  # noqa: E731
        expect(frame.locator("vs-attention [data-value=scale-top]")).to_be_visible()
        assert shown() == pytest.approx(top(joint.attention_P), rel=0.06)
        frame.get_by_role("group", name="Scale").get_by_role("button", name="Common").click()
        expect(frame.locator(".multiple")).to_have_count(2)
        assert shown() == pytest.approx(max(top(one.attention_P) for one in joint.maps), rel=0.06)
        assert parameter(page, "scale") == "common"


def test_sinks_are_told_and_left_out(browser: Browser, logged: LoggedRun) -> None:
    run, token = logged.run, output_tokens(logged.run)[3]
    sinks = find_sinks(run)
    shown = attention_map(run, token, sink_P=sinks.sink_P)
    out = attention_map(run, token, sink_P=sinks.sink_P, without_sinks=True)
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, logged.address, f"{P}token={token}")
        _figure(frame, "sinks", "On 2 sinks")
        _figure(frame, "mass-on-sinks", _percent(shown.mass_on_sinks))
        _figure(frame, "mass-on-picture", _percent(shown.mass_on_picture))
        _expect_ranking(frame, run, [token])
        marks = frame.evaluate("() => document.querySelector('vs-attention vs-zoom-picture').marks")
        width, height = run.image_tokens.width, run.image_tokens.height
        box = run.image_tokens.patch_box_P4[sinks.sink_P] / np.array([width, height, width, height])
        np.testing.assert_allclose(marks, box, rtol=1e-5)
        frame.get_by_role("button", name="leave out").press("Enter")
        _figure(frame, "mass-on-picture", _percent(out.mass_on_picture))
        _figure(frame, "mass-on-sinks", _percent(shown.mass_on_sinks))
        _figure(frame, "token-mass", _percent(out.mass_on_picture))
        latent = _expect_ranking(frame, run, [token], sinks.sink_P)
        frame.locator(f".rank-row[data-latent='{latent}']").click()
        means = latent_means(run, without_P=sinks.sink_P)
        weighted = means.weighted_FT[means.place_of(latent), means.column_of(token)]
        _figure(frame, "weighted", f"{weighted:.3f}")
        assert parameter(page, "sinks") == "out"
        # the heatmap's value of that cell is of the same C
        data = frame.evaluate("""(latent) => { const { data } = document.querySelector('vs-matrix'); const column = data.latent.indexOf(latent);
            return data.columnMax[column] * data.value[3 * data.nColumns + column]; }""", latent)
        assert data == pytest.approx(weighted, rel=1e-4)
        frame.get_by_role("button", name="put back").click()
        _figure(frame, "mass-on-picture", _percent(shown.mass_on_picture))


def test_heads_that_were_recorded_need_no_worker(browser: Browser, logged: LoggedRun) -> None:
    run, heads = logged.run, logged.heads
    output = output_tokens(run)
    found = head_maps(run, heads, output[1] - 1)
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, logged.address, f"{P}token={output[1]}")
        expect(frame.locator("[data-value=mass-on-picture]")).to_be_visible()
        page.keyboard.press("h")
        sheet = frame.get_by_role("dialog", name="Heads")
        buttons = sheet.locator(".head-list button")
        expect(buttons).to_have_count(10)
        for place, (layer, head) in enumerate(found.most):
            expect(buttons.nth(place)).to_contain_text(re.compile(rf"^\s*{layer}\.{head}\s*{_percent(float(found.mass_LH[layer, head]))}"))
        expect(sheet.locator("[data-value=difference]")).to_contain_text("the worker’s model is the run’s")
        # by keyboard: the first layer's second head
        grid = sheet.get_by_role("application", name=re.compile("12 heads"))
        expect(grid).to_be_focused()
        grid.press("Home")
        grid.press("ArrowRight")
        grid.press("Enter")
        alone = head_map(run, heads, output[1] - 1, 0, 1)
        _figure(frame, "head-mass", _percent(alone.mass_on_picture))
        assert parameter(page, "head") == "0.1"
        for order in ("Most first", "Localised first"):
            sheet.get_by_role("button", name=order).click()
            first = found.most[0] if order == "Most first" else found.localised[0]
            expect(sheet.locator("vs-head-grid canvas")).to_be_visible()
            grid.press("Home")
            grid.press("Enter")
            expect(sheet.locator(".head-side dt").first).to_have_text(f"Layer {first[0]}, head {first[1]}")
        page.keyboard.press("Escape")
        layer, head = found.localised[0]
        _figure(frame, "mass-on-picture", _percent(head_map(run, heads, output[1] - 1, layer, head).mass_on_picture))
        expect(frame.locator("[data-value=head-note]")).to_contain_text(f"Layer {layer}, head {head} alone")
        # of another word nothing is recorded: said, with the way on
        frame.locator(f".chip[data-token='{output[7]}']").click()
        expect(frame.get_by_role("region", name="Attention")).to_contain_text("is not recorded for")
        page.keyboard.press("h")
        expect(sheet.locator("[data-value=no-worker]")).to_be_visible()
        expect(sheet.get_by_role("textbox", name="Command that starts a worker")).to_have_value(re.compile("^visualscratchpad worker --vlm"))
        page.keyboard.press("Escape")
        frame.get_by_role("button", name="Mean over heads").click()
        _figure(frame, "mass-on-picture", _percent(attention_map(run, output[7]).mass_on_picture))


def test_the_picture_is_looked_at_closely(browser: Browser, logged: LoggedRun) -> None:
    run, token = logged.run, output_tokens(logged.run)[3]
    place = run.image_tokens
    with watched_page(browser, expected=("favicon",), viewport=WIDE, reduced_motion="reduce") as page:
        frame = open_alone(page, logged.address, f"{P}token={token}")
        picture = frame.locator("vs-attention .boxed .frame")
        expect(frame.locator("[data-value=mass-on-picture]")).to_be_visible()
        seen = lambda: frame.evaluate("() => document.querySelector('vs-attention vs-zoom-picture').seen")  # noqa: E731
        box = picture.bounding_box()
        at = (box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
        page.mouse.move(*at)
        read = frame.locator("vs-attention .tip")
        value_P = attention_map(run, token).attention_P

        def expect_reading(x: float, y: float) -> None:
            px, py = x * place.width, y * place.height
            for patch in patches_in_view(run, "both"):
                x0, y0, x1, y1 = place.patch_box_P4[patch]
                covers = x0 <= px < x1 and y0 <= py < y1
                name = "base" if place.patch_view_P[patch] == 0 else f"tile {place.patch_view_P[patch]}"
                row = re.compile(rf"{name}, patch {patch}(, a sink)?\s*{re.escape(_percent(float(value_P[patch])))}")
                if covers:
                    expect(read.locator(".kv", has_text=row)).to_have_count(1)

        expect_reading(0.7, 0.3)
        page.mouse.wheel(0, -240)
        page.mouse.wheel(0, -240)
        frame.wait_for_function("() => document.querySelector('vs-attention vs-zoom-picture').seen.scale > 1.5")
        closer = seen()
        assert closer["x"] + 0.7 / closer["scale"] == pytest.approx(0.7, abs=0.01), "what lay under the pointer stays there"
        page.mouse.move(at[0] - 20, at[1] + 30)
        inside = ((at[0] - 20 - box["x"]) / box["width"], (at[1] + 30 - box["y"]) / box["height"])
        expect_reading(closer["x"] + inside[0] / closer["scale"], closer["y"] + inside[1] / closer["scale"])

        # a box drawn on the zoomed picture is where the pointer was
        frame.get_by_role("button", name="Draw a box").click()
        page.mouse.move(box["x"] + 40, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 90, box["y"] + 80)
        page.mouse.up()
        drawn = [int(edge) for edge in (parameter(page, "box") or "").split(".")]
        expected = [
            place.width * (closer["x"] + 40 / box["width"] / closer["scale"]), place.height * (closer["y"] + 40 / box["height"] / closer["scale"]),
            place.width * (closer["x"] + 90 / box["width"] / closer["scale"]), place.height * (closer["y"] + 80 / box["height"] / closer["scale"]),
        ]
        np.testing.assert_allclose(drawn, expected, atol=1.01)

        # drag, keys, double click; arrows move the picture, not the word
        page.mouse.move(box["x"] + 100, box["y"] + 80)
        page.mouse.down()
        page.mouse.move(box["x"] + 120, box["y"] + 80, steps=3)
        page.mouse.up()
        dragged = seen()
        assert dragged["x"] == pytest.approx(max(0, closer["x"] - 20 / box["width"] / closer["scale"]), abs=0.005)
        picture.focus()
        page.keyboard.press("ArrowRight")
        assert seen()["x"] > dragged["x"] and chosen_token(frame) == token
        page.keyboard.press("0")
        assert seen() == {"scale": 1, "x": 0, "y": 0}
        page.keyboard.press("ArrowRight")
        assert chosen_token(frame) == token + 1, "of the whole picture, arrows choose words"
        page.mouse.dblclick(box["x"] + 60, box["y"] + 60)
        assert seen()["scale"] > 2
        page.keyboard.press("-")
        frame.get_by_role("button", name="Enlarge the picture").click()
        large = frame.get_by_role("dialog", name=re.compile("Attention of")).locator("vs-zoom-picture .frame")
        assert large.bounding_box()["width"] > 1.5 * box["width"]
        large.focus()
        page.keyboard.press("+")
        expect(frame.locator(".large-picture .zoom-scale")).to_have_text("1.6×")


def test_heads_are_recorded_from_the_tab(browser: Browser, tmp_path: Path) -> None:
    """A real worker reads a steered run's answer again; the maps show before TensorBoard reloads."""
    with tiny_worker(tmp_path) as logdir, tensorboard(logdir) as address:
        tab = TabRequests(address)
        drawn = io.BytesIO()
        Image.fromarray(np.random.default_rng(5).integers(0, 256, (60, 96, 3), dtype=np.uint8)).save(drawn, format="PNG")
        picture = drawn.getvalue()
        first = tab.outcome(tab.start({"kind": "run", "picture": {"picture_id": tab.picture(picture)}, "prompt": "w1 w2 ?", "max_new_tokens": 6}))
        with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
            frame = open_alone(page, address)
            expect(frame.locator("[data-value=mass-on-picture]")).to_be_visible(timeout=30_000)
            expect(frame.locator("[data-value=worker]")).to_have_text("worker ready", timeout=30_000)
            page.keyboard.press("h")
            frame.get_by_role("button", name="Record the heads").click()
            sheet = frame.get_by_role("dialog", name="Heads")
            expect(sheet.locator(".head-list button")).to_have_count(10, timeout=30_000)
            expect(sheet.locator("[data-value=difference]")).to_contain_text("under 0.0001 %")
            sheet.locator(".head-list button").first.click()
            page.keyboard.press("Escape")
            expect(frame.locator("[data-value=head-note]")).to_be_visible()
            assert first["id"] in page.url
