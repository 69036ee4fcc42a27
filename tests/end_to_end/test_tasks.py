"""What a person comes for, done on the demo's log within a dozen clicks, and again by the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Frame, expect

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.demo.write import write_demo
from tests.data_providers import reading
from tests.end_to_end.hands import Keyboard, Mouse, Person, a_person
from tests.end_to_end.served_log import parameter, tensorboard
from tests.end_to_end.worker_process import Worker

pytestmark = pytest.mark.full

MOST_CLICKS = 12
RESULT_MS = 180_000
WRONG = "waiting"


@dataclass(frozen=True)
class Demo:
    address: str
    logdir: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo's log as its command writes it, TensorBoard over it, and a worker; with a runtime directory of their own."""
    folder = tmp_path_factory.mktemp("tasks")
    logdir, runtime = folder / "logs", folder / "runtime"
    runtime.mkdir(mode=0o700)
    write_demo(logdir)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        worker = Worker(logdir)
        try:
            worker.start()
            with tensorboard(logdir) as address:
                yield Demo(address, logdir)
        finally:
            worker.stop()


def option(frame: Frame, text: str):
    return frame.locator(".menu [role=option]", has_text=text).first


def chip(frame: Frame, text: str):
    return frame.locator(".chip.output").get_by_text(text, exact=True).first


def words_of(frame: Frame, row: str) -> list[str]:
    """The words of a row of the raster that its answer has."""
    return frame.evaluate(
        """(row) => [...document.querySelectorAll(`tr[data-row="${row}"] td`)].filter((cell) => !cell.querySelector('del') && cell.childNodes.length)
        .map((cell) => (cell.querySelector('ins') ?? cell.firstElementChild?.previousSibling ?? cell).textContent.trim()).filter(Boolean)""",
        row,
    )


def it_is_told_what_is_wrong(frame: Frame) -> None:
    """The dictionary is said to have trained badly, from what, and which of its latents show it."""
    sheet = frame.locator("dialog[open]")
    wrong = sheet.locator(".diagnosis.wrong")
    expect(wrong).not_to_have_count(0)
    checks = {row.get_attribute("data-check"): row.inner_text() for row in wrong.all()}
    assert {"dead", "rebuilding"} <= set(checks), checks
    assert "71 %" in checks["dead"] and "45 %" in checks["rebuilding"], checks
    assert "learning rate" in checks["dead"] + checks["rebuilding"], checks


def test_what_is_wrong_with_a_bad_sae_is_found(browser: Browser, demo: Demo) -> None:
    with a_person(Mouse, browser, demo.address) as person:
        frame = person.frame
        person.click(frame.get_by_role("button", name="Dictionary", exact=True))
        person.click(frame.locator(".pick").nth(1))
        person.click(option(frame, "badly trained"))
        expect(frame.locator("[data-value=diagnosis]")).to_contain_text("did not train well")
        person.click(frame.get_by_role("button", name="All checks of the training"))
        it_is_told_what_is_wrong(frame)
        person.click(frame.locator("[data-check=dead] .button"))
        expect(frame.locator("vs-gallery")).to_contain_text(re.compile(r"7\d\d latents"))
        assert person.n_presses <= MOST_CLICKS
        print(f"{person.n_presses} clicks")


def test_what_is_wrong_with_a_bad_sae_is_found_by_keys(browser: Browser, demo: Demo) -> None:
    with a_person(Keyboard, browser, demo.address) as person:
        frame = person.frame
        person.use(frame.locator(".pick").nth(1))
        person.type("badly trained")
        person.press("Enter", "1")
        expect(frame.locator("[data-value=diagnosis]")).to_contain_text("did not train well")
        person.use(frame.get_by_role("button", name="All checks of the training"))
        it_is_told_what_is_wrong(frame)


def pictures_in_the_log(demo: Demo, latents: list[int]) -> set[int]:
    """The images that are a reference of one of them, read from the log itself."""
    with reading("python", demo.logdir) as reader:
        store = EventStore(reader.context)
        entry = next(one for one in store.listing("").dictionaries if one.has_references and "badly" not in one.info.name)
        references = store.references("", entry.info.dictionary_id)
    return {int(image) for image in references.image_KR[latents].ravel() if image >= 0}


