"""The whole way with the demo's model: a word's cluster is taken away from the heatmap, and what is left is found again later."""

from __future__ import annotations

import base64
import io
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tb_visualscratchpad.exporter.demo.case_studies.choice import cluster_of_word
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.failures import duck_items
from tb_visualscratchpad.exporter.demo.questions import LIST
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter, new_run_directory
from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.failure_set import failure_set
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.vlm import load_vlm
from tb_visualscratchpad.views import count_fates
from tb_visualscratchpad.wire.codecs.envelope import decode_sidecar
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tb_visualscratchpad.wire.sidecar import open_sidecar
from tests.end_to_end.served_log import open_tab, tensorboard
from tests.end_to_end.worker_process import Worker
from tests.watched_browser import watched_page

pytestmark = pytest.mark.full

SEED = 940_002
GONE, STAYS = "cat", "tree"
SIZE = {"width": 1440, "height": 900}
SLOW_MS = 120_000
PICTURE_SIDE = 256
OURS = {"ours": "visualscratchpad", "viewport": SIZE}


@dataclass(frozen=True)
class Served:
    address: str
    run: VlmRun
    directory: str
    worker: Worker

    def parameters(self, **more: str | int) -> str:
        known = {"run": self.directory, "id": self.run.run_id, **more}
        return "".join(f"&p.visualscratchpad.{key}={value}" for key, value in known.items())

    def word(self, text: str) -> int:
        return next(token.index for token in self.run.tokens if token.span is Span.OUTPUT and token.text.strip() == text)


