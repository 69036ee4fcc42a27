"""A real log of random evidence, a real TensorBoard over it, and the tab in its frame."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from playwright.sync_api import Frame, Page

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import compute_latent_order
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.evidence import DictionaryInfo, Span, VlmRun
from tests.random_evidence import (
    random_decoder_map,
    random_dictionary,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)

START_SECONDS = 60
N_LATENTS = 96


@dataclass(frozen=True)
class WrittenLog:
    """What was logged: three runs (the last one of a dictionary that nothing else is known of) and one dictionary."""

    logdir: Path
    dictionary: DictionaryInfo
    statistics: LatentStatistics
    references: ReferenceImages
    metrics: SaeMetrics
    runs: tuple[VlmRun, ...]

    @property
    def newest(self) -> VlmRun:
        return self.runs[1]


def write_log(logdir: Path) -> WrittenLog:
    dictionary = random_dictionary(4, n_latents=N_LATENTS)
    known = {"dictionary": dictionary, "n_latents": N_LATENTS}
    drawn = (
        random_vlm_run(1, dictionary=dictionary, n_output=7, n_firing=8, created=1_700_000_100.0),
        random_vlm_run(2, dictionary=dictionary, n_output=12, n_firing=8, created=1_700_000_300.0),
        random_vlm_run(3, n_latents=32, n_output=5, created=1_700_000_200.0, picture=False),
    )
    # the drawn order holds some columns only; this is the exporter's
    runs = tuple(replace(run, order=compute_latent_order(run)) for run in drawn)
    log = WrittenLog(
        logdir, dictionary, random_statistics(4, **known), random_references(4, **known), random_metrics(4, dictionary=dictionary), runs
    )
    with ScratchpadWriter(logdir / "sweep") as writer:
        writer.add_latent_statistics(log.statistics)
        writer.add_references(log.references)
        writer.add_decoder_map(random_decoder_map(4, **known))
        writer.add_sae_metrics(log.metrics)
    for number, run in enumerate(runs):
        with ScratchpadWriter(logdir / "answers" / str(number)) as writer:
            writer.add_vlm_run(run)
    return log


def output_tokens(run: VlmRun) -> list[int]:
    return run.tokens.indices(Span.OUTPUT).tolist()


@contextmanager
def tensorboard(logdir: Path | str, *flags: str, cwd: Path | None = None) -> Iterator[str]:
    """The address of a TensorBoard of its own, ending in a slash; it is killed on leaving.

    Raises:
        AssertionError: it ends, or tells no address within a minute; with what it printed.
    """
    with tempfile.TemporaryFile("w+") as output:
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", "0", "--host", "127.0.0.1", "--reload_interval", "1"]
        process = subprocess.Popen(
            [*command, *flags], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            yield _address(process, output)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[bytes], output) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        output.seek(0)
        text = output.read()
        found = re.search(r"at (http://\S+)", text)
        if found:
            return found.group(1).rstrip("/") + "/"
        assert process.poll() is None and time.monotonic() < deadline, f"TensorBoard did not start: {text}"
        time.sleep(0.1)


def open_tab(page: Page, address: str, parameters: str = "") -> Frame:
    """The frame of the tab in TensorBoard, drawn. ``parameters`` is its part of the address, from ``&`` on."""
    page.goto(f"{address}#visualscratchpad{parameters}")
    page.wait_for_selector("iframe", state="attached")
    for _ in range(150):
        frame = next((one for one in page.frames if "plugin_entry" in one.url), None)
        if frame is not None:
            frame.wait_for_selector("vs-app .top-bar")
            return frame
        page.wait_for_timeout(100)
    raise AssertionError(f"TensorBoard shows no plugin: {[one.url for one in page.frames]}")


def open_alone(page: Page, address: str, parameters: str = "") -> Page:
    """The tab without TensorBoard around it, which takes seconds to draw; drawn. ``parameters`` as for ``open_tab``."""
    page.goto("about:blank")  # an address that differs in its fragment alone would not be loaded
    page.goto(f"{address}data/plugin_entry.html?name=visualscratchpad#{parameters.lstrip('&')}")
    page.wait_for_selector("vs-app .top-bar")
    return page


def number(frame: Frame | Page, name: str) -> str:
    """The text of the one figure marked ``data-value=name``."""
    return frame.locator(f"[data-value='{name}']").inner_text()


def parameter(page: Page, key: str) -> str | None:
    """The part of the tab's address that holds ``key``, decoded; None where it is the default."""
    found = re.search(rf"p\.visualscratchpad\.{key}=([^&]*)", page.url)
    return unquote(found.group(1)) if found else None


def chosen_token(frame: Frame | Page) -> int:
    """The token whose chip is pressed."""
    return int(frame.locator(".chip.on").get_attribute("data-token"))
