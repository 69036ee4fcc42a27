"""Steps of a training run: all there whatever TensorBoard samples, in its own dashboards too, after a kill and a restart."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tensorboard.context import RequestContext
from tensorboard.data.provider import RunTagFilter
from torch.utils.tensorboard import SummaryWriter

from tb_visualscratchpad import listing as listing_module
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tests.data_providers import PROVIDERS, LogReader, reading
from tests.evidence_equality import assert_same
from tests.random_evidence import (
    random_decoder_map,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)

IDENTITY = random_metrics(1).dictionary.dictionary_id
STEPS_FOLDER = "plugins/visualscratchpad/steps"
N_STEPS = 200


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return request.param


def statistics_at(step: int) -> LatentStatistics:
    return replace(random_statistics(1 + step % 3), dictionary=random_metrics(1).dictionary, image_set_id=f"at {step}")


def write_steps(writer: ScratchpadWriter, steps: range) -> None:
    """Metrics and statistics of each, references and map of every tenth."""
    for step in steps:
        writer.add_sae_metrics(replace(random_metrics(1), l0=float(step)), step, answers_kept=0.5)
        writer.add_latent_statistics(statistics_at(step), step)
        if step % 10 == 0:
            writer.add_references(replace(random_references(1), image_set_id=f"at {step}"), step)
            writer.add_decoder_map(replace(random_decoder_map(1), seed=step), step)


def scalars_of(reader: LogReader, tag: str) -> dict[int, float]:
    found = reader.context.data_provider.read_scalars(
        RequestContext(), experiment_id="", plugin_name="scalars", downsample=10_000, run_tag_filter=RunTagFilter(tags=(tag,))
    )
    return {datum.step: datum.value for series in found.values() for datum in series[tag]}


def test_two_hundred_steps_are_all_there(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScratchpadWriter(tmp_path / "training") as writer:
        write_steps(writer, range(N_STEPS))
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        # No step costs a question to TensorBoard.
        monkeypatch.setattr(reader.context.data_provider, "read_tensors", lambda *a, **k: pytest.fail("read an event"))
        listing = store.listing("")
        assert listing.problems == ()
        (dictionary,) = listing.dictionaries
        assert dictionary.steps == tuple(range(N_STEPS))
        for step in range(N_STEPS):
            assert store.sae_metrics("", IDENTITY, step).l0 == step
            assert store.latent_statistics("", IDENTITY, step).image_set_id == f"at {step}"
        assert_same(store.latent_statistics("", IDENTITY, 77), statistics_at(77))
        assert_same(store.references("", IDENTITY, 49), replace(random_references(1), image_set_id="at 40"))
        assert_same(store.decoder_map("", IDENTITY, 125), replace(random_decoder_map(1), seed=120))
        assert store.steps_shown("", IDENTITY, 125) == {"statistics": 125, "references": 120, "decoder_map": 120, "metrics": 125}
        assert store.sae_metrics("", IDENTITY).l0 == N_STEPS - 1


def test_tensorboards_own_dashboards_show_the_metrics(provider: str, tmp_path: Path) -> None:
    metrics, statistics = random_metrics(1), random_statistics(1)
    with ScratchpadWriter(tmp_path) as writer:
        for step in (0, 5):
            writer.add_sae_metrics(replace(metrics, fvu=0.25), step, answers_kept=0.75)
            writer.add_latent_statistics(statistics, step)
        writer.add_sae_metrics(replace(metrics, fvu=None), 6)
    with reading(provider, tmp_path) as reader:
        assert scalars_of(reader, "sae/l0") == pytest.approx({0: metrics.l0, 5: metrics.l0, 6: metrics.l0})
        assert scalars_of(reader, "sae/explained_variance") == {0: 0.75, 5: 0.75}
        assert scalars_of(reader, "sae/dead")[6] == metrics.n_dead and scalars_of(reader, "sae/dense")[6] == metrics.n_dense
        assert scalars_of(reader, "sae/answers_kept") == {0: 0.75, 5: 0.75}
        found = reader.context.data_provider.read_tensors(
            RequestContext(), experiment_id="", plugin_name="histograms", downsample=10, run_tag_filter=None
        )
        ((_, tags),) = found.items()
        assert set(tags) == {"sae/log10_frequency", "sae/mean_activation"}
        buckets = tags["sae/log10_frequency"][-1].numpy
        expected = np.log10(statistics.image_frequency_K[statistics.alive_K])
        assert buckets[:, 2].sum() == expected.size
        assert buckets[0, 0] == pytest.approx(expected.min()) and buckets[-1, 1] == pytest.approx(expected.max())


def test_a_second_dictionary_has_curves_of_its_own(tmp_path: Path) -> None:
    other = replace(random_metrics(1), dictionary=replace(random_metrics(1).dictionary, dictionary_id="other-dictionary"))
    with ScratchpadWriter(tmp_path) as writer:
        writer.add_sae_metrics(random_metrics(1), 0)
        writer.add_sae_metrics(replace(other, l0=3.0), 0)
    with reading("python", tmp_path) as reader:
        assert scalars_of(reader, "sae-other-di/l0") == {0: 3.0} and set(scalars_of(reader, "sae/l0")) == {0}


def test_what_has_no_step_is_no_training_run(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        writer.add_sae_metrics(random_metrics(1))
        writer.add_latent_statistics(random_statistics(1))
    assert not (tmp_path / STEPS_FOLDER).exists()
    with reading("python", tmp_path) as reader:
        assert EventStore(reader.context).listing("").dictionaries[0].steps == (0,)


def test_a_summary_writers_log_has_all_steps_and_its_own_curves(provider: str, tmp_path: Path) -> None:
    shared = SummaryWriter(str(tmp_path / "run"))
    writer = ScratchpadWriter(shared)
    for step in range(30):
        shared.add_scalar("loss", 1.0 / (1 + step), step)
        writer.add_sae_metrics(replace(random_metrics(1), l0=float(step)), step)
    shared.close()
    assert len(list((tmp_path / "run").glob("*tfevents*"))) == 1
    with reading(provider, tmp_path) as reader:
        assert len(scalars_of(reader, "loss")) == len(scalars_of(reader, "sae/l0")) == 30
        assert EventStore(reader.context).listing("").dictionaries[0].steps == tuple(range(30))


def test_a_run_taken_up_from_an_earlier_step_goes_on_from_there(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_module, "FRESH_SECONDS", -1.0)
    with ScratchpadWriter(tmp_path) as writer:
        write_steps(writer, range(31))
    with ScratchpadWriter(tmp_path) as writer:
        writer.add_sae_metrics(replace(random_metrics(1), l0=777.0), 20)
        writer.add_latent_statistics(replace(statistics_at(20), image_set_id="anew"), 20)
        writer.add_references(replace(random_references(1), image_set_id="anew"), 20)
        writer.add_decoder_map(replace(random_decoder_map(1), seed=777), 20)
    assert not list((tmp_path / STEPS_FOLDER).glob("*.25.safetensors"))
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        assert listing.dictionaries[0].steps == tuple(range(21)) and listing.problems == ()
        assert store.sae_metrics("", IDENTITY).l0 == 777 and store.sae_metrics("", IDENTITY, 19).l0 == 19
        assert store.latent_statistics("", IDENTITY, 30).image_set_id == "anew"
        assert store.references("", IDENTITY).image_set_id == "anew" and store.references("", IDENTITY, 10).image_set_id == "at 10"
        assert store.decoder_map("", IDENTITY).seed == 777


def test_a_run_taken_up_within_the_same_second_is_read_after_what_it_supersedes(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_module, "FRESH_SECONDS", -1.0)
    with ScratchpadWriter(tmp_path) as writer:
        write_steps(writer, range(11))
    (path,) = tmp_path.glob("*tfevents*")
    parts = path.name.split(".")
    # By its name the killed process of a higher number comes last in this second, and in the next ones.
    parts[-5:-2] = [f"{int(time.time()) + 5:010d}", parts[-4], "4194304"]
    path.rename(path.with_name(".".join(parts)))
    with ScratchpadWriter(tmp_path) as writer:
        write_steps(writer, range(10, 31))
    with reading(provider, tmp_path) as reader:
        listing = EventStore(reader.context).listing("")
        assert listing.problems == () and listing.dictionaries[0].steps == tuple(range(31))


def test_explained_runs_of_a_series_bear_their_steps_and_a_later_process_supersedes(provider: str, tmp_path: Path) -> None:
    drawn = random_vlm_run(1)
    times = iter(range(100))

    def explain(writer: ScratchpadWriter, series: str, step: int) -> None:
        at = next(times)
        writer.add_vlm_run(replace(drawn, run_id=f"run-{at}", name=f"asked (step {step})", series_id=series, created=1000.0 + at), step)

    for directory in ("one", "two"):
        with ScratchpadWriter(tmp_path / directory) as writer:
            for step in (0, 10, 20):
                explain(writer, "cat", step)
                explain(writer, "dog", step)
    with ScratchpadWriter(tmp_path / "one") as writer:
        explain(writer, "cat", 10)
        explain(writer, "cat", 30)
        writer.add_vlm_run(replace(drawn, run_id="alone"))
    with reading(provider, tmp_path) as reader:
        listed = EventStore(reader.context).listing("").vlm_runs
        kept = {(one.run, one.series_id, one.step) for one in listed if not one.superseded}
        both = {("two", series, step) for series in ("cat", "dog") for step in (0, 10, 20)}
        assert kept == both | {("one", "dog", 0), ("one", "dog", 10), ("one", "dog", 20)} | {
            ("one", "cat", 0), ("one", "cat", 10), ("one", "cat", 30), ("one", "", None),
        }
        taken_back = [one for one in listed if one.superseded]
        assert {(one.run, one.series_id, one.step, one.created) for one in taken_back} == {
            ("one", "cat", 10, 1002.0), ("one", "cat", 20, 1004.0),
        }
        assert EventStore(reader.context).vlm_run("", "two", "run-6").series_id == "cat"


def test_a_growing_run_is_followed(provider: str, tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path / "run") as writer, reading(provider, tmp_path) as reader:
        write_steps(writer, range(5))
        reader.reload()
        store = EventStore(reader.context)
        assert store.listing("").dictionaries[0].steps == tuple(range(5))
        write_steps(writer, range(5, 8))
        # The index is ahead of what TensorBoard has read.
        assert store.listing("").dictionaries[0].steps == tuple(range(8))
        assert store.sae_metrics("", IDENTITY).l0 == 7


def test_a_step_whose_sidecar_is_lost_is_told_or_read_from_its_event(provider: str, tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        write_steps(writer, range(3))
    (tmp_path / STEPS_FOLDER / f"latent_statistics.{IDENTITY}.1.safetensors").unlink()
    with reading(provider, tmp_path) as reader:
        assert_same(EventStore(reader.context).latent_statistics("", IDENTITY, 1), statistics_at(1))


def test_a_damaged_index_is_told(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        write_steps(writer, range(3))
    path = tmp_path / STEPS_FOLDER / f"sae_metrics.{IDENTITY}.index"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with reading("python", tmp_path) as reader:
        (problem,) = EventStore(reader.context).listing("").problems
        assert str(path) in problem and "damaged" in problem


@pytest.mark.parametrize("variable", [{"RANK": "1", "WORLD_SIZE": "2"}, {}])
def test_only_rank_zero_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: dict[str, str]) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    with ScratchpadWriter(tmp_path) as writer:
        write_steps(writer, range(1))
    assert bool(list(tmp_path.iterdir())) == (not variable)


CHILD = """
import sys
from pathlib import Path
from tests.test_training_steps import write_steps
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
with ScratchpadWriter(Path(sys.argv[1])) as writer:
    print("begun", flush=True)
    for step in range(int(sys.argv[2]), 100_000):
        write_steps(writer, range(step, step + 1))
        print(step, flush=True)
