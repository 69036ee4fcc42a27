"""The steering basket in TensorBoard: collecting by mouse and keyboard, operations, the spec, many items."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.views import token_latent_matrix
from tests.end_to_end.served_log import WrittenLog, open_tab, output_tokens
from tests.watched_browser import watched_page

WIDE = {"width": 1440, "height": 900}


def test_the_basket_collects_by_mouse_and_keyboard(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run = log.newest
    token = output_tokens(run)[3]
    matrix = token_latent_matrix(run, statistics=log.statistics, max_frequency=0.5)
    columns = [int(latent) for latent in run.order.latent_C if latent in matrix.latent_C]
    latent = columns[0]
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.token={token}&p.visualscratchpad.latent={latent}")
        frame.wait_for_selector(".inspector-head")
        frame.wait_for_selector("vs-matrix canvas", state="attached")
        items = frame.locator(".basket-item")
        run_button = frame.get_by_role("button", name="Run steered answer")
        assert run_button.is_disabled()
        described = frame.locator(f"#{run_button.get_attribute('aria-describedby')}")
        assert described.inner_text() == "no worker"

        # the inspector's button, an operation and a value; then away with it
        frame.locator(".inspector-head").get_by_role("button", name="+ Basket").click()
        expect(items).to_have_count(1)
        frame.get_by_label(f"What to do with latent {latent}").select_option("ADD")
        value = frame.get_by_label(f"Value for latent {latent}")
        value.fill("-2.5")
        value.press("Enter")
        frame.get_by_label("Where to steer").select_option("firing")
        frame.get_by_label("Error term of the dictionary").select_option("dropped")
        frame.get_by_role("button", name="Spec").click()
        spec = SteeringSpec.from_json(frame.get_by_label("Steering spec", exact=True).and_(frame.locator("textarea")).input_value())
        assert [(one.latent, one.op, one.value, one.where) for one in spec.interventions] == [(latent, "ADD", -2.5, "firing")]
        assert spec.error == "dropped"
        page.keyboard.press("Escape")
        frame.get_by_role("button", name=f"Remove latent {latent}").click()
        expect(items).to_have_count(0)
        page.go_back()
        expect(items).to_have_count(1)
        page.go_forward()
        expect(items).to_have_count(0)

        # the cluster of the chosen latent, by key; a latent in it is refused with a sentence
        frame.locator(".workspaces button").nth(1).focus()
        page.keyboard.press("Shift+B")
        expect(items).to_have_count(1)
        held = [int(one) for one in items.first.get_attribute("data-latents").split(".")]
        place = columns.index(held[0])
        assert latent in held and columns[place : place + len(held)] == held
        page.keyboard.press("b")
        frame.locator(".dock [role=alert]").filter(has_text=f"Latent {latent} is in the basket already").wait_for()
        expect(items).to_have_count(1)
        frame.locator(".dock").get_by_role("button", name=re.compile("^Remove cluster")).click()
        expect(frame.locator(".dock [role=alert]")).to_have_count(0)

        # a click on the band of the last column's cluster
        box = frame.locator("vs-matrix .plot").bounding_box()
        place = frame.evaluate(
            """() => { const { plot } = document.querySelector('vs-matrix'); const last = plot.names.filter(({ y0, y1 }) => y1 - y0 > 20).at(-1);
            return [(last.x0 + last.x1) / 2, last.y1 - 3, last.cluster]; }"""
        )
        expect(items).to_have_count(0)
        page.mouse.click(box["x"] + place[0], box["y"] + place[1])
        expect(items).to_have_count(1)
        assert int(items.first.get_attribute("data-latents").split(".")[-1]) == columns[-1]


def test_many_items_fold_into_a_count(browser: Browser, fast_address: str) -> None:
    basket = ",".join(f"SET:0:{latent}" for latent in range(12))
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.basket={basket.replace(':', '%3A').replace(',', '%2C')}")
        expect(frame.locator(".basket-item")).to_have_count(12)
        more = frame.locator("vs-basket-strip > button")
        more.wait_for()
        shown = frame.evaluate(
            """() => { const list = document.querySelector('.basket-list'); const edge = list.getBoundingClientRect();
            return [...list.children].filter((one) => { const box = one.getBoundingClientRect(); return box.left >= edge.left - 1 && box.right <= edge.right + 1; }).length; }"""
        )
        assert more.inner_text() == f"+{12 - shown}"
        before = frame.evaluate("document.querySelector('.basket-list').scrollLeft")
        more.click()
        assert frame.evaluate("document.querySelector('.basket-list').scrollLeft") != before