def all_pictures_are_shown(person: Person, demo: Demo, latents: list[int]) -> None:
    frame = person.frame
    expected = pictures_in_the_log(demo, latents)
    shown = {int(one.get_attribute("data-image")) for one in frame.locator(".found[data-image]").all()}
    assert shown == expected
    assert frame.locator("[data-value=known-pictures]").inner_text().startswith(f"{len(expected)} of ")


def chosen_latents(person: Person) -> list[int]:
    person.page.wait_for_function("decodeURIComponent(location.hash).includes('latents=')")
    written = parameter(person.page, "latents")
    return [int(one) for one in person.frame.evaluate("async (text) => (await import('./static/latent_list.js')).parseLatents(text)", written)]


def test_all_pictures_of_a_cluster_are_found(browser: Browser, demo: Demo) -> None:
    with a_person(Mouse, browser, demo.address) as person:
        frame = person.frame
        person.click(chip(frame, "cat"))
        person.click(frame.locator(".rank-row").first)
        person.click(frame.get_by_role("button", name="Pictures of the cluster"))
        latents = chosen_latents(person)
        more = frame.locator("section[aria-label='Pictures of the image set'] .more")
        while more.count():
            person.click(more)
        all_pictures_are_shown(person, demo, latents)
        expect(frame.locator(".found-run")).not_to_have_count(0)
        assert person.n_presses <= MOST_CLICKS
        print(f"{person.n_presses} clicks")


def test_all_pictures_of_a_cluster_are_found_by_keys(browser: Browser, demo: Demo) -> None:
    with a_person(Keyboard, browser, demo.address) as person:
        frame = person.frame
        person.reach(frame.locator(".pick").first)
        person.press("1")
        person.use(frame.locator("vs-map").get_by_role("button", name="List"))
        person.reach(frame.locator(".cluster-row").first)
        person.press("ArrowDown", "Enter")
        latents = chosen_latents(person)
        more = frame.locator("section[aria-label='Pictures of the image set'] .more")
        while more.count():
            person.use(more)
        all_pictures_are_shown(person, demo, latents)


def b_misses_it(person: Person, latent: int) -> None:
    """The latent is first by C, and not among the first ten by B."""
    frame = person.frame
    assert frame.locator("[data-value=weighted-rank]").inner_text() == "#1"
    assert int(frame.locator("[data-value=plain-rank]").inner_text().removeprefix("#")) > 10
    first_ten = [int(row.get_attribute("data-latent")) for row in frame.locator(".rank-row").all()[:10]]
    assert latent not in first_ten


def first_by_c(frame: Frame) -> int:
    expect(frame.locator(".rank-row.on")).to_have_count(1)
    return int(frame.locator(".rank-row").first.get_attribute("data-latent"))


def test_a_word_is_found_whose_latents_b_misses_and_c_shows(browser: Browser, demo: Demo) -> None:
    with a_person(Mouse, browser, demo.address) as person:
        person.click(person.frame.locator("[data-most-missed]"))
        latent = first_by_c(person.frame)
        person.click(person.frame.get_by_role("button", name="Plain mean"))
        b_misses_it(person, latent)
        assert person.n_presses <= MOST_CLICKS
        print(f"{person.n_presses} clicks")


def test_a_word_is_found_whose_latents_b_misses_and_c_shows_by_keys(browser: Browser, demo: Demo) -> None:
    with a_person(Keyboard, browser, demo.address) as person:
        person.use(person.frame.locator("[data-most-missed]"))
        latent = first_by_c(person.frame)
        person.press("w")
        b_misses_it(person, latent)


def shown(frame: Frame) -> dict[str, object]:
    """What a view is: its workspace, run, word, latent, thresholds, basket, and the figures of the inspector."""
    return {
        "workspace": frame.locator("nav [aria-current=page]").inner_text(),
        "picks": frame.locator(".pick").all_inner_texts(),
        "word": frame.locator(".chip.on").get_attribute("data-token"),
        "latent": frame.locator(".rank-row.on").get_attribute("data-latent"),
        "order": frame.locator("vs-ranking [aria-pressed=true], vs-ranking input:checked").first.inner_text(),
        "basket": [item.get_attribute("data-latents") for item in frame.locator(".basket-item").all()],
        "figures": frame.locator(".inspector-body .ranks").all_inner_texts(),
    }