"""


def killed_after(directory: Path, first: int, n_steps: int, delay: float) -> int:
    """Write steps in another process, kill it that long after it logged some; the last step it said was done."""
    with subprocess.Popen([sys.executable, "-c", CHILD, str(directory), str(first)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "begun\n"
        for _ in range(n_steps):
            child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        done = child.stdout.read().split()
    return int(done[-1]) if done else first + n_steps - 1


@pytest.mark.full
def test_a_run_killed_at_any_of_twenty_moments_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "FRESH_SECONDS", -1.0)
    first, n_back = 0, 2
    for moment in range(20):
        done = killed_after(tmp_path, first, 3, moment * 0.0023)
        with reading(PROVIDERS[moment % 2], tmp_path) as reader:
            store = EventStore(reader.context)
            (dictionary,) = store.listing("").dictionaries
            # What was said to be done is there; what was being written may be.
            assert dictionary.steps in (tuple(range(done + 1)), tuple(range(done + 2)))
            for step in dictionary.steps[-5:]:
                assert store.sae_metrics("", IDENTITY, step).l0 == step
            for step in range(max(0, done - 4), done + 1):
                assert store.latent_statistics("", IDENTITY, step).image_set_id == f"at {step}"
        first = done + 1 - n_back
    with ScratchpadWriter(tmp_path) as writer:
        write_steps(writer, range(first, first + 30))
    with reading("data server", tmp_path) as reader:
        listing = EventStore(reader.context).listing("")
        assert listing.problems == ()
        assert listing.dictionaries[0].steps == tuple(range(first + 30))


def test_what_a_dead_writer_left_half_is_cut_off(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        write_steps(writer, range(2))
    (path,) = tmp_path.glob("*tfevents*")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    parts = path.name.split(".")
    parts[-3] = str(gone.pid)
    dead = path.rename(path.with_name(".".join(parts)))
    whole = dead.stat().st_size
    with open(dead, "ab") as stream:
        stream.write(b"\x40\0\0\0\0\0\0\0half")
    empty = dead.with_name(dead.name.replace("tfevents.", "tfevents.1"))
    empty.write_bytes(b"")
    other_machine = tmp_path / f"events.out.tfevents.1.elsewhere.invalid.{gone.pid}.0.visualscratchpad"
    other_machine.write_bytes(b"half")
    with ScratchpadWriter(tmp_path) as writer:
        write_steps(writer, range(2, 4))
    assert dead.stat().st_size == whole and not empty.exists() and other_machine.read_bytes() == b"half"


RANKED = """
import sys
from datetime import timedelta
from pathlib import Path
import torch.distributed as distributed
from tests.test_training_steps import write_steps
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
folder, rank = Path(sys.argv[1]), int(sys.argv[2])
distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2, timeout=timedelta(seconds=60))
with ScratchpadWriter(folder / f"rank{rank}") as writer:
    write_steps(writer, range(2))
distributed.barrier()
distributed.destroy_process_group()
"""


def test_rank_zero_of_a_process_group_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    ranks = [subprocess.Popen([sys.executable, "-c", RANKED, str(tmp_path), str(rank)]) for rank in range(2)]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    assert len(list((tmp_path / "rank0").glob("*tfevents*"))) == 1
    assert list((tmp_path / "rank1").iterdir()) == []
