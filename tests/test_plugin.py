"""The plugin as TensorBoard runs it: a log directory, a data provider, the real event store, the whole WSGI application."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend import application
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins import base_plugin
from werkzeug.test import Client

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.plugin import STATIC_FOLDER, VisualScratchpadPlugin
from tb_visualscratchpad.views import attention_map, compute_latent_order, latent_attribution, rank_latents
from tb_visualscratchpad.views.matrix import matrix_with_columns
from tb_visualscratchpad.views.means import latent_means
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tests.handlers.held_evidence import sentence, unpack
from tests.random_evidence import (
    random_decoder_map,
    random_dictionary,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)
from tests.random_failure_evidence import random_failure_set, random_set_ablation
from tests.random_steering_evidence import (
    random_cluster_sweep,
    random_dose_response,
    random_steering_result,
    random_word_contributions,
)

DATA = "/data/plugin/visualscratchpad"
DICTIONARY = random_dictionary(5)
STATISTICS = random_statistics(5, dictionary=DICTIONARY)
REFERENCES = random_references(5, dictionary=DICTIONARY)
FAILURES = random_failure_set(5, dictionary=DICTIONARY)


@pytest.fixture(scope="module")
def run() -> VlmRun:
    run = random_vlm_run(5, dictionary=DICTIONARY, ordered=False)
    return replace(run, order=compute_latent_order(run))


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory, run: VlmRun) -> Path:
    logdir = tmp_path_factory.mktemp("logs")
    with ScratchpadWriter(logdir / "cats" / "one") as writer:
        writer.add_vlm_run(run)
    with ScratchpadWriter(logdir / "worker") as writer:
        writer.add_steering_result(random_steering_result(5, dictionary=DICTIONARY, original_run_id=run.run_id))
        writer.add_cluster_sweep(random_cluster_sweep(5, dictionary=DICTIONARY))
        writer.add_dose_response(random_dose_response(5, dictionary=DICTIONARY))
        writer.add_word_contributions(random_word_contributions(5, dictionary=DICTIONARY))
        writer.add_set_ablation(random_set_ablation(5, of=FAILURES))
    with ScratchpadWriter(logdir / "failures") as writer:
        writer.add_failure_set(FAILURES)
    with ScratchpadWriter(logdir / "statistics") as writer:
        writer.add_latent_statistics(STATISTICS)
        writer.add_references(REFERENCES)
        writer.add_decoder_map(random_decoder_map(5, dictionary=DICTIONARY))
        writer.add_sae_metrics(random_metrics(5, dictionary=DICTIONARY))
    return logdir


def serve(logdir: Path, *, host: str | None = None, bind_all: bool = False, path_prefix: str = "") -> Client:
    multiplexer = EventMultiplexer(tensor_size_guidance={"tensors": 0})
    multiplexer.AddRunsFromDirectory(str(logdir))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(logdir))
    flags = Namespace(host=host, bind_all=bind_all, path_prefix=path_prefix, generic_data="auto")
    context = base_plugin.TBContext(
        data_provider=provider, logdir=str(logdir), multiplexer=multiplexer, flags=flags
    )
    plugin = VisualScratchpadPlugin(context)
    return Client(application.TensorBoardWSGI([plugin], path_prefix=path_prefix, data_provider=provider))


@pytest.fixture(scope="module")
def client(logdir: Path) -> Iterator[Client]:
    yield serve(logdir)


def names(run: VlmRun, **more: object) -> dict[str, str]:
    return {"run": "cats/one", "id": run.run_id} | {name: str(value) for name, value in more.items()}


def test_listing(client: Client, run: VlmRun) -> None:
    found = client.get(f"{DATA}/listing").json
    (entry,) = found["vlm_runs"]
    assert (entry["run"], entry["id"], entry["n_output_tokens"]) == ("cats/one", run.run_id, 6)
    (dictionary,) = found["dictionaries"]
    assert dictionary["id"] == DICTIONARY.dictionary_id == entry["dictionary_id"]
    assert all(dictionary[has] for has in ("has_statistics", "has_references", "has_decoder_map", "has_metrics"))
    assert found["problems"] == [] and found["warnings"] == []


def test_every_endpoint_tells_what_the_views_tell(client: Client, run: VlmRun) -> None:
    token = int(run.tokens.indices(Span.OUTPUT)[2])

    def get(route: str, **arguments: object) -> object:
        return client.get(f"{DATA}/{route}", query_string=names(run, **arguments))

    described = get("vlm_run").json
    assert described["has_statistics"] and described["has_layers"] and described["output_text"] == run.output_text
    assert get("picture").data == run.picture.data
    _, patches = unpack(get("patches"))
    np.testing.assert_array_equal(patches["box"], run.image_tokens.patch_box_P4)

    for layers, chosen in (("all", None), ("0,2", [0, 2])):
        header, arrays = unpack(get("attention", token=token, layers=layers))
        expected = attention_map(run, token, layers=chosen)
        np.testing.assert_allclose(arrays["attention"], expected.attention_P, rtol=1e-6)
        assert header["mass_on_picture"] == pytest.approx(expected.mass_on_picture, rel=1e-6)
    masses = get("attention_masses").json
    assert masses["mass"][masses["index"].index(token)] == pytest.approx(attention_map(run, token).mass_on_picture)

    header, arrays = unpack(get("token_latent_matrix", max_frequency=0.4))
    keep = STATISTICS.image_frequency_K[run.order.latent_C] <= 0.4
    expected = matrix_with_columns(latent_means(run), run.order.latent_C[keep])
    np.testing.assert_array_equal(arrays["latent"], run.order.latent_C[keep])
    np.testing.assert_allclose(arrays["value"], expected.normalised_TC, rtol=1e-5)
    assert header["clustered"]

    ranking = get("latent_ranking", token=token).json
    expected = rank_latents(run, token)
    assert [row["latent"] for row in ranking["rows"]] == [row.latent for row in expected.rows]
    best = expected.rows[0].latent
    assert get("latent", latent=best).json["plain"] == pytest.approx(expected.rows[0].plain)
    _, arrays = unpack(get("latent_attribution", latent=best))
    np.testing.assert_array_equal(arrays["value"], latent_attribution(run, best).value_P)


def test_dictionary_endpoints(client: Client) -> None:
    identity = {"id": DICTIONARY.dictionary_id}
    found = client.get(f"{DATA}/dictionary", query_string=identity).json
    assert found["info"]["name"] == DICTIONARY.name and found["steps"] == [0] and found["problems"] == []
    assert found["metrics"] and found["statistics"] and found["decoder_map"]
    _, arrays = unpack(client.get(f"{DATA}/dictionary_statistics", query_string=identity))
    np.testing.assert_array_equal(arrays["image_frequency"], STATISTICS.image_frequency_K.astype(np.float32))
    _, arrays = unpack(client.get(f"{DATA}/decoder_map", query_string=identity))
    assert arrays["xy"].shape == (64, 2)
    latent = int(np.flatnonzero(REFERENCES.image_KR[:, 0] >= 0)[0])
    query = {"dictionary": DICTIONARY.dictionary_id, "latent": str(latent)}
    references = client.get(f"{DATA}/references", query_string=query).json["references"]
    assert [one["image"] for one in references] == [i for i in REFERENCES.image_KR[latent].tolist() if i >= 0]
    query = {"dictionary": DICTIONARY.dictionary_id, "image": str(references[0]["image"])}
    picture = client.get(f"{DATA}/reference_picture", query_string=query)
    assert picture.data == REFERENCES.pictures[references[0]["image"]].data


def test_outcomes_are_listed_and_told(client: Client, run: VlmRun) -> None:
    listed = {one["kind"]: one for one in client.get(f"{DATA}/listing").json["outcomes"]}
    assert set(listed) == {"steering_result", "cluster_sweep", "dose_response", "word_contributions", "set_ablation"}
    assert listed["steering_result"]["original_run_id"] == run.run_id
    told = {
        kind: client.get(f"{DATA}/{kind}", query_string={"run": one["run"], "id": one["id"]}).json for kind, one in listed.items()
    }
    for kind, one in listed.items():
        assert (told[kind]["id"], told[kind]["name"], told[kind]["run"]) == (one["id"], one["name"], "worker")
    assert len(told["steering_result"]["answers"]) == 8 and len(told["cluster_sweep"]["clusters"]) == 5
    assert len(told["dose_response"]["words"]) == 3
    # Labels come from the statistics that another run directory holds.
    label = STATISTICS.top_label_K[told["word_contributions"]["rows"][0]["latent"]]
    assert told["word_contributions"]["rows"][0]["label"] == (STATISTICS.label_names[label] if label >= 0 else None)


def test_a_failure_set_is_listed_and_told(client: Client) -> None:
    (listed,) = client.get(f"{DATA}/listing").json["failure_sets"]
    query = {"run": listed["run"], "id": listed["id"]}
    told = client.get(f"{DATA}/failure_set", query_string=query).json
    assert (told["run"], told["id"], len(told["items"])) == ("failures", FAILURES.set_id, 40)
    latents = client.get(f"{DATA}/failure_latents", query_string={**query, "part": "half"}).json
    assert latents["rows"][0]["latent"] < 4 and latents["n_wrong"] + latents["n_right"] == 20
    latent = client.get(f"{DATA}/failure_latent", query_string={**query, "latent": 1}).json
    assert len(latent["values"]) == 40
    assert client.get(f"{DATA}/failure_picture", query_string={**query, "item": 2}).data == FAILURES.thumbnails[2].data


def test_what_is_not_there_gets_a_sentence(client: Client, run: VlmRun) -> None:
    for route, query in (
        ("vlm_run", {"run": "cats/one", "id": "none"}),
        ("vlm_run", {"run": "../cats", "id": run.run_id + "x"}),
        ("dictionary", {"id": "none"}),
        ("dictionary_statistics", {"id": "none"}),
        ("references", {"dictionary": "none", "latent": "0"}),
    ):
        sentence(client.get(f"{DATA}/{route}", query_string=query), 404)


def test_an_empty_log_directory_is_listed(tmp_path: Path) -> None:
    found = serve(tmp_path).get(f"{DATA}/listing").json
    assert found["vlm_runs"] == [] and found["dictionaries"] == [] and found["problems"] == []


def test_under_a_path_prefix(logdir: Path, run: VlmRun) -> None:
    client = serve(logdir, path_prefix="/deep/tb")
    assert client.get(f"/deep/tb{DATA}/listing").json["vlm_runs"][0]["id"] == run.run_id
    assert client.get(f"/deep/tb{DATA}/picture", query_string=names(run)).data == run.picture.data
    script = next(STATIC_FOLDER.resolve().glob("*.js"))
    assert client.get(f"/deep/tb{DATA}/static/{script.name}").data == script.read_bytes()


def test_foreign_hosts_and_other_methods_are_refused(logdir: Path, run: VlmRun) -> None:
    local, open_to_all = serve(logdir), serve(logdir, bind_all=True)
    plugin = VisualScratchpadPlugin(base_plugin.TBContext(data_provider=None, logdir=str(logdir), flags=None))
    for route in plugin.get_plugin_apps():
        address = DATA + route.replace("*", "index.js")
        if route.startswith(("/jobs/", "/notes/")):
            assert "use POST" in sentence(local.get(address), 405)
            assert "evil.example" in sentence(local.post(address, headers={"Host": "evil.example"}), 403)
            continue
        assert "use GET" in sentence(local.post(address), 405)
        if route.startswith("/static/"):
            continue
        assert "evil.example" in sentence(local.get(address, headers={"Host": "evil.example"}), 403)
        assert "evil.example" in sentence(open_to_all.get(address, headers={"Host": "evil.example"}), 403)
    address = f"{DATA}/listing"
    assert local.get(address, headers={"Host": "10.1.2.3:6006"}).status_code == 403
    answer = open_to_all.get(address, headers={"Host": "10.1.2.3:6006"})
    assert answer.status_code == 200 and "--no-images" in answer.json["warnings"][0]


@pytest.mark.parametrize("name", ["../plugin.py", "../../setup.py", "%2e%2e/plugin.py", "vendor/../../plugin.py", "nothing.js"])
def test_static_files_do_not_leave_their_folder(client: Client, name: str) -> None:
    assert client.get(f"{DATA}/static/{name}").status_code == 404


def test_tensorboard_knows_the_plugin(client: Client, tmp_path: Path) -> None:
    entry = client.get("/data/plugins_listing").json["visualscratchpad"]
    assert entry["tab_name"] == "Visual Scratchpad" and entry["enabled"] is True
    assert entry["loading_mechanism"]["module_path"].endswith("/static/index.js")
    assert serve(tmp_path).get("/data/plugins_listing").json["visualscratchpad"]["enabled"] is False
    page = client.get("/data/plugin_entry.html?name=visualscratchpad")
    assert page.status_code == 200 and b"./static/index.js" in page.data


def test_is_active_asks_nothing() -> None:
    assert VisualScratchpadPlugin(base_plugin.TBContext(data_provider=None, logdir="", flags=None)).is_active() is False


def test_loading_the_plugin_loads_no_torch() -> None:
    code = (
        "import sys, tb_visualscratchpad.plugin\n"
        "heavy = {'torch', 'transformers', 'umap', 'sklearn', 'tb_visualscratchpad.exporter'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=STATIC_FOLDER.parents[1], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_documentation_names_every_route() -> None:
    text = (STATIC_FOLDER.parents[1] / "docs" / "http_api.md").read_text()
    plugin = VisualScratchpadPlugin(base_plugin.TBContext(data_provider=None, logdir="", flags=None))
    missing = [route for route in plugin.get_plugin_apps() if f"`{route.lstrip('/')}" not in text]
    assert missing == []
