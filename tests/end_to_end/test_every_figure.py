"""Every figure that the tab can save, from a log that has all of it: each file opens, is not empty and says what it is of."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import attention_map, compute_latent_order, find_sinks, joint_attention, rank_latents
from tb_visualscratchpad.views.counterparts import between
from tb_visualscratchpad.views.head_maps import head_map
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import DictionaryInfo, VlmRun
from tb_visualscratchpad.wire.head_evidence import HeadAttention
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tests.end_to_end.served_log import open_alone, output_tokens, tensorboard
from tests.random_evidence import (
    random_decoder_map,
    random_dictionary,
    random_metrics,
    random_references,
    random_statistics,
    random_truth_report,
    random_vlm_run,
)
from tests.random_failure_evidence import random_failure_set, random_set_ablation
from tests.random_head_evidence import random_head_attention
from tests.random_match import random_match
from tests.random_sae_check import random_sae_check
from tests.random_steering_evidence import (
    random_cluster_sweep,
    random_dose_response,
    random_steering_result,
    random_word_contributions,
)
from tests.views.dense_loops import patches_in_view
from tests.views.test_sinks import WORDS, planted, with_words
from tests.watched_browser import watched_page

pytestmark = pytest.mark.full

SVG = "{http://www.w3.org/2000/svg}"
NOT_MEANT = re.compile(r"undefined|\bNaN\b|\[object")
"""What a figure says where something is missing that it was made for; the legend of the scatter means what it says."""
STEPS = (0, 40, 80)
N_LATENTS = 64
NAME = "the user’s own name"
AT_ONCE = 8
"""After ten downloads of one page Chromium asks whether there may be more, and here nobody answers."""
SIZE = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class Everything:
    dictionary: DictionaryInfo
    statistics: LatentStatistics
    match: DictionaryMatch
    run: VlmRun
    heads: HeadAttention
    address: str


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    logdir = tmp_path_factory.mktemp("figures")
    dictionary, other = random_dictionary(4, n_latents=N_LATENTS), random_dictionary(5, n_latents=N_LATENTS)
    run = with_words(random_vlm_run(3, n_output=14, grid=6, dictionary=dictionary, n_firing=8), WORDS)
    run = planted(run, [patches_in_view(run, "base")[7], patches_in_view(run, "tiles")[2]], 30.0)
    run = replace(run, order=compute_latent_order(run), name="the first")
    second = random_vlm_run(7, n_output=9, dictionary=dictionary, n_firing=8, created=run.created + 50)
    second = replace(second, picture=run.picture, exact_picture=run.exact_picture, order=compute_latent_order(second), name="the second")
    foreign = replace(random_vlm_run(8, n_output=9, dictionary=other, created=run.created - 50, ordered=False), name="of the other SAE")
    heads = random_head_attention(run, 5)
    statistics = {step: random_statistics(step + 1, dictionary=dictionary) for step in STEPS}
    match = random_match(5, dictionary=dictionary, other=other)
    about = {"dictionary": dictionary, "n_latents": N_LATENTS, "n_original": 14, "original_run_id": run.run_id}
    found = random_failure_set(2, n_items=60, dictionary=dictionary, set_id="ducks")
    with ScratchpadWriter(logdir / "run") as writer:
        for one in (run, second, foreign):
            writer.add_vlm_run(one)
        writer.add_head_attention(heads)
        writer.add_steering_result(random_steering_result(7, **about))
        writer.add_cluster_sweep(random_cluster_sweep(3, n_clusters=7, **about))
        writer.add_dose_response(random_dose_response(3, **about))
        writer.add_word_contributions(random_word_contributions(3, word=4, **about))
        writer.add_failure_set(found)
        writer.add_set_ablation(random_set_ablation(2, of=found))
    with ScratchpadWriter(logdir / "sweep") as writer:
        for step, one in statistics.items():
            writer.add_latent_statistics(one, step)
            writer.add_sae_metrics(random_metrics(step, dictionary=dictionary), step)
        writer.add_references(random_references(4, dictionary=dictionary, n_latents=N_LATENTS), STEPS[-1])
        writer.add_decoder_map(random_decoder_map(4, dictionary=dictionary, n_latents=N_LATENTS), STEPS[-1])
        writer.add_truth_report(random_truth_report(4, dictionary=dictionary))
        writer.add_sae_check(random_sae_check(4, dictionary=dictionary))
        writer.add_latent_statistics(random_statistics(9, dictionary=other))
        writer.add_references(random_references(9, dictionary=other, n_latents=N_LATENTS))
        writer.add_dictionary_match(match)
    with tensorboard(logdir, "--load_fast", "true") as address:
        yield Everything(dictionary, statistics[STEPS[-1]], match, run, heads, address)


def _registered(repository: Path) -> dict[str, bool]:
    """By name of its files, whether the figure can be drawn."""
    found: dict[str, bool] = {}
    for path in (repository / "frontend_static" / "panels" / "export").glob("*_figures.js"):
        for part in re.split(r"@type \{import\('\./description\.js'\)\.Description\}", path.read_text(encoding="utf-8"))[1:]:
            name = re.search(r"\n  name: '([\w-]+)'", part)
            assert name, part[:200]
            found[name.group(1)] = "\n  body: " in part
    return found


def _settled(page: Page) -> None:
    page.wait_for_selector("main .card")
    page.wait_for_timeout(300)
    page.wait_for_function("!document.querySelector('main .state.loading') && !document.querySelector('main [aria-busy=true]')")


def _open(page: Page, logged: Everything, /, **selection: object) -> None:
    chosen = {"dictionary": logged.dictionary.dictionary_id, "run": "run", "id": logged.run.run_id, **selection}
    open_alone(page, logged.address, "".join(f"&p.visualscratchpad.{key}={value}" for key, value in chosen.items()))
    _settled(page)


def _saved(page: Page, button: Locator, folder: Path) -> Path:
    try:
        with page.expect_download() as download:
            button.click()
    except TimeoutError as error:
        told = page.locator(".sheet[open] [role=status], .toast").all_inner_texts()
        raise AssertionError(f"{button.get_attribute('aria-label')}: {told}") from error
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def _save_rows(page: Page, folder: Path) -> list[Path]:
    """All that the sheet offers, in all kinds; the sheet is closed again."""
    found: list[Path] = []
    page.keyboard.press("e")
    page.wait_for_selector(".export-list li")
    buttons = page.locator(".export-list li button:enabled")
    for number in range(buttons.count()):
        if number and number % AT_ONCE == 0:
            page.reload()
            _settled(page)
            page.keyboard.press("e")
        found.append(_saved(page, buttons.nth(number), folder))
    page.keyboard.press("Escape")
    return found


def _table(path: Path) -> tuple[dict[str, object], list[dict[str, str]]]:
    """What the comments of a CSV file say, and its rows."""
    lines = path.read_text(encoding="utf-8").split("\n")
    head = [line for line in lines if line.startswith("# ")]
    about = {key: json.loads(value) for key, value in (line[2:].split(": ", 1) for line in head if not line.startswith("# column "))}
    reader = csv.DictReader(io.StringIO("\n".join(line for line in lines if not line.startswith("# "))), strict=True)
    rows = list(reader)
    assert len([line for line in head if line.startswith("# column ")]) == len(reader.fieldnames or ())
    assert all(None not in row and None not in row.values() for row in rows), path.name
    return about, rows


def _check(path: Path, dictionary: DictionaryInfo) -> None:
    """The file opens, has something in it and names model, SAE and hook."""
    names = (dictionary.vlm_name, dictionary.sae_name, dictionary.hook)
    if path.suffix == ".png":
        image = Image.open(path)
        told = image.text["Description"]
        assert image.text["Title"] and len(image.convert("RGB").getcolors(1 << 24)) > 20, path.name
        assert not NOT_MEANT.search(image.text["Title"] + told), told
    elif path.suffix == ".svg":
        root = ElementTree.parse(path).getroot()
        told = root.findtext(f"{SVG}desc") or ""
        shapes = [one for one in root.iter() if one.tag in {f"{SVG}{kind}" for kind in ("path", "rect", "circle", "image", "line")}]
        texts = "".join("".join(one.itertext()) for one in root.iter(f"{SVG}text"))
        assert len(shapes) > 3 and not NOT_MEANT.search(texts.replace("ring: undefined", "")), (path.name, texts)
    elif path.suffix == ".csv":
        about, rows = _table(path)
        assert rows, path.name
        assert (about["model"], about["sae"], about["hook"]) == names
        return
    else:
        data = json.loads(path.read_text(encoding="utf-8"))
        assert data["rows"] and all(row.keys() == data["columns"].keys() for row in data["rows"]), path.name
        assert tuple(data["about"][key] for key in ("model", "sae", "hook")) == names
        return
    for name in names:
        assert name in told, (path.name, told)


def test_every_registered_figure_is_saved_in_every_kind(browser: Browser, logged: Everything, repository: Path, tmp_path: Path) -> None:
    output = output_tokens(logged.run)
    latent = rank_latents(logged.run, output[0]).rows[0].latent
    alive = np.flatnonzero(logged.statistics.alive_K)
    several = {"latents": ".".join(map(str, alive[:4])), "workspace": "dictionary"}
    scenes: dict[str, dict[str, object]] = {
        "run": {"token": output[0], "latent": latent},
        "words": {"token": output[0], "tokens": f"{output[0]}.{output[2]}", "sinks": "out", "scale": "common", "overlay": "heat", "doubt": output[2]},
        "head": {"token": output[0], "head": "0.1"},
        "latent": {"token": output[0], "latent": latent, "source": "latent"},
        "dictionary": several,
        "lists": {**several, "mapAs": "list", "gallery": "pictures", "hideDense": 1},
        "training": {**several, "over": "training"},
        "answers": {"workspace": "compare"},
        "carried": {"workspace": "compare", "table": "latents", "token": output[4]},
        "failures": {"workspace": "compare", "page": "failures", "latent": 1},
        "runs": {"workspace": "compare", "page": "runs"},
        "runs of two": {"workspace": "compare", "page": "runs", "other": "run/run-8", "overlay": "off"},
        "latent of both": {"workspace": "compare", "page": "runs", "latent": latent, "source": "latent", "pairScale": "own"},
        "dictionaries": {"workspace": "compare", "page": "dictionaries", "latent": int(alive[0]), "matched": "close"},
    }
    saved: list[Path] = []
    with watched_page(browser, ours="visualscratchpad", expected=("favicon",), viewport=SIZE) as page:
        for scene, selection in scenes.items():
            folder = tmp_path / scene
            folder.mkdir()
            _open(page, logged, **selection)
            if scene == "run":
                page.evaluate("([latent, name]) => document.querySelector('vs-app').store.notes.set(latent, { name })", [latent, NAME])
            saved += _save_rows(page, folder)
        _open(page, logged, token=output[0], head="0.1")
        page.keyboard.press("h")
        page.wait_for_selector("vs-head-grid canvas")
        page.wait_for_selector(".head-side vs-picture canvas")
        for kind in ("PNG", "SVG", "CSV", "JSON"):
            saved.append(_saved(page, page.locator("vs-heads vs-export-row").get_by_role("button", name=kind, exact=True), tmp_path))
    for path in saved:
        _check(path, logged.dictionary)
    registered = _registered(repository)
    by_kind = {kind: {path.name.split("_")[0] for path in saved if path.suffix == f".{kind}"} for kind in ("png", "svg", "csv", "json")}
    assert by_kind["csv"] == by_kind["json"] == registered.keys()
    assert by_kind["png"] == by_kind["svg"] == {name for name, drawn in registered.items() if drawn}


def test_attention_is_saved_as_it_is_shown(browser: Browser, logged: Everything, tmp_path: Path) -> None:
    run, output = logged.run, output_tokens(logged.run)
    first, other = output[0], output[2]
    sinks = find_sinks(run).sink_P
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:

        def data(**selection: object) -> tuple[dict, np.ndarray]:
            _open(page, logged, **selection)
            page.keyboard.press("e")
            path = _saved(page, page.locator(".export-list li").filter(has_text="on the picture").get_by_role("button", name="JSON"), tmp_path)
            found = json.loads(path.read_text(encoding="utf-8"))
            return found, np.array([row.get("attention") for row in found["rows"]], dtype=np.float32)

        found, seen = data(token=first, tokens=f"{first}.{other}")
        assert np.allclose(seen, joint_attention(run, [first, other]).attention_P, rtol=1e-6)
        assert found["about"]["word_indices"] == [first, other] and "word" not in found["about"]
        for token in (first, other):
            assert np.allclose([row[f"attention_of_{token}"] for row in found["rows"]], attention_map(run, token).attention_P, rtol=1e-6)
        assert [row["is_sink"] for row in found["rows"]] == sinks.tolist()

        found, seen = data(token=first, sinks="out")
        assert np.allclose(seen, np.where(sinks, 0, attention_map(run, first).attention_P), rtol=1e-6)
        assert "sinks left out of attention and C" in found["about"]["settings"]

        layer, head = logged.heads.layers[0], 1
        found, seen = data(token=first, tokens=f"{first}.{other}", head=f"{layer}.{head}")
        assert found["about"]["word_index"] == first and "word_indices" not in found["about"]  # a head is shown of one word
        assert np.allclose(seen, head_map(run, logged.heads, first - 1, layer, head).attention_P, rtol=1e-6)
        assert f"layer {layer}, head {head} alone, as a worker recorded it" in found["about"]["settings"]


def test_given_names_and_hidden_latents_are_told(browser: Browser, logged: Everything, tmp_path: Path) -> None:
    statistics = logged.statistics
    cut = 0.3
    dense = np.flatnonzero(statistics.alive_K & (statistics.image_frequency_K > np.float32(cut)))
    expected = [latent for latent in between(logged.match, statistics, -1, 0.7).tolist() if latent not in dense]
    assert dense.size and expected
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        _open(page, logged, workspace="compare", page="dictionaries", hideDense=1, dense=cut)
        rows = page.locator("vs-dictionary-latents tbody tr")
        expect(rows).to_have_count(len(expected))
        assert [int(row.get_attribute("data-latent")) for row in rows.all()] == expected
        page.evaluate("([latent, name]) => document.querySelector('vs-app').store.notes.set(latent, { name })", [expected[0], NAME])
        page.keyboard.press("e")
        row = page.locator(".export-list li", has_text="Latents of A")
        about, table = _table(_saved(page, row.get_by_role("button", name="CSV"), tmp_path))
        assert [int(one["latent"]) for one in table] == expected
        assert table[0]["given_name"] == NAME and not any(one["given_name"] for one in table[1:])
        assert about["dense_hidden"] == {"n": dense.size, "over": cut}
        told = Image.open(_saved(page, row.get_by_role("button", name="PNG"), tmp_path)).text["Description"]
        assert f"Dense latents hidden: {dense.size} of the dictionary’s, which fire in over 30 % of pictures." in told
        svg = _saved(page, row.get_by_role("button", name="SVG"), tmp_path).read_text(encoding="utf-8")
        assert NAME in svg

        _open(page, logged, workspace="compare", page="runs", hideDense=1, dense=cut)
        page.wait_for_selector("vs-pair-latents tbody tr")
        shown = [int(one.get_attribute("data-latent")) for one in page.locator("vs-pair-latents tbody tr").all()]
        assert shown and not set(shown) & set(dense.tolist())


def test_a_picture_is_copied(browser: Browser, logged: Everything, tmp_path: Path) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE, permissions=["clipboard-read", "clipboard-write"]) as page:
        _open(page, logged, token=output_tokens(logged.run)[0])
        page.locator("vs-ranking .export").click()
        page.get_by_role("menuitem", name="Copy picture").click()
        expect(page.locator(".toast")).to_contain_text("Copied the picture of “Latents of")
        copied = page.evaluate(
            """async () => {
                const [item] = await navigator.clipboard.read();
                const picture = await createImageBitmap(await item.getType('image/png'));
                return [item.types, picture.width, picture.height];
            }"""
        )
        page.locator("vs-ranking .export").click()
        saved = Image.open(_saved(page, page.get_by_role("menuitem", name="PNG"), tmp_path))
        assert copied == [["image/png"], *saved.size]