def picture(seed: int = SEED) -> bytes:
    buffer = io.BytesIO()
    compose(random_scene(seed, objects=(GONE, STAYS)), seed).picture.save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A log of one run, TensorBoard over it, and a worker; with a runtime directory of their own."""
    folder = tmp_path_factory.mktemp("steered")
    logdir, runtime = folder / "logs", folder / "runtime"
    logdir.mkdir()
    runtime.mkdir(mode=0o700)
    scene = compose(random_scene(SEED, objects=(GONE, STAYS)), SEED)
    run = explain(load_vlm("demo", device="cpu"), load_sae("demo"), scene.picture, LIST, max_new_tokens=24, name="two objects")
    assert {GONE, STAYS} <= set(run.output_text.split()), run.output_text
    directory = new_run_directory(logdir, "runs")
    with ScratchpadWriter(directory) as writer:
        writer.add_vlm_run(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        worker = Worker(logdir)
        try:
            worker.start()
            with tensorboard(logdir) as address:
                yield Served(address, run, directory.name, worker)
        finally:
            worker.stop()


def said_in(frame: Frame, row: str) -> list[str]:
    """The words of a row of the raster that its answer has."""
    return frame.evaluate(
        """(row) => [...document.querySelectorAll(`tr[data-row="${row}"] td`)].filter((cell) => !cell.querySelector('del') && cell.childNodes.length)
        .map((cell) => (cell.querySelector('ins') ?? cell.firstElementChild?.previousSibling ?? cell).textContent.trim()).filter(Boolean)""",
        row,
    )


def ablate_from_the_heatmap(page: Page, frame: Frame, run: VlmRun) -> None:
    """A click on the name of the cluster that weighs most on the word."""
    said = [run.tokens[int(index)].text for index in run.tokens.indices(Span.OUTPUT)]
    latents = cluster_of_word(run, said.index(GONE))
    frame.wait_for_selector("vs-matrix canvas", state="attached")
    frame.wait_for_function("document.querySelector('vs-matrix')?.plot?.names.length")
    box = frame.locator("vs-matrix .plot").bounding_box()
    place = frame.evaluate(
        """(latent) => { const { plot } = document.querySelector('vs-matrix'); const cluster = plot.data.cluster[plot.data.latent.indexOf(latent)];
        const name = plot.names.find((one) => one.cluster === cluster); return [(name.x0 + name.x1) / 2, name.y1 - 3]; }""",
        latents[0],
    )
    page.mouse.click(box["x"] + place[0], box["y"] + place[1])
    item = frame.locator(".basket-item")
    expect(item).to_have_count(1)
    assert [int(one) for one in item.get_attribute("data-latents").split(".")] == latents


def ready(frame: Frame) -> None:
    expect(frame.locator("[data-value=worker]")).to_have_text("worker ready", timeout=30_000)


def test_a_cluster_is_ablated_and_the_result_is_found_again_without_the_worker(browser: Browser, served: Served) -> None:
    with watched_page(browser, **OURS) as page:
        frame = open_tab(page, served.address, served.parameters(token=served.word(GONE)))
        ready(frame)
        ablate_from_the_heatmap(page, frame, served.run)
        frame.get_by_role("button", name="Run steered answer").click()
        frame.locator(".dock .job progress").wait_for()
        expect(frame.locator("[data-value=so-far]")).to_contain_text(STAYS, timeout=SLOW_MS)
        frame.locator("[data-value=verdict]").wait_for(timeout=SLOW_MS)
        frame.locator(".raster").first.wait_for()
        steered = said_in(frame, "Steered")
        assert GONE not in steered and STAYS in steered
        assert GONE in said_in(frame, "Reconstruction")
        told = frame.locator("[data-value=verdict]").inner_text()
        assert f"the word {GONE} falls" in told and "leaves the answer" in told, told
        expect(frame.locator(".dock .job")).to_have_count(0)

        page.wait_for_timeout(400)
        page.reload()
        frame = open_tab(page, served.address, page.url.split("#visualscratchpad")[1])
        expect(frame.locator("[data-value=verdict]")).to_have_text(told, timeout=30_000)

    served.worker.stop()
    try:
        with watched_page(browser, **OURS) as page:
            frame = open_tab(page, served.address, served.parameters(workspace="compare"))
            expect(frame.locator("[data-value=verdict]")).to_have_text(told, timeout=30_000)
            frame.locator(".raster").first.wait_for()
            assert said_in(frame, "Steered") == steered
            expect(frame.locator("[data-value=worker]")).to_have_text("no worker")
    finally:
        served.worker.start()


def test_a_job_survives_a_reload_makes_others_wait_and_is_called_off(browser: Browser, served: Served) -> None:
    with watched_page(browser, **OURS) as page, watched_page(browser, **OURS) as other:
        frame = open_tab(page, served.address, served.parameters(workspace="compare"))
        ready(frame)
        frame.get_by_role("button", name="Run all").click()
        expect(frame.locator("[data-value=job-state]")).to_contain_text("clusters", timeout=SLOW_MS)

        second = open_tab(other, served.address, served.parameters(basket="SET%3A0%3A5"))
        expect(second.locator("[data-value=worker]")).to_have_text("worker busy", timeout=30_000)
        expect(second.locator(".dock .job")).to_have_count(0)
        second.locator(".rank-row, .state").first.wait_for()
        second.get_by_role("button", name="Run steered answer").click()
        expect(second.locator("[data-value=job-state]")).to_have_text("waiting, 1 before it", timeout=30_000)

        page.reload()
        frame = open_tab(page, served.address, page.url.split("#visualscratchpad")[1])
        expect(frame.locator("[data-value=job-state]")).to_contain_text("of", timeout=30_000)
        frame.locator(".dock").get_by_role("button", name="Cancel").click()
        expect(frame.locator(".dock .job .said")).to_have_text("cancelled", timeout=SLOW_MS)
        frame.get_by_role("button", name="Dismiss").click()
        expect(frame.locator(".dock .job")).to_have_count(0)
        second.locator("[data-value=verdict]").wait_for(timeout=SLOW_MS)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_job_is_followed_on_when_tensorboard_was_restarted(browser: Browser, served: Served) -> None:
    port = str(free_port())
    with watched_page(browser, expected=("ERR_", "Failed to load", "Failed to fetch"), **OURS) as page:
        with tensorboard(served.worker.logdir, "--port", port) as address:
            frame = open_tab(page, address, served.parameters(workspace="compare"))
            ready(frame)
            frame.get_by_role("button", name=re.compile("^Run all")).click()
            expect(frame.locator("[data-value=job-state]")).to_contain_text("clusters", timeout=SLOW_MS)
        frame.locator(".dock .job", has_text="TensorBoard does not answer").wait_for(timeout=30_000)
        with tensorboard(served.worker.logdir, "--port", port):
            # a TensorBoard that just started lists nothing for a moment, so the tab may have let go of the run
            done = frame.locator(".dock .job").get_by_role("button", name="Open").or_(frame.locator(".sweep-table"))
            done.first.wait_for(timeout=SLOW_MS)
            if not frame.locator(".sweep-table").count():
                frame.locator("vs-verdict, .empty-page").first.wait_for()
                frame.get_by_role("button", name="Open").click()
            frame.locator(".sweep-table tbody tr").first.wait_for(timeout=30_000)


def test_a_box_is_brushed_steered_in_and_erased(browser: Browser, served: Served) -> None:
    with watched_page(browser, **OURS) as page:
        frame = open_tab(page, served.address, served.parameters(token=served.word(GONE), latent=1))
        ready(frame)
        frame.get_by_role("button", name="Draw a box").click()
        area = frame.locator("vs-attention vs-box-brush").bounding_box()
        page.mouse.move(area["x"] + 20, area["y"] + 30)
        page.mouse.down()
        page.mouse.move(area["x"] + 120, area["y"] + 140, steps=4)
        page.mouse.up()
        fields = frame.locator(".box-fields input")
        expect(fields).to_have_count(4)
        scale = PICTURE_SIDE / area["width"]
        found = [int(field.input_value()) for field in fields.all()]
        assert found == pytest.approx([20 * scale, 30 * scale, 120 * scale, 140 * scale], abs=2)
        fields.nth(2).fill("200")
        fields.nth(2).press("Tab")
        page.wait_for_function("decodeURIComponent(location.hash).includes('box=') && location.hash.includes('.200.')")

        frame.get_by_role("button", name="Steer in it").click()
        expect(frame.get_by_label("Where to steer")).to_have_value("box")
        frame.get_by_role("button", name="Blur").click()
        frame.locator("vs-answers .box-mark").wait_for(timeout=SLOW_MS)
        assert "blurred" in frame.locator("[data-value=verdict]").inner_text()
        assert frame.locator("tr[data-row='Other boxes']").count()


def test_doses_and_a_words_latents_are_run_from_compare(browser: Browser, served: Served) -> None:
    with watched_page(browser, **OURS) as page:
        frame = open_tab(page, served.address, served.parameters(token=served.word(GONE)))
        ready(frame)
        ablate_from_the_heatmap(page, frame, served.run)
        page.keyboard.press("3")
        frame.get_by_role("button", name="Run doses").click()
        frame.get_by_label("Doses", exact=True).fill("0, 1")
        frame.locator(".dose-setup").get_by_role("button", name="Run 2 doses").click()
        frame.locator("vs-dose-plot").wait_for(timeout=SLOW_MS)
        plot = frame.locator("vs-dose-plot .plot")
        plot.focus()
        page.keyboard.press("ArrowRight")
        expect(frame.locator("vs-dose-plot .spoken")).to_contain_text("at 0×")

        frame.get_by_role("button", name="Latents of a word").click()
        frame.get_by_role("button", name="Find what carried it").click()
        frame.locator(".latents-table").wait_for(timeout=SLOW_MS)
        assert "Spearman" in frame.locator("[data-value=agreement]").inner_text()
        assert frame.locator(".latents-table tbody tr").count() >= 60


def test_a_failure_set_is_asked_again_called_off_and_shown(browser: Browser, served: Served) -> None:
    vlm, sae = load_vlm("demo", device="cpu"), load_sae("demo")
    found = failure_set(vlm, sae, [item for item in duck_items() if "brick" in item.name], max_new_tokens=16)
    directory = new_run_directory(served.worker.logdir, "failures")
    with ScratchpadWriter(directory) as writer:
        writer.add_failure_set(found)
    latents = np.argsort(-found.used_NK("plain").toarray()[found.wrong_N].mean(axis=0))[:30]
    basket = "SCALE%3A0%3A" + ".".join(map(str, sorted(latents.tolist()))) + "%3Athe%2520wall"
    with watched_page(browser, **OURS) as page:
        frame = open_tab(page, served.address, served.parameters(workspace="compare", page="failures", basket=basket))
        ready(frame)
        button = frame.get_by_role("button", name="Take the basket away")
        expect(button).to_be_enabled(timeout=30_000)
        button.press("Enter")
        expect(frame.locator("[data-value=job-state]")).to_contain_text("of 16", timeout=SLOW_MS)
        frame.get_by_role("button", name="Cancel").click()
        frame.locator(".job.cancelled").wait_for(timeout=SLOW_MS)
        frame.get_by_role("button", name="Dismiss").click()
        ready(frame)
        frame.get_by_role("button", name="Take the basket away").click()
        frame.locator("[data-value=ablation]").wait_for(timeout=SLOW_MS)
        told = re.sub(r"\s+", " ", frame.locator("[data-value=ablation]").inner_text())
        counts = re.search(r"Without 30 latents, on all pictures, which they were chosen on (\d+) of (\d+) wrong answers? (?:is|are) mended", told)
        (logged,) = served.worker.logdir.glob("worker-*/plugins/visualscratchpad/set_ablation.*")
        ablation = decode_sidecar(open_sidecar(logged), "the ablation")
        mended = count_fates(ablation).all.ablated.mended
        assert counts and (int(counts[1]), int(counts[2])) == (mended.n, found.wrong_N.sum()), told
        expect(frame.locator(".dock .job")).to_have_count(0)
        assert "visualscratchpad.ablation=worker-" in page.url


DROP = """(bytes) => { const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], 'dropped.png', { type: 'image/png' }));
    const where = document.querySelector('.workspace');
    where.dispatchEvent(new DragEvent('dragover', { dataTransfer: data, bubbles: true, cancelable: true }));
    where.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); }"""
PASTE = """(bytes) => { const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], 'pasted.png', { type: 'image/png' }));
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })); }"""


@pytest.mark.parametrize("gesture", [DROP, PASTE])
def test_a_new_picture_is_dropped_or_pasted_and_asked_about(browser: Browser, served: Served, gesture: str) -> None:
    seed = SEED + (1 if gesture == DROP else 2)
    with watched_page(browser, **OURS) as page:
        frame = open_tab(page, served.address, served.parameters())
        ready(frame)
        frame.locator(".rank-row").first.wait_for()
        frame.evaluate(gesture, base64.b64encode(picture(seed)).decode())
        dialog = frame.get_by_role("dialog", name="New picture and prompt")
        dialog.wait_for()
        frame.wait_for_function("document.querySelector('vs-sized-picture canvas')?.width > 100")
        dialog.get_by_label("Prompt").fill("")
        dialog.get_by_label("Prompt").fill(LIST)
        dialog.get_by_role("button", name="Ask", exact=True).click()
        dialog.wait_for(state="hidden", timeout=SLOW_MS)
        page.wait_for_function("location.hash.includes('run=worker')")
        answer = " ".join(frame.locator(".chip.output").all_inner_texts()).split()
        assert {GONE, STAYS} & set(answer)
        frame.locator(".rank-row").first.wait_for()
