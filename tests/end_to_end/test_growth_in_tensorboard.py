"""The Dictionary over training: small scatters of the logged steps by mouse and keyboard, and a second dictionary beside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, SaeMetrics
from tests.end_to_end.served_log import open_alone, parameter, tensorboard
from tests.end_to_end.test_accessibility import violations
from tests.random_evidence import random_dictionary, random_metrics, random_references, random_statistics
from tests.watched_browser import watched_page

WIDE = {"width": 1440, "height": 900}
P = "&p.visualscratchpad."
STEPS = tuple(range(0, 400, 20))
FEW = (0, 170)
FIRST, SECOND, DEAD, SWEPT = (random_dictionary(seed, n_latents=n, name="sae of the tower") for seed, n in ((1, 96), (2, 160), (3, 48), (4, 64)))


@dataclass(frozen=True)
class Trainings:
    """Two trainings of dictionaries that are called the same, one of a dictionary that dies, and a sweep."""

    first: dict[int, LatentStatistics]
    second: dict[int, LatentStatistics]
    metrics: dict[str, SaeMetrics]
    address: str


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainings]:
    logdir: Path = tmp_path_factory.mktemp("trainings") / "log"
    first = {step: random_statistics(step, dictionary=FIRST, n_latents=96, dead_share=0.05 + step / 1000) for step in STEPS}
    second = {step: random_statistics(step + 1, dictionary=SECOND, n_latents=160, n_images=90, dead_share=0.4) for step in FEW}
    metrics = {
        "first": replace(random_metrics(1, dictionary=FIRST), l0=32.0, fvu=0.2, dense_cutoff=0.1),
        "second": replace(random_metrics(2, dictionary=SECOND), l0=16.25, fvu=0.125),
    }
    with ScratchpadWriter(logdir / "wide") as writer:
        for step, one in first.items():
            writer.add_sae_metrics(metrics["first"], step)
            writer.add_latent_statistics(one, step)
        writer.add_references(random_references(1, dictionary=FIRST, n_latents=96), 380)
    with ScratchpadWriter(logdir / "narrow") as writer:
        for step, one in second.items():
            writer.add_sae_metrics(metrics["second"], step)
            writer.add_latent_statistics(one, step)
    with ScratchpadWriter(logdir / "dying") as writer:
        for step, share in ((0, 0.2), (50, 1.0)):
            writer.add_latent_statistics(random_statistics(step, dictionary=DEAD, n_latents=48, dead_share=share), step)
    with ScratchpadWriter(logdir / "swept") as writer:
        writer.add_latent_statistics(random_statistics(4, dictionary=SWEPT))
    with tensorboard(logdir) as address:
        yield Trainings(first, second, metrics, address)


def _open(page: Page, trainings: Trainings, *parameters: str, of: str = FIRST.dictionary_id) -> Page:
    return open_alone(page, trainings.address, "".join(f"{P}{one}" for one in ("workspace=dictionary", f"dictionary={of}", *parameters)))


def _steps(page: Page, block: str = "own") -> list[int]:
    page.wait_for_selector(f"vs-growth .card[aria-busy=false] [data-block={block}] .multiple")
    return page.evaluate("(block) => [...document.querySelectorAll(`[data-block=${block}] .multiple`)].map((one) => Number(one.dataset.step))", block)


def _share(x: float) -> str:
    return f"{int(100 * x + 0.5)} %" if x >= 0.0995 else f"{100 * x:.1f} %"


def test_steps_are_chosen_evenly_and_each_tells_its_figures(browser: Browser, trainings: Trainings) -> None:
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = _open(page, trainings)
        frame.get_by_role("button", name="Over training").click()
        shown = _steps(frame)
        assert shown == [STEPS[round(i * (len(STEPS) - 1) / (len(shown) - 1))] for i in range(len(shown))]
        assert 6 <= len(shown) <= 12 and shown[0] == 0 and shown[-1] == 380
        assert parameter(page, "over") == "training"
        for multiple in frame.locator(".multiple").all():
            one = trainings.first[int(multiple.get_attribute("data-step"))]
            alive = one.n_patches_firing_K > 0
            dense = alive & (one.n_images_firing_K / one.n_images > 0.1)
            assert multiple.locator("[data-value=living]").inner_text() == _share(alive.mean())
            assert multiple.locator("[data-value=dense]").inner_text() == _share(dense.mean())
            expect(multiple).to_have_accessible_name(re.compile(rf"^step \d+.* living · .* dense · {96 - alive.sum()} dead$"))
        frame.get_by_role("button", name="Patches").click()
        one = trainings.first[0]
        dense = one.n_patches_firing_K / one.n_patches > 0.2
        expect(frame.locator(".multiple").first.locator("[data-value=dense]")).to_have_text(_share(dense.mean()))
        frame.get_by_role("button", name="This step").click()
        frame.wait_for_selector("vs-scatter canvas", state="attached")
        assert parameter(page, "over") is None


DRAWN = """(block) => [...document.querySelectorAll(`[data-block=${block}] .multiple`)].map((one) =>
    [Number(one.dataset.step), [...one.querySelector('vs-small-scatter').plot.data.latent]])"""


@pytest.mark.parametrize("beside", [False, True])
def test_dense_latents_of_the_shown_step_are_hidden_at_every_step(browser: Browser, trainings: Trainings, beside: bool) -> None:
    """The same latents as in every list and plot; the sentences still count all."""

    def alive(one: LatentStatistics) -> np.ndarray:
        return one.n_patches_firing_K > 0

    def dense(one: LatentStatistics) -> set[int]:
        return set(np.flatnonzero(alive(one) & (one.n_images_firing_K / one.n_images > 0.1)).tolist())

    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = _open(page, trainings, "over=training", *([f"beside={SECOND.dictionary_id}"] if beside else []))
        blocks = {"own": trainings.first, **({"other": trainings.second} if beside else {})}
        for block, steps in blocks.items():
            _steps(frame, block)
            for step, drawn in frame.evaluate(DRAWN, block):
                assert drawn == np.flatnonzero(alive(steps[step])).tolist()
        told = frame.locator(".multiple [data-value=dense]").all_inner_texts()

        page.keyboard.press("d")
        hidden = {block: dense(steps[max(steps)]) for block, steps in blocks.items()}
        assert all(hidden.values())
        expect(frame.locator("[data-value=hidden-dense]")).to_have_text(f"hidden: {' and '.join(str(len(one)) for one in hidden.values())}, dense at the shown step")
        for block, steps in blocks.items():
            for step, drawn in frame.evaluate(DRAWN, block):
                assert drawn == [latent for latent in np.flatnonzero(alive(steps[step])).tolist() if latent not in hidden[block]]
        assert frame.locator(".multiple [data-value=dense]").all_inner_texts() == told
        page.keyboard.press("d")
        expect(frame.locator("[data-value=hidden-dense]")).to_have_count(0)


OVERLAPPING = """() => { const boxes = [...document.querySelectorAll('.top-bar .brand, .top-bar .workspaces, .top-bar .selectors > :not(.tools), .top-bar .tools button')]
    .map((one) => ({ name: one.getAttribute('aria-label') ?? one.textContent.trim().slice(0, 30), box: one.getBoundingClientRect() })).filter(({ box }) => box.width);
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => a.box.left < b.box.right - .5 && b.box.left < a.box.right - .5 && a.box.top < b.box.bottom && b.box.top < a.box.bottom)
        .map((b) => `${a.name} and ${b.name}`)); }"""


@pytest.mark.parametrize("width", [870, 1000, 1100, 1280, 1440, 1920])
def test_nothing_in_the_bar_lies_over_another(browser: Browser, trainings: Trainings, width: int) -> None:
    """With all that it can hold: a step to choose, dense latents hidden, long names."""
    with watched_page(browser, expected=("favicon",), viewport={"width": width, "height": 800}) as page:
        frame = _open(page, trainings, "hideDense=1")
        expect(frame.locator(".stepper.several")).to_be_visible()
        expect(frame.locator(".dense-chip")).to_be_visible()
        assert frame.evaluate(OVERLAPPING) == []
        assert all(one["width"] >= 25 for one in (name.bounding_box() for name in frame.locator(".top-bar .pick .v").all()))


def test_mouse_and_keyboard_set_the_step_and_the_address_restores_it(browser: Browser, trainings: Trainings) -> None:
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = _open(page, trainings, "over=training")
        shown = _steps(frame)
        on = frame.locator(".multiple[aria-current=step]")
        expect(on).to_have_attribute("data-step", "380")
        frame.locator(".multiple").nth(2).click()
        expect(on).to_have_attribute("data-step", str(shown[2]))
        expect(frame.locator("[data-value=step]")).to_have_text(str(shown[2]))
        assert parameter(page, "step") == str(shown[2])
        expect(frame.get_by_role("status").filter(has_text=f"Step {shown[2]} is shown.")).to_have_count(1)

        # one stop of the Tab key; arrows move, Enter chooses
        assert frame.locator(".multiple[tabindex='0']").count() == 1
        columns = frame.evaluate("getComputedStyle(document.querySelector('.multiples')).gridTemplateColumns.split(' ').length - 1")
        for key, at in (("ArrowRight", 3), ("ArrowDown", 3 + columns), ("ArrowLeft", 2 + columns), ("ArrowUp", 2), ("Home", 0), ("ArrowLeft", 0), ("End", len(shown) - 1)):
            page.keyboard.press(key)
            expect(frame.locator(".multiple").nth(at)).to_be_focused()
        expect(on).to_have_attribute("data-step", str(shown[2]))
        page.keyboard.press("Enter")
        expect(on).to_have_attribute("data-step", "380")
        assert parameter(page, "step") is None, "the newest, whichever that is"
        page.go_back()
        expect(on).to_have_attribute("data-step", str(shown[2]))
        link = page.url
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        page.goto(link)
        expect(page.locator(".multiple[aria-current=step]")).to_have_attribute("data-step", str(shown[2]))
        # a step between two of those that are drawn: the one before stands for it, and says so
        between = next(step for step in STEPS if step not in shown)
        frame = _open(page, trainings, "over=training", f"step={between}")
        close = frame.locator(".multiple.close")
        expect(close).to_have_attribute("data-step", str(max(step for step in shown if step < between)))
        expect(close).to_contain_text(f"before the shown {between}")
        assert frame.locator(".multiple[aria-current=step]").count() == 0


def test_a_latent_is_named_picked_and_followed_exactly(browser: Browser, trainings: Trainings) -> None:
    places = """(column) => { const view = document.querySelectorAll('.multiple vs-small-scatter')[column]; const { marks } = view;
        const at = (place) => place && [10 ** place.x, 10 ** place.y]; const box = view.getBoundingClientRect(); const { data, plot } = view;
        return { selected: at(marks.selected), chosen: marks.chosen.map(at), moves: marks.moves.length, left: box.left, top: box.top,
          dots: Array.from(data.latent, (latent, i) => [latent, ...plot.cloud.toPixels(data.x[i], data.y[i])]) }; }"""
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = _open(page, trainings, "over=training", "latents=3.7.11", "latent=7")
        shown = _steps(frame)
        frame.wait_for_function("document.querySelector('.multiple vs-small-scatter').marks.chosen.length > 0 || document.querySelector('.dead-strip b')")
        for column, step in enumerate(shown):
            one, seen = trainings.first[step], frame.evaluate(places, column)
            alive = {k: (one.n_images_firing_K[k] / one.n_images, one.activation_sum_K[k] / one.n_patches_firing_K[k]) for k in (3, 7, 11) if one.n_patches_firing_K[k]}
            assert (seen["selected"] is None) == (7 not in alive)
            if 7 in alive:
                assert seen["selected"] == pytest.approx(alive[7], rel=1e-5)
            assert seen["chosen"] == [pytest.approx(alive[k], rel=1e-5) for k in (3, 11) if k in alive]
            dead = frame.locator(".multiple").nth(column).locator(".dead-strip b")
            expect(dead).to_have_count(int(len(alive) < 3))

        # a dot with no other near it: named under the pointer, marked in every step where it lives, picked with Shift
        seen = frame.evaluate(places, 1)
        dots = np.array([dot[1:] for dot in seen["dots"]])
        apart = np.hypot(*(dots[:, None] - dots[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(dots))
        lone = int(apart.min(axis=1).argmax())
        latent = int(seen["dots"][lone][0])
        page.mouse.move(seen["left"] + dots[lone][0], seen["top"] + dots[lone][1])
        expect(frame.locator(".tip")).to_contain_text(f"latent {latent}")
        expect(frame.locator(".tip")).to_contain_text(str(shown[1]))
        alive = [trainings.first[step].n_patches_firing_K[latent] > 0 for step in shown]
        marked = "[...document.querySelectorAll('.multiple vs-small-scatter')].map(({ marks }) => marks.hovered !== null)"
        frame.wait_for_function(f"(wanted) => JSON.stringify({marked}) === JSON.stringify(wanted)", arg=[bool(one) for one in alive])
        page.keyboard.down("Shift")
        page.mouse.click(seen["left"] + dots[lone][0], seen["top"] + dots[lone][1])
        page.keyboard.up("Shift")
        assert parameter(page, "latent") == str(latent) and parameter(page, "step") is None and parameter(page, "latents") is None
        expect(frame.locator(".gallery-row")).to_have_count(1)
        expect(frame.locator(".gallery-row")).to_have_attribute("data-latent", str(latent))
        page.mouse.move(5, 5)
        expect(frame.locator(".tip")).to_have_count(0)


def test_a_second_dictionary_stands_beside_on_the_same_axes(browser: Browser, trainings: Trainings) -> None:
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = _open(page, trainings, "over=training")
        frame.locator(".beside .pick").press("Enter")
        expect(frame.get_by_label("Search dictionaries to set beside")).to_be_focused()
        page.keyboard.type("narrow")
        expect(frame.locator("[role=option]")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(frame.locator(".multiples-block")).to_have_count(2)
        own, other = _steps(frame), _steps(frame, "other")
        assert parameter(page, "beside") == SECOND.dictionary_id
        near = [min(FEW, key=lambda step: (abs(step - wanted), step)) for wanted in own]
        drawn = [step for i, step in enumerate(near) if i == 0 or step != near[i - 1]]
        assert other == drawn and own[-1] == 380 and other[-1] == 170 and len(drawn) < len(near)
        expect(frame.locator(".multiple-gap")).to_have_count(len(near) - len(drawn))
        assert [one.inner_text() for one in frame.locator(".multiples-block h3 b").all()] == ["wide", "narrow"], "both are called the same"
        views = frame.evaluate("[...document.querySelectorAll('vs-small-scatter')].map(({ view }) => JSON.stringify(view))")
        assert len(views) == len(own) + len(other) and len(set(views)) == 1

        first, second = trainings.first[380], trainings.second[170]
        living = [float((one.n_patches_firing_K > 0).mean()) for one in (first, second)]
        dense = [float(((one.n_images_firing_K / one.n_images) > 0.1).mean()) for one in (first, second)]
        rows = {row: [cell.inner_text() for cell in frame.locator(f"[data-row={row}] td").all()] for row in ("own", "other", "difference")}
        assert rows["own"] == ["380", "80.0 %", _share(living[0]), _share(dense[0]), "32", "120"]
        assert rows["other"] == ["170", "87.5 %", _share(living[1]), _share(dense[1]), "16.3", "90"]

        def points(a: float, b: float) -> str:
            return f"{'+' if b > a else '−'}{abs(100 * (b - a)):.1f} points"

        assert rows["difference"] == ["−210", "+7.5 points", points(*living), points(*dense), "−15.75", "−30"]
        frame.locator("[data-block=other] .multiple").nth(0).click()
        assert parameter(page, "step") == "0", "a column is a step of both"
        expect(frame.locator("[data-row=other] [data-value=step]")).to_have_text("0")
        assert violations(frame) == []
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        frame.wait_for_function("document.querySelector('vs-small-scatter').theme === 'dark'")
        assert violations(frame) == []

        # arrows pass over what is not drawn
        frame.locator("[data-block=other] .multiple").last.focus()
        page.keyboard.press("ArrowLeft")
        expect(frame.locator("[data-block=other] .multiple").nth(-2)).to_be_focused()

        # chosen from the bar above, the other one takes the place of the first
        frame.locator(".selectors .pick").nth(1).press("Enter")
        page.keyboard.type("narrow")
        page.keyboard.press("Enter")
        expect(frame.locator(".multiples-block h3 b")).to_have_text(["narrow", "wide"])
        frame.get_by_role("button", name="Set none beside").click()
        expect(frame.locator(".multiples-block")).to_have_count(1)
        assert _steps(frame) == list(FEW) and parameter(page, "beside") is None


def test_where_there_is_one_step_or_no_life_it_is_told(browser: Browser, trainings: Trainings) -> None:
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        notices = page.locator(".notices li")
        frame = _open(page, trainings, "over=training", "beside=0123456789abcdef", of=SWEPT.dictionary_id)
        frame.wait_for_selector("vs-scatter canvas", state="attached")
        frame.get_by_role("button", name="1 more").click()
        expect(notices.filter(has_text="its statistics were logged at one step, 0. One step is shown instead")).to_have_count(1)
        expect(notices.filter(has_text="dictionary 0123456789ab… beside “sae of the tower”, which is not in this log")).to_have_count(1)
        assert frame.get_by_role("button", name="Over training").count() == 0

        frame = _open(page, trainings, "over=training", of=DEAD.dictionary_id)
        assert _steps(frame) == [0, 50]
        expect(frame.locator(".multiple").nth(1)).to_contain_text("0 % living · 0 % dense")
        expect(frame.locator(".multiple").nth(1)).to_have_accessible_name(re.compile("^step 50.* · 48 dead$"))
        expect(notices).to_have_count(0)
        expect(frame.get_by_role("alert")).to_have_count(0)
        frame = _open(page, trainings, "over=training", f"beside={SWEPT.dictionary_id}")
        expect(frame.locator(".multiples-block")).to_have_count(2)
        assert _steps(frame, "other") == [0], "once, in the last column"


def test_it_stacks_where_the_page_is_narrow(browser: Browser, trainings: Trainings) -> None:
    with watched_page(browser, expected=("favicon",), viewport={"width": 1000, "height": 800}) as page:
        frame = _open(page, trainings, "over=training", "latent=7", f"beside={SECOND.dictionary_id}")
        _steps(frame)
        boxes = [frame.locator(f"{one} > .card").bounding_box() for one in ("vs-growth", "vs-gallery")]
        assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"] and boxes[0]["width"] > 900
        assert frame.evaluate("document.scrollingElement.scrollWidth") <= 1000
