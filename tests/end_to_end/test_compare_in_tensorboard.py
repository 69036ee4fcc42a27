"""Compare over a log of random outcomes and no worker: its figures are the evidence's, its controls work by mouse and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import compute_latent_order
from tb_visualscratchpad.views.comparison import compare_answers
from tb_visualscratchpad.views.output_diff import Change
from tb_visualscratchpad.views.sweep_table import sweep_table
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.steering_evidence import (
    ClusterSweep,
    Condition,
    DoseResponse,
    SteeringResult,
    WordContributions,
)
from tests.end_to_end.served_log import N_LATENTS, open_alone, output_tokens, parameter, tensorboard
from tests.end_to_end.test_accessibility import AXE, RUN_AXE
from tests.random_evidence import random_dictionary, random_vlm_run
from tests.random_steering_evidence import (
    random_cluster_sweep,
    random_dose_response,
    random_steering_result,
    random_word_contributions,
)
from tests.watched_browser import AT_REST, watched_page

SIZE = {"width": 1440, "height": 900}
N_WORDS = 12
WORD = 4


@dataclass(frozen=True)
class ComparedLog:
    logdir: Path
    run: VlmRun
    bare: VlmRun
    result: SteeringResult
    older: SteeringResult
    erased: SteeringResult
    sweep: ClusterSweep
    dose: DoseResponse
    contributions: WordContributions

    def parameters(self, **more: str) -> str:
        """Compare of the run, as the address has it."""
        known = {"workspace": "compare", "run": "answers", "id": self.run.run_id, **more}
        return "".join(f"&p.visualscratchpad.{key}={value}" for key, value in known.items())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> ComparedLog:
    logdir = tmp_path_factory.mktemp("compared")
    dictionary = random_dictionary(4, n_latents=N_LATENTS)
    run, bare = (random_vlm_run(seed, dictionary=dictionary, n_output=N_WORDS, n_firing=8, created=1_700_000_000.0 + seed) for seed in (1, 2))
    about = {"dictionary": dictionary, "n_latents": N_LATENTS, "n_original": N_WORDS, "original_run_id": run.run_id}
    log = ComparedLog(
        logdir, run, bare,
        result=random_steering_result(7, n_steered=10, created=1_700_000_900.0, differs_from_logged="The answer is another one than was logged.", **about),
        older=random_steering_result(8, **about),
        erased=random_steering_result(9, erased=True, **about),
        sweep=random_cluster_sweep(3, n_clusters=7, **about),
        dose=random_dose_response(3, **about),
        contributions=random_word_contributions(3, word=WORD, **about),
    )
    with ScratchpadWriter(logdir / "answers") as writer:
        for one in (run, bare):
            writer.add_vlm_run(VlmRun(**{**vars(one), "order": compute_latent_order(one)}))
    with ScratchpadWriter(logdir / "worker") as writer:
        for result in (log.older, log.erased, log.result):
            writer.add_steering_result(result)
        writer.add_cluster_sweep(log.sweep)
        writer.add_dose_response(log.dose)
        writer.add_word_contributions(log.contributions)
    return log


@pytest.fixture(scope="module")
def address(log: ComparedLog) -> Iterator[str]:
    with tensorboard(log.logdir, "--load_fast", "false") as address:
        yield address


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _signed(change: float) -> str:
    text = f"{change:.2f}"
    text = "0.00" if float(text) == 0 else text
    return ("+" if change > 0.005 else "") + _minus(text)


def _open(page: Page, address: str, log: ComparedLog, **more: str) -> Page:
    tab = open_alone(page, address, log.parameters(**more))
    tab.locator(".raster").first.wait_for()
    return tab


def test_the_newest_result_is_told_with_its_own_figures(browser: Browser, address: str, log: ComparedLog) -> None:
    compared = compare_answers(log.result)
    fall = compared.falls[0]
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, log)
        assert tab.locator("[data-value=change]").inner_text() == _signed(fall.change)
        assert tab.locator("[data-value=control-change]").inner_text() == _signed(fall.control_mean)
        assert tab.locator("[data-value=reconstruction-change]").inner_text() == _signed(fall.reconstruction)
        told = tab.locator("vs-verdict .told").inner_text()
        assert log.result.differs_from_logged in told
        assert f"{len(compared.falls) - 1} more word" in told
        assert f"word {compared.parting.number + 1}:" in tab.locator("[data-value=parting]").inner_text()
        last = compared.answers[-1]
        first = compared.answers[0]
        assert tab.locator("[data-value=original_logprob]").inner_text() == _minus(f"{first.original_logprob:.2f} → {last.original_logprob:.2f}")
        assert tab.locator("[data-value=steered_logprob]").inner_text() == _minus(f"{first.steered_logprob:.2f} → {last.steered_logprob:.2f}")


def test_the_raster_holds_every_word_of_every_answer(browser: Browser, address: str, log: ComparedLog) -> None:
    compared = compare_answers(log.result)
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, log)
        original = tab.locator("tr.original td.same")
        expect(original).to_have_count(N_WORDS)
        for name, answer in (("Steered", compared.answers[-1]), ("Reconstruction", compared.answers[1])):
            row = tab.locator(f"tr[data-row={name}]")
            changes = [step.change for step in answer.diff.steps]
            expect(row.locator("del")).to_have_count(changes.count(Change.LEFT_OUT))
            expect(row.locator("ins")).to_have_count(changes.count(Change.NEW) + changes.count(Change.REPLACED))
            titles = [cell.get_attribute("title") for cell in row.locator("td[title]:not([title=new])").all()]
            shown = [float(re.search(r": (\S+) nat", title)[1].replace("−", "-")) for title in titles]
            np.testing.assert_allclose(shown, np.round(answer.change_O, 2), atol=0.0051)
        random = tab.locator("tr[data-row=Random]")
        n_lines = tab.locator("table.raster").count()
        expect(random).to_have_count(n_lines)
        tab.get_by_label("Controls").select_option("each")
        n_controls = sum(one.answer.condition is Condition.CONTROL for one in compared.answers)
        expect(random).to_have_count(n_lines * n_controls)
        tab.get_by_label("Controls").select_option("worst")
        expect(random).to_have_count(n_lines)
        shown = [float(re.search(r": (\S+) nat", cell.get_attribute("title"))[1].replace("−", "-")) for cell in random.locator("td[title]").all()]
        np.testing.assert_allclose(shown, np.round(compared.control_worst_O, 2), atol=0.0051)


def test_results_are_chosen_by_menu_and_kept_in_the_address(browser: Browser, address: str, log: ComparedLog) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, log)
        assert tab.locator("vs-verdict .pick .v").inner_text() == log.result.name
        tab.locator("vs-verdict .pick").click()
        titles = tab.locator("vs-verdict [role=option] b").all_inner_texts()
        assert titles[0] == log.result.name and set(titles) == {log.result.name, log.older.name, log.erased.name}
        page.keyboard.type(log.older.name[-1])
        page.keyboard.press("Enter")
        expect(tab.locator("vs-verdict .pick .v")).to_have_text(log.older.name)
        expected = _signed(compare_answers(log.older).falls[0].change)
        expect(tab.locator("[data-value=change]")).to_have_text(expected)
        page.wait_for_function("location.hash.includes('visualscratchpad.result=')")
        restoring = page.url.split("#")[1]
        page.go_back()
        expect(tab.locator("vs-verdict .pick .v")).to_have_text(log.result.name)
        tab = open_alone(page, address, restoring)
        expect(tab.locator("[data-value=change]")).to_have_text(expected)


def test_an_erasure_shows_its_box_and_other_boxes(browser: Browser, address: str, log: ComparedLog) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, log, result=f"worker%2F{log.erased.result_id}")
        box = log.erased.erasure.box
        told = tab.locator("[data-value=verdict]").inner_text()
        assert told.startswith(f"With the box of {round(box[2]) - round(box[0])} × {round(box[3]) - round(box[1])} pixels blurred")
        tab.locator("vs-answers .box-mark").wait_for()
        assert tab.locator("tr[data-row='Other boxes']").count() and not tab.locator("tr[data-row=Reconstruction]").count()
        assert not tab.get_by_role("button", name="Its spec").count()


def test_clusters_are_sorted_chosen_and_put_into_the_basket(browser: Browser, address: str, log: ComparedLog) -> None:
    table = sweep_table(log.sweep)
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, log)
        rows = tab.locator(".sweep-table tbody tr")
        names = lambda: [row.get_attribute("data-cluster") for row in rows.all()]  # noqa: E731
        depth = {row.cluster.name: -row.hardest[1] if row.hardest else 0.0 for row in table.rows}
        assert [depth[name] for name in names()] == sorted(depth.values(), reverse=True)
        size = tab.get_by_role("button", name="latents", exact=True)
        size.press("Enter")
        sizes = [row.cluster.latents.size for row in sorted(table.rows, key=lambda row: -row.cluster.latents.size)]
        expect(tab.locator("th[aria-sort=descending]")).to_have_text(re.compile("latents"))
        assert [int(row.locator("td").first.inner_text()) for row in rows.all()] == sizes
        size.press("Enter")
        expect(tab.locator("th[aria-sort=ascending]")).to_have_text(re.compile("latents"))
        chosen = table.rows[2].cluster
        rows.filter(has_text=chosen.name).get_by_role("button", name=chosen.name).press("Enter")
        tab.get_by_role("button", name="Steer this").press("Enter")
        item = tab.locator(".basket-item")
        expect(item).to_have_attribute("data-latents", ".".join(map(str, chosen.latents)))
        assert item.locator("input[type=number]").input_value() == "0"


def test_the_dose_plot_reads_out_its_evidence_by_keyboard(browser: Browser, address: str, log: ComparedLog) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, log)
        fallen = log.dose.logprob_DV.min(axis=0) - [log.dose.original_tokens[word].logprob for word in log.dose.word_V]
        chosen = int(np.argmin(fallen))
        plot = tab.locator("vs-dose-plot .plot")
        plot.focus()
        said = tab.locator("vs-dose-plot .spoken")
        for dose in range(3):
            page.keyboard.press("ArrowRight")
            expect(said).to_contain_text(f"log-probability {_minus(f'{log.dose.logprob_DV[dose, chosen]:.2f}')}")
        page.keyboard.press("ArrowDown")
        other = (chosen + 1) % log.dose.word_V.size
        expect(said).to_contain_text(f"log-probability {_minus(f'{log.dose.logprob_DV[2, other]:.2f}')}")
        page.keyboard.press("Enter")
        word = log.dose.original_tokens[log.dose.word_V[other]].text.strip()
        expect(tab.locator("[data-value=halves] b")).to_have_text(word)
        page.keyboard.press("Escape")
        expect(said).to_have_text("")


def test_latents_of_a_word_show_estimate_and_what_was_really_lost(browser: Browser, address: str, log: ComparedLog) -> None:
    found = log.contributions
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, log, table="latents", token=str(output_tokens(log.run)[WORD]))
        rows = tab.locator(".latents-table tbody tr")
        rows.first.wait_for()
        assert [int(row.get_attribute("data-latent")) for row in rows.all()] == found.latent_N.tolist()
        for place in (0, 1, found.n_checked, found.latent_N.size - 1):
            cells = rows.nth(place).locator("td").all_inner_texts()
            shown = float(cells[2].strip().replace("−", "-"))
            assert shown == pytest.approx(found.contribution_N[place], rel=0.05, abs=0.006)
            assert (cells[3].strip() == "–") == (place >= found.n_checked)
        rows.nth(3).locator("button.name").press("Enter")
        tab.get_by_role("button", name="Steer this").press("Enter")
        expect(tab.locator(".basket-item")).to_have_attribute("data-latents", str(found.latent_N[3]))
        tab.get_by_label("Word of the answer").select_option(str(WORD + 1))
        tab.get_by_text("Not asked yet").wait_for()


def test_a_results_spec_is_shown_and_used(browser: Browser, address: str, log: ComparedLog) -> None:
    from tb_visualscratchpad.exporter.steering import SteeringSpec

    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, log)
        tab.get_by_role("button", name="Its spec").click()
        text = tab.get_by_label("Steering spec", exact=True).and_(tab.locator("textarea")).input_value()
        assert SteeringSpec.from_json(text) == SteeringSpec.from_json(log.result.steering)
        tab.get_by_role("button", name="Use this spec").click()
        expect(tab.locator(".basket-item")).to_have_attribute("data-latents", "3")
        expect(tab.get_by_label("Value for latent 3")).to_have_value("0")


def test_without_a_worker_everything_says_how_to_get_one(browser: Browser, address: str, log: ComparedLog) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, log, basket="SET:0:5")
        expect(tab.locator("[data-value=worker]")).to_have_text("no worker")
        for name in ("Run steered answer", re.compile("^Run all")):
            button = tab.get_by_role("button", name=name)
            expect(button).to_be_disabled()
            expect(button).to_have_attribute("title", re.compile("No worker is running"))
        tab.locator("button.worker").click()
        expect(tab.get_by_label("Command that starts a worker")).to_have_value(re.compile(rf"visualscratchpad worker .*--logdir {re.escape(str(log.logdir))}"))


def test_a_run_without_results_and_a_result_that_is_gone_are_told(browser: Browser, address: str, log: ComparedLog) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = open_alone(page, address, log.parameters(id=log.bare.run_id))
        tab.get_by_role("heading", name="No steered run yet: fill the basket").wait_for()
        tab.get_by_text("How much is needed?").wait_for()
        tab.get_by_text("Which cluster carries which word?").wait_for()
        # the other run has results, by kind; one click opens one
        listed = tab.locator(".elsewhere-result")
        assert {"steering_result", "cluster_sweep", "dose_response", "word_contributions"} >= set(listed.evaluate_all("(all) => all.map((one) => one.dataset.kind)"))
        tab.locator(".elsewhere-result[data-kind=word_contributions]").first.click()
        tab.locator(".latents-table").wait_for()
        assert parameter(tab, "id") == log.run.run_id and parameter(tab, "table") == "latents"
        expect(tab.locator(".elsewhere-result")).to_have_count(0)
    with watched_page(browser, expected=("favicon", "404"), viewport=SIZE) as page:
        tab = open_alone(page, address, log.parameters(result="worker%2Fnothing"))
        expect(tab.locator("vs-verdict [role=alert]")).to_contain_text("nothing")
        expect(tab.locator("vs-answers [role=alert]").get_by_role("button", name="Retry")).to_be_visible()
        tab.locator(".sweep-table").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_compare_and_its_dialogs_pass_axe(browser: Browser, address: str, log: ComparedLog, theme: str) -> None:
    def violations(tab: Page) -> list[dict[str, str]]:
        tab.evaluate(AXE.read_text(encoding="utf-8"))
        return [one for one in tab.evaluate(RUN_AXE) if one["impact"] in ("serious", "critical")]

    with watched_page(browser, expected=("favicon",), viewport=SIZE, color_scheme=theme) as page:
        tab = _open(page, address, log, basket="SET:0:5", token=str(output_tokens(log.run)[WORD]))
        tab.locator(".sweep-table").wait_for()
        page.wait_for_function(AT_REST)
        assert violations(tab) == []
        tab.get_by_role("button", name="Run doses").click()
        tab.locator(".dose-setup").wait_for()
        tab.get_by_role("button", name="Latents of a word").click()
        tab.locator(".latents-table").wait_for()
        assert violations(tab) == []
        for name in ("Its spec", "New picture and prompt", "no worker"):
            tab.get_by_role("button", name=name).click()
            tab.get_by_role("dialog").wait_for()
            assert violations(tab) == [], name
            page.keyboard.press("Escape")
            tab.get_by_role("dialog").wait_for(state="hidden")


@pytest.mark.parametrize("width", [1440, 1100, 760, 400])
def test_nothing_leaves_the_window(browser: Browser, address: str, log: ComparedLog, width: int) -> None:
    with watched_page(browser, expected=("favicon",), viewport={"width": width, "height": 900}) as page:
        tab = _open(page, address, log, basket="SET:0:5")
        tab.locator(".sweep-table").wait_for()
        beyond = tab.evaluate(
            """() => [...document.querySelectorAll('.card, .dock button, .dock .run, .card-head .controls')].filter((one) => {
            const { left, right, width } = one.getBoundingClientRect(); return width > 0 && (left < -1 || right > innerWidth + 1); })
            .map((one) => one.outerHTML.slice(0, 120))"""
        )
        assert beyond == []