def the_link_restores(browser: Browser, person: Person) -> None:
    """What was copied, opened in a browser that has never been here, shows the same."""
    link = person.page.evaluate("navigator.clipboard.readText()")
    expected = shown(person.frame)
    with a_person(Person, browser, link.split("#")[0], "&" + link.split("#visualscratchpad&")[1]) as other:
        other.frame.locator(".rank-row.on").wait_for()
        assert shown(other.frame) == expected


def test_a_link_restores_the_view_in_a_fresh_browser(browser: Browser, demo: Demo) -> None:
    with a_person(Mouse, browser, demo.address) as person:
        frame = person.frame
        person.click(chip(frame, "turtle"))
        person.click(frame.locator(".rank-row").nth(2))
        person.click(frame.get_by_role("button", name="Plain mean"))
        person.click(frame.get_by_role("button", name=re.compile(r"^\+ cluster")))
        person.click(frame.locator(".top-bar .share"))
        person.click(frame.get_by_role("button", name="Copy link"))
        assert person.n_presses <= MOST_CLICKS
        print(f"{person.n_presses} clicks")
        the_link_restores(browser, person)


def test_a_link_restores_the_view_in_a_fresh_browser_by_keys(browser: Browser, demo: Demo) -> None:
    with a_person(Keyboard, browser, demo.address) as person:
        frame = person.frame
        person.reach(frame.locator(".pick").first)
        person.press("ArrowRight", "j", "j", "w", "b")
        person.use(frame.locator(".top-bar .share"))
        person.use(frame.get_by_role("button", name="Copy link"))
        the_link_restores(browser, person)


def to_the_first_latent(person: Keyboard) -> None:
    """Up the ranking to the latent that served the word most."""
    for _ in range(30):
        if "on" in person.frame.locator(".rank-row").first.get_attribute("class").split():
            return
        person.press("k")
    raise AssertionError("k did not come to the first row")


def the_word_is_gone(person: Person) -> None:
    """The answer was asked again without the latents behind the wrong word, and says what is true."""
    person.frame.locator("[data-value=verdict]").wait_for(timeout=RESULT_MS)
    person.frame.locator(".raster").first.wait_for()
    steered = words_of(person.frame, "Steered")
    assert WRONG not in steered and "swimming" in steered, steered
    assert WRONG in words_of(person.frame, "Reconstruction")
    told = person.frame.locator("[data-value=verdict]").inner_text()
    assert f"the word {WRONG} falls" in told and "leaves the answer" in told, told


def test_the_latents_behind_a_wrong_word_are_found_and_taken_away(browser: Browser, demo: Demo) -> None:
    with a_person(Mouse, browser, demo.address) as person:
        frame = person.frame
        expect(frame.locator("[data-value=worker]")).to_have_text("worker ready", timeout=30_000)
        person.click(frame.locator(".pick").first)
        person.click(option(frame, f"is {WRONG} (wrong)"))
        person.click(chip(frame, WRONG))
        person.click(frame.locator(".rank-row").first)
        person.click(frame.get_by_role("button", name=re.compile(r"^\+ cluster")))
        person.click(frame.get_by_role("button", name="Run steered answer"))
        the_word_is_gone(person)
        assert person.n_presses <= MOST_CLICKS
        print(f"{person.n_presses} clicks")


def test_the_latents_behind_a_wrong_word_are_found_and_taken_away_by_keys(browser: Browser, demo: Demo) -> None:
    with a_person(Keyboard, browser, demo.address) as person:
        frame = person.frame
        expect(frame.locator("[data-value=worker]")).to_have_text("worker ready", timeout=30_000)
        person.use(frame.locator(".pick").first)
        person.type(f"is {WRONG} (wrong)")
        person.press("Enter")
        expect(frame.locator(".pick").first).to_contain_text(WRONG)
        for _ in range(20):
            if frame.locator(".chip.on").inner_text().strip().startswith(WRONG):
                break
            person.press("ArrowRight")
        expect(frame.locator(".chip.on")).to_contain_text(WRONG)
        to_the_first_latent(person)
        person.press("Shift+B")
        expect(frame.locator(".basket-item")).to_have_count(1)
        person.use(frame.get_by_role("button", name="Run steered answer"), backwards=True)
        the_word_is_gone(person)
